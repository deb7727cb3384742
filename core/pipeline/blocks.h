/*
 * From new chunks to sealed, verified blocks.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A block_sealer holds one thread's contexts and scratch memory.  An open_block gathers chunks
 * until about BLOCK_TARGET bytes.  Before a block is handed to the packer it is opened again from
 * its sealed bytes, decompressed, and every chunk's id computed anew: a fault of memory, CPU or
 * library between reading and sealing stops the run instead of being stored.
 */
#ifndef SME_PIPELINE_BLOCKS_H
#define SME_PIPELINE_BLOCKS_H

#include "../crypto/checksum.h"
#include "codec.h"
#include "packer.h"

#define BLOCK_TARGET (1u << 20)

struct block_sealer;

struct block_sealer_params {
    const struct source_keys *keys;
    const struct run_key *run;
    struct packer *packer; /* NULL: blocks are made and dropped (dry run) */
    uint8_t type;          /* SEAL_DATA or SEAL_META */
    int level;             /* CODEC_OFF or zstd's */
};
int block_sealer_new(const struct block_sealer_params *params, struct block_sealer **ret_sealer,
                     struct sme_error *err);
void block_sealer_free(struct block_sealer *sealer);
struct sealer *block_sealer_ids(struct block_sealer *sealer); /* for sealer_chunk_id() */
struct codec *block_sealer_codec(struct block_sealer *sealer);

/* Seal ${count} chunks that lie one after the other at ${data}, and pass them on.  ${raw}: do not
 * try to compress.  To ${check} the same bytes were added, each chunk when its id was computed:
 * what was sealed is opened again and must have that checksum, otherwise SME_E_CORRUPT. */
int block_put(struct block_sealer *sealer, struct checksum *check, const uint8_t *data,
              const struct block_chunk *chunks, uint32_t count, bool raw, struct sme_error *err);

/* A block that is being filled by one thread. */
struct open_block {
    struct block_sealer *sealer;
    bool raw;
    struct checksum *check; /* of the content; NULL: none yet */
    uint8_t *data;
    size_t len, cap;
    struct block_chunk *chunks;
    uint32_t count, chunk_cap;
};
void open_block_init(struct open_block *block, struct block_sealer *sealer, bool raw);
void open_block_free(struct open_block *block);
/* Where ${len} bytes may be written behind what is there; puts the block first if it would
 * become larger than BLOCK_TARGET.  NULL on failure. */
uint8_t *open_block_space(struct open_block *block, size_t len, struct sme_error *err);
/* The next ${len} bytes behind the content are a new chunk. */
int open_block_add(struct open_block *block, const struct chunk_id *id, uint32_t len,
                   struct sme_error *err);
/* The same with bytes from elsewhere. */
int open_block_copy(struct open_block *block, const struct chunk_id *id, const uint8_t *data,
                    uint32_t len, struct sme_error *err);
/* Put what is there. */
int open_block_flush(struct open_block *block, struct sme_error *err);

#endif
