/*
 * Finding photos and other items of a snapshot, with what belongs to them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_PHOTO_PICK_H
#define SME_RUN_PHOTO_PICK_H

#include "../pipeline/restore_select.h"
#include "../repo/reader.h"
#include "photo_filter.h"

struct photo_pick_request {
    struct vault *vault;
    const struct snapshot *snapshot; /* root opened */
    struct select *select;           /* of paths; notes which patterns matched */
    const struct photo_filter *filter;
    bool alone; /* not the others of a photo's group */
};

struct photo_picked {
    const struct item_view *item;
    const struct photo *photo; /* NULL: nothing is known of it */
    bool came_along;           /* it is here because another of its group was found */
};

/* < 0 ends the walk. */
typedef int photo_pick_fn(void *cookie, const struct photo_picked *picked, struct sme_error *err);

/*
 * Call ${visit} with every item that the paths select and the filter lets through, in the order of
 * paths; and, unless alone, with all photos that share the group (photo_group()) of one that was
 * found.  Takes two walks then, and memory for the groups that were found.
 */
int photo_pick(const struct photo_pick_request *request, photo_pick_fn *visit, void *cookie,
               struct sme_error *err);

#endif
