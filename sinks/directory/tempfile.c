/*
 * Temporary files of a directory sink.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * They lie in one folder on the same file system.  It is there only while somebody writes, so it
 * can vanish at any time while it is empty.
 */
#include "tempfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define STALE_SEC (2 * 24 * 3600)

/* Another run can take the empty folder away between two calls, but not for ever. */
#define ATTEMPTS 100

static int name_file(const struct place *place, struct tempfile *file, struct sme_error *err)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t random[(TEMPFILE_NAME - 1) / 2];

    if (place->host->random(place->host, random, sizeof random) < 0)
        return sme_fail(err, SME_E_IO, "cannot name a temporary file: no random bytes");
    for (size_t i = 0; i < sizeof random; i++) {
        file->name[2 * i] = digits[random[i] >> 4];
        file->name[2 * i + 1] = digits[random[i] & 15];
    }
    file->name[TEMPFILE_NAME - 1] = '\0';
    return SME_OK;
}

/* Folder and file; -1 with errno.  ENOENT: somebody took the folder away. */
static int try_open(int root, struct tempfile *file)
{
    if (mkdirat(root, PLACE_TEMPORARY, 0700) < 0 && errno != EEXIST)
        return -1;
    file->folder = openat(root, PLACE_TEMPORARY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (file->folder < 0)
        return -1;
    file->fd = openat(file->folder, file->name,
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd >= 0)
        return 0;
    int saved = errno;
    (void)close(file->folder);
    file->folder = -1;
    errno = saved;
    return -1;
}

int tempfile_open(struct place *place, const char *key, struct tempfile *ret_file,
                  struct sme_error *err)
{
    struct tempfile file = TEMPFILE_INIT;
    struct stat st;
    int root = -1;

    int status = place_root(place, &root, err);
    if (status == SME_OK)
        status = name_file(place, &file, err);
    if (status < 0)
        return status;
    for (int i = 0; try_open(root, &file) < 0; i++) {
        int saved = errno;
        if (saved == ENOENT) {
            status = place_still_there(place, err);
            if (status < 0)
                return status;
        }
        if (saved == ENOENT && i < ATTEMPTS)
            continue;
        errno = saved == ENOENT ? EBUSY : saved;
        return place_fail(place, "cannot write", key, err);
    }
    if (fstat(file.fd, &st) == 0)
        tempfile_sweep(place, (int64_t)st.st_mtim.tv_sec);
    *ret_file = file;
    return SME_OK;
}

void tempfile_done(struct tempfile *file)
{
    if (file->folder < 0)
        return;
    if (file->name[0] != '\0')
        (void)unlinkat(file->folder, file->name, 0);
    if (file->fd >= 0)
        (void)close(file->fd);
    (void)close(file->folder);
    *file = (struct tempfile)TEMPFILE_INIT;
}

static void sweep_folder(const struct place *place, DIR *dir, int64_t now_sec)
{
    const struct dirent *entry;
    unsigned removed = 0;

    while ((entry = readdir(dir)) != NULL) {
        struct stat st;
        /* Only what bears a name like ours. */
        if (strlen(entry->d_name) != TEMPFILE_NAME - 1 ||
            strspn(entry->d_name, "0123456789abcdef") != TEMPFILE_NAME - 1 ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode) || now_sec - (int64_t)st.st_mtim.tv_sec < STALE_SEC)
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            removed++;
    }
    if (removed > 0)
        place->host->log(place->host, SME_LOG_DEBUG,
                         "removed %u temporary files that earlier runs left in '%s/%s'", removed,
                         place->path, PLACE_TEMPORARY);
}

void tempfile_sweep(struct place *place, int64_t now_sec)
{
    (void)pthread_mutex_lock(&place->lock);
    bool is_first = !place->swept;
    int root = place->root;
    place->swept = true;
    (void)pthread_mutex_unlock(&place->lock);
    if (!is_first || root < 0)
        return;
    int fd = openat(root, PLACE_TEMPORARY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir != NULL) {
        sweep_folder(place, dir, now_sec);
        (void)closedir(dir);
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

int tempfile_clock(struct place *place, int64_t *ret_ns, struct sme_error *err)
{
    struct tempfile file = TEMPFILE_INIT;
    struct stat st;

    int status = tempfile_open(place, PLACE_TEMPORARY, &file, err);
    if (status < 0)
        return status;
    if (fstat(file.fd, &st) < 0)
        status = place_fail(place, "cannot look at", PLACE_TEMPORARY, err);
    tempfile_done(&file);
    if (status == SME_OK)
        *ret_ns = (int64_t)st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    return status;
}
