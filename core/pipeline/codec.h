/*
 * Compression of blocks, and telling what is not worth it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_CODEC_H
#define SME_PIPELINE_CODEC_H

#include "../base/error.h"

/* Compression as configured: CODEC_OFF stores everything raw; otherwise a zstd level. */
#define CODEC_OFF 0
#define CODEC_LEVEL_FAST 1
#define CODEC_LEVEL_AUTO 3

/* "off", "fast", "auto" or "1" to "19" → level; false for anything else. */
bool codec_parse(const char *text, int *ret_level);

/* Contexts of one thread. */
struct codec;
int codec_new(int level, struct codec **ret_codec, struct sme_error *err);
void codec_free(struct codec *codec);

/* Does ${data} look like compressed or encrypted bytes?  A sample is looked at: first the
 * distribution of bytes, and only if that is flat a trial compression of three 8 KiB pieces, which
 * must save at least 3 %. */
bool codec_looks_random(struct codec *codec, const uint8_t *data, size_t len);

/* Upper bound of the compressed size. */
size_t codec_bound(size_t len);
/* Compress; *ret_len = 0 if that would not save at least 1/64 (store it raw then). */
int codec_compress(struct codec *codec, const void *data, size_t len, void *out, size_t out_size,
                   size_t *ret_len, struct sme_error *err);
/* Decompress to exactly ${len} bytes; false if that is not what comes out. */
bool codec_expand(struct codec *codec, const void *in, size_t in_len, void *out, size_t len);
uint8_t codec_level(const struct codec *codec);

#endif
