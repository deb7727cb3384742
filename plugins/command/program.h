/*
 * The program of the command source: where it lies, and its environment.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_COMMAND_PROGRAM_H
#define SME_COMMAND_PROGRAM_H

#include "../../include/sme-backup/common.h"

/* The absolute path of ${word}, which is one or a name to be looked for in PATH; it exists and may
 * be executed.  To be freed. */
int program_find(const char *word, char **ret_path, struct sme_error *err);

/* PATH, HOME, USER, LOGNAME, LANG, LC_ALL and TZ of this process, as far as they are there or can
 * be known, and ${more} (NAME=VALUE), which comes first.  For program_environment_free(). */
int program_environment(const struct sme_list *more, char ***ret_list, struct sme_error *err);
void program_environment_free(char **list);

#endif
