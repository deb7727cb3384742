/*
 * Making files below a directory: nothing escapes, nothing existing is touched, metadata sticks.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/cleanup.h"
#include "../../core/pipeline/extract.h"
#include "../harness/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

struct fixture {
    char *dir; /* holds "in", the target, and "out", where nothing may appear */
    int top;
    int root;
    mode_t mask;
    struct extract_dirs dirs;
    struct sme_error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->err = (struct sme_error){.struct_size = sizeof f->err};
    f->mask = umask(0);
    f->dir = tree_new();
    f->top = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(f->top, "in", 0700), 0);
    assert_int_equal(mkdirat(f->top, "out", 0700), 0);
    f->root = openat(f->top, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    extract_dirs_init(&f->dirs, f->root);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    extract_dirs_done(&f->dirs);
    close_fd(&f->root);
    close_fd(&f->top);
    tree_remove(f->dir);
    free(f->dir);
    (void)umask(f->mask);
    free(f);
    return 0;
}

static void refuse(struct fixture *f, const char *path)
{
    assert_int_equal(extract_open_dir(f->root, path), -1);
    assert_int_equal(extract_open_dir_stepwise(f->root, path), -1);
}

static void accept(struct fixture *f, const char *path, const char *same_as)
{
    struct stat expected, got;
    int fds[2] = {extract_open_dir(f->root, path), extract_open_dir_stepwise(f->root, path)};

    assert_int_equal(fstatat(f->root, same_as, &expected, 0), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_true(fds[i] >= 0);
        assert_int_equal(fstat(fds[i], &got), 0);
        assert_int_equal(got.st_ino, expected.st_ino);
        (void)close(fds[i]);
    }
}

static void directories_open_only_below_the_root(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdirat(f->root, "a", 0700), 0);
    assert_int_equal(mkdirat(f->root, "a/b", 0700), 0);
    assert_int_equal(symlinkat("../out", f->root, "up"), 0);
    assert_int_equal(symlinkat("b", f->root, "a/link"), 0);
    assert_int_equal(symlinkat("/", f->root, "slash"), 0);
    accept(f, "", ".");
    accept(f, "a", "a");
    accept(f, "a/b", "a/b");
    refuse(f, "up");
    refuse(f, "up/x");
    refuse(f, "a/link"); /* leads inside, but is a link all the same */
    refuse(f, "slash/tmp");
    refuse(f, "..");
    refuse(f, "a/../..");
    refuse(f, "a//b");
    refuse(f, "./a");
    refuse(f, "/tmp");
    refuse(f, "missing");
}

static void paths_longer_than_the_kernel_takes_open(void **state)
{
    struct fixture *f = *state;
    char name[201];
    char *path = calloc(1, 64 * 201);
    size_t len = 0;
    int fd = dup(f->root);

    memset(name, 'n', 200);
    name[200] = '\0';
    for (int i = 0; i < 40; i++) {
        assert_int_equal(mkdirat(fd, name, 0700), 0);
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)close(fd);
        fd = next;
        len += (size_t)snprintf(path + len, 202, "%s%s", i > 0 ? "/" : "", name);
    }
    assert_true(len > PATH_MAX);
    int opened = extract_open_dir(f->root, path);
    assert_true(opened >= 0);
    struct stat expected, got;
    assert_int_equal(fstat(fd, &expected), 0);
    assert_int_equal(fstat(opened, &got), 0);
    assert_int_equal(got.st_ino, expected.st_ino);
    (void)close(opened);
    opened = extract_open_dir_stepwise(f->root, path);
    assert_true(opened >= 0);
    (void)close(opened);
    (void)close(fd);
    free(path);
}

static void only_single_names_are_names(void **state)
{
    char name[257];

    (void)state;
    memset(name, 'x', 256);
    name[256] = '\0';
    assert_false(extract_name_ok(name));
    name[255] = '\0';
    assert_true(extract_name_ok(name));
    assert_true(extract_name_ok("..."));
    assert_true(extract_name_ok("new\nline"));
    assert_false(extract_name_ok(""));
    assert_false(extract_name_ok("."));
    assert_false(extract_name_ok(".."));
    assert_false(extract_name_ok("a/b"));
}

static void more_directories_than_are_kept_work(void **state)
{
    struct fixture *f = *state;
    char name[16];

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3 * EXTRACT_DIRS; i++) {
            struct stat st, expected;
            (void)snprintf(name, sizeof name, "d%u", i);
            if (round == 0) {
                assert_int_equal(mkdirat(f->root, name, 0700), 0);
            }
            struct extract_dir *dir = extract_dirs_get(&f->dirs, i + 1, name);
            assert_non_null(dir);
            assert_ptr_equal(extract_dirs_get(&f->dirs, i + 1, name), dir);
            assert_int_equal(fstat(dir->fd, &st), 0);
            assert_int_equal(fstatat(f->root, name, &expected, 0), 0);
            assert_int_equal(st.st_ino, expected.st_ino);
        }
    }
    assert_null(extract_dirs_get(&f->dirs, 9999, "missing"));
    assert_int_equal(errno, ENOENT);
}

static struct extract_dir *root_dir(struct fixture *f)
{
    struct extract_dir *dir = extract_dirs_get(&f->dirs, 1, "");

    assert_non_null(dir);
    return dir;
}

static struct extract_meta meta_of(uint32_t type, uint32_t mode)
{
    return (struct extract_meta){
        .type = type,
        .mode = mode,
        .uid = geteuid(),
        .gid = getegid(),
        .mtime = {.sec = -12345, .nsec = 678901234},
    };
}

static void what_exists_is_not_opened(void **state)
{
    struct fixture *f = *state;
    struct extract_meta meta = meta_of(SME_ITEM_FILE, 0644);
    struct extract_now now;

    assert_int_equal(symlinkat("../out/victim", f->root, "dangling"), 0);
    tree_text(f->dir, "in/file", "mine");
    assert_int_equal(extract_create(root_dir(f), "dangling", &meta, &now), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(extract_create(root_dir(f), "file", &meta, &now), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(extract_create(root_dir(f), "../out/x", &meta, &now), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(faccessat(f->top, "out/victim", F_OK, 0), -1);
    assert_int_equal(faccessat(f->top, "out/x", F_OK, 0), -1);
}

/* Make a file with this metadata and look at it. */
static struct stat make(struct fixture *f, const char *name, const struct extract_meta *meta)
{
    struct extract_rules rules = extract_rules_now(true);
    struct extract_now now;
    unsigned notes = 0;
    struct stat st;

    int fd = extract_create(root_dir(f), name, meta, &now);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    if (extract_apply(fd, meta, &rules, &now, &notes, &f->err) < 0) {
        fail_msg("%s", f->err.message);
    }
    (void)close(fd);
    assert_int_equal(fstatat(f->root, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st;
}

static void mode_and_times_are_the_recorded_ones(void **state)
{
    struct fixture *f = *state;
    static const uint32_t modes[] = {0644, 0600, 0, 0400, 0777, 01644, 04755, 06711, 02750};
    char name[16];

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct extract_meta meta = meta_of(SME_ITEM_FILE, modes[i]);
        (void)snprintf(name, sizeof name, "f%zu", i);
        struct stat st = make(f, name, &meta);
        assert_int_equal(st.st_mode & 07777, modes[i]);
        assert_int_equal(st.st_mtim.tv_sec, -12345);
        assert_int_equal(st.st_mtim.tv_nsec, 678901234);
    }
}

static void setuid_goes_when_the_owner_is_another(void **state)
{
    struct fixture *f = *state;
    struct extract_meta meta = meta_of(SME_ITEM_FILE, 06755);
    struct extract_rules rules = {.is_root = geteuid() == 0, .set_owner = false};
    struct extract_now now;
    unsigned notes = 0;
    struct stat st;

    meta.uid += 1000;
    meta.gid += 1000;
    int fd = extract_create(root_dir(f), "f", &meta, &now);
    assert_int_equal(extract_apply(fd, &meta, &rules, &now, &notes, &f->err), SME_OK);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(st.st_uid, geteuid());
    (void)close(fd);
}

/* Append an attribute as a record has it. */
static void add_xattr(struct buf *out, struct extract_meta *meta, const char *name,
                      const void *value, size_t len)
{
    buf_varint(out, strlen(name));
    buf_add(out, name, strlen(name));
    buf_varint(out, len);
    buf_add(out, value, len);
    meta->xattrs = out->data;
    meta->xattrs_len = out->len;
    meta->xattr_count++;
}

static bool has_xattrs(struct fixture *f)
{
    return fsetxattr(f->root, "user.probe", "1", 1, 0) == 0;
}

/* user::rw- user:1234:r-- group::r-- mask::r-- other::--- */
static const uint8_t acl[] = {2,    0,    0,    0,    1,    0,    6,    0,    0xff, 0xff, 0xff,
                              0xff, 2,    0,    4,    0,    0xd2, 4,    0,    0,    4,    0,
                              4,    0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,    4,    0,    0xff,
                              0xff, 0xff, 0xff, 0x20, 0,    0,    0,    0xff, 0xff, 0xff, 0xff};

static void attributes_come_back_also_where_the_owner_may_not_write(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_free) struct buf raw = BUF_INIT(1024);
    struct extract_meta meta = meta_of(SME_ITEM_FILE, 0440);
    char value[64];

    if (!has_xattrs(f)) {
        skip();
    }
    add_xattr(&raw, &meta, "system.posix_acl_access", acl, sizeof acl);
    add_xattr(&raw, &meta, "user.colour", "green", 5);
    meta.mode = 0440;
    struct stat st = make(f, "f", &meta);
    assert_int_equal(st.st_mode & 07777, 0440);
    assert_int_equal(st.st_mtim.tv_nsec, 678901234);
    int fd = openat(f->root, "f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fgetxattr(fd, "user.colour", value, sizeof value), 5);
    assert_memory_equal(value, "green", 5);
    assert_int_equal(fgetxattr(fd, "system.posix_acl_access", value, sizeof value), sizeof acl);
    (void)close(fd);
}

static void attributes_that_are_not_recorded_go(void **state)
{
    struct fixture *f = *state;
    struct extract_rules rules = extract_rules_now(true);
    struct extract_meta meta = meta_of(SME_ITEM_FILE, 0400);
    unsigned notes = 0;
    struct stat st;

    if (!has_xattrs(f)) {
        skip();
    }
    tree_text(f->dir, "in/f", "x");
    int fd = openat(f->root, "f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fsetxattr(fd, "user.left", "1", 1, 0), 0);
    assert_int_equal(fsetxattr(fd, "system.posix_acl_access", acl, sizeof acl, 0), 0);
    assert_int_equal(fstat(fd, &st), 0);
    const struct extract_now now = {st.st_mode & 07777, st.st_uid, st.st_gid, false};
    assert_int_equal(extract_apply(fd, &meta, &rules, &now, &notes, &f->err), SME_OK);
    assert_int_equal(fgetxattr(fd, "user.left", NULL, 0), -1);
    assert_int_equal(fgetxattr(fd, "system.posix_acl_access", NULL, 0), -1);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    (void)close(fd);
}

static void an_inherited_acl_does_not_stay(void **state)
{
    struct fixture *f = *state;
    struct extract_meta meta = meta_of(SME_ITEM_FILE, 0640);

    if (fsetxattr(f->root, "system.posix_acl_default", acl, sizeof acl, 0) < 0) {
        skip();
    }
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "first" : "second";
        struct stat st = make(f, name, &meta);
        int fd = openat(f->root, name, O_RDONLY | O_CLOEXEC);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(fgetxattr(fd, "system.posix_acl_access", NULL, 0), -1);
        (void)close(fd);
    }
}

static void damaged_attribute_names_are_refused(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_free) struct buf raw = BUF_INIT(1024);
    struct extract_rules rules = extract_rules_now(true);
    struct extract_meta meta = meta_of(SME_ITEM_FILE, 0644);
    struct extract_now now;
    unsigned notes = 0;

    add_xattr(&raw, &meta, "", "v", 1);
    int fd = extract_create(root_dir(f), "f", &meta, &now);
    assert_int_equal(extract_apply(fd, &meta, &rules, &now, &notes, &f->err), SME_E_CORRUPT);
    assert_string_equal(f->err.message, "the name of one of its attributes is damaged");
    (void)close(fd);
}

static void links_and_pipes_are_made_and_stamped(void **state)
{
    struct fixture *f = *state;
    struct extract_rules rules = extract_rules_now(true);
    struct extract_meta link = meta_of(SME_ITEM_SYMLINK, 0777);
    struct extract_meta fifo = meta_of(SME_ITEM_FIFO, 0622);
    struct extract_meta sock = meta_of(SME_ITEM_SOCKET, 0700);
    unsigned notes = 0;
    struct stat st;
    char target[32];

    assert_int_equal(extract_make_other(root_dir(f), "l", &link, "../out", 0, 0), 0);
    assert_int_equal(extract_apply_at(root_dir(f), "l", &link, &rules, &notes, &f->err), 0);
    assert_int_equal(fstatat(f->root, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(st.st_mtim.tv_sec, -12345);
    assert_int_equal(readlinkat(f->root, "l", target, sizeof target), 6);
    assert_int_equal(fstatat(f->top, "out", &st, 0), 0);
    assert_int_not_equal(st.st_mtim.tv_sec, -12345); /* not through the link */

    assert_int_equal(extract_make_other(root_dir(f), "p", &fifo, NULL, 0, 0), 0);
    assert_int_equal(extract_apply_at(root_dir(f), "p", &fifo, &rules, &notes, &f->err), 0);
    assert_int_equal(fstatat(f->root, "p", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0622);
    assert_int_equal(extract_make_other(root_dir(f), "s", &sock, NULL, 0, 0), 0);
    assert_int_equal(extract_make_other(root_dir(f), "s", &sock, NULL, 0, 0), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(extract_make_other(root_dir(f), "../s", &sock, NULL, 0, 0), -1);
    assert_int_equal(errno, EINVAL);
}

static void something_swapped_in_gets_no_metadata(void **state)
{
    struct fixture *f = *state;
    struct extract_rules rules = extract_rules_now(true);
    struct extract_meta fifo = meta_of(SME_ITEM_FIFO, 0666);
    unsigned notes = 0;
    struct stat st;

    tree_text(f->dir, "out/secret", "s");
    assert_int_equal(fchmodat(f->top, "out/secret", 0600, 0), 0);
    assert_int_equal(symlinkat("../out/secret", f->root, "p"), 0);
    assert_int_equal(extract_apply_at(root_dir(f), "p", &fifo, &rules, &notes, &f->err),
                     SME_E_CHANGED);
    assert_string_equal(f->err.message, "it was replaced by something else meanwhile");
    assert_int_equal(fstatat(f->top, "out/secret", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

struct racer {
    int root;
    atomic_bool stop;
};

/* Somebody swaps a directory for a link that leads out, over and over. */
static void *swap(void *argument)
{
    struct racer *racer = argument;

    while (!atomic_load(&racer->stop)) {
        (void)renameat2(racer->root, "dir", racer->root, "link", RENAME_EXCHANGE);
    }
    return NULL;
}

static void a_racing_swap_never_leads_out(void **state)
{
    struct fixture *f = *state;
    struct racer racer = {.root = f->root};
    struct stat out, st;
    pthread_t thread;

    assert_int_equal(mkdirat(f->root, "dir", 0700), 0);
    assert_int_equal(mkdirat(f->root, "dir/sub", 0700), 0);
    assert_int_equal(mkdirat(f->top, "out/sub", 0700), 0);
    assert_int_equal(symlinkat("../out", f->root, "link"), 0);
    assert_int_equal(fstatat(f->top, "out/sub", &out, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, swap, &racer), 0);
    for (unsigned i = 0; i < 20000; i++) {
        int fd = i % 2 == 0 ? extract_open_dir(f->root, "dir/sub")
                            : extract_open_dir_stepwise(f->root, "dir/sub");
        if (fd >= 0) {
            assert_int_equal(fstat(fd, &st), 0);
            assert_true(st.st_ino != out.st_ino || st.st_dev != out.st_dev);
            (void)close(fd);
        }
    }
    atomic_store(&racer.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void temporary_names_differ(void **state)
{
    struct fixture *f = *state;
    char a[EXTRACT_TEMP_NAME], b[EXTRACT_TEMP_NAME];

    assert_int_equal(extract_temp_name(a, &f->err), SME_OK);
    assert_int_equal(extract_temp_name(b, &f->err), SME_OK);
    assert_memory_equal(a, ".sme-restore-", 13);
    assert_int_equal(strlen(a), 13 + 16);
    assert_string_not_equal(a, b);
    assert_true(extract_name_ok(a));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(directories_open_only_below_the_root),
        TEST(paths_longer_than_the_kernel_takes_open),
        TEST(only_single_names_are_names),
        TEST(more_directories_than_are_kept_work),
        TEST(what_exists_is_not_opened),
        TEST(mode_and_times_are_the_recorded_ones),
        TEST(setuid_goes_when_the_owner_is_another),
        TEST(attributes_come_back_also_where_the_owner_may_not_write),
        TEST(attributes_that_are_not_recorded_go),
        TEST(an_inherited_acl_does_not_stay),
        TEST(damaged_attribute_names_are_refused),
        TEST(links_and_pipes_are_made_and_stamped),
        TEST(something_swapped_in_gets_no_metadata),
        TEST(a_racing_swap_never_leads_out),
        TEST(temporary_names_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
