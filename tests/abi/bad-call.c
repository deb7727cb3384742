/*
 * A source that lacks a call: refused, naming it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "bad.h"

static const struct sme_source_ops calls = {
    .struct_size = sizeof(struct sme_source_ops),
    .create = bad_create,
    .destroy = bad_destroy,
    .begin = bad_begin,
    .end = bad_end,
};

/* Only the one that is missing is missing on purpose. */
int (*const bad_unused)(void *, struct sme_item *, struct sme_error *) = bad_next;

const struct sme_plugin sme_backup_plugin_v1 = {BAD_DESCRIPTOR("bad-call"), .source = &calls};
