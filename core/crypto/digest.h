/*
 * SHA-256 and HMAC-SHA-256 over OpenSSL EVP, with contexts that are made once and reused.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A context belongs to one thread at a time.
 */
#ifndef SME_CRYPTO_DIGEST_H
#define SME_CRYPTO_DIGEST_H

#include "../base/error.h"
#include "../base/secret.h"
#include "../../include/sme-backup/sink.h"

/* One shot; SHA-256 cannot fail but for lack of memory. */
int sha256_of(const void *data, size_t len, uint8_t out[32], struct sme_error *err);

struct sha256;
int sha256_new(struct sha256 **ret_ctx, struct sme_error *err);
void sha256_free(struct sha256 *ctx);
int sha256_start(struct sha256 *ctx);
int sha256_add(struct sha256 *ctx, const void *data, size_t len);
int sha256_finish(struct sha256 *ctx, uint8_t out[32]);

/* HMAC-SHA-256 with one key (RFC 2104). */
struct mac;
int mac_new(const struct secret *key, struct mac **ret_ctx, struct sme_error *err);
void mac_free(struct mac *ctx); /* wipes; accepts NULL */
int mac_of(struct mac *ctx, const void *data, size_t len, uint8_t out[32]);
/* Over the concatenation of ${count} slices. */
int mac_of_slices(struct mac *ctx, const struct sme_slice *slices, size_t count, uint8_t out[32]);
int mac_start(struct mac *ctx);
int mac_add(struct mac *ctx, const void *data, size_t len);
int mac_finish(struct mac *ctx, uint8_t out[32]);

#endif
