/*
 * Encoding the body of an item's record (format: item.h).
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_REPO_ITEM_ENCODE_H
#define SME_REPO_ITEM_ENCODE_H

#include "item.h"

/* What the body says besides content.  Nothing is owned. */
struct item_meta {
    uint32_t type;
    uint32_t flags; /* ITEM_FAILED, ITEM_CHANGED, ITEM_SKIPPED; the others follow from the rest */
    uint32_t mode, uid, gid;
    struct sme_time mtime, ctime;
    uint64_t size, ino, dev, nlink;
    const char *link_target; /* NULL if none */
    size_t link_len;
    uint32_t rdev_major, rdev_minor; /* devices only */
    const uint8_t *xattrs;           /* encoded: name length, name, value length, value ... */
    size_t xattrs_len;
    uint64_t xattr_count;
    const uint64_t *holes; /* pairs: data before, hole */
    size_t hole_count;
    const uint8_t *content; /* encoded section; NULL: no content */
    size_t content_len;
    const struct sme_extra *extras;
    size_t extra_count;
};

void item_encode_body(const struct item_meta *meta, struct buf *out);

#endif
