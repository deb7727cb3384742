/*
 * Loading plugins: from a name to a checked copy of the descriptor and its tables.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Everything of the descriptor is taken as something from outside: each size is measured against
 * a maximum before anything behind it is read, and what is missing at an end becomes zero.
 */
#include "plugin.h"
#include "plugin_dirs.h"
#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/str.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>

/* What no plugin of this ABI comes near; more means that the number is not a size. */
#define STRUCT_MAX 65536u
#define CONFIG_MAX (1024u * 1024)
#define OPTIONS_MAX 1024u
#define TEXT_MAX 200u

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEP_LOADED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEEP_LOADED 1
#endif
#endif

static const char *kind_name(enum plugin_kind kind)
{
    return kind == PLUGIN_SOURCE ? "source" : "sink";
}

static int hint_author(struct sme_error *err)
{
    return error_hint(err, "this is a fault of the plugin: get another build of it, or ask its "
                           "author");
}

/* "plugin 'PATH' ${fmt}", with the remedy that fits every plugin that is not as it must be. */
static int refuse(const struct plugin *plugin, struct sme_error *err, const char *fmt, ...)
    SME_PRINTF(3, 4);
static int refuse(const struct plugin *plugin, struct sme_error *err, const char *fmt, ...)
{
    char finding[320];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(finding, sizeof finding, fmt, ap);
    va_end(ap);
    int status = sme_fail(err, SME_E_INVALID, "plugin '%s' %s", plugin->path, finding);
    (void)hint_author(err);
    return status;
}

/* ---- the file ----------------------------------------------------------------------------- */

/* The object and the folder around it must be beyond the reach of other users: whoever can change
 * them could run code as us. */
static int check_owners(const char *real, struct sme_error *err)
{
    CLEANUP(close_fd) int file = -1;
    CLEANUP(close_fd) int folder = -1;
    CLEANUP(free_ptr) char *folder_path = plugin_folder_of(real);

    if (folder_path == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "cannot load plugin '%s': out of memory", real);
    file = open(real, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0)
        return error_errno(err, "cannot open plugin '%s'", real);
    folder = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_errno(err, "cannot open plugin folder '%s'", folder_path);
    int status = io_check_private(file, real, "plugin", false, err);
    if (status == SME_OK)
        status = io_check_private(folder, folder_path, "plugin folder", false, err);
    return status;
}

static int open_object(struct plugin *plugin, struct sme_error *err)
{
    CLEANUP(free_ptr) char *real = realpath(plugin->path, NULL);

    if (real == NULL) /* a name in the configuration or on the command line is wrong */
        return sme_fail_errno(err, errno == ENOMEM ? SME_E_NO_MEMORY : SME_E_INVALID,
                              "cannot open plugin '%s'", plugin->path);
    int status = check_owners(real, err);
    if (status < 0)
        return status;
    plugin->object = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    if (plugin->object == NULL) {
        const char *why = dlerror();
        char shown[300];
        if (why == NULL)
            why = "unknown cause";
        status = sme_fail(err, SME_E_INVALID, "cannot load plugin '%s': %s", plugin->path,
                          str_escape(why, strlen(why), shown, sizeof shown));
        (void)error_hint(err,
                         "is it built for this machine, and are the libraries that it needs "
                         "installed? 'ldd %s' shows them",
                         real);
    }
    return status;
}

/* ---- the descriptor ----------------------------------------------------------------------- */

/* The address of ${name} if this very object has it (not one of the libraries that it brought
 * along); *ret_size: as its symbol table says, 0 if it does not. */
static const void *find_symbol(void *object, const char *name, size_t *ret_size)
{
    const void *at = dlsym(object, name);
    struct link_map *own = NULL;
    void *extra = NULL;
    Dl_info info;

    *ret_size = 0;
    if (at == NULL)
        return NULL;
    if (dlinfo(object, RTLD_DI_LINKMAP, &own) == 0 &&
        dladdr1(at, &info, &extra, RTLD_DL_LINKMAP) != 0 && extra != own)
        return NULL;
    extra = NULL;
    if (dladdr1(at, &info, &extra, RTLD_DL_SYMENT) != 0 && extra != NULL)
        *ret_size = ((const ElfW(Sym) *)extra)->st_size;
    return at;
}

/* There is no descriptor of our ABI: is there one of another? */
static int fail_abi(const struct plugin *plugin, struct sme_error *err)
{
    int status = SME_E_INVALID;

    for (int abi = 0; abi <= 9; abi++) {
        char name[32];
        size_t size;
        (void)snprintf(name, sizeof name, "sme_backup_plugin_v%d", abi);
        if (find_symbol(plugin->object, name, &size) == NULL)
            continue;
        status = sme_fail(err, status,
                          "plugin '%s' is made for plugin ABI %d (%s), this sme-backup has ABI %d",
                          plugin->path, abi, name, SME_ABI);
        if (abi > SME_ABI)
            (void)error_hint(err, "update sme-backup, or get a build of the plugin for ABI %d",
                             SME_ABI);
        else
            (void)error_hint(err, "get a newer build of the plugin");
        return status;
    }
    status = sme_fail(err, status, "'%s' is no sme-backup plugin: it does not export %s",
                      plugin->path, SME_PLUGIN_SYMBOL);
    (void)error_hint(err, "a plugin defines this symbol with default visibility, see "
                          "sme-backup/common.h");
    return status;
}

/* Copy a structure that begins with its size into ${own_size} bytes at ${out}; the rest of ${out}
 * is zero already.  ${least}: without so much it is not what it claims to be. */
static int copy_sized(const struct plugin *plugin, const void *from, const char *what, size_t least,
                      void *out, size_t own_size, struct sme_error *err)
{
    uint32_t size;
    uint32_t copied = (uint32_t)own_size;

    memcpy(&size, from, sizeof size);
    if (size < least || size > STRUCT_MAX)
        return refuse(plugin, err,
                      "has a %s of %u bytes, which cannot be (at least %zu, at most %u)", what,
                      (unsigned)size, least, STRUCT_MAX);
    memcpy(out, from, size < own_size ? size : own_size);
    memcpy(out, &copied, sizeof copied);
    return SME_OK;
}

static bool is_short_line(const char *text)
{
    size_t len = strnlen(text, TEXT_MAX + 1);

    if (len > TEXT_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    }
    return true;
}

static int check_descriptor(const struct plugin *plugin, const char *name, struct sme_error *err)
{
    const struct sme_plugin *desc = &plugin->desc;

    if (desc->name == NULL || desc->version == NULL || desc->summary == NULL)
        return refuse(plugin, err, "lacks its name, version or summary");
    if (!is_short_line(desc->name) || !is_short_line(desc->version) ||
        !is_short_line(desc->summary))
        return refuse(plugin, err, "has a name, version or summary that is not a short line");
    if (strcmp(desc->name, name) != 0) {
        int status =
            sme_fail(err, SME_E_INVALID, "plugin '%s' calls itself '%s'", plugin->path, desc->name);
        (void)error_hint(err, "its file must be called '%s.so'", desc->name);
        return status;
    }
    if (desc->threads > SME_THREADS_PARALLEL)
        return refuse(plugin, err, "declares the unknown threading %u", (unsigned)desc->threads);
    if (desc->config_size > CONFIG_MAX)
        return refuse(plugin, err, "wants %zu bytes for its configuration", desc->config_size);
    return SME_OK;
}

static int copy_descriptor(struct plugin *plugin, const char *name, struct sme_error *err)
{
    size_t symbol_size;
    const void *at = find_symbol(plugin->object, SME_PLUGIN_SYMBOL, &symbol_size);
    uint32_t claimed;

    if (at == NULL)
        return fail_abi(plugin, err);
    if (symbol_size != 0 && symbol_size < sizeof claimed)
        return refuse(plugin, err, "has a descriptor of only %zu bytes", symbol_size);
    memcpy(&claimed, at, sizeof claimed);
    if (symbol_size != 0 && symbol_size < claimed)
        return refuse(plugin, err, "has a descriptor of %zu bytes that claims to have %u",
                      symbol_size, (unsigned)claimed);
    int status = copy_sized(plugin, at, "descriptor", offsetof(struct sme_plugin, sink),
                            &plugin->desc, sizeof plugin->desc, err);
    return status < 0 ? status : check_descriptor(plugin, name, err);
}

/* ---- tables ------------------------------------------------------------------------------- */

/* The name of the first call that is required and missing, or NULL. */
static const char *missing_source_call(const struct sme_source_ops *ops)
{
    return ops->create == NULL    ? "create"
           : ops->destroy == NULL ? "destroy"
           : ops->begin == NULL   ? "begin"
           : ops->next == NULL    ? "next"
           : ops->end == NULL     ? "end"
           : (ops->read_stream == NULL) != (ops->close_stream == NULL)
               ? (ops->read_stream == NULL ? "read_stream" : "close_stream")
           : ops->restore_open == NULL  ? NULL
           : ops->restore_close == NULL ? "restore_close"
           : ops->restore_begin == NULL ? "restore_begin"
           : ops->restore_write == NULL ? "restore_write"
           : ops->restore_end == NULL   ? "restore_end"
                                        : NULL;
}

static const char *missing_sink_call(const struct sme_sink_ops *ops)
{
    return ops->create == NULL    ? "create"
           : ops->destroy == NULL ? "destroy"
           : ops->limits == NULL  ? "limits"
           : ops->put == NULL     ? "put"
           : ops->get == NULL     ? "get"
           : ops->stat == NULL    ? "stat"
           : ops->list == NULL    ? "list"
           : ops->remove == NULL  ? "remove"
                                  : NULL;
}

static int fail_kind(const struct plugin *plugin, struct sme_error *err)
{
    enum plugin_kind other = plugin->kind == PLUGIN_SOURCE ? PLUGIN_SINK : PLUGIN_SOURCE;

    if (plugin->desc.source == NULL && plugin->desc.sink == NULL)
        return refuse(plugin, err, "is neither a source nor a sink");
    int status = sme_fail(err, SME_E_INVALID, "plugin '%s' is a %s, not a %s", plugin->path,
                          kind_name(other), kind_name(plugin->kind));
    (void)error_hint(err, "it goes into a section [%s NAME]", kind_name(other));
    return status;
}

/* The tables without their optional tails are the smallest that ABI 1 ever had. */
static int copy_calls(struct plugin *plugin, struct sme_error *err)
{
    struct sme_plugin *desc = &plugin->desc;
    bool is_source = plugin->kind == PLUGIN_SOURCE;
    const char *missing;
    int status;

    if (is_source ? desc->source == NULL : desc->sink == NULL)
        return fail_kind(plugin, err);
    if (is_source) {
        status = copy_sized(plugin, desc->source, "source table",
                            offsetof(struct sme_source_ops, restore_begin), &plugin->source,
                            sizeof plugin->source, err);
        missing = missing_source_call(&plugin->source);
    } else {
        status = copy_sized(plugin, desc->sink, "sink table", offsetof(struct sme_sink_ops, sync),
                            &plugin->sink, sizeof plugin->sink, err);
        missing = missing_sink_call(&plugin->sink);
    }
    if (status < 0)
        return status;
    if (missing != NULL)
        return refuse(plugin, err, "lacks the call %s() that every %s must have", missing,
                      kind_name(plugin->kind));
    desc->source = is_source ? &plugin->source : NULL;
    desc->sink = is_source ? NULL : &plugin->sink;
    return SME_OK;
}

/* A table of ${count} rows of the plugin's own size, copied to rows of the core's. */
static int copy_rows(const struct plugin *plugin, const struct sme_option *rows, size_t count,
                     size_t config_size, struct sme_option **ret_rows, struct sme_error *err)
{
    const char *row = (const char *)rows;
    size_t theirs = plugin->desc.option_size;
    size_t own = sizeof *rows;

    if (count > OPTIONS_MAX)
        return refuse(plugin, err, "claims to have %zu options", count);
    if (count > 0 && row == NULL)
        return refuse(plugin, err, "has no table for its %zu options", count);
    /* Smaller than two pointers, a row cannot hold a name and a help text. */
    if (count > 0 && (theirs < 2 * sizeof(void *) || theirs > STRUCT_MAX))
        return refuse(plugin, err, "has option rows of %zu bytes, which cannot be", theirs);
    struct sme_option *copy = calloc(count + 1, own);
    if (copy == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "cannot load plugin '%s': out of memory",
                        plugin->path);
    for (size_t i = 0; i < count; i++)
        memcpy(&copy[i], row + i * theirs, theirs < own ? theirs : own);
    *ret_rows = copy;
    int status = options_check_table(copy, count, config_size, err);
    if (status < 0) {
        (void)error_context(err, "plugin '%s'", plugin->path);
        (void)hint_author(err);
    }
    return status;
}

static int copy_options(struct plugin *plugin, struct sme_error *err)
{
    struct sme_plugin *desc = &plugin->desc;
    struct sme_source_ops *source = &plugin->source;

    int status = copy_rows(plugin, desc->options, desc->option_count, desc->config_size,
                           &plugin->options, err);
    if (status == SME_OK && source->restore_config_size > CONFIG_MAX)
        status = refuse(plugin, err, "wants %zu bytes for a restore", source->restore_config_size);
    if (status == SME_OK)
        status = copy_rows(plugin, source->restore_options, source->restore_option_count,
                           source->restore_config_size, &plugin->restore_options, err);
    if (status < 0)
        return status;
    desc->options = plugin->options;
    source->restore_options = plugin->restore_options;
    desc->option_size = (uint32_t)sizeof *plugin->options;
    return SME_OK;
}

/* ---- all of it ---------------------------------------------------------------------------- */

void plugin_unload(struct plugin *plugin)
{
    if (plugin == NULL)
        return;
#ifndef KEEP_LOADED
    if (plugin->object != NULL)
        (void)dlclose(plugin->object);
#endif
    free(plugin->options);
    free(plugin->restore_options);
    free(plugin->path);
    free(plugin);
}

static void unload(struct plugin **plugin)
{
    plugin_unload(*plugin);
}

int plugin_load_file(const char *path, enum plugin_kind kind, struct plugin **ret_plugin,
                     struct sme_error *err)
{
    CLEANUP(unload) struct plugin *plugin = calloc(1, sizeof *plugin);
    CLEANUP(free_ptr) char *name = NULL;

    if (plugin == NULL || (plugin->path = strdup(path)) == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "cannot load plugin '%s': out of memory", path);
    plugin->kind = kind;
    int status = plugin_name_of_file(path, &name, err);
    if (status == SME_OK)
        status = open_object(plugin, err);
    if (status == SME_OK)
        status = copy_descriptor(plugin, name, err);
    if (status == SME_OK)
        status = copy_calls(plugin, err);
    if (status == SME_OK)
        status = copy_options(plugin, err);
    if (status < 0)
        return status;
    *ret_plugin = STEAL(plugin);
    return SME_OK;
}

int plugin_load(const struct sme_list *extra, enum plugin_kind kind, const char *name,
                struct plugin **ret_plugin, struct sme_error *err)
{
    CLEANUP(free_ptr) char *path = NULL;

    int status = plugin_find(extra, kind, name, &path, err);
    return status < 0 ? status : plugin_load_file(path, kind, ret_plugin, err);
}
