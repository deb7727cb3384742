/*
 * The end of a backup job: packs, index, snapshot, in this order.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "backup_job.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../repo/session.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <zstd.h>

/* Packs of this many chunks get an index object of their own while the run goes on: if it is
 * interrupted, the next run finds what this one has stored. */
#define INDEX_CHUNKS 300000u
#define MAX_RUN_NS (SESSION_MAX_HOURS * 3600 * NS_PER_SEC)

static size_t count_chunks(const struct index_addition *add)
{
    size_t sum = 0;

    for (size_t i = 0; i < add->count; i++) {
        sum += add->packs[i].table.chunk_count;
    }
    return sum;
}

static int take_packs(struct backup_job *job, struct packer *packer, struct sme_error *err)
{
    size_t first = job->added.count;

    int status = packer_take(packer, &job->added, err);
    for (size_t i = first; i < job->added.count; i++) {
        buf_add(&job->reach, job->added.packs[i].name, 32);
    }
    return status;
}

int backup_put_index(struct backup_job *job, bool all, objkey_text ret_key, struct sme_error *err)
{
    ret_key[0] = '\0';
    int status = take_packs(job, job->data, err);
    if (status == SME_OK) {
        status = take_packs(job, job->meta, err);
    }
    if (status < 0 || job->added.count == job->indexed ||
        (!all && count_chunks(&job->added) < INDEX_CHUNKS)) {
        return status;
    }
    status = index_put(job->repo, &job->keys, &job->added, clock_realtime_ns() / NS_PER_SEC,
                       ret_key, err);
    if (status == SME_OK && !all) {
        index_addition_free(&job->added);
    } else if (status == SME_OK) {
        job->indexed = job->added.count; /* kept to be merged into the local index */
    }
    return status;
}

/* Names of the owners' numbers; a number without a name stays one. */
static int name_owners(struct pipe_result *pipe, struct sme_error *err)
{
    size_t named = 0;

    for (size_t i = 0; i < pipe->owner_count; i++) {
        struct snapshot_owner *owner = &pipe->owners[i];
        const struct passwd *user = owner->kind == 0 ? getpwuid(owner->id) : NULL;
        const struct group *group = owner->kind == 1 ? getgrgid(owner->id) : NULL;
        const char *name = user != NULL ? user->pw_name : group != NULL ? group->gr_name : NULL;
        if (name == NULL || strlen(name) > 256) {
            continue;
        }
        owner->name = strdup(name);
        if (owner->name == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for the names of owners");
        }
        struct snapshot_owner kept = *owner;
        owner->name = NULL;
        pipe->owners[named++] = kept;
    }
    pipe->owner_count = named;
    return SME_OK;
}

static void copy_text(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from);
}

static void fill_head(struct backup_job *job, struct snapshot_head *head)
{
    const struct pipe_counters *counters = &job->pipe.counters;

    copy_text(head->source, sizeof head->source, job->request->source->name);
    copy_text(head->name, sizeof head->name, job->name);
    copy_text(head->host, sizeof head->host, job->request->conf->core.host);
    copy_text(head->plugin, sizeof head->plugin, job->plugin->desc.name);
    (void)snprintf(head->program, sizeof head->program, "sme-backup %s zstd %s", PACKAGE_VERSION,
                   ZSTD_versionString());
    head->started_ns = job->started_ns;
    head->finished_ns = clock_realtime_ns();
    head->sequence = job->before.sequence + 1;
    memcpy(head->previous, job->before.hash, sizeof head->previous);
    head->problems = counters->failed + counters->changed_while_read + counters->vanished +
                     counters->rot + counters->damaged;
    head->status = head->problems > 0 ? SNAPSHOT_INCOMPLETE : SNAPSHOT_COMPLETE;
    memcpy(head->run_enc, job->run.enc, sizeof head->run_enc);
    head->items = counters->items;
    head->files = counters->files;
    head->directories = counters->directories;
    head->bytes = counters->bytes;
    head->changed = counters->changed;
    head->bytes_read = counters->content.bytes_read;
    head->bytes_stored = packer_stored_bytes(job->data) + packer_stored_bytes(job->meta);
}

/* What was deduplicated against must not have been marked for deletion meanwhile, and the run not
 * be so old that a prune may have stopped to wait for it. */
static int check_commit(struct backup_job *job, struct sme_error *err)
{
    uint8_t(*pending)[32] = NULL;
    size_t count = 0;

    int status = session_pending(job->repo, &job->keys, NULL, &pending, &count, err);
    if (status == SME_OK && dedup_reaches_any(job->dedup, pending, count)) {
        (void)sme_fail(err, SME_E_BUSY,
                       "a prune has marked packs that this run needs while it was going on");
        status = error_hint(err, "run it again: they will be stored anew");
    }
    free(pending);
    if (status == SME_OK && clock_monotonic_ns() - job->started_monotonic_ns > MAX_RUN_NS) {
        (void)sme_fail(err, SME_E_CANNOT_NOW, "the run took longer than %d hours",
                       SESSION_MAX_HOURS);
        status = error_hint(err, "run it again: what was stored already is found again");
    }
    return status;
}

static int put_snapshot(struct backup_job *job, struct snapshot *snapshot, struct sme_error *err)
{
    uint8_t hash[32];

    dedup_reach(job->dedup, &job->reach);
    if (job->reach.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the snapshot");
    }
    snapshot->reach = (uint8_t(*)[32])(void *)job->reach.data;
    snapshot->reach_count = job->reach.len / 32;
    snapshot->root.owners = job->pipe.owners;
    snapshot->root.owner_count = job->pipe.owner_count;
    snapshot->root.problems = job->pipe.problems;
    snapshot->root.problem_count = job->pipe.problem_count;
    fill_head(job, &snapshot->head);
    int status = snapshot_put(job->repo, &job->keys, &job->run, snapshot, hash, err);
    if (status == SME_OK) {
        job->result->status = snapshot->head.status;
        copy_text(job->result->snapshot, sizeof job->result->snapshot, job->name);
        backup_write_pin(job, snapshot->head.sequence, hash);
    }
    return status;
}

static void free_items(struct snapshot_root *root)
{
    for (size_t i = 0; i < root->item_count; i++) {
        free(root->items[i].first_path);
    }
    free(root->items);
}

int backup_commit(struct backup_job *job, struct sme_error *err)
{
    const char *source = job->request->source->name;
    struct snapshot snapshot = {0};
    struct sme_error trouble = SME_ERROR_INIT;
    objkey_text index_key = "";

    int status = itemstream_finish(job->stream, &snapshot.root, err);
    status = status < 0 ? status : packer_flush(job->data, err);
    status = status < 0 ? status : packer_flush(job->meta, err);
    status = status < 0 ? status : store_sync(job->repo->store, err);
    status = status < 0 ? status : backup_put_index(job, true, index_key, err);
    status = status < 0 ? status : name_owners(&job->pipe, err);
    status = status < 0 ? status : check_commit(job, err);
    status = status < 0 ? status : cancel_check(err);
    if (status == SME_OK && job->request->may_commit != NULL) {
        status = job->request->may_commit(job->request->cookie, err);
    }
    status = status < 0 ? status : put_snapshot(job, &snapshot, err);
    free_items(&snapshot.root);
    if (status < 0) {
        return status;
    }
    /* The snapshot is durable.  What follows can only cost time. */
    if (index_key[0] != '\0' && index_merge_local(job->vault->index, &job->keys, job->cache_dir,
                                                  &job->added, index_key, &trouble) < 0) {
        log_failure(LOG_LEVEL_WARN, source, &trouble);
    }
    struct itemcache_writer *writer = STEAL(job->cache_writer);
    if (writer != NULL && itemcache_writer_commit(writer, &trouble) < 0) {
        log_failure(LOG_LEVEL_WARN, source, &trouble);
    }
    return SME_OK;
}
