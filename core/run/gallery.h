/*
 * The gallery: one page of HTML with the photos and videos of a snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The page is made of what the snapshot knows of each photo (see photo.h) and needs nothing else:
 * no photo is read, and the page asks nobody for anything.  Its form is in gallery.html.
 */
#ifndef SME_RUN_GALLERY_H
#define SME_RUN_GALLERY_H

#include "../pipeline/restore_select.h"
#include "../repo/reader.h"

struct gallery_counts {
    uint64_t items;  /* of the snapshot that were looked at   */
    uint64_t photos; /* of the page, without videos           */
    uint64_t videos;
    uint64_t damaged;  /* of both                               */
    uint64_t previews; /* photos and videos that have a picture */
    uint64_t bytes;    /* of the page                           */
};

struct gallery_request {
    struct vault *vault;
    const struct snapshot *snapshot; /* root opened */
    struct select *select;           /* what shall be on it; notes which patterns matched */
    const char *const *restore;      /* words of the command that restores: "sme-backup", ...,
                                        "restore", "photos@NAME"; the page adds the rest */
    size_t restore_count;
    const char *path;
    bool overwrite;                                                      /* what is there already */
    void (*progress)(void *cookie, const struct gallery_counts *so_far); /* may be NULL */
    void *cookie;
};

/*
 * Write the page to ${request}->path, whole or not at all, for the calling user only.  It exists:
 * SME_E_EXISTS, unless it is to be overwritten.  No photo, or a pattern that matched nothing:
 * SME_E_NOT_FOUND.  Previews are not held in memory, but lie in a file without a name beside it
 * until they are in the page.
 */
int gallery_write(const struct gallery_request *request, struct gallery_counts *ret_counts,
                  struct sme_error *err);

#endif
