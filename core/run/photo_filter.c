/*
 * Which photos a user means: by date, place, camera and the like.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "photo_filter.h"

#include "../pipeline/restore_select.h"

#include <stdlib.h>
#include <string.h>

#define SLASH '\x1f' /* stands for '/' in folded text, where a '*' takes it like any other */
#define RADIUS_MAX 20100000.0 /* metres: more than half around the earth is everywhere */

void photo_filter_done(struct photo_filter *filter)
{
    free(filter->camera);
    free(filter->lens);
    free(filter->keyword);
    memset(filter, 0, sizeof *filter);
}

/* ---- ranges ------------------------------------------------------------------------------- */

struct range {
    const char *first;
    size_t first_len;
    const char *last;
    size_t last_len;
};

/* "A..B", "A..", "..B", or "A" for both.  False if there is neither. */
static bool split_range(const char *text, struct range *ret)
{
    const char *dots = strstr(text, "..");
    size_t len = strlen(text);

    ret->first = text;
    ret->first_len = dots != NULL ? (size_t)(dots - text) : len;
    ret->last = dots != NULL ? dots + 2 : text;
    ret->last_len = dots != NULL ? len - ret->first_len - 2 : len;
    return ret->first_len + ret->last_len > 0;
}

/* "2024", "2024-06" or "2024-06-01": what stands in it, ${rest} for the parts that do not. */
static bool parse_date(const char *text, size_t len, bool is_end, uint32_t *ret)
{
    char whole[] = "0000-01-01";
    struct photo_time time;

    if (len != 4 && len != 7 && len != 10) {
        return false;
    }
    memcpy(whole, text, len);
    if (!photo_time_parse(whole, sizeof whole - 1, &time)) {
        return false;
    }
    unsigned month = len > 4 ? time.month : is_end ? 99 : 0;
    unsigned day = len > 7 ? time.day : is_end ? 99 : 0;
    *ret = time.year * 10000u + month * 100u + day;
    return true;
}

int photo_filter_taken(struct photo_filter *filter, const char *text, struct sme_error *err)
{
    struct range range;
    uint32_t first = 0;
    uint32_t last = UINT32_MAX;

    if (!split_range(text, &range) ||
        (range.first_len > 0 && !parse_date(range.first, range.first_len, false, &first)) ||
        (range.last_len > 0 && !parse_date(range.last, range.last_len, true, &last))) {
        (void)sme_fail(err, SME_E_INVALID, "--taken: '%.100s' is not a date or a range of dates",
                       text);
        return error_hint(err,
                          "for instance 2024, 2024-06, 2024-06-01, 2024-06..2024-08, 2024-06..");
    }
    if (first > last) {
        return sme_fail(err, SME_E_INVALID, "--taken: '%.100s' ends before it begins", text);
    }
    filter->has_taken = true;
    filter->taken_first = first;
    filter->taken_last = last;
    return SME_OK;
}

static bool parse_stars(const char *text, size_t len, int *ret)
{
    bool negative = len == 2 && text[0] == '-';

    if (len != 1 + (size_t)negative || text[negative] < '0' || text[negative] > '5' ||
        (negative && text[1] != '1')) {
        return false;
    }
    *ret = negative ? -1 : text[0] - '0';
    return true;
}

int photo_filter_rating(struct photo_filter *filter, const char *text, struct sme_error *err)
{
    struct range range;
    int first = -1;
    int last = 5;

    if (!split_range(text, &range) ||
        (range.first_len > 0 && !parse_stars(range.first, range.first_len, &first)) ||
        (range.last_len > 0 && !parse_stars(range.last, range.last_len, &last))) {
        (void)sme_fail(err, SME_E_INVALID, "--rating: '%.100s' is not a rating from -1 to 5", text);
        return error_hint(err, "for instance 5, 3..5, or 4.. for four and more");
    }
    if (first > last) {
        return sme_fail(err, SME_E_INVALID, "--rating: '%.100s' ends before it begins", text);
    }
    filter->has_rating = true;
    filter->rating_first = first;
    filter->rating_last = last;
    return SME_OK;
}

/* ---- place -------------------------------------------------------------------------------- */

/* A decimal number at ${*text} with blanks around it; *text moves behind them. */
static bool take_decimal(const char **text, double *ret)
{
    const char *at = *text + strspn(*text, " ");
    size_t sign = strspn(at, "+-");
    size_t len = sign + strspn(at + sign, "0123456789.");

    if (sign > 1 || !photo_number_parse(at, len, ret)) {
        return false;
    }
    *text = at + len + strspn(at + len, " ");
    return true;
}

static bool take_comma(const char **text)
{
    bool found = **text == ',';

    *text += found;
    return found;
}

int photo_filter_near(struct photo_filter *filter, const char *text, struct sme_error *err)
{
    const char *at = text;
    double lat = 0, lon = 0, radius = 0;

    bool good = take_decimal(&at, &lat) && take_comma(&at) && take_decimal(&at, &lon) &&
                take_comma(&at) && take_decimal(&at, &radius);
    if (good && strcmp(at, "km") == 0) {
        radius *= 1000;
    } else if (strcmp(at, "m") != 0) {
        good = false;
    }
    if (!good) {
        (void)sme_fail(err, SME_E_INVALID, "--near: '%.100s' is not LATITUDE,LONGITUDE,DISTANCE",
                       text);
        return error_hint(err, "in degrees, with a distance in km or m: --near -1.29,36.82,5km");
    }
    if (lat < -90 || lat > 90 || lon < -180 || lon > 180) {
        (void)sme_fail(err, SME_E_INVALID, "--near: there is no such place as '%.100s'", text);
        return error_hint(err, "first degrees north, -90 to 90, then degrees east, -180 to 180");
    }
    if (radius <= 0 || radius > RADIUS_MAX) {
        (void)sme_fail(err, SME_E_INVALID, "--near: the distance in '%.100s' makes no sense", text);
        return error_hint(err, "it is more than 0m, and up to 20000km");
    }
    filter->has_near = true;
    filter->lat = lat;
    filter->lon = lon;
    filter->radius = radius;
    return SME_OK;
}

/* ---- words -------------------------------------------------------------------------------- */

int photo_filter_kind(struct photo_filter *filter, const char *text, struct sme_error *err)
{
    unsigned kinds = 0;

    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        enum photo_kind kind = photo_kind_of(at, len);
        if (kind == PHOTO_NONE) {
            (void)sme_fail(err, SME_E_INVALID, "--kind: there is no kind '%.*s'",
                           (int)(len < 100 ? len : 100), at);
            return error_hint(err,
                              "it is photo, raw, video, sidecar, other, or several with commas");
        }
        kinds |= 1u << kind;
        at += len;
        if (*at == '\0') {
            break;
        }
    }
    filter->kinds = kinds;
    return SME_OK;
}

/* Lower case into ${out}, of as many bytes. */
static void fold(const char *text, size_t len, char *out)
{
    unsigned char before = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        /* U+00C0 to U+00DE are written as C3 80 to C3 9E; all but the multiplication sign have
         * their small letters 32 behind. */
        bool is_capital =
            (c >= 'A' && c <= 'Z') || (before == 0xc3 && c >= 0x80 && c <= 0x9e && c != 0x97);
        before = c;
        out[i] = c == '/' ? SLASH : (char)(is_capital ? c + 0x20 : c);
    }
}

int photo_filter_word(char **word, const char *option, const char *text, struct sme_error *err)
{
    size_t len = strlen(text);

    if (len == 0 || len > PHOTO_TEXT_MAX) {
        return sme_fail(err, SME_E_INVALID, "--%s: %s", option,
                        len == 0 ? "the text is empty" : "the text is too long");
    }
    char *folded = calloc(1, len + 1);
    if (folded == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for --%s", option);
    }
    fold(text, len, folded);
    free(*word);
    *word = folded;
    return SME_OK;
}

static bool match_word(const char *word, const struct photo_text *text)
{
    char folded[PHOTO_TEXT_MAX];
    size_t len = text->len < sizeof folded ? text->len : sizeof folded;

    fold(text->at, len, folded);
    return strpbrk(word, "*?[") != NULL ? select_glob(word, folded, len)
                                        : memmem(folded, len, word, strlen(word)) != NULL;
}

static bool match_keyword(const char *word, const struct photo *photo)
{
    struct photo_text left = photo->keywords;
    struct photo_text keyword;

    while (photo_next_keyword(&left, &keyword)) {
        if (match_word(word, &keyword)) {
            return true;
        }
    }
    return false;
}

/* ---- all of it ---------------------------------------------------------------------------- */

bool photo_filter_is_set(const struct photo_filter *filter)
{
    return filter->has_taken || filter->camera != NULL || filter->lens != NULL ||
           filter->keyword != NULL || filter->has_rating || filter->has_near ||
           filter->kinds != 0 || filter->damaged;
}

static bool match_taken(const struct photo_filter *filter, const struct photo_time *when)
{
    uint32_t date = when->year * 10000u + when->month * 100u + when->day;

    return when->has_date && date >= filter->taken_first && date <= filter->taken_last;
}

static bool match_near(const struct photo_filter *filter, const struct photo *photo)
{
    return photo->has_place &&
           photo_distance(filter->lat, filter->lon, photo->lat, photo->lon) <= filter->radius;
}

bool photo_filter_match(const struct photo_filter *filter, const struct photo *photo)
{
    if (photo == NULL) {
        return !photo_filter_is_set(filter);
    }
    return (!filter->has_taken || match_taken(filter, &photo->when)) &&
           (filter->camera == NULL || match_word(filter->camera, &photo->camera)) &&
           (filter->lens == NULL || match_word(filter->lens, &photo->lens)) &&
           (filter->keyword == NULL || match_keyword(filter->keyword, photo)) &&
           (!filter->has_rating || (photo->has_rating && photo->rating >= filter->rating_first &&
                                    photo->rating <= filter->rating_last)) &&
           (!filter->has_near || match_near(filter, photo)) &&
           (filter->kinds == 0 || (filter->kinds & 1u << photo->kind) != 0) &&
           (!filter->damaged || photo->damaged.len > 0);
}
