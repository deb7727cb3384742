/*
 * When a picture was taken.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PHOTOS_TAKEN_H
#define SME_PHOTOS_TAKEN_H

#include "facts.h"

/*
 * Add photo.taken from ${text}, as it is written in Exif ("2024:06:01 18:30:05") or XMP
 * ("2024-06-01T18:30:05.25+03:00"), with the zone that is in it or else in ${zone} (may be NULL):
 * "2024-06-01T18:30:05+03:00", without zone if none is known.  Nothing is added if it is no time.
 * False only without memory.
 */
bool taken_add(struct facts *facts, const char *text, const char *zone);

/* The same from seconds since 1970-01-01 UTC. */
bool taken_add_seconds(struct facts *facts, int64_t seconds);

#endif
