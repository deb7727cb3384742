/*
 * A source table of no size: refused.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "bad.h"

static const struct sme_source_ops calls = {
    .struct_size = 0,
    .create = bad_create,
    .destroy = bad_destroy,
    .begin = bad_begin,
    .next = bad_next,
    .end = bad_end,
};

const struct sme_plugin sme_backup_plugin_v1 = {BAD_DESCRIPTOR("bad-table"), .source = &calls};
