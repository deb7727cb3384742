/*
 * Items: order of paths, validity, records there and back, damaged records.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/limits.h"
#include "../../core/repo/item_encode.h"

#include <stdlib.h>

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void slash_is_below_every_other_byte(void **state)
{
    static const char *const sorted[] = {
        "", "a", "a/b", "a/b/c", "a/c", "a\001", "a b", "a-b", "a.b", "ab", "b", "\377",
    };
    size_t count = sizeof sorted / sizeof sorted[0];

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order =
                item_path_compare(sorted[i], strlen(sorted[i]), sorted[j], strlen(sorted[j]));
            assert_int_equal(sign(order), sign((int)i - (int)j));
        }
    }
}

static void paths_that_lead_elsewhere_are_invalid(void **state)
{
    static const char *const bad[] = {"/",   "/a",  "a/",   "a//b", ".",      "..",
                                      "a/.", "./a", "a/..", "../a", "a/../b", "a/./b"};
    static const char *const good[] = {"", "a", "...", "a/...", ".a", "a.", "a/b/c", "\n", "\377"};
    char long_name[300];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(item_path_valid(bad[i], strlen(bad[i])));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(item_path_valid(good[i], strlen(good[i])));
    }
    assert_false(item_path_valid("a\0b", 3));
    memset(long_name, 'x', sizeof long_name);
    assert_true(item_path_valid(long_name, 255));
    assert_false(item_path_valid(long_name, 256));
}

/* A record with everything in it. */
static void full_record(struct buf *out)
{
    static const uint64_t holes[] = {100, 4096, 50, 8192};
    static const struct sme_extra extras[] = {{"camera", "X-T4"}, {"taken", "2024-06-01"}};
    struct buf content = BUF_INIT(1000);
    struct buf xattrs = BUF_INIT(1000);
    struct buf body = BUF_INIT(4000);

    buf_u8(&content, 0);
    buf_varint(&content, 1);
    buf_varint(&content, 150);
    memset(buf_grow(&content, 32), 0x5a, 32);
    buf_varint(&xattrs, 6);
    buf_add_str(&xattrs, "user.a");
    buf_varint(&xattrs, 3);
    buf_add(&xattrs, "v\0w", 3);
    struct item_meta meta = {
        .type = SME_ITEM_FILE,
        .flags = ITEM_CHANGED,
        .mode = 04755,
        .uid = 4294967294u,
        .gid = 100,
        .mtime = {-5, 999999999, 0},
        .ctime = {INT64_C(5000000000), 1, 0},
        .size = 150 + 4096 + 8192,
        .ino = UINT64_MAX,
        .dev = 7,
        .nlink = 2,
        .xattrs = xattrs.data,
        .xattrs_len = xattrs.len,
        .xattr_count = 1,
        .holes = holes,
        .hole_count = 2,
        .content = content.data,
        .content_len = content.len,
        .extras = extras,
        .extra_count = 2,
    };
    item_encode_body(&meta, &body);
    item_encode_record("dir/file", 8, 0, body.data, body.len, out);
    assert_false(body.bad || out->bad);
    buf_free(&content);
    buf_free(&xattrs);
    buf_free(&body);
}

static void record_comes_back(void **state)
{
    struct buf record = BUF_INIT(10000);
    struct buf path = BUF_INIT(LIMIT_PATH + 1);
    struct sme_error err = {.struct_size = sizeof err};
    struct item_view v;
    const char *name;
    const char *value;
    const uint8_t *bytes;
    size_t name_len;
    size_t value_len;
    uint64_t before;
    uint64_t hole;
    struct block_chunk ref;

    (void)state;
    full_record(&record);
    struct wire w = wire_of(record.data, record.len);
    assert_int_equal(item_decode(&w, &path, &v, &err), SME_OK);
    assert_int_equal(wire_left(&w), 0);
    assert_string_equal(v.path, "dir/file");
    assert_int_equal(v.type, SME_ITEM_FILE);
    assert_int_equal(v.flags, ITEM_CHANGED | ITEM_HARDLINK | ITEM_XATTRS | ITEM_HOLES |
                                  ITEM_CONTENT | ITEM_EXTRAS);
    assert_int_equal(v.mode, 04755);
    assert_true(v.uid == 4294967294u);
    assert_int_equal(v.mtime.sec, -5);
    assert_int_equal(v.mtime.nsec, 999999999);
    assert_int_equal(v.ctime.sec, INT64_C(5000000000));
    assert_true(v.ino == UINT64_MAX);
    assert_int_equal(v.nlink, 2);
    assert_true(item_next_xattr(&v, &name, &name_len, &bytes, &value_len));
    assert_memory_equal(name, "user.a", 6);
    assert_int_equal(value_len, 3);
    assert_memory_equal(bytes, "v\0w", 3);
    assert_false(item_next_xattr(&v, &name, &name_len, &bytes, &value_len));
    assert_true(item_next_hole(&v, &before, &hole));
    assert_int_equal(before, 100);
    assert_int_equal(hole, 4096);
    assert_true(item_next_hole(&v, &before, &hole));
    assert_false(item_next_hole(&v, &before, &hole));
    assert_true(item_next_ref(&v, &ref));
    assert_int_equal(ref.len, 150);
    assert_int_equal(ref.id.bytes[31], 0x5a);
    assert_false(item_next_ref(&v, &ref));
    assert_true(item_next_extra(&v, &name, &name_len, &value, &value_len));
    assert_memory_equal(name, "camera", 6);
    assert_memory_equal(value, "X-T4", 4);
    buf_free(&record);
    buf_free(&path);
}

static void cut_records_are_refused(void **state)
{
    struct buf record = BUF_INIT(10000);

    (void)state;
    full_record(&record);
    for (size_t len = 0; len < record.len; len++) {
        struct buf path = BUF_INIT(LIMIT_PATH + 1);
        struct sme_error err = {.struct_size = sizeof err};
        struct item_view v;
        /* A copy of just these bytes, so that a read behind them is seen. */
        uint8_t *copy = malloc(len + 1);
        memcpy(copy, record.data, len);
        struct wire w = wire_of(copy, len);
        assert_int_equal(item_decode(&w, &path, &v, &err), SME_E_CORRUPT);
        free(copy);
        buf_free(&path);
    }
    buf_free(&record);
}

static void changed_bytes_never_read_outside(void **state)
{
    struct buf record = BUF_INIT(10000);

    (void)state;
    full_record(&record);
    for (size_t at = 0; at < record.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct buf path = BUF_INIT(LIMIT_PATH + 1);
            struct sme_error err = {.struct_size = sizeof err};
            struct item_view v;
            uint8_t *copy = malloc(record.len);
            memcpy(copy, record.data, record.len);
            copy[at] ^= (uint8_t)(1u << bit);
            struct wire w = wire_of(copy, record.len);
            int status = item_decode(&w, &path, &v, &err);
            assert_true(status == SME_OK || status == SME_E_CORRUPT);
            if (status == SME_OK) {
                assert_true(item_path_valid(v.path, v.path_len));
            }
            free(copy);
            buf_free(&path);
        }
    }
    buf_free(&record);
}

static void shared_prefix_longer_than_the_path_is_refused(void **state)
{
    struct buf record = BUF_INIT(1000);
    struct buf path = BUF_INIT(LIMIT_PATH + 1);
    struct sme_error err = {.struct_size = sizeof err};
    struct item_view v;

    (void)state;
    buf_varint(&record, 4);
    buf_varint(&record, 3); /* shares three bytes with nothing */
    buf_varint(&record, 1);
    buf_add_str(&record, "a!");
    struct wire w = wire_of(record.data, record.len);
    assert_int_equal(item_decode(&w, &path, &v, &err), SME_E_CORRUPT);
    assert_string_equal(err.message, "an item's path does not fit");
    buf_free(&record);
    buf_free(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slash_is_below_every_other_byte),
        cmocka_unit_test(paths_that_lead_elsewhere_are_invalid),
        cmocka_unit_test(record_comes_back),
        cmocka_unit_test(cut_records_are_refused),
        cmocka_unit_test(changed_bytes_never_read_outside),
        cmocka_unit_test(shared_prefix_longer_than_the_path_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
