/*
 * Planning a restore: where the bytes of chunks go, and which ranges of packs to fetch for them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_RESTORE_PLAN_H
#define SME_PIPELINE_RESTORE_PLAN_H

#include "../repo/index.h"
#include "../repo/item.h"

struct restore_file;

/* The stretches of a file that hold data: what its hole map leaves. */
struct extents {
    struct item_view view;
    uint64_t offset; /* of the next byte of data */
    uint64_t left;   /* bytes of data before the next hole */
    uint64_t hole;   /* bytes of that */
    uint64_t size;
    bool at_last; /* no hole comes any more */
    bool bad;     /* the map does not fit the size */
};
void extents_init(struct extents *extents, const struct item_view *view);
/* The next piece of data, of ${want} bytes or as many as lie before the next hole.  False when the
 * file has no more room. */
bool extents_take(struct extents *extents, uint64_t want, uint64_t *ret_offset, uint64_t *ret_len);
/* Has all data been taken? */
bool extents_full(struct extents *extents);

/* One piece of one chunk has one place in one file. */
struct restore_target {
    uint64_t key; /* block << 32 | number of the chunk in it */
    uint64_t offset;
    struct restore_file *file;
    uint32_t from; /* in the chunk */
    uint32_t len;
};
static inline uint32_t target_block(const struct restore_target *target)
{
    return (uint32_t)(target->key >> 32);
}
static inline uint32_t target_chunk(const struct restore_target *target)
{
    return (uint32_t)target->key;
}

/* Bytes of a pack that are fetched together, and the targets that they serve. */
struct restore_range {
    uint64_t offset;
    uint32_t len;
    uint32_t pack;
    uint32_t first, count; /* of the window's targets; or of its loose files: */
    bool loose;
};

/* A part of the restore that is planned, fetched and written as one. */
struct restore_window {
    struct restore_window *next;
    struct restore_target *targets;
    uint32_t target_count, target_cap;
    struct restore_file **loose; /* without content: empty files, links, ... */
    uint32_t loose_count, loose_cap;
    struct restore_range *ranges;
    uint32_t range_count;
    uint32_t taken, finished; /* ranges, under the job's lock */
    uint64_t weight;          /* bytes of memory, also of the files */
};
struct restore_window *restore_window_new(void);
void restore_window_free(struct restore_window *window);
/* False on no memory. */
bool restore_window_add(struct restore_window *window, const struct restore_target *target);
bool restore_window_add_loose(struct restore_window *window, struct restore_file *file);

struct range_limits {
    uint32_t length; /* of a range, unless one block is longer */
    uint32_t gap;    /* bytes between wanted blocks that are read along */
};
/* Sort the targets by place and make the ranges.  False on no memory. */
bool restore_window_seal(struct restore_window *window, const struct index *index,
                         const struct range_limits *limits);

#endif
