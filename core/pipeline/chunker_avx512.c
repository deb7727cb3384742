/*
 * Scan for cut points, 64 positions at a time, with AVX-512BW.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The same arrangement as in chunker_avx2.c, with four lanes.
 */
#include "chunker_scan.h"

#if CHUNKER_HAS_X86

#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw")))
#define STEP 64

/* The "high" halves of the step before, after each doubling. */
struct gear_state {
    __m512i g1, g2, g4, g8;
};

AVX512 static inline __m512i gear_of(__m512i v)
{
    v = _mm512_add_epi16(v, _mm512_set1_epi16((short)GEAR_ADD));
    v = _mm512_mullo_epi16(v, _mm512_set1_epi16((short)GEAR_MULTIPLY_1));
    v = _mm512_xor_si512(v, _mm512_srli_epi16(v, GEAR_SHIFT));
    return _mm512_mullo_epi16(v, _mm512_set1_epi16((short)GEAR_MULTIPLY_2));
}

/* Move up by a lane: the topmost lane of ${before} enters. */
AVX512 static inline __m512i next_lane(__m512i now, __m512i before)
{
    return _mm512_alignr_epi64(now, before, 6);
}

/* One doubling by ${n} positions. */
#define DOUBLE(low, high, last, n)                                                                 \
    do {                                                                                           \
        __m512i up_ = next_lane(high, last);                                                       \
        __m512i low_ = _mm512_alignr_epi8(low, up_, 16 - 2 * (n));                                 \
        __m512i high_ = _mm512_alignr_epi8(high, low, 16 - 2 * (n));                               \
        last = high;                                                                               \
        low = _mm512_add_epi16(low, _mm512_slli_epi16(low_, n));                                   \
        high = _mm512_add_epi16(high, _mm512_slli_epi16(high_, n));                                \
    } while (0)

/* h of each position, in the order of unpacking. */
AVX512 static inline void gear_step(__m512i bytes, struct gear_state *s, __m512i *ret_low,
                                    __m512i *ret_high)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i low = gear_of(_mm512_unpacklo_epi8(bytes, zero));
    __m512i high = gear_of(_mm512_unpackhi_epi8(bytes, zero));
    DOUBLE(low, high, s->g1, 1);
    DOUBLE(low, high, s->g2, 2);
    DOUBLE(low, high, s->g4, 4);
    /* By 8 positions: a whole half. */
    __m512i up = next_lane(high, s->g8);
    s->g8 = high;
    *ret_high = _mm512_add_epi16(high, _mm512_slli_epi16(low, 8));
    *ret_low = _mm512_add_epi16(low, _mm512_slli_epi16(up, 8));
}

AVX512 size_t chunker_scan_avx512(const struct chunker *c, const uint8_t *data, size_t from,
                                  size_t to, uint64_t threshold)
{
    size_t i = from;
    if (to - from >= STEP) {
        /* The 16 bytes before, in all lanes: the topmost becomes what a step leaves behind. */
        struct gear_state s = {_mm512_setzero_si512(), _mm512_setzero_si512(),
                               _mm512_setzero_si512(), _mm512_setzero_si512()};
        const __m512i limit = _mm512_set1_epi16(GEAR_LIMIT);
        const void *before = data + from - GEAR_WINDOW;
        __m512i low, high;
        gear_step(_mm512_broadcast_i32x4(_mm_loadu_si128(before)), &s, &low, &high);
        for (; to - i >= STEP; i += STEP) {
            gear_step(_mm512_loadu_si512(data + i), &s, &low, &high);
            if (__builtin_expect(_mm512_cmplt_epu16_mask(_mm512_min_epu16(low, high), limit) == 0,
                                 1))
                continue;
            /* Packing brings the positions back into the order of the bytes. */
            __m512i packed =
                _mm512_packs_epi16(_mm512_movm_epi16(_mm512_cmplt_epu16_mask(low, limit)),
                                   _mm512_movm_epi16(_mm512_cmplt_epu16_mask(high, limit)));
            for (uint64_t found = _mm512_movepi8_mask(packed); found != 0; found &= found - 1) {
                size_t position = i + (size_t)__builtin_ctzll(found);
                if (chunker_confirm(c, data, position, threshold))
                    return position;
            }
        }
    }
    return i < to ? chunker_scan_portable(c, data, i, to, threshold) : to;
}

#endif
