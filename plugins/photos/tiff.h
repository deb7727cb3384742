/*
 * The directories of a TIFF file, and of the many raw formats that are TIFF files.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PHOTOS_TIFF_H
#define SME_PHOTOS_TIFF_H

#include "reader.h"

#define TIFF_TAG_SUBFILE 254u
#define TIFF_TAG_COMPRESSION 259u
#define TIFF_TAG_MAKE 271u
#define TIFF_TAG_STRIP_OFFSETS 273u
#define TIFF_TAG_STRIP_COUNTS 279u
#define TIFF_TAG_TILE_OFFSETS 324u
#define TIFF_TAG_TILE_COUNTS 325u
#define TIFF_TAG_SUB_IFDS 330u
#define TIFF_TAG_JPEG_OFFSET 513u
#define TIFF_TAG_JPEG_COUNT 514u
#define TIFF_TAG_EXIF 34665u
#define TIFF_TAG_DNG_VERSION 50706u

enum tiff_variant { TIFF_CLASSIC, TIFF_BIG, TIFF_ORF, TIFF_RW2 };

struct tiff {
    struct reader *reader;
    enum tiff_variant variant;
    bool big_endian;
    uint64_t first; /* where the first directory is */
};

struct tiff_entry {
    uint16_t tag;
    uint16_t type;
    uint64_t count;
    uint64_t at;  /* where its values are */
    uint32_t one; /* bytes of one value, 0 if the type is not known */
};

/* Is it one?  Looks at the header only. */
bool tiff_open(struct tiff *tiff, struct reader *reader);

/* Entries of the directory at ${ifd}; false if it is not wholly in the file or has none. */
bool tiff_count(struct tiff *tiff, uint64_t ifd, uint64_t *ret_count);
bool tiff_entry(struct tiff *tiff, uint64_t ifd, uint64_t index, struct tiff_entry *ret_entry);
/* The directory after this one, 0 if there is none. */
bool tiff_next(struct tiff *tiff, uint64_t ifd, uint64_t count, uint64_t *ret_next);

bool tiff_find(struct tiff *tiff, uint64_t ifd, uint16_t tag, struct tiff_entry *ret_entry);
bool tiff_number(struct tiff *tiff, const struct tiff_entry *entry, uint64_t index,
                 uint64_t *ret_value);
/* Its text, cut to fit, with NUL. */
void tiff_text(struct tiff *tiff, const struct tiff_entry *entry, char *out, size_t size);

#endif
