/*
 * Items of a source that yields them in any order: held until all are there, then sorted.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "pipe_internal.h"

#include "../base/cleanup.h"
#include "../base/limits.h"

#include <stdlib.h>

#define HELD_BYTES_MAX (256 * MIB) /* what must be in memory at once has an end */

int pipe_hold(struct pipe *pipe, struct unit_item *item, struct sme_error *err)
{
    if (pipe->held_count == pipe->held_cap) {
        size_t cap = pipe->held_cap > 0 ? pipe->held_cap * 2 : 256;
        struct held *grown = reallocarray(pipe->held, cap, sizeof *grown);
        if (grown == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of items");
        }
        pipe->held = grown;
        pipe->held_cap = cap;
    }
    pipe->held_bytes += sizeof *pipe->held + item->path_len + item->body_len;
    if (pipe->held_bytes > HELD_BYTES_MAX) {
        return sme_fail(err, SME_E_NO_MEMORY,
                        "the source yields more than %zu items in no order: they cannot be sorted",
                        pipe->held_count);
    }
    struct held *held = &pipe->held[pipe->held_count++];
    held->path = STEAL(item->path);
    held->path_len = item->path_len;
    memcpy(held->path_hash, item->path_hash, sizeof held->path_hash);
    held->body = STEAL(item->body);
    held->body_len = item->body_len;
    return SME_OK;
}

static int compare(const void *a, const void *b)
{
    const struct held *left = a;
    const struct held *right = b;

    return item_path_compare(left->path, left->path_len, right->path, right->path_len);
}

int pipe_sort(struct pipe *pipe, struct sme_error *err)
{
    int status = SME_OK;

    if (pipe->held_count > 0) {
        qsort(pipe->held, pipe->held_count, sizeof *pipe->held, compare);
    }
    for (size_t i = 0; i < pipe->held_count && status == SME_OK; i++) {
        const struct held *held = &pipe->held[i];
        status = itemstream_add(pipe->params->stream, held->path, held->path_len, held->path_hash,
                                held->body, held->body_len, err);
    }
    return status;
}

void pipe_held_free(struct pipe *pipe)
{
    for (size_t i = 0; i < pipe->held_count; i++) {
        free(pipe->held[i].path);
        free(pipe->held[i].body);
    }
    free(pipe->held);
}
