/*
 * Compression of blocks with zstd, contexts made once per thread.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "codec.h"

#include <stdlib.h>
#include <zstd.h>

#define SAMPLE 8192u
#define COUNTED 4096u

struct codec {
    int level;
    ZSTD_CCtx *compress;
    ZSTD_DCtx *expand;
    uint8_t scratch[ZSTD_COMPRESSBOUND(SAMPLE)];
};

bool codec_parse(const char *text, int *ret_level)
{
    char *end = NULL;

    if (strcmp(text, "off") == 0) {
        *ret_level = CODEC_OFF;
        return true;
    }
    if (strcmp(text, "fast") == 0) {
        *ret_level = CODEC_LEVEL_FAST;
        return true;
    }
    if (strcmp(text, "auto") == 0) {
        *ret_level = CODEC_LEVEL_AUTO;
        return true;
    }
    if (text[0] < '1' || text[0] > '9') {
        return false;
    }
    errno = 0;
    long level = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || level > 19) {
        return false;
    }
    *ret_level = (int)level;
    return true;
}

int codec_new(int level, struct codec **ret_codec, struct sme_error *err)
{
    struct codec *codec = calloc(1, sizeof *codec);

    if (codec == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for compression");
    }
    codec->level = level;
    codec->compress = ZSTD_createCCtx();
    codec->expand = ZSTD_createDCtx();
    if (codec->compress == NULL || codec->expand == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_compressionLevel,
                                            level == CODEC_OFF ? 1 : level))) {
        codec_free(codec);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for compression");
    }
    *ret_codec = codec;
    return SME_OK;
}

void codec_free(struct codec *codec)
{
    if (codec != NULL) {
        (void)ZSTD_freeCCtx(codec->compress);
        (void)ZSTD_freeDCtx(codec->expand);
        free(codec);
    }
}

uint8_t codec_level(const struct codec *codec)
{
    return (uint8_t)codec->level;
}

/* Sum of squared counts of byte values: about n + n*n/256 for random bytes, far more for text. */
static bool bytes_look_flat(const uint8_t *data, size_t len)
{
    uint32_t counts[256] = {0};
    uint64_t squares = 0;

    for (size_t i = 0; i < len; i++) {
        counts[data[i]]++;
    }
    for (size_t i = 0; i < 256; i++) {
        squares += (uint64_t)counts[i] * counts[i];
    }
    uint64_t random = len + (uint64_t)len * len / 256;
    return squares < random + random / 3;
}

bool codec_looks_random(struct codec *codec, const uint8_t *data, size_t len)
{
    if (codec->level == CODEC_OFF) {
        return true;
    }
    if (len < COUNTED || !bytes_look_flat(data + (len - COUNTED) / 2, COUNTED)) {
        return false;
    }
    size_t pieces = len >= 3 * SAMPLE ? 3 : 1;
    size_t piece = len < SAMPLE ? len : SAMPLE;
    size_t saved = 0;
    for (size_t i = 0; i < pieces; i++) {
        const uint8_t *at = data + (pieces == 1 ? 0 : (len - piece) / 2 * i);
        size_t got =
            ZSTD_compress2(codec->compress, codec->scratch, sizeof codec->scratch, at, piece);
        if (!ZSTD_isError(got) && got < piece) {
            saved += piece - got;
        }
    }
    return saved * 100 < pieces * piece * 3;
}

size_t codec_bound(size_t len)
{
    return ZSTD_compressBound(len);
}

int codec_compress(struct codec *codec, const void *data, size_t len, void *out, size_t out_size,
                   size_t *ret_len, struct sme_error *err)
{
    size_t got = ZSTD_compress2(codec->compress, out, out_size, data, len);

    if (ZSTD_isError(got)) {
        return sme_fail(err, SME_E_NO_MEMORY, "zstd: %s", ZSTD_getErrorName(got));
    }
    *ret_len = got <= len - len / 64 ? got : 0;
    return SME_OK;
}

bool codec_expand(struct codec *codec, const void *in, size_t in_len, void *out, size_t len)
{
    size_t got = ZSTD_decompressDCtx(codec->expand, out, len, in, in_len);

    return !ZSTD_isError(got) && got == len;
}
