/*
 * Content of small files, and the tools of a worker.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "content.h"

#include "../base/fileio.h"
#include "../base/limits.h"
#include "content_cut.h"

#include <stdlib.h>

int content_tools_init(struct content_tools *tools, const struct block_sealer_params *params,
                       struct dedup *dedup, const struct chunker *chunker,
                       struct content_counters *counters, struct sme_error *err)
{
    memset(tools, 0, sizeof *tools);
    int status = block_sealer_new(params, &tools->sealer, err);
    if (status == SME_OK) {
        status = checksum_new(&tools->check, err);
    }
    if (status < 0) {
        content_tools_done(tools);
        return status;
    }
    open_block_init(&tools->packed, tools->sealer, false);
    open_block_init(&tools->raw, tools->sealer, true);
    tools->dedup = dedup;
    tools->chunker = chunker;
    tools->counters = counters;
    tools->window_cap = content_window_size(chunker);
    return SME_OK;
}

void content_tools_done(struct content_tools *tools)
{
    open_block_free(&tools->packed);
    open_block_free(&tools->raw);
    block_sealer_free(tools->sealer);
    checksum_free(tools->check);
    free(tools->window);
    memset(tools, 0, sizeof *tools);
}

int content_tools_flush(struct content_tools *tools, struct sme_error *err)
{
    int status = open_block_flush(&tools->packed, err);

    return status < 0 ? status : open_block_flush(&tools->raw, err);
}

size_t content_window_size(const struct chunker *chunker)
{
    size_t piece = CONTENT_PIECE;

    return piece + chunker->max_size;
}

size_t content_cut(const struct chunker *chunker, const uint8_t *data, size_t len, bool last,
                   bool fixed)
{
    size_t scanned = 0;

    if (fixed) {
        return len >= CONTENT_FIXED ? CONTENT_FIXED : last ? len : 0;
    }
    if (last && len <= chunker->min_size) {
        return len;
    }
    return chunker_cut(chunker, data, len, last, &scanned);
}

int content_add_ref(struct content_result *result, const struct block_chunk *chunk,
                    struct sme_error *err)
{
    if (result->count == result->cap) {
        size_t cap = result->cap == 0 ? 1 : result->cap * 2;
        struct block_chunk *grown = reallocarray(result->refs, cap, sizeof *grown);
        if (grown == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for a file's chunks");
        }
        result->refs = grown;
        result->cap = cap;
    }
    result->refs[result->count++] = *chunk;
    return SME_OK;
}

/* Put the new chunks, which lie at ${data} + at[i], into the raw block. */
static int move_to_raw(struct content_tools *tools, const uint8_t *data, const size_t *at,
                       const struct block_chunk *chunks, size_t count, struct sme_error *err)
{
    for (size_t i = 0; i < count; i++) {
        int status = open_block_copy(&tools->raw, &chunks[i].id, data + at[i], chunks[i].len, err);
        if (status < 0) {
            return status;
        }
    }
    return SME_OK;
}

/* The new chunks lie in the open block already; close the gaps that known ones leave. */
static int keep_in_place(struct content_tools *tools, uint8_t *data, const size_t *at,
                         const struct block_chunk *chunks, size_t count, struct sme_error *err)
{
    size_t to = 0;

    for (size_t i = 0; i < count; i++) {
        if (at[i] != to) {
            memmove(data + to, data + at[i], chunks[i].len);
        }
        to += chunks[i].len;
    }
    for (size_t i = 0; i < count; i++) {
        int status = open_block_add(&tools->packed, &chunks[i].id, chunks[i].len, err);
        if (status < 0) {
            return status;
        }
    }
    return SME_OK;
}

/* A small file has at most this many chunks: the smallest minimum is 4 KiB. */
#define SMALL_CHUNKS (CONTENT_SMALL / 4096 + 1)

int content_small(struct content_tools *tools, int fd, size_t size, bool fixed,
                  struct content_result *result, struct sme_error *err)
{
    struct block_chunk fresh[SMALL_CHUNKS];
    size_t fresh_at[SMALL_CHUNKS];
    size_t count = 0;

    /* The block must not be put while the file's chunks are added one by one. */
    if (tools->packed.count + SMALL_CHUNKS >= LIMIT_BLOCK_CHUNKS &&
        open_block_flush(&tools->packed, err) < 0) {
        return err->status;
    }
    uint8_t *data = open_block_space(&tools->packed, size, err);
    if (data == NULL) {
        return err->status;
    }
    ssize_t got = io_read_full(fd, data, size);
    if (got < 0) {
        result->source_errno = errno;
        return SME_OK;
    }
    size_t len = (size_t)got;
    result->bytes = len;
    tools->counters->bytes_read += len;
    for (size_t done = 0; done < len;) {
        struct block_chunk chunk = {
            .len = (uint32_t)content_cut(tools->chunker, data + done, len - done, true, fixed)};
        int status =
            sealer_chunk_id(block_sealer_ids(tools->sealer), data + done, chunk.len, &chunk.id);
        if (status < 0) {
            return sme_fail(err, status, "cannot compute a chunk's id");
        }
        if ((status = content_add_ref(result, &chunk, err)) < 0 ||
            (status = dedup_claim(tools->dedup, &chunk.id, err)) < 0) {
            return status;
        }
        if (status == 1) {
            fresh[count] = chunk;
            fresh_at[count++] = done;
            tools->counters->bytes_new += chunk.len;
        }
        done += chunk.len;
    }
    if (count == 0) {
        return SME_OK;
    }
    return codec_looks_random(block_sealer_codec(tools->sealer), data, len)
               ? move_to_raw(tools, data, fresh_at, fresh, count, err)
               : keep_in_place(tools, data, fresh_at, fresh, count, err);
}
