/*
 * Restores from a repository in memory: all comes back; damage, hostile content and what is already
 * there are met as promised.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/cancel.h"
#include "../../core/base/cleanup.h"
#include "../../core/base/fileio.h"
#include "../../core/run/restore.h"
#include "../harness/testrepo.h"
#include "../harness/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct testrepo tr;
    char *dir; /* backed up */
    char *out; /* restored to */
    int out_fd;
    struct sme_error err;
    struct restore_result result;
    enum restore_overwrite overwrite;
    bool verify, dry_run;
    /* What was said. */
    char paths[64][128], texts[64][512];
    size_t said;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->err = (struct sme_error){.struct_size = sizeof f->err};
    testrepo_open(&f->tr);
    f->dir = tree_new();
    f->out = tree_new();
    f->out_fd = open(f->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    cancel_reset();
    close_fd(&f->out_fd);
    tree_remove(f->dir);
    tree_remove(f->out);
    free(f->dir);
    free(f->out);
    testrepo_close(&f->tr);
    free(f);
    return 0;
}

static void say(struct fixture *f, const char *path, const char *text)
{
    if (f->said < 64) {
        (void)snprintf(f->paths[f->said], sizeof f->paths[0], "%s", path);
        (void)snprintf(f->texts[f->said++], sizeof f->texts[0], "%s", text);
    }
}

static const char *said_of(const struct fixture *f, const char *path)
{
    for (size_t i = 0; i < f->said; i++) {
        if (strcmp(f->paths[i], path) == 0) {
            return f->texts[i];
        }
    }
    return "";
}

static void on_problem(void *cookie, const char *path, size_t len, const struct sme_error *err)
{
    assert_int_equal(strlen(path), len);
    say(cookie, path, err->message);
}

static void backup(struct fixture *f, struct testrepo_run *run)
{
    int status = testrepo_backup(&f->tr, f->dir, run, &f->err);

    if (status < 0) {
        fail_msg("%s", f->err.message);
    }
}

static int restore_some(struct fixture *f, const char *name, const char *const *patterns,
                        size_t count)
{
    struct vault *vault = NULL;
    struct snapshot *snapshot = NULL;

    f->said = 0;
    memset(&f->result, 0, sizeof f->result);
    int status = vault_open(f->tr.repo, TESTREPO_SOURCE, NULL, &vault, &f->err);
    if (status == SME_OK) {
        status = snapshot_load(f->tr.repo, &vault->keys, name, &snapshot, &f->err);
    }
    if (status == SME_OK) {
        status = snapshot_open_root(f->tr.repo, &vault->keys, snapshot, &f->err);
    }
    if (status == SME_OK) {
        const struct restore_request request = {
            .vault = vault,
            .snapshot = snapshot,
            .patterns = patterns,
            .pattern_count = count,
            .target_fd = f->out_fd,
            .target_name = "the test's folder",
            .overwrite = f->overwrite,
            .verify = f->verify,
            .dry_run = f->dry_run,
            .threads = 3,
            .problem = on_problem,
            .cookie = f,
        };
        status = restore_run(&request, &f->result, &f->err);
    }
    snapshot_free(snapshot);
    vault_free(vault);
    return status;
}

static int restore(struct fixture *f, const char *name)
{
    return restore_some(f, name, NULL, 0);
}

/* Both folders hold the same file. */
static void same(struct fixture *f, const char *path)
{
    char a[PATH_MAX], b[PATH_MAX];
    CLEANUP(buf_free) struct buf left = BUF_INIT(64 << 20);
    CLEANUP(buf_free) struct buf right = BUF_INIT(64 << 20);
    struct stat sa, sb;

    (void)snprintf(a, sizeof a, "%s/%s", f->dir, path);
    (void)snprintf(b, sizeof b, "%s/%s", f->out, path);
    assert_int_equal(io_load(AT_FDCWD, a, &left, &f->err), SME_OK);
    assert_int_equal(io_load(AT_FDCWD, b, &right, &f->err), SME_OK);
    assert_int_equal(left.len, right.len);
    assert_true(left.len == 0 || memcmp(left.data, right.data, left.len) == 0);
    assert_int_equal(lstat(a, &sa), 0);
    assert_int_equal(lstat(b, &sb), 0);
    assert_int_equal(sa.st_mode, sb.st_mode);
    assert_int_equal(sa.st_mtim.tv_sec, sb.st_mtim.tv_sec);
    assert_int_equal(sa.st_mtim.tv_nsec, sb.st_mtim.tv_nsec);
}

static bool is_there(const struct fixture *f, const char *path)
{
    return faccessat(f->out_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void make_tree(struct fixture *f)
{
    char path[PATH_MAX], other[PATH_MAX];

    tree_text(f->dir, "a/text", "hello, restore\n");
    tree_file(f->dir, "a/empty", 0, 1);
    tree_file(f->dir, "a/b/medium", 700000, 2);
    tree_file(f->dir, "big", 11 << 20, 3);
    tree_file(f->dir, "z/same", 700000, 2); /* as a/b/medium */
    (void)snprintf(path, sizeof path, "%s/a/text", f->dir);
    assert_int_equal(chmod(path, 0640), 0);
    (void)snprintf(other, sizeof other, "%s/z/link", f->dir);
    assert_int_equal(link(path, other), 0);
    (void)snprintf(path, sizeof path, "%s/a/symlink", f->dir);
    assert_int_equal(symlink("../../nowhere", path), 0);
    (void)snprintf(path, sizeof path, "%s/sparse", f->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(pwrite(fd, path, 10, 100), 10);
    for (int i = 1; i < 6; i++) {
        assert_int_equal(pwrite(fd, path, 10, i * 300000), 10);
    }
    assert_int_equal(ftruncate(fd, 8 << 20), 0);
    (void)close(fd);
    (void)snprintf(path, sizeof path, "%s/a/b", f->dir);
    assert_int_equal(chmod(path, 0550), 0);
}

static void everything_comes_back(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    struct stat st, other;
    char target[64];

    make_tree(f);
    backup(f, &run);
    f->verify = true;
    if (restore(f, run.name) < 0) {
        fail_msg("%s", f->err.message);
    }
    same(f, "a/text");
    same(f, "a/empty");
    same(f, "a/b/medium");
    same(f, "big");
    same(f, "sparse");
    same(f, "z/same");
    same(f, "z/link");
    assert_int_equal(f->said, 0);
    assert_int_equal(f->result.counts.failed, 0);
    assert_int_equal(f->result.counts.files, 6);
    assert_int_equal(f->result.counts.links, 2);
    assert_int_equal(f->result.counts.directories, 4);
    assert_int_equal(f->result.counts.verified, 7);
    assert_int_equal(fstatat(f->out_fd, "a/text", &st, 0), 0);
    assert_int_equal(fstatat(f->out_fd, "z/link", &other, 0), 0);
    assert_int_equal(st.st_ino, other.st_ino);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(readlinkat(f->out_fd, "a/symlink", target, sizeof target), 13);
    assert_int_equal(fstatat(f->out_fd, "a/b", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0550);
    assert_int_equal(fstatat(f->out_fd, "sparse", &st, 0), 0);
    assert_true(st.st_blocks * 512 < 4 << 20);
    assert_int_equal(fchmodat(f->out_fd, "a/b", 0700, 0), 0);
    (void)snprintf(target, sizeof target, "a/b");
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fchmodat(fd, target, 0700, 0), 0);
    (void)close(fd);
    testrepo_run_free(&run);
}

static void a_selection_brings_its_parents(void **state)
{
    static const char *const paths[] = {"a/b/c/two", "x/one"};
    static const char *const globs[] = {"**/t*"};
    static const char *const missing[] = {"x/one", "nothing"};
    struct fixture *f = *state;
    struct testrepo_run run;
    struct stat st;

    tree_text(f->dir, "a/b/c/two", "2");
    tree_text(f->dir, "a/b/three", "3");
    tree_text(f->dir, "a/four", "4");
    tree_text(f->dir, "x/one", "1");
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fchmodat(fd, "a/b", 0711, 0), 0);
    (void)close(fd);
    backup(f, &run);
    assert_int_equal(restore_some(f, run.name, paths, 2), SME_OK);
    same(f, "a/b/c/two");
    same(f, "x/one");
    assert_false(is_there(f, "a/b/three"));
    assert_false(is_there(f, "a/four"));
    assert_int_equal(fstatat(f->out_fd, "a/b", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0711);
    assert_int_equal(f->result.counts.items, 2);
    assert_int_equal(restore_some(f, run.name, globs, 1), SME_OK);
    same(f, "a/b/three");
    assert_false(is_there(f, "a/four"));
    assert_string_equal(said_of(f, "a/b/c/two"), "it exists and was left alone");
    assert_int_equal(f->result.counts.existing, 1);
    assert_int_equal(restore_some(f, run.name, missing, 2), SME_E_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "'nothing' matches nothing in snapshot '"));
    testrepo_run_free(&run);
}

static void existing_files_are_treated_as_asked(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    char path[PATH_MAX];

    tree_text(f->dir, "kept", "as it was");
    tree_text(f->dir, "changed", "as it was");
    tree_text(f->dir, "link", "a file");
    backup(f, &run);
    assert_int_equal(restore(f, run.name), SME_OK);
    tree_text(f->out, "changed", "as it is now");
    tree_text(f->out, "mine", "not in the snapshot");
    assert_int_equal(unlinkat(f->out_fd, "link", 0), 0);
    assert_int_equal(symlinkat("mine", f->out_fd, "link"), 0);

    assert_int_equal(restore(f, run.name), SME_OK); /* never */
    assert_int_equal(f->result.counts.existing, 3);
    assert_int_equal(f->result.counts.files, 0);
    assert_int_equal(f->said, 3);

    f->overwrite = RESTORE_IF_CHANGED;
    f->verify = true;
    assert_int_equal(restore(f, run.name), SME_OK);
    assert_int_equal(f->result.counts.existing, 1);
    assert_int_equal(f->result.counts.files, 2);
    assert_int_equal(f->result.counts.verified, 3);
    same(f, "kept");
    same(f, "changed");
    same(f, "link");
    (void)snprintf(path, sizeof path, "%s/mine", f->out);
    CLEANUP(buf_free) struct buf mine = BUF_INIT(100);
    assert_int_equal(io_load(AT_FDCWD, path, &mine, &f->err), SME_OK);
    assert_int_equal(mine.len, strlen("not in the snapshot"));

    f->overwrite = RESTORE_ALWAYS;
    assert_int_equal(restore(f, run.name), SME_OK);
    assert_int_equal(f->result.counts.files, 3);
    assert_int_equal(f->result.counts.existing, 0);
    same(f, "kept");
    testrepo_run_free(&run);
}

static void links_in_the_target_lead_nowhere(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    char *victim = tree_new();

    tree_text(f->dir, "d/file", "x");
    tree_text(f->dir, "e", "x");
    tree_text(f->dir, "ok", "x");
    backup(f, &run);
    assert_int_equal(symlinkat(victim, f->out_fd, "d"), 0);
    assert_int_equal(mkdirat(f->out_fd, "e", 0700), 0);
    f->overwrite = RESTORE_ALWAYS;
    assert_int_equal(restore(f, run.name), SME_OK);
    assert_string_equal(said_of(f, "d"), "a symbolic link is where the directory should be");
    assert_string_equal(said_of(f, "d/file"), "the directory that it is in was not made");
    assert_string_equal(said_of(f, "e"), "a directory is where it should be");
    assert_int_equal(f->result.counts.failed, 3);
    same(f, "ok");
    assert_int_equal(rmdir(victim), 0); /* it is empty still */
    free(victim);
    testrepo_run_free(&run);
}

static void damage_costs_the_files_that_it_hits_only(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    tree_file(f->dir, "a", 3 << 20, 21);
    tree_file(f->dir, "b", 3 << 20, 22);
    tree_file(f->dir, "c", 3 << 20, 23);
    f->tr.pack_size = 1 << 20;
    f->tr.workers = 1;
    backup(f, &run);
    struct memsink_object *pack = memsink_match(f->tr.sink, "/data/", 0);
    pack->data[pack->len / 2] ^= 0x40;
    assert_int_equal(restore(f, run.name), SME_OK);
    assert_int_equal(f->result.counts.failed, 1);
    assert_string_equal(f->paths[0], "a");
    assert_non_null(strstr(f->texts[0], "is damaged at byte"));
    assert_false(is_there(f, "a")); /* nothing half is left behind */
    same(f, "b");
    same(f, "c");

    pack = memsink_match(f->tr.sink, "/data/", memsink_count(f->tr.sink, "/data/") - 1);
    memsink_drop(f->tr.sink, pack->key);
    f->overwrite = RESTORE_ALWAYS;
    assert_int_equal(restore(f, run.name), SME_OK);
    assert_int_equal(f->result.counts.failed, 2);
    assert_non_null(strstr(said_of(f, "c"), "is missing from sink"));
    same(f, "b");
    same(f, "c"); /* what was there stays when it cannot be replaced */
    testrepo_run_free(&run);
}

static void a_cancelled_restore_leaves_no_halves(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    tree_file(f->dir, "a", 3 << 20, 31);
    backup(f, &run);
    cancel_request(SIGTERM);
    assert_int_equal(restore(f, run.name), SME_E_CANCELLED);
    assert_false(is_there(f, "a"));
    cancel_reset();
    assert_int_equal(restore(f, run.name), SME_OK);
    same(f, "a");
    testrepo_run_free(&run);
}

static void a_dry_run_only_counts(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    make_tree(f);
    backup(f, &run);
    f->dry_run = true;
    assert_int_equal(restore(f, run.name), SME_OK);
    assert_int_equal(f->result.counts.files, 7);
    assert_int_equal(f->result.counts.directories, 4);
    assert_true(f->result.counts.bytes > 11 << 20);
    assert_false(is_there(f, "a"));
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fchmodat(fd, "a/b", 0700, 0), 0);
    (void)close(fd);
    testrepo_run_free(&run);
}

/* ---- a source that lies ------------------------------------------------------------------- */

struct liar {
    const struct sme_item *items;
    size_t count, at;
};

static int liar_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    (void)run;
    (void)err;
    ((struct liar *)handle)->at = 0;
    return SME_OK;
}

static int liar_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct liar *liar = handle;
    uint32_t size = item->struct_size;

    (void)err;
    if (liar->at == liar->count) {
        return 0;
    }
    *item = liar->items[liar->at++];
    item->struct_size = size;
    item->dir_fd = -1;
    item->path_len = strlen(item->path);
    return 1;
}

static int64_t liar_read(void *handle, void *buf, size_t len, struct sme_error *err)
{
    (void)handle;
    (void)buf;
    (void)len;
    (void)err;
    return 0;
}

static int liar_end(void *handle, int outcome, struct sme_error *err)
{
    (void)handle;
    (void)outcome;
    (void)err;
    return SME_OK;
}

static void what_lies_below_a_link_does_not_escape(void **state)
{
    char *victim = tree_new();
    const struct sme_item items[] = {
        {.path = "evil",
         .type = SME_ITEM_SYMLINK,
         .flags = SME_ITEM_HAS_STAT,
         .mode = 0777,
         .link_target = victim},
        {.path = "evil/file", .type = SME_ITEM_FILE, .flags = SME_ITEM_STREAM, .mode = 0644},
        {.path = "good", .type = SME_ITEM_FILE, .flags = SME_ITEM_STREAM, .mode = 0644},
    };
    struct fixture *f = *state;
    struct liar liar = {.items = items, .count = 3};
    static char name[] = "liar";
    struct plugin plugin = {.kind = PLUGIN_SOURCE,
                            .source = {.struct_size = sizeof plugin.source,
                                       .begin = liar_begin,
                                       .next = liar_next,
                                       .read = liar_read,
                                       .end = liar_end}};
    struct instance source = {.plugin = &plugin, .name = name, .handle = &liar};
    struct testrepo_run run;

    if (testrepo_backup_from(&f->tr, &source, &run, &f->err) < 0) {
        fail_msg("%s", f->err.message);
    }
    assert_int_equal(restore(f, run.name), SME_OK);
    assert_true(f->said > 0); /* which of the two fails is decided by who comes first */
    assert_true(is_there(f, "good"));
    assert_int_equal(rmdir(victim), 0);
    free(victim);
    testrepo_run_free(&run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_comes_back),
        TEST(a_selection_brings_its_parents),
        TEST(existing_files_are_treated_as_asked),
        TEST(links_in_the_target_lead_nowhere),
        TEST(damage_costs_the_files_that_it_hits_only),
        TEST(a_cancelled_restore_leaves_no_halves),
        TEST(a_dry_run_only_counts),
        TEST(what_lies_below_a_link_does_not_escape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
