/*
 * Tests of the photos source: formats are known by content, and cut-off or broken files are found.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/photos/movie.h"
#include "../../plugins/photos/structure.h"
#include "../harness/photosamples.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct bench {
    int fd;
    struct sample sample;
    struct reader reader;
    char why[STRUCTURE_TEXT];
};

static int set_up(void **state)
{
    static struct bench bench;

    bench.fd = memfd_create("sample", MFD_CLOEXEC);
    *state = &bench;
    return bench.fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    return close(bench->fd);
}

/* The first ${len} bytes of the sample are the file. */
static void put(struct bench *bench, size_t len)
{
    assert_int_equal(ftruncate(bench->fd, 0), 0);
    assert_int_equal(pwrite(bench->fd, bench->sample.bytes, len, 0), (ssize_t)len);
    reader_init(&bench->reader, bench->fd, len);
}

static enum photo_format recognise(struct bench *bench)
{
    put(bench, bench->sample.len);
    return format_recognise(&bench->reader);
}

static enum structure check(struct bench *bench)
{
    enum photo_format format = recognise(bench);
    bench->why[0] = '\0';
    return structure_check(&bench->reader, format, bench->why);
}

static void every_format_is_known_by_content(void **state)
{
    struct bench *bench = *state;

    for (size_t i = 0; i < sample_count(); i++) {
        sample_make(i, &bench->sample);
        assert_string_equal(format_of(recognise(bench))->name, bench->sample.format);
    }
}

static void other_files_are_other(void **state)
{
    struct bench *bench = *state;
    static const char *const texts[] = {
        "",
        "G",
        "II",
        "This is no picture.\n",
        "RIFF\x10\0\0\0WAVEfmt ",
        "%PDF-1.7",
        "II*\0\0\0\0\0",
        "MM and more text",
        "\x01\x02\x03\x18ghijk",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        memset(bench->sample.bytes, 0, 32);
        memcpy(bench->sample.bytes, texts[i], strlen(texts[i]));
        bench->sample.len = i < 4 ? strlen(texts[i]) : 32;
        assert_string_equal(format_of(recognise(bench))->name, "");
    }
}

static void names_of_sidecars(void **state)
{
    (void)state;
    assert_int_equal(format_sidecar_stem("a.xmp", 5), 1);
    assert_int_equal(format_sidecar_stem("IMG.JPG.Json", 12), 7);
    assert_int_equal(format_sidecar_stem("IMG.AAE", 7), 3);
    assert_int_equal(format_sidecar_stem("IMG.JPG", 7), 0);
    assert_int_equal(format_sidecar_stem(".xmp", 4), 0);
    assert_true(format_name_is_photo("a.CR2", 5));
    assert_false(format_name_is_photo("a", 1));
    assert_false(format_name_is_photo("a.", 2));
}

static void sound_files_are_sound(void **state)
{
    struct bench *bench = *state;

    for (size_t i = 0; i < sample_count(); i++) {
        sample_make(i, &bench->sample);
        if (check(bench) != STRUCTURE_SOUND)
            fail_msg("%s %s", bench->sample.format, bench->why);
    }
}

/* Formats whose outer form does not tell where they end: their directories are checked only. */
static bool has_no_known_end(const char *format)
{
    return strcmp(format, "orf") == 0 || strcmp(format, "rw2") == 0;
}

static void each_cut_is_found(void **state)
{
    struct bench *bench = *state;

    for (size_t i = 0; i < sample_count(); i++) {
        sample_make(i, &bench->sample);
        enum photo_format whole = recognise(bench);
        for (size_t len = 0; len < bench->sample.len; len++) {
            bench->why[0] = '\0';
            put(bench, len);
            enum structure found = structure_check(&bench->reader, whole, bench->why);
            if (has_no_known_end(bench->sample.format) && len >= bench->sample.len - 84)
                continue;
            /* Only what a film needs came before this. */
            if (found == STRUCTURE_SOUND && len == 0 && format_of(whole)->layout == LAYOUT_BMFF)
                fail_msg("an empty file is not sound");
            if (found == STRUCTURE_SOUND && strcmp(bench->sample.format, "mp4") != 0 &&
                strcmp(bench->sample.format, "cr3") != 0 &&
                strcmp(bench->sample.format, "heic") != 0 &&
                strcmp(bench->sample.format, "avif") != 0)
                fail_msg("%s cut to %zu bytes was taken for sound", bench->sample.format, len);
            if (found != STRUCTURE_SOUND)
                assert_true(strncmp(bench->why, "is cut off: ", 12) == 0 ||
                            strncmp(bench->why, "is damaged: ", 12) == 0);
        }
    }
}

/* Between the boxes of a file with an index, a cut looks like an end: but not inside of one. */
static void a_cut_inside_of_the_data_of_a_film_is_found(void **state)
{
    static const char *const formats[] = {"mp4", "cr3", "heic", "avif"};
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        sample_of(formats[i], &bench->sample);
        for (size_t cut = 1; cut <= 200; cut++) {
            put(bench, bench->sample.len - cut);
            enum photo_format format = format_recognise(&bench->reader);
            assert_int_equal(structure_check(&bench->reader, format, bench->why),
                             STRUCTURE_CUT_OFF);
        }
    }
}

static void what_follows_the_picture_does_not_matter(void **state)
{
    static const char *const formats[] = {"jpeg", "png", "gif", "webp", "tiff", "raf", "mp4"};
    struct bench *bench = *state;
    struct sample film;

    sample_of("mp4", &film);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        sample_of(formats[i], &bench->sample);
        memcpy(bench->sample.bytes + bench->sample.len, film.bytes, film.len);
        bench->sample.len += film.len;
        assert_int_equal(check(bench), STRUCTURE_SOUND);
    }
}

static void a_jpeg_that_ends_in_zeroes_is_cut_off(void **state)
{
    struct bench *bench = *state;

    sample_of("jpeg", &bench->sample);
    memset(bench->sample.bytes + bench->sample.len - 60, 0, 60);
    assert_int_equal(check(bench), STRUCTURE_CUT_OFF);
    assert_string_equal(bench->why, "is cut off: it has no end marker");
}

static void a_wrong_checksum_in_a_png_is_found(void **state)
{
    struct bench *bench = *state;

    sample_of("png", &bench->sample);
    bench->sample.bytes[bench->sample.len - 20] ^= 1;
    assert_int_equal(check(bench), STRUCTURE_BROKEN);
    assert_non_null(strstr(bench->why, "the checksum of the chunk 'IDAT' at byte 52"));
}

static void a_film_without_index_is_cut_off(void **state)
{
    struct bench *bench = *state;

    sample_of("mov", &bench->sample);
    bench->sample.len = 208;
    assert_int_equal(check(bench), STRUCTURE_CUT_OFF);
    assert_non_null(strstr(bench->why, "no index"));
}

/* A directory that is its own successor, and one that is its own part. */
static void loops_end(void **state)
{
    struct bench *bench = *state;

    sample_of("nef", &bench->sample); /* names its own first directory as a part */
    bench->sample.bytes[8 + 2 + 9 * 12] = 8;
    assert_int_equal(check(bench), STRUCTURE_SOUND);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* Whatever the bytes are, all parsers end, and touch nothing but the file (the sanitizers say). */
static void changed_bytes_do_no_harm(void **state)
{
    struct bench *bench = *state;
    uint64_t seed = 42;

    for (unsigned round = 0; round < 6000; round++) {
        sample_make(round % sample_count(), &bench->sample);
        enum photo_format format = recognise(bench);
        for (unsigned i = 0; i < 1 + round % 6; i++) {
            size_t at = next_random(&seed) % bench->sample.len;
            static const uint8_t special[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
            bench->sample.bytes[at] =
                round % 2 == 0 ? (uint8_t)next_random(&seed) : special[next_random(&seed) % 6];
        }
        put(bench, bench->sample.len - next_random(&seed) % 8);
        (void)format_recognise(&bench->reader);
        (void)structure_check(&bench->reader, format, bench->why);
        struct facts facts = {0};
        assert_true(movie_read(&bench->reader, &facts));
        facts_clear(&facts);
    }
}

/* Nothing but parts, more than any picture has: believed at some point, not read for ever. */
static void files_of_parts_only_are_believed(void **state)
{
    static const struct {
        enum photo_format format;
        const char *begin;
        size_t begin_len;
        const char *part;
        size_t part_len;
    } files[] = {
        {FORMAT_JPEG, "\xff\xd8", 2, "\xff\xff\xff\xff", 4},
        {FORMAT_JPEG, "\xff\xd8\xff\xc0\x00\x02", 6, "\xff\xda\x00\x02", 4},
        {FORMAT_PNG, "\x89PNG\r\n\x1a\n\0\0\0\0IHDR\xa8\xa1\xae\x0a", 20, "\0\0\0\0teXt\0\0\0\0",
         12},
        {FORMAT_WEBP, "RIFF\0\0\0\x01WEBP", 12, "EXIF\0\0\0\0", 8},
        {FORMAT_MP4,
         "\0\0\0\x10"
         "ftypisom\0\0\0\0",
         16,
         "\0\0\0\x08"
         "free",
         8},
    };
    const size_t len = 24u << 20;
    struct bench *bench = *state;
    char *bytes = malloc(len);

    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        memcpy(bytes, files[i].begin, files[i].begin_len);
        for (size_t at = files[i].begin_len; at < len; at++)
            bytes[at] = files[i].part[(at - files[i].begin_len) % files[i].part_len];
        assert_int_equal(ftruncate(bench->fd, 0), 0);
        assert_int_equal(pwrite(bench->fd, bytes, len, 0), (ssize_t)len);
        reader_init(&bench->reader, bench->fd, len);
        assert_int_equal(structure_check(&bench->reader, files[i].format, bench->why),
                         STRUCTURE_SOUND);
    }
    free(bytes);
}

/* A file that becomes shorter between fstat() and the reads. */
static void a_file_that_shrinks_does_no_harm(void **state)
{
    struct bench *bench = *state;

    for (size_t i = 0; i < sample_count(); i++) {
        sample_make(i, &bench->sample);
        enum photo_format format = recognise(bench);
        put(bench, bench->sample.len);
        assert_int_equal(ftruncate(bench->fd, 10), 0);
        (void)structure_check(&bench->reader, format, bench->why);
        assert_false(bench->reader.failed);
    }
}

static void an_unreadable_file_is_not_called_broken(void **state)
{
    struct bench *bench = *state;

    reader_init(&bench->reader, -1, 1000);
    assert_int_equal(structure_check(&bench->reader, FORMAT_JPEG, bench->why), STRUCTURE_SOUND);
    assert_true(bench->reader.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_is_known_by_content),
        cmocka_unit_test(other_files_are_other),
        cmocka_unit_test(names_of_sidecars),
        cmocka_unit_test(sound_files_are_sound),
        cmocka_unit_test(each_cut_is_found),
        cmocka_unit_test(a_cut_inside_of_the_data_of_a_film_is_found),
        cmocka_unit_test(what_follows_the_picture_does_not_matter),
        cmocka_unit_test(a_jpeg_that_ends_in_zeroes_is_cut_off),
        cmocka_unit_test(a_wrong_checksum_in_a_png_is_found),
        cmocka_unit_test(a_film_without_index_is_cut_off),
        cmocka_unit_test(loops_end),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(files_of_parts_only_are_believed),
        cmocka_unit_test(a_file_that_shrinks_does_no_harm),
        cmocka_unit_test(an_unreadable_file_is_not_called_broken),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
