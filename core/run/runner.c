/*
 * A run: which jobs there are, and the loop that drives them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "runner.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "runner_job.h"

#include <stdlib.h>
#include <string.h>

/* Deadlines are looked at this often; everything else wakes the loop by a descriptor. */
#define TICK_MS 200

struct runner {
    struct job *jobs;
    size_t count;
};

static void runner_done(struct runner *runner)
{
    for (size_t i = 0; i < runner->count; i++) {
        job_done(&runner->jobs[i]);
    }
    free(runner->jobs);
}

static int add_job(struct runner *runner, const struct run_request *request,
                   const struct conf_source *source, const struct conf_sink *sink,
                   struct sme_error *err)
{
    struct job *grown = realloc(runner->jobs, (runner->count + 1) * sizeof *grown);

    if (grown == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the jobs");
    }
    runner->jobs = grown;
    job_init(&grown[runner->count], request, runner->count, source, sink);
    runner->count++;
    return SME_OK;
}

static int add_source(struct runner *runner, const struct run_request *request,
                      const struct conf_source *source, struct sme_error *err)
{
    const struct conf_sink *sink = NULL;
    int status = SME_OK;

    for (size_t i = 0; i < runner->count; i++) {
        if (runner->jobs[i].source == source) {
            return SME_OK; /* named twice */
        }
    }
    if (source->sink.count == 0) {
        status = conf_sink(request->conf, NULL, &sink, err);
        return status < 0 ? error_context(err, "source '%s'", source->name)
                          : add_job(runner, request, source, sink, err);
    }
    for (size_t i = 0; i < source->sink.count && status == SME_OK; i++) {
        status = conf_sink(request->conf, source->sink.items[i], &sink, err);
        if (status == SME_OK) {
            status = add_job(runner, request, source, sink, err);
        }
    }
    return status;
}

static int select_jobs(struct runner *runner, const struct run_request *request,
                       struct sme_error *err)
{
    const struct conf *conf = request->conf;
    int status = SME_OK;

    if (conf->source_count == 0) {
        (void)sme_fail(err, SME_E_INVALID, "no source is configured in '%s'", conf->path);
        return error_hint(err, "add a section [source NAME]; see 'sme-backup plugin describe'");
    }
    for (size_t i = 0; request->source_count == 0 && i < conf->source_count && status == SME_OK;
         i++) {
        status = add_source(runner, request, &conf->sources[i], err);
    }
    for (size_t i = 0; i < request->source_count && status == SME_OK; i++) {
        const struct conf_source *source = NULL;
        status = conf_source(conf, request->sources[i], &source, err);
        if (status == SME_OK) {
            status = add_source(runner, request, source, err);
        }
    }
    return status;
}

/* Two jobs of one source do not run at once: they share its lock. */
static bool source_is_active(const struct runner *runner, const struct job *job)
{
    for (size_t i = 0; i < runner->count; i++) {
        if (runner->jobs[i].source == job->source && job_is_active(&runner->jobs[i])) {
            return true;
        }
    }
    return false;
}

static size_t count_active(const struct runner *runner)
{
    size_t active = 0;

    for (size_t i = 0; i < runner->count; i++) {
        active += job_is_active(&runner->jobs[i]) ? 1 : 0;
    }
    return active;
}

/* Start what may start. */
static void start_jobs(struct runner *runner, size_t slots)
{
    for (size_t i = 0; i < runner->count && count_active(runner) < slots; i++) {
        struct job *job = &runner->jobs[i];
        if (job->phase != JOB_WAITING || source_is_active(runner, job)) {
            continue;
        }
        if (cancel_requested()) {
            job_cancel_waiting(job);
        } else {
            job_start(job, runner->jobs, runner->count);
        }
    }
}

static bool all_done(const struct runner *runner)
{
    for (size_t i = 0; i < runner->count; i++) {
        if (runner->jobs[i].phase != JOB_DONE) {
            return false;
        }
    }
    return true;
}

static void drive(struct runner *runner, size_t slots, struct pollfd *fds)
{
    while (!all_done(runner)) {
        bool told = cancel_requested();
        start_jobs(runner, slots);
        for (size_t i = 0; i < runner->count; i++) {
            if (job_is_active(&runner->jobs[i])) {
                job_step(&runner->jobs[i], runner->jobs, runner->count);
            }
        }
        if (count_active(runner) == 0) {
            continue;
        }
        for (size_t i = 0; i < runner->count; i++) {
            job_poll(&runner->jobs[i], fds + i * JOB_FDS);
        }
        /* Once acted upon, the flag's descriptor stays readable: it must not spin the loop. */
        fds[runner->count * JOB_FDS] =
            (struct pollfd){.fd = told ? -1 : cancel_fd(), .events = POLLIN};
        (void)poll(fds, (nfds_t)(runner->count * JOB_FDS + 1), TICK_MS);
    }
}

static int collect(struct runner *runner, struct run_result *ret_result, struct sme_error *err)
{
    struct run_result result = {.exit = EXIT_DONE, .count = runner->count};

    result.jobs = calloc(runner->count, sizeof *result.jobs);
    if (result.jobs == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the result");
    }
    bool cancelled = false;
    for (size_t i = 0; i < runner->count; i++) {
        result.exit = error_worse_exit(result.exit, runner->jobs[i].report.exit);
        cancelled = cancelled || runner->jobs[i].report.word == JOB_CANCELLED;
        result.jobs[i] = runner->jobs[i].report;
        runner->jobs[i].report.problems = NULL;
    }
    /* What failed before the signal does not hide that the run was ended by it. */
    if (cancelled) {
        result.exit = EXIT_SIGNAL;
    }
    *ret_result = result;
    return SME_OK;
}

int runner_run(const struct run_request *request, struct run_result *ret_result,
               struct sme_error *err)
{
    CLEANUP(runner_done) struct runner runner = {.jobs = NULL};
    size_t slots =
        request->conf->core.parallel_sources > 0 ? (size_t)request->conf->core.parallel_sources : 1;

    int status = select_jobs(&runner, request, err);
    if (status < 0) {
        return status;
    }
    CLEANUP(free_ptr) struct pollfd *fds = calloc(runner.count * JOB_FDS + 1, sizeof *fds);
    if (fds == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the run");
    }
    drive(&runner, slots, fds);
    return collect(&runner, ret_result, err);
}

void run_result_free(struct run_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        report_done(&result->jobs[i]);
    }
    free(result->jobs);
    memset(result, 0, sizeof *result);
}
