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

#define PIPE_UNITS 256 /* under way at once: bounds memory */
#define PIPE_DIRS 48   /* directories held open for units  */

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

void pipe_fail(struct pipe *pipe, const struct sme_error *err);
/* Let others join in ${file}; and take it off again. */
void pipe_offer_bigfile(struct pipe *pipe, struct bigfile *file);
void pipe_withdraw_bigfile(struct pipe *pipe, struct bigfile *file);

/* Thread bodies. */
void *pipe_dispatch(void *pipe);
void *pipe_work(void *worker);

/* Do one item: pipe_item.c.  < 0: the run has failed. */
int pipe_item(struct pipe_worker *worker, struct unit_item *item, struct sme_error *err);
/* Set the problem of an item. */
void pipe_problem(struct unit_item *item, enum problem_kind kind, const char *fmt, ...)
    SME_PRINTF(3, 4);

/* Put a finished unit into the stream: pipe_collect.c.  One thread at a time. */
int pipe_collect(struct pipe *pipe, struct unit *unit, struct sme_error *err);

#endif
