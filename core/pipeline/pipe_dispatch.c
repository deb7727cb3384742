/*
 * The dispatcher: pulls items from the source plugin and groups them into units.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "pipe_internal.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../plugin/calls.h"

#include <stdlib.h>

struct dispatcher {
    struct pipe *pipe;
    struct unit *unit;      /* being filled */
    struct dir_handle *dir; /* of the item before */
    unsigned unit_dirs;     /* directories that the unit holds open */
    bool stream_taken;      /* of the item at hand: somebody will close it */
};

/* Hand the unit to the workers; waits while too many are under way. */
static int send_unit(struct dispatcher *d, struct sme_error *err)
{
    struct pipe *pipe = d->pipe;

    if (d->unit == NULL || d->unit->count == 0) {
        return SME_OK;
    }
    (void)pthread_mutex_lock(&pipe->lock);
    while (!pipe->failed && pipe->dispatched - pipe->collected >= PIPE_UNITS) {
        (void)pthread_cond_wait(&pipe->space, &pipe->lock);
    }
    int status = pipe->failed ? pipe->failure.status : SME_OK;
    if (status == SME_OK) {
        d->unit->sequence = pipe->dispatched;
        pipe->units[pipe->dispatched % PIPE_UNITS] = STEAL(d->unit);
        pipe->dispatched++;
        d->unit_dirs = 0;
        (void)pthread_cond_signal(&pipe->work);
    } else if (err != NULL) {
        *err = pipe->failure;
    }
    (void)pthread_mutex_unlock(&pipe->lock);
    return status;
}

/* Many units that hold directories are under way: wait until some are done. */
static int wait_for_directories(struct dispatcher *d, struct sme_error *err)
{
    struct pipe *pipe = d->pipe;

    int status = send_unit(d, err);
    if (status < 0) {
        return status;
    }
    (void)pthread_mutex_lock(&pipe->lock);
    while (!pipe->failed && pipe->dirs.open >= PIPE_DIRS && pipe->collected < pipe->dispatched) {
        (void)pthread_cond_wait(&pipe->space, &pipe->lock);
    }
    (void)pthread_mutex_unlock(&pipe->lock);
    return SME_OK;
}

/* The handle of the item's directory: that of the item before, or a new one. */
static int directory_of(struct dispatcher *d, const struct sme_item *item,
                        struct dir_handle **ret_dir, struct sme_error *err)
{
    struct pipe *pipe = d->pipe;

    if (d->dir == NULL || item->dir_serial == 0 || d->dir->serial != item->dir_serial) {
        dir_handle_release(STEAL(d->dir));
        if (pipe->dirs.open >= PIPE_DIRS || d->unit_dirs >= PIPE_DIRS / 4) {
            int status = wait_for_directories(d, err);
            if (status < 0) {
                return status;
            }
        }
        d->dir = dir_handle_new(item->dir_fd, item->dir_serial, &pipe->dirs);
        if (d->dir == NULL) {
            return error_errno(err, "cannot keep the directory of '%s' open", item->path);
        }
        d->unit_dirs++;
    }
    *ret_dir = dir_handle_share(d->dir);
    return SME_OK;
}

/* Hand a stream to the workers, and its content after it. */
static int send_stream(struct dispatcher *d, const struct sme_item *item, struct unit_item *to,
                       struct sme_error *err)
{
    const struct sme_source_ops *ops = &d->pipe->params->source->plugin->source;

    if (item->stream == NULL ? ops->read == NULL : ops->read_stream == NULL) {
        return sme_fail(err, SME_E_IO, "the source plugin yields a stream but has no %s()",
                        item->stream == NULL ? "read" : "read_stream");
    }
    int status = pipe_stream_wait(d->pipe, err);
    if (status == SME_OK) {
        status = bigfile_new_stream((item->flags & SME_ITEM_FIXED_CHUNKS) != 0, &to->stream, err);
        if (status < 0) {
            pipe_stream_done(d->pipe);
        }
    }
    if (status < 0) {
        return status;
    }
    struct bigfile *stream = to->stream;
    pipe_offer_bigfile(d->pipe, stream); /* so that a failure elsewhere wakes this thread */
    if ((status = send_unit(d, err)) < 0) {
        pipe_withdraw_bigfile(d->pipe, stream);
        bigfile_free(stream);
        to->stream = NULL;
        pipe_stream_done(d->pipe);
    }
    if (status < 0 || item->stream == NULL) {
        return status < 0 ? status : pipe_feed(d->pipe, stream, err);
    }
    d->stream_taken = true;
    return pipe_feed_aside(d->pipe, stream, item->stream, err);
}

static int add_item(struct dispatcher *d, const struct sme_item *item, struct sme_error *err)
{
    struct dir_handle *dir = NULL;
    int status = SME_OK;

    if ((item->flags & SME_ITEM_LOCATED) != 0) {
        status = directory_of(d, item, &dir, err);
    }
    if (status == SME_OK && d->unit == NULL && (d->unit = unit_new()) == NULL) {
        status = sme_fail(err, SME_E_NO_MEMORY, "no memory for items");
    }
    if (status < 0) {
        dir_handle_release(dir);
        return status;
    }
    struct unit_item *to = &d->unit->items[d->unit->count++];
    status = unit_item_copy(to, item, dir, err);
    if (status < 0) {
        return status;
    }
    if ((item->flags & SME_ITEM_STREAM) == 0) {
        d->unit->given_bytes += to->given_bytes;
        bool full = d->unit->count == UNIT_ITEMS || d->unit->given_bytes >= UNIT_BYTES;
        return full ? send_unit(d, err) : SME_OK;
    }
    return send_stream(d, item, to, err);
}

/* A stream that nobody will read. */
static void close_unread(struct dispatcher *d, const struct sme_item *item)
{
    const struct sme_source_ops *ops = &d->pipe->params->source->plugin->source;

    if ((item->flags & SME_ITEM_STREAM) != 0 && item->stream != NULL && !d->stream_taken &&
        ops->close_stream != NULL) {
        (void)plugin_call_note(PLUGIN_CALL_CLOSE_STREAM);
        ops->close_stream(d->pipe->params->source->handle, item->stream);
        (void)plugin_call_note(PLUGIN_CALL_NONE);
    }
}

static int dispatch_all(struct dispatcher *d, struct sme_error *err)
{
    const struct sme_source_ops *ops = &d->pipe->params->source->plugin->source;
    void *handle = d->pipe->params->source->handle;

    for (;;) {
        struct sme_item item = {.struct_size = sizeof item, .dir_fd = -1};
        int status = cancel_check(err);
        if (status < 0) {
            return status;
        }
        if (atomic_load_explicit(&d->pipe->stop, memory_order_relaxed)) {
            return SME_OK; /* the failure is known already */
        }
        (void)plugin_call_note(PLUGIN_CALL_NEXT);
        int more = ops->next(handle, &item, err);
        (void)plugin_call_note(PLUGIN_CALL_NONE);
        if (more == 0) {
            return send_unit(d, err);
        }
        d->stream_taken = false;
        if (more < 0) {
            return instance_source_failure(more, err);
        }
        status = add_item(d, &item, err);
        if (status < 0) {
            close_unread(d, &item);
            return status;
        }
    }
}

void *pipe_dispatch(void *argument)
{
    struct pipe *pipe = argument;
    struct dispatcher d = {.pipe = pipe};
    struct sme_error err = SME_ERROR_INIT;

    int status = dispatch_all(&d, &err);
    dir_handle_release(d.dir);
    unit_free(d.unit);
    if (status < 0) {
        err.status = status;
        pipe_fail(pipe, &err);
    }
    pipe_feeders_join(pipe);
    (void)pthread_mutex_lock(&pipe->lock);
    pipe->dispatch_ended = true;
    pipe->threads_left--;
    (void)pthread_cond_broadcast(&pipe->work);
    (void)pthread_cond_broadcast(&pipe->ended);
    (void)pthread_mutex_unlock(&pipe->lock);
    return NULL;
}
