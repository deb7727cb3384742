/*
 * What an archive has of the database itself: its settings, the rights on it, its comment.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_POSTGRESQL_SETTINGS_H
#define SME_POSTGRESQL_SETTINGS_H

#include "../../include/sme-backup/common.h"

struct settings {
    char **list;  /* SQL statements, in the order in which they are to be run in one session */
    size_t count; /* those that set the session up included */
};

/* Pick the statements out of ${script}, which "pg_restore --create --file=-" wrote.  ${target}, a
 * name as SQL has it, takes the place of the database's; NULL: it keeps its own.  The owner is not
 * among them, and ${no_roles} leaves out the settings that a role has in the database. */
int settings_parse(const char *script, const char *target, bool no_roles,
                   struct settings *ret_settings, struct sme_error *err);
void settings_free(struct settings *settings);

/* Length of the beginning of ${statement} that may be shown: values can be secrets. */
size_t settings_shown(const char *statement);

#endif
