/*
 * Keys of a repository, of a source and of a run.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The text form lives in keyfile.c.
 */
#include "keyring.h"
#include "hkdf.h"
#include "hpke.h"
#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/rng.h"

#define LABEL_MAX 16
#define RUN_INFO "sme-backup run 1"
#define RUN_PSK_ID "sme-backup writer"
#define RUN_EXPORT "run key"

void keyring_done(struct keyring *keys)
{
    secret_wipe(keys, sizeof *keys);
}

int keyring_generate(struct keyring *ret_keys, struct sme_error *err)
{
    CLEANUP(keyring_done) struct keyring keys = {.has_reader = true};
    int status = rng_bytes(keys.repository, sizeof keys.repository, err);
    if (status == SME_OK)
        status = rng_bytes(keys.writer.bytes, sizeof keys.writer.bytes, err);
    if (status == SME_OK)
        status = hpke_generate(&keys.reader, keys.reader_public, err);
    if (status == SME_OK)
        *ret_keys = keys;
    return status;
}

static int expand(const struct secret *prk, const char *label, const char *source,
                  struct secret *ret_key, struct sme_error *err)
{
    uint8_t info[LABEL_MAX + 1 + LIMIT_NAME];
    size_t label_len = strlen(label);
    size_t source_len = strlen(source);
    if (label_len > LABEL_MAX || source_len > LIMIT_NAME)
        return sme_fail(err, SME_E_INVALID, "source name '%.80s' is too long", source);
    memcpy(info, label, label_len);
    info[label_len] = 0;
    memcpy(info + label_len + 1, source, source_len);
    CLEANUP(secret_done) struct secret key = SECRET_INIT;
    int status =
        hkdf_expand(prk, info, label_len + 1 + source_len, key.bytes, sizeof key.bytes, err);
    if (status == SME_OK)
        *ret_key = key;
    return status;
}

static int extract(const struct keyring *keys, struct secret *ret_prk, struct sme_error *err)
{
    return hkdf_extract(keys->repository, sizeof keys->repository, keys->writer.bytes,
                        sizeof keys->writer.bytes, ret_prk, err);
}

int keyring_descriptor_key(const struct keyring *keys, struct secret *ret_key,
                           struct sme_error *err)
{
    CLEANUP(secret_done) struct secret prk = SECRET_INIT;
    int status = extract(keys, &prk, err);
    return status == SME_OK ? expand(&prk, "descriptor", "", ret_key, err) : status;
}

int source_keys_derive(const struct keyring *keys, const char *source, struct source_keys *ret_keys,
                       struct sme_error *err)
{
    size_t source_len = strlen(source);
    if (source_len == 0)
        return sme_fail(err, SME_E_INVALID, "cannot derive keys for a source without a name");
    if (source_len > LIMIT_NAME)
        return sme_fail(err, SME_E_INVALID, "source name '%.80s' is too long", source);

    CLEANUP(secret_done) struct secret prk = SECRET_INIT;
    CLEANUP(source_keys_done) struct source_keys made = {.source = ""};
    int status = extract(keys, &prk, err);
    if (status != SME_OK)
        return status;
    const struct {
        const char *label;
        struct secret *key;
    } list[] = {
        {"chunk id", &made.id},     {"index", &made.index}, {"salt", &made.salt},
        {"chunker", &made.chunker}, {"psk", &made.psk},     {"item cache", &made.cache},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        status = expand(&prk, list[i].label, source, list[i].key, err);
        if (status != SME_OK)
            return status;
    }
    memcpy(made.repository, keys->repository, sizeof made.repository);
    memcpy(made.source, source, source_len + 1);
    *ret_keys = made;
    return SME_OK;
}

void source_keys_done(struct source_keys *keys)
{
    secret_wipe(keys, sizeof *keys);
}

/* info = RUN_INFO || 0 || repository id || source. */
struct run_info {
    uint8_t bytes[sizeof RUN_INFO + 16 + LIMIT_NAME];
    size_t len;
};

static struct hpke_setup run_setup(const struct source_keys *source, struct run_info *info)
{
    size_t source_len = strnlen(source->source, LIMIT_NAME);
    memcpy(info->bytes, RUN_INFO, sizeof RUN_INFO); /* with its NUL */
    memcpy(info->bytes + sizeof RUN_INFO, source->repository, sizeof source->repository);
    info->len = sizeof RUN_INFO + sizeof source->repository;
    memcpy(info->bytes + info->len, source->source, source_len);
    info->len += source_len;
    const struct hpke_setup setup = {
        .mode = HPKE_MODE_PSK,
        .info = info->bytes,
        .info_len = info->len,
        .psk = source->psk.bytes,
        .psk_len = sizeof source->psk.bytes,
        .psk_id = RUN_PSK_ID,
        .psk_id_len = sizeof RUN_PSK_ID - 1,
    };
    return setup;
}

static int export_run_key(const struct hpke *ctx, struct secret *ret_key, struct sme_error *err)
{
    CLEANUP(secret_done) struct secret key = SECRET_INIT;
    int status =
        hpke_export(ctx, RUN_EXPORT, sizeof RUN_EXPORT - 1, key.bytes, sizeof key.bytes, err);
    if (status == SME_OK)
        *ret_key = key;
    return status;
}

int run_key_new(const struct keyring *keys, const struct source_keys *source,
                struct run_key *ret_key, struct sme_error *err)
{
    struct run_info info;
    const struct hpke_setup setup = run_setup(source, &info);
    CLEANUP(hpke_done) struct hpke ctx = {.key = {0}};
    uint8_t enc[32];
    int status = hpke_send(keys->reader_public, &setup, NULL, enc, &ctx, err);
    if (status == SME_OK)
        status = export_run_key(&ctx, &ret_key->key, err);
    if (status != SME_OK)
        return error_context(err, "cannot make a key for this run");
    memcpy(ret_key->enc, enc, sizeof enc);
    return SME_OK;
}

int run_key_open(const struct keyring *keys, const struct source_keys *source,
                 const uint8_t enc[32], struct run_key *ret_key, struct sme_error *err)
{
    if (!keys->has_reader) {
        (void)sme_fail(err, SME_E_KEY,
                       "this host holds a write-only key: stored data of source "
                       "'%.64s' cannot be opened",
                       source->source);
        return error_hint(err, "use the full key file, or the recovery kit as key file");
    }
    struct run_info info;
    const struct hpke_setup setup = run_setup(source, &info);
    CLEANUP(hpke_done) struct hpke ctx = {.key = {0}};
    int status = hpke_receive(&keys->reader, enc, &setup, &ctx, err);
    if (status == SME_OK)
        status = export_run_key(&ctx, &ret_key->key, err);
    if (status != SME_OK)
        return error_context(err, "cannot open the key of a run of source '%.64s'", source->source);
    memmove(ret_key->enc, enc, sizeof ret_key->enc);
    return SME_OK;
}
