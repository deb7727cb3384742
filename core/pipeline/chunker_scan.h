/*
 * The scan for a confirmed cut point: what all variants share.  Private to the chunker.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Position p means "cut behind byte p".
 *
 *   prefilter:  h(p) = sum over k = 0..15 of 2^k * S(byte p-k)  mod 2^16
 *   candidate:  h(p) < 16, that is, its top 12 bits are zero
 *   confirmed:  keyed hash of the 32 bytes p-31 .. p  <  threshold
 *
 * S is a bijection of the 16-bit numbers (add, multiply, xor with a shifted copy, multiply),
 * restricted to bytes.  Its constants were chosen among random ones: the hit rate is within 6 %
 * of 1/4096 on random bytes, C and Python sources, manual pages, hex dumps, object code and
 * archives, and no run of one and the same byte gives a candidate (h is then -S).
 */
#ifndef SME_PIPELINE_CHUNKER_SCAN_H
#define SME_PIPELINE_CHUNKER_SCAN_H

#include "chunker.h"

#include <string.h>

#define GEAR_ADD 0xf2bf
#define GEAR_MULTIPLY_1 0xef71
#define GEAR_SHIFT 9
#define GEAR_MULTIPLY_2 0xcdc3
#define GEAR_WINDOW 16
#define GEAR_LIMIT 16 /* h below it: a candidate */

#define CONFIRM_WINDOW 32

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define CHUNKER_HAS_X86 1
#else
#define CHUNKER_HAS_X86 0
#endif

/*
 * First confirmed position in [from, to), or ${to}.  ${from} >= CONFIRM_WINDOW - 1, so that both
 * windows lie inside ${data}.
 */
typedef size_t chunker_scan_fn(const struct chunker *c, const uint8_t *data, size_t from, size_t to,
                               uint64_t threshold);
chunker_scan_fn chunker_scan_portable;
#if CHUNKER_HAS_X86
chunker_scan_fn chunker_scan_avx2;
chunker_scan_fn chunker_scan_avx512;
#endif

static inline uint64_t chunker_le64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Both halves of the 128-bit product, folded. */
static inline uint64_t chunker_fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t a0 = a & UINT32_MAX, a1 = a >> 32, b0 = b & UINT32_MAX, b1 = b >> 32;
    uint64_t low = a0 * b0;
    uint64_t middle = a1 * b0 + (low >> 32); /* cannot overflow, nor can the next */
    uint64_t other = a0 * b1 + (middle & UINT32_MAX);
    uint64_t high = a1 * b1 + (middle >> 32) + (other >> 32);
    return high ^ ((other << 32) | (low & UINT32_MAX));
#endif
}

/* The keyed hash of the 32 bytes that end with ${position}. */
static inline uint64_t chunker_confirm_hash(const uint64_t key[8], const uint8_t *data,
                                            size_t position)
{
    const uint8_t *at = data + position + 1 - CONFIRM_WINDOW;
    uint64_t first = chunker_fold(chunker_le64(at) ^ key[0], chunker_le64(at + 8) ^ key[1]);
    uint64_t second = chunker_fold(chunker_le64(at + 16) ^ key[2], chunker_le64(at + 24) ^ key[3]);
    uint64_t both = chunker_fold(first ^ key[4], second ^ key[5]);
    return chunker_fold((both + key[6]) ^ (first << 32 | second >> 32), key[7] | 1) ^ both;
}

static inline bool chunker_confirm(const struct chunker *c, const uint8_t *data, size_t position,
                                   uint64_t threshold)
{
    return threshold == UINT64_MAX || chunker_confirm_hash(c->key, data, position) < threshold;
}

#endif
