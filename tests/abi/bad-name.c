/*
 * A plugin whose file has another name than it: refused.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "bad.h"

static const struct sme_source_ops calls = {BAD_CALLS};

const struct sme_plugin sme_backup_plugin_v1 = {BAD_DESCRIPTOR("good-name"), .source = &calls};
