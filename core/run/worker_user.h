/*
 * Becoming the user that a source asks for.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_WORKER_USER_H
#define SME_RUN_WORKER_USER_H

#include <stddef.h>

struct sme_error;

/*
 * Give ${folders} (made with mode 0700 where missing) to ${name}, let that user pass through the
 * two folders above each, and drop all privileges for good: supplementary groups, group, user.
 * Without root only the caller's own name is possible, and then nothing happens.
 */
int worker_become_user(const char *name, const char *const *folders, size_t count,
                       struct sme_error *err);

#endif
