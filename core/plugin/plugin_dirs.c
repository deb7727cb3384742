/*
 * Where plugins lie, and which there are.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin_dirs.h"
#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/str.h"

#include <dirent.h>
#include <sys/stat.h>

#ifndef PKGLIBDIR
#define PKGLIBDIR "/usr/local/lib/sme-backup"
#endif

#define PATH_VARIABLE "SME_BACKUP_PLUGIN_PATH"
#define SUFFIX ".so"
#define SUFFIX_LEN 3

/* Names, sorted by nobody yet, NULL-terminated. */
struct names {
    char **at;
    size_t count;
};

static void names_done(struct names *names)
{
    plugin_names_free(names->at);
}

void plugin_names_free(char **names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++)
        free(names[i]);
    free(names);
}

/* Takes ${name}. */
static int names_add(struct names *names, char *name, struct sme_error *err)
{
    char **grown = NULL;

    if (name != NULL)
        grown = reallocarray(names->at, names->count + 2, sizeof *grown);
    if (grown == NULL) {
        free(name);
        return sme_fail(err, SME_E_NO_MEMORY, "cannot look for plugins: out of memory");
    }
    names->at = grown;
    names->at[names->count++] = name;
    names->at[names->count] = NULL;
    return SME_OK;
}

/* ---- folders ------------------------------------------------------------------------------ */

/* The folders to be searched, in order; those of ${extra} begin at *ret_first_extra. */
static int list_folders(const struct sme_list *extra, enum plugin_kind kind,
                        struct names *ret_folders, size_t *ret_first_extra, struct sme_error *err)
{
    const char *sub = kind == PLUGIN_SOURCE ? "plugins" : "sinks";
    const char *variable = secure_getenv(PATH_VARIABLE);
    int status = SME_OK;

    if (variable != NULL && variable[0] != '\0')
        status = names_add(ret_folders, str_format("%s/%s", variable, sub), err);
    if (status == SME_OK)
        status = names_add(ret_folders, str_format("%s/%s", PKGLIBDIR, sub), err);
    *ret_first_extra = ret_folders->count;
    for (size_t i = 0; extra != NULL && i < extra->count && status == SME_OK; i++)
        status = names_add(ret_folders, strdup(extra->items[i]), err);
    return status;
}

char *plugin_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* ---- names -------------------------------------------------------------------------------- */

static bool is_plugin_name(const char *name, size_t len)
{
    if (len == 0 || len > LIMIT_NAME || name[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

/* Length of the plugin's name in a file's name; 0 if it has none. */
static size_t name_in_file(const char *file)
{
    size_t len = strlen(file);

    if (len <= SUFFIX_LEN || strcmp(file + len - SUFFIX_LEN, SUFFIX) != 0 ||
        !is_plugin_name(file, len - SUFFIX_LEN))
        return 0;
    return len - SUFFIX_LEN;
}

int plugin_name_of_file(const char *path, char **ret_name, struct sme_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash == NULL ? path : slash + 1;
    size_t len = name_in_file(file);

    if (len == 0) {
        (void)sme_fail(err, SME_E_INVALID, "'%s' cannot be the file of a plugin", path);
        return error_hint(err, "it is called NAME.so, of lower-case letters, digits and '-'");
    }
    char *name = strndup(file, len);
    if (name == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "cannot load plugin '%s': out of memory", path);
    *ret_name = name;
    return SME_OK;
}

/* A folder of the user's own may hold sources and sinks.  What says clearly that it is not of this
 * kind is left out; what cannot be loaded is shown, so that somebody looks at it. */
static bool is_other_kind(const char *folder, const char *file, enum plugin_kind kind)
{
    CLEANUP(free_ptr) char *path = str_format("%s/%s", folder, file);
    enum plugin_kind other = kind == PLUGIN_SOURCE ? PLUGIN_SINK : PLUGIN_SOURCE;
    struct plugin *plugin = NULL;

    if (path == NULL)
        return false;
    if (plugin_load_file(path, kind, &plugin, NULL) == SME_OK) {
        plugin_unload(plugin);
        return false;
    }
    if (plugin_load_file(path, other, &plugin, NULL) == SME_OK) {
        plugin_unload(plugin);
        return true;
    }
    return kind == PLUGIN_SINK;
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

/* Add the names in ${folder}; one that does not exist has none. */
static int scan_folder(const char *folder, enum plugin_kind kind, bool is_mixed,
                       struct names *names, struct sme_error *err)
{
    CLEANUP(close_dir) DIR *dir = opendir(folder);
    int status = SME_OK;

    if (dir == NULL && (errno == ENOENT || errno == ENOTDIR))
        return SME_OK;
    if (dir == NULL)
        return error_errno(err, "cannot look for plugins in '%s'", folder);
    while (status == SME_OK) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL && errno != 0)
            return error_errno(err, "cannot look for plugins in '%s'", folder);
        if (entry == NULL)
            break;
        size_t len = name_in_file(entry->d_name);
        if (len > 0 && !(is_mixed && is_other_kind(folder, entry->d_name, kind)))
            status = names_add(names, strndup(entry->d_name, len), err);
    }
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int scan_folders(const struct names *folders, size_t first_extra, enum plugin_kind kind,
                        struct names *names, struct sme_error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < folders->count; i++) {
        int status = scan_folder(folders->at[i], kind, i >= first_extra, names, err);
        if (status < 0)
            return status;
    }
    if (names->count == 0)
        return SME_OK;
    qsort(names->at, names->count, sizeof *names->at, compare_names);
    for (size_t i = 0; i < names->count; i++) {
        if (kept > 0 && strcmp(names->at[kept - 1], names->at[i]) == 0)
            free(names->at[i]);
        else
            names->at[kept++] = names->at[i];
    }
    names->count = kept;
    names->at[kept] = NULL;
    return SME_OK;
}

int plugin_names(const struct sme_list *extra, enum plugin_kind kind, char ***ret_names,
                 struct sme_error *err)
{
    CLEANUP(names_done) struct names folders = {0};
    CLEANUP(names_done) struct names names = {0};
    size_t first_extra = 0;

    int status = list_folders(extra, kind, &folders, &first_extra, err);
    if (status == SME_OK)
        status = scan_folders(&folders, first_extra, kind, &names, err);
    if (status == SME_OK && names.at == NULL && (names.at = calloc(1, sizeof *names.at)) == NULL)
        status = sme_fail(err, SME_E_NO_MEMORY, "cannot look for plugins: out of memory");
    if (status < 0)
        return status;
    *ret_names = STEAL(names.at);
    return SME_OK;
}

/* ---- one by its name ---------------------------------------------------------------------- */

/* Append to ${text}, cutting what does not fit. */
static void append(char *text, size_t size, const char *fmt, ...) SME_PRINTF(3, 4);
static void append(char *text, size_t size, const char *fmt, ...)
{
    size_t used = strlen(text);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text + used, size - used, fmt, ap);
    va_end(ap);
}

static void hint_names(const struct names *folders, size_t first_extra, enum plugin_kind kind,
                       const char *name, struct sme_error *err)
{
    CLEANUP(names_done) struct names names = {0};
    const char *nearest = NULL;
    unsigned distance = 3;
    char list[160] = "";

    if (scan_folders(folders, first_extra, kind, &names, NULL) < 0 || names.count == 0) {
        (void)error_hint(err,
                         "no %s plugin is installed there; 'plugin_dir' in [core] names "
                         "further folders",
                         kind == PLUGIN_SOURCE ? "source" : "sink");
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        unsigned d = str_distance(name, names.at[i], distance);
        if (d < distance) {
            distance = d;
            nearest = names.at[i];
        }
        append(list, sizeof list, "%s%s", i > 0 ? ", " : "", names.at[i]);
    }
    if (nearest != NULL)
        (void)error_hint(err, "did you mean '%s'? There are: %s", nearest, list);
    else
        (void)error_hint(err, "there are: %s", list);
}

static int fail_missing(const struct names *folders, size_t first_extra, enum plugin_kind kind,
                        const char *name, struct sme_error *err)
{
    char searched[360] = "";

    for (size_t i = 0; i < folders->count; i++)
        append(searched, sizeof searched, "%s'%s'",
               i == 0                    ? ""
               : i + 1 == folders->count ? " or "
                                         : ", ",
               folders->at[i]);
    int status = sme_fail(err, SME_E_INVALID, "there is no %s plugin '%s' in %s",
                          kind == PLUGIN_SOURCE ? "source" : "sink", name, searched);
    hint_names(folders, first_extra, kind, name, err);
    return status;
}

int plugin_find(const struct sme_list *extra, enum plugin_kind kind, const char *name,
                char **ret_path, struct sme_error *err)
{
    CLEANUP(names_done) struct names folders = {0};
    size_t first_extra = 0;
    char shown[80];

    if (!is_plugin_name(name, strlen(name))) {
        (void)sme_fail(err, SME_E_INVALID, "'%s' cannot be the name of a plugin",
                       str_escape(name, strlen(name), shown, sizeof shown));
        return error_hint(err, "such a name has lower-case letters, digits and '-' only; folders "
                               "are named by 'plugin_dir' in [core]");
    }
    int status = list_folders(extra, kind, &folders, &first_extra, err);
    for (size_t i = 0; i < folders.count && status == SME_OK; i++) {
        CLEANUP(free_ptr) char *path = str_format("%s/%s%s", folders.at[i], name, SUFFIX);
        struct stat st;
        if (path == NULL)
            return sme_fail(err, SME_E_NO_MEMORY, "cannot load plugin '%s': out of memory", name);
        if (stat(path, &st) == 0) {
            *ret_path = STEAL(path);
            return SME_OK;
        }
        if (errno != ENOENT && errno != ENOTDIR)
            status = error_errno(err, "cannot look at plugin '%s'", path);
    }
    return status < 0 ? status : fail_missing(&folders, first_extra, kind, name, err);
}
