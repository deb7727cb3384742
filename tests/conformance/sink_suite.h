/*
 * What every sink must do, as tests over an open instance.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The state of each test begins with a struct sink_rig whose sink is open and whose place is
 * prepared and empty.
 *
 *   static const struct CMUnitTest tests[] = {SINK_SUITE(set_up, tear_down), ...};
 */
#ifndef SME_TESTS_SINK_SUITE_H
#define SME_TESTS_SINK_SUITE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/plugin/plugin.h"

struct sink_rig {
    struct instance *sink;
};

/* Bytes in which no two neighbouring pieces are alike. */
void sink_fill(uint8_t *out, size_t len, uint32_t seed);
/* Put ${len} bytes of ${data} as one slice. */
int sink_put(struct instance *sink, const char *key, const void *data, size_t len, uint32_t flags,
             struct sme_error *err);
/* ${key} holds exactly these bytes. */
void sink_assert_holds(struct instance *sink, const char *key, const void *data, size_t len);
void sink_assert_missing(struct instance *sink, const char *key);
/* Number of objects below ${prefix}; a failure of the listing is negative. */
long sink_count(struct instance *sink, const char *prefix, struct sme_error *err);

void sink_says_its_limits(void **state);
void sink_prepares_what_is_there(void **state);
void sink_returns_what_was_put(void **state);
void sink_returns_ranges(void **state);
void sink_keeps_empty_objects(void **state);
void sink_joins_slices(void **state);
void sink_takes_every_key(void **state);
void sink_creates_only_once(void **state);
void sink_replaces_when_told(void **state);
void sink_refuses_a_wrong_length(void **state);
void sink_knows_what_is_missing(void **state);
void sink_removes(void **state);
void sink_lists_prefixes(void **state);
void sink_ends_a_listing_when_told(void **state);
void sink_lets_one_of_many_win(void **state);
void sink_takes_many_at_once(void **state);
void sink_shows_objects_whole(void **state);

#define SINK_SUITE(set_up, tear_down)                                                              \
    cmocka_unit_test_setup_teardown(sink_says_its_limits, set_up, tear_down),                      \
        cmocka_unit_test_setup_teardown(sink_prepares_what_is_there, set_up, tear_down),           \
        cmocka_unit_test_setup_teardown(sink_returns_what_was_put, set_up, tear_down),             \
        cmocka_unit_test_setup_teardown(sink_returns_ranges, set_up, tear_down),                   \
        cmocka_unit_test_setup_teardown(sink_keeps_empty_objects, set_up, tear_down),              \
        cmocka_unit_test_setup_teardown(sink_joins_slices, set_up, tear_down),                     \
        cmocka_unit_test_setup_teardown(sink_takes_every_key, set_up, tear_down),                  \
        cmocka_unit_test_setup_teardown(sink_creates_only_once, set_up, tear_down),                \
        cmocka_unit_test_setup_teardown(sink_replaces_when_told, set_up, tear_down),               \
        cmocka_unit_test_setup_teardown(sink_refuses_a_wrong_length, set_up, tear_down),           \
        cmocka_unit_test_setup_teardown(sink_knows_what_is_missing, set_up, tear_down),            \
        cmocka_unit_test_setup_teardown(sink_removes, set_up, tear_down),                          \
        cmocka_unit_test_setup_teardown(sink_lists_prefixes, set_up, tear_down),                   \
        cmocka_unit_test_setup_teardown(sink_ends_a_listing_when_told, set_up, tear_down),         \
        cmocka_unit_test_setup_teardown(sink_lets_one_of_many_win, set_up, tear_down),             \
        cmocka_unit_test_setup_teardown(sink_takes_many_at_once, set_up, tear_down),               \
        cmocka_unit_test_setup_teardown(sink_shows_objects_whole, set_up, tear_down)

#endif
