/*
 * The program of the command source: where it lies, and its environment.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "program.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ------------------------------------------------------------------ where it lies ------------ */

/* 0, or the errno that says why not. */
static int try_program(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

static int fail_found(const char *path, int cause, struct sme_error *err)
{
    bool absent = cause == ENOENT || cause == ENOTDIR;
    errno = cause;
    int status = sme_fail_errno(err, absent ? SME_E_NOT_FOUND : SME_E_DENIED,
                                "program '%s' cannot be run", path);
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "%s",
                       absent ? "install it, or correct the option 'command'"
                              : "it must be a file that this user may execute");
    return status;
}

static int look_in_path(const char *word, char **ret_path, struct sme_error *err)
{
    const char *places = getenv("PATH");
    int denied = 0;
    if (places == NULL || places[0] == '\0')
        places = USUAL_PATH;
    for (const char *at = places;; at++) {
        size_t len = strcspn(at, ":");
        char *path = NULL;
        /* folders that are relative change with the working directory */
        if (at[0] == '/' && asprintf(&path, "%.*s/%s", (int)len, at, word) < 0)
            return sme_fail(err, SME_E_NO_MEMORY, "out of memory for program '%s'", word);
        int cause = path != NULL ? try_program(path) : ENOENT;
        if (path != NULL && cause == 0) {
            *ret_path = path;
            return SME_OK;
        }
        free(path);
        denied = cause == EACCES ? EACCES : denied;
        at += len;
        if (*at == '\0')
            break;
    }
    if (denied != 0)
        return fail_found(word, denied, err);
    (void)sme_fail(err, SME_E_NOT_FOUND, "program '%s' is in no folder of PATH", word);
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint,
                       "install it, or give its absolute path in the option 'command'");
    return SME_E_NOT_FOUND;
}

static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return len > 0;
}

int program_find(const char *word, char **ret_path, struct sme_error *err)
{
    size_t name_len = strcspn(word, "=");
    if (word[name_len] == '=' && is_name(word, name_len)) {
        (void)sme_fail(err, SME_E_INVALID, "option 'command': '%.*s=' is no program",
                       (int)(name_len > 100 ? 100 : name_len), word);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "variables belong into the option 'environment'");
        return SME_E_INVALID;
    }
    if (word[0] != '\0' && strchr(word, '/') == NULL)
        return look_in_path(word, ret_path, err);
    if (word[0] != '/') {
        (void)sme_fail(err, SME_E_INVALID, "option 'command': program '%s' is relative", word);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "give an absolute path, or a name that is looked for in PATH");
        return SME_E_INVALID;
    }
    int cause = try_program(word);
    if (cause != 0)
        return fail_found(word, cause, err);
    char *path = strdup(word);
    if (path == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for program '%s'", word);
    *ret_path = path;
    return SME_OK;
}

/* ------------------------------------------------------------------ environment -------------- */

struct environment {
    char **list; /* room for all that can come, and NULL */
    size_t count;
};

static bool has_name(const struct environment *environment, const char *name, size_t len)
{
    for (size_t i = 0; i < environment->count; i++)
        if (strncmp(environment->list[i], name, len) == 0 && environment->list[i][len] == '=')
            return true;
    return false;
}

static int add_given(struct environment *environment, const char *entry, struct sme_error *err)
{
    size_t len = strcspn(entry, "=");
    const char *cause = NULL;
    if (entry[len] != '=' || !is_name(entry, len))
        cause = "is not of the form NAME=VALUE";
    else if (has_name(environment, entry, len))
        cause = "is there twice";
    if (cause != NULL) {
        /* without the value, which may be something that must not be shown */
        (void)sme_fail(err, SME_E_INVALID, "option 'environment': '%.*s' %s",
                       (int)(len > 100 ? 100 : len), entry, cause);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "separate the entries by commas, or write one per line");
        return SME_E_INVALID;
    }
    environment->list[environment->count] = strdup(entry);
    if (environment->list[environment->count] == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for option 'environment'");
    environment->count++;
    return SME_OK;
}

static int add_inherited(struct environment *environment, const char *name, const char *otherwise,
                         struct sme_error *err)
{
    const char *value = getenv(name);
    if (value == NULL)
        value = otherwise;
    if (value == NULL || has_name(environment, name, strlen(name)))
        return SME_OK;
    if (asprintf(&environment->list[environment->count], "%s=%s", name, value) < 0) {
        environment->list[environment->count] = NULL;
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for the environment");
    }
    environment->count++;
    return SME_OK;
}

int program_environment(const struct sme_list *more, char ***ret_list, struct sme_error *err)
{
    static const char *const others[] = {"LANG", "LC_ALL", "TZ"};
    const size_t other_count = sizeof others / sizeof others[0];
    struct environment environment = {
        .list = calloc(more->count + other_count + 5, sizeof(char *)),
    };
    struct passwd entry;
    struct passwd *found = NULL;
    char text[4096];
    if (environment.list == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for the environment");
    /* A service of the system has none of the three, and programs look there for passwords. */
    if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) != 0)
        found = NULL;
    const char *user = found != NULL ? found->pw_name : NULL;
    int status = SME_OK;
    for (size_t i = 0; status == SME_OK && i < more->count; i++)
        status = add_given(&environment, more->items[i], err);
    if (status == SME_OK)
        status = add_inherited(&environment, "PATH", USUAL_PATH, err);
    if (status == SME_OK)
        status = add_inherited(&environment, "HOME", found != NULL ? found->pw_dir : NULL, err);
    if (status == SME_OK)
        status = add_inherited(&environment, "USER", user, err);
    if (status == SME_OK)
        status = add_inherited(&environment, "LOGNAME", user, err);
    for (size_t i = 0; status == SME_OK && i < other_count; i++)
        status = add_inherited(&environment, others[i], NULL, err);
    if (status != SME_OK) {
        program_environment_free(environment.list);
        return status;
    }
    *ret_list = environment.list;
    return SME_OK;
}

void program_environment_free(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}
