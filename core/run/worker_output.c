/*
 * What is printed in a worker, by a plugin or a library: lines for the log.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "worker_output.h"

#include "../base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LINES_MAX 200 /* of one job; the rest is counted */
#define ROUND_MAX 64  /* blocks at a time: who prints without end must not keep us here */

static void hand_on(struct worker_output *output, worker_output_fn *line, void *cookie)
{
    output->line[output->len] = '\0';
    output->len = 0;
    if (output->lines >= LINES_MAX) {
        output->dropped++;
        return;
    }
    output->lines++;
    line(cookie, output->line);
}

void worker_output_drain(struct worker_output *output, worker_output_fn *line, void *cookie)
{
    char block[4096];

    for (int round = 0; output->fd >= 0 && round < ROUND_MAX; round++) {
        ssize_t got = read(output->fd, block, sizeof block);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            break;
        }
        if (got <= 0) {
            close_fd(&output->fd);
            output->fd = -1;
            break;
        }
        for (ssize_t i = 0; i < got; i++) {
            if (block[i] != '\n') {
                output->line[output->len++] = block[i] != '\0' ? block[i] : ' ';
            }
            if (block[i] == '\n' || output->len == OUTPUT_LINE) {
                hand_on(output, line, cookie);
            }
        }
    }
}

void worker_output_close(struct worker_output *output, worker_output_fn *line, void *cookie)
{
    worker_output_drain(output, line, cookie);
    if (output->len > 0) {
        hand_on(output, line, cookie);
    }
    if (output->dropped > 0) {
        char text[80];
        (void)snprintf(text, sizeof text, "(and %u more lines)", output->dropped);
        line(cookie, text);
    }
    close_fd(&output->fd);
    *output = (struct worker_output){.fd = -1};
}
