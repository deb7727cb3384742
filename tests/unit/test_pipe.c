/*
 * The backup pipe on real files: what goes in comes out, once, whatever the number of threads.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../harness/testrepo.h"
#include "../harness/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct testrepo tr;
    char *dir;
    struct sme_error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->err = (struct sme_error){.struct_size = sizeof f->err};
    testrepo_open(&f->tr);
    f->dir = tree_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->tr.cache_dir != NULL) {
        tree_remove(f->tr.cache_dir);
    }
    tree_remove(f->dir);
    free(f->dir);
    testrepo_close(&f->tr);
    free(f);
    return 0;
}

/* The file in the snapshot is the file on disk. */
static void check_file(struct fixture *f, const char *name, const char *path)
{
    char full[PATH_MAX];
    struct stat st;
    size_t len = 0;

    (void)snprintf(full, sizeof full, "%s/%s", f->dir, path);
    assert_int_equal(stat(full, &st), 0);
    uint8_t *expected = malloc((size_t)st.st_size + 1);
    int fd = open(full, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, expected, (size_t)st.st_size), st.st_size);
    (void)close(fd);
    uint8_t *got = testrepo_read(&f->tr, name, path, &len);
    assert_non_null(got);
    assert_int_equal(len, st.st_size);
    assert_memory_equal(got, expected, len);
    free(got);
    free(expected);
}

static void backup(struct fixture *f, struct testrepo_run *run)
{
    int status = testrepo_backup(&f->tr, f->dir, run, &f->err);

    if (status < 0) {
        fail_msg("%s", f->err.message);
    }
}

static void small_and_large_files_come_back(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    tree_file(f->dir, "empty", 0, 1);
    tree_text(f->dir, "a/text", "hello, backup\n");
    tree_file(f->dir, "a/small", 3000, 2);
    tree_file(f->dir, "a/medium", 700000, 3);
    tree_file(f->dir, "b/large", 9 * 1024 * 1024 + 7, 4);
    tree_file(f->dir, "b/exactly-one-block", 1 << 20, 5);
    tree_file(f->dir, "b/one-more", (1 << 20) + 1, 6);
    backup(f, &run);
    assert_int_equal(run.pipe.counters.files, 7);
    assert_int_equal(run.pipe.counters.directories, 3);
    assert_int_equal(run.pipe.problem_count, 0);
    assert_int_equal(testrepo_count_items(&f->tr, run.name, &f->err), 10);
    check_file(f, run.name, "empty");
    check_file(f, run.name, "a/text");
    check_file(f, run.name, "a/small");
    check_file(f, run.name, "a/medium");
    check_file(f, run.name, "b/large");
    check_file(f, run.name, "b/exactly-one-block");
    check_file(f, run.name, "b/one-more");
    testrepo_run_free(&run);
}

static void many_small_files_share_packs(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    char name[64];

    f->tr.workers = 4;
    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "d%02u/e%u/file-%04u", i % 40, i % 3, i);
        tree_file(f->dir, name, 100 + i % 900, i + 10);
    }
    backup(f, &run);
    assert_int_equal(run.pipe.counters.files, 3000);
    assert_int_equal(run.data_packs, 1);
    check_file(f, run.name, "d00/e0/file-0000");
    check_file(f, run.name, "d39/e0/file-2919");
    testrepo_run_free(&run);
}

static void equal_content_is_stored_once(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    tree_file(f->dir, "one", 5 << 20, 7);
    tree_file(f->dir, "two", 5 << 20, 7);
    tree_file(f->dir, "x/three", 5 << 20, 7);
    backup(f, &run);
    assert_int_equal(run.pipe.counters.content.bytes_read, 15 << 20);
    assert_int_equal(run.pipe.counters.content.bytes_new, 5 << 20);
    check_file(f, run.name, "x/three");
    testrepo_run_free(&run);
}

static void second_run_stores_no_data(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run first;
    struct testrepo_run second;

    tree_file(f->dir, "a", 3 << 20, 8);
    tree_file(f->dir, "b/c", 2000, 9);
    backup(f, &first);
    backup(f, &second);
    assert_int_equal(second.data_packs, 0);
    assert_int_equal(second.pipe.counters.content.bytes_new, 0);
    check_file(f, second.name, "a");
    testrepo_run_free(&first);
    testrepo_run_free(&second);
}

static void insertion_stores_a_few_chunks(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run first;
    struct testrepo_run second;
    size_t size = 24 << 20;
    uint8_t *data = malloc(size + 1);
    char path[PATH_MAX];

    tree_file(f->dir, "big", size, 11);
    backup(f, &first);
    tree_bytes(data, size, 11);
    memmove(data + size / 2 + 1, data + size / 2, size / 2);
    data[size / 2] = 'x';
    (void)snprintf(path, sizeof path, "%s/big", f->dir);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, data, size + 1), size + 1);
    (void)close(fd);
    free(data);
    backup(f, &second);
    assert_true(second.pipe.counters.content.bytes_new <= 3 << 20);
    check_file(f, second.name, "big");
    testrepo_run_free(&first);
    testrepo_run_free(&second);
}

static void holes_are_not_read(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    char path[PATH_MAX];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/sparse", f->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, 64 << 20), 0);
    assert_int_equal(pwrite(fd, "middle", 6, 20 << 20), 6);
    assert_int_equal(pwrite(fd, "later", 5, 40 << 20), 5);
    assert_int_equal(fstat(fd, &st), 0);
    (void)close(fd);
    if (st.st_blocks * 512 >= st.st_size) {
        skip(); /* this file system has no holes */
    }
    backup(f, &run);
    assert_true(run.pipe.counters.content.bytes_read < 1 << 20);
    assert_int_equal(run.pipe.counters.bytes, 64 << 20);
    check_file(f, run.name, "sparse");
    testrepo_run_free(&run);
}

static void lists_of_a_very_large_file(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    /* Random bytes of 160 MiB make about 600 chunks: more than one list holds. */
    tree_file(f->dir, "huge", 160 << 20, 12);
    backup(f, &run);
    check_file(f, run.name, "huge");
    testrepo_run_free(&run);
}

static void failed_put_fails_the_run(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;

    tree_file(f->dir, "a", 20 << 20, 13);
    f->tr.sink->fail_put = f->tr.sink->puts + 3;
    f->tr.sink->fail_status = SME_E_NO_SPACE;
    assert_int_equal(testrepo_backup(&f->tr, f->dir, &run, &f->err), SME_E_NO_SPACE);
    assert_non_null(strstr(f->err.message, "ordered failure"));
    assert_int_equal(memsink_count(f->tr.sink, "backups/"), 0);
    testrepo_run_free(&run);

    f->tr.sink->fail_put = 0;
    backup(f, &run);
    check_file(f, run.name, "a");
    testrepo_run_free(&run);
}

static void every_failing_put_leaves_no_snapshot(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    unsigned n = 0;
    int status;

    tree_file(f->dir, "a", 9 << 20, 14);
    tree_file(f->dir, "b", 1000, 15);
    do {
        n++;
        assert_true(n < 20);
        f->tr.sink->fail_put = f->tr.sink->puts + n;
        f->tr.sink->fail_status = SME_E_IO;
        status = testrepo_backup(&f->tr, f->dir, &run, &f->err);
        testrepo_run_free(&run);
        assert_int_equal(memsink_count(f->tr.sink, "backups/"), status == SME_OK ? 1 : 0);
    } while (status < 0);
    assert_true(n > 3);
}

static void unreadable_file_is_listed_and_the_rest_is_there(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    char path[PATH_MAX];

    if (geteuid() == 0) {
        skip(); /* root reads everything */
    }
    tree_text(f->dir, "good", "good");
    tree_text(f->dir, "secret", "secret");
    (void)snprintf(path, sizeof path, "%s/secret", f->dir);
    assert_int_equal(chmod(path, 0), 0);
    backup(f, &run);
    assert_int_equal(run.pipe.counters.failed, 1);
    assert_int_equal(run.pipe.problem_count, 1);
    assert_string_equal(run.pipe.problems[0].path, "secret");
    assert_non_null(strstr(run.pipe.problems[0].text, "Permission denied"));
    check_file(f, run.name, "good");
    testrepo_run_free(&run);
}

static void vanished_root_is_no_empty_snapshot(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/gone", f->dir);
    assert_int_equal(testrepo_backup(&f->tr, path, &run, &f->err), SME_E_NOT_FOUND);
    assert_int_equal(memsink_count(f->tr.sink, "backups/"), 0);
    testrepo_run_free(&run);
}

static void damaged_pack_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    size_t len = 0;

    tree_file(f->dir, "a", 100000, 16);
    backup(f, &run);
    struct memsink_object *pack = memsink_match(f->tr.sink, "/data/", 0);
    assert_non_null(pack);
    pack->data[500] ^= 1;
    assert_null(testrepo_read(&f->tr, run.name, "a", &len));
    testrepo_run_free(&run);
}

/* A source that yields what a test wants. */
struct script {
    const char *const *paths;
    size_t at;
    size_t stream_len; /* every item is a stream of this many bytes */
    size_t read;
    int64_t fail_read; /* status of the read behind the first one; 0: none */
};

static int script_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct script *s = handle;

    (void)run;
    (void)err;
    s->at = 0;
    return SME_OK;
}

static int script_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct script *s = handle;

    (void)err;
    if (s->paths[s->at] == NULL) {
        return 0;
    }
    item->path = s->paths[s->at++];
    item->path_len = strlen(item->path);
    item->type = SME_ITEM_FILE;
    item->flags = SME_ITEM_STREAM;
    item->mode = 0644;
    s->read = 0;
    return 1;
}

static int64_t script_read(void *handle, void *buf, size_t len, struct sme_error *err)
{
    struct script *s = handle;

    if (s->fail_read < 0 && s->read > 0) {
        return sme_fail(err, (int)s->fail_read, "the dump broke");
    }
    size_t want = s->stream_len - s->read < len ? s->stream_len - s->read : len;
    size_t same = 50000 - s->read % 50000; /* up to where the letter changes */
    want = want > same ? same : want;
    memset(buf, 'a' + (int)(s->read / 50000 % 20), want);
    s->read += want;
    return (int64_t)want;
}

static int script_end(void *handle, int outcome, struct sme_error *err)
{
    (void)handle;
    (void)outcome;
    (void)err;
    return SME_OK;
}

static int run_script(struct fixture *f, struct script *script, struct testrepo_run *run)
{
    struct plugin plugin = {.kind = PLUGIN_SOURCE,
                            .source = {.struct_size = sizeof plugin.source,
                                       .begin = script_begin,
                                       .next = script_next,
                                       .read = script_read,
                                       .end = script_end}};
    static char name[] = "script";
    struct instance source = {.plugin = &plugin, .name = name, .handle = script};

    return testrepo_backup_from(&f->tr, &source, run, &f->err);
}

static void streams_are_stored(void **state)
{
    static const char *const paths[] = {"a.dump", "b.dump", NULL};
    struct fixture *f = *state;
    struct script script = {.paths = paths, .stream_len = 7000001};
    struct testrepo_run run;
    size_t len = 0;

    assert_int_equal(run_script(f, &script, &run), SME_OK);
    uint8_t *got = testrepo_read(&f->tr, run.name, "b.dump", &len);
    assert_non_null(got);
    assert_int_equal(len, 7000001);
    assert_int_equal(got[0], 'a');
    assert_int_equal(got[7000000], 'a' + 7000000 / 50000 % 20);
    free(got);
    testrepo_run_free(&run);
}

static void broken_stream_fails_the_run(void **state)
{
    static const char *const paths[] = {"a.dump", "b.dump", NULL};
    struct fixture *f = *state;
    struct script script = {.paths = paths, .stream_len = 7000000, .fail_read = SME_E_IO};
    struct testrepo_run run;

    assert_int_equal(run_script(f, &script, &run), SME_E_IO);
    assert_string_equal(f->err.message, "the dump broke");
    assert_int_equal(memsink_count(f->tr.sink, "backups/"), 0);
    testrepo_run_free(&run);
}

static void changed_stream_is_a_problem_of_the_item(void **state)
{
    static const char *const paths[] = {"a.dump", NULL};
    struct fixture *f = *state;
    struct script script = {.paths = paths, .stream_len = 7000000, .fail_read = SME_E_CHANGED};
    struct testrepo_run run;

    assert_int_equal(run_script(f, &script, &run), SME_OK);
    assert_int_equal(run.pipe.counters.changed_while_read, 1);
    testrepo_run_free(&run);
}

static void wrong_order_of_items_is_refused(void **state)
{
    static const char *const paths[] = {"b", "a", NULL};
    static const char *const twice[] = {"a", "a", NULL};
    static const char *const outside[] = {"../etc/passwd", NULL};
    struct fixture *f = *state;
    struct script script = {.paths = paths, .stream_len = 10};
    struct testrepo_run run;

    assert_int_equal(run_script(f, &script, &run), SME_E_IO);
    assert_string_equal(f->err.message, "the source plugin yielded 'a' after 'b'");
    testrepo_run_free(&run);
    script.paths = twice;
    assert_int_equal(run_script(f, &script, &run), SME_E_IO);
    testrepo_run_free(&run);
    script.paths = outside;
    assert_int_equal(run_script(f, &script, &run), SME_E_IO);
    assert_string_equal(f->err.message, "the source plugin yielded the path '../etc/passwd'");
    assert_int_equal(memsink_count(f->tr.sink, "backups/"), 0);
    testrepo_run_free(&run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(small_and_large_files_come_back),
        TEST(many_small_files_share_packs),
        TEST(equal_content_is_stored_once),
        TEST(second_run_stores_no_data),
        TEST(insertion_stores_a_few_chunks),
        TEST(holes_are_not_read),
        TEST(lists_of_a_very_large_file),
        TEST(failed_put_fails_the_run),
        TEST(every_failing_put_leaves_no_snapshot),
        TEST(unreadable_file_is_listed_and_the_rest_is_there),
        TEST(vanished_root_is_no_empty_snapshot),
        TEST(damaged_pack_is_noticed),
        TEST(streams_are_stored),
        TEST(broken_stream_fails_the_run),
        TEST(changed_stream_is_a_problem_of_the_item),
        TEST(wrong_order_of_items_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
