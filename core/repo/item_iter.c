/*
 * Walking the items of a snapshot, and the references of an item's content.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "reader.h"

#include "../base/cleanup.h"
#include "../base/limits.h"

#include <stdlib.h>
#include <string.h>

struct item_iter {
    struct block_reader *reader;
    const struct snapshot *snapshot;
    size_t next_chunk;
    size_t record; /* in the chunk, for messages */
    struct buf chunk;
    struct wire at;
    struct buf path;
    struct buf last; /* path of the item before: order is checked */
    bool has_last;
    char *prefix;
    size_t prefix_len;
    bool started; /* the prefix has been reached */
};

void item_iter_free(struct item_iter *iter)
{
    if (iter != NULL) {
        block_reader_free(iter->reader);
        buf_free(&iter->chunk);
        buf_free(&iter->path);
        buf_free(&iter->last);
        free(iter->prefix);
        free(iter);
    }
}

/* The last chunk whose first path is not behind the prefix: the prefix's item can only be there
 * or after it. */
static size_t first_chunk(const struct snapshot_root *root, const char *prefix, size_t len)
{
    size_t low = 0;
    size_t high = root->item_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (item_path_compare(root->items[middle].first_path, root->items[middle].first_path_len,
                              prefix, len) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? low - 1 : 0;
}

int item_iter_new(struct vault *vault, const struct snapshot *snapshot, const char *prefix,
                  struct item_iter **ret_iter, struct sme_error *err)
{
    struct item_iter *iter = calloc(1, sizeof *iter);

    if (iter == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read items");
    }
    buf_init(&iter->chunk, LIMIT_CHUNK);
    buf_init(&iter->path, LIMIT_PATH + 1);
    buf_init(&iter->last, LIMIT_PATH + 1);
    iter->snapshot = snapshot;
    iter->started = true;
    if (prefix != NULL && prefix[0] != '\0') {
        iter->prefix = strdup(prefix);
        iter->prefix_len = strlen(prefix);
        iter->started = false;
        iter->next_chunk = first_chunk(&snapshot->root, prefix, iter->prefix_len);
    }
    int status = block_reader_new(vault, &iter->reader, err);
    if (status == SME_OK && prefix != NULL && prefix[0] != '\0' && iter->prefix == NULL) {
        status = sme_fail(err, SME_E_NO_MEMORY, "no memory to read items");
    }
    if (status < 0) {
        item_iter_free(iter);
        return status;
    }
    *ret_iter = iter;
    return SME_OK;
}

static int next_chunk(struct item_iter *iter, struct sme_error *err)
{
    const struct snapshot_root *root = &iter->snapshot->root;
    const uint8_t *data = NULL;

    if (iter->next_chunk == root->item_count) {
        return 0;
    }
    const struct block_chunk *chunk = &root->items[iter->next_chunk].chunk;
    int status = chunk_fetch(iter->reader, chunk, &data, err);
    if (status < 0) {
        (void)error_context(err, "snapshot '%s', item chunk %zu", iter->snapshot->head.name,
                            iter->next_chunk);
        return status;
    }
    buf_clear(&iter->chunk);
    buf_add(&iter->chunk, data, chunk->len);
    if (iter->chunk.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read items");
    }
    iter->at = wire_of(iter->chunk.data, iter->chunk.len);
    iter->path.len = 0;
    iter->next_chunk++;
    iter->record = 0;
    return 1;
}

static bool is_below(const char *path, size_t len, const char *top, size_t top_len)
{
    return len >= top_len && memcmp(path, top, top_len) == 0 &&
           (len == top_len || path[top_len] == '/');
}

static int check_order(struct item_iter *iter, struct sme_error *err)
{
    if (iter->has_last && item_path_compare((char *)iter->last.data, iter->last.len,
                                            (char *)iter->path.data, iter->path.len) >= 0) {
        return sme_fail(err, SME_E_CORRUPT, "snapshot '%s': items are out of order at '%.100s'",
                        iter->snapshot->head.name, buf_text(&iter->path));
    }
    buf_clear(&iter->last);
    buf_add(&iter->last, iter->path.data, iter->path.len);
    iter->has_last = true;
    return SME_OK;
}

int item_iter_next(struct item_iter *iter, struct item_view *ret_view, struct sme_error *err)
{
    for (;;) {
        while (wire_left(&iter->at) == 0) {
            int more = next_chunk(iter, err);
            if (more <= 0) {
                return more;
            }
        }
        int status = item_decode(&iter->at, &iter->path, ret_view, err);
        if (status < 0) {
            (void)error_context(err, "snapshot '%s', item chunk %zu, record %zu",
                                iter->snapshot->head.name, iter->next_chunk - 1, iter->record);
            return status;
        }
        iter->record++;
        if ((status = check_order(iter, err)) < 0) {
            return status;
        }
        if (iter->prefix == NULL) {
            return 1;
        }
        if (is_below(ret_view->path, ret_view->path_len, iter->prefix, iter->prefix_len)) {
            iter->started = true;
            return 1;
        }
        if (iter->started || item_path_compare(ret_view->path, ret_view->path_len, iter->prefix,
                                               iter->prefix_len) > 0) {
            return 0;
        }
    }
}

int ref_iter_init(struct ref_iter *iter, struct block_reader *reader, const struct item_view *view,
                  struct sme_error *err)
{
    memset(iter, 0, sizeof *iter);
    iter->reader = reader;
    iter->view = *view;
    iter->depth = 0;
    if (view->content_level >= sizeof iter->levels / sizeof iter->levels[0]) {
        return sme_fail(err, SME_E_CORRUPT, "the content of '%.100s' is nested too deep",
                        view->path);
    }
    iter->levels[0].at = view->content;
    iter->levels[0].left = (view->flags & ITEM_CONTENT) != 0 ? view->content_count : 0;
    return SME_OK;
}

/* Open the list chunk ${ref} as the next level down. */
static int descend(struct ref_iter *iter, struct block_chunk *ref, struct sme_error *err)
{
    const uint8_t *data = NULL;
    const struct index_chunk *found = index_find(block_reader_vault(iter->reader)->index, &ref->id);
    struct buf *list = &iter->levels[iter->depth + 1].list;

    ref->len = UINT32_MAX;
    int status = chunk_fetch(iter->reader, ref, &data, err);
    if (status < 0) {
        return error_context(err, "a list of chunks of '%.100s'", iter->view.path);
    }
    list->max = LIMIT_CHUNK;
    buf_clear(list);
    buf_add(list, data, found->len);
    if (list->bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read a list of chunks");
    }
    iter->depth++;
    iter->levels[iter->depth].at = wire_of(list->data, list->len);
    uint64_t count = wire_varint(&iter->levels[iter->depth].at);
    if (count > wire_left(&iter->levels[iter->depth].at) / 33) {
        return sme_fail(err, SME_E_CORRUPT, "a list of chunks is damaged");
    }
    iter->levels[iter->depth].left = count;
    return SME_OK;
}

int ref_iter_next(struct ref_iter *iter, struct block_chunk *ret_ref, struct sme_error *err)
{
    for (;;) {
        if (iter->levels[iter->depth].left == 0) {
            if (iter->depth == 0) {
                return 0;
            }
            iter->depth--;
            continue;
        }
        struct wire *at = &iter->levels[iter->depth].at;
        struct block_chunk ref;
        iter->levels[iter->depth].left--;
        uint64_t len = wire_varint(at);
        wire_copy(at, ref.id.bytes, sizeof ref.id.bytes);
        bool is_chunk = iter->depth == iter->view.content_level;
        if (at->bad || (is_chunk && len > LIMIT_CHUNK)) {
            return sme_fail(err, SME_E_CORRUPT, "the list of chunks of '%.100s' is damaged",
                            iter->view.path);
        }
        if (is_chunk) {
            ref.len = (uint32_t)len;
            *ret_ref = ref;
            return 1;
        }
        int status = descend(iter, &ref, err);
        if (status < 0) {
            return status;
        }
    }
}

void ref_iter_done(struct ref_iter *iter)
{
    for (size_t i = 0; i < sizeof iter->levels / sizeof iter->levels[0]; i++) {
        buf_free(&iter->levels[i].list);
    }
}
