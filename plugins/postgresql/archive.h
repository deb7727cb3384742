/*
 * The head of a custom-format archive of pg_dump.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Layout after PostgreSQL's documentation in pg_backup_archiver.c (ReadHead): "PGDMP", major,
 * minor, revision, size of int, size of offset, format (1 = custom).
 */
#ifndef SME_POSTGRESQL_ARCHIVE_H
#define SME_POSTGRESQL_ARCHIVE_H

#include "../../include/sme-backup/common.h"

#define ARCHIVE_HEAD 11 /* bytes that archive_check_head() looks at */

/* ${what} names the archive in a failure (SME_E_CORRUPT). */
int archive_check_head(const uint8_t *head, size_t len, const char *what, struct sme_error *err);

#endif
