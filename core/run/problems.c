/*
 * What a source plugin says is wrong with its items.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "problems.h"

#include "../base/cleanup.h"

#include <stdlib.h>

#define TEXT_MAX 600

void problems_init(struct problems *problems)
{
    memset(problems, 0, sizeof *problems);
    (void)pthread_mutex_init(&problems->lock, NULL);
}

void problems_done(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->list[i].path);
        free(problems->list[i].text);
    }
    free(problems->list);
    (void)pthread_mutex_destroy(&problems->lock);
    problems->list = NULL;
    problems->count = 0;
}

/* Any thread.  Without memory it still counts, so the run cannot end as complete. */
static void add(void *cookie, const char *path, size_t path_len, const char *text)
{
    struct problems *problems = cookie;

    (void)pthread_mutex_lock(&problems->lock);
    problems->total++;
    if (problems->list == NULL) {
        problems->list = calloc(SNAPSHOT_PROBLEMS_MAX, sizeof *problems->list);
    }
    if (problems->list != NULL && problems->count < SNAPSHOT_PROBLEMS_MAX) {
        struct snapshot_problem problem = {
            .kind = PROBLEM_DAMAGED,
            .path = strndup(path, path_len),
            .path_len = path_len,
            .text = strndup(text, TEXT_MAX),
        };
        if (problem.path != NULL && problem.text != NULL) {
            problem.path_len = strlen(problem.path);
            problems->list[problems->count++] = problem;
        } else {
            free(problem.path);
            free(problem.text);
        }
    }
    (void)pthread_mutex_unlock(&problems->lock);
}

void problems_attach(struct problems *problems, struct instance *instance)
{
    instance->on_problem = add;
    instance->problem_cookie = problems;
}

int problems_merge(struct problems *problems, struct pipe_result *result, struct sme_error *err)
{
    int status = SME_OK;

    (void)pthread_mutex_lock(&problems->lock);
    result->counters.damaged += problems->total;
    problems->total = 0;
    if (problems->count > 0 && result->problems == NULL) {
        result->problems = calloc(SNAPSHOT_PROBLEMS_MAX, sizeof *result->problems);
        if (result->problems == NULL) {
            status = sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of problems");
        }
    }
    size_t taken = 0;
    while (status == SME_OK && taken < problems->count &&
           result->problem_count < SNAPSHOT_PROBLEMS_MAX) {
        struct snapshot_problem *to = &result->problems[result->problem_count++];
        *to = problems->list[taken];
        problems->list[taken++] = (struct snapshot_problem){0};
    }
    (void)pthread_mutex_unlock(&problems->lock);
    return status;
}
