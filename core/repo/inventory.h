/*
 * What the repository holds of one source, by one listing: packs, index objects, gc.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A backup reads it once, behind its session marker.  Packs that the index names and the listing
 * does not have (lost, or removed because they were damaged) count as absent, so that a run stores
 * again what it can instead of referring to nothing.
 */
#ifndef SME_REPO_INVENTORY_H
#define SME_REPO_INVENTORY_H

#include "index.h"

/* List all objects "<source>/…"; release with store_names_free(). */
int inventory_read(struct repo *repo, const struct source_keys *keys, struct store_names *ret_names,
                   struct sme_error *err);

/* By pack number of ${index}: true for packs that are not in ${names} with their size (NULL: all
 * are there), and for those in ${pending} (sorted).  free() it; NULL on no memory. */
bool *inventory_absent(const struct store_names *names, const struct source_keys *keys,
                       const struct index *index, const uint8_t (*pending)[32],
                       size_t pending_count);

/* Is ${name} one of the sorted ${pending}? */
bool inventory_is_pending(const uint8_t (*pending)[32], size_t count, const uint8_t name[32]);

#endif
