/*
 * The table of contents of an archive, and what of it belongs to one table.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Two texts of pg_restore tell it: "--list --verbose" has every entry with its number, but its
 * words run together; "--schema-only --verbose" has the definitions, with schema, name and owner
 * apart.  Names in both have spaces in place of line breaks.
 */
#ifndef SME_POSTGRESQL_TOC_H
#define SME_POSTGRESQL_TOC_H

#include "../../include/sme-backup/common.h"

struct toc;

/* One that is to be taken back: a table, or a sequence that belongs to one. */
struct toc_name {
    char *schema, *name, *owner;
    bool is_sequence;
};

/* What is to be taken back, from archive to archive of the same dump. */
struct toc_wanted {
    struct toc_name *list;
    size_t count, room;
    bool is_partition; /* the table itself is a partition of another */
    bool has_schema;   /* at the destination: else its SCHEMA entry is taken too */
};

/* Both texts are changed, and must stay as long as the result. */
int toc_new(char *list, char *script, struct toc **ret_toc, struct sme_error *err);
void toc_free(struct toc *toc); /* accepts NULL */

/* Find the table with its partitions and sequences.  ${schema} NULL: whichever has it; several are
 * SME_E_INVALID.  None is SME_E_NOT_FOUND with the names that are nearest to it. */
int toc_find(const struct toc *toc, const char *schema, const char *table,
             struct toc_wanted *ret_wanted, struct sme_error *err);
void toc_wanted_done(struct toc_wanted *wanted);
/* Is table ${schema}.${table}, named as the server does, among those? */
bool toc_wants_table(const struct toc_wanted *wanted, const char *schema, const char *table);

/* The lines for pg_restore --use-list, to be freed; *ret_count of them. */
int toc_select(struct toc *toc, const struct toc_wanted *wanted, char **ret_text, size_t *ret_count,
               struct sme_error *err);

#endif
