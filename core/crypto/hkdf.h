/*
 * HKDF-SHA-256 (RFC 5869).
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CRYPTO_HKDF_H
#define SME_CRYPTO_HKDF_H

#include "../base/error.h"
#include "../base/secret.h"

int hkdf_extract(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
                 struct secret *ret_prk, struct sme_error *err);
/* ${out_len} at most 255 * 32. */
int hkdf_expand(const struct secret *prk, const void *info, size_t info_len, uint8_t *out,
                size_t out_len, struct sme_error *err);

#endif
