/*
 * Random bytes of the kernel.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_BASE_RNG_H
#define SME_BASE_RNG_H

#include <stddef.h>

struct sme_error;

/* Fill ${out}.  SME_OK, or SME_E_IO with ${err} set; then nothing in ${out} may be used. */
int rng_bytes(void *out, size_t len, struct sme_error *err);

#endif
