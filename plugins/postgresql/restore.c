/*
 * Taking dumps back into a server: item by item.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_internal.h"

#include "names.h"

#include <stdlib.h>

int restore_no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory for the restore");
}

int restore_hint(struct sme_error *err, const char *fmt, ...)
{
    va_list ap;

    if (err == NULL) {
        return SME_E_INVALID;
    }
    if (err->hint[0] == '\0') {
        va_start(ap, fmt);
        (void)vsnprintf(err->hint, sizeof err->hint, fmt, ap);
        va_end(ap);
    }
    return err->status;
}

int restore_keep(struct restore *restore, const void *buf, size_t len, struct sme_error *err)
{
    if (len > RESTORE_KEPT_MAX - restore->kept_len) {
        (void)sme_fail(err, SME_E_UNSUPPORTED, "the %s of '%s' is more than %u MiB",
                       restore->way == RESTORE_KEEP ? "content" : "table of contents",
                       restore->item, RESTORE_KEPT_MAX >> 20);
        return restore_hint(err, "restore it into files with --to DIR, and use %s there",
                            restore->way == RESTORE_KEEP ? "psql" : "pg_restore");
    }
    if (restore->kept_len + len > restore->kept_room) {
        size_t room = 2 * (restore->kept_len + len);
        char *kept = realloc(restore->kept, room);
        if (kept == NULL) {
            return restore_no_memory(err);
        }
        restore->kept = kept;
        restore->kept_room = room;
    }
    memcpy(restore->kept + restore->kept_len, buf, len);
    restore->kept_len += len;
    return SME_OK;
}

/* ---- open --------------------------------------------------------------------------------- */

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static int read_options(struct restore *restore, const struct sme_restore *request,
                        struct sme_error *err)
{
    const struct pg_restore_options *options = restore->options;

    restore->replace = (request->flags & SME_RESTORE_REPLACE) != 0;
    restore->no_owner = (request->flags & SME_RESTORE_NO_OWNER) != 0;
    restore->jobs = options->jobs < 1                 ? 1
                    : options->jobs > RESTORE_WORKERS ? RESTORE_WORKERS
                                                      : (size_t)options->jobs;
    if (!given(options->into)) {
        return sme_fail(err, SME_E_INVALID, "--into names no server");
    }
    if (!given(options->table)) {
        return SME_OK;
    }
    if (!given(options->database)) {
        (void)sme_fail(err, SME_E_INVALID, "--table '%s' without a database to take it from",
                       options->table);
        return restore_hint(err, "add --database NAME");
    }
    return names_split(options->table, &restore->schema, &restore->table, err);
}

static int find_server(struct restore *restore, const struct pg_options *options,
                       struct sme_error *err)
{
    /* Where the source's own server lies says nothing about this one. */
    const struct pg_options look = {.mode = PG_DUMP};
    struct server *server = &restore->server;

    int status = server_from_conninfo(restore->host, restore->options->into, options->passfile,
                                      options->bin_dir, options->system_user, server, err);
    if (status < 0) {
        (void)restore_hint(err, "write it as 'host=/run/postgresql dbname=NAME' or as a URI");
        return status;
    }
    if (given(restore->options->database)) {
        restore->into_database = server->database;
        server->database = NULL;
    }
    status = server_look(server, &look, err);
    if (status == SME_OK && server->in_recovery) {
        (void)sme_fail(err, SME_E_UNSUPPORTED,
                       "the server at %s is a replica: nothing can be "
                       "restored into it",
                       server->place);
        status = restore_hint(err, "restore into its primary");
    }
    if (status == SME_OK) {
        status = server_program(server, "pg_restore", &restore->pg_restore, err);
    }
    if (status == SME_OK) {
        restore->env = server_environment(server);
        status = restore->env != NULL ? SME_OK : restore_no_memory(err);
    }
    return status;
}

/* A scratch folder that cannot be used is found out before anything is made. */
static int try_scratch(struct restore *restore, struct sme_error *err)
{
    struct restore_temp file = {NULL, -1};

    if (restore->jobs > 1 && restore->table == NULL && !given(restore->options->scratch)) {
        restore->host->log(restore->host, SME_LOG_WARNING,
                           "workers side by side read archives from files: without --scratch "
                           "DIR one alone does it");
        restore->jobs = 1;
    }
    if (restore->jobs == 1 && restore->table == NULL) {
        return SME_OK;
    }
    int status = restore_temp_new(restore, "try", &file, err);
    restore_temp_remove(restore, &file);
    return status;
}

static void forget_item(struct restore *restore)
{
    child_free(restore->child);
    child_free(restore->settings);
    restore->child = restore->settings = NULL;
    restore_scan_kill(restore);
    restore_temp_remove(restore, &restore->list);
    restore_temp_remove(restore, &restore->spool);
    free(restore->kept);
    restore->kept = NULL;
    restore->kept_len = restore->kept_room = 0;
    free(restore->item);
    restore->item = NULL;
}

static void free_restore(struct restore *restore)
{
    forget_item(restore);
    restore_workers_kill(restore);
    restore_scratch_remove(restore);
    restore_database_forget(restore);
    for (size_t i = 0; i < restore->seen_count; i++) {
        free(restore->seen[i]);
    }
    free(restore->seen);
    free(restore->schema);
    free(restore->table);
    free(restore->into_database);
    free(restore->pg_restore);
    free(restore->env);
    server_done(&restore->server);
    free(restore);
}

int restore_open(const struct sme_host *host, const struct pg_options *options,
                 const struct sme_restore *request, struct restore **ret_restore,
                 struct sme_error *err)
{
    struct restore *restore = calloc(1, sizeof *restore);

    if (restore == NULL) {
        return restore_no_memory(err);
    }
    restore->host = host;
    restore->options = request->config;
    restore->folder_fd = -1;
    int status = read_options(restore, request, err);
    if (status == SME_OK) {
        status = find_server(restore, options, err);
    }
    if (status == SME_OK) {
        status = try_scratch(restore, err);
    }
    if (status < 0) {
        free_restore(restore);
        return status;
    }
    *ret_restore = restore;
    return SME_OK;
}

/* ---- items -------------------------------------------------------------------------------- */

static const char *extra_of(const struct sme_item *item, const char *name)
{
    for (size_t i = 0; i < item->extra_count; i++) {
        if (strcmp(item->extras[i].name, name) == 0) {
            return item->extras[i].value;
        }
    }
    return NULL;
}

/* It, or something in it. */
static bool is_below(const struct sme_item *item, const char *folder)
{
    size_t len = strlen(folder);

    return item->path_len >= len && memcmp(item->path, folder, len) == 0 &&
           (item->path_len == len || item->path[len] == '/');
}

static bool find_part(const char *name, enum restore_part *ret_part)
{
    static const struct {
        const char *name;
        enum restore_part part;
    } parts[] = {
        {"all", RESTORE_ALL},     {"pre-data", RESTORE_PRE_DATA},   {"data", RESTORE_DATA},
        {"table", RESTORE_TABLE}, {"post-data", RESTORE_POST_DATA},
    };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(parts[i].name, name) == 0) {
            *ret_part = parts[i].part;
            return true;
        }
    }
    return false;
}

static int remember(struct restore *restore, const char *name, struct sme_error *err)
{
    if (restore->seen_count > 0 && strcmp(restore->seen[restore->seen_count - 1], name) == 0) {
        return SME_OK;
    }
    char **seen = realloc(restore->seen, (restore->seen_count + 1) * sizeof *seen);
    char *copy = seen != NULL ? strdup(name) : NULL;
    if (seen != NULL) {
        restore->seen = seen;
    }
    if (copy == NULL) {
        return restore_no_memory(err);
    }
    restore->seen[restore->seen_count++] = copy;
    return SME_OK;
}

/* 1: it is wanted. */
static int want_globals(struct restore *restore)
{
    if (given(restore->options->database)) {
        return 0;
    }
    if (restore->no_owner) {
        restore->host->log(restore->host, SME_LOG_INFO,
                           "roles and tablespaces are not taken back: --no-owner");
        return 0;
    }
    restore->part = RESTORE_GLOBALS;
    restore->way = RESTORE_KEEP;
    return 1;
}

static int start_archive(struct restore *restore, struct sme_error *err)
{
    if (restore->table != NULL && restore->part != RESTORE_TABLE) {
        restore->way = RESTORE_SCAN;
        return restore_scan_start(restore, err);
    }
    if (restore->table == NULL &&
        (restore->part == RESTORE_ALL || restore->part == RESTORE_PRE_DATA)) {
        int status = restore_settings_start(restore, err);
        if (status < 0) {
            return status;
        }
    }
    if (restore->table == NULL && restore->jobs > 1 && restore->part != RESTORE_PRE_DATA) {
        restore->way = RESTORE_SPOOL;
        return restore_temp_new(restore, "archive", &restore->spool, err);
    }
    restore->way = RESTORE_FEED;
    return restore_start(restore, NULL, 1, NULL, &restore->child, err);
}

/* 1: it is wanted, and its database is ready for it. */
static int want_archive(struct restore *restore, const struct sme_item *item, const char *name,
                        struct sme_error *err)
{
    struct restore_database *database = &restore->database;
    int status = SME_OK;

    if (database->name == NULL || strcmp(database->name, name) != 0) {
        status = restore_database_begin(restore, name, item, err);
    }
    if (status < 0) {
        return status;
    }
    database->split = restore->part != RESTORE_ALL;
    if (restore->table != NULL && restore->part == RESTORE_TABLE) {
        const char *schema = extra_of(item, "pg.schema");
        const char *table = extra_of(item, "pg.table");
        if (schema == NULL || table == NULL || !toc_wants_table(&database->wanted, schema, table)) {
            return 0;
        }
    }
    return 1;
}

static int want_item(struct restore *restore, const struct sme_item *item, struct sme_error *err)
{
    const char *part = extra_of(item, "pg.part");
    const char *name = extra_of(item, "pg.database");

    if (is_below(item, "data") || is_below(item, "tablespaces")) {
        (void)sme_fail(err, SME_E_UNSUPPORTED, "this snapshot is a physical backup");
        return restore_hint(err, "restore it with --to DIR and start PostgreSQL there; see "
                                 "sme-backup-postgresql(5)");
    }
    if (item->type != SME_ITEM_FILE) {
        return 0;
    }
    if (is_below(item, "cluster/globals.sql")) {
        return want_globals(restore);
    }
    if (part == NULL || name == NULL) {
        return 0;
    }
    int status = remember(restore, name, err);
    if (status < 0 || !find_part(part, &restore->part)) {
        return status;
    }
    if (given(restore->options->database) && strcmp(restore->options->database, name) != 0) {
        return 0;
    }
    restore->matched = true;
    return want_archive(restore, item, name, err);
}

int restore_item(struct restore *restore, const struct sme_item *item, struct sme_error *err)
{
    int wanted = want_item(restore, item, err);

    if (wanted <= 0) {
        return wanted;
    }
    restore->item = strndup(item->path, item->path_len);
    int status = restore->item == NULL              ? restore_no_memory(err)
                 : restore->part == RESTORE_GLOBALS ? SME_OK
                                                    : start_archive(restore, err);
    if (status < 0) {
        forget_item(restore);
        return status;
    }
    return 1;
}

int restore_data(struct restore *restore, const void *buf, size_t len, struct sme_error *err)
{
    int status = restore_settings_data(restore, buf, len, err);

    if (status < 0) {
        return status;
    }
    switch (restore->way) {
    case RESTORE_KEEP:
        return restore_keep(restore, buf, len, err);
    case RESTORE_FEED:
        return restore_feed(restore, buf, len, err);
    case RESTORE_SPOOL:
        return restore_temp_write(restore, &restore->spool, buf, len, err);
    case RESTORE_SCAN:
        return restore_scan_data(restore, buf, len, err);
    case RESTORE_DISCARD:
        break;
    }
    return SME_OK;
}

/* All of it lies in the spool. */
static int restore_spooled(struct restore *restore, struct sme_error *err)
{
    if (restore->part == RESTORE_DATA || restore->part == RESTORE_TABLE) {
        return restore_worker_start(restore, err);
    }
    int status = restore_workers_wait(restore, err);
    if (status == SME_OK) {
        status = restore_start(restore, &restore->spool, restore->jobs, NULL, &restore->child, err);
    }
    return status < 0 ? status : restore_judge(restore, &restore->child, restore->item, err);
}

static int finish_item(struct restore *restore, struct sme_error *err)
{
    int status = SME_OK;

    if (restore->way == RESTORE_KEEP) {
        return restore_roles(restore, err);
    }
    status = restore_settings_end(restore, err);
    if (status < 0) {
        return status;
    }
    if (restore->way == RESTORE_SPOOL) {
        status = restore_spooled(restore, err);
    } else if (restore->way == RESTORE_SCAN) {
        status = restore_scan_end(restore, err);
    }
    if (status == SME_OK && restore->way == RESTORE_FEED) {
        status = restore_judge(restore, &restore->child, restore->item, err);
    }
    if (status == SME_OK && (restore->part == RESTORE_ALL || restore->part == RESTORE_POST_DATA)) {
        restore->database.ended = true;
    }
    return status;
}

int restore_item_end(struct restore *restore, int outcome, struct sme_error *err)
{
    int status = outcome == SME_COMMIT ? finish_item(restore, err) : SME_OK;

    forget_item(restore);
    return status;
}

/* ---- close -------------------------------------------------------------------------------- */

static int nothing_matched(const struct restore *restore, struct sme_error *err)
{
    size_t used = 0;

    if (!given(restore->options->database)) {
        (void)sme_fail(err, SME_E_NOT_FOUND, "the snapshot has no databases");
        return restore_hint(err, "'sme-backup ls' shows what it has");
    }
    (void)sme_fail(err, SME_E_NOT_FOUND, "the snapshot has no database '%s'",
                   restore->options->database);
    if (restore->seen_count == 0 || err == NULL) {
        return restore_hint(err, "it has none at all");
    }
    used = (size_t)snprintf(err->hint, sizeof err->hint, "it has:");
    for (size_t i = 0; i < restore->seen_count && used < sizeof err->hint; i++) {
        used += (size_t)snprintf(err->hint + used, sizeof err->hint - used, "%s '%s'",
                                 i > 0 ? "," : "", restore->seen[i]);
    }
    return SME_E_NOT_FOUND;
}

int restore_close(struct restore *restore, int outcome, struct sme_error *err)
{
    int status = SME_OK;

    forget_item(restore);
    if (outcome == SME_COMMIT) {
        status = restore_database_end(restore, err);
        if (status == SME_OK && !restore->matched) {
            status = nothing_matched(restore, err);
        }
    }
    if (outcome != SME_COMMIT || status < 0) {
        restore_workers_kill(restore);
        restore_database_mourn(restore);
    }
    free_restore(restore);
    return status;
}
