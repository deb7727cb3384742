/*
 * The options that say which photos are meant.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_PHOTO_ARGS_H
#define SME_CLI_PHOTO_ARGS_H

#include "../run/photo_filter.h"
#include "cli.h"

/* From --taken, --camera and so on; release with photo_filter_done().  Failures are in cli->err. */
int photo_args_filter(struct cli *cli, struct photo_filter *ret_filter);

/* The first of these options that was given, without "--", or NULL. */
const char *photo_args_given(const struct args *args);

#endif
