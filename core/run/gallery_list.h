/*
 * The photos of a gallery: what is kept of each, which belong together, and their order.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_GALLERY_LIST_H
#define SME_RUN_GALLERY_LIST_H

#include "photo.h"

#include <stdio.h>

/* Bytes within gallery_list.texts. */
struct gallery_text {
    size_t at;
    size_t len;
};

enum gallery_kind { GALLERY_PHOTO, GALLERY_RAW, GALLERY_OTHER, GALLERY_VIDEO, GALLERY_SIDECAR };

struct gallery_photo {
    struct gallery_text path, taken, camera, lens, keywords, format, damaged, preview_type;
    size_t group_len; /* of the path: what all of its group have in common */
    enum gallery_kind kind;
    int64_t when; /* yyyymmddhhmmss on the wall; 0: not known */
    uint64_t size;
    uint64_t preview_at; /* in gallery_list.previews */
    uint32_t preview_len;
    unsigned width, height, orientation;
    double lat, lon, duration; /* duration 0: not known */
    int rating;
    bool has_place, has_rating;
    bool along;              /* has no tile: it is restored with another one of its group */
    bool leads;              /* those of its group that have no tile come along with it, and
                                the film of a moving picture                              */
    size_t group, group_end; /* in gallery_list.groups */
};

struct gallery_list {
    struct buf texts;
    struct gallery_photo *at; /* in the order of the snapshot */
    size_t count, cap;
    struct gallery_photo **groups; /* all, by group              */
    struct gallery_photo **tiles;  /* those with a tile, in order */
    size_t tile_count;
    FILE *previews; /* NULL until there is one */
};

void gallery_list_init(struct gallery_list *list);
void gallery_list_done(struct gallery_list *list);

/* One more; its preview is written to a file without a name in the folder ${folder_fd}. */
int gallery_list_add(struct gallery_list *list, const struct item_view *item,
                     const struct photo *photo, int folder_fd, struct sme_error *err);

/* When all are there: find what belongs together, and make ${list}->tiles: newest first, those
 * without a date at the end. */
int gallery_list_sort(struct gallery_list *list, struct sme_error *err);

#endif
