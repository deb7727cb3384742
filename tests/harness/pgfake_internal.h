/*
 * What the files of pgfake share: one connection.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_PGFAKE_INTERNAL_H
#define SME_TESTS_PGFAKE_INTERNAL_H

#include "pgfake.h"

struct wire {
    struct pgfake *fake;
    int socket;
    bool gone; /* nobody reads any more, or the script ended the connection */
    char options[256];
};

void wire_send(struct wire *wire, char kind, const void *body, size_t len);
void wire_columns(struct wire *wire, size_t count);
void wire_row(struct wire *wire, size_t count, const char *const *values);
void wire_complete(struct wire *wire, const char *tag);
/* ${kind}: 'N' notice, 'E' error */
void wire_say(struct wire *wire, char kind, const char *severity, const char *state,
              const char *text);

/* The answer to BASE_BACKUP. */
void pgfake_backup(struct wire *wire);

#endif
