/*
 * Tests of the directory sink on places that are full, forbidden or failing.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/dirrig.h"
#include "../harness/tree.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- permissions and room ----------------------------------------------------------------- */

static void a_folder_that_cannot_be_read_fails_the_listing(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    char path[PATH_MAX];

    dirrig_become_nobody(rig);
    assert_int_equal(dirrig_put(rig, "docs/data/a", "x", &err), SME_OK);
    assert_int_equal(dirrig_put(rig, "docs/meta/b", "x", &err), SME_OK);
    dirrig_path(rig, "docs/data", path);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(sink_count(rig->suite.sink, "docs/", &err), SME_E_DENIED);
    assert_true(dirrig_says(&err, "docs/data"));
    assert_true(dirrig_says(&err, "must belong to the user"));
    /* What the listing does not need does not disturb it. */
    assert_int_equal(sink_count(rig->suite.sink, "docs/meta/", &err), 1);
    assert_int_equal(chmod(path, 0700), 0);
}

static void a_folder_that_cannot_be_written_denies_the_put(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    dirrig_become_nobody(rig);
    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_OK);
    dirrig_reopen(rig, "auto");
    assert_int_equal(chmod(rig->root, 0500), 0);
    assert_int_equal(dirrig_put(rig, "docs/b", "x", &err), SME_E_DENIED);
    assert_true(dirrig_says(&err, "docs/b"));
    /* Reading from such a place is fine. */
    assert_int_equal(dirrig_ops(rig)->check(dirrig_handle(rig), &err), SME_OK);
    sink_assert_holds(rig->suite.sink, "docs/a", "x", 1);
    assert_int_equal(chmod(rig->root, 0), 0);
    assert_int_equal(dirrig_ops(rig)->check(dirrig_handle(rig), &err), SME_E_DENIED);
    assert_int_equal(chmod(rig->root, 0700), 0);
}

/* A small disk, in a mount name space of our own. */
static void mount_small(const struct dirrig *rig)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", rig->root, "tmpfs", 0, "size=2m,mode=0700") < 0) {
        print_message("# skipped: a small disk cannot be mounted here\n");
        skip();
    }
}

static void a_full_disk_is_its_own_error(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    const size_t len = (size_t)4 << 20;

    instance_free(rig->suite.sink);
    rig->suite.sink = NULL;
    mount_small(rig);
    char *data = calloc(1, len);
    assert_non_null(data);
    rig->suite.sink = dirrig_instance(rig, "auto");
    assert_int_equal(sink_put(rig->suite.sink, "docs/a", data, len, SME_PUT_CREATE_ONLY, &err),
                     SME_E_NO_SPACE);
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_true(dirrig_says(&err, "docs/a"));
    assert_true(dirrig_says(&err, "4194304 bytes"));
    assert_true(dirrig_says(&err, "make room"));
    assert_int_equal(dirrig_temporaries(rig), 0);
    sink_assert_missing(rig->suite.sink, "docs/a");
    assert_int_equal(sink_count(rig->suite.sink, "", &err), 0);
    /* What fits still goes in. */
    assert_int_equal(sink_put(rig->suite.sink, "docs/a", data, 1 << 20, SME_PUT_CREATE_ONLY, &err),
                     SME_OK);
    sink_assert_holds(rig->suite.sink, "docs/a", data, 1 << 20);
    instance_free(rig->suite.sink);
    rig->suite.sink = NULL;
    assert_int_equal(umount(rig->root), 0);
    free(data);
}

static void a_read_only_disk_can_be_read(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    instance_free(rig->suite.sink);
    rig->suite.sink = NULL;
    mount_small(rig);
    rig->suite.sink = dirrig_instance(rig, "auto");
    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_OK);
    dirrig_reopen(rig, "auto");
    assert_int_equal(mount(NULL, rig->root, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_int_equal(dirrig_ops(rig)->check(dirrig_handle(rig), &err), SME_OK);
    sink_assert_holds(rig->suite.sink, "docs/a", "x", 1);
    assert_int_equal(sink_count(rig->suite.sink, "docs/", &err), 1);
    assert_int_equal(dirrig_put(rig, "docs/b", "x", &err), SME_E_DENIED);
    assert_true(dirrig_says(&err, "mounted read-only"));
    assert_int_equal(dirrig_ops(rig)->remove(dirrig_handle(rig), "docs/a", &err), SME_E_DENIED);
    instance_free(rig->suite.sink);
    rig->suite.sink = NULL;
    assert_int_equal(umount(rig->root), 0);
}

/* ---- direct ------------------------------------------------------------------------------- */

static void the_page_cache_makes_no_difference(void **state)
{
    static const char *const ways[] = {"on", "off", "auto"};
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    const size_t len = ((size_t)5 << 20) + 123;
    uint8_t *data = aligned_alloc(4096, (size_t)6 << 20);
    char key[32];

    assert_non_null(data);
    tree_bytes(data, (size_t)6 << 20, 9);
    for (unsigned i = 0; i < 3; i++) {
        dirrig_reopen(rig, ways[i]);
        (void)snprintf(key, sizeof key, "docs/%s", ways[i]);
        int status = sink_put(rig->suite.sink, key, data, len, SME_PUT_CREATE_ONLY, &err);
        if (i == 0 && status == SME_E_UNSUPPORTED) {
            assert_true(dirrig_says(&err, "remove 'direct'"));
            continue;
        }
        assert_int_equal(status, SME_OK);
        sink_assert_holds(rig->suite.sink, key, data, len);
        /* Memory that fits no disk. */
        (void)snprintf(key, sizeof key, "docs/%s-odd", ways[i]);
        status = sink_put(rig->suite.sink, key, data + 1, len, SME_PUT_CREATE_ONLY, &err);
        assert_int_equal(status, SME_OK);
        sink_assert_holds(rig->suite.sink, key, data + 1, len);
    }
    free(data);
}

/* ---- system calls that fail ---------------------------------------------------------------- */

struct fault {
    int call;
    int sys_errno;
};

/* From here on these calls fail, for this process, for ever. */
static bool install(const struct fault *faults, size_t count)
{
    struct sock_filter code[16];
    unsigned short n = 0;

    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             (uint32_t)offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++) {
        code[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)faults[i].call, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
                                                 SECCOMP_RET_ERRNO | (uint32_t)faults[i].sys_errno);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {.len = n, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* In the child cmocka's checks would jump into the parent's tests: a failed one is a line. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__;                                                                       \
    } while (0)

#define CANNOT_FILTER 77

/* Run ${body} in a child in which the calls fail. */
static void with_faults(struct dirrig *rig, const struct fault *faults, size_t count,
                        int (*body)(struct dirrig *rig))
{
    int status = 0;

    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int line = install(faults, count) ? body(rig) : -1;
        if (line > 0)
            (void)fprintf(stderr, "# %s:%d is not true\n", __FILE__, line);
        _exit(line < 0 ? CANNOT_FILTER : line > 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_FILTER)
        skip();
    assert_int_equal(status, 0);
}
#define WITH_FAULTS(rig, body, ...)                                                                \
    with_faults(rig, (const struct fault[]){__VA_ARGS__},                                          \
                sizeof((const struct fault[]){__VA_ARGS__}) / sizeof(struct fault), body)

static int puts_by_renaming(struct dirrig *rig)
{
    struct sme_error err = SME_ERROR_INIT;

    CHECK(dirrig_put(rig, "docs/a", "x", &err) == SME_OK);
    CHECK(dirrig_put(rig, "docs/a", "y", &err) == SME_E_EXISTS);
    CHECK(dirrig_temporaries(rig) == 0);
    return 0;
}

static void without_hard_links_a_rename_creates(void **state)
{
    struct dirrig *rig = *state;

    WITH_FAULTS(rig, puts_by_renaming, {SYS_linkat, EPERM});
    sink_assert_holds(rig->suite.sink, "docs/a", "x", 1);
}

static int cannot_create(struct dirrig *rig)
{
    struct sme_error err = SME_ERROR_INIT;

    CHECK(dirrig_put(rig, "docs/a", "x", &err) == SME_E_UNSUPPORTED);
    CHECK(dirrig_says(&err, rig->root));
    CHECK(dirrig_says(&err, "neither link nor rename"));
    CHECK(dirrig_says(&err, "ext4"));
    CHECK(dirrig_temporaries(rig) == 0);
    return 0;
}

static void with_neither_nothing_is_created(void **state)
{
    struct dirrig *rig = *state;

    WITH_FAULTS(rig, cannot_create, {SYS_linkat, EOPNOTSUPP}, {SYS_renameat2, EINVAL});
    sink_assert_missing(rig->suite.sink, "docs/a");
}

static int put_is_an_io_error(struct dirrig *rig)
{
    struct sme_error err = SME_ERROR_INIT;

    CHECK(dirrig_put(rig, "docs/a", "x", &err) == SME_E_IO);
    CHECK(dirrig_says(&err, "docs/a"));
    CHECK(err.sys_errno == EIO);
    CHECK(dirrig_temporaries(rig) == 0);
    return 0;
}

static void a_failed_sync_of_the_data_fails_the_put(void **state)
{
    struct dirrig *rig = *state;

    WITH_FAULTS(rig, put_is_an_io_error, {SYS_fdatasync, EIO});
    sink_assert_missing(rig->suite.sink, "docs/a");
}

static void a_failed_sync_of_the_folder_takes_the_object_back(void **state)
{
    struct dirrig *rig = *state;

    WITH_FAULTS(rig, put_is_an_io_error, {SYS_fsync, EIO});
    sink_assert_missing(rig->suite.sink, "docs/a");
}

/* Who is told "exists" will rely on it. */
static int existing_is_not_durable(struct dirrig *rig)
{
    struct sme_error err = SME_ERROR_INIT;

    CHECK(dirrig_put(rig, "docs/a", "x", &err) == SME_E_IO);
    return 0;
}

static void an_existing_object_is_confirmed_by_a_sync(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_OK);
    WITH_FAULTS(rig, existing_is_not_durable, {SYS_fsync, EIO});
    sink_assert_holds(rig->suite.sink, "docs/a", "x", 1);
}

static int folders_need_no_sync(struct dirrig *rig)
{
    struct sme_error err = SME_ERROR_INIT;

    CHECK(dirrig_put(rig, "docs/a", "x", &err) == SME_OK);
    return 0;
}

static void a_file_system_whose_folders_need_no_sync_is_fine(void **state)
{
    struct dirrig *rig = *state;

    WITH_FAULTS(rig, folders_need_no_sync, {SYS_fsync, EINVAL});
    sink_assert_holds(rig->suite.sink, "docs/a", "x", 1);
}

static int quota_is_full(struct dirrig *rig)
{
    struct sme_error err = SME_ERROR_INIT;

    CHECK(dirrig_put(rig, "docs/a", "x", &err) == SME_E_NO_SPACE);
    CHECK(dirrig_says(&err, "quota"));
    CHECK(dirrig_temporaries(rig) == 0);
    return 0;
}

static void a_full_quota_is_no_space(void **state)
{
    struct dirrig *rig = *state;

    WITH_FAULTS(rig, quota_is_full, {SYS_write, EDQUOT});
    sink_assert_missing(rig->suite.sink, "docs/a");
}

static int reading_fails(struct dirrig *rig)
{
    struct sme_error err = SME_ERROR_INIT;
    char byte;

    CHECK(dirrig_ops(rig)->get(dirrig_handle(rig), "docs/a", 0, &byte, 1, &err) == SME_E_IO);
    CHECK(dirrig_says(&err, "docs/a"));
    CHECK(sink_count(rig->suite.sink, "docs/", &err) == SME_E_IO);
    CHECK(dirrig_says(&err, "docs"));
    return 0;
}

static void a_failed_read_is_not_an_end(void **state)
{
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    assert_int_equal(dirrig_put(rig, "docs/a", "x", &err), SME_OK);
    WITH_FAULTS(rig, reading_fails, {SYS_pread64, EIO}, {SYS_getdents64, EIO});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_read_fails_the_listing,
                                        dirrig_set_up, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_written_denies_the_put,
                                        dirrig_set_up, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_its_own_error, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_read_only_disk_can_be_read, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(the_page_cache_makes_no_difference, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(without_hard_links_a_rename_creates, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(with_neither_nothing_is_created, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_of_the_data_fails_the_put, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_of_the_folder_takes_the_object_back,
                                        dirrig_set_up, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(an_existing_object_is_confirmed_by_a_sync, dirrig_set_up,
                                        dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_file_system_whose_folders_need_no_sync_is_fine,
                                        dirrig_set_up, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_full_quota_is_no_space, dirrig_set_up, dirrig_tear_down),
        cmocka_unit_test_setup_teardown(a_failed_read_is_not_an_end, dirrig_set_up,
                                        dirrig_tear_down),
    };

    if (!dirrig_is_built()) {
        (void)printf("1..0 # SKIP the directory sink is not built\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
