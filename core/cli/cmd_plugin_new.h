/*
 * "plugin new": a plugin to begin with, as files in a new folder.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_CMD_PLUGIN_NEW_H
#define SME_CLI_CMD_PLUGIN_NEW_H

#include "cli.h"

#include <sys/types.h>

enum exit_code cmd_plugin_new(struct cli *cli);

/* A file of a new plugin.  In path and text "@NAME@" is the plugin's name and "@KIND@" "source" or
 * "sink". */
struct plugin_template {
    const char *path;
    mode_t mode;
    const char *text;
};

/* Each ends with a path of NULL.  plugin_new_common.c, plugin_new_source.c, plugin_new_sink.c */
extern const struct plugin_template plugin_new_common[];
extern const struct plugin_template plugin_new_source[];
extern const struct plugin_template plugin_new_sink[];

/* Write them below ${dir}, which is made, or is there and empty.  ${is_sink}: of which kind. */
int plugin_new_write(const char *name, bool is_sink, const char *dir, struct sme_error *err);

#endif
