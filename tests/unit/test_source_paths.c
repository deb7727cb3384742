/*
 * Tests of the filesystem source: its paths, and failures that are not those of one file.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/filesystem_rig.h"
#include "../../plugins/lib/roots.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- paths -------------------------------------------------------------------------------------
 */

static void several_paths_keep_their_names(void **state)
{
    struct scratch *scratch = *state;
    make_dir("srv");
    make_dir("srv/a");
    make_dir("srv/a/one");
    make_file("srv/a/one/x", "");
    make_dir("srv/a/two");
    make_file("srv/a/two/y", "");
    make_dir("srv/a/other");
    make_dir("srv/a-b");
    make_file("srv/a-b/z", "");
    make_file("srv/plain", "");
    check_full_walk(scratch,
                    &(struct setup){PATHS("srv/plain", "srv/a-b/", "srv//a/two", "srv/a/one")},
                    "d @/srv\n"
                    "d @/srv/a\n"
                    "d @/srv/a/one\n"
                    "f @/srv/a/one/x\n"
                    "d @/srv/a/two\n"
                    "f @/srv/a/two/y\n"
                    "d @/srv/a-b\n"
                    "f @/srv/a-b/z\n"
                    "f @/srv/plain\n");
}

static void patterns_do_not_touch_several_paths_themselves(void **state)
{
    struct scratch *scratch = *state;
    char pattern[300];
    make_dir("srv");
    make_dir("srv/one");
    make_file("srv/one/x", "");
    make_dir("srv/two");
    make_file("srv/two/x", "");
    make_file("srv/two/y", "");
    make_file("srv/two/z", "");
    /* with several paths, patterns begin at '/' */
    (void)snprintf(pattern, sizeof pattern, "%s/srv/*/x", scratch->path);
    check_full_walk(
        scratch, &(struct setup){PATHS("srv/one", "srv/two"), EXCLUDE(pattern, "z", "two", "srv")},
        "d @/srv\n"
        "d @/srv/one\n"
        "d @/srv/two\n"
        "f @/srv/two/y\n");
}

static void directories_above_carry_their_metadata(void **state)
{
    struct rig rig;
    struct sme_item item;
    struct sme_error err = FRESH_ERROR;
    make_dir("p");
    make_dir("p/a");
    make_dir("p/b");
    assert_int_equal(chmod("p", 01751), 0);
    rig_open(&rig, *state, &(struct setup){PATHS("p/a", "p/b")});
    assert_int_equal(rig_begin(&rig, &err), SME_OK);
    do
        assert_int_equal(rig_next(&rig, &item, &err), 1);
    while (strcmp(item.name, "p") != 0);
    assert_int_equal(item.type, SME_ITEM_DIRECTORY);
    assert_int_equal(item.flags, SME_ITEM_LOCATED | SME_ITEM_HAS_STAT);
    assert_int_equal(item.mode, 01751);
    rig_end(&rig);
    rig_close(&rig);
}

static void path_that_is_no_directory_is_one_item(void **state)
{
    make_dir("d");
    make_file("d/file", "");
    make_file("d/other", "");
    assert_int_equal(mkfifo("d/fifo", 0600), 0);
    check_walk(*state, &(struct setup){PATHS("d/file")}, "f file\n");
    check_walk(*state, &(struct setup){PATHS("d/fifo")}, "p fifo\n");
}

static void overlapping_paths_are_refused(void **state)
{
    static const char hint[] = "leave out the inner one, or give it a source of its own";
    make_dir("d");
    check_begin_fails(*state, &(struct setup){PATHS("d", "d/")}, SME_E_INVALID,
                      "path '@/d' is given twice", NULL);
    check_begin_fails(*state, &(struct setup){PATHS("d/e", "d-e", "d")}, SME_E_INVALID,
                      "path '@/d/e' lies inside path '@/d'", hint);
    check_begin_fails(*state, &(struct setup){PATHS("d", "/")}, SME_E_INVALID,
                      "path '@/d' lies inside path '/'", hint);
}

static void odd_paths_are_refused(void **state)
{
    check_begin_fails(*state, &(struct setup){PATHS("a/../b")}, SME_E_INVALID,
                      "path '@/a/../b' has a '..' component", "write the path without it");
    check_begin_fails(*state, &(struct setup){PATHS("./b")}, SME_E_INVALID,
                      "path '@/./b' has a '.' component", "write the path without it");
    struct sme_error err = FRESH_ERROR;
    struct roots roots = {0};
    const char *const relative[] = {"data"};
    const struct sme_list one = {1, relative};
    const struct sme_list none = {0, NULL};
    assert_int_equal(roots_parse(&one, &roots, &err), SME_E_INVALID);
    assert_string_equal(err.message, "path 'data' is not absolute");
    assert_int_equal(roots_parse(&none, &roots, &err), SME_E_INVALID);
    assert_string_equal(err.message, "no 'path' is given");
    assert_null(roots.list);
}

static void paths_are_normalised(void **state)
{
    (void)state;
    struct sme_error err = FRESH_ERROR;
    struct roots roots = {0};
    const char *const given[] = {"//b///c//", "/b c", "/b-c/"};
    const struct sme_list list = {3, given};
    assert_int_equal(roots_parse(&list, &roots, &err), SME_OK);
    assert_int_equal(roots.count, 3);
    assert_string_equal(roots.list[0].path, "/b/c");
    assert_string_equal(roots.list[1].path, "/b c");
    assert_string_equal(roots.list[2].path, "/b-c");
    roots_free(&roots);
    const char *const slashes[] = {"///"};
    const struct sme_list top = {1, slashes};
    assert_int_equal(roots_parse(&top, &roots, &err), SME_OK);
    assert_string_equal(roots.list[0].path, "/");
    roots_free(&roots);
}

static void links_in_paths_are_followed_or_refused(void **state)
{
    struct scratch *scratch = *state;
    char hint[512];
    make_dir("real");
    make_dir("real/d");
    make_file("real/d/x", "");
    make_dir("other");
    assert_int_equal(symlink("real", "link"), 0);
    assert_int_equal(symlink("real/d/x", "file"), 0);
    assert_int_equal(symlink("gone", "dangling"), 0);
    /* alone: what it leads to */
    check_walk(scratch, &(struct setup){PATHS("link")}, "d \nd d\nf d/x\n");
    check_walk(scratch, &(struct setup){PATHS("link/d")}, "d \nf x\n");
    check_walk(scratch, &(struct setup){PATHS("link/d/x")}, "f x\n");
    check_begin_fails(scratch, &(struct setup){PATHS("dangling")}, SME_E_NOT_FOUND,
                      "cannot open path '@/dangling': No such file or directory", "is it mounted?");
    (void)snprintf(hint, sizeof hint, "write '%s/real/d/x' instead", scratch->path);
    check_begin_fails(scratch, &(struct setup){PATHS("file")}, SME_E_INVALID,
                      "path '@/file' is or contains a symbolic link", hint);
    /* together: their full names would have to go through it */
    (void)snprintf(hint, sizeof hint, "write '%s/real/d' instead", scratch->path);
    check_begin_fails(scratch, &(struct setup){PATHS("other", "link/d")}, SME_E_INVALID,
                      "path '@/link/d' is or contains a symbolic link", hint);
    (void)snprintf(hint, sizeof hint, "write '%s/real' instead", scratch->path);
    check_begin_fails(scratch, &(struct setup){PATHS("other", "link")}, SME_E_INVALID,
                      "path '@/link' is or contains a symbolic link", hint);
    check_begin_fails(scratch, &(struct setup){PATHS("other", "dangling")}, SME_E_NOT_FOUND,
                      "path '@/dangling' is a symbolic link that leads nowhere: No such file or "
                      "directory",
                      "is its target mounted?");
}

/* ---- failures ----------------------------------------------------------------------------------
 */

static void unreadable_directory_is_an_item_that_failed(void **state)
{
    struct scratch *scratch = *state;
    make_dir("closed");
    make_file("closed/x", "");
    make_dir("open");
    make_file("open/x", "");
    make_file("secret", "");
    assert_int_equal(chmod("closed", 0), 0);
    assert_int_equal(chmod("secret", 0), 0);
    become_nobody(scratch);
    check_walk(scratch, &(struct setup){0},
               "d \n"
               "d! closed: cannot open directory: Permission denied\n"
               "d open\n"
               "f open/x\n"
               "f secret\n");
    become_root();
    assert_int_equal(chmod("closed", 0700), 0);
}

static void unreadable_root_fails_the_run(void **state)
{
    static const char hint[] = "run as root, or as a user who may read it";
    struct scratch *scratch = *state;
    make_dir("closed");
    make_dir("closed/in");
    make_dir("open");
    make_file("secret", "");
    assert_int_equal(chmod("closed", 0), 0);
    assert_int_equal(chmod("secret", 0), 0);
    become_nobody(scratch);
    check_begin_fails(scratch, &(struct setup){PATHS("closed")}, SME_E_DENIED,
                      "cannot open path '@/closed': Permission denied", hint);
    check_begin_fails(scratch, &(struct setup){PATHS("secret")}, SME_E_DENIED,
                      "cannot open path '@/secret': Permission denied", hint);
    check_begin_fails(scratch, &(struct setup){PATHS("open", "closed/in")}, SME_E_DENIED,
                      "cannot open path '@/closed/in': Permission denied", hint);
    become_root();
    assert_int_equal(chmod("closed", 0700), 0);
}

static void directories_above_need_not_be_readable(void **state)
{
    struct scratch *scratch = *state;
    make_dir("search");
    make_dir("search/a");
    make_file("search/b", "");
    assert_int_equal(chmod("search", 0711), 0);
    become_nobody(scratch);
    check_full_walk(scratch, &(struct setup){PATHS("search/a", "search/b")},
                    "d @/search\n"
                    "d @/search/a\n"
                    "f @/search/b\n");
}

static void missing_root_fails_the_run(void **state)
{
    make_file("file", "");
    make_dir("d");
    check_begin_fails(*state, &(struct setup){PATHS("gone")}, SME_E_NOT_FOUND,
                      "cannot open path '@/gone': No such file or directory", "is it mounted?");
    check_begin_fails(*state, &(struct setup){PATHS("d", "gone/x")}, SME_E_NOT_FOUND,
                      "cannot open path '@/gone/x': No such file or directory", "is it mounted?");
    check_begin_fails(*state, &(struct setup){PATHS("file/x")}, SME_E_NOT_FOUND,
                      "cannot open path '@/file/x': Not a directory", "is it mounted?");
    check_begin_fails(*state, &(struct setup){PATHS("d", "file/x")}, SME_E_NOT_FOUND,
                      "cannot open path '@/file/x': Not a directory", "is it mounted?");
}

static void root_that_vanishes_during_the_run_fails_it(void **state)
{
    struct scratch *scratch = *state;
    for (int replaced = 0; replaced < 2; replaced++) {
        struct rig rig;
        struct sme_item item;
        struct sme_error err = FRESH_ERROR;
        char expected[512];
        int got;
        make_dir("one");
        make_dir("two");
        rig_open(&rig, scratch, &(struct setup){PATHS("one", "two")});
        assert_int_equal(rig_begin(&rig, &err), SME_OK);
        do
            assert_int_equal(rig_next(&rig, &item, &err), 1);
        while (strcmp(item.name, "one") != 0);
        /* moved, not removed, so that the new one gets another inode */
        assert_int_equal(rename("two", "old"), 0);
        if (replaced)
            make_dir("two");
        while ((got = rig_next(&rig, &item, &err)) > 0)
            assert_string_not_equal(item.name, "two");
        assert_int_equal(got, SME_E_NOT_FOUND);
        (void)snprintf(expected, sizeof expected,
                       replaced ? "path '%s/two' is not what it was when the run began"
                                : "cannot open path '%s/two': No such file or directory",
                       scratch->path);
        assert_string_equal(err.message, expected);
        rig_end(&rig);
        rig_close(&rig);
        assert_int_equal(rmdir("one"), 0);
        assert_int_equal(rmdir("old"), 0);
    }
}

static void directory_above_that_vanishes_fails_the_run(void **state)
{
    struct scratch *scratch = *state;
    struct rig rig;
    struct sme_item item;
    struct sme_error err = FRESH_ERROR;
    char expected[900];
    int got;
    make_dir("a");
    make_dir("b");
    make_dir("b/c");
    rig_open(&rig, scratch, &(struct setup){PATHS("a", "b/c")});
    assert_int_equal(rig_begin(&rig, &err), SME_OK);
    do
        assert_int_equal(rig_next(&rig, &item, &err), 1);
    while (strcmp(item.name, "a") != 0);
    assert_int_equal(rename("b", "away"), 0);
    while ((got = rig_next(&rig, &item, &err)) > 0)
        assert_string_not_equal(item.name, "c");
    assert_int_equal(got, SME_E_NOT_FOUND);
    (void)snprintf(
        expected, sizeof expected,
        "cannot open directory '%1$s/b' above path '%1$s/b/c': No such file or directory",
        scratch->path);
    assert_string_equal(err.message, expected);
    rig_end(&rig);
    rig_close(&rig);
}

static void empty_root_is_pointed_out(void **state)
{
    struct scratch *scratch = *state;
    char expected[512];
    make_dir("mnt");
    check_walk(scratch, &(struct setup){PATHS("mnt")}, "d \n");
    (void)snprintf(expected, sizeof expected, "path '%s/mnt' is empty: is it mounted?",
                   scratch->path);
    assert_string_equal(scratch->last_log, expected);
}

static void cancel_ends_the_walk(void **state)
{
    struct scratch *scratch = *state;
    struct rig rig;
    struct sme_item item;
    struct sme_error err = FRESH_ERROR;
    int got;
    make_dir("a");
    make_dir("b");
    rig_open(&rig, scratch, &(struct setup){0});
    assert_int_equal(rig_begin(&rig, &err), SME_OK);
    scratch->polls_left = 1;
    while ((got = rig_next(&rig, &item, &err)) > 0)
        assert_string_not_equal(item.path, "b");
    assert_int_equal(got, SME_E_CANCELLED);
    assert_string_equal(err.message, "cancelled");
    rig_end(&rig);
    scratch->polls_left = 0;
    assert_int_equal(rig_begin(&rig, &err), SME_E_CANCELLED);
    rig_close(&rig);
}

static void cancel_is_seen_among_many_files(void **state)
{
    struct scratch *scratch = *state;
    struct rig rig;
    struct sme_item item;
    struct sme_error err = FRESH_ERROR;
    char name[16];
    int got, items = 0;
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "%u", i);
        make_file(name, "");
    }
    rig_open(&rig, scratch, &(struct setup){0});
    assert_int_equal(rig_begin(&rig, &err), SME_OK);
    scratch->polls_left = 0;
    while ((got = rig_next(&rig, &item, &err)) > 0)
        items++;
    assert_int_equal(got, SME_E_CANCELLED);
    assert_true(items < 5000);
    rig_end(&rig);
    rig_close(&rig);
}

static void end_may_come_early(void **state)
{
    struct rig rig;
    struct sme_item item;
    struct sme_error err = FRESH_ERROR;
    int before = count_descriptors();
    make_dir("a");
    make_dir("a/b");
    make_file("a/b/c", "");
    make_dir("d");
    make_file("e", "");
    rig_open(&rig, *state, &(struct setup){0});
    for (int items = 0; items < 7; items++) {
        assert_int_equal(rig_begin(&rig, &err), SME_OK);
        for (int i = 0; i < items; i++)
            assert_int_equal(rig_next(&rig, &item, &err), 1);
        rig_end(&rig);
        assert_int_equal(count_descriptors(), before);
    }
    /* destroy() in the middle of a run */
    assert_int_equal(rig_begin(&rig, &err), SME_OK);
    assert_int_equal(rig_next(&rig, &item, &err), 1);
    rig_close(&rig);
    assert_int_equal(count_descriptors(), before);
}

#define T(function) cmocka_unit_test_setup_teardown(function, scratch_set_up, scratch_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(several_paths_keep_their_names),
        T(patterns_do_not_touch_several_paths_themselves),
        T(directories_above_carry_their_metadata),
        T(path_that_is_no_directory_is_one_item),
        T(overlapping_paths_are_refused),
        T(odd_paths_are_refused),
        cmocka_unit_test(paths_are_normalised),
        T(links_in_paths_are_followed_or_refused),
        T(unreadable_directory_is_an_item_that_failed),
        T(unreadable_root_fails_the_run),
        T(directories_above_need_not_be_readable),
        T(missing_root_fails_the_run),
        T(root_that_vanishes_during_the_run_fails_it),
        T(directory_above_that_vanishes_fails_the_run),
        T(empty_root_is_pointed_out),
        T(cancel_ends_the_walk),
        T(cancel_is_seen_among_many_files),
        T(end_may_come_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
