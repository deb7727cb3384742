/*
 * Snapshot objects: listing, finding, loading, and the commit point.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "snapshot.h"

#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/wire.h"
#include "snapshot_codec.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC "SMESNAP1"
#define FIXED (8 + 32 + 12)
#define HEAD_READ 8192 /* a head is far below this; one read fetches it */

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot != NULL) {
        snapshot_root_free(&snapshot->root);
        free(snapshot->reach);
        buf_free(&snapshot->sealed_root);
        free(snapshot);
    }
}

static int compare_times(const void *a, const void *b)
{
    const struct snapshot_entry *left = a;
    const struct snapshot_entry *right = b;
    int order = strcmp(left->source, right->source);

    return order != 0 ? order : strcmp(left->name, right->name);
}

int snapshot_list(struct repo *repo, const char *source, struct snapshot_list *ret_list,
                  struct sme_error *err)
{
    struct store_names names = {0};
    struct snapshot_list list = {0};
    objkey_text prefix;

    objkey_prefix(OBJKEY_SNAPSHOT, source, prefix);
    int status = store_names(repo->store, prefix, &names, err);
    if (status < 0) {
        return status;
    }
    list.at = calloc(names.count + 1, sizeof *list.at);
    if (list.at == NULL) {
        store_names_free(&names);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of snapshots");
    }
    for (size_t i = 0; i < names.count; i++) {
        struct objkey key;
        objkey_parse(names.at[i].key, &key);
        if (key.kind == OBJKEY_SNAPSHOT) {
            struct snapshot_entry *entry = &list.at[list.count++];
            memcpy(entry->source, key.source, sizeof entry->source);
            memcpy(entry->name, key.snapshot, sizeof entry->name);
            entry->time_sec = key.time_sec;
            entry->size = names.at[i].size;
        }
    }
    store_names_free(&names);
    qsort(list.at, list.count, sizeof *list.at, compare_times);
    *ret_list = list;
    return SME_OK;
}

void snapshot_list_free(struct snapshot_list *list)
{
    free(list->at);
    list->at = NULL;
    list->count = 0;
}

struct parts {
    uint8_t run_enc[32];
    uint32_t head, reach, root;
};

static bool read_parts(const struct buf *raw, struct parts *ret)
{
    struct wire w = wire_of(raw->data, raw->len);
    const uint8_t *magic = wire_view(&w, 8);

    wire_copy(&w, ret->run_enc, sizeof ret->run_enc);
    ret->head = wire_le32(&w);
    ret->reach = wire_le32(&w);
    ret->root = wire_le32(&w);
    return !w.bad && memcmp(magic, MAGIC, 8) == 0;
}

static int damaged(const char *key, const char *what, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_CORRUPT, "snapshot object '%s' is damaged: %s", key, what);
    return error_hint(err,
                      "other snapshots do not depend on it; 'sme-backup check' tells what else "
                      "is affected");
}

/* Open the head in ${raw}, which begins with the object's first bytes. */
static int open_head(const struct source_keys *keys, const char *name, const char *key,
                     struct sealer *sealer, const struct buf *raw, const struct parts *parts,
                     struct snapshot_head *ret_head, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(LIMIT_SNAPSHOT_OBJECT);

    if (parts->head > raw->len - FIXED ||
        open_object(sealer, &keys->index, SEAL_SNAPSHOT_HEAD, raw->data + FIXED, parts->head,
                    &plain, err) < 0) {
        return damaged(key, "its head is not genuine", err);
    }
    if (!snapshot_decode_head(&plain, ret_head)) {
        return damaged(key, "its head is not of version 1", err);
    }
    memcpy(ret_head->run_enc, parts->run_enc, sizeof ret_head->run_enc);
    if (strcmp(ret_head->source, keys->source) != 0 || strcmp(ret_head->name, name) != 0) {
        return damaged(key, "it is another snapshot under this name", err);
    }
    return SME_OK;
}

int snapshot_load_head(struct repo *repo, const struct source_keys *keys, const char *name,
                       struct snapshot_head *ret_head, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf raw = BUF_INIT(HEAD_READ);
    struct sealer *sealer = NULL;
    struct parts parts;
    objkey_text key;

    objkey_snapshot(keys->source, name, key);
    uint8_t *at = buf_grow(&raw, HEAD_READ);
    if (at == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read '%s'", key);
    }
    int status = store_get_some(repo->store, key, 0, at, HEAD_READ, &raw.len, err);
    if (status < 0) {
        return status;
    }
    if (!read_parts(&raw, &parts)) {
        return damaged(key, "it does not begin as one", err);
    }
    status = sealer_new(keys, &sealer, err);
    if (status < 0) {
        return status;
    }
    status = open_head(keys, name, key, sealer, &raw, &parts, ret_head, err);
    sealer_free(sealer);
    return status;
}

static int open_parts(const struct source_keys *keys, const char *name, const char *key,
                      const struct buf *raw, struct snapshot *snapshot, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(LIMIT_SNAPSHOT_OBJECT);
    struct sealer *sealer = NULL;
    struct parts parts;

    if (!read_parts(raw, &parts) ||
        (uint64_t)FIXED + parts.head + parts.reach + parts.root != raw->len) {
        return damaged(key, "its parts do not fill it", err);
    }
    int status = sealer_new(keys, &sealer, err);
    if (status < 0) {
        return status;
    }
    status = open_head(keys, name, key, sealer, raw, &parts, &snapshot->head, err);
    if (status == SME_OK) {
        status = open_object(sealer, &keys->index, SEAL_SNAPSHOT_REACH,
                             raw->data + FIXED + parts.head, parts.reach, &plain, err);
        if (status < 0 || !snapshot_decode_reach(&plain, snapshot)) {
            status = damaged(key, "its list of packs is not genuine", err);
        }
    }
    sealer_free(sealer);
    if (status < 0) {
        return status;
    }
    buf_init(&snapshot->sealed_root, LIMIT_SNAPSHOT_OBJECT);
    buf_add(&snapshot->sealed_root, raw->data + FIXED + parts.head + parts.reach, parts.root);
    if (snapshot->sealed_root.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for snapshot '%s'", name);
    }
    snapshot->object_size = raw->len;
    return sha256_of(raw->data, raw->len, snapshot->hash, err);
}

int snapshot_load(struct repo *repo, const struct source_keys *keys, const char *name,
                  struct snapshot **ret_snapshot, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf raw = BUF_INIT(LIMIT_SNAPSHOT_OBJECT);
    objkey_text key;

    objkey_snapshot(keys->source, name, key);
    int status = store_get(repo->store, key, &raw, err);
    if (status < 0) {
        return status;
    }
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for snapshot '%s'", name);
    }
    status = open_parts(keys, name, key, &raw, snapshot, err);
    if (status < 0) {
        snapshot_free(snapshot);
        return status;
    }
    *ret_snapshot = snapshot;
    return SME_OK;
}

int snapshot_open_root(struct repo *repo, const struct source_keys *keys, struct snapshot *snapshot,
                       struct sme_error *err)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(LIMIT_SNAPSHOT_OBJECT);
    struct run_key run = {0};
    struct sealer *sealer = NULL;
    objkey_text key;

    if (snapshot->has_root) {
        return SME_OK;
    }
    objkey_snapshot(keys->source, snapshot->head.name, key);
    int status = run_key_open(&repo->keys, keys, snapshot->head.run_enc, &run, err);
    if (status < 0) {
        return error_context(err, "cannot open snapshot '%s'", snapshot->head.name);
    }
    status = sealer_new(keys, &sealer, err);
    if (status == SME_OK) {
        status = open_object(sealer, &run.key, SEAL_SNAPSHOT_ROOT, snapshot->sealed_root.data,
                             snapshot->sealed_root.len, &plain, err);
        sealer_free(sealer);
    }
    secret_done(&run.key);
    if (status < 0 || !snapshot_decode_root(&plain, &snapshot->root)) {
        return damaged(key, "its root is not genuine", err);
    }
    snapshot->has_root = true;
    return SME_OK;
}

/* "latest-3" → 3, "latest" → 0; -1 for anything else. */
static long latest_back(const char *text)
{
    char *end = NULL;

    if (text == NULL || strcmp(text, "latest") == 0) {
        return 0;
    }
    if (strncmp(text, "latest-", 7) != 0 || text[7] < '0' || text[7] > '9') {
        return -1;
    }
    errno = 0;
    long back = strtol(text + 7, &end, 10);
    return errno == 0 && *end == '\0' ? back : -1;
}

static int pick(const struct snapshot_list *list, const char *source, const char *text,
                struct snapshot_entry *ret_entry, struct sme_error *err)
{
    long back = latest_back(text);

    if (list->count == 0) {
        (void)sme_fail(err, SME_E_NOT_FOUND, "there is no snapshot of '%s'", source);
        return error_hint(err, "'sme-backup list' shows what there is");
    }
    if (back >= 0) {
        if ((size_t)back >= list->count) {
            return sme_fail(err, SME_E_NOT_FOUND, "'%s' has only %zu snapshots", source,
                            list->count);
        }
        *ret_entry = list->at[list->count - 1 - (size_t)back];
        return SME_OK;
    }
    const struct snapshot_entry *found = NULL;
    size_t matches = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *id = strchr(list->at[i].name, '-');
        if (strncmp(list->at[i].name, text, strlen(text)) == 0 || strcmp(id + 1, text) == 0) {
            found = &list->at[i];
            matches++;
        }
    }
    if (matches == 1) {
        *ret_entry = *found;
        return SME_OK;
    }
    if (matches > 1) {
        (void)sme_fail(err, SME_E_INVALID, "'%s' stands for %zu snapshots of '%s'", text, matches,
                       source);
        return error_hint(err, "give more of the name, e.g. %s", found->name);
    }
    (void)sme_fail(err, SME_E_NOT_FOUND, "there is no snapshot '%.40s' of '%s'", text, source);
    return error_hint(err, "the newest is %s; 'sme-backup list %s' shows all",
                      list->at[list->count - 1].name, source);
}

int snapshot_resolve(struct repo *repo, const char *source, const char *text,
                     struct snapshot_entry *ret_entry, struct sme_error *err)
{
    struct snapshot_list list = {0};

    int status = snapshot_list(repo, source, &list, err);
    if (status < 0) {
        return status;
    }
    status = pick(&list, source, text, ret_entry, err);
    snapshot_list_free(&list);
    return status;
}

static int seal_part(struct sealer *sealer, const struct secret *key, enum seal_type type,
                     struct buf *plain, struct buf *out, uint32_t *ret_len, struct sme_error *err)
{
    size_t start = out->len;

    if (plain->bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "the snapshot object would be too large");
    }
    int status = seal_object(sealer, key, type, plain->data, plain->len, out, err);
    *ret_len = (uint32_t)(out->len - start);
    buf_clear(plain);
    return status;
}

/* A run is good only if its snapshot is really there, whatever the store said of the put: a proxy
 * or a store that loses what it has confirmed is noticed now, not when it is needed. */
static int confirm(struct store *store, const char *key, size_t len, struct sme_error *err)
{
    struct sme_object object = {.struct_size = sizeof object};
    int status = store_stat(store, key, &object, err);

    if (status == SME_OK && object.size == len) {
        return SME_OK;
    }
    if (status != SME_OK && status != SME_E_NOT_FOUND) {
        return status;
    }
    (void)sme_fail(err, SME_E_IO, "sink '%s' confirmed object '%s' of %zu bytes, but %s",
                   store_name(store), key, len,
                   status == SME_OK ? "has another one" : "does not have it");
    return error_hint(err, "the store or a proxy before it does not keep what it confirms; nothing "
                           "was committed");
}

int snapshot_put(struct repo *repo, const struct source_keys *keys, const struct run_key *run,
                 const struct snapshot *snapshot, uint8_t ret_hash[32], struct sme_error *err)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(LIMIT_SNAPSHOT_OBJECT);
    CLEANUP(buf_free) struct buf parts = BUF_INIT(LIMIT_SNAPSHOT_OBJECT);
    CLEANUP(buf_free) struct buf raw = BUF_INIT(LIMIT_SNAPSHOT_OBJECT);
    struct sealer *sealer = NULL;
    uint32_t lens[3] = {0};
    uint8_t hash[32];
    objkey_text key;

    int status = sealer_new(keys, &sealer, err);
    if (status < 0) {
        return status;
    }
    snapshot_encode_head(&snapshot->head, &plain);
    status = seal_part(sealer, &keys->index, SEAL_SNAPSHOT_HEAD, &plain, &parts, &lens[0], err);
    if (status == SME_OK) {
        snapshot_encode_reach(snapshot, &plain);
        status =
            seal_part(sealer, &keys->index, SEAL_SNAPSHOT_REACH, &plain, &parts, &lens[1], err);
    }
    if (status == SME_OK) {
        snapshot_encode_root(&snapshot->root, &plain);
        status = seal_part(sealer, &run->key, SEAL_SNAPSHOT_ROOT, &plain, &parts, &lens[2], err);
    }
    sealer_free(sealer);
    if (status < 0) {
        return status;
    }
    buf_add(&raw, MAGIC, 8);
    buf_add(&raw, run->enc, sizeof run->enc);
    for (size_t i = 0; i < 3; i++) {
        buf_le32(&raw, lens[i]);
    }
    buf_add(&raw, parts.data, parts.len);
    if (raw.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "the snapshot object would be too large");
    }
    if ((status = sha256_of(raw.data, raw.len, hash, err)) < 0) {
        return status;
    }
    objkey_snapshot(keys->source, snapshot->head.name, key);
    status = store_put(repo->store, key, raw.data, raw.len, hash, false, err);
    if (status == SME_OK) {
        status = store_sync(repo->store, err);
    }
    if (status == SME_OK) {
        status = confirm(repo->store, key, raw.len, err);
    }
    if (status == SME_OK) {
        memcpy(ret_hash, hash, sizeof hash);
    }
    return status;
}
