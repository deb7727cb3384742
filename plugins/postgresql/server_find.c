/*
 * Where the server is: from its data directory, from a connection string, or by libpq's defaults.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "server_internal.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIDFILE_MAX 4096
#define PASSWD_MAX 16384 /* of one entry of the user database */

/* ---- the system user ---------------------------------------------------------------------- */

static int take_user(struct server *server, const struct passwd *user, struct sme_error *err)
{
    server->user = strdup(user->pw_name);
    if (server->user == NULL) {
        return server_no_memory(err);
    }
    server->uid = user->pw_uid;
    server->gid = user->pw_gid;
    server->as_user = true;
    return SME_OK;
}

static int named_user(struct server *server, const char *name, struct sme_error *err)
{
    char *buf = malloc(PASSWD_MAX);
    struct passwd entry, *user = NULL;
    int status = SME_OK;

    if (buf == NULL) {
        return server_no_memory(err);
    }
    if (getpwnam_r(name, &entry, buf, PASSWD_MAX, &user) != 0 || user == NULL) {
        (void)sme_fail(err, SME_E_INVALID, "system_user '%s' does not exist", name);
        status = server_hint(err, "name the user that the server runs as, or remove system_user");
    } else if (geteuid() == 0 && user->pw_uid != 0) {
        status = take_user(server, user, err);
    } else if (user->pw_uid != geteuid()) {
        (void)sme_fail(err, SME_E_DENIED, "only root can reach the server as system user '%s'",
                       name);
        status = server_hint(err, "start sme-backup as root, or remove system_user");
    }
    free(buf);
    return status;
}

static int owner_of(struct server *server, const char *path, struct sme_error *err)
{
    struct stat st;

    if (path == NULL || geteuid() != 0 || stat(path, &st) < 0 || st.st_uid == 0) {
        return SME_OK;
    }
    char *buf = malloc(PASSWD_MAX);
    struct passwd entry, *user = NULL;
    int status = SME_OK;
    if (buf == NULL) {
        return server_no_memory(err);
    }
    if (getpwuid_r(st.st_uid, &entry, buf, PASSWD_MAX, &user) == 0 && user != NULL) {
        status = take_user(server, user, err);
    } else {
        server->host->log(
            server->host, SME_LOG_WARNING,
            "the owner of '%s', number %u, has no name: the server is reached as root", path,
            (unsigned)st.st_uid);
    }
    free(buf);
    return status;
}

/* The home of the user that will connect: HOME may be that of whoever called sudo. */
static int find_home(struct server *server, struct sme_error *err)
{
    char *buf = malloc(PASSWD_MAX);
    struct passwd entry, *user = NULL;

    if (buf == NULL) {
        return server_no_memory(err);
    }
    uid_t uid = server->as_user ? server->uid : geteuid();
    bool found = getpwuid_r(uid, &entry, buf, PASSWD_MAX, &user) == 0 && user != NULL;
    server->home = strdup(found && user->pw_dir[0] == '/' ? user->pw_dir : "/");
    free(buf);
    return server->home != NULL ? SME_OK : server_no_memory(err);
}

int server_choose_user(struct server *server, const char *name, const char *path,
                       struct sme_error *err)
{
    int status = name != NULL && name[0] != '\0' ? named_user(server, name, err)
                                                 : owner_of(server, path, err);

    return status == SME_OK ? find_home(server, err) : status;
}

/* ---- a data directory --------------------------------------------------------------------- */

static int read_text(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? read(fd, buf, size - 1) : -1;
    int saved = errno;

    if (fd >= 0) {
        (void)close(fd);
    }
    errno = saved;
    if (got < 0) {
        return -1;
    }
    buf[got] = '\0';
    return 0;
}

static int not_running(const char *folder, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_UNREACHABLE, "the server of data directory '%s' is not running",
                   folder);
    return server_hint(err, "start it; for a server in a container name its place with connection; "
                            "the files of a stopped one are for the filesystem source");
}

/* Look at what must be there; then postmaster.pid into ${buf}. */
static int read_pidfile(const char *folder, char *buf, size_t size, struct sme_error *err)
{
    char *path = server_text("%s/PG_VERSION", folder);
    int status = SME_OK;

    if (path == NULL) {
        return server_no_memory(err);
    }
    if (access(path, F_OK) < 0) {
        if (errno == EACCES) {
            (void)sme_fail_errno(err, SME_E_DENIED, "cannot look into data_directory '%s'", folder);
            status = server_hint(err, "start sme-backup as root or as the user that owns it");
        } else {
            (void)sme_fail(err, SME_E_NOT_FOUND,
                           "'%s' is not a PostgreSQL data directory: it has no PG_VERSION", folder);
            status = server_hint(err, "'show data_directory' tells the server's own");
        }
    }
    free(path);
    if (status < 0) {
        return status;
    }
    path = server_text("%s/postmaster.pid", folder);
    if (path == NULL) {
        return server_no_memory(err);
    }
    if (read_text(path, buf, size) < 0) {
        status = errno == ENOENT ? not_running(folder, err)
                                 : sme_fail_errno(err, SME_E_DENIED, "cannot read '%s'", path);
    }
    free(path);
    return status;
}

/* Lines of postmaster.pid: process, folder, start, port, socket folder, address. */
static int take_pidfile(struct server *server, const char *folder, char *text,
                        struct sme_error *err)
{
    char *lines[6] = {NULL};
    size_t count = 0;

    for (char *at = text; at != NULL && count < 6; count++) {
        lines[count] = strsep(&at, "\n");
    }
    long pid = count > 0 ? strtol(lines[0], NULL, 10) : 0;
    /* Of a single-user server it is negative; in a container it may be 1. */
    if (pid < 1 || (kill((pid_t)pid, 0) < 0 && errno == ESRCH)) {
        return not_running(folder, err);
    }
    const char *port = count > 3 ? lines[3] : "";
    const char *host = count > 4 && lines[4][0] != '\0'   ? lines[4]
                       : count > 5 && lines[5][0] != '\0' ? lines[5]
                                                          : NULL;
    if (port[0] == '\0' || host == NULL) {
        (void)sme_fail(err, SME_E_UNREACHABLE,
                       "the server of data directory '%s' is still starting", folder);
        return server_hint(err, "'%s/postmaster.pid' does not tell yet where it listens", folder);
    }
    if (strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0) {
        host = "127.0.0.1";
    } else if (strcmp(host, "::") == 0) {
        host = "::1";
    }
    if (!server_conninfo_add(&server->conninfo, "host", host) ||
        !server_conninfo_add(&server->conninfo, "port", port)) {
        return server_no_memory(err);
    }
    return server_describe(server, host, port, err);
}

static int take_data_directory(struct server *server, const char *folder, const char *system_user,
                               struct sme_error *err)
{
    char text[PIDFILE_MAX];

    int status = read_pidfile(folder, text, sizeof text, err);
    if (status == SME_OK) {
        status = take_pidfile(server, folder, text, err);
    }
    if (status == SME_OK) {
        status = server_choose_user(server, system_user, folder, err);
    }
    if (status == SME_OK && server->as_user &&
        !server_conninfo_add(&server->conninfo, "user", server->user)) {
        status = server_no_memory(err);
    }
    return status;
}

/* ---- both --------------------------------------------------------------------------------- */

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* What both ways need once the place and the user are known. */
static int finish(struct server *server, int status, struct server *ret_server,
                  struct sme_error *err)
{
    if (status == SME_OK) {
        status = server_find_passfile(server, err);
    }
    if (status < 0) {
        server_done(server);
        return status;
    }
    *ret_server = *server;
    return SME_OK;
}

int server_find(const struct sme_host *host, const struct pg_options *options,
                struct server *ret_server, struct sme_error *err)
{
    const char *user = options->system_user;
    struct server server = {
        .host = host,
        .passfile = given(options->passfile) ? options->passfile : NULL,
        .bin_option = given(options->bin_dir) ? options->bin_dir : NULL,
    };

    int status = given(options->connection)
                     ? server_take_conninfo(&server, "connection", options->connection, user, err)
                 : given(options->data_directory)
                     ? take_data_directory(&server, options->data_directory, user, err)
                     : server_take_conninfo(&server, "connection", "", user, err);
    return finish(&server, status, ret_server, err);
}

int server_from_conninfo(const struct sme_host *host, const char *conninfo, const char *passfile,
                         const char *bin_dir, const char *system_user, struct server *ret_server,
                         struct sme_error *err)
{
    struct server server = {
        .host = host,
        .passfile = given(passfile) ? passfile : NULL,
        .bin_option = given(bin_dir) ? bin_dir : NULL,
    };

    int status = server_take_conninfo(&server, "--into", conninfo, system_user, err);
    return finish(&server, status, ret_server, err);
}

void server_done(struct server *server)
{
    free(server->conninfo);
    free(server->database);
    free(server->place);
    free(server->user);
    free(server->home);
    free(server->passfile_path);
    free(server->data_directory);
    free(server->bin_dir);
    memset(server, 0, sizeof *server);
}
