/*
 * Conformance of sinks: checks with several threads.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/error.h"
#include "plugin_test_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS 4
#define ROUNDS 5
#define SIZE 20000
#define WHOLE_SIZE 300000
#define WHOLE_ROUNDS 10

static bool is_parallel(struct sink_check *at)
{
    if (at->sink->plugin->desc.threads == SME_THREADS_PARALLEL)
        return true;
    return plugin_check_skip(&at->check, "the plugin is called from one thread at a time");
}

/* ---- puts at once ------------------------------------------------------------------------- */

struct putter {
    struct sink_check *at;
    pthread_barrier_t *start;
    unsigned number;
    bool same_name;
    uint8_t data[SIZE + THREADS];
    size_t len;
    int status[ROUNDS];
    struct sme_error err;
};

static void putter_name(unsigned round, unsigned number, bool same_name, char out[48])
{
    if (same_name)
        (void)snprintf(out, 48, "race/%u", round);
    else
        (void)snprintf(out, 48, "many/%u-%u", round, number);
}

static void *run_putter(void *arg)
{
    struct putter *me = arg;
    const struct sme_slice slice = {me->data, me->len};
    struct sme_error err = SME_ERROR_INIT;
    char name[48];

    for (unsigned i = 0; i < ROUNDS; i++) {
        putter_name(i, me->number, me->same_name, name);
        (void)pthread_barrier_wait(me->start);
        me->status[i] = sink_check_try(me->at, name, &slice, 1, SME_PUT_CREATE_ONLY, &err);
        if (me->status[i] < 0 && me->status[i] != SME_E_EXISTS)
            me->err = err;
    }
    return NULL;
}

static struct putter *race(struct sink_check *at, bool same_name)
{
    struct putter *putters = calloc(THREADS, sizeof *putters);
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    unsigned made = 0;

    if (putters == NULL || pthread_barrier_init(&start, NULL, THREADS) != 0) {
        (void)plugin_check_fail(&at->check, "no memory for threads");
        free(putters);
        return NULL;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        putters[i].at = at;
        putters[i].start = &start;
        putters[i].number = i;
        putters[i].same_name = same_name;
        putters[i].len = SIZE + i;
        putters[i].err = (struct sme_error)SME_ERROR_INIT;
        sink_check_fill(putters[i].data, putters[i].len, 100 + i);
    }
    /* All or none: the others would wait at the barrier for ever, so they are cancelled there. */
    for (made = 0; made < THREADS; made++) {
        if (pthread_create(&threads[made], NULL, run_putter, &putters[made]) != 0)
            break;
    }
    if (made < THREADS) {
        for (unsigned i = 0; i < made; i++) {
            (void)pthread_cancel(threads[i]);
            (void)pthread_join(threads[i], NULL);
        }
        (void)plugin_check_fail(&at->check, "cannot start threads");
        free(putters);
        return NULL;
    }
    for (unsigned i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_barrier_destroy(&start);
    return putters;
}

/* Any failure but EXISTS. */
static bool no_other_failure(struct sink_check *at, const struct putter *putters)
{
    for (unsigned i = 0; i < THREADS; i++) {
        if (putters[i].err.message[0] != '\0')
            return plugin_check_fail(
                &at->check, "expected success or exists from each of %d puts at once, got %s: %s",
                THREADS, error_status_name(putters[i].err.status), putters[i].err.message);
    }
    return true;
}

static bool round_has_one_winner(struct sink_check *at, const struct putter *putters,
                                 unsigned round)
{
    const struct putter *winner = NULL;
    unsigned winners = 0;
    char name[48];

    for (unsigned i = 0; i < THREADS; i++) {
        if (putters[i].status[round] == SME_OK) {
            winner = &putters[i];
            winners++;
        }
    }
    if (winner == NULL || winners != 1)
        return plugin_check_fail(
            &at->check, "expected 1 success of %d create-only puts of one key at once, got %u",
            THREADS, winners);
    putter_name(round, 0, true, name);
    return sink_check_holds(at, name, winner->data, winner->len);
}

void sink_check_one_wins(struct sink_check *at)
{
    if (!is_parallel(at))
        return;
    if ((at->limits.flags & SME_SINK_CREATE_ONLY) == 0) {
        (void)plugin_check_skip(&at->check, "the sink does not offer create-only puts");
        return;
    }
    struct putter *putters = race(at, true);
    if (putters == NULL)
        return;
    bool is_right = no_other_failure(at, putters);
    for (unsigned i = 0; i < ROUNDS && is_right; i++)
        is_right = round_has_one_winner(at, putters, i);
    free(putters);
}

void sink_check_many_at_once(struct sink_check *at)
{
    char names[THREADS * ROUNDS][48];
    const char *list[THREADS * ROUNDS];
    uint64_t sizes[THREADS * ROUNDS];

    if (!is_parallel(at))
        return;
    struct putter *putters = race(at, false);
    if (putters == NULL)
        return;
    bool is_right = no_other_failure(at, putters);
    for (unsigned i = 0; i < THREADS * ROUNDS && is_right; i++) {
        const struct putter *putter = &putters[i % THREADS];
        putter_name(i / THREADS, putter->number, false, names[i]);
        list[i] = names[i];
        sizes[i] = putter->len;
        is_right = sink_check_holds(at, names[i], putter->data, putter->len);
    }
    if (is_right)
        (void)sink_check_lists(at, "many/", list, sizes, THREADS * ROUNDS);
    free(putters);
}

/* ---- readers beside a writer -------------------------------------------------------------- */

struct replacer {
    struct sink_check *at;
    uint8_t *data[2];
    atomic_bool is_done;
    int status;
    struct sme_error err;
};

static void *run_replacer(void *arg)
{
    struct replacer *me = arg;

    for (unsigned i = 0; i < WHOLE_ROUNDS && me->status == SME_OK; i++) {
        const struct sme_slice slice = {me->data[i % 2], WHOLE_SIZE};
        me->status = sink_check_try(me->at, "whole/a", &slice, 1, 0, &me->err);
    }
    atomic_store(&me->is_done, true);
    return NULL;
}

static void read_beside(struct sink_check *at, struct replacer *replacer, uint8_t *got)
{
    do {
        int64_t status = sink_check_get(at, "whole/a", 0, got, WHOLE_SIZE);
        if (status != WHOLE_SIZE) {
            (void)sink_check_failed(at, "get()", "whole/a", "the whole object", status);
            return;
        }
        if (memcmp(got, replacer->data[0], WHOLE_SIZE) != 0 &&
            memcmp(got, replacer->data[1], WHOLE_SIZE) != 0) {
            (void)plugin_check_fail(&at->check, "expected all of one object from get() while it "
                                                "was replaced, got a mixture");
            return;
        }
    } while (!atomic_load(&replacer->is_done));
}

void sink_check_shown_whole(struct sink_check *at)
{
    struct replacer replacer = {.at = at, .err = SME_ERROR_INIT};
    pthread_t thread;

    if (!is_parallel(at))
        return;
    if (!at->can_replace) {
        (void)plugin_check_skip(&at->check, "the place does not let objects be replaced");
        return;
    }
    uint8_t *bytes = malloc(3 * (size_t)WHOLE_SIZE);
    if (bytes == NULL) {
        (void)plugin_check_fail(&at->check, "no memory for objects");
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        replacer.data[i] = bytes + i * (size_t)WHOLE_SIZE;
        sink_check_fill(replacer.data[i], WHOLE_SIZE, 200 + i);
    }
    if (sink_check_put(at, "whole/a", replacer.data[1], WHOLE_SIZE, 0)) {
        if (pthread_create(&thread, NULL, run_replacer, &replacer) != 0) {
            (void)plugin_check_fail(&at->check, "cannot start a thread");
        } else {
            read_beside(at, &replacer, bytes + 2 * (size_t)WHOLE_SIZE);
            (void)pthread_join(thread, NULL);
            if (replacer.status < 0)
                (void)plugin_check_fail(&at->check,
                                        "expected success from each put() over an object, got "
                                        "%s: %s",
                                        error_status_name(replacer.status), replacer.err.message);
        }
    }
    free(bytes);
}
