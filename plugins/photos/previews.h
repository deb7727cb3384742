/*
 * Previews of photos that bring none: made by a program of its own.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Decoding pictures of strangers is what decoders have had most of their holes in.  So it happens
 * in another process ("photos-preview", see preview_main.c), which gets a file's bytes through a
 * pipe and has no rights to lose: whatever it does, only the preview is missing.
 */
#ifndef SME_PHOTOS_PREVIEWS_H
#define SME_PHOTOS_PREVIEWS_H

#include "facts.h"
#include "formats.h"

/* Larger files get none. */
#define PREVIEW_INPUT_MAX (UINT64_C(64) << 20)

struct previews;

/* ${program}: its path.  ${max}: bytes of a preview.  Nothing is started before the first use.  The
 * thread that calls previews_make() must live until previews_free().  NULL: no memory. */
struct previews *previews_new(const struct sme_host *host, const char *program, size_t max);
void previews_free(struct previews *previews); /* accepts NULL */

/* Is this a format of which the program knows how to make one? */
bool previews_has(enum photo_format format);

/* Add photo.preview, photo.preview_type and, if the preview need not be turned as the photo,
 * photo.preview_orientation; or nothing, if none can be made.  False only without memory. */
bool previews_make(struct previews *previews, struct reader *reader, struct facts *facts);

#endif
