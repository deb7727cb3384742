/*
 * One configured section of a plugin, and what the host offers to it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fileio.h"
#include "../base/log.h"
#include "../base/rng.h"
#include "../base/secret.h"

#include <stdlib.h>

static void log_to_file(const char *instance, int level, const char *text)
{
    log_line(level, instance, "%s", text);
}

static plugin_log_fn *log_function = log_to_file;

void plugin_set_log(plugin_log_fn *function)
{
    log_function = function;
}

static void host_log(const struct sme_host *host, int level, const char *fmt, ...)
{
    char text[2000];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (level < SME_LOG_ERROR || level > SME_LOG_DEBUG) {
        level = SME_LOG_WARNING;
    }
    log_function(host->instance, level, text);
}

static int host_cancelled(const struct sme_host *host)
{
    (void)host;
    return cancel_requested();
}

static int64_t host_realtime(const struct sme_host *host)
{
    (void)host;
    return clock_realtime_ns();
}

static int host_random(const struct sme_host *host, void *buf, size_t len)
{
    (void)host;
    return rng_bytes(buf, len, NULL);
}

static int fill_config(struct instance *instance, const struct ini_section *section,
                       const struct sme_option *common, size_t common_count, struct sme_error *err)
{
    const struct sme_plugin *desc = &instance->plugin->desc;
    struct option_set sets[2] = {{desc->options, desc->option_count, instance->config}};
    size_t size = 1;

    /* The core's own options were filled when the configuration was read.  They are filled once
     * more, into memory that is thrown away, so that all names are known in one place. */
    for (size_t i = 0; i < common_count; i++) {
        size_t end = common[i].offset + sizeof(struct sme_list);
        size = end > size ? end : size;
    }
    CLEANUP(free_ptr) void *ignored = calloc(1, size);
    if (ignored == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for '%s'", instance->name);
    }
    sets[1] = (struct option_set){common, common_count, ignored};
    return options_fill(sets, common_count > 0 ? 2 : 1, section, 0, &instance->store, err);
}

int instance_new(struct plugin *plugin, const char *name, const struct ini_section *section,
                 const struct sme_option *common, size_t common_count, const char *state_dir,
                 struct instance **ret_instance, struct sme_error *err)
{
    struct instance *instance = calloc(1, sizeof *instance);

    if (instance == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for '%s'", name);
    }
    instance->plugin = plugin;
    instance->name = strdup(name);
    instance->state_dir = state_dir != NULL ? strdup(state_dir) : NULL;
    instance->config = calloc(1, plugin->desc.config_size + 1);
    if (instance->name == NULL || instance->config == NULL ||
        (state_dir != NULL && instance->state_dir == NULL)) {
        instance_free(instance);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for '%s'", name);
    }
    int status = fill_config(instance, section, common, common_count, err);
    if (status < 0) {
        instance_free(instance);
        return status;
    }
    instance->host = (struct sme_host){
        .struct_size = sizeof instance->host,
        .abi = SME_ABI,
        .core = instance,
        .instance = instance->name,
        .state_dir = instance->state_dir,
        .log = host_log,
        .cancelled = host_cancelled,
        .realtime_ns = host_realtime,
        .random = host_random,
    };
    *ret_instance = instance;
    return SME_OK;
}

int instance_open(struct instance *instance, struct sme_error *err)
{
    const struct plugin *plugin = instance->plugin;
    void *handle = NULL;

    if (instance->state_dir != NULL) {
        int made = io_make_dirs(instance->state_dir, 0700, err);
        if (made < 0) {
            return made;
        }
    }
    int status = plugin->kind == PLUGIN_SOURCE
                     ? plugin->source.create(&instance->host, instance->config, &handle, err)
                     : plugin->sink.create(&instance->host, instance->config, &handle, err);
    if (status < 0) {
        return error_context(err, "'%s'", instance->name);
    }
    instance->handle = handle;
    return SME_OK;
}

void instance_free(struct instance *instance)
{
    if (instance == NULL) {
        return;
    }
    if (instance->handle != NULL) {
        if (instance->plugin->kind == PLUGIN_SOURCE) {
            instance->plugin->source.destroy(instance->handle);
        } else {
            instance->plugin->sink.destroy(instance->handle);
        }
    }
    option_store_free(&instance->store);
    if (instance->config != NULL) {
        secret_wipe(instance->config, instance->plugin->desc.config_size);
    }
    free(instance->config);
    free(instance->name);
    free(instance->state_dir);
    free(instance);
}
