/*
 * The log: one line per event, to a file and/or standard error.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Lines look like  2026-11-23T02:00:41Z INFO documents: complete snapshot=... items=60412
 * Each is one write() with O_APPEND, so several processes may share the file.  Control
 * characters in a line are escaped.  Only run/ and cli/ log above debug.
 */
#ifndef SME_BASE_LOG_H
#define SME_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

struct sme_error;

enum log_level { LOG_LEVEL_ERROR = 1, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Open (create with mode 0640) the log file and use it from now on; NULL closes it. */
int log_open(const char *path, struct sme_error *err);
/* What goes to standard error as well: lines up to ${level}; 0 = none.  Default: WARN. */
void log_set_stderr(int level);
/* What goes to the file: default INFO. */
void log_set_level(int level);

/* ${subject}: the source's name or NULL. */
void log_line(int level, const char *subject, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_vline(int level, const char *subject, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
/* Message and hint of ${err}. */
void log_failure(int level, const char *subject, const struct sme_error *err);

#endif
