/*
 * Planning a restore: extents, targets, windows, ranges.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_plan.h"

#include <stdlib.h>
#include <string.h>

#define LOOSE_BATCH 64

void extents_init(struct extents *extents, const struct item_view *view)
{
    *extents = (struct extents){.view = *view, .size = view->size};
}

/* Step over holes until there is data, or the end. */
static void enter_extent(struct extents *e)
{
    while (e->left == 0 && !e->bad && !e->at_last) {
        e->offset += e->hole;
        e->hole = 0;
        if (e->view.hole_count == 0) {
            e->left = e->size - e->offset;
            e->at_last = true;
            return;
        }
        uint64_t before = 0;
        uint64_t hole = 0;
        uint64_t room = e->size - e->offset;
        if (!item_next_hole(&e->view, &before, &hole) || before > room || hole > room - before) {
            e->bad = true;
            return;
        }
        e->left = before;
        e->hole = hole;
    }
}

bool extents_take(struct extents *extents, uint64_t want, uint64_t *ret_offset, uint64_t *ret_len)
{
    enter_extent(extents);
    if (extents->left == 0 || extents->bad) {
        return false;
    }
    uint64_t len = want < extents->left ? want : extents->left;
    *ret_offset = extents->offset;
    *ret_len = len;
    extents->offset += len;
    extents->left -= len;
    return true;
}

bool extents_full(struct extents *extents)
{
    enter_extent(extents);
    return extents->left == 0 && !extents->bad;
}

struct restore_window *restore_window_new(void)
{
    return calloc(1, sizeof(struct restore_window));
}

void restore_window_free(struct restore_window *window)
{
    if (window != NULL) {
        free(window->targets);
        free(window->loose);
        free(window->ranges);
        free(window);
    }
}

static bool grow(void **array, uint32_t *cap, uint32_t count, size_t width)
{
    if (count < *cap) {
        return true;
    }
    if (*cap > UINT32_MAX / 2) {
        return false;
    }
    uint32_t wanted = *cap == 0 ? 1024 : *cap * 2;
    void *grown = reallocarray(*array, wanted, width);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *cap = wanted;
    return true;
}

bool restore_window_add(struct restore_window *window, const struct restore_target *target)
{
    if (!grow((void **)&window->targets, &window->target_cap, window->target_count,
              sizeof *window->targets)) {
        return false;
    }
    window->targets[window->target_count++] = *target;
    window->weight += sizeof *target;
    return true;
}

bool restore_window_add_loose(struct restore_window *window, struct restore_file *file)
{
    if (!grow((void **)&window->loose, &window->loose_cap, window->loose_count,
              sizeof(struct restore_file *))) {
        return false;
    }
    window->loose[window->loose_count++] = file;
    window->weight += sizeof file;
    return true;
}

static int compare_targets(const void *a, const void *b)
{
    const struct restore_target *left = a;
    const struct restore_target *right = b;

    if (left->key != right->key) {
        return left->key < right->key ? -1 : 1;
    }
    /* The pieces of a chunk in their order, so that they are written one after the other. */
    if (left->file != right->file) {
        return (uintptr_t)left->file < (uintptr_t)right->file ? -1 : 1;
    }
    return left->from == right->from
               ? (left->offset > right->offset) - (left->offset < right->offset)
               : (left->from < right->from ? -1 : 1);
}

static void sort_targets(struct restore_window *window)
{
    uint32_t i = 1;

    /* The order of a first backup is the order of the packs. */
    while (i < window->target_count && window->targets[i - 1].key < window->targets[i].key) {
        i++;
    }
    if (i < window->target_count) {
        qsort(window->targets, window->target_count, sizeof *window->targets, compare_targets);
    }
}

static bool add_range(struct restore_window *window, uint32_t *cap,
                      const struct restore_range *range)
{
    if (!grow((void **)&window->ranges, cap, window->range_count, sizeof *window->ranges)) {
        return false;
    }
    window->ranges[window->range_count++] = *range;
    return true;
}

static uint64_t sealed_end(const struct index_block *block)
{
    return block->offset + block->stored_len + SEAL_TAG;
}

/* May ${block} be fetched together with ${range}? */
static bool joins(const struct restore_range *range, const struct index_block *block,
                  const struct range_limits *limits)
{
    uint64_t end = range->offset + range->len;

    return range->pack == block->pack && block->offset >= end &&
           block->offset - end <= limits->gap &&
           sealed_end(block) - range->offset <= limits->length;
}

bool restore_window_seal(struct restore_window *window, const struct index *index,
                         const struct range_limits *limits)
{
    struct restore_range range = {0};
    uint32_t cap = 0;

    sort_targets(window);
    for (uint32_t i = 0; i < window->target_count; i++) {
        uint32_t number = target_block(&window->targets[i]);
        if (i > 0 && number == target_block(&window->targets[i - 1])) {
            range.count++;
            continue;
        }
        const struct index_block *block = index_block_at(index, number);
        if (i > 0 && joins(&range, block, limits)) {
            range.len = (uint32_t)(sealed_end(block) - range.offset);
            range.count++;
            continue;
        }
        if (i > 0 && !add_range(window, &cap, &range)) {
            return false;
        }
        range = (struct restore_range){
            .offset = block->offset,
            .len = block->stored_len + SEAL_TAG,
            .pack = block->pack,
            .first = i,
            .count = 1,
        };
    }
    if (window->target_count > 0 && !add_range(window, &cap, &range)) {
        return false;
    }
    for (uint32_t i = 0; i < window->loose_count; i += LOOSE_BATCH) {
        uint32_t left = window->loose_count - i;
        struct restore_range batch = {
            .first = i, .count = left < LOOSE_BATCH ? left : LOOSE_BATCH, .loose = true};
        if (!add_range(window, &cap, &batch)) {
            return false;
        }
    }
    return true;
}
