/*
 * Tables of a database: which there are, which get a stream of their own, how many rows they have.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "dump_internal.h"

#include "names.h"

#include <stdlib.h>

/* Those that hold rows: no views, foreign tables or partitioned parents.  What belongs to an
 * extension comes with it; unlogged tables cannot be read on a replica. */
static const char list_sql[] =
    "SELECT c.oid::pg_catalog.text, n.nspname, c.relname,"
    " coalesce(pg_catalog.pg_table_size(c.oid), 0), c.reltuples::pg_catalog.int8"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND c.relpersistence <> 't'"
    " AND (c.relpersistence = 'p' OR NOT pg_catalog.pg_is_in_recovery())"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d"
    " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid"
    " AND d.deptype = 'e')"
    " ORDER BY 4 DESC, 2, 3";

static const char sequences_sql[] =
    "SELECT n.nspname, s.relname FROM pg_catalog.pg_depend d"
    " JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
    " JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace"
    " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    " AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    " AND d.refobjid = $1::pg_catalog.oid AND d.deptype IN ('a', 'i')";

#define COUNT_FORMAT "SELECT pg_catalog.count(*) FROM ONLY %s.%s"

/* The hint of the first failure, or else ${hint}. */
static int add_hint(struct sme_error *err, const struct sme_error *first, const char *hint)
{
    if (err != NULL) {
        (void)snprintf(err->hint, sizeof err->hint, "%s",
                       first->hint[0] != '\0' ? first->hint : hint);
    }
    return first->status;
}

static bool take_row(const struct dump *dump, const PGresult *result, int row,
                     struct dump_table *table)
{
    int64_t estimate = strtoll(PQgetvalue(result, row, 4), NULL, 10);

    table->oid = strdup(PQgetvalue(result, row, 0));
    table->schema = strdup(PQgetvalue(result, row, 1));
    table->name = strdup(PQgetvalue(result, row, 2));
    table->bytes = strtoull(PQgetvalue(result, row, 3), NULL, 10);
    table->rows = dump->options->row_counts == PG_ROWS_ESTIMATE ? estimate : -1;
    return table->oid != NULL && table->schema != NULL && table->name != NULL;
}

int dump_tables_list(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    struct sme_error first = {.struct_size = sizeof first};
    PGresult *result = NULL;
    int status = server_query(dump->server, database->conn, list_sql, 0, NULL, &result, &first);

    if (status < 0) {
        (void)sme_fail(err, status, "tables of database '%s' cannot be listed: %s", database->label,
                       first.message);
        return add_hint(err, &first,
                        "a table that another session has locked is waited for as "
                        "long as lock_wait says");
    }
    int rows = PQntuples(result);
    bool good = PQnfields(result) == 5;
    database->tables = good ? calloc((size_t)rows + 1, sizeof *database->tables) : NULL;
    good = database->tables != NULL;
    for (int i = 0; good && i < rows; i++) {
        good = take_row(dump, result, i, &database->tables[i]);
        database->table_count++;
    }
    PQclear(result);
    return good ? SME_OK : dump_no_memory(err);
}

void dump_tables_free(struct dump_database *database)
{
    for (size_t i = 0; i < database->table_count; i++) {
        free(database->tables[i].oid);
        free(database->tables[i].schema);
        free(database->tables[i].name);
        free(database->tables[i].file);
    }
    free(database->tables);
    database->tables = NULL;
    database->table_count = 0;
    database->split = false;
}

/* ---- big ones ----------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Both "a.b"."c" and "a"."b.c" would be a.b.c: the second stays with the rest. */
static bool is_taken(const struct dump_database *database, size_t before, const char *file)
{
    for (size_t i = 0; i < before; i++) {
        if (database->tables[i].file != NULL && strcmp(database->tables[i].file, file) == 0) {
            return true;
        }
    }
    return false;
}

int dump_tables_choose(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    uint64_t above = dump->options->split_above;
    uint64_t least = above / 8 > DUMP_BIG_LEAST ? above / 8 : DUMP_BIG_LEAST;

    /* The folder of such a one could be the file of another database. */
    if (above == 0 || database->size <= above || ends_with(database->file, ".dump") ||
        ends_with(database->file, ".json")) {
        return SME_OK;
    }
    for (size_t i = 0; i < database->table_count && i < DUMP_BIG_MAX; i++) {
        struct dump_table *table = &database->tables[i];
        if (table->bytes < least) {
            break;
        }
        char *both = dump_text("%s.%s", table->schema, table->name);
        char *file = both != NULL ? names_path(both) : NULL;
        free(both);
        if (file == NULL) {
            return dump_no_memory(err);
        }
        if (is_taken(database, i, file)) {
            free(file);
            continue;
        }
        table->file = file;
    }
    database->split = true;
    return SME_OK;
}

int dump_tables_sequences(struct dump *dump, struct dump_database *database,
                          const struct dump_table *table, char ***ret_patterns,
                          struct sme_error *err)
{
    const char *values[] = {table->oid};
    PGresult *result = NULL;
    int status = server_query(dump->server, database->conn, sequences_sql, 1, values, &result, err);

    if (status < 0) {
        return status;
    }
    int rows = PQntuples(result);
    char **list = calloc((size_t)rows + 1, sizeof *list);
    bool good = list != NULL;
    for (int i = 0; good && i < rows; i++) {
        list[i] = names_pattern(PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
        good = list[i] != NULL;
    }
    PQclear(result);
    if (!good) {
        dump_list_free(list);
        return dump_no_memory(err);
    }
    *ret_patterns = list;
    return SME_OK;
}

void dump_list_free(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        free(list[i]);
    }
    free(list);
}

/* ---- rows --------------------------------------------------------------------------------- */

static int count_statement(const struct dump_database *database, const struct dump_table *table,
                           char **ret_sql, struct sme_error *err)
{
    char *schema = PQescapeIdentifier(database->conn, table->schema, strlen(table->schema));
    char *name = PQescapeIdentifier(database->conn, table->name, strlen(table->name));
    char *sql = schema != NULL && name != NULL ? dump_text(COUNT_FORMAT, schema, name) : NULL;

    PQfreemem(schema);
    PQfreemem(name);
    if (sql == NULL) {
        return sme_fail(err, SME_E_IO, "the name of a table in database '%s' cannot be quoted",
                        database->label);
    }
    *ret_sql = sql;
    return SME_OK;
}

static int count_one(struct dump *dump, struct dump_database *database, struct dump_table *table,
                     struct sme_error *err)
{
    PGresult *result = NULL;
    char *sql = NULL;
    int status = count_statement(database, table, &sql, err);

    if (status == SME_OK) {
        status = server_do(dump->server, database->conn, "SAVEPOINT count", err);
    }
    if (status == SME_OK) {
        status = server_query(dump->server, database->conn, sql, 0, NULL, &result, err);
    }
    free(sql);
    if (status < 0) {
        return status;
    }
    if (PQntuples(result) == 1) {
        table->rows = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    }
    PQclear(result);
    return server_do(dump->server, database->conn, "RELEASE SAVEPOINT count", err);
}

/* The count has taken a lock that lasts as long as the session: what has not changed up to now
 * did not change before it either. */
static int count_checked(struct dump *dump, struct dump_database *database,
                         struct dump_table *table, struct sme_error *err)
{
    struct sme_error first = {.struct_size = sizeof first};
    char *what = NULL;
    int status = count_one(dump, database, table, &first);

    if (status < 0) {
        if (PQstatus(database->conn) != CONNECTION_OK || status == SME_E_CANCELLED ||
            server_do(dump->server, database->conn, "ROLLBACK TO SAVEPOINT count", err) < 0) {
            goto failed;
        }
    }
    int answer = dump_session_changed(dump, database, table->oid, &what, err);
    if (answer < 0) {
        return answer;
    }
    if (answer > 0) {
        dump->host->log(dump->host, SME_LOG_INFO,
                        "%s in database '%s' after it was dumped: its rows are not in the facts",
                        what, database->label);
        free(what);
        table->rows = -1;
        return SME_OK;
    }
    if (status == SME_OK) {
        return SME_OK;
    }
failed:
    (void)sme_fail(err, status, "rows of table '%s.%s' in database '%s' cannot be counted: %s",
                   table->schema, table->name, database->label, first.message);
    return add_hint(err, &first, "with row_counts = estimate nothing is counted");
}

int dump_tables_count(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    for (size_t i = 0; i < database->table_count; i++) {
        int status = count_checked(dump, database, &database->tables[i], err);
        if (status < 0) {
            return status;
        }
    }
    return SME_OK;
}
