/*
 * Tests of core/base/buf.c and wire.c: limits, and that what one writes the other reads.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/buf.h"
#include "../../core/base/cleanup.h"
#include "../../core/base/wire.h"

#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void buf_collects_bytes_and_text(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = BUF_INIT(1000);
    assert_string_equal(buf_text(&b), "");
    buf_add_str(&b, "abc");
    buf_add(&b, NULL, 0);
    buf_add_fmt(&b, "-%d-%s", 7, "x");
    assert_string_equal(buf_text(&b), "abc-7-x");
    assert_int_equal(b.len, 7);
    assert_false(b.bad);
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_text(&b), "");
}

static void buf_formats_long_text(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = BUF_INIT(2000);
    char long_text[601];
    memset(long_text, 'y', 600);
    long_text[600] = '\0';
    buf_add_fmt(&b, "%s|%s", long_text, long_text);
    assert_int_equal(b.len, 1201);
    assert_int_equal(b.data[600], '|');
    assert_int_equal(strlen(buf_text(&b)), 1201);
}

static void buf_refuses_to_pass_its_limit_and_stays_bad(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = BUF_INIT(4);
    buf_add(&b, "1234", 4);
    assert_false(b.bad);
    assert_string_equal(buf_text(&b), "1234");
    buf_u8(&b, 5);
    assert_true(b.bad);
    assert_int_equal(b.len, 4);
    assert_string_equal(buf_text(&b), "");
    assert_null(buf_grow(&b, 0));
    assert_false(buf_reserve(&b, 0));
    buf_clear(&b);
    assert_false(b.bad);
    buf_add_fmt(&b, "%s", "12345");
    assert_true(b.bad);
    assert_int_equal(b.len, 0);
    buf_clear(&b);
    assert_false(buf_reserve(&b, SIZE_MAX));
}

static void buf_survives_free_and_wipe(void **state)
{
    (void)state;
    struct buf zeroed;
    memset(&zeroed, 0, sizeof zeroed);
    buf_free(&zeroed);
    buf_wipe(&zeroed);
    buf_u8(&zeroed, 1);
    assert_true(zeroed.bad); /* its limit is 0 */

    struct buf b;
    buf_init(&b, 10);
    buf_add_str(&b, "secret");
    buf_wipe(&b);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    buf_add_str(&b, "again");
    assert_string_equal(buf_text(&b), "again");
    buf_free(&b);
}

static void buf_grow_gives_room(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = BUF_INIT(100000);
    buf_u8(&b, 1);
    uint8_t *at = buf_grow(&b, 50000);
    assert_non_null(at);
    memset(at, 2, 50000);
    assert_int_equal(b.len, 50001);
    assert_int_equal(b.data[0], 1);
    assert_int_equal(b.data[50000], 2);
    CLEANUP(buf_free) struct buf empty = BUF_INIT(10);
    assert_non_null(buf_grow(&empty, 0));
}

static void numbers_are_little_endian(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                                     0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08};
    CLEANUP(buf_free) struct buf b = BUF_INIT(100);
    buf_u8(&b, 0x01);
    buf_le16(&b, 0x0203);
    buf_le32(&b, 0x04050607);
    buf_le64(&b, UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(b.len, sizeof wanted);
    assert_memory_equal(b.data, wanted, sizeof wanted);

    struct wire w = wire_of(b.data, b.len);
    assert_int_equal(wire_u8(&w), 0x01);
    assert_int_equal(wire_le16(&w), 0x0203);
    assert_int_equal(wire_le32(&w), 0x04050607);
    assert_true(wire_le64(&w) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(wire_left(&w), 0);
    assert_false(w.bad);
}

static void varints_come_back(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        size_t len;
    } cases[] = {{0, 1},          {1, 1},         {127, 1},
                 {128, 2},        {16383, 2},     {16384, 3},
                 {UINT32_MAX, 5}, {INT64_MAX, 9}, {UINT64_C(1) << 63, 10},
                 {UINT64_MAX, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_free) struct buf b = BUF_INIT(100);
        buf_varint(&b, cases[i].value);
        assert_int_equal(b.len, cases[i].len);
        struct wire w = wire_of(b.data, b.len);
        assert_true(wire_varint(&w) == cases[i].value);
        assert_false(w.bad);
        for (size_t len = 0; len < b.len; len++) { /* cut short */
            struct wire cut = wire_of(b.data, len);
            assert_int_equal(wire_varint(&cut), 0);
            assert_true(cut.bad);
        }
    }
}

static void zigzags_come_back(void **state)
{
    (void)state;
    static const int64_t values[] = {0, -1, 1, -2, 2, 63, -64, 64, INT64_MAX, INT64_MIN};
    static const uint8_t small[] = {0, 1, 2, 3, 4, 126, 127};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CLEANUP(buf_free) struct buf b = BUF_INIT(100);
        buf_zigzag(&b, values[i]);
        if (i < sizeof small)
            assert_int_equal(b.data[0], small[i]);
        struct wire w = wire_of(b.data, b.len);
        assert_true(wire_zigzag(&w) == values[i]);
    }
}

static void varints_in_a_longer_form_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } cases[] = {
        {{0x80, 0x00}, 2},
        {{0xff, 0x80, 0x00}, 3},
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02}, 10},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 11},
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0x00}, 11},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w = wire_of(cases[i].bytes, cases[i].len);
        assert_int_equal(wire_varint(&w), 0);
        assert_true(w.bad);
    }
}

static void varints_above_a_maximum_are_refused(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {100, 101, 1};
    struct wire w = wire_of(bytes, sizeof bytes);
    assert_int_equal(wire_varint_max(&w, 100), 100);
    assert_false(w.bad);
    assert_int_equal(wire_varint_max(&w, 100), 0);
    assert_true(w.bad);
    assert_int_equal(wire_varint_max(&w, 100), 0);
}

static void failure_is_sticky_and_gives_zeroes(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3};
    uint8_t out[4] = {9, 9, 9, 9};
    struct wire w = wire_of(bytes, sizeof bytes);
    assert_int_equal(wire_le32(&w), 0);
    assert_true(w.bad);
    assert_int_equal(wire_u8(&w), 0);
    assert_int_equal(wire_le16(&w), 0);
    assert_true(wire_le64(&w) == 0);
    assert_int_equal(wire_zigzag(&w), 0);
    assert_null(wire_view(&w, 0));
    wire_copy(&w, out, sizeof out);
    assert_int_equal(out[0] | out[1] | out[2] | out[3], 0);
}

static void views_stay_inside(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4};
    uint8_t out[2];
    struct wire w = wire_of(bytes, sizeof bytes);
    wire_copy(&w, out, 2);
    assert_int_equal(out[1], 2);
    wire_copy(&w, NULL, 0);
    assert_ptr_equal(wire_view(&w, 2), bytes + 2);
    assert_ptr_equal(wire_view(&w, 0), bytes + 4);
    assert_false(w.bad);
    w = wire_of(bytes, sizeof bytes);
    assert_null(wire_view(&w, UINT64_MAX));
    assert_true(w.bad);
    w = wire_of(NULL, 0);
    assert_non_null(wire_view(&w, 0));
    assert_int_equal(wire_left(&w), 0);
    assert_int_equal(wire_u8(&w), 0);
    assert_true(w.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_collects_bytes_and_text),
        cmocka_unit_test(buf_formats_long_text),
        cmocka_unit_test(buf_refuses_to_pass_its_limit_and_stays_bad),
        cmocka_unit_test(buf_survives_free_and_wipe),
        cmocka_unit_test(buf_grow_gives_room),
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(varints_come_back),
        cmocka_unit_test(zigzags_come_back),
        cmocka_unit_test(varints_in_a_longer_form_are_refused),
        cmocka_unit_test(varints_above_a_maximum_are_refused),
        cmocka_unit_test(failure_is_sticky_and_gives_zeroes),
        cmocka_unit_test(views_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
