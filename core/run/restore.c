/*
 * Restoring files from a snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore.h"

#include "../base/clock.h"
#include "../base/limits.h"
#include "../pipeline/restore_job.h"

#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#define THREADS_MAX 64
#define MEMORY_DEFAULT (128 * MIB)
#define MEMORY_LEAST (16 * MIB)

_Static_assert((int)RESTORE_NEVER == (int)RESTORE_KEEP &&
                   (int)RESTORE_IF_CHANGED == (int)RESTORE_REPLACE_CHANGED &&
                   (int)RESTORE_ALWAYS == (int)RESTORE_REPLACE,
               "the kinds of overwriting are the same");

struct restoring {
    const struct restore_request *request;
    struct restore_job *job;
};

static unsigned processors(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? (unsigned)count : 1;
}

static struct restore_counts counts_of(const struct restore_numbers *numbers)
{
    return (struct restore_counts){
        .items = numbers->items,
        .files = numbers->files,
        .directories = numbers->directories,
        .links = numbers->links,
        .others = numbers->others,
        .bytes = numbers->bytes,
        .existing = numbers->existing,
        .failed = numbers->failed,
        .verified = numbers->verified,
        .total_bytes = numbers->total_bytes,
    };
}

static void on_progress(void *cookie)
{
    const struct restoring *restoring = cookie;
    struct restore_counts counts = counts_of(&restoring->job->numbers);

    restoring->request->progress(restoring->request->cookie, &counts);
}

static void on_problem(void *cookie, const char *path, size_t path_len, const struct sme_error *err)
{
    const struct restore_request *request = ((const struct restoring *)cookie)->request;

    request->problem(request->cookie, path, path_len, err);
}

static void on_note(void *cookie, const char *text)
{
    const struct restore_request *request = ((const struct restoring *)cookie)->request;

    request->note(request->cookie, text);
}

static int run(const struct restore_request *request, struct restore_job *job,
               struct sme_error *err)
{
    if (request->dry_run) {
        return restore_job_dry_run(job, err);
    }
    /* Files are made with their final mode at once. */
    mode_t mask = umask(0);
    int status = restore_job_run(job, err);
    (void)umask(mask);
    if (status == SME_OK && request->verify) {
        status = restore_job_verify(job, err);
    }
    return status;
}

int restore_run(const struct restore_request *request, struct restore_result *ret_result,
                struct sme_error *err)
{
    struct restore_job job;
    struct restoring restoring = {request, &job};
    unsigned threads = request->threads != 0 ? request->threads : processors();
    uint64_t memory = request->memory_limit != 0 ? request->memory_limit : MEMORY_DEFAULT;
    const struct restore_params params = {
        .vault = request->vault,
        .snapshot = request->snapshot,
        .patterns = request->patterns,
        .pattern_count = request->pattern_count,
        .exact = request->exact,
        .target_fd = request->target_fd,
        .target_name = request->target_name != NULL ? request->target_name : "the target",
        .existing = (enum restore_existing)request->overwrite,
        .verify = request->verify,
        .set_owner = !request->no_owner,
        .threads = threads < THREADS_MAX ? threads : THREADS_MAX,
        .memory_limit = memory > MEMORY_LEAST ? memory : MEMORY_LEAST,
        .progress = request->progress != NULL ? on_progress : NULL,
        .problem = request->problem != NULL ? on_problem : NULL,
        .note = request->note != NULL ? on_note : NULL,
        .cookie = &restoring,
    };

    int status = restore_job_init(&job, &params, err);
    if (status < 0) {
        return status;
    }
    status = run(request, &job, err);
    struct restore_result result = {
        .counts = counts_of(&job.numbers),
        .elapsed_ns = clock_monotonic_ns() - job.started_ns,
        .first_byte_ns = (int64_t)job.numbers.first_byte_ns,
    };
    restore_job_done(&job);
    *ret_result = result;
    return status;
}
