/*
 * Scan for cut points, for any processor.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The rolling sum is kept in 64 bits and masked only where it is tested: what was shifted
 * beyond bit 15 never comes back.  S comes from a table that the compiler computes.
 */
#include "chunker_scan.h"

#define GEAR_1(b) ((((unsigned)(b) + GEAR_ADD) * GEAR_MULTIPLY_1) & 0xffffu)
#define GEAR_2(v) ((uint16_t)((((v) ^ ((v) >> GEAR_SHIFT)) * GEAR_MULTIPLY_2) & 0xffffu))
#define S1(b) GEAR_2(GEAR_1(b))
#define S4(b) S1(b), S1((b) + 1), S1((b) + 2), S1((b) + 3)
#define S16(b) S4(b), S4((b) + 4), S4((b) + 8), S4((b) + 12)
#define S64(b) S16(b), S16((b) + 16), S16((b) + 32), S16((b) + 48)

static const uint16_t gear[256] = {S64(0), S64(64), S64(128), S64(192)};

#define TESTED_BITS (0xffffu & ~(unsigned)(GEAR_LIMIT - 1))

size_t chunker_scan_portable(const struct chunker *c, const uint8_t *data, size_t from, size_t to,
                             uint64_t threshold)
{
    uint64_t h = 0;
    for (size_t i = from - (GEAR_WINDOW - 1); i < from; i++)
        h = 2 * h + gear[data[i]];
    for (size_t i = from; i < to; i++) {
        h = 2 * h + gear[data[i]];
        if (__builtin_expect((h & TESTED_BITS) == 0, 0) && chunker_confirm(c, data, i, threshold))
            return i;
    }
    return to;
}
