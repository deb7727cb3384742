/*
 * "restore" of what is archived: what it would take, or asking for it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_RESTORE_THAW_H
#define SME_CLI_RESTORE_THAW_H

#include "../run/thaw.h"
#include "progress.h"
#include "target.h"

/* Look whether all that the restore of ${selection} reads can be read.  True: go on.  False:
 * everything is said, and *ret_exit is the command's exit code. */
bool restore_thaw(struct cli *cli, struct target *target, const struct thaw_selection *selection,
                  struct progress *progress, enum exit_code *ret_exit);

/* --thaw without or with a known speed?  Failures are in cli->err. */
int restore_thaw_check_usage(struct cli *cli);

#endif
