/*
 * Loading plugins and making instances of them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Order of loading: name without '/' → file in a plugin folder, owner and mode checked →
 * dlopen(RTLD_NOW | RTLD_LOCAL) → descriptor symbol → sizes plausible → name equals the file's →
 * required calls present → option table sane → instance.  Each refusal names file, finding and
 * remedy.  The object stays loaded in sanitizer builds, so that reports keep their symbols.
 */
#ifndef SME_PLUGIN_PLUGIN_H
#define SME_PLUGIN_PLUGIN_H

#include "../base/buf.h"
#include "../config/conf.h"
#include "../../include/sme-backup/sink.h"
#include "../../include/sme-backup/source.h"

#include <stdatomic.h>

enum plugin_kind { PLUGIN_SOURCE, PLUGIN_SINK };

/* A loaded plugin: its descriptor and tables copied to full size, missing tail zero. */
struct plugin {
    void *object; /* dlopen handle */
    char *path;
    enum plugin_kind kind;
    struct sme_plugin desc;
    struct sme_option *options; /* copied with the core's row size; desc.options points here */
    struct sme_option *restore_options; /* likewise; source.restore_options points here */
    struct sme_source_ops source;
    struct sme_sink_ops sink;
};

/*
 * Folders searched: $SME_BACKUP_PLUGIN_PATH/{plugins,sinks} if set and not set-uid (the "run"
 * wrapper uses it), ${pkglibdir}/{plugins,sinks}, then every folder of ${extra} itself.
 * ${extra} may be NULL.
 */
int plugin_load(const struct sme_list *extra, enum plugin_kind kind, const char *name,
                struct plugin **ret_plugin, struct sme_error *err);
/* Load by file name, for "plugin describe ./x.so" and tests. */
int plugin_load_file(const char *path, enum plugin_kind kind, struct plugin **ret_plugin,
                     struct sme_error *err);
void plugin_unload(struct plugin *plugin); /* accepts NULL */

/* Names of the ${kind} plugins that are found, sorted, NULL-terminated; free with
 * plugin_names_free().  None stays loaded; only the folders of ${extra}, where both kinds lie
 * together, are looked into. */
int plugin_names(const struct sme_list *extra, enum plugin_kind kind, char ***ret_names,
                 struct sme_error *err);
void plugin_names_free(char **names);

/* One configured section of a plugin. */
struct instance {
    struct plugin *plugin;
    void *config;
    struct option_store store;
    struct sme_host host;
    char *name;
    char *state_dir;
    void *handle; /* NULL until instance_open() */
    /* Hears of host->problem(), in any thread; NULL: problems are only logged. */
    void (*on_problem)(void *cookie, const char *path, size_t path_len, const char *text);
    void *problem_cookie;
    atomic_bool stopping; /* what it works for has failed: host->cancelled() is true */
};

/*
 * Fill the plugin's config from ${section}, together with ${common} (the core's own table for
 * such a section, already known to be right; it is needed so that unknown keys are found and the
 * nearest of all names can be offered).  Nothing of the plugin's code runs.  ${section} NULL:
 * defaults.  ${plugin} must outlive the instance.
 */
int instance_new(struct plugin *plugin, const char *name, const struct ini_section *section,
                 const struct sme_option *common, size_t common_count, const char *state_dir,
                 struct instance **ret_instance, struct sme_error *err);
/* create() of the plugin. */
int instance_open(struct instance *instance, struct sme_error *err);
/* What a call of a source returned, as the run takes it: damage, silence or a lock at the source is
 * not one of the repository, whose classes have exit codes of their own.  Changes err->status too.
 */
int instance_source_failure(int status, struct sme_error *err);
void instance_free(struct instance *instance); /* destroy(), then wipe; accepts NULL */

/* What host->log() does; default: log_line().  Set before any instance is made. */
typedef void plugin_log_fn(const char *instance, int level, const char *text);
void plugin_set_log(plugin_log_fn *function);

#endif
