/*
 * What a film (MP4, QuickTime) says of itself.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PHOTOS_MOVIE_H
#define SME_PHOTOS_MOVIE_H

#include "facts.h"
#include "reader.h"

/* Add photo.taken, photo.duration (seconds), photo.width, photo.height, photo.lat, photo.lon,
 * photo.altitude and photo.camera as far as they are there.  False only without memory. */
bool movie_read(struct reader *reader, struct facts *facts);

/* "+48.8577+002.295+035.000/" as of ISO 6709, in degrees. */
bool movie_parse_place(const char *text, struct facts *facts);

#endif
