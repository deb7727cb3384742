/*
 * What the files of server*.c share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_POSTGRESQL_SERVER_INTERNAL_H
#define SME_POSTGRESQL_SERVER_INTERNAL_H

#include "server.h"

#define SERVER_OLDEST 12
#define SERVER_NEWEST 18 /* newer ones may do, but nobody has tried */

int server_no_memory(struct sme_error *err);
/* Set the hint of ${err} and return its status. */
int server_hint(struct sme_error *err, const char *fmt, ...) SME_PRINTF(2, 3);
/* As asprintf(); NULL when there is no memory. */
char *server_text(const char *fmt, ...) SME_PRINTF(1, 2);

/* Append "keyword='value'" with quotes and backslashes escaped; *text grows.  False: no memory. */
bool server_conninfo_add(char **text, const char *keyword, const char *value);

/* Whether ${text} has ${keyword} as the above writes it. */
bool server_conninfo_has(const char *text, const char *keyword);

/* Take a connection string apart: place, user, database; refuses passwords.  ${what} names it in
 * messages. */
int server_take_conninfo(struct server *server, const char *what, const char *text,
                         const char *system_user, struct sme_error *err);
/* Replace server->conninfo by what libpq made of it with its environment and service file: client
 * programs, which have neither, then reach the same server. */
int server_resolve(struct server *server, PGconn *conn, struct sme_error *err);
/* "socket '/run/postgresql', port 5432" into server->place. */
int server_describe(struct server *server, const char *host, const char *port,
                    struct sme_error *err);
/* As root: become ${name} if it is given, else the owner of ${path} (may be NULL).  Fills home. */
int server_choose_user(struct server *server, const char *name, const char *path,
                       struct sme_error *err);
/* Which file holds passwords: fills passfile_path. */
int server_find_passfile(struct server *server, struct sme_error *err);

/* Find the client programs: server->bin_dir and client_version. */
int server_find_tools(struct server *server, struct sme_error *err);

/* Now, by the clock that nobody sets. */
int64_t server_now_ns(void);
/* Wait until the socket of ${conn} can be read (or written): polls host->cancelled().  ${until_ns}
 * by server_now_ns(), 0: without end. */
int server_wait(const struct server *server, const PGconn *conn, bool for_write, int64_t until_ns,
                struct sme_error *err);

#endif
