/*
 * AES-256-GCM with contexts that are made once; the key changes with every message.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A context belongs to one thread at a time.
 */
#ifndef SME_CRYPTO_AEAD_H
#define SME_CRYPTO_AEAD_H

#include "../base/error.h"

#define AEAD_KEY 32
#define AEAD_NONCE 12
#define AEAD_TAG 16
#define AEAD_MAX (1u << 30) /* longest message; OpenSSL counts with int */

struct aead;
int aead_new(struct aead **ret_aead, struct sme_error *err);
void aead_free(struct aead *aead); /* wipes; accepts NULL */

/* ${out}: ${len} + AEAD_TAG bytes, apart from ${plain}.  SME_E_INVALID above AEAD_MAX,
 * SME_E_NO_MEMORY if OpenSSL fails. */
int aead_seal(struct aead *aead, const uint8_t key[AEAD_KEY], const uint8_t nonce[AEAD_NONCE],
              const void *aad, size_t aad_len, const void *plain, size_t len, uint8_t *out);
/* ${sealed}: ${len} bytes with the tag; ${out}: ${len} - AEAD_TAG bytes, overwritten with zeroes
 * if the message is not genuine (SME_E_CORRUPT). */
int aead_open(struct aead *aead, const uint8_t key[AEAD_KEY], const uint8_t nonce[AEAD_NONCE],
              const void *aad, size_t aad_len, const uint8_t *sealed, size_t len, void *out);

#endif
