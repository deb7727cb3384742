/*
 * Becoming the user that a source asks for.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "worker_user.h"

#include "../base/cleanup.h"
#include "../base/error.h"
#include "../base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Let everybody pass (not list) the two folders above ${folder}. */
static int open_way(const char *folder, struct sme_error *err)
{
    CLEANUP(free_ptr) char *path = strdup(folder);
    unsigned depth = 2;

    if (path == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a folder's name");
    }
    while (depth-- > 0) {
        char *slash = strrchr(path, '/');
        struct stat st;
        if (slash == NULL || slash == path) {
            break;
        }
        *slash = '\0';
        if (stat(path, &st) < 0 || chmod(path, (st.st_mode & 07777) | 0011) < 0) {
            return error_errno(err, "cannot let the source's user pass '%s'", path);
        }
    }
    return SME_OK;
}

static int give_folder(const char *folder, const struct passwd *user, struct sme_error *err)
{
    CLEANUP(close_fd) int fd = -1;

    int status = io_make_dirs(folder, 0700, err);
    if (status < 0) {
        return status;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchown(fd, user->pw_uid, user->pw_gid) < 0) {
        return error_errno(err, "cannot give folder '%s' to user '%s'", folder, user->pw_name);
    }
    return open_way(folder, err);
}

int worker_become_user(const char *name, const char *const *folders, size_t count,
                       struct sme_error *err)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (user == NULL) {
        if (errno != 0 && errno != ENOENT) {
            return sme_fail_errno(err, SME_E_IO, "cannot look up user '%s'", name);
        }
        return sme_fail(err, SME_E_INVALID, "user '%s' does not exist", name);
    }
    if (geteuid() != 0) {
        if (user->pw_uid == geteuid()) {
            return SME_OK;
        }
        (void)sme_fail(err, SME_E_DENIED, "only root can run a source as user '%s'", name);
        return error_hint(err, "start sme-backup as root, or remove 'user' from the source");
    }
    int status = SME_OK;
    for (size_t i = 0; i < count && status == SME_OK; i++) {
        status = give_folder(folders[i], user, err);
    }
    if (status < 0) {
        return status;
    }
    if (initgroups(name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
        setuid(user->pw_uid) < 0) {
        return sme_fail_errno(err, SME_E_DENIED, "cannot become user '%s'", name);
    }
    if (user->pw_uid != 0 && (setuid(0) == 0 || geteuid() != user->pw_uid)) {
        return sme_fail(err, SME_E_DENIED, "could not give up root for user '%s'", name);
    }
    (void)setenv("HOME", user->pw_dir, 1);
    (void)setenv("USER", name, 1);
    (void)setenv("LOGNAME", name, 1);
    return SME_OK;
}
