/*
 * Tests of the conformance checks: on sinks that are as they should be, and on failing ones.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/dirrig.h"
#include "../harness/memsink.h"
#include "../../core/run/plugin_test.h"

#include <stdlib.h>

struct seen {
    char first_failure[512];
    unsigned lines;
};

static void see(void *cookie, const struct plugin_test_line *line)
{
    struct seen *seen = cookie;

    seen->lines++;
    if (line->result == PLUGIN_TEST_FAILED && seen->first_failure[0] == '\0')
        (void)snprintf(seen->first_failure, sizeof seen->first_failure, "%s: %s (%s)", line->what,
                       line->text, line->look);
    if (line->result != PLUGIN_TEST_FAILED)
        assert_string_equal(line->look, "");
    assert_int_equal(line->text[0] == '\0', line->result == PLUGIN_TEST_OK);
}

static void assert_conforms(struct instance *sink)
{
    struct sme_error err = SME_ERROR_INIT;
    struct seen seen = {.lines = 0};
    struct plugin_test test = {.report = see, .cookie = &seen};

    if (plugin_test_sink(&test, sink, &err) < 0)
        fail_msg("%s", err.message);
    if (seen.first_failure[0] != '\0')
        fail_msg("%s", seen.first_failure);
    assert_true(test.counts[PLUGIN_TEST_OK] > 12);
    assert_int_equal(test.counts[PLUGIN_TEST_OK] + test.counts[PLUGIN_TEST_SKIPPED], seen.lines);
    assert_int_equal(test.left_behind, 0);
    assert_int_equal(sink_count(sink, "", NULL), 0);
}

static void passes_the_directory_sink(void **state)
{
    struct dirrig *rig = *state;

    assert_conforms(rig->suite.sink);
}

static void passes_a_sink_in_memory(void **state)
{
    struct memsink *sink = memsink_new();

    (void)state;
    assert_conforms(&sink->instance);
    memsink_free(sink);
}

/* What may be repeated is repeated, as the core would. */
static void repeats_what_may_be_repeated(void **state)
{
    struct memsink *sink = memsink_new();

    (void)state;
    sink->faults[MEMSINK_PUT] = (struct memsink_fault){.times = 1, .status = SME_E_TRANSIENT};
    sink->faults[MEMSINK_GET] = (struct memsink_fault){.times = 1, .status = SME_E_THROTTLED};
    sink->faults[MEMSINK_LIST] = (struct memsink_fault){.times = 1, .status = SME_E_TRANSIENT};
    assert_conforms(&sink->instance);
    memsink_free(sink);
}

/* A place that is not there is no plugin that fails. */
static void ends_where_there_is_no_place(void **state)
{
    struct memsink *sink = memsink_new();
    struct sme_error err = SME_ERROR_INIT;
    struct seen seen = {.lines = 0};
    struct plugin_test test = {.report = see, .cookie = &seen};

    (void)state;
    sink->faults[MEMSINK_CHECK] = (struct memsink_fault){.times = 9, .status = SME_E_UNREACHABLE};
    assert_int_equal(plugin_test_sink(&test, &sink->instance, &err), SME_E_UNREACHABLE);
    assert_non_null(strstr(err.message, "sink 'memory'"));
    assert_int_equal(seen.lines, 0);
    memsink_free(sink);
}

/* Objects of others are neither read nor removed, whatever a listing says. */
static void leaves_other_objects_alone(void **state)
{
    struct memsink *sink = memsink_new();
    struct seen seen = {.lines = 0};
    struct plugin_test test = {.report = see, .cookie = &seen};

    (void)state;
    assert_int_equal(sink_put(&sink->instance, "docs/data/1", "precious", 8, 0, NULL), SME_OK);
    assert_int_equal(plugin_test_sink(&test, &sink->instance, NULL), SME_OK);
    assert_string_equal(seen.first_failure, "");
    sink_assert_holds(&sink->instance, "docs/data/1", "precious", 8);
    assert_int_equal(sink_count(&sink->instance, "", NULL), 1);
    memsink_free(sink);
}

static void reads_descriptors(void **state)
{
    struct dirrig *rig = *state;
    struct plugin plugin = *rig->plugin;
    struct seen seen = {.lines = 0};
    struct plugin_test test = {.report = see, .cookie = &seen};

    plugin_test_descriptor(&test, rig->plugin);
    assert_string_equal(seen.first_failure, "");
    assert_int_equal(test.counts[PLUGIN_TEST_OK], seen.lines);
    plugin.desc.summary = "two\nlines";
    plugin_test_descriptor(&test, &plugin);
    assert_non_null(strstr(seen.first_failure, "expected a summary of one line"));
}

int main(void)
{
    const struct CMUnitTest with_directory[] = {
        cmocka_unit_test_setup_teardown(passes_the_directory_sink, dirrig_set_up, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(reads_descriptors, dirrig_set_up, dirrig_tear_down),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_a_sink_in_memory),
        cmocka_unit_test(repeats_what_may_be_repeated),
        cmocka_unit_test(ends_where_there_is_no_place),
        cmocka_unit_test(leaves_other_objects_alone),
    };

    if (!dirrig_is_built())
        return cmocka_run_group_tests_name("plugin_test", tests, NULL, NULL);
    /* One group, one plan: both lists. */
    struct CMUnitTest
        all[sizeof tests / sizeof tests[0] + sizeof with_directory / sizeof with_directory[0]];
    memcpy(all, tests, sizeof tests);
    memcpy(all + sizeof tests / sizeof tests[0], with_directory, sizeof with_directory);
    return cmocka_run_group_tests_name("plugin_test", all, NULL, NULL);
}
