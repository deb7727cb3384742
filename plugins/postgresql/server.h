/*
 * The server: where it is, whether it is the right one, and how to talk to it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Run as root, connections are made and programs are run as the system user who owns the data
 * directory (or the server's socket, or ${system_user}), so that peer authentication works while
 * the process itself, which writes into the repository, stays what it is.
 */
#ifndef SME_POSTGRESQL_SERVER_H
#define SME_POSTGRESQL_SERVER_H

#include "../lib/child.h"
#include "options.h"

#include <libpq-fe.h>

struct server {
    const struct sme_host *host;
    const char *passfile;   /* of the options; NULL: none        */
    const char *bin_option; /* bin_dir of the options; NULL      */
    char *conninfo;         /* all that was given or found, without dbname and password */
    char *database;         /* dbname of the conninfo; NULL: none was given */
    char *place;            /* for messages: "socket '/run/postgresql', port 5432"      */
    /* the system user to be when this process is root */
    bool as_user;
    uid_t uid;
    gid_t gid;
    char *user;
    char *home;          /* of the user that connects                         */
    char *passfile_path; /* file with passwords that is used; NULL: none      */
    bool by_service;     /* the conninfo names a service, which libpq resolves */
    /* after server_look() */
    int version; /* 150020 */
    bool in_recovery;
    bool is_superuser;
    bool may_replicate;
    uint64_t system_identifier;
    char *data_directory; /* what the server says; NULL if it does not tell this role */
    char *bin_dir;        /* of the client programs of at least the server's version  */
    int client_version;   /* of pg_dump */
};

/* Find it: data_directory's postmaster.pid, or connection, or libpq's defaults.  Only looks at
 * files.  "connection" with a password is refused (hint: passfile). */
int server_find(const struct sme_host *host, const struct pg_options *options,
                struct server *ret_server, struct sme_error *err);
/* The same for a destination that is a conninfo string alone. */
int server_from_conninfo(const struct sme_host *host, const char *conninfo, const char *passfile,
                         const char *bin_dir, const char *system_user, struct server *ret_server,
                         struct sme_error *err);
void server_done(struct server *server);

/* Connect to ${database} (NULL: the one named in the conninfo, else postgres, else template1) with
 * application_name=sme-backup and the session settings that a dump needs: no time limits,
 * search_path of pg_catalog only, row_security off, ISO dates.  ${replication}: a connection for
 * replication commands instead, without settings.  Notices go to host->log at debug level. */
int server_connect(const struct server *server, const char *database, bool replication,
                   PGconn **ret_conn, struct sme_error *err);

/* Ask who it is: versions, recovery, privileges, identity; refuse one whose data directory is
 * another than ${options->data_directory}; find the client programs (Debian's
 * /usr/lib/postgresql/N/bin, /usr/pgsql-N/bin, PATH, bin_dir) and refuse those that are older than
 * the server.  For a physical backup a replication connection is tried.  Everything that can be
 * known to be wrong is said here, before anything is read.  Afterwards ${conninfo} is what libpq
 * made of it with environment and service file, pinned to the host that has answered. */
int server_look(struct server *server, const struct pg_options *options, struct sme_error *err);

/* The full name of a client program ("pg_dump"), to be freed. */
int server_program(const struct server *server, const char *name, char **ret_path,
                   struct sme_error *err);
/* What a program needs to reach ${database}: "dbname=..." for its --dbname, to be freed.  Never
 * holds a password. */
char *server_dbname(const struct server *server, const char *database);
/* Environment of client programs: PATH, HOME, LC_ALL=C, TZ=UTC, PGPASSFILE, PGAPPNAME, PGOPTIONS;
 * no secret.  One allocation, ends with NULL. */
const char **server_environment(const struct server *server);
/* Fill host, as_user, uid, gid, user and env of ${spec}. */
void server_spec(const struct server *server, const char *const *env, struct child_spec *spec);

/* ---- queries ------------------------------------------------------------------------------- */

/* Run ${sql} with text parameters (or none: count 0).  SME_OK and a result to be cleared, or the
 * server's message.  While it waits it polls host->cancelled() and then cancels the query.
 * The beginning of a COPY is a result too; what follows it is the caller's. */
int server_query(const struct server *server, PGconn *conn, const char *sql, size_t count,
                 const char *const *values, PGresult **ret_result, struct sme_error *err);
/* As above, when no rows are of interest. */
int server_do(const struct server *server, PGconn *conn, const char *sql, struct sme_error *err);
/* As above; a failure shows ${what} in place of the statement. */
int server_do_as(const struct server *server, PGconn *conn, const char *what, const char *sql,
                 struct sme_error *err);
/* Text from the server as the failure of ${what}, class by SQLSTATE; ${result} NULL: the
 * connection's own message. */
int server_failure(const struct server *server, const PGconn *conn, const PGresult *result,
                   const char *what, struct sme_error *err);

/* A database that is to be dumped. */
struct pg_database {
    char *name;
    char *owner, *encoding, *collate, *ctype;
    char *provider;       /* of the locale: "libc", "icu", "builtin" */
    char *locale, *rules; /* of another provider than libc; or ""   */
    uint64_t size;
    unsigned oid;
};
/* Those that allow connections, are no templates and match the options' patterns, by name in byte
 * order.  A pattern without wildcards that matches none is SME_E_NOT_FOUND. */
int server_databases(const struct server *server, const struct pg_options *options, PGconn *conn,
                     struct pg_database **ret_list, size_t *ret_count, struct sme_error *err);
void server_databases_free(struct pg_database *list, size_t count);

#endif
