/*
 * Session markers: "a run of this source is going on", for prune.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * "SMESESS1" || sealed (SEAL_SESSION, index key) of: u8 version 1, zigzag start in ns, text host.
 * A marker is removed after the commit or abort; one that could not be removed (a role without
 * delete, a killed run) is ignored when the sink's clock says that it is older than 48 h.
 */
#ifndef SME_REPO_SESSION_H
#define SME_REPO_SESSION_H

#include "objkey.h"
#include "repo.h"

#define SESSION_MAX_HOURS 48

/* Put the marker of the run that will make the snapshot ${name}. */
int session_begin(struct repo *repo, const struct source_keys *keys, const char *name,
                  const char *host, int64_t started_ns, struct sme_error *err);
/* Remove it; a refusal is no failure. */
void session_end(struct repo *repo, const struct source_keys *keys, const char *name);

/*
 * Packs that a prune has marked for deletion: they count as absent.  ${listed}: a listing that has
 * the sets, NULL: it is made here.  ${ret_names}: sorted names
 * (32 bytes each), to be freed.  Set objects: "<source>/gc/pending-<time>-<id>": "SMEPEND1" ||
 * sealed (SEAL_PENDING, index key) of: u8 version 1, varint count, names (32).
 */
int session_pending(struct repo *repo, const struct source_keys *keys,
                    const struct store_names *listed, uint8_t (**ret_names)[32], size_t *ret_count,
                    struct sme_error *err);

#endif
