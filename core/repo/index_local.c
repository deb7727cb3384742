/*
 * The local index file: mapping it, checking it, building it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "index_local.h"

#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/hashmap.h"
#include "../base/hex.h"
#include "../base/limits.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

_Static_assert(sizeof(struct index_header) == 128, "layout of the local index");
_Static_assert(sizeof(struct index_pack) == 64, "layout of the local index");
_Static_assert(sizeof(struct index_block) == 40, "layout of the local index");
_Static_assert(sizeof(struct index_chunk) == 40, "layout of the local index");

bool index_local_path(const struct source_keys *keys, const char *cache_dir, char *out,
                      size_t out_size)
{
    char id[33];

    hex_encode(keys->repository, sizeof keys->repository, id);
    int len = snprintf(out, out_size, "%s/%s/%s/index", cache_dir, id, keys->source);
    return len > 0 && (size_t)len < out_size;
}

static uint64_t align8(uint64_t n)
{
    return (n + 7) & ~UINT64_C(7);
}

/* Offsets of the sections that follow from the counts; false if they overflow or are absurd. */
struct layout {
    uint64_t packs, runs, blocks, chunks, slots, end;
};

static bool lay_out(const struct index_header *h, struct layout *ret)
{
    const uint64_t cap = UINT64_C(1) << 40;

    if (h->object_bytes > cap || h->pack_count > UINT32_MAX || h->run_count > UINT32_MAX ||
        h->block_count > UINT32_MAX || h->chunk_count >= UINT32_MAX || h->slot_count > cap ||
        h->object_count > h->object_bytes) {
        return false;
    }
    ret->packs = align8(sizeof *h + h->object_bytes);
    ret->runs = ret->packs + h->pack_count * sizeof(struct index_pack);
    ret->blocks = ret->runs + h->run_count * 32;
    ret->chunks = ret->blocks + h->block_count * sizeof(struct index_block);
    ret->slots = ret->chunks + h->chunk_count * sizeof(struct index_chunk);
    ret->end = ret->slots + h->slot_count * sizeof(uint32_t);
    return true;
}

static int compute_mac(const struct source_keys *keys, const uint8_t *map, size_t size,
                       uint8_t out[32], struct sme_error *err)
{
    struct index_header header;
    struct mac *mac = NULL;
    int status = mac_new(&keys->cache, &mac, err);

    if (status < 0) {
        return status;
    }
    memcpy(&header, map, sizeof header);
    memset(header.mac, 0, sizeof header.mac);
    status = mac_start(mac);
    status = status < 0 ? status : mac_add(mac, &header, sizeof header);
    status = status < 0 ? status : mac_add(mac, map + sizeof header, size - sizeof header);
    status = status < 0 ? status : mac_finish(mac, out);
    mac_free(mac);
    return status < 0 ? sme_fail(err, SME_E_NO_MEMORY, "cannot check the local index") : SME_OK;
}

static bool names_sane(struct index *index)
{
    const char *at = index->objects;
    const char *end = at + index->header->object_bytes;

    index->object_names = calloc(index->header->object_count + 1, sizeof *index->object_names);
    if (index->object_names == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < index->header->object_count; i++) {
        const char *stop = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        if (stop == NULL) {
            return false;
        }
        index->object_names[i] = at;
        at = stop + 1;
    }
    return at == end;
}

int index_local_map(int fd, const struct source_keys *keys, struct index **ret_index,
                    struct sme_error *err)
{
    struct stat st;
    struct layout lay;
    uint8_t mac[32];

    if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(struct index_header)) {
        return sme_fail(err, SME_E_CORRUPT, "the local index is too short");
    }
    struct index *index = calloc(1, sizeof *index);
    if (index == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the index");
    }
    index->map_size = (size_t)st.st_size;
    index->map = mmap(NULL, index->map_size, PROT_READ, MAP_SHARED, fd, 0);
    if (index->map == MAP_FAILED) {
        free(index);
        return error_errno(err, "cannot map the local index");
    }
    const struct index_header *h = index->header = (const struct index_header *)index->map;
    if (memcmp(h->magic, INDEX_LOCAL_MAGIC, 8) != 0 || h->version != INDEX_LOCAL_VERSION ||
        h->byte_order != INDEX_LOCAL_ORDER || !lay_out(h, &lay) || lay.end != index->map_size ||
        h->file_size != index->map_size ||
        memcmp(h->repository, keys->repository, sizeof h->repository) != 0 ||
        (h->slot_count & (h->slot_count - 1)) != 0 ||
        (h->chunk_count > 0 && h->slot_count <= h->chunk_count) ||
        compute_mac(keys, index->map, index->map_size, mac, NULL) < 0 ||
        !secret_equal(mac, h->mac, sizeof mac)) {
        index_free(index);
        return sme_fail(err, SME_E_CORRUPT, "the local index is damaged or not of this source");
    }
    index->objects = (const char *)index->map + sizeof *h;
    index->packs = (const struct index_pack *)(const void *)(index->map + lay.packs);
    index->runs = index->map + lay.runs;
    index->blocks = (const struct index_block *)(const void *)(index->map + lay.blocks);
    index->chunks = (const struct index_chunk *)(const void *)(index->map + lay.chunks);
    index->slots = (const uint32_t *)(const void *)(index->map + lay.slots);
    if (!names_sane(index)) {
        index_free(index);
        return sme_fail(err, SME_E_CORRUPT, "the local index is damaged");
    }
    *ret_index = index;
    return SME_OK;
}

/* What is known of the result before it is written. */
struct plan {
    struct index_header header;
    struct layout layout;
    bool *take; /* of ${add}: packs that the old index does not have */
};

static int plan_packs(const struct index *old, const struct index_addition *add, struct plan *plan,
                      struct sme_error *err)
{
    struct hashmap seen = {0};
    int added = 0;

    plan->take = calloc(add->count + 1, sizeof *plan->take);
    if (plan->take == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to merge the index");
    }
    for (size_t i = 0; old != NULL && i < old->header->pack_count && added >= 0; i++) {
        added = hashmap_add(&seen, old->packs[i].name, 0, NULL);
    }
    for (size_t i = 0; i < add->count && added >= 0; i++) {
        const struct pack_table *table = &add->packs[i].table;
        added = hashmap_add(&seen, add->packs[i].name, 0, NULL);
        plan->take[i] = added == 1;
        if (added == 1) {
            plan->header.pack_count++;
            plan->header.run_count += table->run_count;
            plan->header.block_count += table->block_count;
            plan->header.chunk_count += table->chunk_count;
        }
    }
    hashmap_free(&seen);
    return added < 0 ? sme_fail(err, SME_E_NO_MEMORY, "no memory to merge the index") : SME_OK;
}

static int make_plan(const struct index *old, const struct source_keys *keys,
                     const struct index_addition *add, const char *const *objects,
                     size_t object_count, struct plan *plan, struct sme_error *err)
{
    struct index_header *h = &plan->header;

    memcpy(h->magic, INDEX_LOCAL_MAGIC, 8);
    h->version = INDEX_LOCAL_VERSION;
    h->byte_order = INDEX_LOCAL_ORDER;
    memcpy(h->repository, keys->repository, sizeof h->repository);
    if (old != NULL) {
        h->object_count = old->header->object_count;
        h->object_bytes = old->header->object_bytes;
        h->pack_count = old->header->pack_count;
        h->run_count = old->header->run_count;
        h->block_count = old->header->block_count;
        h->chunk_count = old->header->chunk_count;
    }
    h->object_count += object_count;
    for (size_t i = 0; i < object_count; i++) {
        h->object_bytes += strlen(objects[i]) + 1;
    }
    int status = plan_packs(old, add, plan, err);
    if (status < 0) {
        return status;
    }
    if (h->chunk_count > 0) {
        h->slot_count = 16;
        while (h->slot_count < h->chunk_count * 2) {
            h->slot_count *= 2;
        }
    }
    if (!lay_out(h, &plan->layout)) {
        return sme_fail(err, SME_E_NO_MEMORY, "the index would have more than 2^32 chunks");
    }
    h->file_size = plan->layout.end;
    return SME_OK;
}

static void copy_old(const struct index *old, const struct plan *plan, uint8_t *map)
{
    const struct index_header *h = old->header;

    memcpy(map + sizeof *h, old->objects, h->object_bytes);
    memcpy(map + plan->layout.packs, old->packs, h->pack_count * sizeof *old->packs);
    memcpy(map + plan->layout.runs, old->runs, h->run_count * 32);
    memcpy(map + plan->layout.blocks, old->blocks, h->block_count * sizeof *old->blocks);
    memcpy(map + plan->layout.chunks, old->chunks, h->chunk_count * sizeof *old->chunks);
}

/* Numbers of the next pack, run, block and chunk to be written. */
struct cursor {
    uint32_t pack, run, block, chunk;
};

static void add_pack(const struct pack_table *table, const uint8_t name[32], uint64_t size,
                     const struct plan *plan, struct cursor *at, uint8_t *map)
{
    struct index_pack *packs = (struct index_pack *)(void *)(map + plan->layout.packs);
    struct index_block *blocks = (struct index_block *)(void *)(map + plan->layout.blocks);
    struct index_chunk *chunks = (struct index_chunk *)(void *)(map + plan->layout.chunks);
    struct index_pack *pack = &packs[at->pack];

    memcpy(pack->name, name, sizeof pack->name);
    pack->size = size;
    pack->type = table->type;
    pack->first_block = at->block;
    pack->block_count = table->block_count;
    pack->first_run = at->run;
    pack->run_count = table->run_count;
    if (table->run_count > 0) {
        memcpy(map + plan->layout.runs + (uint64_t)at->run * 32, table->runs,
               (size_t)table->run_count * 32);
    }
    for (uint32_t b = 0; b < table->block_count; b++) {
        const struct pack_block *from = &table->blocks[b];
        struct index_block *block = &blocks[at->block + b];
        block->offset = from->offset;
        block->pack = at->pack;
        block->stored_len = from->stored_len;
        block->plain_len = from->plain_len;
        block->first_chunk = at->chunk + from->first_chunk;
        block->chunk_count = from->chunk_count;
        block->run = at->run + from->run;
        block->codec = from->codec;
        block->level = from->level;
        for (uint32_t c = from->first_chunk; c < from->first_chunk + from->chunk_count; c++) {
            struct index_chunk *chunk = &chunks[at->chunk + c];
            memcpy(chunk->id, table->chunks[c].id.bytes, sizeof chunk->id);
            chunk->len = table->chunks[c].len;
            chunk->block = at->block + b;
        }
    }
    at->pack++;
    at->run += table->run_count;
    at->block += table->block_count;
    at->chunk += table->chunk_count;
}

static void fill_slots(const struct plan *plan, uint8_t *map)
{
    const struct index_chunk *chunks =
        (const struct index_chunk *)(void *)(map + plan->layout.chunks);
    uint32_t *slots = (uint32_t *)(void *)(map + plan->layout.slots);
    uint64_t mask = plan->header.slot_count - 1;

    for (uint32_t i = 0; i < plan->header.chunk_count; i++) {
        uint64_t at = index_slot_hash(chunks[i].id) & mask;
        while (slots[at] != 0 && memcmp(chunks[slots[at] - 1].id, chunks[i].id, 32) != 0) {
            at = (at + 1) & mask;
        }
        /* The newest copy is the one that is found: a chunk is stored again only when the pack
         * with the older copy was absent or about to go. */
        slots[at] = i + 1;
    }
}

static int write_map(const struct index *old, const struct source_keys *keys,
                     const struct index_addition *add, const char *const *objects,
                     size_t object_count, const struct plan *plan, uint8_t *map,
                     struct sme_error *err)
{
    struct index_header *header = (struct index_header *)(void *)map;
    struct cursor at = {0};
    char *name = (char *)map + sizeof *header;

    *header = plan->header;
    if (old != NULL) {
        copy_old(old, plan, map);
        name += old->header->object_bytes;
        at =
            (struct cursor){(uint32_t)old->header->pack_count, (uint32_t)old->header->run_count,
                            (uint32_t)old->header->block_count, (uint32_t)old->header->chunk_count};
    }
    for (size_t i = 0; i < object_count; i++) {
        size_t len = strlen(objects[i]) + 1;
        memcpy(name, objects[i], len);
        name += len;
    }
    for (size_t i = 0; i < add->count; i++) {
        if (plan->take[i]) {
            add_pack(&add->packs[i].table, add->packs[i].name, add->packs[i].size, plan, &at, map);
        }
    }
    fill_slots(plan, map);
    return compute_mac(keys, map, plan->layout.end, header->mac, err);
}

int index_local_build(const struct index *old, const struct source_keys *keys,
                      const struct index_addition *add, const char *const *objects,
                      size_t object_count, int fd, struct sme_error *err)
{
    struct plan plan = {0};

    int status = make_plan(old, keys, add, objects, object_count, &plan, err);
    if (status < 0) {
        free(plan.take);
        return status;
    }
    size_t size = plan.layout.end;
    /* Blocks are allocated first: a full disk is an error here and not a SIGBUS later. */
    int failure = posix_fallocate(fd, 0, (off_t)size);
    if (failure != 0) {
        errno = failure;
        status = error_errno(err, "cannot make room for the local index (%zu bytes)", size);
        free(plan.take);
        return status;
    }
    uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        status = error_errno(err, "cannot map the local index");
        free(plan.take);
        return status;
    }
    status = write_map(old, keys, add, objects, object_count, &plan, map, err);
    free(plan.take);
    if (munmap(map, size) < 0 && status == SME_OK) {
        status = error_errno(err, "cannot write the local index");
    }
    return status;
}
