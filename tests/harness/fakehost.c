/*
 * A host for plugins under test.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "fakehost.h"

static void fake_log(const struct sme_host *host, int level, const char *fmt, ...) SME_PRINTF(3, 4);
static void fake_log(const struct sme_host *host, int level, const char *fmt, ...)
{
    struct fakehost *fake = host->core;
    va_list ap;

    (void)pthread_mutex_lock(&fake->lock);
    unsigned i = fake->line_count++ % FAKEHOST_LINES;
    fake->levels[i] = level;
    va_start(ap, fmt);
    (void)vsnprintf(fake->lines[i], sizeof fake->lines[i], fmt, ap);
    va_end(ap);
    (void)pthread_mutex_unlock(&fake->lock);
}

static int fake_cancelled(const struct sme_host *host)
{
    struct fakehost *fake = host->core;

    (void)pthread_mutex_lock(&fake->lock);
    fake->polls++;
    bool cancelled = fake->cancel_at != 0 && fake->polls >= fake->cancel_at;
    (void)pthread_mutex_unlock(&fake->lock);
    return cancelled ? 1 : 0;
}

static int64_t fake_realtime_ns(const struct sme_host *host)
{
    struct fakehost *fake = host->core;

    (void)pthread_mutex_lock(&fake->lock);
    int64_t now = fake->now_ns;
    fake->now_ns += INT64_C(1000000000);
    (void)pthread_mutex_unlock(&fake->lock);
    return now;
}

static int fake_random(const struct sme_host *host, void *buf, size_t len)
{
    struct fakehost *fake = host->core;
    uint8_t *out = buf;

    (void)pthread_mutex_lock(&fake->lock);
    bool fails = fake->random_fails;
    for (size_t i = 0; i < len && !fails; i++) {
        fake->seed = fake->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (uint8_t)(fake->seed >> 56);
    }
    (void)pthread_mutex_unlock(&fake->lock);
    return fails ? SME_E_IO : SME_OK;
}

/* Remembered as a warning: "PATH: TEXT". */
static void fake_problem(const struct sme_host *host, const char *path, size_t path_len,
                         const char *text)
{
    fake_log(host, SME_LOG_WARNING, "%.*s: %s", (int)path_len, path, text);
}

void fakehost_init(struct fakehost *fake, const char *instance)
{
    memset(fake, 0, sizeof *fake);
    (void)pthread_mutex_init(&fake->lock, NULL);
    fake->seed = 1;
    fake->now_ns = INT64_C(1795399200) * INT64_C(1000000000); /* 2026-11-23T02:00:00Z */
    fake->host = (struct sme_host){
        .struct_size = sizeof fake->host,
        .abi = SME_ABI,
        .core = fake,
        .instance = instance,
        .log = fake_log,
        .cancelled = fake_cancelled,
        .realtime_ns = fake_realtime_ns,
        .random = fake_random,
        .problem = fake_problem,
    };
}

void fakehost_done(struct fakehost *fake)
{
    (void)pthread_mutex_destroy(&fake->lock);
}

bool fakehost_logged(struct fakehost *fake, int level, const char *text)
{
    bool found = false;

    (void)pthread_mutex_lock(&fake->lock);
    for (unsigned i = 0; i < fake->line_count && i < FAKEHOST_LINES; i++)
        found = found || (fake->levels[i] == level && strstr(fake->lines[i], text) != NULL);
    (void)pthread_mutex_unlock(&fake->lock);
    return found;
}
