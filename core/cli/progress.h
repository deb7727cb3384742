/*
 * Lines on the terminal that are rewritten while something goes on.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_PROGRESS_H
#define SME_CLI_PROGRESS_H

#include "cli.h"

struct progress;

/* NULL if standard error is no terminal, or on no memory; every call accepts NULL. */
struct progress *progress_new(const struct cli *cli, size_t lines);
void progress_free(struct progress *progress); /* leaves no line behind */

/* Text of line ${number}; "" removes it.  Drawn a few times per second at most. */
void progress_set(struct progress *progress, size_t number, const char *fmt, ...) SME_PRINTF(3, 4);
/* Remove the lines so that something else can be printed; the next progress_set() draws them
 * again. */
void progress_hide(struct progress *progress);

/* " 3m12s left" (or ""), from what is done of a total (0: unknown) after ${elapsed_ns}. */
const char *progress_left(uint64_t done, uint64_t total, int64_t elapsed_ns, char out[32]);

#endif
