/*
 * Tests of the directory sink: the conformance suite, and what is its own.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/dirrig.h"
#include "../harness/tree.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the root ----------------------------------------------------------------------------- */

static void assert_unreachable(struct dirrig *rig, const char *why)
{
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object};
    int64_t now;
    char byte;
    int results[8];

    results[0] = dirrig_ops(rig)->check(dirrig_handle(rig), &err);
    results[1] = dirrig_put(rig, "docs/a", "x", &err);
    results[2] = (int)dirrig_ops(rig)->get(dirrig_handle(rig), "docs/a", 0, &byte, 1, &err);
    results[3] = dirrig_ops(rig)->stat(dirrig_handle(rig), "docs/a", &object, &err);
    results[4] = (int)sink_count(rig->suite.sink, "docs/", &err);
    results[5] = dirrig_ops(rig)->remove(dirrig_handle(rig), "docs/a", &err);
    results[6] = dirrig_ops(rig)->server_time(dirrig_handle(rig), &now, &err);
    results[7] = (int)sink_count(rig->suite.sink, "", &err);
    for (unsigned i = 0; i < 8; i++) {
        if (results[i] != SME_E_UNREACHABLE)
            fail_msg("call %u returned %d: %s", i, results[i], err.message);
    }
    assert_true(dirrig_says(&err, rig->root));
    assert_true(dirrig_says(&err, why));
    assert_true(dirrig_says(&err, "mounted"));
    assert_false(dirrig_exists(rig, ""));
}

static void a_missing_root_is_unreachable_and_never_made(void **state)
{
    assert_unreachable(*state, "does not exist");
}

static void a_root_that_vanishes_is_unreachable(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_OK);
    tree_remove(rig->root);
    assert_unreachable(rig, "has been removed");
}

static void a_root_that_is_moved_away_is_unreachable(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object};
    char away[PATH_MAX];

    (void)snprintf(away, sizeof away, "%s/away", rig->scratch);
    assert_int_equal(rename(rig->root, away), 0);
    assert_int_equal(dirrig_ops(rig)->stat(dirrig_handle(rig), "docs/a", &object, &err),
                     SME_E_UNREACHABLE);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), SME_E_UNREACHABLE);
}

static void prepare_makes_the_root_and_what_is_above(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    (void)snprintf(rig->root, sizeof rig->root, "%s/one//two/repo/", rig->scratch);
    dirrig_reopen(rig, "auto");
    assert_int_equal(dirrig_ops(rig)->prepare(dirrig_handle(rig), &err), SME_OK);
    assert_int_equal(dirrig_ops(rig)->prepare(dirrig_handle(rig), &err), SME_OK);
    assert_int_equal(dirrig_mode(rig, ""), 0700);
    assert_int_equal(dirrig_mode(rig, ".."), 0700);
    assert_int_equal(dirrig_put(rig, "repository", "x", &err), SME_OK);
    sink_assert_holds(rig->suite.sink, "repository", "x", 1);
}

static void a_root_that_is_a_file_is_refused(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    tree_text(rig->scratch, "repo", "a file");
    assert_int_equal(dirrig_ops(rig)->check(dirrig_handle(rig), &err), SME_E_INVALID);
    assert_true(dirrig_says(&err, "is not a folder"));
    assert_int_equal(dirrig_ops(rig)->prepare(dirrig_handle(rig), &err), SME_E_INVALID);
    assert_true(dirrig_says(&err, rig->root));
    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_E_INVALID);
}

static void folders_and_files_are_private(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    (void)umask(0);
    assert_int_equal(dirrig_put(rig, "docs/data/a", "x", &err), SME_OK);
    (void)umask(022);
    assert_int_equal(dirrig_mode(rig, ""), 0700);
    assert_int_equal(dirrig_mode(rig, "docs"), 0700);
    assert_int_equal(dirrig_mode(rig, "docs/data"), 0700);
    assert_int_equal(dirrig_mode(rig, "docs/data/a"), 0600);
}

/* ---- temporaries -------------------------------------------------------------------------- */

static void temporaries_are_not_objects(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object};

    tree_text(rig->root, ".tmp/0123456789abcdef0123456789abcdef", "half an object");
    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_OK);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), 1);
    assert_int_equal(dirrig_ops(rig)->list(dirrig_handle(rig), ".tmp/", NULL, NULL, &err),
                     SME_E_INVALID);
    assert_int_equal(dirrig_put(rig, ".tmp/a", "x", &err), SME_E_INVALID);
    assert_true(dirrig_says(&err, "'.tmp/a' cannot be used"));
    assert_int_equal(dirrig_ops(rig)->stat(dirrig_handle(rig),
                                           ".tmp/0123456789abcdef0123456789abcdef", &object, &err),
                     SME_E_INVALID);
}

static void nothing_stays_behind(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_OK);
    assert_int_equal(dirrig_put(rig, "docs/a", "y", &err), SME_E_EXISTS);
    assert_int_equal(dirrig_temporaries(rig), 0);
    dirrig_reopen(rig, "auto");
    assert_false(dirrig_exists(rig, ".tmp"));
    /* Another handle may take the empty folder away at any time. */
    struct instance *other = dirrig_instance(rig, "auto");
    assert_int_equal(sink_put(other, "docs/b", "x", 1, 0, &err), SME_OK);
    assert_int_equal(dirrig_put(rig, "docs/c", "x", &err), SME_OK);
    instance_free(other);
    assert_false(dirrig_exists(rig, ".tmp"));
    assert_int_equal(dirrig_put(rig, "docs/d", "x", &err), SME_OK);
}

static void set_age(const struct dirrig *rig, const char *name, time_t days)
{
    char path[PATH_MAX];
    struct stat now;

    dirrig_path(rig, "", path);
    assert_int_equal(stat(path, &now), 0);
    const struct timespec times[2] = {{.tv_sec = now.st_mtime - days * 24 * 3600 - 60},
                                      {.tv_sec = now.st_mtime - days * 24 * 3600 - 60}};
    dirrig_path(rig, name, path);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void stale_temporaries_go_with_the_first_put(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    tree_text(rig->root, ".tmp/00000000000000000000000000000001", "old");
    tree_text(rig->root, ".tmp/00000000000000000000000000000002", "young");
    tree_text(rig->root, ".tmp/somebody-elses", "old");
    set_age(rig, ".tmp/00000000000000000000000000000001", 2);
    set_age(rig, ".tmp/00000000000000000000000000000002", 1);
    set_age(rig, ".tmp/somebody-elses", 9);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), 0);
    assert_true(dirrig_exists(rig, ".tmp/00000000000000000000000000000001"));
    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_OK);
    assert_false(dirrig_exists(rig, ".tmp/00000000000000000000000000000001"));
    assert_true(dirrig_exists(rig, ".tmp/00000000000000000000000000000002"));
    assert_true(dirrig_exists(rig, ".tmp/somebody-elses"));
    assert_true(fakehost_logged(&rig->fake, SME_LOG_DEBUG, "removed 1 temporary"));
}

static void a_cancelled_put_leaves_nothing(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    const size_t len = (size_t)12 << 20;
    char *data = calloc(1, len);

    assert_non_null(data);
    rig->fake.cancel_at = rig->fake.polls + 2;
    assert_int_equal(sink_put(rig->suite.sink, "docs/a", data, len, SME_PUT_CREATE_ONLY, &err),
                     SME_E_CANCELLED);
    assert_true(dirrig_says(&err, "docs/a"));
    rig->fake.cancel_at = 0;
    assert_int_equal(dirrig_temporaries(rig), 0);
    sink_assert_missing(rig->suite.sink, "docs/a");
    assert_int_equal(sink_put(rig->suite.sink, "docs/a", data, len, SME_PUT_CREATE_ONLY, &err),
                     SME_OK);
    free(data);
}

static void a_put_without_random_bytes_fails(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    rig->fake.random_fails = true;
    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_E_IO);
    assert_true(dirrig_says(&err, "random"));
    rig->fake.random_fails = false;
    sink_assert_missing(rig->suite.sink, "docs/a");
}

/* ---- what else may lie there -------------------------------------------------------------- */

static void foreign_things_are_passed_over(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object};
    char path[PATH_MAX];
    char byte;

    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_OK);
    tree_text(rig->root, "lost+found/x", "foreign");
    tree_text(rig->root, "docs/with blank", "foreign");
    dirrig_path(rig, "docs/fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    dirrig_path(rig, "docs/link", path);
    assert_int_equal(symlink("a", path), 0);
    dirrig_path(rig, "docs/dangling", path);
    assert_int_equal(symlink("nothing", path), 0);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), 1);
    assert_true(fakehost_logged(&rig->fake, SME_LOG_DEBUG, "passed over 5 entries"));
    /* None of them is an object, and reading the FIFO does not wait for a writer. */
    assert_int_equal(dirrig_ops(rig)->get(dirrig_handle(rig), "docs/fifo", 0, &byte, 1, &err),
                     SME_E_NOT_FOUND);
    assert_int_equal(dirrig_ops(rig)->stat(dirrig_handle(rig), "docs/fifo", &object, &err),
                     SME_E_NOT_FOUND);
    assert_int_equal(dirrig_ops(rig)->stat(dirrig_handle(rig), "docs/link", &object, &err),
                     SME_E_NOT_FOUND);
    assert_int_equal(dirrig_ops(rig)->get(dirrig_handle(rig), "docs/link", 0, &byte, 1, &err),
                     SME_E_INVALID);
    assert_int_equal(dirrig_put(rig, "docs/dangling", "x", &err), SME_E_EXISTS);
    assert_false(dirrig_exists(rig, "docs/nothing"));
}

static void links_to_folders_are_refused_not_followed(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    char path[PATH_MAX], elsewhere[PATH_MAX];
    char byte;

    tree_text(rig->scratch, "elsewhere/data/a", "theirs");
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", rig->scratch);
    dirrig_path(rig, "docs", path);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_int_equal(dirrig_put(rig, "docs/data/b", "x", &err), SME_E_INVALID);
    assert_true(dirrig_says(&err, "symbolic link"));
    assert_true(dirrig_says(&err, "bind mount"));
    assert_int_equal(dirrig_ops(rig)->get(dirrig_handle(rig), "docs/data/a", 0, &byte, 1, &err),
                     SME_E_INVALID);
    assert_int_equal(dirrig_ops(rig)->remove(dirrig_handle(rig), "docs/data/a", &err),
                     SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "docs/", &err), SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), SME_E_INVALID);
    assert_true(dirrig_says(&err, "docs"));
    assert_true(dirrig_exists(rig, "docs/data/a"));
    assert_false(dirrig_exists(rig, "docs/data/b"));
}

static void a_file_in_the_way_of_a_folder_is_named(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    tree_text(rig->root, "docs", "a file");
    assert_int_equal(dirrig_put(rig, "docs/data/a", "x", &err), SME_E_INVALID);
    assert_true(dirrig_says(&err, "a folder on the way is a file"));
    assert_int_equal(dirrig_temporaries(rig), 0);
}

static void keys_that_the_core_never_makes_are_refused(void **state)
{
    static const char *const keys[] = {"",    "/a",    "a/",  "a//b", "../a",     "a/../b",
                                       "./a", "a/./b", "a b", "a\n",  "\xc3\xa4", ".",
                                       "..",  "a/..",  "a*",  "a\\b", ".tmp"};
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    char longer[SME_KEY_MAX + 2];
    char byte;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (dirrig_put(rig, keys[i], "x", &err) != SME_E_INVALID)
            fail_msg("'%s' was taken", keys[i]);
        assert_int_equal(dirrig_ops(rig)->get(dirrig_handle(rig), keys[i], 0, &byte, 1, &err),
                         SME_E_INVALID);
        assert_int_equal(dirrig_ops(rig)->remove(dirrig_handle(rig), keys[i], &err), SME_E_INVALID);
    }
    memset(longer, 'k', sizeof longer);
    longer[100] = '/';
    longer[SME_KEY_MAX + 1] = '\0';
    assert_int_equal(dirrig_put(rig, longer, "x", &err), SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "../", &err), SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "/", &err), SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SINK_SUITE(dirrig_set_up, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_missing_root_is_unreachable_and_never_made,
                                        dirrig_set_up_missing, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_root_that_vanishes_is_unreachable, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_root_that_is_moved_away_is_unreachable, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(prepare_makes_the_root_and_what_is_above,
                                        dirrig_set_up_missing, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_root_that_is_a_file_is_refused, dirrig_set_up_missing,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(folders_and_files_are_private, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(temporaries_are_not_objects, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(nothing_stays_behind, dirrig_set_up, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(stale_temporaries_go_with_the_first_put, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_put_leaves_nothing, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_put_without_random_bytes_fails, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(foreign_things_are_passed_over, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(links_to_folders_are_refused_not_followed, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_file_in_the_way_of_a_folder_is_named, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(keys_that_the_core_never_makes_are_refused, dirrig_set_up,
                                        dirrig_tear_down),
    };

    if (!dirrig_is_built()) {
        (void)printf("1..0 # SKIP the directory sink is not built\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
