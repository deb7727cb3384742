/*
 * Packs: immutable objects of many blocks with a sealed table at the end.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 *   "SMEPACK1"  blocks, each ciphertext || tag  sealed table  le32 length of the sealed table
 *   le32 zero  "SMETABL1"
 *
 * The name is the SHA-256 of all of it.  The table is sealed under the index key
 * (SEAL_PACK_TABLE), so that a lost index can be made again without the reader.
 *
 * Table: u8 version 1, u8 type (1 data, 2 meta), varint number of runs, each run's enc (32),
 * varint number of blocks, for each: varint stored length (without tag), varint plain length, u8
 * codec, u8 level, varint run, varint number of chunks, for each chunk: varint length, id (32).
 * Blocks lie without gaps from byte 8 on.
 */
#ifndef SME_REPO_PACK_H
#define SME_REPO_PACK_H

#include "../base/buf.h"
#include "../crypto/seal.h"

#define PACK_MAGIC "SMEPACK1"
#define PACK_TABLE_MAGIC "SMETABL1"
#define PACK_HEAD 8
#define PACK_FOOT 16

#define CODEC_RAW 0
#define CODEC_ZSTD 1

struct pack_block {
    uint64_t offset;     /* of the ciphertext in the pack      */
    uint32_t stored_len; /* without tag */
    uint32_t plain_len;
    uint32_t first_chunk; /* into pack_table.chunks */
    uint32_t chunk_count;
    uint32_t run;
    uint8_t codec;
    uint8_t level;
};

struct pack_table {
    uint8_t type; /* SEAL_DATA or SEAL_META */
    uint8_t (*runs)[32];
    uint32_t run_count;
    struct pack_block *blocks;
    uint32_t block_count, block_cap;
    struct block_chunk *chunks;
    uint32_t chunk_count, chunk_cap;
};

void pack_table_free(struct pack_table *table);
/* Forget blocks and chunks, keep memory. */
void pack_table_clear(struct pack_table *table);
int pack_table_add_run(struct pack_table *table, const uint8_t enc[32]);
/* Append a block; its offset follows from the one before. */
int pack_table_add_block(struct pack_table *table, const struct block_facts *facts, uint32_t run);
/* Bytes of the pack's head and blocks so far. */
uint64_t pack_table_end(const struct pack_table *table);

void pack_table_encode(const struct pack_table *table, struct buf *out);
/* All limits checked: lengths, counts, sums.  ${name} for messages. */
int pack_table_decode(const void *data, size_t len, const char *name, struct pack_table *ret_table,
                      struct sme_error *err);

/* Append table and foot, sealed, to ${out}. */
int pack_seal_table(const struct pack_table *table, struct sealer *sealer,
                    const struct secret *index_key, struct buf *out, struct sme_error *err);
/* Read the table from the last ${tail_len} bytes of a pack of ${size} bytes.  If the table is
 * longer than the tail: *ret_need is the tail length to come back with, result SME_OK and table
 * empty. */
int pack_open_table(const uint8_t *tail, size_t tail_len, uint64_t size, struct sealer *sealer,
                    const struct secret *index_key, const char *name, struct pack_table *ret_table,
                    size_t *ret_need, struct sme_error *err);

struct block_facts pack_block_facts(const struct pack_table *table, const struct pack_block *block);

#endif
