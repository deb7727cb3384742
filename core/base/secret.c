/*
 * Secrets: wiping, comparing, hardening of the process.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "secret.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void secret_wipe(void *data, size_t len)
{
    if (data != NULL && len > 0)
        explicit_bzero(data, len);
}

void secret_done(struct secret *s)
{
    secret_wipe(s->bytes, sizeof s->bytes);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    uint8_t differ = 0;

    for (size_t i = 0; i < len; i++)
        differ |= (uint8_t)(left[i] ^ right[i]);
    return differ == 0;
}

void secret_harden_process(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
