/*
 * What an archive has of the database itself: its settings, the rights on it, its comment.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * pg_restore has no option that yields them alone; with --create they are in its script, among
 * statements for psql.  The script has neither dollar quotes nor comments within a statement, and
 * sets standard_conforming_strings, so quotes alone tell where a statement ends: E'' doubles its
 * quotes, too.
 */
#include "settings.h"

#include <stdlib.h>

/* How those begin that set up the session, and those that are of the database. */
static const char *const of_session[] = {
    "SET client_encoding ",
    "SET standard_conforming_strings ",
    "SET SESSION AUTHORIZATION ",
    "RESET SESSION AUTHORIZATION",
};
static const char *const of_database[] = {
    "ALTER DATABASE ", "ALTER ROLE ", "COMMENT ON ", "SECURITY LABEL ", "GRANT ", "REVOKE ",
};

static bool begins_with_one(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(text, list[i], strlen(list[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Behind the quoted text that begins at ${at}, or at the end of all. */
static const char *skip_quoted(const char *at)
{
    const char *end = strchr(at + 1, *at);

    return end != NULL ? end + 1 : at + strlen(at);
}

static const char *statement_end(const char *at)
{
    while (*at != '\0' && *at != ';') {
        at = *at == '\'' || *at == '"' ? skip_quoted(at) : at + 1;
    }
    return at;
}

/* The next statement at or behind ${at}; NULL: there is none. */
static const char *find_statement(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n;");
        if (strncmp(at, "--", 2) != 0 && *at != '\\') {
            return *at != '\0' ? at : NULL;
        }
        at += strcspn(at, "\n");
    }
}

/* The name behind the word DATABASE, and its length; NULL: it has none. */
static const char *find_name(const char *statement, size_t *ret_len)
{
    static const char word[] = "DATABASE ";

    for (const char *at = statement; *at != '\0';) {
        if (*at == '\'' || *at == '"') {
            at = skip_quoted(at);
        } else if (strncmp(at, word, sizeof word - 1) == 0 && at > statement && at[-1] == ' ') {
            const char *name = at + sizeof word - 1;
            const char *end = name;
            while (*end == '"') {
                end = skip_quoted(end); /* a doubled quote is the end of one and a beginning */
            }
            end = end > name ? end : name + strcspn(name, " \n");
            *ret_len = (size_t)(end - name);
            return name;
        } else {
            at++;
        }
    }
    return NULL;
}

size_t settings_shown(const char *statement)
{
    static const char *const words[] = {" TO ", " IS ", " = "};
    size_t name_len = 0;
    const char *name = find_name(statement, &name_len);
    size_t len = strcspn(statement, "'\n");

    for (size_t i = 0; name != NULL && i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(name + name_len, words[i]);
        if (at != NULL && (size_t)(at - statement) < len) {
            len = (size_t)(at - statement);
        }
    }
    return len > 200 ? 200 : len;
}

/* Add ${len} bytes at ${statement}; their ${name} becomes ${target}, if there are both. */
static int add(struct settings *settings, char *statement, const char *name, size_t name_len,
               const char *target, struct sme_error *err)
{
    char **list = realloc(settings->list, (settings->count + 1) * sizeof *list);
    char *copy = NULL;

    if (list == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the settings of a database");
    }
    settings->list = list;
    if (name == NULL || target == NULL) {
        copy = strdup(statement);
    } else if (asprintf(&copy, "%.*s%s%s", (int)(name - statement), statement, target,
                        name + name_len) < 0) {
        copy = NULL;
    }
    if (copy == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the settings of a database");
    }
    settings->list[settings->count++] = copy;
    return SME_OK;
}

static int judge(struct settings *settings, char *statement, const char *target, bool no_roles,
                 struct sme_error *err)
{
    size_t name_len = 0;

    if (begins_with_one(statement, of_session, sizeof of_session / sizeof *of_session)) {
        return add(settings, statement, NULL, 0, NULL, err);
    }
    if (!begins_with_one(statement, of_database, sizeof of_database / sizeof *of_database)) {
        return SME_OK;
    }
    const char *name = find_name(statement, &name_len);
    if (name == NULL || strncmp(name + name_len, " OWNER TO ", 10) == 0 ||
        (no_roles && strncmp(statement, "ALTER ROLE ", 11) == 0)) {
        return SME_OK;
    }
    return add(settings, statement, name, name_len, target, err);
}

int settings_parse(const char *script, const char *target, bool no_roles,
                   struct settings *ret_settings, struct sme_error *err)
{
    struct settings settings = {NULL, 0};
    int status = SME_OK;

    for (const char *at = find_statement(script); at != NULL && status == SME_OK;) {
        const char *end = statement_end(at);
        char *statement = strndup(at, (size_t)(end - at));
        status = statement != NULL
                     ? judge(&settings, statement, target, no_roles, err)
                     : sme_fail(err, SME_E_NO_MEMORY, "no memory for the settings of a database");
        free(statement);
        at = find_statement(end);
    }
    if (status < 0) {
        settings_free(&settings);
        return status;
    }
    *ret_settings = settings;
    return SME_OK;
}

void settings_free(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        free(settings->list[i]);
    }
    free(settings->list);
    *settings = (struct settings){NULL, 0};
}
