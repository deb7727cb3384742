/*
 * One configured section of a plugin.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin.h"
#include "host.h"
#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "calls.h"
#include "../base/fileio.h"
#include "../base/secret.h"

/* The field of the largest type. */
#define FIELD_MAX sizeof(struct sme_list)

static void free_instance(struct instance **instance)
{
    instance_free(*instance);
}

static const char *kind_name(const struct plugin *plugin)
{
    return plugin->kind == PLUGIN_SOURCE ? "source" : "sink";
}

/* Bytes that a struct needs to have every field of ${rows}. */
static size_t config_extent(const struct sme_option *rows, size_t count)
{
    size_t extent = FIELD_MAX;

    for (size_t i = 0; i < count; i++) {
        if (rows[i].offset + FIELD_MAX > extent)
            extent = rows[i].offset + FIELD_MAX;
    }
    return extent;
}

/* An option of the plugin that is called like one of the core's could never be set. */
static int check_collisions(const struct plugin *plugin, const struct sme_option *common,
                            size_t common_count, struct sme_error *err)
{
    for (size_t i = 0; i < plugin->desc.option_count; i++) {
        for (size_t j = 0; j < common_count; j++) {
            if (strcmp(plugin->options[i].name, common[j].name) != 0)
                continue;
            int status = sme_fail(err, SME_E_INVALID,
                                  "plugin '%s' has an option '%s', which is the name of one that "
                                  "every %s takes",
                                  plugin->path, common[j].name, kind_name(plugin));
            (void)error_hint(err, "this is a fault of the plugin: its author must rename it");
            return status;
        }
    }
    return SME_OK;
}

static void warn_deprecated(const char *instance, const struct option_set *set,
                            const struct ini_section *section)
{
    for (size_t i = 0; i < set->count && section != NULL; i++) {
        const struct sme_option *row = &set->rows[i];
        const struct ini_entry *entry =
            (row->flags & SME_OPT_DEPRECATED) != 0 ? ini_find(section, row->name) : NULL;
        if (entry != NULL)
            host_note(instance, SME_LOG_WARNING, "%s:%u: option '%s' is deprecated: %s",
                      section->file, entry->line, row->name, row->help);
    }
}

/* The core's own options were filled when the configuration was read.  They are filled once more,
 * for nobody, so that all names are known in one place. */
static int fill_config(struct instance *instance, const struct ini_section *section,
                       const struct sme_option *common, size_t common_count, struct sme_error *err)
{
    const struct plugin *plugin = instance->plugin;
    size_t scratch_size = config_extent(common, common_count);
    void *scratch = calloc(1, scratch_size);

    /* The store owns it: it lives as long as what it points to, and is wiped like it. */
    if (!option_store_keep(&instance->store, scratch, scratch_size))
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for '%s'", instance->name);
    const struct option_set sets[] = {
        {common, common_count, scratch},
        {plugin->options, plugin->desc.option_count, instance->config},
    };
    int status = options_fill(sets, 2, section, 0, &instance->store, err);
    if (status < 0)
        return status;
    warn_deprecated(instance->name, &sets[0], section);
    warn_deprecated(instance->name, &sets[1], section);
    return SME_OK;
}

int instance_new(struct plugin *plugin, const char *name, const struct ini_section *section,
                 const struct sme_option *common, size_t common_count, const char *state_dir,
                 struct instance **ret_instance, struct sme_error *err)
{
    CLEANUP(free_instance) struct instance *instance = NULL;

    int status = check_collisions(plugin, common, common_count, err);
    if (status < 0)
        return status;
    instance = calloc(1, sizeof *instance);
    if (instance == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for '%s'", name);
    instance->plugin = plugin;
    instance->name = strdup(name);
    instance->state_dir = state_dir != NULL ? strdup(state_dir) : NULL;
    instance->config = calloc(1, plugin->desc.config_size > 0 ? plugin->desc.config_size : 1);
    if (instance->name == NULL || instance->config == NULL ||
        (state_dir != NULL && instance->state_dir == NULL))
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for '%s'", name);
    status = fill_config(instance, section, common, common_count, err);
    if (status < 0)
        return status;
    host_fill(instance);
    *ret_instance = STEAL(instance);
    return SME_OK;
}

/* What create() said, in the words of the core. */
static int fail_open(const struct instance *instance, int status, struct sme_error *err)
{
    const char *kind = kind_name(instance->plugin);

    if (status < SME_E_THROTTLED)
        return sme_fail(err, SME_E_IO, "plugin of %s '%s' returned the unknown status %d", kind,
                        instance->name, status);
    if (err != NULL && err->message[0] == '\0')
        return sme_fail(err, status, "%s '%s' cannot be opened (%s)", kind, instance->name,
                        error_status_name(status));
    (void)error_context(err, "%s '%s'", kind, instance->name);
    /* What was returned decides, also if the text came with another class. */
    if (err != NULL)
        err->status = status;
    return status;
}

int instance_open(struct instance *instance, struct sme_error *err)
{
    const struct plugin *plugin = instance->plugin;
    void *handle = NULL;

    if (instance->state_dir != NULL) {
        int made = io_make_dirs(instance->state_dir, 0700, err);
        if (made < 0)
            return made;
    }
    (void)plugin_call_note(plugin->kind == PLUGIN_SOURCE ? PLUGIN_CALL_SOURCE_CREATE
                                                         : PLUGIN_CALL_SINK_CREATE);
    int status = plugin->kind == PLUGIN_SOURCE
                     ? plugin->source.create(&instance->host, instance->config, &handle, err)
                     : plugin->sink.create(&instance->host, instance->config, &handle, err);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    if (status < 0)
        return fail_open(instance, status, err);
    if (handle == NULL)
        return sme_fail(err, SME_E_IO, "plugin of %s '%s' reported success without a handle",
                        kind_name(plugin), instance->name);
    instance->handle = handle;
    return SME_OK;
}

int instance_source_failure(int status, struct sme_error *err)
{
    switch (status) {
    case SME_E_CORRUPT:
    case SME_E_UNREACHABLE:
    case SME_E_TRANSIENT:
    case SME_E_THROTTLED:
    case SME_E_BUSY:
    case SME_E_KEY:
    case SME_E_CANNOT_NOW:
        status = SME_E_IO;
        break;
    case SME_E_CANCELLED:
        /* Only who was asked to stop can have been cancelled. */
        status = cancel_requested() ? status : SME_E_IO;
        break;
    default:
        if (status < SME_E_THROTTLED)
            return sme_fail(err, SME_E_IO, "the source plugin returned the unknown status %d",
                            status);
        break;
    }
    if (err != NULL) {
        err->status = status;
        if (status < 0 && err->message[0] == '\0')
            return sme_fail(err, status, "the source plugin failed without a word of why");
    }
    return status;
}

void instance_free(struct instance *instance)
{
    if (instance == NULL)
        return;
    if (instance->handle != NULL) {
        if (instance->plugin->kind == PLUGIN_SOURCE) {
            (void)plugin_call_note(PLUGIN_CALL_SOURCE_DESTROY);
            instance->plugin->source.destroy(instance->handle);
        } else {
            (void)plugin_call_note(PLUGIN_CALL_SINK_DESTROY);
            instance->plugin->sink.destroy(instance->handle);
        }
        (void)plugin_call_note(PLUGIN_CALL_NONE);
    }
    option_store_free(&instance->store);
    if (instance->config != NULL)
        secret_wipe(instance->config, instance->plugin->desc.config_size);
    free(instance->config);
    free(instance->state_dir);
    free(instance->name);
    free(instance);
}
