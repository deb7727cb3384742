/*
 * Conformance: does a plugin do what the core relies on?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Every check is reported when it is done.  A check ends at its first failure; the others go on.
 */
#ifndef SME_RUN_PLUGIN_TEST_H
#define SME_RUN_PLUGIN_TEST_H

#include "../plugin/plugin.h"

enum plugin_test_result {
    PLUGIN_TEST_OK,
    PLUGIN_TEST_SKIPPED,
    PLUGIN_TEST_FAILED,
    PLUGIN_TEST_RESULTS,
};

/* Strings are valid during the call. */
struct plugin_test_line {
    enum plugin_test_result result;
    const char *what; /* what was to be so: "ranges come back as they were put"        */
    const char *text; /* FAILED: "expected ..., got ..."; SKIPPED: why; OK: ""         */
    const char *look; /* FAILED: what the author of the plugin should look at; else "" */
};
typedef void plugin_test_fn(void *cookie, const struct plugin_test_line *line);

struct plugin_test {
    plugin_test_fn *report;
    void *cookie;
    uint64_t counts[PLUGIN_TEST_RESULTS];
    uint64_t left_behind; /* objects that could not be removed afterwards */
    char prefix[48];      /* of every key that the checks of a sink use   */
};

/* What the descriptor says of name, version and options, without calling the plugin. */
void plugin_test_descriptor(struct plugin_test *test, struct plugin *plugin);

/* The calls of an open sink whose place exists, below a prefix of their own, which is empty again
 * afterwards.  A failure means that they could not be made at all. */
int plugin_test_sink(struct plugin_test *test, struct instance *sink, struct sme_error *err);

#define PLUGIN_TEST_PATH 512

/* How the calls of a source are tested. */
struct plugin_test_source {
    struct plugin *plugin;
    const struct conf_source *section; /* NULL: defaults                                       */
    bool commit;                       /* runs are also ended as if they were stored           */
    uint32_t limit_ms;                 /* a call that takes longer hangs; 0: one minute        */
    char scratch[PLUGIN_TEST_PATH];    /* set by the test: an empty folder that it made itself */
};

/* The calls of a source, each check in a process of its own.  A failure means that they could not
 * be made at all. */
int plugin_test_source(struct plugin_test *test, struct plugin_test_source *params,
                       struct sme_error *err);

/* ---- for the checks ----------------------------------------------------------------------- */

/* One check that is being made. */
struct plugin_check {
    struct plugin_test *test;
    const char *what;
    const char *look;
    enum plugin_test_result result;
    char text[768];
};

void plugin_check_begin(struct plugin_check *check, struct plugin_test *test, const char *what,
                        const char *look);
/* Report it, as OK if nothing else was said. */
void plugin_check_end(struct plugin_check *check);
/* Both return false, for "return plugin_check_fail(...)"; the first one said counts. */
bool plugin_check_fail(struct plugin_check *check, const char *fmt, ...) SME_PRINTF(2, 3);
bool plugin_check_skip(struct plugin_check *check, const char *why);

#endif
