/*
 * How much the last good run of a command wrote.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_COMMAND_LASTSIZE_H
#define SME_COMMAND_LASTSIZE_H

#include "../../include/sme-backup/common.h"

#define LASTSIZE_FILE "last-size"

/* 1: ${ret_size} is filled; 0: there was no good run of this ${command} yet; < 0: the file in
 * ${folder} cannot be read or understood. */
int lastsize_load(const char *folder, const char *command, uint64_t *ret_size,
                  struct sme_error *err);
/* Replace it, in one step. */
int lastsize_save(const char *folder, const char *command, uint64_t size, struct sme_error *err);

#endif
