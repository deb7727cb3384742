/*
 * What every sink must do when it is called from several threads.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "sink_suite.h"
#include "../../core/crypto/digest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MANY 4

static const struct sme_sink_ops *ops_of(const struct instance *sink)
{
    return &sink->plugin->sink;
}

static struct instance *sink_of(void **state)
{
    return ((struct sink_rig *)*state)->sink;
}

struct putter {
    struct instance *sink;
    pthread_barrier_t *start;
    unsigned number;
    unsigned rounds;
    bool same_key;
    uint8_t *data;
    size_t len;
    unsigned ok, exists, other;
    struct sme_error err;
};

static void *run_putter(void *arg)
{
    struct putter *me = arg;
    const struct sme_slice slice = {me->data, me->len};
    struct sme_put_info info = {
        .struct_size = sizeof info, .flags = SME_PUT_CREATE_ONLY, .length = me->len};
    char key[64];

    (void)sha256_of(me->data, me->len, info.sha256, NULL);
    for (unsigned i = 0; i < me->rounds; i++) {
        if (me->same_key)
            (void)snprintf(key, sizeof key, "race/%u/object", i);
        else
            (void)snprintf(key, sizeof key, "race/%u/object-%u", i, me->number);
        (void)pthread_barrier_wait(me->start);
        int status = ops_of(me->sink)->put(me->sink->handle, key, &slice, 1, &info, &me->err);
        *(status == SME_OK ? &me->ok : status == SME_E_EXISTS ? &me->exists : &me->other) += 1;
    }
    return NULL;
}

static void race(struct instance *sink, struct putter putters[MANY], unsigned rounds, bool same_key)
{
    pthread_barrier_t start;
    pthread_t threads[MANY];

    assert_int_equal(pthread_barrier_init(&start, NULL, MANY), 0);
    for (unsigned i = 0; i < MANY; i++) {
        putters[i] = (struct putter){.sink = sink,
                                     .start = &start,
                                     .number = i,
                                     .rounds = rounds,
                                     .same_key = same_key,
                                     .len = 20000 + i,
                                     .err = SME_ERROR_INIT};
        putters[i].data = malloc(putters[i].len);
        assert_non_null(putters[i].data);
        sink_fill(putters[i].data, putters[i].len, i);
    }
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_putter, &putters[i]), 0);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&start);
}

static bool is_parallel(const struct instance *sink)
{
    return sink->plugin->desc.threads == SME_THREADS_PARALLEL;
}

void sink_lets_one_of_many_win(void **state)
{
    struct instance *sink = sink_of(state);
    struct putter putters[MANY];
    unsigned ok = 0, exists = 0;
    const unsigned rounds = 10;

    if (!is_parallel(sink))
        skip();
    race(sink, putters, rounds, true);
    for (unsigned i = 0; i < MANY; i++) {
        if (putters[i].other > 0)
            fail_msg("%s", putters[i].err.message);
        ok += putters[i].ok;
        exists += putters[i].exists;
    }
    assert_int_equal(ok, rounds);
    assert_int_equal(exists, rounds * (MANY - 1));
    /* And what is there is all of one of them. */
    for (unsigned i = 0; i < rounds; i++) {
        struct sme_object object = {.struct_size = sizeof object};
        char key[64];
        (void)snprintf(key, sizeof key, "race/%u/object", i);
        assert_int_equal(ops_of(sink)->stat(sink->handle, key, &object, NULL), SME_OK);
        assert_in_range(object.size, 20000, 20000 + MANY - 1);
        struct putter *winner = &putters[object.size - 20000];
        sink_assert_holds(sink, key, winner->data, winner->len);
    }
    for (unsigned i = 0; i < MANY; i++)
        free(putters[i].data);
}

void sink_takes_many_at_once(void **state)
{
    struct instance *sink = sink_of(state);
    struct putter putters[MANY];
    const unsigned rounds = 5;

    if (!is_parallel(sink))
        skip();
    race(sink, putters, rounds, false);
    for (unsigned i = 0; i < MANY; i++) {
        if (putters[i].ok != rounds)
            fail_msg("%s", putters[i].err.message);
        for (unsigned j = 0; j < rounds; j++) {
            char key[64];
            (void)snprintf(key, sizeof key, "race/%u/object-%u", j, i);
            sink_assert_holds(sink, key, putters[i].data, putters[i].len);
        }
        free(putters[i].data);
    }
    assert_int_equal(sink_count(sink, "race/", NULL), MANY * rounds);
}

/* ---- readers beside a writer -------------------------------------------------------------- */

struct replacer {
    struct instance *sink;
    const uint8_t *data[2];
    size_t len;
    atomic_bool is_done;
    int status;
};

static void *run_replacer(void *arg)
{
    struct replacer *me = arg;

    for (unsigned i = 0; i < 20 && me->status == SME_OK; i++) {
        const struct sme_slice slice = {me->data[i % 2], me->len};
        struct sme_put_info info = {.struct_size = sizeof info, .length = me->len};
        (void)sha256_of(slice.data, slice.len, info.sha256, NULL);
        me->status = ops_of(me->sink)->put(me->sink->handle, "docs/a", &slice, 1, &info, NULL);
    }
    atomic_store(&me->is_done, true);
    return NULL;
}

void sink_shows_objects_whole(void **state)
{
    struct instance *sink = sink_of(state);
    const size_t len = 300000;
    uint8_t *data[3];
    struct replacer replacer = {.sink = sink, .len = len};
    pthread_t thread;

    if (!is_parallel(sink))
        skip();
    for (uint32_t i = 0; i < 3; i++) {
        data[i] = malloc(len);
        assert_non_null(data[i]);
        sink_fill(data[i], len, i);
    }
    assert_int_equal(sink_put(sink, "docs/a", data[0], len, 0, NULL), SME_OK);
    replacer.data[0] = data[0];
    replacer.data[1] = data[1];
    assert_int_equal(pthread_create(&thread, NULL, run_replacer, &replacer), 0);
    do {
        assert_int_equal(ops_of(sink)->get(sink->handle, "docs/a", 0, data[2], len, NULL), len);
        assert_true(memcmp(data[2], data[0], len) == 0 || memcmp(data[2], data[1], len) == 0);
        assert_int_equal(sink_count(sink, "", NULL), 1);
    } while (!atomic_load(&replacer.is_done));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(replacer.status, SME_OK);
    for (unsigned i = 0; i < 3; i++)
        free(data[i]);
}
