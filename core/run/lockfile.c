/*
 * One run of a source at a time: flock() on a file that stays.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "lockfile.h"

#include "../base/cleanup.h"
#include "../base/error.h"
#include "../base/fileio.h"
#include "../base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Two numbers and a newline. */
#define NOTE_MAX 48

static bool alive(long pid)
{
    return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/* The runner that holds the lock, or its worker if the runner is gone; 0 if unknown. */
static long holder(int fd)
{
    char note[NOTE_MAX + 1] = "";
    char *end = note;
    ssize_t len = io_pread_full(fd, note, NOTE_MAX, 0);

    if (len <= 0) {
        return 0;
    }
    note[len] = '\0';
    long runner = strtol(note, &end, 10);
    long worker = strtol(end, NULL, 10);
    return alive(runner) ? runner : alive(worker) ? worker : 0;
}

static int busy(int fd, const char *source, struct sme_error *err)
{
    long pid = holder(fd);

    if (pid > 0) {
        (void)sme_fail(err, SME_E_BUSY, "source '%s' is already running (process %ld)", source,
                       pid);
    } else {
        (void)sme_fail(err, SME_E_BUSY, "source '%s' is already running", source);
    }
    return error_hint(err, "wait for that run to end; set 'timeout' if it hangs");
}

int lockfile_take(const char *state_dir, const char *source, int *ret_fd, struct sme_error *err)
{
    CLEANUP(free_ptr) char *folder = str_format("%s/locks", state_dir);
    CLEANUP(free_ptr) char *path = str_format("%s/locks/%s.lock", state_dir, source);
    CLEANUP(close_fd) int fd = -1;

    if (folder == NULL || path == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a lock");
    }
    int status = io_make_dirs(folder, 0700, err);
    if (status < 0) {
        /* Of this host's own folders: not a matter of keys, whatever errno says. */
        if (err != NULL) {
            err->status = SME_E_IO;
        }
        (void)error_context(err, "cannot lock source '%s'", source);
        return error_hint(err, "set state_dir in [core] to a folder that this user may write");
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd == -1) {
        return sme_fail_errno(err, SME_E_IO, "cannot open lock file '%s'", path);
    }
    while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        if (errno == EWOULDBLOCK) {
            return busy(fd, source, err);
        }
        if (errno != EINTR) {
            return sme_fail_errno(err, SME_E_IO, "cannot lock '%s'", path);
        }
    }
    lockfile_note(fd, getpid(), 0);
    *ret_fd = STEAL_FD(fd);
    return SME_OK;
}

void lockfile_release(int fd)
{
    if (fd >= 0) {
        (void)flock(fd, LOCK_UN);
        (void)close(fd);
    }
}

void lockfile_note(int fd, pid_t runner, pid_t worker)
{
    char note[NOTE_MAX + 1];
    int len = snprintf(note, sizeof note, "%ld %ld\n", (long)runner, (long)worker);

    /* A lock without a name is still a lock. */
    if (ftruncate(fd, 0) == 0) {
        (void)io_pwrite_full(fd, note, (size_t)len, 0);
    }
}
