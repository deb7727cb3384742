/*
 * HKDF-SHA-256 (RFC 5869).
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Written over HMAC, because the KDF of OpenSSL 3.0 bounds info at 1 KiB.
 */
#include "hkdf.h"
#include "digest.h"
#include "../base/cleanup.h"

#include <openssl/evp.h>

#define HASH_LEN 32

static void free_mac(struct mac **mac)
{
    mac_free(*mac);
}

int hkdf_extract(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
                 struct secret *ret_prk, struct sme_error *err)
{
    /* No salt means a string of zeroes; HMAC pads the key, so any number of them will do. */
    static const uint8_t no_salt[HASH_LEN];
    static const uint8_t no_ikm[1];
    if (salt_len == 0) {
        salt = no_salt;
        salt_len = sizeof no_salt;
    }
    if (ikm_len == 0)
        ikm = no_ikm;
    CLEANUP(secret_done) struct secret prk = SECRET_INIT;
    if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, salt, salt_len, ikm, ikm_len, prk.bytes,
                  sizeof prk.bytes, NULL) == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for deriving a key");
    *ret_prk = prk;
    return SME_OK;
}

int hkdf_expand(const struct secret *prk, const void *info, size_t info_len, uint8_t *out,
                size_t out_len, struct sme_error *err)
{
    if (out_len > (size_t)255 * HASH_LEN)
        return sme_fail(err, SME_E_INVALID, "cannot derive %zu bytes from one key", out_len);
    CLEANUP(free_mac) struct mac *mac = NULL;
    int status = mac_new(prk, &mac, err);
    if (status != SME_OK)
        return status;

    uint8_t block[HASH_LEN];
    struct sme_slice parts[3] = {{block, 0}, {info, info_len}, {NULL, 1}};
    size_t done = 0;
    for (uint8_t counter = 1; done < out_len && status == SME_OK; counter++) {
        parts[2].data = &counter;
        status = mac_of_slices(mac, parts, 3, block);
        if (status != SME_OK)
            break;
        size_t part = out_len - done < HASH_LEN ? out_len - done : HASH_LEN;
        memcpy(out + done, block, part);
        done += part;
        parts[0].len = HASH_LEN;
    }
    secret_wipe(block, sizeof block);
    if (status != SME_OK) {
        secret_wipe(out, done);
        return sme_fail(err, status, "out of memory for deriving a key");
    }
    return SME_OK;
}
