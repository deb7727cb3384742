/*
 * Metadata of a located item.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "filemeta.h"

#include "../base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_HOLES 65536u
#define MAX_XATTRS 1024u

int filemeta_init(struct filemeta_buffers *buffers, struct sme_error *err)
{
    memset(buffers, 0, sizeof *buffers);
    buf_init(&buffers->xattrs, LIMIT_XATTR_TOTAL);
    buf_init(&buffers->link, LIMIT_LINK_TARGET + 1);
    buffers->names = malloc(LIMIT_XATTR_VALUE);
    buffers->value = malloc(LIMIT_XATTR_VALUE);
    if (buffers->names == NULL || buffers->value == NULL) {
        filemeta_done(buffers);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read metadata");
    }
    return SME_OK;
}

void filemeta_done(struct filemeta_buffers *buffers)
{
    buf_free(&buffers->xattrs);
    buf_free(&buffers->link);
    free(buffers->names);
    free(buffers->value);
    buffers->names = NULL;
    buffers->value = NULL;
}

uint32_t filemeta_type(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return SME_ITEM_FILE;
    case S_IFDIR:
        return SME_ITEM_DIRECTORY;
    case S_IFLNK:
        return SME_ITEM_SYMLINK;
    case S_IFIFO:
        return SME_ITEM_FIFO;
    case S_IFSOCK:
        return SME_ITEM_SOCKET;
    case S_IFCHR:
        return SME_ITEM_CHAR_DEVICE;
    case S_IFBLK:
        return SME_ITEM_BLOCK_DEVICE;
    default:
        return 0;
    }
}

void filemeta_from_stat(const struct stat *st, struct item_meta *meta)
{
    meta->type = filemeta_type(st->st_mode);
    meta->mode = st->st_mode & 07777;
    meta->uid = st->st_uid;
    meta->gid = st->st_gid;
    meta->mtime = (struct sme_time){st->st_mtim.tv_sec, (uint32_t)st->st_mtim.tv_nsec, 0};
    meta->ctime = (struct sme_time){st->st_ctim.tv_sec, (uint32_t)st->st_ctim.tv_nsec, 0};
    /* The size of a directory is the file system's own business and differs after a restore. */
    meta->size = S_ISREG(st->st_mode) && st->st_size > 0 ? (uint64_t)st->st_size : 0;
    meta->ino = st->st_ino;
    meta->dev = st->st_dev;
    meta->nlink = st->st_nlink;
    meta->rdev_major = major(st->st_rdev);
    meta->rdev_minor = minor(st->st_rdev);
}

bool filemeta_same_file_state(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec && a->st_ino == b->st_ino &&
           a->st_dev == b->st_dev;
}

static ssize_t list_names(int fd, const char *path, char *names)
{
    return fd >= 0 ? flistxattr(fd, names, LIMIT_XATTR_VALUE)
                   : llistxattr(path, names, LIMIT_XATTR_VALUE);
}

static ssize_t get_value(int fd, const char *path, const char *name, void *value)
{
    return fd >= 0 ? fgetxattr(fd, name, value, LIMIT_XATTR_VALUE)
                   : lgetxattr(path, name, value, LIMIT_XATTR_VALUE);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Append name and value of every name, sorted so that equal attributes give equal bytes. */
static int read_values(struct filemeta_buffers *buffers, int fd, const char *path, size_t used)
{
    const char *sorted[MAX_XATTRS];
    size_t count = 0;

    for (size_t at = 0; at < used && count < MAX_XATTRS; at += strlen(buffers->names + at) + 1) {
        sorted[count++] = buffers->names + at;
    }
    qsort(sorted, count, sizeof sorted[0], compare_names);
    for (size_t i = 0; i < count; i++) {
        size_t name_len = strlen(sorted[i]);
        ssize_t got = get_value(fd, path, sorted[i], buffers->value);
        if (got < 0 && errno == ENODATA) {
            continue; /* removed meanwhile, or listed but not for us */
        }
        if (got < 0) {
            return errno;
        }
        buf_varint(&buffers->xattrs, name_len);
        buf_add(&buffers->xattrs, sorted[i], name_len);
        buf_varint(&buffers->xattrs, (uint64_t)got);
        buf_add(&buffers->xattrs, buffers->value, (size_t)got);
        buffers->xattr_count++;
    }
    return buffers->xattrs.bad ? E2BIG : 0;
}

int filemeta_xattrs(struct filemeta_buffers *buffers, int fd, int dir_fd, const char *name)
{
    char path[64 + LIMIT_NAME_BYTES];

    buf_clear(&buffers->xattrs);
    buffers->xattr_count = 0;
    if (fd < 0) {
        /* There is no lgetxattrat(); the magic link leads to the directory and the last part is
         * not followed. */
        int len = snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir_fd, name);
        if (len < 0 || (size_t)len >= sizeof path) {
            return ENAMETOOLONG;
        }
    }
    ssize_t used = list_names(fd, path, buffers->names);
    if (used <= 0) {
        return used == 0 || errno == ENOTSUP || errno == ENOSYS ? 0 : errno;
    }
    return read_values(buffers, fd, path, (size_t)used);
}

int filemeta_link(struct filemeta_buffers *buffers, int dir_fd, const char *name)
{
    size_t room = 256;

    for (;;) {
        buf_clear(&buffers->link);
        uint8_t *at = buf_grow(&buffers->link, room);
        if (at == NULL) {
            return ENAMETOOLONG;
        }
        ssize_t got = readlinkat(dir_fd, name, (char *)at, room);
        if (got < 0) {
            return errno;
        }
        if ((size_t)got < room) {
            buffers->link.len = (size_t)got;
            return got > 0 ? 0 : EINVAL;
        }
        room *= 4;
    }
}

int filemeta_holes(int fd, uint64_t size, uint64_t **ret_holes, size_t *ret_count)
{
    uint64_t *holes = NULL;
    size_t count = 0;
    size_t cap = 0;
    off_t at = 0;

    while ((uint64_t)at < size) {
        off_t hole = lseek(fd, at, SEEK_HOLE);
        if (hole < 0 || (uint64_t)hole >= size) {
            break; /* data to the end, or a file system that cannot tell */
        }
        off_t data = lseek(fd, hole, SEEK_DATA);
        if (data < 0 && errno != ENXIO) {
            free(holes);
            return errno;
        }
        if (data < 0 || (uint64_t)data > size) {
            data = (off_t)size; /* the hole goes to the end */
        }
        if (count == MAX_HOLES) {
            count = 0;
            break;
        }
        if (count == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            uint64_t *grown = reallocarray(holes, cap, 2 * sizeof *grown);
            if (grown == NULL) {
                free(holes);
                return ENOMEM;
            }
            holes = grown;
        }
        holes[count * 2] = (uint64_t)(hole - at);
        holes[count * 2 + 1] = (uint64_t)(data - hole);
        count++;
        at = data;
    }
    *ret_holes = holes;
    *ret_count = count;
    return 0;
}
