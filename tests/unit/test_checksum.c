/*
 * The fast checksum: equal for equal bytes in whatever pieces, and no single fault goes unnoticed.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/crypto/checksum.h"

#include <string.h>

#define LEN 4099

static int setup(void **state)
{
    struct checksum *sum = NULL;

    assert_int_equal(checksum_new(&sum, NULL), SME_OK);
    *state = sum;
    return 0;
}

static int teardown(void **state)
{
    checksum_free(*state);
    return 0;
}

static void sum_of(struct checksum *sum, const uint8_t *data, size_t len, size_t piece,
                   uint8_t out[CHECKSUM_BYTES])
{
    for (size_t at = 0; at < len; at += piece) {
        assert_int_equal(checksum_add(sum, data + at, len - at < piece ? len - at : piece), SME_OK);
    }
    assert_int_equal(checksum_finish(sum, out), SME_OK);
}

static void pieces_do_not_matter(void **state)
{
    static const size_t pieces[] = {1, 15, 16, 17, 64, 1000, LEN};
    uint8_t data[LEN];
    uint8_t whole[CHECKSUM_BYTES];
    uint8_t found[CHECKSUM_BYTES];

    for (size_t i = 0; i < LEN; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    sum_of(*state, data, LEN, LEN, whole);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        sum_of(*state, data, LEN, pieces[i], found);
        assert_memory_equal(found, whole, sizeof whole);
    }
}

static void every_flipped_bit_is_noticed(void **state)
{
    uint8_t data[257] = {0};
    uint8_t whole[CHECKSUM_BYTES];
    uint8_t found[CHECKSUM_BYTES];

    sum_of(*state, data, sizeof data, sizeof data, whole);
    for (size_t bit = 0; bit < sizeof data * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        sum_of(*state, data, sizeof data, sizeof data, found);
        assert_memory_not_equal(found, whole, sizeof whole);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void length_and_order_are_noticed(void **state)
{
    static const uint8_t data[64] = {1, 2, 3};
    static const uint8_t swapped[64] = {2, 1, 3};
    uint8_t whole[CHECKSUM_BYTES];
    uint8_t found[CHECKSUM_BYTES];

    sum_of(*state, data, sizeof data, sizeof data, whole);
    sum_of(*state, swapped, sizeof swapped, sizeof swapped, found);
    assert_memory_not_equal(found, whole, sizeof whole);
    sum_of(*state, data, sizeof data - 1, sizeof data, found);
    assert_memory_not_equal(found, whole, sizeof whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_do_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(length_and_order_are_noticed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
