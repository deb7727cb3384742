/*
 * A sink in memory, with faults to order.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "memsink.h"

#include <pthread.h>
#include <stdlib.h>

static void lock(struct memsink *sink)
{
    (void)pthread_mutex_lock(sink->lock);
}

static void unlock(struct memsink *sink)
{
    (void)pthread_mutex_unlock(sink->lock);
}

struct memsink_object *memsink_find(struct memsink *sink, const char *key)
{
    for (size_t i = 0; i < sink->count; i++) {
        if (strcmp(sink->objects[i].key, key) == 0) {
            return &sink->objects[i];
        }
    }
    return NULL;
}

struct memsink_object *memsink_match(struct memsink *sink, const char *part, size_t n)
{
    for (size_t i = 0; i < sink->count; i++) {
        if (strstr(sink->objects[i].key, part) != NULL && n-- == 0) {
            return &sink->objects[i];
        }
    }
    return NULL;
}

size_t memsink_count(struct memsink *sink, const char *part)
{
    size_t n = 0;

    while (memsink_match(sink, part, n) != NULL) {
        n++;
    }
    return n;
}

void memsink_drop(struct memsink *sink, const char *key)
{
    struct memsink_object *object = memsink_find(sink, key);

    if (object != NULL) {
        free(object->key);
        free(object->data);
        *object = sink->objects[--sink->count];
    }
}

/* Each call begins with this.  A failure that is ordered for it, or SME_OK. */
static int enter(struct memsink *sink, enum memsink_call call, struct sme_error *err,
                 bool *ret_is_done)
{
    struct memsink_fault *fault = &sink->faults[call];
    int status = SME_OK;

    lock(sink);
    sink->inside++;
    sink->most_inside = sink->inside > sink->most_inside ? sink->inside : sink->most_inside;
    unlock(sink);
    if (sink->on_call != NULL) {
        sink->on_call(sink->cookie, call);
    }
    lock(sink);
    sink->calls[call]++;
    *ret_is_done = true;
    if (fault->times > 0) {
        fault->times--;
        *ret_is_done = fault->is_done;
        status = fault->is_silent ? fault->status
                                  : sme_fail(err, fault->status, "ordered failure of call %u",
                                             sink->calls[call]);
        if (err != NULL && !fault->is_silent) {
            err->retry_after_ms = fault->retry_after_ms;
        }
    }
    return status;
}

/* And ends with this. */
static void leave(struct memsink *sink)
{
    sink->inside--;
    unlock(sink);
}

static int limits(void *handle, struct sme_sink_limits *ret, struct sme_error *err)
{
    const struct memsink *sink = handle;

    (void)err;
    ret->flags = SME_SINK_CREATE_ONLY | (sink->is_far ? 0 : SME_SINK_LOCAL);
    ret->connections = sink->connections;
    return SME_OK;
}

static int check(void *handle, struct sme_error *err)
{
    bool is_done = false;
    int status = enter(handle, MEMSINK_CHECK, err, &is_done);

    leave(handle);
    return status;
}

static int put(void *handle, const char *key, const struct sme_slice *slices, size_t count,
               const struct sme_put_info *info, struct sme_error *err)
{
    struct memsink *sink = handle;
    bool is_done = false;
    int ordered = enter(sink, MEMSINK_PUT, err, &is_done);
    int status = SME_OK;
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += slices[i].len;
    sink->puts++;
    if (total != info->length) {
        status = sme_fail(err, SME_E_INVALID, "'%s' is not as long as announced", key);
    } else if (!is_done) {
        status = ordered;
    } else if (sink->fail_put != 0 && sink->puts == sink->fail_put) {
        status = sme_fail(err, sink->fail_status, "ordered failure of put %u", sink->puts);
    } else if (memsink_find(sink, key) != NULL && (info->flags & SME_PUT_CREATE_ONLY) != 0) {
        status = sme_fail(err, SME_E_EXISTS, "'%s' exists", key);
    } else {
        struct memsink_object *object = memsink_find(sink, key);
        if (object == NULL) {
            sink->objects = realloc(sink->objects, (sink->count + 1) * sizeof *sink->objects);
            object = &sink->objects[sink->count++];
            object->key = strdup(key);
        } else {
            free(object->data);
        }
        object->len = info->length;
        object->data = malloc(info->length + 1);
        size_t at = 0;
        for (size_t i = 0; i < count; i++) {
            if (slices[i].len > 0)
                memcpy(object->data + at, slices[i].data, slices[i].len);
            at += slices[i].len;
        }
    }
    leave(sink);
    return status < 0 ? status : ordered;
}

static int64_t get(void *handle, const char *key, uint64_t offset, void *buf, size_t len,
                   struct sme_error *err)
{
    struct memsink *sink = handle;
    bool is_done = false;
    int64_t got = enter(sink, MEMSINK_GET, err, &is_done);

    const struct memsink_object *object = memsink_find(sink, key);
    if (got < 0) {
        /* as ordered */
    } else if (object == NULL) {
        got = sme_fail(err, SME_E_NOT_FOUND, "'%s' is not there", key);
    } else if (offset < object->len) {
        got = (int64_t)(object->len - offset < len ? object->len - offset : len);
        memcpy(buf, object->data + offset, (size_t)got);
    }
    leave(sink);
    return got;
}

static int stat_object(void *handle, const char *key, struct sme_object *ret, struct sme_error *err)
{
    struct memsink *sink = handle;
    bool is_done = false;
    int status = enter(sink, MEMSINK_STAT, err, &is_done);

    const struct memsink_object *object = memsink_find(sink, key);
    if (status < 0) {
        /* as ordered */
    } else if (object == NULL) {
        status = sme_fail(err, SME_E_NOT_FOUND, "'%s' is not there", key);
    } else {
        ret->key = key;
        ret->size = object->len;
    }
    leave(sink);
    return status;
}

static int list(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                struct sme_error *err)
{
    struct memsink *sink = handle;
    unsigned after = sink->faults[MEMSINK_LIST].after;
    bool is_done = false;
    int ordered = enter(sink, MEMSINK_LIST, err, &is_done);

    leave(sink); /* the callback runs without the lock */
    if (ordered < 0 && after == 0) {
        return ordered;
    }
    if (sink->fail_list) {
        return sme_fail(err, SME_E_IO, "ordered failure of a listing");
    }
    for (size_t i = 0; i < sink->count; i++) {
        if (strncmp(sink->objects[i].key, prefix, strlen(prefix)) == 0) {
            struct sme_object object = {.struct_size = sizeof object,
                                        .key = sink->objects[i].key,
                                        .size = sink->objects[i].len};
            int status = callback(cookie, &object);
            if (status != 0) {
                return status;
            }
            if (ordered < 0 && --after == 0) {
                return ordered;
            }
        }
    }
    return SME_OK;
}

static int remove_object(void *handle, const char *key, struct sme_error *err)
{
    struct memsink *sink = handle;

    bool is_done = false;
    int status = enter(sink, MEMSINK_REMOVE, err, &is_done);
    if (is_done) {
        memsink_drop(sink, key);
    }
    leave(sink);
    return status;
}

static int remove_many(void *handle, const char *const *keys, size_t count,
                       sme_removed_fn *callback, void *cookie, struct sme_error *err)
{
    struct memsink *sink = handle;
    bool is_done = false;
    int status = enter(sink, MEMSINK_REMOVE_MANY, err, &is_done);

    for (size_t i = 0; i < count && status == SME_OK; i++) {
        if (i % 2 == 1 && sink->key_status != SME_OK) {
            callback(cookie, i, sink->key_status, "ordered failure of a key");
        } else {
            memsink_drop(sink, keys[i]);
            callback(cookie, i, SME_OK, "");
        }
    }
    leave(sink);
    return status;
}

struct memsink *memsink_new(void)
{
    struct memsink *sink = calloc(1, sizeof *sink);
    pthread_mutex_t *mutex = malloc(sizeof *mutex);

    (void)pthread_mutex_init(mutex, NULL);
    sink->lock = mutex;
    sink->connections = 2;
    sink->plugin.kind = PLUGIN_SINK;
    sink->plugin.desc.threads = SME_THREADS_PARALLEL;
    sink->plugin.desc.name = "memory";
    sink->plugin.sink.struct_size = sizeof sink->plugin.sink;
    sink->plugin.sink.limits = limits;
    sink->plugin.sink.check = check;
    sink->plugin.sink.put = put;
    sink->plugin.sink.get = get;
    sink->plugin.sink.stat = stat_object;
    sink->plugin.sink.list = list;
    sink->plugin.sink.remove = remove_object;
    sink->plugin.sink.remove_many = remove_many;
    sink->instance.plugin = &sink->plugin;
    sink->instance.name = strdup("memory");
    sink->instance.handle = sink;
    return sink;
}

void memsink_free(struct memsink *sink)
{
    for (size_t i = 0; i < sink->count; i++) {
        free(sink->objects[i].key);
        free(sink->objects[i].data);
    }
    free(sink->objects);
    free(sink->instance.name);
    (void)pthread_mutex_destroy(sink->lock);
    free(sink->lock);
    free(sink);
}
