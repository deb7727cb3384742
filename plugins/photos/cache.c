/*
 * What the last run found out about each file, so that an unchanged one need not be opened.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Numbers are in the order of the host: the file never leaves it.
 */
#include "cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MAGIC "sme-photos-facts-1"
#define FILE_NAME "facts"
#define NEW_NAME "facts.new"
#define MARK_NAME                                                                                  \
    "parsing" /* identifies files that took the process with them, then the current                \
               */
#define MARKS_MAX 64u
#define RECORD_MAX (512u << 10)
#define BUFFER (256u << 10)
#define PATH_LIMIT (64u << 10)

struct header {
    char magic[24];
    uint32_t settings;
    uint32_t header_size; /* also tells byte order and layout */
};

struct record {
    uint32_t len; /* of what follows this struct */
    uint32_t checksum;
    struct stamps stamps;
    uint32_t path_len;
    uint32_t fact_count;
    /* path, then for each fact two lengths, name and value */
};

struct mark {
    struct stamps stamps;
    uint64_t path_sum;
};

struct cache {
    const struct sme_host *host;
    int dir;
    FILE *in;
    FILE *out;
    bool writes;
    bool bad; /* writing failed */
    int mark_fd;
    size_t mark_count; /* files at which runs died since the last good one */
    struct mark marks[MARKS_MAX];
    /* the record at hand */
    bool has_record;
    struct record record;
    char *body;
    size_t body_capacity;
    char *made; /* a record for writing */
    size_t made_capacity;
};

static bool reserve(char **buffer, size_t *capacity, size_t need)
{
    if (need <= *capacity)
        return true;
    char *more = realloc(*buffer, need * 2);
    if (more == NULL)
        return false;
    *buffer = more;
    *capacity = need * 2;
    return true;
}

static uint32_t checksum_of(const struct record *record, const char *body)
{
    struct record plain = *record;

    plain.checksum = 0;
    uLong sum = crc32(0, (const Bytef *)&plain, (uInt)sizeof plain);
    return (uint32_t)crc32(sum, (const Bytef *)body, (uInt)record->len);
}

static void stop_reading(struct cache *cache)
{
    if (cache->in != NULL)
        (void)fclose(cache->in);
    cache->in = NULL;
    cache->has_record = false;
}

/* Go to the next record; at the end, or one that is damaged, there are no more. */
static void read_record(struct cache *cache)
{
    struct record *record = &cache->record;

    cache->has_record = false;
    if (cache->in == NULL)
        return;
    if (fread(record, sizeof *record, 1, cache->in) != 1) {
        stop_reading(cache);
        return;
    }
    if (record->len > RECORD_MAX || record->path_len > record->len ||
        !reserve(&cache->body, &cache->body_capacity, record->len + 1) ||
        fread(cache->body, 1, record->len, cache->in) != record->len ||
        checksum_of(record, cache->body) != record->checksum) {
        cache->host->log(cache->host, SME_LOG_INFO,
                         "what is remembered of photos is damaged: the others are looked at again");
        stop_reading(cache);
        return;
    }
    cache->has_record = true;
}

static void open_old(struct cache *cache, uint32_t settings)
{
    struct header header;
    int fd = openat(cache->dir, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return;
    cache->in = fdopen(fd, "r");
    if (cache->in == NULL) {
        (void)close(fd);
        return;
    }
    (void)setvbuf(cache->in, NULL, _IOFBF, BUFFER);
    if (fread(&header, sizeof header, 1, cache->in) != 1 ||
        memcmp(header.magic, MAGIC, sizeof MAGIC) != 0 || header.settings != settings ||
        header.header_size != sizeof header + sizeof(struct record))
        stop_reading(cache);
    read_record(cache);
}

static void open_new(struct cache *cache, uint32_t settings)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    struct header header = {
        .magic = MAGIC, .settings = settings, .header_size = sizeof header + sizeof(struct record)};
    int fd = openat(cache->dir, NEW_NAME, flags, 0600);

    if (fd >= 0)
        cache->out = fdopen(fd, "w");
    if (cache->out == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    (void)setvbuf(cache->out, NULL, _IOFBF, BUFFER);
    cache->bad = fwrite(&header, sizeof header, 1, cache->out) != 1;
}

static void open_mark(struct cache *cache, bool writes)
{
    const int flags = (writes ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(cache->dir, MARK_NAME, flags, 0600);
    ssize_t got =
        fd >= 0 ? pread(fd, cache->marks, sizeof cache->marks - sizeof(struct mark), 0) : -1;

    cache->mark_count = got > 0 ? (size_t)got / sizeof(struct mark) : 0;
    if (writes)
        cache->mark_fd = fd;
    else if (fd >= 0)
        (void)close(fd);
}

int cache_open(const struct sme_host *host, uint32_t settings, bool writes,
               struct cache **ret_cache)
{
    struct cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return SME_E_NO_MEMORY;
    cache->host = host;
    cache->mark_fd = -1;
    cache->writes = writes;
    cache->dir =
        host->state_dir != NULL ? open(host->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (cache->dir >= 0) {
        open_old(cache, settings);
        if (writes)
            open_new(cache, settings);
        open_mark(cache, writes);
    }
    *ret_cache = cache;
    return SME_OK;
}

/* In the order of items: '/' below every other byte. */
static int compare_paths(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;

    for (size_t i = 0; i < common; i++)
        if (a[i] != b[i]) {
            int left = a[i] == '/' ? -1 : (unsigned char)a[i];
            int right = b[i] == '/' ? -1 : (unsigned char)b[i];
            return left < right ? -1 : 1;
        }
    return a_len < b_len ? -1 : a_len > b_len ? 1 : 0;
}

static bool same_stamps(const struct stamps *a, const struct stamps *b)
{
    return a->size == b->size && a->ino == b->ino && a->mtime_sec == b->mtime_sec &&
           a->ctime_sec == b->ctime_sec && a->mtime_nsec == b->mtime_nsec &&
           a->ctime_nsec == b->ctime_nsec;
}

/* The facts of the record at hand. */
static bool take_facts(const struct cache *cache, struct facts *facts)
{
    const char *p = cache->body + cache->record.path_len;
    size_t left = cache->record.len - cache->record.path_len;

    for (uint32_t i = 0; i < cache->record.fact_count; i++) {
        uint32_t len[2];
        char name[64];
        if (left < sizeof len)
            return false;
        memcpy(len, p, sizeof len);
        left -= sizeof len;
        p += sizeof len;
        if (len[0] >= sizeof name || len[1] > FACT_VALUE_MAX || left < (size_t)len[0] + len[1])
            return false;
        memcpy(name, p, len[0]);
        name[len[0]] = '\0';
        if (!facts_add_again(facts, name, p + len[0], len[1]))
            return false;
        p += (size_t)len[0] + len[1];
        left -= (size_t)len[0] + len[1];
    }
    return true;
}

bool cache_find(struct cache *cache, const char *path, size_t len, const struct stamps *stamps,
                struct facts *facts)
{
    while (cache->has_record && compare_paths(cache->body, cache->record.path_len, path, len) < 0)
        read_record(cache);
    if (!cache->has_record || compare_paths(cache->body, cache->record.path_len, path, len) != 0 ||
        !same_stamps(&cache->record.stamps, stamps))
        return false;
    if (take_facts(cache, facts))
        return true;
    facts_clear(facts);
    return false;
}

void cache_add(struct cache *cache, const char *path, size_t len, const struct stamps *stamps,
               const struct facts *facts)
{
    struct record record;
    size_t need = len;

    if (cache->out == NULL || cache->bad || len > PATH_LIMIT)
        return;
    for (size_t i = 0; i < facts->count; i++)
        need += 8 + strlen(facts->list[i].name) + strlen(facts->list[i].value);
    if (need > RECORD_MAX || !reserve(&cache->made, &cache->made_capacity, need))
        return;
    memset(&record, 0, sizeof record);
    record.len = (uint32_t)need;
    record.stamps = *stamps;
    record.path_len = (uint32_t)len;
    record.fact_count = (uint32_t)facts->count;
    char *p = cache->made;
    memcpy(p, path, len);
    p += len;
    for (size_t i = 0; i < facts->count; i++) {
        uint32_t lens[2] = {(uint32_t)strlen(facts->list[i].name),
                            (uint32_t)strlen(facts->list[i].value)};
        memcpy(p, lens, sizeof lens);
        p += sizeof lens;
        memcpy(p, facts->list[i].name, lens[0]);
        p += lens[0];
        memcpy(p, facts->list[i].value, lens[1]);
        p += lens[1];
    }
    record.checksum = checksum_of(&record, cache->made);
    cache->bad = fwrite(&record, sizeof record, 1, cache->out) != 1 ||
                 fwrite(cache->made, 1, need, cache->out) != need;
}

bool cache_enter(struct cache *cache, const char *path, size_t len, const struct stamps *stamps)
{
    struct mark mark;

    memset(&mark, 0, sizeof mark);
    mark.stamps = *stamps;
    mark.path_sum = crc32(0, (const Bytef *)path, (uInt)len);
    for (size_t i = 0; i < cache->mark_count; i++)
        if (memcmp(&mark, &cache->marks[i], sizeof mark) == 0)
            return false;
    /* In the memory of the system is enough: it is this process that may die. */
    if (cache->mark_fd >= 0)
        (void)!pwrite(cache->mark_fd, &mark, sizeof mark, (off_t)(cache->mark_count * sizeof mark));
    return true;
}

void cache_leave(struct cache *cache)
{
    if (cache->mark_fd >= 0)
        (void)!ftruncate(cache->mark_fd, (off_t)(cache->mark_count * sizeof(struct mark)));
}

/* Facts are taken over by way of the file only, so it has to be whole before it replaces the other.
 */
static void replace_old(struct cache *cache)
{
    bool good = !cache->bad && fflush(cache->out) == 0 && fdatasync(fileno(cache->out)) == 0;

    if (good && renameat(cache->dir, NEW_NAME, cache->dir, FILE_NAME) == 0)
        return;
    cache->host->log(cache->host, SME_LOG_INFO,
                     "cannot keep what is known of photos: the next run looks at them again");
}

void cache_close(struct cache *cache, bool commit)
{
    if (cache == NULL)
        return;
    stop_reading(cache);
    if (cache->out != NULL) {
        if (commit)
            replace_old(cache);
        (void)fclose(cache->out);
        (void)unlinkat(cache->dir, NEW_NAME, 0);
    }
    if (cache->mark_fd >= 0) {
        /* A file that is not parsed is remembered as such after a good run. */
        if (commit)
            (void)unlinkat(cache->dir, MARK_NAME, 0);
        (void)close(cache->mark_fd);
    }
    if (cache->dir >= 0)
        (void)close(cache->dir);
    free(cache->body);
    free(cache->made);
    free(cache);
}
