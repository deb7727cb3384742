/*
 * Packs in the making, and their uploaders.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "packer.h"

#include "../base/cleanup.h"
#include "../base/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

enum pack_state { PACK_FREE, PACK_OPEN, PACK_CLOSED, PACK_UPLOADING };

struct pack_buffer {
    enum pack_state state;   /* lock */
    unsigned copying;        /* lock: threads that fill a part they have reserved */
    uint64_t sequence;       /* lock: order of closing */
    uint8_t *data;           /* page-aligned, so that a sink may write it with O_DIRECT */
    struct pack_table table; /* lock until closed, then the uploader's */
};

struct packer {
    struct packer_params params;
    size_t capacity;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a state, copying, failure, or stopping has changed */
    struct pack_buffer *buffers;
    struct pack_buffer *open;     /* lock */
    uint64_t sequence;            /* lock */
    bool stopping;                /* lock */
    bool failed;                  /* lock; never false again */
    struct sme_error failure;     /* lock; set with failed   */
    struct index_addition stored; /* lock */
    atomic_uint_least64_t stored_bytes, stored_packs;
    pthread_t *threads;
    unsigned thread_count;
};

static void *upload_loop(void *argument);

int packer_new(const struct packer_params *params, struct packer **ret_packer,
               struct sme_error *err)
{
    struct packer *packer = calloc(1, sizeof *packer);

    if (packer == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for packs");
    }
    packer->params = *params;
    /* Room for the blocks, one block above the limit, and the table with its foot.  Pages that are
     * never touched cost nothing. */
    packer->capacity = LIMIT_PACK + LIMIT_PACK_TABLE;
    (void)pthread_mutex_init(&packer->lock, NULL);
    (void)pthread_cond_init(&packer->changed, NULL);
    packer->buffers = calloc(params->buffers, sizeof *packer->buffers);
    packer->threads = calloc(params->uploaders + 1, sizeof *packer->threads);
    if (packer->buffers == NULL || packer->threads == NULL) {
        packer_free(packer);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for packs");
    }
    for (unsigned i = 0; i < params->buffers; i++) {
        void *data = mmap(NULL, packer->capacity, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (data == MAP_FAILED) {
            packer_free(packer);
            return error_errno(err, "no memory for packs");
        }
        packer->buffers[i].data = data;
    }
    for (unsigned i = 0; i < params->uploaders; i++) {
        int failure = pthread_create(&packer->threads[i], NULL, upload_loop, packer);
        if (failure != 0) {
            packer_free(packer);
            errno = failure;
            return error_errno(err, "cannot start an uploader thread");
        }
        packer->thread_count++;
    }
    *ret_packer = packer;
    return SME_OK;
}

void packer_free(struct packer *packer)
{
    if (packer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&packer->lock);
    packer->stopping = true;
    (void)pthread_cond_broadcast(&packer->changed);
    (void)pthread_mutex_unlock(&packer->lock);
    for (unsigned i = 0; i < packer->thread_count; i++) {
        (void)pthread_join(packer->threads[i], NULL);
    }
    for (unsigned i = 0; packer->buffers != NULL && i < packer->params.buffers; i++) {
        if (packer->buffers[i].data != NULL) {
            (void)munmap(packer->buffers[i].data, packer->capacity);
        }
        pack_table_free(&packer->buffers[i].table);
    }
    index_addition_free(&packer->stored);
    free(packer->buffers);
    free(packer->threads);
    (void)pthread_cond_destroy(&packer->changed);
    (void)pthread_mutex_destroy(&packer->lock);
    free(packer);
}

static void fail_locked(struct packer *packer, const struct sme_error *err)
{
    if (!packer->failed) {
        packer->failed = true;
        packer->failure = *err;
    }
    (void)pthread_cond_broadcast(&packer->changed);
}

void packer_poison(struct packer *packer, const struct sme_error *err)
{
    (void)pthread_mutex_lock(&packer->lock);
    fail_locked(packer, err);
    (void)pthread_mutex_unlock(&packer->lock);
}

/* Seal the table, name the pack, store it.  Nobody else touches the buffer now. */
static int store_pack(struct packer *packer, struct pack_buffer *buffer, uint8_t ret_name[32],
                      uint64_t *ret_size, struct sme_error *err)
{
    const struct packer_params *params = &packer->params;
    uint64_t end = pack_table_end(&buffer->table);
    struct buf out = {
        .data = buffer->data, .len = end, .cap = packer->capacity, .max = packer->capacity};
    struct sealer *sealer = NULL;
    objkey_text key;

    int status = sealer_new(params->keys, &sealer, err);
    if (status < 0) {
        return status;
    }
    status = pack_seal_table(&buffer->table, sealer, &params->keys->index, &out, err);
    sealer_free(sealer);
    if (status < 0 || (status = sha256_of(out.data, out.len, ret_name, err)) < 0) {
        return status;
    }
    objkey_pack(params->keys->source, params->type == SEAL_META, ret_name, key);
    *ret_size = out.len;
    return store_put(params->repo->store, key, out.data, out.len, ret_name, true, err);
}

/* Upload ${buffer}, whose state is UPLOADING, and make it free.  Called without the lock. */
static void upload(struct packer *packer, struct pack_buffer *buffer)
{
    struct sme_error err = SME_ERROR_INIT;
    uint8_t name[32];
    uint64_t size = 0;

    int status = store_pack(packer, buffer, name, &size, &err);
    (void)pthread_mutex_lock(&packer->lock);
    if (status == SME_OK) {
        status = index_addition_add(&packer->stored, name, size, &buffer->table);
        if (status < 0) {
            (void)sme_fail(&err, status, "no memory for the index");
        }
        packer->stored_bytes += size;
        packer->stored_packs++;
    }
    if (status < 0) {
        fail_locked(packer, &err);
    }
    pack_table_free(&buffer->table);
    buffer->state = PACK_FREE;
    (void)pthread_cond_broadcast(&packer->changed);
    (void)pthread_mutex_unlock(&packer->lock);
}

/* The closed buffer whose turn it is, with nobody copying into it any more. */
static struct pack_buffer *next_closed(struct packer *packer)
{
    struct pack_buffer *found = NULL;

    for (unsigned i = 0; i < packer->params.buffers; i++) {
        struct pack_buffer *buffer = &packer->buffers[i];
        if (buffer->state == PACK_CLOSED && buffer->copying == 0 &&
            (found == NULL || buffer->sequence < found->sequence)) {
            found = buffer;
        }
    }
    return found;
}

static void *upload_loop(void *argument)
{
    struct packer *packer = argument;

    (void)pthread_mutex_lock(&packer->lock);
    while (!packer->stopping) {
        struct pack_buffer *buffer = packer->failed ? NULL : next_closed(packer);
        if (buffer == NULL) {
            (void)pthread_cond_wait(&packer->changed, &packer->lock);
            continue;
        }
        buffer->state = PACK_UPLOADING;
        (void)pthread_mutex_unlock(&packer->lock);
        upload(packer, buffer);
        (void)pthread_mutex_lock(&packer->lock);
    }
    (void)pthread_mutex_unlock(&packer->lock);
    return NULL;
}

/* Without uploader threads: the caller does their work.  Lock held on entry and exit. */
static void upload_here(struct packer *packer)
{
    struct pack_buffer *buffer = packer->thread_count == 0 ? next_closed(packer) : NULL;

    if (buffer != NULL && !packer->failed) {
        buffer->state = PACK_UPLOADING;
        (void)pthread_mutex_unlock(&packer->lock);
        upload(packer, buffer);
        (void)pthread_mutex_lock(&packer->lock);
    }
}

static void close_open(struct packer *packer)
{
    if (packer->open != NULL) {
        packer->open->state = PACK_CLOSED;
        packer->open->sequence = packer->sequence++;
        packer->open = NULL;
        (void)pthread_cond_broadcast(&packer->changed);
    }
}

static int begin_pack(struct packer *packer, struct pack_buffer *buffer)
{
    buffer->state = PACK_OPEN;
    buffer->table.type = packer->params.type;
    memcpy(buffer->data, PACK_MAGIC, PACK_HEAD);
    packer->open = buffer;
    return pack_table_add_run(&buffer->table, packer->params.run->enc);
}

/* An open pack with room for ${len} more bytes; waits for a free buffer.  Lock held. */
static int wait_for_room(struct packer *packer, size_t len, struct sme_error *err)
{
    while (!packer->failed) {
        if (packer->open != NULL) {
            const struct pack_table *table = &packer->open->table;
            if (table->block_count == 0 ||
                (pack_table_end(table) + len <= packer->params.pack_size &&
                 table->block_count < LIMIT_PACK_BLOCKS)) {
                return SME_OK;
            }
            close_open(packer);
        }
        upload_here(packer);
        struct pack_buffer *free_one = NULL;
        for (unsigned i = 0; i < packer->params.buffers && free_one == NULL; i++) {
            if (packer->buffers[i].state == PACK_FREE) {
                free_one = &packer->buffers[i];
            }
        }
        if (free_one != NULL && packer->open == NULL) {
            if (begin_pack(packer, free_one) < 0) {
                return sme_fail(err, SME_E_NO_MEMORY, "no memory for a pack's table");
            }
        } else if (packer->open == NULL) {
            (void)pthread_cond_wait(&packer->changed, &packer->lock);
        }
    }
    if (err != NULL) {
        *err = packer->failure;
    }
    return packer->failure.status;
}

int packer_add(struct packer *packer, const struct block_facts *facts, const uint8_t *sealed,
               struct sme_error *err)
{
    size_t len = (size_t)facts->stored_len + SEAL_TAG;

    (void)pthread_mutex_lock(&packer->lock);
    int status = wait_for_room(packer, len, err);
    struct pack_buffer *buffer = packer->open;
    uint64_t offset = 0;
    if (status == SME_OK) {
        offset = pack_table_end(&buffer->table);
        status = pack_table_add_block(&buffer->table, facts, 0);
        if (status < 0) {
            status = sme_fail(err, SME_E_NO_MEMORY, "no memory for a pack's table");
        }
    }
    if (status < 0) {
        (void)pthread_mutex_unlock(&packer->lock);
        return status;
    }
    buffer->copying++;
    (void)pthread_mutex_unlock(&packer->lock);

    memcpy(buffer->data + offset, sealed, len);

    (void)pthread_mutex_lock(&packer->lock);
    buffer->copying--;
    if (buffer->state == PACK_CLOSED && buffer->copying == 0) {
        (void)pthread_cond_broadcast(&packer->changed);
    }
    (void)pthread_mutex_unlock(&packer->lock);
    return SME_OK;
}

int packer_flush(struct packer *packer, struct sme_error *err)
{
    int status = SME_OK;

    (void)pthread_mutex_lock(&packer->lock);
    close_open(packer);
    for (;;) {
        bool busy = false;
        upload_here(packer);
        for (unsigned i = 0; i < packer->params.buffers; i++) {
            enum pack_state state = packer->buffers[i].state;
            busy = busy || state == PACK_UPLOADING || state == PACK_CLOSED;
        }
        if (packer->failed) {
            if (err != NULL) {
                *err = packer->failure;
            }
            status = packer->failure.status;
            break;
        }
        if (!busy) {
            break;
        }
        if (packer->thread_count > 0) {
            (void)pthread_cond_wait(&packer->changed, &packer->lock);
        }
    }
    (void)pthread_mutex_unlock(&packer->lock);
    return status;
}

int packer_take(struct packer *packer, struct index_addition *add, struct sme_error *err)
{
    int status = SME_OK;

    (void)pthread_mutex_lock(&packer->lock);
    for (size_t i = 0; i < packer->stored.count && status == SME_OK; i++) {
        status = index_addition_add(add, packer->stored.packs[i].name, packer->stored.packs[i].size,
                                    &packer->stored.packs[i].table);
    }
    if (status == SME_OK) {
        packer->stored.count = 0;
    }
    (void)pthread_mutex_unlock(&packer->lock);
    return status < 0 ? sme_fail(err, status, "no memory for the index") : SME_OK;
}

uint64_t packer_stored_bytes(const struct packer *packer)
{
    return packer->stored_bytes;
}

uint64_t packer_stored_packs(const struct packer *packer)
{
    return packer->stored_packs;
}
