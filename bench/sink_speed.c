/*
 * How fast a sink moves packs that are already made.
 *
 *   sink_speed CONFIG SINK put|get COUNT MIB THREADS
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Puts COUNT objects of MIB of random bytes as "bench/data/<n>", or gets them in pieces of 4 MiB,
 * THREADS at a time, and prints the seconds.  Hashes are made before the clock starts, as a run
 * has them from its packs.
 */
#include "../core/base/clock.h"
#include "../core/base/rng.h"
#include "../core/crypto/digest.h"
#include "../core/run/access.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PIECE (4u << 20)
#define MAX_THREADS 64

struct bench {
    struct store *store;
    bool gets;
    unsigned count;
    size_t len;
    uint8_t *data; /* the objects begin at different bytes of it */
    uint8_t (*hashes)[32];
    atomic_uint next;
    atomic_bool failed;
};

static int get_whole(struct bench *bench, const char *key, uint8_t *out, struct sme_error *err)
{
    for (size_t at = 0; at < bench->len; at += PIECE) {
        size_t len = bench->len - at < PIECE ? bench->len - at : PIECE;
        int status = store_get_range(bench->store, key, at, out, len, err);
        if (status < 0)
            return status;
    }
    return SME_OK;
}

static void *work(void *cookie)
{
    struct bench *bench = cookie;
    uint8_t *out = malloc(PIECE);
    unsigned i;

    while (out != NULL && (i = atomic_fetch_add(&bench->next, 1)) < bench->count) {
        struct sme_error err = SME_ERROR_INIT;
        char key[64];
        (void)snprintf(key, sizeof key, "bench/data/%u", i);
        int status = bench->gets ? get_whole(bench, key, out, &err)
                                 : store_put(bench->store, key, bench->data + i, bench->len,
                                             bench->hashes[i], true, &err);
        if (status < 0) {
            (void)fprintf(stderr, "sink_speed: %s\n", err.message);
            bench->failed = true;
        }
    }
    free(out);
    return NULL;
}

static int prepare(struct bench *bench, struct sme_error *err)
{
    bench->data = malloc(bench->len + bench->count);
    bench->hashes = calloc(bench->count, sizeof *bench->hashes);
    if (bench->data == NULL || bench->hashes == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the objects");
    int status = rng_bytes(bench->data, bench->len + bench->count, err);
    for (unsigned i = 0; i < bench->count && status == SME_OK && !bench->gets; i++)
        status = sha256_of(bench->data + i, bench->len, bench->hashes[i], err);
    return status;
}

static double run(struct bench *bench, unsigned threads)
{
    pthread_t ids[MAX_THREADS];
    unsigned started = 0;
    int64_t begin = clock_monotonic_ns();

    while (started < threads && pthread_create(&ids[started], NULL, work, bench) == 0)
        started++;
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(ids[i], NULL);
    return (double)(clock_monotonic_ns() - begin) / 1e9;
}

int main(int argc, char **argv)
{
    struct sme_error err = SME_ERROR_INIT;
    struct conf *conf = NULL;
    const struct conf_sink *sink = NULL;
    struct access access = {0};
    struct bench bench = {0};

    if (argc != 7) {
        (void)fprintf(stderr, "usage: sink_speed CONFIG SINK put|get COUNT MIB THREADS\n");
        return 2;
    }
    bench.gets = strcmp(argv[3], "get") == 0;
    bench.count = (unsigned)strtoul(argv[4], NULL, 10);
    bench.len = strtoul(argv[5], NULL, 10) << 20;
    unsigned threads = (unsigned)strtoul(argv[6], NULL, 10);
    int status = conf_load(argv[1], &conf, &err);
    if (status == SME_OK)
        status = conf_sink(conf, argv[2], &sink, &err);
    if (status == SME_OK)
        status = access_place(conf, sink, &access, &err);
    if (status == SME_OK)
        status = store_prepare(access.store, &err);
    if (status == SME_OK)
        status = prepare(&bench, &err);
    if (status == SME_OK) {
        bench.store = access.store;
        (void)printf("%.3f\n", run(&bench, threads < MAX_THREADS ? threads : MAX_THREADS));
    } else {
        (void)fprintf(stderr, "sink_speed: %s\n", err.message);
    }
    free(bench.data);
    free(bench.hashes);
    access_close(&access);
    conf_free(conf);
    return status < 0 || bench.failed ? 1 : 0;
}
