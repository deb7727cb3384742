/*
 * Reading: blocks, chunks, and the items of a snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_REPO_READER_H
#define SME_REPO_READER_H

#include "snapshot.h"

/* One source's part of a repository, opened for reading.  Immutable: any thread may use it. */
struct vault {
    struct repo *repo; /* not owned */
    struct source_keys keys;
    struct index *index;
    struct run_key *runs; /* opened when first needed, guarded by the vault */
    void *private_data;
};
/* ${cache_dir}: the program's cache folder, or NULL. */
int vault_open(struct repo *repo, const char *source, const char *cache_dir,
               struct vault **ret_vault, struct sme_error *err);
/* The same with a listing of the source's objects that was made already (see inventory.h). */
int vault_open_listed(struct repo *repo, const char *source, const char *cache_dir,
                      const struct store_names *listed, struct vault **ret_vault,
                      struct sme_error *err);
void vault_free(struct vault *vault);

/* Contexts and buffers of one thread. */
struct block_reader;
int block_reader_new(struct vault *vault, struct block_reader **ret_reader, struct sme_error *err);
void block_reader_free(struct block_reader *reader);
const struct vault *block_reader_vault(const struct block_reader *reader);

/* Open a block whose sealed bytes (stored_len + SEAL_TAG of them) are at ${sealed}: authenticate,
 * decompress.  *ret_plain (plain_len bytes; the chunks lie in it one after the other) belongs to
 * the reader and is valid until its next call. */
int block_open(struct block_reader *reader, const struct index_block *block, const uint8_t *sealed,
               const uint8_t **ret_plain, struct sme_error *err);
/* Fetch the block, then open it.  The last few are remembered. */
int block_fetch(struct block_reader *reader, const struct index_block *block,
                const uint8_t **ret_plain, struct sme_error *err);
/* One chunk, by id: pointer into the block that block_fetch() gave, ${len} must be its length.
 * SME_E_CORRUPT "chunk … is not in the index" if it is unknown. */
int chunk_fetch(struct block_reader *reader, const struct block_chunk *chunk,
                const uint8_t **ret_data, struct sme_error *err);
/* Where chunk ${number} of ${block} begins in the block's plaintext. */
uint64_t index_chunk_offset(const struct index *index, const struct index_block *block,
                            uint32_t number);

/*
 * Walk the items of a snapshot (root opened) in order.  ${prefix} not NULL: begin at that path,
 * and stop behind what is below it; only the item chunks that are needed are read.
 */
struct item_iter;
int item_iter_new(struct vault *vault, const struct snapshot *snapshot, const char *prefix,
                  struct item_iter **ret_iter, struct sme_error *err);
void item_iter_free(struct item_iter *iter);
/* 1: ${ret_view} is valid until the next call; 0: end; < 0: failure (damage names snapshot and
 * item chunk). */
int item_iter_next(struct item_iter *iter, struct item_view *ret_view, struct sme_error *err);

/*
 * Walk the references of an item's content down to level 0, in order.  ${reader} is used for list
 * chunks.  1, 0, < 0 as above.
 */
struct ref_iter {
    struct block_reader *reader;
    struct item_view view;
    struct {
        struct buf list; /* copy of a list chunk */
        struct wire at;
        uint64_t left;
    } levels[5];
    int depth;
};
int ref_iter_init(struct ref_iter *iter, struct block_reader *reader, const struct item_view *view,
                  struct sme_error *err);
int ref_iter_next(struct ref_iter *iter, struct block_chunk *ret_ref, struct sme_error *err);
void ref_iter_done(struct ref_iter *iter);

#endif
