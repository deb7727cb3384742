/*
 * What the PostgreSQL source can be told.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_POSTGRESQL_OPTIONS_H
#define SME_POSTGRESQL_OPTIONS_H

#include "../../include/sme-backup/source.h"

enum pg_mode { PG_DUMP, PG_PHYSICAL };
enum pg_rows { PG_ROWS_ESTIMATE, PG_ROWS_EXACT, PG_ROWS_OFF };
enum pg_checkpoint { PG_CHECKPOINT_FAST, PG_CHECKPOINT_SPREAD };

struct pg_options {
    const char *data_directory; /* NULL: not given          */
    const char *connection;     /* conninfo or URI, without a password; NULL: not given */
    const char *passfile;       /* NULL: not given          */
    const char *system_user;    /* NULL: owner of the data directory or of the socket   */
    const char *bin_dir;        /* NULL: looked for         */
    uint32_t mode;              /* enum pg_mode             */
    /* dump */
    struct sme_list databases; /* patterns with * and ?; empty: all */
    struct sme_list exclude_databases;
    int64_t jobs;
    uint64_t split_above; /* bytes, 0: never */
    uint32_t row_counts;  /* enum pg_rows  */
    uint64_t lock_wait_ms;
    struct sme_list accept_warnings; /* patterns of lines of pg_dump's standard error */
    /* physical */
    uint32_t checkpoint; /* enum pg_checkpoint */
};

struct pg_restore_options {
    const char *into;     /* conninfo or URI */
    const char *database; /* name in the snapshot; NULL: all */
    const char *table;    /* [schema.]table; NULL: everything */
    int64_t jobs;
    const char *scratch; /* folder for archives that parallel workers read; NULL: none */
};

#endif
