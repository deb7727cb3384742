/*
 * What is printed in a worker, by a plugin or a library: lines for the log.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_WORKER_OUTPUT_H
#define SME_RUN_WORKER_OUTPUT_H

#include <stddef.h>

#define OUTPUT_LINE 1000

struct worker_output {
    int fd; /* reading end, not blocking; -1: none */
    unsigned lines, dropped;
    size_t len;
    char line[OUTPUT_LINE + 1];
};

/* ${text} is a line, and may have any bytes but NUL and newline. */
typedef void worker_output_fn(void *cookie, const char *text);

/* Hand on what is there, a line each. */
void worker_output_drain(struct worker_output *output, worker_output_fn *line, void *cookie);
/* The last of it.  A process that still has the other end is not waited for. */
void worker_output_close(struct worker_output *output, worker_output_fn *line, void *cookie);

#endif
