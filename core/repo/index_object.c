/*
 * Index objects: the packs of a run with their tables, sealed for the writer.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "index.h"

#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/wire.h"

#include <stdlib.h>
#include <string.h>

#define OBJECT_MAGIC "SMEINDX1"
#define OBJECT_VERSION 1

void index_addition_free(struct index_addition *add)
{
    for (size_t i = 0; i < add->count; i++) {
        pack_table_free(&add->packs[i].table);
    }
    free(add->packs);
    memset(add, 0, sizeof *add);
}

int index_addition_add(struct index_addition *add, const uint8_t name[32], uint64_t size,
                       struct pack_table *table)
{
    if (add->count == add->cap) {
        size_t cap = add->cap == 0 ? 16 : add->cap * 2;
        void *grown = reallocarray(add->packs, cap, sizeof *add->packs);
        if (grown == NULL) {
            return SME_E_NO_MEMORY;
        }
        add->packs = grown;
        add->cap = cap;
    }
    memcpy(add->packs[add->count].name, name, 32);
    add->packs[add->count].size = size;
    add->packs[add->count].table = *table;
    memset(table, 0, sizeof *table);
    add->count++;
    return SME_OK;
}

static int encode(const struct index_addition *add, struct buf *out, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf table = BUF_INIT(LIMIT_PACK_TABLE);

    buf_u8(out, OBJECT_VERSION);
    buf_varint(out, add->count);
    for (size_t i = 0; i < add->count; i++) {
        buf_clear(&table);
        pack_table_encode(&add->packs[i].table, &table);
        buf_add(out, add->packs[i].name, 32);
        buf_varint(out, add->packs[i].size);
        buf_varint(out, table.len);
        buf_add(out, table.data, table.len);
        if (table.bad || out->bad) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for an index object");
        }
    }
    return SME_OK;
}

int index_put(struct repo *repo, const struct source_keys *keys, const struct index_addition *add,
              int64_t sec, objkey_text ret_key, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(LIMIT_INDEX_OBJECT);
    CLEANUP(buf_free) struct buf raw = BUF_INIT(LIMIT_INDEX_OBJECT);
    struct sealer *sealer = NULL;
    uint8_t hash[32];

    int status = encode(add, &plain, err);
    if (status < 0 || (status = sealer_new(keys, &sealer, err)) < 0) {
        return status;
    }
    buf_add(&raw, OBJECT_MAGIC, 8);
    status = seal_object(sealer, &keys->index, SEAL_INDEX, plain.data, plain.len, &raw, err);
    sealer_free(sealer);
    if (status < 0 || (status = sha256_of(raw.data, raw.len, hash, err)) < 0) {
        return status;
    }
    objkey_index(keys->source, sec, hash, ret_key);
    return store_put(repo->store, ret_key, raw.data, raw.len, hash, true, err);
}

static int decode(const struct buf *plain, const char *key, struct index_addition *add,
                  struct sme_error *err)
{
    struct wire w = wire_of(plain->data, plain->len);
    uint8_t version = wire_u8(&w);
    uint64_t count = wire_varint_max(&w, wire_left(&w) / 34);

    if (w.bad || version != OBJECT_VERSION) {
        return sme_fail(err, SME_E_CORRUPT, "index object '%s' is not of version 1", key);
    }
    for (uint64_t i = 0; i < count; i++) {
        struct pack_table table = {0};
        const uint8_t *name = wire_view(&w, 32);
        uint64_t size = wire_varint_max(&w, LIMIT_PACK);
        uint64_t len = wire_varint_max(&w, LIMIT_PACK_TABLE);
        const uint8_t *bytes = wire_view(&w, len);
        if (w.bad || name == NULL || bytes == NULL) {
            return sme_fail(err, SME_E_CORRUPT, "index object '%s' is damaged", key);
        }
        int status = pack_table_decode(bytes, (size_t)len, key, &table, err);
        if (status < 0) {
            return error_context(err, "index object '%s'", key);
        }
        if (pack_table_end(&table) > size || index_addition_add(add, name, size, &table) < 0) {
            pack_table_free(&table);
            return sme_fail(err, SME_E_CORRUPT, "index object '%s': a pack's size is wrong", key);
        }
    }
    return wire_left(&w) == 0 ? SME_OK
                              : sme_fail(err, SME_E_CORRUPT, "index object '%s' is too long", key);
}

int index_object_decode(const struct source_keys *keys, const char *key, const struct buf *raw,
                        struct index_addition *ret_add, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(LIMIT_INDEX_OBJECT);
    struct index_addition add = {0};
    struct sealer *sealer = NULL;

    if (raw->len < 8 || memcmp(raw->data, OBJECT_MAGIC, 8) != 0) {
        return sme_fail(err, SME_E_CORRUPT, "index object '%s' does not begin as one", key);
    }
    int status = sealer_new(keys, &sealer, err);
    if (status < 0) {
        return status;
    }
    status =
        open_object(sealer, &keys->index, SEAL_INDEX, raw->data + 8, raw->len - 8, &plain, err);
    sealer_free(sealer);
    if (status < 0) {
        return error_context(err, "index object '%s'", key);
    }
    status = decode(&plain, key, &add, err);
    if (status < 0) {
        index_addition_free(&add);
        return status;
    }
    *ret_add = add;
    return SME_OK;
}
