/*
 * Where the configuration lies, and where things lie that it does not name.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "conf_files.h"
#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/limits.h"
#include "../base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif

#define FOLDER "sme-backup"

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "cannot load the configuration: out of memory");
}

/* The variable if it is set and absolute, as the XDG specification wants it. */
static const char *absolute_variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] == '/' ? value : NULL;
}

/* Below $${variable}, else below ~/${otherwise}: ${rest}.  NULL if there is no home either, or
 * no memory. */
static char *user_path(const char *variable, const char *otherwise, const char *rest)
{
    const char *base = absolute_variable(variable);
    if (base != NULL)
        return str_format("%s/%s", base, rest);

    const char *home = absolute_variable("HOME");
    if (home == NULL) {
        const struct passwd *entry = getpwuid(geteuid());
        home = entry != NULL && entry->pw_dir != NULL && entry->pw_dir[0] == '/' ? entry->pw_dir
                                                                                 : NULL;
    }
    return home != NULL ? str_format("%s/%s/%s", home, otherwise, rest) : NULL;
}

static bool is_there(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* Absolute and without a slash at its end. */
static int make_absolute(const char *path, char **ret_path, struct sme_error *err)
{
    CLEANUP(free_ptr) char *absolute = path[0] == '/' ? strdup(path) : realpath(path, NULL);

    if (absolute == NULL && errno == ENOENT) {
        (void)sme_fail(err, SME_E_INVALID, "configuration '%s' does not exist", path);
        return error_hint(err, "'sme-backup help init' shows a first configuration");
    }
    if (absolute == NULL)
        return error_errno(err, "cannot find configuration '%s'", path);
    for (size_t len = strlen(absolute); len > 1 && absolute[len - 1] == '/'; len--)
        absolute[len - 1] = '\0';
    *ret_path = STEAL(absolute);
    return SME_OK;
}

int conf_find(const char *path, char **ret_path, struct sme_error *err)
{
    static const char system_path[] = SYSCONFDIR "/" FOLDER "/conf.d";
    CLEANUP(free_ptr) char *user = NULL;

    if (path == NULL)
        path = getenv("SME_BACKUP_CONFIG");
    if (path == NULL || path[0] == '\0') {
        path = system_path;
        if (geteuid() != 0 && !is_there(system_path)) {
            user = user_path("XDG_CONFIG_HOME", ".config", FOLDER "/conf.d");
            if (user != NULL && is_there(user))
                path = user;
        }
    }
    return make_absolute(path, ret_path, err);
}

struct name_array {
    char **names;
    size_t count;
};

static void name_array_free(struct name_array *array)
{
    for (size_t i = 0; i < array->count; i++)
        free(array->names[i]);
    free(array->names);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_config_name(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".ini") == 0;
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

/* The names of the configuration files in the folder ${dir}, in order. */
static int list_files(DIR *dir, const char *path, struct name_array *ret_array,
                      struct sme_error *err)
{
    CLEANUP(name_array_free) struct name_array array = {NULL, 0};

    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL && errno != 0)
            return error_errno(err, "cannot read configuration folder '%s'", path);
        if (entry == NULL)
            break;
        if (!is_config_name(entry->d_name))
            continue;
        if (array.count >= LIMIT_CONFIG_SECTIONS)
            return sme_fail(err, SME_E_INVALID, "configuration folder '%s' has more than %d files",
                            path, LIMIT_CONFIG_SECTIONS);
        char **names = reallocarray(array.names, array.count + 1, sizeof *names);
        if (names == NULL)
            return no_memory(err);
        array.names = names;
        names[array.count] = strdup(entry->d_name);
        if (names[array.count] == NULL)
            return no_memory(err);
        array.count++;
    }
    if (array.count == 0) {
        (void)sme_fail(err, SME_E_INVALID, "configuration folder '%s' has no *.ini file", path);
        return error_hint(err, "'sme-backup help init' shows a first configuration");
    }
    qsort(array.names, array.count, sizeof *array.names, compare_names);
    *ret_array = array;
    array = (struct name_array){NULL, 0};
    return SME_OK;
}

int conf_read_files(struct conf *conf, struct sme_error *err)
{
    CLEANUP(close_dir) DIR *dir = NULL;
    CLEANUP(name_array_free) struct name_array array = {NULL, 0};
    CLEANUP(close_fd) int fd = open(conf->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOTDIR && is_there(conf->path))
        return ini_load(&conf->doc, conf->path, err);
    if (fd < 0 && errno == ENOENT) {
        (void)sme_fail(err, SME_E_INVALID, "configuration '%s' does not exist", conf->path);
        return error_hint(err, "'sme-backup help init' shows a first configuration");
    }
    if (fd < 0)
        return error_errno(err, "cannot open configuration folder '%s'", conf->path);
    int status = io_check_private(fd, conf->path, "configuration folder", false, err);
    if (status < 0)
        return status;
    dir = fdopendir(fd);
    if (dir == NULL)
        return error_errno(err, "cannot read configuration folder '%s'", conf->path);
    (void)STEAL_FD(fd);

    status = list_files(dir, conf->path, &array, err);
    for (size_t i = 0; i < array.count && status >= 0; i++) {
        CLEANUP(free_ptr) char *file = str_format("%s/%s", conf->path, array.names[i]);
        if (file == NULL)
            return no_memory(err);
        status = ini_load(&conf->doc, file, err);
    }
    return status;
}

/* Keep ${text} in the configuration, as *field. */
static int keep(struct conf *conf, char *text, const char **field, struct sme_error *err)
{
    if (!option_store_keep(&conf->store, text, text != NULL ? strlen(text) + 1 : 0))
        return no_memory(err);
    *field = text;
    return SME_OK;
}

/* One place: for root ${root_path}, else ${rest} below the user's folder. */
static int default_place(struct conf *conf, const char *root_path, const char *variable,
                         const char *otherwise, const char *rest, const char **field,
                         struct sme_error *err)
{
    char *path =
        geteuid() == 0 ? str_format("%s", root_path) : user_path(variable, otherwise, rest);

    if (path == NULL && geteuid() != 0) {
        (void)sme_fail(err, SME_E_INVALID, "the home folder of user %u is not known",
                       (unsigned)geteuid());
        return error_hint(err, "set HOME, or log_file, state_dir and cache_dir in [core]");
    }
    return keep(conf, path, field, err);
}

static int default_host(struct conf *conf, struct sme_error *err)
{
    char name[LIMIT_NAME_BYTES + 1] = "";

    if (gethostname(name, sizeof name - 1) < 0 || name[0] == '\0') {
        (void)sme_fail(err, SME_E_INVALID, "this machine has no host name");
        return error_hint(err, "set host in [core]");
    }
    return keep(conf, strdup(name), &conf->core.host, err);
}

int conf_default_places(struct conf *conf, struct sme_error *err)
{
    struct conf_core *core = &conf->core;
    int status = SME_OK;

    if (core->log_file == NULL) {
        conf->log_is_fallback = geteuid() != 0;
        status = default_place(conf, "/var/log/sme-backup.log", "XDG_STATE_HOME", ".local/state",
                               FOLDER "/sme-backup.log", &core->log_file, err);
    }
    if (status >= 0 && core->state_dir == NULL) {
        conf->state_is_fallback = geteuid() != 0;
        status = default_place(conf, "/var/lib/sme-backup", "XDG_STATE_HOME", ".local/state",
                               FOLDER, &core->state_dir, err);
    }
    if (status >= 0 && core->cache_dir == NULL)
        status = default_place(conf, "/var/cache/sme-backup", "XDG_CACHE_HOME", ".cache", FOLDER,
                               &core->cache_dir, err);
    if (status >= 0 && core->host == NULL)
        status = default_host(conf, err);
    return status;
}

char *conf_default_key_file(const char *conf_path, const char *sink_name)
{
    const char *slash = strrchr(conf_path, '/');
    int folder_len = slash != NULL ? (int)(slash - conf_path) : 0;

    return str_format("%.*s/keys/%s.key", folder_len, conf_path, sink_name);
}
