/*
 * Checking the bytes of packs: hash, table, and with the reader every block and chunk.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/limits.h"
#include "check_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 64

struct reading {
    struct check_source *source;
    /* Under check->lock: */
    size_t next;
    unsigned running;
    bool stopped;
    struct sme_error failure;
    pthread_cond_t done;
};

/* One thread's. */
struct data_tools {
    struct check_source *source;
    struct sealer *sealer;
    struct block_reader *reader; /* NULL without the reader key */
    struct buf raw;
};

/* Is the pack in the part that is to be read? */
static bool is_due(const struct check_request *request, const struct check_pack *pack)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < 8; i++) {
        hash = hash << 8 | pack->name[i];
    }
    return request->parts == 0 || hash % request->parts == request->part;
}

/* Does the pack's own table say what the index says? */
static bool same_table(const struct index *index, const struct check_pack *pack,
                       const struct pack_table *table)
{
    const struct index_pack *known = index_pack_at(index, pack->number);

    if (known->type != table->type || known->block_count != table->block_count) {
        return false;
    }
    for (uint32_t b = 0; b < table->block_count; b++) {
        const struct pack_block *mine = &table->blocks[b];
        const struct index_block *theirs = index_block_at(index, known->first_block + b);
        const struct index_chunk *chunks = index_chunks_of(index, theirs);
        if (mine->offset != theirs->offset || mine->stored_len != theirs->stored_len ||
            mine->plain_len != theirs->plain_len || mine->codec != theirs->codec ||
            mine->level != theirs->level || mine->chunk_count != theirs->chunk_count ||
            memcmp(table->runs[mine->run], index_run_enc(index, theirs->run), 32) != 0) {
            return false;
        }
        for (uint32_t c = 0; c < mine->chunk_count; c++) {
            const struct block_chunk *chunk = &table->chunks[mine->first_chunk + c];
            if (chunk->len != chunks[c].len || memcmp(chunk->id.bytes, chunks[c].id, 32) != 0) {
                return false;
            }
        }
    }
    return true;
}

static int look_at_block(struct data_tools *tools, const struct index_block *block,
                         struct sme_error *err)
{
    const struct index_chunk *chunks = index_chunks_of(tools->source->vault->index, block);
    const uint8_t *plain = NULL;
    struct chunk_id id;

    int status = block_open(tools->reader, block, tools->raw.data + block->offset, &plain, err);
    for (uint32_t i = 0; i < block->chunk_count && status == SME_OK; i++) {
        status = sealer_chunk_id(tools->sealer, plain, chunks[i].len, &id);
        if (status < 0) {
            return sme_fail(err, status, "cannot compute a chunk's id");
        }
        if (memcmp(id.bytes, chunks[i].id, sizeof id.bytes) != 0) {
            return sme_fail(err, SME_E_CORRUPT,
                            "chunk %u of the block at byte %llu is not what its id says", i,
                            (unsigned long long)block->offset);
        }
        plain += chunks[i].len;
    }
    return status;
}

static int look_into(struct data_tools *tools, const struct check_pack *pack, const char *key,
                     struct sme_error *err)
{
    CLEANUP(pack_table_free) struct pack_table table = {0};
    const struct check_source *source = tools->source;
    uint8_t hash[32];
    size_t need = 0;

    int status = sha256_of(tools->raw.data, tools->raw.len, hash, err);
    if (status == SME_OK && memcmp(hash, pack->name, sizeof hash) != 0) {
        status = sme_fail(err, SME_E_CORRUPT, "its bytes are not those of its name");
    }
    if (status == SME_OK) {
        status = pack_open_table(tools->raw.data, tools->raw.len, tools->raw.len, tools->sealer,
                                 &source->keys.index, key, &table, &need, err);
    }
    if (status < 0 || source->vault == NULL || pack->number == CHECK_PACK_NONE) {
        return status;
    }
    const struct index *index = source->vault->index;
    if (!same_table(index, pack, &table)) {
        return sme_fail(err, SME_E_CORRUPT, "its own table is not what the index says");
    }
    const struct index_pack *known = index_pack_at(index, pack->number);
    for (uint32_t b = 0; tools->reader != NULL && b < known->block_count && status == SME_OK; b++) {
        status = look_at_block(tools, index_block_at(index, known->first_block + b), err);
    }
    return status;
}

/* Damage is a finding, everything else a failure. */
static int read_pack(struct data_tools *tools, const struct check_pack *pack, struct sme_error *err)
{
    const struct check_source *source = tools->source;
    struct check *check = source->check;
    char consequence[200];
    objkey_text key;

    check_pack_key(source, pack, key);
    buf_clear(&tools->raw);
    int status = store_get(check->repo->store, key, &tools->raw, err);
    if (status == SME_E_CANNOT_NOW) {
        check_find(check, CHECK_NOTE, key, "archived: it was not read");
        (void)pthread_mutex_lock(&check->lock);
        check->counts.unverified++;
        (void)pthread_mutex_unlock(&check->lock);
        return SME_OK;
    }
    if (status == SME_OK) {
        status = look_into(tools, pack, key, err);
    }
    (void)pthread_mutex_lock(&check->lock);
    check->counts.bytes_read += tools->raw.len;
    if (source->vault != NULL && pack->number != CHECK_PACK_NONE) {
        check->counts.blocks_read += index_pack_at(source->vault->index, pack->number)->block_count;
    }
    (void)pthread_mutex_unlock(&check->lock);
    if (status == SME_OK || !check_is_objects_own(status)) {
        return status;
    }
    if (pack->needed_by > 0) {
        (void)snprintf(consequence, sizeof consequence,
                       "files of %u snapshot%s are lost in part, the newest is '%s'",
                       pack->needed_by, pack->needed_by == 1 ? "" : "s",
                       source->loaded[pack->newest].name);
    } else {
        (void)snprintf(consequence, sizeof consequence, "no snapshot needs it");
    }
    check_find_failure(check, key, err, consequence);
    return SME_OK;
}

static int tools_init(struct data_tools *tools, struct check_source *source, struct sme_error *err)
{
    *tools = (struct data_tools){.source = source, .raw = BUF_INIT(LIMIT_PACK)};
    int status = sealer_new(&source->keys, &tools->sealer, err);
    if (status == SME_OK && source->vault != NULL && source->check->repo->keys.has_reader) {
        status = block_reader_new(source->vault, &tools->reader, err);
    }
    return status;
}

static void tools_done(struct data_tools *tools)
{
    sealer_free(tools->sealer);
    block_reader_free(tools->reader);
    buf_free(&tools->raw);
}

/* The next pack that is to be read, or NULL.  The lock is held. */
static const struct check_pack *next_pack(struct reading *reading)
{
    struct check_source *source = reading->source;

    while (!reading->stopped && reading->next < source->pack_count) {
        const struct check_pack *pack = &source->packs[reading->next++];
        if ((pack->flags & CHECK_PACK_LISTED) != 0 && is_due(source->check->request, pack)) {
            return pack;
        }
    }
    return NULL;
}

static void *read_packs(void *argument)
{
    struct reading *reading = argument;
    struct check *check = reading->source->check;
    struct sme_error err = SME_ERROR_INIT;
    const struct check_pack *pack = NULL;
    struct data_tools tools;

    int status = tools_init(&tools, reading->source, &err);
    (void)pthread_mutex_lock(&check->lock);
    while (status == SME_OK && (pack = next_pack(reading)) != NULL) {
        (void)pthread_mutex_unlock(&check->lock);
        status = cancel_check(&err);
        if (status == SME_OK) {
            status = read_pack(&tools, pack, &err);
        }
        (void)pthread_mutex_lock(&check->lock);
    }
    if (status < 0 && !reading->stopped) {
        reading->failure = err;
        reading->stopped = true;
    }
    reading->running--;
    (void)pthread_cond_signal(&reading->done);
    (void)pthread_mutex_unlock(&check->lock);
    tools_done(&tools);
    return NULL;
}

static void wait_for_readers(struct reading *reading)
{
    struct check *check = reading->source->check;

    (void)pthread_mutex_lock(&check->lock);
    while (reading->running > 0) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += NS_PER_SEC / 5;
        until.tv_sec += until.tv_nsec / NS_PER_SEC;
        until.tv_nsec %= NS_PER_SEC;
        (void)pthread_cond_timedwait(&reading->done, &check->lock, &until);
        (void)pthread_mutex_unlock(&check->lock);
        check_progress(check);
        (void)pthread_mutex_lock(&check->lock);
    }
    (void)pthread_mutex_unlock(&check->lock);
}

int check_data(struct check_source *source, struct sme_error *err)
{
    struct reading reading = {.source = source, .failure = SME_ERROR_INIT};
    unsigned wanted = source->check->request->threads > 0 ? source->check->request->threads : 2;
    pthread_t threads[THREADS_MAX];
    unsigned started = 0;
    int failure = 0;

    wanted = wanted < THREADS_MAX ? wanted : THREADS_MAX;
    (void)pthread_cond_init(&reading.done, NULL);
    reading.running = wanted;
    while (started < wanted &&
           (failure = pthread_create(&threads[started], NULL, read_packs, &reading)) == 0) {
        started++;
    }
    if (started < wanted) {
        (void)pthread_mutex_lock(&source->check->lock);
        reading.running -= wanted - started;
        (void)pthread_mutex_unlock(&source->check->lock);
    }
    wait_for_readers(&reading);
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_cond_destroy(&reading.done);
    if (started == 0) {
        errno = failure;
        return error_errno(err, "cannot start a thread");
    }
    if (reading.stopped) {
        *err = reading.failure;
        return err->status;
    }
    return SME_OK;
}
