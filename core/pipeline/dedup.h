/*
 * Is this chunk stored already?  In the repository, or claimed by this run.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Every call may come from any thread.
 */
#ifndef SME_PIPELINE_DEDUP_H
#define SME_PIPELINE_DEDUP_H

#include "../repo/index.h"

struct dedup;

/* ${absent}: by pack number, packs whose chunks count as not there (see inventory.h); copied; may
 * be NULL. */
int dedup_new(const struct index *index, const bool *absent, struct dedup **ret_dedup,
              struct sme_error *err);
void dedup_free(struct dedup *dedup);

/* 1: the chunk is new and the caller has claimed it: store it.  0: it is known, its pack is now
 * needed by the snapshot.  < 0: no memory. */
int dedup_claim(struct dedup *dedup, const struct chunk_id *id, struct sme_error *err);
/* Is the chunk in the repository (not: claimed by this run)?  If so its pack is needed. */
bool dedup_in_repository(struct dedup *dedup, const struct chunk_id *id);

/* Packs of the repository that this run's snapshot needs, appended to ${out} as names of 32
 * bytes each. */
void dedup_reach(const struct dedup *dedup, struct buf *out);
/* Does one of ${pending} belong to them? */
bool dedup_reaches_any(const struct dedup *dedup, const uint8_t (*pending)[32],
                       size_t pending_count);

#endif
