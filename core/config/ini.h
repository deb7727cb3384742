/*
 * INI files as sections and entries with file and line, without meaning.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * inih does the parsing.  A line longer than the inih at hand can take, a NUL byte, an entry
 * before any section, a repeated section and a repeated key are errors with file:line;
 * nothing is shortened or ignored.  A value that goes on over indented lines is joined with
 * '\n'.
 */
#ifndef SME_CONFIG_INI_H
#define SME_CONFIG_INI_H

#include "../base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct ini_entry {
    char *name;
    char *value;
    unsigned line;
};

/* "[source documents]": kind "source", name "documents"; "[core]": kind "core", name "". */
struct ini_section {
    char *kind;
    char *name;
    char *file; /* as opened, for messages */
    unsigned line;
    bool readable_by_others; /* the file's mode lets group or others read it */
    struct ini_entry *entries;
    size_t count;
};

struct ini_doc {
    struct ini_section *sections;
    size_t count;
};

/* Append what ${path} holds to ${doc}.  SME_E_INVALID names file:line.  The file must belong to
 * root or the caller and not be writable by group or others (SME_E_DENIED otherwise). */
int ini_load(struct ini_doc *doc, const char *path, struct sme_error *err);
/* The same for text in memory, called ${label} in messages; tests and fuzzers. */
int ini_parse_text(struct ini_doc *doc, const char *label, const char *text, size_t len,
                   struct sme_error *err);
void ini_free(struct ini_doc *doc); /* wipes the values */

const struct ini_entry *ini_find(const struct ini_section *section, const char *name);

#endif
