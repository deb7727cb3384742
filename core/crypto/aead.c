/*
 * AES-256-GCM over OpenSSL EVP.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "aead.h"
#include "../base/secret.h"

#include <stdlib.h>

#include <openssl/evp.h>

struct aead {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *sealing;
    EVP_CIPHER_CTX *opening;
};

int aead_new(struct aead **ret_aead, struct sme_error *err)
{
    struct aead *aead = calloc(1, sizeof *aead);
    if (aead == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for a cipher context");
    aead->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (aead->cipher == NULL) {
        aead_free(aead);
        (void)sme_fail(err, SME_E_UNSUPPORTED, "OpenSSL does not offer 'AES-256-GCM'");
        return error_hint(err, "check the system's OpenSSL configuration (openssl.cnf)");
    }
    aead->sealing = EVP_CIPHER_CTX_new();
    aead->opening = EVP_CIPHER_CTX_new();
    if (aead->sealing == NULL || aead->opening == NULL ||
        EVP_EncryptInit_ex2(aead->sealing, aead->cipher, NULL, NULL, NULL) != 1 ||
        EVP_DecryptInit_ex2(aead->opening, aead->cipher, NULL, NULL, NULL) != 1) {
        aead_free(aead);
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for a cipher context");
    }
    *ret_aead = aead;
    return SME_OK;
}

void aead_free(struct aead *aead)
{
    if (aead == NULL)
        return;
    EVP_CIPHER_CTX_free(aead->sealing);
    EVP_CIPHER_CTX_free(aead->opening);
    EVP_CIPHER_free(aead->cipher);
    free(aead);
}

int aead_seal(struct aead *aead, const uint8_t key[AEAD_KEY], const uint8_t nonce[AEAD_NONCE],
              const void *aad, size_t aad_len, const void *plain, size_t len, uint8_t *out)
{
    if (len > AEAD_MAX || aad_len > AEAD_MAX)
        return SME_E_INVALID;
    EVP_CIPHER_CTX *ctx = aead->sealing;
    int n = 0;
    if (EVP_EncryptInit_ex2(ctx, NULL, key, nonce, NULL) != 1)
        return SME_E_NO_MEMORY;
    if (aad_len > 0 && EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1)
        return SME_E_NO_MEMORY;
    if (len > 0 && EVP_EncryptUpdate(ctx, out, &n, plain, (int)len) != 1)
        return SME_E_NO_MEMORY;
    if (EVP_EncryptFinal_ex(ctx, out + len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, out + len) != 1)
        return SME_E_NO_MEMORY;
    return SME_OK;
}

int aead_open(struct aead *aead, const uint8_t key[AEAD_KEY], const uint8_t nonce[AEAD_NONCE],
              const void *aad, size_t aad_len, const uint8_t *sealed, size_t len, void *out)
{
    if (len < AEAD_TAG || len - AEAD_TAG > AEAD_MAX || aad_len > AEAD_MAX)
        return SME_E_CORRUPT;
    size_t plain_len = len - AEAD_TAG;
    EVP_CIPHER_CTX *ctx = aead->opening;
    uint8_t tag[AEAD_TAG];
    memcpy(tag, sealed + plain_len, sizeof tag);
    int n = 0;
    if (EVP_DecryptInit_ex2(ctx, NULL, key, nonce, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, tag) != 1)
        return SME_E_NO_MEMORY;
    if (aad_len > 0 && EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1)
        return SME_E_NO_MEMORY;
    int status = SME_OK;
    uint8_t rest[AEAD_TAG]; /* GCM leaves nothing for the end, but wants a place for it */
    if (plain_len > 0 && EVP_DecryptUpdate(ctx, out, &n, sealed, (int)plain_len) != 1)
        status = SME_E_NO_MEMORY;
    else if (EVP_DecryptFinal_ex(ctx, rest, &n) != 1)
        status = SME_E_CORRUPT;
    if (status != SME_OK)
        secret_wipe(out, plain_len);
    return status;
}
