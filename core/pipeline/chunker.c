/*
 * Content-defined cut points: parameters, dispatch, size rules.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "chunker_scan.h"

#define MIN_SIZE 64
#define CANDIDATE_BITS 12 /* one position in 4,096 */
#define NORMALISATION 2

_Static_assert(MIN_SIZE >= 2 * CONFIRM_WINDOW, "windows lie inside the chunk");

static uint32_t rotate(uint32_t v, unsigned by)
{
    return v << by | v >> (32 - by);
}

static void quarter_round(uint32_t x[16], unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 7);
}

/*
 * From 32 key bytes to 8 words: the first block of the ChaCha20 key stream (RFC 8439, counter 0,
 * nonce "sme-backup 1"), read as little-endian words.  Done here because it cannot fail.
 */
static void expand_key(const struct secret *key, uint64_t out[8])
{
    static const uint8_t constants[] = "expand 32-byte k";
    static const uint8_t nonce[] = "sme-backup 1";
    uint8_t start[64] = {0};
    uint32_t input[16];
    uint32_t x[16];
    memcpy(start, constants, 16);
    memcpy(start + 16, key->bytes, 32);
    memcpy(start + 52, nonce, 12);
    for (unsigned i = 0; i < 16; i++)
        input[i] = (uint32_t)start[4 * i] | (uint32_t)start[4 * i + 1] << 8 |
                   (uint32_t)start[4 * i + 2] << 16 | (uint32_t)start[4 * i + 3] << 24;
    memcpy(x, input, sizeof x);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 4; i++)
            quarter_round(x, i, 4 + i, 8 + i, 12 + i);
        for (unsigned i = 0; i < 4; i++)
            quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (unsigned i = 0; i < 8; i++) {
        uint32_t low = x[2 * i] + input[2 * i];
        uint32_t high = x[2 * i + 1] + input[2 * i + 1];
        out[i] = (uint64_t)high << 32 | low;
    }
    secret_wipe(start, sizeof start);
    secret_wipe(input, sizeof input);
    secret_wipe(x, sizeof x);
}

/* 2^64 >> bits; all ones, which means "always", where nothing is to be shifted. */
static uint64_t threshold_of(int bits)
{
    if (bits <= 0)
        return UINT64_MAX;
    return UINT64_C(1) << (64 - bits);
}

bool chunker_variant_available(enum chunker_variant variant)
{
    switch (variant) {
    case CHUNKER_BEST:
    case CHUNKER_PORTABLE:
        return true;
#if CHUNKER_HAS_X86
    case CHUNKER_AVX2:
        return __builtin_cpu_supports("avx2") != 0;
    case CHUNKER_AVX512:
        return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
#else
    case CHUNKER_AVX2:
    case CHUNKER_AVX512:
        break;
#endif
    }
    return false;
}

static enum chunker_variant best_variant(void)
{
    if (chunker_variant_available(CHUNKER_AVX512))
        return CHUNKER_AVX512;
    if (chunker_variant_available(CHUNKER_AVX2))
        return CHUNKER_AVX2;
    return CHUNKER_PORTABLE;
}

static chunker_scan_fn *scan_of(enum chunker_variant variant)
{
    if (variant == CHUNKER_BEST)
        variant = best_variant();
#if CHUNKER_HAS_X86
    if (variant == CHUNKER_AVX512)
        return chunker_scan_avx512;
    if (variant == CHUNKER_AVX2)
        return chunker_scan_avx2;
#endif
    return chunker_scan_portable;
}

void chunker_init(struct chunker *c, const struct secret *key, uint32_t min_size,
                  uint32_t normal_size, uint32_t max_size)
{
    /* Callers give constants or checked options; these bounds only keep the windows inside. */
    c->min_size = min_size < MIN_SIZE ? MIN_SIZE : min_size;
    c->normal_size = normal_size < c->min_size ? c->min_size : normal_size;
    c->max_size = max_size < c->normal_size ? c->normal_size : max_size;
    int bits = 31 - __builtin_clz(c->normal_size) - CANDIDATE_BITS;
    c->threshold_below = threshold_of(bits + NORMALISATION);
    c->threshold_above = threshold_of(bits - NORMALISATION);
    c->variant = best_variant();
    expand_key(key, c->key);
}

void chunker_done(struct chunker *c)
{
    secret_wipe(c, sizeof *c);
}

size_t chunker_cut(const struct chunker *c, const uint8_t *data, size_t len, bool last,
                   size_t *scanned)
{
    size_t end = len < c->max_size ? len : c->max_size;
    size_t from = c->min_size - 1; /* the first cut that is allowed is behind this byte */
    if (*scanned > from)
        from = *scanned;
    if (from < end) {
        chunker_scan_fn *scan = scan_of(c->variant);
        size_t change = c->normal_size - 1; /* positions from here on make a normal chunk */
        size_t at = from;
        size_t stop = end < change ? end : change;
        if (at < stop)
            at = scan(c, data, at, stop, c->threshold_below);
        if (at >= stop)
            at = at < end ? scan(c, data, at, end, c->threshold_above) : end;
        if (at < end) {
            *scanned = 0;
            return at + 1;
        }
    }
    if (last || len >= c->max_size) {
        *scanned = 0;
        return end;
    }
    if (end > *scanned)
        *scanned = end;
    return 0;
}
