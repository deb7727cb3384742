/*
 * The forms of a description other than text.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A part of describe.c; nobody else needs it.  What does not fit marks ${out} as bad.
 */
#ifndef SME_PLUGIN_DESCRIBE_FORMS_H
#define SME_PLUGIN_DESCRIBE_FORMS_H

#include "plugin.h"

int describe_json_plugin(const struct plugin *plugin, struct buf *out, struct sme_error *err);
int describe_json_table(const char *title, const struct sme_option *rows, size_t count,
                        struct buf *out, struct sme_error *err);

void describe_ini_plugin(const struct plugin *plugin, struct buf *out);
void describe_ini_table(const char *title, const struct sme_option *rows, size_t count,
                        struct buf *out);

void describe_pod_table(const struct sme_option *rows, size_t count, struct buf *out);

/* ---- what they share ---- */

const char *describe_kind(enum plugin_kind kind);
const char *describe_threads(uint32_t threads);
/* ${text} in lines of at most 80 characters, each behind ${prefix}. */
void describe_wrap(struct buf *out, const char *prefix, const char *text);
/* "size from 4MiB to 64MiB", "one of auto, on, off". */
void describe_type(struct buf *out, const struct sme_option *row);
/* The type and "; default: 32MiB", "; required", ... */
void describe_facts(struct buf *out, const struct sme_option *row);

#endif
