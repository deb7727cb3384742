/*
 * Is a picture or film cut off or broken, as far as its outer form tells?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is decoded.  What is merely unusual is taken for sound: a false alarm about an old
 * picture costs more trust than it is worth.
 */
#ifndef SME_PHOTOS_STRUCTURE_H
#define SME_PHOTOS_STRUCTURE_H

#include "formats.h"

#define STRUCTURE_TEXT 160u

enum structure {
    STRUCTURE_SOUND,
    STRUCTURE_CUT_OFF, /* its end is missing */
    STRUCTURE_BROKEN,
};

/* ${why} (STRUCTURE_TEXT bytes) completes "its file ...": written unless it is sound.  A file that
 * the system cannot read (reader->failed) is sound: others report that. */
enum structure structure_check(struct reader *reader, enum photo_format format, char *why);

/* The layouts. */
enum structure structure_check_jpeg(struct reader *reader, char *why);
enum structure structure_check_png(struct reader *reader, char *why);
enum structure structure_check_gif(struct reader *reader, char *why);
enum structure structure_check_tiff(struct reader *reader, bool is_tiff, char *why);
enum structure structure_check_bmff(struct reader *reader, char *why);

enum structure structure_cut(char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
enum structure structure_broken(char *why, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
