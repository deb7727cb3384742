/*
 * Which photos a user means: by date, place, camera and the like.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_PHOTO_FILTER_H
#define SME_RUN_PHOTO_FILTER_H

#include "photo.h"

/* All that is set must hold.  A zeroed one lets everything through. */
struct photo_filter {
    bool has_taken;
    uint32_t taken_first, taken_last; /* year * 10000 + month * 100 + day, both included */
    char *camera, *lens, *keyword;    /* folded; owned */
    bool has_rating;
    int rating_first, rating_last;
    bool has_near;
    double lat, lon; /* degrees */
    double radius;   /* metres */
    unsigned kinds;  /* bits 1 << enum photo_kind; 0: all */
    bool damaged;
};
void photo_filter_done(struct photo_filter *filter);

/*
 * Take what stands behind an option of the same name.  SME_E_INVALID with a hint; the filter is
 * untouched then.
 *
 *   taken    "2024", "2024-06", "2024-06-01", and ranges "A..B", "A..", "..B" of these; the end is
 *            included with all of its days
 *   rating   "4", "3..5", "3..", "..2"
 *   near     "-1.29,36.82,5km": degrees north, degrees east, distance in km or m
 *   kind     "photo", "raw", "video", "sidecar", "other", or several with commas
 */
int photo_filter_taken(struct photo_filter *filter, const char *text, struct sme_error *err);
int photo_filter_rating(struct photo_filter *filter, const char *text, struct sme_error *err);
int photo_filter_near(struct photo_filter *filter, const char *text, struct sme_error *err);
int photo_filter_kind(struct photo_filter *filter, const char *text, struct sme_error *err);
/* The words for camera, lens and keyword: a part of the text, or with * ? [ a pattern for all of
 * it; upper and lower case are the same (of ASCII and the letters of western Europe). */
int photo_filter_word(char **word, const char *option, const char *text, struct sme_error *err);

/* Does it ask for anything? */
bool photo_filter_is_set(const struct photo_filter *filter);
/* ${photo} NULL: an item of which no facts are known; only an empty filter lets it through. */
bool photo_filter_match(const struct photo_filter *filter, const struct photo *photo);

#endif
