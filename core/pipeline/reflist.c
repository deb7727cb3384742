/*
 * The content section of an item.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "reflist.h"

#include "../base/cleanup.h"

#include <stdlib.h>

#define LIST_MIN 64
#define LIST_MAX 512
#define LIST_MASK 0x7f
#define MAX_LEVEL 4

/* A reference above level 0: the bytes of file data below it may pass 32 bits. */
struct wide_ref {
    struct chunk_id id;
    uint64_t len;
};

static size_t cut(const struct wide_ref *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i + 1 >= LIST_MIN && (refs[i].id.bytes[31] & LIST_MASK) == 0) {
            return i + 1;
        }
        if (i + 1 == LIST_MAX) {
            return LIST_MAX;
        }
    }
    return count;
}

static void put_refs(const struct wide_ref *refs, size_t count, struct buf *out)
{
    buf_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        buf_varint(out, refs[i].len);
        buf_add(out, refs[i].id.bytes, sizeof refs[i].id.bytes);
    }
}

/* Store the lists of one level; ${refs} becomes the level above, in place. */
static int store_level(struct itemstream *stream, struct wide_ref *refs, size_t *count,
                       struct sme_error *err)
{
    CLEANUP(buf_free) struct buf list = BUF_INIT(64 * 1024);
    size_t done = 0;
    size_t above = 0;

    while (done < *count) {
        size_t n = cut(refs + done, *count - done);
        struct wide_ref up = {.len = 0};
        for (size_t i = 0; i < n; i++) {
            up.len += refs[done + i].len;
        }
        buf_clear(&list);
        put_refs(refs + done, n, &list);
        if (list.bad) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for a list of chunks");
        }
        int status = itemstream_put_list(stream, list.data, list.len, &up.id, err);
        if (status < 0) {
            return status;
        }
        done += n;
        refs[above++] = up;
    }
    *count = above;
    return SME_OK;
}

int reflist_encode(struct itemstream *stream, const struct block_chunk *refs, size_t count,
                   struct buf *out, struct sme_error *err)
{
    uint8_t level = 0;

    if (count < LIST_MIN) { /* nearly every file: no list can be cut */
        buf_u8(out, level);
        buf_varint(out, count);
        for (size_t i = 0; i < count; i++) {
            buf_varint(out, refs[i].len);
            buf_add(out, refs[i].id.bytes, sizeof refs[i].id.bytes);
        }
        return out->bad ? sme_fail(err, SME_E_NO_MEMORY, "no memory for an item's record") : SME_OK;
    }
    CLEANUP(free_ptr) struct wide_ref *wide = calloc(count, sizeof *wide);
    if (wide == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a list of chunks");
    }
    for (size_t i = 0; i < count; i++) {
        wide[i] = (struct wide_ref){refs[i].id, refs[i].len};
    }
    while (cut(wide, count) < count) {
        if (level == MAX_LEVEL) {
            return sme_fail(err, SME_E_INVALID, "a file has too many chunks");
        }
        int status = store_level(stream, wide, &count, err);
        if (status < 0) {
            return status;
        }
        level++;
    }
    buf_u8(out, level);
    put_refs(wide, count, out);
    return out->bad ? sme_fail(err, SME_E_NO_MEMORY, "no memory for an item's record") : SME_OK;
}
