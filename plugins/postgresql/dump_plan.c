/*
 * What is to be yielded of a database, and its beginning: one snapshot, one pg_dump or three.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "dump_internal.h"

#include <stdlib.h>

#define ATTEMPTS 5 /* at a snapshot that DDL does not get in the way of */

/* ---- steps -------------------------------------------------------------------------------- */

/* Takes ${path}. */
static void add_step(struct dump_database *database, bool folder, enum dump_part part,
                     const struct dump_table *table, char *path)
{
    database->steps[database->step_count++] =
        (struct dump_step){.folder = folder, .part = part, .table = table, .path = path};
}

static int check_steps(const struct dump_database *database, struct sme_error *err)
{
    for (size_t i = 0; i < database->step_count; i++) {
        if (database->steps[i].path == NULL) {
            return dump_no_memory(err);
        }
    }
    return SME_OK;
}

void dump_plan_free(struct dump_database *database)
{
    for (size_t i = 0; i < database->step_count; i++) {
        free(database->steps[i].path);
    }
    free(database->steps);
    database->steps = NULL;
    database->step_count = database->step_at = 0;
}

/*
 * The first three streams of a split database begin together, so that the definitions are read
 * while nothing has changed yet; then the tables, biggest first.  The facts come last: counting
 * takes locks that last, and a pg_dump that starts after that could wait for somebody who waits
 * for us.
 */
static int plan_database(struct dump_database *database, struct sme_error *err)
{
    const char *file = database->file;

    database->steps = calloc(database->table_count + 8, sizeof *database->steps);
    if (database->steps == NULL) {
        return dump_no_memory(err);
    }
    if (!database->split) {
        add_step(database, false, DUMP_ALL, NULL, dump_text("databases/%s.dump", file));
    } else {
        bool has_tables = false;
        add_step(database, true, DUMP_ALL, NULL, dump_text("databases/%s", file));
        add_step(database, false, DUMP_PRE_DATA, NULL,
                 dump_text("databases/%s/1-pre-data.dump", file));
        add_step(database, false, DUMP_POST_DATA, NULL,
                 dump_text("databases/%s/4-post-data.dump", file));
        add_step(database, false, DUMP_DATA, NULL, dump_text("databases/%s/2-data.dump", file));
        for (size_t i = 0; i < database->table_count; i++) {
            const struct dump_table *table = &database->tables[i];
            if (table->file == NULL) {
                continue;
            }
            if (!has_tables) {
                add_step(database, true, DUMP_ALL, NULL, dump_text("databases/%s/3-tables", file));
                has_tables = true;
            }
            add_step(database, false, DUMP_TABLE, table,
                     dump_text("databases/%s/3-tables/%s.dump", file, table->file));
        }
    }
    add_step(database, false, DUMP_FACTS, NULL, dump_text("databases/%s.json", file));
    return check_steps(database, err);
}

int dump_plan_cluster(struct dump *dump, struct sme_error *err)
{
    struct dump_database *cluster = &dump->cluster;

    cluster->steps = calloc(3, sizeof *cluster->steps);
    if (cluster->steps == NULL) {
        return dump_no_memory(err);
    }
    add_step(cluster, true, DUMP_ALL, NULL, strdup("cluster"));
    add_step(cluster, false, DUMP_GLOBALS, NULL, strdup("cluster/globals.sql"));
    add_step(cluster, true, DUMP_ALL, NULL, strdup("databases"));
    return check_steps(cluster, err);
}

/* ---- databases ---------------------------------------------------------------------------- */

int dump_start(struct dump *dump, struct dump_database *database, struct dump_step *step,
               struct sme_error *err)
{
    struct dump_stream *stream = NULL;
    int status =
        dump_stream_start(dump, database != &dump->cluster ? database : NULL, step, &stream, err);

    if (status == SME_OK) {
        dump_register(dump, stream);
        step->stream = stream;
    }
    return status;
}

static bool starts_at_once(enum dump_part part)
{
    return part == DUMP_ALL || part == DUMP_PRE_DATA || part == DUMP_POST_DATA || part == DUMP_DATA;
}

static int start_first(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    int status = SME_OK;

    for (size_t i = 0; i < database->step_count && status == SME_OK; i++) {
        if (!database->steps[i].folder && starts_at_once(database->steps[i].part)) {
            status = dump_start(dump, database, &database->steps[i], err);
        }
    }
    return status;
}

/* Nothing of it has been handed out. */
static void take_back(struct dump *dump, struct dump_database *database)
{
    for (size_t i = 0; i < database->step_count; i++) {
        if (database->steps[i].stream != NULL) {
            dump_close(dump, database->steps[i].stream);
            database->steps[i].stream = NULL;
        }
    }
    dump_plan_free(database);
    dump_session_close(database);
}

/* 1 and *ret_what: DDL came between the snapshot and pg_dump, which began as ${began} says. */
static int look_for_ddl(struct dump *dump, struct dump_database *database, int began,
                        char **ret_what, struct sme_error *err)
{
    int changed = dump_session_changed(dump, database, NULL, ret_what, err);

    return changed != 0 ? changed
                        : dump_session_renamed(dump, database, NULL, began < 0, ret_what, err);
}

/* 1: another snapshot is worth a try; ${err} says why this was none. */
static int try_database(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    struct sme_error ignored = {.struct_size = sizeof ignored};
    char *what = NULL;
    int status = dump_session_open(dump, database, err);

    if (status < 0) {
        return status;
    }
    status = plan_database(database, err);
    if (status == SME_OK) {
        status = start_first(dump, database, err);
    }
    if (status == SME_E_CANCELLED || status == SME_E_NO_MEMORY) {
        take_back(dump, database);
        return status;
    }
    int changed = look_for_ddl(dump, database, status, &what, status < 0 ? &ignored : err);
    if (changed > 0) {
        dump->host->log(dump->host, SME_LOG_INFO,
                        "%s in database '%s' while its dump began: taking another snapshot", what,
                        database->label);
        if (status == SME_OK) {
            (void)sme_fail(
                err, SME_E_IO,
                "pg_dump of database '%s' failed: %s while the dump began, %d times in a row",
                database->label, what, ATTEMPTS);
            (void)snprintf(
                err->hint, sizeof err->hint,
                "run the backup while no program keeps on truncating, dropping or renaming tables");
        }
    } else if (status == SME_E_CHANGED) {
        dump->host->log(dump->host, SME_LOG_INFO, "%s: taking another snapshot", err->message);
        changed = 1;
    } else if (status == SME_OK && changed < 0) {
        status = changed;
    }
    free(what);
    if (changed > 0 || status < 0) {
        take_back(dump, database);
    }
    return changed > 0 ? 1 : status;
}

int dump_plan_database(struct dump *dump, struct dump_database *database, struct sme_error *err)
{
    struct sme_error own = {.struct_size = sizeof own};
    int status = 1;

    err = err != NULL ? err : &own;
    for (int i = 0; i < ATTEMPTS && status == 1; i++) {
        status = try_database(dump, database, err);
    }
    if (status == 1) { /* the last attempt has said why */
        status = err->status == SME_E_CHANGED ? dump_failed(err) : err->status;
    }
    return status;
}
