/*
 * What keeps a worker from doing harm when a plugin in it goes wrong.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_WORKER_GUARD_H
#define SME_RUN_WORKER_GUARD_H

#include "../base/error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * In the worker, before any plugin is loaded.  ${memory_limit} is that of [core]; the worker gets
 * a ceiling well above it, and is the first to go if the system runs out of memory all the same.
 * ${fds} (from 3 on; -1: none) are remembered together with 0 to 2.
 */
void worker_guard_begin(uint64_t memory_limit, const int *fds, size_t count);
/* Once signals are handled: a worker whose parent, the other end of ${socket}, is gone is ended
 * after a few seconds if it does not end itself. */
void worker_guard_watch(int socket);
/* Are the descriptors still what they were?  If not, what was written through others since then
 * may have gone anywhere: nothing may be committed. */
int worker_guard_check(struct sme_error *err);

#endif
