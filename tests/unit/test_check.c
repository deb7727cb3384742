/*
 * Checking a repository in memory: a whole one has no findings, each kind of damage has its own.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/run/check.h"
#include "../harness/testrepo.h"
#include "../harness/tree.h"

#include <stdlib.h>

struct fixture {
    struct testrepo tr;
    char *dir; /* backed up */
    struct sme_error err;
    /* What was said. */
    char paths[64][128], texts[64][512];
    enum check_severity severities[64];
    size_t said;
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

    tree_remove(f->dir);
    free(f->dir);
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

static void backup(struct fixture *f, struct testrepo_run *run)
{
    int status = testrepo_backup(&f->tr, f->dir, run, &f->err);

    if (status < 0) {
        fail_msg("%s", f->err.message);
    }
}

static void on_finding(void *cookie, enum check_severity severity, const char *object,
                       const char *text)
{
    struct fixture *f = cookie;

    if (f->said < 64) {
        f->severities[f->said] = severity;
    }
    say(f, object, text);
}

static int check(struct fixture *f, bool read_data, struct check_counts *counts)
{
    const struct check_request request = {
        .repo = f->tr.repo,
        .read_data = read_data,
        .threads = 2,
        .finding = on_finding,
        .cookie = f,
    };

    f->said = 0;
    memset(counts, 0, sizeof *counts);
    return check_run(&request, counts, &f->err);
}

static void a_whole_repository_has_no_findings(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run first, second;
    struct check_counts counts;

    tree_file(f->dir, "a", 3 << 20, 41);
    backup(f, &first);
    tree_file(f->dir, "b", 1000, 42);
    backup(f, &second);
    if (check(f, true, &counts) < 0) {
        fail_msg("%s", f->err.message);
    }
    assert_int_equal(counts.damaged + counts.garbage + counts.foreign + counts.unverified, 0);
    assert_int_equal(counts.sources, 1);
    assert_int_equal(counts.snapshots, 2);
    assert_int_equal(counts.index_objects, 2);
    assert_int_equal(counts.packs,
                     memsink_count(f->tr.sink, "/data/") + memsink_count(f->tr.sink, "/meta/"));
    assert_true(counts.bytes_read > 3 << 20);
    assert_int_equal(f->said, 0);
    testrepo_run_free(&first);
    testrepo_run_free(&second);
}

/* One finding of damage, of this object. */
static void expect_damage(struct fixture *f, bool read_data, const char *object, const char *text)
{
    struct check_counts counts;

    assert_int_equal(check(f, read_data, &counts), SME_E_CORRUPT);
    assert_true(counts.damaged >= 1);
    for (size_t i = 0; i < f->said; i++) {
        if (f->severities[i] == CHECK_DAMAGE && strcmp(f->paths[i], object) == 0) {
            if (strstr(f->texts[i], text) == NULL) {
                fail_msg("'%s' should have said '%s'", f->texts[i], text);
            }
            return;
        }
    }
    fail_msg("nothing was found in '%s'", object);
}

static void check_finds_each_kind_of_damage(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    struct check_counts counts;

    tree_file(f->dir, "a", 100000, 51);
    backup(f, &run);
    struct memsink_object *pack = memsink_match(f->tr.sink, "/data/", 0);
    pack->data[1000] ^= 1;
    assert_int_equal(check(f, false, &counts), SME_OK); /* only reading shows it */
    expect_damage(f, true, pack->key, "its bytes are not those of its name");
    pack->data[1000] ^= 1;
    pack->len--;
    expect_damage(f, false, pack->key, "bytes instead of");
    pack->len++;

    struct memsink_object *index = memsink_match(f->tr.sink, "/index/", 0);
    index->data[20] ^= 1;
    expect_damage(f, false, index->key, "its bytes are not those of its name");
    index->data[20] ^= 1;

    struct memsink_object *snapshot = memsink_match(f->tr.sink, "backups/", 0);
    snapshot->data[snapshot->len - 1] ^= 1;
    expect_damage(f, false, snapshot->key, "this snapshot cannot be restored");
    snapshot->data[snapshot->len - 1] ^= 1;
    snapshot->data[60] ^= 1;
    expect_damage(f, false, snapshot->key, "this snapshot cannot be restored");
    snapshot->data[60] ^= 1;
    assert_int_equal(check(f, true, &counts), SME_OK);

    char *key = strdup(memsink_match(f->tr.sink, "/meta/", 0)->key);
    memsink_drop(f->tr.sink, key);
    expect_damage(f, false, key, "the pack is missing: 1 snapshot cannot be restored completely");
    free(key);
    memsink_drop(f->tr.sink, memsink_match(f->tr.sink, "/index/", 0)->key);
    expect_damage(f, false, TESTREPO_SOURCE, "all its index objects are missing");
    testrepo_run_free(&run);
}

static void check_tells_garbage_and_strangers(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    struct check_counts counts;
    objkey_text key;
    uint8_t name[32] = {1, 2, 3};

    tree_file(f->dir, "a", 1000, 61);
    backup(f, &run);
    objkey_pack(TESTREPO_SOURCE, false, name, key);
    assert_int_equal(store_put(f->tr.store, key, "x", 1, NULL, false, &f->err), SME_OK);
    assert_int_equal(store_put(f->tr.store, "who/knows", "x", 1, NULL, false, &f->err), SME_OK);
    assert_int_equal(check(f, false, &counts), SME_OK);
    assert_int_equal(counts.garbage, 1);
    assert_int_equal(counts.foreign, 1);
    assert_string_equal(said_of(f, key), "not in the index: left by an interrupted run");
    assert_string_equal(said_of(f, "who/knows"), "not an object of this program: ignored");
    testrepo_run_free(&run);
}

static void a_failed_listing_is_no_empty_repository(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    struct check_counts counts;

    tree_file(f->dir, "a", 1000, 71);
    backup(f, &run);
    f->tr.sink->fail_list = true;
    assert_int_equal(check(f, false, &counts), SME_E_IO);
    assert_int_equal(f->said, 0);
    testrepo_run_free(&run);
}

static void without_the_reader_check_says_what_it_did_not_see(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    struct check_counts counts;

    tree_file(f->dir, "a", 100000, 81);
    backup(f, &run);
    f->tr.repo->keys.has_reader = false;
    assert_int_equal(check(f, true, &counts), SME_OK);
    assert_int_equal(counts.unverified, 1);
    assert_int_equal(counts.items, 0);
    assert_string_equal(said_of(f, TESTREPO_SOURCE),
                        "the items of 1 snapshot were not read: this host holds a write-only key");
    f->tr.repo->keys.has_reader = true;
    testrepo_run_free(&run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_repository_has_no_findings),
        TEST(check_finds_each_kind_of_damage),
        TEST(check_tells_garbage_and_strangers),
        TEST(a_failed_listing_is_no_empty_repository),
        TEST(without_the_reader_check_says_what_it_did_not_see),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
