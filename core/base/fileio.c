/*
 * File helpers.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "fileio.h"
#include "cleanup.h"
#include "error.h"
#include "hex.h"
#include "rng.h"
#include "str.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOAD_STEP (64u * 1024)

void close_fd(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        (void)close(*fd);
        errno = saved;
        *fd = -1;
    }
}

ssize_t io_read_full(int fd, void *data, size_t len)
{
    uint8_t *at = data;
    size_t done = 0;

    while (done < len) {
        ssize_t got = read(fd, at + done, len - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

ssize_t io_pread_full(int fd, void *data, size_t len, uint64_t offset)
{
    uint8_t *at = data;
    size_t done = 0;

    while (done < len) {
        ssize_t got = pread(fd, at + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* What write() and pwrite() mean by 0 is not defined for files; it must not become a loop. */
static int wrote(ssize_t put)
{
    if (put == 0)
        errno = EIO;
    return put > 0 || (put < 0 && errno == EINTR) ? 0 : -1;
}

int io_write_full(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (wrote(put) != 0)
            return -1;
        if (put > 0) {
            at += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

int io_pwrite_full(int fd, const void *data, size_t len, uint64_t offset)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t put = pwrite(fd, at, len, (off_t)offset);
        if (wrote(put) != 0)
            return -1;
        if (put > 0) {
            at += put;
            len -= (size_t)put;
            offset += (uint64_t)put;
        }
    }
    return 0;
}

static int fail_too_large(const char *path, size_t limit, struct sme_error *err)
{
    char text[16];

    return sme_fail(err, SME_E_INVALID, "'%s' is larger than %s", path, str_bytes(limit, text));
}

/* Room for what the file says it holds and for noticing its end, so that secrets are not left
 * behind in memory that a growing buffer gave back. */
static int reserve_for(int fd, const char *path, struct buf *out, struct sme_error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_errno(err, "cannot read '%s'", path);
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return error_errno(err, "cannot read '%s'", path);
    }
    size_t room = out->max - out->len;
    uint64_t size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    if (size > room)
        return fail_too_large(path, room, err);
    if (!buf_reserve(out, size < room ? (size_t)size + 1 : room))
        return sme_fail(err, SME_E_NO_MEMORY, "cannot read '%s': out of memory", path);
    return SME_OK;
}

int io_load(int dir_fd, const char *path, struct buf *out, struct sme_error *err)
{
    CLEANUP(close_fd) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    size_t limit = out->max > out->len ? out->max - out->len : 0;

    if (fd < 0)
        return error_errno(err, "cannot open '%s'", path);
    if (out->bad)
        return sme_fail(err, SME_E_NO_MEMORY, "cannot read '%s': out of memory", path);
    int status = reserve_for(fd, path, out, err);
    if (status < 0)
        return status;

    for (;;) {
        size_t room = out->max - out->len;
        uint8_t extra;
        if (room == 0) {
            ssize_t got = io_read_full(fd, &extra, 1);
            if (got == 0)
                return SME_OK;
            if (got > 0)
                return fail_too_large(path, limit, err);
            return error_errno(err, "cannot read '%s'", path);
        }
        if (out->cap == out->len && !buf_reserve(out, room < LOAD_STEP ? room : LOAD_STEP))
            return sme_fail(err, SME_E_NO_MEMORY, "cannot read '%s': out of memory", path);
        size_t want = out->cap - out->len;
        ssize_t got = io_read_full(fd, out->data + out->len, want);
        if (got < 0)
            return error_errno(err, "cannot read '%s'", path);
        out->len += (size_t)got;
        if ((size_t)got < want)
            return SME_OK;
    }
}

/* Descriptor of the folder that holds ${path}; *ret_name: the last component. */
static int open_parent(const char *path, int *ret_fd, const char **ret_name, struct sme_error *err)
{
    const char *slash = strrchr(path, '/');
    CLEANUP(free_ptr) char *folder = NULL;

    if (slash == NULL)
        folder = strdup(".");
    else if (slash == path)
        folder = strdup("/");
    else
        folder = strndup(path, (size_t)(slash - path));
    if (folder == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "cannot write '%s': out of memory", path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open folder '%s'", folder);
    *ret_fd = fd;
    *ret_name = slash == NULL ? path : slash + 1;
    return SME_OK;
}

static int write_temporary(int dir_fd, const char *temporary, const char *path, const void *data,
                           size_t len, mode_t mode, struct sme_error *err)
{
    CLEANUP(close_fd)
    int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return error_errno(err, "cannot write '%s'", path);
    if (io_write_full(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0) {
        int status = error_errno(err, "cannot write '%s'", path);
        (void)unlinkat(dir_fd, temporary, 0);
        return status;
    }
    return SME_OK;
}

/* Give the temporary file its name unless something has it already. */
static int name_new(int dir_fd, const char *temporary, const char *name)
{
    if (renameat2(dir_fd, temporary, dir_fd, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* File systems that do not know the flag know hard links. */
    if (linkat(dir_fd, temporary, dir_fd, name, 0) < 0)
        return -1;
    (void)unlinkat(dir_fd, temporary, 0);
    return 0;
}

static int write_file(const char *path, const void *data, size_t len, mode_t mode, bool only_new,
                      struct sme_error *err)
{
    CLEANUP(close_fd) int dir_fd = -1;
    const char *name = NULL;
    uint8_t random[8];
    char digits[2 * sizeof random + 1];
    char temporary[32];

    int status = open_parent(path, &dir_fd, &name, err);
    if (status >= 0)
        status = rng_bytes(random, sizeof random, err);
    if (status < 0)
        return status;
    hex_encode(random, sizeof random, digits);
    (void)snprintf(temporary, sizeof temporary, ".sme-%s.tmp", digits);

    status = write_temporary(dir_fd, temporary, path, data, len, mode, err);
    if (status < 0)
        return status;
    int named =
        only_new ? name_new(dir_fd, temporary, name) : renameat(dir_fd, temporary, dir_fd, name);
    if (named < 0) {
        status = errno == EEXIST ? sme_fail(err, SME_E_EXISTS, "'%s' exists already", path)
                                 : error_errno(err, "cannot write '%s'", path);
        (void)unlinkat(dir_fd, temporary, 0);
        return status;
    }
    if (io_sync_dir(dir_fd) < 0)
        return error_errno(err, "cannot sync the folder of '%s'", path);
    return SME_OK;
}

int io_replace(const char *path, const void *data, size_t len, mode_t mode, struct sme_error *err)
{
    return write_file(path, data, len, mode, false, err);
}

int io_create(const char *path, const void *data, size_t len, mode_t mode, struct sme_error *err)
{
    return write_file(path, data, len, mode, true, err);
}

int io_sync_dir(int dir_fd)
{
    while (fsync(dir_fd) < 0) {
        if (errno == EINVAL || errno == ENOTSUP)
            return 0;
        if (errno != EINTR)
            return -1;
    }
    return 0;
}

int io_make_dirs(const char *path, mode_t mode, struct sme_error *err)
{
    CLEANUP(free_ptr) char *partial = strdup(path);
    struct stat st;

    if (partial == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "cannot make folder '%s': out of memory", path);
    for (char *at = partial;; at++) {
        char c = *at;
        if (c != '/' && c != '\0')
            continue;
        *at = '\0';
        /* Looking first: what exists may lie where this user may not make anything. */
        if (at != partial && stat(partial, &st) < 0 && mkdir(partial, mode) < 0 && errno != EEXIST)
            return error_errno(err, "cannot make folder '%s'", partial);
        *at = c;
        if (c == '\0')
            break;
    }
    if (stat(path, &st) < 0)
        return error_errno(err, "cannot make folder '%s'", path);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return error_errno(err, "cannot make folder '%s'", path);
    }
    return SME_OK;
}

int io_check_private(int fd, const char *path, const char *what, bool secret, struct sme_error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_errno(err, "cannot examine %s '%s'", what, path);
    unsigned mode = st.st_mode & 07777;
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        (void)sme_fail(err, SME_E_DENIED, "%s '%s' belongs to another user (uid %u)", what, path,
                       (unsigned)st.st_uid);
        return error_hint(err, "it must belong to root or to the user who runs sme-backup");
    }
    if ((mode & 022) != 0) {
        (void)sme_fail(err, SME_E_DENIED, "%s '%s' can be written by others (mode %04o)", what,
                       path, mode);
        return error_hint(err, "chmod go-w '%s'", path);
    }
    if (secret && (mode & 044) != 0) {
        (void)sme_fail(err, SME_E_DENIED, "%s '%s' can be read by others (mode %04o)", what, path,
                       mode);
        return error_hint(err, "chmod go-rwx '%s'", path);
    }
    return SME_OK;
}
