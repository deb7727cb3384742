/*
 * Tests of core/base/fileio.c, in a folder of their own.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/cleanup.h"
#include "../../core/base/error.h"
#include "../../core/base/fileio.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static char folder[256];

/* Each test has an empty folder as its working directory. */
static int enter(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/sme-fileio-XXXXXX", base != NULL ? base : "/tmp");
    (void)umask(022);
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[300];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static size_t count_entries(void)
{
    size_t count = 0;
    DIR *dir = opendir(".");
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2;
}

static void assert_content(const char *path, const char *wanted)
{
    CLEANUP(buf_free) struct buf b = BUF_INIT(1000);
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(io_load(AT_FDCWD, path, &b, &err), SME_OK);
    assert_string_equal(buf_text(&b), wanted);
}

static void writes_and_reads_are_whole(void **state)
{
    (void)state;
    char data[10] = "";
    CLEANUP(close_fd) int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(io_write_full(fd, "0123456789", 10), 0);
    assert_int_equal(io_pwrite_full(fd, "xy", 2, 4), 0);
    assert_int_equal(io_pread_full(fd, data, 5, 3), 5);
    assert_memory_equal(data, "3xy67", 5);
    assert_int_equal(io_pread_full(fd, data, 10, 8), 2);
    assert_int_equal(io_pread_full(fd, data, 10, 100), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(io_read_full(fd, data, 10), 10);
    assert_int_equal(io_read_full(fd, data, 10), 0);
}

static void bad_descriptors_give_errno(void **state)
{
    (void)state;
    char c = 'c';
    assert_int_equal(io_read_full(-1, &c, 1), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(io_pread_full(-1, &c, 1, 0), -1);
    assert_int_equal(io_write_full(-1, &c, 1), -1);
    assert_int_equal(io_pwrite_full(-1, &c, 1, 0), -1);
    assert_int_equal(io_sync_dir(-1), -1);
    assert_int_equal(errno, EBADF);
    int none = -1;
    close_fd(&none);
    CLEANUP(close_fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full >= 0) {
        assert_int_equal(io_write_full(full, &c, 1), -1);
        assert_int_equal(errno, ENOSPC);
    }
}

static void pipes_are_read_in_pieces(void **state)
{
    (void)state;
    int fds[2];
    char data[8] = "";
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(io_write_full(fds[1], "abc", 3), 0);
    close_fd(&fds[1]);
    assert_int_equal(fds[1], -1);
    assert_int_equal(io_read_full(fds[0], data, 8), 3);
    close_fd(&fds[0]);
}

static void load_respects_the_limit(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(io_create("f", "12345678", 8, 0600, &err), SME_OK);
    CLEANUP(buf_free) struct buf exact = BUF_INIT(10);
    buf_add_str(&exact, "ab");
    assert_int_equal(io_load(AT_FDCWD, "f", &exact, &err), SME_OK);
    assert_string_equal(buf_text(&exact), "ab12345678");
    CLEANUP(buf_free) struct buf small = BUF_INIT(7);
    assert_int_equal(io_load(AT_FDCWD, "f", &small, &err), SME_E_INVALID);
    assert_string_equal(err.message, "'f' is larger than 7 B");
    CLEANUP(buf_free) struct buf endless = BUF_INIT(100000);
    assert_int_equal(io_load(AT_FDCWD, "/dev/zero", &endless, &err), SME_E_INVALID);
    assert_string_equal(err.message, "'/dev/zero' is larger than 97.7KiB");
}

static void load_reads_files_without_a_size(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    CLEANUP(buf_free) struct buf b = BUF_INIT(1000000);
    assert_int_equal(io_load(AT_FDCWD, "/proc/self/status", &b, &err), SME_OK);
    assert_true(b.len > 100);
    buf_clear(&b);
    assert_int_equal(io_load(AT_FDCWD, "/dev/null", &b, &err), SME_OK);
    assert_int_equal(b.len, 0);
}

static void load_names_what_is_missing(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    CLEANUP(buf_free) struct buf b = BUF_INIT(10);
    assert_int_equal(io_load(AT_FDCWD, "none", &b, &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message, "cannot open 'none': No such file or directory");
    assert_int_equal(io_load(AT_FDCWD, ".", &b, &err), SME_E_INVALID);
    assert_string_equal(err.message, "cannot read '.': Is a directory");
    b.bad = true;
    assert_int_equal(io_load(AT_FDCWD, "/dev/null", &b, &err), SME_E_NO_MEMORY);
}

static void replace_leaves_one_file_with_the_mode(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    struct stat st;
    char path[300];
    (void)umask(077);
    assert_int_equal(io_replace("f", "old", 3, 0640, &err), SME_OK);
    (void)snprintf(path, sizeof path, "%s/f", folder);
    assert_int_equal(io_replace(path, "new!", 4, 0644, &err), SME_OK);
    assert_content("f", "new!");
    assert_int_equal(stat("f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(count_entries(), 1);
    assert_int_equal(io_replace("f", NULL, 0, 0600, &err), SME_OK);
    assert_content("f", "");
}

static void failed_replace_leaves_the_old_file_alone(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(io_replace("none/f", "x", 1, 0600, &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message, "cannot open folder 'none': No such file or directory");
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(io_replace("d", "x", 1, 0600, &err), SME_E_INVALID);
    assert_string_equal(err.message, "cannot write 'd': Is a directory");
    assert_int_equal(count_entries(), 1);

    /* A write that fails half way, without a full disk: the limit on the size of files. */
    struct rlimit before, one_byte;
    assert_int_equal(io_replace("f", "old", 3, 0600, &err), SME_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    one_byte = before;
    one_byte.rlim_cur = 1;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &one_byte), 0);
    int status = io_replace("f", "new", 3, 0600, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, SME_E_IO);
    assert_string_equal(err.message, "cannot write 'f': File too large");
    assert_content("f", "old");
    assert_int_equal(count_entries(), 2);
}

static void create_does_not_overwrite(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(io_create("f", "first", 5, 0600, &err), SME_OK);
    assert_int_equal(io_create("f", "second", 6, 0600, &err), SME_E_EXISTS);
    assert_string_equal(err.message, "'f' exists already");
    assert_content("f", "first");
    assert_int_equal(count_entries(), 1);
    assert_int_equal(symlink("nowhere", "link"), 0);
    assert_int_equal(io_create("link", "x", 1, 0600, &err), SME_E_EXISTS);
    assert_int_equal(count_entries(), 2);
}

static void make_dirs_makes_what_is_missing(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    struct stat st;
    char path[300];
    assert_int_equal(io_make_dirs("a/b//c", 0750, &err), SME_OK);
    assert_int_equal(io_make_dirs("a/b/c/", 0750, &err), SME_OK);
    assert_int_equal(io_make_dirs("/", 0750, &err), SME_OK);
    (void)snprintf(path, sizeof path, "%s/a/x", folder);
    assert_int_equal(io_make_dirs(path, 0700, &err), SME_OK);
    assert_int_equal(stat("a/b", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(stat("a/x", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(symlink("a", "s"), 0);
    assert_int_equal(io_make_dirs("s/b/y", 0700, &err), SME_OK);
    assert_int_equal(stat("a/b/y", &st), 0);
}

static void make_dirs_names_what_is_in_the_way(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(io_create("f", "", 0, 0600, &err), SME_OK);
    assert_int_equal(io_make_dirs("f", 0700, &err), SME_E_INVALID);
    assert_string_equal(err.message, "cannot make folder 'f': Not a directory");
    assert_int_equal(io_make_dirs("f/g", 0700, &err), SME_E_INVALID);
    assert_string_equal(err.message, "cannot make folder 'f/g': Not a directory");
    assert_int_equal(io_make_dirs("", 0700, &err), SME_E_NOT_FOUND);
}

static int check_mode(mode_t mode, bool secret, struct sme_error *err)
{
    assert_int_equal(chmod("f", mode), 0);
    CLEANUP(close_fd) int fd = open("f", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return io_check_private(fd, "f", "key file", secret, err);
}

static void files_that_others_can_touch_are_refused(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(io_create("f", "", 0, 0600, &err), SME_OK);
    assert_int_equal(check_mode(0600, true, &err), SME_OK);
    assert_int_equal(check_mode(0400, true, &err), SME_OK);
    assert_int_equal(check_mode(0644, false, &err), SME_OK);
    assert_int_equal(check_mode(0644, true, &err), SME_E_DENIED);
    assert_string_equal(err.message, "key file 'f' can be read by others (mode 0644)");
    assert_string_equal(err.hint, "chmod go-rwx 'f'");
    assert_int_equal(check_mode(0640, true, &err), SME_E_DENIED);
    assert_int_equal(check_mode(0660, false, &err), SME_E_DENIED);
    assert_string_equal(err.message, "key file 'f' can be written by others (mode 0660)");
    assert_string_equal(err.hint, "chmod go-w 'f'");
    assert_int_equal(check_mode(0602, false, &err), SME_E_DENIED);
    assert_int_equal(io_check_private(-1, "g", "key file", false, &err), SME_E_IO);
    assert_string_equal(err.message, "cannot examine key file 'g': Bad file descriptor");
    if (geteuid() == 0) {
        assert_int_equal(chown("f", 12345, 12345), 0);
        assert_int_equal(check_mode(0600, true, &err), SME_E_DENIED);
        assert_string_equal(err.message, "key file 'f' belongs to another user (uid 12345)");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_and_reads_are_whole, enter, leave),
        cmocka_unit_test_setup_teardown(bad_descriptors_give_errno, enter, leave),
        cmocka_unit_test_setup_teardown(pipes_are_read_in_pieces, enter, leave),
        cmocka_unit_test_setup_teardown(load_respects_the_limit, enter, leave),
        cmocka_unit_test_setup_teardown(load_reads_files_without_a_size, enter, leave),
        cmocka_unit_test_setup_teardown(load_names_what_is_missing, enter, leave),
        cmocka_unit_test_setup_teardown(replace_leaves_one_file_with_the_mode, enter, leave),
        cmocka_unit_test_setup_teardown(failed_replace_leaves_the_old_file_alone, enter, leave),
        cmocka_unit_test_setup_teardown(create_does_not_overwrite, enter, leave),
        cmocka_unit_test_setup_teardown(make_dirs_makes_what_is_missing, enter, leave),
        cmocka_unit_test_setup_teardown(make_dirs_names_what_is_in_the_way, enter, leave),
        cmocka_unit_test_setup_teardown(files_that_others_can_touch_are_refused, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
