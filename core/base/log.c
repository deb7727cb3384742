/*
 * The log.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Without locks: what is shared are three numbers, and each line is one write().
 */
#include "log.h"
#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "fileio.h"
#include "str.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#define TEXT_SIZE 4096
#define LINE_SIZE (TEXT_SIZE + 256)

static atomic_int log_fd = -1;
static atomic_int file_level = LOG_LEVEL_INFO;
static atomic_int stderr_level = LOG_LEVEL_WARN;
static atomic_bool write_failed;

int log_open(const char *path, struct sme_error *err)
{
    CLEANUP(close_fd) int fd = -1;

    if (path == NULL) {
        fd = atomic_exchange(&log_fd, -1);
        return SME_OK;
    }
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0)
        return error_errno(err, "cannot open log file '%s'", path);
    atomic_store(&write_failed, false);

    int old = atomic_load(&log_fd);
    if (old < 0) {
        atomic_store(&log_fd, STEAL_FD(fd));
        return SME_OK;
    }
    /* In place, so that a thread that is just writing has a valid descriptor all the time. */
    if (dup3(fd, old, O_CLOEXEC) < 0)
        return error_errno(err, "cannot open log file '%s'", path);
    return SME_OK;
}

void log_set_stderr(int level)
{
    atomic_store(&stderr_level, level);
}

void log_set_level(int level)
{
    atomic_store(&file_level, level);
}

static const char *level_name(int level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "ERROR";
    case LOG_LEVEL_WARN:
        return "WARN";
    case LOG_LEVEL_INFO:
        return "INFO";
    default:
        return "DEBUG";
    }
}

/* Text for a line with ${size} bytes; the end of the text that fits. */
static void put(char *line, size_t size, size_t *len, const char *text)
{
    size_t text_len = strlen(text);

    if (text_len > size - 1 - *len)
        text_len = size - 1 - *len;
    memcpy(line + *len, text, text_len);
    *len += text_len;
}

static void put_subject(char *line, size_t size, size_t *len, const char *subject)
{
    char escaped[128];

    if (subject != NULL) {
        put(line, size, len, str_escape(subject, strlen(subject), escaped, sizeof escaped));
        put(line, size, len, ": ");
    }
}

static void write_line(int fd, const char *line, size_t len)
{
    if (io_write_full(fd, line, len) == 0 || fd == STDERR_FILENO)
        return;
    /* Said once: a full disk would otherwise fill the terminal too. */
    if (!atomic_exchange(&write_failed, true)) {
        char notice[160];
        int printed = snprintf(notice, sizeof notice, "sme-backup: cannot write the log file: %s\n",
                               strerror(errno));
        if (printed > 0)
            (void)io_write_full(STDERR_FILENO, notice, strnlen(notice, sizeof notice));
    }
}

/* ${text} and ${hint} (NULL: none) are escaped already. */
static void emit(int level, const char *subject, const char *text, const char *hint)
{
    int fd = atomic_load(&log_fd);
    char line[LINE_SIZE + 512];
    size_t len = 0;
    /* The last byte is kept for the newline. */
    const size_t size = sizeof line - 1;

    if (fd >= 0 && level <= atomic_load(&file_level)) {
        char time[21];
        clock_iso(clock_realtime_ns() / NS_PER_SEC, time);
        put(line, size, &len, time);
        put(line, size, &len, " ");
        put(line, size, &len, level_name(level));
        put(line, size, &len, " ");
        put_subject(line, size, &len, subject);
        put(line, size, &len, text);
        if (hint != NULL) {
            put(line, size, &len, " (hint: ");
            put(line, size, &len, hint);
            put(line, size, &len, ")");
        }
        line[len++] = '\n';
        write_line(fd, line, len);
    }
    if (level <= atomic_load(&stderr_level)) {
        len = 0;
        put(line, size, &len, "sme-backup: ");
        put_subject(line, size, &len, subject);
        put(line, size, &len, text);
        if (hint != NULL) {
            put(line, size, &len, "\n  hint: ");
            put(line, size, &len, hint);
        }
        line[len++] = '\n';
        write_line(STDERR_FILENO, line, len);
    }
}

static bool is_wanted(int level)
{
    return level <= atomic_load(&stderr_level) ||
           (level <= atomic_load(&file_level) && atomic_load(&log_fd) >= 0);
}

void log_vline(int level, const char *subject, const char *fmt, va_list ap)
{
    int saved = errno;
    char raw[TEXT_SIZE], text[TEXT_SIZE];

    if (!is_wanted(level))
        return;
    int printed = vsnprintf(raw, sizeof raw, fmt, ap);
    if (printed < 0)
        raw[0] = '\0';
    str_escape(raw, strlen(raw), text, sizeof text);
    /* What vsnprintf() cut off is shown to be missing, as str_escape() shows it. */
    if (printed >= (int)sizeof raw)
        memcpy(text + strlen(text) - 3, "...", 3);
    emit(level, subject, text, NULL);
    errno = saved;
}

void log_line(int level, const char *subject, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vline(level, subject, fmt, ap);
    va_end(ap);
}

void log_failure(int level, const char *subject, const struct sme_error *err)
{
    int saved = errno;
    char text[4 * sizeof err->message], hint[4 * sizeof err->hint];
    const char *message = err->message[0] != '\0' ? err->message : error_status_name(err->status);

    if (!is_wanted(level))
        return;
    str_escape(message, strnlen(message, sizeof err->message), text, sizeof text);
    str_escape(err->hint, strnlen(err->hint, sizeof err->hint), hint, sizeof hint);
    emit(level, subject, text, hint[0] != '\0' ? hint : NULL);
    errno = saved;
}
