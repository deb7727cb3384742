/*
 * What the run before left: its snapshot, the local pin, the item cache.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The pin is a local file with name, sequence number and hash of the newest snapshot that this
 * host has made.  It saves a request, and it shows when that snapshot has gone from the
 * repository.
 */
#include "backup_job.h"

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fileio.h"
#include "../base/hex.h"
#include "../base/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#define RACY_NS (2 * NS_PER_SEC)

static bool pin_path(const struct backup_job *job, char out[PATH_MAX])
{
    char id[33];

    hex_encode(job->repo->keys.repository, sizeof job->repo->keys.repository, id);
    int len = snprintf(out, PATH_MAX, "%s/sources/%s/pin-%s", job->request->conf->core.state_dir,
                       job->request->source->name, id);
    return len > 0 && len < PATH_MAX;
}

/* False if there is no pin that can be read. */
static bool read_pin(const struct backup_job *job, struct predecessor *ret)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(512);
    char path[PATH_MAX];
    char hash[65];
    char name[64];

    if (!pin_path(job, path) || io_load(AT_FDCWD, path, &text, NULL) < 0 ||
        sscanf(buf_text(&text), "%63s %" SCNu64 " %64s", name, &ret->sequence, hash) != 3 ||
        !objkey_is_snapshot_name(name) || !hex_decode(hash, ret->hash, sizeof ret->hash)) {
        return false;
    }
    memcpy(ret->entry.name, name, sizeof ret->entry.name);
    return true;
}

void backup_write_pin(const struct backup_job *job, uint64_t sequence, const uint8_t hash[32])
{
    struct sme_error err = SME_ERROR_INIT;
    char path[PATH_MAX];
    char text[256];
    char hex[65];

    if (!pin_path(job, path)) {
        return;
    }
    hex_encode(hash, 32, hex);
    int len = snprintf(text, sizeof text, "%s %" PRIu64 " %s\n", job->name, sequence, hex);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int status = io_make_dirs(path, 0700, &err);
    *slash = '/';
    if (status < 0 || io_replace(path, text, (size_t)len, 0600, &err) < 0) {
        log_failure(LOG_LEVEL_WARN, job->request->source->name, &err);
    }
}

int backup_find_predecessor(struct backup_job *job, struct sme_error *err)
{
    const char *source = job->request->source->name;
    struct snapshot_list list = {0};
    struct predecessor pin = {0};
    bool pin_seen = false;

    int status = snapshot_list(job->repo, source, &list, err);
    if (status < 0) {
        return status;
    }
    bool has_pin = read_pin(job, &pin);
    for (size_t i = 0; has_pin && i < list.count; i++) {
        pin_seen = pin_seen || strcmp(list.at[i].name, pin.entry.name) == 0;
    }
    if (has_pin && !pin_seen) {
        log_line(LOG_LEVEL_WARN, source,
                 "snapshot %s, which this host has made, is no longer in the repository: it was "
                 "pruned, or somebody removed it or rolled the repository back",
                 pin.entry.name);
    }
    job->before.exists = list.count > 0;
    if (list.count > 0) {
        job->before.entry = list.at[list.count - 1];
    }
    snapshot_list_free(&list);
    if (!job->before.exists) {
        return SME_OK;
    }
    if (has_pin && strcmp(pin.entry.name, job->before.entry.name) == 0) {
        job->before.sequence = pin.sequence;
        memcpy(job->before.hash, pin.hash, sizeof pin.hash);
        return SME_OK;
    }
    struct snapshot *last = NULL;
    status = snapshot_load(job->repo, &job->keys, job->before.entry.name, &last, err);
    if (status == SME_E_CORRUPT || status == SME_E_DENIED) {
        /* A damaged predecessor, or a role that may not read: neither may stop a backup. */
        log_failure(LOG_LEVEL_WARN, source, err);
        return SME_OK;
    }
    if (status < 0) {
        return status;
    }
    job->before.sequence = last->head.sequence;
    memcpy(job->before.hash, last->hash, sizeof last->hash);
    snapshot_free(last);
    return SME_OK;
}

/* One file of the predecessor into the cache.  What had no inode was no file on a disk. */
static int remember(struct backup_job *job, struct itemcache_writer *writer,
                    struct block_reader *reader, struct item_view *view, int64_t scanned_ns,
                    struct buf *refs, struct buf *holes, struct sme_error *err)
{
    struct itemcache_record record = {0};
    struct ref_iter iter;
    struct block_chunk ref;
    uint64_t before;
    uint64_t hole;
    int64_t limit_sec = (scanned_ns - RACY_NS) / NS_PER_SEC;
    int more;

    if (view->type != SME_ITEM_FILE || (view->flags & (ITEM_FAILED | ITEM_CHANGED)) != 0 ||
        view->ino == 0 || view->mtime.sec >= limit_sec || view->ctime.sec >= limit_sec) {
        return SME_OK;
    }
    buf_clear(refs);
    buf_clear(holes);
    int status = ref_iter_init(&iter, reader, view, err);
    if (status < 0) {
        return status;
    }
    while ((more = ref_iter_next(&iter, &ref, err)) == 1) {
        buf_add(refs, &ref, sizeof ref);
        record.ref_count++;
    }
    ref_iter_done(&iter);
    if (more < 0) {
        return more;
    }
    while (item_next_hole(view, &before, &hole)) {
        buf_add(holes, &before, sizeof before);
        buf_add(holes, &hole, sizeof hole);
        record.hole_count++;
    }
    if (refs->bad || holes->bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the item cache");
    }
    itemcache_path_hash(&job->keys, view->path, view->path_len, record.path_hash);
    record.ino = view->ino;
    record.size = view->size;
    record.mtime_sec = view->mtime.sec;
    record.mtime_nsec = view->mtime.nsec;
    record.ctime_sec = view->ctime.sec;
    record.ctime_nsec = view->ctime.nsec;
    record.flags = (view->flags & ITEM_XATTRS) != 0 ? ITEMCACHE_HAS_XATTRS : 0;
    itemcache_writer_add(writer, &record, (const uint64_t *)(const void *)holes->data,
                         (const struct block_chunk *)(const void *)refs->data);
    return SME_OK;
}

static int copy_items(struct backup_job *job, struct snapshot *last,
                      struct itemcache_writer *writer, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf refs = BUF_INIT(UINT32_MAX);
    CLEANUP(buf_free) struct buf holes = BUF_INIT(UINT32_MAX);
    struct item_iter *iter = NULL;
    struct block_reader *reader = NULL;
    struct item_view view;
    int more = 1;

    int status = item_iter_new(job->vault, last, NULL, &iter, err);
    if (status == SME_OK) {
        status = block_reader_new(job->vault, &reader, err);
    }
    while (status == SME_OK && more == 1) {
        more = item_iter_next(iter, &view, err);
        if (more == 1) {
            status =
                remember(job, writer, reader, &view, last->head.started_ns, &refs, &holes, err);
        } else {
            status = more;
        }
    }
    block_reader_free(reader);
    item_iter_free(iter);
    return status;
}

static int rebuild_cache(struct backup_job *job, struct sme_error *err)
{
    struct itemcache_writer *writer = NULL;
    struct snapshot *last = NULL;

    int status = snapshot_load(job->repo, &job->keys, job->before.entry.name, &last, err);
    if (status == SME_OK) {
        status = snapshot_open_root(job->repo, &job->keys, last, err);
    }
    if (status == SME_OK) {
        status = itemcache_writer_new(&job->keys, job->cache_dir, &writer, err);
    }
    if (status == SME_OK) {
        status = copy_items(job, last, writer, err);
    }
    snapshot_free(last);
    if (status < 0) {
        itemcache_writer_abort(writer);
        return status;
    }
    status = itemcache_writer_commit(writer, err);
    return status < 0 ? status : itemcache_open(&job->keys, job->cache_dir, &job->cache, err);
}

void backup_open_cache(struct backup_job *job)
{
    const char *source = job->request->source->name;
    struct sme_error err = SME_ERROR_INIT;

    if (!job->request->read_all && job->before.exists) {
        int status = itemcache_open(&job->keys, job->cache_dir, &job->cache, &err);
        if (status < 0 && job->repo->keys.has_reader) {
            status = rebuild_cache(job, &err);
        }
        if (status < 0) {
            log_line(LOG_LEVEL_INFO, source, "everything is read in this run: %s", err.message);
            job->cache = NULL;
        }
    }
    if (!job->request->dry_run &&
        itemcache_writer_new(&job->keys, job->cache_dir, &job->cache_writer, &err) < 0) {
        log_failure(LOG_LEVEL_WARN, source, &err);
        job->cache_writer = NULL;
    }
}
