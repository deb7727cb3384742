/*
 * What a sink's place is to hold, by the configuration: for its rules, prices and permissions.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_PLACE_H
#define SME_RUN_PLACE_H

#include "../config/conf.h"
#include "../repo/objkey.h"

struct place {
    struct sme_layout layout; /* points into what follows */
    struct sme_area *areas;
    objkey_text *prefixes;
};

/* Does ${source} put its backups into ${sink}? */
bool place_serves(const struct conf *conf, const struct conf_sink *sink,
                  const struct conf_source *source);
/* Days that retention keeps a snapshot of ${source} at least: the longest of its keep_* rules.
 * 0 if they are not rules of time. */
uint32_t place_keep_days(const struct conf_source *source);

/* The areas of the repository and of every source that uses ${sink}. */
int place_make(const struct conf *conf, const struct conf_sink *sink, struct place *ret_place,
               struct sme_error *err);
void place_done(struct place *place); /* accepts a zeroed one */

#endif
