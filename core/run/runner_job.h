/*
 * One job of a run, as a state machine that never waits.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * waiting → before hooks → worker → after hooks → on_failure hooks → done
 *
 * What fails on the way goes on with the after hooks, which may have something to undo; a job
 * whose source is running already has none.
 */
#ifndef SME_RUN_RUNNER_JOB_H
#define SME_RUN_RUNNER_JOB_H

#include "hooks.h"
#include "runner.h"
#include "worker.h"
#include "worker_output.h"

enum job_phase { JOB_WAITING, JOB_BEFORE, JOB_WORKING, JOB_AFTER, JOB_ON_FAILURE, JOB_DONE };

struct job {
    const struct run_request *run;
    size_t number;
    const struct conf_source *source;
    const struct conf_sink *sink;
    enum job_phase phase;
    int64_t began_at; /* monotonic */
    int lock_fd;
    struct hooks *hooks;
    struct worker worker; /* pid 0: none */
    bool silent;          /* no more messages will come      */
    bool has_result;
    bool timed_out, told_to_stop;
    int64_t stop_at, kill_at; /* monotonic, 0: not set */
    bool has_commit;          /* ... though it may have ended before its result */
    struct worker_output output;
    char during[200]; /* of a worker that is gone: calls it was in */
    struct worker_message result;
    struct job_report report;
};

/* ${sink} and ${source} of the request's configuration. */
void job_init(struct job *job, const struct run_request *run, size_t number,
              const struct conf_source *source, const struct conf_sink *sink);
void job_done(struct job *job);

/* Leave the waiting phase. */
void job_start(struct job *job, const struct job *all, size_t count);
/* Do all that can be done without waiting. */
void job_step(struct job *job, const struct job *all, size_t count);
/* End a job that waits. */
void job_cancel_waiting(struct job *job);

#define JOB_FDS HOOKS_FDS
/* What to wait for; unused places get fd -1. */
void job_poll(const struct job *job, struct pollfd fds[JOB_FDS]);

static inline bool job_is_active(const struct job *job)
{
    return job->phase != JOB_WAITING && job->phase != JOB_DONE;
}

#endif
