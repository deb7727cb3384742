/*
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012): a keyed hash that is fast on
 * short texts.  For tables and sampling, not for authentication.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_BASE_SIPHASH_H
#define SME_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

void siphash128(const uint8_t key[16], const void *data, size_t len, uint8_t out[16]);

#endif
