/*
 * Where the configuration lies, and where things lie that it does not name.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A part of conf.c; nobody else needs it.
 */
#ifndef SME_CONFIG_CONF_FILES_H
#define SME_CONFIG_CONF_FILES_H

#include "conf.h"

/* The absolute path of the folder or file to read; ${path} NULL: see conf_load(). */
int conf_find(const char *path, char **ret_path, struct sme_error *err);

/* Read the files of conf->path into conf->doc. */
int conf_read_files(struct conf *conf, struct sme_error *err);

/* Fill log_file, state_dir, cache_dir and host where the configuration does not. */
int conf_default_places(struct conf *conf, struct sme_error *err);

/* keys/NAME.key beside the folder conf.d, or beside a single file; NULL on no memory. */
char *conf_default_key_file(const char *conf_path, const char *sink_name);

#endif
