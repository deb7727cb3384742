/*
 * One table that is taken back into a server.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../harness/restorerig.h"

/* ---- one table ---------------------------------------------------------------------------- */

static void a_dropped_table_comes_back(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    restorerig_must(f, restorerig_whole(f));
    f->request.table = "orders";
    assert_int_equal(restorerig_whole(f), SME_E_EXISTS);
    assert_string_equal(f->err.message, "database 'shop_new' has a table 'public.orders' already");
    restorerig_tell(f, "shop_new", "DROP TABLE orders CASCADE");
    restorerig_must(f, restorerig_whole(f));
    restorerig_expect_orders(f, "shop_new");
    /* What refers to it is not its own. */
    restorerig_ask(f, "shop_new",
                   "SELECT count(*) FROM pg_constraint WHERE conname = 'items_o_fkey'", "0");
    restorerig_tell(f, "shop_new", "DROP TABLE orders");
    restorerig_must(f, restorerig_split(f));
    restorerig_expect_orders(f, "shop_new");
    f->flags = SME_RESTORE_REPLACE;
    restorerig_must(f, restorerig_whole(f));
    restorerig_expect_orders(f, "shop_new");
}

/* items refers to it: nothing of orders is lost. */
static void a_table_that_cannot_be_dropped_stays(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", NULL);

    restorerig_must(f, restorerig_whole(f));
    f->flags = SME_RESTORE_REPLACE;
    f->request.table = "public.orders";
    assert_int_equal(restorerig_whole(f), SME_E_IO);
    assert_non_null(strstr(f->err.message, "other objects depend on it"));
    assert_non_null(strstr(f->err.hint, "nothing in database 'shop_new' was changed"));
    restorerig_expect_orders(f, "shop_new");
    assert_int_equal(restorerig_split(f), SME_E_IO);
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM orders", "501");
}

static void a_table_comes_with_its_partitions(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", "ev");

    restorerig_must(f, restorerig_whole(f));
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM ev", "20");
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM pg_inherits",
                   "4"); /* tables, and their indexes */
    f->flags = SME_RESTORE_REPLACE;
    restorerig_tell(f, "shop_new", "DELETE FROM ev");
    f->request.table = "ev";
    restorerig_must(f, restorerig_whole(f));
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM ev", "20");
    restorerig_must(f, restorerig_split(f));
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM ev", "20");
    restorerig_tell(f, "shop_new", "DROP TABLE ev");
    f->request.table = "ev_1";
    restorerig_must(f, restorerig_split(f));
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM ev_1", "10");
    assert_true(fakehost_logged(&f->fake, SME_LOG_WARNING, "ATTACH PARTITION"));
}

static void a_missing_type_is_a_problem_of_the_table(void **state)
{
    struct restorerig *f = restorerig_begin(state, "shop", "crm.moods");

    assert_int_equal(restorerig_whole(f), SME_OK);
    assert_true(restorerig_problem(f, "type \"crm.mood\" does not exist"));
    restorerig_ask(f, "shop_new", "SELECT count(*) FROM pg_namespace WHERE nspname = 'crm'", "1");
}

static void names_that_the_snapshot_has_not(void **state)
{
    struct restorerig *f = restorerig_begin(state, "stock", NULL);

    assert_int_equal(restorerig_whole(f), SME_E_NOT_FOUND);
    assert_string_equal(f->err.message, "the snapshot has no database 'stock'");
    assert_string_equal(f->err.hint, "it has: 'shop'");
    f->request.database = "shop";
    f->request.table = "order";
    assert_int_equal(restorerig_whole(f), SME_E_NOT_FOUND);
    assert_non_null(strstr(f->err.hint, "'public.orders'"));
    assert_int_equal(restorerig_split(f), SME_E_NOT_FOUND);
    /* It was made for nothing. */
    restorerig_ask(f, "postgres", "SELECT count(*) FROM pg_database WHERE datname = 'shop_new'",
                   "0");
    f->request.database = NULL;
    assert_int_equal(restorerig_whole(f), SME_E_INVALID);
    assert_string_equal(f->err.hint, "add --database NAME");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, restorerig_setup, restorerig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dropped_table_comes_back),        TEST(a_table_that_cannot_be_dropped_stays),
        TEST(a_table_comes_with_its_partitions), TEST(a_missing_type_is_a_problem_of_the_table),
        TEST(names_that_the_snapshot_has_not),
    };
    return cmocka_run_group_tests(tests, restorerig_start, restorerig_stop);
}
