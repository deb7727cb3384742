/*
 * What an archive has of the database itself, out of the script of pg_restore --create.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/postgresql/settings.h"

#include <stdlib.h>

static void expect(const char *script, const char *target, bool no_roles, const char *const *list)
{
    struct sme_error err = {.struct_size = sizeof err};
    struct settings settings;
    size_t count = 0;

    assert_int_equal(settings_parse(script, target, no_roles, &settings, &err), SME_OK);
    for (; list[count] != NULL; count++) {
        assert_true(count < settings.count);
        assert_string_equal(settings.list[count], list[count]);
    }
    assert_int_equal(settings.count, count);
    settings_free(&settings);
}

static const char script[] =
    "--\n-- it's a comment; ALTER DATABASE shop SET a TO 'b';\n--\n"
    "\\restrict 6HmubYK'\n\n"
    "SET statement_timeout = 0;\nSET client_encoding = 'LATIN1';\n"
    "SELECT pg_catalog.set_config('search_path', '', false);\n"
    "CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8';\n\n\n"
    "ALTER DATABASE shop OWNER TO seller;\n"
    "\\connect shop\n"
    "COMMENT ON DATABASE shop IS 'it''s; DATABASE shop\n-- of\n\\two lines';\n"
    "ALTER DATABASE shop SET \"my;thing\" TO E'x;\\\\''\ny';\n"
    "ALTER ROLE \"in DATABASE \"\"x\" IN DATABASE shop SET work_mem TO '3MB';\n"
    "CREATE TABLE public.t (d int);\nCOMMENT ON TABLE public.t IS 'mine';\n"
    "GRANT SELECT ON TABLE public.t TO bob;\n"
    "SET SESSION AUTHORIZATION bob;\n"
    "GRANT CONNECT ON DATABASE shop TO \"bob; x\";\n"
    "RESET SESSION AUTHORIZATION;\n";

static void the_statements_of_the_database_are_found(void **state)
{
    static const char *const all[] = {
        "SET client_encoding = 'LATIN1'",
        "COMMENT ON DATABASE shop IS 'it''s; DATABASE shop\n-- of\n\\two lines'",
        "ALTER DATABASE shop SET \"my;thing\" TO E'x;\\\\''\ny'",
        "ALTER ROLE \"in DATABASE \"\"x\" IN DATABASE shop SET work_mem TO '3MB'",
        "SET SESSION AUTHORIZATION bob",
        "GRANT CONNECT ON DATABASE shop TO \"bob; x\"",
        "RESET SESSION AUTHORIZATION",
        NULL,
    };
    (void)state;

    expect(script, NULL, false, all);
}

static void another_name_takes_the_place(void **state)
{
    static const char *const all[] = {
        "SET client_encoding = 'LATIN1'",
        "COMMENT ON DATABASE \"a \"\"b\" IS 'it''s; DATABASE shop\n-- of\n\\two lines'",
        "ALTER DATABASE \"a \"\"b\" SET \"my;thing\" TO E'x;\\\\''\ny'",
        "SET SESSION AUTHORIZATION bob",
        "GRANT CONNECT ON DATABASE \"a \"\"b\" TO \"bob; x\"",
        "RESET SESSION AUTHORIZATION",
        NULL,
    };
    static const char *const odd[] = {"ALTER DATABASE b SET x TO 1", NULL};
    (void)state;

    expect(script, "\"a \"\"b\"", true, all);
    expect("ALTER DATABASE \"o\"\" DATABASE \"\"\" SET x TO 1;", "b", false, odd);
}

/* Nothing that is cut off makes it read on behind the end. */
static void what_is_cut_off_is_no_trouble(void **state)
{
    struct sme_error err = {.struct_size = sizeof err};
    struct settings settings;
    (void)state;

    for (size_t len = 0; len < sizeof script; len++) {
        char *exact = strndup(script, len);
        assert_non_null(exact);
        assert_int_equal(settings_parse(exact, "x", false, &settings, &err), SME_OK);
        assert_true(settings.count <= 7);
        for (size_t i = 0; i < settings.count; i++) {
            assert_true(settings_shown(settings.list[i]) <= strlen(settings.list[i]));
        }
        settings_free(&settings);
        free(exact);
    }
}

static void values_are_not_shown(void **state)
{
    static const struct {
        const char *statement, *shown;
    } cases[] = {
        {"ALTER DATABASE shop SET my.key TO secret", "ALTER DATABASE shop SET my.key"},
        {"ALTER DATABASE \"a TO b\" SET k TO s", "ALTER DATABASE \"a TO b\" SET k"},
        {"COMMENT ON DATABASE shop IS 'secret'", "COMMENT ON DATABASE shop"},
        {"ALTER DATABASE shop CONNECTION LIMIT = 7", "ALTER DATABASE shop CONNECTION LIMIT"},
        {"ALTER ROLE x IN DATABASE shop SET k = 's'", "ALTER ROLE x IN DATABASE shop SET k"},
        {"RESET SESSION AUTHORIZATION", "RESET SESSION AUTHORIZATION"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(settings_shown(cases[i].statement), strlen(cases[i].shown));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_statements_of_the_database_are_found),
        cmocka_unit_test(another_name_takes_the_place),
        cmocka_unit_test(what_is_cut_off_is_no_trouble),
        cmocka_unit_test(values_are_not_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
