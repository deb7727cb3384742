/*
 * What a film (MP4, QuickTime) says of itself.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "movie.h"
#include "taken.h"

#include <math.h>
#include <stdlib.h>

#define BOXES_MAX 4096u /* looked at in one film */
#define KEYS_MAX 64u
#define TEXT_MAX 256u
#define EPOCH_1904 INT64_C(2082844800) /* from 1904-01-01 to 1970-01-01 */

enum key { KEY_NONE, KEY_DATE, KEY_PLACE, KEY_MAKE, KEY_MODEL };

struct movie {
    struct reader *reader;
    unsigned boxes_left;
    uint8_t keys[KEYS_MAX]; /* enum key of each entry of the list of keys */
    size_t key_count;
    int64_t seconds; /* of creation since 1904, 0: not known */
    double duration;
    uint32_t width;
    uint32_t height;
    char date[TEXT_MAX];
    char place[TEXT_MAX];
    char make[TEXT_MAX];
    char model[TEXT_MAX];
};

struct box {
    uint64_t at; /* of its content */
    uint64_t end;
    char name[4];
};

/* The box at ${at} of those up to ${end}; false if there is none. */
static bool next_box(struct movie *movie, uint64_t at, uint64_t end, struct box *ret_box)
{
    const uint8_t *p = at + 8 <= end && at + 8 > at ? reader_at(movie->reader, at, 8) : NULL;

    if (p == NULL || movie->boxes_left == 0)
        return false;
    movie->boxes_left--;
    struct box box = {.at = at + 8};
    uint64_t len = get_be32(p);
    memcpy(box.name, p + 4, 4);
    if (len == 1) {
        p = reader_at(movie->reader, at + 8, 8);
        if (p == NULL)
            return false;
        len = get_be64(p);
        box.at += 8;
    } else if (len == 0) {
        len = end - at;
    }
    if (len < box.at - at || len > end - at)
        return false;
    box.end = at + len;
    *ret_box = box;
    return true;
}

static bool is_box(const struct box *box, const char *name)
{
    return memcmp(box->name, name, 4) == 0;
}

static void copy_text(struct movie *movie, uint64_t at, uint64_t end, char out[TEXT_MAX])
{
    size_t len = end > at ? (size_t)(end - at < TEXT_MAX - 1 ? end - at : TEXT_MAX - 1) : 0;
    const uint8_t *p = len > 0 ? reader_at(movie->reader, at, len) : NULL;

    if (p != NULL && out[0] == '\0') {
        memcpy(out, p, len);
        out[len] = '\0';
    }
}

static void read_mvhd(struct movie *movie, const struct box *box)
{
    const uint8_t *p = reader_at(movie->reader, box->at, 32);

    if (p == NULL || box->end - box->at < 32)
        return;
    bool wide = p[0] == 1;
    uint64_t created = wide ? get_be64(p + 4) : get_be32(p + 4);
    uint32_t scale = get_be32(p + (wide ? 20 : 12));
    uint64_t duration = wide ? get_be64(p + 24) : get_be32(p + 16);
    if (created < INT64_MAX / 2)
        movie->seconds = (int64_t)created;
    if (scale > 0 && duration != UINT32_MAX && duration != UINT64_MAX)
        movie->duration = (double)duration / scale;
}

static void read_tkhd(struct movie *movie, const struct box *box)
{
    const uint8_t *p = reader_at(movie->reader, box->at, 1);
    uint64_t at = box->at + (p != NULL && p[0] == 1 ? 88 : 76);

    p = p != NULL && at + 8 <= box->end ? reader_at(movie->reader, at, 8) : NULL;
    if (p == NULL || get_be16(p) == 0 || get_be16(p + 4) == 0)
        return; /* sound, or text */
    if (movie->width == 0) {
        movie->width = get_be16(p);
        movie->height = get_be16(p + 4);
    }
}

static void read_track(struct movie *movie, const struct box *track)
{
    struct box box;

    for (uint64_t at = track->at; next_box(movie, at, track->end, &box); at = box.end)
        if (is_box(&box, "tkhd"))
            read_tkhd(movie, &box);
}

/* Texts with a length and a language each. */
static void read_user_text(struct movie *movie, const struct box *box, char out[TEXT_MAX])
{
    const uint8_t *p = box->end - box->at >= 4 ? reader_at(movie->reader, box->at, 4) : NULL;

    if (p != NULL && get_be16(p) <= box->end - box->at - 4)
        copy_text(movie, box->at + 4, box->at + 4 + get_be16(p), out);
}

static void read_keys(struct movie *movie, const struct box *keys)
{
    static const struct {
        const char *name;
        enum key key;
    } known[] = {
        {"com.apple.quicktime.creationdate", KEY_DATE},
        {"com.apple.quicktime.location.ISO6709", KEY_PLACE},
        {"com.apple.quicktime.make", KEY_MAKE},
        {"com.apple.quicktime.model", KEY_MODEL},
    };
    struct box box;

    for (uint64_t at = keys->at + 8;
         movie->key_count < KEYS_MAX && next_box(movie, at, keys->end, &box); at = box.end) {
        char name[TEXT_MAX] = "";
        copy_text(movie, box.at, box.end, name);
        enum key key = KEY_NONE;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (strcmp(name, known[i].name) == 0)
                key = known[i].key;
        movie->keys[movie->key_count++] = (uint8_t)key;
    }
}

/* The value number ${index} (from 1) of the list of keys. */
static void read_value(struct movie *movie, const struct box *value, uint32_t index)
{
    char *const out[] = {[KEY_NONE] = NULL,
                         [KEY_DATE] = movie->date,
                         [KEY_PLACE] = movie->place,
                         [KEY_MAKE] = movie->make,
                         [KEY_MODEL] = movie->model};
    struct box box;

    if (index == 0 || index > movie->key_count || out[movie->keys[index - 1]] == NULL)
        return;
    if (next_box(movie, value->at, value->end, &box) && is_box(&box, "data") &&
        box.end - box.at > 8)
        copy_text(movie, box.at + 8, box.end, out[movie->keys[index - 1]]);
}

/* Like a box, but in films of Apple's without the four bytes that the standard puts first. */
static void read_meta(struct movie *movie, const struct box *meta)
{
    const uint8_t *p = meta->end - meta->at >= 8 ? reader_at(movie->reader, meta->at, 8) : NULL;
    uint64_t at = meta->at + (p != NULL && memcmp(p + 4, "hdlr", 4) != 0 ? 4 : 0);
    struct box box;
    struct box value;

    for (; next_box(movie, at, meta->end, &box); at = box.end) {
        if (is_box(&box, "keys"))
            read_keys(movie, &box);
        if (!is_box(&box, "ilst"))
            continue;
        for (uint64_t in = box.at; next_box(movie, in, box.end, &value); in = value.end)
            read_value(movie, &value, get_be32((const uint8_t *)value.name));
    }
}

static void read_user_data(struct movie *movie, const struct box *user)
{
    struct box box;

    for (uint64_t at = user->at; next_box(movie, at, user->end, &box); at = box.end) {
        if (is_box(&box, "\xa9xyz"))
            read_user_text(movie, &box, movie->place);
        else if (is_box(&box, "\xa9mak"))
            read_user_text(movie, &box, movie->make);
        else if (is_box(&box, "\xa9mod"))
            read_user_text(movie, &box, movie->model);
        else if (is_box(&box, "\xa9"
                              "day"))
            read_user_text(movie, &box, movie->date);
        else if (is_box(&box, "meta"))
            read_meta(movie, &box);
    }
}

static void read_moov(struct movie *movie, const struct box *moov)
{
    struct box box;

    for (uint64_t at = moov->at; next_box(movie, at, moov->end, &box); at = box.end) {
        if (is_box(&box, "mvhd"))
            read_mvhd(movie, &box);
        else if (is_box(&box, "trak"))
            read_track(movie, &box);
        else if (is_box(&box, "udta"))
            read_user_data(movie, &box);
        else if (is_box(&box, "meta"))
            read_meta(movie, &box);
    }
}

/* A number with its sign, in degrees, or in degrees, minutes and seconds without separators. */
static bool take_angle(const char **text, unsigned degree_digits, double *ret_angle)
{
    const char *p = *text;
    double value = 0;
    double scale = 1;
    unsigned digits = 0;

    if (*p != '+' && *p != '-')
        return false;
    bool negative = *p++ == '-';
    for (; *p >= '0' && *p <= '9' && digits < 12; p++, digits++)
        value = value * 10 + (*p - '0');
    if (digits == 0)
        return false;
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++)
            value += (*p - '0') * (scale /= 10);
    if (digits == degree_digits + 2) {
        double degrees = floor(value / 100);
        value = degrees + (value - degrees * 100) / 60;
    } else if (digits == degree_digits + 4) {
        double degrees = floor(value / 10000);
        double minutes = floor((value - degrees * 10000) / 100);
        value = degrees + minutes / 60 + (value - degrees * 10000 - minutes * 100) / 3600;
    }
    *ret_angle = negative ? -value : value;
    *text = p;
    return true;
}

bool movie_parse_place(const char *text, struct facts *facts)
{
    double lat;
    double lon;
    double altitude;

    if (!take_angle(&text, 2, &lat) || !take_angle(&text, 3, &lon) || !(fabs(lat) <= 90) ||
        !(fabs(lon) <= 180) || (fpclassify(lat) == FP_ZERO && fpclassify(lon) == FP_ZERO))
        return true;
    if (!facts_add_format(facts, "photo.lat", "%.6f", lat) ||
        !facts_add_format(facts, "photo.lon", "%.6f", lon))
        return false;
    return !take_angle(&text, 99, &altitude) || !(fabs(altitude) < 100000) ||
           facts_add_format(facts, "photo.altitude", "%.1f", altitude);
}

/* "Apple" and "iPhone 15". */
static bool add_camera(const struct movie *movie, struct facts *facts)
{
    size_t make = strlen(movie->make);

    if (make > 0 && strncmp(movie->make, movie->model, make) != 0)
        return facts_add_format(facts, "photo.camera", "%s %s", movie->make, movie->model);
    return facts_add(facts, "photo.camera", movie->model);
}

bool movie_read(struct reader *reader, struct facts *facts)
{
    struct movie movie = {.reader = reader, .boxes_left = BOXES_MAX};
    struct box box;

    for (uint64_t at = 0; next_box(&movie, at, reader->size, &box); at = box.end)
        if (is_box(&box, "moov"))
            read_moov(&movie, &box);
    /* What names the zone is better than the clock in the header, which is in UTC if the camera
     * did what it should, and of the day it was set to if nobody set it. */
    if (!taken_add(facts, movie.date, NULL) || !add_camera(&movie, facts) ||
        !movie_parse_place(movie.place, facts))
        return false;
    if (movie.seconds > EPOCH_1904 && !taken_add_seconds(facts, movie.seconds - EPOCH_1904))
        return false;
    if (movie.duration > 0 && movie.duration < 1e7 &&
        !facts_add_format(facts, "photo.duration", "%.1f", movie.duration))
        return false;
    return movie.width == 0 || (facts_add_format(facts, "photo.width", "%u", movie.width) &&
                                facts_add_format(facts, "photo.height", "%u", movie.height));
}
