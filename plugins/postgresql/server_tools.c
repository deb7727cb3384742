/*
 * The client programs: pg_dump and its like, of the server's version or a newer one.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "server_internal.h"

#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

/* Where the packages of the distributions and of PostgreSQL itself put them. */
static const char *const patterns[] = {
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
};

#define OUTPUT_MAX 4096

struct search {
    struct server *server;
    const char **env;
    char *best; /* folder */
    int best_version;
    int newest; /* that was found at all */
};

/* "pg_dump (PostgreSQL) 15.20 (Debian ...)" or "17beta1": 15 or 17, or 0. */
static int parse_version(const char *text)
{
    const char *mark = strstr(text, "(PostgreSQL) ");
    long major = mark != NULL ? strtol(mark + strlen("(PostgreSQL) "), NULL, 10) : 0;

    return major > 0 && major < 1000 ? (int)major : 0;
}

/* The major version of pg_dump in ${folder}; 0: there is none that runs. */
static int version_in(const struct search *search, const char *folder, struct sme_error *err)
{
    char *path = server_text("%s/pg_dump", folder);
    const char *const argv[] = {path, "--version", NULL};
    struct child_spec spec = {.argv = argv, .has_stdout = true};
    char *text = NULL;
    int version = 0;

    if (path != NULL && access(path, X_OK) == 0) {
        server_spec(search->server, (const char *const *)search->env, &spec);
        int status = child_output(&spec, OUTPUT_MAX, &text, NULL, err);
        if (status == SME_OK) {
            version = parse_version(text);
        } else if (status == SME_E_CANCELLED) {
            version = status;
        }
        free(text);
    }
    free(path);
    return version;
}

static int look_in(struct search *search, const char *folder, struct sme_error *err)
{
    int needed = search->server->version / 10000;

    if (search->best != NULL && search->best_version == needed) {
        return SME_OK; /* no other can be better */
    }
    int version = version_in(search, folder, err);
    if (version < 0) {
        return version;
    }
    if (version > search->newest) {
        search->newest = version;
    }
    if (version < needed || (search->best != NULL && version >= search->best_version)) {
        return SME_OK;
    }
    char *copy = strdup(folder);
    if (copy == NULL) {
        return server_no_memory(err);
    }
    free(search->best);
    search->best = copy;
    search->best_version = version;
    return SME_OK;
}

/* Behind the others: what is there may be a wrapper that chooses a version by itself. */
static int look_in_path(struct search *search, struct sme_error *err)
{
    const char *path = getenv("PATH");
    int status = SME_OK;

    for (const char *at = path != NULL ? path : "/usr/local/bin:/usr/bin:/bin";
         *at != '\0' && status == SME_OK;) {
        size_t len = strcspn(at, ":");
        char *folder = *at == '/' ? strndup(at, len) : NULL;
        if (folder != NULL) {
            status = look_in(search, folder, err);
        }
        free(folder);
        at += len + (at[len] == ':');
    }
    return status;
}

static int look_everywhere(struct search *search, struct sme_error *err)
{
    int status = SME_OK;

    if (search->server->bin_option != NULL) {
        return look_in(search, search->server->bin_option, err);
    }
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0] && status == SME_OK; i++) {
        glob_t found;
        if (glob(patterns[i], GLOB_ONLYDIR, NULL, &found) == 0) {
            for (size_t j = 0; j < found.gl_pathc && status == SME_OK; j++) {
                status = look_in(search, found.gl_pathv[j], err);
            }
            globfree(&found);
        }
    }
    return status == SME_OK ? look_in_path(search, err) : status;
}

int server_find_tools(struct server *server, struct sme_error *err)
{
    struct search search = {.server = server};
    int needed = server->version / 10000;

    search.env = server_environment(server);
    if (search.env == NULL) {
        return server_no_memory(err);
    }
    int status = look_everywhere(&search, err);
    free(search.env);
    if (status == SME_OK && search.best == NULL) {
        if (search.newest > 0) {
            (void)sme_fail(
                err, SME_E_UNSUPPORTED,
                "pg_dump here is of version %d, too old for the server at %s, which is %d",
                search.newest, server->place, needed);
        } else if (server->bin_option != NULL) {
            (void)sme_fail(err, SME_E_UNSUPPORTED, "bin_dir '%s' has no pg_dump that runs",
                           server->bin_option);
        } else {
            (void)sme_fail(err, SME_E_UNSUPPORTED, "there is no pg_dump on this host");
        }
        status = server_hint(err,
                             "install the client programs (Debian: apt-get install "
                             "postgresql-client-%d), or name their folder with bin_dir",
                             needed);
    }
    if (status < 0) {
        free(search.best);
        return status;
    }
    free(server->bin_dir);
    server->bin_dir = search.best;
    server->client_version = search.best_version;
    return SME_OK;
}

int server_program(const struct server *server, const char *name, char **ret_path,
                   struct sme_error *err)
{
    char *path = server_text("%s/%s", server->bin_dir, name);

    if (path == NULL) {
        return server_no_memory(err);
    }
    if (access(path, X_OK) < 0) {
        (void)sme_fail_errno(err, SME_E_UNSUPPORTED, "cannot run '%s'", path);
        free(path);
        return server_hint(err, "install all client programs of PostgreSQL %d",
                           server->client_version);
    }
    *ret_path = path;
    return SME_OK;
}
