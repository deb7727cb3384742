/*
 * Queries, and what the server says when they fail.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "server_internal.h"

#include <stdlib.h>

/* Class of a failure by its SQLSTATE, and what to do about it. */
static const struct {
    const char *state; /* the beginning of one */
    int status;
    const char *hint;
} classes[] = {
    {"28P01", SME_E_DENIED, "correct the password in the file that passfile names"},
    {"28", SME_E_DENIED,
     "see pg_hba.conf of the server; with peer authentication, system_user must be the role's "
     "system user"},
    {"42501", SME_E_DENIED,
     "use a superuser, or GRANT pg_read_all_data to the role (a physical backup needs "
     "REPLICATION)"},
    {"3D000", SME_E_NOT_FOUND, "'psql --list' shows the databases"},
    {"42703", SME_E_NOT_FOUND, "somebody changed the table meanwhile: run it again"},
    {"53300", SME_E_UNREACHABLE, "raise max_connections, or lower jobs"},
    {"53100", SME_E_NO_SPACE, "make room on the server's disk"},
    {"53200", SME_E_NO_MEMORY, "the server is out of memory"},
    {"53", SME_E_IO, "see the server's log"},
    {"57P03", SME_E_UNREACHABLE, "run it again when the server is up"},
    {"57P0", SME_E_UNREACHABLE,
     "the server or an administrator ended the connection: run it again"},
    {"57014", SME_E_IO, "the statement was cancelled by the server or somebody else"},
    {"55P03", SME_E_BUSY, "somebody holds a lock: run it again, or raise lock_wait"},
    {"40P01", SME_E_BUSY, "a deadlock: run it again"},
    {"08", SME_E_UNREACHABLE, "run it again when the server can be reached"},
    {"XX001", SME_E_CORRUPT, "the server reports damaged data: see its log, check its disks"},
    {"XX002", SME_E_CORRUPT, "the server reports a damaged index: REINDEX it"},
};

/* The SQLSTATE that a verbose message of a refused connection has: "FATAL:  28000: ...".  Returns
 * the text behind it, or NULL. */
static const char *find_state(const char *text, char state[static 6])
{
    for (const char *at = strstr(text, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        const char *code = at + 3;
        if (strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && code[5] == ':') {
            memcpy(state, code, 5);
            state[5] = '\0';
            return code + 6 + strspn(code + 6, " ");
        }
    }
    return NULL;
}

/* What a connection without an answer of the server has to say; host and port are told before. */
static const char *skip_place(const char *text)
{
    const char *mark = strstr(text, "failed: ");

    return mark != NULL ? mark + strlen("failed: ") : text;
}

static const char *first_line(const char *text, char *out, size_t size)
{
    size_t len = strcspn(text, "\n");

    (void)snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), text);
    return out;
}

/* A failure as the server or libpq tells it. */
struct told {
    char state[6]; /* SQLSTATE, "" if there is none */
    char text[256];
    char detail[160];
    bool lost;
    bool wants_password;
};

static void listen_to(const PGconn *conn, const PGresult *result, bool connecting,
                      struct told *told)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary =
        result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *detail = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
    const char *whole = PQerrorMessage(conn);

    memset(told, 0, sizeof *told);
    told->lost = PQstatus(conn) == CONNECTION_BAD;
    told->wants_password = connecting && PQconnectionNeedsPassword(conn) != 0;
    if (state != NULL) {
        (void)snprintf(told->state, sizeof told->state, "%s", state);
    }
    if (primary == NULL) {
        const char *behind = connecting ? find_state(whole, told->state) : NULL;
        primary = behind != NULL ? behind : connecting ? skip_place(whole) : whole;
    }
    (void)first_line(primary[0] != '\0' ? primary : "no reason was given", told->text,
                     sizeof told->text);
    (void)first_line(detail != NULL ? detail : "", told->detail, sizeof told->detail);
}

static void classify(const struct server *server, const struct told *told, bool connecting,
                     int *ret_status, const char **ret_hint)
{
    *ret_status = told->lost ? SME_E_UNREACHABLE : SME_E_IO;
    *ret_hint = !told->lost ? "see the server's log"
                : connecting
                    ? "does it run, and are host (its name, or the folder of its socket), port and "
                      "sslmode of the connection right?"
                    : "the connection was lost: see the server's log, then run it again";
    if (told->wants_password && told->state[0] == '\0') {
        *ret_status = SME_E_DENIED;
        *ret_hint = "write the password into a file in the form of .pgpass that the system user "
                    "can read and nobody else, and name it with passfile";
        return;
    }
    for (size_t i = 0; told->state[0] != '\0' && i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(told->state, classes[i].state, strlen(classes[i].state)) == 0) {
            *ret_status = classes[i].status;
            *ret_hint = classes[i].hint;
            break;
        }
    }
    if (strcmp(told->state, "42501") == 0 && connecting) {
        *ret_hint = "GRANT CONNECT ON DATABASE to the role, or use a superuser";
    } else if (strcmp(told->state, "42501") == 0 && server->version > 0 &&
               server->version < 140000) {
        *ret_hint = "use a superuser, or GRANT SELECT to the role (a physical backup needs "
                    "REPLICATION)";
    } else if (strcmp(told->state, "57014") == 0 && server->host->cancelled(server->host)) {
        *ret_status = SME_E_CANCELLED;
    }
}

int server_failure(const struct server *server, const PGconn *conn, const PGresult *result,
                   const char *what, struct sme_error *err)
{
    const char *place = server->place != NULL ? server->place : "its place";
    const char *hint = "";
    struct told told;
    int status = SME_E_IO;

    listen_to(conn, result, what == NULL, &told);
    classify(server, &told, what == NULL, &status, &hint);
    const char *open = told.detail[0] != '\0' ? " (" : "";
    const char *close = told.detail[0] != '\0' ? ")" : "";
    if (what != NULL) {
        (void)sme_fail(err, status, "%s failed on the server at %s: %s%s%s%s", what, place,
                       told.text, open, told.detail, close);
    } else {
        (void)sme_fail(err, status, "cannot connect to the server at %s: %s%s%s%s", place,
                       told.text, open, told.detail, close);
    }
    (void)server_hint(err, "%s", hint);
    return status;
}

/* Ask the server to stop what it is doing; its answer is not waited for. */
static void cancel_query(PGconn *conn)
{
    PGcancel *cancel = PQgetCancel(conn);
    char ignored[256];

    if (cancel != NULL) {
        (void)PQcancel(cancel, ignored, sizeof ignored);
        PQfreeCancel(cancel);
    }
}

static bool has_failed(const PGresult *result)
{
    ExecStatusType state = PQresultStatus(result);

    return state == PGRES_FATAL_ERROR || state == PGRES_BAD_RESPONSE;
}

/* The last result of what was sent; the others are dropped. */
static int take_result(const struct server *server, PGconn *conn, PGresult **ret_result,
                       struct sme_error *err)
{
    PGresult *last = NULL;

    for (;;) {
        while (PQisBusy(conn)) {
            int status = server_wait(server, conn, false, 0, err);
            if (status < 0) {
                cancel_query(conn);
                PQclear(last);
                return status;
            }
            if (PQconsumeInput(conn) == 0) {
                break;
            }
        }
        PGresult *result = PQgetResult(conn);
        if (result == NULL) {
            break;
        }
        /* The first failure of several statements is the one that counts. */
        if (last != NULL && has_failed(last)) {
            PQclear(result);
            continue;
        }
        PQclear(last);
        last = result;
        /* Copying is the caller's; asked again, libpq would say the same for ever. */
        ExecStatusType state = PQresultStatus(result);
        if (state == PGRES_COPY_OUT || state == PGRES_COPY_IN || state == PGRES_COPY_BOTH) {
            break;
        }
    }
    *ret_result = last;
    return SME_OK;
}

static int query(const struct server *server, PGconn *conn, const char *what, const char *sql,
                 size_t count, const char *const *values, PGresult **ret_result,
                 struct sme_error *err)
{
    PGresult *result = NULL;

    int sent = count > 0 ? PQsendQueryParams(conn, sql, (int)count, NULL, values, NULL, NULL, 0)
                         : PQsendQuery(conn, sql);
    if (sent == 0) {
        return server_failure(server, conn, NULL, what, err);
    }
    int status = take_result(server, conn, &result, err);
    if (status < 0) {
        return status;
    }
    if (result == NULL || has_failed(result)) {
        status = server_failure(server, conn, result, what, err);
        PQclear(result);
        return status;
    }
    *ret_result = result;
    return SME_OK;
}

int server_query(const struct server *server, PGconn *conn, const char *sql, size_t count,
                 const char *const *values, PGresult **ret_result, struct sme_error *err)
{
    char what[80];

    (void)snprintf(what, sizeof what, "'%.60s%s'", sql, strlen(sql) > 60 ? "..." : "");
    return query(server, conn, what, sql, count, values, ret_result, err);
}

int server_do_as(const struct server *server, PGconn *conn, const char *what, const char *sql,
                 struct sme_error *err)
{
    PGresult *result = NULL;

    int status = query(server, conn, what, sql, 0, NULL, &result, err);
    if (status == SME_OK) {
        PQclear(result);
    }
    return status;
}

int server_do(const struct server *server, PGconn *conn, const char *sql, struct sme_error *err)
{
    PGresult *result = NULL;

    int status = server_query(server, conn, sql, 0, NULL, &result, err);
    if (status == SME_OK) {
        PQclear(result);
    }
    return status;
}
