/*
 * Sealing: blocks under a run key, and small objects under the index key or a run key.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Every message has a key of its own, so the nonce is zero and there is nothing to count:
 *
 *   block:   key = HMAC-SHA-256(run key, "sme-backup block 1" || type || codec || level ||
 *                  le32 plain length || le32 stored length || le32 chunk count ||
 *                  for each chunk: le32 length || id)
 *   object:  salt = HMAC-SHA-256(salt key, "sme-backup salt 1" || type || plaintext)
 *            key = HMAC-SHA-256(given key, "sme-backup object 1" || type || salt)
 *            stored as salt (32) || ciphertext || tag (16)
 *
 * AES-256-GCM; associated data = "sme1" || type || repository id || le32 length of the source's
 * name || name || le64 plain length || le64 stored length (without tag).
 */
#ifndef SME_CRYPTO_SEAL_H
#define SME_CRYPTO_SEAL_H

#include "keyring.h"

enum seal_type {
    SEAL_DATA = 1,
    SEAL_META = 2,
    SEAL_PACK_TABLE = 3,
    SEAL_INDEX = 4,
    SEAL_SNAPSHOT_HEAD = 5,
    SEAL_SNAPSHOT_REACH = 6,
    SEAL_SNAPSHOT_ROOT = 7,
    SEAL_SESSION = 8,
    SEAL_PENDING = 9,
    SEAL_TOMBSTONE = 10,
};

#define SEAL_TAG 16
#define SEAL_SALT 32
#define SEAL_OBJECT_OVERHEAD (SEAL_SALT + SEAL_TAG)

/* A chunk as it stands in a block. */
struct chunk_id {
    uint8_t bytes[32];
};
struct block_chunk {
    struct chunk_id id;
    uint32_t len;
};

/* What a block's key depends on. */
struct block_facts {
    uint8_t type;  /* SEAL_DATA or SEAL_META */
    uint8_t codec; /* 0 raw, 1 zstd          */
    uint8_t level; /* of zstd, 0 for raw     */
    uint32_t plain_len;
    uint32_t stored_len; /* after the codec, without tag */
    const struct block_chunk *chunks;
    uint32_t chunk_count;
};

/* Contexts of one thread for one source. */
struct sealer;
int sealer_new(const struct source_keys *keys, struct sealer **ret_sealer, struct sme_error *err);
void sealer_free(struct sealer *sealer); /* wipes; accepts NULL */

/* Chunk id = HMAC-SHA-256(id key, plaintext). */
int sealer_chunk_id(struct sealer *sealer, const void *data, size_t len, struct chunk_id *ret_id);

/* ${out}: facts->stored_len + SEAL_TAG bytes; may not overlap ${in}. */
int seal_block(struct sealer *sealer, const struct run_key *run, const struct block_facts *facts,
               const void *in, uint8_t *out, struct sme_error *err);
/* ${in}: stored_len + SEAL_TAG bytes; ${out}: stored_len.  SME_E_CORRUPT if it is not genuine. */
int open_block(struct sealer *sealer, const struct run_key *run, const struct block_facts *facts,
               const uint8_t *in, void *out, struct sme_error *err);

/* Append the sealed form of ${plain} to ${out} (a struct buf).  ${key}: &source_keys.index for
 * what a write-only host must be able to read, &run_key.key for what only a reader may. */
int seal_object(struct sealer *sealer, const struct secret *key, enum seal_type type,
                const void *plain, size_t len, struct buf *out, struct sme_error *err);
/* Append the plaintext to ${out}. */
int open_object(struct sealer *sealer, const struct secret *key, enum seal_type type,
                const void *sealed, size_t len, struct buf *out, struct sme_error *err);

#endif
