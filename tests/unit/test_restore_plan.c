/*
 * Planning a restore: patterns, hole maps, and the ranges of packs that are fetched.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/cleanup.h"
#include "../../core/pipeline/restore_plan.h"
#include "../../core/pipeline/restore_select.h"
#include "../../core/repo/index_local.h"

#include <stdlib.h>
#include <sys/mman.h>

/* ---- patterns ----------------------------------------------------------------------------- */

static bool glob_text(const char *pattern, const char *path)
{
    return select_glob(pattern, path, strlen(path));
}

static void patterns_match_whole_paths(void **state)
{
    (void)state;
    assert_true(glob_text("*.txt", "a.txt"));
    assert_false(glob_text("*.txt", "d/a.txt"));
    assert_true(glob_text("*/a.txt", "d/a.txt"));
    assert_false(glob_text("*/a.txt", "d/e/a.txt"));
    assert_true(glob_text("**/a.txt", "d/e/a.txt"));
    assert_true(glob_text("**/a.txt", "a.txt"));
    assert_false(glob_text("**/a.txt", "xa.txt"));
    assert_true(glob_text("d/**", "d/e/f"));
    assert_false(glob_text("d/**", "d"));
    assert_true(glob_text("d/**/f", "d/f"));
    assert_true(glob_text("d/**/f", "d/x/y/f"));
    assert_false(glob_text("d/**/f", "d/xf"));
    assert_true(glob_text("d/**f", "d/x/yf"));
    assert_true(glob_text("**/*.c", "x/y.c"));
    assert_false(glob_text("**/*.c", "x/y.c/z"));
    assert_true(glob_text("a?c", "abc"));
    assert_false(glob_text("a?c", "a/c"));
    assert_true(glob_text("*a*b*", "xxaxxbxx"));
    assert_false(glob_text("*a*b*", "xxbxxaxx"));
    assert_true(glob_text("*", ""));
    assert_false(glob_text("?", ""));
}

static void sets_and_escapes_work(void **state)
{
    (void)state;
    assert_true(glob_text("[a-c]x", "bx"));
    assert_false(glob_text("[a-c]x", "dx"));
    assert_true(glob_text("[!a-c]x", "dx"));
    assert_false(glob_text("[^a-c]x", "ax"));
    assert_true(glob_text("[]]", "]"));
    assert_true(glob_text("[a-]", "-"));
    assert_false(glob_text("[!a]", "/"));
    assert_true(glob_text("[open", "[open"));
    assert_true(glob_text("\\*", "*"));
    assert_false(glob_text("\\*", "x"));
    assert_true(glob_text("[\\]]", "]"));
    assert_true(glob_text("\xff*", "\xff\xfe"));
}

static void hard_patterns_end_soon(void **state)
{
    char path[4000];

    (void)state;
    memset(path, 'a', sizeof path);
    assert_false(select_glob("*a*a*a*a*a*a*a*a*a*a*b", path, sizeof path));
    assert_false(select_glob("**a**a**a**a**a**a**b", path, sizeof path));
}

static void paths_are_made_plain_and_sorted(void **state)
{
    static const char *const given[] = {"/b/c/", "a", "./b", "a/x"};
    struct sme_error err = SME_ERROR_INIT;
    struct select select;

    (void)state;
    assert_int_equal(select_init(&select, given, 4, false, &err), SME_OK);
    assert_true(select.only_paths);
    assert_false(select.everything);
    assert_string_equal(select.at[0].text, "a");
    assert_string_equal(select.at[1].text, "a/x");
    assert_true(select.at[1].is_covered);
    assert_string_equal(select.at[2].text, "b");
    assert_false(select.at[2].is_covered);
    assert_string_equal(select.at[3].text, "b/c");
    assert_true(select.at[3].is_covered);
    assert_true(select_match(&select, "a", 1));
    assert_false(select_match(&select, "ab", 2));
    assert_true(select_match(&select, "a/x", 3));
    assert_true(select_match(&select, "b", 1));
    assert_string_equal(select_unmatched(&select), "/b/c/");
    assert_true(select_match(&select, "b/c", 3));
    assert_null(select_unmatched(&select));
    select_done(&select);
}

static void a_name_with_brackets_is_found_by_its_name(void **state)
{
    static const char *const given[] = {"a[1].txt"};
    struct sme_error err = SME_ERROR_INIT;
    struct select select;

    (void)state;
    assert_int_equal(select_init(&select, given, 1, false, &err), SME_OK);
    assert_false(select.only_paths);
    assert_true(select_match(&select, "a[1].txt", 8));
    assert_true(select_match(&select, "a1.txt", 6));
    select_done(&select);
}

static void nothing_and_the_root_select_everything(void **state)
{
    static const char *const root[] = {"/"};
    struct sme_error err = SME_ERROR_INIT;
    struct select select;

    (void)state;
    assert_int_equal(select_init(&select, NULL, 0, false, &err), SME_OK);
    assert_true(select.everything);
    assert_true(select_match(&select, "x", 1));
    select_done(&select);
    assert_int_equal(select_init(&select, root, 1, false, &err), SME_OK);
    assert_true(select.everything);
    assert_null(select_unmatched(&select));
    select_done(&select);
}

static void paths_that_leave_are_refused(void **state)
{
    static const char *const given[] = {"a/../b"};
    struct sme_error err = SME_ERROR_INIT;
    struct select select = {.count = 77};

    (void)state;
    assert_int_equal(select_init(&select, given, 1, false, &err), SME_E_INVALID);
    assert_string_equal(err.message, "'a/../b' is not a path inside a snapshot");
    assert_int_equal(select.count, 77);
}

/* ---- extents ------------------------------------------------------------------------------ */

static struct item_view sparse(struct buf *raw, uint64_t size, const uint64_t *holes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_varint(raw, holes[2 * i]);
        buf_varint(raw, holes[2 * i + 1]);
    }
    return (struct item_view){
        .type = SME_ITEM_FILE,
        .size = size,
        .holes = wire_of(raw->data, raw->len),
        .hole_count = count,
    };
}

static void data_lies_between_the_holes(void **state)
{
    /* 10 of data, hole to 30, 5 of data, hole to 100, 20 of data */
    static const uint64_t holes[] = {10, 20, 5, 65};
    CLEANUP(buf_free) struct buf raw = BUF_INIT(256);
    struct item_view view = sparse(&raw, 120, holes, 2);
    struct extents extents;
    uint64_t at = 0, len = 0;

    (void)state;
    extents_init(&extents, &view);
    assert_true(extents_take(&extents, 4, &at, &len));
    assert_int_equal(at, 0);
    assert_int_equal(len, 4);
    assert_true(extents_take(&extents, 100, &at, &len));
    assert_int_equal(at, 4);
    assert_int_equal(len, 6);
    assert_true(extents_take(&extents, 94, &at, &len));
    assert_int_equal(at, 30);
    assert_int_equal(len, 5);
    assert_false(extents_full(&extents));
    assert_true(extents_take(&extents, 20, &at, &len));
    assert_int_equal(at, 100);
    assert_int_equal(len, 20);
    assert_true(extents_full(&extents));
    assert_false(extents_take(&extents, 1, &at, &len));
}

static void holes_at_both_ends_work(void **state)
{
    static const uint64_t holes[] = {0, 50, 10, 40};
    CLEANUP(buf_free) struct buf raw = BUF_INIT(256);
    struct item_view view = sparse(&raw, 100, holes, 2);
    struct extents extents;
    uint64_t at = 0, len = 0;

    (void)state;
    extents_init(&extents, &view);
    assert_true(extents_take(&extents, 99, &at, &len));
    assert_int_equal(at, 50);
    assert_int_equal(len, 10);
    assert_true(extents_full(&extents));
}

static void a_map_beyond_the_size_is_damage(void **state)
{
    static const uint64_t beyond[] = {10, 91};
    static const uint64_t around[] = {10, UINT64_MAX - 5};
    const uint64_t *const maps[] = {beyond, around};
    uint64_t at = 7, len = 7;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(buf_free) struct buf raw = BUF_INIT(256);
        struct item_view view = sparse(&raw, 100, maps[i], 1);
        struct extents extents;
        extents_init(&extents, &view);
        assert_false(extents_take(&extents, 5, &at, &len));
        assert_true(extents.bad);
        assert_false(extents_full(&extents));
        assert_int_equal(at, 7);
    }
}

/* ---- ranges ------------------------------------------------------------------------------- */

/* An index of two packs; every block has two chunks of 100 bytes and 1000 - tag stored bytes. */
#define BLOCKS 8
#define SEALED 1000

static struct index *make_index(struct source_keys *keys)
{
    struct index_addition add = {0};
    struct sme_error err = SME_ERROR_INIT;
    struct index *index = NULL;

    memset(keys, 7, sizeof *keys);
    (void)snprintf(keys->source, sizeof keys->source, "source");
    for (uint8_t p = 0; p < 2; p++) {
        struct pack_table table = {.type = SEAL_DATA};
        uint8_t name[32] = {(uint8_t)(p + 1)};
        assert_int_equal(pack_table_add_run(&table, name), SME_OK);
        for (uint8_t b = 0; b < BLOCKS; b++) {
            struct block_chunk chunks[2] = {{.len = 100}, {.len = 100}};
            for (uint8_t c = 0; c < 2; c++) {
                memset(chunks[c].id.bytes, p * 64 + b * 4 + c + 1, 32);
            }
            const struct block_facts facts = {.type = SEAL_DATA,
                                              .codec = CODEC_ZSTD,
                                              .level = 1,
                                              .plain_len = 200,
                                              .stored_len = SEALED - SEAL_TAG,
                                              .chunks = chunks,
                                              .chunk_count = 2};
            assert_int_equal(pack_table_add_block(&table, &facts, 0), SME_OK);
        }
        assert_int_equal(index_addition_add(&add, name, 100000, &table), SME_OK);
    }
    CLEANUP(close_fd) int fd = memfd_create("index", MFD_CLOEXEC);
    const char *object = "source/index/x";
    if (index_local_build(NULL, keys, &add, &object, 1, fd, &err) < 0 ||
        index_local_map(fd, keys, &index, &err) < 0) {
        fail_msg("%s", err.message);
    }
    index_addition_free(&add);
    return index;
}

static void want(struct restore_window *window, uint32_t block, uint32_t chunk)
{
    const struct restore_target target = {.key = (uint64_t)block << 32 | chunk, .len = 100};

    assert_true(restore_window_add(window, &target));
}

static void expect(const struct restore_window *window, uint32_t number, uint32_t pack,
                   uint32_t first_block, uint32_t blocks, uint32_t targets)
{
    const struct restore_range *range = &window->ranges[number];

    assert_true(number < window->range_count);
    assert_false(range->loose);
    assert_int_equal(range->pack, pack);
    assert_int_equal(range->offset, PACK_HEAD + first_block * SEALED);
    assert_int_equal(range->len, blocks * SEALED);
    assert_int_equal(range->count, targets);
}

static void neighbours_are_fetched_together(void **state)
{
    const struct range_limits limits = {.length = 4 * SEALED, .gap = 0};
    struct restore_window *window = restore_window_new();
    struct source_keys keys;
    struct index *index = make_index(&keys);

    (void)state;
    want(window, 9, 1); /* pack 1, block 1 */
    want(window, 3, 0);
    want(window, 2, 0);
    want(window, 2, 1);
    want(window, 2, 1); /* the same chunk for another file */
    want(window, 7, 0); /* the last of pack 0 */
    want(window, 8, 0); /* the first of pack 1 */
    want(window, 0, 0);
    assert_true(restore_window_seal(window, index, &limits));
    assert_int_equal(window->range_count, 4);
    expect(window, 0, 0, 0, 1, 1);
    expect(window, 1, 0, 2, 2, 4);
    expect(window, 2, 0, 7, 1, 1);
    expect(window, 3, 1, 0, 2, 2);
    assert_int_equal(window->ranges[1].first, 1);
    assert_int_equal(window->ranges[3].first, 6);
    restore_window_free(window);
    index_free(index);
}

static void ranges_stay_below_their_length(void **state)
{
    const struct range_limits limits = {.length = 3 * SEALED, .gap = 0};
    const struct range_limits tiny = {.length = 1, .gap = 0};
    struct source_keys keys;
    struct index *index = make_index(&keys);

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct restore_window *window = restore_window_new();
        for (uint32_t b = 0; b < BLOCKS; b++) {
            want(window, b, 0);
        }
        assert_true(restore_window_seal(window, index, i == 0 ? &limits : &tiny));
        assert_int_equal(window->range_count, i == 0 ? 3 : BLOCKS);
        expect(window, 0, 0, 0, i == 0 ? 3 : 1, i == 0 ? 3 : 1);
        restore_window_free(window);
    }
    index_free(index);
}

static void small_gaps_are_read_through(void **state)
{
    const struct range_limits limits = {.length = 8 * SEALED, .gap = 2 * SEALED};
    struct restore_window *window = restore_window_new();
    struct source_keys keys;
    struct index *index = make_index(&keys);

    (void)state;
    want(window, 0, 0);
    want(window, 2, 0); /* one between */
    want(window, 5, 0); /* two between */
    assert_true(restore_window_seal(window, index, &limits));
    assert_int_equal(window->range_count, 1);
    expect(window, 0, 0, 0, 6, 3);
    restore_window_free(window);

    window = restore_window_new();
    want(window, 0, 0);
    want(window, 4, 0); /* three between */
    assert_true(restore_window_seal(window, index, &limits));
    assert_int_equal(window->range_count, 2);
    restore_window_free(window);
    index_free(index);
}

static void files_without_content_come_in_batches(void **state)
{
    const struct range_limits limits = {.length = SEALED, .gap = 0};
    struct restore_window *window = restore_window_new();
    struct source_keys keys;
    struct index *index = make_index(&keys);
    uint32_t sum = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(restore_window_add_loose(window, NULL));
    }
    assert_true(restore_window_seal(window, index, &limits));
    for (uint32_t i = 0; i < window->range_count; i++) {
        assert_true(window->ranges[i].loose);
        assert_int_equal(window->ranges[i].first, sum);
        sum += window->ranges[i].count;
    }
    assert_int_equal(sum, 1000);
    assert_true(window->range_count > 2);
    restore_window_free(window);
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_whole_paths),
        cmocka_unit_test(sets_and_escapes_work),
        cmocka_unit_test(hard_patterns_end_soon),
        cmocka_unit_test(paths_are_made_plain_and_sorted),
        cmocka_unit_test(a_name_with_brackets_is_found_by_its_name),
        cmocka_unit_test(nothing_and_the_root_select_everything),
        cmocka_unit_test(paths_that_leave_are_refused),
        cmocka_unit_test(data_lies_between_the_holes),
        cmocka_unit_test(holes_at_both_ends_work),
        cmocka_unit_test(a_map_beyond_the_size_is_damage),
        cmocka_unit_test(neighbours_are_fetched_together),
        cmocka_unit_test(ranges_stay_below_their_length),
        cmocka_unit_test(small_gaps_are_read_through),
        cmocka_unit_test(files_without_content_come_in_batches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
