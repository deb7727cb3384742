/*
 * The command BASE_BACKUP and what it sends.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "basebackup.h"

#include "server_internal.h"

#include <stdlib.h>
#include <unistd.h>

#define WHAT "the base backup"
#define TABLESPACES_MAX 100000

bool basebackup_parse_lsn(const char *text, uint64_t *ret)
{
    char *end = NULL;
    unsigned long high = strtoul(text, &end, 16);

    if (end == text || *end != '/' || high > UINT32_MAX) {
        return false;
    }
    const char *rest = end + 1;
    unsigned long low = strtoul(rest, &end, 16);
    if (end == rest || *end != '\0' || low > UINT32_MAX) {
        return false;
    }
    *ret = (uint64_t)high << 32 | low;
    return true;
}

/* Its connection has nothing else to do meanwhile, and must not be ended for that.  Physical
 * replication knows no SET. */
static int connect_for_slot(const struct server *server, struct bb_slot *slot,
                            struct sme_error *err)
{
    char *text = strdup(server->conninfo != NULL ? server->conninfo : "");
    bool patient =
        server->version >= 140000 && text != NULL && !server_conninfo_has(text, "options");

    if (text == NULL ||
        (patient && !server_conninfo_add(&text, "options", "-c idle_session_timeout=0"))) {
        free(text);
        return server_no_memory(err);
    }
    slot->server = *server;
    slot->server.conninfo = text;
    int status = server_connect(&slot->server, NULL, true, &slot->conn, err);
    slot->server.conninfo = NULL;
    free(text);
    return status;
}

int basebackup_slot(const struct server *server, struct bb_slot *slot, struct sme_error *err)
{
    struct sme_error why = {.struct_size = sizeof why};
    unsigned char random[4] = {0};
    char sql[160];

    (void)server->host->random(server->host, random, sizeof random);
    (void)snprintf(sql, sizeof sql,
                   "CREATE_REPLICATION_SLOT sme_backup_%ld_%02x%02x%02x%02x TEMPORARY PHYSICAL %s",
                   (long)getpid(), random[0], random[1], random[2], random[3],
                   server->version >= 150000 ? "(RESERVE_WAL)" : "RESERVE_WAL");
    int status = connect_for_slot(server, slot, &why);
    if (status == SME_OK) {
        status = server_do(server, slot->conn, sql, &why);
        if (status < 0) {
            basebackup_slot_done(slot);
        }
    }
    if (status == SME_E_CANCELLED) {
        return sme_fail(err, status, "%s", why.message);
    }
    if (status < 0) {
        server->host->log(
            server->host, SME_LOG_WARNING,
            "no replication slot for the time of the backup (%s): if the server removes "
            "WAL meanwhile, the backup fails",
            why.message);
    }
    return SME_OK;
}

void basebackup_slot_done(struct bb_slot *slot)
{
    PQfinish(slot->conn);
    slot->conn = NULL;
}

static int lost(struct basebackup *backup, const PGresult *result, struct sme_error *err)
{
    return server_failure(backup->server, backup->conn, result, WHAT, err);
}

static int unexpected(struct basebackup *backup, const char *what, struct sme_error *err)
{
    return sme_fail(err, SME_E_CORRUPT, "the server at %s sent %s during the base backup",
                    backup->server->place, what);
}

/* The next result; NULL at the end of the command. */
static int get_result(struct basebackup *backup, PGresult **ret, struct sme_error *err)
{
    while (PQisBusy(backup->conn)) {
        int status = server_wait(backup->server, backup->conn, false, 0, err);
        if (status < 0) {
            return status;
        }
        if (PQconsumeInput(backup->conn) == 0) {
            break;
        }
    }
    *ret = PQgetResult(backup->conn);
    return SME_OK;
}

/* A result with rows: where the backup begins, or ends. */
static int get_position(struct basebackup *backup, uint64_t *ret_lsn, uint32_t *ret_timeline,
                        struct sme_error *err)
{
    PGresult *result = NULL;

    int status = get_result(backup, &result, err);
    if (status < 0) {
        return status;
    }
    if (result == NULL || PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = lost(backup, result, err);
    } else if (PQntuples(result) != 1 || PQnfields(result) < 2 ||
               !basebackup_parse_lsn(PQgetvalue(result, 0, 0), ret_lsn)) {
        status = unexpected(backup, "no position in its log", err);
    } else {
        *ret_timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
    }
    PQclear(result);
    return status;
}

static int get_tablespaces(struct basebackup *backup, struct sme_error *err)
{
    PGresult *result = NULL;
    size_t bases = 0;

    int status = get_result(backup, &result, err);
    if (status < 0) {
        return status;
    }
    int rows = result != NULL ? PQntuples(result) : 0;
    if (result == NULL || PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = lost(backup, result, err);
    } else if (rows < 1 || rows > TABLESPACES_MAX || PQnfields(result) < 2) {
        status = unexpected(backup, "no list of tablespaces", err);
    } else {
        backup->tablespaces = calloc((size_t)rows, sizeof *backup->tablespaces);
        status = backup->tablespaces != NULL
                     ? SME_OK
                     : sme_fail(err, SME_E_NO_MEMORY, "no memory for tablespaces");
    }
    for (int row = 0; row < rows && status == SME_OK; row++) {
        if (PQgetisnull(result, row, 0)) {
            backup->base_number = (size_t)row; /* the last one, in all versions so far */
            bases++;
            continue;
        }
        struct bb_tablespace *to = &backup->tablespaces[backup->tablespace_count];
        const char *oid = PQgetvalue(result, row, 0);
        if (strlen(oid) >= sizeof to->oid || strspn(oid, "0123456789") != strlen(oid) ||
            oid[0] == '\0') {
            status = unexpected(backup, "a tablespace without a number", err);
            break;
        }
        (void)snprintf(to->oid, sizeof to->oid, "%s", oid);
        to->location = strdup(PQgetvalue(result, row, 1));
        if (to->location == NULL) {
            status = sme_fail(err, SME_E_NO_MEMORY, "no memory for tablespaces");
            break;
        }
        backup->tablespace_count++;
    }
    if (status == SME_OK && bases != 1) {
        status = unexpected(backup, "a list of tablespaces without the data directory", err);
    }
    PQclear(result);
    return status;
}

static void make_command(const struct basebackup *backup, bool fast, char *sql, size_t size)
{
    int version = backup->server->version;

    if (version >= 150000) {
        (void)snprintf(
            sql, size,
            "BASE_BACKUP (LABEL 'sme-backup', CHECKPOINT '%s', WAL, WAIT false, MANIFEST "
            "'yes', MANIFEST_CHECKSUMS 'CRC32C')",
            fast ? "fast" : "spread");
    } else {
        (void)snprintf(sql, size, "BASE_BACKUP LABEL 'sme-backup'%s WAL NOWAIT%s",
                       fast ? " FAST" : "",
                       version >= 130000 ? " MANIFEST 'yes' MANIFEST_CHECKSUMS 'CRC32C'" : "");
    }
}

/* A server that waits for its checkpoint does not see that the connection has gone. */
static void stop_server(PGconn *conn)
{
    PGcancel *cancel = PQgetCancel(conn);
    char ignored[256];

    if (cancel != NULL) {
        (void)PQcancel(cancel, ignored, sizeof ignored);
        PQfreeCancel(cancel);
    }
}

int basebackup_begin(const struct server *server, PGconn *conn, bool fast,
                     struct basebackup *ret_backup, struct sme_error *err)
{
    struct basebackup backup = {.server = server, .conn = conn};
    char sql[256];

    make_command(&backup, fast, sql, sizeof sql);
    int status = PQsendQuery(conn, sql) != 0 ? SME_OK : lost(&backup, NULL, err);
    if (status == SME_OK) {
        status = get_position(&backup, &backup.start, &backup.start_timeline, err);
    }
    if (status == SME_OK) {
        status = get_tablespaces(&backup, err);
    }
    if (status < 0) {
        if (status == SME_E_CANCELLED) {
            stop_server(conn);
        }
        basebackup_done(&backup);
        return status;
    }
    *ret_backup = backup;
    return SME_OK;
}

/* Behind the last COPY: where the backup ends, then that the command is complete. */
static int finish(struct basebackup *backup, PGresult *position, struct sme_error *err)
{
    PGresult *result = NULL;
    int status = SME_OK;

    if (PQntuples(position) != 1 || PQnfields(position) < 2 ||
        !basebackup_parse_lsn(PQgetvalue(position, 0, 0), &backup->end)) {
        status = unexpected(backup, "no position at which it ended", err);
    } else if (backup->archives != backup->tablespace_count + 1) {
        status = unexpected(backup, "another number of archives than it has tablespaces", err);
    } else {
        backup->end_timeline = (uint32_t)strtoul(PQgetvalue(position, 0, 1), NULL, 10);
    }
    if (status == SME_OK) {
        status = get_result(backup, &result, err);
    }
    if (status < 0) {
        return status;
    }
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (result != NULL && PQresultStatus(result) == PGRES_COMMAND_OK) {
        status = BB_END;
    } else if (state != NULL && strcmp(state, "XX001") == 0) {
        backup->checksum_failure = true;
        status = BB_END;
    } else {
        status = lost(backup, result, err);
    }
    PQclear(result);
    if (status == BB_END) {
        int more = get_result(backup, &result, err);
        if (more < 0 || result != NULL) {
            PQclear(result);
            return more < 0 ? more : unexpected(backup, "more than was asked for", err);
        }
    }
    return status;
}

/* Before version 15: what a COPY carries is said by its number. */
static int old_copy(struct basebackup *backup, size_t number, long *ret_tablespace,
                    struct sme_error *err)
{
    if (number > backup->tablespace_count) {
        return number == backup->tablespace_count + 1 && backup->server->version >= 130000
                   ? BB_MANIFEST
                   : unexpected(backup, "more archives than it has tablespaces", err);
    }
    backup->archives++;
    *ret_tablespace = number == backup->base_number  ? -1
                      : number < backup->base_number ? (long)number
                                                     : (long)number - 1;
    return BB_ARCHIVE;
}

/* Between COPYs: the next one begins, or it was the last. */
static int next_result(struct basebackup *backup, long *ret_tablespace, struct sme_error *err)
{
    PGresult *result = NULL;

    int status = get_result(backup, &result, err);
    if (status < 0) {
        return status;
    }
    ExecStatusType state = result != NULL ? PQresultStatus(result) : PGRES_FATAL_ERROR;
    if (state == PGRES_COPY_OUT) {
        size_t number = backup->copies++;
        backup->in_copy = true;
        if (backup->server->version < 150000) {
            status = old_copy(backup, number, ret_tablespace, err);
        } else {
            status = number == 0 ? BB_NOTHING : unexpected(backup, "a second stream", err);
        }
    } else if (state == PGRES_TUPLES_OK) {
        status = finish(backup, result, err);
    } else {
        status = lost(backup, result, err);
    }
    PQclear(result);
    return status;
}

/* "16400.tar" is the number of a tablespace, "base.tar" the data directory. */
static int archive_of(struct basebackup *backup, const char *name, size_t len, long *ret_tablespace,
                      struct sme_error *err)
{
    size_t digits = strspn(name, "0123456789");

    backup->archives++;
    if (len >= 8 && memcmp(name, "base.tar", 8) == 0) {
        *ret_tablespace = -1;
        return BB_ARCHIVE;
    }
    for (size_t i = 0; i < backup->tablespace_count; i++) {
        if (digits > 0 && strlen(backup->tablespaces[i].oid) == digits &&
            memcmp(backup->tablespaces[i].oid, name, digits) == 0) {
            *ret_tablespace = (long)i;
            return BB_ARCHIVE;
        }
    }
    return unexpected(backup, "an archive of an unknown tablespace", err);
}

/* A message of the COPY; libpq puts a NUL behind it. */
static int take_message(struct basebackup *backup, size_t len, long *ret_tablespace,
                        const uint8_t **ret_data, size_t *ret_len, struct sme_error *err)
{
    const char *message = backup->message;

    if (backup->server->version < 150000) {
        *ret_data = (const uint8_t *)message;
        *ret_len = len;
        return BB_DATA;
    }
    switch (len > 0 ? message[0] : '\0') {
    case 'n':
        return archive_of(backup, message + 1, len - 1, ret_tablespace, err);
    case 'm':
        return BB_MANIFEST;
    case 'd':
        *ret_data = (const uint8_t *)message + 1;
        *ret_len = len - 1;
        return BB_DATA;
    case 'p':
        return BB_NOTHING; /* progress */
    default:
        return unexpected(backup, "a message of an unknown kind", err);
    }
}

static int next_message(struct basebackup *backup, long *ret_tablespace, const uint8_t **ret_data,
                        size_t *ret_len, struct sme_error *err)
{
    for (;;) {
        int got = PQgetCopyData(backup->conn, &backup->message, 1);
        if (got > 0) {
            return take_message(backup, (size_t)got, ret_tablespace, ret_data, ret_len, err);
        }
        if (got == -1) {
            backup->in_copy = false;
            return BB_NOTHING;
        }
        if (got == -2) {
            return lost(backup, NULL, err);
        }
        int status = server_wait(backup->server, backup->conn, false, 0, err);
        if (status < 0) {
            return status;
        }
        if (PQconsumeInput(backup->conn) == 0) {
            return lost(backup, NULL, err);
        }
    }
}

int basebackup_next(struct basebackup *backup, long *ret_tablespace, const uint8_t **ret_data,
                    size_t *ret_len, struct sme_error *err)
{
    int event = BB_NOTHING;

    while (event == BB_NOTHING) {
        PQfreemem(backup->message);
        backup->message = NULL;
        event = backup->in_copy ? next_message(backup, ret_tablespace, ret_data, ret_len, err)
                                : next_result(backup, ret_tablespace, err);
    }
    return event;
}

void basebackup_done(struct basebackup *backup)
{
    PQfreemem(backup->message);
    for (size_t i = 0; i < backup->tablespace_count; i++) {
        free(backup->tablespaces[i].location);
    }
    free(backup->tablespaces);
    memset(backup, 0, sizeof *backup);
}
