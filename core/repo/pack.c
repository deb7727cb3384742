/*
 * Pack tables: building, encoding, decoding with every bound checked.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "pack.h"

#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/wire.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_VERSION 1
#define MAX_RUNS 1024

void pack_table_free(struct pack_table *table)
{
    free(table->runs);
    free(table->blocks);
    free(table->chunks);
    memset(table, 0, sizeof *table);
}

void pack_table_clear(struct pack_table *table)
{
    table->block_count = 0;
    table->chunk_count = 0;
    table->run_count = 0;
}

int pack_table_add_run(struct pack_table *table, const uint8_t enc[32])
{
    if (table->run_count >= MAX_RUNS) {
        return SME_E_INVALID;
    }
    uint8_t(*grown)[32] = reallocarray(table->runs, table->run_count + 1, sizeof *grown);
    if (grown == NULL) {
        return SME_E_NO_MEMORY;
    }
    table->runs = grown;
    memcpy(table->runs[table->run_count++], enc, 32);
    return SME_OK;
}

static int grow(void **array, uint32_t *cap, size_t need, size_t width)
{
    if (need <= *cap) {
        return SME_OK;
    }
    size_t wanted = *cap == 0 ? 64 : (size_t)*cap * 2;
    if (wanted < need) {
        wanted = need;
    }
    void *grown = wanted <= UINT32_MAX ? reallocarray(*array, wanted, width) : NULL;
    if (grown == NULL) {
        return SME_E_NO_MEMORY;
    }
    *array = grown;
    *cap = (uint32_t)wanted;
    return SME_OK;
}

int pack_table_add_block(struct pack_table *table, const struct block_facts *facts, uint32_t run)
{
    if (grow((void **)&table->blocks, &table->block_cap, (size_t)table->block_count + 1,
             sizeof *table->blocks) < 0 ||
        grow((void **)&table->chunks, &table->chunk_cap,
             (size_t)table->chunk_count + facts->chunk_count, sizeof *table->chunks) < 0) {
        return SME_E_NO_MEMORY;
    }
    struct pack_block *block = &table->blocks[table->block_count];
    *block = (struct pack_block){
        .offset = pack_table_end(table),
        .stored_len = facts->stored_len,
        .plain_len = facts->plain_len,
        .first_chunk = table->chunk_count,
        .chunk_count = facts->chunk_count,
        .run = run,
        .codec = facts->codec,
        .level = facts->level,
    };
    memcpy(table->chunks + table->chunk_count, facts->chunks,
           facts->chunk_count * sizeof *facts->chunks);
    table->chunk_count += facts->chunk_count;
    table->block_count++;
    return SME_OK;
}

uint64_t pack_table_end(const struct pack_table *table)
{
    if (table->block_count == 0) {
        return PACK_HEAD;
    }
    const struct pack_block *last = &table->blocks[table->block_count - 1];
    return last->offset + last->stored_len + SEAL_TAG;
}

struct block_facts pack_block_facts(const struct pack_table *table, const struct pack_block *block)
{
    return (struct block_facts){
        .type = table->type,
        .codec = block->codec,
        .level = block->level,
        .plain_len = block->plain_len,
        .stored_len = block->stored_len,
        .chunks = table->chunks + block->first_chunk,
        .chunk_count = block->chunk_count,
    };
}

void pack_table_encode(const struct pack_table *table, struct buf *out)
{
    buf_u8(out, TABLE_VERSION);
    buf_u8(out, table->type);
    buf_varint(out, table->run_count);
    for (uint32_t i = 0; i < table->run_count; i++) {
        buf_add(out, table->runs[i], 32);
    }
    buf_varint(out, table->block_count);
    for (uint32_t i = 0; i < table->block_count; i++) {
        const struct pack_block *block = &table->blocks[i];
        buf_varint(out, block->stored_len);
        buf_varint(out, block->plain_len);
        buf_u8(out, block->codec);
        buf_u8(out, block->level);
        buf_varint(out, block->run);
        buf_varint(out, block->chunk_count);
        for (uint32_t c = 0; c < block->chunk_count; c++) {
            const struct block_chunk *chunk = &table->chunks[block->first_chunk + c];
            buf_varint(out, chunk->len);
            buf_add(out, chunk->id.bytes, sizeof chunk->id.bytes);
        }
    }
}

static bool decode_block(struct wire *w, struct pack_table *table)
{
    struct pack_block *block = &table->blocks[table->block_count];
    uint64_t sum = 0;
    uint64_t end = pack_table_end(table);

    block->offset = end;
    block->stored_len = (uint32_t)wire_varint_max(w, LIMIT_BLOCK_PLAIN);
    block->plain_len = (uint32_t)wire_varint_max(w, LIMIT_BLOCK_PLAIN);
    block->codec = wire_u8(w);
    block->level = wire_u8(w);
    block->run = (uint32_t)wire_varint_max(w, MAX_RUNS);
    block->chunk_count = (uint32_t)wire_varint_max(w, LIMIT_BLOCK_CHUNKS);
    block->first_chunk = table->chunk_count;
    /* Each chunk takes 33 bytes or more, so a false count cannot make us allocate much. */
    if (w->bad || block->codec > CODEC_ZSTD || block->run >= table->run_count ||
        block->chunk_count == 0 || block->chunk_count > wire_left(w) / 33 ||
        end + block->stored_len + SEAL_TAG > LIMIT_PACK ||
        (block->codec == CODEC_RAW && block->stored_len != block->plain_len)) {
        return false;
    }
    if (grow((void **)&table->chunks, &table->chunk_cap,
             (size_t)table->chunk_count + block->chunk_count, sizeof *table->chunks) < 0) {
        return false;
    }
    for (uint32_t c = 0; c < block->chunk_count; c++) {
        struct block_chunk *chunk = &table->chunks[table->chunk_count + c];
        chunk->len = (uint32_t)wire_varint_max(w, LIMIT_CHUNK);
        wire_copy(w, chunk->id.bytes, sizeof chunk->id.bytes);
        sum += chunk->len;
    }
    if (w->bad || sum != block->plain_len) {
        return false;
    }
    table->chunk_count += block->chunk_count;
    table->block_count++;
    return true;
}

int pack_table_decode(const void *data, size_t len, const char *name, struct pack_table *ret_table,
                      struct sme_error *err)
{
    CLEANUP(pack_table_free) struct pack_table table = {0};
    struct wire w = wire_of(data, len);
    uint8_t version = wire_u8(&w);

    table.type = wire_u8(&w);
    uint64_t runs = wire_varint_max(&w, MAX_RUNS);
    if (w.bad || version != TABLE_VERSION || (table.type != SEAL_DATA && table.type != SEAL_META) ||
        runs > wire_left(&w) / 32) {
        return sme_fail(err, SME_E_CORRUPT, "pack '%s': its table does not begin as one", name);
    }
    for (uint64_t i = 0; i < runs; i++) {
        const uint8_t *enc = wire_view(&w, 32);
        if (enc == NULL || pack_table_add_run(&table, enc) < 0) {
            return sme_fail(err, SME_E_CORRUPT, "pack '%s': its table of runs is damaged", name);
        }
    }
    uint64_t blocks = wire_varint_max(&w, LIMIT_PACK_BLOCKS);
    if (w.bad || blocks > wire_left(&w) / 38) {
        return sme_fail(err, SME_E_CORRUPT, "pack '%s': its table claims too many blocks", name);
    }
    if (blocks > 0 &&
        grow((void **)&table.blocks, &table.block_cap, (size_t)blocks, sizeof *table.blocks) < 0) {
        return sme_fail(err, SME_E_NO_MEMORY, "pack '%s': no memory for its table", name);
    }
    for (uint64_t i = 0; i < blocks; i++) {
        if (!decode_block(&w, &table)) {
            return sme_fail(err, SME_E_CORRUPT, "pack '%s': block %llu of its table is damaged",
                            name, (unsigned long long)i);
        }
    }
    if (wire_left(&w) != 0) {
        return sme_fail(err, SME_E_CORRUPT, "pack '%s': its table has bytes too many", name);
    }
    *ret_table = table;
    memset(&table, 0, sizeof table);
    return SME_OK;
}

int pack_seal_table(const struct pack_table *table, struct sealer *sealer,
                    const struct secret *index_key, struct buf *out, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(LIMIT_PACK_TABLE);
    size_t start = out->len;

    pack_table_encode(table, &plain);
    if (plain.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a pack's table");
    }
    int status = seal_object(sealer, index_key, SEAL_PACK_TABLE, plain.data, plain.len, out, err);
    if (status < 0) {
        return status;
    }
    buf_le32(out, (uint32_t)(out->len - start));
    buf_le32(out, 0);
    buf_add(out, PACK_TABLE_MAGIC, 8);
    return out->bad ? sme_fail(err, SME_E_NO_MEMORY, "no memory for a pack's table") : SME_OK;
}

int pack_open_table(const uint8_t *tail, size_t tail_len, uint64_t size, struct sealer *sealer,
                    const struct secret *index_key, const char *name, struct pack_table *ret_table,
                    size_t *ret_need, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(LIMIT_PACK_TABLE);

    *ret_need = 0;
    if (tail_len > size || tail_len < PACK_FOOT || size < PACK_HEAD + PACK_FOOT ||
        memcmp(tail + tail_len - 8, PACK_TABLE_MAGIC, 8) != 0) {
        return sme_fail(err, SME_E_CORRUPT, "pack '%s' does not end as a pack", name);
    }
    struct wire foot = wire_of(tail + tail_len - PACK_FOOT, 8);
    size_t sealed = wire_le32(&foot);
    uint32_t zero = wire_le32(&foot);
    if (zero != 0 || sealed < SEAL_OBJECT_OVERHEAD || sealed > LIMIT_PACK_TABLE ||
        sealed > size - PACK_HEAD - PACK_FOOT) {
        return sme_fail(err, SME_E_CORRUPT, "pack '%s': the length of its table is wrong", name);
    }
    if (sealed + PACK_FOOT > tail_len) {
        *ret_need = sealed + PACK_FOOT;
        return SME_OK;
    }
    int status = open_object(sealer, index_key, SEAL_PACK_TABLE,
                             tail + tail_len - PACK_FOOT - sealed, sealed, &plain, err);
    if (status < 0) {
        return error_context(err, "pack '%s': its table", name);
    }
    status = pack_table_decode(plain.data, plain.len, name, ret_table, err);
    if (status < 0) {
        return status;
    }
    if (pack_table_end(ret_table) + sealed + PACK_FOOT != size) {
        pack_table_free(ret_table);
        return sme_fail(err, SME_E_CORRUPT, "pack '%s': its blocks do not fill it", name);
    }
    return SME_OK;
}
