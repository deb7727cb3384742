/*
 * What the parts of the pipe share.  Private to pipe*.c.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_PIPE_INTERNAL_H
#define SME_PIPELINE_PIPE_INTERNAL_H

#include "filemeta.h"
#include "pipe.h"
#include "unit.h"

#include <pthread.h>

#define PIPE_UNITS 256  /* under way at once: bounds memory */
#define PIPE_DIRS 48    /* directories held open for units  */
#define PIPE_STREAMS 12 /* streams under way: each has buffers of its own */

struct pipe {
    const struct pipe_params *params;
    struct pipe_result *result;
    struct dir_limit dirs;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* units or large files to work on, or the end */
    pthread_cond_t space; /* units were collected, directories released  */
    pthread_cond_t ended; /* a thread has ended                          */
    /* lock guards the rest */
    struct unit *units[PIPE_UNITS]; /* by sequence % PIPE_UNITS */
    uint64_t collected;             /* sequence of the next unit to be collected */
    uint64_t fresh;                 /* ... to be begun by a worker               */
    uint64_t dispatched;            /* ... to be dispatched                      */
    bool dispatch_ended;
    bool collecting;
    bool failed;
    struct sme_error failure;
    struct bigfile *big[64]; /* being worked on: others may join */
    size_t big_count;
    unsigned streams;  /* whose buffers exist                                */
    struct held *held; /* finished items of a source that yields in any order */
    size_t held_count, held_cap, held_bytes;
    struct feeder *feeders; /* threads that pull streams; the dispatcher's        */
    unsigned threads_left;
    atomic_bool stop; /* as failed, to be looked at without the lock */
};

/* One worker thread. */
struct pipe_worker {
    struct pipe *pipe;
    pthread_t thread;
    struct content_tools tools;
    struct filemeta_buffers meta;
    struct buf body, content;
    size_t cursor; /* into the item cache */
};

/* An item that waits to be sorted. */
struct held {
    char *path;
    size_t path_len;
    uint8_t path_hash[16];
    uint8_t *body;
    size_t body_len;
};

void pipe_fail(struct pipe *pipe, const struct sme_error *err);
/* Let others join in ${file}; and take it off again. */
void pipe_offer_bigfile(struct pipe *pipe, struct bigfile *file);
void pipe_withdraw_bigfile(struct pipe *pipe, struct bigfile *file);

/* A stream is over: its buffers are gone. */
void pipe_stream_done(struct pipe *pipe);
/* Wait until another stream may begin, and count it. */
int pipe_stream_wait(struct pipe *pipe, struct sme_error *err);
/* Pull ${stream} with read(), in this thread, while workers take it away. */
int pipe_feed(struct pipe *pipe, struct bigfile *stream, struct sme_error *err);
/* Pull ${stream} with read_stream(${theirs}), in a thread of its own.  close_stream() is called in
 * any case. */
int pipe_feed_aside(struct pipe *pipe, struct bigfile *stream, void *theirs, struct sme_error *err);
/* Wait for all those threads. */
void pipe_feeders_join(struct pipe *pipe);

/* Keep the record of a finished item (it moves); then all of them in order into the stream. */
int pipe_hold(struct pipe *pipe, struct unit_item *item, struct sme_error *err);
int pipe_sort(struct pipe *pipe, struct sme_error *err);
void pipe_held_free(struct pipe *pipe);

/* Thread bodies. */
void *pipe_dispatch(void *pipe);
void *pipe_work(void *worker);

/* Do one item: pipe_item.c.  < 0: the run has failed. */
int pipe_item(struct pipe_worker *worker, struct unit_item *item, struct sme_error *err);
/* Set the problem of an item. */
void pipe_problem(struct unit_item *item, enum problem_kind kind, const char *fmt, ...)
    SME_PRINTF(3, 4);

/* A regular file, or what the source took for one: pipe_file.c. */
int pipe_file(struct pipe_worker *worker, struct unit_item *item, struct sme_error *err);
/* Read all of ${file}, with the help of workers that have nothing else to do. */
int pipe_read_large(struct pipe_worker *worker, struct bigfile *file, struct content_result *result,
                    struct sme_error *err);

/* Parts of doing an item.  Encode its record's body from ${meta}, with the extras that the source
 * gave, and keep it with the item. */
int pipe_keep_body(struct pipe_worker *worker, struct unit_item *item, const struct item_meta *meta,
                   struct sme_error *err);
/* The content section for these chunks, valid until the next call. */
int pipe_encode_content(struct pipe_worker *worker, const struct block_chunk *refs, size_t count,
                        struct item_meta *meta, struct sme_error *err);
/* The extended attributes, valid until the next call. ${fd} -1: by name. */
void pipe_add_xattrs(struct pipe_worker *worker, struct unit_item *item, int fd,
                     struct item_meta *meta);
/* It cannot be looked at: gone, or refused.  ${doing}: "open it".  ${st} NULL: nothing is known. */
int pipe_unreachable(struct pipe_worker *worker, struct unit_item *item, const char *doing,
                     int failure, const struct stat *st, struct sme_error *err);
/* A descriptor, or -1 with errno. */
int pipe_open_item(struct unit_item *item, int flags);

/* Put a finished unit into the stream: pipe_collect.c.  One thread at a time. */
int pipe_collect(struct pipe *pipe, struct unit *unit, struct sme_error *err);

#endif
