/*
 * Who the server is, what this role may do there, and whether the client programs fit.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "server_internal.h"

#include <limits.h>
#include <stdlib.h>

static const char look_sql[] =
    "SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.pg_is_in_recovery(),"
    " r.rolsuper, r.rolreplication,"
    " r.rolsuper OR EXISTS (SELECT 1 FROM pg_catalog.pg_roles g WHERE g.rolname = "
    "'pg_read_all_data'"
    "  AND pg_catalog.pg_has_role(g.oid, 'USAGE')),"
    " r.rolsuper OR pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE'),"
    " pg_catalog.current_setting('wal_level'), pg_catalog.current_setting('max_wal_senders'),"
    " r.rolname,"
    " pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
    " FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

enum {
    VERSION,
    IN_RECOVERY,
    SUPERUSER,
    REPLICATION,
    READS_ALL,
    SETTINGS,
    WAL_LEVEL,
    SENDERS,
    ROLE,
    CONTROL
};

static bool is_true(const PGresult *result, int column)
{
    return PQgetvalue(result, 0, column)[0] == 't';
}

static int check_version(const struct server *server, struct sme_error *err)
{
    int major = server->version / 10000;

    if (major < SERVER_OLDEST) {
        return sme_fail(err, SME_E_UNSUPPORTED,
                        "the server at %s is PostgreSQL %d; %d is the oldest that can be backed up",
                        server->place, major, SERVER_OLDEST);
    }
    if (major > SERVER_NEWEST) {
        server->host->log(server->host, SME_LOG_WARNING,
                          "the server at %s is PostgreSQL %d: nobody has tried one newer than %d",
                          server->place, major, SERVER_NEWEST);
    }
    return SME_OK;
}

/* What a physical backup needs of the server and of the role. */
static int check_physical(const struct server *server, const PGresult *result,
                          struct sme_error *err)
{
    const char *level = PQgetvalue(result, 0, WAL_LEVEL);
    const char *senders = PQgetvalue(result, 0, SENDERS);

    if (!server->may_replicate) {
        (void)sme_fail(err, SME_E_DENIED,
                       "role '%s' may not make a physical backup of the server at %s",
                       PQgetvalue(result, 0, ROLE), server->place);
        return server_hint(err, "ALTER ROLE \"%s\" REPLICATION", PQgetvalue(result, 0, ROLE));
    }
    if (strcmp(level, "minimal") == 0) {
        (void)sme_fail(err, SME_E_UNSUPPORTED,
                       "the server at %s has wal_level '%s', too little for a physical backup",
                       server->place, level);
        return server_hint(err,
                           "set wal_level = replica in postgresql.conf and restart the server");
    }
    if (strcmp(senders, "0") == 0) {
        (void)sme_fail(err, SME_E_UNSUPPORTED,
                       "the server at %s has max_wal_senders 0: it sends no physical backup",
                       server->place);
        return server_hint(err,
                           "set max_wal_senders = 10 in postgresql.conf and restart the server");
    }
    return SME_OK;
}

static int check_directory(struct server *server, const struct pg_options *options, PGconn *conn,
                           bool may_ask, struct sme_error *err)
{
    PGresult *result = NULL;
    char theirs[PATH_MAX], ours[PATH_MAX];

    if (!may_ask) {
        if (options->data_directory != NULL && options->data_directory[0] != '\0' &&
            options->connection != NULL && options->connection[0] != '\0') {
            server->host->log(
                server->host, SME_LOG_WARNING,
                "this role may not ask the server at %s for its data directory: whether "
                "it is '%s' is not known",
                server->place, options->data_directory);
        }
        return SME_OK;
    }
    int status = server_query(server, conn, "SHOW data_directory", 0, NULL, &result, err);
    if (status < 0) {
        return status;
    }
    server->data_directory = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    if (server->data_directory == NULL) {
        return server_no_memory(err);
    }
    if (options->data_directory == NULL || options->data_directory[0] == '\0') {
        return SME_OK;
    }
    const char *left = realpath(server->data_directory, theirs);
    const char *right = realpath(options->data_directory, ours);
    if (strcmp(left != NULL ? left : server->data_directory,
               right != NULL ? right : options->data_directory) != 0) {
        (void)sme_fail(err, SME_E_INVALID, "the server at %s has the data directory '%s', not '%s'",
                       server->place, server->data_directory, options->data_directory);
        return server_hint(err, "correct data_directory, or the connection");
    }
    return SME_OK;
}

/* Tells one cluster from another; not every role may see it. */
static int read_identifier(struct server *server, PGconn *conn, const char *sql,
                           struct sme_error *err)
{
    PGresult *result = NULL;

    int status = server_query(server, conn, sql, 0, NULL, &result, err);
    if (status == SME_OK && PQntuples(result) == 1) {
        server->system_identifier = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    }
    PQclear(result);
    return status;
}

/* A role that may replicate may still not be let in for it: pg_hba.conf has lines of its own. */
static int try_replication(struct server *server, struct sme_error *err)
{
    PGconn *conn = NULL;

    int status = server_connect(server, NULL, true, &conn, err);
    if (status < 0) {
        if (status == SME_E_DENIED) {
            (void)server_hint(err, "a physical backup needs a line for database 'replication' in "
                                   "pg_hba.conf of the server, then SELECT pg_reload_conf()");
        }
        return status;
    }
    status = read_identifier(server, conn, "IDENTIFY_SYSTEM", err);
    PQfinish(conn);
    return status;
}

static int look(struct server *server, const struct pg_options *options, PGconn *conn,
                struct sme_error *err)
{
    PGresult *result = NULL;

    int status = server_query(server, conn, look_sql, 0, NULL, &result, err);
    if (status < 0) {
        return status;
    }
    if (PQntuples(result) != 1) {
        PQclear(result);
        return sme_fail(err, SME_E_DENIED, "the server at %s does not know its own role",
                        server->place);
    }
    server->version = (int)strtol(PQgetvalue(result, 0, VERSION), NULL, 10);
    server->in_recovery = is_true(result, IN_RECOVERY);
    server->is_superuser = is_true(result, SUPERUSER);
    server->may_replicate = is_true(result, REPLICATION) || server->is_superuser;
    bool may_ask = is_true(result, SETTINGS);
    bool may_identify = is_true(result, CONTROL);
    status = check_version(server, err);
    if (status == SME_OK && options->mode == PG_PHYSICAL) {
        status = check_physical(server, result, err);
    } else if (status == SME_OK && !is_true(result, READS_ALL)) {
        server->host->log(
            server->host, SME_LOG_WARNING,
            "role '%s' is no superuser and has no pg_read_all_data: one table that it may not read "
            "fails the dump",
            PQgetvalue(result, 0, ROLE));
    }
    PQclear(result);
    if (status == SME_OK) {
        status = check_directory(server, options, conn, may_ask, err);
    }
    if (status == SME_OK && may_identify) {
        status = read_identifier(
            server, conn, "SELECT system_identifier FROM pg_catalog.pg_control_system()", err);
    }
    if (status == SME_OK && server->in_recovery) {
        server->host->log(server->host, SME_LOG_INFO,
                          "the server at %s is a replica: what it has replayed is backed up",
                          server->place);
    }
    return status;
}

int server_look(struct server *server, const struct pg_options *options, struct sme_error *err)
{
    PGconn *conn = NULL;

    int status = server_connect(server, NULL, false, &conn, err);
    if (status == SME_OK) {
        status = look(server, options, conn, err);
        if (status == SME_OK) {
            status = server_resolve(server, conn, err);
        }
        PQfinish(conn);
    }
    if (status == SME_OK && options->mode == PG_PHYSICAL) {
        status = try_replication(server, err);
    }
    if (status == SME_OK && options->mode == PG_DUMP) {
        status = server_find_tools(server, err);
    }
    return status;
}
