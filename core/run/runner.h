/*
 * A run: locks, hooks, worker processes, time limits, results, of all selected sources.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A job is one source into one sink.  The caller's process loads no plugin and opens no key.
 */
#ifndef SME_RUN_RUNNER_H
#define SME_RUN_RUNNER_H

#include "report.h"

enum run_event_kind {
    RUN_STARTED,
    RUN_PROGRESS, /* ${counts} is new */
    RUN_MESSAGE,  /* ${level}, ${text}: of the plugins; it is in the log already */
    RUN_FINISHED, /* ${report} is complete */
};

struct run_event {
    enum run_event_kind kind;
    size_t job; /* its number, from 0 */
    const struct job_report *report;
    const struct backup_counts *counts;
    int level;
    const char *text;
    int64_t elapsed_ns;
};

struct run_request {
    const struct conf *conf;
    const char *const *sources; /* names */
    size_t source_count;        /* 0: all */
    bool dry_run, read_all;
    bool progress; /* RUN_PROGRESS is wanted */
    void (*event)(void *cookie, const struct run_event *event);
    void *cookie;
};

struct run_result {
    struct job_report *jobs;
    size_t count;
    enum exit_code exit; /* the worst of all */
};

/* SME_OK: every job has its report, whatever came of it.  Otherwise nothing was started. */
int runner_run(const struct run_request *request, struct run_result *ret_result,
               struct sme_error *err);
void run_result_free(struct run_result *result);

#endif
