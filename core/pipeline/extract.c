/*
 * Making files under a directory, and nowhere else.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "extract.h"

#include "../base/cleanup.h"
#include "../base/hex.h"
#include "../base/limits.h"
#include "../base/rng.h"
#include "filemeta.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define PIECE_MAX (PATH_MAX - 256)
#define RETRIES 64 /* openat2() says EAGAIN when something was renamed meanwhile */

bool extract_name_ok(const char *name)
{
    size_t len = strnlen(name, LIMIT_NAME_BYTES + 1);

    return len > 0 && len <= LIMIT_NAME_BYTES && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0 && strchr(name, '/') == NULL;
}

static int open_beneath(int fd, const char *path)
{
    struct open_how how = {
        .flags = DIR_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long got = -1;

    for (int i = 0; i < RETRIES; i++) {
        got = syscall(SYS_openat2, fd, path, &how, sizeof how);
        if (got >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
    }
    return (int)got;
}

/* One name after the other: none may be a link, and ".." is no name. */
static int open_steps(int fd, const char *path)
{
    char name[LIMIT_NAME_BYTES + 1];
    int at = fd;

    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        if (len > LIMIT_NAME_BYTES) {
            errno = ENAMETOOLONG;
        } else {
            memcpy(name, path, len);
            name[len] = '\0';
            if (!extract_name_ok(name)) {
                errno = EINVAL;
                len = LIMIT_NAME_BYTES + 1;
            }
        }
        int next = len > LIMIT_NAME_BYTES ? -1 : openat(at, name, DIR_FLAGS);
        if (at != fd) {
            close_fd(&at);
        }
        if (next < 0) {
            return -1;
        }
        at = next;
        path += len + (path[len] == '/');
    }
    return at == fd ? openat(fd, ".", DIR_FLAGS) : at;
}

int extract_open_dir_stepwise(int root_fd, const char *path)
{
    return open_steps(root_fd, path);
}

/* ${path} (of ${len} bytes, longer than the kernel takes at once) piece by piece. */
static int open_pieces(int root_fd, const char *path, size_t len)
{
    char piece[PIECE_MAX + 1];
    int at = root_fd;

    while (len > 0) {
        size_t take = len;
        if (take > PIECE_MAX) {
            take = PIECE_MAX;
            while (take > 0 && path[take] != '/') {
                take--;
            }
        }
        memcpy(piece, path, take);
        piece[take] = '\0';
        int next = take > 0 ? open_beneath(at, piece) : -1;
        if (at != root_fd) {
            close_fd(&at);
        }
        if (next < 0) {
            return -1;
        }
        at = next;
        take += take < len; /* the slash */
        path += take;
        len -= take;
    }
    return at;
}

int extract_open_dir(int root_fd, const char *path)
{
    size_t len = strlen(path);

    if (len == 0) {
        return openat(root_fd, ".", DIR_FLAGS);
    }
    if (!item_path_valid(path, len)) {
        errno = EINVAL;
        return -1;
    }
    int fd = len < PATH_MAX ? open_beneath(root_fd, path) : open_pieces(root_fd, path, len);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == E2BIG || errno == EINVAL)) {
        return open_steps(root_fd, path);
    }
    return fd;
}

void extract_dirs_init(struct extract_dirs *dirs, int root_fd)
{
    memset(dirs, 0, sizeof *dirs);
    dirs->root_fd = root_fd;
    for (size_t i = 0; i < EXTRACT_DIRS; i++) {
        dirs->at[i].fd = -1;
    }
}

void extract_dirs_done(struct extract_dirs *dirs)
{
    for (size_t i = 0; i < EXTRACT_DIRS; i++) {
        close_fd(&dirs->at[i].fd);
        dirs->at[i].serial = 0;
    }
}

struct extract_dir *extract_dirs_get(struct extract_dirs *dirs, uint64_t serial, const char *path)
{
    struct extract_dir *slot = &dirs->at[0];

    for (size_t i = 0; i < EXTRACT_DIRS; i++) {
        struct extract_dir *dir = &dirs->at[i];
        if (dir->serial == serial) {
            dir->used = ++dirs->clock;
            return dir;
        }
        if (dir->used < slot->used) {
            slot = dir;
        }
    }
    int fd = extract_open_dir(dirs->root_fd, path);
    if (fd < 0) {
        return NULL;
    }
    close_fd(&slot->fd);
    *slot = (struct extract_dir){
        .serial = serial,
        .used = ++dirs->clock,
        .fd = fd,
        .inherits = fgetxattr(fd, "system.posix_acl_default", NULL, 0) > 0,
    };
    return slot;
}

int extract_create(struct extract_dir *dir, const char *name, const struct extract_meta *meta,
                   struct extract_now *ret_now)
{
    struct stat st;
    /* Setuid and setgid only after the owner; with attributes nobody else sees the file before its
     * ACL is there, and the caller may write it until they are set. */
    mode_t mode = meta->mode & 01777;

    if (meta->xattr_count > 0) {
        mode = (meta->mode & 0700) | 0200;
    }
    if (!extract_name_ok(name)) {
        errno = EINVAL;
        return -1;
    }
    int fd = openat(dir->fd, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        return -1;
    }
    if (!dir->probed || dir->inherits || !dir->same_mode) {
        if (fstat(fd, &st) < 0) {
            int saved = errno;
            (void)close(fd);
            (void)unlinkat(dir->fd, name, 0);
            errno = saved;
            return -1;
        }
        dir->uid = st.st_uid;
        dir->gid = st.st_gid;
        dir->same_mode = (st.st_mode & 07777) == mode;
        dir->probed = true;
        mode = st.st_mode & 07777;
    }
    *ret_now = (struct extract_now){mode, dir->uid, dir->gid, !dir->inherits};
    return fd;
}

int extract_make_other(struct extract_dir *dir, const char *name, const struct extract_meta *meta,
                       const char *link_target, uint32_t rdev_major, uint32_t rdev_minor)
{
    mode_t kind = 0;

    if (!extract_name_ok(name)) {
        errno = EINVAL;
        return -1;
    }
    switch (meta->type) {
    case SME_ITEM_SYMLINK:
        return symlinkat(link_target, dir->fd, name);
    case SME_ITEM_FIFO:
        kind = S_IFIFO;
        break;
    case SME_ITEM_SOCKET:
        kind = S_IFSOCK;
        break;
    case SME_ITEM_CHAR_DEVICE:
        kind = S_IFCHR;
        break;
    case SME_ITEM_BLOCK_DEVICE:
        kind = S_IFBLK;
        break;
    default:
        errno = EINVAL;
        return -1;
    }
    bool is_device = kind == S_IFCHR || kind == S_IFBLK;
    return mknodat(dir->fd, name, kind | (meta->mode & 0700),
                   is_device ? makedev(rdev_major, rdev_minor) : 0);
}

int extract_temp_name(char out[EXTRACT_TEMP_NAME], struct sme_error *err)
{
    uint8_t random[8];
    char text[2 * sizeof random + 1];

    int status = rng_bytes(random, sizeof random, err);
    if (status == SME_OK) {
        hex_encode(random, sizeof random, text);
        (void)snprintf(out, EXTRACT_TEMP_NAME, ".sme-restore-%s", text);
    }
    return status;
}
