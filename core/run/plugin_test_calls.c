/*
 * Conformance of sinks: calls as the checks make them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cancel.h"
#include "../base/error.h"
#include "../crypto/digest.h"
#include "plugin_test_internal.h"

#include <stdlib.h>
#include <time.h>

#define ATTEMPTS 6
#define WAIT_MS 100u
#define WAIT_MOST_MS 5000u

void sink_check_key(const struct sink_check *at, const char *name, sink_key out)
{
    (void)snprintf(out, sizeof(sink_key), "%s%s", at->check.test->prefix, name);
}

void sink_check_fill(uint8_t *out, size_t len, uint32_t seed)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        out[i] = (uint8_t)(x >> 56);
    }
}

bool sink_check_failed(struct sink_check *at, const char *call, const char *name,
                       const char *expected, int64_t status)
{
    sink_key key;

    sink_check_key(at, name, key);
    if (status >= 0)
        return plugin_check_fail(&at->check, "expected %s from %s of '%s', got success", expected,
                                 call, key);
    return plugin_check_fail(&at->check, "expected %s from %s of '%s', got %s: %s", expected, call,
                             key, error_status_name((int)status),
                             at->err.message[0] != '\0' ? at->err.message : "(no message)");
}

/* The core repeats what may be repeated, so that a busy store is no fault of the plugin. */
bool sink_check_again(unsigned attempt, int64_t status, const struct sme_error *err)
{
    if (attempt + 1 >= ATTEMPTS || (status != SME_E_TRANSIENT && status != SME_E_THROTTLED))
        return false;
    uint32_t ms = WAIT_MS << attempt;
    if (err->retry_after_ms > ms)
        ms = err->retry_after_ms;
    if (ms > WAIT_MOST_MS)
        ms = WAIT_MOST_MS;
    const struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&wait, NULL);
    return !cancel_requested();
}

static struct sme_error *fresh(struct sme_error *err)
{
    *err = (struct sme_error)SME_ERROR_INIT;
    return err;
}

struct sme_error *sink_check_fresh(struct sink_check *at)
{
    return fresh(&at->err);
}

static int make_info(const struct sme_slice *slices, size_t count, uint32_t flags,
                     struct sme_put_info *ret_info, struct sme_error *err)
{
    struct sme_put_info info = {.struct_size = sizeof info, .flags = flags};
    struct sha256 *ctx = NULL;

    int status = sha256_new(&ctx, err);
    if (status == SME_OK)
        status = sha256_start(ctx);
    for (size_t i = 0; i < count && status == SME_OK; i++) {
        info.length += slices[i].len;
        if (slices[i].len > 0)
            status = sha256_add(ctx, slices[i].data, slices[i].len);
    }
    if (status == SME_OK)
        status = sha256_finish(ctx, info.sha256);
    sha256_free(ctx);
    if (status == SME_OK)
        *ret_info = info;
    return status;
}

int sink_check_try(struct sink_check *at, const char *name, const struct sme_slice *slices,
                   size_t count, uint32_t flags, struct sme_error *err)
{
    struct sme_put_info info;
    sink_key key;
    int status;

    sink_check_key(at, name, key);
    status = make_info(slices, count, flags, &info, fresh(err));
    if (status < 0)
        return status;
    for (unsigned attempt = 0;; attempt++) {
        status = at->ops->put(at->sink->handle, key, slices, count, &info, fresh(err));
        if (!sink_check_again(attempt, status, err))
            break;
    }
    if (status == SME_OK && (at->limits.flags & SME_SINK_NEEDS_SYNC) != 0)
        status = at->ops->sync(at->sink->handle, fresh(err));
    return status;
}

int sink_check_try_put(struct sink_check *at, const char *name, const void *data, size_t len,
                       uint32_t flags)
{
    const struct sme_slice slice = {data, len};

    return sink_check_try(at, name, &slice, 1, flags, &at->err);
}

bool sink_check_put(struct sink_check *at, const char *name, const void *data, size_t len,
                    uint32_t flags)
{
    int status = sink_check_try_put(at, name, data, len, flags);

    return status == SME_OK || sink_check_failed(at, "put()", name, "success", status);
}

int64_t sink_check_get(struct sink_check *at, const char *name, uint64_t offset, void *out,
                       size_t len)
{
    sink_key key;
    int64_t status;

    sink_check_key(at, name, key);
    for (unsigned attempt = 0;; attempt++) {
        status = at->ops->get(at->sink->handle, key, offset, out, len, fresh(&at->err));
        if (!sink_check_again(attempt, status, &at->err))
            return status;
    }
}

/* The object's key may be ${key} itself. */
static int try_stat(struct sink_check *at, const sink_key key, struct sme_object *ret_object)
{
    for (unsigned attempt = 0;; attempt++) {
        int status = at->ops->stat(at->sink->handle, key, ret_object, fresh(&at->err));
        if (!sink_check_again(attempt, status, &at->err))
            return status;
    }
}

/* What stat() tells of an object that is there. */
static bool check_stat(struct sink_check *at, const char *name, const void *data, size_t len)
{
    struct sme_object object = {.struct_size = sizeof object, .size = UINT64_MAX};
    uint8_t sha256[32];
    sink_key key;

    sink_check_key(at, name, key);
    int status = try_stat(at, key, &object);
    if (status < 0)
        return sink_check_failed(at, "stat()", name, "success", status);
    if (object.size != len)
        return plugin_check_fail(&at->check, "expected size %zu from stat() of '%s', got %llu", len,
                                 name, (unsigned long long)object.size);
    if (object.key == NULL || strcmp(object.key, key) != 0)
        return plugin_check_fail(&at->check, "expected the key '%s' from stat(), got '%.*s'", key,
                                 SME_KEY_MAX, object.key != NULL ? object.key : "(none)");
    if ((object.flags & SME_OBJECT_HAS_SHA256) == 0)
        return true;
    if (sha256_of(data, len, sha256, &at->err) < 0)
        return plugin_check_fail(&at->check, "%s", at->err.message);
    if (memcmp(sha256, object.sha256, sizeof sha256) != 0)
        return plugin_check_fail(&at->check,
                                 "expected the SHA-256 of the content from stat() of '%s', got "
                                 "another one",
                                 name);
    return true;
}

bool sink_check_holds(struct sink_check *at, const char *name, const void *data, size_t len)
{
    const size_t spare = 64;
    bool holds = false;
    uint8_t *got = malloc(len + spare);

    if (got == NULL)
        return plugin_check_fail(&at->check, "no memory for an object of %zu bytes", len);
    memset(got, 0xa5, len + spare);
    int64_t status = sink_check_get(at, name, 0, got, len + spare);
    if (status < 0)
        (void)sink_check_failed(at, "get()", name, "success", status);
    else if ((uint64_t)status != len)
        (void)plugin_check_fail(&at->check, "expected %zu bytes from get() of '%s', got %lld", len,
                                name, (long long)status);
    else if (len > 0 && memcmp(got, data, len) != 0)
        (void)plugin_check_fail(
            &at->check, "expected the bytes that were put from get() of '%s', got others", name);
    else
        holds = check_stat(at, name, data, len);
    free(got);
    return holds;
}

bool sink_check_absent(struct sink_check *at, const char *name)
{
    struct sme_object object = {.struct_size = sizeof object, .size = 4711};
    uint8_t bytes[8];
    sink_key key;

    sink_check_key(at, name, key);
    int status = try_stat(at, key, &object);
    if (status != SME_E_NOT_FOUND)
        return sink_check_failed(at, "stat()", name, "not-found", status);
    if (object.size != 4711 || object.flags != 0 || object.key != NULL)
        return plugin_check_fail(&at->check,
                                 "expected an untouched object from a failed stat() of "
                                 "'%s', got a changed one",
                                 name);
    memset(bytes, 0xa5, sizeof bytes);
    int64_t got = sink_check_get(at, name, 0, bytes, sizeof bytes);
    if (got != SME_E_NOT_FOUND)
        return sink_check_failed(at, "get()", name, "not-found", got);
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (bytes[i] != 0xa5)
            return plugin_check_fail(&at->check,
                                     "expected an untouched buffer from a failed get() "
                                     "of '%s', got a changed one",
                                     name);
    }
    if (strstr(at->err.message, key) == NULL)
        return plugin_check_fail(&at->check, "expected a message that names '%s', got '%s'", key,
                                 at->err.message);
    return true;
}

bool sink_check_remove(struct sink_check *at, const char *name)
{
    sink_key key;
    int status;

    sink_check_key(at, name, key);
    for (unsigned attempt = 0;; attempt++) {
        status = at->ops->remove(at->sink->handle, key, fresh(&at->err));
        if (!sink_check_again(attempt, status, &at->err))
            break;
    }
    return status == SME_OK || sink_check_failed(at, "remove()", name, "success", status);
}

/* ---- listings ----------------------------------------------------------------------------- */

struct seen {
    const struct sink_check *at;
    const char *prefix;
    const char *const *names;
    const uint64_t *sizes;
    unsigned *times;
    size_t count;
    char wrong[400]; /* the first object that should not be there */
};

static void see_wrong(struct seen *seen, const char *how, const char *key)
{
    if (seen->wrong[0] == '\0')
        (void)snprintf(seen->wrong, sizeof seen->wrong, "%s '%.*s'", how, SME_KEY_MAX, key);
}

static int see(void *cookie, const struct sme_object *object)
{
    struct seen *seen = cookie;
    sink_key key;

    if (object->key == NULL) {
        see_wrong(seen, "an object without a key, not", "");
        return 0;
    }
    for (size_t i = 0; i < seen->count; i++) {
        sink_check_key(seen->at, seen->names[i], key);
        if (strcmp(object->key, key) != 0)
            continue;
        seen->times[i]++;
        if (seen->sizes != NULL && object->size != seen->sizes[i])
            see_wrong(seen, "a wrong size for", key);
        return 0;
    }
    see_wrong(seen, "in addition", object->key);
    return 0;
}

bool sink_check_lists(struct sink_check *at, const char *prefix, const char *const *names,
                      const uint64_t *sizes, size_t count)
{
    struct seen seen = {.at = at, .names = names, .sizes = sizes, .count = count};
    sink_key key;
    int status;
    bool is_right = false;

    sink_check_key(at, prefix, key);
    seen.times = calloc(count + 1, sizeof *seen.times);
    if (seen.times == NULL)
        return plugin_check_fail(&at->check, "no memory for a listing");
    for (unsigned attempt = 0;; attempt++) {
        memset(seen.times, 0, (count + 1) * sizeof *seen.times);
        seen.wrong[0] = '\0';
        status = at->ops->list(at->sink->handle, key, see, &seen, fresh(&at->err));
        if (!sink_check_again(attempt, status, &at->err))
            break;
    }
    size_t bad = 0;
    while (bad < count && seen.times[bad] == 1)
        bad++;
    if (status < 0)
        (void)sink_check_failed(at, "list()", prefix, "success", status);
    else if (seen.wrong[0] != '\0')
        (void)plugin_check_fail(&at->check, "expected %zu objects from list() of '%s', got %s",
                                count, key, seen.wrong);
    else if (bad < count)
        (void)plugin_check_fail(&at->check,
                                "expected '%s' once from list() of '%s', got it %u "
                                "times",
                                names[bad], key, seen.times[bad]);
    else
        is_right = true;
    free(seen.times);
    return is_right;
}
