/*
 * Lines on the terminal that are rewritten while something goes on.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "progress.h"

#include "../base/clock.h"
#include "../base/str.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TEXT_MAX 200
#define REDRAW_NS (NS_PER_SEC / 8)
#define LEFT_AFTER_NS (2 * NS_PER_SEC) /* before that an estimate means nothing */

struct progress {
    size_t count;
    size_t shown; /* lines on the screen now */
    int64_t drawn_at;
    char text[][TEXT_MAX];
};

struct progress *progress_new(const struct cli *cli, size_t lines)
{
    if (!cli->progress || lines == 0 || lines > 4096) {
        return NULL;
    }
    struct progress *progress = calloc(1, sizeof *progress + lines * TEXT_MAX);
    if (progress != NULL) {
        progress->count = lines;
    }
    return progress;
}

void progress_hide(struct progress *progress)
{
    if (progress == NULL || progress->shown == 0) {
        return;
    }
    /* The cursor stands at the end of the last line. */
    (void)fputs("\r\033[K", stderr);
    for (size_t i = 1; i < progress->shown; i++) {
        (void)fputs("\033[A\033[K", stderr);
    }
    (void)fflush(stderr);
    progress->shown = 0;
    progress->drawn_at = 0;
}

void progress_free(struct progress *progress)
{
    progress_hide(progress);
    free(progress);
}

static int width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20) {
        return 79;
    }
    return size.ws_col - 1;
}

static void draw(struct progress *progress)
{
    int columns = width();

    progress_hide(progress);
    for (size_t i = 0; i < progress->count; i++) {
        if (progress->text[i][0] != '\0') {
            (void)fprintf(stderr, "%s%.*s", progress->shown > 0 ? "\n" : "", columns,
                          progress->text[i]);
            progress->shown++;
        }
    }
    (void)fflush(stderr);
    progress->drawn_at = clock_monotonic_ns();
}

void progress_set(struct progress *progress, size_t number, const char *fmt, ...)
{
    va_list ap;

    if (progress == NULL || number >= progress->count) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(progress->text[number], TEXT_MAX, fmt, ap);
    va_end(ap);
    if (clock_monotonic_ns() - progress->drawn_at >= REDRAW_NS) {
        draw(progress);
    }
}

const char *progress_left(uint64_t done, uint64_t total, int64_t elapsed_ns, char out[32])
{
    char text[16];

    out[0] = '\0';
    if (done > 0 && done < total && elapsed_ns >= LEFT_AFTER_NS) {
        double left = (double)elapsed_ns * ((double)(total - done) / (double)done);
        /* Whole seconds: more would flicker and promise too much. */
        int64_t seconds = left < 1e15 ? (int64_t)(left / 1e9) : 0;
        if (seconds > 0) {
            (void)snprintf(out, 32, ", %s left", str_duration(seconds * NS_PER_SEC, text));
        }
    }
    return out;
}
