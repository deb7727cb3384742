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

static int limits(void *handle, struct sme_sink_limits *ret, struct sme_error *err)
{
    (void)handle;
    (void)err;
    ret->flags = SME_SINK_CREATE_ONLY | SME_SINK_LOCAL;
    ret->connections = 2;
    return SME_OK;
}

static int put(void *handle, const char *key, const struct sme_slice *slices, size_t count,
               const struct sme_put_info *info, struct sme_error *err)
{
    struct memsink *sink = handle;
    int status = SME_OK;

    lock(sink);
    sink->puts++;
    if (sink->fail_put != 0 && sink->puts == sink->fail_put) {
        status = sme_fail(err, sink->fail_status, "ordered failure of put %u", sink->puts);
    } else if (memsink_find(sink, key) != NULL && (info->flags & SME_PUT_CREATE_ONLY) != 0) {
        status = sme_fail(err, SME_E_EXISTS, "'%s' exists", key);
    } else {
        sink->objects = realloc(sink->objects, (sink->count + 1) * sizeof *sink->objects);
        struct memsink_object *object = &sink->objects[sink->count++];
        object->key = strdup(key);
        object->len = info->length;
        object->data = malloc(info->length + 1);
        size_t at = 0;
        for (size_t i = 0; i < count; i++) {
            memcpy(object->data + at, slices[i].data, slices[i].len);
            at += slices[i].len;
        }
    }
    unlock(sink);
    return status;
}

static int64_t get(void *handle, const char *key, uint64_t offset, void *buf, size_t len,
                   struct sme_error *err)
{
    struct memsink *sink = handle;
    int64_t got = 0;

    lock(sink);
    const struct memsink_object *object = memsink_find(sink, key);
    if (object == NULL) {
        got = sme_fail(err, SME_E_NOT_FOUND, "'%s' is not there", key);
    } else if (offset < object->len) {
        got = (int64_t)(object->len - offset < len ? object->len - offset : len);
        memcpy(buf, object->data + offset, (size_t)got);
    }
    unlock(sink);
    return got;
}

static int stat_object(void *handle, const char *key, struct sme_object *ret, struct sme_error *err)
{
    struct memsink *sink = handle;
    int status = SME_OK;

    lock(sink);
    const struct memsink_object *object = memsink_find(sink, key);
    if (object == NULL) {
        status = sme_fail(err, SME_E_NOT_FOUND, "'%s' is not there", key);
    } else {
        ret->size = object->len;
    }
    unlock(sink);
    return status;
}

static int list(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                struct sme_error *err)
{
    struct memsink *sink = handle;

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
        }
    }
    return SME_OK;
}

static int remove_object(void *handle, const char *key, struct sme_error *err)
{
    struct memsink *sink = handle;

    (void)err;
    lock(sink);
    memsink_drop(sink, key);
    unlock(sink);
    return SME_OK;
}

struct memsink *memsink_new(void)
{
    struct memsink *sink = calloc(1, sizeof *sink);
    pthread_mutex_t *mutex = malloc(sizeof *mutex);

    (void)pthread_mutex_init(mutex, NULL);
    sink->lock = mutex;
    sink->plugin.kind = PLUGIN_SINK;
    sink->plugin.desc.threads = SME_THREADS_PARALLEL;
    sink->plugin.desc.name = "memory";
    sink->plugin.sink.struct_size = sizeof sink->plugin.sink;
    sink->plugin.sink.limits = limits;
    sink->plugin.sink.put = put;
    sink->plugin.sink.get = get;
    sink->plugin.sink.stat = stat_object;
    sink->plugin.sink.list = list;
    sink->plugin.sink.remove = remove_object;
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
