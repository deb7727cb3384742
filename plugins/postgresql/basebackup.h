/*
 * The command BASE_BACKUP and what it sends: the replication protocol of versions 12 to 18.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * After PostgreSQL's documentation, "Streaming Replication Protocol".  Before version 15 there is
 * one COPY per tablespace and one for the manifest; since then one COPY whose messages say what
 * follows.
 */
#ifndef SME_POSTGRESQL_BASEBACKUP_H
#define SME_POSTGRESQL_BASEBACKUP_H

#include "server.h"

struct bb_tablespace {
    char oid[12];
    char *location;
};

struct basebackup {
    const struct server *server;
    PGconn *conn;
    uint64_t start, end; /* positions in the WAL */
    uint32_t start_timeline, end_timeline;
    struct bb_tablespace *tablespaces; /* without the data directory itself */
    size_t tablespace_count;
    size_t base_number;    /* place of the data directory in the server's list, among the others */
    bool checksum_failure; /* the server ended with one, after it had sent everything */
    /* private */
    char *message;           /* of libpq */
    size_t copies, archives; /* begun so far */
    bool in_copy;
};

enum bb_event {
    BB_END,      /* all was sent, and the server said so */
    BB_ARCHIVE,  /* a tar archive begins                 */
    BB_MANIFEST, /* the manifest begins                  */
    BB_DATA,     /* of what has begun                    */
    BB_NOTHING,  /* never returned                       */
};

/* A temporary replication slot, without which the server may remove WAL that the backup still
 * needs.  It goes with its connection. */
struct bb_slot {
    PGconn *conn;         /* NULL: there is none           */
    struct server server; /* private: what conn refers to  */
};

/* ${slot} is all zeroes.  Where none can be had that is logged, and no failure. */
int basebackup_slot(const struct server *server, struct bb_slot *slot, struct sme_error *err);
void basebackup_slot_done(struct bb_slot *slot);

/* ${conn}: a replication connection, which stays the caller's.  Begins the backup. */
int basebackup_begin(const struct server *server, PGconn *conn, bool fast,
                     struct basebackup *ret_backup, struct sme_error *err);
/* The next event, >= 0.  BB_ARCHIVE: *ret_tablespace (-1: the data directory); BB_DATA: *ret_data
 * is valid until the next call. */
int basebackup_next(struct basebackup *backup, long *ret_tablespace, const uint8_t **ret_data,
                    size_t *ret_len, struct sme_error *err);
void basebackup_done(struct basebackup *backup);

/* "1/2A3B4C5D" */
bool basebackup_parse_lsn(const char *text, uint64_t *ret);

#endif
