/*
 * Streams that a source offers side by side and in any order.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../harness/testrepo.h"
#include "../harness/tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define STREAMS 40

/* One stream of the source below: content from its number. */
struct stream {
    struct source *source;
    unsigned number;
    size_t size, at;
    atomic_uint readers; /* at this moment: never more than one */
    bool closed;
};

struct source {
    struct stream streams[STREAMS];
    unsigned count, next;
    unsigned meet;    /* so many streams wait for each other before any goes on; 0: none */
    unsigned fail_at; /* this stream fails half way, with ${fail_status}                 */
    int fail_status;
    unsigned twice_at; /* this one has the path of the one before */
    bool fail_next;    /* next() fails behind the last one        */
    char path[64];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    unsigned waiting, open, closed;
    bool met, stopped;
};

static int source_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    (void)handle;
    (void)run;
    (void)err;
    return SME_OK;
}

static int source_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct source *source = handle;

    if (source->next == source->count) {
        return source->fail_next ? sme_fail(err, SME_E_IO, "no more of it") : 0;
    }
    struct stream *stream = &source->streams[source->next++];
    unsigned named = stream->number == source->twice_at && source->twice_at > 0 ? stream->number - 1
                                                                                : stream->number;
    /* Backwards, so that no two are in order. */
    (void)snprintf(source->path, sizeof source->path, "stream-%03u", 999 - named);
    item->type = SME_ITEM_FILE;
    item->flags = SME_ITEM_STREAM | SME_ITEM_HAS_STAT;
    item->mode = 0600;
    item->path = source->path;
    item->path_len = strlen(source->path);
    item->stream = stream;
    (void)pthread_mutex_lock(&source->lock);
    source->open++;
    (void)pthread_mutex_unlock(&source->lock);
    return 1;
}

/* The first ${meet} streams go on only when all of them are being read. */
static void meet(struct source *source, const struct stream *stream)
{
    if (stream->number >= source->meet || stream->at > 0) {
        return;
    }
    (void)pthread_mutex_lock(&source->lock);
    if (++source->waiting == source->meet) {
        source->met = true;
        (void)pthread_cond_broadcast(&source->changed);
    }
    while (!source->met && !source->stopped) {
        (void)pthread_cond_wait(&source->changed, &source->lock);
    }
    (void)pthread_mutex_unlock(&source->lock);
}

static uint8_t byte_of(const struct stream *stream, size_t at)
{
    return (uint8_t)(stream->number * 31 + at / 1000 * 7 + at);
}

static int64_t source_read(void *handle, void *theirs, void *buf, size_t len, struct sme_error *err)
{
    struct source *source = handle;
    struct stream *stream = theirs;
    uint8_t *to = buf;

    assert_int_equal(atomic_fetch_add(&stream->readers, 1), 0);
    meet(source, stream);
    if (stream->number == source->fail_at && source->fail_status != 0 &&
        stream->at >= stream->size / 2) {
        (void)atomic_fetch_sub(&stream->readers, 1);
        return sme_fail(err, source->fail_status, "stream %u broke off", stream->number);
    }
    size_t part = len < 70001 ? len : 70001;
    part = part < stream->size - stream->at ? part : stream->size - stream->at;
    for (size_t i = 0; i < part; i++) {
        to[i] = byte_of(stream, stream->at + i);
    }
    stream->at += part;
    (void)atomic_fetch_sub(&stream->readers, 1);
    return (int64_t)part;
}

static void source_close(void *handle, void *theirs)
{
    struct source *source = handle;
    struct stream *stream = theirs;

    (void)pthread_mutex_lock(&source->lock);
    assert_false(stream->closed);
    stream->closed = true;
    source->closed++;
    (void)pthread_mutex_unlock(&source->lock);
}

static int source_end(void *handle, int outcome, struct sme_error *err)
{
    (void)handle;
    (void)outcome;
    (void)err;
    return SME_OK;
}

struct fixture {
    struct testrepo tr;
    struct source source;
    struct plugin plugin;
    struct instance instance;
    struct sme_error err;
    char name[16];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->err = (struct sme_error){.struct_size = sizeof f->err};
    testrepo_open(&f->tr);
    (void)pthread_mutex_init(&f->source.lock, NULL);
    (void)pthread_cond_init(&f->source.changed, NULL);
    f->source.count = STREAMS;
    for (unsigned i = 0; i < STREAMS; i++) {
        f->source.streams[i].source = &f->source;
        f->source.streams[i].number = i;
        f->source.streams[i].size = i % 7 == 0 ? 5000000 + i : i * 1000;
    }
    f->plugin.kind = PLUGIN_SOURCE;
    f->plugin.source = (struct sme_source_ops){
        .struct_size = sizeof f->plugin.source,
        .flags = SME_SOURCE_ANY_ORDER,
        .begin = source_begin,
        .next = source_next,
        .end = source_end,
        .read_stream = source_read,
        .close_stream = source_close,
    };
    (void)snprintf(f->name, sizeof f->name, "documents");
    f->instance.plugin = &f->plugin;
    f->instance.name = f->name;
    f->instance.handle = &f->source;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    /* Whatever happened: what was opened was closed, once. */
    assert_int_equal(f->source.open, f->source.closed);
    (void)pthread_cond_destroy(&f->source.changed);
    (void)pthread_mutex_destroy(&f->source.lock);
    testrepo_close(&f->tr);
    free(f);
    return 0;
}

static void check_stream(struct fixture *f, const char *name, unsigned number)
{
    const struct stream *stream = &f->source.streams[number];
    char path[64];
    size_t len = 0;

    (void)snprintf(path, sizeof path, "stream-%03u", 999 - number);
    uint8_t *got = testrepo_read(&f->tr, name, path, &len);
    assert_non_null(got);
    assert_int_equal(len, stream->size);
    for (size_t i = 0; i < len; i++) {
        if (got[i] != byte_of(stream, i)) {
            fail_msg("stream %u differs at byte %zu", number, i);
        }
    }
    free(got);
}

static void all_streams_come_back_sorted(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    f->source.meet = 6; /* side by side indeed: one after the other these would wait for ever */
    if (testrepo_backup_from(&f->tr, &f->instance, &run, &f->err) < 0) {
        fail_msg("%s", f->err.message);
    }
    assert_int_equal(run.pipe.counters.files, STREAMS);
    assert_int_equal(testrepo_count_items(&f->tr, run.name, &f->err), STREAMS);
    for (unsigned i = 0; i < STREAMS; i++) {
        check_stream(f, run.name, i);
    }
    testrepo_run_free(&run);
}

static void a_stream_that_fails_fails_the_run(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    f->source.fail_at = 21;
    f->source.fail_status = SME_E_IO;
    assert_int_equal(testrepo_backup_from(&f->tr, &f->instance, &run, &f->err), SME_E_IO);
    assert_string_equal(f->err.message, "stream 21 broke off");
    assert_true(atomic_load(&f->instance.stopping));
    testrepo_run_free(&run);
}

static void a_stream_that_changed_is_an_item_that_failed(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    f->source.fail_at = 22;
    f->source.fail_status = SME_E_CHANGED;
    assert_int_equal(testrepo_backup_from(&f->tr, &f->instance, &run, &f->err), SME_OK);
    assert_int_equal(run.pipe.problem_count, 1);
    assert_int_equal(run.pipe.problems[0].kind, PROBLEM_CHANGED);
    assert_string_equal(run.pipe.problems[0].text, "stream 22 broke off");
    check_stream(f, run.name, 23);
    testrepo_run_free(&run);
}

static void next_that_fails_ends_what_is_under_way(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    f->source.fail_next = true;
    assert_int_equal(testrepo_backup_from(&f->tr, &f->instance, &run, &f->err), SME_E_IO);
    assert_string_equal(f->err.message, "no more of it");
    testrepo_run_free(&run);
}

static void the_same_path_twice_is_a_fault(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    f->source.twice_at = 30;
    assert_int_equal(testrepo_backup_from(&f->tr, &f->instance, &run, &f->err), SME_E_IO);
    assert_non_null(strstr(f->err.message, "stream-970"));
    testrepo_run_free(&run);
}

static void a_full_store_ends_all_streams(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    f->tr.sink->fail_put = f->tr.sink->puts + 1;
    f->tr.sink->fail_status = SME_E_NO_SPACE;
    assert_int_equal(testrepo_backup_from(&f->tr, &f->instance, &run, &f->err), SME_E_NO_SPACE);
    testrepo_run_free(&run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_streams_come_back_sorted),
        TEST(a_stream_that_fails_fails_the_run),
        TEST(a_stream_that_changed_is_an_item_that_failed),
        TEST(next_that_fails_ends_what_is_under_way),
        TEST(the_same_path_twice_is_a_fault),
        TEST(a_full_store_ends_all_streams),
    };
    return cmocka_run_group_tests_name("streams of the pipe", tests, NULL, NULL);
}
