/*
 * What the photos source knew of an item: its extras "photo.*", decoded.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "photo.h"

#include <string.h>

#define PIXELS_MAX 1000000.0
#define DURATION_MAX (1000.0 * 3600) /* seconds */

/* ---- texts -------------------------------------------------------------------------------- */

bool photo_text_is(struct photo_text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

/* Bytes of the UTF-8 sequence at ${p}, 0 if it is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
    size_t more = p[0] < 0x80 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
    uint32_t code = p[0] & (more == 0 ? 0x7fu : 0x3fu >> more);

    if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || left <= more) {
        return 0;
    }
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < lowest[more] || surrogate || code > 0x10ffff ? 0 : more + 1;
}

bool photo_text_clean(const char *text, size_t len, bool tabs)
{
    const unsigned char *p = (const unsigned char *)text;

    for (size_t at = 0; at < len;) {
        size_t step = utf8_length(p + at, len - at);
        bool high_control = step == 2 && p[at] == 0xc2 && p[at + 1] < 0xa0;
        bool control = p[at] < 0x20 || p[at] == 0x7f || high_control;
        if (step == 0 || (control && !(tabs && p[at] == '\t'))) {
            return false;
        }
        at += step;
    }
    return true;
}

bool photo_next_keyword(struct photo_text *keywords, struct photo_text *ret_keyword)
{
    while (keywords->len > 0) {
        const char *tab = memchr(keywords->at, '\t', keywords->len);
        const struct photo_text word = {keywords->at,
                                        tab != NULL ? (size_t)(tab - keywords->at) : keywords->len};
        size_t step = word.len + (tab != NULL ? 1 : 0);
        keywords->at += step;
        keywords->len -= step;
        if (word.len > 0) {
            *ret_keyword = word;
            return true;
        }
    }
    return false;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_base64(const struct photo_text *text)
{
    size_t len = text->len;

    for (unsigned pad = 0; pad < 2 && len > 0 && text->at[len - 1] == '='; pad++) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_letter_or_digit(text->at[i]) && text->at[i] != '+' && text->at[i] != '/') {
            return false;
        }
    }
    return len > 0 && text->len % 4 == 0;
}

static bool is_image_type(const struct photo_text *text)
{
    bool good = text->len > 6 && text->len <= 64 && memcmp(text->at, "image/", 6) == 0;

    for (size_t i = 6; good && i < text->len; i++) {
        char c = text->at[i];
        good = is_letter_or_digit(c) || c == '+' || c == '-' || c == '.';
    }
    return good;
}

static bool is_name(const struct photo_text *text)
{
    return text->len > 0 && memchr(text->at, '/', text->len) == NULL &&
           memchr(text->at, '\0', text->len) == NULL && !photo_text_is(*text, ".") &&
           !photo_text_is(*text, "..");
}

/* ---- numbers ------------------------------------------------------------------------------ */

bool photo_number_parse(const char *text, size_t len, double *ret_number)
{
    size_t at = len > 0 && (text[0] == '-' || text[0] == '+');
    bool negative = at > 0 && text[0] == '-';
    bool has_digits = false;
    bool has_point = false;
    double value = 0;
    double unit = 1;

    if (len > 32) {
        return false;
    }
    for (; at < len; at++) {
        if (text[at] == '.' && !has_point) {
            has_point = true;
        } else if (text[at] >= '0' && text[at] <= '9') {
            has_digits = true;
            value = value * 10 + (text[at] - '0');
            unit *= has_point ? 10 : 1;
        } else {
            return false;
        }
    }
    if (has_digits) {
        *ret_number = (negative ? -value : value) / unit;
    }
    return has_digits;
}

static bool parse_in(const struct photo_text *text, double low, double high, double *ret)
{
    double value = 0;

    if (!photo_number_parse(text->at, text->len, &value) || value < low || value > high) {
        return false;
    }
    *ret = value;
    return true;
}

static bool parse_whole(const struct photo_text *text, double low, double high, int *ret)
{
    double value = 0;

    if (memchr(text->at, '.', text->len) != NULL || !parse_in(text, low, high, &value)) {
        return false;
    }
    *ret = (int)value;
    return true;
}

/* ---- facts -------------------------------------------------------------------------------- */

enum fact {
    FACT_KIND,
    FACT_FORMAT,
    FACT_OF,
    FACT_TAKEN,
    FACT_CAMERA,
    FACT_LENS,
    FACT_LAT,
    FACT_LON,
    FACT_RATING,
    FACT_KEYWORDS,
    FACT_ORIENTATION,
    FACT_WIDTH,
    FACT_HEIGHT,
    FACT_DURATION,
    FACT_PREVIEW,
    FACT_PREVIEW_TYPE,
    FACT_PREVIEW_ORIENTATION,
    FACT_DAMAGED,
    FACT_COUNT,
};

static enum fact fact_of(const char *name, size_t len)
{
    static const char *const names[FACT_COUNT] = {
        [FACT_KIND] = "photo.kind",
        [FACT_FORMAT] = "photo.format",
        [FACT_OF] = "photo.of",
        [FACT_TAKEN] = "photo.taken",
        [FACT_CAMERA] = "photo.camera",
        [FACT_LENS] = "photo.lens",
        [FACT_LAT] = "photo.lat",
        [FACT_LON] = "photo.lon",
        [FACT_RATING] = "photo.rating",
        [FACT_KEYWORDS] = "photo.keywords",
        [FACT_ORIENTATION] = "photo.orientation",
        [FACT_WIDTH] = "photo.width",
        [FACT_HEIGHT] = "photo.height",
        [FACT_DURATION] = "photo.duration",
        [FACT_PREVIEW] = "photo.preview",
        [FACT_PREVIEW_TYPE] = "photo.preview_type",
        [FACT_PREVIEW_ORIENTATION] = "photo.preview_orientation",
        [FACT_DAMAGED] = "photo.damaged",
    };
    const struct photo_text text = {name, len};
    enum fact fact = FACT_KIND;

    while (fact < FACT_COUNT && !photo_text_is(text, names[fact])) {
        fact++;
    }
    return fact;
}

enum photo_kind photo_kind_of(const char *name, size_t len)
{
    static const char *const names[] = {
        [PHOTO_PHOTO] = "photo",     [PHOTO_RAW] = "raw",     [PHOTO_VIDEO] = "video",
        [PHOTO_SIDECAR] = "sidecar", [PHOTO_OTHER] = "other",
    };

    for (enum photo_kind kind = PHOTO_PHOTO; kind <= PHOTO_OTHER; kind++) {
        if (photo_text_is((struct photo_text){name, len}, names[kind])) {
            return kind;
        }
    }
    return PHOTO_NONE;
}

static struct photo_text clean(const struct photo_text *text, bool tabs)
{
    const struct photo_text none = {"", 0};

    return photo_text_clean(text->at, text->len, tabs) ? *text : none;
}

static void set_numbers(const struct photo_text *facts, struct photo *photo)
{
    int number = 0;
    int width = 0;
    int height = 0;
    double lat = 0;
    double lon = 0;

    if (parse_in(&facts[FACT_LAT], -90, 90, &lat) && parse_in(&facts[FACT_LON], -180, 180, &lon)) {
        photo->has_place = true;
        photo->lat = lat;
        photo->lon = lon;
    }
    photo->has_rating = parse_whole(&facts[FACT_RATING], -1, 5, &photo->rating);
    if (parse_whole(&facts[FACT_ORIENTATION], 1, 8, &number)) {
        photo->orientation = (unsigned)number;
    }
    photo->preview_orientation = photo->orientation;
    if (parse_whole(&facts[FACT_PREVIEW_ORIENTATION], 1, 8, &number)) {
        photo->preview_orientation = (unsigned)number;
    }
    if (parse_whole(&facts[FACT_WIDTH], 1, PIXELS_MAX, &width) &&
        parse_whole(&facts[FACT_HEIGHT], 1, PIXELS_MAX, &height)) {
        photo->width = (unsigned)width;
        photo->height = (unsigned)height;
    }
    photo->has_duration = parse_in(&facts[FACT_DURATION], 0, DURATION_MAX, &photo->duration);
}

static void set_texts(const struct photo_text *facts, struct photo *photo)
{
    const struct photo_text *taken = &facts[FACT_TAKEN];

    photo->kind_name = clean(&facts[FACT_KIND], false);
    photo->kind = photo_kind_of(photo->kind_name.at, photo->kind_name.len);
    photo->format = clean(&facts[FACT_FORMAT], false);
    if (is_name(&facts[FACT_OF])) {
        photo->of = facts[FACT_OF];
    }
    if (photo_time_parse(taken->at, taken->len, &photo->when)) {
        photo->taken = *taken;
    }
    photo->camera = clean(&facts[FACT_CAMERA], false);
    photo->lens = clean(&facts[FACT_LENS], false);
    photo->keywords = clean(&facts[FACT_KEYWORDS], true);
    if (is_base64(&facts[FACT_PREVIEW]) && is_image_type(&facts[FACT_PREVIEW_TYPE])) {
        photo->preview = facts[FACT_PREVIEW];
        photo->preview_type = facts[FACT_PREVIEW_TYPE];
    }
    photo->damaged = clean(&facts[FACT_DAMAGED], false);
}

bool photo_decode(const struct item_view *item, struct photo *ret_photo)
{
    const struct photo_text none = {"", 0};
    struct item_view left = *item;
    struct photo_text facts[FACT_COUNT];
    struct photo_text value = none;
    const char *name = NULL;
    size_t len = 0;
    bool found = false;

    for (size_t i = 0; i < FACT_COUNT; i++) {
        facts[i] = none;
    }
    while (item_next_extra(&left, &name, &len, &value.at, &value.len)) {
        enum fact fact = fact_of(name, len);
        size_t max = fact == FACT_PREVIEW ? PHOTO_PREVIEW_MAX : PHOTO_TEXT_MAX;
        /* Of two with one name the first counts. */
        if (fact < FACT_COUNT && value.len > 0 && value.len <= max && facts[fact].len == 0) {
            facts[fact] = value;
            found = true;
        }
    }
    if (found) {
        struct photo photo = {
            .of = none, .taken = none, .preview = none, .preview_type = none, .orientation = 1};
        set_texts(facts, &photo);
        set_numbers(facts, &photo);
        *ret_photo = photo;
    }
    return found;
}

/* ---- groups ------------------------------------------------------------------------------- */

static size_t folder_len(const char *path, size_t len)
{
    const char *slash = memrchr(path, '/', len);

    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

size_t photo_stem(const char *path, size_t len)
{
    size_t folder = folder_len(path, len);
    const char *dot = memrchr(path + folder, '.', len - folder);

    /* A name that begins with its only dot has no suffix. */
    return dot != NULL && dot > path + folder ? (size_t)(dot - path) : len;
}

size_t photo_group(const char *path, size_t len, const struct photo *photo)
{
    size_t folder = folder_len(path, len);
    size_t stem = photo->of.len > 0 ? photo_stem(photo->of.at, photo->of.len) : 0;

    return stem > 0 && stem <= len - folder && memcmp(path + folder, photo->of.at, stem) == 0
               ? folder + stem
               : photo_stem(path, len);
}
