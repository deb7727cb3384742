/*
 * The conformance suite on the S3 sink, with a store in memory.  What a store can do wrong is in
 * test_s3_table; a real store is in tests/bats/s3.bats.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../conformance/sink_suite.h"
#include "../../core/repo/store.h"
#include "../../core/repo/store_retry.h"
#include "../harness/fakehost.h"
#include "../harness/minis3.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* Every listing of the suite has several pages. */
#define PAGE 3

struct rig {
    struct sink_rig suite; /* first: the suite sees only this */
    struct plugin *plugin;
    struct fakehost fake;
    struct minis3 *store;
};

static void module_path(char out[PATH_MAX])
{
    const char *build = getenv("SME_TEST_BUILDDIR");

    assert_true(snprintf(out, PATH_MAX, "%s/sinks/s3.so", build != NULL ? build : ".") < PATH_MAX);
}

static struct instance *open_sink(struct rig *rig)
{
    struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    struct instance *instance = NULL;
    char text[512];

    int len = snprintf(text, sizeof text,
                       "[sink test]\nbucket = shop\nendpoint = %s\nallow_http = yes\n"
                       "access_key = AKIDEXAMPLE00001\nsecret_key = not-a-secret\n"
                       "prefix = hosts/one\n",
                       httpd_url(rig->store->httpd));
    assert_int_equal(ini_parse_text(&doc, "test.ini", text, (size_t)len, &err), SME_OK);
    if (instance_new(rig->plugin, "test", &doc.sections[0], NULL, 0, NULL, &instance, &err) < 0)
        fail_msg("%s", err.message);
    ini_free(&doc);
    instance->host = rig->fake.host;
    if (instance_open(instance, &err) < 0)
        fail_msg("%s", err.message);
    return instance;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct sme_error err = SME_ERROR_INIT;
    char module[PATH_MAX];

    assert_non_null(rig);
    module_path(module);
    fakehost_init(&rig->fake, "test");
    rig->store = minis3_new("shop", PAGE);
    if (plugin_load_file(module, PLUGIN_SINK, &rig->plugin, &err) < 0)
        fail_msg("%s", err.message);
    rig->suite.sink = open_sink(rig);
    if (rig->plugin->sink.prepare(rig->suite.sink->handle, &err) < 0)
        fail_msg("%s", err.message);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    instance_free(rig->suite.sink);
    plugin_unload(rig->plugin);
    minis3_free(rig->store);
    fakehost_done(&rig->fake);
    free(rig);
    return 0;
}

static void connections_are_kept(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    unsigned before = httpd_connections(rig->store->httpd);

    for (unsigned i = 0; i < 20; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "docs/%u", i);
        assert_int_equal(sink_put(rig->suite.sink, key, "x", 1, 0, &err), SME_OK);
    }
    assert_true(httpd_connections(rig->store->httpd) - before <= 1);
}

static void the_prefix_is_before_every_key_and_nowhere_else(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    assert_int_equal(sink_put(rig->suite.sink, "docs/a", "x", 1, 0, &err), SME_OK);
    assert_int_equal(rig->store->count, 1);
    assert_string_equal(rig->store->objects[0].key, "hosts/one/docs/a");
    assert_int_equal(sink_count(rig->suite.sink, "docs/", &err), 1);
    assert_int_equal(sink_count(rig->suite.sink, "hosts/", &err), 0);
}

static int64_t no_time(void *cookie)
{
    (void)cookie;
    return 1;
}

static bool no_wait(void *cookie, int64_t ns)
{
    (void)cookie;
    (void)ns;
    return true;
}

static uint32_t no_dice(void *cookie)
{
    (void)cookie;
    return 7;
}

/* Every second page fails: begun anew each time, the listing would never end. */
static void a_long_listing_goes_on_where_it_broke_off(void **state)
{
    static const struct store_clock clock = {NULL, no_time, no_time, no_wait, no_dice};
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    struct store_names names = {0};
    struct store *store = NULL;

    for (unsigned i = 0; i < 100; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "docs/%02u", i);
        assert_int_equal(sink_put(rig->suite.sink, key, "x", 1, 0, &err), SME_OK);
    }
    rig->store->list_fails = 2;
    assert_int_equal(store_new(rig->suite.sink, &store, &err), SME_OK);
    store_set_clock(store, &clock);
    retry_reset();
    if (store_names(store, "docs/", &names, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(names.count, 100);
    assert_string_equal(names.at[0].key, "docs/00");
    assert_string_equal(names.at[99].key, "docs/99");
    store_names_free(&names);
    /* Nothing but failures is a failure. */
    rig->store->list_fails = 1;
    assert_int_equal(store_names(store, "docs/", &names, &err), SME_E_UNREACHABLE);
    assert_int_equal(names.count, 0);
    store_free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SINK_SUITE(set_up, tear_down),
        cmocka_unit_test_setup_teardown(connections_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_prefix_is_before_every_key_and_nowhere_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_long_listing_goes_on_where_it_broke_off, set_up,
                                        tear_down),
    };
    char module[PATH_MAX];

    module_path(module);
    if (access(module, F_OK) != 0) {
        print_message("1..0 # SKIP this build leaves s3 out\n");
        return 0;
    }
    return cmocka_run_group_tests_name("sink_s3", tests, NULL, NULL);
}
