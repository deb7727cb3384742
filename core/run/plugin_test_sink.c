/*
 * Conformance of sinks: what is checked, call by call.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/error.h"
#include "../base/hex.h"
#include "../base/rng.h"
#include "plugin_test_internal.h"

#include <stdlib.h>

#define BIG_SIZE (3u * 1024 * 1024 + 17)
#define YEAR_2020_NS (1577836800ll * 1000000000)

/* ---- the place ---------------------------------------------------------------------------- */

static void check_limits(struct sink_check *at)
{
    const uint32_t known = SME_SINK_CREATE_ONLY | SME_SINK_NEEDS_SYNC | SME_SINK_LOCAL;

    if ((at->limits.flags & ~known) != 0)
        (void)plugin_check_fail(&at->check, "expected flags from sink.h, got 0x%x",
                                (unsigned)at->limits.flags);
    else if (at->limits.connections == 0 || at->limits.connections > 1000)
        (void)plugin_check_fail(&at->check, "expected 1 to 1000 connections, got %u",
                                (unsigned)at->limits.connections);
    else if (at->limits.max_object != 0 && at->limits.max_object < 64u * 1024 * 1024)
        (void)plugin_check_fail(&at->check,
                                "expected objects of 64 MiB or no limit (0), got a limit of %llu",
                                (unsigned long long)at->limits.max_object);
}

static void check_prepare(struct sink_check *at)
{
    if (at->ops->prepare == NULL) {
        (void)plugin_check_skip(&at->check, "the sink has nothing to prepare");
        return;
    }
    if (!sink_check_put(at, "there", "x", 1, SME_PUT_CREATE_ONLY))
        return;
    for (unsigned i = 0; i < 2; i++) {
        int status;
        for (unsigned attempt = 0;; attempt++) {
            status = at->ops->prepare(at->sink->handle, sink_check_fresh(at));
            if (!sink_check_again(attempt, status, &at->err))
                break;
        }
        if (status < 0) {
            (void)sink_check_failed(at, "prepare()", "", "success", status);
            return;
        }
    }
    (void)sink_check_holds(at, "there", "x", 1);
}

static int read_clock(struct sink_check *at, int64_t *ret_ns)
{
    for (unsigned attempt = 0;; attempt++) {
        int status = at->ops->server_time(at->sink->handle, ret_ns, sink_check_fresh(at));
        if (!sink_check_again(attempt, status, &at->err))
            return status;
    }
}

static void check_time(struct sink_check *at)
{
    int64_t first = 0, second = 0;

    if (at->ops->server_time == NULL) {
        (void)plugin_check_skip(&at->check, "the sink tells no time");
        return;
    }
    int status = read_clock(at, &first);
    if (status == SME_OK)
        status = read_clock(at, &second);
    if (status < 0)
        (void)sink_check_failed(at, "server_time()", "", "success", status);
    else if (first < YEAR_2020_NS || second < YEAR_2020_NS)
        (void)plugin_check_fail(&at->check, "expected nanoseconds since 1970, got %lld",
                                (long long)first);
    else if (second + 1000000000 < first)
        (void)plugin_check_fail(&at->check, "expected a clock that goes on, got %lld after %lld",
                                (long long)second, (long long)first);
}

/* ---- put, get, stat ----------------------------------------------------------------------- */

static void check_round_trip(struct sink_check *at)
{
    static const size_t sizes[] = {1, 4095, 4096, 65537, BIG_SIZE};
    uint8_t *data = malloc(BIG_SIZE);
    bool is_right = data != NULL;
    char name[32];

    if (!is_right)
        (void)plugin_check_fail(&at->check, "no memory for an object");
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0] && is_right; i++) {
        (void)snprintf(name, sizeof name, "trip/%zu", sizes[i]);
        sink_check_fill(data, sizes[i], i);
        is_right = sink_check_put(at, name, data, sizes[i], SME_PUT_CREATE_ONLY) &&
                   sink_check_holds(at, name, data, sizes[i]);
    }
    free(data);
}

static bool range_is_right(struct sink_check *at, const uint8_t *data, size_t size, uint64_t offset,
                           size_t len)
{
    uint8_t got[2048];
    size_t expected = offset >= size                ? 0
                      : size - (size_t)offset < len ? size - (size_t)offset
                                                    : len;

    memset(got, 0xa5, sizeof got);
    int64_t status = sink_check_get(at, "range", offset, got, len);
    if (status < 0)
        return sink_check_failed(at, "get()", "range", "success", status);
    if ((uint64_t)status != expected)
        return plugin_check_fail(&at->check,
                                 "expected %zu bytes from get() of %zu from offset %llu of an "
                                 "object of %zu, got %lld",
                                 expected, len, (unsigned long long)offset, size,
                                 (long long)status);
    if (expected > 0 && memcmp(got, data + (size_t)offset, expected) != 0)
        return plugin_check_fail(&at->check,
                                 "expected the bytes from offset %llu from get(), got others",
                                 (unsigned long long)offset);
    for (size_t i = expected; i < sizeof got; i++) {
        if (got[i] != 0xa5)
            return plugin_check_fail(&at->check,
                                     "expected the buffer behind %zu bytes untouched by get(), got "
                                     "it changed",
                                     expected);
    }
    return true;
}

static void check_ranges(struct sink_check *at)
{
    static const struct {
        uint64_t offset;
        size_t len;
    } ranges[] = {{0, 1},     {0, 1000},  {1, 10},        {999, 1}, {999, 100},
                  {500, 600}, {1000, 10}, {1000000, 100}, {0, 2000}};
    uint8_t data[1000];

    sink_check_fill(data, sizeof data, 1);
    bool is_right = sink_check_put(at, "range", data, sizeof data, SME_PUT_CREATE_ONLY);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0] && is_right; i++)
        is_right = range_is_right(at, data, sizeof data, ranges[i].offset, ranges[i].len);
}

static void check_empty(struct sink_check *at)
{
    static const char *const names[] = {"empty/a", "empty/b"};
    static const uint64_t sizes[] = {0, 0};

    if (sink_check_put(at, names[0], "", 0, SME_PUT_CREATE_ONLY) &&
        sink_check_put(at, names[1], NULL, 0, SME_PUT_CREATE_ONLY) &&
        sink_check_holds(at, names[0], "", 0) && sink_check_holds(at, names[1], "", 0))
        (void)sink_check_lists(at, "empty/", names, sizes, 2);
}

static void check_slices(struct sink_check *at)
{
    static const char text[] = "one, two and three";
    const struct sme_slice slices[] = {{text, 3},     {NULL, 0},     {text + 3, 0},
                                       {text + 3, 1}, {text + 4, 5}, {text + 9, 9}};

    int status = sink_check_try(at, "slices", slices, sizeof slices / sizeof slices[0],
                                SME_PUT_CREATE_ONLY, &at->err);
    if (status < 0)
        (void)sink_check_failed(at, "put()", "slices", "success", status);
    else
        (void)sink_check_holds(at, "slices", text, strlen(text));
}

static void check_keys(struct sink_check *at)
{
    static const char *const plain[] = {"keys/ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                        "keys/abcdefghijklmnopqrstuvwxyz",
                                        "keys/0123456789",
                                        "keys/._-",
                                        "keys/...",
                                        "keys/a..b",
                                        "keys/-first",
                                        "keys/.hidden",
                                        "keys/deep/er/and/deep.er/still/1",
                                        "keys/index.html"};
    const char *names[sizeof plain / sizeof plain[0] + 1];
    uint64_t sizes[sizeof names / sizeof names[0]];
    const size_t count = sizeof names / sizeof names[0];
    char longest[SME_KEY_MAX + 1];
    size_t room = SME_KEY_MAX - strlen(at->check.test->prefix);

    for (size_t i = 0; i + 1 < count; i++)
        names[i] = plain[i];
    memset(longest, 'k', sizeof longest);
    longest[room] = '\0';
    memcpy(longest, "keys/", 5);
    names[count - 1] = longest;
    for (size_t i = 0; i < count; i++) {
        sizes[i] = strlen(names[i]);
        if (!sink_check_put(at, names[i], names[i], strlen(names[i]), SME_PUT_CREATE_ONLY))
            return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!sink_check_holds(at, names[i], names[i], strlen(names[i])))
            return;
    }
    (void)sink_check_lists(at, "keys/", names, sizes, count);
}

static void check_create_only(struct sink_check *at)
{
    if ((at->limits.flags & SME_SINK_CREATE_ONLY) == 0) {
        (void)plugin_check_skip(&at->check, "the sink does not offer create-only puts");
        return;
    }
    if (!sink_check_put(at, "once", "first", 5, SME_PUT_CREATE_ONLY))
        return;
    /* The same bytes are no exception. */
    for (unsigned i = 0; i < 2; i++) {
        int status = sink_check_try_put(at, "once", i == 0 ? "other!" : "first", i == 0 ? 6 : 5,
                                        SME_PUT_CREATE_ONLY);
        if (status != SME_E_EXISTS) {
            (void)sink_check_failed(at, "a second create-only put()", "once", "exists", status);
            return;
        }
    }
    (void)sink_check_holds(at, "once", "first", 5);
}

static void check_replace(struct sink_check *at)
{
    static const char *const names[] = {"twice"};
    static const uint64_t sizes[] = {6};

    if (!sink_check_put(at, "twice", "first and longer", 16, SME_PUT_CREATE_ONLY))
        return;
    int status = sink_check_try_put(at, "twice", "second", 6, 0);
    if (status == SME_E_DENIED) {
        at->can_replace = false;
        (void)plugin_check_skip(&at->check, "the place does not let objects be replaced");
    } else if (status < 0) {
        (void)sink_check_failed(at, "put() over an object", "twice", "success", status);
    } else if (sink_check_put(at, "twice", "second", 6, 0) &&
               sink_check_holds(at, "twice", "second", 6)) {
        (void)sink_check_lists(at, "twice", names, sizes, 1);
    }
}

static void check_wrong_length(struct sink_check *at)
{
    static const uint64_t lengths[] = {6, 4, 0};
    const struct sme_slice slices[] = {{"abc", 3}, {"de", 2}};
    sink_key key;

    sink_check_key(at, "length", key);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const struct sme_put_info info = {
            .struct_size = sizeof info, .flags = SME_PUT_CREATE_ONLY, .length = lengths[i]};
        int status;
        for (unsigned attempt = 0;; attempt++) {
            status = at->ops->put(at->sink->handle, key, slices, 2, &info, sink_check_fresh(at));
            if (!sink_check_again(attempt, status, &at->err))
                break;
        }
        if (status != SME_E_INVALID) {
            (void)sink_check_failed(at, "put() of 5 bytes with another length", "length", "invalid",
                                    status);
            return;
        }
    }
    (void)sink_check_absent(at, "length");
}

static void check_missing(struct sink_check *at)
{
    if (sink_check_absent(at, "missing/a") &&
        sink_check_put(at, "missing/ab", "x", 1, SME_PUT_CREATE_ONLY) &&
        sink_check_absent(at, "missing/a") && sink_check_absent(at, "missing/ab/c") &&
        sink_check_absent(at, "missing"))
        (void)sink_check_holds(at, "missing/ab", "x", 1);
}

static void check_remove(struct sink_check *at)
{
    static const char *const names[] = {"remove/b"};
    static const uint64_t sizes[] = {1};

    if (!sink_check_put(at, "remove/a", "x", 1, SME_PUT_CREATE_ONLY) ||
        !sink_check_put(at, "remove/b", "y", 1, SME_PUT_CREATE_ONLY) ||
        !sink_check_remove(at, "remove/a") || !sink_check_absent(at, "remove/a") ||
        !sink_check_lists(at, "remove/", names, sizes, 1))
        return;
    /* What is gone, what never was, and what is only the beginning of a key. */
    if (sink_check_remove(at, "remove/a") && sink_check_remove(at, "never/was") &&
        sink_check_remove(at, "remove") && sink_check_holds(at, "remove/b", "y", 1) &&
        sink_check_put(at, "remove/a", "new", 3, SME_PUT_CREATE_ONLY))
        (void)sink_check_holds(at, "remove/a", "new", 3);
}

/* ---- list --------------------------------------------------------------------------------- */

static void check_lists(struct sink_check *at)
{
    static const char *const names[] = {
        "list/docs/index/a",   "list/docs/index/b", "list/docs/indexes/c", "list/docs/data/0f/x",
        "list/docs-2/index/d", "list/docs.x",       "list/backups/docs/1"};
    static const size_t count = sizeof names / sizeof names[0];
    uint64_t sizes[sizeof names / sizeof names[0]];

    for (size_t i = 0; i < count; i++) {
        sizes[i] = strlen(names[i]);
        if (!sink_check_put(at, names[i], names[i], strlen(names[i]), SME_PUT_CREATE_ONLY))
            return;
    }
    if (sink_check_lists(at, "list/", names, sizes, count) &&
        sink_check_lists(at, "list/docs/index/", names, sizes, 2) &&
        /* A prefix need not end where a component does. */
        sink_check_lists(at, "list/docs/ind", names, sizes, 3) &&
        sink_check_lists(at, "list/docs", names, sizes, 6) &&
        sink_check_lists(at, "list/docs/", names, sizes, 4) &&
        sink_check_lists(at, "list/docs/index/a", names, sizes, 1) &&
        sink_check_lists(at, "list/nothing/", NULL, NULL, 0))
        (void)sink_check_lists(at, "list/docs/index/a/", NULL, NULL, 0);
}

struct stopper {
    unsigned calls;
    unsigned stop_at;
    int answer;
};

static int stop_listing(void *cookie, const struct sme_object *object)
{
    struct stopper *stopper = cookie;

    (void)object;
    return ++stopper->calls >= stopper->stop_at ? stopper->answer : 0;
}

static void check_list_ends(struct sink_check *at)
{
    static const int answers[] = {SME_E_CANCELLED, 7};
    char name[16];
    sink_key key;

    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof name, "ends/%u", i);
        if (!sink_check_put(at, name, "x", 1, SME_PUT_CREATE_ONLY))
            return;
    }
    sink_check_key(at, "ends/", key);
    for (unsigned i = 0; i < 2; i++) {
        struct stopper stopper = {.stop_at = 2, .answer = answers[i]};
        int status;
        for (unsigned attempt = 0;; attempt++) {
            stopper.calls = 0;
            status =
                at->ops->list(at->sink->handle, key, stop_listing, &stopper, sink_check_fresh(at));
            if (!sink_check_again(attempt, status, &at->err))
                break;
        }
        if (stopper.calls < 2) {
            (void)sink_check_failed(at, "list()", "ends/", "2 objects at least", status);
            return;
        }
        if (stopper.calls > 2) {
            (void)plugin_check_fail(&at->check,
                                    "expected list() to end when the callback returned %d, got %u "
                                    "more objects",
                                    answers[i], stopper.calls - 2);
            return;
        }
        if (status != answers[i]) {
            (void)plugin_check_fail(&at->check,
                                    "expected %d, which the callback returned, from list(), got %d",
                                    answers[i], status);
            return;
        }
    }
}

/* ---- all of them -------------------------------------------------------------------------- */

static const struct {
    const char *what;
    const char *look;
    void (*make)(struct sink_check *at);
} checks[] = {
    {"limits are sensible", "limits()", check_limits},
    {"an object comes back as it was put, at any size",
     "put(): all bytes, durable before success is returned; get() and stat() of the same key",
     check_round_trip},
    {"preparing a place that exists changes nothing", "prepare(): it is called again by every init",
     check_prepare},
    {"ranges are exact, and nothing lies behind the end",
     "get(): offset, short only at the end, 0 behind it, and no byte behind what is returned",
     check_ranges},
    {"objects can be empty", "put() with a length of 0", check_empty},
    {"slices are joined in order", "put(): every slice, empty ones too", check_slices},
    {"every key comes back as it is",
     "how keys become names of the place: letter case, dots, '-', and SME_KEY_MAX bytes",
     check_keys},
    {"a create-only put leaves an existing object alone",
     "put() with SME_PUT_CREATE_ONLY: one step that fails if the name is taken; or leave "
     "SME_SINK_CREATE_ONLY out of limits()",
     check_create_only},
    {"an ordinary put replaces", "put() without SME_PUT_CREATE_ONLY", check_replace},
    {"a put of another length than announced is refused",
     "put(): compare the sum of the slices with info->length before anything is stored",
     check_wrong_length},
    {"what is missing is told as missing, and nothing else is touched",
     "stat() and get(): SME_E_NOT_FOUND with the key in the message, out parameters as they were",
     check_missing},
    {"removing is final, and harmless when repeated",
     "remove(): a missing object is success, and no other object goes", check_remove},
    {"listings are complete and exact",
     "list(): every object whose key begins with the prefix, once, with its size; a listing that "
     "cannot be finished must fail",
     check_lists},
    {"a listing ends when it is told to",
     "list(): what the callback returns, unless 0, ends it and is its result", check_list_ends},
    {"the sink's clock is one", "server_time(): nanoseconds since 1970-01-01 UTC", check_time},
    {"one of many create-only puts wins",
     "put() with SME_PUT_CREATE_ONLY from several threads: no look first and store then",
     sink_check_one_wins},
    {"many objects are put at once",
     "put() from several threads: temporary names, shared buffers; or desc.threads",
     sink_check_many_at_once},
    {"an object is seen whole while it is replaced",
     "put(): the new object appears in one step, under its name only when it is complete",
     sink_check_shown_whole},
};

/* ---- cleaning up -------------------------------------------------------------------------- */

struct left {
    sink_key *keys;
    size_t count, room;
    bool no_memory;
};

static int note_left(void *cookie, const struct sme_object *object)
{
    struct left *left = cookie;

    if (left->count == left->room) {
        size_t room = left->room == 0 ? 64 : left->room * 2;
        sink_key *keys = realloc(left->keys, room * sizeof *keys);
        if (keys == NULL) {
            left->no_memory = true;
            return SME_E_NO_MEMORY;
        }
        left->keys = keys;
        left->room = room;
    }
    (void)snprintf(left->keys[left->count++], sizeof(sink_key), "%s", object->key);
    return 0;
}

/* Removes all below the prefix, and only that, whatever the sink lists. */
static void clean_up(struct sink_check *at)
{
    const char *prefix = at->check.test->prefix;
    struct left left = {.keys = NULL};

    for (unsigned attempt = 0;; attempt++) {
        left.count = 0;
        int status = at->ops->list(at->sink->handle, prefix, note_left, &left, &at->err);
        if (status < 0 && !sink_check_again(attempt, status, &at->err)) {
            (void)sink_check_failed(at, "list()", "", "success", status);
            break;
        }
        if (status >= 0)
            break;
    }
    for (size_t i = 0; i < left.count; i++) {
        if (strncmp(left.keys[i], prefix, strlen(prefix)) != 0)
            continue;
        if (!sink_check_remove(at, left.keys[i] + strlen(prefix)))
            at->check.test->left_behind++;
    }
    free(left.keys);
    if (at->check.result == PLUGIN_TEST_OK)
        (void)sink_check_lists(at, "", NULL, NULL, 0);
}

int plugin_test_sink(struct plugin_test *test, struct instance *sink, struct sme_error *err)
{
    struct sink_check at = {
        .sink = sink,
        .ops = &sink->plugin->sink,
        .limits = {.struct_size = sizeof at.limits},
        .can_replace = true,
    };
    uint8_t random[4];
    char name[9];

    int status = rng_bytes(random, sizeof random, err);
    if (status == SME_OK && at.ops->check != NULL)
        status = at.ops->check(sink->handle, err);
    if (status == SME_OK)
        status = at.ops->limits(sink->handle, &at.limits, err);
    if (status < 0)
        return error_context(err, "sink '%s'", sink->name);
    hex_encode(random, sizeof random, name);
    (void)snprintf(test->prefix, sizeof test->prefix, "conformance-%s/", name);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        at.err = (struct sme_error)SME_ERROR_INIT;
        plugin_check_begin(&at.check, test, checks[i].what, checks[i].look);
        checks[i].make(&at);
        plugin_check_end(&at.check);
        /* Some learn by trying what a place cannot do. */
        (void)at.ops->limits(sink->handle, &at.limits, &at.err);
    }
    plugin_check_begin(&at.check, test, "everything that was put can be removed again",
                       "list() and remove(); or the permissions that this was run with");
    clean_up(&at);
    plugin_check_end(&at.check);
    return SME_OK;
}
