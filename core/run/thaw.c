/*
 * Archived packs that a restore needs: finding them, and asking for them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "thaw.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../pipeline/restore_walk.h"
#include "../repo/store_place.h"

#include <stdlib.h>
#include <string.h>

void thaw_need_free(struct thaw_need *need)
{
    free(need->keys);
    memset(need, 0, sizeof *need);
}

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of archived objects");
}

/* ---- what is archived --------------------------------------------------------------------- */

struct archived {
    uint8_t (*at)[32]; /* names of packs, sorted */
    size_t count, cap;
};

static void archived_free(struct archived *archived)
{
    free(archived->at);
}

static int note_archived(void *cookie, const struct sme_object *object)
{
    struct archived *archived = cookie;
    struct objkey key;

    if ((object->flags & SME_OBJECT_ARCHIVED) == 0) {
        return 0;
    }
    objkey_parse(object->key, &key);
    if (key.kind != OBJKEY_DATA_PACK) {
        return 0;
    }
    if (archived->count == archived->cap) {
        size_t cap = archived->cap > 0 ? 2 * archived->cap : 64;
        void *grown = reallocarray(archived->at, cap, sizeof *archived->at);
        if (grown == NULL) {
            return SME_E_NO_MEMORY;
        }
        archived->at = grown;
        archived->cap = cap;
    }
    memcpy(archived->at[archived->count++], key.hash, sizeof key.hash);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

static int list_archived(struct vault *vault, struct archived *archived, struct sme_error *err)
{
    objkey_text prefix;

    objkey_prefix(OBJKEY_DATA_PACK, vault->keys.source, prefix);
    int status = store_list(vault->repo->store, prefix, note_archived, archived, err);
    if (status == SME_OK && archived->count > 0) {
        qsort(archived->at, archived->count, sizeof *archived->at, compare_names);
    }
    return status;
}

/* ---- what is needed ----------------------------------------------------------------------- */

struct looking {
    const struct index *index;
    struct block_reader *reader;
    const struct archived *archived;
    bool *needed; /* by number of the pack */
};

static int look_up(struct looking *looking, const struct item_view *view, struct sme_error *err)
{
    struct ref_iter refs;
    struct block_chunk ref;

    int status = ref_iter_init(&refs, looking->reader, view, err);
    while (status == SME_OK) {
        int more = ref_iter_next(&refs, &ref, err);
        if (more <= 0) {
            status = more;
            break;
        }
        const struct index_chunk *found = index_find(looking->index, &ref.id);
        if (found != NULL) {
            looking->needed[index_block_at(looking->index, found->block)->pack] = true;
        }
    }
    ref_iter_done(&refs);
    /* What is damaged is the restore's to report. */
    return status == SME_E_CORRUPT || status == SME_E_NOT_FOUND ? SME_OK : status;
}

static int visit(void *cookie, const struct item_view *view, bool selected, struct sme_error *err)
{
    int status = cancel_check(err);

    return status == SME_OK && selected && view->type == SME_ITEM_FILE ? look_up(cookie, view, err)
                                                                       : status;
}

static int find_needed(struct vault *vault, const struct snapshot *snapshot,
                       const struct thaw_selection *selection, struct looking *looking,
                       struct sme_error *err)
{
    struct select select;

    int status = select_init(&select, selection->patterns, selection->count, selection->exact, err);
    if (status < 0) {
        return status;
    }
    status = block_reader_new(vault, &looking->reader, err);
    if (status == SME_OK) {
        status = restore_walk(vault, snapshot, &select, visit, looking, err);
    }
    if (status == SME_OK) {
        status = restore_walk_matched(&select, snapshot, err);
    }
    block_reader_free(looking->reader);
    select_done(&select);
    /* Damage ends the walk as it will end the restore, which says so. */
    return status == SME_E_CORRUPT ? SME_OK : status;
}

/* ---- both --------------------------------------------------------------------------------- */

/* A listing may say "archived" of what was thawed already; only the object itself knows. */
static int still_archived(struct store *store, const char *key, bool *ret_archived,
                          struct sme_error *err)
{
    struct sme_object object = {.struct_size = sizeof object};

    int status = store_stat(store, key, &object, err);
    if (status == SME_E_NOT_FOUND) {
        *ret_archived = false;
        return SME_OK;
    }
    *ret_archived = status == SME_OK && (object.flags & SME_OBJECT_ARCHIVED) != 0;
    return status;
}

static bool is_archived(const struct archived *archived, const struct index_pack *pack)
{
    return bsearch(pack->name, archived->at, archived->count, sizeof *archived->at,
                   compare_names) != NULL;
}

/* Leave only those packs that are archived; how many. */
static uint64_t keep_archived(struct looking *looking)
{
    size_t packs = index_pack_count(looking->index);
    uint64_t count = 0;

    for (uint32_t i = 0; i < packs; i++) {
        looking->needed[i] =
            looking->needed[i] && is_archived(looking->archived, index_pack_at(looking->index, i));
        count += looking->needed[i];
    }
    return count;
}

static int collect(struct vault *vault, struct looking *looking, thaw_progress *progress,
                   void *cookie, struct thaw_need *need, struct sme_error *err)
{
    size_t packs = index_pack_count(looking->index);
    uint64_t total = keep_archived(looking);
    uint64_t done = 0;
    int status = SME_OK;

    need->keys = total > 0 ? calloc(total, sizeof *need->keys) : NULL;
    if (total > 0 && need->keys == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < packs && status == SME_OK; i++) {
        const struct index_pack *pack = index_pack_at(looking->index, i);
        bool archived = false;
        if (!looking->needed[i]) {
            continue;
        }
        objkey_pack(vault->keys.source, pack->type == SEAL_META, pack->name,
                    need->keys[need->count]);
        status = still_archived(vault->repo->store, need->keys[need->count], &archived, err);
        if (archived) {
            need->count++;
            need->bytes += pack->size;
        }
        if (progress != NULL) {
            progress(cookie, ++done, total);
        }
    }
    return status;
}

int thaw_look(struct vault *vault, const struct snapshot *snapshot,
              const struct thaw_selection *selection, thaw_progress *progress, void *cookie,
              struct thaw_need *ret_need, struct sme_error *err)
{
    CLEANUP(thaw_need_free) struct thaw_need need = {.keys = NULL};
    CLEANUP(archived_free) struct archived archived = {.at = NULL};
    CLEANUP(free_ptr) bool *needed = NULL;

    if (store_can(vault->repo->store, STORE_THAW)) {
        int status = list_archived(vault, &archived, err);
        if (status < 0) {
            return status;
        }
    }
    if (archived.count > 0) {
        needed = calloc(index_pack_count(vault->index) + 1, sizeof *needed);
        if (needed == NULL) {
            return no_memory(err);
        }
        struct looking looking = {.index = vault->index, .archived = &archived, .needed = needed};
        int status = find_needed(vault, snapshot, selection, &looking, err);
        if (status == SME_OK) {
            status = collect(vault, &looking, progress, cookie, &need, err);
        }
        if (status < 0) {
            return status;
        }
    }
    *ret_need = need;
    memset(&need, 0, sizeof need);
    return SME_OK;
}

int thaw_request(struct store *store, const struct thaw_need *need, uint32_t speed,
                 thaw_progress *progress, void *cookie, struct thaw_counts *ret_counts,
                 struct sme_error *err)
{
    struct thaw_counts counts = {.ready = 0};
    int status = SME_OK;

    for (size_t i = 0; i < need->count && status == SME_OK; i++) {
        uint32_t state = 0;
        status = cancel_check(err);
        if (status < 0) {
            break;
        }
        status = store_thaw(store, need->keys[i], speed, THAW_DAYS, &state, err);
        if (status == SME_OK) {
            counts.ready += state == SME_THAWED;
            counts.pending += state == SME_THAW_PENDING;
            counts.started += state == SME_THAW_STARTED;
        }
        if (progress != NULL) {
            progress(cookie, i + 1, need->count);
        }
    }
    *ret_counts = counts;
    return status;
}
