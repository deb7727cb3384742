/*
 * Roles and tablespaces: what pg_dumpall wrote goes through psql.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_internal.h"

#include <stdlib.h>

static const char error_mark[] = "ERROR:  ";
static const char exists_state[] = "42710"; /* duplicate_object */

/* "psql:<stdin>:14: ERROR:  42710: role "x" already exists": what is not of that kind is a problem.
 * The lines around it are not shown, for they could have a password in them. */
static void tell_errors(const struct restore *restore, const char *errors)
{
    const struct sme_host *host = restore->host;
    char text[500];

    for (const char *line = errors; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *mark = memmem(line, len, error_mark, sizeof error_mark - 1);
        if (mark != NULL) {
            const char *state = mark + sizeof error_mark - 1;
            size_t left = len - (size_t)(state - line);
            if (strncmp(state, exists_state, sizeof exists_state - 1) != 0) {
                size_t skip = left > 7 && state[5] == ':' ? 7 : 0;
                left = left - skip > 480 ? 480 : left - skip;
                (void)snprintf(text, sizeof text, "%.*s", (int)left, state + skip);
                host->problem(host, restore->item, strlen(restore->item), text);
            }
        } else if (strncmp(line, "[", 1) == 0 && memmem(line, len, "left out]", 9) != NULL) {
            (void)snprintf(text, sizeof text,
                           "psql said so much that not every message could be looked at");
            host->problem(host, restore->item, strlen(restore->item), text);
        }
        line += len + (line[len] == '\n' ? 1 : 0);
    }
}

static int fail(const struct restore *restore, const struct child *child,
                const struct child_end *end, struct sme_error *err)
{
    /* The first line may be one of a role that is there already: the last has the reason. */
    const char *last = strrchr(end->errors, '\n');

    last = last != NULL ? last + 1 : end->errors;
    if (end->exit_code == 2) {
        (void)sme_fail(err, SME_E_UNREACHABLE, "restoring '%s' failed: %.300s", restore->item,
                       last);
        return restore_hint(err, "some roles may be there now; restoring again does no harm");
    }
    return child_fail(child, end, err);
}

int restore_roles(struct restore *restore, struct sme_error *err)
{
    struct server *server = &restore->server;
    PGconn *conn = NULL;
    struct child *child = NULL;
    struct child_end end;
    char *program = NULL, *place = NULL, *dbname = NULL;

    /* Whichever database can be reached: the same one for psql. */
    int status = server_connect(server, NULL, false, &conn, err);
    if (status < 0) {
        return status;
    }
    place = server_dbname(server, PQdb(conn));
    PQfinish(conn);
    if (place == NULL || asprintf(&dbname, "--dbname=%s", place) < 0) {
        free(place);
        return restore_no_memory(err);
    }
    free(place);
    status = server_program(server, "psql", &program, err);
    if (status == SME_OK) {
        const char *const argv[] = {program,         "--no-psqlrc", "--quiet",
                                    "--no-password", "--file=-",    "--set=VERBOSITY=verbose",
                                    dbname,          NULL};
        struct child_spec spec = {.argv = argv, .has_stdin = true};
        server_spec(server, restore->env, &spec);
        status = child_start(&spec, &child, err);
    }
    if (status == SME_OK) {
        status = child_write(child, restore->kept, restore->kept_len, err);
    }
    if (status == SME_OK || status == SME_E_IO) {
        if (child != NULL) {
            status = child_wait(child, &end, err);
        }
    }
    if (status == SME_OK) {
        status = end.exit_code == 0 ? SME_OK : fail(restore, child, &end, err);
    }
    if (status == SME_OK) {
        tell_errors(restore, end.errors);
    }
    child_free(child);
    free(program);
    free(dbname);
    return status;
}
