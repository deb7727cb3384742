/*
 * Where plugins lie, and which there are.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A part of loader.c; what others need is in plugin.h.
 */
#ifndef SME_PLUGIN_PLUGIN_DIRS_H
#define SME_PLUGIN_PLUGIN_DIRS_H

#include "plugin.h"

/* The file of plugin ${name}: the first that exists in the folders that plugin.h lists.  A name
 * that is not [a-z0-9][a-z0-9-]* is refused before any path is made of it.  free() the path. */
int plugin_find(const struct sme_list *extra, enum plugin_kind kind, const char *name,
                char **ret_path, struct sme_error *err);

/* "x" of ".../x.so"; SME_E_INVALID if a plugin cannot be called like that.  free() the name. */
int plugin_name_of_file(const char *path, char **ret_name, struct sme_error *err);

/* The folder of an absolute path, NULL on no memory; free() it. */
char *plugin_folder_of(const char *path);

#endif
