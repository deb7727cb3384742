/*
 * The index of one source: chunk id → place.  One local file, mapped and not loaded, merged from
 * the index objects of the repository; losing it costs time only.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Index object:  "SMEINDX1" || sealed (SEAL_INDEX, index key) of: u8 version 1, varint number of
 * packs, for each: name (32), varint size, varint length of the table, table (see pack.h).
 *
 * The local file (docs/format.md, "Local files") is checked as a whole when it is opened: header,
 * counts, a checksum over the arrays' geometry and the key of the source.
 */
#ifndef SME_REPO_INDEX_H
#define SME_REPO_INDEX_H

#include "pack.h"
#include "objkey.h"
#include "repo.h"

struct index_pack {
    uint8_t name[32];
    uint64_t size;
    uint32_t first_block, block_count;
    uint32_t first_run, run_count;
    uint8_t type; /* SEAL_DATA or SEAL_META */
    uint8_t reserved[7];
};

struct index_block {
    uint64_t offset;
    uint32_t pack;
    uint32_t stored_len;
    uint32_t plain_len;
    uint32_t first_chunk, chunk_count;
    uint32_t run; /* into the index's runs */
    uint8_t codec, level;
    uint8_t reserved[6];
};

struct index_chunk {
    uint8_t id[32];
    uint32_t len;
    uint32_t block;
};

struct index; /* immutable once open: any thread may look up */

/* What was put in one run, to be merged. */
struct index_addition {
    struct {
        uint8_t name[32];
        uint64_t size;
        struct pack_table table;
    } * packs;
    size_t count, cap;
};
void index_addition_free(struct index_addition *add);
/* Takes the table over (empties ${table}). */
int index_addition_add(struct index_addition *add, const uint8_t name[32], uint64_t size,
                       struct pack_table *table);

/*
 * Bring the local file in ${cache_dir} (NULL: keep it in memory) up to date with the repository's
 * index objects and map it.  Objects that the file does not know are fetched; if the file knows
 * objects that the repository no longer has, it is made anew.  Index objects that are missing
 * altogether while packs exist are not an error here (check reports it).  ${listed}: a listing that
 * has all index objects and may have others; NULL: it is made here.
 */
int index_open(struct repo *repo, const struct source_keys *keys, const char *cache_dir,
               const struct store_names *listed, struct index **ret_index, struct sme_error *err);
void index_free(struct index *index);

/* Write an index object for ${add} (name in ${ret_key}), time ${sec}. */
int index_put(struct repo *repo, const struct source_keys *keys, const struct index_addition *add,
              int64_t sec, objkey_text ret_key, struct sme_error *err);
/* Merge ${add} into the local file under the object name ${key}; the next index_open() finds it.
 * Failure costs time only. */
int index_merge_local(const struct index *index, const struct source_keys *keys,
                      const char *cache_dir, const struct index_addition *add, const char *key,
                      struct sme_error *err);

/* Decode an index object; for check. */
int index_object_decode(const struct source_keys *keys, const char *key, const struct buf *raw,
                        struct index_addition *ret_add, struct sme_error *err);

/* The chunk, or NULL. */
const struct index_chunk *index_find(const struct index *index, const struct chunk_id *id);
size_t index_pack_count(const struct index *index);
size_t index_block_count(const struct index *index);
const struct index_pack *index_pack_at(const struct index *index, uint32_t number);
const struct index_block *index_block_at(const struct index *index, uint32_t number);
/* The chunks of a block, in order. */
const struct index_chunk *index_chunks_of(const struct index *index,
                                          const struct index_block *block);
const uint8_t *index_run_enc(const struct index *index, uint32_t run);
/* Object names that were merged. */
size_t index_object_count(const struct index *index);
const char *index_object_name(const struct index *index, size_t number);

#endif
