/*
 * Files of a restore: created at their first byte, finished by whoever writes the last.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fileio.h"
#include "restore_item.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Descriptors of unfinished files that are kept; above it they are opened again when needed. */
#define OPEN_FILES 64

struct restore_file *restore_file_new(struct restore_dir *dir, const struct item_view *view,
                                      const char *name)
{
    size_t xattrs_len = wire_left(&view->xattrs);
    size_t name_len = strlen(name) + 1;
    size_t link_len = view->link_target != NULL ? view->link_len + 1 : 0;
    size_t size = sizeof(struct restore_file) + name_len + link_len + xattrs_len;
    struct restore_file *file = calloc(1, size);

    if (file == NULL) {
        return NULL;
    }
    memcpy(file->name, name, name_len);
    char *at = file->name + name_len;
    if (view->link_target != NULL) {
        memcpy(at, view->link_target, view->link_len);
        file->link_target = at;
        at += link_len;
    }
    if (xattrs_len > 0) {
        memcpy(at, view->xattrs.at, xattrs_len);
    }
    file->meta = (struct extract_meta){
        .type = view->type,
        .mode = view->mode,
        .uid = view->uid,
        .gid = view->gid,
        .mtime = view->mtime,
        .xattr_count = view->xattr_count,
        .xattrs = (const uint8_t *)at,
        .xattrs_len = xattrs_len,
    };
    (void)pthread_mutex_init(&file->lock, NULL);
    atomic_init(&file->pending, 1);
    file->dir = restore_dir_hold(dir);
    file->size = view->size;
    file->sparse = view->hole_count > 0;
    file->incomplete = (view->flags & ITEM_FAILED) != 0;
    file->rdev_major = view->rdev_major;
    file->rdev_minor = view->rdev_minor;
    file->fd = -1;
    file->weight = size + 64;
    return file;
}

char *restore_path(const struct restore_dir *dir, const char *name)
{
    size_t name_len = strlen(name) + 1;
    size_t dir_len = dir->path_len;
    char *path = malloc(dir_len + 1 + name_len);

    if (path != NULL) {
        memcpy(path, dir->path, dir_len);
        if (dir_len > 0) {
            path[dir_len++] = '/';
        }
        memcpy(path + dir_len, name, name_len);
    }
    return path;
}

void restore_file_break(struct restore_file *file, const struct sme_error *err)
{
    (void)pthread_mutex_lock(&file->lock);
    if (file->error == NULL) {
        file->error = malloc(sizeof *file->error);
        if (file->error != NULL) {
            *file->error = *err;
        }
    }
    (void)pthread_mutex_unlock(&file->lock);
    atomic_store(&file->broken, true);
}

/* The name under which it is being made. */
static const char *working_name(const struct restore_file *file)
{
    return file->replace ? file->temp : file->name;
}

static struct extract_dir *open_dir(struct restore_tools *tools, const struct restore_file *file,
                                    struct sme_error *err)
{
    struct extract_dir *dir = restore_dir_open(tools, file->dir);

    if (dir == NULL) {
        (void)error_errno(err, "cannot open the directory that it is in");
    }
    return dir;
}

static int remember_inode(struct restore_file *file, struct sme_error *err)
{
    struct stat st;

    if (fstat(file->fd, &st) < 0) {
        return error_errno(err, "cannot look at it");
    }
    file->dev = st.st_dev;
    file->ino = st.st_ino;
    return SME_OK;
}

/* Make the regular file.  The caller is alone with it or holds the lock. */
static int create(struct restore_tools *tools, struct restore_file *file, struct sme_error *err)
{
    struct extract_dir *dir = open_dir(tools, file, err);

    if (dir == NULL) {
        return err->status;
    }
    if (file->replace) {
        int status = extract_temp_name(file->temp, err);
        if (status < 0) {
            return status;
        }
    }
    file->fd = extract_create(dir, working_name(file), &file->meta, &file->now);
    if (file->fd < 0) {
        return error_errno(err, "cannot create it");
    }
    file->created = true;
    return SME_OK;
}

/* Open it again after its descriptor was given up: only if it is still the same file. */
static int reopen(struct restore_tools *tools, struct restore_file *file, struct sme_error *err)
{
    struct extract_dir *dir = open_dir(tools, file, err);
    struct stat st;

    if (dir == NULL) {
        return err->status;
    }
    file->fd = openat(dir->fd, working_name(file), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file->fd < 0 || fstat(file->fd, &st) < 0) {
        (void)error_errno(err, "cannot open it again");
        close_fd(&file->fd);
        return err->status;
    }
    if (st.st_ino != file->ino || st.st_dev != file->dev) {
        close_fd(&file->fd);
        return sme_fail(err, SME_E_CHANGED, "it was replaced by something else meanwhile");
    }
    (void)atomic_fetch_add(&tools->job->open_files, 1);
    return SME_OK;
}

static int write_at(int fd, const void *data, size_t len, uint64_t offset, struct sme_error *err)
{
    return io_pwrite_full(fd, data, len, offset) == 0
               ? SME_OK
               : error_errno(err, "cannot write it at byte %llu", (unsigned long long)offset);
}

/* Other threads may be writing too. */
static int write_shared(struct restore_tools *tools, struct restore_file *file, const void *data,
                        size_t len, uint64_t offset, struct sme_error *err)
{
    struct restore_job *job = tools->job;
    int status = SME_OK;

    (void)pthread_mutex_lock(&file->lock);
    if (!file->created) {
        status = create(tools, file, err);
        if (status == SME_OK) {
            (void)atomic_fetch_add(&job->open_files, 1);
            status = remember_inode(file, err);
        }
    } else if (file->fd < 0) {
        status = reopen(tools, file, err);
    }
    if (status == SME_OK) {
        file->users++;
        (void)pthread_mutex_unlock(&file->lock);
        status = write_at(file->fd, data, len, offset, err);
        (void)pthread_mutex_lock(&file->lock);
        file->users--;
        if (file->users == 0 && atomic_load(&job->open_files) > OPEN_FILES) {
            close_fd(&file->fd);
            (void)atomic_fetch_sub(&job->open_files, 1);
        }
    }
    (void)pthread_mutex_unlock(&file->lock);
    return status;
}

void restore_file_write(struct restore_tools *tools, struct restore_file *file, const void *data,
                        size_t len, uint64_t offset, uint64_t count)
{
    struct sme_error err = SME_ERROR_INIT;
    int status = SME_OK;

    if (!atomic_load(&file->broken) && !atomic_load(&tools->job->stopped)) {
        /* All that is pending is ours: nobody else can be at it. */
        if (atomic_load(&file->pending) == count && !file->created) {
            status = create(tools, file, &err);
            if (status == SME_OK) {
                (void)atomic_fetch_add(&tools->job->open_files, 1);
                status = write_at(file->fd, data, len, offset, &err);
            }
        } else {
            status = write_shared(tools, file, data, len, offset, &err);
        }
        if (status < 0) {
            restore_file_break(file, &err);
        } else {
            (void)atomic_fetch_add(&tools->job->numbers.bytes, len);
        }
    }
    restore_file_release(tools, file, count);
}

/* ---- the end of a file -------------------------------------------------------------------- */

static void close_file(struct restore_tools *tools, struct restore_file *file)
{
    if (file->fd >= 0) {
        close_fd(&file->fd);
        (void)atomic_fetch_sub(&tools->job->open_files, 1);
    }
}

/* Nothing that is not whole stays behind. */
static void discard(struct restore_tools *tools, struct restore_file *file)
{
    if (file->created) {
        struct extract_dir *dir = restore_dir_open(tools, file->dir);
        if (dir != NULL) {
            (void)unlinkat(dir->fd, working_name(file), 0);
        }
    }
    close_file(tools, file);
}

/* Put it in the place of what is there. */
static int move_in(struct restore_file *file, const struct extract_dir *dir, struct sme_error *err)
{
    if (file->replace && renameat(dir->fd, file->temp, dir->fd, file->name) < 0) {
        return error_errno(err, "cannot replace what is there");
    }
    return SME_OK;
}

static int finish_regular(struct restore_tools *tools, struct restore_file *file, bool *ret_placed,
                          struct sme_error *err)
{
    unsigned notes = 0;
    int status = SME_OK;

    if (!file->created) {
        status = create(tools, file, err);
        if (status == SME_OK) {
            (void)atomic_fetch_add(&tools->job->open_files, 1);
        }
    } else if (file->fd < 0) {
        status = reopen(tools, file, err);
    }
    if (status == SME_OK && file->sparse && ftruncate(file->fd, (off_t)file->size) < 0) {
        status = error_errno(err, "cannot set its size");
    }
    if (status == SME_OK && file->group != NULL) {
        status = remember_inode(file, err);
    }
    if (status < 0) {
        return status;
    }
    int applied = extract_apply(file->fd, &file->meta, &tools->job->rules, &file->now, &notes, err);
    if (file->replace) {
        struct extract_dir *dir = open_dir(tools, file, err);
        status = dir == NULL ? err->status : move_in(file, dir, err);
        if (status < 0) {
            return status;
        }
    }
    int closed = close(file->fd);
    int saved = errno;
    file->fd = -1;
    (void)atomic_fetch_sub(&tools->job->open_files, 1);
    *ret_placed = true;
    if (notes != 0) {
        restore_note(tools->job, file->name, notes);
    }
    if (closed < 0 && saved != EINTR) {
        errno = saved;
        return error_errno(err, "cannot write it to its end");
    }
    return applied;
}

static int finish_other(struct restore_tools *tools, struct restore_file *file, bool *ret_placed,
                        struct sme_error *err)
{
    struct extract_dir *dir = open_dir(tools, file, err);
    unsigned notes = 0;
    struct stat st;

    int status = dir == NULL ? err->status : SME_OK;
    if (status == SME_OK && file->replace) {
        status = extract_temp_name(file->temp, err);
    }
    if (status < 0) {
        return status;
    }
    const char *name = working_name(file);
    if (extract_make_other(dir, name, &file->meta, file->link_target, file->rdev_major,
                           file->rdev_minor) < 0) {
        return error_errno(err, "cannot make it");
    }
    file->created = true;
    int applied = extract_apply_at(dir, name, &file->meta, &tools->job->rules, &notes, err);
    if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        file->dev = st.st_dev;
        file->ino = st.st_ino;
    }
    status = move_in(file, dir, err);
    if (status < 0) {
        return status;
    }
    *ret_placed = true;
    if (notes != 0) {
        restore_note(tools->job, file->name, notes);
    }
    return applied;
}

/* It is there and as it should be; its metadata may not be. */
static int correct(struct restore_tools *tools, struct restore_file *file, struct sme_error *err)
{
    struct extract_dir *dir = open_dir(tools, file, err);
    unsigned notes = 0;
    struct stat st;
    int status;

    if (dir == NULL) {
        return err->status;
    }
    if (file->meta.type != SME_ITEM_FILE) {
        status = extract_apply_at(dir, file->name, &file->meta, &tools->job->rules, &notes, err);
    } else {
        file->fd = openat(dir->fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (file->fd < 0 || fstat(file->fd, &st) < 0) {
            status = error_errno(err, "cannot open it to set its metadata");
        } else if (st.st_ino != file->ino || st.st_dev != file->dev) {
            status = sme_fail(err, SME_E_CHANGED, "it was replaced by something else meanwhile");
        } else {
            const struct extract_now now = {st.st_mode & 07777, st.st_uid, st.st_gid, false};
            status = extract_apply(file->fd, &file->meta, &tools->job->rules, &now, &notes, err);
        }
        close_fd(&file->fd);
    }
    if (notes != 0) {
        restore_note(tools->job, file->name, notes);
    }
    return status;
}

static void count(struct restore_tools *tools, const struct restore_file *file)
{
    struct restore_numbers *numbers = &tools->job->numbers;
    uint_least64_t none = 0;

    numbers->items++;
    switch (file->meta.type) {
    case SME_ITEM_FILE:
        numbers->files++;
        if (numbers->first_byte_ns == 0) {
            (void)atomic_compare_exchange_strong(
                &numbers->first_byte_ns, &none,
                (uint64_t)(clock_monotonic_ns() - tools->job->started_ns));
        }
        break;
    case SME_ITEM_SYMLINK:
        numbers->links++;
        break;
    default:
        numbers->others++;
        break;
    }
}

static void report(struct restore_tools *tools, const struct restore_file *file,
                   const struct sme_error *err)
{
    char *path = restore_path(file->dir, file->name);

    if (err->status == SME_E_EXISTS && tools->job->params->existing == RESTORE_KEEP) {
        restore_exists(tools->job, path != NULL ? path : file->name);
    } else {
        restore_problem(tools->job, path != NULL ? path : file->name, err);
    }
    free(path);
}

static void finish(struct restore_tools *tools, struct restore_file *file)
{
    struct sme_error err = SME_ERROR_INIT;
    bool broken = atomic_load(&file->broken);
    bool placed = false;
    int status = SME_OK;

    if (broken) {
        (void)sme_fail(&err, SME_E_NO_MEMORY, "no memory");
        status = (file->error != NULL ? file->error : &err)->status;
    } else if (atomic_load(&tools->job->stopped)) {
        status = SME_E_CANCELLED;
    } else if (file->leave) {
        status = correct(tools, file, &err);
        placed = true;
    } else if (file->meta.type == SME_ITEM_FILE) {
        status = finish_regular(tools, file, &placed, &err);
    } else {
        status = finish_other(tools, file, &placed, &err);
    }
    if (!placed) {
        discard(tools, file);
    } else if (!file->leave) {
        count(tools, file);
    }
    if (file->group != NULL) {
        restore_link_resolve(tools, file->group, placed, file->dev, file->ino);
    }
    if (broken) {
        report(tools, file, file->error != NULL ? file->error : &err);
    } else if (status < 0 && err.status < 0) {
        report(tools, file, &err);
    } else if (placed && file->incomplete) {
        (void)sme_fail(&err, SME_E_IO, "it was incomplete when it was backed up");
        report(tools, file, &err);
    }
    restore_dir_release(tools, file->dir);
    (void)pthread_mutex_destroy(&file->lock);
    free(file->error);
    free(file);
}

void restore_file_release(struct restore_tools *tools, struct restore_file *file, uint64_t count_)
{
    if (atomic_fetch_sub(&file->pending, count_) == count_) {
        finish(tools, file);
    }
}
