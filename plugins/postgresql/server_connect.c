/*
 * Connections to the server, made as the system user that it expects.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The credentials of a thread are its own: what the C library does to all threads at once, the
 * system call does to the one that makes it.  A short-lived thread becomes the system user and
 * connects, so that the server sees that user at the other end of its socket; the process stays
 * what it is.
 */
#include "server_internal.h"

#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_SECONDS 15
#define CONNECT_SECONDS_MAX 3600
#define SLICE_MS 500
#define GROUPS_MAX 256
#define NS_PER_SECOND INT64_C(1000000000)

/* The calls for one thread; the plain names are those of 16-bit numbers on some machines. */
#ifdef SYS_setgroups32
#define CALL_SETGROUPS SYS_setgroups32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETRESUID SYS_setresuid32
#else
#define CALL_SETGROUPS SYS_setgroups
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETRESUID SYS_setresuid
#endif

/* Nobody's limits, and one meaning of every name and value. */
static const struct {
    int since; /* version of the server */
    const char *sql;
} settings[] = {
    {0, "SET search_path = pg_catalog; SET row_security = off;"
        "SET DateStyle = ISO; SET IntervalStyle = postgres; SET extra_float_digits = 3;"
        "SET synchronize_seqscans = off; SET statement_timeout = 0; SET lock_timeout = 0;"
        "SET idle_in_transaction_session_timeout = 0"},
    {140000, "SET idle_session_timeout = 0"},
    {170000, "SET transaction_timeout = 0"},
};

struct connecting {
    const struct server *server;
    const char *conninfo;
    gid_t groups[GROUPS_MAX];
    int group_count;
    PGconn *conn;
    int status;
    struct sme_error *err;
};

int64_t server_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int server_wait(const struct server *server, const PGconn *conn, bool for_write, int64_t until_ns,
                struct sme_error *err)
{
    for (;;) {
        struct pollfd fd = {.fd = PQsocket(conn), .events = for_write ? POLLOUT : POLLIN};
        if (server->host->cancelled(server->host)) {
            return sme_fail(err, SME_E_CANCELLED, "cancelled");
        }
        if (fd.fd < 0) {
            (void)sme_fail(err, SME_E_UNREACHABLE, "the connection to the server at %s was lost",
                           server->place);
            return server_hint(err, "see the server's log, then run it again");
        }
        int64_t left_ms = until_ns != 0 ? (until_ns - server_now_ns()) / 1000000 : SLICE_MS;
        if (left_ms <= 0) {
            (void)sme_fail(err, SME_E_UNREACHABLE,
                           "cannot connect to the server at %s: it did not answer in time",
                           server->place);
            return server_hint(err, "is it up, and no firewall before it? connect_timeout in "
                                    "connection gives it more seconds");
        }
        int ready = poll(&fd, 1, left_ms < SLICE_MS ? (int)left_ms : SLICE_MS);
        if (ready > 0) {
            return SME_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return sme_fail_errno(err, SME_E_IO, "cannot wait for the server at %s", server->place);
        }
    }
}

/* What connect_timeout of the conninfo says; libpq leaves the clock to who polls. */
static int64_t seconds_to_connect(PGconn *conn)
{
    PQconninfoOption *list = PQconninfo(conn);
    int64_t seconds = CONNECT_SECONDS;

    for (const PQconninfoOption *o = list; o != NULL && o->keyword != NULL; o++) {
        if (strcmp(o->keyword, "connect_timeout") == 0 && o->val != NULL && o->val[0] != '\0') {
            long given = strtol(o->val, NULL, 10);
            seconds = given > 0 && given < CONNECT_SECONDS_MAX ? given : CONNECT_SECONDS_MAX;
        }
    }
    PQconninfoFree(list);
    return seconds;
}

/* In the thread that connects. */
static int connect_here(struct connecting *c)
{
    const struct server *server = c->server;
    PGconn *conn = PQconnectStart(c->conninfo);

    if (conn == NULL) {
        return server_no_memory(c->err);
    }
    c->conn = conn;
    /* Puts the SQLSTATE into the message: its words may be in any language. */
    (void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    int64_t until = server_now_ns() + seconds_to_connect(conn) * NS_PER_SECOND;
    PostgresPollingStatusType state =
        PQstatus(conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        int status = server_wait(server, conn, state == PGRES_POLLING_WRITING, until, c->err);
        if (status < 0) {
            return status;
        }
        state = PQconnectPoll(conn);
    }
    if (state == PGRES_POLLING_FAILED) {
        return server_failure(server, conn, NULL, NULL, c->err);
    }
    (void)PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
    return SME_OK;
}

static void *connect_as_user(void *argument)
{
    struct connecting *c = argument;
    const struct server *server = c->server;

    if (syscall(CALL_SETGROUPS, (size_t)c->group_count, c->groups) < 0 ||
        syscall(CALL_SETRESGID, server->gid, server->gid, server->gid) < 0 ||
        syscall(CALL_SETRESUID, server->uid, server->uid, server->uid) < 0) {
        (void)sme_fail_errno(c->err, SME_E_DENIED, "cannot become system user '%s'", server->user);
        (void)server_hint(c->err, "root needs CAP_SETUID and CAP_SETGID for it; or start "
                                  "sme-backup as that user");
        c->status = SME_E_DENIED;
    } else {
        c->status = connect_here(c);
    }
    return NULL;
}

static int connect_anyhow(struct connecting *c)
{
    const struct server *server = c->server;
    pthread_t thread;

    if (!server->as_user) {
        return connect_here(c);
    }
    c->group_count = GROUPS_MAX;
    if (getgrouplist(server->user, server->gid, c->groups, &c->group_count) < 0) {
        c->groups[0] = server->gid;
        c->group_count = 1;
    }
    int failure = pthread_create(&thread, NULL, connect_as_user, c);
    if (failure != 0) {
        errno = failure;
        return sme_fail_errno(c->err, SME_E_NO_MEMORY, "cannot start a thread to connect");
    }
    (void)pthread_join(thread, NULL);
    return c->status;
}

/* libpq would look for these in root's home, which the system user may not even enter. */
static bool add_certificates(const struct server *server, char **text)
{
    static const char *const files[][2] = {{"sslcert", "postgresql.crt"},
                                           {"sslkey", "postgresql.key"},
                                           {"sslrootcert", "root.crt"},
                                           {"sslcrl", "root.crl"}};
    bool good = true;

    for (size_t i = 0; i < sizeof files / sizeof files[0] && good; i++) {
        if (!server_conninfo_has(*text, files[i][0])) {
            char *path = server_text("%s/.postgresql/%s", server->home, files[i][1]);
            good = path != NULL && server_conninfo_add(text, files[i][0], path);
            free(path);
        }
    }
    return good;
}

/* The file's name is no secret; what is in it never leaves libpq. */
static char *make_conninfo(const struct server *server, const char *database)
{
    char *text = strdup(server->conninfo != NULL ? server->conninfo : "");
    bool good = text != NULL && server_conninfo_add(&text, "dbname", database);

    if (good && server->passfile_path != NULL) {
        good = server_conninfo_add(&text, "passfile", server->passfile_path);
    }
    if (!good) {
        free(text);
        text = NULL;
    }
    return text;
}

static char *make_own_conninfo(const struct server *server, const char *database, bool replication)
{
    char *text = make_conninfo(server, database);
    bool good = text != NULL && server_conninfo_add(&text, "application_name", "sme-backup") &&
                (!replication || server_conninfo_add(&text, "replication", "true")) &&
                (!server->as_user || server->by_service || add_certificates(server, &text));

    if (!good) {
        free(text);
        text = NULL;
    }
    return text;
}

static void on_notice(void *argument, const PGresult *result)
{
    const struct server *server = argument;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    server->host->log(server->host, SME_LOG_DEBUG, "the server says: %s", text != NULL ? text : "");
}

static int set_session(const struct server *server, PGconn *conn, struct sme_error *err)
{
    int status = SME_OK;

    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && status == SME_OK; i++) {
        if (PQserverVersion(conn) >= settings[i].since) {
            status = server_do(server, conn, settings[i].sql, err);
        }
    }
    return status;
}

static int connect_to(const struct server *server, const char *database, bool replication,
                      PGconn **ret_conn, struct sme_error *err)
{
    struct connecting c = {.server = server, .err = err};
    char *conninfo = make_own_conninfo(server, database, replication);

    if (conninfo == NULL) {
        return server_no_memory(err);
    }
    c.conninfo = conninfo;
    int status = connect_anyhow(&c);
    free(conninfo);
    if (status == SME_OK) {
        /* The server struct outlives its connections. */
        (void)PQsetNoticeReceiver(c.conn, on_notice, (void *)(uintptr_t)server);
        if (!replication) {
            status = set_session(server, c.conn, err);
        }
    }
    if (status < 0) {
        PQfinish(c.conn);
        return status;
    }
    *ret_conn = c.conn;
    return SME_OK;
}

/* The database to begin with where none was asked for. */
static const char *first_database(const struct server *server)
{
    return server->database != NULL ? server->database : "postgres";
}

int server_connect(const struct server *server, const char *database, bool replication,
                   PGconn **ret_conn, struct sme_error *err)
{
    const char *first = database != NULL ? database : first_database(server);

    int status = connect_to(server, first, replication, ret_conn, err);
    if (status == SME_E_NOT_FOUND && database == NULL && server->database == NULL && !replication) {
        status = connect_to(server, "template1", replication, ret_conn, err);
    }
    return status;
}

/* ---- client programs ---------------------------------------------------------------------- */

char *server_dbname(const struct server *server, const char *database)
{
    return make_conninfo(server, database != NULL ? database : first_database(server));
}

const char **server_environment(const struct server *server)
{
    char *home = server_text("HOME=%s", server->home != NULL ? server->home : "/");
    char *passfile = server->passfile_path != NULL
                         ? server_text("PGPASSFILE=%s", server->passfile_path)
                         : server_text("PGPASSFILE=%s/.pgpass", server->home);
    const char *service = getenv("PGSERVICEFILE");
    char *services =
        server->by_service && service != NULL ? server_text("PGSERVICEFILE=%s", service) : NULL;
    const char *const texts[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "LC_ALL=C",
        "TZ=UTC",
        "PGAPPNAME=sme-backup",
        "PGCONNECT_TIMEOUT=15",
        "PGOPTIONS=-c statement_timeout=0 -c lock_timeout=0 -c "
        "idle_in_transaction_session_timeout=0",
        home,
        passfile,
        services,
    };
    const size_t count = sizeof texts / sizeof texts[0];
    size_t size = (count + 1) * sizeof(char *);
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        size += texts[i] != NULL ? strlen(texts[i]) + 1 : 0;
    }
    const char **list = home != NULL && passfile != NULL ? malloc(size) : NULL;
    char *to = (char *)(list != NULL ? list + count + 1 : NULL);
    for (size_t i = 0; i < count && list != NULL; i++) {
        if (texts[i] != NULL) {
            size_t len = strlen(texts[i]) + 1;
            list[used++] = memcpy(to, texts[i], len);
            to += len;
        }
    }
    if (list != NULL) {
        list[used] = NULL;
    }
    free(home);
    free(passfile);
    free(services);
    return list;
}

void server_spec(const struct server *server, const char *const *env, struct child_spec *spec)
{
    spec->host = server->host;
    spec->env = env;
    spec->as_user = server->as_user;
    spec->uid = server->uid;
    spec->gid = server->gid;
    spec->user = server->user;
}
