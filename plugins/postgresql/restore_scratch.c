/*
 * Files that the programs open by their names: a private folder, and what is in it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The folder stays ours, so that nobody else can exchange a name in it; the programs' user may
 * pass through it and owns the files.
 */
#include "restore_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX (512u << 20) /* bytes of what pg_restore says of an archive */

static const char *parent_folder(const struct restore *restore)
{
    const char *scratch = restore->options->scratch;

    return scratch != NULL && scratch[0] != '\0' ? scratch : "/tmp";
}

static int fail_file(const struct restore *restore, const char *what, struct sme_error *err)
{
    int saved = errno;
    bool full = saved == ENOSPC || saved == EDQUOT;

    errno = saved;
    (void)sme_fail_errno(err,
                         full                                  ? SME_E_NO_SPACE
                         : saved == EACCES || saved == EPERM   ? SME_E_DENIED
                         : saved == ENOENT || saved == ENOTDIR ? SME_E_NOT_FOUND
                                                               : SME_E_IO,
                         "cannot %s folder '%s'", what, parent_folder(restore));
    return restore_hint(err, full ? "make room there, or name another folder with --scratch"
                                  : "name a folder for temporary files with --scratch");
}

static int make_folder(struct restore *restore, struct sme_error *err)
{
    if (restore->folder != NULL) {
        return SME_OK;
    }
    char *path = NULL;
    if (asprintf(&path, "%s/sme-restore-XXXXXX", parent_folder(restore)) < 0) {
        return restore_no_memory(err);
    }
    if (mkdtemp(path) == NULL) {
        int status = fail_file(restore, "make a private folder in", err);
        free(path);
        return status;
    }
    restore->folder = path;
    restore->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (restore->folder_fd < 0 ||
        (restore->server.as_user && fchmod(restore->folder_fd, 0711) < 0)) {
        return fail_file(restore, "use a private folder in", err);
    }
    return SME_OK;
}

int restore_temp_new(struct restore *restore, const char *name, struct restore_temp *ret_file,
                     struct sme_error *err)
{
    const struct server *server = &restore->server;
    unsigned number[2];
    char *path = NULL;

    int status = make_folder(restore, err);
    if (status < 0) {
        return status;
    }
    if (restore->host->random(restore->host, number, sizeof number) < 0) {
        return sme_fail(err, SME_E_IO, "there are no random numbers for the name of a file");
    }
    if (asprintf(&path, "%s/%s-%08x%08x", restore->folder, name, number[0], number[1]) < 0) {
        return restore_no_memory(err);
    }
    int fd = openat(restore->folder_fd, strrchr(path, '/') + 1,
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || (server->as_user && fchown(fd, server->uid, server->gid) < 0)) {
        status = fail_file(restore, "make a file in", err);
        if (fd >= 0) {
            (void)close(fd);
        }
        free(path);
        return status;
    }
    *ret_file = (struct restore_temp){path, fd};
    return SME_OK;
}

int restore_temp_write(struct restore *restore, const struct restore_temp *file, const void *buf,
                       size_t len, struct sme_error *err)
{
    const char *at = buf;

    while (len > 0) {
        ssize_t written = write(file->fd, at, len);
        if (written < 0 && errno != EINTR) {
            return fail_file(restore, "write a file in", err);
        }
        if (written > 0) {
            at += written;
            len -= (size_t)written;
        }
    }
    return SME_OK;
}

int restore_temp_read(const struct restore_temp *file, char **ret_text, struct sme_error *err)
{
    struct stat st;
    size_t used = 0;

    if (fstat(file->fd, &st) < 0) {
        return sme_fail_errno(err, SME_E_IO, "cannot read '%s'", file->path);
    }
    if (st.st_size > (off_t)TEXT_MAX) {
        return sme_fail(err, SME_E_UNSUPPORTED, "pg_restore says more than %u bytes of an archive",
                        TEXT_MAX);
    }
    size_t size = (size_t)st.st_size;
    char *text = malloc(size + 1);
    if (text == NULL) {
        return restore_no_memory(err);
    }
    while (used < size) {
        ssize_t got = pread(file->fd, text + used, size - used, (off_t)used);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            free(text);
            return sme_fail_errno(err, SME_E_IO, "cannot read '%s'", file->path);
        }
        used += got > 0 ? (size_t)got : 0;
    }
    text[used] = '\0';
    *ret_text = text;
    return SME_OK;
}

void restore_temp_remove(struct restore *restore, struct restore_temp *file)
{
    if (file->path != NULL) {
        (void)close(file->fd);
        (void)unlinkat(restore->folder_fd, strrchr(file->path, '/') + 1, 0);
        free(file->path);
        file->path = NULL;
    }
}

void restore_scratch_remove(struct restore *restore)
{
    if (restore->folder == NULL) {
        return;
    }
    /* Workers that were killed leave theirs. */
    DIR *dir = restore->folder_fd >= 0 ? fdopendir(restore->folder_fd) : NULL;
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        (void)unlinkat(restore->folder_fd, entry->d_name, 0);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    } else if (restore->folder_fd >= 0) {
        (void)close(restore->folder_fd);
    }
    if (rmdir(restore->folder) < 0) {
        restore->host->log(restore->host, SME_LOG_WARNING, "cannot remove '%s': %s",
                           restore->folder, strerror(errno));
    }
    free(restore->folder);
    restore->folder = NULL;
}
