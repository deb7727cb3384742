/*
 * One operation of a store: a call of the sink with what is waited for before it, and repeated.
 * For the files of the store only.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 *   attempt_begin(&op, store, err);
 *   do {
 *       if ((status = attempt_enter(&op, NULL, 0)) == SME_OK)
 *           status = attempt_status(store, ops->...(), err);
 *   } while (attempt_again(&op, status));
 *   status = attempt_finish(&op, status);
 */
#ifndef SME_REPO_STORE_ATTEMPT_H
#define SME_REPO_STORE_ATTEMPT_H

#include "../plugin/calls.h"
#include "store.h"
#include "store_pace.h"
#include "store_retry.h"

#include <stdatomic.h>

struct store {
    struct instance *sink;
    struct sme_sink_limits limits;
    const struct store_clock *clock;
    int64_t deadline_ns;
    struct gate gate;
    struct pace upload, download;
    atomic_uint_least64_t put, get, list, head, remove, bytes_put, bytes_got;
    atomic_uint_least64_t retries, throttles, waited_ns, paced_ns;
};

struct attempt {
    struct store *store;
    struct retry retry;
    struct sme_error *err;
    enum plugin_call call;
    bool is_inside; /* the gate */
};

void attempt_begin(struct attempt *op, struct store *store, enum plugin_call call,
                   struct sme_error *err);
/* Before each attempt, which moves ${len} bytes under the limit ${pace} (NULL: none).  A failure
 * means that it is not to be made. */
int attempt_enter(struct attempt *op, struct pace *pace, size_t len);
/* What the sink returned; one that it may not return is a failure of the plugin. */
int attempt_status(struct store *store, int64_t status, struct sme_error *err);
/* After each attempt: true if there is to be another one. */
bool attempt_again(struct attempt *op, int status);
/* The status of the whole; a success leaves nothing in ${err} of what failed before it. */
int attempt_finish(struct attempt *op, int status);
/* "sink 'x': cannot ${what} '${key}'" before the cause; returns ${status}. */
int attempt_context(struct store *store, const char *what, const char *key, struct sme_error *err,
                    int status);

#endif
