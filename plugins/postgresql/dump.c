/*
 * Logical backups: whose turn it is, and how many streams may be open.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Everything is started in the thread that calls dump_next(); sessions are used there alone, except
 * that the one who closes the last stream of a database ends its session.
 */
#include "dump_internal.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SLICE_NS 200000000 /* of waiting for a stream to be closed */

/* ---- small helpers ------------------------------------------------------------------------ */

char *dump_label(const char *name)
{
    char *label = strndup(name, DUMP_LABEL);

    for (char *at = label; at != NULL && *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
    return label;
}

int dump_no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "out of memory for a dump");
}

char *dump_text(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    int len = vasprintf(&text, fmt, ap);
    va_end(ap);
    return len < 0 ? NULL : text;
}

/* ---- streams that are open ---------------------------------------------------------------- */

static void lock(struct dump *dump)
{
    (void)pthread_mutex_lock(&dump->lock);
}

static void unlock(struct dump *dump)
{
    (void)pthread_mutex_unlock(&dump->lock);
}

/* Wait until one more stream may be opened. */
static int wait_for_room(struct dump *dump, struct sme_error *err)
{
    int64_t most = dump->options->jobs > 0 ? dump->options->jobs : 1;
    int status = SME_OK;

    lock(dump);
    while (dump->open >= most) {
        struct timespec until;
        if (dump->host->cancelled(dump->host)) {
            status = sme_fail(err, SME_E_CANCELLED, "the dump was cancelled");
            break;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += SLICE_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&dump->closed, &dump->lock, &until);
    }
    unlock(dump);
    return status;
}

int dump_failed(struct sme_error *err)
{
    if (err != NULL) {
        err->status = SME_E_IO;
    }
    return SME_E_IO;
}

void dump_register(struct dump *dump, struct dump_stream *stream)
{
    lock(dump);
    stream->next = dump->streams;
    dump->streams = stream;
    if (stream->database != NULL) {
        stream->database->open++;
    }
    unlock(dump);
}

/* It is handed out now.  Facts come from memory and do not count. */
static void count_stream(struct dump *dump, struct dump_stream *stream)
{
    lock(dump);
    if (stream->part != DUMP_FACTS) {
        stream->is_counted = true;
        dump->open++;
    }
    unlock(dump);
}

void dump_close(struct dump *dump, struct dump_stream *stream)
{
    PGconn *conn = NULL;

    if (stream == NULL) {
        return;
    }
    lock(dump);
    struct dump_stream **at = &dump->streams;
    while (*at != NULL && *at != stream) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = stream->next;
    }
    struct dump_database *database = stream->database;
    if (database != NULL && --database->open == 0 && database->is_yielded) {
        conn = database->conn;
        database->conn = NULL;
    }
    unlock(dump);
    PQfinish(conn);
    bool counted = stream->is_counted;
    dump_stream_free(stream);
    if (counted) {
        /* Only now: the child is gone, and so is its place at the server. */
        lock(dump);
        dump->open--;
        (void)pthread_cond_broadcast(&dump->closed);
        unlock(dump);
    }
}

int64_t dump_read(struct dump *dump, struct dump_stream *stream, void *buf, size_t len,
                  struct sme_error *err)
{
    return dump_stream_read(dump, stream, buf, len, err);
}

/* ---- items -------------------------------------------------------------------------------- */

static const char *part_name(enum dump_part part)
{
    switch (part) {
    case DUMP_PRE_DATA:
        return "pre-data";
    case DUMP_DATA:
        return "data";
    case DUMP_TABLE:
        return "table";
    case DUMP_POST_DATA:
        return "post-data";
    case DUMP_FACTS:
        return "facts";
    case DUMP_ALL:
    case DUMP_GLOBALS:
        break;
    }
    return "all";
}

static void add_extra(struct dump *dump, const char *name, const char *value)
{
    if (value != NULL && dump->extra_count < DUMP_EXTRAS) {
        dump->extras[dump->extra_count++] = (struct sme_extra){.name = name, .value = value};
    }
}

static void fill_extras(struct dump *dump, const struct dump_database *database,
                        const struct dump_step *step, struct sme_item *item)
{
    dump->extra_count = 0;
    if (database != &dump->cluster && !step->folder) {
        add_extra(dump, "pg.database", database->info->name);
        add_extra(dump, "pg.version", database->version);
        add_extra(dump, "pg.lsn", database->lsn);
        add_extra(dump, "pg.encoding", database->info->encoding);
        add_extra(dump, "pg.collate", database->info->collate);
        add_extra(dump, "pg.ctype", database->info->ctype);
        if (strcmp(database->info->provider, "libc") != 0) {
            add_extra(dump, "pg.locale_provider", database->info->provider);
            add_extra(dump, "pg.locale", database->info->locale);
            add_extra(dump, "pg.icu_rules", database->info->rules);
        }
        add_extra(dump, "pg.owner", database->info->owner);
        add_extra(dump, "pg.part", part_name(step->part));
        if (step->table != NULL) {
            add_extra(dump, "pg.schema", step->table->schema);
            add_extra(dump, "pg.table", step->table->name);
        }
    }
    item->extras = dump->extras;
    item->extra_count = dump->extra_count;
}

static uint64_t guess_size(const struct dump_database *database, const struct dump_step *step)
{
    if (step->stream != NULL && step->stream->text != NULL) {
        return step->stream->text_len;
    }
    if (step->table != NULL) {
        return step->table->bytes;
    }
    return step->part == DUMP_ALL ? database->size : 0;
}

static void fill_item(struct dump *dump, const struct dump_database *database,
                      const struct dump_step *step, struct sme_item *item)
{
    item->type = step->folder ? SME_ITEM_DIRECTORY : SME_ITEM_FILE;
    item->flags = SME_ITEM_HAS_STAT | (step->folder ? 0 : SME_ITEM_STREAM);
    item->path = step->path;
    item->path_len = strlen(step->path);
    item->mode = step->folder ? 0700 : 0600;
    item->uid = geteuid();
    item->gid = getegid();
    item->nlink = 1;
    item->size = step->folder ? 0 : guess_size(database, step);
    item->mtime.sec = dump->started_ns / 1000000000;
    item->mtime.nsec = (uint32_t)(dump->started_ns % 1000000000);
    item->ctime = item->mtime;
    item->stream = step->stream;
    fill_extras(dump, database, step, item);
}

static void finish_database(struct dump *dump, struct dump_database *database)
{
    PGconn *conn = NULL;

    lock(dump);
    database->is_yielded = true;
    if (database->open == 0) {
        conn = database->conn;
        database->conn = NULL;
    }
    unlock(dump);
    PQfinish(conn);
}

/* A table that was rewritten since the snapshot would come out empty; one that was renamed would
 * not come out at all. */
static int check_table(struct dump *dump, struct dump_database *database,
                       const struct dump_step *step, struct sme_error *err)
{
    char *what = NULL;
    int changed = dump_session_changed(dump, database, step->table->oid, &what, err);

    if (changed == 0) {
        changed = dump_session_renamed(dump, database, step->table->oid, false, &what, err);
    }
    if (changed <= 0) {
        return changed;
    }
    (void)sme_fail(err, SME_E_IO, "pg_dump of database '%s' failed: %s before its turn came",
                   database->label, what);
    if (err != NULL) {
        (void)snprintf(err->hint, sizeof err->hint,
                       "run the backup again; raise jobs, or raise split_above so that the "
                       "database is dumped in one piece");
    }
    free(what);
    return SME_E_IO;
}

static int prepare_stream(struct dump *dump, struct dump_database *database, struct dump_step *step,
                          struct sme_error *err)
{
    struct sme_error other = {.struct_size = sizeof other};
    int status = SME_OK;

    if (step->part == DUMP_FACTS) {
        if (dump->options->row_counts == PG_ROWS_EXACT) {
            status = dump_tables_count(dump, database, err);
        }
        return status == SME_OK ? dump_start(dump, database, step, err) : status;
    }
    status = wait_for_room(dump, err);
    if (status < 0 || step->stream != NULL) {
        return status;
    }
    status = dump_start(dump, database, step, err);
    if (status == SME_E_CHANGED) { /* too late for another snapshot */
        status = dump_failed(err);
    }
    if (step->table == NULL || status == SME_E_CANCELLED) {
        return status;
    }
    /* Of two reasons the change is the better one. */
    int change = check_table(dump, database, step, &other);
    if (change == SME_E_IO || (status == SME_OK && change < 0)) {
        if (err != NULL) {
            *err = other;
        }
        return change;
    }
    return status;
}

/* 1: the next item of ${database}; 0: it has no more. */
static int next_of(struct dump *dump, struct dump_database *database, struct sme_item *item,
                   struct sme_error *err)
{
    if (database->step_at == database->step_count) {
        return 0;
    }
    struct dump_step *step = &database->steps[database->step_at];
    int status = step->folder ? SME_OK : prepare_stream(dump, database, step, err);
    if (status < 0) {
        return status;
    }
    fill_item(dump, database, step, item);
    if (step->stream != NULL) {
        count_stream(dump, step->stream);
        step->stream = NULL;
    }
    database->step_at++;
    return 1;
}

int dump_next(struct dump *dump, struct sme_item *item, struct sme_error *err)
{
    if (!dump->cluster_done) {
        int status = next_of(dump, &dump->cluster, item, err);
        if (status != 0) {
            return status;
        }
        dump->cluster_done = true;
    }
    while (dump->at < dump->count) {
        struct dump_database *database = &dump->databases[dump->at];
        if (database->steps == NULL) {
            int status = wait_for_room(dump, err);
            if (status == SME_OK) {
                status = dump_plan_database(dump, database, err);
            }
            if (status < 0) {
                return status;
            }
        }
        int status = next_of(dump, database, item, err);
        if (status != 0) {
            return status;
        }
        finish_database(dump, database);
        dump->at++;
    }
    return 0;
}

/* ---- begin and end ------------------------------------------------------------------------ */

static int find_databases(struct dump *dump, struct sme_error *err)
{
    PGconn *conn = NULL;
    int status = server_connect(dump->server, NULL, false, &conn, err);

    if (status < 0) {
        return status;
    }
    status = server_databases(dump->server, dump->options, conn, &dump->list, &dump->count, err);
    /* pg_dumpall would take a name with '=' for a connection string. */
    const char *name = PQdb(conn);
    if (status == SME_OK && name != NULL && strpbrk(name, "=:/") == NULL) {
        dump->globals_database = strdup(name);
    }
    PQfinish(conn);
    if (status < 0) {
        return status;
    }
    dump->databases = calloc(dump->count + 1, sizeof *dump->databases);
    if (dump->databases == NULL) {
        return dump_no_memory(err);
    }
    for (size_t i = 0; i < dump->count; i++) {
        dump->databases[i].info = &dump->list[i];
    }
    return SME_OK;
}

static int begin_inside(struct dump *dump, struct sme_error *err)
{
    int status = server_program(dump->server, "pg_dump", &dump->pg_dump, err);

    if (status == SME_OK) {
        status = server_program(dump->server, "pg_dumpall", &dump->pg_dumpall, err);
    }
    if (status == SME_OK) {
        status = find_databases(dump, err);
    }
    if (status == SME_OK) {
        dump->env = server_environment(dump->server);
        status = dump->env != NULL ? dump_plan_cluster(dump, err) : dump_no_memory(err);
    }
    if (status == SME_OK && !dump->server->is_superuser) {
        dump->host->log(dump->host, SME_LOG_INFO,
                        "the role is no superuser: 'cluster/globals.sql' has the roles without "
                        "their passwords");
    }
    return status;
}

int dump_begin(const struct server *server, const struct pg_options *options,
               struct dump **ret_dump, struct sme_error *err)
{
    struct dump *dump = calloc(1, sizeof *dump);
    pthread_condattr_t attr;

    if (dump == NULL) {
        return dump_no_memory(err);
    }
    dump->server = server;
    dump->options = options;
    dump->host = server->host;
    dump->started_ns = dump->host->realtime_ns(dump->host);
    (void)pthread_mutex_init(&dump->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&dump->closed, &attr);
    (void)pthread_condattr_destroy(&attr);
    int status = begin_inside(dump, err);
    if (status < 0) {
        dump_free(dump);
        return status;
    }
    *ret_dump = dump;
    return SME_OK;
}

void dump_free(struct dump *dump)
{
    if (dump == NULL) {
        return;
    }
    while (dump->streams != NULL) {
        dump_close(dump, dump->streams);
    }
    for (size_t i = 0; dump->databases != NULL && i < dump->count; i++) {
        dump_plan_free(&dump->databases[i]);
        dump_session_close(&dump->databases[i]);
    }
    dump_plan_free(&dump->cluster);
    free(dump->databases);
    server_databases_free(dump->list, dump->count);
    free(dump->globals_database);
    free(dump->pg_dump);
    free(dump->pg_dumpall);
    free(dump->env);
    (void)pthread_cond_destroy(&dump->closed);
    (void)pthread_mutex_destroy(&dump->lock);
    free(dump);
}
