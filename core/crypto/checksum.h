/*
 * A fast checksum that tells whether bytes have changed on their way through memory.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Poly1305 (RFC 8439, from OpenSSL) under a key that is no secret: several times as fast as the
 * hash that names chunks, and a fault goes unnoticed once in 2^100 or so.  It is no protection
 * against somebody who computes collisions, and is never stored.  Where OpenSSL has no Poly1305,
 * HMAC-SHA256 does the same.
 */
#ifndef SME_CRYPTO_CHECKSUM_H
#define SME_CRYPTO_CHECKSUM_H

#include "../base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_BYTES 32 /* those that the algorithm does not fill are 0 */

/* A checksum that is being computed; for one thread. */
struct checksum;

int checksum_new(struct checksum **ret_sum, struct sme_error *err);
void checksum_free(struct checksum *sum); /* accepts NULL */
int checksum_add(struct checksum *sum, const void *data, size_t len);
/* The result, and begin anew.  Equal for equal bytes, in whatever pieces. */
int checksum_finish(struct checksum *sum, uint8_t out[CHECKSUM_BYTES]);

#endif
