/*
 * Connection strings: taking them apart, writing them, and keeping passwords out of them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "server_internal.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the packages put the server's socket, then PostgreSQL itself. */
static const char *const socket_folders[] = {"/var/run/postgresql", "/run/postgresql", "/tmp"};

/* Set for each connection anew, or kept apart. */
static const char *const own_keywords[] = {"dbname", "passfile", "replication", "application_name",
                                           "fallback_application_name"};

int server_no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory for the PostgreSQL source");
}

int server_hint(struct sme_error *err, const char *fmt, ...)
{
    va_list ap;

    if (err == NULL) {
        return SME_E_INVALID;
    }
    va_start(ap, fmt);
    (void)vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    return err->status;
}

char *server_text(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0) {
        text = NULL;
    }
    va_end(ap);
    return text;
}

/* ---- writing ------------------------------------------------------------------------------ */

bool server_conninfo_add(char **text, const char *keyword, const char *value)
{
    size_t used = *text != NULL ? strlen(*text) : 0;
    size_t size = used + strlen(keyword) + 2 * strlen(value) + 8;
    char *grown = realloc(*text, size);

    if (grown == NULL) {
        return false;
    }
    *text = grown;
    int len = snprintf(grown + used, size - used, "%s%s='", used > 0 ? " " : "", keyword);
    char *to = grown + used + (size_t)len;
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\') {
            *to++ = '\\';
        }
        *to++ = *value;
    }
    *to++ = '\'';
    *to = '\0';
    return true;
}

bool server_conninfo_has(const char *text, const char *keyword)
{
    size_t len = strlen(keyword);

    for (const char *at = strstr(text, keyword); at != NULL; at = strstr(at + 1, keyword)) {
        if ((at == text || at[-1] == ' ') && at[len] == '=' && at[len + 1] == '\'') {
            return true;
        }
    }
    return false;
}

/* ---- taking apart ------------------------------------------------------------------------- */

static const char *value_of(const PQconninfoOption *list, const char *keyword)
{
    for (; list->keyword != NULL; list++) {
        if (strcmp(list->keyword, keyword) == 0) {
            return list->val != NULL && list->val[0] != '\0' ? list->val : NULL;
        }
    }
    return NULL;
}

/* The same, or what libpq will take from the environment. */
static const char *value_or_env(const PQconninfoOption *list, const char *keyword, const char *name)
{
    const char *value = value_of(list, keyword);

    if (value == NULL && value_of(list, "service") == NULL && getenv("PGSERVICE") == NULL) {
        value = getenv(name);
    }
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool is_own(const char *keyword)
{
    for (size_t i = 0; i < sizeof own_keywords / sizeof own_keywords[0]; i++) {
        if (strcmp(own_keywords[i], keyword) == 0) {
            return true;
        }
    }
    return false;
}

/* libpq marks what must not be shown; the keys of SCRAM of newer ones are as good as a password. */
static bool is_secret(const PQconninfoOption *option)
{
    return (option->dispchar != NULL && option->dispchar[0] == '*') ||
           strcmp(option->keyword, "password") == 0 ||
           strncmp(option->keyword, "scram_", strlen("scram_")) == 0;
}

int server_describe(struct server *server, const char *host, const char *port,
                    struct sme_error *err)
{
    bool is_socket = host != NULL && (host[0] == '/' || host[0] == '@');

    if (host == NULL) {
        server->place = server->by_service ? strdup("the place that the service names")
                                           : server_text("the default place, port %s",
                                                         port != NULL ? port : "5432");
    } else {
        server->place = server_text("%s '%s', port %s", is_socket ? "socket" : "host", host,
                                    port != NULL ? port : "5432");
    }
    return server->place != NULL ? SME_OK : server_no_memory(err);
}

/* Whether the socket of the server is in ${folder}: its name to be freed, or NULL. */
static char *socket_in(const char *folder, const char *port)
{
    char *path = server_text("%s/.s.PGSQL.%s", folder, port != NULL ? port : "5432");
    struct stat st;

    if (path != NULL && (stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))) {
        free(path);
        path = NULL;
    }
    return path;
}

/* The socket that this connection goes to, if it is one and there. */
static char *find_socket(const char *host, const char *port)
{
    char *path = NULL;

    if (host != NULL) {
        return host[0] == '/' ? socket_in(host, port) : NULL;
    }
    for (size_t i = 0; i < sizeof socket_folders / sizeof socket_folders[0] && path == NULL; i++) {
        path = socket_in(socket_folders[i], port);
    }
    return path;
}

/* libpq's reason may repeat a part of the text: only where that cannot be a password. */
static int refuse_text(const char *what, const char *text, const char *why, struct sme_error *err)
{
    bool tell = why != NULL && strcasestr(text, "pass") == NULL && strstr(text, "://") == NULL;

    (void)sme_fail(err, SME_E_INVALID, "%s is not a connection string%s%.*s", what,
                   tell ? ": " : "", tell ? (int)strcspn(why, "\n") : 0, tell ? why : "");
    return server_hint(err, "write it as in: host=db1 port=5432 user=backup, or as a URI "
                            "postgresql://backup@db1:5432/");
}

static int refuse_password(const char *what, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_INVALID, "%s has a password in it, which others could read", what);
    return server_hint(err,
                       "write it into a file in the form of .pgpass, and name it with passfile");
}

static bool is_place(const char *keyword)
{
    return strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
           strcmp(keyword, "port") == 0;
}

/* Set *text anew, if there is a value. */
static int take_value(char **text, const char *value, struct sme_error *err)
{
    char *copy = value != NULL ? strdup(value) : NULL;

    if (value != NULL && copy == NULL) {
        return server_no_memory(err);
    }
    if (copy != NULL) {
        free(*text);
        *text = copy;
    }
    return SME_OK;
}

/* All but secrets and what is set for each connection, into *text. */
static int take_options(const PQconninfoOption *list, bool resolved, char **text,
                        struct sme_error *err)
{
    for (const PQconninfoOption *o = list; o->keyword != NULL; o++) {
        if (o->val == NULL || o->val[0] == '\0' || is_own(o->keyword) || is_secret(o)) {
            continue;
        }
        /* Client programs may come with another libpq: no defaults that they need not know. */
        if (resolved &&
            (is_place(o->keyword) || strncmp(o->keyword, "service", strlen("service")) == 0 ||
             (o->compiled != NULL && strcmp(o->compiled, o->val) == 0))) {
            continue;
        }
        if (!server_conninfo_add(text, o->keyword, o->val)) {
            return server_no_memory(err);
        }
    }
    return SME_OK;
}

static int take_list(struct server *server, const char *what, const PQconninfoOption *list,
                     const char *system_user, struct sme_error *err)
{
    for (const PQconninfoOption *o = list; o->keyword != NULL; o++) {
        if (is_secret(o) && o->val != NULL && o->val[0] != '\0') {
            return refuse_password(what, err);
        }
    }
    server->by_service = value_of(list, "service") != NULL ||
                         (getenv("PGSERVICE") != NULL && getenv("PGSERVICE")[0] != '\0');
    const char *host = value_or_env(list, "hostaddr", "PGHOSTADDR");
    const char *port = value_or_env(list, "port", "PGPORT");
    if (host == NULL) {
        host = value_or_env(list, "host", "PGHOST");
    }
    char *socket = server->by_service && host == NULL ? NULL : find_socket(host, port);
    int status = server_choose_user(server, system_user, socket, err);
    free(socket);
    if (status == SME_OK) {
        status = server_describe(server, host, port, err);
    }
    if (status == SME_OK) {
        status = take_value(&server->database, value_of(list, "dbname"), err);
    }
    if (status == SME_OK) {
        status = take_value(&server->passfile_path, value_of(list, "passfile"), err);
    }
    if (status == SME_OK) {
        status = take_options(list, false, &server->conninfo, err);
    }
    if (status == SME_OK && server->as_user && !server->by_service &&
        value_or_env(list, "user", "PGUSER") == NULL &&
        !server_conninfo_add(&server->conninfo, "user", server->user)) {
        status = server_no_memory(err);
    }
    return status;
}

int server_take_conninfo(struct server *server, const char *what, const char *text,
                         const char *system_user, struct sme_error *err)
{
    char *why = NULL;
    PQconninfoOption *list = PQconninfoParse(text, &why);

    if (list == NULL) {
        int status = refuse_text(what, text, why, err);
        PQfreemem(why);
        return status;
    }
    int status = take_list(server, what, list, system_user, err);
    PQconninfoFree(list);
    return status;
}

int server_find_passfile(struct server *server, struct sme_error *err)
{
    struct stat st;

    if (server->passfile_path != NULL) {
        return SME_OK;
    }
    const char *env = getenv("PGPASSFILE");
    const char *path = server->passfile != NULL        ? server->passfile
                       : env != NULL && env[0] != '\0' ? env
                                                       : NULL;
    if (path != NULL || server->by_service) { /* a service may name one */
        return take_value(&server->passfile_path, path, err);
    }
    char *own = server_text("%s/.pgpass", server->home);
    if (own == NULL) {
        return server_no_memory(err);
    }
    if (stat(own, &st) == 0) {
        server->passfile_path = own;
    } else {
        free(own);
    }
    return SME_OK;
}

/* The one server of several hosts, or of several addresses of a name, that has answered: a snapshot
 * that is held there is unknown to the others. */
static int pin_place(PGconn *conn, char **text, struct sme_error *err)
{
    const char *host = PQhost(conn);
    const char *address = PQhostaddr(conn);
    const char *port = PQport(conn);
    bool good = host == NULL || host[0] == '\0' || server_conninfo_add(text, "host", host);

    if (good && address != NULL && address[0] != '\0') {
        good = server_conninfo_add(text, "hostaddr", address);
    }
    if (good && port != NULL && port[0] != '\0') {
        good = server_conninfo_add(text, "port", port);
    }
    return good ? SME_OK : server_no_memory(err);
}

int server_resolve(struct server *server, PGconn *conn, struct sme_error *err)
{
    PQconninfoOption *list = PQconninfo(conn);
    char *text = NULL;

    if (list == NULL) {
        return server_no_memory(err);
    }
    /* A service file may hold a password: then the service must stay what is named. */
    if (server->by_service && value_of(list, "password") != NULL) {
        PQconninfoFree(list);
        return SME_OK;
    }
    const char *passfile = value_of(list, "passfile");
    int status = take_options(list, true, &text, err);
    if (status == SME_OK) {
        status = pin_place(conn, &text, err);
    }
    if (status == SME_OK && server->passfile_path == NULL && passfile != NULL &&
        access(passfile, F_OK) == 0) {
        status = take_value(&server->passfile_path, passfile, err);
    }
    PQconninfoFree(list);
    if (status < 0) {
        free(text);
        return status;
    }
    free(server->conninfo);
    server->conninfo = text;
    server->by_service = false;
    char *place = server->place;
    server->place = NULL;
    const char *host = PQhost(conn);
    status =
        server_describe(server, host != NULL && host[0] != '\0' ? host : NULL, PQport(conn), err);
    if (status < 0) {
        server->place = place;
        return status;
    }
    free(place);
    return status;
}
