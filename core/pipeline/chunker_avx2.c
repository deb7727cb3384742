/*
 * Scan for cut points, 32 positions at a time, with AVX2.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The sum over 16 bytes is built in four doublings: with G1 = S,
 *   G2(i) = G1(i) + 2 G1(i-1),  G4(i) = G2(i) + 4 G2(i-2),  G8(i) = G4(i) + 16 G4(i-4),
 *   h(i) = G16(i) = G8(i) + 256 G8(i-8).
 * The 32 bytes are widened by unpacking, so that within each 128-bit lane "low" holds 8
 * positions and "high" the 8 after them.  What precedes "high" is then "low" itself, and what
 * precedes "low" is the previous "high", moved up by one lane.
 */
#include "chunker_scan.h"

#if CHUNKER_HAS_X86

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define STEP 32

/* The "high" halves of the step before, after each doubling. */
struct gear_state {
    __m256i g1, g2, g4, g8;
};

AVX2 static inline __m256i gear_of(__m256i v)
{
    v = _mm256_add_epi16(v, _mm256_set1_epi16((short)GEAR_ADD));
    v = _mm256_mullo_epi16(v, _mm256_set1_epi16((short)GEAR_MULTIPLY_1));
    v = _mm256_xor_si256(v, _mm256_srli_epi16(v, GEAR_SHIFT));
    return _mm256_mullo_epi16(v, _mm256_set1_epi16((short)GEAR_MULTIPLY_2));
}

/* Move up by a lane: the upper lane of ${before} enters. */
AVX2 static inline __m256i next_lane(__m256i now, __m256i before)
{
    return _mm256_permute2x128_si256(before, now, 0x21);
}

/* One doubling by ${n} positions. */
#define DOUBLE(low, high, last, n)                                                                 \
    do {                                                                                           \
        __m256i up_ = next_lane(high, last);                                                       \
        __m256i low_ = _mm256_alignr_epi8(low, up_, 16 - 2 * (n));                                 \
        __m256i high_ = _mm256_alignr_epi8(high, low, 16 - 2 * (n));                               \
        last = high;                                                                               \
        low = _mm256_add_epi16(low, _mm256_slli_epi16(low_, n));                                   \
        high = _mm256_add_epi16(high, _mm256_slli_epi16(high_, n));                                \
    } while (0)

/* Bit i is set where the candidate test holds for byte i of ${bytes}. */
AVX2 static inline uint32_t candidates(__m256i bytes, struct gear_state *s)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i low = gear_of(_mm256_unpacklo_epi8(bytes, zero));
    __m256i high = gear_of(_mm256_unpackhi_epi8(bytes, zero));
    DOUBLE(low, high, s->g1, 1);
    DOUBLE(low, high, s->g2, 2);
    DOUBLE(low, high, s->g4, 4);
    /* By 8 positions: a whole half. */
    __m256i up = next_lane(high, s->g8);
    s->g8 = high;
    high = _mm256_add_epi16(high, _mm256_slli_epi16(low, 8));
    low = _mm256_add_epi16(low, _mm256_slli_epi16(up, 8));

    low = _mm256_cmpeq_epi16(_mm256_srli_epi16(low, 4), zero);
    high = _mm256_cmpeq_epi16(_mm256_srli_epi16(high, 4), zero);
    return (uint32_t)_mm256_movemask_epi8(_mm256_packs_epi16(low, high));
}
_Static_assert(GEAR_LIMIT == 1 << 4, "the test shifts by 4");

AVX2 size_t chunker_scan_avx2(const struct chunker *c, const uint8_t *data, size_t from, size_t to,
                              uint64_t threshold)
{
    size_t i = from;
    if (to - from >= STEP) {
        /* The 16 bytes before, in both lanes: the upper one becomes what a step leaves behind. */
        struct gear_state s = {_mm256_setzero_si256(), _mm256_setzero_si256(),
                               _mm256_setzero_si256(), _mm256_setzero_si256()};
        const void *before = data + from - GEAR_WINDOW;
        (void)candidates(_mm256_broadcastsi128_si256(_mm_loadu_si128(before)), &s);
        for (; to - i >= STEP; i += STEP) {
            const void *at = data + i;
            uint32_t found = candidates(_mm256_loadu_si256(at), &s);
            while (__builtin_expect(found != 0, 0)) {
                size_t position = i + (size_t)__builtin_ctz(found);
                if (chunker_confirm(c, data, position, threshold))
                    return position;
                found &= found - 1;
            }
        }
    }
    return i < to ? chunker_scan_portable(c, data, i, to, threshold) : to;
}

#endif
