/*
 * A plugin for another ABI: refused, naming the one that was found.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "bad.h"

extern SME_EXPORT const struct sme_plugin sme_backup_plugin_v2;

static const struct sme_source_ops calls = {BAD_CALLS};

const struct sme_plugin sme_backup_plugin_v2 = {BAD_DESCRIPTOR("bad-abi"), .source = &calls};
