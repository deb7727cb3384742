/*
 * Checking the items of a snapshot: every chunk that they name must be in the index.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots share most of their item chunks, so each of these is walked once.
 */
#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/limits.h"
#include "check_internal.h"

#include <stdlib.h>
#include <string.h>

#define FILES_SHOWN 20 /* damaged ones that are named, per item chunk */

struct walk {
    struct check_source *source;
    struct snapshot *snapshot;
    struct block_reader *items; /* for item chunks */
    struct block_reader *lists; /* for lists of chunks */
    objkey_text key;
    unsigned bad_files; /* in this chunk */
};

static void bad_file(struct walk *walk, const struct item_view *view, const char *why)
{
    if (walk->bad_files++ < FILES_SHOWN) {
        check_find(walk->source->check, CHECK_DAMAGE, walk->key, "'%.300s' cannot be restored: %s",
                   view->path, why);
    }
}

/* All chunks of a file's content. */
static int look_at_content(struct walk *walk, const struct item_view *view, struct sme_error *err)
{
    const struct index *index = walk->source->vault->index;
    struct sme_error failure = SME_ERROR_INIT;
    struct ref_iter refs;
    struct block_chunk ref;
    uint64_t chunks = 0;
    const char *why = NULL;

    int status = ref_iter_init(&refs, walk->lists, view, &failure);
    while (status == SME_OK) {
        int more = ref_iter_next(&refs, &ref, &failure);
        if (more <= 0) {
            status = more;
            break;
        }
        const struct index_chunk *found = index_find(index, &ref.id);
        chunks++;
        if (found == NULL) {
            why = "a chunk of it is not in the index";
        } else if (found->len != ref.len) {
            why = "a chunk of it has another length in the index";
        } else if (index_pack_at(index, index_block_at(index, found->block)->pack)->type !=
                   SEAL_DATA) {
            why = "a chunk of it is in a pack of the wrong kind";
        }
    }
    ref_iter_done(&refs);
    walk->source->check->counts.chunks += chunks;
    if (status < 0 && !check_is_objects_own(status)) {
        *err = failure;
        return status;
    }
    if (status < 0 || why != NULL) {
        bad_file(walk, view, why != NULL ? why : failure.message);
    }
    return SME_OK;
}

static int look_at_records(struct walk *walk, size_t number, const uint8_t *data, size_t len,
                           struct sme_error *err)
{
    const struct snapshot_items *items = &walk->snapshot->root.items[number];
    CLEANUP(buf_free) struct buf path = BUF_INIT(LIMIT_PATH + 1);
    CLEANUP(buf_free) struct buf last = BUF_INIT(LIMIT_PATH + 1);
    struct wire at = wire_of(data, len);
    struct item_view view;
    bool first = true;

    while (wire_left(&at) > 0) {
        int status = item_decode(&at, &path, &view, err);
        if (status < 0) {
            return status;
        }
        if (first ? (view.path_len != items->first_path_len ||
                     memcmp(view.path, items->first_path, view.path_len) != 0)
                  : item_path_compare((char *)last.data, last.len, view.path, view.path_len) >= 0) {
            return sme_fail(err, SME_E_CORRUPT, "its items are not in order at '%.200s'",
                            view.path);
        }
        first = false;
        buf_clear(&last);
        buf_add(&last, view.path, view.path_len);
        if (last.bad) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for an item's path");
        }
        walk->source->check->counts.items++;
        status = look_at_content(walk, &view, err);
        if (status < 0) {
            return status;
        }
    }
    return SME_OK;
}

static int look_at_chunk(struct walk *walk, size_t number, struct sme_error *err)
{
    const struct snapshot_items *items = &walk->snapshot->root.items[number];
    struct check *check = walk->source->check;
    struct sme_error failure = SME_ERROR_INIT;
    const uint8_t *data = NULL;
    uint64_t known = 0;

    int added = hashmap_add(&walk->source->walked, items->chunk.id.bytes, 0, &known);
    if (added < 0) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the item chunks");
    }
    if (added == 0 && known == 0) {
        return SME_OK;
    }
    if (added == 0) {
        check_find(check, CHECK_DAMAGE, walk->key,
                   "items from '%.200s' on are damaged here as in an earlier snapshot",
                   items->first_path);
        return SME_OK;
    }
    walk->bad_files = 0;
    int status = chunk_fetch(walk->items, &items->chunk, &data, &failure);
    if (status == SME_OK) {
        status = look_at_records(walk, number, data, items->chunk.len, &failure);
    }
    if (status < 0 && !check_is_objects_own(status)) {
        *err = failure;
        return status;
    }
    if (status < 0) {
        char consequence[320];
        (void)snprintf(consequence, sizeof consequence,
                       "the items from '%.200s' on cannot be restored", items->first_path);
        check_find_failure(check, walk->key, &failure, consequence);
    }
    if (walk->bad_files > FILES_SHOWN) {
        check_find(check, CHECK_DAMAGE, walk->key, "and %u more files behind '%.200s'",
                   walk->bad_files - FILES_SHOWN, items->first_path);
    }
    if (status < 0 || walk->bad_files > 0) {
        *hashmap_find(&walk->source->walked, items->chunk.id.bytes) = 1;
    }
    return SME_OK;
}

int check_items(struct check_source *source, struct snapshot *snapshot, struct sme_error *err)
{
    struct walk walk = {.source = source, .snapshot = snapshot};

    objkey_snapshot(source->name, snapshot->head.name, walk.key);
    int status = block_reader_new(source->vault, &walk.items, err);
    if (status == SME_OK) {
        status = block_reader_new(source->vault, &walk.lists, err);
    }
    for (size_t i = 0; i < snapshot->root.item_count && status == SME_OK; i++) {
        check_progress(source->check);
        status = cancel_check(err);
        if (status == SME_OK) {
            status = look_at_chunk(&walk, i, err);
        }
    }
    block_reader_free(walk.items);
    block_reader_free(walk.lists);
    return status;
}
