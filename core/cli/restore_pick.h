/*
 * "restore" of what the options for photos pick, and its layout.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_RESTORE_PICK_H
#define SME_CLI_RESTORE_PICK_H

#include "../run/layout.h"
#include "../run/thaw.h"
#include "target.h"

struct restore_picks {
    struct thaw_selection selection; /* of the whole restore */
    struct layout *layout;           /* NULL: every item under its own path */
    const char **paths;
    char **owned; /* what they point to, without a layout */
    size_t count, cap;
};
void restore_picks_done(struct restore_picks *picks);

/* Do --layout, --taken and so on make sense with the others?  Failures are in cli->err. */
int restore_pick_check_usage(struct cli *cli);

/* Fill ${ret_picks}: the words of the command line as they are, or what --taken, --layout and so on
 * make of them.  It must not outlive ${target}.  SME_E_NOT_FOUND if that is nothing. */
int restore_pick(struct cli *cli, struct target *target, struct restore_picks *ret_picks);

/* After the layout's plan: print the names of a dry run. */
void restore_pick_print(const struct cli *cli, const struct layout *layout);
/* A new array of them for the JSON document. */
json_t *restore_pick_json(const struct layout *layout);

#endif
