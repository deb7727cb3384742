/*
 * Streams of the source plugin: pulled one at a time, or side by side in threads of their own.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "pipe_internal.h"

#include "../base/cleanup.h"
#include "../plugin/calls.h"

#include <stdlib.h>

struct feeder {
    struct feeder *next;
    struct pipe *pipe;
    struct bigfile *stream;
    void *theirs;
    pthread_t thread;
    atomic_bool ended;
};

void pipe_stream_done(struct pipe *pipe)
{
    (void)pthread_mutex_lock(&pipe->lock);
    pipe->streams--;
    (void)pthread_cond_broadcast(&pipe->space);
    (void)pthread_mutex_unlock(&pipe->lock);
}

int pipe_stream_wait(struct pipe *pipe, struct sme_error *err)
{
    (void)pthread_mutex_lock(&pipe->lock);
    while (!pipe->failed && pipe->streams >= PIPE_STREAMS) {
        (void)pthread_cond_wait(&pipe->space, &pipe->lock);
    }
    int status = pipe->failed ? pipe->failure.status : SME_OK;
    if (status == SME_OK) {
        pipe->streams++;
    } else if (err != NULL) {
        *err = pipe->failure;
    }
    (void)pthread_mutex_unlock(&pipe->lock);
    return status;
}

/* ${theirs} NULL: the one current stream. */
static int64_t pull(struct pipe *pipe, void *theirs, uint8_t *to, size_t room,
                    struct sme_error *err)
{
    const struct sme_source_ops *ops = &pipe->params->source->plugin->source;
    void *handle = pipe->params->source->handle;

    (void)plugin_call_note(theirs == NULL ? PLUGIN_CALL_READ : PLUGIN_CALL_READ_STREAM);
    int64_t got = theirs == NULL ? ops->read(handle, to, room, err)
                                 : ops->read_stream(handle, theirs, to, room, err);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    /* Not a class: what is left of it as an int could be anything, success too. */
    return got < SME_E_THROTTLED
               ? sme_fail(err, SME_E_IO, "the source plugin returned the unknown status %lld",
                          (long long)got)
               : got;
}

static int feed(struct pipe *pipe, struct bigfile *stream, void *theirs, struct sme_error *err)
{
    for (;;) {
        size_t room = 0;
        size_t used = 0;
        uint8_t *space = bigfile_feed_space(stream, &room);
        if (space == NULL) {
            return SME_OK; /* the run has failed already */
        }
        while (used < room) {
            struct sme_error why = SME_ERROR_INIT;
            int64_t got = pull(pipe, theirs, space + used, room - used, &why);
            if (got > (int64_t)(room - used)) {
                bigfile_feed(stream, 0, SME_E_IO, "");
                return sme_fail(err, SME_E_IO, "the source plugin returned more than was asked");
            }
            if (got < 0) {
                bigfile_feed(stream, 0, (int)got, why.message);
                if (got == SME_E_CHANGED) {
                    return SME_OK;
                }
                *err = why;
                return instance_source_failure((int)got, err);
            }
            if (got == 0) {
                if (used > 0) {
                    bigfile_feed(stream, used, SME_OK, NULL);
                }
                bigfile_feed(stream, 0, SME_OK, NULL);
                return SME_OK;
            }
            used += (size_t)got;
        }
        bigfile_feed(stream, used, SME_OK, NULL);
    }
}

int pipe_feed(struct pipe *pipe, struct bigfile *stream, struct sme_error *err)
{
    return feed(pipe, stream, NULL, err);
}

static void close_stream(struct pipe *pipe, void *theirs)
{
    (void)plugin_call_note(PLUGIN_CALL_CLOSE_STREAM);
    pipe->params->source->plugin->source.close_stream(pipe->params->source->handle, theirs);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
}

static void *run_feeder(void *argument)
{
    struct feeder *feeder = argument;
    struct sme_error err = SME_ERROR_INIT;

    if (feed(feeder->pipe, feeder->stream, feeder->theirs, &err) < 0) {
        pipe_fail(feeder->pipe, &err);
    }
    close_stream(feeder->pipe, feeder->theirs);
    feeder->ended = true;
    return NULL;
}

/* Join those that have ended, or all. */
static void reap(struct pipe *pipe, bool all)
{
    struct feeder **at = &pipe->feeders;

    while (*at != NULL) {
        struct feeder *feeder = *at;
        if (all || feeder->ended) {
            *at = feeder->next;
            (void)pthread_join(feeder->thread, NULL);
            free(feeder);
        } else {
            at = &feeder->next;
        }
    }
}

int pipe_feed_aside(struct pipe *pipe, struct bigfile *stream, void *theirs, struct sme_error *err)
{
    CLEANUP(free_ptr) struct feeder *feeder = calloc(1, sizeof *feeder);
    int failure = ENOMEM;

    reap(pipe, false);
    if (feeder != NULL) {
        feeder->pipe = pipe;
        feeder->stream = stream;
        feeder->theirs = theirs;
        failure = pthread_create(&feeder->thread, NULL, run_feeder, feeder);
    }
    if (failure != 0) {
        bigfile_feed(stream, 0, SME_E_NO_MEMORY, "");
        close_stream(pipe, theirs);
        errno = failure;
        return sme_fail_errno(err, SME_E_NO_MEMORY, "cannot start a thread for a stream");
    }
    feeder->next = pipe->feeders;
    pipe->feeders = STEAL(feeder);
    return SME_OK;
}

void pipe_feeders_join(struct pipe *pipe)
{
    reap(pipe, true);
}
