/*
 * Conformance of sources: streams side by side, and a run that is cancelled.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin_test_source.h"

#include "../base/error.h"

#include <pthread.h>
#include <stdlib.h>

#define READERS 4
#define READ_SIZE 65536
#define MANY_STREAMS 200
/* What may still come when cancelled() is true. */
#define LATE_ITEMS 1000
#define LATE_BYTES (64ull << 20)
#define LATE_LIMIT_MS 10000u

/* ---- streams side by side ----------------------------------------------------------------- */

struct reader {
    struct source_check *at;
    void *stream; /* NULL: not at work */
    pthread_t thread;
    uint8_t *buffer;
    int64_t status;
    struct sme_error err;
};

static void *run_reader(void *argument)
{
    struct reader *me = argument;
    const struct sme_source_ops *ops = me->at->ops;
    uint64_t done = 0;
    int64_t got;

    do {
        me->err = (struct sme_error)SME_ERROR_INIT;
        got = ops->read_stream(me->at->handle, me->stream, me->buffer, READ_SIZE, &me->err);
        done += got > 0 ? (uint64_t)got : 0;
    } while (got > 0 && got <= READ_SIZE && done < SOURCE_BYTES_MAX);
    me->status = got;
    ops->close_stream(me->at->handle, me->stream);
    return NULL;
}

static bool finish_reader(struct reader *reader)
{
    struct source_check *at = reader->at;

    if (reader->stream == NULL)
        return true;
    source_enter(at, "read_stream()");
    (void)pthread_join(reader->thread, NULL);
    source_leave(at);
    reader->stream = NULL;
    if (reader->status > READ_SIZE)
        return plugin_check_fail(&at->check,
                                 "expected at most %d bytes from read_stream(), got %lld",
                                 READ_SIZE, (long long)reader->status);
    if (reader->status < 0 && reader->status != SME_E_CHANGED)
        return plugin_check_fail(&at->check,
                                 "expected content from read_stream(), beside other streams and "
                                 "next(), got %s: %s",
                                 error_status_name((int)reader->status), reader->err.message);
    return true;
}

/* Every stream in a thread of its own, up to READERS at once. */
static bool read_side_by_side(struct source_check *at, struct reader *readers, size_t *ret_count)
{
    struct guarded_item guarded;
    size_t items = 0;
    size_t count = 0;
    int more;

    while ((more = source_next(at, &guarded)) > 0 && source_is_good(at) &&
           items++ < SOURCE_ITEMS_MAX && count < MANY_STREAMS) {
        if ((guarded.item.flags & SME_ITEM_STREAM) == 0 || guarded.item.stream == NULL)
            continue;
        struct reader *reader = &readers[count++ % READERS];
        if (!finish_reader(reader))
            return false;
        reader->stream = guarded.item.stream;
        if (pthread_create(&reader->thread, NULL, run_reader, reader) != 0) {
            source_close_stream(at, reader->stream);
            reader->stream = NULL;
            return plugin_check_fail(&at->check, "cannot start threads");
        }
    }
    *ret_count = count;
    return more >= 0 || source_failed(at, "next()", "an item or the end of all", more);
}

static bool side_by_side(struct source_check *at, size_t *ret_count)
{
    struct reader readers[READERS];
    uint8_t *buffers = malloc((size_t)READERS * READ_SIZE);

    memset(readers, 0, sizeof readers);
    if (buffers == NULL)
        return plugin_check_fail(&at->check, "no memory for buffers");
    for (size_t i = 0; i < READERS; i++) {
        readers[i].at = at;
        readers[i].buffer = buffers + i * READ_SIZE;
    }
    int status = source_begin(at, 0);
    if (status < 0) {
        free(buffers);
        return source_failed(at, "begin()", "success", status);
    }
    (void)read_side_by_side(at, readers, ret_count);
    for (size_t i = 0; i < READERS; i++)
        (void)finish_reader(&readers[i]);
    status = source_end(at, SME_ABORT);
    free(buffers);
    return status < 0 ? source_failed(at, "end(SME_ABORT)", "success", status) : source_is_good(at);
}

void source_check_streams(struct source_check *at)
{
    size_t count = 0;

    if (at->ops->read_stream == NULL) {
        (void)plugin_check_skip(&at->check, "the source has no read_stream()");
        return;
    }
    if (!source_open(at))
        return;
    if (side_by_side(at, &count) && count == 0)
        (void)plugin_check_skip(&at->check, "no item came with a stream of its own");
    source_close(at);
}

/* ---- cancelling --------------------------------------------------------------------------- */

enum cancel_point { BEFORE_BEGIN, BEFORE_NEXT, IN_STREAM, CANCEL_POINTS };

static const char *const point_names[CANCEL_POINTS] = {[BEFORE_BEGIN] = "before begin()",
                                                       [BEFORE_NEXT] = "before next()",
                                                       [IN_STREAM] = "in a stream"};

static void cancel(struct source_check *at)
{
    atomic_store(&at->cancelled, 1);
    uint32_t limit = atomic_load(&at->watch->limit_ms);
    atomic_store(&at->watch->limit_ms, limit < LATE_LIMIT_MS ? limit : LATE_LIMIT_MS);
}

static bool is_right_failure(struct source_check *at, int64_t status)
{
    return status == SME_E_CANCELLED ||
           source_failed(at, at->watch->call, "cancelled (the host's cancelled() was true)",
                         status);
}

/* True: the run goes on with the next item. */
static bool drain(struct source_check *at, const struct sme_item *item, enum cancel_point point,
                  uint64_t *bytes)
{
    int64_t got;

    do {
        got = source_read(at, item->stream, READ_SIZE);
        if (point == IN_STREAM && atomic_load(&at->cancelled) == 0)
            cancel(at);
        *bytes += got > 0 ? (uint64_t)got : 0;
    } while (got > 0 && *bytes < LATE_BYTES && source_is_good(at));
    if (item->stream != NULL)
        source_close_stream(at, item->stream);
    if (*bytes >= LATE_BYTES)
        return plugin_check_fail(&at->check,
                                 "expected cancelled from %s soon, got %llu MiB of content after "
                                 "the host's cancelled() was true",
                                 at->watch->call, LATE_BYTES >> 20);
    if (got < 0 && got != SME_E_CHANGED)
        (void)is_right_failure(at, got);
    return got >= 0 || got == SME_E_CHANGED;
}

static void run_cancelled(struct source_check *at, enum cancel_point point)
{
    struct guarded_item guarded;
    uint64_t bytes = 0;
    unsigned items = 0;
    int more = 1;

    if (point == BEFORE_BEGIN)
        cancel(at);
    int status = source_begin(at, 0);
    if (status < 0) {
        (void)is_right_failure(at, status);
        return; /* no end() after a begin() that failed */
    }
    if (point == BEFORE_NEXT)
        cancel(at);
    while (source_is_good(at)) {
        more = source_next(at, &guarded);
        if (more <= 0)
            break;
        if ((guarded.item.flags & SME_ITEM_STREAM) != 0 && !drain(at, &guarded.item, point, &bytes))
            break;
        items++;
        if (atomic_load(&at->cancelled) == 0 ? items >= SOURCE_ITEMS_MAX : items >= LATE_ITEMS)
            break;
    }
    if (atomic_load(&at->cancelled) != 0 && items >= LATE_ITEMS)
        (void)plugin_check_fail(&at->check,
                                "expected cancelled from next() soon, got %u items although the "
                                "host's cancelled() was true",
                                items);
    if (more < 0)
        (void)is_right_failure(at, more);
    (void)source_end(at, SME_ABORT);
}

void source_check_cancel(struct source_check *at)
{
    uint32_t limit = atomic_load(&at->watch->limit_ms);
    char text[sizeof at->check.text];

    if (!source_open(at))
        return;
    for (int point = 0; point < CANCEL_POINTS && source_is_good(at); point++) {
        run_cancelled(at, (enum cancel_point)point);
        atomic_store(&at->cancelled, 0);
        atomic_store(&at->watch->limit_ms, limit);
        if (!source_is_good(at)) {
            memcpy(text, at->check.text, sizeof text);
            (void)snprintf(at->check.text, sizeof at->check.text, "cancelled %s: %.700s",
                           point_names[point], text);
        }
    }
    /* The handle is as good as before. */
    struct source_run run = {.most_bytes = 1, .read_size = 1, .most_items = 10};
    if (source_is_good(at))
        (void)source_run(at, &run);
    source_close(at);
}
