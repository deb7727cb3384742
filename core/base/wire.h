/*
 * Bounded reading of wire data with sticky failure.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Decode all fields, then test ${bad} in a statement of its own.  After a failure every read
 * gives zero.  Formats: see buf.h.
 */
#ifndef SME_BASE_WIRE_H
#define SME_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct wire wire_of(const void *data, size_t len)
{
    /* Nothing may be given as NULL, which must not be added to. */
    const uint8_t *at = (const uint8_t *)(len > 0 ? data : "");
    struct wire w = {at, at + len, false};
    return w;
}

static inline size_t wire_left(const struct wire *w)
{
    return (size_t)(w->end - w->at);
}

uint8_t wire_u8(struct wire *w);
uint16_t wire_le16(struct wire *w);
uint32_t wire_le32(struct wire *w);
uint64_t wire_le64(struct wire *w);
/* Varint; one longer than needed or above 64 bits is bad. */
uint64_t wire_varint(struct wire *w);
/* Varint that must be <= ${max}. */
uint64_t wire_varint_max(struct wire *w, uint64_t max);
int64_t wire_zigzag(struct wire *w);
/* Copy ${len} bytes; zeroes on failure. */
void wire_copy(struct wire *w, void *out, size_t len);
/* Pointer to the next ${len} bytes inside the input, or NULL (and bad). */
const uint8_t *wire_view(struct wire *w, uint64_t len);

#endif
