/*
 * Option tables + a section = filled config structs.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CONFIG_OPTIONS_H
#define SME_CONFIG_OPTIONS_H

#include "ini.h"

/* One table and the struct that it fills. */
struct option_set {
    const struct sme_option *rows;
    size_t count;
    void *config;
};

/* Owns the strings and lists that the filled structs point to. */
struct option_store {
    void **blocks;
    size_t *sizes;
    size_t count;
};
void option_store_free(struct option_store *store); /* wipes */
/* Hand ${block} of ${size} bytes, from malloc(), to the store.  False on no memory or if it is
 * NULL; then it has been freed. */
bool option_store_keep(struct option_store *store, void *block, size_t size);

/* Set when a key that no table knows is to be left for somebody else (the worker that has
 * loaded the plugin). */
#define OPTIONS_IGNORE_UNKNOWN 1u

/*
 * Fill the config of every set from defaults and ${section}.  Errors name file:line, the key
 * and, for an unknown key, the nearest known one; a REQUIRED option that is missing names the
 * section's line.  A SECRET option in a file that others can read is SME_E_DENIED.
 * ${section} may be NULL: defaults only, without the check for REQUIRED.
 */
int options_fill(const struct option_set *sets, size_t set_count, const struct ini_section *section,
                 unsigned flags, struct option_store *store, struct sme_error *err);

/* One value for one row, as options_fill() does it; ${where} precedes messages. */
int options_set(const struct sme_option *row, void *config, const char *text, const char *where,
                struct option_store *store, struct sme_error *err);

/* Sanity of a table: names unique, lower case, known types, field inside ${config_size},
 * default parses and is in range, help present.  The message names the row. */
int options_check_table(const struct sme_option *rows, size_t count, size_t config_size,
                        struct sme_error *err);

/* "size", "list of paths", ... for describe and man pages. */
const char *options_type_name(const struct sme_option *row);

#endif
