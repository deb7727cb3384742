/*
 * The database itself: settings, rights and comment, which pg_restore takes back only where it
 * makes the database under the name of old.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A second pg_restore reads the beginning of the same archive and writes them as a script.  They
 * are run when all else is there, for a setting could disturb that (default_transaction_read_only).
 */
#include "restore_internal.h"

#include <stdlib.h>

#define SCRIPT_MAX (16u << 20)

static void tell(const struct restore *restore, const char *text)
{
    char path[300];
    int len = snprintf(path, sizeof path, "databases/%.250s", restore->database.name);

    restore->host->problem(restore->host, path, (size_t)len, text);
}

int restore_settings_start(struct restore *restore, struct sme_error *err)
{
    /* What is of the database comes whatever is selected; of the rest, nothing has this name. */
    const char *argv[] = {restore->pg_restore,
                          "--format=custom",
                          "--create",
                          "--table=sme-backup: none",
                          "--file=-",
                          restore->no_owner ? "--no-privileges" : NULL,
                          NULL};
    struct child_spec spec = {.argv = argv, .has_stdin = true, .has_stdout = true};

    if (strpbrk(restore->database.name, "\r\n") != NULL) {
        restore->host->log(restore->host, SME_LOG_WARNING,
                           "database '%s' has a line break in its name, for which pg_restore does "
                           "not tell its settings, the rights on it and its comment",
                           restore->database.name);
        return SME_OK;
    }
    server_spec(&restore->server, restore->env, &spec);
    return child_start(&spec, &restore->settings, err);
}

static int read_script(struct restore *restore, char **ret_script, struct sme_error *err)
{
    size_t used = 0, room = 0;
    char *script = NULL;
    int64_t got = 1;

    while (got > 0) {
        if (room - used < 16384) {
            char *moved = room < SCRIPT_MAX ? realloc(script, 2 * room + 65536) : NULL;
            if (moved == NULL) {
                free(script);
                return restore_no_memory(err);
            }
            script = moved;
            room = 2 * room + 65536;
        }
        got = child_read(restore->settings, script + used, room - used - 1, err);
        used += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        free(script);
        return (int)got;
    }
    script[used] = '\0';
    *ret_script = script;
    return SME_OK;
}

/* A database that came under another name gets what was the other's. */
static int understand(struct restore *restore, const char *script, struct sme_error *err)
{
    struct restore_database *database = &restore->database;
    char *target = NULL;
    PGconn *conn = NULL;

    settings_free(&database->settings);
    if (strcmp(database->name, database->target) == 0) {
        return settings_parse(script, NULL, restore->no_owner, &database->settings, err);
    }
    int status = server_connect(&restore->server, NULL, false, &conn, err);
    if (status == SME_OK) {
        target = PQescapeIdentifier(conn, database->target, strlen(database->target));
        status = target == NULL
                     ? restore_no_memory(err)
                     : settings_parse(script, target, restore->no_owner, &database->settings, err);
    }
    PQfreemem(target);
    PQfinish(conn);
    return status;
}

/* It has ended, or all of the archive has gone to it. */
int restore_settings_end(struct restore *restore, struct sme_error *err)
{
    struct child_end end;
    char *script = NULL;

    if (restore->settings == NULL) {
        return SME_OK;
    }
    child_end_input(restore->settings);
    int status = read_script(restore, &script, err);
    if (status == SME_OK) {
        status = child_wait(restore->settings, &end, err);
    }
    if (status == SME_OK && end.exit_code == 0) {
        status = understand(restore, script, err);
    } else if (status == SME_OK) {
        char text[400];
        (void)snprintf(text, sizeof text,
                       "the settings of the database, the rights on it and its comment are not "
                       "taken back: pg_restore could not tell them: %.200s",
                       end.errors);
        tell(restore, text);
    }
    free(script);
    child_free(restore->settings);
    restore->settings = NULL;
    return status;
}

int restore_settings_data(struct restore *restore, const void *buf, size_t len,
                          struct sme_error *err)
{
    if (restore->settings == NULL) {
        return SME_OK;
    }
    int status = child_write(restore->settings, buf, len, err);
    /* It does not read on when it knows what the archive has. */
    return status == SME_E_IO ? restore_settings_end(restore, err) : status;
}

/* One that fails is a problem; a server that is gone is a failure. */
static int run_one(struct restore *restore, PGconn *conn, const char *statement,
                   struct sme_error *err)
{
    struct sme_error own = {.struct_size = sizeof own};
    char what[220];

    (void)snprintf(what, sizeof what, "'%.*s'", (int)settings_shown(statement), statement);
    int status = server_do_as(&restore->server, conn, what, statement, &own);
    if (status == SME_OK) {
        return SME_OK;
    }
    if (status == SME_E_CANCELLED || status == SME_E_NO_MEMORY || PQstatus(conn) != CONNECTION_OK) {
        (void)sme_fail(err, status, "%s", own.message);
        return restore_hint(err, "%s", own.hint);
    }
    tell(restore, own.message);
    return SME_OK;
}

int restore_settings_apply(struct restore *restore, struct sme_error *err)
{
    struct settings *settings = &restore->database.settings;
    PGconn *conn = NULL;
    int status = SME_OK;

    /* From the database itself: that is whose encoding the server gives to its comment. */
    if (settings->count > 0) {
        status = server_connect(&restore->server, restore->database.target, false, &conn, err);
    }
    for (size_t i = 0; i < settings->count && status == SME_OK; i++) {
        status = run_one(restore, conn, settings->list[i], err);
    }
    PQfinish(conn);
    settings_free(settings);
    return status;
}
