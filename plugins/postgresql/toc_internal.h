/*
 * What the files of toc*.c share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_POSTGRESQL_TOC_INTERNAL_H
#define SME_POSTGRESQL_TOC_INTERNAL_H

#include "toc.h"

struct toc_entry {
    int id;
    const char *line;    /* of the list                                        */
    const char *rest;    /* of that line: type, schema, name and owner in one  */
    const char *depends; /* numbers, or NULL                                   */
    /* from the script; NULL for data, which it does not have */
    const char *type, *schema, *name, *owner;
    const char *body;
    bool taken;
};

struct toc {
    struct toc_entry *entries; /* in the order of the archive */
    struct toc_entry **by_id;
    size_t count;
};

struct toc_entry *toc_by_id(const struct toc *toc, long id);
bool toc_is_type(const struct toc_entry *entry, const char *type);
/* Equal, but for line breaks that one has and the other shows as spaces. */
bool toc_same(const char *left, const char *right);
bool toc_depends_on_taken(const struct toc *toc, const struct toc_entry *entry);

#endif
