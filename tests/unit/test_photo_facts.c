/*
 * Facts of photos as a snapshot has them, and looking for photos by them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/cleanup.h"
#include "../../core/run/photo_filter.h"

#include <stdlib.h>
#include <string.h>

/* ---- an item with facts ------------------------------------------------------------------- */

struct facts {
    struct buf raw;
    uint64_t count;
};

static void facts_free(struct facts *facts)
{
    buf_free(&facts->raw);
}

static void add(struct facts *facts, const char *name, const void *value, size_t len)
{
    buf_varint(&facts->raw, strlen(name));
    buf_add(&facts->raw, name, strlen(name));
    buf_varint(&facts->raw, len);
    buf_add(&facts->raw, value, len);
    facts->count++;
}

static void add_text(struct facts *facts, const char *name, const char *value)
{
    add(facts, name, value, strlen(value));
}

static bool decode(const struct facts *facts, struct photo *ret_photo)
{
    const struct item_view item = {
        .type = SME_ITEM_FILE,
        .extras = wire_of(facts->raw.data, facts->raw.len),
        .extra_count = facts->count,
    };

    return photo_decode(&item, ret_photo);
}

/* With one fact, which is to be judged. */
static struct photo with(const char *name, const char *value)
{
    struct facts facts = {.raw = BUF_INIT(4u << 20)};
    struct photo photo;

    add_text(&facts, "photo.kind", "photo");
    add_text(&facts, name, value);
    assert_true(decode(&facts, &photo));
    facts_free(&facts); /* the texts that are looked at afterwards are only counted */
    return photo;
}

#define assert_text(text, expected)                                                                \
    do {                                                                                           \
        assert_int_equal((text).len, strlen(expected));                                            \
        assert_memory_equal((text).at, expected, strlen(expected));                                \
    } while (0)

/* ---- decoding ----------------------------------------------------------------------------- */

static void all_facts_are_read(void **state)
{
    CLEANUP(facts_free) struct facts facts = {.raw = BUF_INIT(1u << 20)};
    struct photo_text keyword = {"", 0};
    struct photo photo;

    (void)state;
    add_text(&facts, "photo.kind", "raw");
    add_text(&facts, "photo.format", "nef");
    add_text(&facts, "photo.taken", "2024-06-30T09:15:01+03:30");
    add_text(&facts, "photo.camera", "NIKON D750");
    add_text(&facts, "photo.lens", "50/1.8");
    add_text(&facts, "photo.lat", "-1.292100");
    add_text(&facts, "photo.lon", "36.821900");
    add_text(&facts, "photo.rating", "-1");
    add_text(&facts, "photo.keywords", "nairobi\t\tcity at night\t");
    add_text(&facts, "photo.width", "6000");
    add_text(&facts, "photo.height", "4000");
    add_text(&facts, "photo.orientation", "6");
    add_text(&facts, "photo.duration", "12.5");
    add_text(&facts, "photo.preview", "QUJDRA==");
    add_text(&facts, "photo.preview_type", "image/jpeg");
    add_text(&facts, "photo.damaged", "is cut off");
    add_text(&facts, "photo.unheard", "of");
    assert_true(decode(&facts, &photo));
    assert_int_equal(photo.kind, PHOTO_RAW);
    assert_text(photo.kind_name, "raw");
    assert_text(photo.format, "nef");
    assert_text(photo.taken, "2024-06-30T09:15:01+03:30");
    assert_true(photo.when.has_date && photo.when.has_clock && photo.when.has_zone);
    assert_int_equal(photo.when.year, 2024);
    assert_int_equal(photo.when.month, 6);
    assert_int_equal(photo.when.day, 30);
    assert_int_equal(photo.when.hour, 9);
    assert_int_equal(photo.when.minute, 15);
    assert_int_equal(photo.when.second, 1);
    assert_int_equal(photo.when.zone, 210);
    assert_text(photo.camera, "NIKON D750");
    assert_text(photo.lens, "50/1.8");
    assert_true(photo.has_place);
    assert_true(photo.lat > -1.29211 && photo.lat < -1.29209);
    assert_true(photo.lon > 36.82189 && photo.lon < 36.82191);
    assert_true(photo.has_rating);
    assert_int_equal(photo.rating, -1);
    assert_true(photo_next_keyword(&photo.keywords, &keyword));
    assert_text(keyword, "nairobi");
    assert_true(photo_next_keyword(&photo.keywords, &keyword));
    assert_text(keyword, "city at night");
    assert_false(photo_next_keyword(&photo.keywords, &keyword));
    assert_int_equal(photo.width, 6000);
    assert_int_equal(photo.height, 4000);
    assert_int_equal(photo.orientation, 6);
    assert_true(photo.has_duration && photo.duration > 12.4 && photo.duration < 12.6);
    assert_text(photo.preview, "QUJDRA==");
    assert_text(photo.preview_type, "image/jpeg");
    assert_text(photo.damaged, "is cut off");
}

static void an_item_without_facts_is_no_photo(void **state)
{
    CLEANUP(facts_free) struct facts facts = {.raw = BUF_INIT(1024)};
    struct photo photo = {.rating = 77};

    (void)state;
    assert_false(decode(&facts, &photo));
    add_text(&facts, "kind", "photo");
    add_text(&facts, "photo.", "photo");
    add_text(&facts, "photo.kind", "");
    assert_false(decode(&facts, &photo));
    assert_int_equal(photo.rating, 77);
}

static void what_is_missing_is_empty(void **state)
{
    struct photo photo = with("photo.of", "IMG_1.JPG");

    (void)state;
    assert_int_equal(photo.of.len, 9);
    assert_int_equal(photo.orientation, 1);
    assert_false(photo.has_place || photo.has_rating || photo.has_duration || photo.when.has_date);
    assert_int_equal(photo.taken.len + photo.preview.len + photo.camera.len + photo.width, 0);
}

static void bad_values_are_as_good_as_missing(void **state)
{
    static const char *const times[] = {
        "",
        "2024",
        "2024-13-01",
        "2024-00-10",
        "2023-02-29",
        "2024-06-31",
        "0000-01-01",
        "24-06-01",
        "2024/06/01",
        "2024-06-01T",
        "2024-06-01T25:00:00",
        "2024-06-01T10:00",
        "2024-06-01T10:00:61",
        "2024-06-01T10:00:00+15:00",
        "2024-06-01T10:00:00+14:30",
        "2024-06-01T10:00:00 ",
        "2024-06-01T10:00:00Zx",
        "../../etc/x",
    };
    static const char *const numbers[] = {
        "nan", "inf", "1e3", "0x10", " 1",    "1 ",
        "1,5", "--1", "+",   ".",    "1.2.3", "99999999999999999999999999999999999"};
    static const char *const names[] = {"photo.rating", "photo.orientation", "photo.duration"};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct photo photo = with("photo.taken", times[i]);
        assert_false(photo.when.has_date);
        assert_int_equal(photo.taken.len, 0);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            struct photo photo = with(names[k], numbers[i]);
            assert_false(photo.has_rating || photo.has_duration);
            assert_int_equal(photo.orientation, 1);
        }
    }
    assert_false(with("photo.rating", "6").has_rating);
    assert_false(with("photo.rating", "-2").has_rating);
    assert_false(with("photo.rating", "2.5").has_rating);
    assert_int_equal(with("photo.orientation", "9").orientation, 1);
    assert_int_equal(with("photo.kind", "").kind, PHOTO_PHOTO);
    assert_int_equal(with("photo.camera", "a\x1b[2Jb").camera.len, 0);
    assert_int_equal(with("photo.camera", "a\nb").camera.len, 0);
    assert_int_equal(with("photo.camera", "a\tb").camera.len, 0);
    assert_int_equal(with("photo.camera", "a\xc2\x9b"
                                          "b")
                         .camera.len,
                     0);
    assert_int_equal(with("photo.camera", "a\xff"
                                          "b")
                         .camera.len,
                     0);
    assert_int_equal(with("photo.camera", "a\xed\xa0\x80").camera.len, 0);
    assert_int_equal(with("photo.camera", "a\xc0\xaf").camera.len, 0);
    assert_int_equal(with("photo.camera", "a\xe2\x82").camera.len, 0);
    assert_int_equal(with("photo.camera", "Z\xc3\xbcrich \xf0\x9f\x93\xb7").camera.len, 12);
    assert_int_equal(with("photo.of", "../secret").of.len, 0);
    assert_int_equal(with("photo.of", "..").of.len, 0);
    assert_int_equal(with("photo.of", ".").of.len, 0);
}

static void places_and_sizes_need_both_numbers(void **state)
{
    static const char *const bad[][2] = {
        {"90.1", "0"}, {"-90.1", "0"}, {"0", "180.1"}, {"0", "-181"}, {"x", "0"}, {"0", ""},
    };

    (void)state;
    assert_false(with("photo.lat", "1").has_place);
    assert_int_equal(with("photo.width", "100").width, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CLEANUP(facts_free) struct facts facts = {.raw = BUF_INIT(1024)};
        struct photo photo;
        add_text(&facts, "photo.lat", bad[i][0]);
        add_text(&facts, "photo.lon", bad[i][1]);
        assert_true(decode(&facts, &photo));
        assert_false(photo.has_place);
    }
}

static void a_preview_is_base64_of_a_picture(void **state)
{
    static const char *const bad[][2] = {
        {"QUJD\"onload=", "image/jpeg"}, {"QUJ", "image/jpeg"},      {"====", "image/jpeg"},
        {"QU=D", "image/jpeg"},          {"QUJD", "text/html"},      {"QUJD", "image/"},
        {"QUJD", "image/x\" onload=\""}, {"QUJD", "image/jpeg;x=1"}, {"QUJD", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CLEANUP(facts_free) struct facts facts = {.raw = BUF_INIT(1024)};
        struct photo photo;
        add_text(&facts, "photo.preview", bad[i][0]);
        add_text(&facts, "photo.preview_type", bad[i][1]);
        assert_true(decode(&facts, &photo));
        assert_int_equal(photo.preview.len + photo.preview_type.len, 0);
    }
}

static void nul_bytes_and_long_texts_are_refused(void **state)
{
    CLEANUP(facts_free) struct facts facts = {.raw = BUF_INIT(1u << 20)};
    CLEANUP(free_ptr) char *text = malloc(PHOTO_TEXT_MAX + 1);
    struct photo photo;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', PHOTO_TEXT_MAX + 1);
    add(&facts, "photo.camera", text, PHOTO_TEXT_MAX + 1);
    add(&facts, "photo.lens", text, PHOTO_TEXT_MAX);
    add(&facts, "photo.damaged", "a\0b", 3);
    add(&facts, "photo.of", "a\0b", 3);
    assert_true(decode(&facts, &photo));
    assert_int_equal(photo.camera.len, 0);
    assert_int_equal(photo.lens.len, PHOTO_TEXT_MAX);
    assert_int_equal(photo.damaged.len, 0);
    assert_int_equal(photo.of.len, 0);
}

static void of_two_facts_the_first_counts_and_a_cut_off_list_ends(void **state)
{
    CLEANUP(facts_free) struct facts facts = {.raw = BUF_INIT(1024)};
    struct photo photo;

    (void)state;
    add_text(&facts, "photo.kind", "video");
    add_text(&facts, "photo.kind", "photo");
    add_text(&facts, "photo.camera", "X100");
    facts.raw.len -= 2;
    assert_true(decode(&facts, &photo));
    assert_int_equal(photo.kind, PHOTO_VIDEO);
    assert_int_equal(photo.camera.len, 0);
}

static size_t group_of(const char *path, const char *owner)
{
    struct photo photo = {.of = {owner, strlen(owner)}};

    return photo_group(path, strlen(path), &photo);
}

static void groups_have_folder_and_stem_in_common(void **state)
{
    (void)state;
    assert_int_equal(group_of("a/IMG_1.JPG", ""), 7);
    assert_int_equal(group_of("a/IMG_1.JPG.xmp", "IMG_1.JPG"), 7);
    assert_int_equal(group_of("a/IMG_1.xmp", "IMG_1.RAF"), 7);
    assert_int_equal(group_of("a/p.jpg.supplemental-metadata.json", "p.jpg"), 3);
    assert_int_equal(group_of("a.b/IMG", ""), 7);
    assert_int_equal(group_of("a/.jpg", ""), 6);
    /* What says that it belongs to a file of quite another name is alone. */
    assert_int_equal(group_of("a/x.xmp", "IMG_1.RAF"), 3);
    assert_int_equal(group_of("a/x.xmp", "x-and-much-longer.RAF"), 3);
}

/* ---- looking ------------------------------------------------------------------------------ */

static bool taken(const char *range, const char *when)
{
    struct sme_error err = SME_ERROR_INIT;
    struct photo_filter filter = {.has_taken = false};
    struct photo photo = {.kind = PHOTO_PHOTO};

    if (photo_filter_taken(&filter, range, &err) < 0) {
        fail_msg("%s: %s", range, err.message);
    }
    assert_true(photo_filter_is_set(&filter));
    (void)photo_time_parse(when, strlen(when), &photo.when);
    return photo_filter_match(&filter, &photo);
}

static void ranges_include_the_end_with_all_its_days(void **state)
{
    (void)state;
    assert_true(taken("2024", "2024-01-01T00:00:00"));
    assert_true(taken("2024", "2024-12-31T23:59:59+14:00"));
    assert_false(taken("2024", "2025-01-01T00:00:00"));
    assert_true(taken("2024-06", "2024-06-30"));
    assert_false(taken("2024-06", "2024-07-01"));
    assert_true(taken("2024-06-01", "2024-06-01T23:59:60"));
    assert_false(taken("2024-06-01", "2024-06-02"));
    assert_false(taken("2024-06..2024-08", "2024-05-31T23:59:59"));
    assert_true(taken("2024-06..2024-08", "2024-06-01T00:00:00"));
    assert_true(taken("2024-06..2024-08", "2024-08-31T23:59:59-11:00"));
    assert_false(taken("2024-06..2024-08", "2024-09-01"));
    assert_true(taken("..2024-08", "0001-01-01"));
    assert_true(taken("..2024-08", "2024-08-31"));
    assert_false(taken("..2024-08", "2024-09-01"));
    assert_true(taken("2024-06..", "9999-12-31"));
    assert_false(taken("2024-06..", "2024-05-31"));
    assert_true(taken("2023..2024-06-01", "2024-06-01T12:00:00"));
    assert_false(taken("2024", ""));
    assert_false(taken("..2024", "not a date"));
}

static void bad_ranges_are_refused_and_change_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "..",
        "24",
        "2024-6",
        "2024-06-31",
        "2024-13",
        "2024..2023",
        "2024-06..2024-05",
        "2024...2025",
        "2024-06-01..x",
        "yesterday",
        "0000",
        "2024-06-01T10:00",
        "2024 ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sme_error err = SME_ERROR_INIT;
        struct photo_filter filter = {.has_taken = false};
        if (photo_filter_taken(&filter, bad[i], &err) != SME_E_INVALID) {
            fail_msg("'%s' was taken", bad[i]);
        }
        assert_non_null(strstr(err.message, "--taken"));
        assert_false(filter.has_taken);
    }
}

static bool rated(const char *range, int rating, bool has_rating)
{
    struct sme_error err = SME_ERROR_INIT;
    struct photo_filter filter = {.has_rating = false};
    const struct photo photo = {.has_rating = has_rating, .rating = rating};

    assert_int_equal(photo_filter_rating(&filter, range, &err), SME_OK);
    return photo_filter_match(&filter, &photo);
}

static void ratings_are_ranges_too(void **state)
{
    static const char *const bad[] = {"", "6", "-2", "..", "5..4", "x", "3.", "1.5", "10"};

    (void)state;
    assert_true(rated("4", 4, true));
    assert_false(rated("4", 5, true));
    assert_true(rated("4..", 5, true));
    assert_false(rated("4..", 3, true));
    assert_true(rated("..2", -1, true));
    assert_true(rated("-1", -1, true));
    assert_true(rated("2..4", 4, true));
    assert_false(rated("0..", 0, false));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sme_error err = SME_ERROR_INIT;
        struct photo_filter filter = {.has_rating = false};
        assert_int_equal(photo_filter_rating(&filter, bad[i], &err), SME_E_INVALID);
        assert_false(filter.has_rating);
    }
}

static void assert_metres(double got, double expected)
{
    if (got < expected * 0.997 - 1 || got > expected * 1.003 + 1) {
        fail_msg("%f m instead of %f m", got, expected);
    }
}

static void distances_go_around_the_globe(void **state)
{
    (void)state;
    assert_metres(photo_distance(0, 0, 0, 0), 0);
    assert_metres(photo_distance(0, 0, 0, 1), 111195);
    assert_metres(photo_distance(60, 10, 60, 11), 55597);
    assert_metres(photo_distance(48.8566, 2.3522, 52.5200, 13.4050), 877500);
    assert_metres(photo_distance(10, 179.9, 10, -179.9), 21902);
    assert_metres(photo_distance(90, 0, 90, 120), 0);
    assert_metres(photo_distance(0, 0, 0, 180), 20015115);
    assert_metres(photo_distance(-90, 0, 90, 0), 20015115);
}

static bool near(const char *place, double lat, double lon)
{
    struct sme_error err = SME_ERROR_INIT;
    struct photo_filter filter = {.has_near = false};
    const struct photo photo = {.has_place = true, .lat = lat, .lon = lon};

    if (photo_filter_near(&filter, place, &err) < 0) {
        fail_msg("%s: %s", place, err.message);
    }
    return photo_filter_match(&filter, &photo);
}

static void places_are_near_within_the_radius(void **state)
{
    static const char *const bad[] = {
        "",         "1,2",       "1,2,3",       "1,2,3mi",   "91,0,1km", "0,181,1km",
        "1,2,0km",  "1,2,-3km",  "1,2,30000km", "a,2,3km",   "1;2;3km",  "1,2,3km,",
        "1,2,3kmx", "nan,0,1km", "1,2,km",      "1e1,2,3km",
    };
    struct sme_error err = SME_ERROR_INIT;
    struct photo_filter filter = {.has_near = false};
    const struct photo nowhere = {.has_place = false};

    (void)state;
    assert_true(near("-1.29,36.82,5km", -1.2921, 36.8219));
    assert_false(near("-1.29,36.82,5km", -1.3733, 36.8580));
    assert_true(near("-1.29,36.82,0.5km", -1.2921, 36.8219));
    assert_true(near("-1.2921, 36.8219, 1m", -1.2921, 36.8219));
    assert_false(near("-1.29,36.82,300m", -1.2921, 36.8239));
    assert_true(near("10,179.99,5km", 10, -179.99));
    assert_int_equal(photo_filter_near(&filter, "0,0,20000km", &err), SME_OK);
    assert_false(photo_filter_match(&filter, &nowhere));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct photo_filter untouched = {.has_near = false};
        if (photo_filter_near(&untouched, bad[i], &err) != SME_E_INVALID) {
            fail_msg("'%s' was taken", bad[i]);
        }
        assert_false(untouched.has_near);
    }
}

static bool camera(const char *word, const char *name)
{
    CLEANUP(photo_filter_done) struct photo_filter filter = {.camera = NULL};
    struct sme_error err = SME_ERROR_INIT;
    const struct photo photo = {.camera = {name, strlen(name)}};

    assert_int_equal(photo_filter_word(&filter.camera, "camera", word, &err), SME_OK);
    return photo_filter_match(&filter, &photo);
}

static void words_are_parts_or_patterns_in_any_case(void **state)
{
    CLEANUP(photo_filter_done) struct photo_filter filter = {.camera = NULL};
    struct sme_error err = SME_ERROR_INIT;
    const char keywords[] = "nairobi\tTierpark Z\xc3\xbcrich";
    const struct photo photo = {.keywords = {keywords, sizeof keywords - 1}};

    (void)state;
    assert_true(camera("x-t4", "FUJIFILM X-T4"));
    assert_true(camera("FUJI", "FUJIFILM X-T4"));
    assert_false(camera("x-t5", "FUJIFILM X-T4"));
    assert_true(camera("fuji*t4", "FUJIFILM X-T4"));
    assert_false(camera("x-t?", "FUJIFILM X-T4"));
    assert_true(camera("*x-t[0-9]", "FUJIFILM X-T4"));
    assert_true(camera("24*f/4", "24-105mm F/4"));
    assert_true(camera("*mm*", "EF 24/2.8 50mm F/4"));
    assert_false(camera("x", ""));
    assert_int_equal(photo_filter_word(&filter.keyword, "keyword", "Z\xc3\x9cRICH", &err), SME_OK);
    assert_true(photo_filter_match(&filter, &photo));
    assert_int_equal(photo_filter_word(&filter.keyword, "keyword", "nairobi*rich", &err), SME_OK);
    assert_false(photo_filter_match(&filter, &photo));
    assert_int_equal(photo_filter_word(&filter.keyword, "keyword", "", &err), SME_E_INVALID);
    assert_string_equal(filter.keyword, "nairobi*rich");
}

static void kinds_and_damage_are_asked_for(void **state)
{
    struct photo_filter filter = {.kinds = 0};
    struct sme_error err = SME_ERROR_INIT;
    struct photo photo = {.kind = PHOTO_RAW};

    (void)state;
    assert_int_equal(photo_filter_kind(&filter, "photo,raw", &err), SME_OK);
    assert_true(photo_filter_match(&filter, &photo));
    photo.kind = PHOTO_VIDEO;
    assert_false(photo_filter_match(&filter, &photo));
    photo.kind = PHOTO_NONE;
    assert_false(photo_filter_match(&filter, &photo));
    assert_int_equal(photo_filter_kind(&filter, "film", &err), SME_E_INVALID);
    assert_int_equal(photo_filter_kind(&filter, "photo,", &err), SME_E_INVALID);
    assert_int_equal(photo_filter_kind(&filter, "", &err), SME_E_INVALID);
    filter = (struct photo_filter){.damaged = true};
    assert_false(photo_filter_match(&filter, &photo));
    photo.damaged = (struct photo_text){"is empty", 8};
    assert_true(photo_filter_match(&filter, &photo));
}

static void without_facts_only_an_empty_filter_matches(void **state)
{
    const struct photo_filter empty = {.kinds = 0};
    const struct photo_filter damaged = {.damaged = true};

    (void)state;
    assert_false(photo_filter_is_set(&empty));
    assert_true(photo_filter_match(&empty, NULL));
    assert_false(photo_filter_match(&damaged, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_facts_are_read),
        cmocka_unit_test(an_item_without_facts_is_no_photo),
        cmocka_unit_test(what_is_missing_is_empty),
        cmocka_unit_test(bad_values_are_as_good_as_missing),
        cmocka_unit_test(places_and_sizes_need_both_numbers),
        cmocka_unit_test(a_preview_is_base64_of_a_picture),
        cmocka_unit_test(nul_bytes_and_long_texts_are_refused),
        cmocka_unit_test(of_two_facts_the_first_counts_and_a_cut_off_list_ends),
        cmocka_unit_test(groups_have_folder_and_stem_in_common),
        cmocka_unit_test(ranges_include_the_end_with_all_its_days),
        cmocka_unit_test(bad_ranges_are_refused_and_change_nothing),
        cmocka_unit_test(ratings_are_ranges_too),
        cmocka_unit_test(distances_go_around_the_globe),
        cmocka_unit_test(places_are_near_within_the_radius),
        cmocka_unit_test(words_are_parts_or_patterns_in_any_case),
        cmocka_unit_test(kinds_and_damage_are_asked_for),
        cmocka_unit_test(without_facts_only_an_empty_filter_matches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
