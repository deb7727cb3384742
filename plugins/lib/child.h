/*
 * Programs that a plugin runs: no shell, own process group, bounded standard error.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A child gets exactly the environment that it is given, /dev/null or a pipe as standard input, and
 * nothing of the parent's descriptors.  It dies with the thread that started it (PR_SET_PDEATHSIG),
 * so that thread must live as long as the child is wanted.  One thread at a time uses a child.
 */
#ifndef SME_PLUGINS_CHILD_H
#define SME_PLUGINS_CHILD_H

#include "../../include/sme-backup/common.h"

#include <sys/types.h>

#define CHILD_STDERR_MAX 16384 /* bytes kept: the first half and the last half */

struct child;

struct child_spec {
    const struct sme_host *host;
    const char *const *argv; /* [0]: absolute path; ends with NULL                */
    const char *const *env;  /* "NAME=VALUE", ends with NULL; NULL: an empty one   */
    bool has_stdin;          /* a pipe: child_write(); else /dev/null              */
    bool has_stdout;         /* a pipe: child_read(); else /dev/null               */
    const char *folder;      /* working directory; NULL: "/"                       */
    bool as_user;            /* become ${uid}, ${gid} (and groups of ${user}) first */
    uid_t uid;
    gid_t gid;
    const char *user;
};

/* Start.  A program that cannot be executed is reported here, not as an exit status. */
int child_start(const struct child_spec *spec, struct child **ret_child, struct sme_error *err);

/* Up to ${len} bytes of its standard output; 0 at its end.  Gathers standard error meanwhile, and
 * polls host->cancelled() (SME_E_CANCELLED). */
int64_t child_read(struct child *child, void *buf, size_t len, struct sme_error *err);

/* Write all of ${buf} to its standard input; SME_E_IO when the child has closed it (the reason is
 * in its standard error and exit status, see child_wait()).  Polls as child_read().  Of a child
 * with both pipes it keeps what comes meanwhile, at most 16 MiB, for child_read(). */
int child_write(struct child *child, const void *buf, size_t len, struct sme_error *err);

/* Close its standard input: the child reads the end of it. */
void child_end_input(struct child *child);

/* How it ended. */
struct child_end {
    int exit_code; /* -1: by a signal */
    int signal;
    const char *errors; /* standard error, control characters escaped, without the last newline; ""
                           if empty; owned by the child */
};

/* Close its input and wait for the end, gathering standard error, throwing away what is left of
 * standard output; polls host->cancelled().  May be called again after success with the same
 * answer. */
int child_wait(struct child *child, struct child_end *ret_end, struct sme_error *err);

/* Fill ${err} with the program's name, how it ended and the first line of its errors; SME_E_IO. */
int child_fail(const struct child *child, const struct child_end *end, struct sme_error *err);

/* Forget it.  One that still runs: its process group gets SIGTERM, and SIGKILL after two seconds;
 * what an ended one left in its process group gets SIGKILL at once.  Accepts NULL. */
void child_free(struct child *child);

/* Run to the end and return its standard output (at most ${max} bytes, NUL behind them; to be
 * freed).  Fails with the program's name, status and first line of its errors unless it exits 0. */
int child_output(const struct child_spec *spec, size_t max, char **ret_text, size_t *ret_len,
                 struct sme_error *err); /* ret_len may be NULL */

#endif
