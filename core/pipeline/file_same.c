/*
 * Is a file on disk what a snapshot has?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "file_same.h"

#include "../base/fileio.h"
#include "../base/limits.h"
#include "restore_plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct file_same {
    struct block_reader *reader;
    struct sealer *sealer;
    uint8_t *chunk; /* LIMIT_CHUNK */
};

int file_same_new(struct vault *vault, struct file_same **ret_same, struct sme_error *err)
{
    struct file_same *same = calloc(1, sizeof *same);
    int status = SME_OK;

    if (same == NULL || (same->chunk = malloc(LIMIT_CHUNK)) == NULL) {
        status = sme_fail(err, SME_E_NO_MEMORY, "no memory to compare files");
    }
    if (status == SME_OK) {
        status = block_reader_new(vault, &same->reader, err);
    }
    if (status == SME_OK) {
        status = sealer_new(&vault->keys, &same->sealer, err);
    }
    if (status < 0) {
        file_same_free(same);
        return status;
    }
    *ret_same = same;
    return SME_OK;
}

void file_same_free(struct file_same *same)
{
    if (same != NULL) {
        block_reader_free(same->reader);
        sealer_free(same->sealer);
        free(same->chunk);
        free(same);
    }
}

/* Holes are zeroes, whether the file on disk has them or not. */
static bool is_zero(int fd, uint64_t from, uint64_t to)
{
    uint8_t part[16384];

    while (from < to) {
        size_t want = to - from < sizeof part ? (size_t)(to - from) : sizeof part;
        if (io_pread_full(fd, part, want, from) != (ssize_t)want || part[0] != 0 ||
            memcmp(part, part + 1, want - 1) != 0) {
            return false;
        }
        from += want;
    }
    return true;
}

/* One chunk, whose pieces lie around holes; *position is the end of what was compared. */
static bool compare_chunk(struct file_same *same, struct extents *extents,
                          const struct block_chunk *ref, int fd, uint64_t *position)
{
    struct chunk_id id;
    size_t have = 0;

    if (ref->len > LIMIT_CHUNK) {
        return false;
    }
    while (have < ref->len) {
        uint64_t offset, len;
        if (!extents_take(extents, ref->len - have, &offset, &len) ||
            !is_zero(fd, *position, offset)) {
            return false;
        }
        if (io_pread_full(fd, same->chunk + have, (size_t)len, offset) != (ssize_t)len) {
            return false;
        }
        have += (size_t)len;
        *position = offset + len;
    }
    return sealer_chunk_id(same->sealer, same->chunk, have, &id) == SME_OK &&
           memcmp(id.bytes, ref->id.bytes, sizeof id.bytes) == 0;
}

int file_same_compare(struct file_same *same, const struct item_view *item, int fd,
                      struct sme_error *err)
{
    struct extents extents;
    struct ref_iter refs;
    struct block_chunk ref;
    struct stat st;
    uint64_t position = 0;
    bool equal = true;
    int more = 0;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 0 ||
        (uint64_t)st.st_size != item->size) {
        return 0;
    }
    extents_init(&extents, item);
    int status = ref_iter_init(&refs, same->reader, item, err);
    while (status == SME_OK && equal && (more = ref_iter_next(&refs, &ref, err)) > 0) {
        equal = compare_chunk(same, &extents, &ref, fd, &position);
    }
    ref_iter_done(&refs);
    if (status < 0 || more < 0) {
        return status < 0 ? status : more;
    }
    return equal && extents_full(&extents) && is_zero(fd, position, item->size);
}
