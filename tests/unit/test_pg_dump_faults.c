/*
 * Tests of logical backups against a server of their own: nothing passes that
 * is not whole, and nothing is left behind.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/dumprig.h"

#include <stdlib.h>

/* ---- failures ----------------------------------------------------------------------------- */

static void killed_backends_fail_the_stream(void **state)
{
    (void)state;
    struct dumprig rig;
    struct dumprig_record record;
    char buf[1000];
    dumprig_open_split(&rig, 1);
    rig.options.split_above = 0;
    dumprig_begin(&rig);
    dumprig_take_until(&rig, &record, "databases/big.dump");
    assert_true(dump_read(rig.dump, record.stream, buf, sizeof buf, &record.err) > 0);
    dumprig_tell("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                             " WHERE datname = 'big' AND query LIKE 'COPY %'");
    dumprig_read_all(&record);
    assert_int_equal(record.status, SME_E_UNREACHABLE);
    assert_int_equal(record.err.status, SME_E_UNREACHABLE);
    assert_non_null(strstr(record.err.message, "pg_dump of database 'big' failed: "));
    assert_true(record.err.hint[0] != '\0');
    /* It stays failed. */
    assert_int_equal(dump_read(rig.dump, record.stream, buf, sizeof buf, &record.err),
                     SME_E_UNREACHABLE);
    free(record.data);
    dumprig_close(&rig); /* the stream was not closed */
    dumprig_expect_no_sessions();
}

static void a_killed_server_fails_streams_and_next(void **state)
{
    (void)state;
    struct dumprig rig;
    struct dumprig_record record, other;
    struct sme_error err = FRESH_ERROR;
    char buf[1000];
    dumprig_open_split(&rig, 2);
    dumprig_begin(&rig);
    dumprig_take_until(&rig, &record, "databases/big/3-tables/Odd.Big \"one\".dump");
    assert_true(dump_read(rig.dump, record.stream, buf, sizeof buf, &record.err) > 0);
    pgrig_halt(dumprig_cluster(), true);
    assert_true(dumprig_next(&rig, &other, &err) < 0);
    assert_true(err.message[0] != '\0' && err.hint[0] != '\0');
    dumprig_read_all(&record);
    assert_int_equal(record.status, SME_E_UNREACHABLE);
    free(record.data);
    dumprig_close_stream(&record);
    dumprig_close(&rig);
    pgrig_resume(dumprig_cluster());
    dumprig_expect_no_sessions();
}

/* The status of the first failure with this script as pg_dump. */
static int run_fake(struct dumprig *rig, const char *name, const char *body, struct sme_error *err)
{
    static const char *const only[] = {"shop"};

    dumprig_only(rig, only);
    dumprig_fake_program(rig, name, body);
    struct dumprig_result *result = dumprig_run(rig);
    int status = result->status;
    *err = result->err;
    for (size_t i = 0; status == SME_OK && i < result->count; i++) {
        if (result->items[i].status < 0) {
            status = (int)result->items[i].status;
            *err = result->items[i].err;
        }
    }
    dumprig_result_free(result);
    return status;
}

static void broken_output_never_passes(void **state)
{
    (void)state;
    static const struct {
        const char *program;
        const char *body;
        int status;
        const char *message;
    } cases[] = {
        {"pg_dump", "exit 0", SME_E_CORRUPT, "it is empty"},
        {"pg_dump", "printf PGDMP", SME_E_CORRUPT, "ends within its head"},
        {"pg_dump", "echo 'CREATE TABLE t();'", SME_E_CORRUPT, "does not begin with"},
        {"pg_dump", "\"$REAL\" \"$@\"; exit 3", SME_E_IO,
         "pg_dump of database 'shop' failed: exit status 3"},
        {"pg_dump", "\"$REAL\" \"$@\"; kill -9 $$", SME_E_IO,
         "pg_dump of database 'shop' failed: ended by signal 9"},
        {"pg_dump", "echo 'pg_dump: error: odd' >&2; exit 1", SME_E_IO,
         "pg_dump of database 'shop' failed: pg_dump: error: odd"},
        {"pg_dump", "\"$REAL\" \"$@\"; echo 'pg_dump: warning: odd' >&2", SME_E_IO,
         "pg_dump of database 'shop' failed: pg_dump: warning: odd"},
        {"pg_dump", "echo 'pg_dump: error: permission denied for table t' >&2; exit 1",
         SME_E_DENIED, "permission denied for table t"},
        {"pg_dumpall", "\"$REAL\" \"$@\" | head -n 20", SME_E_IO, "its output has no end"},
        {"pg_dumpall", "exit 0", SME_E_IO, "its output has no end"},
        {"pg_dumpall", "exit 1", SME_E_IO, "pg_dumpall of roles and tablespaces failed"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dumprig rig;
        struct sme_error err = FRESH_ERROR;
        dumprig_open(&rig);
        int status = run_fake(&rig, cases[i].program, cases[i].body, &err);
        if (status != cases[i].status || strstr(err.message, cases[i].message) == NULL) {
            fail_msg("case %zu: status %d, %s", i, status, err.message);
        }
        assert_int_equal(err.status, status);
        assert_true(err.hint[0] != '\0');
        dumprig_close(&rig);
    }
    dumprig_expect_no_sessions();
}

static void accepted_warnings_pass_and_are_logged(void **state)
{
    (void)state;
    static const char two[] = "\"$REAL\" \"$@\"; printf 'warning: one\\nwarning: two\\n' >&2";
    static const char *const one_of_them[] = {"warning: one"};
    static const char *const both[] = {"nothing", "warning: *"};
    struct dumprig rig;
    struct sme_error err = FRESH_ERROR;

    dumprig_open(&rig);
    rig.options.accept_warnings = (struct sme_list){.count = 1, .items = one_of_them};
    assert_int_equal(run_fake(&rig, "pg_dump", two, &err), SME_E_IO);
    assert_non_null(strstr(err.message, "warning: two"));
    dumprig_close(&rig);

    dumprig_open(&rig);
    rig.options.accept_warnings = (struct sme_list){.count = 2, .items = both};
    assert_int_equal(run_fake(&rig, "pg_dump", two, &err), SME_OK);
    assert_true(fakehost_logged(&rig.fake, SME_LOG_INFO, "as accepted: warning: two"));
    dumprig_close(&rig);
}

static void roles_that_cannot_read_a_table_are_denied(void **state)
{
    (void)state;
    static const char *const only[] = {"shop"};
    char conninfo[600];
    struct dumprig rig;
    (void)snprintf(conninfo, sizeof conninfo, "%s user=reader", dumprig_cluster()->info);
    dumprig_open_as(&rig, conninfo);
    dumprig_only(&rig, only);
    struct dumprig_result *result = dumprig_run(&rig);
    assert_int_equal(result->status, SME_E_DENIED);
    assert_non_null(strstr(result->err.message, "pg_dump of database 'shop' failed"));
    assert_non_null(strstr(result->err.message, "permission denied"));
    assert_true(fakehost_logged(&rig.fake, SME_LOG_INFO, "without their passwords"));
    assert_null(strstr(dumprig_find(result, "cluster/globals.sql")->data, "SCRAM-SHA-256"));
    dumprig_result_free(result);
    dumprig_close(&rig);
    dumprig_expect_no_sessions();
}

static void cancelled_runs_stop_while_they_wait(void **state)
{
    (void)state;
    struct dumprig rig;
    struct dumprig_record record;
    struct sme_error err = FRESH_ERROR;
    dumprig_open_split(&rig, 1);
    dumprig_begin(&rig);
    dumprig_take_until(&rig, &record, "databases/big/1-pre-data.dump");
    (void)pthread_mutex_lock(&rig.fake.lock);
    rig.fake.cancel_at = 1;
    (void)pthread_mutex_unlock(&rig.fake.lock);
    struct dumprig_record other;
    assert_int_equal(dumprig_next(&rig, &other, &err), SME_E_CANCELLED);
    dumprig_read_all(&record);
    assert_true(record.status == SME_E_CANCELLED);
    free(record.data);
    dumprig_close_stream(&record);
    dumprig_close(&rig);
    dumprig_expect_no_sessions();
}

static void databases_that_vanish_fail(void **state)
{
    (void)state;
    static const char *const only[] = {"victim"};
    struct dumprig rig;
    struct dumprig_record record;
    struct sme_error err = FRESH_ERROR;
    dumprig_tell("postgres", "CREATE DATABASE victim");
    dumprig_open(&rig);
    dumprig_only(&rig, only);
    dumprig_begin(&rig);
    dumprig_take_until(&rig, &record, "databases");
    dumprig_tell("postgres", "DROP DATABASE victim");
    assert_true(dumprig_next(&rig, &record, &err) < 0);
    assert_non_null(strstr(err.message, "victim"));
    dumprig_close(&rig);
}

/* ---- DDL while a dump begins -------------------------------------------------------------- */

/* Run SQL in the database that is to be dumped, between the snapshot and pg_dump. */
#define BEFORE(sql)                                                                                \
    "for last; do :; done; \"${REAL%/*}/psql\" -X -q \"$last\" -c '" sql "' || exit 9;"
#define ONCE "if mkdir \"$0.once\" 2>/dev/null; then "
#define REAL "fi; exec \"$REAL\" \"$@\""

static void another_snapshot_is_taken_when_ddl_comes_between(void **state)
{
    (void)state;
    static const char *const only[] = {"victim"};
    static const struct {
        const char *script, *told;
        int heir; /* its rows; -2: it is not there */
    } cases[] = {
        {ONCE BEFORE("TRUNCATE public.heir") REAL, "table 'public.heir' was truncated", 0},
        {ONCE BEFORE("DROP TABLE public.heir") REAL, "table 'public.heir' was truncated", -2},
        {ONCE BEFORE("ALTER TABLE public.heir RENAME TO son") REAL,
         "table 'public.heir' was renamed", -2},
        {ONCE BEFORE("ALTER TABLE public.base RENAME n TO m") REAL, "a column of a table was", 4},
        {ONCE BEFORE("SET client_min_messages = error; ALTER TABLE public.base DROP n CASCADE")
             REAL,
         "a column of a table was", 4},
        {ONCE BEFORE("DROP VIEW public.view") REAL, "view 'public.view' was renamed or dropped", 4},
        {ONCE BEFORE("CREATE OR REPLACE VIEW public.view AS SELECT n, 1 AS m FROM base") REAL, NULL,
         4},
        {ONCE BEFORE("DROP SEQUENCE public.counter") REAL, "sequence 'public.counter' was", 4},
        {ONCE BEFORE("DROP FUNCTION public.twice") REAL, "function 'public.twice' was", 4},
        {ONCE BEFORE("DROP STATISTICS public.base_stats") REAL,
         "statistics object 'public.base_stats' was", 4},
        {ONCE BEFORE("DROP INDEX public.heir_n") REAL, "index 'public.heir_n' was", 4},
        {ONCE BEFORE("CREATE TABLE public.more (n int)") REAL, NULL, 4},
        {ONCE "echo 'ERROR:  schema with OID 7 does not exist' >&2; exit 1; " REAL,
         "with OID 7 does not exist: taking another snapshot", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dumprig rig;
        dumprig_tell("postgres", "CREATE DATABASE victim TEMPLATE shop");
        dumprig_tell("victim", "CREATE INDEX heir_n ON heir (n); CREATE SEQUENCE counter;"
                               "CREATE STATISTICS base_stats ON n, (n + 1) FROM base;"
                               "CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS"
                               " 'SELECT 2 * $1'");
        dumprig_open(&rig);
        dumprig_only(&rig, only);
        dumprig_fake_program(&rig, "pg_dump", cases[i].script);
        struct dumprig_result *result = dumprig_run(&rig);
        dumprig_expect_success(result);
        const struct dumprig_record *facts = dumprig_find(result, "databases/victim.json");
        const struct dumprig_record *dump = dumprig_find(result, "databases/victim.dump");
        if (fakehost_logged(&rig.fake, SME_LOG_INFO, "another snapshot") !=
                (cases[i].told != NULL) ||
            (cases[i].told != NULL && !fakehost_logged(&rig.fake, SME_LOG_INFO, cases[i].told)))
            fail_msg("case %zu: told something else", i);
        assert_int_equal(dumprig_rows(facts, "public", "heir"), cases[i].heir);
        assert_int_equal(dumprig_rows(facts, "public", "base"), 3);
        assert_int_equal(dumprig_archive_has(&rig, dump, "TABLE DATA public heir"),
                         cases[i].heir >= 0);
        dumprig_result_free(result);
        dumprig_close(&rig);
        dumprig_tell("postgres", "DROP DATABASE victim WITH (FORCE)");
    }
}

static void endless_ddl_fails_the_run(void **state)
{
    (void)state;
    static const char *const only[] = {"victim"};
    struct dumprig rig;
    dumprig_tell("postgres", "CREATE DATABASE victim TEMPLATE shop");
    dumprig_open(&rig);
    dumprig_only(&rig, only);
    dumprig_fake_program(&rig, "pg_dump", "if true; then " BEFORE("TRUNCATE public.heir") REAL);
    struct dumprig_result *result = dumprig_run(&rig);
    assert_int_equal(result->status, SME_E_IO);
    assert_non_null(strstr(result->err.message, "5 times in a row"));
    dumprig_result_free(result);
    dumprig_close(&rig);
    dumprig_expect_no_sessions();
    dumprig_tell("postgres", "DROP DATABASE victim WITH (FORCE)");
}

static void locked_tables_are_waited_for_as_long_as_allowed(void **state)
{
    (void)state;
    static const char *const only[] = {"shop"};
    struct dumprig rig;
    struct sme_error err = FRESH_ERROR;
    PGconn *conn = NULL;
    dumprig_open(&rig);
    dumprig_only(&rig, only);
    rig.options.lock_wait_ms = 100;
    assert_int_equal(server_connect(&rig.server, "shop", false, &conn, &err), SME_OK);
    assert_int_equal(server_do(&rig.server, conn, "BEGIN", &err), SME_OK);
    assert_int_equal(server_do(&rig.server, conn, "LOCK TABLE public.base", &err), SME_OK);
    struct dumprig_result *result = dumprig_run(&rig);
    PQfinish(conn);
    assert_true(result->status < 0);
    assert_non_null(strstr(result->err.message, "database 'shop'"));
    assert_non_null(strstr(result->err.message, "lock timeout"));
    assert_true(result->err.hint[0] != '\0');
    dumprig_result_free(result);
    dumprig_close(&rig);
    dumprig_expect_no_sessions();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_backends_fail_the_stream),
        cmocka_unit_test(a_killed_server_fails_streams_and_next),
        cmocka_unit_test(broken_output_never_passes),
        cmocka_unit_test(accepted_warnings_pass_and_are_logged),
        cmocka_unit_test(roles_that_cannot_read_a_table_are_denied),
        cmocka_unit_test(cancelled_runs_stop_while_they_wait),
        cmocka_unit_test(databases_that_vanish_fail),
        cmocka_unit_test(another_snapshot_is_taken_when_ddl_comes_between),
        cmocka_unit_test(endless_ddl_fails_the_run),
        cmocka_unit_test(locked_tables_are_waited_for_as_long_as_allowed),
    };

    return cmocka_run_group_tests(tests, dumprig_start, dumprig_stop);
}
