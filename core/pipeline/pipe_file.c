/*
 * One file on its way: has it changed, and what is in it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "pipe_internal.h"

#include "../base/cleanup.h"
#include "../base/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A file whose stamps are younger than this when it is read may change again without new stamps. */
#define RACY_NS (2 * NS_PER_SEC)

static bool is_racy(const struct stat *st)
{
    int64_t now = clock_realtime_ns();
    int64_t mtime = (int64_t)st->st_mtim.tv_sec * NS_PER_SEC + st->st_mtim.tv_nsec;
    int64_t ctime = (int64_t)st->st_ctim.tv_sec * NS_PER_SEC + st->st_ctim.tv_nsec;

    return mtime > now - RACY_NS || ctime > now - RACY_NS;
}

/* Remember the file for the next run. */
static int note_for_cache(struct pipe_worker *worker, struct unit_item *item, const struct stat *st,
                          const struct item_meta *meta, struct content_result *result,
                          uint64_t *holes, struct sme_error *err)
{
    if (worker->pipe->params->cache_writer == NULL || is_racy(st) || result->count > UINT32_MAX ||
        meta->hole_count > UINT32_MAX) {
        return SME_OK;
    }
    struct itemcache_record *record = calloc(1, sizeof *record);
    if (record == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the item cache");
    }
    memcpy(record->path_hash, item->path_hash, sizeof record->path_hash);
    record->ino = st->st_ino;
    record->dev = st->st_dev;
    record->size = (uint64_t)st->st_size;
    record->mtime_sec = st->st_mtim.tv_sec;
    record->mtime_nsec = (uint32_t)st->st_mtim.tv_nsec;
    record->ctime_sec = st->st_ctim.tv_sec;
    record->ctime_nsec = (uint32_t)st->st_ctim.tv_nsec;
    record->flags = meta->xattr_count > 0 ? ITEMCACHE_HAS_XATTRS : 0;
    record->hole_count = (uint32_t)meta->hole_count;
    record->ref_count = (uint32_t)result->count;
    item->new_record = record;
    item->holes = holes;
    item->refs = STEAL(result->refs);
    return SME_OK;
}

static bool record_fits(const struct itemcache_record *record, const struct stat *st)
{
    return record->size == (uint64_t)st->st_size && record->ino == st->st_ino &&
           record->mtime_sec == st->st_mtim.tv_sec &&
           record->mtime_nsec == (uint32_t)st->st_mtim.tv_nsec &&
           record->ctime_sec == st->st_ctim.tv_sec &&
           record->ctime_nsec == (uint32_t)st->st_ctim.tv_nsec &&
           (record->dev == 0 || record->dev == st->st_dev);
}

/* A rotating share is read although nothing seems to have changed. */
static bool is_rescan(const struct pipe_params *params, const uint8_t path_hash[16])
{
    uint64_t dice;

    if (params->rescan == 0) {
        return false;
    }
    uint64_t slots = 10000 / params->rescan > 0 ? 10000 / params->rescan : 1;
    memcpy(&dice, path_hash + 8, sizeof dice);
    return dice % slots == params->sequence % slots;
}

/* The file is as the last run saw it and all its chunks are there: 1 and the body is kept. */
static int take_over(struct pipe_worker *worker, struct unit_item *item, const struct stat *st,
                     const struct itemcache_record *record, struct sme_error *err)
{
    const struct block_chunk *refs = itemcache_refs(record);
    struct item_meta meta = {0};

    for (uint32_t i = 0; i < record->ref_count; i++) {
        if (!dedup_in_repository(worker->pipe->params->dedup, &refs[i].id)) {
            return 0;
        }
    }
    filemeta_from_stat(st, &meta);
    meta.holes = itemcache_holes(record);
    meta.hole_count = record->hole_count;
    if ((record->flags & ITEMCACHE_HAS_XATTRS) != 0) {
        CLEANUP(close_fd) int fd = pipe_open_item(item, 0);
        if (fd < 0) {
            return 0;
        }
        pipe_add_xattrs(worker, item, fd, &meta);
    }
    int status = pipe_encode_content(worker, refs, record->ref_count, &meta, err);
    if (status == SME_OK) {
        status = pipe_keep_body(worker, item, &meta, err);
    }
    item->old_record = record;
    return status < 0 ? status : 1;
}

int pipe_read_large(struct pipe_worker *worker, struct bigfile *file, struct content_result *result,
                    struct sme_error *err)
{
    pipe_offer_bigfile(worker->pipe, file);
    int status = bigfile_enter(file) ? bigfile_work(file, &worker->tools, err) : SME_OK;
    pipe_withdraw_bigfile(worker->pipe, file);
    bigfile_wait(file);
    bigfile_take(file, result);
    return status;
}

static int read_content(struct pipe_worker *worker, struct unit_item *item, int fd,
                        const struct stat *st, const uint64_t *holes, size_t hole_count,
                        struct content_result *result, struct sme_error *err)
{
    bool fixed = (item->flags & SME_ITEM_FIXED_CHUNKS) != 0;
    struct bigfile *file = NULL;

    if (st->st_size == 0) {
        return SME_OK;
    }
    if ((uint64_t)st->st_size <= CONTENT_SMALL && hole_count == 0) {
        return content_small(&worker->tools, fd, (size_t)st->st_size, fixed, result, err);
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    int status = bigfile_new(fd, (uint64_t)st->st_size, holes, hole_count, fixed, &file, err);
    if (status == SME_OK) {
        status = pipe_read_large(worker, file, result, err);
    }
    bigfile_free(file);
    return status;
}

/* The same bytes as the record says?  Otherwise the file rotted, or was changed in secret. */
static bool same_content(const struct itemcache_record *record, const struct content_result *result)
{
    const struct block_chunk *refs = itemcache_refs(record);

    if (record->ref_count != result->count) {
        return false;
    }
    for (size_t i = 0; i < result->count; i++) {
        if (memcmp(refs[i].id.bytes, result->refs[i].id.bytes, sizeof refs[i].id.bytes) != 0) {
            return false;
        }
    }
    return true;
}

static uint64_t hole_bytes(const uint64_t *holes, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += holes[i * 2 + 1];
    }
    return sum;
}

/* Say what happened to the file while it was being read, and correct its size. */
static void judge(struct unit_item *item, int fd, const struct stat *before,
                  const struct itemcache_record *old, const struct content_result *result,
                  struct item_meta *meta)
{
    struct stat after;

    if (result->source_errno != 0) {
        pipe_problem(item, PROBLEM_FAILED, "cannot read it at byte %llu: %s",
                     (unsigned long long)result->failed_at, strerror(result->source_errno));
        meta->flags |= ITEM_FAILED;
        return;
    }
    uint64_t holes = hole_bytes(meta->holes, meta->hole_count);
    bool short_read = result->bytes + holes != meta->size;
    if (short_read) {
        meta->size = result->bytes;
        meta->hole_count = 0;
    }
    if ((item->flags & SME_ITEM_MAY_CHANGE) == 0 &&
        (short_read || fstat(fd, &after) < 0 || !filemeta_same_file_state(before, &after))) {
        pipe_problem(item, PROBLEM_CHANGED, "changed while it was being read");
        meta->flags |= ITEM_CHANGED;
    } else if (old != NULL && !same_content(old, result)) {
        pipe_problem(item, PROBLEM_ROT,
                     "its content changed although size, mtime and ctime did not: check the disk");
    }
}

/* What rotted is a file that nobody edits: the version before is the right one. */
static int keep_older(struct pipe_worker *worker, struct unit_item *item, const struct stat *st,
                      const struct itemcache_record *old, struct sme_error *err)
{
    if (item->problem != PROBLEM_ROT || (item->flags & SME_ITEM_KEEP_OLDER) == 0) {
        return 0;
    }
    int taken = take_over(worker, item, st, old, err);
    if (taken > 0) {
        pipe_problem(item, PROBLEM_ROT,
                     "its content changed although size, mtime and ctime did not: the backup keeps "
                     "the version before; check the disk, and restore it");
    }
    return taken;
}

static int read_file(struct pipe_worker *worker, struct unit_item *item, int fd,
                     const struct stat *st, const struct itemcache_record *old,
                     struct sme_error *err)
{
    struct content_result result = {0};
    struct item_meta meta = {0};
    CLEANUP(free_ptr) uint64_t *holes = NULL;
    size_t hole_count = 0;

    filemeta_from_stat(st, &meta);
    pipe_add_xattrs(worker, item, fd, &meta);
    if ((uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size) {
        int failure = filemeta_holes(fd, (uint64_t)st->st_size, &holes, &hole_count);
        if (failure != 0) {
            return pipe_unreachable(worker, item, "find its holes", failure, st, err);
        }
    }
    meta.holes = holes;
    meta.hole_count = hole_count;
    int status = read_content(worker, item, fd, st, holes, hole_count, &result, err);
    if (status == SME_OK) {
        item->is_read = true;
        judge(item, fd, st, old, &result, &meta);
        int kept = keep_older(worker, item, st, old, err);
        if (kept != 0) {
            free(result.refs);
            return kept < 0 ? kept : SME_OK;
        }
        if (result.source_errno == 0) {
            status = pipe_encode_content(worker, result.refs, result.count, &meta, err);
        } else {
            meta.hole_count = 0;
        }
    }
    if (status == SME_OK) {
        status = pipe_keep_body(worker, item, &meta, err);
    }
    if (status == SME_OK && (meta.flags & (ITEM_FAILED | ITEM_CHANGED)) == 0) {
        status = note_for_cache(worker, item, st, &meta, &result, holes, err);
        if (item->new_record != NULL) {
            holes = NULL; /* the item's now */
        }
    }
    free(result.refs);
    return status;
}

int pipe_file(struct pipe_worker *worker, struct unit_item *item, struct sme_error *err)
{
    const struct pipe_params *params = worker->pipe->params;
    const struct itemcache_record *record = NULL;
    struct stat st;

    if (params->cache != NULL) {
        record = itemcache_find(params->cache, item->path_hash, &worker->cursor);
    }
    if (record != NULL) {
        if (fstatat(item->dir->fd, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            return pipe_unreachable(worker, item, "look at it", errno, NULL, err);
        }
        if (!S_ISREG(st.st_mode) || !record_fits(record, &st)) {
            record = NULL;
        } else if (!is_rescan(params, item->path_hash)) {
            int taken = take_over(worker, item, &st, record, err);
            if (taken != 0) {
                return taken < 0 ? taken : SME_OK;
            }
        }
    }
    CLEANUP(close_fd) int fd = pipe_open_item(item, 0);
    if (fd < 0) {
        int failure = errno;
        bool seen = fstatat(item->dir->fd, item->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
        return pipe_unreachable(worker, item, "open it", failure, seen ? &st : NULL, err);
    }
    if (fstat(fd, &st) < 0) {
        return pipe_unreachable(worker, item, "look at it", errno, NULL, err);
    }
    if (!S_ISREG(st.st_mode)) {
        pipe_problem(item, PROBLEM_CHANGED, "was replaced by something else while it was read");
        item->left_out = true;
        return SME_OK;
    }
    return read_file(worker, item, fd, &st, record, err);
}
