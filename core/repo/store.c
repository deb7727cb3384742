/*
 * The only caller of a sink: retries, meters, limits on what is read.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "store.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/rng.h"
#include "../crypto/digest.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A call that may be repeated is repeated this often, with full jitter up to the cap. */
#define ATTEMPTS 6
#define BACKOFF_BASE_MS 100
#define BACKOFF_CAP_MS 20000

struct store {
    struct instance *sink;
    struct sme_sink_limits limits;
    pthread_mutex_t serial; /* held around every call of a sink that is not parallel */
    bool is_serial;
    atomic_uint_least64_t put, get, list, head, remove, bytes_put, bytes_got, retries;
};

int store_new(struct instance *instance, struct store **ret_store, struct sme_error *err)
{
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for sink '%s'", instance->name);
    }
    store->sink = instance;
    store->is_serial = instance->plugin->desc.threads != SME_THREADS_PARALLEL;
    store->limits.struct_size = sizeof store->limits;
    int status = instance->plugin->sink.limits(instance->handle, &store->limits, err);
    if (status < 0) {
        free(store);
        return error_context(err, "sink '%s'", instance->name);
    }
    if (store->limits.connections == 0) {
        store->limits.connections = 1;
    }
    (void)pthread_mutex_init(&store->serial, NULL);
    *ret_store = store;
    return SME_OK;
}

void store_free(struct store *store)
{
    if (store != NULL) {
        (void)pthread_mutex_destroy(&store->serial);
        free(store);
    }
}

const char *store_name(const struct store *store)
{
    return store->sink->name;
}

const struct sme_sink_limits *store_limits(const struct store *store)
{
    return &store->limits;
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
    };
    return meter;
}

static void enter(struct store *store)
{
    if (store->is_serial) {
        (void)pthread_mutex_lock(&store->serial);
    }
}

static void leave(struct store *store)
{
    if (store->is_serial) {
        (void)pthread_mutex_unlock(&store->serial);
    }
}

/* After a failed attempt: true if the call is to be made again, after the wait. */
static bool try_again(struct store *store, int status, unsigned *attempt,
                      const struct sme_error *err)
{
    if (status != SME_E_TRANSIENT || *attempt + 1 >= ATTEMPTS || cancel_requested()) {
        return false;
    }
    uint64_t cap = (uint64_t)BACKOFF_BASE_MS << *attempt;
    uint32_t dice = 0;
    if (rng_bytes(&dice, sizeof dice, NULL) < 0) {
        return false;
    }
    uint64_t wait_ms = dice % ((cap < BACKOFF_CAP_MS ? cap : BACKOFF_CAP_MS) + 1);
    if (err != NULL && err->retry_after_ms > wait_ms) {
        wait_ms = err->retry_after_ms < BACKOFF_CAP_MS ? err->retry_after_ms : BACKOFF_CAP_MS;
    }
    struct pollfd wake = {.fd = cancel_fd(), .events = POLLIN};
    (void)poll(&wake, 1, (int)wait_ms);
    *attempt += 1;
    store->retries++;
    return !cancel_requested();
}

/* A status that a sink may not return is a failure of the plugin, not of the store. */
static int sane(struct store *store, int status, struct sme_error *err)
{
    if (status > 0 || status < SME_E_UNSUPPORTED) {
        return sme_fail(err, SME_E_IO, "plugin of sink '%s' returned the unknown status %d",
                        store->sink->name, status);
    }
    return status;
}

static int fail_context(struct store *store, const char *what, const char *key,
                        struct sme_error *err, int status)
{
    (void)error_context(err, "sink '%s': cannot %s '%s'", store->sink->name, what, key);
    return status;
}

int store_check(struct store *store, struct sme_error *err)
{
    if (store->sink->plugin->sink.check == NULL) {
        return SME_OK;
    }
    enter(store);
    int status = sane(store, store->sink->plugin->sink.check(store->sink->handle, err), err);
    leave(store);
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
    enter(store);
    int status = sane(store, store->sink->plugin->sink.prepare(store->sink->handle, err), err);
    leave(store);
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
    unsigned attempt = 0;
    int status;

    if (sha256 != NULL) {
        memcpy(info.sha256, sha256, sizeof info.sha256);
    } else if ((status = sha256_of(data, len, info.sha256, err)) < 0) {
        return status;
    }
    do {
        enter(store);
        status = sane(store, ops->put(store->sink->handle, key, &slice, 1, &info, err), err);
        leave(store);
        store->put++;
    } while (status < 0 && try_again(store, status, &attempt, err));
    /* The reply to an earlier attempt may have been lost: then the object is ours. */
    if (status == SME_E_EXISTS && (content_named || attempt > 0)) {
        return same_object(store, key, &info, err);
    }
    if (status < 0) {
        return fail_context(store, "store", key, err, status);
    }
    store->bytes_put += len;
    return SME_OK;
}

int store_get_some(struct store *store, const char *key, uint64_t offset, void *out, size_t len,
                   size_t *ret_got, struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;
    unsigned attempt = 0;
    int64_t got;

    do {
        enter(store);
        got = ops->get(store->sink->handle, key, offset, out, len, err);
        leave(store);
        store->get++;
    } while (got < 0 && try_again(store, (int)got, &attempt, err));
    if (got < 0) {
        return fail_context(store, "read", key, err, sane(store, (int)got, err));
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
    unsigned attempt = 0;
    int status;

    do {
        enter(store);
        status = sane(store, ops->stat(store->sink->handle, key, ret_object, err), err);
        leave(store);
        store->head++;
    } while (status < 0 && try_again(store, status, &attempt, err));
    return status < 0 ? fail_context(store, "look at", key, err, status) : SME_OK;
}

int store_list(struct store *store, const char *prefix, sme_list_fn *callback, void *cookie,
               struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;

    /* Not repeated here: the callback has seen part of it.  store_names() repeats. */
    enter(store);
    int status = sane(store, ops->list(store->sink->handle, prefix, callback, cookie, err), err);
    leave(store);
    store->list++;
    return status < 0 ? fail_context(store, "list", prefix, err, status) : SME_OK;
}

int store_remove(struct store *store, const char *key, struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;
    unsigned attempt = 0;
    int status;

    do {
        enter(store);
        status = sane(store, ops->remove(store->sink->handle, key, err), err);
        leave(store);
        store->remove++;
    } while (status < 0 && try_again(store, status, &attempt, err));
    return status < 0 ? fail_context(store, "remove", key, err, status) : SME_OK;
}

int store_sync(struct store *store, struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;

    if (ops->sync == NULL || (store->limits.flags & SME_SINK_NEEDS_SYNC) == 0) {
        return SME_OK;
    }
    enter(store);
    int status = sane(store, ops->sync(store->sink->handle, err), err);
    leave(store);
    return status < 0 ? fail_context(store, "sync", store->sink->name, err, status) : SME_OK;
}

struct collect {
    struct store_names names;
    size_t cap;
};

static int collect_name(void *cookie, const struct sme_object *object)
{
    struct collect *all = cookie;

    if (all->names.count == all->cap) {
        size_t cap = all->cap == 0 ? 64 : all->cap * 2;
        struct store_entry *grown = reallocarray(all->names.at, cap, sizeof *grown);
        if (grown == NULL) {
            return SME_E_NO_MEMORY;
        }
        all->names.at = grown;
        all->cap = cap;
    }
    char *key = strdup(object->key);
    if (key == NULL) {
        return SME_E_NO_MEMORY;
    }
    all->names.at[all->names.count++] =
        (struct store_entry){key, object->size, object->modified_ns};
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct store_entry *left = a;
    const struct store_entry *right = b;

    return strcmp(left->key, right->key);
}

int store_names(struct store *store, const char *prefix, struct store_names *ret_names,
                struct sme_error *err)
{
    struct collect all = {0};
    unsigned attempt = 0;
    int status;

    do {
        store_names_free(&all.names);
        all.cap = 0;
        status = store_list(store, prefix, collect_name, &all, err);
    } while (status < 0 && try_again(store, status, &attempt, err));
    if (status < 0) {
        store_names_free(&all.names);
        return status;
    }
    if (all.names.count > 0) {
        qsort(all.names.at, all.names.count, sizeof *all.names.at, compare_entries);
    }
    for (size_t i = 1; i < all.names.count; i++) {
        if (strcmp(all.names.at[i - 1].key, all.names.at[i].key) == 0) {
            (void)sme_fail(err, SME_E_IO, "plugin of sink '%s' listed '%s' twice",
                           store->sink->name, all.names.at[i].key);
            store_names_free(&all.names);
            return SME_E_IO;
        }
    }
    *ret_names = all.names;
    return SME_OK;
}

const struct store_entry *store_names_find(const struct store_names *names, const char *key)
{
    size_t low = 0;
    size_t high = names->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(names->at[middle].key, key);
        if (order == 0) {
            return &names->at[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void store_names_free(struct store_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->at[i].key);
    }
    free(names->at);
    names->at = NULL;
    names->count = 0;
}
