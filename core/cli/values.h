/*
 * Values of options as text and JSON: what the parser made of them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_VALUES_H
#define SME_CLI_VALUES_H

#include "../base/buf.h"
#include "../../include/sme-backup/common.h"

#include <jansson.h>

/* "name = value" lines that parse again; secrets as a comment, unset options left out. */
void values_text(const struct sme_option *rows, size_t count, const void *config, struct buf *out);
/* The same as members of ${object}; numbers as numbers, secrets as null. */
void values_json(const struct sme_option *rows, size_t count, const void *config, json_t *object);

#endif
