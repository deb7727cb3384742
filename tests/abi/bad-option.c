/*
 * An option whose field lies outside the config struct: refused, naming it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "bad.h"

struct larger {
    struct bad_config base;
    const char *more;
};

static const struct sme_source_ops calls = {BAD_CALLS};

static const struct sme_option options[] = {
    SME_OPTION_STRING(struct larger, base.text, "text", 0, NULL, "Fits."),
    SME_OPTION_STRING(struct larger, more, "more", 0, NULL, "Does not fit."),
};

const struct sme_plugin sme_backup_plugin_v1 = {BAD_DESCRIPTOR("bad-option"), .option_count = 2,
                                                .options = options, .source = &calls};
