/*
 * Tests of the directory sink: the conformance suite, and what is its own.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../conformance/sink_suite.h"
#include "../harness/fakehost.h"
#include "../harness/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

/* One sink on the folder "repo" of a scratch folder, with a host of the test. */
struct rig {
    struct sink_rig suite; /* first: the suite sees only this */
    struct plugin *plugin;
    struct fakehost fake;
    char *scratch;
    char root[PATH_MAX];
};

static char module[PATH_MAX];

static const struct sme_sink_ops *ops(const struct rig *rig)
{
    return &rig->plugin->sink;
}

static void *handle(const struct rig *rig)
{
    return rig->suite.sink->handle;
}

static struct instance *make_instance(struct rig *rig, const char *direct)
{
    struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    struct instance *instance = NULL;
    char text[PATH_MAX + 128];

    int len =
        snprintf(text, sizeof text, "[sink test]\npath = %s\ndirect = %s\n", rig->root, direct);
    assert_int_equal(ini_parse_text(&doc, "test.ini", text, (size_t)len, &err), SME_OK);
    if (instance_new(rig->plugin, "test", &doc.sections[0], NULL, 0, NULL, &instance, &err) < 0)
        fail_msg("%s", err.message);
    ini_free(&doc);
    instance->host = rig->fake.host;
    if (instance_open(instance, &err) < 0)
        fail_msg("%s", err.message);
    return instance;
}

static void reopen(struct rig *rig, const char *direct)
{
    instance_free(rig->suite.sink);
    rig->suite.sink = make_instance(rig, direct);
}

static int set_up_missing(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct sme_error err = SME_ERROR_INIT;

    assert_non_null(rig);
    fakehost_init(&rig->fake, "test");
    rig->scratch = tree_new();
    assert_non_null(rig->scratch);
    (void)chmod(rig->scratch, 0755);
    (void)snprintf(rig->root, sizeof rig->root, "%s/repo", rig->scratch);
    if (plugin_load_file(module, PLUGIN_SINK, &rig->plugin, &err) < 0)
        fail_msg("%s", err.message);
    rig->suite.sink = make_instance(rig, "auto");
    *state = rig;
    return 0;
}

static int set_up(void **state)
{
    (void)set_up_missing(state);
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    if (ops(rig)->prepare(handle(rig), &err) < 0)
        fail_msg("%s", err.message);
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    if (geteuid() != getuid())
        (void)!seteuid(getuid());
    instance_free(rig->suite.sink);
    plugin_unload(rig->plugin);
    tree_remove(rig->scratch);
    free(rig->scratch);
    fakehost_done(&rig->fake);
    free(rig);
    return 0;
}

static void path_of(const struct rig *rig, const char *name, char out[PATH_MAX])
{
    assert_true(snprintf(out, PATH_MAX, "%s/%s", rig->root, name) < PATH_MAX);
}

static mode_t mode_of(const struct rig *rig, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    path_of(rig, name, path);
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static bool exists(const struct rig *rig, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    path_of(rig, name, path);
    return lstat(path, &st) == 0;
}

/* Entries in the folder of temporaries; 0 if it is not there. */
static unsigned temporaries(const struct rig *rig)
{
    char path[PATH_MAX];
    unsigned count = 0;

    path_of(rig, ".tmp", path);
    DIR *dir = opendir(path);
    while (dir != NULL) {
        const struct dirent *entry = readdir(dir);
        if (entry == NULL)
            break;
        if (entry->d_name[0] != '.')
            count++;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

static bool has(const struct sme_error *err, const char *text)
{
    if (strstr(err->message, text) == NULL && strstr(err->hint, text) == NULL) {
        print_error("'%s' (%s) lacks '%s'\n", err->message, err->hint, text);
        return false;
    }
    return true;
}

static int put(struct rig *rig, const char *key, const char *text, struct sme_error *err)
{
    return sink_put(rig->suite.sink, key, text, strlen(text), SME_PUT_CREATE_ONLY, err);
}

/* Root sees everything; permissions are tested as somebody else. */
static void become_nobody(struct rig *rig)
{
    if (geteuid() != 0)
        return;
    if (chown(rig->scratch, NOBODY, (gid_t)-1) < 0 || chown(rig->root, NOBODY, (gid_t)-1) < 0 ||
        seteuid(NOBODY) < 0)
        skip();
    if (access(rig->root, F_OK) < 0 || euidaccess(rig->root, W_OK) < 0) {
        (void)!seteuid(0);
        skip();
    }
}

/* ---- the root ----------------------------------------------------------------------------- */

static void assert_unreachable(struct rig *rig, const char *why)
{
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object};
    int64_t now;
    char byte;
    int results[8];

    results[0] = ops(rig)->check(handle(rig), &err);
    results[1] = put(rig, "docs/a", "x", &err);
    results[2] = (int)ops(rig)->get(handle(rig), "docs/a", 0, &byte, 1, &err);
    results[3] = ops(rig)->stat(handle(rig), "docs/a", &object, &err);
    results[4] = (int)sink_count(rig->suite.sink, "docs/", &err);
    results[5] = ops(rig)->remove(handle(rig), "docs/a", &err);
    results[6] = ops(rig)->server_time(handle(rig), &now, &err);
    results[7] = (int)sink_count(rig->suite.sink, "", &err);
    for (unsigned i = 0; i < 8; i++) {
        if (results[i] != SME_E_UNREACHABLE)
            fail_msg("call %u returned %d: %s", i, results[i], err.message);
    }
    assert_true(has(&err, rig->root));
    assert_true(has(&err, why));
    assert_true(has(&err, "mounted"));
    assert_false(exists(rig, ""));
}

static void a_missing_root_is_unreachable_and_never_made(void **state)
{
    assert_unreachable(*state, "does not exist");
}

static void a_root_that_vanishes_is_unreachable(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    assert_int_equal(put(rig, "docs/a", "x", &err), SME_OK);
    tree_remove(rig->root);
    assert_unreachable(rig, "has been removed");
}

static void a_root_that_is_moved_away_is_unreachable(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object};
    char away[PATH_MAX];

    (void)snprintf(away, sizeof away, "%s/away", rig->scratch);
    assert_int_equal(rename(rig->root, away), 0);
    assert_int_equal(ops(rig)->stat(handle(rig), "docs/a", &object, &err), SME_E_UNREACHABLE);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), SME_E_UNREACHABLE);
}

static void prepare_makes_the_root_and_what_is_above(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    (void)snprintf(rig->root, sizeof rig->root, "%s/one//two/repo/", rig->scratch);
    reopen(rig, "auto");
    assert_int_equal(ops(rig)->prepare(handle(rig), &err), SME_OK);
    assert_int_equal(ops(rig)->prepare(handle(rig), &err), SME_OK);
    assert_int_equal(mode_of(rig, ""), 0700);
    assert_int_equal(mode_of(rig, ".."), 0700);
    assert_int_equal(put(rig, "repository", "x", &err), SME_OK);
    sink_assert_holds(rig->suite.sink, "repository", "x", 1);
}

static void a_root_that_is_a_file_is_refused(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    tree_text(rig->scratch, "repo", "a file");
    assert_int_equal(ops(rig)->check(handle(rig), &err), SME_E_INVALID);
    assert_true(has(&err, "is not a folder"));
    assert_int_equal(ops(rig)->prepare(handle(rig), &err), SME_E_INVALID);
    assert_true(has(&err, rig->root));
    assert_int_equal(put(rig, "docs/a", "x", &err), SME_E_INVALID);
}

static void folders_and_files_are_private(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    (void)umask(0);
    assert_int_equal(put(rig, "docs/data/a", "x", &err), SME_OK);
    (void)umask(022);
    assert_int_equal(mode_of(rig, ""), 0700);
    assert_int_equal(mode_of(rig, "docs"), 0700);
    assert_int_equal(mode_of(rig, "docs/data"), 0700);
    assert_int_equal(mode_of(rig, "docs/data/a"), 0600);
}

/* ---- temporaries -------------------------------------------------------------------------- */

static void temporaries_are_not_objects(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object};

    tree_text(rig->root, ".tmp/0123456789abcdef0123456789abcdef", "half an object");
    assert_int_equal(put(rig, "docs/a", "x", &err), SME_OK);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), 1);
    assert_int_equal(ops(rig)->list(handle(rig), ".tmp/", NULL, NULL, &err), SME_E_INVALID);
    assert_int_equal(put(rig, ".tmp/a", "x", &err), SME_E_INVALID);
    assert_true(has(&err, "'.tmp/a' cannot be used"));
    assert_int_equal(
        ops(rig)->stat(handle(rig), ".tmp/0123456789abcdef0123456789abcdef", &object, &err),
        SME_E_INVALID);
}

static void nothing_stays_behind(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    assert_int_equal(put(rig, "docs/a", "x", &err), SME_OK);
    assert_int_equal(put(rig, "docs/a", "y", &err), SME_E_EXISTS);
    assert_int_equal(temporaries(rig), 0);
    reopen(rig, "auto");
    assert_false(exists(rig, ".tmp"));
    /* Another handle may take the empty folder away at any time. */
    struct instance *other = make_instance(rig, "auto");
    assert_int_equal(sink_put(other, "docs/b", "x", 1, 0, &err), SME_OK);
    assert_int_equal(put(rig, "docs/c", "x", &err), SME_OK);
    instance_free(other);
    assert_false(exists(rig, ".tmp"));
    assert_int_equal(put(rig, "docs/d", "x", &err), SME_OK);
}

static void set_age(const struct rig *rig, const char *name, time_t days)
{
    char path[PATH_MAX];
    struct stat now;

    path_of(rig, "", path);
    assert_int_equal(stat(path, &now), 0);
    const struct timespec times[2] = {{.tv_sec = now.st_mtime - days * 24 * 3600 - 60},
                                      {.tv_sec = now.st_mtime - days * 24 * 3600 - 60}};
    path_of(rig, name, path);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void stale_temporaries_go_with_the_first_put(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    tree_text(rig->root, ".tmp/00000000000000000000000000000001", "old");
    tree_text(rig->root, ".tmp/00000000000000000000000000000002", "young");
    tree_text(rig->root, ".tmp/somebody-elses", "old");
    set_age(rig, ".tmp/00000000000000000000000000000001", 2);
    set_age(rig, ".tmp/00000000000000000000000000000002", 1);
    set_age(rig, ".tmp/somebody-elses", 9);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), 0);
    assert_true(exists(rig, ".tmp/00000000000000000000000000000001"));
    assert_int_equal(put(rig, "docs/a", "x", &err), SME_OK);
    assert_false(exists(rig, ".tmp/00000000000000000000000000000001"));
    assert_true(exists(rig, ".tmp/00000000000000000000000000000002"));
    assert_true(exists(rig, ".tmp/somebody-elses"));
    assert_true(fakehost_logged(&rig->fake, SME_LOG_DEBUG, "removed 1 temporary"));
}

static void a_cancelled_put_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    const size_t len = (size_t)12 << 20;
    char *data = calloc(1, len);

    assert_non_null(data);
    rig->fake.cancel_at = rig->fake.polls + 2;
    assert_int_equal(sink_put(rig->suite.sink, "docs/a", data, len, SME_PUT_CREATE_ONLY, &err),
                     SME_E_CANCELLED);
    assert_true(has(&err, "docs/a"));
    rig->fake.cancel_at = 0;
    assert_int_equal(temporaries(rig), 0);
    sink_assert_missing(rig->suite.sink, "docs/a");
    assert_int_equal(sink_put(rig->suite.sink, "docs/a", data, len, SME_PUT_CREATE_ONLY, &err),
                     SME_OK);
    free(data);
}

static void a_put_without_random_bytes_fails(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    rig->fake.random_fails = true;
    assert_int_equal(put(rig, "docs/a", "x", &err), SME_E_IO);
    assert_true(has(&err, "random"));
    rig->fake.random_fails = false;
    sink_assert_missing(rig->suite.sink, "docs/a");
}

/* ---- what else may lie there -------------------------------------------------------------- */

static void foreign_things_are_passed_over(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    struct sme_object object = {.struct_size = sizeof object};
    char path[PATH_MAX];
    char byte;

    assert_int_equal(put(rig, "docs/a", "x", &err), SME_OK);
    tree_text(rig->root, "lost+found/x", "foreign");
    tree_text(rig->root, "docs/with blank", "foreign");
    path_of(rig, "docs/fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    path_of(rig, "docs/link", path);
    assert_int_equal(symlink("a", path), 0);
    path_of(rig, "docs/dangling", path);
    assert_int_equal(symlink("nothing", path), 0);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), 1);
    assert_true(fakehost_logged(&rig->fake, SME_LOG_DEBUG, "passed over 5 entries"));
    /* None of them is an object, and reading the FIFO does not wait for a writer. */
    assert_int_equal(ops(rig)->get(handle(rig), "docs/fifo", 0, &byte, 1, &err), SME_E_NOT_FOUND);
    assert_int_equal(ops(rig)->stat(handle(rig), "docs/fifo", &object, &err), SME_E_NOT_FOUND);
    assert_int_equal(ops(rig)->stat(handle(rig), "docs/link", &object, &err), SME_E_NOT_FOUND);
    assert_int_equal(ops(rig)->get(handle(rig), "docs/link", 0, &byte, 1, &err), SME_E_INVALID);
    assert_int_equal(put(rig, "docs/dangling", "x", &err), SME_E_EXISTS);
    assert_false(exists(rig, "docs/nothing"));
}

static void links_to_folders_are_refused_not_followed(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    char path[PATH_MAX], elsewhere[PATH_MAX];
    char byte;

    tree_text(rig->scratch, "elsewhere/data/a", "theirs");
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", rig->scratch);
    path_of(rig, "docs", path);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_int_equal(put(rig, "docs/data/b", "x", &err), SME_E_INVALID);
    assert_true(has(&err, "symbolic link"));
    assert_true(has(&err, "bind mount"));
    assert_int_equal(ops(rig)->get(handle(rig), "docs/data/a", 0, &byte, 1, &err), SME_E_INVALID);
    assert_int_equal(ops(rig)->remove(handle(rig), "docs/data/a", &err), SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "docs/", &err), SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), SME_E_INVALID);
    assert_true(has(&err, "docs"));
    assert_true(exists(rig, "docs/data/a"));
    assert_false(exists(rig, "docs/data/b"));
}

static void a_file_in_the_way_of_a_folder_is_named(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    tree_text(rig->root, "docs", "a file");
    assert_int_equal(put(rig, "docs/data/a", "x", &err), SME_E_INVALID);
    assert_true(has(&err, "a folder on the way is a file"));
    assert_int_equal(temporaries(rig), 0);
}

static void keys_that_the_core_never_makes_are_refused(void **state)
{
    static const char *const keys[] = {"",    "/a",    "a/",  "a//b", "../a",     "a/../b",
                                       "./a", "a/./b", "a b", "a\n",  "\xc3\xa4", ".",
                                       "..",  "a/..",  "a*",  "a\\b", ".tmp"};
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    char longer[SME_KEY_MAX + 2];
    char byte;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (put(rig, keys[i], "x", &err) != SME_E_INVALID)
            fail_msg("'%s' was taken", keys[i]);
        assert_int_equal(ops(rig)->get(handle(rig), keys[i], 0, &byte, 1, &err), SME_E_INVALID);
        assert_int_equal(ops(rig)->remove(handle(rig), keys[i], &err), SME_E_INVALID);
    }
    memset(longer, 'k', sizeof longer);
    longer[100] = '/';
    longer[SME_KEY_MAX + 1] = '\0';
    assert_int_equal(put(rig, longer, "x", &err), SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "../", &err), SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "/", &err), SME_E_INVALID);
    assert_int_equal(sink_count(rig->suite.sink, "", &err), 0);
}

/* ---- permissions and room ----------------------------------------------------------------- */

static void a_folder_that_cannot_be_read_fails_the_listing(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    char path[PATH_MAX];

    become_nobody(rig);
    assert_int_equal(put(rig, "docs/data/a", "x", &err), SME_OK);
    assert_int_equal(put(rig, "docs/meta/b", "x", &err), SME_OK);
    path_of(rig, "docs/data", path);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(sink_count(rig->suite.sink, "docs/", &err), SME_E_DENIED);
    assert_true(has(&err, "docs/data"));
    assert_true(has(&err, "must belong to the user"));
    /* What the listing does not need does not disturb it. */
    assert_int_equal(sink_count(rig->suite.sink, "docs/meta/", &err), 1);
    assert_int_equal(chmod(path, 0700), 0);
}

static void a_folder_that_cannot_be_written_denies_the_put(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    become_nobody(rig);
    assert_int_equal(put(rig, "docs/a", "x", &err), SME_OK);
    reopen(rig, "auto");
    assert_int_equal(chmod(rig->root, 0500), 0);
    assert_int_equal(put(rig, "docs/b", "x", &err), SME_E_DENIED);
    assert_true(has(&err, "docs/b"));
    /* Reading from such a place is fine. */
    assert_int_equal(ops(rig)->check(handle(rig), &err), SME_OK);
    sink_assert_holds(rig->suite.sink, "docs/a", "x", 1);
    assert_int_equal(chmod(rig->root, 0), 0);
    assert_int_equal(ops(rig)->check(handle(rig), &err), SME_E_DENIED);
    assert_int_equal(chmod(rig->root, 0700), 0);
}

/* A small disk, in a mount name space of our own. */
static void mount_small(const struct rig *rig)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", rig->root, "tmpfs", 0, "size=2m,mode=0700") < 0) {
        print_message("skipped: a small disk cannot be mounted here\n");
        skip();
    }
}

static void a_full_disk_is_its_own_error(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    const size_t len = (size_t)4 << 20;
    char *data = calloc(1, len);

    assert_non_null(data);
    instance_free(rig->suite.sink);
    rig->suite.sink = NULL;
    mount_small(rig);
    rig->suite.sink = make_instance(rig, "auto");
    assert_int_equal(sink_put(rig->suite.sink, "docs/a", data, len, SME_PUT_CREATE_ONLY, &err),
                     SME_E_NO_SPACE);
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_true(has(&err, "docs/a"));
    assert_true(has(&err, "4194304 bytes"));
    assert_true(has(&err, "make room"));
    assert_int_equal(temporaries(rig), 0);
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
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    instance_free(rig->suite.sink);
    rig->suite.sink = NULL;
    mount_small(rig);
    rig->suite.sink = make_instance(rig, "auto");
    assert_int_equal(put(rig, "docs/a", "x", &err), SME_OK);
    reopen(rig, "auto");
    assert_int_equal(mount(NULL, rig->root, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_int_equal(ops(rig)->check(handle(rig), &err), SME_OK);
    sink_assert_holds(rig->suite.sink, "docs/a", "x", 1);
    assert_int_equal(sink_count(rig->suite.sink, "docs/", &err), 1);
    assert_int_equal(put(rig, "docs/b", "x", &err), SME_E_DENIED);
    assert_true(has(&err, "mounted read-only"));
    assert_int_equal(ops(rig)->remove(handle(rig), "docs/a", &err), SME_E_DENIED);
    instance_free(rig->suite.sink);
    rig->suite.sink = NULL;
    assert_int_equal(umount(rig->root), 0);
}

/* ---- direct ------------------------------------------------------------------------------- */

static void the_page_cache_makes_no_difference(void **state)
{
    static const char *const ways[] = {"on", "off", "auto"};
    struct rig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;
    const size_t len = ((size_t)5 << 20) + 123;
    uint8_t *data = aligned_alloc(4096, (size_t)6 << 20);
    char key[32];

    assert_non_null(data);
    tree_bytes(data, (size_t)6 << 20, 9);
    for (unsigned i = 0; i < 3; i++) {
        reopen(rig, ways[i]);
        (void)snprintf(key, sizeof key, "docs/%s", ways[i]);
        int status = sink_put(rig->suite.sink, key, data, len, SME_PUT_CREATE_ONLY, &err);
        if (i == 0 && status == SME_E_UNSUPPORTED) {
            assert_true(has(&err, "remove 'direct'"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        SINK_SUITE(set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_root_is_unreachable_and_never_made,
                                        set_up_missing, tear_down),
        cmocka_unit_test_setup_teardown(a_root_that_vanishes_is_unreachable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_root_that_is_moved_away_is_unreachable, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(prepare_makes_the_root_and_what_is_above, set_up_missing,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_root_that_is_a_file_is_refused, set_up_missing,
                                        tear_down),
        cmocka_unit_test_setup_teardown(folders_and_files_are_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(temporaries_are_not_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_stays_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stale_temporaries_go_with_the_first_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_put_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_put_without_random_bytes_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(foreign_things_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_to_folders_are_refused_not_followed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_in_the_way_of_a_folder_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_the_core_never_makes_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_read_fails_the_listing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_written_denies_the_put, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_its_own_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_only_disk_can_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_page_cache_makes_no_difference, set_up, tear_down),
    };
    const char *build = getenv("SME_TEST_BUILDDIR");

    (void)snprintf(module, sizeof module, "%s/sinks/directory.so", build != NULL ? build : ".");
    if (access(module, F_OK) < 0) {
        print_message("1..0 # SKIP %s is not built\n", module);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
