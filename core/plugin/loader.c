/*
 * Finding, loading and checking plugins.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin.h"

#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/str.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/auxv.h>

#ifndef PKGLIBDIR
#define PKGLIBDIR "/usr/local/lib/sme-backup"
#endif

#define MAX_STRUCT 65536u /* no structure of an ABI is larger */
#define MAX_OPTIONS 1000u
#define NEAR 3 /* edit distance at which a name is worth suggesting */

static const char *folder_of(enum plugin_kind kind)
{
    return kind == PLUGIN_SOURCE ? "plugins" : "sinks";
}

static const char *word_of(enum plugin_kind kind)
{
    return kind == PLUGIN_SOURCE ? "source" : "sink";
}

static bool name_valid(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > 64 || name[0] == '-') {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* The folder number ${i} that is searched, into ${out}; false behind the last one. */
static bool search_folder(const struct sme_list *extra, enum plugin_kind kind, size_t i,
                          char out[PATH_MAX])
{
    const char *path = getauxval(AT_SECURE) == 0 ? getenv("SME_BACKUP_PLUGIN_PATH") : NULL;

    if (path != NULL && path[0] != '\0') {
        if (i == 0) {
            (void)snprintf(out, PATH_MAX, "%s/%s", path, folder_of(kind));
            return true;
        }
        i--;
    }
    if (i == 0) {
        (void)snprintf(out, PATH_MAX, "%s/%s", PKGLIBDIR, folder_of(kind));
        return true;
    }
    if (extra == NULL || i > extra->count) {
        return false;
    }
    (void)snprintf(out, PATH_MAX, "%s", extra->items[i - 1]);
    return true;
}

static int not_found(const struct sme_list *extra, enum plugin_kind kind, const char *name,
                     struct sme_error *err)
{
    char folders[300] = "";
    char folder[PATH_MAX];
    char **names = NULL;
    const char *nearest = NULL;
    unsigned best = NEAR + 1;

    for (size_t i = 0; search_folder(extra, kind, i, folder); i++) {
        size_t used = strlen(folders);
        (void)snprintf(folders + used, sizeof folders - used, "%s'%.200s'", i > 0 ? ", " : "",
                       folder);
    }
    (void)sme_fail(err, SME_E_INVALID, "there is no %s plugin '%s' in %s", word_of(kind), name,
                   folders);
    if (plugin_names(extra, kind, &names, NULL) == SME_OK) {
        for (size_t i = 0; names[i] != NULL; i++) {
            unsigned distance = str_distance(name, names[i], NEAR);
            if (distance < best) {
                best = distance;
                nearest = names[i];
            }
        }
        if (nearest != NULL) {
            (void)error_hint(err, "did you mean '%s'?", nearest);
        }
        plugin_names_free(names);
    }
    return error_hint(err, "'sme-backup plugin list' shows what is installed");
}

int plugin_load(const struct sme_list *extra, enum plugin_kind kind, const char *name,
                struct plugin **ret_plugin, struct sme_error *err)
{
    char folder[PATH_MAX];
    char path[PATH_MAX + 80];

    if (!name_valid(name)) {
        char shown[100];
        (void)sme_fail(err, SME_E_INVALID, "'%s' is not a plugin's name",
                       str_escape(name, strlen(name), shown, sizeof shown));
        return error_hint(err,
                          "a name has lower-case letters, digits and '-'; folders are named by "
                          "plugin_dir in [core]");
    }
    for (size_t i = 0; search_folder(extra, kind, i, folder); i++) {
        (void)snprintf(path, sizeof path, "%s/%s.so", folder, name);
        if (access(path, F_OK) == 0) {
            return plugin_load_file(path, kind, ret_plugin, err);
        }
    }
    return not_found(extra, kind, name, err);
}

/* Somebody else must not be able to put code into our process. */
static int check_file(const char *path, struct sme_error *err)
{
    char folder[PATH_MAX];

    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_errno(err, "cannot open plugin '%s'", path);
    }
    int status = io_check_private(fd, path, "plugin file", false, err);
    if (status < 0) {
        return status;
    }
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        (void)snprintf(folder, sizeof folder, ".");
    } else {
        slash[slash == folder] = '\0';
    }
    CLEANUP(close_fd) int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return error_errno(err, "cannot open plugin folder '%s'", folder);
    }
    return io_check_private(dir, folder, "plugin folder", false, err);
}

static int refuse(const char *path, struct sme_error *err, const char *fmt, ...) SME_PRINTF(3, 4);
static int refuse(const char *path, struct sme_error *err, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)sme_fail(err, SME_E_INVALID, "plugin '%s' is refused: %s", path, text);
    return error_hint(err,
                      "this is a fault of the plugin; its author can run 'sme-backup plugin "
                      "describe %s'",
                      path);
}

static int wrong_symbol(void *object, const char *path, struct sme_error *err)
{
    char symbol[64];

    for (int version = 0; version < 10; version++) {
        (void)snprintf(symbol, sizeof symbol, "sme_backup_plugin_v%d", version);
        if (dlsym(object, symbol) != NULL) {
            (void)sme_fail(err, SME_E_UNSUPPORTED,
                           "plugin '%s' is made for plugin ABI %d; this program has ABI %d", path,
                           version, SME_ABI);
            return error_hint(err, version > SME_ABI
                                       ? "install a newer sme-backup"
                                       : "build the plugin anew against the installed "
                                         "headers");
        }
    }
    return refuse(path, err, "it has no symbol %s", SME_PLUGIN_SYMBOL);
}

static void copy_sized(void *to, size_t to_size, const void *from, size_t from_size)
{
    memcpy(to, from, from_size < to_size ? from_size : to_size);
}

static int copy_options(struct plugin *plugin, const struct sme_plugin *desc, size_t row_size,
                        struct sme_error *err)
{
    const uint8_t *row = (const uint8_t *)desc->options;

    if (desc->option_count > MAX_OPTIONS ||
        (desc->option_count > 0 && (desc->options == NULL || row_size < 32 || row_size > 4096))) {
        return refuse(plugin->path, err, "its option table cannot be right");
    }
    plugin->options = calloc((size_t)desc->option_count + 1, sizeof *plugin->options);
    if (plugin->options == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for plugin '%s'", plugin->path);
    }
    for (uint32_t i = 0; i < desc->option_count; i++) {
        copy_sized(&plugin->options[i], sizeof plugin->options[i], row + i * row_size, row_size);
    }
    plugin->desc.options = plugin->options;
    plugin->desc.option_size = sizeof *plugin->options;
    if (options_check_table(plugin->options, desc->option_count, desc->config_size, err) < 0) {
        (void)error_context(err, "plugin '%s' is refused", plugin->path);
        return SME_E_INVALID;
    }
    return SME_OK;
}

static int copy_source(struct plugin *plugin, const struct sme_source_ops *ops,
                       struct sme_error *err)
{
    if (ops == NULL) {
        return refuse(plugin->path, err, "it is not a source");
    }
    if (ops->struct_size < offsetof(struct sme_source_ops, restore_begin) ||
        ops->struct_size > MAX_STRUCT) {
        return refuse(plugin->path, err, "the size of its source table (%u) cannot be right",
                      ops->struct_size);
    }
    copy_sized(&plugin->source, sizeof plugin->source, ops, ops->struct_size);
    plugin->source.struct_size = sizeof plugin->source;
    const struct sme_source_ops *s = &plugin->source;
    const char *missing = s->create == NULL    ? "create"
                          : s->destroy == NULL ? "destroy"
                          : s->begin == NULL   ? "begin"
                          : s->next == NULL    ? "next"
                          : s->end == NULL     ? "end"
                                               : NULL;
    return missing != NULL ? refuse(plugin->path, err, "its source table lacks %s", missing)
                           : SME_OK;
}

static int copy_sink(struct plugin *plugin, const struct sme_sink_ops *ops, struct sme_error *err)
{
    if (ops == NULL) {
        return refuse(plugin->path, err, "it is not a sink");
    }
    if (ops->struct_size < offsetof(struct sme_sink_ops, sync) || ops->struct_size > MAX_STRUCT) {
        return refuse(plugin->path, err, "the size of its sink table (%u) cannot be right",
                      ops->struct_size);
    }
    copy_sized(&plugin->sink, sizeof plugin->sink, ops, ops->struct_size);
    plugin->sink.struct_size = sizeof plugin->sink;
    const struct sme_sink_ops *s = &plugin->sink;
    const char *missing = s->create == NULL    ? "create"
                          : s->destroy == NULL ? "destroy"
                          : s->limits == NULL  ? "limits"
                          : s->put == NULL     ? "put"
                          : s->get == NULL     ? "get"
                          : s->stat == NULL    ? "stat"
                          : s->list == NULL    ? "list"
                          : s->remove == NULL  ? "remove"
                                               : NULL;
    return missing != NULL ? refuse(plugin->path, err, "its sink table lacks %s", missing) : SME_OK;
}

static int accept_descriptor(struct plugin *plugin, const struct sme_plugin *desc,
                             struct sme_error *err)
{
    const char *slash = strrchr(plugin->path, '/');
    const char *file = slash != NULL ? slash + 1 : plugin->path;

    if (desc->struct_size < offsetof(struct sme_plugin, sink) || desc->struct_size > MAX_STRUCT) {
        return refuse(plugin->path, err, "the size of its descriptor (%u) cannot be right",
                      desc->struct_size);
    }
    copy_sized(&plugin->desc, sizeof plugin->desc, desc, desc->struct_size);
    plugin->desc.struct_size = sizeof plugin->desc;
    if (plugin->desc.name == NULL || plugin->desc.version == NULL || plugin->desc.summary == NULL ||
        !name_valid(plugin->desc.name)) {
        return refuse(plugin->path, err, "it has no valid name, version or summary");
    }
    size_t len = strlen(plugin->desc.name);
    if (strncmp(file, plugin->desc.name, len) != 0 || strcmp(file + len, ".so") != 0) {
        return refuse(plugin->path, err, "its name is '%s', which is not the file's",
                      plugin->desc.name);
    }
    if (plugin->desc.threads > SME_THREADS_PARALLEL || plugin->desc.config_size > MAX_STRUCT) {
        return refuse(plugin->path, err, "its thread model or config size is not known");
    }
    int status = plugin->kind == PLUGIN_SOURCE ? copy_source(plugin, plugin->desc.source, err)
                                               : copy_sink(plugin, plugin->desc.sink, err);
    return status < 0 ? status : copy_options(plugin, &plugin->desc, desc->option_size, err);
}

int plugin_load_file(const char *path, enum plugin_kind kind, struct plugin **ret_plugin,
                     struct sme_error *err)
{
    char real[PATH_MAX];

    if (realpath(path, real) == NULL) {
        return error_errno(err, "cannot find plugin '%s'", path);
    }
    int status = check_file(real, err);
    if (status < 0) {
        return status;
    }
    struct plugin *plugin = calloc(1, sizeof *plugin);
    if (plugin == NULL || (plugin->path = strdup(real)) == NULL) {
        free(plugin);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for plugin '%s'", path);
    }
    plugin->kind = kind;
    plugin->object = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    if (plugin->object == NULL) {
        (void)sme_fail(err, SME_E_INVALID, "cannot load plugin: %s", dlerror());
        (void)error_hint(err, "a library that it needs may be missing: 'ldd %s' tells", real);
        plugin_unload(plugin);
        return SME_E_INVALID;
    }
    const struct sme_plugin *desc = dlsym(plugin->object, SME_PLUGIN_SYMBOL);
    status = desc == NULL ? wrong_symbol(plugin->object, real, err)
                          : accept_descriptor(plugin, desc, err);
    if (status < 0) {
        plugin_unload(plugin);
        return status;
    }
    *ret_plugin = plugin;
    return SME_OK;
}

void plugin_unload(struct plugin *plugin)
{
    if (plugin == NULL) {
        return;
    }
    /* Sanitizers need the object's symbols when they report at the end. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(SME_KEEP_PLUGINS)
    if (plugin->object != NULL) {
        (void)dlclose(plugin->object);
    }
#endif
    free(plugin->options);
    free(plugin->path);
    free(plugin);
}

/* Add the plugins of one folder to ${names}. */
static int add_names(const char *folder, char ***names, size_t *count)
{
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        return SME_OK; /* a folder that is not there has none */
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        size_t len = strlen(entry->d_name);
        char name[80];
        if (len < 4 || len > 67 || strcmp(entry->d_name + len - 3, ".so") != 0) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%.*s", (int)(len - 3), entry->d_name);
        bool known = !name_valid(name);
        for (size_t i = 0; i < *count; i++) {
            known = known || strcmp((*names)[i], name) == 0;
        }
        if (known) {
            continue;
        }
        char **grown = reallocarray(*names, *count + 2, sizeof *grown);
        char *copy = strdup(name);
        if (grown != NULL) {
            *names = grown;
        }
        if (grown == NULL || copy == NULL) {
            free(copy);
            (void)closedir(dir);
            return SME_E_NO_MEMORY;
        }
        (*names)[(*count)++] = copy;
        (*names)[*count] = NULL;
    }
    (void)closedir(dir);
    return SME_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int plugin_names(const struct sme_list *extra, enum plugin_kind kind, char ***ret_names,
                 struct sme_error *err)
{
    char folder[PATH_MAX];
    char **names = calloc(1, sizeof *names);
    size_t count = 0;
    int status = names == NULL ? SME_E_NO_MEMORY : SME_OK;

    for (size_t i = 0; status == SME_OK && search_folder(extra, kind, i, folder); i++) {
        status = add_names(folder, &names, &count);
    }
    if (status < 0) {
        plugin_names_free(names);
        return sme_fail(err, status, "no memory for the list of plugins");
    }
    qsort(names, count, sizeof *names, compare_names);
    *ret_names = names;
    return SME_OK;
}

void plugin_names_free(char **names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        free(names[i]);
    }
    free(names);
}
