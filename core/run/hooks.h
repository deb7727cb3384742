/*
 * Commands that a source runs before and after: no shell, a time limit, output to the log.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Never waits: the owner polls the descriptors and calls hooks_step().  Each command is a process
 * group of its own, so that a signal from the terminal does not reach it and a time limit reaches
 * all of it.
 */
#ifndef SME_RUN_HOOKS_H
#define SME_RUN_HOOKS_H

#include "../../include/sme-backup/common.h"

#include <poll.h>

struct hooks_request {
    const struct sme_list *commands; /* each split into words by shell rules */
    const char *kind;                /* "before", "after", "on_failure" */
    bool stop_at_failure;            /* else all run, and the first failure is the result */
    uint64_t timeout_ms;             /* of each command */
    /* Environment; the last three may be NULL. */
    const char *source, *sink;
    const char *status, *snapshot, *message;
};

struct hooks;

/* The request is copied, but for ${commands}, which must outlive the hooks.  Nothing is started
 * yet. */
int hooks_new(const struct hooks_request *request, struct hooks **ret_hooks, struct sme_error *err);
/* What runs is killed.  Accepts NULL. */
void hooks_free(struct hooks *hooks);

#define HOOKS_FDS 3
/* What to wait for; unused places get fd -1. */
void hooks_poll(const struct hooks *hooks, struct pollfd fds[HOOKS_FDS]);

/*
 * Do all that can be done without waiting.  ${cancel}: end the running command and start no
 * other.  1: still at it; 0: all done; < 0: done, a command failed or could not be started.
 */
int hooks_step(struct hooks *hooks, bool cancel, struct sme_error *err);

#endif
