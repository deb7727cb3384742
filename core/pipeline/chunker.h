/*
 * Content-defined cut points.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A 16-bit gear hash of the 16 bytes up to a position, h = 2h + S(b) mod 2^16 with an S that is
 * computed and not looked up, selects about one position in 4,096: the top 12 bits of h are
 * zero.  Such a candidate is confirmed by a keyed hash of the 32 bytes before it against a
 * threshold: 2^-8 of the candidates below the normal size, 2^-4 above it (2 bits either way of
 * log2(normal / 4096)).  Candidates do not depend on where a chunk began.  All variants give the
 * same cuts.  (Design: docs/format.md, "Cut points".)
 */
#ifndef SME_PIPELINE_CHUNKER_H
#define SME_PIPELINE_CHUNKER_H

#include "../base/secret.h"

enum chunker_variant { CHUNKER_BEST, CHUNKER_PORTABLE, CHUNKER_AVX2, CHUNKER_AVX512 };

struct chunker {
    uint32_t min_size;    /* >= 64 */
    uint32_t normal_size; /* power of two, 64 KiB to 16 MiB for content */
    uint32_t max_size;
    uint64_t threshold_below; /* confirm if hash < threshold */
    uint64_t threshold_above;
    uint64_t key[8];
    enum chunker_variant variant;
};

/* Wipe with chunker_done(): it holds key material. */
void chunker_init(struct chunker *c, const struct secret *key, uint32_t min_size,
                  uint32_t normal_size, uint32_t max_size);
void chunker_done(struct chunker *c);
bool chunker_variant_available(enum chunker_variant variant);

/*
 * Length of the first chunk of ${data}, which begins where a chunk begins and holds ${len} bytes;
 * ${last}: nothing comes after them.  0: more data is needed (never when ${last}, nor when ${len}
 * >= max_size).  *scanned (0 for a new chunk) lets a call with more data go on where the one
 * before stopped.  Safe from any thread.
 */
size_t chunker_cut(const struct chunker *c, const uint8_t *data, size_t len, bool last,
                   size_t *scanned);

#endif
