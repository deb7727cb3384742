/*
 * What of an archive belongs to a table, by what pg_restore tells of it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/postgresql/toc.h"

#include <stdlib.h>

#define FRESH_ERROR ((struct sme_error){.struct_size = sizeof(struct sme_error)})

/* Number, what it depends on, type, schema, name, definition; data has none. */
struct row {
    int id;
    const char *depends;
    const char *type, *schema, *name, *body;
};

static const struct row shop[] = {
    {6, "", "SCHEMA", "-", "crm", "CREATE SCHEMA crm;"},
    {217, "", "TABLE", "public", "orders", "CREATE TABLE public.orders (id integer);"},
    {218, "", "TABLE", "public", "orders old", "CREATE TABLE public.\"orders old\" (id integer);"},
    {219, "", "TABLE", "crm", "people", "CREATE TABLE crm.people (id integer);"},
    {220, "", "TABLE", "public", "people", "CREATE TABLE public.people (id integer);"},
    {240, "", "TABLE", "public", "ev", "CREATE TABLE public.ev (d int) PARTITION BY RANGE (d);"},
    {241, " 240", "TABLE", "public", "ev_1", "CREATE TABLE public.ev_1 (d int);"},
    {242, "", "FUNCTION", "public", "f()",
     "CREATE FUNCTION f() AS '\n--\n-- TOC entry 217 (class 1 OID 2)\n"
     "-- Name: people; Type: TABLE; Schema: crm; Owner: x\n--\n';"},
    {300, " 217", "COMMENT", "public", "COLUMN orders.id", "COMMENT ON COLUMN ..."},
    {301, " 218", "COMMENT", "public", "TABLE orders old", "COMMENT ON TABLE ..."},
    {302, " 217", "ACL", "public", "TABLE orders", "GRANT ..."},
    {216, " 217", "SEQUENCE", "public", "orders_id_seq", "CREATE SEQUENCE public.orders_id_seq;"},
    {303, " 216", "SEQUENCE OWNED BY", "public", "orders_id_seq", "ALTER SEQUENCE ..."},
    {304, " 217", "VIEW", "public", "v", "CREATE VIEW public.v AS SELECT * FROM public.orders;"},
    {305, " 241 240", "TABLE ATTACH", "public", "ev_1", "ALTER TABLE ONLY public.ev ATTACH ..."},
    {306, " 216 217", "DEFAULT", "public", "orders id",
     "ALTER TABLE ONLY public.orders ALTER COLUMN id SET DEFAULT 1;"},
    {400, " 217", "TABLE DATA", "public", "orders", NULL},
    {401, " 218", "TABLE DATA", "public", "orders old", NULL},
    {402, " 216", "SEQUENCE SET", "public", "orders_id_seq", NULL},
    {403, " 241", "TABLE DATA", "public", "ev_1", NULL},
};

/* As an archive of its own has them: what is in another one is not named. */
static const struct row post[] = {
    {500, "", "CONSTRAINT", "public", "orders orders_pkey",
     "ALTER TABLE ONLY public.orders\n    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);"},
    {501, "", "CONSTRAINT", "public", "orders old orders_old_pkey",
     "ALTER TABLE ONLY public.\"orders old\"\n    ADD CONSTRAINT x PRIMARY KEY (id);"},
    {502, "", "INDEX", "public", "by_at", "CREATE INDEX by_at ON public.orders USING btree (at);"},
    {503, "", "INDEX", "public", "by_2", "CREATE INDEX by_2 ON public.orders2 USING btree (at);"},
    {504, " 502", "COMMENT", "public", "INDEX by_at", "COMMENT ON INDEX ..."},
    {505, "", "STATISTICS", "public", "st",
     "CREATE STATISTICS public.st ON a, b FROM public.orders;"},
    {506, "", "RULE", "public", "orders r",
     "CREATE RULE r AS\n    ON DELETE TO public.orders DO NOTHING;"},
    {507, "", "TRIGGER", "public", "orders t",
     "CREATE TRIGGER t BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.f();"},
    {508, "", "FK CONSTRAINT", "public", "orders old orders_old_fkey",
     "ALTER TABLE ONLY public.\"orders old\"\n    ADD CONSTRAINT y REFERENCES public.orders(id);"},
    {509, "", "FK CONSTRAINT", "public", "orders orders_fkey",
     "ALTER TABLE ONLY public.orders\n    ADD CONSTRAINT z REFERENCES public.people(id);"},
    {510, "", "ROW SECURITY", "public", "orders", "ALTER TABLE public.orders ENABLE ..."},
    {511, "", "POLICY", "public", "orders p", "CREATE POLICY p ON public.orders USING (true);"},
    {512, "", "INDEX", "public", "ev_d", "CREATE INDEX ev_d ON ONLY public.ev USING btree (d);"},
    {513, " 512", "INDEX", "public", "ev_1_d",
     "CREATE INDEX ev_1_d ON public.ev_1 USING btree (d);"},
    {514, " 513 512", "INDEX ATTACH", "public", "ev_1_d", "ALTER INDEX public.ev_d ATTACH ..."},
};

struct texts {
    char list[8192], script[16384];
    struct toc *toc;
    struct toc_wanted wanted;
};

static void read_rows(struct texts *texts, const struct row *rows, size_t count)
{
    struct sme_error err = FRESH_ERROR;
    size_t list = 0, script = 0;

    memset(texts, 0, sizeof *texts);
    list +=
        (size_t)snprintf(texts->list, sizeof texts->list, ";\n; Archive created at some time\n;\n");
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        list += (size_t)snprintf(texts->list + list, sizeof texts->list - list,
                                 "%d; 1259 16384 %s %s %s me\n", row->id, row->type, row->schema,
                                 row->name);
        if (row->depends[0] != '\0') {
            list += (size_t)snprintf(texts->list + list, sizeof texts->list - list,
                                     ";\tdepends on:%s\n", row->depends);
        }
        if (row->body == NULL) {
            continue;
        }
        script += (size_t)snprintf(texts->script + script, sizeof texts->script - script,
                                   "--\n-- TOC entry %d (class 1 OID 2)\n", row->id);
        if (row->depends[0] != '\0') {
            script += (size_t)snprintf(texts->script + script, sizeof texts->script - script,
                                       "-- Dependencies:%s\n", row->depends);
        }
        script += (size_t)snprintf(texts->script + script, sizeof texts->script - script,
                                   "-- Name: %s; Type: %s; Schema: %s; Owner: me\n--\n\n%s\n\n",
                                   row->name, row->type, row->schema, row->body);
    }
    assert_int_equal(toc_new(texts->list, texts->script, &texts->toc, &err), SME_OK);
}

static void done(struct texts *texts)
{
    toc_free(texts->toc);
    toc_wanted_done(&texts->wanted);
}

/* The numbers that are taken, in their order. */
static void expect_taken(struct texts *texts, const struct toc_wanted *wanted, const char *expected)
{
    struct sme_error err = FRESH_ERROR;
    char *text = NULL, numbers[400] = "";
    size_t count = 0, lines = 0;

    assert_int_equal(toc_select(texts->toc, wanted, &text, &count, &err), SME_OK);
    for (char *at = text; *at != '\0'; at = strchr(at, '\n') + 1, lines++) {
        (void)snprintf(numbers + strlen(numbers), sizeof numbers - strlen(numbers), "%s%ld",
                       lines > 0 ? " " : "", strtol(at, NULL, 10));
    }
    assert_string_equal(numbers, expected);
    assert_int_equal(lines, count);
    free(text);
}

static void find(struct texts *texts, const char *schema, const char *table)
{
    struct sme_error err = FRESH_ERROR;

    if (toc_find(texts->toc, schema, table, &texts->wanted, &err) != SME_OK) {
        fail_msg("%s", err.message);
    }
}

static void a_table_brings_all_that_is_its_own(void **state)
{
    struct texts texts, later;

    (void)state;
    read_rows(&texts, shop, sizeof shop / sizeof *shop);
    read_rows(&later, post, sizeof post / sizeof *post);
    find(&texts, NULL, "orders");
    assert_false(texts.wanted.is_partition);
    expect_taken(&texts, &texts.wanted, "217 300 302 216 303 306 400 402");
    expect_taken(&later, &texts.wanted, "500 502 504 505 506 507 509 510 511");
    done(&texts);
    done(&later);
}

static void names_with_spaces_are_no_riddle(void **state)
{
    struct texts texts, later;

    (void)state;
    read_rows(&texts, shop, sizeof shop / sizeof *shop);
    read_rows(&later, post, sizeof post / sizeof *post);
    find(&texts, NULL, "orders old");
    expect_taken(&texts, &texts.wanted, "218 301 401");
    expect_taken(&later, &texts.wanted, "501 508");
    done(&texts);
    done(&later);
}

static void a_partitioned_table_brings_its_partitions(void **state)
{
    struct texts texts, later;

    (void)state;
    read_rows(&texts, shop, sizeof shop / sizeof *shop);
    read_rows(&later, post, sizeof post / sizeof *post);
    find(&texts, "public", "ev");
    expect_taken(&texts, &texts.wanted, "240 241 305 403");
    expect_taken(&later, &texts.wanted, "512 513 514");
    assert_true(toc_wants_table(&texts.wanted, "public", "ev_1"));
    assert_false(toc_wants_table(&texts.wanted, "public", "orders"));
    done(&texts);
    done(&later);
}

/* Its parent need not be there. */
static void a_partition_comes_back_alone(void **state)
{
    struct texts texts, later;

    (void)state;
    read_rows(&texts, shop, sizeof shop / sizeof *shop);
    read_rows(&later, post, sizeof post / sizeof *post);
    find(&texts, NULL, "ev_1");
    assert_true(texts.wanted.is_partition);
    expect_taken(&texts, &texts.wanted, "241 403");
    expect_taken(&later, &texts.wanted, "513");
    done(&texts);
    done(&later);
}

static void a_schema_comes_along_if_it_is_missing(void **state)
{
    struct texts texts;

    (void)state;
    read_rows(&texts, shop, sizeof shop / sizeof *shop);
    find(&texts, "crm", "people");
    expect_taken(&texts, &texts.wanted, "219");
    texts.wanted.has_schema = false;
    expect_taken(&texts, &texts.wanted, "6 219");
    done(&texts);
}

static void a_name_in_two_schemas_is_asked_back(void **state)
{
    struct sme_error err = FRESH_ERROR;
    struct texts texts;

    (void)state;
    read_rows(&texts, shop, sizeof shop / sizeof *shop);
    assert_int_equal(toc_find(texts.toc, NULL, "people", &texts.wanted, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "'crm' and 'public'"));
    assert_non_null(strstr(err.hint, "--table crm.people"));
    done(&texts);
}

static void a_name_that_is_not_there_shows_the_nearest(void **state)
{
    struct sme_error err = FRESH_ERROR;
    struct texts texts;

    (void)state;
    read_rows(&texts, shop, sizeof shop / sizeof *shop);
    assert_int_equal(toc_find(texts.toc, NULL, "order", &texts.wanted, &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message, "the dump has no table 'order'");
    assert_non_null(strstr(err.hint, "the nearest that it has: 'public.orders'"));
    assert_int_equal(toc_find(texts.toc, "crm", "orders", &texts.wanted, &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message, "the dump has no table 'crm.orders'");
    done(&texts);
}

static void nonsense_is_no_table(void **state)
{
    static const char *const lists[] = {"",
                                        "\n",
                                        ";\tdepends on: 1\n",
                                        "1;",
                                        "-5; 1 2 TABLE a b c",
                                        "99999999999; 1 2 TABLE a b c\n",
                                        "1; x y TABLE a b c\n"};
    struct sme_error err = FRESH_ERROR;
    struct toc *toc = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct toc_wanted wanted = {0};
        char list[100], script[] = "--\n-- TOC entry 1 (class\n-- Name: b; Type: TABLE";
        (void)snprintf(list, sizeof list, "%s", lists[i]);
        assert_int_equal(toc_new(list, script, &toc, &err), SME_OK);
        assert_int_equal(toc_find(toc, NULL, "b", &wanted, &err), SME_E_NOT_FOUND);
        assert_string_equal(err.hint, "it has no tables at all");
        toc_free(toc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_brings_all_that_is_its_own),
        cmocka_unit_test(names_with_spaces_are_no_riddle),
        cmocka_unit_test(a_partitioned_table_brings_its_partitions),
        cmocka_unit_test(a_partition_comes_back_alone),
        cmocka_unit_test(a_schema_comes_along_if_it_is_missing),
        cmocka_unit_test(a_name_in_two_schemas_is_asked_back),
        cmocka_unit_test(a_name_that_is_not_there_shows_the_nearest),
        cmocka_unit_test(nonsense_is_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
