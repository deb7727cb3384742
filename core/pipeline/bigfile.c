/*
 * Large files and streams: workers take turns at reading and cutting.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "content.h"

#include "../base/cancel.h"
#include "../base/fileio.h"
#include "../base/limits.h"
#include "content_cut.h"

#include <pthread.h>
#include <stdlib.h>

#define FEED_BUFFERS 3

struct feed_buffer {
    uint8_t *data;
    size_t len;
};

struct bigfile {
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t changed;
    bool fixed;
    bool is_stream;
    bool at_end;  /* nothing more to read or cut */
    bool stopped; /* the run has failed */
    unsigned workers;
    struct content_result result;
    uint8_t *carry; /* the unfinished chunk */
    size_t carry_len, carry_cap;
    /* a file */
    int fd;
    uint64_t offset, size;
    const uint64_t *holes;
    size_t hole_count, next_hole;
    uint64_t data_left; /* until the next hole */
    /* a stream */
    struct feed_buffer feed[FEED_BUFFERS];
    size_t feed_head, feed_count;
    bool feed_ended;
    int feed_status;
    char *feed_text;
};

static struct bigfile *allocate(bool fixed)
{
    struct bigfile *file = calloc(1, sizeof *file);

    if (file != NULL) {
        (void)pthread_mutex_init(&file->lock, NULL);
        (void)pthread_cond_init(&file->changed, NULL);
        file->fixed = fixed;
        file->fd = -1;
    }
    return file;
}

/* Set how much data lies before the next hole, and step over holes that come first. */
static void enter_extent(struct bigfile *file)
{
    while (file->next_hole < file->hole_count) {
        file->data_left = file->holes[file->next_hole * 2];
        if (file->data_left > 0) {
            return;
        }
        file->offset += file->holes[file->next_hole * 2 + 1];
        file->next_hole++;
    }
    file->data_left = file->size > file->offset ? file->size - file->offset : 0;
}

int bigfile_new(int fd, uint64_t size, const uint64_t *holes, size_t hole_count, bool fixed,
                struct bigfile **ret_file, struct sme_error *err)
{
    struct bigfile *file = allocate(fixed);

    if (file == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a large file");
    }
    file->fd = fd;
    file->size = size;
    file->holes = holes;
    file->hole_count = hole_count;
    enter_extent(file);
    *ret_file = file;
    return SME_OK;
}

int bigfile_new_stream(bool fixed, struct bigfile **ret_file, struct sme_error *err)
{
    struct bigfile *file = allocate(fixed);

    if (file == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a stream");
    }
    file->is_stream = true;
    for (size_t i = 0; i < FEED_BUFFERS; i++) {
        file->feed[i].data = malloc(CONTENT_PIECE);
        if (file->feed[i].data == NULL) {
            bigfile_free(file);
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for a stream");
        }
    }
    *ret_file = file;
    return SME_OK;
}

void bigfile_free(struct bigfile *file)
{
    if (file != NULL) {
        for (size_t i = 0; i < FEED_BUFFERS; i++) {
            free(file->feed[i].data);
        }
        free(file->result.refs);
        free(file->carry);
        free(file->feed_text);
        (void)pthread_cond_destroy(&file->changed);
        (void)pthread_mutex_destroy(&file->lock);
        free(file);
    }
}

uint8_t *bigfile_feed_space(struct bigfile *file, size_t *ret_room)
{
    uint8_t *space = NULL;

    (void)pthread_mutex_lock(&file->lock);
    while (file->feed_count == FEED_BUFFERS && !file->stopped) {
        (void)pthread_cond_wait(&file->changed, &file->lock);
    }
    if (!file->stopped) {
        space = file->feed[(file->feed_head + file->feed_count) % FEED_BUFFERS].data;
        *ret_room = CONTENT_PIECE;
    }
    (void)pthread_mutex_unlock(&file->lock);
    return space;
}

void bigfile_feed(struct bigfile *file, size_t len, int status, const char *text)
{
    (void)pthread_mutex_lock(&file->lock);
    if (len > 0) {
        file->feed[(file->feed_head + file->feed_count) % FEED_BUFFERS].len = len;
        file->feed_count++;
    } else {
        file->feed_ended = true;
        file->feed_status = status;
        file->feed_text = text != NULL ? strdup(text) : NULL;
    }
    (void)pthread_cond_broadcast(&file->changed);
    (void)pthread_mutex_unlock(&file->lock);
}

/* Up to ${room} bytes of data from the file's extents, one after the other. */
static size_t read_file(struct bigfile *file, uint8_t *out, size_t room)
{
    size_t used = 0;

    while (used < room && file->data_left > 0) {
        size_t want = room - used < file->data_left ? room - used : (size_t)file->data_left;
        ssize_t got = io_pread_full(file->fd, out + used, want, file->offset);
        if (got < 0) {
            file->result.source_errno = errno;
            file->result.failed_at = file->offset;
            file->at_end = true;
            return used;
        }
        used += (size_t)got;
        file->offset += (uint64_t)got;
        file->data_left -= (uint64_t)got;
        if ((size_t)got < want) { /* the file has become shorter */
            file->at_end = true;
            return used;
        }
        if (file->data_left == 0 && file->next_hole < file->hole_count) {
            file->offset += file->holes[file->next_hole * 2 + 1];
            file->next_hole++;
            enter_extent(file);
        }
    }
    if (file->data_left == 0) {
        file->at_end = true;
    }
    return used;
}

/* The next piece of a stream; waits for it. */
static size_t read_stream(struct bigfile *file, uint8_t *out)
{
    while (file->feed_count == 0 && !file->feed_ended && !file->stopped && !file->at_end) {
        (void)pthread_cond_wait(&file->changed, &file->lock);
    }
    if (file->stopped || file->at_end) {
        return 0;
    }
    if (file->feed_count == 0) {
        file->at_end = true;
        return 0;
    }
    struct feed_buffer *buffer = &file->feed[file->feed_head];
    size_t len = buffer->len;
    memcpy(out, buffer->data, len);
    file->feed_head = (file->feed_head + 1) % FEED_BUFFERS;
    file->feed_count--;
    (void)pthread_cond_broadcast(&file->changed);
    return len;
}

/* One piece, cut: the chunks lie one after the other from ${data}, in the worker's window. */
struct piece {
    const uint8_t *data;
    size_t first_ref;
    size_t count;
    struct block_chunk *chunks; /* lengths set, ids to be computed */
    size_t len;                 /* bytes of these chunks */
};

static int keep_carry(struct bigfile *file, const uint8_t *data, size_t len, struct sme_error *err)
{
    if (len > file->carry_cap) {
        uint8_t *grown = realloc(file->carry, len);
        if (grown == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for a large file");
        }
        file->carry = grown;
        file->carry_cap = len;
    }
    if (len > 0) {
        memcpy(file->carry, data, len);
    }
    file->carry_len = len;
    return SME_OK;
}

/* Read and cut the next piece into the window.  The lock is held.  1, 0 at the end, < 0. */
static int next_piece(struct bigfile *file, struct content_tools *tools, struct piece *piece,
                      struct sme_error *err)
{
    /* While a stream's reader waits it gives up the lock, so another worker may have taken the
     * carry along: it is copied only afterwards. */
    uint8_t *fresh = tools->window + tools->chunker->max_size;
    size_t got = file->is_stream ? read_stream(file, fresh) : read_file(file, fresh, CONTENT_PIECE);

    if (file->stopped) {
        return 0;
    }
    uint8_t *data = fresh - file->carry_len;
    if (file->carry_len > 0) {
        memcpy(data, file->carry, file->carry_len);
    }
    size_t len = file->carry_len + got;
    if (len == 0) {
        return 0;
    }
    memset(piece, 0, sizeof *piece);
    size_t cap = 0;
    while (piece->len < len) {
        size_t cut = content_cut(tools->chunker, data + piece->len, len - piece->len, file->at_end,
                                 file->fixed);
        if (cut == 0) {
            break;
        }
        if (piece->count == cap) {
            cap = cap == 0 ? 32 : cap * 2;
            struct block_chunk *grown = reallocarray(piece->chunks, cap, sizeof *grown);
            if (grown == NULL) {
                return sme_fail(err, SME_E_NO_MEMORY, "no memory for a file's chunks");
            }
            piece->chunks = grown;
        }
        piece->chunks[piece->count++].len = (uint32_t)cut;
        piece->len += cut;
    }
    piece->first_ref = file->result.count;
    for (size_t i = 0; i < piece->count; i++) {
        int status = content_add_ref(&file->result, &piece->chunks[i], err);
        if (status < 0) {
            return status;
        }
    }
    file->result.bytes += got;
    tools->counters->bytes_read += got;
    int status = keep_carry(file, data + piece->len, len - piece->len, err);
    if (status < 0) {
        return status;
    }
    piece->data = data;
    return 1;
}

/* Name, deduplicate and put the chunks of a piece.  Without the lock. */
static int put_piece(struct content_tools *tools, struct piece *piece, struct sme_error *err)
{
    const uint8_t *span = piece->data; /* new chunks that lie together */
    size_t span_first = 0;
    size_t span_len = 0;
    const uint8_t *at = piece->data;
    bool raw = codec_looks_random(block_sealer_codec(tools->sealer), piece->data, piece->len);

    for (size_t i = 0; i <= piece->count; i++) {
        struct block_chunk *chunk = i < piece->count ? &piece->chunks[i] : NULL;
        int fresh = 0;
        if (chunk != NULL) {
            int status =
                sealer_chunk_id(block_sealer_ids(tools->sealer), at, chunk->len, &chunk->id);
            if (status < 0) {
                return sme_fail(err, status, "cannot compute a chunk's id");
            }
            fresh = dedup_claim(tools->dedup, &chunk->id, err);
            if (fresh < 0) {
                return fresh;
            }
        }
        if (span_len > 0 && (fresh == 0 || span_len + chunk->len > BLOCK_TARGET)) {
            int status = block_put(tools->sealer, tools->check, span, piece->chunks + span_first,
                                   (uint32_t)(i - span_first), raw, err);
            if (status < 0) {
                return status;
            }
            span_len = 0;
        }
        if (fresh == 1) {
            if (span_len == 0) {
                span = at;
                span_first = i;
            }
            span_len += chunk->len;
            int status = checksum_add(tools->check, at, chunk->len);
            if (status < 0) {
                return sme_fail(err, status, "cannot compute a checksum");
            }
            tools->counters->bytes_new += chunk->len;
        }
        at += chunk != NULL ? chunk->len : 0;
    }
    return SME_OK;
}

int bigfile_work(struct bigfile *file, struct content_tools *tools, struct sme_error *err)
{
    int status = SME_OK;

    if (tools->window == NULL && (tools->window = malloc(tools->window_cap)) == NULL) {
        status = sme_fail(err, SME_E_NO_MEMORY, "no memory for a large file");
    }
    (void)pthread_mutex_lock(&file->lock);
    while (status == SME_OK && !file->stopped && !(file->at_end && file->carry_len == 0)) {
        struct piece piece = {0};
        if ((status = cancel_check(err)) < 0) {
            break;
        }
        int more = next_piece(file, tools, &piece, err);
        if (more > 0 && piece.count > 0) {
            (void)pthread_mutex_unlock(&file->lock);
            status = put_piece(tools, &piece, err);
            (void)pthread_mutex_lock(&file->lock);
            memcpy(file->result.refs + piece.first_ref, piece.chunks,
                   piece.count * sizeof *piece.chunks);
        }
        free(piece.chunks);
        if (more < 0) {
            status = more;
        }
    }
    if (status < 0) {
        file->stopped = true;
    }
    file->workers--;
    (void)pthread_cond_broadcast(&file->changed);
    (void)pthread_mutex_unlock(&file->lock);
    return status;
}

bool bigfile_enter(struct bigfile *file)
{
    (void)pthread_mutex_lock(&file->lock);
    bool has = !file->stopped && !file->at_end;
    file->workers += has;
    (void)pthread_mutex_unlock(&file->lock);
    return has;
}

void bigfile_wait(struct bigfile *file)
{
    (void)pthread_mutex_lock(&file->lock);
    while (file->workers > 0) {
        (void)pthread_cond_wait(&file->changed, &file->lock);
    }
    (void)pthread_mutex_unlock(&file->lock);
}

void bigfile_take(struct bigfile *file, struct content_result *result)
{
    *result = file->result;
    memset(&file->result, 0, sizeof file->result);
}

void bigfile_stop(struct bigfile *file)
{
    (void)pthread_mutex_lock(&file->lock);
    file->stopped = true;
    (void)pthread_cond_broadcast(&file->changed);
    (void)pthread_mutex_unlock(&file->lock);
}

const char *bigfile_failure(struct bigfile *file, int *ret_status)
{
    const char *text = NULL;

    /* Of a run that has failed, the feeder may still be at it. */
    (void)pthread_mutex_lock(&file->lock);
    *ret_status = file->feed_status;
    if (file->feed_status < 0) {
        text = file->feed_text != NULL ? file->feed_text : "";
    }
    (void)pthread_mutex_unlock(&file->lock);
    return text;
}
