/*
 * Which picture a sidecar belongs to.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PHOTOS_SIDECARS_H
#define SME_PHOTOS_SIDECARS_H

#include "../lib/listing.h"

/* Remembers the names in the directory that was asked about last. */
struct sidecars {
    struct listing listing;
    uint64_t serial; /* of that directory, 0: none */
};

void sidecars_free(struct sidecars *sidecars);

/*
 * If the item, a located file, is named as a sidecar, and a photo or video that it may belong to
 * lies beside it: its name, valid until the next call; else NULL.  "a.jpg.xmp" belongs to "a.jpg",
 * and "a.xmp" to the first that is named "a" but for the suffix.
 */
const char *sidecars_owner(struct sidecars *sidecars, const struct sme_host *host,
                           const struct sme_item *item);

#endif
