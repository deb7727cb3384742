/*
 * From "SOURCE@SNAPSHOT" on the command line to an open snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_TARGET_H
#define SME_CLI_TARGET_H

#include "../repo/reader.h"
#include "../run/access.h"
#include "cli.h"

struct target {
    char source[65];
    const struct conf_source *configured; /* NULL: the source is known to the repository only */
    const struct conf_sink *sink;
    struct access access;
    struct vault *vault;
    struct snapshot *snapshot; /* root opened */
};

/* Split ${text}, find the sink (--sink, else the first of the source, else the only one), open
 * repository, index and snapshot.  Failures are in cli->err. */
int target_open(struct cli *cli, const char *text, struct target *ret_target);
void target_close(struct target *target);

/* The sinks that a command on [SOURCE] goes through: --sink, else those of the source if it is
 * configured, else all.  *ret_sinks is one allocation. */
int target_sinks(struct cli *cli, const char *source, const struct conf_sink ***ret_sinks,
                 size_t *ret_count);

#endif
