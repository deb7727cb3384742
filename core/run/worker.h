/*
 * The process that does one job: made by fork, watched over a socket.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Messages are records of one fixed size without pointers.  The parent believes nothing in them
 * but what fits; see worker_receive().
 */
#ifndef SME_RUN_WORKER_H
#define SME_RUN_WORKER_H

#include "../plugin/calls.h"
#include "report.h"

struct worker_request {
    const struct conf *conf;
    const struct conf_source *source;
    const struct conf_sink *sink;
    bool dry_run, read_all;
    bool progress;      /* send WORKER_PROGRESS */
    int lock_fd;        /* stays open in the worker, which so holds the lock too; -1: none */
    const int *foreign; /* descriptors of other jobs, which the worker closes */
    size_t foreign_count;
};

struct worker {
    pid_t pid;
    int pidfd;                  /* -1 on old kernels */
    int fd;                     /* messages come from here */
    int output;                 /* what is printed there, not blocking */
    struct plugin_calls *calls; /* what its threads are, or were, in; NULL: not known */
};

enum worker_kind {
    WORKER_PROGRESS = 1,
    WORKER_LOG,
    WORKER_PROBLEM,
    WORKER_COMMITTED, /* the snapshot is durable: as WORKER_RESULT, which is still to come */
    WORKER_RESULT
};

struct worker_message {
    uint32_t kind; /* enum worker_kind */
    uint32_t sub;  /* LOG: level; PROBLEM: enum problem_kind; COMMITTED, RESULT: SNAPSHOT_* */
    union {
        struct backup_counts progress;
        char line[1536];
        struct {
            char path[1024];
            char text[512];
        } problem;
        struct {
            struct sme_error error; /* status SME_OK: committed (or dry run done) */
            char snapshot[OBJKEY_SNAPSHOT_NAME];
            struct backup_counts counts;
            struct store_meter requests;
            bool has_cost;
            int64_t nano_usd;
        } result;
    } u;
};

/* Fork.  Log lines of plugins come as WORKER_LOG, what is printed at ${output}. */
int worker_start(const struct worker_request *request, struct worker *ret_worker,
                 struct sme_error *err);
/* 1: a message, its texts terminated and its numbers in range; 0: none at the moment; -1: no more
 * will come (the worker is gone, or sends what no worker sends). */
int worker_receive(const struct worker *worker, struct worker_message *ret_message);

#endif
