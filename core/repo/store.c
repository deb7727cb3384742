/*
 * The only caller of a sink: retries, limits, meters.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "store_attempt.h"

#include "../base/cleanup.h"
#include "../crypto/digest.h"

#include <stdlib.h>

/* A local place whose number of connections nobody has set: what it says is for planning, and
 * more readers at once do no harm. */
#define LOCAL_CONNECTIONS 64

static bool is_serial(const struct store *store)
{
    return store->sink->plugin->desc.threads != SME_THREADS_PARALLEL;
}

int store_new(struct instance *instance, struct store **ret_store, struct sme_error *err)
{
    static const struct rate_schedule no_limit = {.count = 0};
    struct store *store = calloc(1, sizeof *store);
    unsigned at_once;

    if (store == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for sink '%s'", instance->name);
    }
    store->sink = instance;
    store->clock = &store_clock_system;
    store->limits.struct_size = sizeof store->limits;
    (void)plugin_call_note(PLUGIN_CALL_LIMITS);
    int status = attempt_status(
        store, instance->plugin->sink.limits(instance->handle, &store->limits, err), err);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    if (status < 0) {
        free(store);
        return error_context(err, "sink '%s'", instance->name);
    }
    if (store->limits.connections == 0 || is_serial(store)) {
        store->limits.connections = 1;
    }
    at_once = store->limits.connections;
    if ((store->limits.flags & SME_SINK_LOCAL) != 0 && at_once < LOCAL_CONNECTIONS &&
        !is_serial(store)) {
        at_once = LOCAL_CONNECTIONS;
    }
    gate_init(&store->gate, at_once);
    pace_init(&store->upload, &no_limit);
    pace_init(&store->download, &no_limit);
    *ret_store = store;
    return SME_OK;
}

static void set_pace(struct pace *pace, const struct rate_schedule *schedule)
{
    if (schedule != NULL) {
        pace_done(pace);
        pace_init(pace, schedule);
    }
}

void store_set_wishes(struct store *store, const struct store_wishes *wishes)
{
    if (wishes->connections > 0 && !is_serial(store)) {
        store->limits.connections = wishes->connections;
        gate_done(&store->gate);
        gate_init(&store->gate, wishes->connections);
    }
    set_pace(&store->upload, wishes->upload);
    set_pace(&store->download, wishes->download);
}

void store_set_deadline(struct store *store, int64_t monotonic_ns)
{
    store->deadline_ns = monotonic_ns;
}

void store_set_clock(struct store *store, const struct store_clock *clock)
{
    store->clock = clock;
}

void store_free(struct store *store)
{
    if (store != NULL) {
        gate_done(&store->gate);
        pace_done(&store->upload);
        pace_done(&store->download);
        free(store);
    }
}

const char *store_name(const struct store *store)
{
    return store->sink->name;
}

struct instance *store_instance(struct store *store)
{
    return store->sink;
}

const struct sme_sink_limits *store_limits(const struct store *store)
{
    return &store->limits;
}

unsigned store_connections(struct store *store)
{
    return gate_limit(&store->gate);
}

struct store_meter store_meter(const struct store *store)
{
    struct store_meter meter = {
        .put = store->put,
        .get = store->get,
        .list = store->list,
        .head = store->head,
        .remove = store->remove,
        .bytes_put = store->bytes_put,
        .bytes_got = store->bytes_got,
        .retries = store->retries,
        .throttles = store->throttles,
        .waited_ns = store->waited_ns,
        .paced_ns = store->paced_ns,
    };
    return meter;
}

int store_check(struct store *store, struct sme_error *err)
{
    if (store->sink->plugin->sink.check == NULL) {
        return SME_OK;
    }
    struct attempt op;
    int status;

    attempt_begin(&op, store, PLUGIN_CALL_SINK_CHECK, err);
    do {
        if ((status = attempt_enter(&op, NULL, 0)) == SME_OK) {
            status = attempt_status(store,
                                    store->sink->plugin->sink.check(store->sink->handle, err), err);
        }
    } while (attempt_again(&op, status));
    status = attempt_finish(&op, status);
    if (status < 0) {
        (void)error_context(err, "sink '%s'", store->sink->name);
    }
    return status;
}

int store_prepare(struct store *store, struct sme_error *err)
{
    if (store->sink->plugin->sink.prepare == NULL) {
        return SME_OK;
    }
    struct attempt op;
    int status;

    attempt_begin(&op, store, PLUGIN_CALL_PREPARE, err);
    do {
        if ((status = attempt_enter(&op, NULL, 0)) == SME_OK) {
            status = attempt_status(
                store, store->sink->plugin->sink.prepare(store->sink->handle, err), err);
        }
    } while (attempt_again(&op, status));
    status = attempt_finish(&op, status);
    if (status < 0) {
        (void)error_context(err, "sink '%s'", store->sink->name);
    }
    return status;
}

/* The object is there already: is it what we wanted to put? */
static int same_object(struct store *store, const char *key, const struct sme_put_info *info,
                       struct sme_error *err)
{
    struct sme_object object = {.struct_size = sizeof object};
    int status = store_stat(store, key, &object, err);

    if (status < 0) {
        return status;
    }
    if (object.size != info->length ||
        ((object.flags & SME_OBJECT_HAS_SHA256) != 0 &&
         memcmp(object.sha256, info->sha256, sizeof object.sha256) != 0)) {
        (void)sme_fail(err, SME_E_CORRUPT,
                       "sink '%s': object '%s' exists with other content (%llu bytes)",
                       store->sink->name, key, (unsigned long long)object.size);
        return error_hint(err, "run 'sme-backup check': an earlier upload was damaged");
    }
    return SME_OK;
}

int store_put(struct store *store, const char *key, const void *data, size_t len,
              const uint8_t *sha256, bool content_named, struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;
    struct sme_slice slice = {data, len};
    struct sme_put_info info = {
        .struct_size = sizeof info, .flags = SME_PUT_CREATE_ONLY, .length = len};
    struct attempt op;
    int status;

    if (sha256 != NULL) {
        memcpy(info.sha256, sha256, sizeof info.sha256);
    } else if ((status = sha256_of(data, len, info.sha256, err)) < 0) {
        return status;
    }
    attempt_begin(&op, store, PLUGIN_CALL_PUT, err);
    do {
        if ((status = attempt_enter(&op, &store->upload, len)) == SME_OK) {
            status = attempt_status(store,
                                    ops->put(store->sink->handle, key, &slice, 1, &info, err), err);
            store->put++;
        }
    } while (attempt_again(&op, status));
    /* The reply to an earlier attempt may have been lost: then the object is ours.  The attempt
     * that met the object counts as one. */
    if (status == SME_E_EXISTS && (content_named || op.retry.attempts > 1)) {
        return same_object(store, key, &info, err);
    }
    status = attempt_finish(&op, status);
    if (status < 0) {
        return attempt_context(store, "store", key, err, status);
    }
    store->bytes_put += len;
    return SME_OK;
}

int store_get_some(struct store *store, const char *key, uint64_t offset, void *out, size_t len,
                   size_t *ret_got, struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;
    struct attempt op;
    int64_t got = 0;
    int status;

    attempt_begin(&op, store, PLUGIN_CALL_GET, err);
    do {
        if ((status = attempt_enter(&op, &store->download, len)) == SME_OK) {
            got = ops->get(store->sink->handle, key, offset, out, len, err);
            status = got < 0 ? attempt_status(store, got, err) : SME_OK;
            store->get++;
            if (got < 0 || (uint64_t)got < len) {
                pace_give_back(&store->download, got < 0 ? len : len - (size_t)got);
            }
        }
    } while (attempt_again(&op, status));
    status = attempt_finish(&op, status);
    if (status < 0) {
        return attempt_context(store, "read", key, err, status);
    }
    if ((uint64_t)got > len) {
        return sme_fail(err, SME_E_IO, "plugin of sink '%s' returned more of '%s' than was asked",
                        store->sink->name, key);
    }
    store->bytes_got += (uint64_t)got;
    *ret_got = (size_t)got;
    return SME_OK;
}

int store_get_range(struct store *store, const char *key, uint64_t offset, void *out, size_t len,
                    struct sme_error *err)
{
    size_t got = 0;
    int status = store_get_some(store, key, offset, out, len, &got, err);

    if (status < 0) {
        return status;
    }
    if (got != len) {
        return sme_fail(err, SME_E_CORRUPT,
                        "sink '%s': object '%s' ends at byte %llu, but %llu were expected",
                        store->sink->name, key, (unsigned long long)(offset + got),
                        (unsigned long long)(offset + len));
    }
    return SME_OK;
}

int store_get(struct store *store, const char *key, struct buf *out, struct sme_error *err)
{
    size_t piece = 64 * 1024;
    uint64_t offset = 0;

    for (;;) {
        size_t start = out->len;
        size_t room = out->max > start ? out->max - start : 0;
        /* One byte above the limit tells an object that is too large from one that fits. */
        size_t want = piece < room ? piece : room + 1;
        size_t got = 0;
        uint8_t *at;
        CLEANUP(free_ptr) uint8_t *last = NULL;

        if (want > room) {
            at = last = malloc(want);
        } else {
            at = buf_grow(out, want);
        }
        if (at == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory to read '%s'", key);
        }
        int status = store_get_some(store, key, offset, at, want, &got, err);
        if (status < 0) {
            out->len = start;
            return status;
        }
        if (last != NULL) {
            if (got > room) {
                return sme_fail(err, SME_E_CORRUPT,
                                "sink '%s': object '%s' is larger than the %zu bytes it may have",
                                store->sink->name, key, out->max);
            }
            buf_add(out, last, got);
        } else {
            out->len = start + got;
        }
        offset += got;
        if (got < want) {
            return SME_OK;
        }
        piece = piece < (16u << 20) ? piece * 8 : piece;
    }
}

int store_stat(struct store *store, const char *key, struct sme_object *ret_object,
               struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;
    struct attempt op;
    int status;

    attempt_begin(&op, store, PLUGIN_CALL_STAT, err);
    do {
        if ((status = attempt_enter(&op, NULL, 0)) == SME_OK) {
            status =
                attempt_status(store, ops->stat(store->sink->handle, key, ret_object, err), err);
            store->head++;
        }
    } while (attempt_again(&op, status));
    status = attempt_finish(&op, status);
    return status < 0 ? attempt_context(store, "look at", key, err, status) : SME_OK;
}

int store_remove(struct store *store, const char *key, struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;
    struct attempt op;
    int status;

    attempt_begin(&op, store, PLUGIN_CALL_REMOVE, err);
    do {
        if ((status = attempt_enter(&op, NULL, 0)) == SME_OK) {
            status = attempt_status(store, ops->remove(store->sink->handle, key, err), err);
            store->remove++;
        }
    } while (attempt_again(&op, status));
    status = attempt_finish(&op, status);
    return status < 0 ? attempt_context(store, "remove", key, err, status) : SME_OK;
}

int store_sync(struct store *store, struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;

    if (ops->sync == NULL || (store->limits.flags & SME_SINK_NEEDS_SYNC) == 0) {
        return SME_OK;
    }
    struct attempt op;
    int status;

    attempt_begin(&op, store, PLUGIN_CALL_SYNC, err);
    do {
        if ((status = attempt_enter(&op, NULL, 0)) == SME_OK) {
            status = attempt_status(store, ops->sync(store->sink->handle, err), err);
        }
    } while (attempt_again(&op, status));
    status = attempt_finish(&op, status);
    return status < 0 ? attempt_context(store, "sync", store->sink->name, err, status) : SME_OK;
}
