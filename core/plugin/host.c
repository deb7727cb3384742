/*
 * What the core offers to a plugin: log, cancel flag, time, random bytes.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"
#include "../base/cancel.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../base/rng.h"
#include "../base/str.h"

#include <stdatomic.h>

/* Longer lines of plugins are cut: the log is read by people. */
#define LINE_SIZE 1024

static void log_to_file(const char *instance, int level, const char *text)
{
    log_line(level, instance, "%s", text);
}

/* One of the settings of the log: set once, before threads run. */
static _Atomic(plugin_log_fn *) log_function = log_to_file;

void plugin_set_log(plugin_log_fn *function)
{
    atomic_store(&log_function, function != NULL ? function : log_to_file);
}

static void emit(const char *instance, int level, const char *fmt, va_list ap) SME_PRINTF(3, 0);
static void emit(const char *instance, int level, const char *fmt, va_list ap)
{
    int saved = errno;
    char text[LINE_SIZE];
    int len = vsnprintf(text, sizeof text, fmt, ap);

    if (len < 0)
        (void)snprintf(text, sizeof text, "(a line that cannot be formatted)");
    if (len >= (int)sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    if (level < SME_LOG_ERROR || level > SME_LOG_DEBUG)
        level = level < SME_LOG_ERROR ? SME_LOG_ERROR : SME_LOG_DEBUG;
    atomic_load (&log_function)(instance, level, text);
    errno = saved;
}

void host_note(const char *instance, int level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(instance, level, fmt, ap);
    va_end(ap);
}

static void host_log(const struct sme_host *host, int level, const char *fmt, ...) SME_PRINTF(3, 4);
static void host_log(const struct sme_host *host, int level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(host->instance, level, fmt, ap);
    va_end(ap);
}

static int host_cancelled(const struct sme_host *host)
{
    const struct instance *instance = host->core;

    return cancel_requested() || atomic_load_explicit(&instance->stopping, memory_order_relaxed);
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
    const struct instance *instance = host->core;
    char shown[300];

    if (instance->on_problem != NULL) {
        instance->on_problem(instance->problem_cookie, path, path_len, text);
    } else {
        host_note(instance->name, SME_LOG_WARNING, "'%s': %s",
                  str_escape(path, path_len, shown, sizeof shown), text);
    }
}

void host_fill(struct instance *instance)
{
    instance->host = (struct sme_host){
        .struct_size = sizeof instance->host,
        .abi = SME_ABI,
        .core = instance,
        .instance = instance->name,
        .state_dir = instance->state_dir,
        .log = host_log,
        .cancelled = host_cancelled,
        .realtime_ns = host_realtime_ns,
        .random = host_random,
        .problem = host_problem,
    };
}
