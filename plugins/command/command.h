/*
 * The command source: what it can be told, and its calls.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_COMMAND_COMMAND_H
#define SME_COMMAND_COMMAND_H

#include "../../include/sme-backup/source.h"

struct command_options {
    const char *command;
    const char *name;            /* NULL: last component of the program */
    struct sme_list environment; /* NAME=VALUE */
    const char *folder;          /* NULL: "/"  */
    uint64_t min_size;
    uint32_t max_shrink; /* hundredths of a per cent; 0: not looked at */
};

extern const struct sme_source_ops command_ops;

#endif
