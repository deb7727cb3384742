/*
 * What every sink must do, as tests over an open instance.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "sink_suite.h"
#include "../../core/crypto/digest.h"

#include <stdlib.h>

static const struct sme_sink_ops *ops_of(const struct instance *sink)
{
    return &sink->plugin->sink;
}

static struct instance *sink_of(void **state)
{
    return ((struct sink_rig *)*state)->sink;
}

void sink_fill(uint8_t *out, size_t len, uint32_t seed)
{
    uint32_t x = seed * 2654435761u + 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        out[i] = (uint8_t)(x >> 24);
    }
}

static struct sme_put_info info_of(const struct sme_slice *slices, size_t count, uint32_t flags)
{
    struct sme_put_info info = {.struct_size = sizeof info, .flags = flags};
    uint8_t *whole;

    for (size_t i = 0; i < count; i++)
        info.length += slices[i].len;
    whole = malloc((size_t)info.length + 1);
    assert_non_null(whole);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (slices[i].len > 0)
            memcpy(whole + at, slices[i].data, slices[i].len);
        at += slices[i].len;
    }
    assert_int_equal(sha256_of(whole, at, info.sha256, NULL), SME_OK);
    free(whole);
    return info;
}

int sink_put(struct instance *sink, const char *key, const void *data, size_t len, uint32_t flags,
             struct sme_error *err)
{
    const struct sme_slice slice = {data, len};
    const struct sme_put_info info = info_of(&slice, 1, flags);

    return ops_of(sink)->put(sink->handle, key, &slice, 1, &info, err);
}

static void put_ok(struct instance *sink, const char *key, const void *data, size_t len,
                   uint32_t flags)
{
    struct sme_error err = SME_ERROR_INIT;

    if (sink_put(sink, key, data, len, flags, &err) != SME_OK)
        fail_msg("put of '%s': %s", key, err.message);
}

void sink_assert_holds(struct instance *sink, const char *key, const void *data, size_t len)
{
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object};
    uint8_t *got = malloc(len + 100);

    assert_non_null(got);
    int64_t status = ops_of(sink)->get(sink->handle, key, 0, got, len + 100, &err);
    if (status < 0)
        fail_msg("get of '%s': %s", key, err.message);
    assert_int_equal(status, len);
    if (len > 0)
        assert_memory_equal(got, data, len);
    free(got);
    assert_int_equal(ops_of(sink)->stat(sink->handle, key, &object, &err), SME_OK);
    assert_int_equal(object.size, len);
    assert_string_equal(object.key, key);
}

void sink_assert_missing(struct instance *sink, const char *key)
{
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object, .size = 4711};
    char byte = 'x';

    assert_int_equal(ops_of(sink)->stat(sink->handle, key, &object, &err), SME_E_NOT_FOUND);
    assert_int_equal(object.size, 4711);
    assert_non_null(strstr(err.message, key));
    assert_int_equal(ops_of(sink)->get(sink->handle, key, 0, &byte, 1, &err), SME_E_NOT_FOUND);
    assert_int_equal(byte, 'x');
    assert_non_null(strstr(err.message, key));
}

/* ---- listings ----------------------------------------------------------------------------- */

struct collected {
    char keys[64][SME_KEY_MAX + 1];
    uint64_t sizes[64];
    size_t count;
    size_t stop_at; /* 0: never */
};

static int collect(void *cookie, const struct sme_object *object)
{
    struct collected *all = cookie;

    if (all->count < 64) {
        (void)snprintf(all->keys[all->count], sizeof all->keys[0], "%s", object->key);
        all->sizes[all->count] = object->size;
    }
    all->count++;
    return all->stop_at != 0 && all->count == all->stop_at ? SME_E_CANCELLED : 0;
}

long sink_count(struct instance *sink, const char *prefix, struct sme_error *err)
{
    struct collected *all = calloc(1, sizeof *all);

    assert_non_null(all);
    int status = ops_of(sink)->list(sink->handle, prefix, collect, all, err);
    long count = status < 0 ? status : (long)all->count;
    free(all);
    return count;
}

/* The listing of ${prefix} has just these keys, in any order, each once. */
static void assert_lists(struct instance *sink, const char *prefix, const char *const *keys,
                         size_t count)
{
    struct sme_error err = SME_ERROR_INIT;
    struct collected *all = calloc(1, sizeof *all);

    assert_non_null(all);
    if (ops_of(sink)->list(sink->handle, prefix, collect, all, &err) != SME_OK)
        fail_msg("list of '%s': %s", prefix, err.message);
    if (all->count != count)
        fail_msg("list of '%s' has %zu keys instead of %zu", prefix, all->count, count);
    for (size_t i = 0; i < count; i++) {
        size_t found = 0;
        for (size_t j = 0; j < all->count; j++) {
            if (strcmp(all->keys[j], keys[i]) == 0) {
                found++;
                assert_int_equal(all->sizes[j], strlen(keys[i]));
            }
        }
        if (found != 1)
            fail_msg("list of '%s' has '%s' %zu times", prefix, keys[i], found);
    }
    free(all);
}
#define LISTS(sink, prefix, ...)                                                                   \
    assert_lists(sink, prefix, (const char *const[]){__VA_ARGS__},                                 \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

void sink_lists_prefixes(void **state)
{
    static const char *const keys[] = {"repository",   "keys/1",         "docs/index/b",
                                       "docs/index/a", "docs/indexes/c", "docs/data/0f/x",
                                       "docs/meta/00", "docs-2/index/d", "backups/docs/20260101"};
    struct instance *sink = sink_of(state);

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put_ok(sink, keys[i], keys[i], strlen(keys[i]), 0);
    assert_lists(sink, "", keys, sizeof keys / sizeof keys[0]);
    LISTS(sink, "docs/index/", "docs/index/a", "docs/index/b");
    LISTS(sink, "docs/index", "docs/index/a", "docs/index/b", "docs/indexes/c");
    LISTS(sink, "docs/ind", "docs/index/a", "docs/index/b", "docs/indexes/c");
    LISTS(sink, "docs/index/a", "docs/index/a");
    LISTS(sink, "docs/", "docs/index/a", "docs/index/b", "docs/indexes/c", "docs/data/0f/x",
          "docs/meta/00");
    LISTS(sink, "d", "docs/index/a", "docs/index/b", "docs/indexes/c", "docs/data/0f/x",
          "docs/meta/00", "docs-2/index/d");
    LISTS(sink, "docs/data/", "docs/data/0f/x");
    LISTS(sink, "repository", "repository");
    assert_int_equal(sink_count(sink, "nothing/", NULL), 0);
    assert_int_equal(sink_count(sink, "docs/index/a/", NULL), 0);
    assert_int_equal(sink_count(sink, "docs/indexx", NULL), 0);
    assert_int_equal(sink_count(sink, "repositories", NULL), 0);
}

void sink_ends_a_listing_when_told(void **state)
{
    struct instance *sink = sink_of(state);
    struct collected *all = calloc(1, sizeof *all);

    assert_non_null(all);
    put_ok(sink, "a/1", "1", 1, 0);
    put_ok(sink, "a/2", "2", 1, 0);
    put_ok(sink, "b/3", "3", 1, 0);
    all->stop_at = 2;
    assert_int_equal(ops_of(sink)->list(sink->handle, "", collect, all, NULL), SME_E_CANCELLED);
    assert_int_equal(all->count, 2);
    free(all);
}

/* ---- one object --------------------------------------------------------------------------- */

void sink_says_its_limits(void **state)
{
    struct instance *sink = sink_of(state);
    struct sme_sink_limits limits = {.struct_size = sizeof limits};
    struct sme_error err = SME_ERROR_INIT;
    int64_t now = 0;

    assert_int_equal(ops_of(sink)->limits(sink->handle, &limits, &err), SME_OK);
    assert_int_equal(limits.struct_size, sizeof limits);
    assert_true(limits.max_object == 0 || limits.max_object >= UINT64_C(64) << 20);
    assert_true(limits.connections <= 1024);
    if (ops_of(sink)->server_time != NULL) {
        assert_int_equal(ops_of(sink)->server_time(sink->handle, &now, &err), SME_OK);
        assert_true(now > INT64_C(1577836800) * INT64_C(1000000000));
    }
    if (ops_of(sink)->sync != NULL)
        assert_int_equal(ops_of(sink)->sync(sink->handle, &err), SME_OK);
}

void sink_prepares_what_is_there(void **state)
{
    struct instance *sink = sink_of(state);
    struct sme_error err = SME_ERROR_INIT;

    put_ok(sink, "docs/a", "kept", 4, 0);
    if (ops_of(sink)->prepare != NULL)
        assert_int_equal(ops_of(sink)->prepare(sink->handle, &err), SME_OK);
    if (ops_of(sink)->check != NULL)
        assert_int_equal(ops_of(sink)->check(sink->handle, &err), SME_OK);
    sink_assert_holds(sink, "docs/a", "kept", 4);
    assert_int_equal(sink_count(sink, "", &err), 1);
}

/* Around the sizes at which a sink may change its ways, from aligned and unaligned memory. */
void sink_returns_what_was_put(void **state)
{
    static const size_t sizes[] = {1,
                                   4095,
                                   4096,
                                   4097,
                                   (1u << 20) - 1,
                                   1u << 20,
                                   (1u << 20) + 1,
                                   (1u << 20) + 4096,
                                   4u << 20,
                                   (4u << 20) + 5,
                                   (9u << 20) + 4095};
    struct instance *sink = sink_of(state);
    const size_t most = (size_t)10 << 20;
    uint8_t *data = aligned_alloc(4096, most);
    char key[32];

    assert_non_null(data);
    sink_fill(data, most, 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t shift = 0; shift <= 1; shift++) {
            (void)snprintf(key, sizeof key, "docs/data/%zu-%zu", sizes[i], shift);
            put_ok(sink, key, data + shift, sizes[i], SME_PUT_CREATE_ONLY);
            sink_assert_holds(sink, key, data + shift, sizes[i]);
        }
    }
    free(data);
}

void sink_returns_ranges(void **state)
{
    static const struct {
        uint64_t offset;
        size_t len;
        int64_t got;
    } ranges[] = {{0, 0, 0},     {0, 1, 1},     {0, 10000, 10000},  {0, 10001, 10000},
                  {9999, 1, 1},  {9999, 2, 1},  {4095, 2, 2},       {5000, 20000, 5000},
                  {10000, 1, 0}, {10001, 1, 0}, {UINT64_MAX, 1, 0}, {INT64_MAX, 5, 0}};
    struct instance *sink = sink_of(state);
    struct sme_error err = SME_ERROR_INIT;
    uint8_t data[10000], got[20000];

    sink_fill(data, sizeof data, 2);
    put_ok(sink, "docs/x", data, sizeof data, 0);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        memset(got, 0, sizeof got);
        assert_int_equal(
            ops_of(sink)->get(sink->handle, "docs/x", ranges[i].offset, got, ranges[i].len, &err),
            ranges[i].got);
        if (ranges[i].got > 0)
            assert_memory_equal(got, data + ranges[i].offset, (size_t)ranges[i].got);
    }
}

void sink_keeps_empty_objects(void **state)
{
    struct instance *sink = sink_of(state);
    const struct sme_put_info info = info_of(NULL, 0, SME_PUT_CREATE_ONLY);
    struct sme_error err = SME_ERROR_INIT;

    put_ok(sink, "a/empty", "", 0, SME_PUT_CREATE_ONLY);
    assert_int_equal(ops_of(sink)->put(sink->handle, "a/none", NULL, 0, &info, &err), SME_OK);
    sink_assert_holds(sink, "a/empty", "", 0);
    sink_assert_holds(sink, "a/none", "", 0);
    assert_int_equal(sink_count(sink, "a/", &err), 2);
}

void sink_joins_slices(void **state)
{
    struct instance *sink = sink_of(state);
    const size_t len = (size_t)3 << 20;
    uint8_t *data = aligned_alloc(4096, len);
    struct sme_slice slices[200];
    size_t count = 0, at = 0;
    struct sme_error err = SME_ERROR_INIT;

    assert_non_null(data);
    sink_fill(data, len, 3);
    /* Aligned ones first, then odd ones, empty ones between. */
    for (; at < (size_t)2 << 20; at += 1 << 18)
        slices[count++] = (struct sme_slice){data + at, 1 << 18};
    while (at < len && count < 198) {
        size_t piece = 1 + (at * 7919) % 9000;
        slices[count++] = (struct sme_slice){NULL, 0};
        slices[count++] = (struct sme_slice){data + at, piece};
        at += piece;
    }
    const struct sme_put_info info = info_of(slices, count, SME_PUT_CREATE_ONLY);
    assert_int_equal(info.length, at);
    assert_int_equal(ops_of(sink)->put(sink->handle, "a/slices", slices, count, &info, &err),
                     SME_OK);
    sink_assert_holds(sink, "a/slices", data, at);
    free(data);
}

void sink_takes_every_key(void **state)
{
    struct instance *sink = sink_of(state);
    char longest[SME_KEY_MAX + 1];

    memset(longest, 'k', sizeof longest);
    memcpy(longest, "docs/data/", 10);
    longest[128] = '/';
    longest[SME_KEY_MAX] = '\0';
    static const char *const keys[] = {
        "a",      "A", "0", "...", "-", "_", "a.b_c-D/E.f", "docs/gc/.x", "x/y/z/a/b/c/d/e/f",
        "..a/b.."};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put_ok(sink, keys[i], keys[i], strlen(keys[i]), SME_PUT_CREATE_ONLY);
    put_ok(sink, longest, longest, SME_KEY_MAX, SME_PUT_CREATE_ONLY);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        sink_assert_holds(sink, keys[i], keys[i], strlen(keys[i]));
    sink_assert_holds(sink, longest, longest, SME_KEY_MAX);
    assert_int_equal(sink_count(sink, "", NULL), sizeof keys / sizeof keys[0] + 1);
    LISTS(sink, longest, longest);
}

void sink_creates_only_once(void **state)
{
    struct instance *sink = sink_of(state);
    struct sme_sink_limits limits = {.struct_size = sizeof limits};
    struct sme_error err = SME_ERROR_INIT;

    assert_int_equal(ops_of(sink)->limits(sink->handle, &limits, &err), SME_OK);
    if ((limits.flags & SME_SINK_CREATE_ONLY) == 0)
        skip();
    put_ok(sink, "docs/a", "first", 5, SME_PUT_CREATE_ONLY);
    assert_int_equal(sink_put(sink, "docs/a", "other!", 6, SME_PUT_CREATE_ONLY, &err),
                     SME_E_EXISTS);
    assert_non_null(strstr(err.message, "docs/a"));
    assert_int_equal(sink_put(sink, "docs/a", "first", 5, SME_PUT_CREATE_ONLY, &err), SME_E_EXISTS);
    sink_assert_holds(sink, "docs/a", "first", 5);
    assert_int_equal(sink_count(sink, "", &err), 1);
}

void sink_replaces_when_told(void **state)
{
    struct instance *sink = sink_of(state);

    put_ok(sink, "docs/a", "first and longer", 16, SME_PUT_CREATE_ONLY);
    put_ok(sink, "docs/a", "second", 6, 0);
    put_ok(sink, "docs/a", "second", 6, 0);
    sink_assert_holds(sink, "docs/a", "second", 6);
    assert_int_equal(sink_count(sink, "", NULL), 1);
}

void sink_refuses_a_wrong_length(void **state)
{
    struct instance *sink = sink_of(state);
    const struct sme_slice slices[] = {{"abc", 3}, {"de", 2}};
    struct sme_put_info info = info_of(slices, 2, SME_PUT_CREATE_ONLY);
    struct sme_error err = SME_ERROR_INIT;

    info.length = 6;
    assert_int_equal(ops_of(sink)->put(sink->handle, "docs/a", slices, 2, &info, &err),
                     SME_E_INVALID);
    assert_non_null(strstr(err.message, "docs/a"));
    info.length = 4;
    assert_int_equal(ops_of(sink)->put(sink->handle, "docs/a", slices, 2, &info, &err),
                     SME_E_INVALID);
    sink_assert_missing(sink, "docs/a");
    assert_int_equal(sink_count(sink, "", &err), 0);
}

void sink_knows_what_is_missing(void **state)
{
    struct instance *sink = sink_of(state);
    struct sme_error err = SME_ERROR_INIT;

    sink_assert_missing(sink, "docs/a");
    put_ok(sink, "docs/ab", "x", 1, 0);
    sink_assert_missing(sink, "docs/a");
    sink_assert_missing(sink, "docs/ab/c");
    sink_assert_missing(sink, "docs");
    assert_int_equal(ops_of(sink)->remove(sink->handle, "docs/a", &err), SME_OK);
    assert_int_equal(ops_of(sink)->remove(sink->handle, "other/a", &err), SME_OK);
    assert_int_equal(ops_of(sink)->remove(sink->handle, "docs", &err), SME_OK);
    sink_assert_holds(sink, "docs/ab", "x", 1);
}

void sink_removes(void **state)
{
    struct instance *sink = sink_of(state);
    struct sme_error err = SME_ERROR_INIT;

    put_ok(sink, "docs/a", "x", 1, SME_PUT_CREATE_ONLY);
    put_ok(sink, "docs/b", "y", 1, SME_PUT_CREATE_ONLY);
    assert_int_equal(ops_of(sink)->remove(sink->handle, "docs/a", &err), SME_OK);
    sink_assert_missing(sink, "docs/a");
    assert_int_equal(sink_count(sink, "docs/", &err), 1);
    assert_int_equal(ops_of(sink)->remove(sink->handle, "docs/a", &err), SME_OK);
    put_ok(sink, "docs/a", "new", 3, SME_PUT_CREATE_ONLY);
    sink_assert_holds(sink, "docs/a", "new", 3);
    sink_assert_holds(sink, "docs/b", "y", 1);
}
