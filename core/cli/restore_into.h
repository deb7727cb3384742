/*
 * "restore --into": from a snapshot to where the source's plugin takes it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_RESTORE_INTO_H
#define SME_CLI_RESTORE_INTO_H

#include "progress.h"
#include "target.h"

/* Is something given that only goes with --into, or not with it?  Failures are in cli->err. */
int restore_into_check_usage(struct cli *cli);

/* The whole command, from an open target on. */
enum exit_code restore_into_run(struct cli *cli, struct target *target, struct progress *progress,
                                bool replace);

#endif
