/*
 * Tests of the price table: what it says, mistakes in it, and what a run costs by it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sinks/s3/bucket.h"
#include "../../sinks/s3/prices.h"
#include "../harness/tree.h"

#include <stdlib.h>
#include <unistd.h>

#define DATE "date = 2026-11-01\n"

struct table {
    char *dir;
    char path[512];
    struct sme_error err;
};

static int set_up(void **state)
{
    struct table *table = calloc(1, sizeof *table);

    assert_non_null(table);
    table->dir = tree_new();
    assert_non_null(table->dir);
    (void)snprintf(table->path, sizeof table->path, "%s/prices", table->dir);
    table->err.struct_size = sizeof table->err;
    *state = table;
    return 0;
}

static int tear_down(void **state)
{
    struct table *table = *state;

    tree_remove(table->dir);
    free(table->dir);
    free(table);
    return 0;
}

static void write_table(struct table *table, const char *text, size_t len)
{
    FILE *file = fopen(table->path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void write_text(struct table *table, const char *text)
{
    write_table(table, text, strlen(text));
}

static int find(struct table *table, const char *region, const char *item, int64_t *ret)
{
    return prices_find(table->path, region, item, ret, &table->err);
}

static void assert_price(struct table *table, const char *region, const char *item, int64_t nano)
{
    int64_t found = -1;

    if (find(table, region, item, &found) != SME_OK)
        fail_msg("%s", table->err.message);
    assert_int_equal(found, nano);
}

static void a_region_goes_before_the_default(void **state)
{
    struct table *table = *state;
    static const char text[] = "# prices\n\n" DATE "default.put-1000 = 0.005 # US\r\n"
                               "eu-central-1.put-1000=0.0054\n  default.get-1000 = 0.0004\n"
                               "default.storage-GLACIER_IR-gb-month\t=\t0.004";

    write_table(table, text, sizeof text - 1);
    assert_price(table, "eu-central-1", "put-1000", 5400000);
    assert_price(table, "us-east-1", "put-1000", 5000000);
    assert_price(table, "eu-central-1", "get-1000", 400000);
    assert_price(table, "eu-central-1", "storage-GLACIER_IR-gb-month", 4000000);
}

static void decimals_are_exact(void **state)
{
    struct table *table = *state;
    static const struct {
        const char *dollars;
        int64_t nano;
    } cases[] = {
        {"0", 0},
        {"0.000000001", 1},
        {"0.1", 100000000},
        {"10", 10000000000},
        {"1.234567891", 1234567891},
        {"1000000", 1000000000000000},
        {"007.50", 7500000000},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];

        (void)snprintf(text, sizeof text, DATE "default.out-gb = %s\n", cases[i].dollars);
        write_text(table, text);
        assert_price(table, "us-east-1", "out-gb", cases[i].nano);
    }
}

static void a_price_that_is_not_there_is_not_found(void **state)
{
    struct table *table = *state;
    int64_t price = 77;

    write_text(table, DATE "eu-west-1.put-1000 = 1\n");
    assert_int_equal(find(table, "us-east-1", "put-1000", &price), SME_E_NOT_FOUND);
    assert_int_equal(price, 77);
    assert_non_null(strstr(table->err.message, "put-1000"));
    assert_non_null(strstr(table->err.message, "us-east-1"));
    assert_non_null(strstr(table->err.message, table->path));
}

static void a_mistake_names_file_and_line(void **state)
{
    struct table *table = *state;
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"default.put-1000 0.005", "expected"},
        {"default.put-1000 = ", "nothing behind"},
        {"= 0.005", "nothing before"},
        {"put-1000 = 0.005", "region.item"},
        {".put-1000 = 0.005", "region.item"},
        {"default. = 0.005", "region.item"},
        {"default.a.b = 0.005", "region.item"},
        {"default.put 1000 = 0.005", "character"},
        {"default.x = 0,005", "decimal"},
        {"default.x = $0.005", "decimal"},
        {"default.x = 0.005 USD", "decimal"},
        {"default.x = -1", "decimal"},
        {"default.x = +1", "decimal"},
        {"default.x = 1e-3", "decimal"},
        {"default.x = .5", "decimal"},
        {"default.x = 5.", "decimal"},
        {"default.x = 0x10", "decimal"},
        {"default.x = nan", "decimal"},
        {"default.x = 0.0000000001", "decimal"},
        {"default.x = 1000001", "decimal"},
        {"default.x = 99999999999999999999999999", "decimal"},
        {"default.get-1000 = 1", "before"},
        {"us-east-1.get-1000 = 1\nus-east-1.get-1000 = 1", "before"},
        {"date = 2026-11-02", "second date"},
        {"date = 1.11.2026", "date"},
        {"date = 2026-13-01", "date"},
        {"date = 2026-00-01", "date"},
        {"date = 2026-11-32", "date"},
        {"date = 2026-1a-01", "date"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256], where[600];
        int64_t price = 77;

        (void)snprintf(text, sizeof text, DATE "default.get-1000 = 0.0004\n%s\n", cases[i].line);
        write_text(table, text);
        if (find(table, "us-east-1", "get-1000", &price) != SME_E_INVALID)
            fail_msg("'%s' is accepted", cases[i].line);
        assert_int_equal(price, 77);
        (void)snprintf(where, sizeof where, "%s:%d", table->path,
                       strchr(cases[i].line, '\n') != NULL ? 4 : 3);
        if (strstr(table->err.message, where) == NULL ||
            strstr(table->err.message, cases[i].why) == NULL)
            fail_msg("'%s': %s", cases[i].line, table->err.message);
        assert_true(table->err.hint[0] != '\0');
    }
}

static void a_zero_byte_is_refused(void **state)
{
    struct table *table = *state;
    static const char text[] = DATE "default.put-1000 = 1\0\n";
    int64_t price;

    write_table(table, text, sizeof text - 1);
    assert_int_equal(find(table, "us-east-1", "put-1000", &price), SME_E_INVALID);
}

static void a_table_without_a_date_is_refused(void **state)
{
    struct table *table = *state;
    char date[11] = "unchanged";
    int64_t price;

    write_text(table, "default.put-1000 = 1\n");
    assert_int_equal(find(table, "us-east-1", "put-1000", &price), SME_E_INVALID);
    assert_non_null(strstr(table->err.message, "no date"));
    assert_int_equal(prices_date(table->path, date, &table->err), SME_E_INVALID);
    assert_string_equal(date, "unchanged");
    write_text(table, DATE);
    assert_int_equal(prices_date(table->path, date, &table->err), SME_OK);
    assert_string_equal(date, "2026-11-01");
}

static void what_is_no_table_is_refused(void **state)
{
    struct table *table = *state;
    int64_t price;
    char *big = malloc((1u << 20) + 1);

    assert_int_equal(prices_find("/nonexistent/prices", "x", "put-1000", &price, &table->err),
                     SME_E_INVALID);
    assert_non_null(strstr(table->err.message, "/nonexistent/prices"));
    assert_non_null(strstr(table->err.hint, "prices ="));
    assert_int_equal(prices_find(table->dir, "x", "put-1000", &price, &table->err), SME_E_INVALID);
    assert_non_null(big);
    memset(big, '\n', (1u << 20) + 1);
    write_table(table, big, (1u << 20) + 1);
    assert_int_equal(find(table, "x", "put-1000", &price), SME_E_INVALID);
    assert_non_null(strstr(table->err.message, "larger"));
    free(big);
}

/* ---- cost --------------------------------------------------------------------------------- */

static void open_sink(struct s3 *s3, const struct s3_config *config)
{
    *s3 = (struct s3){.config = config, .region = "eu-central-1"};
    (void)pthread_mutex_init(&s3->lock, NULL);
}

static int cost(struct table *table, const struct s3_config *config, const struct sme_usage *usage,
                int64_t *ret_nano)
{
    struct s3 s3;
    int status;

    open_sink(&s3, config);
    status = bucket_cost(&s3, usage, ret_nano, &table->err);
    (void)pthread_mutex_destroy(&s3.lock);
    return status;
}

static void a_run_costs_its_requests(void **state)
{
    struct table *table = *state;
    static const char text[] = DATE "default.put-1000 = 0.005\ndefault.list-1000 = 0.006\n"
                                    "default.get-1000 = 0.0004\ndefault.out-gb = 0\n"
                                    "eu-central-1.put-1000 = 0.0054\n";
    const struct s3_config config = {.prices = table->path};
    struct sme_usage usage = {.struct_size = sizeof usage,
                              .put = 2,
                              .list = 3,
                              .get = 1,
                              .head = 2,
                              .remove = 1000,
                              .bytes_put = 1 << 30,
                              .bytes_got = 1 << 30};
    int64_t nano = -1;

    write_table(table, text, sizeof text - 1);
    assert_int_equal(cost(table, &config, &usage, &nano), SME_OK);
    assert_int_equal(nano, 2 * 5400 + 3 * 6000 + 400 + 2 * 400);
    usage = (struct sme_usage){.struct_size = sizeof usage};
    assert_int_equal(cost(table, &config, &usage, &nano), SME_OK);
    assert_int_equal(nano, 0);
    /* removing is free */
    usage.remove = UINT64_MAX;
    assert_int_equal(cost(table, &config, &usage, &nano), SME_OK);
    assert_int_equal(nano, 0);
    /* 10^19 puts are nobody's, but must not wrap */
    usage.put = UINT64_MAX;
    nano = 5;
    assert_int_equal(cost(table, &config, &usage, &nano), SME_E_INVALID);
    assert_int_equal(nano, 5);
}

static void another_store_has_no_prices_of_amazon(void **state)
{
    struct table *table = *state;
    struct s3_config config = {.endpoint = "https://ceph.example:8443"};
    const struct sme_usage usage = {.struct_size = sizeof usage, .put = 1000};
    int64_t nano = 5;

    write_text(table, DATE "default.put-1000 = 1\ndefault.list-1000 = 1\n"
                           "default.get-1000 = 1\ndefault.out-gb = 0\n");
    assert_int_equal(cost(table, &config, &usage, &nano), SME_E_UNSUPPORTED);
    assert_int_equal(nano, 5);
    assert_non_null(strstr(table->err.message, "ceph.example"));
    config.prices = table->path;
    assert_int_equal(cost(table, &config, &usage, &nano), SME_OK);
    assert_int_equal(nano, 1000000000);
}

/* The table that is installed: complete, and with the figures of docs/cost.md. */
static void the_installed_table_is_whole(void **state)
{
    struct table *table = *state;
    const char *source = getenv("SME_TEST_SRCDIR");
    static const struct {
        const char *item;
        int64_t nano;
    } items[] = {
        {"put-1000", 5000000},
        {"list-1000", 5000000},
        {"get-1000", 400000},
        {"out-gb", 0},
        {"storage-STANDARD-gb-month", 23000000},
        {"storage-GLACIER_IR-gb-month", 4000000},
        {"storage-DEEP_ARCHIVE-gb-month", 990000},
        {"retrieval-GLACIER-bulk-gb", 0},
        {"retrieval-GLACIER-standard-1000", 50000000},
        {"retrieval-GLACIER-expedited-1000", 10000000000},
        {"retrieval-DEEP_ARCHIVE-standard-gb", 20000000},
        {"retrieval-DEEP_ARCHIVE-bulk-1000", 25000000},
    };
    char date[11], path[512];

    (void)snprintf(path, sizeof path, "%s/sinks/s3/prices-s3", source != NULL ? source : ".");
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        int64_t nano = -1;

        if (prices_find(path, "us-east-1", items[i].item, &nano, &table->err) != SME_OK)
            fail_msg("%s", table->err.message);
        assert_int_equal(nano, items[i].nano);
    }
    assert_int_equal(prices_date(path, date, &table->err), SME_OK);
    /* a build that is not installed is told by the environment where its table is */
    assert_int_equal(setenv("SME_BACKUP_PRICES", path, 1), 0);
    assert_int_equal(prices_date(NULL, date, &table->err), SME_OK);
    assert_int_equal(setenv("SME_BACKUP_PRICES", "/nonexistent/table", 1), 0);
    assert_int_equal(prices_date(NULL, date, &table->err), SME_E_INVALID);
    assert_non_null(strstr(table->err.message, "/nonexistent/table"));
    assert_int_equal(unsetenv("SME_BACKUP_PRICES"), 0);
}

#define WITH_TABLE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLE(a_region_goes_before_the_default),
        WITH_TABLE(decimals_are_exact),
        WITH_TABLE(a_price_that_is_not_there_is_not_found),
        WITH_TABLE(a_mistake_names_file_and_line),
        WITH_TABLE(a_zero_byte_is_refused),
        WITH_TABLE(a_table_without_a_date_is_refused),
        WITH_TABLE(what_is_no_table_is_refused),
        WITH_TABLE(a_run_costs_its_requests),
        WITH_TABLE(another_store_has_no_prices_of_amazon),
        WITH_TABLE(the_installed_table_is_whole),
    };

    return cmocka_run_group_tests_name("s3_prices", tests, NULL, NULL);
}
