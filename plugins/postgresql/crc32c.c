/*
 * CRC-32C: by the processor's instruction where it has one, else bit by bit in nibbles.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "crc32c.h"

#include <string.h>

#define POLYNOMIAL 0x82F63B78u /* reflected */

/* Four bits at a time: the table is small enough to be made on the spot. */
uint32_t crc32c_update_portable(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *at = data;
    uint32_t table[16];

    for (uint32_t i = 0; i < 16; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 4; bit++) {
            value = (value >> 1) ^ ((value & 1) != 0 ? POLYNOMIAL : 0);
        }
        table[i] = value;
    }
    crc = ~crc;
    for (; len > 0; len--, at++) {
        crc ^= *at;
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t update_sse42(uint32_t crc, const uint8_t *at,
                                                               size_t len)
{
    uint64_t state = ~crc & 0xFFFFFFFFu;

    for (; len >= 8; len -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        state = __builtin_ia32_crc32di(state, word);
    }
    uint32_t rest = (uint32_t)state;
    for (; len > 0; len--, at++) {
        rest = __builtin_ia32_crc32qi(rest, *at);
    }
    return ~rest;
}

uint32_t crc32c_update(uint32_t crc, const void *data, size_t len)
{
    return __builtin_cpu_supports("sse4.2") ? update_sse42(crc, data, len)
                                            : crc32c_update_portable(crc, data, len);
}

#else

uint32_t crc32c_update(uint32_t crc, const void *data, size_t len)
{
    return crc32c_update_portable(crc, data, len);
}

#endif
