/*
 * Names of databases, schemas and tables: as parts of paths, as patterns of pg_dump, as text.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_POSTGRESQL_NAMES_H
#define SME_POSTGRESQL_NAMES_H

#include "../../include/sme-backup/common.h"

/* ${name} as a part of a path: '/', '%', control characters, DEL and a leading '.' become %XX; a
 * name of over 200 bytes then is cut and gets "%-" and 8 hex digits of a hash.  To be freed. */
char *names_path(const char *name);
/* A pattern for pg_dump's and pg_restore's --table that matches exactly this table: every part in
 * double quotes, double quotes doubled.  To be freed. */
char *names_pattern(const char *schema, const char *table);
/* ${text} with * (any text) and ? (one byte) matches ${pattern}. */
bool names_match(const char *pattern, const char *text);
/* Split "schema.table" or "table" (quotes as in SQL: "odd.name"."x"); unquoted parts are folded to
 * lower case.  *ret_schema NULL: none was given. */
int names_split(const char *text, char **ret_schema, char **ret_table, struct sme_error *err);

#endif
