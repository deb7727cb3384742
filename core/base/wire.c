/*
 * Bounded reading of wire data.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "wire.h"

#include <string.h>

const uint8_t *wire_view(struct wire *w, uint64_t len)
{
    if (w->bad || len > wire_left(w)) {
        w->bad = true;
        return NULL;
    }
    const uint8_t *at = w->at;
    w->at += len;
    return at;
}

static uint64_t read_le(struct wire *w, size_t bytes)
{
    const uint8_t *at = wire_view(w, bytes);
    uint64_t v = 0;

    if (at == NULL)
        return 0;
    for (size_t i = bytes; i > 0; i--)
        v = v << 8 | at[i - 1];
    return v;
}

uint8_t wire_u8(struct wire *w)
{
    if (w->bad || w->at == w->end) {
        w->bad = true;
        return 0;
    }
    return *w->at++;
}

uint16_t wire_le16(struct wire *w)
{
    return (uint16_t)read_le(w, 2);
}

uint32_t wire_le32(struct wire *w)
{
    return (uint32_t)read_le(w, 4);
}

uint64_t wire_le64(struct wire *w)
{
    return read_le(w, 8);
}

uint64_t wire_varint(struct wire *w)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = wire_u8(w);
        if (w->bad)
            return 0;
        /* The tenth byte has room for one bit; a last byte of zero was not needed. */
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return v;
    }
    w->bad = true;
    return 0;
}

uint64_t wire_varint_max(struct wire *w, uint64_t max)
{
    uint64_t v = wire_varint(w);

    if (v > max) {
        w->bad = true;
        return 0;
    }
    return v;
}

int64_t wire_zigzag(struct wire *w)
{
    uint64_t v = wire_varint(w);

    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

void wire_copy(struct wire *w, void *out, size_t len)
{
    const uint8_t *at = wire_view(w, len);

    if (len == 0)
        return;
    if (at != NULL)
        memcpy(out, at, len);
    else
        memset(out, 0, len);
}
