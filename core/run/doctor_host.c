/*
 * Examining this host: configuration, plugins, folders.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "doctor_internal.h"

#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../plugin/plugin.h"
#include "../plugin/plugin_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- configuration ------------------------------------------------------------------------ */

static int check_private(const char *path, const char *what, struct sme_error *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return error_errno(err, "cannot open %s '%s'", what, path);
    }
    return io_check_private(fd, path, what, false, err);
}

static void examine_conf(struct doctor *doctor)
{
    struct sme_error failure = SME_ERROR_INIT;
    const char *path = doctor->request->conf->path;

    /* Its files were looked at when they were read; their folder decides which files there are. */
    if (check_private(path, "configuration", &failure) < 0) {
        failure.status = SME_E_IO;
        doctor_fail(doctor, "configuration", &failure);
        return;
    }
    doctor_say(doctor, SME_FINDING_PASS, "configuration", NULL, "nobody else can write to '%s'",
               path);
}

/* ---- plugins ------------------------------------------------------------------------------ */

static bool examine_plugin(struct doctor *doctor, enum plugin_kind kind, const char *name)
{
    struct sme_error failure = SME_ERROR_INIT;
    struct plugin *plugin = NULL;
    CLEANUP(free_ptr) char *folder = NULL;

    /* Loading checks owner and mode of the file. */
    int status =
        plugin_load(&doctor->request->conf->core.plugin_dir, kind, name, &plugin, &failure);
    if (status == SME_OK) {
        folder = plugin_folder_of(plugin->path);
        status = folder != NULL ? check_private(folder, "plugin folder", &failure)
                                : sme_fail(&failure, SME_E_NO_MEMORY, "no memory");
        plugin_unload(plugin);
    }
    if (status < 0) {
        failure.status = SME_E_IO;
        doctor_fail(doctor, "plugins", &failure);
    }
    return status == SME_OK;
}

/* Was a plugin of this name seen among the first ${count}? */
static bool seen_source(const struct conf *conf, size_t count, const char *plugin)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(conf->sources[i].plugin, plugin) == 0) {
            return true;
        }
    }
    return false;
}

static bool seen_sink(const struct conf *conf, size_t count, const char *plugin)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(conf->sinks[i].plugin, plugin) == 0) {
            return true;
        }
    }
    return false;
}

static void examine_plugins(struct doctor *doctor)
{
    const struct conf *conf = doctor->request->conf;
    bool good = true;
    unsigned count = 0;

    for (size_t i = 0; i < conf->source_count; i++) {
        if (!seen_source(conf, i, conf->sources[i].plugin)) {
            good = examine_plugin(doctor, PLUGIN_SOURCE, conf->sources[i].plugin) && good;
            count++;
        }
    }
    for (size_t i = 0; i < conf->sink_count; i++) {
        if (!seen_sink(conf, i, conf->sinks[i].plugin)) {
            good = examine_plugin(doctor, PLUGIN_SINK, conf->sinks[i].plugin) && good;
            count++;
        }
    }
    if (good && count > 0) {
        doctor_say(doctor, SME_FINDING_PASS, "plugins", NULL,
                   "the configured %s, and nobody else can write to %s",
                   count == 1 ? "one loads" : "ones load",
                   count == 1 ? "its folder" : "their folders");
    }
}

/* ---- folders ------------------------------------------------------------------------------ */

/* The nearest folder above ${path} that exists; ${path} is cut to it. */
static bool cut_to_existing(char *path)
{
    struct stat st;

    while (stat(path, &st) != 0) {
        char *slash = strrchr(path, '/');
        if (errno != ENOENT || slash == NULL) {
            return errno == ENOENT;
        }
        slash[slash == path ? 1 : 0] = '\0';
        if (slash == path && stat(path, &st) != 0) {
            return false;
        }
    }
    return true;
}

/* Can this user write to ${path}, or make it? */
static void examine_writable(struct doctor *doctor, const char *subject, const char *path,
                             const char *option)
{
    CLEANUP(free_ptr) char *nearest = strdup(path);
    char fix[128];

    (void)snprintf(fix, sizeof fix, "correct its owner and mode, or set '%s' of [core]", option);
    if (nearest == NULL || !cut_to_existing(nearest) ||
        faccessat(AT_FDCWD, nearest, W_OK, AT_EACCESS) != 0) {
        int saved = nearest != NULL ? errno : ENOMEM;
        doctor_say(doctor, SME_FINDING_FAIL, subject, fix, "cannot write to '%s': %s",
                   nearest != NULL ? nearest : path, strerror(saved));
    } else if (strcmp(nearest, path) != 0) {
        doctor_say(doctor, SME_FINDING_PASS, subject, NULL, "'%s' will be made by the first run",
                   path);
    } else {
        doctor_say(doctor, SME_FINDING_PASS, subject, NULL, "'%s' can be written", path);
    }
}

void doctor_host(struct doctor *doctor)
{
    const struct conf_core *core = &doctor->request->conf->core;

    examine_conf(doctor);
    examine_plugins(doctor);
    examine_writable(doctor, "state folder", core->state_dir, "state_dir");
    examine_writable(doctor, "cache folder", core->cache_dir, "cache_dir");
    examine_writable(doctor, "log", core->log_file, "log_file");
}
