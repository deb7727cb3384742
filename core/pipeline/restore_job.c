/*
 * A restore as a whole: what its threads share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_job.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/hashmap.h"
#include "../base/rng.h"
#include "../base/siphash.h"
#include "restore_item.h"

#include <stdlib.h>
#include <string.h>

struct path_set {
    uint8_t key[16];
    struct hashmap map;
};

int restore_job_init(struct restore_job *job, const struct restore_params *params,
                     struct sme_error *err)
{
    memset(job, 0, sizeof *job);
    job->params = params;
    job->root_fd = params->target_fd;
    job->rules = extract_rules_now(params->set_owner);
    job->started_ns = clock_monotonic_ns();
    job->last = &job->first;
    job->failure.struct_size = sizeof job->failure;
    (void)pthread_mutex_init(&job->lock, NULL);
    (void)pthread_mutex_init(&job->report_lock, NULL);
    (void)pthread_cond_init(&job->work, NULL);
    (void)pthread_cond_init(&job->room, NULL);
    int status = restore_links_init(job, err);
    if (status == SME_OK && params->verify) {
        job->unverified = calloc(1, sizeof *job->unverified);
        status = job->unverified == NULL
                     ? sme_fail(err, SME_E_NO_MEMORY, "no memory to restore")
                     : rng_bytes(job->unverified->key, sizeof job->unverified->key, err);
    }
    if (status < 0) {
        restore_job_done(job);
    }
    return status;
}

void restore_job_done(struct restore_job *job)
{
    if (job->unverified != NULL) {
        hashmap_free(&job->unverified->map);
        free(job->unverified);
        job->unverified = NULL;
    }
    restore_links_done(job);
    (void)pthread_mutex_destroy(&job->lock);
    (void)pthread_mutex_destroy(&job->report_lock);
    (void)pthread_cond_destroy(&job->work);
    (void)pthread_cond_destroy(&job->room);
}

int restore_tools_init(struct restore_tools *tools, struct restore_job *job, struct sme_error *err)
{
    memset(tools, 0, sizeof *tools);
    tools->job = job;
    extract_dirs_init(&tools->dirs, job->root_fd);
    return block_reader_new(job->params->vault, &tools->reader, err);
}

void restore_tools_done(struct restore_tools *tools)
{
    extract_dirs_done(&tools->dirs);
    block_reader_free(tools->reader);
    free(tools->sealed);
}

void restore_job_fail(struct restore_job *job, const struct sme_error *err)
{
    (void)pthread_mutex_lock(&job->lock);
    if (!job->has_failure) {
        job->failure = *err;
        job->has_failure = true;
    }
    (void)pthread_cond_broadcast(&job->room);
    (void)pthread_mutex_unlock(&job->lock);
    atomic_store(&job->stopped, true);
}

bool restore_job_stopped(struct restore_job *job)
{
    struct sme_error err = SME_ERROR_INIT;

    if (!atomic_load(&job->stopped) && cancel_check(&err) < 0) {
        restore_job_fail(job, &err);
    }
    return atomic_load(&job->stopped);
}

/* For --verify; a set that is out of memory only makes it look at more. */
static void leave_out(struct restore_job *job, const char *path)
{
    uint8_t hash[16];

    if (job->unverified != NULL) {
        siphash128(job->unverified->key, path, strlen(path), hash);
        (void)hashmap_add(&job->unverified->map, hash, 0, NULL);
    }
}

bool restore_is_unverified(struct restore_job *job, const char *path, size_t len)
{
    uint8_t hash[16];

    if (job->unverified == NULL) {
        return false;
    }
    siphash128(job->unverified->key, path, len, hash);
    (void)pthread_mutex_lock(&job->report_lock);
    bool found = hashmap_find(&job->unverified->map, hash) != NULL;
    (void)pthread_mutex_unlock(&job->report_lock);
    return found;
}

void restore_problem(struct restore_job *job, const char *path, const struct sme_error *err)
{
    job->numbers.failed++;
    (void)pthread_mutex_lock(&job->report_lock);
    leave_out(job, path);
    if (job->params->problem != NULL) {
        job->params->problem(job->params->cookie, path, strlen(path), err);
    }
    (void)pthread_mutex_unlock(&job->report_lock);
    if (err->status == SME_E_NO_SPACE) {
        struct sme_error whole = *err;
        (void)error_context(&whole, "'%.200s' in '%.200s'", path, job->params->target_name);
        (void)error_hint(&whole, "make room and run it again with --overwrite if-changed");
        restore_job_fail(job, &whole);
    }
}

void restore_exists(struct restore_job *job, const char *path)
{
    struct sme_error err = SME_ERROR_INIT;

    (void)sme_fail(&err, SME_E_EXISTS, "it exists and was left alone");
    (void)error_hint(&err, "--overwrite if-changed or always replaces it");
    job->numbers.existing++;
    (void)pthread_mutex_lock(&job->report_lock);
    leave_out(job, path);
    if (job->params->problem != NULL) {
        job->params->problem(job->params->cookie, path, strlen(path), &err);
    }
    (void)pthread_mutex_unlock(&job->report_lock);
}

void restore_note(struct restore_job *job, const char *path, unsigned notes)
{
    static const struct {
        unsigned bit;
        bool is_problem;
        const char *text;
    } texts[] = {
        {EXTRACT_OWNER_KEPT, false,
         "only root can give files to their owners: they belong to you instead"},
        {EXTRACT_XATTR_DENIED, false,
         "only root can set attributes of the kinds 'security.' and 'trusted.': left out"},
        {EXTRACT_NO_USER_XATTRS, true,
         "the target's file system has no 'user.' attributes: they are left out (said once)"},
        {EXTRACT_NO_ACLS, true,
         "the target's file system has no ACLs: they are left out (said once)"},
        {EXTRACT_NO_SECURITY_XATTRS, true,
         "the target's file system has no 'security.' attributes: they are left out (said once)"},
        {EXTRACT_NO_OTHER_XATTRS, true,
         "the target's file system does not take one kind of attributes: left out (said once)"},
    };
    unsigned fresh = notes & ~atomic_fetch_or(&job->noted, notes);

    for (size_t i = 0; fresh != 0 && i < sizeof texts / sizeof texts[0]; i++) {
        if ((fresh & texts[i].bit) == 0) {
            continue;
        }
        if (texts[i].is_problem) {
            struct sme_error err = SME_ERROR_INIT;
            (void)sme_fail(&err, SME_E_UNSUPPORTED, "%s", texts[i].text);
            restore_problem(job, path, &err);
        } else if (job->params->note != NULL) {
            (void)pthread_mutex_lock(&job->report_lock);
            job->params->note(job->params->cookie, texts[i].text);
            (void)pthread_mutex_unlock(&job->report_lock);
        }
    }
}

int restore_start_workers(struct restore_job *job, void *(*run)(void *), pthread_t **ret_threads,
                          struct sme_error *err)
{
    unsigned wanted = job->params->threads;
    pthread_t *threads = calloc(wanted, sizeof *threads);

    if (threads == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to restore");
    }
    job->closed = false;
    job->running = wanted;
    for (unsigned i = 0; i < wanted; i++) {
        int failure = pthread_create(&threads[i], NULL, run, job);
        if (failure != 0) {
            (void)pthread_mutex_lock(&job->lock);
            job->running -= wanted - i;
            job->closed = true;
            (void)pthread_cond_broadcast(&job->work);
            (void)pthread_mutex_unlock(&job->lock);
            while (i > 0) {
                (void)pthread_join(threads[--i], NULL);
            }
            free(threads);
            errno = failure;
            return error_errno(err, "cannot start a thread");
        }
    }
    *ret_threads = threads;
    return SME_OK;
}

void restore_join_workers(struct restore_job *job, pthread_t *threads)
{
    for (unsigned i = 0; i < job->params->threads; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    free(threads);
}
