/*
 * The repository's objects: descriptor, packs, index, snapshots, sessions; each damaged in turn.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/limits.h"
#include "../../core/repo/inventory.h"
#include "../../core/repo/session.h"
#include "../harness/testrepo.h"
#include "../harness/tree.h"

#include <stdlib.h>
#include <sys/stat.h>

struct fixture {
    struct testrepo tr;
    char *dir;
    struct sme_error err;
    struct testrepo_run run;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->err = (struct sme_error){.struct_size = sizeof f->err};
    testrepo_open(&f->tr);
    f->dir = tree_new();
    tree_text(f->dir, "a/one", "one");
    tree_file(f->dir, "b", 300000, 1);
    assert_int_equal(testrepo_backup(&f->tr, f->dir, &f->run, &f->err), SME_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    testrepo_run_free(&f->run);
    tree_remove(f->dir);
    free(f->dir);
    testrepo_close(&f->tr);
    free(f);
    return 0;
}

static int reopen(struct fixture *f, const struct keyring *keys)
{
    struct repo *repo = NULL;
    int status = repo_open(f->tr.store, keys, &repo, &f->err);

    repo_free(repo);
    return status;
}

static void second_init_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(repo_init(f->tr.store, &f->tr.keys, &f->err), SME_E_EXISTS);
    assert_string_equal(f->err.message, "sink 'memory' holds a repository already");
    memsink_drop(f->tr.sink, "repository");
    assert_int_equal(repo_init(f->tr.store, &f->tr.keys, &f->err), SME_E_EXISTS);
    assert_non_null(strstr(f->err.message, "is not empty and holds no repository"));
}

static void missing_descriptor_is_told(void **state)
{
    struct fixture *f = *state;

    memsink_drop(f->tr.sink, "repository");
    assert_int_equal(reopen(f, &f->tr.keys), SME_E_NOT_FOUND);
    assert_string_equal(f->err.message, "sink 'memory' holds no repository");
    assert_non_null(strstr(f->err.hint, "sme-backup init memory"));
}

static void every_changed_bit_of_the_descriptor_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct memsink_object *object = memsink_find(f->tr.sink, "repository");

    for (size_t at = 0; at < object->len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            object->data[at] ^= (uint8_t)(1u << bit);
            int status = reopen(f, &f->tr.keys);
            if (status != SME_E_CORRUPT && status != SME_E_KEY && status != SME_E_UNSUPPORTED) {
                fail_msg("byte %zu bit %u: status %d", at, bit, status);
            }
            object->data[at] ^= (uint8_t)(1u << bit);
        }
    }
    for (size_t len = 0; len < object->len; len++) {
        size_t whole = object->len;
        object->len = len;
        assert_int_equal(reopen(f, &f->tr.keys), SME_E_CORRUPT);
        object->len = whole;
    }
    assert_int_equal(reopen(f, &f->tr.keys), SME_OK);
}

static void other_keys_do_not_open_it(void **state)
{
    struct fixture *f = *state;
    struct keyring other;

    assert_int_equal(keyring_generate(&other, &f->err), SME_OK);
    assert_int_equal(reopen(f, &other), SME_E_KEY);
    assert_non_null(strstr(f->err.message, "the key file is for repository"));
    memcpy(other.repository, f->tr.keys.repository, sizeof other.repository);
    assert_int_equal(reopen(f, &other), SME_E_KEY);
    assert_non_null(strstr(f->err.message, "does not fit the writer secret"));
    keyring_done(&other);
}

static void newer_format_is_told(void **state)
{
    struct fixture *f = *state;
    struct memsink_object *object = memsink_find(f->tr.sink, "repository");
    char *digit = strstr((char *)object->data, "format 1") + 7;

    *digit = '2';
    assert_int_equal(reopen(f, &f->tr.keys), SME_E_UNSUPPORTED);
    assert_non_null(strstr(f->err.hint, "newer sme-backup"));
}

static void every_changed_byte_of_a_snapshot_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct memsink_object *object = memsink_match(f->tr.sink, "backups/", 0);

    assert_int_equal(testrepo_count_items(&f->tr, f->run.name, &f->err), 4);
    for (size_t at = 0; at < object->len; at++) {
        object->data[at] ^= 0x10;
        assert_int_equal(testrepo_count_items(&f->tr, f->run.name, &f->err), -1);
        assert_true(f->err.status == SME_E_CORRUPT || f->err.status == SME_E_KEY);
        object->data[at] ^= 0x10;
    }
    for (size_t len = 0; len < object->len; len++) {
        size_t whole = object->len;
        object->len = len;
        assert_int_equal(testrepo_count_items(&f->tr, f->run.name, &f->err), -1);
        object->len = whole;
    }
}

static void every_changed_byte_of_an_index_object_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct memsink_object *object = memsink_match(f->tr.sink, "/index/", 0);

    for (size_t at = 0; at < object->len; at++) {
        object->data[at] ^= 0x10;
        assert_int_equal(testrepo_count_items(&f->tr, f->run.name, &f->err), -1);
        assert_int_equal(f->err.status, SME_E_CORRUPT);
        object->data[at] ^= 0x10;
    }
}

static void snapshot_under_another_name_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct memsink_object *object = memsink_match(f->tr.sink, "backups/", 0);

    free(object->key);
    object->key = strdup("backups/documents/20301123T020000Z-00000000");
    assert_int_equal(testrepo_count_items(&f->tr, "20301123T020000Z-00000000", &f->err), -1);
    assert_non_null(strstr(f->err.message, "it is another snapshot under this name"));
}

static void write_only_keys_back_up_but_do_not_read(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    struct snapshot_head head;
    struct source_keys keys;

    f->tr.keys.has_reader = false;
    f->tr.repo->keys.has_reader = false;
    secret_done(&f->tr.repo->keys.reader);
    tree_text(f->dir, "new", "new");
    assert_int_equal(testrepo_backup(&f->tr, f->dir, &run, &f->err), SME_OK);
    assert_int_equal(source_keys_derive(&f->tr.repo->keys, TESTREPO_SOURCE, &keys, &f->err),
                     SME_OK);
    assert_int_equal(snapshot_load_head(f->tr.repo, &keys, run.name, &head, &f->err), SME_OK);
    assert_int_equal(head.items, 5);
    assert_int_equal(testrepo_count_items(&f->tr, run.name, &f->err), -1);
    assert_int_equal(f->err.status, SME_E_KEY);
    source_keys_done(&keys);
    testrepo_run_free(&run);
}

static void table_of_a_pack_is_read_from_its_end(void **state)
{
    struct fixture *f = *state;
    struct memsink_object *object = memsink_match(f->tr.sink, "/data/", 0);
    struct source_keys keys;
    struct sealer *sealer = NULL;
    struct pack_table table = {0};
    size_t need = 0;

    assert_int_equal(source_keys_derive(&f->tr.keys, TESTREPO_SOURCE, &keys, &f->err), SME_OK);
    assert_int_equal(sealer_new(&keys, &sealer, &f->err), SME_OK);
    assert_int_equal(pack_open_table(object->data + object->len - PACK_FOOT, PACK_FOOT, object->len,
                                     sealer, &keys.index, "p", &table, &need, &f->err),
                     SME_OK);
    assert_true(need > PACK_FOOT && need < object->len);
    size_t tail = need;
    assert_int_equal(pack_open_table(object->data + object->len - need, need, object->len, sealer,
                                     &keys.index, "p", &table, &need, &f->err),
                     SME_OK);
    assert_int_equal(need, 0);
    assert_int_equal(table.type, SEAL_DATA);
    assert_true(table.chunk_count >= 2);
    pack_table_free(&table);
    for (size_t at = object->len - tail; at < object->len; at++) {
        object->data[at] ^= 1;
        int status = pack_open_table(object->data, object->len, object->len, sealer, &keys.index,
                                     "p", &table, &need, &f->err);
        assert_int_equal(status, SME_E_CORRUPT);
        object->data[at] ^= 1;
    }
    assert_int_equal(pack_open_table(object->data, object->len - 1, object->len - 1, sealer,
                                     &keys.index, "p", &table, &need, &f->err),
                     SME_E_CORRUPT);
    sealer_free(sealer);
    source_keys_done(&keys);
}

static void false_counts_in_a_table_are_refused(void **state)
{
    struct pack_table table = {0};
    struct sme_error err = {.struct_size = sizeof err};
    struct buf raw = BUF_INIT(1000);

    (void)state;
    buf_u8(&raw, 1);
    buf_u8(&raw, SEAL_DATA);
    buf_varint(&raw, 0);
    buf_varint(&raw, 60000); /* blocks, and none follows */
    assert_int_equal(pack_table_decode(raw.data, raw.len, "p", &table, &err), SME_E_CORRUPT);
    assert_string_equal(err.message, "pack 'p': its table claims too many blocks");
    buf_free(&raw);
}

static void lost_local_index_costs_nothing_but_time(void **state)
{
    struct fixture *f = *state;
    struct vault *vault = NULL;

    f->tr.cache_dir = tree_new();
    assert_int_equal(testrepo_count_items(&f->tr, f->run.name, &f->err), 4);
    /* Damaged: made anew. */
    assert_int_equal(vault_open(f->tr.repo, TESTREPO_SOURCE, f->tr.cache_dir, &vault, &f->err),
                     SME_OK);
    size_t packs = index_pack_count(vault->index);
    assert_int_equal(packs, 2);
    vault_free(vault);
    char *command = NULL;
    assert_true(asprintf(&command, "%s", f->tr.cache_dir) > 0);
    tree_remove(f->tr.cache_dir);
    free(command);
    assert_int_equal(testrepo_count_items(&f->tr, f->run.name, &f->err), 4);
    tree_remove(f->tr.cache_dir);
}

static void failed_listing_is_not_an_empty_one(void **state)
{
    struct fixture *f = *state;
    struct snapshot_list list = {0};
    struct snapshot_entry entry;
    struct vault *vault = NULL;

    f->tr.sink->fail_list = true;
    assert_int_equal(snapshot_list(f->tr.repo, NULL, &list, &f->err), SME_E_IO);
    assert_int_equal(snapshot_resolve(f->tr.repo, TESTREPO_SOURCE, NULL, &entry, &f->err),
                     SME_E_IO);
    assert_int_equal(vault_open(f->tr.repo, TESTREPO_SOURCE, NULL, &vault, &f->err), SME_E_IO);
}

static void snapshots_are_found_by_what_people_say(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run second;
    struct snapshot_entry e;

    assert_int_equal(testrepo_backup(&f->tr, f->dir, &second, &f->err), SME_OK);
    assert_int_equal(snapshot_resolve(f->tr.repo, TESTREPO_SOURCE, NULL, &e, &f->err), SME_OK);
    assert_string_equal(e.name, second.name);
    assert_int_equal(snapshot_resolve(f->tr.repo, TESTREPO_SOURCE, "latest-1", &e, &f->err),
                     SME_OK);
    assert_string_equal(e.name, f->run.name);
    assert_int_equal(snapshot_resolve(f->tr.repo, TESTREPO_SOURCE, f->run.name, &e, &f->err),
                     SME_OK);
    assert_string_equal(e.name, f->run.name);
    assert_int_equal(snapshot_resolve(f->tr.repo, TESTREPO_SOURCE, "latest-2", &e, &f->err),
                     SME_E_NOT_FOUND);
    assert_int_equal(snapshot_resolve(f->tr.repo, TESTREPO_SOURCE, "2023", &e, &f->err),
                     SME_E_INVALID);
    assert_int_equal(snapshot_resolve(f->tr.repo, TESTREPO_SOURCE, "1999", &e, &f->err),
                     SME_E_NOT_FOUND);
    assert_non_null(strstr(f->err.hint, second.name));
    assert_int_equal(snapshot_resolve(f->tr.repo, "photos", NULL, &e, &f->err), SME_E_NOT_FOUND);
    assert_string_equal(f->err.message, "there is no snapshot of 'photos'");
    testrepo_run_free(&second);
}

static void sources_of_a_repository_are_named(void **state)
{
    struct fixture *f = *state;
    char **names = NULL;

    assert_int_equal(repo_sources(f->tr.repo, &names, &f->err), SME_OK);
    assert_string_equal(names[0], TESTREPO_SOURCE);
    assert_null(names[1]);
    plugin_names_free(names);
}

static void pending_sets_count_as_absent(void **state)
{
    struct fixture *f = *state;
    struct source_keys keys;
    struct sealer *sealer = NULL;
    struct vault *vault = NULL;
    struct dedup *dedup = NULL;
    struct buf plain = BUF_INIT(1000);
    struct buf raw = BUF_INIT(1000);
    uint8_t(*pending)[32] = NULL;
    size_t count = 0;
    struct chunk_id id;

    assert_int_equal(source_keys_derive(&f->tr.keys, TESTREPO_SOURCE, &keys, &f->err), SME_OK);
    assert_int_equal(vault_open(f->tr.repo, TESTREPO_SOURCE, NULL, &vault, &f->err), SME_OK);
    assert_int_equal(sealer_new(&keys, &sealer, &f->err), SME_OK);
    const struct index_pack *pack = index_pack_at(vault->index, 0);
    memcpy(id.bytes, index_chunks_of(vault->index, index_block_at(vault->index, 0))->id, 32);

    buf_u8(&plain, 1);
    buf_varint(&plain, 1);
    buf_add(&plain, pack->name, 32);
    buf_add(&raw, "SMEPEND1", 8);
    assert_int_equal(
        seal_object(sealer, &keys.index, SEAL_PENDING, plain.data, plain.len, &raw, &f->err),
        SME_OK);
    assert_int_equal(store_put(f->tr.store, "documents/gc/pending-20261123T020000Z-00", raw.data,
                               raw.len, NULL, false, &f->err),
                     SME_OK);
    assert_int_equal(session_pending(f->tr.repo, &keys, NULL, &pending, &count, &f->err), SME_OK);
    assert_int_equal(count, 1);

    assert_int_equal(dedup_new(vault->index, NULL, &dedup, &f->err), SME_OK);
    assert_true(dedup_in_repository(dedup, &id));
    assert_true(dedup_reaches_any(dedup, (const uint8_t(*)[32])pending, count));
    dedup_free(dedup);
    bool *absent =
        inventory_absent(NULL, &keys, vault->index, (const uint8_t(*)[32])pending, count);
    assert_int_equal(dedup_new(vault->index, absent, &dedup, &f->err), SME_OK);
    assert_false(dedup_in_repository(dedup, &id));
    assert_int_equal(dedup_claim(dedup, &id, &f->err), 1);
    assert_int_equal(dedup_claim(dedup, &id, &f->err), 0);
    assert_false(dedup_reaches_any(dedup, (const uint8_t(*)[32])pending, count));
    dedup_free(dedup);
    free(absent);
    free(pending);
    buf_free(&plain);
    buf_free(&raw);
    sealer_free(sealer);
    vault_free(vault);
    source_keys_done(&keys);
}

static void lost_pack_is_stored_again(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    size_t len = 0;

    while (memsink_match(f->tr.sink, "/data/", 0) != NULL) {
        memsink_drop(f->tr.sink, memsink_match(f->tr.sink, "/data/", 0)->key);
    }
    assert_null(testrepo_read(&f->tr, f->run.name, "b", &len));
    assert_int_equal(testrepo_backup(&f->tr, f->dir, &run, &f->err), SME_OK);
    assert_int_equal(run.data_packs, 1);
    uint8_t *healed = testrepo_read(&f->tr, f->run.name, "b", &len);
    assert_non_null(healed);
    assert_int_equal(len, 300000);
    free(healed);
    testrepo_run_free(&run);
}

static void object_that_exists_with_other_bytes_is_noticed(void **state)
{
    struct fixture *f = *state;
    static const uint8_t data[10] = "0123456789";

    assert_int_equal(store_put(f->tr.store, "x", data, 10, NULL, true, &f->err), SME_OK);
    assert_int_equal(store_put(f->tr.store, "x", data, 10, NULL, true, &f->err), SME_OK);
    assert_int_equal(store_put(f->tr.store, "x", data, 10, NULL, false, &f->err), SME_E_EXISTS);
    memsink_find(f->tr.sink, "x")->len = 0; /* a zero-length leftover under the name */
    assert_int_equal(store_put(f->tr.store, "x", data, 10, NULL, true, &f->err), SME_E_CORRUPT);
    assert_non_null(strstr(f->err.message, "exists with other content (0 bytes)"));
}

/* The store says yes and keeps nothing: the last put of a run is its snapshot. */
static void a_snapshot_that_the_store_does_not_keep_is_no_success(void **state)
{
    struct fixture *f = *state;
    struct testrepo_run run;
    unsigned before = f->tr.sink->puts;

    assert_int_equal(testrepo_backup(&f->tr, f->dir, &run, &f->err), SME_OK);
    unsigned puts = f->tr.sink->puts - before;
    testrepo_run_free(&run);
    size_t snapshots = memsink_count(f->tr.sink, "backups/");
    f->tr.sink->fail_put = f->tr.sink->puts + puts;
    f->tr.sink->fail_status = SME_OK;
    assert_int_equal(testrepo_backup(&f->tr, f->dir, &run, &f->err), SME_E_IO);
    assert_non_null(strstr(f->err.message, "backups/"));
    assert_non_null(strstr(f->err.message, "does not have it"));
    assert_int_equal(memsink_count(f->tr.sink, "backups/"), snapshots);
    testrepo_run_free(&run);
}

static void transient_failures_are_repeated(void **state)
{
    struct fixture *f = *state;

    f->tr.sink->fail_put = f->tr.sink->puts + 1;
    f->tr.sink->fail_status = SME_E_TRANSIENT;
    assert_int_equal(store_put(f->tr.store, "x", "data", 4, NULL, true, &f->err), SME_OK);
    assert_int_equal(store_meter(f->tr.store).retries, 1);
}

static void objects_have_a_limit(void **state)
{
    struct fixture *f = *state;
    struct buf small = BUF_INIT(100000);
    struct buf tiny = BUF_INIT(9);
    struct buf exact = BUF_INIT(10);
    uint8_t *data = calloc(1, 200000);

    assert_int_equal(store_put(f->tr.store, "x", "0123456789", 10, NULL, true, &f->err), SME_OK);
    assert_int_equal(store_put(f->tr.store, "y", data, 200000, NULL, true, &f->err), SME_OK);
    assert_int_equal(store_get(f->tr.store, "x", &exact, &f->err), SME_OK);
    assert_int_equal(exact.len, 10);
    assert_int_equal(store_get(f->tr.store, "x", &tiny, &f->err), SME_E_CORRUPT);
    assert_int_equal(store_get(f->tr.store, "y", &small, &f->err), SME_E_CORRUPT);
    assert_non_null(strstr(f->err.message, "is larger than"));
    free(data);
    buf_free(&small);
    buf_free(&tiny);
    buf_free(&exact);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(second_init_is_refused),
        TEST(missing_descriptor_is_told),
        TEST(every_changed_bit_of_the_descriptor_is_noticed),
        TEST(other_keys_do_not_open_it),
        TEST(newer_format_is_told),
        TEST(every_changed_byte_of_a_snapshot_is_noticed),
        TEST(every_changed_byte_of_an_index_object_is_noticed),
        TEST(snapshot_under_another_name_is_noticed),
        TEST(write_only_keys_back_up_but_do_not_read),
        TEST(table_of_a_pack_is_read_from_its_end),
        cmocka_unit_test(false_counts_in_a_table_are_refused),
        TEST(lost_local_index_costs_nothing_but_time),
        TEST(failed_listing_is_not_an_empty_one),
        TEST(snapshots_are_found_by_what_people_say),
        TEST(sources_of_a_repository_are_named),
        TEST(pending_sets_count_as_absent),
        TEST(lost_pack_is_stored_again),
        TEST(object_that_exists_with_other_bytes_is_noticed),
        TEST(a_snapshot_that_the_store_does_not_keep_is_no_success),
        TEST(transient_failures_are_repeated),
        TEST(objects_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
