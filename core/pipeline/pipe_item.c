/*
 * One item on its way: what is it, has it changed, what is in it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "pipe_internal.h"

#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/str.h"
#include "reflist.h"

#include <fcntl.h>
#include <stdlib.h>

void pipe_problem(struct unit_item *item, enum problem_kind kind, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    item->problem = kind;
    free(item->problem_text);
    item->problem_text = strdup(text);
}

int pipe_keep_body(struct pipe_worker *worker, struct unit_item *item, const struct item_meta *meta,
                   struct sme_error *err)
{
    struct item_meta whole = *meta;

    if (item->given != NULL) {
        whole.extras = item->given->extras;
        whole.extra_count = item->given->extra_count;
    }
    buf_clear(&worker->body);
    item_encode_body(&whole, &worker->body);
    item->body = worker->body.bad ? NULL : malloc(worker->body.len);
    if (item->body == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for an item's record");
    }
    memcpy(item->body, worker->body.data, worker->body.len);
    item->body_len = worker->body.len;
    item->found_type = meta->type;
    item->uid = meta->uid;
    item->gid = meta->gid;
    item->size = meta->size;
    return SME_OK;
}

int pipe_encode_content(struct pipe_worker *worker, const struct block_chunk *refs, size_t count,
                        struct item_meta *meta, struct sme_error *err)
{
    buf_clear(&worker->content);
    int status = reflist_encode(worker->pipe->params->stream, refs, count, &worker->content, err);
    meta->content = worker->content.data;
    meta->content_len = worker->content.len;
    return status;
}

void pipe_add_xattrs(struct pipe_worker *worker, struct unit_item *item, int fd,
                     struct item_meta *meta)
{
    int failure = filemeta_xattrs(&worker->meta, fd, item->dir->fd, item->name);

    if (failure != 0) {
        pipe_problem(item, PROBLEM_FAILED, "cannot read its extended attributes: %s",
                     strerror(failure));
        meta->flags |= ITEM_FAILED;
    }
    meta->xattrs = worker->meta.xattrs.data;
    meta->xattrs_len = worker->meta.xattrs.len;
    meta->xattr_count = worker->meta.xattr_count;
}

int pipe_unreachable(struct pipe_worker *worker, struct unit_item *item, const char *doing,
                     int failure, const struct stat *st, struct sme_error *err)
{
    struct item_meta meta = {.type = item->type != 0 ? item->type : SME_ITEM_FILE};

    if (failure == ENOENT || failure == ENOTDIR) {
        pipe_problem(item, PROBLEM_VANISHED, "vanished before it could be read");
        item->left_out = true;
        return SME_OK;
    }
    if (st != NULL) {
        filemeta_from_stat(st, &meta);
    }
    meta.flags |= ITEM_FAILED;
    pipe_problem(item, PROBLEM_FAILED, "cannot %s: %s", doing, strerror(failure));
    return pipe_keep_body(worker, item, &meta, err);
}

int pipe_open_item(struct unit_item *item, int flags)
{
    int base = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags;
    int fd = openat(item->dir->fd, item->name, base | O_NOATIME);

    /* O_NOATIME is for the owner and root only. */
    return fd < 0 && errno == EPERM ? openat(item->dir->fd, item->name, base) : fd;
}

static int do_directory(struct pipe_worker *worker, struct unit_item *item, struct sme_error *err)
{
    struct item_meta meta = {0};
    struct stat st;
    CLEANUP(close_fd) int opened = -1;
    int fd = item->dir->fd;

    if (item->name[0] != '\0') {
        opened = pipe_open_item(item, O_DIRECTORY);
        fd = opened;
    }
    if (fd < 0) {
        int failure = errno;
        if (failure == ENOENT || failure == ENOTDIR || failure == ELOOP ||
            fstatat(item->dir->fd, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            return pipe_unreachable(worker, item, "open it", failure == ELOOP ? ENOENT : failure,
                                    NULL, err);
        }
        filemeta_from_stat(&st, &meta);
        if ((item->flags & SME_ITEM_HAS_STAT) != 0) {
            /* Only passed through on the way to a path: it need not be readable. */
            pipe_add_xattrs(worker, item, -1, &meta);
        } else {
            meta.flags |= ITEM_FAILED;
            pipe_problem(item, PROBLEM_FAILED, "cannot open the directory: %s", strerror(failure));
        }
        return pipe_keep_body(worker, item, &meta, err);
    }
    if (fstat(fd, &st) < 0) {
        return pipe_unreachable(worker, item, "look at it", errno, NULL, err);
    }
    filemeta_from_stat(&st, &meta);
    pipe_add_xattrs(worker, item, fd, &meta);
    if ((item->flags & SME_ITEM_FAILED) != 0) {
        meta.flags |= ITEM_FAILED;
        pipe_problem(item, PROBLEM_FAILED, "%s",
                     item->failure_text != NULL ? item->failure_text : "could not be read");
    } else if ((item->flags & SME_ITEM_SKIPPED) != 0) {
        meta.flags |= ITEM_SKIPPED;
    }
    return pipe_keep_body(worker, item, &meta, err);
}

static int do_other(struct pipe_worker *worker, struct unit_item *item, const struct stat *st,
                    struct sme_error *err)
{
    struct item_meta meta = {0};

    filemeta_from_stat(st, &meta);
    if (meta.type == 0) {
        pipe_problem(item, PROBLEM_FAILED, "is of a type that is not known (mode 0%o)",
                     (unsigned)st->st_mode);
        item->left_out = true;
        return SME_OK;
    }
    if (meta.type == SME_ITEM_SYMLINK) {
        int failure = filemeta_link(&worker->meta, item->dir->fd, item->name);
        if (failure != 0) {
            return pipe_unreachable(worker, item, "read the link", failure, st, err);
        }
        meta.link_target = (const char *)worker->meta.link.data;
        meta.link_len = worker->meta.link.len;
    }
    pipe_add_xattrs(worker, item, -1, &meta);
    return pipe_keep_body(worker, item, &meta, err);
}

static int do_located(struct pipe_worker *worker, struct unit_item *item, struct sme_error *err)
{
    uint32_t type = item->type;
    struct stat st;

    if (item->failure == SME_E_NOT_FOUND) {
        return pipe_unreachable(worker, item, "read it", ENOENT, NULL, err);
    }
    if (type == SME_ITEM_FILE) {
        return pipe_file(worker, item, err);
    }
    if (type == SME_ITEM_DIRECTORY) {
        return do_directory(worker, item, err);
    }
    if (fstatat(item->dir->fd, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return pipe_unreachable(worker, item, "look at it", errno, NULL, err);
    }
    if (S_ISREG(st.st_mode)) {
        return pipe_file(worker, item, err);
    }
    return S_ISDIR(st.st_mode) ? do_directory(worker, item, err) : do_other(worker, item, &st, err);
}

static void meta_from_given(const struct unit_item *item, struct item_meta *meta)
{
    const struct given_meta *given = item->given;

    meta->type = item->type;
    meta->mode = given->mode & 07777;
    meta->uid = given->uid;
    meta->gid = given->gid;
    meta->mtime = given->mtime;
    meta->ctime = given->ctime;
    meta->size = item->type == SME_ITEM_FILE ? given->size : 0;
    meta->ino = given->ino;
    meta->dev = given->dev;
    meta->nlink = given->nlink;
    meta->rdev_major = given->rdev_major;
    meta->rdev_minor = given->rdev_minor;
    meta->link_target = given->link_target;
    meta->link_len = given->link_target != NULL ? strlen(given->link_target) : 0;
    meta->xattrs = given->xattrs.data;
    meta->xattrs_len = given->xattrs.len;
    meta->xattr_count = given->xattr_count;
}

static int do_given(struct pipe_worker *worker, struct unit_item *item, struct sme_error *err)
{
    struct content_result result = {0};
    struct item_meta meta = {0};
    int status = SME_OK;

    if ((item->flags & SME_ITEM_SKIPPED) != 0) {
        item->left_out = true; /* counted only */
        return SME_OK;
    }
    meta_from_given(item, &meta);
    if ((item->flags & SME_ITEM_FAILED) != 0) {
        pipe_problem(item, PROBLEM_FAILED, "%s",
                     item->failure_text != NULL ? item->failure_text : "could not be read");
        meta.flags |= ITEM_FAILED;
        if ((item->flags & (SME_ITEM_HAS_STAT | SME_ITEM_STREAM)) == 0) {
            item->left_out = true; /* nothing is known of it but its name */
            return SME_OK;
        }
    }
    if (item->stream != NULL) {
        int stream_status = SME_OK;
        status = pipe_read_large(worker, item->stream, &result, err);
        const char *why = bigfile_failure(item->stream, &stream_status);
        if (status == SME_OK && why != NULL) {
            pipe_problem(item, stream_status == SME_E_CHANGED ? PROBLEM_CHANGED : PROBLEM_FAILED,
                         "%s", why);
            meta.flags |= stream_status == SME_E_CHANGED ? ITEM_CHANGED : ITEM_FAILED;
        }
        meta.size = result.bytes;
        item->is_read = true;
        if (status == SME_OK) {
            status = pipe_encode_content(worker, result.refs, result.count, &meta, err);
        }
    }
    if (status == SME_OK) {
        status = pipe_keep_body(worker, item, &meta, err);
    }
    free(result.refs);
    return status;
}

int pipe_item(struct pipe_worker *worker, struct unit_item *item, struct sme_error *err)
{
    itemcache_path_hash(worker->pipe->params->keys, item->path, item->path_len, item->path_hash);
    return (item->flags & SME_ITEM_LOCATED) != 0 ? do_located(worker, item, err)
                                                 : do_given(worker, item, err);
}
