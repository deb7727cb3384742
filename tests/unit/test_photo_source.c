/*
 * Tests of the photos source as the core drives it: items, extras, damage, and what is remembered.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../include/sme-backup/source.h"
#include "../../plugins/photos/library.h"
#include "../../plugins/lib/roots.h"
#include "../../plugins/lib/walk.h"
#include "../../plugins/photos/cache.h"
#include "../harness/fakehost.h"
#include "../harness/photosamples.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned problems;
static char last_problem[300];

static void take_problem(const struct sme_host *host, const char *path, size_t path_len,
                         const char *text)
{
    (void)host;
    problems++;
    (void)snprintf(last_problem, sizeof last_problem, "%.*s %s", (int)path_len, path, text);
}

struct rig {
    char root[64];
    char photos[80];
    char state[80];
    struct fakehost fake;
    struct library_options options;
    char text[4096]; /* of the last run: an item per line */
};

static int set_up(void **state)
{
    static struct rig rig;

    memset(&rig, 0, sizeof rig);
    (void)snprintf(rig.root, sizeof rig.root, "/tmp/sme-photos-XXXXXX");
    if (mkdtemp(rig.root) == NULL)
        return -1;
    (void)snprintf(rig.photos, sizeof rig.photos, "%s/photos", rig.root);
    (void)snprintf(rig.state, sizeof rig.state, "%s/state", rig.root);
    if (mkdir(rig.photos, 0755) < 0 || mkdir(rig.state, 0700) < 0)
        return -1;
    fakehost_init(&rig.fake, "photos");
    rig.fake.host.state_dir = rig.state;
    rig.fake.host.problem = take_problem;
    rig.fake.now_ns = INT64_MAX / 2; /* long after the files were made */
    rig.options =
        (struct library_options){.host = &rig.fake.host, .check_files = true, .preview_max = 1024};
    problems = 0;
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    char command[128];

    fakehost_done(&rig->fake);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", rig->root);
    return system(command);
}

static void put_bytes(const struct rig *rig, const char *name, const void *bytes, size_t len)
{
    char path[300];

    (void)snprintf(path, sizeof path, "%s/%s", rig->photos, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

static void put_sample(const struct rig *rig, const char *name, const char *format, size_t cut)
{
    struct sample sample;

    sample_of(format, &sample);
    put_bytes(rig, name, sample.bytes, sample.len - cut);
}

static const char *extra(const struct sme_item *item, const char *name)
{
    for (size_t i = 0; i < item->extra_count; i++)
        if (strcmp(item->extras[i].name, name) == 0)
            return item->extras[i].value;
    return "-";
}

/* A whole run: "path kind format of damaged" for each item but the root. */
static const char *run(struct rig *rig, bool commit)
{
    const char *paths[] = {rig->photos};
    const struct sme_list list = {1, paths};
    const struct walk_options walk_options = {.host = &rig->fake.host};
    struct sme_error err = {.struct_size = sizeof err};
    struct roots roots;
    struct walk *walk = NULL;
    struct library *library = NULL;
    size_t used = 0;
    int got;

    rig->text[0] = '\0';
    assert_int_equal(roots_parse(&list, &roots, &err), SME_OK);
    assert_int_equal(roots_find(&roots, &err), SME_OK);
    assert_int_equal(walk_new(&roots, &walk_options, &walk, &err), SME_OK);
    assert_int_equal(library_new(&rig->options, &library, &err), SME_OK);
    for (;;) {
        struct sme_item item = {.struct_size = sizeof item, .dir_fd = -1};
        if ((got = walk_next(walk, &item, &err)) != 1)
            break;
        got = library_item(library, &item, &err);
        assert_in_range(got, 0, 1);
        if (got == 1 && item.path_len > 0)
            used += (size_t)snprintf(rig->text + used, sizeof rig->text - used, "%s %s %s %s %s\n",
                                     item.path, extra(&item, "photo.kind"),
                                     extra(&item, "photo.format"), extra(&item, "photo.of"),
                                     extra(&item, "photo.damaged"));
    }
    assert_int_equal(got, 0);
    library_free(library, commit);
    walk_free(walk);
    roots_free(&roots);
    return rig->text;
}

static void items_have_their_facts(void **state)
{
    struct rig *rig = *state;

    put_sample(rig, "a.dat", "jpeg", 0); /* whatever it is called */
    put_sample(rig, "b.mp4", "mov", 0);
    put_sample(rig, "c.nef", "nef", 0);
    put_bytes(rig, "d.jpg", "just text", 9);
    put_bytes(rig, "e.txt", "just text", 9);
    assert_string_equal(run(rig, true), "a.dat photo jpeg - -\n"
                                        "b.mp4 video mov - -\n"
                                        "c.nef raw nef - -\n"
                                        "d.jpg - - - -\n"
                                        "e.txt - - - -\n");
    assert_int_equal(problems, 0);
}

static void sidecars_belong_to_pictures(void **state)
{
    struct rig *rig = *state;

    put_sample(rig, "IMG_1.JPG", "jpeg", 0);
    put_bytes(rig, "IMG_1.AAE", "<plist/>", 8);
    put_bytes(rig, "IMG_1.JPG.xmp", "<x/>", 4);
    put_bytes(rig, "IMG_1.JPG.supplemental-metadata.json", "{}", 2);
    put_bytes(rig, "IMG_10.xmp", "<x/>", 4);
    put_sample(rig, "MVI_2.MP4", "mp4", 0);
    put_sample(rig, "MVI_2.THM", "jpeg", 0);
    put_bytes(rig, "album.json", "{}", 2);
    assert_string_equal(run(rig, true),
                        "IMG_1.AAE sidecar - IMG_1.JPG -\n"
                        "IMG_1.JPG photo jpeg - -\n"
                        "IMG_1.JPG.supplemental-metadata.json sidecar - IMG_1.JPG -\n"
                        "IMG_1.JPG.xmp sidecar - IMG_1.JPG -\n"
                        "IMG_10.xmp - - - -\n"
                        "MVI_2.MP4 video mp4 - -\n"
                        "MVI_2.THM sidecar - MVI_2.MP4 -\n"
                        "album.json - - - -\n");
    /* The picture goes, and what was its sidecar is remembered no longer as one. */
    char path[200];
    (void)snprintf(path, sizeof path, "%s/IMG_1.JPG", rig->photos);
    assert_int_equal(unlink(path), 0);
    assert_non_null(strstr(run(rig, true), "IMG_1.AAE - - - -\n"));
}

/* The name of the owner is told as it is, and remembered. */
static void names_of_owners_are_exact(void **state)
{
    struct rig *rig = *state;

    put_sample(rig, "a\nb\xff.jpg", "jpeg", 0);
    put_bytes(rig, "a\nb\xff.jpg.json", "{}", 2);
    for (unsigned i = 0; i < 2; i++)
        assert_string_equal(run(rig, true), "a\nb\xff.jpg photo jpeg - -\n"
                                            "a\nb\xff.jpg.json sidecar - a\nb\xff.jpg -\n");
}

static void other_files_may_be_left_out(void **state)
{
    struct rig *rig = *state;
    char path[200];

    put_sample(rig, "a.jpg", "jpeg", 0);
    put_bytes(rig, "a.xmp", "<x/>", 4);
    put_bytes(rig, "b.txt", "x", 1);
    put_bytes(rig, "c.avi", "not looked into", 15);
    (void)snprintf(path, sizeof path, "%s/link", rig->photos);
    assert_int_equal(symlink("a.jpg", path), 0);
    (void)snprintf(path, sizeof path, "%s/fifo", rig->photos);
    assert_int_equal(mkfifo(path, 0600), 0);
    rig->options.skip_others = true;
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(run(rig, true), "a.jpg photo jpeg - -\n"
                                            "a.xmp sidecar - a.jpg -\n"
                                            "c.avi - - - -\n"
                                            "link - - - -\n");
        assert_true(fakehost_logged(&rig->fake, SME_LOG_INFO, "left out 2 files"));
    }
}

static void damage_is_a_problem_once(void **state)
{
    struct rig *rig = *state;
    const char *const expected = "a.jpg photo jpeg - is cut off: it has no end marker\n";

    put_sample(rig, "a.jpg", "jpeg", 30);
    /* A run that is not kept tells it again. */
    assert_string_equal(run(rig, false), expected);
    assert_int_equal(problems, 1);
    assert_string_equal(last_problem, "a.jpg is cut off: it has no end marker");
    assert_string_equal(run(rig, true), expected);
    assert_int_equal(problems, 2);
    assert_string_equal(run(rig, true), expected);
    assert_int_equal(problems, 2);
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "1 photos are still damaged"));
    put_sample(rig, "a.jpg", "jpeg", 20);
    (void)run(rig, true);
    assert_int_equal(problems, 3);
}

static void a_lost_photo_is_damaged(void **state)
{
    struct rig *rig = *state;
    static const char zeroes[100];

    put_bytes(rig, "a.jpg", "", 0);
    put_bytes(rig, "b.MOV", zeroes, sizeof zeroes);
    put_bytes(rig, "c.txt", "", 0);
    assert_string_equal(run(rig, true), "a.jpg other - - is empty\n"
                                        "b.MOV other - - is damaged: it begins with zeroes\n"
                                        "c.txt - - - -\n");
    assert_int_equal(problems, 2);
}

static void damage_is_not_looked_for_unless_asked(void **state)
{
    struct rig *rig = *state;

    put_sample(rig, "a.jpg", "jpeg", 30);
    rig->options.check_files = false;
    assert_string_equal(run(rig, true), "a.jpg photo jpeg - -\n");
    assert_int_equal(problems, 0);
    rig->options.check_files = true;
    (void)run(rig, true);
    assert_int_equal(problems, 1);
}

/* What is remembered is told as it is, without a look into the file. */
static void an_unchanged_photo_is_not_opened(void **state)
{
    struct rig *rig = *state;
    struct facts facts = {0};
    struct cache *cache = NULL;
    struct stat st;
    char path[200];

    put_sample(rig, "a.jpg", "jpeg", 0);
    (void)snprintf(path, sizeof path, "%s/a.jpg", rig->photos);
    assert_int_equal(stat(path, &st), 0);
    const struct stamps stamps = {.size = (uint64_t)st.st_size,
                                  .ino = st.st_ino,
                                  .mtime_sec = st.st_mtim.tv_sec,
                                  .mtime_nsec = (uint32_t)st.st_mtim.tv_nsec,
                                  .ctime_sec = st.st_ctim.tv_sec,
                                  .ctime_nsec = (uint32_t)st.st_ctim.tv_nsec};
    assert_true(facts_add(&facts, "photo.kind", "raw"));
    assert_true(facts_add(&facts, "photo.format", "remembered"));
    assert_int_equal(cache_open(&rig->fake.host, 1024u << 1 | 1, true, &cache), SME_OK);
    cache_add(cache, "a.jpg", 5, &stamps, &facts);
    cache_close(cache, true);
    facts_clear(&facts);
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(run(rig, true), "a.jpg raw remembered - -\n");
    assert_int_equal(chmod(path, 0600), 0); /* another ctime */
    assert_string_equal(run(rig, true), "a.jpg photo jpeg - -\n");
}

static void young_files_are_not_remembered(void **state)
{
    struct rig *rig = *state;
    char path[200];
    struct stat st;

    put_sample(rig, "a.jpg", "jpeg", 0);
    (void)snprintf(path, sizeof path, "%s/a.jpg", rig->photos);
    assert_int_equal(stat(path, &st), 0);
    rig->fake.now_ns = (int64_t)st.st_ctim.tv_sec * 1000000000;
    (void)run(rig, true);
    (void)snprintf(path, sizeof path, "%s/facts", rig->state);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size < 100);
    rig->fake.now_ns = INT64_MAX / 2;
    (void)run(rig, true);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 300);
}

/* A camera whose clock is ahead: its photos are remembered as those of others are. */
static void times_in_the_future_are_no_reason_to_look_again(void **state)
{
    const struct timespec times[2] = {{.tv_sec = 4102444800}, {.tv_sec = 4102444800}};
    struct rig *rig = *state;
    char path[200];
    struct stat st;

    put_sample(rig, "a.jpg", "jpeg", 0);
    (void)snprintf(path, sizeof path, "%s/a.jpg", rig->photos);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(stat(path, &st), 0);
    rig->fake.now_ns = ((int64_t)st.st_ctim.tv_sec + 10) * 1000000000;
    (void)run(rig, true);
    (void)snprintf(path, sizeof path, "%s/facts", rig->state);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 300);
}

/* Only what nobody edits keeps its older version when the disk changes it. */
static void flags_are_for_what_nobody_edits(void **state)
{
    static const char *const names[] = {"a.JPG", "b.nef", "c",     "d.jpg",
                                        "a.thm", "b.xmp", "e.jpg", "f.txt"};
    struct rig *rig = *state;
    struct sme_error err = {.struct_size = sizeof err};
    struct library *library = NULL;
    int dir = open(rig->photos, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    put_sample(rig, "a.JPG", "jpeg", 0);
    put_sample(rig, "a.thm", "jpeg", 0);
    put_sample(rig, "b.nef", "nef", 0);
    put_sample(rig, "c", "mp4", 0);
    put_sample(rig, "d.jpg", "jpeg", 9);
    put_bytes(rig, "b.xmp", "<x/>", 4);
    put_bytes(rig, "e.jpg", "", 0);
    put_bytes(rig, "f.txt", "x", 1);
    assert_int_equal(library_new(&rig->options, &library, &err), SME_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sme_item item = {.struct_size = sizeof item,
                                .flags = SME_ITEM_LOCATED,
                                .path = names[i],
                                .path_len = strlen(names[i]),
                                .name = names[i],
                                .dir_fd = dir,
                                .dir_serial = 1};
        assert_int_equal(library_item(library, &item, &err), 1);
        uint32_t expected = SME_ITEM_LOCATED | (i < 4 ? SME_ITEM_KEEP_OLDER : 0);
        assert_int_equal(item.flags, expected);
    }
    library_free(library, false);
    assert_int_equal(close(dir), 0);
}

static void a_damaged_memory_is_not_believed(void **state)
{
    struct rig *rig = *state;
    char path[200];
    char expected[4096];
    struct stat st;

    for (char name[] = "0.jpg"; name[0] < '9'; name[0]++)
        put_sample(rig, name, "jpeg", 0);
    (void)snprintf(expected, sizeof expected, "%s", run(rig, true));
    (void)snprintf(path, sizeof path, "%s/facts", rig->state);
    assert_int_equal(stat(path, &st), 0);
    for (off_t at = 0; at < st.st_size; at += 61) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x55;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        if (at % 5 == 0)
            assert_int_equal(ftruncate(fd, at + 1), 0);
        assert_int_equal(close(fd), 0);
        assert_string_equal(run(rig, true), expected);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* something else is there */
    assert_string_equal(run(rig, true), expected);
    assert_true(fakehost_logged(&rig->fake, SME_LOG_INFO, "cannot keep what is known"));
    rig->fake.host.state_dir = NULL;
    assert_string_equal(run(rig, true), expected);
}

/* Found and written again, whatever the order of the bytes of the paths says. */
static void facts_are_found_again(void **state)
{
    struct rig *rig = *state;
    static const char *const paths[] = {"a/b", "a b", "a.b", "b", "c/\xff", "d"};
    struct stamps stamps = {.size = 5, .ino = 7};
    struct facts facts = {0};
    struct cache *cache = NULL;

    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(cache_open(&rig->fake.host, 1, true, &cache), SME_OK);
        for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
            facts_clear(&facts);
            bool found = cache_find(cache, paths[i], strlen(paths[i]), &stamps, &facts);
            assert_int_equal(found, round > 0);
            if (round > 0)
                assert_string_equal(facts_get(&facts, "photo.kind"), paths[i]);
            else
                assert_true(facts_add(&facts, "photo.kind", "x") && facts.count == 1);
            facts_clear(&facts);
            assert_true(facts_add_again(&facts, "photo.kind", paths[i], strlen(paths[i])));
            cache_add(cache, paths[i], strlen(paths[i]), &stamps, &facts);
        }
        cache_close(cache, true);
    }
    /* Other stamps, other settings: not found. */
    facts_clear(&facts);
    stamps.ctime_nsec = 1;
    assert_int_equal(cache_open(&rig->fake.host, 1, false, &cache), SME_OK);
    assert_false(cache_find(cache, "d", 1, &stamps, &facts));
    cache_close(cache, false);
    stamps.ctime_nsec = 0;
    assert_int_equal(cache_open(&rig->fake.host, 2, false, &cache), SME_OK);
    assert_false(cache_find(cache, "d", 1, &stamps, &facts));
    cache_close(cache, false);
    assert_int_equal(facts.count, 0);
}

/* The parser of metadata took the process with it, at two files one after the other. */
static void a_file_that_kills_the_parser_is_left_alone(void **state)
{
    struct rig *rig = *state;
    const struct stamps stamps = {.size = 5};
    struct cache *cache = NULL;

    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(cache_open(&rig->fake.host, 1, true, &cache), SME_OK);
        assert_int_equal(cache_enter(cache, "bad1", 4, &stamps), i == 0);
        if (i == 1) {
            assert_true(cache_enter(cache, "good", 4, &stamps));
            cache_leave(cache);
            assert_true(cache_enter(cache, "bad2", 4, &stamps));
        }
        cache_close(cache, false); /* without cache_leave(), as if it had died */
    }
    assert_int_equal(cache_open(&rig->fake.host, 1, true, &cache), SME_OK);
    assert_false(cache_enter(cache, "bad1", 4, &stamps));
    assert_true(cache_enter(cache, "good", 4, &stamps));
    cache_leave(cache);
    assert_false(cache_enter(cache, "bad2", 4, &stamps));
    cache_close(cache, true);
    /* A dry run knows it too, and changes nothing. */
    assert_int_equal(cache_open(&rig->fake.host, 1, true, &cache), SME_OK);
    assert_true(cache_enter(cache, "bad3", 4, &stamps));
    cache_close(cache, false);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(cache_open(&rig->fake.host, 1, false, &cache), SME_OK);
        assert_false(cache_enter(cache, "bad3", 4, &stamps));
        assert_true(cache_enter(cache, "good", 4, &stamps));
        cache_leave(cache);
        cache_close(cache, false);
    }
    assert_int_equal(cache_open(&rig->fake.host, 1, true, &cache), SME_OK);
    assert_false(cache_enter(cache, "bad3", 4, &stamps));
    cache_close(cache, true);
    /* After a good run the others are tried again when they change. */
    assert_int_equal(cache_open(&rig->fake.host, 1, true, &cache), SME_OK);
    assert_true(cache_enter(cache, "bad1", 4, &stamps));
    cache_close(cache, true);
}

static void a_dry_run_leaves_nothing(void **state)
{
    struct rig *rig = *state;

    put_sample(rig, "a.jpg", "jpeg", 0);
    rig->options.dry = true;
    (void)run(rig, true);
    assert_int_equal(rmdir(rig->state), 0); /* it is empty */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(items_have_their_facts),
        TEST(sidecars_belong_to_pictures),
        TEST(names_of_owners_are_exact),
        TEST(other_files_may_be_left_out),
        TEST(damage_is_a_problem_once),
        TEST(a_lost_photo_is_damaged),
        TEST(damage_is_not_looked_for_unless_asked),
        TEST(an_unchanged_photo_is_not_opened),
        TEST(young_files_are_not_remembered),
        TEST(times_in_the_future_are_no_reason_to_look_again),
        TEST(flags_are_for_what_nobody_edits),
        TEST(a_damaged_memory_is_not_believed),
        TEST(facts_are_found_again),
        TEST(a_file_that_kills_the_parser_is_left_alone),
        TEST(a_dry_run_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
