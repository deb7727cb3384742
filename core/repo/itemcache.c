/*
 * The item cache: a mapped file of records with a table of slots at its end.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * header | records, each padded to 8 | slots: offset of a record / 8, by the first bytes of the
 * path's hash, open addressing
 */
#include "itemcache.h"

#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/hex.h"
#include "../base/siphash.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAGIC "SMEICAC1"
#define ORDER 0x01020304u
#define WRITE_BUFFER (1u << 20)

struct header {
    char magic[8];
    uint32_t byte_order;
    uint32_t version;
    uint8_t repository[16];
    uint64_t count;
    uint64_t records_end;
    uint64_t slot_count;
    uint64_t file_size;
    uint8_t mac[32];
};

_Static_assert(sizeof(struct header) == 96, "layout of the item cache");
_Static_assert(sizeof(struct itemcache_record) == 80, "layout of the item cache");
_Static_assert(sizeof(struct block_chunk) == 36, "layout of the item cache");

struct itemcache {
    uint8_t *map;
    size_t size;
    const struct header *header;
    const uint32_t *slots;
};

void itemcache_path_hash(const struct source_keys *keys, const char *path, size_t len,
                         uint8_t out[16])
{
    siphash128(keys->cache.bytes, path, len, out);
}

static bool cache_path(const struct source_keys *keys, const char *cache_dir, char *out)
{
    char id[33];

    hex_encode(keys->repository, sizeof keys->repository, id);
    int len = snprintf(out, PATH_MAX, "%s/%s/%s/items", cache_dir, id, keys->source);
    return len > 0 && len < PATH_MAX - 8;
}

static uint64_t record_size(const struct itemcache_record *record)
{
    uint64_t size = sizeof *record + (uint64_t)record->hole_count * 16 +
                    (uint64_t)record->ref_count * sizeof(struct block_chunk);

    return (size + 7) & ~UINT64_C(7);
}

static int compute_mac(const struct source_keys *keys, const uint8_t *map, size_t size,
                       uint8_t out[32], struct sme_error *err)
{
    struct header header;
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
    return status < 0 ? sme_fail(err, SME_E_NO_MEMORY, "cannot check the item cache") : SME_OK;
}

static bool header_fits(const struct itemcache *cache, const struct source_keys *keys)
{
    const struct header *h = cache->header;

    return memcmp(h->magic, MAGIC, 8) == 0 && h->byte_order == ORDER && h->version == 1 &&
           memcmp(h->repository, keys->repository, sizeof h->repository) == 0 &&
           h->file_size == cache->size && h->records_end >= sizeof *h && h->records_end % 8 == 0 &&
           h->records_end <= cache->size && h->slot_count >= 2 &&
           (h->slot_count & (h->slot_count - 1)) == 0 && h->slot_count > h->count &&
           h->slot_count == (cache->size - h->records_end) / 4;
}

int itemcache_open(const struct source_keys *keys, const char *cache_dir,
                   struct itemcache **ret_cache, struct sme_error *err)
{
    char path[PATH_MAX];
    struct stat st;
    uint8_t mac[32];

    if (cache_dir == NULL || !cache_path(keys, cache_dir, path)) {
        return sme_fail(err, SME_E_NOT_FOUND, "there is no item cache");
    }
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return sme_fail(err, SME_E_NOT_FOUND, "there is no item cache");
    }
    if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(struct header)) {
        return sme_fail(err, SME_E_CORRUPT, "the item cache '%s' is too short", path);
    }
    struct itemcache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the item cache");
    }
    cache->size = (size_t)st.st_size;
    cache->map = mmap(NULL, cache->size, PROT_READ, MAP_SHARED, fd, 0);
    if (cache->map == MAP_FAILED) {
        free(cache);
        return error_errno(err, "cannot map the item cache '%s'", path);
    }
    cache->header = (const struct header *)(const void *)cache->map;
    if (!header_fits(cache, keys) || compute_mac(keys, cache->map, cache->size, mac, NULL) < 0 ||
        !secret_equal(mac, cache->header->mac, sizeof mac)) {
        itemcache_free(cache);
        return sme_fail(err, SME_E_CORRUPT, "the item cache '%s' is damaged or not of this source",
                        path);
    }
    cache->slots = (const uint32_t *)(const void *)(cache->map + cache->header->records_end);
    *ret_cache = cache;
    return SME_OK;
}

void itemcache_free(struct itemcache *cache)
{
    if (cache != NULL) {
        (void)munmap(cache->map, cache->size);
        free(cache);
    }
}

size_t itemcache_count(const struct itemcache *cache)
{
    return cache->header->count;
}

static const struct itemcache_record *record_at(const struct itemcache *cache, uint64_t offset)
{
    return (const struct itemcache_record *)(const void *)(cache->map + offset);
}

static uint64_t slot_hash(const uint8_t path_hash[16])
{
    uint64_t hash;

    memcpy(&hash, path_hash, sizeof hash);
    return hash;
}

const struct itemcache_record *itemcache_find(const struct itemcache *cache,
                                              const uint8_t path_hash[16], size_t *cursor)
{
    if (*cursor >= sizeof(struct header) && *cursor < cache->header->records_end) {
        const struct itemcache_record *next = record_at(cache, *cursor);
        if (memcmp(next->path_hash, path_hash, 16) == 0) {
            *cursor += record_size(next);
            return next;
        }
    }
    uint64_t mask = cache->header->slot_count - 1;
    uint64_t at = slot_hash(path_hash) & mask;
    while (cache->slots[at] != 0) {
        const struct itemcache_record *record = record_at(cache, (uint64_t)cache->slots[at] * 8);
        if (memcmp(record->path_hash, path_hash, 16) == 0) {
            *cursor = (size_t)cache->slots[at] * 8 + record_size(record);
            return record;
        }
        at = (at + 1) & mask;
    }
    return NULL;
}

const uint64_t *itemcache_holes(const struct itemcache_record *record)
{
    return (const uint64_t *)(const void *)(record + 1);
}

const struct block_chunk *itemcache_refs(const struct itemcache_record *record)
{
    return (const struct block_chunk *)(const void *)(itemcache_holes(record) +
                                                      (size_t)record->hole_count * 2);
}

struct itemcache_writer {
    const struct source_keys *keys;
    char path[PATH_MAX];
    char temp[PATH_MAX];
    int fd;
    int failure; /* errno of the first write that failed */
    uint8_t *buffer;
    size_t used;
    uint64_t offset; /* of the end, buffered bytes included */
    uint64_t count;
};

static void write_out(struct itemcache_writer *writer)
{
    if (writer->failure == 0 && io_write_full(writer->fd, writer->buffer, writer->used) < 0) {
        writer->failure = errno;
    }
    writer->used = 0;
}

static void put(struct itemcache_writer *writer, const void *data, size_t len)
{
    const uint8_t *at = data;

    writer->offset += len;
    while (len > 0) {
        size_t piece = WRITE_BUFFER - writer->used < len ? WRITE_BUFFER - writer->used : len;
        memcpy(writer->buffer + writer->used, at, piece);
        writer->used += piece;
        at += piece;
        len -= piece;
        if (writer->used == WRITE_BUFFER) {
            write_out(writer);
        }
    }
}

int itemcache_writer_new(const struct source_keys *keys, const char *cache_dir,
                         struct itemcache_writer **ret_writer, struct sme_error *err)
{
    struct itemcache_writer *writer = calloc(1, sizeof *writer);

    if (writer == NULL || (writer->buffer = malloc(WRITE_BUFFER)) == NULL) {
        free(writer);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the item cache");
    }
    writer->keys = keys;
    writer->fd = -1;
    if (!cache_path(keys, cache_dir, writer->path)) {
        itemcache_writer_abort(writer);
        return sme_fail(err, SME_E_INVALID, "the path of the item cache is too long");
    }
    char *slash = strrchr(writer->path, '/');
    *slash = '\0';
    int status = io_make_dirs(writer->path, 0700, err);
    *slash = '/';
    if (status < 0) {
        itemcache_writer_abort(writer);
        return status;
    }
    (void)snprintf(writer->temp, sizeof writer->temp, "%.*s.XXXXXX", PATH_MAX - 8, writer->path);
    writer->fd = mkostemp(writer->temp, O_CLOEXEC);
    if (writer->fd < 0) {
        status = error_errno(err, "cannot create '%s'", writer->temp);
        writer->temp[0] = '\0';
        itemcache_writer_abort(writer);
        return status;
    }
    struct header header = {0};
    put(writer, &header, sizeof header);
    *ret_writer = writer;
    return SME_OK;
}

void itemcache_writer_add(struct itemcache_writer *writer, const struct itemcache_record *record,
                          const uint64_t *holes, const struct block_chunk *refs)
{
    static const uint8_t zeroes[8];
    uint64_t size = record_size(record);
    uint64_t used = sizeof *record + (uint64_t)record->hole_count * 16 +
                    (uint64_t)record->ref_count * sizeof *refs;

    put(writer, record, sizeof *record);
    if (record->hole_count > 0) {
        put(writer, holes, (size_t)record->hole_count * 16);
    }
    if (record->ref_count > 0) {
        put(writer, refs, (size_t)record->ref_count * sizeof *refs);
    }
    put(writer, zeroes, (size_t)(size - used));
    writer->count++;
}

/* Append the slots and the header, through a mapping of the finished file. */
static int finish(struct itemcache_writer *writer, struct sme_error *err)
{
    uint64_t slots = 16;

    while (slots < writer->count * 2) {
        slots *= 2;
    }
    uint64_t size = writer->offset + slots * 4;
    if (writer->offset / 8 > UINT32_MAX) {
        return sme_fail(err, SME_E_NO_SPACE, "the item cache would be larger than 32 GiB");
    }
    int failure = posix_fallocate(writer->fd, 0, (off_t)size);
    if (failure != 0) {
        errno = failure;
        return error_errno(err, "cannot make room for '%s'", writer->temp);
    }
    uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, writer->fd, 0);
    if (map == MAP_FAILED) {
        return error_errno(err, "cannot map '%s'", writer->temp);
    }
    uint32_t *table = (uint32_t *)(void *)(map + writer->offset);
    for (uint64_t at = sizeof(struct header); at < writer->offset;) {
        const struct itemcache_record *record =
            (const struct itemcache_record *)(const void *)(map + at);
        uint64_t slot = slot_hash(record->path_hash) & (slots - 1);
        while (table[slot] != 0) {
            slot = (slot + 1) & (slots - 1);
        }
        table[slot] = (uint32_t)(at / 8);
        at += record_size(record);
    }
    struct header *header = (struct header *)(void *)map;
    memcpy(header->magic, MAGIC, 8);
    header->byte_order = ORDER;
    header->version = 1;
    memcpy(header->repository, writer->keys->repository, sizeof header->repository);
    header->count = writer->count;
    header->records_end = writer->offset;
    header->slot_count = slots;
    header->file_size = size;
    int status = compute_mac(writer->keys, map, size, header->mac, err);
    (void)munmap(map, size);
    return status;
}

int itemcache_writer_commit(struct itemcache_writer *writer, struct sme_error *err)
{
    int status = SME_OK;

    write_out(writer);
    if (writer->failure != 0) {
        errno = writer->failure;
        status = error_errno(err, "cannot write '%s'", writer->temp);
    }
    if (status == SME_OK) {
        status = finish(writer, err);
    }
    if (status == SME_OK && rename(writer->temp, writer->path) < 0) {
        status = error_errno(err, "cannot rename '%s'", writer->temp);
    }
    if (status == SME_OK) {
        writer->temp[0] = '\0';
    }
    itemcache_writer_abort(writer);
    return status;
}

void itemcache_writer_abort(struct itemcache_writer *writer)
{
    if (writer != NULL) {
        if (writer->temp[0] != '\0') {
            (void)unlink(writer->temp);
        }
        close_fd(&writer->fd);
        free(writer->buffer);
        free(writer);
    }
}
