/*
 * Is this chunk stored already?  In the repository, or claimed by this run.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "dedup.h"

#include "../base/hashmap.h"
#include "../repo/inventory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SHARDS 16

struct shard {
    pthread_mutex_t lock;
    struct hashmap claimed; /* lock */
};

/* A struct, so that free() need not cast the qualifier away. */
struct reach_mark {
    atomic_uchar is_set;
};

struct dedup {
    const struct index *index;
    bool *absent;               /* by pack number; set once */
    struct reach_mark *reached; /* by pack number */
    struct shard shards[SHARDS];
};

int dedup_new(const struct index *index, const bool *absent, struct dedup **ret_dedup,
              struct sme_error *err)
{
    struct dedup *dedup = calloc(1, sizeof *dedup);
    size_t packs = index_pack_count(index);

    if (dedup == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for deduplication");
    }
    dedup->index = index;
    dedup->absent = calloc(packs + 1, sizeof *dedup->absent);
    dedup->reached = calloc(packs + 1, sizeof *dedup->reached);
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_init(&dedup->shards[i].lock, NULL);
    }
    if (dedup->absent == NULL || dedup->reached == NULL) {
        dedup_free(dedup);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for deduplication");
    }
    if (absent != NULL) {
        memcpy(dedup->absent, absent, packs * sizeof *absent);
    }
    *ret_dedup = dedup;
    return SME_OK;
}

void dedup_free(struct dedup *dedup)
{
    if (dedup != NULL) {
        for (size_t i = 0; i < SHARDS; i++) {
            hashmap_free(&dedup->shards[i].claimed);
            (void)pthread_mutex_destroy(&dedup->shards[i].lock);
        }
        free(dedup->absent);
        free(dedup->reached);
        free(dedup);
    }
}

bool dedup_in_repository(struct dedup *dedup, const struct chunk_id *id)
{
    const struct index_chunk *chunk = index_find(dedup->index, id);

    if (chunk == NULL) {
        return false;
    }
    uint32_t pack = index_block_at(dedup->index, chunk->block)->pack;
    if (dedup->absent[pack]) {
        return false;
    }
    if (atomic_load_explicit(&dedup->reached[pack].is_set, memory_order_relaxed) == 0) {
        atomic_store_explicit(&dedup->reached[pack].is_set, 1, memory_order_relaxed);
    }
    return true;
}

int dedup_claim(struct dedup *dedup, const struct chunk_id *id, struct sme_error *err)
{
    if (dedup_in_repository(dedup, id)) {
        return 0;
    }
    /* The table hashes by the first bytes of the id; the last one picks the shard. */
    struct shard *shard = &dedup->shards[id->bytes[31] % SHARDS];
    (void)pthread_mutex_lock(&shard->lock);
    int added = hashmap_add(&shard->claimed, id->bytes, 1, NULL);
    (void)pthread_mutex_unlock(&shard->lock);
    return added < 0 ? sme_fail(err, SME_E_NO_MEMORY, "no memory for deduplication") : added;
}

void dedup_reach(const struct dedup *dedup, struct buf *out)
{
    for (uint32_t i = 0; i < index_pack_count(dedup->index); i++) {
        if (dedup->reached[i].is_set != 0) {
            buf_add(out, index_pack_at(dedup->index, i)->name, 32);
        }
    }
}

bool dedup_reaches_any(const struct dedup *dedup, const uint8_t (*pending)[32],
                       size_t pending_count)
{
    for (uint32_t i = 0; i < index_pack_count(dedup->index); i++) {
        if (dedup->reached[i].is_set != 0 &&
            inventory_is_pending(pending, pending_count, index_pack_at(dedup->index, i)->name)) {
            return true;
        }
    }
    return false;
}
