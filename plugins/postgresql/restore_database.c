/*
 * The destination of a restore: a database that is made, or found empty, or may be replaced.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_internal.h"

#include <stdlib.h>

/* What an empty database has not: the kind and name of the first that is found.  What extensions
 * bring does not count; nor does what only comes with something else, for it does not say itself
 * that an extension has brought it: indexes, row types, array types, multiranges. */
#define NOT_SYSTEM " n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
#define NOT_EXTENSION(catalog, alias)                                                              \
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = '" catalog            \
    "'::pg_catalog.regclass AND d.objid = " alias ".oid AND d.deptype = 'e')"
#define JOIN(column) " JOIN pg_catalog.pg_namespace n ON n.oid = " column " WHERE" NOT_SYSTEM

/* clang-format off */
static const char content_sql[] =
    "(SELECT 'relation', n.nspname || '.' || c.relname FROM pg_catalog.pg_class c"
    JOIN("c.relnamespace")
    " AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')" NOT_EXTENSION("pg_catalog.pg_class", "c")
    " LIMIT 1) UNION ALL "
    "(SELECT 'function', n.nspname || '.' || p.proname FROM pg_catalog.pg_proc p"
    JOIN("p.pronamespace")
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend i WHERE i.deptype = 'i'"
    " AND i.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND i.objid = p.oid)"
    NOT_EXTENSION("pg_catalog.pg_proc", "p")
    " LIMIT 1) UNION ALL "
    "(SELECT 'type', n.nspname || '.' || t.typname FROM pg_catalog.pg_type t"
    JOIN("t.typnamespace")
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend i WHERE i.deptype = 'i'"
    " AND i.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND i.objid = t.oid)"
    NOT_EXTENSION("pg_catalog.pg_type", "t")
    " LIMIT 1) UNION ALL "
    "(SELECT 'large object', m.oid::pg_catalog.text FROM pg_catalog.pg_largeobject_metadata m"
    " LIMIT 1)";
/* clang-format on */

static const char *extra_of(const struct sme_item *item, const char *name)
{
    for (size_t i = 0; i < item->extra_count; i++) {
        if (strcmp(item->extras[i].name, name) == 0 && item->extras[i].value[0] != '\0') {
            return item->extras[i].value;
        }
    }
    return NULL;
}

/* Does ${sql} with these parameters yield a row? */
static int ask(const struct restore *restore, PGconn *conn, const char *sql, size_t count,
               const char *const *values, bool *ret_yes, struct sme_error *err)
{
    PGresult *result = NULL;
    int status = server_query(&restore->server, conn, sql, count, values, &result, err);

    if (status == SME_OK) {
        *ret_yes = PQntuples(result) > 0;
        PQclear(result);
    }
    return status;
}

/* ---- making one --------------------------------------------------------------------------- */

struct text {
    char *data;
    size_t len;
    bool bad;
};

static void add(struct text *text, const char *more)
{
    char *grown = text->bad ? NULL : realloc(text->data, text->len + strlen(more) + 1);

    if (grown == NULL) {
        text->bad = true;
        return;
    }
    text->data = grown;
    memcpy(grown + text->len, more, strlen(more) + 1);
    text->len += strlen(more);
}

/* ${word} and ${value} in quotes: as a name, or as text. */
static void add_value(struct text *text, PGconn *conn, const char *word, const char *value,
                      bool is_name)
{
    char *quoted;

    if (value == NULL) {
        return;
    }
    quoted = is_name ? PQescapeIdentifier(conn, value, strlen(value))
                     : PQescapeLiteral(conn, value, strlen(value));
    add(text, word);
    if (quoted == NULL) {
        text->bad = true;
    } else {
        add(text, quoted);
    }
    PQfreemem(quoted);
}

static int find_owner(struct restore *restore, PGconn *conn, const struct sme_item *item,
                      const char **ret_owner, struct sme_error *err)
{
    const char *owner = restore->no_owner ? NULL : extra_of(item, "pg.owner");
    bool exists = false;

    if (owner == NULL) {
        *ret_owner = NULL;
        return SME_OK;
    }
    int status = ask(restore, conn, "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", 1,
                     &owner, &exists, err);
    if (status == SME_OK && !exists) {
        restore->host->log(restore->host, SME_LOG_WARNING,
                           "role '%s', the owner of database '%s', does not exist here: the one "
                           "who restores will own it",
                           owner, restore->database.name);
    }
    if (status == SME_OK) {
        *ret_owner = exists ? owner : NULL;
    }
    return status;
}

/* The servers before version 17 know no keyword for the locale of a provider but ICU. */
static void add_locale(struct text *sql, PGconn *conn, const struct sme_item *item)
{
    const char *provider = extra_of(item, "pg.locale_provider");

    add_value(sql, conn, " LC_COLLATE ", extra_of(item, "pg.collate"), false);
    add_value(sql, conn, " LC_CTYPE ", extra_of(item, "pg.ctype"), false);
    if (provider == NULL) {
        return;
    }
    add_value(sql, conn, " LOCALE_PROVIDER ", provider, true);
    if (strcmp(provider, "icu") == 0) {
        add_value(sql, conn, " ICU_LOCALE ", extra_of(item, "pg.locale"), false);
        add_value(sql, conn, " ICU_RULES ", extra_of(item, "pg.icu_rules"), false);
    } else {
        add_value(sql, conn, " BUILTIN_LOCALE ", extra_of(item, "pg.locale"), false);
    }
}

static int create(struct restore *restore, PGconn *conn, const struct sme_item *item,
                  struct sme_error *err)
{
    struct restore_database *database = &restore->database;
    struct text sql = {NULL, 0, false};
    const char *owner = NULL;

    int status = find_owner(restore, conn, item, &owner, err);
    if (status < 0) {
        return status;
    }
    add_value(&sql, conn, "CREATE DATABASE ", database->target, true);
    add(&sql, " TEMPLATE template0");
    add_value(&sql, conn, " ENCODING ", extra_of(item, "pg.encoding"), false);
    add_locale(&sql, conn, item);
    add_value(&sql, conn, " OWNER ", owner, true);
    status = sql.bad ? restore_no_memory(err) : server_do(&restore->server, conn, sql.data, err);
    free(sql.data);
    if (status == SME_E_IO || status == SME_E_DENIED) {
        if (err != NULL) {
            err->hint[0] = '\0';
        }
        return restore_hint(err,
                            "create database '%s' by hand, empty, as this server allows it, and "
                            "restore again",
                            database->target);
    }
    if (status == SME_OK) {
        database->created = true;
        restore->host->log(restore->host, SME_LOG_INFO, "created database '%s'", database->target);
    }
    return status;
}

/* ---- finding one -------------------------------------------------------------------------- */

static int expect_empty(struct restore *restore, struct sme_error *err)
{
    const struct restore_database *database = &restore->database;
    PGresult *result = NULL;
    PGconn *conn = NULL;

    int status = server_connect(&restore->server, database->target, false, &conn, err);
    if (status == SME_OK) {
        status = server_query(&restore->server, conn, content_sql, 0, NULL, &result, err);
        if (status == SME_OK && PQntuples(result) > 0) {
            (void)sme_fail(err, SME_E_EXISTS, "database '%s' is not empty: it has %s '%s'",
                           database->target, PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
            status = restore_hint(err, "--overwrite always replaces the objects that the dump has "
                                       "(pg_restore --clean)");
        }
        PQclear(result);
    }
    PQfinish(conn);
    return status;
}

static int prepare(struct restore *restore, PGconn *conn, const struct sme_item *item,
                   struct sme_error *err)
{
    const char *target = restore->database.target;
    bool exists = false;

    int status = ask(restore, conn, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", 1,
                     &target, &exists, err);
    if (status < 0) {
        return status;
    }
    if (!exists) {
        return create(restore, conn, item, err);
    }
    /* One table may come to others. */
    return restore->replace || restore->table != NULL ? SME_OK : expect_empty(restore, err);
}

int restore_database_begin(struct restore *restore, const char *name, const struct sme_item *item,
                           struct sme_error *err)
{
    struct restore_database *database = &restore->database;
    PGconn *conn = NULL;

    int status = restore_database_end(restore, err);
    if (status < 0) {
        return status;
    }
    restore_database_forget(restore);
    database->name = strdup(name);
    database->target = strdup(restore->into_database != NULL ? restore->into_database : name);
    if (database->name == NULL || database->target == NULL) {
        return restore_no_memory(err);
    }
    status = server_connect(&restore->server, NULL, false, &conn, err);
    if (status == SME_OK) {
        status = prepare(restore, conn, item, err);
        PQfinish(conn);
    }
    return status;
}

/* ---- its end ------------------------------------------------------------------------------ */

int restore_database_end(struct restore *restore, struct sme_error *err)
{
    struct restore_database *database = &restore->database;

    int status = restore_workers_wait(restore, err);
    if (status == SME_OK) {
        status = restore_settings_apply(restore, err);
    }
    if (status == SME_OK && database->split && !database->ended) {
        char path[300];
        int len = snprintf(path, sizeof path, "databases/%.250s", database->name);
        restore->host->problem(restore->host, path, (size_t)len,
                               "the snapshot has not all parts of this database: its indexes and "
                               "constraints are missing");
    }
    return status;
}

void restore_database_forget(struct restore *restore)
{
    struct restore_database *database = &restore->database;

    free(database->name);
    free(database->target);
    toc_wanted_done(&database->wanted);
    settings_free(&database->settings);
    memset(database, 0, sizeof *database);
}

/* What was made and stayed empty helps nobody. */
static bool drop_untouched(struct restore *restore)
{
    const struct restore_database *database = &restore->database;
    struct sme_error ignored = {.struct_size = sizeof ignored};
    struct text sql = {NULL, 0, false};
    PGconn *conn = NULL;

    int status = server_connect(&restore->server, NULL, false, &conn, &ignored);
    if (status == SME_OK) {
        add_value(&sql, conn, "DROP DATABASE ", database->target, true);
        status = sql.bad ? SME_E_NO_MEMORY : server_do(&restore->server, conn, sql.data, &ignored);
    }
    PQfinish(conn);
    free(sql.data);
    return status == SME_OK;
}

void restore_database_mourn(struct restore *restore)
{
    const struct restore_database *database = &restore->database;
    const struct sme_host *host = restore->host;

    if (database->target == NULL || database->ended || (!database->touched && !database->created)) {
        return;
    }
    if (!database->touched && drop_untouched(restore)) {
        host->log(host, SME_LOG_INFO, "dropped database '%s' again: nothing was restored into it",
                  database->target);
    } else if (database->created) {
        host->log(host, SME_LOG_WARNING,
                  "database '%s', made by this restore, is incomplete: drop it", database->target);
    } else if (restore->table != NULL) {
        host->log(host, SME_LOG_WARNING,
                  "the restore into database '%s' stopped half way: the table is incomplete",
                  database->target);
    } else {
        host->log(host, SME_LOG_WARNING,
                  "database '%s' is incomplete: drop it, or restore into it again",
                  database->target);
    }
}

/* ---- tables ------------------------------------------------------------------------------- */

static int check_tables(struct restore *restore, PGconn *conn, struct toc_wanted *wanted,
                        struct sme_error *err)
{
    const char *schema = wanted->list[0].schema;
    bool exists = false;

    /* Line breaks in names are spaces in the lists of pg_restore. */
    int status = ask(restore, conn,
                     "SELECT 1 FROM pg_catalog.pg_namespace WHERE"
                     " pg_catalog.translate(nspname, E'\\n\\r', '  ') = $1",
                     1, &schema, &exists, err);
    if (status == SME_OK) {
        wanted->has_schema = exists;
    }
    for (size_t i = 0; i < wanted->count && status == SME_OK && !restore->replace; i++) {
        const char *values[] = {wanted->list[i].schema, wanted->list[i].name};
        status = ask(restore, conn,
                     "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
                     " ON n.oid = c.relnamespace"
                     " WHERE pg_catalog.translate(n.nspname, E'\\n\\r', '  ') = $1"
                     " AND pg_catalog.translate(c.relname, E'\\n\\r', '  ') = $2",
                     2, values, &exists, err);
        if (status == SME_OK && exists) {
            (void)sme_fail(err, SME_E_EXISTS, "database '%s' has a %s '%s.%s' already",
                           restore->database.target,
                           wanted->list[i].is_sequence ? "sequence" : "table", values[0],
                           values[1]);
            status = restore_hint(err, "restore into another database with dbname= in --into; "
                                       "--overwrite always drops and replaces it");
        }
    }
    return status;
}

static int drop_table(struct restore *restore, PGconn *conn, const struct toc_name *name,
                      struct sme_error *err)
{
    const char *values[] = {name->schema, name->name};
    PGresult *result = NULL;

    int status = server_query(
        &restore->server, conn,
        "SELECT pg_catalog.format('DROP %s TABLE %I.%I', CASE c.relkind WHEN 'f' THEN 'FOREIGN'"
        " ELSE '' END, n.nspname, c.relname) FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'f')"
        " AND pg_catalog.translate(n.nspname, E'\\n\\r', '  ') = $1"
        " AND pg_catalog.translate(c.relname, E'\\n\\r', '  ') = $2",
        2, values, &result, err);
    if (status == SME_OK && PQntuples(result) > 0) {
        status = server_do(&restore->server, conn, PQgetvalue(result, 0, 0), err);
        restore->database.touched = true;
    }
    PQclear(result);
    return status;
}

/* What pg_restore --clean cannot: it would begin with keys of partitions, which cannot be dropped
 * alone. */
static int drop_partitioned(struct restore *restore, PGconn *conn, const struct toc_wanted *wanted,
                            struct sme_error *err)
{
    int status = server_do(&restore->server, conn, "BEGIN", err);

    /* Partitions come behind what they are parts of. */
    for (size_t i = wanted->count; i-- > 0 && status == SME_OK;) {
        if (!wanted->list[i].is_sequence) {
            status = drop_table(restore, conn, &wanted->list[i], err);
        }
    }
    if (status == SME_OK) {
        status = server_do(&restore->server, conn, "COMMIT", err);
    }
    if (status == SME_OK) {
        restore->database.cleaned = true;
    } else {
        restore->database.touched = false;
    }
    return status;
}

static bool has_partitions(const struct toc_wanted *wanted)
{
    return wanted->count > 1 && !wanted->list[1].is_sequence;
}

int restore_database_check_tables(struct restore *restore, struct toc_wanted *wanted,
                                  struct sme_error *err)
{
    PGconn *conn = NULL;

    int status = server_connect(&restore->server, restore->database.target, false, &conn, err);
    if (status == SME_OK) {
        status = check_tables(restore, conn, wanted, err);
    }
    if (status == SME_OK && restore->replace && has_partitions(wanted)) {
        status = drop_partitioned(restore, conn, wanted, err);
    }
    PQfinish(conn);
    return status;
}
