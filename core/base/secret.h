/*
 * Secrets: wiped, never printed, compared in constant time.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_BASE_SECRET_H
#define SME_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A 256-bit key.  Use with CLEANUP(secret_done). */
struct secret {
    uint8_t bytes[32];
};

#define SECRET_INIT                                                                                \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

void secret_done(struct secret *s);
void secret_wipe(void *data, size_t len); /* not removed by the compiler */
bool secret_equal(const void *a, const void *b, size_t len);

/* Once at start: no core dumps (RLIMIT_CORE 0) and no ptrace (PR_SET_DUMPABLE 0). */
void secret_harden_process(void);

#endif
