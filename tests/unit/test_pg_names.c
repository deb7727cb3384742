/*
 * Names of databases and tables: in paths, in patterns, as people write them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/postgresql/names.h"

#include <stdlib.h>

static void check_path(const char *name, const char *expected)
{
    char *got = names_path(name);

    assert_string_equal(got, expected);
    free(got);
}

static void names_become_parts_of_paths(void **state)
{
    (void)state;
    check_path("shop", "shop");
    check_path("Größe", "Größe");
    check_path("a b='c\"", "a b='c\"");
    check_path("a/b", "a%2Fb");
    check_path("100%", "100%25");
    check_path("new\nline\x7f", "new%0Aline%7F");
    check_path(".hidden", "%2Ehidden");
    check_path("..", "%2E.");
    check_path("a.b", "a.b");
}

static void long_names_stay_apart_and_fit(void **state)
{
    char name[256];

    (void)state;
    memset(name, '/', 255);
    name[255] = '\0';
    char *one = names_path(name);
    name[254] = '?';
    char *other = names_path(name);
    assert_true(strlen(one) < 240 && strlen(other) < 240);
    assert_string_not_equal(one, other);
    assert_int_equal((strlen(one) - strlen("%-00000000")) % strlen("%2F"), 0); /* no half of one */
    free(one);
    free(other);
    for (size_t i = 0; i < 254; i += 2) {
        memcpy(name + i, "ö", 2);
    }
    name[254] = '\0';
    memmove(name + 1, name, 254);
    name[0] = 'x';
    one = names_path(name);
    assert_int_equal((strlen(one) - strlen("x%-00000000")) % 2, 0); /* nor of a character */
    free(one);
}

static void patterns_match_exactly_one_table(void **state)
{
    (void)state;
    char *got = names_pattern("public", "order*s");
    assert_string_equal(got, "\"public\".\"order*s\"");
    free(got);
    got = names_pattern("a\"b", "x.y");
    assert_string_equal(got, "\"a\"\"b\".\"x.y\"");
    free(got);
}

static void wildcards(void **state)
{
    (void)state;
    assert_true(names_match("*", ""));
    assert_true(names_match("shop*", "shop_2026"));
    assert_true(
        names_match("*circular*constraints*", "there are circular foreign-key constraints on x"));
    assert_true(names_match("a?c", "abc"));
    assert_false(names_match("a?c", "ac"));
    assert_false(names_match("shop", "shop2"));
    assert_false(names_match("", "x"));
    assert_true(names_match("*a*b", "aaab"));
    assert_false(names_match("*a*b", "aaabc"));
}

static void check_split(const char *text, const char *schema, const char *table)
{
    struct sme_error err = {.struct_size = sizeof err};
    char *got_schema = NULL;
    char *got_table = NULL;

    if (table == NULL) {
        assert_int_equal(names_split(text, &got_schema, &got_table, &err), SME_E_INVALID);
        assert_null(got_table);
        assert_string_not_equal(err.hint, "");
        return;
    }
    assert_int_equal(names_split(text, &got_schema, &got_table, &err), SME_OK);
    assert_string_equal(got_table, table);
    if (schema == NULL) {
        assert_null(got_schema);
    } else {
        assert_string_equal(got_schema, schema);
    }
    free(got_schema);
    free(got_table);
}

static void tables_are_written_as_in_sql(void **state)
{
    (void)state;
    check_split("orders", NULL, "orders");
    check_split("Orders", NULL, "orders");
    check_split("sales.orders", "sales", "orders");
    check_split("\"Odd \"\"Name\".\"x.y\"", "Odd \"Name", "x.y");
    check_split("a.\"B\"", "a", "B");
    check_split("GRÖSSE", NULL, "grÖsse");
    check_split("", NULL, NULL);
    check_split(".a", NULL, NULL);
    check_split("a.", NULL, NULL);
    check_split("a.b.c", NULL, NULL);
    check_split("\"open", NULL, NULL);
    check_split("\"\"", NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_parts_of_paths),
        cmocka_unit_test(long_names_stay_apart_and_fit),
        cmocka_unit_test(patterns_match_exactly_one_table),
        cmocka_unit_test(wildcards),
        cmocka_unit_test(tables_are_written_as_in_sql),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
