/*
 * Tests of core/base/hashmap.c.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/hashmap.h"

#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define MANY 20000u

/* Spread like a truncated HMAC, and different for each ${i}. */
static void make_key(uint64_t i, uint8_t out[16])
{
    uint64_t words[2] = {(i + 1) * UINT64_C(0x9e3779b97f4a7c15), i * UINT64_C(0xc2b2ae3d27d4eb4f)};
    memcpy(out, words, 16);
}

static void an_empty_map_finds_nothing(void **state)
{
    (void)state;
    struct hashmap map = {0};
    static const uint8_t key[16] = {1};
    assert_null(hashmap_find(&map, key));
    hashmap_free(&map);
    hashmap_free(&map);
}

static void many_keys_are_all_found(void **state)
{
    (void)state;
    struct hashmap map = {0};
    uint8_t key[16];
    for (uint64_t i = 0; i < MANY; i++) {
        make_key(i, key);
        assert_int_equal(hashmap_add(&map, key, i, NULL), 1);
        assert_true(map.count * 10 <= map.capacity * 7);
    }
    assert_int_equal(map.count, MANY);
    assert_int_equal(map.capacity & (map.capacity - 1), 0);
    for (uint64_t i = 0; i < MANY; i++) {
        make_key(i, key);
        uint64_t *value = hashmap_find(&map, key);
        assert_non_null(value);
        assert_true(*value == i);
    }
    for (uint64_t i = MANY; i < 2 * MANY; i++) {
        make_key(i, key);
        assert_null(hashmap_find(&map, key));
    }
    hashmap_free(&map);
    assert_int_equal(map.count, 0);
}

static void a_known_key_keeps_its_value(void **state)
{
    (void)state;
    struct hashmap map = {0};
    uint8_t key[16];
    uint64_t old = 99;
    make_key(5, key);
    assert_int_equal(hashmap_add(&map, key, 7, &old), 1);
    assert_int_equal(old, 99);
    assert_int_equal(hashmap_add(&map, key, 8, &old), 0);
    assert_int_equal(old, 7);
    assert_int_equal(hashmap_add(&map, key, 8, NULL), 0);
    assert_int_equal(map.count, 1);
    *hashmap_find(&map, key) = 12;
    assert_int_equal(hashmap_add(&map, key, 8, &old), 0);
    assert_int_equal(old, 12);
    hashmap_free(&map);
}

static void the_zero_key_can_be_stored(void **state)
{
    (void)state;
    struct hashmap map = {0};
    static const uint8_t zero[16];
    assert_null(hashmap_find(&map, zero));
    assert_int_equal(hashmap_add(&map, zero, 3, NULL), 1);
    assert_int_equal(hashmap_add(&map, zero, 4, NULL), 0);
    assert_int_equal(*hashmap_find(&map, zero), 3);
    hashmap_free(&map);
}

static void keys_that_collide_stay_apart(void **state)
{
    (void)state;
    struct hashmap map = {0};
    for (uint64_t i = 1; i <= 40; i++) { /* the same first half: one start of the search */
        uint64_t key[2] = {63, i};
        assert_int_equal(hashmap_add(&map, key, i, NULL), 1);
    }
    for (uint64_t i = 1; i <= 40; i++) {
        uint64_t key[2] = {63, i};
        assert_true(*hashmap_find(&map, key) == i);
    }
    hashmap_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_finds_nothing),
        cmocka_unit_test(many_keys_are_all_found),
        cmocka_unit_test(a_known_key_keeps_its_value),
        cmocka_unit_test(the_zero_key_can_be_stored),
        cmocka_unit_test(keys_that_collide_stay_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
