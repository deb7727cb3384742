/*
 * What the metadata of a picture says, through gexiv2.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The library parses what strangers wrote, so this runs in the process of the source only, on a
 * bounded copy of the file in memory: a file that is cut short meanwhile is no fault of memory.
 * Films are not for it: see movie.h.
 */
#ifndef SME_PHOTOS_METADATA_H
#define SME_PHOTOS_METADATA_H

#include "facts.h"
#include "formats.h"

/* Of a larger file this much from its beginning is looked at. */
#define METADATA_MAX (UINT64_C(64) << 20)
#define METADATA_WHY 160u

/* Once, before the other; false if the library cannot be used. */
bool metadata_prepare(void);

/*
 * Add what is known to ${facts}: photo.taken, photo.camera, photo.lens, photo.orientation,
 * photo.width, photo.height, photo.lat, photo.lon, photo.altitude, photo.rating, photo.keywords,
 * and with a ${preview_max} photo.preview with photo.preview_type.
 * SME_OK also if there is nothing; SME_E_CORRUPT with ${why} (METADATA_WHY bytes) if it could not
 * be understood; SME_E_NO_MEMORY.
 */
int metadata_read(struct reader *reader, enum photo_format format, size_t preview_max,
                  struct facts *facts, char *why);

/* Add the file itself as its preview, if it is no larger than ${max} and browsers can show it.
 * False only without memory. */
bool metadata_add_itself(struct reader *reader, enum photo_format format, size_t max,
                         struct facts *facts);

#endif
