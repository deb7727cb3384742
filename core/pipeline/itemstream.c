/*
 * The item stream in the making.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "itemstream.h"

#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/str.h"

#include <pthread.h>
#include <stdlib.h>

#define CHUNK_MIN (16u * 1024)
#define CHUNK_MAX (256u * 1024)
#define CUT_MASK 511u

struct itemstream {
    struct dedup *dedup;
    pthread_mutex_t lock;        /* guards sealer and block: list chunks come from all threads */
    struct block_sealer *sealer; /* lock */
    struct open_block block;     /* lock */
    struct buf chunk;
    char *first_path; /* of the chunk */
    size_t first_path_len;
    struct buf last_path;
    bool has_last;
    struct snapshot_items *items;
    size_t count, cap;
};

int itemstream_new(struct block_sealer *sealer, struct dedup *dedup, struct itemstream **ret_stream,
                   struct sme_error *err)
{
    struct itemstream *stream = calloc(1, sizeof *stream);

    if (stream == NULL) {
        block_sealer_free(sealer);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the item stream");
    }
    stream->dedup = dedup;
    stream->sealer = sealer;
    (void)pthread_mutex_init(&stream->lock, NULL);
    open_block_init(&stream->block, sealer, false);
    buf_init(&stream->chunk, LIMIT_CHUNK);
    buf_init(&stream->last_path, LIMIT_PATH + 1);
    *ret_stream = stream;
    return SME_OK;
}

void itemstream_free(struct itemstream *stream)
{
    if (stream != NULL) {
        for (size_t i = 0; i < stream->count; i++) {
            free(stream->items[i].first_path);
        }
        free(stream->items);
        free(stream->first_path);
        buf_free(&stream->chunk);
        buf_free(&stream->last_path);
        open_block_free(&stream->block);
        block_sealer_free(stream->sealer);
        (void)pthread_mutex_destroy(&stream->lock);
        free(stream);
    }
}

int itemstream_put_list(struct itemstream *stream, const uint8_t *data, size_t len,
                        struct chunk_id *ret_id, struct sme_error *err)
{
    (void)pthread_mutex_lock(&stream->lock);
    int status = sealer_chunk_id(block_sealer_ids(stream->sealer), data, len, ret_id);
    if (status < 0) {
        status = sme_fail(err, status, "cannot compute a chunk's id");
    } else {
        status = dedup_claim(stream->dedup, ret_id, err);
    }
    if (status == 1) {
        status = open_block_copy(&stream->block, ret_id, data, (uint32_t)len, err);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return status;
}

static int end_chunk(struct itemstream *stream, struct sme_error *err)
{
    struct snapshot_items entry = {.chunk.len = (uint32_t)stream->chunk.len};

    if (stream->chunk.len == 0) {
        return SME_OK;
    }
    int status =
        itemstream_put_list(stream, stream->chunk.data, stream->chunk.len, &entry.chunk.id, err);
    if (status < 0) {
        return status;
    }
    if (stream->count == stream->cap) {
        size_t cap = stream->cap == 0 ? 64 : stream->cap * 2;
        struct snapshot_items *grown = reallocarray(stream->items, cap, sizeof *grown);
        if (grown == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for the item stream");
        }
        stream->items = grown;
        stream->cap = cap;
    }
    entry.first_path = STEAL(stream->first_path);
    entry.first_path_len = stream->first_path_len;
    stream->items[stream->count++] = entry;
    buf_clear(&stream->chunk);
    return SME_OK;
}

static int begin_chunk(struct itemstream *stream, const char *path, size_t path_len,
                       struct sme_error *err)
{
    free(stream->first_path);
    stream->first_path = strndup(path, path_len);
    stream->first_path_len = path_len;
    return stream->first_path == NULL
               ? sme_fail(err, SME_E_NO_MEMORY, "no memory for the item stream")
               : SME_OK;
}

static size_t common_prefix(const struct buf *last, const char *path, size_t path_len)
{
    size_t max = last->len < path_len ? last->len : path_len;
    size_t same = 0;

    while (same < max && last->data[same] == (uint8_t)path[same]) {
        same++;
    }
    return same;
}

int itemstream_add(struct itemstream *stream, const char *path, size_t path_len,
                   const uint8_t path_hash[16], const uint8_t *body, size_t body_len,
                   struct sme_error *err)
{
    size_t shared = 0;

    if (stream->has_last && item_path_compare((const char *)stream->last_path.data,
                                              stream->last_path.len, path, path_len) >= 0) {
        char before[200];
        char after[200];
        (void)sme_fail(err, SME_E_IO, "the source plugin yielded '%s' after '%s'",
                       str_escape(path, path_len, after, sizeof after),
                       str_escape((const char *)stream->last_path.data, stream->last_path.len,
                                  before, sizeof before));
        return error_hint(err,
                          "items must come in order, each once: this is a fault of the plugin");
    }
    if (stream->chunk.len == 0) {
        int status = begin_chunk(stream, path, path_len, err);
        if (status < 0) {
            return status;
        }
    } else {
        shared = common_prefix(&stream->last_path, path, path_len);
    }
    item_encode_record(path, path_len, shared, body, body_len, &stream->chunk);
    buf_clear(&stream->last_path);
    buf_add(&stream->last_path, path, path_len);
    stream->has_last = true;
    if (stream->chunk.bad || stream->last_path.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the item stream");
    }
    unsigned dice = path_hash[0] | (unsigned)path_hash[1] << 8;
    if ((stream->chunk.len >= CHUNK_MIN && (dice & CUT_MASK) == 0) ||
        stream->chunk.len >= CHUNK_MAX) {
        return end_chunk(stream, err);
    }
    return SME_OK;
}

int itemstream_finish(struct itemstream *stream, struct snapshot_root *root, struct sme_error *err)
{
    int status = end_chunk(stream, err);

    if (status == SME_OK) {
        status = open_block_flush(&stream->block, err);
    }
    if (status < 0) {
        return status;
    }
    root->items = STEAL(stream->items);
    root->item_count = stream->count;
    stream->count = 0;
    stream->cap = 0;
    return SME_OK;
}
