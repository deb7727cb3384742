/*
 * What a plugin says of itself, as text, JSON, a sample INI section, or a POD fragment.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PLUGIN_DESCRIBE_H
#define SME_PLUGIN_DESCRIBE_H

#include "plugin.h"

enum describe_form { DESCRIBE_TEXT, DESCRIBE_JSON, DESCRIBE_INI, DESCRIBE_POD };

/* Append to ${out}.  The INI form is a complete section [source NAME] or [sink NAME] in which
 * every option stands as a comment with its help and default, and parses. */
int describe_plugin(const struct plugin *plugin, enum describe_form form, struct buf *out,
                    struct sme_error *err);
/* A bare table, e.g. the core's own; ${title} heads it. */
int describe_table(const char *title, const struct sme_option *rows, size_t count,
                   enum describe_form form, struct buf *out, struct sme_error *err);

#endif
