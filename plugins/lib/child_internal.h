/*
 * Programs that a plugin runs: what child_start.c and child.c share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PLUGINS_CHILD_INTERNAL_H
#define SME_PLUGINS_CHILD_INTERNAL_H

#include "child.h"

#include <unistd.h>

#define CHILD_STDERR_HALF (CHILD_STDERR_MAX / 2)
#define CHILD_PIPE_BYTES (1 << 20)
#define CHILD_STASH_MAX (16u << 20)
#define CHILD_PAUSE_NS 200000L

struct child {
    const struct sme_host *host;
    char *name; /* last component of the program, for messages */
    pid_t pid;
    int pid_fd; /* -1: the kernel has none */
    int in;     /* our ends of the pipes; -1: none, or closed */
    int out;
    int errs;
    /* How long to let the output gather before it is read; see gather_output(). */
    size_t out_bytes, out_room;
    long pause_ns;
    bool had_paused;
    /* Output that came while something was written. */
    char *stash;
    size_t stash_len, stash_at;
    bool had_in;
    bool had_out;
    bool ended; /* ${end} is filled */
    struct child_end end;
    char *text; /* end.errors */
    size_t head_len;
    uint64_t tail_total; /* bytes after the head */
    char head[CHILD_STDERR_HALF];
    char tail[CHILD_STDERR_HALF]; /* a ring */
};

static inline const char *child_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static inline void child_close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

#endif
