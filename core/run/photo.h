/*
 * What the photos source knew of an item: its extras "photo.*", decoded.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The names of the facts are those of sme-backup-photos(5).  Their values come from files of
 * strangers: each is checked, and one that is not well formed is as good as missing.
 */
#ifndef SME_RUN_PHOTO_H
#define SME_RUN_PHOTO_H

#include "../repo/item.h"

#define PHOTO_TEXT_MAX 4096          /* bytes of camera, lens, keywords, ... */
#define PHOTO_PREVIEW_MAX (1u << 20) /* bytes of the preview, in base64      */

/* Not NUL-terminated; ${len} 0 if there is none. */
struct photo_text {
    const char *at;
    size_t len;
};

enum photo_kind {
    PHOTO_NONE, /* no kind, or one that is not known here */
    PHOTO_PHOTO,
    PHOTO_RAW,
    PHOTO_VIDEO,
    PHOTO_SIDECAR,
    PHOTO_OTHER, /* only named as a photo, and damaged */
};

/* By the clock of the camera. */
struct photo_time {
    bool has_date, has_clock, has_zone;
    uint16_t year;  /* 1 to 9999 */
    uint8_t month;  /* 1 to 12   */
    uint8_t day;    /* 1 to 31, one that the month has */
    uint8_t hour;   /* 0 to 23   */
    uint8_t minute; /* 0 to 59   */
    uint8_t second; /* 0 to 60   */
    int16_t zone;   /* minutes east of UTC, -14 * 60 to 14 * 60 */
};

/* All texts lead into the item: they are valid as long as what its item_view points to.  They are
 * UTF-8 without control characters (keywords: but for the tabs between them); the preview is base64
 * with its padding, and its type is "image/" with letters, digits, '+', '-' and '.'. */
struct photo {
    enum photo_kind kind;
    struct photo_text kind_name; /* as it is stored */
    struct photo_text format;
    struct photo_text of;    /* sidecars: any bytes, but a name: without '/', not "." or ".." */
    struct photo_text taken; /* only if ${when} has a date */
    struct photo_time when;
    struct photo_text camera, lens;
    bool has_place;
    double lat, lon; /* degrees: -90 to 90, -180 to 180 */
    bool has_rating;
    int rating;                 /* -1 to 5 */
    struct photo_text keywords; /* photo_next_keyword() */
    unsigned orientation;       /* 1 to 8; 1 if it is not known */
    unsigned width, height;     /* pixels as stored, before turning; both 0 if not known */
    bool has_duration;
    double duration;                         /* seconds */
    struct photo_text preview, preview_type; /* both or none */
    unsigned preview_orientation;            /* as ${orientation}, if nothing else is said */
    struct photo_text damaged;
};

/* Decode the extras of ${item}, which stays as it is.  False (and *ret_photo untouched) if the item
 * has no fact of a photo. */
bool photo_decode(const struct item_view *item, struct photo *ret_photo);

/* The next keyword from ${*keywords}, a copy of those of a photo; false at the end. */
bool photo_next_keyword(struct photo_text *keywords, struct photo_text *ret_keyword);

bool photo_text_is(struct photo_text text, const char *word);
/* Is ${text} valid UTF-8 without control characters, other than tabs if ${tabs}? */
bool photo_text_clean(const char *text, size_t len, bool tabs);

/* Photos that belong together lie in one folder and have a stem in common: a raw file, the picture
 * that the camera made of it, their sidecars, the film of a moving picture.  Bytes of ${path} that
 * all of the group have in common: the folder and the stem, which is that of photo->of if there is
 * one and the name begins with it. */
size_t photo_group(const char *path, size_t len, const struct photo *photo);
/* Bytes of ${path} without the suffix of its name. */
size_t photo_stem(const char *path, size_t len);

/* Decode a time as photo.taken has it; false if it is none. */
bool photo_time_parse(const char *text, size_t len, struct photo_time *ret_time);
/* All of ${text} as a decimal number, written as people do: no exponent, no "inf", no blanks. */
bool photo_number_parse(const char *text, size_t len, double *ret_number);
/* "photo", "raw", ...; PHOTO_NONE if it is no kind. */
enum photo_kind photo_kind_of(const char *name, size_t len);

/* Great-circle distance in metres between two places in degrees. */
double photo_distance(double lat_a, double lon_a, double lat_b, double lon_b);

#endif
