/*
 * Walking what the user selected of a snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_RESTORE_WALK_H
#define SME_PIPELINE_RESTORE_WALK_H

#include "../repo/reader.h"
#include "restore_select.h"

#define RESTORE_WALK_PATHS 64 /* with more of them, reading all items once is quicker */

/* 0: go on; < 0: the walk ends with it. */
typedef int restore_visit(void *cookie, const struct item_view *view, bool selected,
                          struct sme_error *err);

/* Visit the items in order, also those that are not selected where finding out needs them.  When
 * the selection is a list of paths, only the neighbourhood of each is read. */
int restore_walk(struct vault *vault, const struct snapshot *snapshot, struct select *select,
                 restore_visit *visit, void *cookie, struct sme_error *err);
/* SME_E_NOT_FOUND naming a pattern that matched nothing in the walk; else SME_OK. */
int restore_walk_matched(const struct select *select, const struct snapshot *snapshot,
                         struct sme_error *err);
/* Is the walk one of single paths, so that their parents are not visited? */
static inline bool restore_walk_is_short(const struct select *select)
{
    return select->only_paths && !select->everything && select->count <= RESTORE_WALK_PATHS;
}

#endif
