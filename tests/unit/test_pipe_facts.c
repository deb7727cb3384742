/*
 * Facts that a source tells of files which the core reads, and files that nobody edits.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/cleanup.h"
#include "../../core/base/limits.h"
#include "../../core/repo/itemcache.h"
#include "../harness/testrepo.h"
#include "../harness/tree.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "photo"

/* A source of one file, NAME in a folder. */
struct one {
    int dir_fd;
    uint32_t flags;
    struct sme_extra extras[300];
    size_t extra_count;
    bool yielded;
};

struct fixture {
    struct testrepo tr;
    char *dir;
    struct one one;
    struct testrepo_run run;
    struct sme_error err;
};

static int one_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    (void)run;
    (void)err;
    ((struct one *)handle)->yielded = false;
    return SME_OK;
}

static int one_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct one *one = handle;

    (void)err;
    if (one->yielded) {
        return 0;
    }
    one->yielded = true;
    item->path = item->name = NAME;
    item->path_len = strlen(NAME);
    item->type = SME_ITEM_FILE;
    item->flags = SME_ITEM_LOCATED | one->flags;
    item->dir_fd = one->dir_fd;
    item->extras = one->extras;
    item->extra_count = one->extra_count;
    return 1;
}

static int one_end(void *handle, int outcome, struct sme_error *err)
{
    (void)handle;
    (void)outcome;
    (void)err;
    return SME_OK;
}

static int backup(struct fixture *f)
{
    struct plugin plugin = {.kind = PLUGIN_SOURCE,
                            .source = {.struct_size = sizeof plugin.source,
                                       .begin = one_begin,
                                       .next = one_next,
                                       .end = one_end}};
    static char name[] = "one";
    struct instance source = {.plugin = &plugin, .name = name, .handle = &f->one};

    testrepo_run_free(&f->run);
    return testrepo_backup_from(&f->tr, &source, &f->run, &f->err);
}

static void write_content(struct fixture *f, const char *text)
{
    CLEANUP(close_fd) int fd = openat(f->one.dir_fd, NAME, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* The snapshot's only item. */
struct look {
    struct vault *vault;
    struct snapshot *snapshot;
    struct item_iter *iter;
    struct item_view view;
};

static void look_begin(struct fixture *f, struct look *look)
{
    memset(look, 0, sizeof *look);
    assert_int_equal(
        vault_open(f->tr.repo, TESTREPO_SOURCE, f->tr.cache_dir, &look->vault, &f->err), SME_OK);
    assert_int_equal(
        snapshot_load(f->tr.repo, &look->vault->keys, f->run.name, &look->snapshot, &f->err),
        SME_OK);
    assert_int_equal(snapshot_open_root(f->tr.repo, &look->vault->keys, look->snapshot, &f->err),
                     SME_OK);
    assert_int_equal(item_iter_new(look->vault, look->snapshot, NULL, &look->iter, &f->err),
                     SME_OK);
    assert_int_equal(item_iter_next(look->iter, &look->view, &f->err), 1);
    assert_string_equal(look->view.path, NAME);
}

static void look_end(struct look *look)
{
    item_iter_free(look->iter);
    snapshot_free(look->snapshot);
    vault_free(look->vault);
}

/* As if a run had found the file of now with the content of the last snapshot. */
static void pretend_known(struct fixture *f)
{
    struct itemcache_writer *writer = NULL;
    struct block_chunk refs[8];
    struct look look;
    struct stat st;
    uint32_t count = 0;

    assert_int_equal(fstatat(f->one.dir_fd, NAME, &st, 0), 0);
    look_begin(f, &look);
    while (item_next_ref(&look.view, &refs[count])) {
        count++;
        assert_true(count < 8);
    }
    struct itemcache_record record = {.ino = st.st_ino,
                                      .dev = st.st_dev,
                                      .size = (uint64_t)st.st_size,
                                      .mtime_sec = st.st_mtim.tv_sec,
                                      .mtime_nsec = (uint32_t)st.st_mtim.tv_nsec,
                                      .ctime_sec = st.st_ctim.tv_sec,
                                      .ctime_nsec = (uint32_t)st.st_ctim.tv_nsec,
                                      .ref_count = count};
    itemcache_path_hash(&look.vault->keys, NAME, strlen(NAME), record.path_hash);
    assert_int_equal(itemcache_writer_new(&look.vault->keys, f->tr.cache_dir, &writer, &f->err),
                     SME_OK);
    itemcache_writer_add(writer, &record, NULL, refs);
    assert_int_equal(itemcache_writer_commit(writer, &f->err), SME_OK);
    look_end(&look);
}

static void assert_content(struct fixture *f, const char *text)
{
    size_t len = 0;
    CLEANUP(free_ptr) uint8_t *got = testrepo_read(&f->tr, f->run.name, NAME, &len);

    assert_non_null(got);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(got, text, len);
}

static void assert_facts(struct fixture *f)
{
    const char *name = NULL;
    const char *value = NULL;
    size_t name_len = 0;
    size_t value_len = 0;
    struct look look;

    look_begin(f, &look);
    for (size_t i = 0; i < f->one.extra_count; i++) {
        assert_true(item_next_extra(&look.view, &name, &name_len, &value, &value_len));
        assert_int_equal(name_len, strlen(f->one.extras[i].name));
        assert_memory_equal(name, f->one.extras[i].name, name_len);
        assert_int_equal(value_len, strlen(f->one.extras[i].value));
        assert_memory_equal(value, f->one.extras[i].value, value_len);
    }
    assert_false(item_next_extra(&look.view, &name, &name_len, &value, &value_len));
    look_end(&look);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->err = (struct sme_error)SME_ERROR_INIT;
    testrepo_open(&f->tr);
    f->dir = tree_new();
    f->tr.cache_dir = tree_new();
    f->one.dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(f->one.dir_fd >= 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    testrepo_run_free(&f->run);
    tree_remove(f->tr.cache_dir);
    testrepo_close(&f->tr);
    (void)close(f->one.dir_fd);
    tree_remove(f->dir);
    free(f->dir);
    free(f);
    return 0;
}

static void facts_of_a_file_are_kept(void **state)
{
    struct fixture *f = *state;

    write_content(f, "picture");
    f->one.extras[0] = (struct sme_extra){"photo.camera", "X-T4"};
    f->one.extras[1] = (struct sme_extra){"photo.empty", ""};
    f->one.extra_count = 2;
    assert_int_equal(backup(f), SME_OK);
    assert_facts(f);
    assert_content(f, "picture");
}

static void facts_of_a_file_that_is_not_read_again_are_those_of_now(void **state)
{
    struct fixture *f = *state;

    write_content(f, "picture");
    assert_int_equal(backup(f), SME_OK);
    assert_facts(f);
    pretend_known(f);
    f->one.extras[0] = (struct sme_extra){"photo.rating", "5"};
    f->one.extra_count = 1;
    assert_int_equal(backup(f), SME_OK);
    assert_int_equal(f->run.pipe.counters.changed, 0);
    assert_facts(f);
    assert_content(f, "picture");
}

static void facts_of_a_file_that_cannot_be_opened_are_kept(void **state)
{
    struct fixture *f = *state;

    if (geteuid() == 0) {
        skip();
    }
    write_content(f, "picture");
    assert_int_equal(fchmodat(f->one.dir_fd, NAME, 0, 0), 0);
    f->one.extras[0] = (struct sme_extra){"photo.kind", "photo"};
    f->one.extra_count = 1;
    assert_int_equal(backup(f), SME_OK);
    assert_int_equal(f->run.pipe.counters.failed, 1);
    assert_facts(f);
}

static void facts_in_the_bounds_are_kept_whole(void **state)
{
    struct fixture *f = *state;
    CLEANUP(free_ptr) char *large = malloc(LIMIT_EXTRA_VALUE + 1);
    char name[LIMIT_NAME_BYTES + 1];

    memset(large, 'x', LIMIT_EXTRA_VALUE);
    large[LIMIT_EXTRA_VALUE] = '\0';
    memset(name, 'n', LIMIT_NAME_BYTES);
    name[LIMIT_NAME_BYTES] = '\0';
    write_content(f, "picture");
    for (size_t i = 0; i < 3; i++) {
        f->one.extras[i] = (struct sme_extra){name, large};
    }
    f->one.extra_count = 3;
    assert_int_equal(backup(f), SME_OK);
    assert_facts(f);
}

static void facts_out_of_bounds_fail_the_run(void **state)
{
    struct fixture *f = *state;
    CLEANUP(free_ptr) char *large = malloc(LIMIT_EXTRA_VALUE + 2);
    char name[LIMIT_NAME_BYTES + 2];

    memset(large, 'x', LIMIT_EXTRA_VALUE + 1);
    large[LIMIT_EXTRA_VALUE + 1] = '\0';
    memset(name, 'n', LIMIT_NAME_BYTES + 1);
    name[LIMIT_NAME_BYTES + 1] = '\0';
    write_content(f, "picture");
    const struct sme_extra wrong[] = {
        {"value", large}, {name, "value"}, {"", "value"}, {NULL, "value"}, {"name", NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        f->one.extras[0] = wrong[i];
        f->one.extra_count = 1;
        assert_int_equal(backup(f), SME_E_IO);
        assert_non_null(strstr(f->err.message, "'" NAME "'"));
    }
    /* Each small enough, but too much together. */
    large[1024] = '\0';
    for (size_t i = 0; i < 300; i++) {
        f->one.extras[i] = (struct sme_extra){"name", large};
    }
    f->one.extra_count = 300;
    assert_int_equal(backup(f), SME_E_IO);
    assert_non_null(strstr(f->err.message, "too large"));
}

/* A file whose content of now is "after!", though all that the cache knows says "before". */
static void let_it_rot(struct fixture *f)
{
    write_content(f, "before");
    assert_int_equal(backup(f), SME_OK);
    write_content(f, "after!");
    pretend_known(f);
    f->tr.rescan = 10000;
}

static void what_nobody_edits_keeps_its_older_version(void **state)
{
    struct fixture *f = *state;

    f->one.flags = SME_ITEM_KEEP_OLDER;
    f->one.extras[0] = (struct sme_extra){"photo.kind", "photo"};
    f->one.extra_count = 1;
    let_it_rot(f);
    assert_int_equal(backup(f), SME_OK);
    assert_int_equal(f->run.pipe.counters.rot, 1);
    assert_content(f, "before");
    assert_facts(f);
    assert_non_null(strstr(f->run.pipe.problems[0].text, "keeps the version before"));

    /* The next run knows it still, whether it reads the file again or not. */
    assert_int_equal(backup(f), SME_OK);
    assert_int_equal(f->run.pipe.counters.rot, 1);
    assert_content(f, "before");
    f->tr.rescan = 0;
    assert_int_equal(backup(f), SME_OK);
    assert_int_equal(f->run.pipe.counters.rot, 0);
    assert_content(f, "before");
}

static void what_is_edited_has_the_content_of_now(void **state)
{
    struct fixture *f = *state;

    let_it_rot(f);
    assert_int_equal(backup(f), SME_OK);
    assert_int_equal(f->run.pipe.counters.rot, 1);
    assert_content(f, "after!");
}

static void new_stamps_are_a_new_version(void **state)
{
    struct fixture *f = *state;
    const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

    f->one.flags = SME_ITEM_KEEP_OLDER;
    let_it_rot(f);
    assert_int_equal(utimensat(f->one.dir_fd, NAME, times, 0), 0);
    assert_int_equal(backup(f), SME_OK);
    assert_int_equal(f->run.pipe.counters.rot, 0);
    assert_content(f, "after!");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(facts_of_a_file_are_kept),
        TEST(facts_of_a_file_that_is_not_read_again_are_those_of_now),
        TEST(facts_of_a_file_that_cannot_be_opened_are_kept),
        TEST(facts_in_the_bounds_are_kept_whole),
        TEST(facts_out_of_bounds_fail_the_run),
        TEST(what_nobody_edits_keeps_its_older_version),
        TEST(what_is_edited_has_the_content_of_now),
        TEST(new_stamps_are_a_new_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
