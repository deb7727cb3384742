/*
 * Tests of the photos source: what is told of a picture or a film.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/photos/metadata.h"
#include "../../plugins/photos/movie.h"
#include "../../plugins/photos/taken.h"
#include "../harness/photosamples.h"

#include <fcntl.h>
#include <gexiv2/gexiv2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void expect_fact(const struct facts *facts, const char *name, const char *value)
{
    const char *found = facts_get(facts, name);

    if (value == NULL ? found != NULL : found == NULL || strcmp(found, value) != 0)
        fail_msg("%s is '%s' instead of '%s'", name, found != NULL ? found : "(none)",
                 value != NULL ? value : "(none)");
}

static void expect_taken(const char *text, const char *zone, const char *value)
{
    struct facts facts = {0};

    assert_true(taken_add(&facts, text, zone));
    expect_fact(&facts, "photo.taken", value);
    facts_clear(&facts);
}

static void times_of_all_spellings(void **state)
{
    (void)state;
    expect_taken("2024:06:01 18:30:05", "+03:00", "2024-06-01T18:30:05+03:00");
    expect_taken("2024:06:01 18:30:05", NULL, "2024-06-01T18:30:05");
    expect_taken("2024-06-01T18:30:05.25-0330", "+01:00", "2024-06-01T18:30:05-03:30");
    expect_taken("2024-06-01T18:30:05Z", NULL, "2024-06-01T18:30:05Z");
    expect_taken("2024-06-01T18:30", "nonsense", "2024-06-01T18:30:00");
    expect_taken("2024/06/01", NULL, "2024-06-01");
    expect_taken("0000:00:00 00:00:00", NULL, NULL);
    expect_taken("    :  :     :  :  ", NULL, NULL);
    expect_taken("2024:13:01 00:00:00", NULL, NULL);
    expect_taken("2024:02:30 00:00:00", NULL, NULL);
    expect_taken("2024:02:28 24:00:00", NULL, NULL);
    expect_taken("2024:02:28 2", NULL, NULL);
    expect_taken("", NULL, NULL);
}

static void text_is_made_clean(void **state)
{
    struct facts facts = {0};
    char *large = malloc(20001);

    (void)state;
    memset(large, 'x', 20000);
    large[20000] = '\0';
    assert_true(facts_add(&facts, "a", "  Z\xc3\xbcrich \t"));
    assert_true(facts_add(&facts, "b", "Z\xfcrich\x1b[1m"));
    assert_true(facts_add(&facts, "c", " \t "));
    assert_true(facts_add(&facts, "d", "\xf0\x9f\x93\xb7\xed\xa0\x80"));
    assert_true(facts_add(&facts, "e", large));
    assert_true(facts_add(&facts, "a", "again"));
    expect_fact(&facts, "a", "Z\xc3\xbcrich");
    expect_fact(&facts, "b", "Z\xc3\xbcrich [1m");
    expect_fact(&facts, "c", NULL);
    expect_fact(&facts, "d", "\xf0\x9f\x93\xb7\xc3\xad\xc2\xa0\xc2\x80");
    assert_true(strlen(facts_get(&facts, "e")) <= FACT_TEXT_MAX);
    facts_clear(&facts);
    free(large);
}

static void bytes_become_base64(void **state)
{
    struct facts facts = {0};
    static const char zeroes[PREVIEW_MAX + 1];

    (void)state;
    assert_true(facts_add_bytes(&facts, "1", "f", 1));
    assert_true(facts_add_bytes(&facts, "2", "fo", 2));
    assert_true(facts_add_bytes(&facts, "3", "\xff\xfe\xfd", 3));
    assert_true(facts_add_bytes(&facts, "max", zeroes, PREVIEW_MAX));
    assert_true(facts_add_bytes(&facts, "more", zeroes, PREVIEW_MAX + 1));
    expect_fact(&facts, "1", "Zg==");
    expect_fact(&facts, "2", "Zm8=");
    expect_fact(&facts, "3", "//79");
    assert_int_equal(strlen(facts_get(&facts, "max")), FACT_VALUE_MAX);
    expect_fact(&facts, "more", NULL);
    facts_clear(&facts);
}

static void no_more_facts_than_fit(void **state)
{
    struct facts facts = {0};
    char name[20];

    (void)state;
    for (unsigned i = 0; i < FACTS_MAX + 5; i++) {
        (void)snprintf(name, sizeof name, "fact%u", i);
        assert_true(facts_add(&facts, name, "x"));
    }
    assert_int_equal(facts.count, FACTS_MAX);
    facts_clear(&facts);
}

static void expect_place(const char *text, const char *lat, const char *lon, const char *altitude)
{
    struct facts facts = {0};

    assert_true(movie_parse_place(text, &facts));
    expect_fact(&facts, "photo.lat", lat);
    expect_fact(&facts, "photo.lon", lon);
    expect_fact(&facts, "photo.altitude", altitude);
    facts_clear(&facts);
}

static void places_of_films(void **state)
{
    (void)state;
    expect_place("+48.8577+002.2950+035.5/", "48.857700", "2.295000", "35.5");
    expect_place("-01.2921+036.8219/", "-1.292100", "36.821900", NULL);
    expect_place("+4852.5-00230/", "48.875000", "-2.500000", NULL);
    expect_place("+485230-0023000/", "48.875000", "-2.500000", NULL);
    expect_place("+99+002/", NULL, NULL, NULL);
    expect_place("+00+000/", NULL, NULL, NULL);
    expect_place("nowhere", NULL, NULL, NULL);
    expect_place("+", NULL, NULL, NULL);
}

static void put(int fd, struct reader *reader, const struct sample *sample)
{
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, sample->bytes, sample->len, 0), (ssize_t)sample->len);
    reader_init(reader, fd, sample->len);
}

static void films_tell_what_they_know(void **state)
{
    static const char *const formats[] = {"mp4", "mov"};
    static struct reader reader;
    struct sample sample;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct facts facts = {0};
        int fd = memfd_create("film", MFD_CLOEXEC);
        sample_of(formats[i], &sample);
        put(fd, &reader, &sample);
        assert_true(movie_read(&reader, &facts));
        expect_fact(&facts, "photo.taken", "2024-07-01T14:00:00Z");
        expect_fact(&facts, "photo.duration", "12.5");
        expect_fact(&facts, "photo.width", "640");
        expect_fact(&facts, "photo.height", "360");
        expect_fact(&facts, "photo.lat", "-1.292100");
        expect_fact(&facts, "photo.lon", "36.821900");
        facts_clear(&facts);
        assert_int_equal(close(fd), 0);
    }
}

static const char *const tags[][2] = {
    {"Exif.Image.Make", "Canon"},
    {"Exif.Image.Model", "Canon EOS R6 "},
    {"Exif.Image.Orientation", "6"},
    {"Exif.Photo.DateTimeOriginal", "2023:05:14 10:30:00"},
    {"Exif.Photo.OffsetTimeOriginal", "+02:00"},
    {"Exif.Photo.LensModel", "RF24-105mm F4 L"},
    {"Xmp.xmp.Rating", "4"},
};

/* A picture with metadata in a file without a name. */
static int make_picture(double lat, double lon, double altitude)
{
    char path[] = "/tmp/sme-photo-XXXXXX";
    const char *keywords[] = {"paris", "tower\tof iron", NULL};
    GError *failure = NULL;
    struct sample sample;
    int fd = mkostemp(path, O_CLOEXEC);

    assert_true(fd >= 0);
    sample_of("jpeg", &sample);
    assert_int_equal(write(fd, sample.bytes, sample.len), (ssize_t)sample.len);
    assert_int_equal(close(fd), 0);
    assert_true(metadata_prepare());
    GExiv2Metadata *metadata = gexiv2_metadata_new();
    assert_true(gexiv2_metadata_open_path(metadata, path, &failure));
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        assert_true(gexiv2_metadata_try_set_tag_string(metadata, tags[i][0], tags[i][1], &failure));
    assert_true(
        gexiv2_metadata_try_set_tag_multiple(metadata, "Xmp.dc.subject", keywords, &failure));
    assert_true(gexiv2_metadata_try_set_tag_string(metadata, "Iptc.Application2.Keywords", "paris",
                                                   &failure));
    assert_true(gexiv2_metadata_try_set_gps_info(metadata, lon, lat, altitude, &failure));
    gexiv2_metadata_try_set_exif_thumbnail_from_buffer(metadata, sample.bytes, (gint)sample.len,
                                                       &failure);
    assert_true(gexiv2_metadata_save_file(metadata, path, &failure));
    g_object_unref(metadata);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(unlink(path), 0);
    return fd;
}

static void pictures_tell_what_they_know(void **state)
{
    static struct reader reader;
    struct facts facts = {0};
    char why[METADATA_WHY];
    int fd = make_picture(48.8584, 2.2945, 35);

    (void)state;
    reader_init(&reader, fd, (uint64_t)lseek(fd, 0, SEEK_END));
    assert_int_equal(metadata_read(&reader, FORMAT_JPEG, PREVIEW_MAX, &facts, why), SME_OK);
    expect_fact(&facts, "photo.taken", "2023-05-14T10:30:00+02:00");
    expect_fact(&facts, "photo.camera", "Canon EOS R6");
    expect_fact(&facts, "photo.lens", "RF24-105mm F4 L");
    expect_fact(&facts, "photo.orientation", "6");
    expect_fact(&facts, "photo.width", "32");
    expect_fact(&facts, "photo.height", "16");
    expect_fact(&facts, "photo.lat", "48.858400");
    expect_fact(&facts, "photo.lon", "2.294500");
    expect_fact(&facts, "photo.altitude", "35.0");
    expect_fact(&facts, "photo.rating", "4");
    expect_fact(&facts, "photo.keywords", "paris\ttower of iron");
    expect_fact(&facts, "photo.preview_type", "image/jpeg");
    assert_memory_equal(facts_get(&facts, "photo.preview"), "/9j/4AAQSkZJRg", 14);
    facts_clear(&facts);
    assert_int_equal(close(fd), 0);
}

/* South, west and below the sea. */
static void places_have_signs(void **state)
{
    static struct reader reader;
    struct facts facts = {0};
    char why[METADATA_WHY];
    int fd = make_picture(-33.4489, -70.6693, -12.5);

    (void)state;
    reader_init(&reader, fd, (uint64_t)lseek(fd, 0, SEEK_END));
    assert_int_equal(metadata_read(&reader, FORMAT_JPEG, 0, &facts, why), SME_OK);
    expect_fact(&facts, "photo.lat", "-33.448900");
    expect_fact(&facts, "photo.lon", "-70.669300");
    expect_fact(&facts, "photo.altitude", "-12.5");
    facts_clear(&facts);
    assert_int_equal(close(fd), 0);
}

static void no_preview_that_is_too_large(void **state)
{
    static struct reader reader;
    struct facts facts = {0};
    char why[METADATA_WHY];
    int fd = make_picture(48.8584, 2.2945, 35);

    (void)state;
    reader_init(&reader, fd, (uint64_t)lseek(fd, 0, SEEK_END));
    assert_int_equal(metadata_read(&reader, FORMAT_JPEG, 100, &facts, why), SME_OK);
    expect_fact(&facts, "photo.preview", NULL);
    assert_non_null(facts_get(&facts, "photo.taken"));
    facts_clear(&facts);
    assert_int_equal(close(fd), 0);
}

/* What is small enough is its own preview. */
static void a_small_picture_is_its_preview(void **state)
{
    static struct reader reader;
    struct facts facts = {0};
    struct sample sample;
    char why[METADATA_WHY];
    int fd = memfd_create("sample", MFD_CLOEXEC);

    (void)state;
    assert_true(metadata_prepare());
    sample_of("webp", &sample);
    put(fd, &reader, &sample);
    (void)metadata_read(&reader, FORMAT_WEBP, 1024, &facts, why);
    expect_fact(&facts, "photo.preview_type", "image/webp");
    facts_clear(&facts);
    assert_int_equal(close(fd), 0);
}

/* Hostile metadata: whatever comes out, it is a result. */
static void changed_bytes_do_no_harm(void **state)
{
    static struct reader reader;
    static uint8_t good[64 << 10];
    static uint8_t bad[64 << 10];
    char why[METADATA_WHY];
    int from = make_picture(48.8584, 2.2945, 35);
    int fd = memfd_create("sample", MFD_CLOEXEC);
    uint64_t seed = 7;

    (void)state;
    ssize_t len = pread(from, good, sizeof good, 0);
    assert_true(len > 500);
    for (unsigned round = 0; round < 600; round++) {
        struct facts facts = {0};
        memcpy(bad, good, (size_t)len);
        for (unsigned i = 0; i < 1 + round % 8; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bad[(seed >> 33) % (size_t)len] = (uint8_t)(seed >> 24);
        }
        size_t keep = (size_t)len - (size_t)(seed >> 40) % (round % 3 == 0 ? (size_t)len : 1);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, bad, keep, 0), (ssize_t)keep);
        reader_init(&reader, fd, keep);
        int status = metadata_read(&reader, FORMAT_JPEG, 1024, &facts, why);
        assert_true(status == SME_OK || status == SME_E_CORRUPT);
        facts_clear(&facts);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(from), 0);
}

/* The library would take its parser for films, which is not safe, or another that is not meant. */
static void only_pictures_reach_the_parser(void **state)
{
    static const struct {
        const char *sample;
        enum photo_format format;
    } wrong[] = {
        {"mp4", FORMAT_MP4},      {"mov", FORMAT_MOV},  {"mov", FORMAT_HEIC},
        {"png", FORMAT_JPEG},     {"mp4", FORMAT_TIFF}, {"mov", FORMAT_SIDECAR},
        {"jpeg", FORMAT_SIDECAR},
    };
    static struct reader reader;
    struct sample sample;
    int fd = memfd_create("sample", MFD_CLOEXEC);

    (void)state;
    assert_true(metadata_prepare());
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct facts facts = {0};
        char why[METADATA_WHY] = "";
        sample_of(wrong[i].sample, &sample);
        put(fd, &reader, &sample);
        assert_int_equal(metadata_read(&reader, wrong[i].format, 0, &facts, why), SME_E_CORRUPT);
        assert_string_equal(why, "not understood");
        assert_int_equal(facts.count, 0);
    }
    assert_int_equal(close(fd), 0);
}

/* The same for every other format, and for the small files that films come with. */
static void changed_files_of_all_formats_do_no_harm(void **state)
{
    static struct reader reader;
    struct sample sample;
    char why[METADATA_WHY];
    int fd = memfd_create("sample", MFD_CLOEXEC);
    uint64_t seed = 11;

    (void)state;
    assert_true(metadata_prepare());
    for (unsigned round = 0; round < 3600; round++) {
        struct facts facts = {0};
        sample_make(round % sample_count(), &sample);
        for (unsigned i = 0; i < round / sample_count() % 6; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            sample.bytes[(seed >> 33) % sample.len] =
                (uint8_t)(round % 2 == 0 ? seed >> 24 : 0xff * (seed >> 24 & 1));
        }
        put(fd, &reader, &sample);
        int status = metadata_read(&reader, format_recognise(&reader), 1024, &facts, why);
        assert_true(status == SME_OK || status == SME_E_CORRUPT);
        facts_clear(&facts);
    }
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_of_all_spellings),
        cmocka_unit_test(text_is_made_clean),
        cmocka_unit_test(bytes_become_base64),
        cmocka_unit_test(no_more_facts_than_fit),
        cmocka_unit_test(places_of_films),
        cmocka_unit_test(films_tell_what_they_know),
        cmocka_unit_test(pictures_tell_what_they_know),
        cmocka_unit_test(places_have_signs),
        cmocka_unit_test(no_preview_that_is_too_large),
        cmocka_unit_test(a_small_picture_is_its_preview),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(only_pictures_reach_the_parser),
        cmocka_unit_test(changed_files_of_all_formats_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
