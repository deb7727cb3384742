/*
 * Listing the objects of a directory sink.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_DIRECTORY_LISTING_H
#define SME_DIRECTORY_LISTING_H

#include "place.h"

int listing_run(struct place *place, const char *prefix, sme_list_fn *callback, void *cookie,
                struct sme_error *err);

#endif
