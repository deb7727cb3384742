/*
 * Tests of the filesystem source: which items it yields, in which order, and what it leaves out.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/filesystem_rig.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the descriptor ----------------------------------------------------------------------------
 */

static void descriptor_is_complete(void **state)
{
    (void)state;
    const struct sme_plugin *plugin = &sme_backup_plugin_v1;
    assert_int_equal(plugin->struct_size, sizeof *plugin);
    assert_int_equal(plugin->option_size, sizeof(struct sme_option));
    assert_string_equal(plugin->name, "filesystem");
    assert_null(plugin->sink);
    assert_int_equal(plugin->option_count, 6);
    for (uint32_t i = 0; i < plugin->option_count; i++) {
        const char *help = plugin->options[i].help;
        assert_true(strlen(help) > 10 && help[strlen(help) - 1] == '.');
        assert_true(plugin->options[i].offset < plugin->config_size);
    }
    assert_int_equal(plugin->options[0].flags, SME_OPT_REQUIRED | SME_OPT_PATHS);
    plugin->source->destroy(NULL);
}

static void calls_out_of_order_fail(void **state)
{
    struct rig rig;
    struct sme_item item;
    struct sme_error err = FRESH_ERROR;
    char byte;
    rig_open(&rig, *state, &(struct setup){0});
    assert_int_equal(rig_next(&rig, &item, &err), SME_E_INVALID);
    assert_string_equal(err.message, "source 'test' has not begun");
    assert_int_equal(sme_backup_plugin_v1.source->read(rig.handle, &byte, 1, &err), SME_E_INVALID);
    assert_string_equal(err.message, "source 'test' has no streams");
    rig_close(&rig);
}

/* ---- items and their order ---------------------------------------------------------------------
 */

static void order_puts_slash_below_every_byte(void **state)
{
    make_dir("a");
    make_file("a/b", "");
    make_file("a/\x01", "");
    make_dir("a/b-");
    make_file("a/b-/x", "");
    make_file("a b", "");
    make_file("a-b", "");
    make_file("a.b", "");
    make_file("a0", "");
    make_file("a\x01", "");
    make_file("aaaaaaaab", "");
    make_file("aaaaaaaaa", "");
    make_file("aaaaaaaa", "");
    make_file("aaaaaaaa\x80", "");
    make_dir("B");
    make_dir("\xff");
    make_file("\xff/\xfe", "");
    check_walk(*state, &(struct setup){0},
               "d \n"
               "d B\n"
               "d a\n"
               "f a/\x01\n"
               "f a/b\n"
               "d a/b-\n"
               "f a/b-/x\n"
               "f a\x01\n"
               "f a b\n"
               "f a-b\n"
               "f a.b\n"
               "f a0\n"
               "f aaaaaaaa\n"
               "f aaaaaaaaa\n"
               "f aaaaaaaab\n"
               "f aaaaaaaa\x80\n"
               "d \xff\n"
               "f \xff/\xfe\n");
}

static void any_byte_may_be_in_a_name(void **state)
{
    char name[256];
    make_file("new\nline", "");
    make_file("\x80\xc3(", "");
    make_file("...", "");
    make_file("..x", "");
    make_file("\\", "");
    memset(name, 'n', 255);
    name[255] = '\0';
    make_file(name, "");
    char expected[600];
    (void)snprintf(expected, sizeof expected,
                   "d \nf ...\nf ..x\nf \\\nf new\nline\nf %s\nf \x80\xc3(\n", name);
    check_walk(*state, &(struct setup){0}, expected);
}

static void every_type_is_told(void **state)
{
    struct scratch *scratch = *state;
    make_file("file", "x");
    make_dir("dir");
    assert_int_equal(symlink("nowhere", "link-dangling"), 0);
    assert_int_equal(symlink("link-loop", "link-loop"), 0);
    assert_int_equal(symlink("dir", "link-to-dir"), 0);
    assert_int_equal(symlink("..", "dir/up"), 0);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "sock"};
    assert_true(sock >= 0);
    assert_int_equal(bind(sock, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(close(sock), 0);
    bool devices = mknod("null", S_IFCHR | 0600, makedev(1, 3)) == 0 &&
                   mknod("ram", S_IFBLK | 0600, makedev(1, 0)) == 0;
    char expected[300];
    (void)snprintf(expected, sizeof expected,
                   "d \n"
                   "d dir\n"
                   "l dir/up\n"
                   "p fifo\n"
                   "f file\n"
                   "l link-dangling\n"
                   "l link-loop\n"
                   "l link-to-dir\n"
                   "%ss sock\n",
                   devices ? "c null\nb ram\n" : "");
    check_walk(scratch, &(struct setup){0}, expected);
}

static void items_of_one_directory_share_a_serial(void **state)
{
    uint64_t root_serial, dir_serial;
    struct rig rig;
    struct sme_item item;
    struct sme_error err = FRESH_ERROR;
    make_dir("d");
    make_file("d/f", "");
    make_file("e", "");
    rig_open(&rig, *state, &(struct setup){0});
    assert_int_equal(rig_begin(&rig, &err), SME_OK);
    assert_int_equal(rig_next(&rig, &item, &err), 1);
    assert_string_equal(item.path, "");
    assert_string_equal(item.name, "");
    root_serial = item.dir_serial;
    assert_int_equal(rig_next(&rig, &item, &err), 1);
    assert_string_equal(item.path, "d");
    assert_string_equal(item.name, "d");
    assert_int_equal(item.dir_serial, root_serial);
    assert_int_equal(rig_next(&rig, &item, &err), 1);
    assert_string_equal(item.path, "d/f");
    assert_string_equal(item.name, "f");
    dir_serial = item.dir_serial;
    assert_int_not_equal(dir_serial, root_serial);
    assert_int_equal(rig_next(&rig, &item, &err), 1);
    assert_string_equal(item.path, "e");
    assert_int_equal(item.dir_serial, root_serial);
    assert_int_equal(rig_next(&rig, &item, &err), 0);
    rig_end(&rig);
    rig_close(&rig);
}

static void large_directory_comes_sorted_and_whole(void **state)
{
    enum { FILES = 20000 };
    struct rig rig;
    struct sme_item item;
    struct sme_error err = FRESH_ERROR;
    char name[32];
    make_dir("big");
    assert_int_equal(chdir("big"), 0);
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof name, "f%u", i * 7919u % FILES);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(chdir(".."), 0);
    rig_open(&rig, *state, &(struct setup){0});
    assert_int_equal(rig_begin(&rig, &err), SME_OK);
    struct checker checker = {0};
    while (rig_next(&rig, &item, &err) > 0)
        check_item(&checker, &item);
    assert_int_equal(checker.count, FILES + 2);
    checker_done(&checker);
    rig_end(&rig);
    rig_close(&rig);
}

/* ---- leaving out -------------------------------------------------------------------------------
 */

static void excluded_trees_are_not_there(void **state)
{
    make_dir("keep");
    make_file("keep/a.tmp", "");
    make_file("keep/a.txt", "");
    make_dir("keep/build");
    make_file("keep/build/x", "");
    make_dir("tmp");
    make_file("tmp/needed", "");
    make_file("special.tmp", "");
    make_file("build", "a file of that name");
    check_walk(*state,
               &(struct setup){EXCLUDE("*.tmp", "build/", "/tmp", "!needed", "!/special.tmp")},
               "d \nf build\nd keep\nf keep/a.txt\nf special.tmp\n");
}

static void exclude_file_comes_before_exclude(void **state)
{
    struct scratch *scratch = *state;
    char path[300];
    make_dir("d");
    make_file("d/a.o", "");
    make_file("d/b.o", "");
    make_file("d/ignore", "# objects\n*.o\nignore\n");
    (void)snprintf(path, sizeof path, "%s/d/ignore", scratch->path);
    check_walk(scratch, &(struct setup){PATHS("d"), EXCLUDE("!b.o"), .exclude_file = path},
               "d \nf b.o\n");
}

static void bad_exclude_is_refused(void **state)
{
    check_begin_fails(*state, &(struct setup){EXCLUDE("ok", "[x")}, SME_E_INVALID,
                      "exclude: pattern '[x': '[' without ']'", NULL);
    check_begin_fails(*state, &(struct setup){.exclude_file = "/nonexistent"}, SME_E_NOT_FOUND,
                      "cannot open exclude file '/nonexistent': No such file or directory", NULL);
}

static void full_name_in_exclude_is_pointed_out(void **state)
{
    struct scratch *scratch = *state;
    struct rig rig;
    struct sme_error err = FRESH_ERROR;
    char pattern[300], expected[900];
    make_dir("d");
    make_file("d/x", "");
    (void)snprintf(pattern, sizeof pattern, "!%s/d/x", scratch->path);
    const char *const patterns[] = {pattern};
    const struct setup setup = {PATHS("d"), .exclude = patterns, .exclude_count = 1};
    rig_open(&rig, scratch, &setup);
    assert_int_equal(sme_backup_plugin_v1.source->check(rig.handle, &err), SME_OK);
    (void)snprintf(expected, sizeof expected,
                   "exclude '%s' is taken as relative to '%s/d': write '!/x'", pattern,
                   scratch->path);
    assert_string_equal(scratch->last_log, expected);
    rig_close(&rig);
}

#define TAG "Signature: 8a477f597d28d172789f06886806bc55"

static void tagged_cache_keeps_only_its_tag(void **state)
{
    make_dir("cache");
    make_file("cache/A", "");
    make_file("cache/CACHEDIR.TAG", TAG "\n# made by a test\n");
    make_dir("cache/deep");
    make_file("cache/z", "");
    make_dir("false");
    make_file("false/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc5");
    make_file("false/x", "");
    make_dir("linked");
    assert_int_equal(symlink("../cache/CACHEDIR.TAG", "linked/CACHEDIR.TAG"), 0);
    make_dir("fifo");
    assert_int_equal(mkfifo("fifo/CACHEDIR.TAG", 0600), 0);
    check_walk(*state, &(struct setup){0},
               "d \n"
               "d- cache: cache directory (CACHEDIR.TAG)\n"
               "f cache/CACHEDIR.TAG\n"
               "d false\n"
               "f false/CACHEDIR.TAG\n"
               "f false/x\n"
               "d fifo\n"
               "p fifo/CACHEDIR.TAG\n"
               "d linked\n"
               "l linked/CACHEDIR.TAG\n");
    /* a directory that is asked for by name is backed up, tag or not */
    check_walk(*state, &(struct setup){PATHS("cache")}, "d \nf A\nf CACHEDIR.TAG\nd deep\nf z\n");
    check_walk(*state, &(struct setup){EXCLUDE("false", "fifo", "linked"), .with_caches = true},
               "d \nd cache\nf cache/A\nf cache/CACHEDIR.TAG\nd cache/deep\nf cache/z\n");
}

static void large_files_are_left_out_and_told(void **state)
{
    make_file("ten", "0123456789");
    make_file("nine", "012345678");
    assert_int_equal(symlink("ten", "link"), 0);
    check_walk(*state, &(struct setup){.exclude_larger = 9},
               "d \nl link\nf nine\nf-~ ten: larger than exclude_larger allows\n");
    check_walk(*state, &(struct setup){0}, "d \nl link\nf nine\nf ten\n");
}

static void mount_points_are_kept_empty(void **state)
{
    make_dir("m");
    make_dir("n");
    if (mount("test", "m", "tmpfs", 0, "size=64k") != 0)
        skip();
    make_file("m/inside", "");
    check_walk(*state, &(struct setup){0}, "d \nd- m: mount point of another file system\nd n\n");
    check_walk(*state, &(struct setup){.all_file_systems = true}, "d \nd m\nf m/inside\nd n\n");
    /* asked for by name, it is a root */
    check_walk(*state, &(struct setup){PATHS("m")}, "d \nf inside\n");
    assert_int_equal(umount("m"), 0);
}

static int mount_tear_down(void **state)
{
    (void)umount2("m", MNT_DETACH);
    return scratch_tear_down(state);
}

#define T(function) cmocka_unit_test_setup_teardown(function, scratch_set_up, scratch_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptor_is_complete),
        T(calls_out_of_order_fail),
        T(order_puts_slash_below_every_byte),
        T(any_byte_may_be_in_a_name),
        T(every_type_is_told),
        T(items_of_one_directory_share_a_serial),
        T(large_directory_comes_sorted_and_whole),
        T(excluded_trees_are_not_there),
        T(exclude_file_comes_before_exclude),
        T(bad_exclude_is_refused),
        T(full_name_in_exclude_is_pointed_out),
        T(tagged_cache_keeps_only_its_tag),
        T(large_files_are_left_out_and_told),
        cmocka_unit_test_setup_teardown(mount_points_are_kept_empty, scratch_set_up,
                                        mount_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
