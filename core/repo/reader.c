/*
 * Reading blocks and chunks.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "reader.h"

#include "../base/cleanup.h"
#include "../base/hex.h"
#include "../base/limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define REMEMBERED 4 /* plain blocks that a reader keeps */

/* Run keys are opened once per run (an X25519 operation) and shared by all threads. */
struct vault_runs {
    pthread_mutex_t lock;
    struct run_key *keys; /* lock */
    size_t count;         /* lock */
};

int vault_open(struct repo *repo, const char *source, const char *cache_dir,
               struct vault **ret_vault, struct sme_error *err)
{
    return vault_open_listed(repo, source, cache_dir, NULL, ret_vault, err);
}

int vault_open_listed(struct repo *repo, const char *source, const char *cache_dir,
                      const struct store_names *listed, struct vault **ret_vault,
                      struct sme_error *err)
{
    struct vault *vault = calloc(1, sizeof *vault);
    struct vault_runs *runs = calloc(1, sizeof *runs);

    if (vault == NULL || runs == NULL) {
        free(vault);
        free(runs);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to open '%s'", source);
    }
    (void)pthread_mutex_init(&runs->lock, NULL);
    vault->repo = repo;
    vault->private_data = runs;
    int status = source_keys_derive(&repo->keys, source, &vault->keys, err);
    if (status == SME_OK) {
        status = index_open(repo, &vault->keys, cache_dir, listed, &vault->index, err);
    }
    if (status < 0) {
        vault_free(vault);
        return error_context(err, "cannot open source '%s' of the repository", source);
    }
    *ret_vault = vault;
    return SME_OK;
}

void vault_free(struct vault *vault)
{
    if (vault == NULL) {
        return;
    }
    struct vault_runs *runs = vault->private_data;
    for (size_t i = 0; i < runs->count; i++) {
        secret_done(&runs->keys[i].key);
    }
    free(runs->keys);
    (void)pthread_mutex_destroy(&runs->lock);
    free(runs);
    index_free(vault->index);
    source_keys_done(&vault->keys);
    free(vault);
}

static int find_run_key(struct vault *vault, const uint8_t enc[32], struct run_key *ret_key,
                        struct sme_error *err)
{
    struct vault_runs *runs = vault->private_data;
    int status = SME_OK;

    (void)pthread_mutex_lock(&runs->lock);
    size_t at = 0;
    while (at < runs->count && memcmp(runs->keys[at].enc, enc, 32) != 0) {
        at++;
    }
    if (at == runs->count) {
        struct run_key *grown = reallocarray(runs->keys, runs->count + 1, sizeof *grown);
        if (grown == NULL) {
            status = sme_fail(err, SME_E_NO_MEMORY, "no memory for a run's key");
        } else {
            runs->keys = grown;
            status = run_key_open(&vault->repo->keys, &vault->keys, enc, &runs->keys[at], err);
            runs->count += status == SME_OK;
        }
    }
    if (status == SME_OK) {
        *ret_key = runs->keys[at];
    }
    (void)pthread_mutex_unlock(&runs->lock);
    return status;
}

struct remembered {
    const struct index_block *block; /* NULL: empty */
    uint8_t *plain;
    size_t cap;
    uint64_t used;
};

struct block_reader {
    struct vault *vault;
    struct sealer *sealer;
    ZSTD_DCtx *zstd;
    struct run_key run; /* the one used last */
    uint32_t run_number;
    bool has_run;
    uint64_t clock;
    struct remembered kept[REMEMBERED];
    uint8_t *sealed;
    size_t sealed_cap;
    uint8_t *opened;
    size_t opened_cap;
    struct block_chunk *chunks;
    size_t chunks_cap;
};

int block_reader_new(struct vault *vault, struct block_reader **ret_reader, struct sme_error *err)
{
    struct block_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL || (reader->zstd = ZSTD_createDCtx()) == NULL) {
        free(reader);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read blocks");
    }
    reader->vault = vault;
    int status = sealer_new(&vault->keys, &reader->sealer, err);
    if (status < 0) {
        block_reader_free(reader);
        return status;
    }
    *ret_reader = reader;
    return SME_OK;
}

void block_reader_free(struct block_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    for (size_t i = 0; i < REMEMBERED; i++) {
        free(reader->kept[i].plain);
    }
    free(reader->sealed);
    free(reader->opened);
    free(reader->chunks);
    sealer_free(reader->sealer);
    (void)ZSTD_freeDCtx(reader->zstd);
    secret_done(&reader->run.key);
    free(reader);
}

const struct vault *block_reader_vault(const struct block_reader *reader)
{
    return reader->vault;
}

static bool make_room(uint8_t **data, size_t *cap, size_t need)
{
    if (need > *cap) {
        uint8_t *grown = realloc(*data, need);
        if (grown == NULL) {
            return false;
        }
        *data = grown;
        *cap = need;
    }
    return true;
}

static void pack_name(const struct vault *vault, const struct index_block *block, objkey_text out)
{
    const struct index_pack *pack = index_pack_at(vault->index, block->pack);

    objkey_pack(vault->keys.source, pack->type == SEAL_META, pack->name, out);
}

static int damaged_block(const struct block_reader *reader, const struct index_block *block,
                         const char *what, struct sme_error *err)
{
    objkey_text name;

    pack_name(reader->vault, block, name);
    (void)sme_fail(err, SME_E_CORRUPT, "pack '%s' is damaged at byte %llu: %s", name,
                   (unsigned long long)block->offset, what);
    return error_hint(err, "'sme-backup check --read-data' lists all damage");
}

/* The block's facts, with its chunks copied from the index's form. */
static int facts_of(struct block_reader *reader, const struct index_block *block,
                    struct block_facts *ret_facts, struct sme_error *err)
{
    const struct index_chunk *from = index_chunks_of(reader->vault->index, block);

    if (block->chunk_count > reader->chunks_cap) {
        struct block_chunk *grown = reallocarray(reader->chunks, block->chunk_count, sizeof *grown);
        if (grown == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory to read a block");
        }
        reader->chunks = grown;
        reader->chunks_cap = block->chunk_count;
    }
    for (uint32_t i = 0; i < block->chunk_count; i++) {
        memcpy(reader->chunks[i].id.bytes, from[i].id, 32);
        reader->chunks[i].len = from[i].len;
    }
    *ret_facts = (struct block_facts){
        .type = index_pack_at(reader->vault->index, block->pack)->type,
        .codec = block->codec,
        .level = block->level,
        .plain_len = block->plain_len,
        .stored_len = block->stored_len,
        .chunks = reader->chunks,
        .chunk_count = block->chunk_count,
    };
    return SME_OK;
}

/* Open the sealed bytes into ${plain}, which has room for plain_len. */
static int open_into(struct block_reader *reader, const struct index_block *block,
                     const uint8_t *sealed, uint8_t *plain, struct sme_error *err)
{
    struct block_facts facts;
    bool raw = block->codec == CODEC_RAW;

    if (!reader->has_run || reader->run_number != block->run) {
        int found = find_run_key(reader->vault, index_run_enc(reader->vault->index, block->run),
                                 &reader->run, err);
        if (found < 0) {
            return found;
        }
        reader->run_number = block->run;
        reader->has_run = true;
    }
    int status = facts_of(reader, block, &facts, err);
    if (status < 0) {
        return status;
    }
    if (!raw && !make_room(&reader->opened, &reader->opened_cap, block->stored_len)) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read a block");
    }
    status =
        open_block(reader->sealer, &reader->run, &facts, sealed, raw ? plain : reader->opened, err);
    if (status == SME_E_CORRUPT) {
        return damaged_block(reader, block, "the block is not genuine", err);
    }
    if (status < 0 || raw) {
        return status;
    }
    size_t got = ZSTD_decompressDCtx(reader->zstd, plain, block->plain_len, reader->opened,
                                     block->stored_len);
    if (ZSTD_isError(got) || got != block->plain_len) {
        return damaged_block(reader, block, "the block does not decompress", err);
    }
    return SME_OK;
}

/* The slot for a new plain block: the one that was not used for the longest time. */
static struct remembered *oldest(struct block_reader *reader)
{
    struct remembered *slot = &reader->kept[0];

    for (size_t i = 1; i < REMEMBERED; i++) {
        if (reader->kept[i].used < slot->used) {
            slot = &reader->kept[i];
        }
    }
    return slot;
}

static int open_slot(struct block_reader *reader, const struct index_block *block,
                     const uint8_t *sealed, const uint8_t **ret_plain, struct sme_error *err)
{
    struct remembered *slot = oldest(reader);

    slot->block = NULL;
    if (!make_room(&slot->plain, &slot->cap, block->plain_len > 0 ? block->plain_len : 1)) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read a block");
    }
    int status = open_into(reader, block, sealed, slot->plain, err);
    if (status < 0) {
        return status;
    }
    slot->block = block;
    slot->used = ++reader->clock;
    *ret_plain = slot->plain;
    return SME_OK;
}

int block_open(struct block_reader *reader, const struct index_block *block, const uint8_t *sealed,
               const uint8_t **ret_plain, struct sme_error *err)
{
    return open_slot(reader, block, sealed, ret_plain, err);
}

int block_fetch(struct block_reader *reader, const struct index_block *block,
                const uint8_t **ret_plain, struct sme_error *err)
{
    size_t sealed_len = (size_t)block->stored_len + SEAL_TAG;
    objkey_text name;

    for (size_t i = 0; i < REMEMBERED; i++) {
        if (reader->kept[i].block == block) {
            reader->kept[i].used = ++reader->clock;
            *ret_plain = reader->kept[i].plain;
            return SME_OK;
        }
    }
    if (!make_room(&reader->sealed, &reader->sealed_cap, sealed_len)) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read a block");
    }
    pack_name(reader->vault, block, name);
    int status = store_get_range(reader->vault->repo->store, name, block->offset, reader->sealed,
                                 sealed_len, err);
    if (status == SME_E_NOT_FOUND) {
        (void)sme_fail(err, SME_E_CORRUPT, "pack '%s' is missing from sink '%s'", name,
                       store_name(reader->vault->repo->store));
        return error_hint(err, "'sme-backup check' lists all damage");
    }
    return status < 0 ? status : open_slot(reader, block, reader->sealed, ret_plain, err);
}

uint64_t index_chunk_offset(const struct index *index, const struct index_block *block,
                            uint32_t number)
{
    const struct index_chunk *chunks = index_chunks_of(index, block);
    uint64_t offset = 0;

    for (uint32_t i = 0; i < number; i++) {
        offset += chunks[i].len;
    }
    return offset;
}

int chunk_fetch(struct block_reader *reader, const struct block_chunk *chunk,
                const uint8_t **ret_data, struct sme_error *err)
{
    const struct index *index = reader->vault->index;
    const struct index_chunk *found = index_find(index, &chunk->id);
    const uint8_t *plain = NULL;

    if (found == NULL || (chunk->len != UINT32_MAX && found->len != chunk->len)) {
        char id[65];
        hex_encode(chunk->id.bytes, 32, id);
        (void)sme_fail(err, SME_E_CORRUPT, "chunk %.16s is not in the index of '%s'", id,
                       reader->vault->keys.source);
        return error_hint(err, "'sme-backup check' lists all damage");
    }
    const struct index_block *block = index_block_at(index, found->block);
    int status = block_fetch(reader, block, &plain, err);
    if (status < 0) {
        return status;
    }
    uint32_t number = (uint32_t)(found - index_chunks_of(index, block));
    *ret_data = plain + index_chunk_offset(index, block, number);
    return SME_OK;
}
