/*
 * The workers of a restore: fetch ranges of packs, open their blocks, write.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_item.h"

#include <stdlib.h>

/* Write the targets of one block, whose plaintext is ${plain}.  Chunks that lie together both there
 * and in the file are written at once. */
static void scatter(struct restore_tools *tools, const struct restore_target *targets,
                    uint32_t count, const uint8_t *plain)
{
    const struct index *index = tools->job->params->vault->index;
    const struct index_chunk *chunks =
        index_chunks_of(index, index_block_at(index, target_block(targets)));
    uint32_t number = 0;
    uint64_t begin = 0; /* of chunk ${number} */
    uint32_t i = 0;

    while (i < count) {
        const struct restore_target *first = &targets[i];
        while (number < target_chunk(first)) {
            begin += chunks[number++].len;
        }
        uint64_t from = begin + first->from;
        uint64_t len = first->len;
        uint32_t next = i + 1;
        while (next < count && targets[next].file == first->file &&
               targets[next].offset == first->offset + len) {
            while (number < target_chunk(&targets[next])) {
                begin += chunks[number++].len;
            }
            if (begin + targets[next].from != from + len) {
                break;
            }
            len += targets[next].len;
            next++;
        }
        restore_file_write(tools, first->file, plain + from, (size_t)len, first->offset, next - i);
        i = next;
    }
}

/* The targets cannot be served. */
static void fail_targets(struct restore_tools *tools, const struct restore_target *targets,
                         uint32_t count, const struct sme_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (err != NULL && !atomic_load(&targets[i].file->broken)) {
            restore_file_break(targets[i].file, err);
        }
        restore_file_release(tools, targets[i].file, 1);
    }
}

static uint32_t targets_of_block(const struct restore_target *targets, uint32_t count)
{
    uint32_t n = 1;

    while (n < count && target_block(&targets[n]) == target_block(&targets[0])) {
        n++;
    }
    return n;
}

/* Fetch the range; its bytes are in tools->sealed. */
static int fetch(struct restore_tools *tools, const struct restore_range *range,
                 struct sme_error *err)
{
    const struct vault *vault = tools->job->params->vault;
    const struct index_pack *pack = index_pack_at(vault->index, range->pack);
    objkey_text name;

    if (range->len > tools->sealed_cap) {
        uint8_t *grown = realloc(tools->sealed, range->len);
        if (grown == NULL) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory to read packs");
        }
        tools->sealed = grown;
        tools->sealed_cap = range->len;
    }
    objkey_pack(vault->keys.source, pack->type == SEAL_META, pack->name, name);
    return store_get_range(vault->repo->store, name, range->offset, tools->sealed, range->len, err);
}

static void do_range(struct restore_tools *tools, const struct restore_window *window,
                     const struct restore_range *range)
{
    struct restore_job *job = tools->job;
    const struct index *index = job->params->vault->index;
    struct sme_error err = SME_ERROR_INIT;

    int fetched = restore_job_stopped(job) ? SME_E_CANCELLED : fetch(tools, range, &err);
    if (fetched < 0 && !restore_is_files_own(fetched) && err.status < 0) {
        restore_job_fail(job, &err);
    }
    for (uint32_t i = 0; i < range->count;) {
        const struct restore_target *targets = &window->targets[range->first + i];
        uint32_t count = targets_of_block(targets, range->count - i);
        const struct index_block *block = index_block_at(index, target_block(targets));
        const uint8_t *plain = NULL;
        i += count;
        if (restore_job_stopped(job)) {
            fail_targets(tools, targets, count, NULL);
            continue;
        }
        /* Where a range cannot be read, most of its blocks may be readable one by one. */
        int status = fetched == SME_OK
                         ? block_open(tools->reader, block,
                                      tools->sealed + (block->offset - range->offset), &plain, &err)
                         : block_fetch(tools->reader, block, &plain, &err);
        if (status == SME_OK) {
            scatter(tools, targets, count, plain);
            continue;
        }
        if (!restore_is_files_own(status)) {
            restore_job_fail(job, &err);
        }
        fail_targets(tools, targets, count, &err);
    }
}

static void do_loose(struct restore_tools *tools, const struct restore_window *window,
                     const struct restore_range *range)
{
    (void)restore_job_stopped(tools->job);
    for (uint32_t i = 0; i < range->count; i++) {
        restore_file_release(tools, window->loose[range->first + i], 1);
    }
}

/* The oldest window that has something left to do. */
static struct restore_window *next_window(const struct restore_job *job)
{
    struct restore_window *window = job->first;

    while (window != NULL && window->taken == window->range_count) {
        window = window->next;
    }
    return window;
}

static void remove_window(struct restore_job *job, struct restore_window *window)
{
    struct restore_window **at = &job->first;

    while (*at != window) {
        at = &(*at)->next;
    }
    *at = window->next;
    if (job->last == &window->next) {
        job->last = at;
    }
    job->windows--;
    restore_window_free(window);
    (void)pthread_cond_broadcast(&job->room);
}

static void work_on(struct restore_tools *tools)
{
    struct restore_job *job = tools->job;

    (void)pthread_mutex_lock(&job->lock);
    for (;;) {
        struct restore_window *window = next_window(job);
        if (window == NULL && job->closed) {
            break;
        }
        if (window == NULL) {
            (void)pthread_cond_wait(&job->work, &job->lock);
            continue;
        }
        const struct restore_range range = window->ranges[window->taken++];
        (void)pthread_mutex_unlock(&job->lock);
        if (range.loose) {
            do_loose(tools, window, &range);
        } else {
            do_range(tools, window, &range);
        }
        (void)pthread_mutex_lock(&job->lock);
        if (++window->finished == window->range_count) {
            remove_window(job, window);
        }
    }
    (void)pthread_mutex_unlock(&job->lock);
}

void *restore_work(void *argument)
{
    struct restore_job *job = argument;
    struct restore_tools tools = {0};
    struct sme_error err = SME_ERROR_INIT;

    /* Without tools of its own a thread lets go of what is planned: the restore has failed. */
    if (restore_tools_init(&tools, job, &err) < 0) {
        restore_job_fail(job, &err);
    }
    work_on(&tools);
    restore_tools_done(&tools);
    (void)pthread_mutex_lock(&job->lock);
    job->running--;
    (void)pthread_cond_broadcast(&job->room);
    (void)pthread_mutex_unlock(&job->lock);
    return NULL;
}
