/*
 * From new chunks to sealed, verified blocks.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "blocks.h"

#include "../base/cleanup.h"
#include "../base/limits.h"

#include <stdlib.h>

struct scratch {
    uint8_t *data;
    size_t cap;
};

struct block_sealer {
    struct block_sealer_params params;
    struct sealer *sealer;
    struct codec *codec;
    struct checksum *check; /* of what was opened again */
    struct scratch packed, sealed, opened, plain;
};

int block_sealer_new(const struct block_sealer_params *params, struct block_sealer **ret_sealer,
                     struct sme_error *err)
{
    struct block_sealer *sealer = calloc(1, sizeof *sealer);

    if (sealer == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for blocks");
    }
    sealer->params = *params;
    int status = sealer_new(params->keys, &sealer->sealer, err);
    if (status == SME_OK) {
        status = codec_new(params->level, &sealer->codec, err);
    }
    if (status == SME_OK) {
        status = checksum_new(&sealer->check, err);
    }
    if (status < 0) {
        block_sealer_free(sealer);
        return status;
    }
    *ret_sealer = sealer;
    return SME_OK;
}

void block_sealer_free(struct block_sealer *sealer)
{
    if (sealer != NULL) {
        sealer_free(sealer->sealer);
        codec_free(sealer->codec);
        checksum_free(sealer->check);
        free(sealer->packed.data);
        free(sealer->sealed.data);
        free(sealer->opened.data);
        free(sealer->plain.data);
        free(sealer);
    }
}

struct sealer *block_sealer_ids(struct block_sealer *sealer)
{
    return sealer->sealer;
}

struct codec *block_sealer_codec(struct block_sealer *sealer)
{
    return sealer->codec;
}

static bool make_room(struct scratch *scratch, size_t need)
{
    if (need > scratch->cap) {
        /* The content is not kept, so free first: the peak stays low. */
        free(scratch->data);
        scratch->data = malloc(need);
        scratch->cap = scratch->data != NULL ? need : 0;
    }
    return scratch->data != NULL;
}

/* Open the sealed bytes again: are they what ${expected} was computed from, when the ids were? */
static int verify(struct block_sealer *s, const struct block_facts *facts,
                  const uint8_t expected[CHECKSUM_BYTES], struct sme_error *err)
{
    const uint8_t *plain = s->opened.data;
    uint8_t found[CHECKSUM_BYTES];
    struct sme_error why = SME_ERROR_INIT;
    bool good =
        open_block(s->sealer, s->params.run, facts, s->sealed.data, s->opened.data, &why) == SME_OK;

    if (good && facts->codec == CODEC_ZSTD) {
        good = codec_expand(s->codec, s->opened.data, facts->stored_len, s->plain.data,
                            facts->plain_len);
        plain = s->plain.data;
    }
    good = good && checksum_add(s->check, plain, facts->plain_len) == SME_OK &&
           checksum_finish(s->check, found) == SME_OK && memcmp(found, expected, sizeof found) == 0;
    if (!good) {
        (void)sme_fail(
            err, SME_E_CORRUPT,
            "a block did not survive sealing: what was read is not what would be stored");
        return error_hint(err,
                          "this machine's memory or CPU is faulty, or zstd or OpenSSL is: test "
                          "the memory; nothing was committed");
    }
    return SME_OK;
}

int block_put(struct block_sealer *s, struct checksum *check, const uint8_t *data,
              const struct block_chunk *chunks, uint32_t count, bool raw, struct sme_error *err)
{
    uint8_t expected[CHECKSUM_BYTES];
    size_t plain_len = 0;
    size_t stored_len = 0;
    const uint8_t *stored = data;

    for (uint32_t i = 0; i < count; i++) {
        plain_len += chunks[i].len;
    }
    if (count == 0) {
        return SME_OK;
    }
    int checked = checksum_finish(check, expected);
    if (checked < 0) {
        return sme_fail(err, checked, "cannot compute a checksum");
    }
    if (!raw && codec_level(s->codec) != CODEC_OFF) {
        size_t bound = codec_bound(plain_len);
        if (!make_room(&s->packed, bound)) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for a block");
        }
        int status =
            codec_compress(s->codec, data, plain_len, s->packed.data, bound, &stored_len, err);
        if (status < 0) {
            return status;
        }
        stored = stored_len > 0 ? s->packed.data : data;
    }
    struct block_facts facts = {
        .type = s->params.type,
        .codec = stored_len > 0 ? CODEC_ZSTD : CODEC_RAW,
        .level = stored_len > 0 ? codec_level(s->codec) : 0,
        .plain_len = (uint32_t)plain_len,
        .stored_len = (uint32_t)(stored_len > 0 ? stored_len : plain_len),
        .chunks = chunks,
        .chunk_count = count,
    };
    if (!make_room(&s->sealed, (size_t)facts.stored_len + SEAL_TAG) ||
        !make_room(&s->opened, facts.stored_len) ||
        (facts.codec == CODEC_ZSTD && !make_room(&s->plain, plain_len))) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a block");
    }
    int status = seal_block(s->sealer, s->params.run, &facts, stored, s->sealed.data, err);
    if (status == SME_OK) {
        status = verify(s, &facts, expected, err);
    }
    if (status == SME_OK && s->params.packer != NULL) {
        status = packer_add(s->params.packer, &facts, s->sealed.data, err);
    }
    return status;
}

void open_block_init(struct open_block *block, struct block_sealer *sealer, bool raw)
{
    *block = (struct open_block){.sealer = sealer, .raw = raw};
}

void open_block_free(struct open_block *block)
{
    free(block->data);
    free(block->chunks);
    checksum_free(block->check);
    *block = (struct open_block){0};
}

uint8_t *open_block_space(struct open_block *block, size_t len, struct sme_error *err)
{
    if (block->len > 0 && block->len + len > BLOCK_TARGET && open_block_flush(block, err) < 0) {
        return NULL;
    }
    if (block->len + len > block->cap) {
        size_t cap = block->len + len > BLOCK_TARGET ? block->len + len : BLOCK_TARGET;
        uint8_t *grown = realloc(block->data, cap);
        if (grown == NULL) {
            (void)sme_fail(err, SME_E_NO_MEMORY, "no memory for a block");
            return NULL;
        }
        block->data = grown;
        block->cap = cap;
    }
    return block->data + block->len;
}

/* ${from}: the bytes that the id was computed from. */
static int add_chunk(struct open_block *block, const struct chunk_id *id, const uint8_t *from,
                     uint32_t len, struct sme_error *err)
{
    if (block->check == NULL) {
        int status = checksum_new(&block->check, err);
        if (status < 0) {
            return status;
        }
    }
    int status = checksum_add(block->check, from, len);
    if (status < 0) {
        return sme_fail(err, status, "cannot compute a checksum");
    }
    if (block->count == block->chunk_cap) {
        uint32_t cap = block->chunk_cap == 0 ? 256 : block->chunk_cap * 2;
        struct block_chunk *grown = reallocarray(block->chunks, cap, sizeof *grown);
        if (grown == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for a block");
        }
        block->chunks = grown;
        block->chunk_cap = cap;
    }
    block->chunks[block->count++] = (struct block_chunk){*id, len};
    block->len += len;
    return block->count == LIMIT_BLOCK_CHUNKS ? open_block_flush(block, err) : SME_OK;
}

int open_block_add(struct open_block *block, const struct chunk_id *id, uint32_t len,
                   struct sme_error *err)
{
    return add_chunk(block, id, block->data + block->len, len, err);
}

int open_block_copy(struct open_block *block, const struct chunk_id *id, const uint8_t *data,
                    uint32_t len, struct sme_error *err)
{
    uint8_t *at = open_block_space(block, len, err);

    if (at == NULL) {
        return err != NULL && err->status < 0 ? err->status : SME_E_NO_MEMORY;
    }
    memcpy(at, data, len);
    return add_chunk(block, id, data, len, err);
}

int open_block_flush(struct open_block *block, struct sme_error *err)
{
    int status = block_put(block->sealer, block->check, block->data, block->chunks, block->count,
                           block->raw, err);

    block->len = 0;
    block->count = 0;
    return status;
}
