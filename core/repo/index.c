/*
 * The index of one source: bringing the local file up to date, and looking things up.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "index.h"

#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/limits.h"
#include "index_local.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Tables that are held in memory before they are merged into the file. */
#define MERGE_CHUNKS 1000000u

void index_free(struct index *index)
{
    if (index != NULL) {
        (void)munmap(index->map, index->map_size);
        free((void *)index->object_names);
        free(index);
    }
}

static int open_local(const struct source_keys *keys, const char *cache_dir,
                      struct index **ret_index)
{
    char path[PATH_MAX];

    if (cache_dir == NULL || !index_local_path(keys, cache_dir, path, sizeof path)) {
        return SME_E_NOT_FOUND;
    }
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return SME_E_NOT_FOUND;
    }
    return index_local_map(fd, keys, ret_index, NULL);
}

/* An empty file for a new local index: beside the old one, or in memory when there is no folder
 * or it cannot be written.  ${temp} is "" for the latter. */
static int temp_file(const struct source_keys *keys, const char *cache_dir, char temp[PATH_MAX])
{
    temp[0] = '\0';
    if (cache_dir != NULL && index_local_path(keys, cache_dir, temp, PATH_MAX - 8)) {
        char *slash = strrchr(temp, '/');
        *slash = '\0';
        int made = io_make_dirs(temp, 0700, NULL);
        *slash = '/';
        (void)snprintf(temp + strlen(temp), 8, ".XXXXXX");
        int fd = made == SME_OK ? mkostemp(temp, O_CLOEXEC) : -1;
        if (fd >= 0) {
            return fd;
        }
        temp[0] = '\0';
    }
    return memfd_create("sme-backup index", MFD_CLOEXEC);
}

/* Build ${old} + ${add}, put it into place, map it. */
static int rebuild(const struct index *old, const struct source_keys *keys, const char *cache_dir,
                   const struct index_addition *add, const char *const *objects,
                   size_t object_count, struct index **ret_index, struct sme_error *err)
{
    char temp[PATH_MAX];
    char path[PATH_MAX];
    CLEANUP(close_fd) int fd = temp_file(keys, cache_dir, temp);

    if (fd < 0) {
        return error_errno(err, "cannot make the local index");
    }
    int status = index_local_build(old, keys, add, objects, object_count, fd, err);
    if (status < 0 && temp[0] != '\0') { /* the cache's disk is full: try memory */
        (void)unlink(temp);
        (void)close(fd);
        temp[0] = '\0';
        fd = memfd_create("sme-backup index", MFD_CLOEXEC);
        status = fd < 0 ? error_errno(err, "cannot make the local index")
                        : index_local_build(old, keys, add, objects, object_count, fd, err);
    }
    if (status < 0) {
        return status;
    }
    /* No fsync: a file that a crash has damaged does not pass its check and is made anew. */
    if (temp[0] != '\0' &&
        (!index_local_path(keys, cache_dir, path, sizeof path) || rename(temp, path) < 0)) {
        (void)unlink(temp);
    }
    return ret_index == NULL ? SME_OK : index_local_map(fd, keys, ret_index, err);
}

static bool local_knows(const struct index *local, const char *key)
{
    for (size_t i = 0; local != NULL && i < local->header->object_count; i++) {
        if (strcmp(local->object_names[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static int fetch_object(struct repo *repo, const struct source_keys *keys, const char *key,
                        struct index_addition *add, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf raw = BUF_INIT(LIMIT_INDEX_OBJECT);
    struct index_addition one = {0};

    int status = store_get(repo->store, key, &raw, err);
    if (status == SME_OK) {
        status = index_object_decode(keys, key, &raw, &one, err);
    }
    if (status == SME_E_CORRUPT) {
        return error_hint(err, "run 'sme-backup check': the packs' own tables still hold what this "
                               "index object said");
    }
    if (status < 0) {
        return status;
    }
    for (size_t i = 0; i < one.count && status == SME_OK; i++) {
        status = index_addition_add(add, one.packs[i].name, one.packs[i].size, &one.packs[i].table);
    }
    index_addition_free(&one);
    return status < 0 ? sme_fail(err, status, "no memory for the index") : SME_OK;
}

static size_t chunks_in(const struct index_addition *add)
{
    size_t sum = 0;

    for (size_t i = 0; i < add->count; i++) {
        sum += add->packs[i].table.chunk_count;
    }
    return sum;
}

/* Merge what ${names} has and *index does not, in pieces of bounded size. */
static int merge_missing(struct repo *repo, const struct source_keys *keys, const char *cache_dir,
                         const struct store_names *names, struct index **index,
                         struct sme_error *err)
{
    struct index_addition add = {0};
    const char **objects = calloc(names->count + 1, sizeof *objects);
    size_t pending = 0;
    int status = SME_OK;

    if (objects == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the index");
    }
    for (size_t i = 0; i <= names->count && status == SME_OK; i++) {
        bool last = i == names->count;
        struct objkey key = {.kind = OBJKEY_FOREIGN};
        if (!last) {
            objkey_parse(names->at[i].key, &key);
        }
        if (key.kind == OBJKEY_INDEX && !local_knows(*index, names->at[i].key)) {
            status = fetch_object(repo, keys, names->at[i].key, &add, err);
            objects[pending++] = names->at[i].key;
        }
        bool full = chunks_in(&add) >= MERGE_CHUNKS;
        if (status == SME_OK && ((last && (pending > 0 || *index == NULL)) || full)) {
            struct index *merged = NULL;
            status = rebuild(*index, keys, cache_dir, &add, objects, pending, &merged, err);
            if (status == SME_OK) {
                index_free(*index);
                *index = merged;
            }
            index_addition_free(&add);
            pending = 0;
        }
    }
    index_addition_free(&add);
    free((void *)objects);
    return status;
}

static int update(struct repo *repo, const struct source_keys *keys, const char *cache_dir,
                  const struct store_names *names, struct index **ret_index, struct sme_error *err)
{
    struct index *index = NULL;

    if (open_local(keys, cache_dir, &index) < 0) {
        index = NULL;
    }
    for (size_t i = 0; index != NULL && i < index->header->object_count; i++) {
        if (store_names_find(names, index->object_names[i]) == NULL) {
            index_free(index);
            index = NULL;
        }
    }
    int status = merge_missing(repo, keys, cache_dir, names, &index, err);
    if (status < 0) {
        index_free(index);
        return status;
    }
    *ret_index = index;
    return SME_OK;
}

int index_open(struct repo *repo, const struct source_keys *keys, const char *cache_dir,
               const struct store_names *listed, struct index **ret_index, struct sme_error *err)
{
    struct store_names names = {0};
    objkey_text prefix;

    if (listed != NULL) {
        return update(repo, keys, cache_dir, listed, ret_index, err);
    }
    objkey_prefix(OBJKEY_INDEX, keys->source, prefix);
    int status = store_names(repo->store, prefix, &names, err);
    if (status == SME_OK) {
        status = update(repo, keys, cache_dir, &names, ret_index, err);
    }
    store_names_free(&names);
    return status;
}

int index_merge_local(const struct index *index, const struct source_keys *keys,
                      const char *cache_dir, const struct index_addition *add, const char *key,
                      struct sme_error *err)
{
    return cache_dir == NULL ? SME_OK : rebuild(index, keys, cache_dir, add, &key, 1, NULL, err);
}

const struct index_chunk *index_find(const struct index *index, const struct chunk_id *id)
{
    if (index->header->slot_count == 0) {
        return NULL;
    }
    uint64_t mask = index->header->slot_count - 1;
    uint64_t at = index_slot_hash(id->bytes) & mask;

    /* There are more slots than chunks, so an empty one ends every search. */
    while (index->slots[at] != 0) {
        const struct index_chunk *chunk = &index->chunks[index->slots[at] - 1];
        if (memcmp(chunk->id, id->bytes, sizeof chunk->id) == 0) {
            return chunk;
        }
        at = (at + 1) & mask;
    }
    return NULL;
}

size_t index_pack_count(const struct index *index)
{
    return index->header->pack_count;
}

size_t index_block_count(const struct index *index)
{
    return index->header->block_count;
}

const struct index_pack *index_pack_at(const struct index *index, uint32_t number)
{
    return &index->packs[number];
}

const struct index_block *index_block_at(const struct index *index, uint32_t number)
{
    return &index->blocks[number];
}

const struct index_chunk *index_chunks_of(const struct index *index,
                                          const struct index_block *block)
{
    return &index->chunks[block->first_chunk];
}

const uint8_t *index_run_enc(const struct index *index, uint32_t run)
{
    return index->runs + (size_t)run * 32;
}

size_t index_object_count(const struct index *index)
{
    return index->header->object_count;
}

const char *index_object_name(const struct index *index, size_t number)
{
    return index->object_names[number];
}
