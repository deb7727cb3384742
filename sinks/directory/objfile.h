/*
 * Objects as files: written aside and named when they are whole.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_DIRECTORY_OBJFILE_H
#define SME_DIRECTORY_OBJFILE_H

#include "place.h"

/* Choices of the option "direct". */
#define DIRECT_AUTO 0u
#define DIRECT_ON 1u
#define DIRECT_OFF 2u

int objfile_put(struct place *place, uint32_t direct, const char *key,
                const struct sme_slice *slices, size_t count, const struct sme_put_info *info,
                struct sme_error *err);
int64_t objfile_get(struct place *place, const char *key, uint64_t offset, void *buf, size_t len,
                    struct sme_error *err);
int objfile_stat(struct place *place, const char *key, struct sme_object *ret_object,
                 struct sme_error *err);
int objfile_remove(struct place *place, const char *key, struct sme_error *err);

#endif
