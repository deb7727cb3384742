/*
 * Tests of the walk of the filesystem source: depth, and trees that change below it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/filesystem_rig.h"
#include "../../plugins/lib/walk.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- depth -------------------------------------------------------------------------------------
 */

static void name_level(char *name, size_t size, unsigned level)
{
    (void)snprintf(name, size, "%04u", level);
    memset(name + 4, 'd', 196);
    name[200] = '\0';
}

/* Directories in directories, with a file "z" in each behind the next level. */
static void make_deep(unsigned levels)
{
    char name[256];
    for (unsigned level = 0; level < levels; level++) {
        name_level(name, sizeof name, level);
        make_dir(name);
        assert_int_equal(chdir(name), 0);
        make_file("z", "");
    }
}

static void remove_deep(struct scratch *scratch, unsigned levels)
{
    char name[256];
    for (unsigned level = levels; level-- > 0;) {
        assert_int_equal(unlink("z"), 0);
        assert_int_equal(chdir(".."), 0);
        name_level(name, sizeof name, level);
        assert_int_equal(rmdir(name), 0);
    }
    assert_int_equal(chdir(scratch->path), 0);
}

static void depth_has_no_limit(void **state)
{
    enum { LEVELS = 1500 };
    struct scratch *scratch = *state;
    struct rig rig;
    struct sme_item item;
    struct sme_error err = FRESH_ERROR;
    size_t longest = 0, directories = 0, files = 0;
    int before = count_descriptors(), most = 0, got;
    make_deep(LEVELS);
    rig_open(&rig, scratch, &(struct setup){0});
    assert_int_equal(rig_begin(&rig, &err), SME_OK);
    struct checker checker = {0};
    while ((got = rig_next(&rig, &item, &err)) > 0) {
        check_item(&checker, &item);
        longest = item.path_len > longest ? item.path_len : longest;
        assert_int_equal(item.flags, SME_ITEM_LOCATED);
        directories += item.type == SME_ITEM_DIRECTORY;
        files += item.type == SME_ITEM_FILE;
        if (checker.count % 100 == 0) {
            int now = count_descriptors();
            most = now > most ? now : most;
        }
    }
    assert_int_equal(got, 0);
    checker_done(&checker);
    rig_end(&rig);
    rig_close(&rig);
    assert_int_equal(directories, LEVELS + 1);
    assert_int_equal(files, LEVELS);
    assert_int_equal(longest, LEVELS * 201 + 1);
    assert_true(most - before <= (int)WALK_DEFAULT_OPEN);
    assert_int_equal(count_descriptors(), before);
    remove_deep(scratch, LEVELS);
}

/* A walk with few descriptors, up to the item ${until}. */
struct small_walk {
    struct roots roots;
    struct walk *walk;
};

static void small_walk_open(struct small_walk *small, struct scratch *scratch, const char *until)
{
    struct sme_error err = FRESH_ERROR;
    struct sme_item item;
    const char *const paths[] = {scratch->path};
    const struct sme_list list = {1, paths};
    const struct walk_options options = {
        .host = &scratch->host, .one_file_system = true, .max_open = 1};
    *small = (struct small_walk){0};
    assert_int_equal(roots_parse(&list, &small->roots, &err), SME_OK);
    assert_int_equal(roots_find(&small->roots, &err), SME_OK);
    assert_int_equal(walk_new(&small->roots, &options, &small->walk, &err), SME_OK);
    do {
        item = (struct sme_item){.struct_size = sizeof item, .dir_fd = -1};
        assert_int_equal(walk_next(small->walk, &item, &err), 1);
    } while (strcmp(item.path, until) != 0);
}

static void expect_item(struct small_walk *small, const char *path, uint32_t flags)
{
    struct sme_error err = FRESH_ERROR;
    struct sme_item item = {.struct_size = sizeof item, .dir_fd = -1};
    assert_int_equal(walk_next(small->walk, &item, &err), path != NULL);
    if (path == NULL)
        return;
    struct stat st;
    assert_string_equal(item.path, path);
    assert_int_equal(item.flags, flags);
    if ((flags & SME_ITEM_LOCATED) != 0)
        assert_int_equal(fstatat(item.dir_fd, item.name, &st, AT_SYMLINK_NOFOLLOW), 0);
    if ((flags & SME_ITEM_FAILED) != 0) {
        assert_int_equal(item.failure, SME_E_IO);
        assert_string_equal(item.failure_text, "its directory was moved away during the run");
    }
}

static void small_walk_close(struct small_walk *small)
{
    walk_free(small->walk);
    roots_free(&small->roots);
}

static void make_chain(void)
{
    make_dir("a");
    make_file("a/z", "");
    make_dir("a/b");
    make_file("a/b/z", "");
    make_dir("a/b/c");
    make_file("a/b/c/z", "");
    make_dir("a/b/c/d");
    make_file("a/b/c/d/e", "");
    make_file("z", "");
}

static void way_back_survives_a_moved_directory(void **state)
{
    struct small_walk small;
    make_chain();
    small_walk_open(&small, *state, "a/b/c/d/e");
    /* ".." of it leads elsewhere now, but its old parent is still where it was */
    assert_int_equal(rename("a/b/c", "moved"), 0);
    expect_item(&small, "a/b/c/z", SME_ITEM_LOCATED);
    expect_item(&small, "a/b/z", SME_ITEM_LOCATED);
    expect_item(&small, "a/z", SME_ITEM_LOCATED);
    expect_item(&small, "z", SME_ITEM_LOCATED);
    expect_item(&small, NULL, 0);
    small_walk_close(&small);
}

static void lost_directory_is_reported_and_not_mistaken(void **state)
{
    struct small_walk small;
    make_chain();
    small_walk_open(&small, *state, "a/b/c/d/e");
    /* neither ".." nor names lead back to "a/b", and another directory is in its place */
    assert_int_equal(rename("a/b/c", "moved"), 0);
    assert_int_equal(rename("a/b", "away"), 0);
    make_dir("a/b");
    make_file("a/b/z", "another");
    expect_item(&small, "a/b/c/z", SME_ITEM_LOCATED);
    expect_item(&small, "a/b/z", SME_ITEM_FAILED);
    expect_item(&small, "a/z", SME_ITEM_LOCATED);
    expect_item(&small, "z", SME_ITEM_LOCATED);
    expect_item(&small, NULL, 0);
    small_walk_close(&small);
}

static void vanished_directory_is_an_item_that_failed(void **state)
{
    struct small_walk small;
    struct sme_error err = FRESH_ERROR;
    struct sme_item item = {.struct_size = sizeof item, .dir_fd = -1};
    make_dir("a");
    make_dir("b");
    make_dir("c");
    make_dir("d");
    small_walk_open(&small, *state, "a");
    assert_int_equal(rmdir("b"), 0);
    assert_int_equal(rmdir("c"), 0);
    assert_int_equal(symlink("/", "c"), 0);
    assert_int_equal(rmdir("d"), 0);
    make_file("d", "");
    for (char path[] = "b"; path[0] <= 'd'; path[0]++) {
        assert_int_equal(walk_next(small.walk, &item, &err), 1);
        assert_string_equal(item.path, path);
        assert_int_equal(item.flags, SME_ITEM_FAILED | SME_ITEM_LOCATED);
        assert_int_equal(item.failure, SME_E_NOT_FOUND);
        assert_string_equal(item.failure_text, "vanished");
    }
    expect_item(&small, NULL, 0);
    small_walk_close(&small);
}

/* ---- directories that cannot be read -----------------------------------------------------------
 */

enum trick {
    HONEST,
    FAIL,     /* with ${trick_errno}                     */
    REPEAT,   /* give the last answer again              */
    NO_TYPES, /* as file systems that do not store them  */
    SLASH,    /* a name with '/' in it                   */
    EMPTY,    /* a name without bytes                    */
    OVERRUN,  /* a record that ends behind the answer    */
    SHORT,    /* a record that is none                   */
    UNENDED,  /* a name without zero byte                */
};

/* What the next calls of getdents64() do; behind the last one they are honest. */
static enum trick tricks[8];
static size_t next_trick;
static int trick_errno;

/* An answer of getdents64(): names at 19, their type at 18, length of the record at 16. */
static void spoil(enum trick trick, char *answer, size_t len)
{
    uint16_t record_len;
    for (size_t at = 0; at < len; at += record_len) {
        memcpy(&record_len, answer + at + 16, sizeof record_len);
        char *name = answer + at + 19;
        if (trick == NO_TYPES)
            name[-1] = 0;
        if (strcmp(name, "bbb") != 0)
            continue;
        uint16_t other_len = trick == OVERRUN ? UINT16_MAX : 3;
        if (trick == SLASH)
            name[1] = '/';
        else if (trick == EMPTY)
            name[0] = '\0';
        else if (trick == UNENDED)
            memset(name, 'b', record_len - 19u);
        else if (trick == OVERRUN || trick == SHORT)
            memcpy(answer + at + 16, &other_len, sizeof other_len);
    }
}

/* Takes the place of the C library's, for the objects of this program. */
long syscall(long number, ...)
{
    static char last[4096];
    static size_t last_len;
    long (*real)(long, ...) = (long (*)(long, ...))(uintptr_t)dlsym(RTLD_NEXT, "syscall");
    long args[6];
    va_list ap;
    va_start(ap, number);
    for (size_t i = 0; i < 6; i++)
        args[i] = va_arg(ap, long);
    va_end(ap);
    if (number != SYS_getdents64)
        return real(number, args[0], args[1], args[2], args[3], args[4], args[5]);
    char *buffer = (char *)(uintptr_t)args[1];
    enum trick trick = next_trick < 8 ? tricks[next_trick++] : HONEST;
    if (trick == FAIL) {
        errno = trick_errno;
        return -1;
    }
    if (trick == REPEAT) {
        memcpy(buffer, last, last_len);
        return (long)last_len;
    }
    long len = real(number, args[0], args[1], args[2]);
    if (len > 0 && (size_t)len <= sizeof last) {
        memcpy(last, buffer, (size_t)len);
        last_len = (size_t)len;
        spoil(trick, buffer, (size_t)len);
    }
    return len;
}

/* Each directory of the tree takes two calls: one for its names, one that says they are all. */
static void check_tricked(struct scratch *scratch, enum trick third, enum trick fourth,
                          int sys_errno, const char *expected)
{
    struct rig rig;
    char text[1024];
    struct sme_error err = FRESH_ERROR;
    memset(tricks, 0, sizeof tricks);
    tricks[2] = third;
    tricks[3] = fourth;
    trick_errno = sys_errno;
    next_trick = 0;
    rig_open(&rig, scratch, &(struct setup){0});
    assert_int_equal(rig_begin(&rig, &err), SME_OK);
    rig_walk_text(&rig, text, sizeof text);
    rig_end(&rig);
    rig_close(&rig);
    assert_string_equal(text, expected);
}

static int tricks_set_up(void **state)
{
    if (scratch_set_up(state) < 0)
        return -1;
    make_dir("dir");
    make_file("dir/aaa", "");
    make_dir("dir/bbb");
    make_file("dir/ccc", "");
    make_file("z", "");
    return 0;
}

static int tricks_tear_down(void **state)
{
    memset(tricks, 0, sizeof tricks);
    return scratch_tear_down(state);
}

#define WHOLE "d \nd dir\nf dir/aaa\nd dir/bbb\nf dir/ccc\nf z\n"

static void names_without_types_are_looked_up(void **state)
{
    check_tricked(*state, NO_TYPES, HONEST, 0, WHOLE);
}

static void name_that_comes_twice_is_one_item(void **state)
{
    check_tricked(*state, HONEST, REPEAT, 0, WHOLE);
}

static void interrupted_reading_goes_on(void **state)
{
    check_tricked(*state, FAIL, HONEST, EINTR, WHOLE);
}

static void directory_that_cannot_be_read_is_an_item_that_failed(void **state)
{
    check_tricked(*state, FAIL, HONEST, EIO,
                  "d \nd! dir: cannot read directory: Input/output error\nf z\n");
}

static void what_was_read_before_the_failure_follows(void **state)
{
    check_tricked(*state, HONEST, FAIL, EIO,
                  "d \nd! dir: cannot read directory: Input/output error\n"
                  "f dir/aaa\nd dir/bbb\nf dir/ccc\nf z\n");
}

static void directory_removed_while_open_has_vanished(void **state)
{
    check_tricked(*state, FAIL, HONEST, ENOENT, "d \nd! dir: vanished\nf z\n");
    check_tricked(*state, HONEST, FAIL, ENOENT, "d \nd! dir: vanished\nf z\n");
}

static void damaged_answers_are_failures(void **state)
{
    static const enum trick damage[] = {SLASH, EMPTY, OVERRUN, SHORT, UNENDED};
    static const char failed[] = "d \nd! dir: cannot read directory: Structure needs cleaning\n";
    struct scratch *scratch = *state;
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        struct rig rig;
        char text[1024];
        struct sme_error err = FRESH_ERROR;
        memset(tricks, 0, sizeof tricks);
        tricks[2] = damage[i];
        next_trick = 0;
        rig_open(&rig, scratch, &(struct setup){0});
        assert_int_equal(rig_begin(&rig, &err), SME_OK);
        rig_walk_text(&rig, text, sizeof text);
        rig_end(&rig);
        rig_close(&rig);
        /* which names came before it is up to the file system */
        assert_memory_equal(text, failed, sizeof failed - 1);
        assert_null(strstr(text, "bb"));
        assert_non_null(strstr(text, "\nf z\n"));
    }
}

static void root_that_cannot_be_read_fails_the_run(void **state)
{
    struct scratch *scratch = *state;
    struct rig rig;
    char expected[400];
    struct sme_error err = FRESH_ERROR;
    for (int call = 0; call < 2; call++) {
        memset(tricks, 0, sizeof tricks);
        tricks[call] = FAIL;
        trick_errno = EIO;
        next_trick = 0;
        rig_open(&rig, scratch, &(struct setup){0});
        assert_int_equal(rig_begin(&rig, &err), SME_E_IO);
        rig_close(&rig);
        (void)snprintf(expected, sizeof expected, "cannot read path '%s': Input/output error",
                       scratch->path);
        assert_string_equal(err.message, expected);
        assert_int_equal(err.sys_errno, EIO);
    }
}

#define TRICKED(function) cmocka_unit_test_setup_teardown(function, tricks_set_up, tricks_tear_down)
#define T(function) cmocka_unit_test_setup_teardown(function, scratch_set_up, scratch_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(depth_has_no_limit),
        T(way_back_survives_a_moved_directory),
        T(lost_directory_is_reported_and_not_mistaken),
        T(vanished_directory_is_an_item_that_failed),
        TRICKED(names_without_types_are_looked_up),
        TRICKED(name_that_comes_twice_is_one_item),
        TRICKED(interrupted_reading_goes_on),
        TRICKED(directory_that_cannot_be_read_is_an_item_that_failed),
        TRICKED(what_was_read_before_the_failure_follows),
        TRICKED(directory_removed_while_open_has_vanished),
        TRICKED(damaged_answers_are_failures),
        TRICKED(root_that_cannot_be_read_fails_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
