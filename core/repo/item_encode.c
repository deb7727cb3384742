/*
 * Encoding the body of an item's record.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "item_encode.h"

#include <string.h>

static uint32_t flags_of(const struct item_meta *meta)
{
    uint32_t flags = meta->flags & (ITEM_FAILED | ITEM_CHANGED | ITEM_SKIPPED);

    if (meta->nlink > 1 && meta->type != SME_ITEM_DIRECTORY) {
        flags |= ITEM_HARDLINK;
    }
    if (meta->link_target != NULL) {
        flags |= ITEM_LINK;
    }
    if (meta->type == SME_ITEM_CHAR_DEVICE || meta->type == SME_ITEM_BLOCK_DEVICE) {
        flags |= ITEM_RDEV;
    }
    if (meta->xattr_count > 0) {
        flags |= ITEM_XATTRS;
    }
    if (meta->hole_count > 0) {
        flags |= ITEM_HOLES;
    }
    if (meta->content != NULL) {
        flags |= ITEM_CONTENT;
    }
    if (meta->extra_count > 0) {
        flags |= ITEM_EXTRAS;
    }
    return flags;
}

static void put_time(struct buf *out, struct sme_time time)
{
    buf_zigzag(out, time.sec);
    buf_varint(out, time.nsec);
}

static void put_text(struct buf *out, const char *text, size_t len)
{
    buf_varint(out, len);
    buf_add(out, text, len);
}

void item_encode_body(const struct item_meta *meta, struct buf *out)
{
    uint32_t flags = flags_of(meta);

    buf_u8(out, (uint8_t)meta->type);
    buf_varint(out, flags);
    buf_varint(out, meta->mode & 07777);
    buf_varint(out, meta->uid);
    buf_varint(out, meta->gid);
    put_time(out, meta->mtime);
    put_time(out, meta->ctime);
    buf_varint(out, meta->size);
    buf_varint(out, meta->ino);
    if ((flags & ITEM_HARDLINK) != 0) {
        buf_varint(out, meta->dev);
        buf_varint(out, meta->nlink);
    }
    if ((flags & ITEM_LINK) != 0) {
        put_text(out, meta->link_target, meta->link_len);
    }
    if ((flags & ITEM_RDEV) != 0) {
        buf_varint(out, meta->rdev_major);
        buf_varint(out, meta->rdev_minor);
    }
    if ((flags & ITEM_XATTRS) != 0) {
        buf_varint(out, meta->xattr_count);
        buf_add(out, meta->xattrs, meta->xattrs_len);
    }
    if ((flags & ITEM_HOLES) != 0) {
        buf_varint(out, meta->hole_count);
        for (size_t i = 0; i < meta->hole_count; i++) {
            buf_varint(out, meta->holes[i * 2]);
            buf_varint(out, meta->holes[i * 2 + 1]);
        }
    }
    if ((flags & ITEM_CONTENT) != 0) {
        buf_add(out, meta->content, meta->content_len);
    }
    if ((flags & ITEM_EXTRAS) != 0) {
        buf_varint(out, meta->extra_count);
        for (size_t i = 0; i < meta->extra_count; i++) {
            put_text(out, meta->extras[i].name, strlen(meta->extras[i].name));
            put_text(out, meta->extras[i].value, strlen(meta->extras[i].value));
        }
    }
}
