/*
 * Checking a source's objects: what is stored against what the index says and the snapshots need.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/hex.h"
#include "../base/limits.h"
#include "../repo/session.h"
#include "check_internal.h"

#include <stdlib.h>
#include <string.h>

void check_pack_key(const struct check_source *source, const struct check_pack *pack,
                    objkey_text out)
{
    objkey_pack(source->name, (pack->flags & CHECK_PACK_META) != 0, pack->name, out);
}

static int compare_packs(const void *a, const void *b)
{
    return memcmp(((const struct check_pack *)a)->name, ((const struct check_pack *)b)->name, 32);
}

struct check_pack *check_pack_find(struct check_source *source, const uint8_t name[32])
{
    struct check_pack key;

    memcpy(key.name, name, sizeof key.name);
    return source->pack_count == 0 ? NULL
                                   : bsearch(&key, source->packs, source->pack_count,
                                             sizeof *source->packs, compare_packs);
}

static int add_pack(struct check_source *source, const struct check_pack *pack,
                    struct sme_error *err)
{
    if (source->pack_count == source->pack_cap) {
        size_t cap = source->pack_cap == 0 ? 256 : source->pack_cap * 2;
        struct check_pack *grown = reallocarray(source->packs, cap, sizeof *grown);
        if (grown == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of packs");
        }
        source->packs = grown;
        source->pack_cap = cap;
    }
    source->packs[source->pack_count++] = *pack;
    return SME_OK;
}

/* Make one of what the listing and the index objects said of the same pack. */
static void merge_packs(struct check_source *source)
{
    size_t out = 0;

    if (source->pack_count == 0) {
        return;
    }
    qsort(source->packs, source->pack_count, sizeof *source->packs, compare_packs);
    for (size_t i = 1; i < source->pack_count; i++) {
        struct check_pack *kept = &source->packs[out];
        const struct check_pack *next = &source->packs[i];
        if (compare_packs(kept, next) != 0) {
            source->packs[++out] = *next;
            continue;
        }
        if ((kept->flags & next->flags & CHECK_PACK_INDEXED) != 0 &&
            kept->indexed_size != next->indexed_size) {
            kept->flags |= CHECK_PACK_BAD;
        }
        kept->size = (next->flags & CHECK_PACK_LISTED) != 0 ? next->size : kept->size;
        kept->indexed_size =
            (next->flags & CHECK_PACK_INDEXED) != 0 ? next->indexed_size : kept->indexed_size;
        kept->flags |= next->flags;
    }
    source->pack_count = out + 1;
}

static int list(struct check_source *source, struct sme_error *err)
{
    objkey_text prefix;

    (void)snprintf(prefix, sizeof prefix, "%s/", source->name);
    int status = store_names(source->check->repo->store, prefix, &source->objects, err);
    if (status == SME_OK) {
        objkey_prefix(OBJKEY_SNAPSHOT, source->name, prefix);
        status = store_names(source->check->repo->store, prefix, &source->snapshots, err);
    }
    return status;
}

static int look_at_index(struct check_source *source, const struct store_entry *entry,
                         const struct objkey *key, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf raw = BUF_INIT(LIMIT_INDEX_OBJECT);
    struct sme_error failure = SME_ERROR_INIT;
    struct index_addition add = {0};
    uint8_t hash[32];

    source->check->counts.index_objects++;
    int status = store_get(source->check->repo->store, entry->key, &raw, &failure);
    if (status == SME_OK) {
        status = sha256_of(raw.data, raw.len, hash, &failure);
    }
    if (status == SME_OK && memcmp(hash, key->hash, sizeof hash) != 0) {
        status = sme_fail(&failure, SME_E_CORRUPT, "its bytes are not those of its name");
    }
    if (status == SME_OK) {
        status = index_object_decode(&source->keys, entry->key, &raw, &add, &failure);
    }
    if (status < 0 && !check_is_objects_own(status)) {
        *err = failure;
        return status;
    }
    if (status < 0) {
        source->index_damaged = true;
        check_find_failure(source->check, entry->key, &failure,
                           "its packs cannot be found any more; the packs' own tables still hold "
                           "what it said");
        return SME_OK;
    }
    for (size_t i = 0; i < add.count && status == SME_OK; i++) {
        struct check_pack pack = {.indexed_size = add.packs[i].size,
                                  .flags = CHECK_PACK_INDEXED,
                                  .number = CHECK_PACK_NONE};
        memcpy(pack.name, add.packs[i].name, sizeof pack.name);
        if (add.packs[i].table.type == SEAL_META) {
            pack.flags |= CHECK_PACK_META;
        }
        status = add_pack(source, &pack, err);
    }
    index_addition_free(&add);
    return status;
}

static void look_at_session(struct check_source *source, const struct store_entry *entry,
                            const struct objkey *key)
{
    int64_t age_sec = clock_realtime_ns() / NS_PER_SEC - key->time_sec;

    if (age_sec > SESSION_MAX_HOURS * INT64_C(3600)) {
        check_find(source->check, CHECK_GARBAGE, entry->key,
                   "the marker of a run that ended without removing it");
    } else {
        source->run_is_going_on = true;
        check_find(source->check, CHECK_NOTE, entry->key,
                   "a run is going on, or was killed less than %d hours ago", SESSION_MAX_HOURS);
    }
}

static int look_at(struct check_source *source, const struct store_entry *entry,
                   struct sme_error *err)
{
    struct check_pack pack = {
        .size = entry->size, .flags = CHECK_PACK_LISTED, .number = CHECK_PACK_NONE};
    struct objkey key;

    objkey_parse(entry->key, &key);
    if (source->check->request->source != NULL && key.kind == OBJKEY_FOREIGN) {
        source->check->counts.foreign++;
        check_find(source->check, CHECK_NOTE, entry->key, "not an object of this program: ignored");
    }
    switch (key.kind) {
    case OBJKEY_DATA_PACK:
    case OBJKEY_META_PACK:
        source->check->counts.packs++;
        memcpy(pack.name, key.hash, sizeof pack.name);
        pack.flags |= key.kind == OBJKEY_META_PACK ? CHECK_PACK_META : 0;
        return add_pack(source, &pack, err);
    case OBJKEY_INDEX:
        return look_at_index(source, entry, &key, err);
    case OBJKEY_SESSION:
        look_at_session(source, entry, &key);
        return SME_OK;
    case OBJKEY_FOREIGN:
    case OBJKEY_DESCRIPTOR:
    case OBJKEY_KEY_SLOT:
    case OBJKEY_SNAPSHOT:
    case OBJKEY_PENDING:
    case OBJKEY_TOMBSTONE:
        break;
    }
    return SME_OK;
}

static int open_vault(struct check_source *source, struct sme_error *err)
{
    struct sme_error failure = SME_ERROR_INIT;

    if (source->index_damaged) {
        return SME_OK;
    }
    int status = vault_open(source->check->repo, source->name, source->check->request->cache_dir,
                            &source->vault, &failure);
    if (status < 0 && !check_is_objects_own(status)) {
        *err = failure;
        return status;
    }
    if (status < 0) {
        source->index_damaged = true;
        check_find_failure(source->check, source->name, &failure, "its index cannot be opened");
        return SME_OK;
    }
    const struct index *index = source->vault->index;
    for (size_t i = 0; i < index_pack_count(index); i++) {
        struct check_pack *pack = check_pack_find(source, index_pack_at(index, (uint32_t)i)->name);
        if (pack != NULL) {
            pack->number = (uint32_t)i;
        }
    }
    return SME_OK;
}

int check_objects(struct check_source *source, struct sme_error *err)
{
    struct check *check = source->check;
    uint64_t index_objects = check->counts.index_objects;

    int status = list(source, err);
    for (size_t i = 0; i < source->objects.count && status == SME_OK; i++) {
        check_progress(check);
        status = cancel_check(err);
        if (status == SME_OK) {
            status = look_at(source, &source->objects.at[i], err);
        }
    }
    if (status < 0) {
        return status;
    }
    merge_packs(source);
    if (check->counts.index_objects == index_objects && source->pack_count > 0 &&
        source->snapshots.count > 0) {
        source->index_damaged = true;
        check_find(check, CHECK_DAMAGE, source->name,
                   "all its index objects are missing, but there are packs and snapshots: nothing "
                   "can be restored until the index is made anew from the packs' tables");
    }
    return open_vault(source, err);
}

/* "needed by 3 snapshots, the newest is 2026..." */
static const char *who_needs(const struct check_source *source, const struct check_pack *pack,
                             char out[160])
{
    if (pack->needed_by == 0) {
        return "no snapshot needs it";
    }
    (void)snprintf(out, 160, "%u snapshot%s cannot be restored completely, the newest is '%s'",
                   pack->needed_by, pack->needed_by == 1 ? "" : "s",
                   source->loaded[pack->newest].name);
    return out;
}

static void compare_one(struct check_source *source, struct check_pack *pack)
{
    struct check *check = source->check;
    bool listed = (pack->flags & CHECK_PACK_LISTED) != 0;
    bool indexed = (pack->flags & CHECK_PACK_INDEXED) != 0;
    char who[160];
    objkey_text key;

    check_pack_key(source, pack, key);
    if ((pack->flags & CHECK_PACK_BAD) != 0) {
        check_find(check, CHECK_DAMAGE, key, "index objects disagree about its size");
    } else if (!listed) {
        check_find(check, pack->needed_by > 0 ? CHECK_DAMAGE : CHECK_GARBAGE, key,
                   "the pack is missing: %s", who_needs(source, pack, who));
    } else if (indexed && pack->size != pack->indexed_size) {
        pack->flags |= CHECK_PACK_BAD;
        check_find(check, CHECK_DAMAGE, key, "the pack has %llu bytes instead of %llu: %s",
                   (unsigned long long)pack->size, (unsigned long long)pack->indexed_size,
                   who_needs(source, pack, who));
    } else if (!indexed && !source->index_damaged && pack->needed_by > 0) {
        check_find(check, CHECK_DAMAGE, key, "the pack is not in the index: %s",
                   who_needs(source, pack, who));
    } else if (!indexed && !source->index_damaged) {
        check_find(check, source->run_is_going_on ? CHECK_NOTE : CHECK_GARBAGE, key,
                   source->run_is_going_on ? "not in the index yet: of the run that is going on"
                                           : "not in the index: left by an interrupted run");
    }
}

void check_compare_packs(struct check_source *source)
{
    for (size_t i = 0; i < source->pack_count; i++) {
        compare_one(source, &source->packs[i]);
    }
}
