/*
 * What the metadata of a picture says, through gexiv2.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "metadata.h"
#include "taken.h"

#include <gexiv2/gexiv2.h>
#include <math.h>
#include <stdlib.h>

/* Of a JPEG file only what precedes the picture is wanted. */
#define JPEG_MAX (UINT64_C(4) << 20)
#define KEYWORDS_MAX 200u

bool metadata_prepare(void)
{
    gexiv2_log_set_level(GEXIV2_LOG_LEVEL_MUTE);
    return gexiv2_initialize() != FALSE;
}

/* The text of the first of the tags that has one; to be freed, or NULL. */
static char *text_of(GExiv2Metadata *metadata, const char *const *tags)
{
    for (size_t i = 0; tags[i] != NULL; i++) {
        GError *failure = NULL;
        char *text = gexiv2_metadata_try_get_tag_string(metadata, tags[i], &failure);
        g_clear_error(&failure);
        if (text != NULL && text[0] != '\0')
            return text;
        g_free(text);
    }
    return NULL;
}

#define TEXT_OF(metadata, ...) text_of(metadata, (const char *const[]){__VA_ARGS__, NULL})

static bool add_text(struct facts *facts, const char *name, char *text)
{
    bool done = text == NULL || facts_add(facts, name, text);
    g_free(text);
    return done;
}

static bool add_taken(GExiv2Metadata *metadata, struct facts *facts)
{
    static const char *const tags[][2] = {
        {"Exif.Photo.DateTimeOriginal", "Exif.Photo.OffsetTimeOriginal"},
        {"Exif.Image.DateTimeOriginal", "Exif.Photo.OffsetTimeOriginal"},
        {"Xmp.exif.DateTimeOriginal", NULL},
        {"Exif.Photo.DateTimeDigitized", "Exif.Photo.OffsetTimeDigitized"},
        {"Xmp.photoshop.DateCreated", NULL},
        {"Xmp.xmp.CreateDate", NULL},
        {"Exif.Image.DateTime", "Exif.Photo.OffsetTime"},
    };
    bool done = true;

    for (size_t i = 0; done && i < sizeof tags / sizeof tags[0]; i++) {
        char *text = TEXT_OF(metadata, tags[i][0]);
        char *zone = tags[i][1] != NULL ? TEXT_OF(metadata, tags[i][1]) : NULL;
        done = text == NULL || taken_add(facts, text, zone);
        g_free(text);
        g_free(zone);
        if (facts_get(facts, "photo.taken") != NULL)
            break;
    }
    return done;
}

/* "NIKON CORPORATION" and "NIKON D750" are one name, as are "Canon" and "Canon EOS R6". */
static bool add_camera(GExiv2Metadata *metadata, struct facts *facts)
{
    char *make = TEXT_OF(metadata, "Exif.Image.Make", "Xmp.tiff.Make");
    char *model =
        TEXT_OF(metadata, "Exif.Image.Model", "Exif.Image.UniqueCameraModel", "Xmp.tiff.Model");
    bool done = true;

    if (make != NULL)
        g_strstrip(make);
    if (model != NULL)
        g_strstrip(model);
    size_t word = make != NULL ? strcspn(make, " ") : 0;
    if (make == NULL || model == NULL || model[0] == '\0')
        done = model != NULL && model[0] != '\0'
                   ? facts_add(facts, "photo.camera", model)
                   : make == NULL || facts_add(facts, "photo.camera", make);
    else if (word > 0 && g_ascii_strncasecmp(make, model, word) == 0)
        done = facts_add(facts, "photo.camera", model);
    else
        done = facts_add_format(facts, "photo.camera", "%.200s %.200s", make, model);
    g_free(make);
    g_free(model);
    return done;
}

static bool add_size(GExiv2Metadata *metadata, struct facts *facts)
{
    GError *failure = NULL;
    gint width = gexiv2_metadata_get_pixel_width(metadata);
    gint height = gexiv2_metadata_get_pixel_height(metadata);

    if (width <= 0 || height <= 0) {
        width = gexiv2_metadata_try_get_metadata_pixel_width(metadata, &failure);
        g_clear_error(&failure);
        height = gexiv2_metadata_try_get_metadata_pixel_height(metadata, &failure);
        g_clear_error(&failure);
    }
    if (width <= 0 || height <= 0)
        return true;
    return facts_add_format(facts, "photo.width", "%d", width) &&
           facts_add_format(facts, "photo.height", "%d", height);
}

static bool add_orientation(GExiv2Metadata *metadata, struct facts *facts)
{
    GError *failure = NULL;
    int orientation = (int)gexiv2_metadata_try_get_orientation(metadata, &failure);

    g_clear_error(&failure);
    return orientation < 1 || orientation > 8 ||
           facts_add_format(facts, "photo.orientation", "%d", orientation);
}

static bool add_place(GExiv2Metadata *metadata, struct facts *facts)
{
    double lat = NAN;
    double lon = NAN;
    double altitude = NAN;
    GError *failure = NULL;
    bool has_lat = gexiv2_metadata_try_get_gps_latitude(metadata, &lat, &failure) != FALSE;
    g_clear_error(&failure);
    bool has_lon = gexiv2_metadata_try_get_gps_longitude(metadata, &lon, &failure) != FALSE;
    g_clear_error(&failure);
    bool has_altitude =
        gexiv2_metadata_try_get_gps_altitude(metadata, &altitude, &failure) != FALSE;
    g_clear_error(&failure);

    /* Written so that what is no number fails the comparisons. */
    if (!has_lat || !has_lon || !(fabs(lat) <= 90) || !(fabs(lon) <= 180))
        return true;
    /* Exactly here is what devices write that do not know where they are. */
    if (fpclassify(lat) == FP_ZERO && fpclassify(lon) == FP_ZERO)
        return true;
    if (!facts_add_format(facts, "photo.lat", "%.6f", lat) ||
        !facts_add_format(facts, "photo.lon", "%.6f", lon))
        return false;
    return !has_altitude || !(fabs(altitude) < 100000) ||
           facts_add_format(facts, "photo.altitude", "%.1f", altitude);
}

static bool add_rating(GExiv2Metadata *metadata, struct facts *facts)
{
    char *text = TEXT_OF(metadata, "Xmp.xmp.Rating", "Exif.Image.Rating");
    bool done = true;

    if (text != NULL) {
        char *end = NULL;
        double rating = g_ascii_strtod(text, &end);
        /* -1 is what was rejected, 0 what was never rated */
        if (end != text && rating >= -1 && rating <= 5 && lround(rating) != 0)
            done = facts_add_format(facts, "photo.rating", "%ld", lround(rating));
    }
    g_free(text);
    return done;
}

static void collect_keywords(GExiv2Metadata *metadata, const char *tag, GPtrArray *all)
{
    GError *failure = NULL;
    gchar **some = gexiv2_metadata_try_get_tag_multiple(metadata, tag, &failure);

    g_clear_error(&failure);
    for (size_t i = 0; some != NULL && some[i] != NULL; i++) {
        bool known = false;
        /* The same word may be there in UTF-8 and, in older fields, in Latin-1. */
        char *word = g_utf8_validate(some[i], -1, NULL)
                         ? g_strdup(some[i])
                         : g_convert(some[i], -1, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);
        if (word == NULL)
            continue;
        (void)g_strdelimit(word, "\t\r\n", ' ');
        g_strstrip(word);
        for (guint k = 0; k < all->len && !known; k++)
            known = strcmp(g_ptr_array_index(all, k), word) == 0;
        if (!known && word[0] != '\0' && all->len < KEYWORDS_MAX)
            g_ptr_array_add(all, g_steal_pointer(&word));
        g_free(word);
    }
    g_strfreev(some);
}

static bool add_keywords(GExiv2Metadata *metadata, struct facts *facts)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
    bool done = true;

    collect_keywords(metadata, "Xmp.dc.subject", all);
    collect_keywords(metadata, "Iptc.Application2.Keywords", all);
    if (all->len > 0) {
        g_ptr_array_add(all, NULL);
        char *joined = g_strjoinv("\t", (gchar **)all->pdata);
        done = facts_add(facts, "photo.keywords", joined);
        g_free(joined);
    }
    g_ptr_array_free(all, TRUE);
    return done;
}

/* The largest of the embedded pictures that a browser can show and that is not too large. */
static bool add_preview(GExiv2Metadata *metadata, size_t max, struct facts *facts)
{
    GExiv2PreviewProperties **list = gexiv2_metadata_get_preview_properties(metadata);
    GExiv2PreviewProperties *best = NULL;
    bool done = true;

    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        const char *type = gexiv2_preview_properties_get_mime_type(list[i]);
        guint32 size = gexiv2_preview_properties_get_size(list[i]);
        if (type != NULL && strcmp(type, "image/jpeg") == 0 && size > 0 && size <= max &&
            (best == NULL || size > gexiv2_preview_properties_get_size(best)))
            best = list[i];
    }
    if (best != NULL) {
        GError *failure = NULL;
        GExiv2PreviewImage *image = gexiv2_metadata_try_get_preview_image(metadata, best, &failure);
        guint32 size = 0;
        const guint8 *data = image != NULL ? gexiv2_preview_image_get_data(image, &size) : NULL;
        g_clear_error(&failure);
        if (data != NULL && size > 3 && size <= max && data[0] == 0xff && data[1] == 0xd8)
            done = facts_add_bytes(facts, "photo.preview", data, size) &&
                   facts_add(facts, "photo.preview_type", "image/jpeg");
        g_clear_object(&image);
    }
    return done;
}

bool metadata_add_itself(struct reader *reader, enum photo_format format, size_t max,
                         struct facts *facts)
{
    const char *type = format_of(format)->browser;
    const uint8_t *data =
        type != NULL && reader->size <= max ? reader_at(reader, 0, (size_t)reader->size) : NULL;

    return data == NULL || (facts_add_bytes(facts, "photo.preview", data, (size_t)reader->size) &&
                            facts_add(facts, "photo.preview_type", type));
}

static bool add_all(GExiv2Metadata *metadata, size_t preview_max, struct facts *facts)
{
    return add_taken(metadata, facts) && add_camera(metadata, facts) &&
           add_text(
               facts, "photo.lens",
               TEXT_OF(metadata, "Exif.Photo.LensModel", "Xmp.exifEX.LensModel", "Xmp.aux.Lens")) &&
           add_orientation(metadata, facts) && add_size(metadata, facts) &&
           add_place(metadata, facts) && add_rating(metadata, facts) &&
           add_keywords(metadata, facts) &&
           (preview_max == 0 || add_preview(metadata, preview_max, facts));
}

/* A copy of the file's beginning; NULL without memory, or if it cannot be read (${reader} knows).
 */
static uint8_t *copy_beginning(struct reader *reader, uint64_t max, size_t *ret_len)
{
    size_t len = (size_t)(reader->size < max ? reader->size : max);
    uint8_t *copy = malloc(len > 0 ? len : 1);

    for (size_t at = 0; copy != NULL && at < len;) {
        size_t some;
        const uint8_t *p = reader_some(reader, at, &some);
        if (p == NULL) {
            len = at;
            break;
        }
        if (some > len - at)
            some = len - at;
        memcpy(copy + at, p, some);
        at += some;
    }
    *ret_len = len;
    return copy;
}

/* Nothing but blanks and a byte order mark before the first '<'? */
static bool is_markup(const uint8_t *p, size_t len)
{
    size_t at = len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (at < len && g_ascii_isspace((gchar)p[at]))
        at++;
    return at < len && p[at] == '<';
}

/*
 * Does the copy begin as its format does?  The library chooses a parser by the content alone, and
 * those that it has for films and for forgotten formats write behind their buffers.  So only
 * what is certain to get one of the others is handed to it.
 */
static bool is_fit(const uint8_t *p, size_t len, enum photo_format format)
{
    if (format == FORMAT_SIDECAR)
        return is_markup(p, len);
    if (len < 16)
        return false;
    switch (format_of(format)->layout) {
    case LAYOUT_JPEG:
        return memcmp(p, "\xff\xd8\xff", 3) == 0;
    case LAYOUT_PNG:
        return memcmp(p, "\x89PNG", 4) == 0;
    case LAYOUT_GIF:
        return memcmp(p, "GIF8", 4) == 0;
    case LAYOUT_WEBP:
        return memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0;
    case LAYOUT_RAF:
        return memcmp(p, "FUJIFILM", 8) == 0;
    case LAYOUT_TIFF:
        return p[0] == p[1] && (p[0] == 'I' || p[0] == 'M') && memcmp(p + 6, "HEAP", 4) != 0;
    case LAYOUT_BMFF:
        return strcmp(format_of(format)->kind, "video") != 0 && memcmp(p + 4, "ftyp", 4) == 0 &&
               memcmp(p + 8, "qt  ", 4) != 0;
    case LAYOUT_NONE:
        break;
    }
    return false;
}

int metadata_read(struct reader *reader, enum photo_format format, size_t preview_max,
                  struct facts *facts, char *why)
{
    size_t len = 0;
    uint64_t max = format == FORMAT_JPEG ? JPEG_MAX : METADATA_MAX;
    uint8_t *copy = copy_beginning(reader, max, &len);
    GError *failure = NULL;

    if (copy == NULL)
        return SME_E_NO_MEMORY;
    GExiv2Metadata *metadata = is_fit(copy, len, format) ? gexiv2_metadata_new() : NULL;
    bool opened =
        metadata != NULL && gexiv2_metadata_open_buf(metadata, copy, (glong)len, &failure);
    bool done = true;
    if (opened)
        done = add_all(metadata, preview_max, facts);
    else
        (void)snprintf(why, METADATA_WHY, "%s",
                       failure != NULL && failure->message != NULL ? failure->message
                                                                   : "not understood");
    g_clear_error(&failure);
    g_clear_object(&metadata);
    free(copy);
    if (done && facts_get(facts, "photo.preview") == NULL && preview_max > 0)
        done = metadata_add_itself(reader, format, preview_max, facts);
    if (!done)
        return SME_E_NO_MEMORY;
    return opened ? SME_OK : SME_E_CORRUPT;
}
