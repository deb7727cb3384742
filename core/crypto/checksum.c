/*
 * A fast checksum that tells whether bytes have changed on their way through memory.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "checksum.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct checksum {
    EVP_MAC_CTX *work;
};

/* No secret: what is looked for is faults, not forgery. */
static const uint8_t the_key[32] = "sme-backup: faults of a machine";

static EVP_MAC_CTX *new_context(const char *name, const OSSL_PARAM *params)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
    EVP_MAC_CTX *work = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac); /* the context has a reference of its own */
    if (work != NULL && EVP_MAC_init(work, the_key, sizeof the_key, params) != 1) {
        EVP_MAC_CTX_free(work);
        work = NULL;
    }
    return work;
}

int checksum_new(struct checksum **ret_sum, struct sme_error *err)
{
    static char sha256[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
        OSSL_PARAM_construct_end(),
    };
    struct checksum *sum = calloc(1, sizeof *sum);

    if (sum == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for checksums");
    }
    sum->work = new_context("POLY1305", NULL);
    if (sum->work == NULL) {
        sum->work = new_context("HMAC", params);
    }
    if (sum->work == NULL) {
        free(sum);
        return sme_fail(err, SME_E_UNSUPPORTED, "OpenSSL has neither Poly1305 nor HMAC");
    }
    *ret_sum = sum;
    return SME_OK;
}

void checksum_free(struct checksum *sum)
{
    if (sum != NULL) {
        EVP_MAC_CTX_free(sum->work);
        free(sum);
    }
}

int checksum_add(struct checksum *sum, const void *data, size_t len)
{
    return EVP_MAC_update(sum->work, data, len) == 1 ? SME_OK : SME_E_NO_MEMORY;
}

int checksum_finish(struct checksum *sum, uint8_t out[CHECKSUM_BYTES])
{
    uint8_t result[CHECKSUM_BYTES] = {0};
    size_t len = 0;

    if (EVP_MAC_final(sum->work, result, &len, sizeof result) != 1 ||
        EVP_MAC_init(sum->work, the_key, sizeof the_key, NULL) != 1) {
        return SME_E_NO_MEMORY;
    }
    memcpy(out, result, sizeof result);
    return SME_OK;
}
