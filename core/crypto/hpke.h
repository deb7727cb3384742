/*
 * HPKE (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; modes base and
 * psk; only the exporter interface and, for the published vectors, single seals and opens.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CRYPTO_HPKE_H
#define SME_CRYPTO_HPKE_H

#include "../base/error.h"
#include "../base/secret.h"

#define HPKE_MODE_BASE 0
#define HPKE_MODE_PSK 1

struct hpke_setup {
    int mode;
    const void *info;
    size_t info_len;
    const void *psk; /* at least 32 bytes in mode psk */
    size_t psk_len;
    const void *psk_id;
    size_t psk_id_len;
};

/* Key schedule results; secret, wipe with hpke_done(). */
struct hpke {
    uint8_t key[32];
    uint8_t base_nonce[12];
    struct secret exporter;
};
void hpke_done(struct hpke *ctx);

/* X25519 pair. */
int hpke_generate(struct secret *ret_private, uint8_t ret_public[32], struct sme_error *err);
int hpke_public_of(const struct secret *private_key, uint8_t ret_public[32], struct sme_error *err);
/* DeriveKeyPair of RFC 9180 section 7.1.3. */
int hpke_derive_pair(const void *ikm, size_t len, struct secret *ret_private,
                     uint8_t ret_public[32], struct sme_error *err);

/* Sender; ${ephemeral} NULL: fresh pair (tests give the vector's).  ${ret_enc}: to be stored.
 * A public key of small order is SME_E_KEY. */
int hpke_send(const uint8_t recipient[32], const struct hpke_setup *setup,
              const struct secret *ephemeral, uint8_t ret_enc[32], struct hpke *ret_ctx,
              struct sme_error *err);
int hpke_receive(const struct secret *private_key, const uint8_t enc[32],
                 const struct hpke_setup *setup, struct hpke *ret_ctx, struct sme_error *err);

int hpke_export(const struct hpke *ctx, const void *context, size_t context_len, uint8_t *out,
                size_t out_len, struct sme_error *err);
/* Seal and open with sequence number ${seq}; out of seal: len + 16 bytes. */
int hpke_seal(const struct hpke *ctx, uint64_t seq, const void *aad, size_t aad_len,
              const void *plain, size_t len, uint8_t *out, struct sme_error *err);
int hpke_open(const struct hpke *ctx, uint64_t seq, const void *aad, size_t aad_len,
              const void *sealed, size_t len, uint8_t *out, struct sme_error *err);

#endif
