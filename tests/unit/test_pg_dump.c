/*
 * Tests of logical backups against a server of their own: what is yielded, and that it is whole.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/dumprig.h"

#include <jansson.h>
#include <stdlib.h>

/* ---- what is yielded ---------------------------------------------------------------------- */

static void every_database_is_dumped_with_its_facts(void **state)
{
    (void)state;
    struct dumprig rig;
    dumprig_open(&rig);
    struct dumprig_result *result = dumprig_run(&rig);
    dumprig_expect_success(result);

    assert_true(dumprig_find(result, "cluster")->folder);
    assert_int_equal(dumprig_find(result, "cluster")->mode, 0700);
    assert_true(dumprig_find(result, "databases")->folder);
    const struct dumprig_record *globals = dumprig_find(result, "cluster/globals.sql");
    assert_int_equal(globals->mode, 0600);
    assert_non_null(strstr(globals->data, "CREATE ROLE reader"));

    const struct dumprig_record *shop = dumprig_find(result, "databases/shop.dump");
    assert_string_equal(shop->part, "all");
    assert_string_equal(shop->database, "shop");
    assert_true(dumprig_archive_has(&rig, shop, "TABLE DATA public parent_low"));
    const struct dumprig_record *odd = dumprig_find(result, "databases/o'dd \"na=me\"%0A%2Fx.dump");
    assert_string_equal(odd->database, DUMPRIG_ODD);
    assert_true(dumprig_archive_has(&rig, odd, "TABLE DATA odd."));
    dumprig_result_free(result);
    assert_true(rig.most_open <= 2);
    dumprig_close(&rig);
    dumprig_expect_no_sessions();
}

static void exact_rows_are_those_of_each_table_alone(void **state)
{
    (void)state;
    struct dumprig rig;
    dumprig_open(&rig);
    struct dumprig_result *result = dumprig_run(&rig);
    dumprig_expect_success(result);
    const struct dumprig_record *facts = dumprig_find(result, "databases/shop.json");
    assert_string_equal(facts->part, "facts");
    assert_int_equal(dumprig_rows(facts, "public", "parent_low"), 10);
    assert_int_equal(dumprig_rows(facts, "public", "parent_high"), 20);
    assert_int_equal(dumprig_rows(facts, "public", "parent"), -2);
    assert_int_equal(dumprig_rows(facts, "public", "base"), 3); /* without its heirs */
    assert_int_equal(dumprig_rows(facts, "public", "heir"), 4);
    assert_int_equal(dumprig_rows(facts, "public", "view"), -2);
    facts = dumprig_find(result, "databases/o'dd \"na=me\"%0A%2Fx.json");
    assert_int_equal(dumprig_rows(facts, "odd.\"schema\"", "ta\nble '1'"), 7);
    json_t *json = json_loads(facts->data, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "database")), DUMPRIG_ODD);
    assert_string_equal(json_string_value(json_object_get(json, "row_counts")), "exact");
    assert_string_equal(json_string_value(json_object_get(json, "owner")), "postgres");
    assert_non_null(strchr(json_string_value(json_object_get(json, "lsn")), '/'));
    assert_true(json_integer_value(json_object_get(json, "size")) > 1000000);
    json_decref(json);
    dumprig_result_free(result);
    dumprig_close(&rig);
}

static void estimates_and_no_counts_are_told_apart(void **state)
{
    (void)state;
    static const char *const only[] = {"shop"};
    dumprig_tell("shop", "ANALYZE public.heir");
    for (uint32_t kind = PG_ROWS_ESTIMATE; kind <= PG_ROWS_OFF; kind++) {
        struct dumprig rig;
        dumprig_open(&rig);
        dumprig_only(&rig, only);
        rig.options.row_counts = kind;
        struct dumprig_result *result = dumprig_run(&rig);
        dumprig_expect_success(result);
        const struct dumprig_record *facts = dumprig_find(result, "databases/shop.json");
        assert_int_equal(dumprig_rows(facts, "public", "heir"), kind == PG_ROWS_OFF ? -1 : 4);
        dumprig_result_free(result);
        dumprig_close(&rig);
        if (kind == PG_ROWS_ESTIMATE) {
            kind = PG_ROWS_EXACT;
        }
    }
}

static void names_in_other_encodings_are_escaped_in_facts(void **state)
{
    (void)state;
    static const char *const only[] = {"latin"};
    struct dumprig rig;
    dumprig_tell("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0"
                             " LC_COLLATE 'C' LC_CTYPE 'C'");
    dumprig_tell("latin", "CREATE TABLE U&\"caf\\00e9\" AS SELECT generate_series(1, 5)");
    dumprig_open(&rig);
    dumprig_only(&rig, only);
    struct dumprig_result *result = dumprig_run(&rig);
    dumprig_expect_success(result);
    const struct dumprig_record *facts = dumprig_find(result, "databases/latin.json");
    assert_int_equal(dumprig_rows(facts, "public", "caf\\xe9"), 5);
    const struct dumprig_record *dump = dumprig_find(result, "databases/latin.dump");
    assert_true(dumprig_archive_has(&rig, dump, "TABLE DATA public caf\xe9"));
    dumprig_result_free(result);
    dumprig_close(&rig);
    dumprig_tell("postgres", "DROP DATABASE latin");
}

/* ---- big databases ------------------------------------------------------------------------ */

static void check_split(struct dumprig *rig, const struct dumprig_result *result)
{
    dumprig_expect_success(result);
    assert_true(dumprig_find(result, "databases/big")->folder);
    assert_true(dumprig_find(result, "databases/big/3-tables")->folder);
    const struct dumprig_record *pre = dumprig_find(result, "databases/big/1-pre-data.dump");
    const struct dumprig_record *data = dumprig_find(result, "databases/big/2-data.dump");
    const struct dumprig_record *table =
        dumprig_find(result, "databases/big/3-tables/Odd.Big \"one\".dump");
    const struct dumprig_record *post = dumprig_find(result, "databases/big/4-post-data.dump");
    assert_string_equal(pre->part, "pre-data");
    assert_string_equal(data->part, "data");
    assert_string_equal(table->part, "table");
    assert_string_equal(table->table, "Big \"one\"");
    assert_string_equal(post->part, "post-data");

    assert_true(table->len > 60 << 20);
    assert_true(dumprig_archive_has(rig, table, "TABLE DATA Odd Big \"one\""));
    assert_false(dumprig_archive_has(rig, table, "SEQUENCE SET"));
    assert_false(dumprig_archive_has(rig, table, "BLOB"));
    assert_false(dumprig_archive_has(rig, table, "small"));
    assert_true(dumprig_archive_has(rig, data, "TABLE DATA public small"));
    assert_true(dumprig_archive_has(rig, data, "SEQUENCE SET Odd Big \"one\"_id_seq"));
    assert_true(dumprig_archive_has(rig, data, "BLOBS"));
    assert_false(dumprig_archive_has(rig, data, "TABLE DATA Odd"));
    assert_true(dumprig_archive_has(rig, pre, "TABLE Odd Big \"one\""));
    assert_true(dumprig_archive_has(rig, post, "CONSTRAINT Odd Big \"one\""));
    assert_int_equal(dumprig_rows(dumprig_find(result, "databases/big.json"), "Odd", "Big \"one\""),
                     70000);
}

static void big_tables_get_streams_of_their_own(void **state)
{
    (void)state;
    for (int64_t jobs = 1; jobs <= 4; jobs += 3) {
        struct dumprig rig;
        dumprig_open_split(&rig, jobs);
        struct dumprig_result *result = dumprig_run(&rig);
        check_split(&rig, result);
        assert_true(rig.most_open <= jobs);
        dumprig_result_free(result);
        dumprig_close(&rig);
    }
    dumprig_expect_no_sessions();
}

static void tables_truncated_before_their_turn_fail_the_run(void **state)
{
    (void)state;
    struct dumprig rig;
    struct dumprig_record record;
    struct sme_error err = FRESH_ERROR;
    dumprig_tell("postgres", "CREATE DATABASE victim TEMPLATE big");
    dumprig_open_split(&rig, 1);
    static const char *const only[] = {"victim"};
    dumprig_only(&rig, only);
    dumprig_begin(&rig);
    dumprig_take_until(&rig, &record, "databases/victim/3-tables");
    dumprig_tell("victim", "TRUNCATE \"Odd\".\"Big \"\"one\"\"\"");
    assert_int_equal(dumprig_next(&rig, &record, &err), SME_E_IO);
    assert_non_null(
        strstr(err.message, "of database 'victim' failed: table 'Odd.Big \"one\"' was truncated"));
    assert_true(err.hint[0] != '\0');
    dumprig_close(&rig);
    dumprig_tell("postgres", "DROP DATABASE victim WITH (FORCE)");
}

static void counts_after_a_truncate_are_not_known(void **state)
{
    (void)state;
    static const char *const only[] = {"victim"};
    struct dumprig rig;
    struct dumprig_record record;
    dumprig_tell("postgres", "CREATE DATABASE victim TEMPLATE shop");
    dumprig_open(&rig);
    dumprig_only(&rig, only);
    dumprig_begin(&rig);
    dumprig_take_until(&rig, &record, "databases/victim.dump");
    dumprig_read_all(&record);
    assert_int_equal(record.status, 0);
    assert_true(dumprig_archive_has(&rig, &record, "TABLE DATA public heir"));
    free(record.data);
    dumprig_close_stream(&record);
    dumprig_tell("victim", "TRUNCATE heir; DROP TABLE parent_low");
    dumprig_take_until(&rig, &record, "databases/victim.json");
    dumprig_read_all(&record);
    assert_int_equal(dumprig_rows(&record, "public", "heir"), -1);
    assert_int_equal(dumprig_rows(&record, "public", "parent_low"), -1);
    assert_int_equal(dumprig_rows(&record, "public", "parent_high"), 20);
    free(record.data);
    dumprig_close_stream(&record);
    dumprig_close(&rig);
    dumprig_tell("postgres", "DROP DATABASE victim WITH (FORCE)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_database_is_dumped_with_its_facts),
        cmocka_unit_test(exact_rows_are_those_of_each_table_alone),
        cmocka_unit_test(estimates_and_no_counts_are_told_apart),
        cmocka_unit_test(names_in_other_encodings_are_escaped_in_facts),
        cmocka_unit_test(big_tables_get_streams_of_their_own),
        cmocka_unit_test(tables_truncated_before_their_turn_fail_the_run),
        cmocka_unit_test(counts_after_a_truncate_are_not_known),
    };

    return cmocka_run_group_tests(tests, dumprig_start, dumprig_stop);
}
