/*
 * A descriptor that claims to be larger than it is: refused before it is read.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "bad.h"

static const struct sme_source_ops calls = {BAD_CALLS};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin) + 64,
    .name = "bad-size",
    .version = "1",
    .summary = "broken on purpose",
    .source = &calls,
};
