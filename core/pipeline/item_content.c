/*
 * The content of one item, in order, fetched ahead by a few threads.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * References are gathered into pieces of about a block; each piece is a slot of a ring.  Threads
 * fill slots in any order, the caller empties them in order.
 */
#include "item_content.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/str.h"

#include <pthread.h>
#include <stdlib.h>

#define PIECE_BYTES (1 * MIB)
#define PIECE_REFS 256
#define THREADS_MAX 16

enum slot_state { SLOT_EMPTY, SLOT_ASKED, SLOT_TAKEN, SLOT_FILLED };

struct slot {
    enum slot_state state;
    struct block_chunk refs[PIECE_REFS];
    size_t ref_count;
    uint8_t *data;
    size_t cap, len;
    int status;
    struct sme_error error;
};

struct ahead {
    pthread_mutex_t lock; /* guards states, next and stopped */
    pthread_cond_t asked, filled;
    struct vault *vault;
    struct slot *slots;
    size_t slot_count;
    uint64_t next; /* slot to be taken by a thread */
    bool stopped;
};

/* Where the writer is in the file: data and holes take turns. */
struct writer {
    item_content_fn *write;
    void *cookie;
    struct item_view holes; /* copy whose hole section is being read */
    uint64_t until_hole;    /* bytes of data before the next hole    */
    uint64_t hole;          /* its length                            */
    bool more_holes;
    uint64_t written;
};

static int put(struct writer *writer, const void *data, size_t len, struct sme_error *err)
{
    int status = writer->write(writer->cookie, data, len, err);

    writer->written += len;
    return status < 0 ? status : cancel_check(err);
}

static void next_hole(struct writer *writer)
{
    writer->more_holes = item_next_hole(&writer->holes, &writer->until_hole, &writer->hole);
}

/* Write the holes that come now. */
static int put_holes(struct writer *writer, struct sme_error *err)
{
    static const char zeroes[65536];
    int status = SME_OK;

    while (writer->more_holes && writer->until_hole == 0 && status == SME_OK) {
        while (writer->hole > 0 && status == SME_OK) {
            size_t part = writer->hole < sizeof zeroes ? (size_t)writer->hole : sizeof zeroes;
            writer->hole -= part;
            status = put(writer, zeroes, part, err);
        }
        if (status == SME_OK) {
            next_hole(writer);
        }
    }
    return status;
}

static int put_data(struct writer *writer, const uint8_t *data, size_t len, struct sme_error *err)
{
    int status = put_holes(writer, err);

    while (len > 0 && status == SME_OK) {
        size_t part =
            writer->more_holes && writer->until_hole < len ? (size_t)writer->until_hole : len;
        status = put(writer, data, part, err);
        data += part;
        len -= part;
        if (writer->more_holes) {
            writer->until_hole -= part;
        }
        if (status == SME_OK) {
            status = put_holes(writer, err);
        }
    }
    return status;
}

/* ---- fetching ahead ----------------------------------------------------------------------- */

static int fill(struct block_reader *reader, struct slot *slot, struct sme_error *err)
{
    size_t need = 0;

    for (size_t i = 0; i < slot->ref_count; i++) {
        need += slot->refs[i].len;
    }
    if (need > slot->cap) {
        free(slot->data);
        slot->cap = 0;
        slot->data = malloc(need);
        if (slot->data == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for a piece of a file");
        }
        slot->cap = need;
    }
    slot->len = 0;
    for (size_t i = 0; i < slot->ref_count; i++) {
        const uint8_t *data = NULL;
        int status = chunk_fetch(reader, &slot->refs[i], &data, err);
        if (status < 0) {
            return status;
        }
        memcpy(slot->data + slot->len, data, slot->refs[i].len);
        slot->len += slot->refs[i].len;
    }
    return SME_OK;
}

static void *fetch(void *argument)
{
    struct ahead *ahead = argument;
    struct block_reader *reader = NULL;
    struct sme_error err = SME_ERROR_INIT;
    int made = block_reader_new(ahead->vault, &reader, &err);

    (void)pthread_mutex_lock(&ahead->lock);
    while (!ahead->stopped) {
        struct slot *slot = &ahead->slots[ahead->next % ahead->slot_count];
        if (slot->state != SLOT_ASKED) {
            (void)pthread_cond_wait(&ahead->asked, &ahead->lock);
            continue;
        }
        slot->state = SLOT_TAKEN;
        ahead->next++;
        (void)pthread_mutex_unlock(&ahead->lock);
        slot->error = err;
        slot->status = made < 0 ? made : fill(reader, slot, &slot->error);
        (void)pthread_mutex_lock(&ahead->lock);
        slot->state = SLOT_FILLED;
        (void)pthread_cond_broadcast(&ahead->filled);
    }
    (void)pthread_mutex_unlock(&ahead->lock);
    block_reader_free(reader);
    return NULL;
}

/* Gather the next references into ${slot}: 1, or 0 at their end. */
static int gather(struct ref_iter *refs, struct slot *slot, struct sme_error *err)
{
    size_t bytes = 0;
    int more = 1;

    slot->ref_count = 0;
    while (slot->ref_count < PIECE_REFS && bytes < PIECE_BYTES) {
        struct block_chunk ref;
        more = ref_iter_next(refs, &ref, err);
        if (more <= 0) {
            break;
        }
        slot->refs[slot->ref_count++] = ref;
        bytes += ref.len;
    }
    return more < 0 ? more : slot->ref_count > 0;
}

static void ask(struct ahead *ahead, struct slot *slot)
{
    (void)pthread_mutex_lock(&ahead->lock);
    slot->state = SLOT_ASKED;
    (void)pthread_cond_broadcast(&ahead->asked);
    (void)pthread_mutex_unlock(&ahead->lock);
}

static int take(struct ahead *ahead, struct slot *slot, struct sme_error *err)
{
    (void)pthread_mutex_lock(&ahead->lock);
    while (slot->state != SLOT_FILLED) {
        (void)pthread_cond_wait(&ahead->filled, &ahead->lock);
    }
    slot->state = SLOT_EMPTY;
    (void)pthread_mutex_unlock(&ahead->lock);
    if (slot->status < 0 && err != NULL) {
        *err = slot->error;
    }
    return slot->status;
}

static int send_all(struct ahead *ahead, struct ref_iter *refs, struct writer *writer,
                    struct sme_error *err)
{
    uint64_t asked = 0;
    uint64_t taken = 0;
    int status = SME_OK;
    bool more = true;

    while (status == SME_OK && (more || taken < asked)) {
        while (more && asked - taken < ahead->slot_count && status == SME_OK) {
            struct slot *slot = &ahead->slots[asked % ahead->slot_count];
            int got = gather(refs, slot, err);
            status = got < 0 ? got : SME_OK;
            more = got > 0;
            if (more) {
                ask(ahead, slot);
                asked++;
            }
        }
        if (status == SME_OK && taken < asked) {
            struct slot *slot = &ahead->slots[taken++ % ahead->slot_count];
            status = take(ahead, slot, err);
            if (status == SME_OK) {
                status = put_data(writer, slot->data, slot->len, err);
            }
        }
    }
    return status == SME_OK ? put_holes(writer, err) : status;
}

static int run(struct ahead *ahead, unsigned threads, const struct item_view *item,
               struct writer *writer, struct sme_error *err)
{
    pthread_t started[THREADS_MAX];
    struct block_reader *lists = NULL;
    struct ref_iter refs = {.depth = 0};
    unsigned count = 0;

    int status = block_reader_new(ahead->vault, &lists, err);
    if (status == SME_OK) {
        status = ref_iter_init(&refs, lists, item, err);
    }
    while (status == SME_OK && count < threads) {
        int failure = pthread_create(&started[count], NULL, fetch, ahead);
        if (failure != 0 && count == 0) {
            errno = failure;
            status = sme_fail_errno(err, SME_E_NO_MEMORY, "cannot start a thread");
        } else if (failure != 0) {
            break; /* fewer will do */
        } else {
            count++;
        }
    }
    if (status == SME_OK) {
        status = send_all(ahead, &refs, writer, err);
    }
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->stopped = true;
    (void)pthread_cond_broadcast(&ahead->asked);
    (void)pthread_mutex_unlock(&ahead->lock);
    for (unsigned i = 0; i < count; i++) {
        (void)pthread_join(started[i], NULL);
    }
    ref_iter_done(&refs);
    block_reader_free(lists);
    return status;
}

int item_content_send(struct vault *vault, const struct item_view *item, unsigned threads,
                      item_content_fn *write, void *cookie, struct sme_error *err)
{
    struct ahead ahead = {.vault = vault};
    struct writer writer = {.write = write, .cookie = cookie, .holes = *item};
    char shown[256];

    threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
    if (item->content_count == 0) {
        threads = 1;
    }
    ahead.slot_count = 2 * (size_t)threads;
    ahead.slots = calloc(ahead.slot_count, sizeof *ahead.slots);
    if (ahead.slots == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read a file");
    }
    (void)pthread_mutex_init(&ahead.lock, NULL);
    (void)pthread_cond_init(&ahead.asked, NULL);
    (void)pthread_cond_init(&ahead.filled, NULL);
    next_hole(&writer);
    int status = run(&ahead, threads, item, &writer, err);
    (void)pthread_cond_destroy(&ahead.asked);
    (void)pthread_cond_destroy(&ahead.filled);
    (void)pthread_mutex_destroy(&ahead.lock);
    for (size_t i = 0; i < ahead.slot_count; i++) {
        free(ahead.slots[i].data);
    }
    free(ahead.slots);
    if (status == SME_OK && writer.written != item->size) {
        status = sme_fail(err, SME_E_CORRUPT, "item '%s' has %llu bytes of content instead of %llu",
                          str_escape(item->path, item->path_len, shown, sizeof shown),
                          (unsigned long long)writer.written, (unsigned long long)item->size);
    }
    return status;
}
