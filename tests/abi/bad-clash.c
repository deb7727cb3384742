/*
 * An option with the name of one that every source takes: no instance is made.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "bad.h"

static const struct sme_source_ops calls = {BAD_CALLS};

static const struct sme_option options[] = {
    SME_OPTION_STRING(struct bad_config, text, "timeout", 0, NULL, "Would never be set."),
};

const struct sme_plugin sme_backup_plugin_v1 = {BAD_DESCRIPTOR("bad-clash"), .option_count = 1,
                                                .options = options, .source = &calls};
