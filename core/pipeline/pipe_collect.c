/*
 * Finished units into the item stream and the new item cache, in order.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "pipe_internal.h"

#include "../base/cleanup.h"

#include <fnmatch.h>
#include <stdlib.h>

#define MAX_OWNERS 65536

static int note_owner(struct pipe_result *result, uint8_t kind, uint32_t id)
{
    /* Neighbours have the same owner nearly always. */
    for (size_t i = result->owner_count; i > 0; i--) {
        if (result->owners[i - 1].id == id && result->owners[i - 1].kind == kind) {
            return SME_OK;
        }
    }
    if (result->owner_count >= MAX_OWNERS) {
        return SME_OK; /* the number stays; only its name is not kept */
    }
    struct snapshot_owner *grown =
        reallocarray(result->owners, result->owner_count + 1, sizeof *grown);
    if (grown == NULL) {
        return SME_E_NO_MEMORY;
    }
    result->owners = grown;
    result->owners[result->owner_count++] = (struct snapshot_owner){.kind = kind, .id = id};
    return SME_OK;
}

/* A pattern without '/' is for the last part of the path, as in a shell's case. */
static bool matches(const struct sme_list *patterns, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;

    for (size_t i = 0; patterns != NULL && i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        if (fnmatch(pattern, strchr(pattern, '/') != NULL ? path : name, FNM_PERIOD) == 0 ||
            fnmatch(pattern, strchr(pattern, '/') != NULL ? path : name, 0) == 0) {
            return true;
        }
    }
    return false;
}

static int note_problem(struct pipe *pipe, struct unit_item *item)
{
    struct pipe_result *result = pipe->result;
    struct pipe_counters *counters = &result->counters;
    bool may_differ = item->problem == PROBLEM_CHANGED || item->problem == PROBLEM_VANISHED;

    if (may_differ && matches(pipe->params->may_change, item->path)) {
        return SME_OK;
    }
    switch (item->problem) {
    case PROBLEM_FAILED:
        counters->failed++;
        break;
    case PROBLEM_CHANGED:
        counters->changed_while_read++;
        break;
    case PROBLEM_VANISHED:
        counters->vanished++;
        break;
    case PROBLEM_ROT:
        counters->rot++;
        break;
    case PROBLEM_DAMAGED:
        counters->damaged++;
        break;
    }
    if (result->problem_count == SNAPSHOT_PROBLEMS_MAX) {
        return SME_OK;
    }
    if (result->problems == NULL) {
        result->problems = calloc(SNAPSHOT_PROBLEMS_MAX, sizeof *result->problems);
        if (result->problems == NULL) {
            return SME_E_NO_MEMORY;
        }
    }
    struct snapshot_problem *problem = &result->problems[result->problem_count++];
    problem->kind = (uint8_t)item->problem;
    problem->path = strdup(item->path);
    problem->path_len = item->path_len;
    problem->text = item->problem_text != NULL ? STEAL(item->problem_text) : strdup("");
    return problem->path == NULL || problem->text == NULL ? SME_E_NO_MEMORY : SME_OK;
}

static void note_counts(struct pipe_counters *counters, const struct unit_item *item)
{
    counters->items++;
    if (item->found_type == SME_ITEM_FILE) {
        counters->files++;
        counters->bytes += item->size;
        counters->changed += item->is_read;
    } else if (item->found_type == SME_ITEM_DIRECTORY) {
        counters->directories++;
    }
}

static void note_cache(struct itemcache_writer *writer, const struct unit_item *item)
{
    const struct itemcache_record *old = item->old_record;

    if (writer == NULL) {
        return;
    }
    if (old != NULL) {
        itemcache_writer_add(writer, old, itemcache_holes(old), itemcache_refs(old));
    } else if (item->new_record != NULL) {
        itemcache_writer_add(writer, item->new_record, item->holes, item->refs);
    }
}

int pipe_collect(struct pipe *pipe, struct unit *unit, struct sme_error *err)
{
    bool sorted = (pipe->params->source->plugin->source.flags & SME_SOURCE_ANY_ORDER) == 0;

    for (size_t i = 0; i < unit->count; i++) {
        struct unit_item *item = &unit->items[i];
        if (item->problem != 0 && note_problem(pipe, item) < 0) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of problems");
        }
        pipe->result->counters.skipped += (item->flags & SME_ITEM_SKIPPED) != 0;
        if (item->left_out) {
            continue;
        }
        note_counts(&pipe->result->counters, item);
        note_cache(pipe->params->cache_writer, item);
        if (note_owner(pipe->result, 0, item->uid) < 0 ||
            note_owner(pipe->result, 1, item->gid) < 0) {
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of owners");
        }
        int status = sorted ? itemstream_add(pipe->params->stream, item->path, item->path_len,
                                             item->path_hash, item->body, item->body_len, err)
                            : pipe_hold(pipe, item, err);
        if (status < 0) {
            return status;
        }
    }
    return SME_OK;
}
