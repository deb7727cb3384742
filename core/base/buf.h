/*
 * Growable bytes with a mandatory limit, and writing of wire data into them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Appending fails softly: a buffer that would pass its limit, or for which there is no
 * memory, becomes ${bad} and ignores everything after.  Test ${bad} once, at the end.
 */
#ifndef SME_BASE_BUF_H
#define SME_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;
    bool bad;
};

#define BUF_INIT(limit)                                                                            \
    {                                                                                              \
        .max = (limit)                                                                             \
    }

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b); /* accepts a zeroed one; leaves it empty and usable */
void buf_wipe(struct buf *b); /* the same, overwriting the bytes first            */

/* Forget the content, keep the memory; ${bad} is cleared. */
void buf_clear(struct buf *b);

/* Make room for ${more} bytes behind the content.  False (and bad) if that is not possible. */
bool buf_reserve(struct buf *b, size_t more);

void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_str(struct buf *b, const char *text); /* without the terminating NUL */
void buf_add_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append ${len} bytes for the caller to fill; NULL if bad. */
uint8_t *buf_grow(struct buf *b, size_t len);
/* NUL behind the content (not counted); returns the text, or "" if bad. */
const char *buf_text(struct buf *b);

/* Wire data: little endian; varint is LEB128, at most ten bytes, shortest form only;
 * zigzag maps signed numbers as 0, -1, 1, -2, ... */
void buf_u8(struct buf *b, uint8_t v);
void buf_le16(struct buf *b, uint16_t v);
void buf_le32(struct buf *b, uint32_t v);
void buf_le64(struct buf *b, uint64_t v);
void buf_varint(struct buf *b, uint64_t v);
void buf_zigzag(struct buf *b, int64_t v);

#endif
