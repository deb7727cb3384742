/*
 * Conformance of sources: calls as the checks make them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin_test_source.h"

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/rng.h"

#include <stdlib.h>

#define CANARY 0xa5

/* ---- the host ----------------------------------------------------------------------------- */

static void host_log(const struct sme_host *host, int level, const char *fmt, ...) SME_PRINTF(3, 4);
static void host_log(const struct sme_host *host, int level, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    /* Formatted, so that an argument that does not fit its format is found here. */
    (void)host;
    (void)level;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
}

static int host_cancelled(const struct sme_host *host)
{
    const struct source_check *at = host->core;

    return atomic_load(&at->cancelled);
}

static int64_t host_realtime_ns(const struct sme_host *host)
{
    (void)host;
    return clock_realtime_ns();
}

static int host_random(const struct sme_host *host, void *buf, size_t len)
{
    (void)host;
    return rng_bytes(buf, len, NULL);
}

static void host_problem(const struct sme_host *host, const char *path, size_t path_len,
                         const char *text)
{
    char copy[1024];

    (void)host;
    (void)snprintf(copy, sizeof copy, "%.*s: %s", (int)path_len, path, text);
}

void source_host_fill(struct source_check *at)
{
    struct sme_host *host = &at->instance->host;

    host->core = at;
    host->log = host_log;
    host->cancelled = host_cancelled;
    host->realtime_ns = host_realtime_ns;
    host->random = host_random;
    host->problem = host_problem;
}

/* ---- around each call --------------------------------------------------------------------- */

bool source_is_good(const struct source_check *at)
{
    return at->check.result == PLUGIN_TEST_OK;
}

void source_enter(struct source_check *at, const char *call)
{
    (void)snprintf(at->watch->call, sizeof at->watch->call, "%s", call);
    at->failure.err = (struct sme_error)SME_ERROR_INIT;
    memset(at->failure.canary, CANARY, sizeof at->failure.canary);
    atomic_fetch_add(&at->watch->turns, 1);
}

void source_leave(struct source_check *at)
{
    atomic_fetch_add(&at->watch->turns, 1);
    if (at->before != NULL)
        (void)source_check_descriptors(at, at->before);
}

static bool is_whole(const uint8_t *canary)
{
    for (size_t i = 0; i < SOURCE_CANARY; i++) {
        if (canary[i] != CANARY)
            return false;
    }
    return true;
}

/* What every call owes that returned ${status}. */
static void check_status(struct source_check *at, int64_t status)
{
    const struct sme_error *err = &at->failure.err;
    const char *call = at->watch->call;

    if (!is_whole(at->failure.canary) || err->struct_size != sizeof *err)
        (void)plugin_check_fail(&at->check,
                                "expected %s to keep within struct sme_error, got a change of its "
                                "struct_size or behind its end",
                                call);
    else if (status < SME_E_THROTTLED)
        (void)plugin_check_fail(&at->check, "expected one of SME_E_* from %s, got %lld", call,
                                (long long)status);
    else if (status < 0 && memchr(err->message, '\0', sizeof err->message) == NULL)
        (void)plugin_check_fail(&at->check, "expected a message with its end from %s", call);
    else if (status < 0 && err->message[0] == '\0')
        (void)plugin_check_fail(&at->check,
                                "expected a message about the failure %s from %s, got none",
                                error_status_name((int)status), call);
}

bool source_failed(struct source_check *at, const char *call, const char *expected, int64_t status)
{
    if (status >= 0)
        return plugin_check_fail(&at->check, "expected %s from %s, got %lld", expected, call,
                                 (long long)status);
    return plugin_check_fail(&at->check, "expected %s from %s, got %s: %s", expected, call,
                             error_status_name((int)status), at->failure.err.message);
}

/* ---- calls -------------------------------------------------------------------------------- */

bool source_open(struct source_check *at)
{
    void *const untouched = at; /* any address that no plugin can make up */
    void *handle = untouched;

    source_enter(at, "create()");
    int status =
        at->ops->create(&at->instance->host, at->instance->config, &handle, &at->failure.err);
    source_leave(at);
    check_status(at, status);
    if (status < 0) {
        if (handle != untouched)
            return plugin_check_fail(&at->check, "expected an untouched *ret_handle from a failed "
                                                 "create(), got a changed one");
        return source_failed(at, "create()", "success", status);
    }
    if (handle == NULL || handle == untouched)
        return plugin_check_fail(&at->check, "expected a handle from create(), got %s",
                                 handle == NULL ? "NULL" : "none");
    at->handle = handle;
    return source_is_good(at);
}

void source_close(struct source_check *at)
{
    source_enter(at, "destroy()");
    at->ops->destroy(at->handle);
    source_leave(at);
    at->handle = NULL;
}

int source_begin(struct source_check *at, uint32_t flags)
{
    struct sme_run run = {.struct_size = sizeof run,
                          .flags = flags,
                          .started_ns = clock_realtime_ns(),
                          .snapshot = "20260102T030405Z"};

    source_enter(at, "begin()");
    int status = at->ops->begin(at->handle, &run, &at->failure.err);
    source_leave(at);
    check_status(at, status);
    if (status > 0)
        (void)source_failed(at, "begin()", "0 or a failure", status);
    return status;
}

int source_next(struct source_check *at, struct guarded_item *item)
{
    struct sme_item fresh;

    memset(&fresh, 0, sizeof fresh);
    fresh.struct_size = sizeof fresh;
    fresh.dir_fd = -1;
    memcpy(&item->item, &fresh, sizeof fresh);
    memset(item->canary, CANARY, sizeof item->canary);
    source_enter(at, "next()");
    int status = at->ops->next(at->handle, &item->item, &at->failure.err);
    source_leave(at);
    check_status(at, status);
    if (!is_whole(item->canary) || item->item.struct_size != sizeof fresh)
        (void)plugin_check_fail(&at->check, "expected next() to keep within struct sme_item, got a "
                                            "change of its struct_size or behind its end");
    else if (status > 1)
        (void)source_failed(at, "next()", "1, 0 or a failure", status);
    else if (status < 0 && memcmp(&item->item, &fresh, sizeof fresh) != 0)
        (void)plugin_check_fail(&at->check, "expected an untouched item from a failed next(), got "
                                            "a changed one");
    return status;
}

int64_t source_read(struct source_check *at, void *stream, size_t len)
{
    const char *call = stream != NULL ? "read_stream()" : "read()";

    memset(at->buffer + len, CANARY, SOURCE_CANARY);
    source_enter(at, call);
    int64_t got = stream != NULL
                      ? at->ops->read_stream(at->handle, stream, at->buffer, len, &at->failure.err)
                      : at->ops->read(at->handle, at->buffer, len, &at->failure.err);
    source_leave(at);
    check_status(at, got);
    if (got > (int64_t)len)
        (void)plugin_check_fail(&at->check, "expected at most %zu bytes from %s, got %lld", len,
                                call, (long long)got);
    else if (!is_whole(at->buffer + len))
        (void)plugin_check_fail(&at->check,
                                "expected %s to keep within a buffer of %zu bytes, got a change "
                                "behind its end",
                                call, len);
    return got;
}

void source_close_stream(struct source_check *at, void *stream)
{
    source_enter(at, "close_stream()");
    at->ops->close_stream(at->handle, stream);
    source_leave(at);
}

int source_end(struct source_check *at, int outcome)
{
    source_enter(at, outcome == SME_COMMIT ? "end(SME_COMMIT)" : "end(SME_ABORT)");
    int status = at->ops->end(at->handle, outcome, &at->failure.err);
    source_leave(at);
    check_status(at, status);
    return status;
}

/* ---- a whole run -------------------------------------------------------------------------- */

/* The content of the current item, as far as ${run} wants it. */
static bool take_content(struct source_check *at, const struct source_run *run,
                         const struct sme_item *item)
{
    uint64_t done = 0;
    int64_t got = 1;

    while (got > 0 && done < run->most_bytes && source_is_good(at)) {
        got = source_read(at, item->stream, run->read_size);
        done += got > 0 ? (uint64_t)got : 0;
    }
    /* A file that changed under its reader fails alone; the run goes on. */
    if (got < 0 && got != SME_E_CHANGED)
        (void)source_failed(at, at->watch->call, "content", got);
    if (item->stream != NULL)
        source_close_stream(at, item->stream);
    return source_is_good(at);
}

static bool take_items(struct source_check *at, struct source_run *run)
{
    struct guarded_item guarded;

    for (;;) {
        int more = source_next(at, &guarded);
        if (more < 0)
            (void)source_failed(at, "next()", "an item or the end of all", more);
        if (more <= 0 || !source_is_good(at))
            return source_is_good(at);
        run->items++;
        if (run->list != NULL && !source_check_item(at, run->list, &guarded.item))
            return false;
        if ((guarded.item.flags & SME_ITEM_STREAM) != 0) {
            run->streams++;
            if (!take_content(at, run, &guarded.item))
                return false;
        }
        if (run->items >= run->most_items) {
            run->is_cut = true;
            return true;
        }
    }
}

bool source_run(struct source_check *at, struct source_run *run)
{
    run->items = run->streams = 0;
    run->is_cut = false;
    int status = source_begin(at, run->flags);
    if (status < 0)
        return source_failed(at, "begin()", "success", status);
    if (!take_items(at, run) || (run->list != NULL && !source_check_list(at, run->list))) {
        (void)source_end(at, SME_ABORT);
        return false;
    }
    int outcome = run->is_cut ? SME_ABORT : run->outcome;
    status = source_end(at, outcome);
    if (status < 0)
        return source_failed(at, at->watch->call, "success", status);
    return source_is_good(at);
}
