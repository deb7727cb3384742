/*
 * Is a file on disk what a snapshot has?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_FILE_SAME_H
#define SME_PIPELINE_FILE_SAME_H

#include "../repo/reader.h"

/* What one thread needs to compare many. */
struct file_same;
int file_same_new(struct vault *vault, struct file_same **ret_same, struct sme_error *err);
void file_same_free(struct file_same *same); /* accepts NULL */

/* Compare the content of the regular file ${fd} with that of ${item}, a file, by the ids of its
 * chunks: no data is fetched.  1: every byte is the same; 0: not, or it cannot be read; < 0: the
 * repository failed. */
int file_same_compare(struct file_same *same, const struct item_view *item, int fd,
                      struct sme_error *err);

#endif
