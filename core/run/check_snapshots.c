/*
 * Checking snapshots: each by itself, and the chain that they form.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/hex.h"
#include "check_internal.h"

#include <stdlib.h>
#include <string.h>

/* Packs that a snapshot needs and nobody else knows are reported only so often. */
#define UNKNOWN_SHOWN 5

static void need_packs(struct check_source *source, uint32_t number, const char *key,
                       const struct snapshot *snapshot)
{
    unsigned unknown = 0;
    char name[65];

    for (size_t i = 0; i < snapshot->reach_count; i++) {
        struct check_pack *pack = check_pack_find(source, snapshot->reach[i]);
        if (pack != NULL) {
            pack->needed_by++;
            pack->newest = number;
        } else if (unknown++ < UNKNOWN_SHOWN) {
            hex_encode(snapshot->reach[i], 32, name);
            check_find(source->check, CHECK_DAMAGE, key,
                       "it needs pack %s, which is neither stored nor in the index: it cannot be "
                       "restored completely",
                       name);
        }
    }
    if (unknown > UNKNOWN_SHOWN) {
        check_find(source->check, CHECK_DAMAGE, key, "it needs %u more packs that are missing",
                   unknown - UNKNOWN_SHOWN);
    }
}

/* Open the root and walk the items. */
static int look_inside(struct check_source *source, const char *key, struct snapshot *snapshot,
                       struct sme_error *err)
{
    struct sme_error failure = SME_ERROR_INIT;

    if (!source->check->repo->keys.has_reader || source->vault == NULL) {
        source->check->counts.unverified++;
        return SME_OK;
    }
    int status = snapshot_open_root(source->check->repo, &source->keys, snapshot, &failure);
    if (status < 0 && !check_is_objects_own(status) && status != SME_E_KEY) {
        *err = failure;
        return status;
    }
    if (status < 0) {
        check_find_failure(source->check, key, &failure, "this snapshot cannot be restored");
        return SME_OK;
    }
    return check_items(source, snapshot, err);
}

static int look_at(struct check_source *source, uint32_t number, struct sme_error *err)
{
    const struct store_entry *entry = &source->snapshots.at[number];
    struct check_snapshot *slot = &source->loaded[number];
    struct sme_error failure = SME_ERROR_INIT;
    struct snapshot *snapshot = NULL;
    struct objkey key;

    objkey_parse(entry->key, &key);
    if (key.kind != OBJKEY_SNAPSHOT) {
        if (source->check->request->source != NULL) {
            source->check->counts.foreign++;
            check_find(source->check, CHECK_NOTE, entry->key,
                       "not an object of this program: ignored");
        }
        return SME_OK;
    }
    memcpy(slot->name, key.snapshot, sizeof slot->name);
    source->check->counts.snapshots++;
    int status = snapshot_load(source->check->repo, &source->keys, slot->name, &snapshot, &failure);
    if (status == SME_E_CANNOT_NOW) {
        source->check->counts.unverified++;
        check_find(source->check, CHECK_NOTE, entry->key, "archived: it was not read");
        return SME_OK;
    }
    if (status < 0 && !check_is_objects_own(status)) {
        *err = failure;
        return status;
    }
    if (status < 0) {
        check_find_failure(source->check, entry->key, &failure, "this snapshot cannot be restored");
        return SME_OK;
    }
    slot->loaded = true;
    slot->head = snapshot->head;
    memcpy(slot->hash, snapshot->hash, sizeof slot->hash);
    need_packs(source, number, entry->key, snapshot);
    status = look_inside(source, entry->key, snapshot, err);
    snapshot_free(snapshot);
    return status;
}

/* Does the predecessor that the head names fit the one that is there? */
static void look_at_chain(struct check_source *source, size_t number)
{
    static const uint8_t none[32];
    const struct check_snapshot *self = &source->loaded[number];
    const char *key = source->snapshots.at[number].key;
    const struct check_snapshot *before = NULL;

    if (!self->loaded || memcmp(self->head.previous, none, sizeof none) == 0) {
        return;
    }
    for (size_t i = 0; i < source->snapshots.count; i++) {
        const struct check_snapshot *other = &source->loaded[i];
        if (!other->loaded) {
            continue;
        }
        if (memcmp(other->hash, self->head.previous, sizeof other->hash) == 0) {
            return;
        }
        if (other->head.sequence + 1 == self->head.sequence &&
            strcmp(other->head.host, self->head.host) == 0) {
            before = other;
        }
    }
    if (before != NULL) {
        check_find(source->check, CHECK_DAMAGE, key,
                   "snapshot '%s' before it is not the one that it was made after: it was replaced",
                   before->name);
    } else {
        check_find(source->check, CHECK_NOTE, key,
                   "the snapshot before it (number %llu) is not there any more",
                   (unsigned long long)(self->head.sequence - 1));
    }
}

int check_snapshots(struct check_source *source, struct sme_error *err)
{
    struct check *check = source->check;
    uint64_t unverified = check->counts.unverified;
    int status = SME_OK;

    source->loaded = calloc(source->snapshots.count + 1, sizeof *source->loaded);
    if (source->loaded == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the snapshots");
    }
    /* Names begin with the time, so the listing is in the order in which they were made. */
    for (size_t i = 0; i < source->snapshots.count && status == SME_OK; i++) {
        check_progress(check);
        status = cancel_check(err);
        if (status == SME_OK) {
            status = look_at(source, (uint32_t)i, err);
        }
    }
    for (size_t i = 0; i < source->snapshots.count && status == SME_OK; i++) {
        look_at_chain(source, i);
    }
    if (status == SME_OK && check->counts.unverified > unverified) {
        check_find(check, CHECK_NOTE, source->name,
                   "the items of %llu snapshot%s were not read: %s",
                   (unsigned long long)(check->counts.unverified - unverified),
                   check->counts.unverified - unverified == 1 ? "" : "s",
                   check->repo->keys.has_reader ? "the index is damaged, or they are archived"
                                                : "this host holds a write-only key");
    }
    return status;
}
