/*
 * The databases that are to be dumped.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "names.h"
#include "server_internal.h"

#include <stdlib.h>

#define TEXTS 8

#define LIST_SQL                                                                                   \
    "SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba),"                                      \
    " pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, %s,"                   \
    " CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')"                               \
    " THEN pg_catalog.pg_database_size(d.oid) ELSE 0 END, d.oid"                                   \
    " FROM pg_catalog.pg_database d WHERE d.datallowconn AND NOT d.datistemplate"                  \
    " AND d.datconnlimit <> -2" /* left by a DROP DATABASE that was interrupted */                 \
    " ORDER BY d.datname COLLATE pg_catalog.\"C\""

/* Provider, locale and rules of it, as far as the server's version has them. */
static const char *locale_columns(int version)
{
#define PROVIDER                                                                                   \
    "CASE d.datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END, "
    if (version >= 170000) {
        return PROVIDER "d.datlocale, d.daticurules";
    }
    if (version >= 160000) {
        return PROVIDER "d.daticulocale, d.daticurules";
    }
    return version >= 150000 ? PROVIDER "d.daticulocale, NULL" : "'libc', NULL, NULL";
}

static bool matches_any(const struct sme_list *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (names_match(patterns->items[i], name)) {
            return true;
        }
    }
    return false;
}

static int fill(const PGresult *result, int row, struct pg_database *to, struct sme_error *err)
{
    char **const texts[TEXTS] = {&to->name,  &to->owner,    &to->encoding, &to->collate,
                                 &to->ctype, &to->provider, &to->locale,   &to->rules};

    for (int i = 0; i < TEXTS; i++) {
        *texts[i] = strdup(PQgetvalue(result, row, i));
        if (*texts[i] == NULL) {
            return server_no_memory(err);
        }
    }
    to->size = strtoull(PQgetvalue(result, row, TEXTS), NULL, 10);
    to->oid = (unsigned)strtoul(PQgetvalue(result, row, TEXTS + 1), NULL, 10);
    return SME_OK;
}

/* A name that was asked for must be there; a pattern may match nothing. */
static int check_names(const struct server *server, const struct sme_list *wanted,
                       const struct pg_database *list, size_t count, struct sme_error *err)
{
    for (size_t i = 0; i < wanted->count; i++) {
        bool found = strpbrk(wanted->items[i], "*?") != NULL;
        for (size_t j = 0; j < count && !found; j++) {
            found = strcmp(wanted->items[i], list[j].name) == 0;
        }
        if (!found) {
            (void)sme_fail(err, SME_E_NOT_FOUND, "the server at %s has no database '%s' to dump",
                           server->place, wanted->items[i]);
            return server_hint(err,
                               "'psql --list' shows the databases; templates and those that allow "
                               "no connections are not dumped");
        }
    }
    return SME_OK;
}

int server_databases(const struct server *server, const struct pg_options *options, PGconn *conn,
                     struct pg_database **ret_list, size_t *ret_count, struct sme_error *err)
{
    PGresult *result = NULL;
    size_t count = 0;
    char sql[sizeof LIST_SQL + 200];

    (void)snprintf(sql, sizeof sql, LIST_SQL, locale_columns(server->version));
    int status = server_query(server, conn, sql, 0, NULL, &result, err);
    if (status < 0) {
        return status;
    }
    int rows = PQntuples(result);
    struct pg_database *list = calloc((size_t)rows + 1, sizeof *list);
    if (list == NULL) {
        status = server_no_memory(err);
    }
    for (int row = 0; row < rows && status == SME_OK; row++) {
        const char *name = PQgetvalue(result, row, 0);
        if ((options->databases.count == 0 || matches_any(&options->databases, name)) &&
            !matches_any(&options->exclude_databases, name)) {
            status = fill(result, row, &list[count++], err);
        }
    }
    PQclear(result);
    if (status == SME_OK) {
        status = check_names(server, &options->databases, list, count, err);
    }
    if (status == SME_OK && count == 0) {
        (void)sme_fail(err, SME_E_NOT_FOUND, "no database of the server at %s is to be dumped",
                       server->place);
        status = server_hint(err, "see the options databases and exclude_databases");
    }
    if (status < 0) {
        server_databases_free(list, count);
        return status;
    }
    *ret_list = list;
    *ret_count = count;
    return SME_OK;
}

void server_databases_free(struct pg_database *list, size_t count)
{
    for (size_t i = 0; i < count && list != NULL; i++) {
        free(list[i].name);
        free(list[i].owner);
        free(list[i].encoding);
        free(list[i].collate);
        free(list[i].ctype);
        free(list[i].provider);
        free(list[i].locale);
        free(list[i].rules);
    }
    free(list);
}
