/*
 * From items of a walk to items of a photo library.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PHOTOS_LIBRARY_H
#define SME_PHOTOS_LIBRARY_H

#include "facts.h"

struct library_options {
    const struct sme_host *host;
    bool skip_others;
    bool check_files;
    size_t preview_max;          /* 0: none */
    const char *preview_program; /* makes those that are missing; NULL: none does */
    bool dry;
};

struct library;

int library_new(const struct library_options *options, struct library **ret_library,
                struct sme_error *err);
/* ${commit}: what was found out is remembered.  Accepts NULL. */
void library_free(struct library *library, bool commit);

/* Look at the item: 1 and it has its extras (valid until the next call), 0 if it is to be left out,
 * < 0: out of memory. */
int library_item(struct library *library, struct sme_item *item, struct sme_error *err);

#endif
