/*
 * One run of a source at a time: flock() on a file that stays.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The kernel frees the lock when the last process that inherited the descriptor is gone, so a
 * crash leaves nothing behind.  The file's content only names the holder for messages.
 */
#ifndef SME_RUN_LOCKFILE_H
#define SME_RUN_LOCKFILE_H

#include <sys/types.h>

struct sme_error;

/* Take the lock ${state_dir}/locks/${source}.lock without waiting; folders are made.  The
 * descriptor is closed on exec and shared by forked children.  SME_E_BUSY names the process that
 * has it. */
int lockfile_take(const char *state_dir, const char *source, int *ret_fd, struct sme_error *err);

/* Note who holds it: the runner, and its worker (0: none yet). */
/* Also from a process that has inherited the descriptor and is still there. */
void lockfile_release(int fd);
void lockfile_note(int fd, pid_t runner, pid_t worker);

#endif
