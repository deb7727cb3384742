/*
 * Directories of a restore: made first, finished last.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_item.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MODE_MEANWHILE 0700
#define MODE_UNKNOWN 0755 /* of a directory that the snapshot does not have */

struct restore_dir *restore_dir_new(struct restore_job *job, struct restore_dir *parent,
                                    const char *path, size_t path_len, const struct item_view *view)
{
    size_t xattrs_len = view != NULL ? wire_left(&view->xattrs) : 0;
    struct restore_dir *dir = calloc(1, sizeof *dir + path_len + 1 + xattrs_len);

    if (dir == NULL) {
        return NULL;
    }
    atomic_init(&dir->users, 1);
    dir->serial = atomic_fetch_add(&job->next_serial, 1) + 1;
    dir->parent = parent != NULL ? restore_dir_hold(parent) : NULL;
    memcpy(dir->path, path, path_len);
    dir->path_len = path_len;
    dir->meta = (struct extract_meta){.type = SME_ITEM_DIRECTORY, .mode = MODE_UNKNOWN};
    if (view != NULL) {
        uint8_t *xattrs = (uint8_t *)dir->path + path_len + 1;
        if (xattrs_len > 0) {
            memcpy(xattrs, view->xattrs.at, xattrs_len);
        }
        dir->incomplete = (view->flags & ITEM_FAILED) != 0;
        /* One that could not even be looked at has no metadata. */
        dir->has_meta = !dir->incomplete || view->mode != 0 || view->mtime.sec != 0;
        if (dir->has_meta) {
            dir->meta.mode = view->mode;
        }
        dir->meta.uid = view->uid;
        dir->meta.gid = view->gid;
        dir->meta.mtime = view->mtime;
        dir->meta.xattr_count = view->xattr_count;
        dir->meta.xattrs = xattrs;
        dir->meta.xattrs_len = xattrs_len;
    }
    return dir;
}

struct restore_dir *restore_dir_hold(struct restore_dir *dir)
{
    (void)atomic_fetch_add(&dir->users, 1);
    return dir;
}

struct extract_dir *restore_dir_open(struct restore_tools *tools, const struct restore_dir *dir)
{
    return extract_dirs_get(&tools->dirs, dir->serial, dir->path);
}

static const char *name_of(const struct restore_dir *dir)
{
    const char *slash = strrchr(dir->path, '/');

    return slash != NULL ? slash + 1 : dir->path;
}

static bool give_up(struct restore_tools *tools, struct restore_dir *dir,
                    const struct sme_error *err)
{
    dir->failed = true;
    restore_problem(tools->job, dir->path, err);
    return false;
}

/* Without what it may have inherited from its parent. */
static void drop_inherited_acl(struct restore_tools *tools, const struct restore_dir *dir)
{
    struct extract_dir *made = restore_dir_open(tools, dir);

    if (made != NULL) {
        (void)fremovexattr(made->fd, "system.posix_acl_default");
        (void)fremovexattr(made->fd, "system.posix_acl_access");
        made->inherits = false;
    }
}

static bool make_one(struct restore_tools *tools, struct restore_dir *dir)
{
    struct sme_error err = SME_ERROR_INIT;
    struct stat st;

    if (dir->parent->failed) {
        (void)sme_fail(&err, SME_E_NOT_FOUND, "the directory that it is in could not be made");
        return give_up(tools, dir, &err);
    }
    const char *name = name_of(dir);
    struct extract_dir *parent = restore_dir_open(tools, dir->parent);
    if (parent == NULL || !extract_name_ok(name)) {
        (void)error_errno(&err, "cannot open the directory that it is in");
        return give_up(tools, dir, &err);
    }
    if (mkdirat(parent->fd, name, MODE_MEANWHILE) == 0) {
        dir->made = true;
        if (parent->inherits) {
            drop_inherited_acl(tools, dir);
        }
        return true;
    }
    if (errno != EEXIST) {
        (void)error_errno(&err, "cannot make the directory");
        return give_up(tools, dir, &err);
    }
    if (fstatat(parent->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        (void)error_errno(&err, "cannot look at what is there");
        return give_up(tools, dir, &err);
    }
    if (!S_ISDIR(st.st_mode)) {
        (void)sme_fail(&err, SME_E_EXISTS, "%s is where the directory should be",
                       S_ISLNK(st.st_mode) ? "a symbolic link" : "something else");
        (void)error_hint(&err, "move it away, or restore to another folder");
        return give_up(tools, dir, &err);
    }
    dir->made = true;
    dir->existed = true;
    return true;
}

bool restore_dir_make(struct restore_tools *tools, struct restore_dir *dir)
{
    while (!dir->made && !dir->failed) {
        struct restore_dir *top = dir;
        while (top->parent != NULL && !top->parent->made && !top->parent->failed) {
            top = top->parent;
        }
        (void)make_one(tools, top);
    }
    return dir->made;
}

/* Everything in it is done. */
static void finish(struct restore_tools *tools, struct restore_dir *dir)
{
    struct restore_job *job = tools->job;
    struct sme_error err = SME_ERROR_INIT;
    unsigned notes = 0;
    struct stat st;

    if (!dir->made) {
        return;
    }
    if (dir->incomplete && dir->selected) {
        (void)sme_fail(&err, SME_E_IO,
                       "the directory could not be read completely when it was backed up");
        restore_problem(job, dir->path, &err);
    }
    /* What existed is left as it is, unless the user wants it otherwise. */
    if (dir->existed && (job->params->existing == RESTORE_KEEP || !dir->has_meta)) {
        return;
    }
    struct extract_dir *opened = restore_dir_open(tools, dir);
    if (opened == NULL || fstat(opened->fd, &st) < 0) {
        (void)error_errno(&err, "cannot open the directory to set its metadata");
        restore_problem(job, dir->path, &err);
        return;
    }
    if (!dir->has_meta && dir->parent == NULL) {
        return; /* the target itself, which is the user's */
    }
    if (!dir->has_meta) {
        (void)fchmod(opened->fd, dir->meta.mode);
        return;
    }
    const struct extract_now now = {st.st_mode & 07777, st.st_uid, st.st_gid, !dir->existed};
    if (extract_apply(opened->fd, &dir->meta, &job->rules, &now, &notes, &err) < 0) {
        restore_problem(job, dir->path, &err);
    }
    if (notes != 0) {
        restore_note(job, dir->path, notes);
    }
}

void restore_dir_release(struct restore_tools *tools, struct restore_dir *dir)
{
    while (dir != NULL && atomic_fetch_sub(&dir->users, 1) == 1) {
        struct restore_dir *parent = dir->parent;
        finish(tools, dir);
        free(dir);
        dir = parent;
    }
}
