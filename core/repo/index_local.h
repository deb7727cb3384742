/*
 * The local index file: layout, mapping, building.  Private to index*.c.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * header | object names, each NUL-terminated | packs | runs | blocks | chunks | slots
 *
 * Sections begin at multiples of 8.  Slots are an open-addressing table of chunk numbers + 1, by
 * the first eight bytes of the id.  Byte order is the machine's: a file from elsewhere does not
 * pass the header's check and is made anew.
 */
#ifndef SME_REPO_INDEX_LOCAL_H
#define SME_REPO_INDEX_LOCAL_H

#include "index.h"

struct index_header {
    char magic[8];
    uint32_t byte_order;
    uint32_t version;
    uint8_t repository[16];
    uint64_t object_count, object_bytes;
    uint64_t pack_count, run_count, block_count, chunk_count;
    uint64_t slot_count; /* power of two, or 0 without chunks */
    uint64_t file_size;
    uint8_t mac[32]; /* HMAC(cache key, header with zeroes here || rest of the file) */
};

struct index {
    uint8_t *map;
    size_t map_size;
    const struct index_header *header;
    const char *objects;
    const char **object_names;
    const struct index_pack *packs;
    const uint8_t *runs; /* 32 bytes each */
    const struct index_block *blocks;
    const struct index_chunk *chunks;
    const uint32_t *slots;
};

#define INDEX_LOCAL_MAGIC "SMELIDX1"
#define INDEX_LOCAL_VERSION 1
#define INDEX_LOCAL_ORDER 0x01020304u

/* Path of the local file; false if it does not fit. */
bool index_local_path(const struct source_keys *keys, const char *cache_dir, char *out,
                      size_t out_size);

/* Map and check the file.  Anything wrong with it is SME_E_CORRUPT; no file: SME_E_NOT_FOUND. */
int index_local_map(int fd, const struct source_keys *keys, struct index **ret_index,
                    struct sme_error *err);

/* Write the union of ${old} (may be NULL) and ${add}, whose objects have the names ${objects}, to
 * ${fd}, an empty file. */
int index_local_build(const struct index *old, const struct source_keys *keys,
                      const struct index_addition *add, const char *const *objects,
                      size_t object_count, int fd, struct sme_error *err);

static inline uint64_t index_slot_hash(const uint8_t id[32])
{
    uint64_t hash;

    memcpy(&hash, id, sizeof hash);
    return hash;
}

#endif
