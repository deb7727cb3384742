/*
 * A restore as a whole: what is asked for, who works on it, what came of it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * One thread plans (restore_walk): it walks the items, makes directories, and gathers windows of
 * files and of the places of their chunks.  Worker threads (restore_work) take ranges of packs out
 * of the windows, fetch and open them, and write.  Whoever finishes the last piece of a file gives
 * it its metadata; whoever finishes the last thing in a directory does that for the directory.
 */
#ifndef SME_PIPELINE_RESTORE_JOB_H
#define SME_PIPELINE_RESTORE_JOB_H

#include "../repo/reader.h"
#include "extract.h"
#include "restore_plan.h"
#include "restore_select.h"

#include <pthread.h>
#include <stdatomic.h>

enum restore_existing { RESTORE_KEEP, RESTORE_REPLACE_CHANGED, RESTORE_REPLACE };

struct restore_params {
    struct vault *vault;
    struct snapshot *snapshot;
    const char *const *patterns;
    size_t pattern_count;
    bool exact; /* see select_init() */
    int target_fd;
    const char *target_name;
    enum restore_existing existing;
    bool verify, set_owner;
    unsigned threads;
    uint64_t memory_limit;
    void (*progress)(void *cookie);
    void (*problem)(void *cookie, const char *path, size_t path_len, const struct sme_error *err);
    void (*note)(void *cookie, const char *text);
    void *cookie;
};

struct restore_numbers {
    atomic_uint_least64_t items, files, directories, links, others, bytes, existing, failed,
        verified, total_bytes, first_byte_ns;
};

struct path_set; /* paths that --verify leaves out */

struct restore_job {
    const struct restore_params *params;
    struct extract_rules rules;
    int root_fd;
    int64_t started_ns;
    struct restore_numbers numbers;
    atomic_uint open_files;
    atomic_uint_least64_t next_serial;
    atomic_bool stopped; /* failed or cancelled */
    atomic_uint noted;   /* EXTRACT_* bits that were said */

    pthread_mutex_t lock;         /* guards what follows */
    pthread_cond_t work;          /* a window was added, or no more will come */
    pthread_cond_t room;          /* a window was finished */
    struct restore_window *first; /* oldest */
    struct restore_window **last;
    unsigned windows;
    bool closed;
    unsigned running; /* workers */
    struct sme_error failure;
    bool has_failure;

    pthread_mutex_t report_lock; /* around the problem and note callbacks, and: */
    struct path_set *unverified;

    struct link_groups *groups;
    struct verify_queue *verify; /* while --verify is at work */
};

/* What a thread has for itself. */
struct restore_tools {
    struct restore_job *job;
    struct extract_dirs dirs;
    struct block_reader *reader;
    uint8_t *sealed; /* a fetched range */
    size_t sealed_cap;
};

int restore_job_init(struct restore_job *job, const struct restore_params *params,
                     struct sme_error *err);
void restore_job_done(struct restore_job *job);
int restore_tools_init(struct restore_tools *tools, struct restore_job *job, struct sme_error *err);
void restore_tools_done(struct restore_tools *tools);

/* The first failure of the whole job stays; everybody stops soon. */
void restore_job_fail(struct restore_job *job, const struct sme_error *err);
/* Stopped, or to be stopped because of a signal? */
bool restore_job_stopped(struct restore_job *job);

/* An item failed: it is counted and reported.  A full disk fails the job. */
void restore_problem(struct restore_job *job, const char *path, const struct sme_error *err);
/* An item was left alone because it exists. */
void restore_exists(struct restore_job *job, const char *path);
/* Say what applies to many items once. */
void restore_note(struct restore_job *job, const char *path, unsigned notes);
/* Was ${path} reported or left alone? */
bool restore_is_unverified(struct restore_job *job, const char *path, size_t len);

/* Failures that are one file's alone; all others end the restore. */
static inline bool restore_is_files_own(int status)
{
    return status == SME_E_CORRUPT || status == SME_E_NOT_FOUND || status == SME_E_IO ||
           status == SME_E_CANNOT_NOW;
}

/* Walk the selection, restore everything.  The calling thread plans. */
int restore_job_run(struct restore_job *job, struct sme_error *err);
/* Read back and compare. */
int restore_job_verify(struct restore_job *job, struct sme_error *err);
/* Count what would be restored, and look all chunks up. */
int restore_job_dry_run(struct restore_job *job, struct sme_error *err);

/* Start ${job->params->threads} threads with ${run}; join them. */
int restore_start_workers(struct restore_job *job, void *(*run)(void *), pthread_t **ret_threads,
                          struct sme_error *err);
void restore_join_workers(struct restore_job *job, pthread_t *threads);
/* The workers of restore_job_run(); their argument is the job. */
void *restore_work(void *job);

#endif
