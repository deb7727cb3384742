/*
 * Random bytes of the kernel.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "rng.h"
#include "error.h"

#include <sys/random.h>

int rng_bytes(void *out, size_t len, struct sme_error *err)
{
    uint8_t *at = out;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return sme_fail_errno(err, SME_E_IO, "cannot get random bytes from the kernel");
        at += got;
        len -= (size_t)got;
    }
    return SME_OK;
}
