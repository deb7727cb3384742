/*
 * What a source plugin says is wrong with its items (host->problem), gathered from any thread.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_PROBLEMS_H
#define SME_RUN_PROBLEMS_H

#include "../pipeline/pipe.h"
#include "../repo/snapshot.h"

#include <pthread.h>

struct problems {
    pthread_mutex_t lock; /* guards the rest */
    struct snapshot_problem *list;
    size_t count; /* at most SNAPSHOT_PROBLEMS_MAX */
    uint64_t total;
};

void problems_init(struct problems *problems);
void problems_done(struct problems *problems);
/* From now on ${instance} tells ${problems}; each is logged as a warning as well. */
void problems_attach(struct problems *problems, struct instance *instance);
/* Move all of them into ${result}. */
int problems_merge(struct problems *problems, struct pipe_result *result, struct sme_error *err);

#endif
