/*
 * Growable bytes with a mandatory limit.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "buf.h"
#include "cleanup.h"
#include "secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 64

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf)BUF_INIT(max);
}

void buf_free(struct buf *b)
{
    free(b->data);
    buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
    if (b->data != NULL)
        secret_wipe(b->data, b->cap);
    buf_free(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->bad = false;
}

bool buf_reserve(struct buf *b, size_t more)
{
    if (b->bad)
        return false;
    if (more <= b->cap - b->len)
        return true;
    if (b->len > b->max || more > b->max - b->len) {
        b->bad = true;
        return false;
    }

    size_t need = b->len + more;
    size_t cap = b->cap < SMALLEST ? SMALLEST : b->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
    if (cap > b->max)
        cap = b->max;

    /* One byte more than said, so that buf_text() always has room for its NUL. */
    uint8_t *data = cap < SIZE_MAX ? realloc(b->data, cap + 1) : NULL;
    if (data == NULL) {
        b->bad = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (len > 0 && buf_reserve(b, len)) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
}

void buf_add_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_fmt(struct buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;

    if (b->bad)
        return;
    va_start(ap, fmt);
    va_copy(again, ap);
    int printed = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (printed < 0) {
        b->bad = true;
    } else if ((size_t)printed < sizeof small) {
        buf_add(b, small, (size_t)printed);
    } else {
        CLEANUP(free_ptr) char *text = NULL;
        if (vasprintf(&text, fmt, again) == printed) {
            buf_add(b, text, (size_t)printed);
        } else {
            text = NULL;
            b->bad = true;
        }
    }
    va_end(again);
}

uint8_t *buf_grow(struct buf *b, size_t len)
{
    /* An empty request on an empty buffer still has to give an address. */
    if (!buf_reserve(b, len) || (b->data == NULL && !buf_reserve(b, b->max > 0 ? 1 : 0)))
        return NULL;
    if (b->data == NULL)
        return NULL;
    uint8_t *at = b->data + b->len;
    b->len += len;
    return at;
}

const char *buf_text(struct buf *b)
{
    if (b->bad || b->data == NULL)
        return "";
    b->data[b->len] = '\0';
    return (const char *)b->data;
}

void buf_u8(struct buf *b, uint8_t v)
{
    buf_add(b, &v, sizeof v);
}

static void add_le(struct buf *b, uint64_t v, size_t bytes)
{
    uint8_t out[8];

    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)v;
        v >>= 8;
    }
    buf_add(b, out, bytes);
}

void buf_le16(struct buf *b, uint16_t v)
{
    add_le(b, v, 2);
}

void buf_le32(struct buf *b, uint32_t v)
{
    add_le(b, v, 4);
}

void buf_le64(struct buf *b, uint64_t v)
{
    add_le(b, v, 8);
}

void buf_varint(struct buf *b, uint64_t v)
{
    uint8_t out[10];
    size_t len = 0;

    while (v >= 0x80) {
        out[len++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[len++] = (uint8_t)v;
    buf_add(b, out, len);
}

void buf_zigzag(struct buf *b, int64_t v)
{
    uint64_t sign = v < 0 ? UINT64_MAX : 0;

    buf_varint(b, ((uint64_t)v << 1) ^ sign);
}
