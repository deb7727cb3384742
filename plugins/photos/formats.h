/*
 * What kind of picture, film or sidecar a file is.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PHOTOS_FORMATS_H
#define SME_PHOTOS_FORMATS_H

#include "reader.h"

enum photo_format {
    FORMAT_OTHER, /* none of these */
    FORMAT_JPEG,
    FORMAT_HEIC,
    FORMAT_AVIF,
    FORMAT_PNG,
    FORMAT_TIFF,
    FORMAT_WEBP,
    FORMAT_GIF,
    FORMAT_CR2,
    FORMAT_CR3,
    FORMAT_NEF,
    FORMAT_ARW,
    FORMAT_DNG,
    FORMAT_PEF,
    FORMAT_RAF,
    FORMAT_ORF,
    FORMAT_RW2,
    FORMAT_MP4,
    FORMAT_MOV,
    FORMAT_SIDECAR,
    FORMAT_COUNT,
};

/* How a file of a format is put together. */
enum photo_layout {
    LAYOUT_NONE,
    LAYOUT_JPEG,
    LAYOUT_PNG,
    LAYOUT_TIFF,
    LAYOUT_WEBP,
    LAYOUT_GIF,
    LAYOUT_RAF,
    LAYOUT_BMFF,
};

struct format {
    const char *name;    /* "jpeg", "cr2" ... */
    const char *kind;    /* "photo", "raw", "video", "sidecar" */
    const char *browser; /* media type if a web browser shows such files, or NULL */
    enum photo_layout layout;
};

const struct format *format_of(enum photo_format format);

/* By content alone; FORMAT_OTHER also if it could not be read. */
enum photo_format format_recognise(struct reader *reader);

/*
 * If ${name} (${len} bytes) is named as a sidecar (.xmp, .aae, .json, .thm) the length of the name
 * without that suffix, else 0.
 */
size_t format_sidecar_stem(const char *name, size_t len);

/* Is ${name} named as photos and videos are? */
bool format_name_is_photo(const char *name, size_t len);

/* Length of ${name} without its suffix. */
size_t format_stem(const char *name, size_t len);

#endif
