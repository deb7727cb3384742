/*
 * The backup pipe: threads, and who does what next.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "pipe_internal.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/limits.h"

#include <stdlib.h>
#include <sys/resource.h>

#define WORKER_NICE 5
#define TICK_NS (NS_PER_SEC / 4)

void pipe_fail(struct pipe *pipe, const struct sme_error *err)
{
    (void)pthread_mutex_lock(&pipe->lock);
    if (!pipe->failed) {
        pipe->failed = true;
        pipe->failure = *err;
        pipe->stop = true;
        pipe->params->source->stopping = true; /* a plugin that waits looks at it */
        for (size_t i = 0; i < pipe->big_count; i++) {
            bigfile_stop(pipe->big[i]);
        }
        if (pipe->params->data != NULL) {
            packer_poison(pipe->params->data, err);
        }
    }
    (void)pthread_cond_broadcast(&pipe->work);
    (void)pthread_cond_broadcast(&pipe->space);
    (void)pthread_mutex_unlock(&pipe->lock);
}

void pipe_offer_bigfile(struct pipe *pipe, struct bigfile *file)
{
    bool known = false;

    (void)pthread_mutex_lock(&pipe->lock);
    for (size_t i = 0; i < pipe->big_count; i++) {
        known = known || pipe->big[i] == file;
    }
    if (!known && pipe->big_count < sizeof pipe->big / sizeof pipe->big[0]) {
        pipe->big[pipe->big_count++] = file;
    }
    if (pipe->failed) {
        bigfile_stop(file);
    }
    (void)pthread_cond_broadcast(&pipe->work);
    (void)pthread_mutex_unlock(&pipe->lock);
}

void pipe_withdraw_bigfile(struct pipe *pipe, struct bigfile *file)
{
    (void)pthread_mutex_lock(&pipe->lock);
    for (size_t i = 0; i < pipe->big_count; i++) {
        if (pipe->big[i] == file) {
            pipe->big[i] = pipe->big[--pipe->big_count];
            break;
        }
    }
    (void)pthread_mutex_unlock(&pipe->lock);
}

/* Collect every unit whose turn has come, unless another thread is at it.  Lock held; it is given
 * up while a unit is collected. */
static int collect_ready(struct pipe *pipe, struct sme_error *err)
{
    int status = SME_OK;

    if (pipe->collecting) {
        return SME_OK;
    }
    pipe->collecting = true;
    while (status == SME_OK && !pipe->failed && pipe->collected < pipe->dispatched) {
        struct unit *unit = pipe->units[pipe->collected % PIPE_UNITS];
        if (!unit->collectable) {
            break;
        }
        (void)pthread_mutex_unlock(&pipe->lock);
        status = pipe_collect(pipe, unit, err);
        (void)pthread_mutex_lock(&pipe->lock);
        if (status == SME_OK) {
            pipe->units[pipe->collected % PIPE_UNITS] = NULL;
            pipe->collected++;
            unit_free(unit);
            (void)pthread_cond_signal(&pipe->space);
        }
    }
    pipe->collecting = false;
    if (pipe->dispatch_ended && pipe->collected == pipe->dispatched) {
        (void)pthread_cond_broadcast(&pipe->work);
    }
    return status;
}

/* The last item of a unit is done. */
static int finish_unit(struct pipe *pipe, struct unit *unit, struct sme_error *err)
{
    (void)pthread_mutex_lock(&pipe->lock);
    unit->collectable = true;
    int status = collect_ready(pipe, err);
    (void)pthread_mutex_unlock(&pipe->lock);
    return status;
}

static void free_streams(struct pipe *pipe, struct unit *unit)
{
    for (size_t i = 0; i < unit->count; i++) {
        if (unit->items[i].stream != NULL) {
            bigfile_free(STEAL(unit->items[i].stream));
            pipe_stream_done(pipe);
        }
    }
}

/* Do the item ${number}, which this worker has claimed, and go on until none is left for it. */
static int work_on_unit(struct pipe_worker *worker, struct unit *unit, size_t number,
                        struct sme_error *err)
{
    struct pipe *pipe = worker->pipe;
    size_t count = unit->count;

    for (;;) {
        if (!atomic_load_explicit(&pipe->stop, memory_order_relaxed)) {
            int status = pipe_item(worker, &unit->items[number], err);
            if (status < 0) {
                return status;
            }
        }
        /* The next claim comes first: it keeps the unit alive.  Without one, the unit may be gone
         * as soon as this item counts as done. */
        number = atomic_fetch_add(&unit->claimed, 1);
        if (atomic_fetch_add(&unit->done, 1) + 1 == count) {
            if (!pipe->stop) { /* after a failure the dispatcher may still look at them */
                free_streams(pipe, unit);
            }
            return finish_unit(pipe, unit, err);
        }
        if (number >= count) {
            return SME_OK;
        }
    }
}

/* What a worker does next. */
struct job {
    struct unit *unit;
    size_t number;        /* claimed item of the unit */
    struct bigfile *file; /* entered                  */
};

/* Claim an item of ${unit} if there is one left.  The lock is held, so the unit is not freed. */
static bool claim(struct unit *unit, struct job *job)
{
    if (unit == NULL || unit->collectable || unit->claimed >= unit->count) {
        return false;
    }
    job->number = atomic_fetch_add(&unit->claimed, 1);
    job->unit = unit;
    return job->number < unit->count;
}

/* Lock held.  A unit that nobody has begun; else one with items left; else a large file. */
static bool find_job(struct pipe *pipe, struct job *job)
{
    *job = (struct job){0};
    while (pipe->fresh < pipe->dispatched) {
        struct unit *unit = pipe->units[pipe->fresh++ % PIPE_UNITS];
        if (claim(unit, job)) {
            return true;
        }
    }
    for (uint64_t i = pipe->collected; i < pipe->fresh; i++) {
        if (claim(pipe->units[i % PIPE_UNITS], job)) {
            return true;
        }
    }
    job->unit = NULL;
    for (size_t i = 0; i < pipe->big_count; i++) {
        if (bigfile_enter(pipe->big[i])) {
            job->file = pipe->big[i];
            return true;
        }
    }
    return false;
}

static bool all_done(const struct pipe *pipe)
{
    return pipe->failed || (pipe->dispatch_ended && pipe->collected == pipe->dispatched);
}

static int work_all(struct pipe_worker *worker, struct sme_error *err)
{
    struct pipe *pipe = worker->pipe;
    int status = SME_OK;

    (void)pthread_mutex_lock(&pipe->lock);
    while (status == SME_OK && !all_done(pipe)) {
        struct job job;
        if (!find_job(pipe, &job)) {
            (void)pthread_cond_wait(&pipe->work, &pipe->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&pipe->lock);
        status = job.unit != NULL ? work_on_unit(worker, job.unit, job.number, err)
                                  : bigfile_work(job.file, &worker->tools, err);
        (void)pthread_mutex_lock(&pipe->lock);
    }
    bool failed = pipe->failed;
    (void)pthread_mutex_unlock(&pipe->lock);
    return status == SME_OK && !failed ? content_tools_flush(&worker->tools, err) : status;
}

void *pipe_work(void *argument)
{
    struct pipe_worker *worker = argument;
    struct pipe *pipe = worker->pipe;
    struct sme_error err = SME_ERROR_INIT;

    /* Behind what the host is there for, and what feeds this thread.  On Linux the priority is the
     * thread's alone; a refusal does no harm. */
    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + WORKER_NICE);
    int status = work_all(worker, &err);
    if (status < 0) {
        err.status = status;
        pipe_fail(pipe, &err);
    }
    (void)pthread_mutex_lock(&pipe->lock);
    pipe->threads_left--;
    (void)pthread_cond_broadcast(&pipe->ended);
    (void)pthread_mutex_unlock(&pipe->lock);
    return NULL;
}

static int start_worker(struct pipe *pipe, struct pipe_worker *worker, struct sme_error *err)
{
    const struct pipe_params *params = pipe->params;
    struct block_sealer_params sealer = {
        .keys = params->keys,
        .run = params->run,
        .packer = params->data,
        .type = SEAL_DATA,
        .level = params->level,
    };

    worker->pipe = pipe;
    buf_init(&worker->body, LIMIT_RECORD);
    buf_init(&worker->content, LIMIT_RECORD);
    int status = content_tools_init(&worker->tools, &sealer, params->dedup, params->chunker,
                                    &pipe->result->counters.content, err);
    if (status == SME_OK) {
        status = filemeta_init(&worker->meta, err);
    }
    if (status < 0) {
        return status;
    }
    int failure = pthread_create(&worker->thread, NULL, pipe_work, worker);
    if (failure != 0) {
        errno = failure;
        return error_errno(err, "cannot start a worker thread");
    }
    pipe->threads_left++;
    return SME_OK;
}

static void worker_done(struct pipe_worker *worker)
{
    content_tools_done(&worker->tools);
    filemeta_done(&worker->meta);
    buf_free(&worker->body);
    buf_free(&worker->content);
}

/* Wait for all threads, reporting progress.  Lock held on entry and exit. */
static void wait_for_threads(struct pipe *pipe)
{
    struct sme_error err = SME_ERROR_INIT;

    while (pipe->threads_left > 0) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        if (until.tv_nsec >= NS_PER_SEC) {
            until.tv_nsec -= NS_PER_SEC;
            until.tv_sec++;
        }
        (void)pthread_cond_timedwait(&pipe->ended, &pipe->lock, &until);
        (void)pthread_mutex_unlock(&pipe->lock);
        int status = cancel_check(&err);
        if (status == SME_OK && pipe->params->tick != NULL) {
            status = pipe->params->tick(pipe->params->cookie, &err);
        }
        if (status < 0) {
            err.status = status;
            pipe_fail(pipe, &err);
        }
        (void)pthread_mutex_lock(&pipe->lock);
    }
}

static int run_threads(struct pipe *pipe, struct pipe_worker *workers, struct sme_error *err)
{
    pthread_t dispatcher;
    unsigned started = 0;
    int status = SME_OK;

    (void)pthread_mutex_lock(&pipe->lock);
    while (started < pipe->params->workers && status == SME_OK) {
        status = start_worker(pipe, &workers[started], err);
        started += status == SME_OK;
    }
    int failure = status == SME_OK ? pthread_create(&dispatcher, NULL, pipe_dispatch, pipe) : 0;
    if (failure != 0) {
        errno = failure;
        status = error_errno(err, "cannot start the dispatcher thread");
    }
    bool has_dispatcher = status == SME_OK;
    pipe->threads_left += has_dispatcher;
    if (status < 0) {
        pipe->failed = true;
        pipe->failure = *err;
        (void)pthread_cond_broadcast(&pipe->work);
    }
    wait_for_threads(pipe);
    status = pipe->failed ? pipe->failure.status : SME_OK;
    if (pipe->failed && err != NULL) {
        *err = pipe->failure;
    }
    (void)pthread_mutex_unlock(&pipe->lock);
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    if (has_dispatcher) {
        (void)pthread_join(dispatcher, NULL);
    }
    for (unsigned i = 0; i < pipe->params->workers; i++) {
        worker_done(&workers[i]);
    }
    return status;
}

int pipe_run(const struct pipe_params *params, struct pipe_result *result, struct sme_error *err)
{
    struct pipe *pipe = calloc(1, sizeof *pipe);
    struct pipe_worker *workers = calloc(params->workers, sizeof *workers);
    pthread_condattr_t monotonic;

    if (pipe == NULL || workers == NULL) {
        free(pipe);
        free(workers);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the pipeline");
    }
    pipe->params = params;
    pipe->result = result;
    (void)pthread_mutex_init(&pipe->lock, NULL);
    (void)pthread_cond_init(&pipe->work, NULL);
    (void)pthread_cond_init(&pipe->space, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pipe->ended, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);

    int status = run_threads(pipe, workers, err);
    if (status == SME_OK) {
        status = pipe_sort(pipe, err);
    }
    pipe_held_free(pipe);

    for (size_t i = 0; i < PIPE_UNITS; i++) {
        if (pipe->units[i] != NULL) {
            free_streams(pipe, pipe->units[i]);
            unit_free(pipe->units[i]);
        }
    }
    (void)pthread_cond_destroy(&pipe->work);
    (void)pthread_cond_destroy(&pipe->space);
    (void)pthread_cond_destroy(&pipe->ended);
    (void)pthread_mutex_destroy(&pipe->lock);
    free(workers);
    free(pipe);
    return status;
}

void pipe_result_free(struct pipe_result *result)
{
    for (size_t i = 0; i < result->problem_count; i++) {
        free(result->problems[i].path);
        free(result->problems[i].text);
    }
    for (size_t i = 0; i < result->owner_count; i++) {
        free(result->owners[i].name);
    }
    free(result->problems);
    free(result->owners);
    result->problems = NULL;
    result->owners = NULL;
    result->problem_count = 0;
    result->owner_count = 0;
}
