/*
 * The session that holds a database's snapshot while pg_dump reads it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * TRUNCATE and ALTER TABLE put another file in a table's place, and to transactions with an older
 * snapshot the new one is empty: pg_dump would leave out the rows without a word.  It is safe from
 * the moment at which it holds its locks, so what happened between the snapshot and that moment is
 * asked for: pg_class is read in the snapshot, pg_relation_filenode() looks at the present.
 *
 * A table or column that got another name in that moment makes pg_dump fail later, in the middle of
 * the rows, for COPY looks at the present, too; so do to_regclass() and has_column_privilege(),
 * which fails for a column that is no longer there.  An index that was dropped, as REINDEX
 * CONCURRENTLY does it, or a function has no definition any more, and pg_dump writes a hole.  What
 * has no rows and no locks (a view, a sequence) makes it fail before the first byte, or does not
 * matter.
 */
#include "dump_internal.h"

#include "names.h"

#include <stdlib.h>

static const char begin_sql[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

static const char facts_sql[] =
    "SELECT pg_catalog.pg_export_snapshot(),"
    " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
    " ELSE pg_catalog.pg_current_wal_lsn() END,"
    " pg_catalog.pg_database_size(pg_catalog.current_database())";

/* Both: name, and kind for messages, of the first one found. */
static const char changed_sql[] =
    "SELECT n.nspname OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) c.relname, 'table'"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.relfilenode <> 0"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    " AND ($1 = '' OR c.oid::pg_catalog.text = $1)"
    " AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid)"
    " LIMIT 1";

/* What the functions that pg_dump asks for definitions know no more. */
/* clang-format off */
#define FORGOTTEN_SQL(catalog, namespace, name, noun, definition)                                  \
    " UNION ALL (SELECT n.nspname OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) o." name ","  \
    " '" noun "' FROM pg_catalog." catalog " o"                                                    \
    " JOIN pg_catalog.pg_namespace n ON n.oid = o." namespace                                      \
    " WHERE $1 = '' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"                     \
    " AND pg_catalog." definition "(o.oid) IS NULL LIMIT 1)"
/* clang-format on */

#define RENAMED_SQL(kinds)                                                                         \
    "(SELECT n.nspname OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) c.relname,"             \
    " CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'i' THEN 'index'"            \
    " WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'"                \
    " ELSE 'view' END"                                                                             \
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"         \
    " WHERE c.relkind IN (" kinds ") AND c.relpersistence <> 't'"                                  \
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"                       \
    " AND ($1 = '' OR c.oid::pg_catalog.text = $1)"                                                \
    " AND (pg_catalog.to_regclass(pg_catalog.format('%I.%I', n.nspname, c.relname))"               \
    "::pg_catalog.oid IS DISTINCT FROM c.oid OR c.relkind = 'r' AND EXISTS"                        \
    " (SELECT 1 FROM pg_catalog.pg_attribute a"                                                    \
    " WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"                            \
    " AND pg_catalog.has_column_privilege(c.oid, a.attname::pg_catalog.text, 'SELECT') IS NULL))"  \
    " LIMIT 1)" FORGOTTEN_SQL("pg_proc", "pronamespace", "proname", "function",                    \
                              "pg_get_function_identity_arguments")                                \
        FORGOTTEN_SQL("pg_statistic_ext", "stxnamespace", "stxname", "statistics object",          \
                      "pg_get_statisticsobjdef")

static const char renamed_sql[] = RENAMED_SQL("'r', 'i', 'I'");
static const char gone_sql[] = RENAMED_SQL("'r', 'i', 'I', 'p', 'v', 'm', 'S', 'f'");

/* Names are taken as the database holds them: pg_dump gets them back in its arguments, and it is
 * told to write the same encoding. */
static int set_encoding(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    const char *encoding = PQparameterStatus(database->conn, "server_encoding");

    if (encoding == NULL || PQsetClientEncoding(database->conn, encoding) != 0) {
        return server_failure(dump->server, database->conn, NULL, "the encoding of the session",
                              err);
    }
    database->encoding = strdup(encoding);
    return database->encoding != NULL ? SME_OK : dump_no_memory(err);
}

/* Version 17 limits whole transactions; it must be said before one begins. */
static int lift_limit(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    return PQserverVersion(database->conn) >= 170000
               ? server_do(dump->server, database->conn, "SET transaction_timeout = 0", err)
               : SME_OK;
}

static int set_lock_timeout(struct dump *dump, struct dump_database *database,
                            struct sme_error *err)
{
    char sql[64];

    if (dump->options->lock_wait_ms == 0) {
        return SME_OK;
    }
    uint64_t ms = dump->options->lock_wait_ms < INT32_MAX ? dump->options->lock_wait_ms : INT32_MAX;
    (void)snprintf(sql, sizeof sql, "SET LOCAL lock_timeout = %llu", (unsigned long long)ms);
    return server_do(dump->server, database->conn, sql, err);
}

static int take_snapshot(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    PGresult *result = NULL;
    int status = server_query(dump->server, database->conn, facts_sql, 0, NULL, &result, err);

    if (status < 0) {
        return status;
    }
    if (PQntuples(result) != 1 || PQnfields(result) != 3 || PQgetisnull(result, 0, 0)) {
        PQclear(result);
        return sme_fail(err, SME_E_IO, "database '%s' did not export a snapshot", database->label);
    }
    database->snapshot = strdup(PQgetvalue(result, 0, 0));
    database->lsn = strdup(PQgetvalue(result, 0, 1));
    database->size = strtoull(PQgetvalue(result, 0, 2), NULL, 10);
    PQclear(result);
    database->taken_ns = dump->host->realtime_ns(dump->host);
    return database->snapshot != NULL && database->lsn != NULL ? SME_OK : dump_no_memory(err);
}

static int open_inside(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    int status = server_connect(dump->server, database->info->name, false, &database->conn, err);

    if (status == SME_OK) {
        status = set_encoding(dump, database, err);
    }
    if (status == SME_OK) {
        status = lift_limit(dump, database, err);
    }
    if (status == SME_OK) {
        status = server_do(dump->server, database->conn, begin_sql, err);
    }
    if (status == SME_OK) {
        status = set_lock_timeout(dump, database, err);
    }
    if (status == SME_OK) {
        status = take_snapshot(dump, database, err);
    }
    if (status == SME_OK) {
        status = dump_tables_list(dump, database, err);
    }
    return status == SME_OK ? dump_tables_choose(dump, database, err) : status;
}

int dump_session_open(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    database->label = dump_label(database->info->name);
    database->file = names_path(database->info->name);
    if (database->label == NULL || database->file == NULL) {
        dump_session_close(database);
        return dump_no_memory(err);
    }
    int status = open_inside(dump, database, err);
    if (status < 0) {
        dump_session_close(database);
        return status;
    }
    int version = PQserverVersion(database->conn);
    (void)snprintf(database->version, sizeof database->version, "%d.%d", version / 10000,
                   version % 10000);
    return SME_OK;
}

void dump_session_close(struct dump_database *database)
{
    /* It has only read: there is nothing to commit. */
    PQfinish(database->conn);
    database->conn = NULL;
    free(database->label);
    free(database->file);
    free(database->snapshot);
    free(database->lsn);
    free(database->encoding);
    database->label = database->file = NULL;
    database->snapshot = database->lsn = database->encoding = NULL;
    dump_tables_free(database);
}

/* 1 and what was done to the first one that ${sql} finds; 0: it finds none. */
static int ask(struct dump *dump, struct dump_database *database, const char *sql, const char *oid,
               const char *deed, char **ret_what, struct sme_error *err)
{
    const char *values[] = {oid != NULL ? oid : ""};
    PGresult *result = NULL;
    int status = server_query(dump->server, database->conn, sql, 1, values, &result, err);

    if (status < 0) {
        return status;
    }
    bool changed = PQntuples(result) > 0;
    char *name = changed ? dump_label(PQgetvalue(result, 0, 0)) : NULL;
    char *what =
        name != NULL ? dump_text("%s '%s' was %s", PQgetvalue(result, 0, 1), name, deed) : NULL;
    PQclear(result);
    free(name);
    if (changed && what == NULL) {
        return dump_no_memory(err);
    }
    *ret_what = what;
    return changed ? 1 : 0;
}

int dump_session_changed(struct dump *dump, struct dump_database *database, const char *oid,
                         char **ret_what, struct sme_error *err)
{
    return ask(dump, database, changed_sql, oid, "truncated, rewritten or dropped", ret_what, err);
}

int dump_session_renamed(struct dump *dump, struct dump_database *database, const char *oid,
                         bool any, char **ret_what, struct sme_error *err)
{
    const char *sql = any ? gone_sql : renamed_sql;
    struct sme_error why = {.struct_size = sizeof why};
    int status = server_do(dump->server, database->conn, "SAVEPOINT renamed", err);

    if (status < 0) {
        return status;
    }
    int answer = ask(dump, database, sql, oid, "renamed or dropped", ret_what, &why);
    if (answer == SME_E_NOT_FOUND) {
        /* The server does not say which, in words that could be relied on. */
        *ret_what = strdup("a column of a table was renamed or dropped");
        answer = *ret_what != NULL ? 1 : dump_no_memory(err);
    } else if (answer < 0) {
        (void)sme_fail(err, answer, "%s", why.message);
        if (err != NULL) {
            (void)snprintf(err->hint, sizeof err->hint, "%s", why.hint);
        }
        return answer;
    }
    status = server_do(dump->server, database->conn, "ROLLBACK TO SAVEPOINT renamed", err);
    if (status < 0 && answer > 0) {
        free(*ret_what);
        *ret_what = NULL;
    }
    return status < 0 ? status : answer;
}
