/*
 * A restore that only counts, and looks every chunk up.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_job.h"
#include "restore_walk.h"

struct counting {
    struct restore_job *job;
    struct block_reader *reader;
};

static int look_up(struct counting *counting, const struct item_view *view, struct sme_error *err)
{
    const struct index *index = counting->job->params->vault->index;
    struct sme_error missing = SME_ERROR_INIT;
    struct ref_iter refs;
    struct block_chunk ref;

    int status = ref_iter_init(&refs, counting->reader, view, &missing);
    while (status == SME_OK) {
        int more = ref_iter_next(&refs, &ref, &missing);
        if (more <= 0) {
            status = more;
            break;
        }
        const struct index_chunk *found = index_find(index, &ref.id);
        if (found == NULL || found->len != ref.len) {
            status = sme_fail(&missing, SME_E_CORRUPT, "a chunk of it is not in the index");
        }
    }
    ref_iter_done(&refs);
    if (status < 0 && !restore_is_files_own(status)) {
        *err = missing;
        return status;
    }
    if (status < 0) {
        restore_problem(counting->job, view->path, &missing);
    }
    return SME_OK;
}

static int visit(void *cookie, const struct item_view *view, bool selected, struct sme_error *err)
{
    struct counting *counting = cookie;
    struct restore_numbers *numbers = &counting->job->numbers;

    if (restore_job_stopped(counting->job)) {
        *err = counting->job->failure;
        return err->status;
    }
    if (!selected) {
        return SME_OK;
    }
    numbers->items++;
    switch (view->type) {
    case SME_ITEM_FILE:
        numbers->files++;
        numbers->bytes += view->size;
        return look_up(counting, view, err);
    case SME_ITEM_DIRECTORY:
        numbers->directories++;
        return SME_OK;
    case SME_ITEM_SYMLINK:
        numbers->links++;
        return SME_OK;
    default:
        numbers->others++;
        return SME_OK;
    }
}

int restore_job_dry_run(struct restore_job *job, struct sme_error *err)
{
    const struct restore_params *params = job->params;
    struct counting counting = {.job = job};
    struct select select;

    int status = select_init(&select, params->patterns, params->pattern_count, params->exact, err);
    if (status < 0) {
        return status;
    }
    status = block_reader_new(params->vault, &counting.reader, err);
    if (status == SME_OK) {
        status = restore_walk(params->vault, params->snapshot, &select, visit, &counting, err);
    }
    if (status == SME_OK) {
        status = restore_walk_matched(&select, params->snapshot, err);
    }
    job->numbers.total_bytes = job->numbers.bytes;
    block_reader_free(counting.reader);
    select_done(&select);
    return status;
}
