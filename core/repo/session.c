/*
 * Session markers and pending-delete sets.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "session.h"

#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/wire.h"
#include "../crypto/seal.h"

#include <stdlib.h>
#include <string.h>

#define SESSION_MAGIC "SMESESS1"
#define PENDING_MAGIC "SMEPEND1"

int session_begin(struct repo *repo, const struct source_keys *keys, const char *name,
                  const char *host, int64_t started_ns, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(4096);
    CLEANUP(buf_free) struct buf raw = BUF_INIT(8192);
    struct sealer *sealer = NULL;
    objkey_text key;

    buf_u8(&plain, 1);
    buf_zigzag(&plain, started_ns);
    buf_varint(&plain, strlen(host));
    buf_add_str(&plain, host);
    buf_add(&raw, SESSION_MAGIC, 8);
    if (plain.bad || raw.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a session marker");
    }
    int status = sealer_new(keys, &sealer, err);
    if (status < 0) {
        return status;
    }
    status = seal_object(sealer, &keys->index, SEAL_SESSION, plain.data, plain.len, &raw, err);
    sealer_free(sealer);
    if (status < 0) {
        return status;
    }
    objkey_session(keys->source, name, key);
    return store_put(repo->store, key, raw.data, raw.len, NULL, false, err);
}

void session_end(struct repo *repo, const struct source_keys *keys, const char *name)
{
    struct sme_error ignored = SME_ERROR_INIT;
    objkey_text key;

    objkey_session(keys->source, name, key);
    (void)store_remove(repo->store, key, &ignored);
}

static int add_set(struct repo *repo, const struct source_keys *keys, const char *key,
                   struct sealer *sealer, struct buf *names, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf raw = BUF_INIT(LIMIT_INDEX_OBJECT);
    CLEANUP(buf_free) struct buf plain = BUF_INIT(LIMIT_INDEX_OBJECT);

    int status = store_get(repo->store, key, &raw, err);
    if (status == SME_E_NOT_FOUND) {
        return SME_OK; /* the prune has finished meanwhile */
    }
    if (status < 0) {
        return status;
    }
    if (raw.len < 8 || memcmp(raw.data, PENDING_MAGIC, 8) != 0) {
        return sme_fail(err, SME_E_CORRUPT, "pending-delete set '%s' does not begin as one", key);
    }
    status =
        open_object(sealer, &keys->index, SEAL_PENDING, raw.data + 8, raw.len - 8, &plain, err);
    if (status < 0) {
        return error_context(err, "pending-delete set '%s'", key);
    }
    struct wire w = wire_of(plain.data, plain.len);
    uint8_t version = wire_u8(&w);
    uint64_t count = wire_varint(&w);
    if (w.bad || version != 1 || count != wire_left(&w) / 32 || wire_left(&w) % 32 != 0) {
        return sme_fail(err, SME_E_CORRUPT, "pending-delete set '%s' is damaged", key);
    }
    buf_add(names, w.at, wire_left(&w));
    return names->bad ? sme_fail(err, SME_E_NO_MEMORY, "no memory for pending deletes") : SME_OK;
}

static int compare_names(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

static int read_sets(struct repo *repo, const struct source_keys *keys,
                     const struct store_names *objects, struct buf *names, struct sme_error *err)
{
    struct sealer *sealer = NULL;
    int status = SME_OK;

    for (size_t i = 0; i < objects->count && status == SME_OK; i++) {
        struct objkey key;
        objkey_parse(objects->at[i].key, &key);
        if (key.kind != OBJKEY_PENDING) {
            continue;
        }
        status = sealer != NULL ? SME_OK : sealer_new(keys, &sealer, err);
        if (status == SME_OK) {
            status = add_set(repo, keys, objects->at[i].key, sealer, names, err);
        }
    }
    sealer_free(sealer);
    return status;
}

int session_pending(struct repo *repo, const struct source_keys *keys,
                    const struct store_names *listed, uint8_t (**ret_names)[32], size_t *ret_count,
                    struct sme_error *err)
{
    struct store_names objects = {0};
    CLEANUP(buf_free) struct buf names = BUF_INIT(LIMIT_INDEX_OBJECT);
    objkey_text prefix;
    int status = SME_OK;

    if (listed == NULL) {
        objkey_prefix(OBJKEY_PENDING, keys->source, prefix);
        status = store_names(repo->store, prefix, &objects, err);
        listed = &objects;
    }
    if (status == SME_OK) {
        status = read_sets(repo, keys, listed, &names, err);
    }
    store_names_free(&objects);
    if (status < 0) {
        return status;
    }
    *ret_count = names.len / 32;
    if (*ret_count > 0) {
        qsort(names.data, *ret_count, 32, compare_names);
    }
    *ret_names = (uint8_t(*)[32])(void *)names.data;
    memset(&names, 0, sizeof names);
    return SME_OK;
}
