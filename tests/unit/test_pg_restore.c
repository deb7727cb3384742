/*
 * Databases that are taken back into a server.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../harness/restorerig.h"

/* ---- whole databases ---------------------------------------------------------------------- */

static void a_database_comes_under_another_name(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    restorerig_must(f, restorerig_whole(f));
    restorerig_expect_shop(f, "shop_new");
    restorerig_ask(f, "postgres",
                   "SELECT datdba::regrole || pg_encoding_to_char(encoding) FROM pg_database"
                   " WHERE datname = 'shop_new'",
                   "sellerLATIN1");
}

static void workers_do_the_same(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    f->request.jobs = 3;
    restorerig_must(f, restorerig_whole(f));
    restorerig_expect_shop(f, "shop_new");
}

static void without_scratch_one_does_it_alone(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    f->request.jobs = 3;
    f->request.scratch = NULL;
    restorerig_must(f, restorerig_whole(f));
    assert_true(fakehost_logged(&f->fake, SME_LOG_WARNING, "--scratch"));
    restorerig_expect_shop(f, "shop_new");
}

static void parts_make_a_whole(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    restorerig_must(f, restorerig_split(f));
    restorerig_expect_shop(f, "shop_new");
    restorerig_tell(f, "postgres", "DROP DATABASE shop_new");
    f->request.jobs = 2;
    restorerig_must(f, restorerig_split(f));
    restorerig_expect_shop(f, "shop_new");
}

static void everything_comes_with_its_roles(void **state)
{
    struct restorerig *f = restorerig_begin(state, NULL, NULL);

    (void)snprintf(f->into, sizeof f->into, "%s", f->rig.info);
    restorerig_tell(f, "postgres", "ALTER DATABASE shop RENAME TO kept");
    restorerig_tell(f, "kept", "REASSIGN OWNED BY seller TO postgres; DROP OWNED BY seller");
    restorerig_tell(f, "postgres", "DROP ROLE seller");
    restorerig_must(f, restorerig_whole(f));
    restorerig_expect_shop(f, "shop");
    restorerig_tell(f, "postgres", "DROP DATABASE kept");
    /* Roles that are there already are no problem. */
    f->flags = SME_RESTORE_REPLACE;
    restorerig_must(f, restorerig_whole(f));
    restorerig_expect_shop(f, "shop");
}

static void what_is_not_empty_stays_as_it_is(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    restorerig_tell(f, "postgres", "CREATE DATABASE shop_new");
    restorerig_tell(f, "shop_new", "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    assert_int_equal(restorerig_whole(f), SME_E_EXISTS);
    assert_string_equal(f->err.message,
                        "database 'shop_new' is not empty: it has function 'public.one'");
    assert_non_null(strstr(f->err.hint, "--overwrite always"));
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM pg_class WHERE relname = 'orders'", "0");
}

static void an_empty_one_is_used(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    restorerig_tell(f, "postgres", "CREATE DATABASE shop_new");
    restorerig_must(f, restorerig_whole(f));
    restorerig_expect_shop(f, "shop_new");
}

static void replacing_drops_what_the_dump_has(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    restorerig_must(f, restorerig_whole(f));
    f->flags = SME_RESTORE_REPLACE;
    restorerig_tell(f, "shop_new", "DELETE FROM items; CREATE TABLE mine ()");
    restorerig_must(f, restorerig_whole(f));
    restorerig_expect_shop(f, "shop_new");
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM mine", "0");
    /* Foreign keys are in another part than the tables that they would not let go. */
    assert_int_equal(restorerig_split(f), SME_E_IO);
    assert_non_null(strstr(f->err.hint, "nothing in database 'shop_new' was changed"));
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM items", "100");
    restorerig_tell(f, "shop_new",
                    "ALTER TABLE items DROP CONSTRAINT items_o_fkey;"
                    "ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey");
    restorerig_must(f, restorerig_split(f));
    restorerig_expect_shop(f, "shop_new");
}

/* A missing role is listed, and stops nothing. */
static void statements_that_fail_are_problems(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    restorerig_tell(f, "postgres", "ALTER ROLE seller RENAME TO vendor");
    int status = restorerig_whole(f);
    restorerig_tell(f, "postgres", "ALTER ROLE vendor RENAME TO seller");
    assert_int_equal(status, SME_OK);
    assert_true(restorerig_problem(f, "databases/shop.dump: role \"seller\" does not exist"
                                      " (ALTER TABLE public.customers OWNER TO seller)"));
    assert_true(restorerig_problem(f,
                                   "databases/shop: 'ALTER ROLE seller IN DATABASE \"shop_new\" SET"
                                   " statement_timeout' failed on the server at "));
    assert_true(restorerig_problem(f, ": role \"seller\" does not exist"));
    restorerig_ask(f, "shop_new", "SHOW work_mem", "3MB");
    assert_true(fakehost_logged(&f->fake, SME_LOG_WARNING, "role 'seller', the owner of database"));
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM customers", "2");
}

static void without_owners_no_role_is_needed(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    f->flags = SME_RESTORE_NO_OWNER;
    restorerig_tell(f, "postgres", "ALTER ROLE seller RENAME TO vendor");
    int status = restorerig_whole(f);
    restorerig_tell(f, "postgres", "ALTER ROLE vendor RENAME TO seller");
    restorerig_must(f, status);
    restorerig_ask(f, "shop_new", "SHOW work_mem", "3MB");
    restorerig_ask(f, "shop_new",
                   "SELECT relowner::regrole FROM pg_class WHERE relname = 'customers'",
                   "postgres");
}

/* ---- faults ------------------------------------------------------------------------------- */

static void physical_backups_go_elsewhere(void **state)
{
    struct restorerig *f = restorerig_begin(state, NULL, NULL);

    f->request.into = f->rig.info;
    assert_int_equal(restorerig_open(f), SME_OK);
    int status = restorerig_send(f, "data/base/1/2619", "globals", NULL, "all");
    assert_int_equal(restorerig_close(f, status), SME_E_UNSUPPORTED);
    assert_string_equal(f->err.message, "this snapshot is a physical backup");
}

static void a_server_that_dies_leaves_word(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    for (int jobs = 1; jobs < 3; jobs++) {
        f->request.jobs = jobs;
        f->stop_at = 3000000;
        int status = restorerig_whole(f);
        pgrig_resume(&f->rig);
        assert_int_equal(status, SME_E_UNREACHABLE);
        assert_string_equal(f->err.hint,
                            "database 'shop_new' is incomplete: drop it, and restore again");
        assert_true(fakehost_logged(&f->fake, SME_LOG_WARNING, "'shop_new', made by this restore"));
        restorerig_tell(f, "postgres", "DROP DATABASE shop_new");
    }
}

static void a_stopped_run_ends_its_programs(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    f->fake.cancel_at = 400;
    f->request.jobs = 2;
    restorerig_must(f, restorerig_open(f));
    restorerig_must(f,
                    restorerig_send(f, "databases/shop/1-pre-data.dump", "pre-data", NULL, "pre"));
    restorerig_must(
        f, restorerig_send(f, "databases/shop/3-tables/public.big.dump", "table", "big", "big"));
    f->fake.cancel_at = 1;
    int status = restorerig_send(f, "databases/shop/4-post-data.dump", "post-data", NULL, "post");
    assert_int_equal(restorerig_close(f, status), SME_E_CANCELLED);
    assert_true(fakehost_logged(&f->fake, SME_LOG_WARNING, "is incomplete: drop it"));
}

static void a_damaged_archive_is_no_success(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    assert_int_equal(restorerig_open(f), SME_OK);
    int status = restorerig_send(f, "databases/shop.dump", "all", NULL, "globals");
    assert_true(restorerig_close(f, status) < 0);
    f->request.table = "orders";
    assert_int_equal(restorerig_open(f), SME_OK);
    status = restorerig_send(f, "databases/shop.dump", "all", NULL, "globals");
    assert_int_equal(restorerig_close(f, status), SME_E_CORRUPT);
}

static void a_scratch_that_is_not_there_is_told_first(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    f->request.jobs = 2;
    f->request.scratch = "/nonexistent/scratch";
    assert_int_equal(restorerig_whole(f), SME_E_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "'/nonexistent/scratch'"));
    f->request.scratch = f->scratch;
    f->request.into = "shop_new";
    assert_int_equal(restorerig_whole(f), SME_E_INVALID);
    assert_non_null(strstr(f->err.message, "--into is not a connection string"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, restorerig_setup, restorerig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_database_comes_under_another_name), TEST(workers_do_the_same),
        TEST(without_scratch_one_does_it_alone),   TEST(parts_make_a_whole),
        TEST(what_is_not_empty_stays_as_it_is),    TEST(an_empty_one_is_used),
        TEST(replacing_drops_what_the_dump_has),   TEST(statements_that_fail_are_problems),
        TEST(without_owners_no_role_is_needed),    TEST(physical_backups_go_elsewhere),
        TEST(a_server_that_dies_leaves_word),      TEST(a_stopped_run_ends_its_programs),
        TEST(a_damaged_archive_is_no_success),     TEST(a_scratch_that_is_not_there_is_told_first),
        TEST(everything_comes_with_its_roles),
    };
    return cmocka_run_group_tests(tests, restorerig_start, restorerig_stop);
}
