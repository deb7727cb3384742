/*
 * HPKE (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Names of steps and variables are those of the RFC.
 */
#include "hpke.h"
#include "aead.h"
#include "digest.h"
#include "hkdf.h"
#include "../base/cleanup.h"
#include "../base/rng.h"

#include <openssl/evp.h>

#define KEY_LEN 32
#define LABEL_MAX 32
#define PSK_MIN 32
#define EXPORT_MAX (255 * 32)

/* suite_id of the KEM: "KEM" || 0x0020; of HPKE: "HPKE" || kem 0x0020 || kdf 1 || aead 2. */
static const uint8_t kem_suite[] = {'K', 'E', 'M', 0, 0x20};
static const uint8_t hpke_suite[] = {'H', 'P', 'K', 'E', 0, 0x20, 0, 1, 0, 2};

struct suite {
    const uint8_t *id;
    size_t len;
};
static const struct suite kem = {kem_suite, sizeof kem_suite};
static const struct suite full = {hpke_suite, sizeof hpke_suite};

static void free_pkey(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_pkey_ctx(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void free_aead(struct aead **aead)
{
    aead_free(*aead);
}

static void free_mac(struct mac **mac)
{
    mac_free(*mac);
}

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "out of memory for key agreement");
}

/* HMAC with the salt as key is all that extraction is, and every salt here is empty or a hash,
 * so the parts need not be joined first. */
static int labeled_extract(const struct suite *suite, const struct secret *salt, const char *label,
                           const void *ikm, size_t ikm_len, struct secret *ret_prk,
                           struct sme_error *err)
{
    static const struct secret no_salt = SECRET_INIT;
    CLEANUP(free_mac) struct mac *mac = NULL;
    int status = mac_new(salt != NULL ? salt : &no_salt, &mac, err);
    if (status != SME_OK)
        return status;
    const struct sme_slice parts[] = {
        {"HPKE-v1", 7}, {suite->id, suite->len}, {label, strlen(label)}, {ikm, ikm_len}};
    if (mac_of_slices(mac, parts, sizeof parts / sizeof parts[0], ret_prk->bytes) != SME_OK)
        return no_memory(err);
    return SME_OK;
}

static int labeled_expand(const struct suite *suite, const struct secret *prk, const char *label,
                          const void *info, size_t info_len, uint8_t *out, size_t out_len,
                          struct sme_error *err)
{
    uint8_t head[2 + 7 + sizeof hpke_suite + LABEL_MAX];
    size_t label_len = strlen(label);
    if (label_len > LABEL_MAX || out_len > EXPORT_MAX)
        return sme_fail(err, SME_E_INVALID, "cannot export %zu bytes from one key", out_len);
    size_t at = 0;
    head[at++] = (uint8_t)(out_len >> 8);
    head[at++] = (uint8_t)(out_len & 0xff);
    memcpy(head + at, "HPKE-v1", 7);
    at += 7;
    memcpy(head + at, suite->id, suite->len);
    at += suite->len;
    memcpy(head + at, label, label_len);
    at += label_len;

    size_t total = 0;
    if (__builtin_add_overflow(at, info_len, &total))
        return no_memory(err);
    CLEANUP(free_ptr) uint8_t *joined = malloc(total);
    if (joined == NULL)
        return no_memory(err);
    memcpy(joined, head, at);
    if (info_len > 0)
        memcpy(joined + at, info, info_len);
    int status = hkdf_expand(prk, joined, total, out, out_len, err);
    secret_wipe(joined, total);
    return status;
}

void hpke_done(struct hpke *ctx)
{
    secret_wipe(ctx, sizeof *ctx);
}

int hpke_public_of(const struct secret *private_key, uint8_t ret_public[32], struct sme_error *err)
{
    CLEANUP(free_pkey)
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private_key->bytes,
                                                    sizeof private_key->bytes);
    uint8_t public_key[KEY_LEN];
    size_t len = sizeof public_key;
    if (key == NULL || EVP_PKEY_get_raw_public_key(key, public_key, &len) != 1 ||
        len != sizeof public_key)
        return no_memory(err);
    memcpy(ret_public, public_key, sizeof public_key);
    return SME_OK;
}

int hpke_generate(struct secret *ret_private, uint8_t ret_public[32], struct sme_error *err)
{
    CLEANUP(secret_done) struct secret private_key = SECRET_INIT;
    int status = rng_bytes(private_key.bytes, sizeof private_key.bytes, err);
    if (status == SME_OK)
        status = hpke_public_of(&private_key, ret_public, err);
    if (status == SME_OK)
        *ret_private = private_key;
    return status;
}

int hpke_derive_pair(const void *ikm, size_t len, struct secret *ret_private,
                     uint8_t ret_public[32], struct sme_error *err)
{
    CLEANUP(secret_done) struct secret dkp_prk = SECRET_INIT;
    CLEANUP(secret_done) struct secret private_key = SECRET_INIT;
    int status = labeled_extract(&kem, NULL, "dkp_prk", ikm, len, &dkp_prk, err);
    if (status == SME_OK)
        status = labeled_expand(&kem, &dkp_prk, "sk", NULL, 0, private_key.bytes,
                                sizeof private_key.bytes, err);
    if (status == SME_OK)
        status = hpke_public_of(&private_key, ret_public, err);
    if (status == SME_OK)
        *ret_private = private_key;
    return status;
}

/* X25519.  OpenSSL refuses a result of zeroes, which is what a key of small order gives. */
static int agree(const struct secret *private_key, const uint8_t public_key[32],
                 struct secret *ret_shared, struct sme_error *err)
{
    CLEANUP(free_pkey)
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private_key->bytes,
                                                    sizeof private_key->bytes);
    CLEANUP(free_pkey)
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, public_key, KEY_LEN);
    if (own == NULL || peer == NULL)
        return no_memory(err);
    CLEANUP(free_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1)
        return no_memory(err);
    static const uint8_t zeroes[KEY_LEN];
    CLEANUP(secret_done) struct secret shared = SECRET_INIT;
    size_t len = sizeof shared.bytes;
    if (EVP_PKEY_derive_set_peer(ctx, peer) != 1 || EVP_PKEY_derive(ctx, shared.bytes, &len) != 1 ||
        len != sizeof shared.bytes || secret_equal(shared.bytes, zeroes, sizeof zeroes))
        return sme_fail(err, SME_E_KEY, "the public key is not a usable X25519 key");
    *ret_shared = shared;
    return SME_OK;
}

/* ExtractAndExpand of section 4.1: from dh and both public keys to the KEM's shared secret. */
static int kem_secret(const struct secret *dh, const uint8_t enc[32], const uint8_t recipient[32],
                      struct secret *ret_shared, struct sme_error *err)
{
    CLEANUP(secret_done) struct secret eae_prk = SECRET_INIT;
    uint8_t kem_context[2 * KEY_LEN];
    memcpy(kem_context, enc, KEY_LEN);
    memcpy(kem_context + KEY_LEN, recipient, KEY_LEN);
    int status = labeled_extract(&kem, NULL, "eae_prk", dh->bytes, sizeof dh->bytes, &eae_prk, err);
    if (status != SME_OK)
        return status;
    return labeled_expand(&kem, &eae_prk, "shared_secret", kem_context, sizeof kem_context,
                          ret_shared->bytes, sizeof ret_shared->bytes, err);
}

/* VerifyPSKInputs of section 5.1. */
static int check_setup(const struct hpke_setup *setup, struct sme_error *err)
{
    if (setup->mode != HPKE_MODE_BASE && setup->mode != HPKE_MODE_PSK)
        return sme_fail(err, SME_E_INVALID, "HPKE mode %d is not supported", setup->mode);
    if (setup->mode == HPKE_MODE_BASE) {
        if (setup->psk_len != 0 || setup->psk_id_len != 0)
            return sme_fail(err, SME_E_INVALID, "HPKE mode base takes no pre-shared key");
        return SME_OK;
    }
    if (setup->psk_len < PSK_MIN)
        return sme_fail(err, SME_E_INVALID, "HPKE pre-shared key is shorter than %d bytes",
                        PSK_MIN);
    if (setup->psk_id_len == 0)
        return sme_fail(err, SME_E_INVALID, "HPKE pre-shared key has no id");
    return SME_OK;
}

/* KeySchedule of section 5.1. */
static int key_schedule(const struct hpke_setup *setup, const struct secret *shared_secret,
                        struct hpke *ret_ctx, struct sme_error *err)
{
    CLEANUP(secret_done) struct secret psk_id_hash = SECRET_INIT;
    CLEANUP(secret_done) struct secret info_hash = SECRET_INIT;
    CLEANUP(secret_done) struct secret secret = SECRET_INIT;
    int status = labeled_extract(&full, NULL, "psk_id_hash", setup->psk_id, setup->psk_id_len,
                                 &psk_id_hash, err);
    if (status == SME_OK)
        status = labeled_extract(&full, NULL, "info_hash", setup->info, setup->info_len, &info_hash,
                                 err);
    if (status == SME_OK)
        status = labeled_extract(&full, shared_secret, "secret", setup->psk, setup->psk_len,
                                 &secret, err);
    if (status != SME_OK)
        return status;

    uint8_t context[1 + 2 * KEY_LEN];
    context[0] = (uint8_t)setup->mode;
    memcpy(context + 1, psk_id_hash.bytes, KEY_LEN);
    memcpy(context + 1 + KEY_LEN, info_hash.bytes, KEY_LEN);
    CLEANUP(hpke_done) struct hpke ctx = {.key = {0}};
    status = labeled_expand(&full, &secret, "key", context, sizeof context, ctx.key, sizeof ctx.key,
                            err);
    if (status == SME_OK)
        status = labeled_expand(&full, &secret, "base_nonce", context, sizeof context,
                                ctx.base_nonce, sizeof ctx.base_nonce, err);
    if (status == SME_OK)
        status = labeled_expand(&full, &secret, "exp", context, sizeof context, ctx.exporter.bytes,
                                sizeof ctx.exporter.bytes, err);
    if (status == SME_OK)
        *ret_ctx = ctx;
    return status;
}

int hpke_send(const uint8_t recipient[32], const struct hpke_setup *setup,
              const struct secret *ephemeral, uint8_t ret_enc[32], struct hpke *ret_ctx,
              struct sme_error *err)
{
    int status = check_setup(setup, err);
    if (status != SME_OK)
        return status;
    CLEANUP(secret_done) struct secret own = SECRET_INIT;
    uint8_t enc[KEY_LEN];
    if (ephemeral != NULL) {
        own = *ephemeral;
        status = hpke_public_of(&own, enc, err);
    } else {
        status = hpke_generate(&own, enc, err);
    }
    CLEANUP(secret_done) struct secret dh = SECRET_INIT;
    CLEANUP(secret_done) struct secret shared = SECRET_INIT;
    if (status == SME_OK)
        status = agree(&own, recipient, &dh, err);
    if (status == SME_OK)
        status = kem_secret(&dh, enc, recipient, &shared, err);
    if (status == SME_OK)
        status = key_schedule(setup, &shared, ret_ctx, err);
    if (status == SME_OK)
        memcpy(ret_enc, enc, sizeof enc);
    return status;
}

int hpke_receive(const struct secret *private_key, const uint8_t enc[32],
                 const struct hpke_setup *setup, struct hpke *ret_ctx, struct sme_error *err)
{
    int status = check_setup(setup, err);
    if (status != SME_OK)
        return status;
    uint8_t recipient[KEY_LEN];
    CLEANUP(secret_done) struct secret dh = SECRET_INIT;
    CLEANUP(secret_done) struct secret shared = SECRET_INIT;
    status = hpke_public_of(private_key, recipient, err);
    if (status == SME_OK)
        status = agree(private_key, enc, &dh, err);
    if (status == SME_OK)
        status = kem_secret(&dh, enc, recipient, &shared, err);
    if (status == SME_OK)
        status = key_schedule(setup, &shared, ret_ctx, err);
    return status;
}

int hpke_export(const struct hpke *ctx, const void *context, size_t context_len, uint8_t *out,
                size_t out_len, struct sme_error *err)
{
    return labeled_expand(&full, &ctx->exporter, "sec", context, context_len, out, out_len, err);
}

static void nonce_of(const struct hpke *ctx, uint64_t seq, uint8_t nonce[AEAD_NONCE])
{
    memcpy(nonce, ctx->base_nonce, AEAD_NONCE);
    for (unsigned i = 0; i < 8; i++)
        nonce[AEAD_NONCE - 1 - i] ^= (uint8_t)(seq >> (8 * i));
}

int hpke_seal(const struct hpke *ctx, uint64_t seq, const void *aad, size_t aad_len,
              const void *plain, size_t len, uint8_t *out, struct sme_error *err)
{
    CLEANUP(free_aead) struct aead *aead = NULL;
    int status = aead_new(&aead, err);
    if (status != SME_OK)
        return status;
    uint8_t nonce[AEAD_NONCE];
    nonce_of(ctx, seq, nonce);
    status = aead_seal(aead, ctx->key, nonce, aad, aad_len, plain, len, out);
    return status == SME_OK ? SME_OK : sme_fail(err, status, "cannot seal %zu bytes", len);
}

int hpke_open(const struct hpke *ctx, uint64_t seq, const void *aad, size_t aad_len,
              const void *sealed, size_t len, uint8_t *out, struct sme_error *err)
{
    CLEANUP(free_aead) struct aead *aead = NULL;
    int status = aead_new(&aead, err);
    if (status != SME_OK)
        return status;
    uint8_t nonce[AEAD_NONCE];
    nonce_of(ctx, seq, nonce);
    status = aead_open(aead, ctx->key, nonce, aad, aad_len, sealed, len, out);
    if (status == SME_E_CORRUPT)
        return sme_fail(err, status, "sealed message of %zu bytes is not genuine", len);
    return status == SME_OK ? SME_OK : sme_fail(err, status, "cannot open %zu bytes", len);
}
