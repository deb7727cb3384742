/*
 * Blocks are opened again before they are passed on: what changed in memory is noticed.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/pipeline/blocks.h"
#include "../harness/tree.h"

#include <stdlib.h>

#define LEN 100000u
#define CHUNKS 4u

struct fixture {
    struct source_keys keys;
    struct run_key run;
    struct block_sealer *sealer;
    struct checksum *check;
    uint8_t data[LEN * CHUNKS];
    struct block_chunk chunks[CHUNKS];
    struct sme_error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct keyring ring = {.repository = {1}, .writer.bytes = {2}};
    const struct block_sealer_params params = {
        .keys = &f->keys, .run = &f->run, .type = SEAL_DATA, .level = 1};

    f->err = (struct sme_error)SME_ERROR_INIT;
    assert_int_equal(source_keys_derive(&ring, "documents", &f->keys, &f->err), SME_OK);
    assert_int_equal(block_sealer_new(&params, &f->sealer, &f->err), SME_OK);
    assert_int_equal(checksum_new(&f->check, &f->err), SME_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    checksum_free(f->check);
    block_sealer_free(f->sealer);
    free(f);
    return 0;
}

/* Content that compresses if ${text}; its ids and its checksum. */
static void fill(struct fixture *f, bool text)
{
    if (text) {
        memset(f->data, 'x', sizeof f->data);
    } else {
        tree_bytes(f->data, sizeof f->data, 7);
    }
    for (uint32_t i = 0; i < CHUNKS; i++) {
        const uint8_t *at = f->data + (size_t)i * LEN;
        f->chunks[i].len = LEN;
        assert_int_equal(sealer_chunk_id(block_sealer_ids(f->sealer), at, LEN, &f->chunks[i].id),
                         SME_OK);
        assert_int_equal(checksum_add(f->check, at, LEN), SME_OK);
    }
}

static int put(struct fixture *f, bool raw)
{
    return block_put(f->sealer, f->check, f->data, f->chunks, CHUNKS, raw, &f->err);
}

static void sound_blocks_pass(void **state)
{
    struct fixture *f = *state;

    for (int round = 0; round < 2; round++) {
        fill(f, true);
        assert_int_equal(put(f, false), SME_OK);
        fill(f, false);
        assert_int_equal(put(f, true), SME_OK);
    }
}

static void a_bit_that_flips_after_its_id_was_computed_is_noticed(void **state)
{
    struct fixture *f = *state;

    for (int raw = 0; raw < 2; raw++) {
        for (size_t at = 0; at < sizeof f->data; at += LEN - 1) {
            fill(f, raw == 0);
            f->data[at] ^= 4;
            assert_int_equal(put(f, raw == 1), SME_E_CORRUPT);
            assert_non_null(strstr(f->err.message, "did not survive"));
            assert_non_null(strstr(f->err.hint, "memory"));
        }
    }
}

static void so_it_is_in_a_block_that_waits_to_be_full(void **state)
{
    struct fixture *f = *state;
    struct open_block block;

    fill(f, true);
    open_block_init(&block, f->sealer, false);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        assert_int_equal(
            open_block_copy(&block, &f->chunks[i].id, f->data + (size_t)i * LEN, LEN, &f->err),
            SME_OK);
    }
    block.data[LEN * 2] ^= 1;
    assert_int_equal(open_block_flush(&block, &f->err), SME_E_CORRUPT);
    open_block_free(&block);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sound_blocks_pass),
        TEST(a_bit_that_flips_after_its_id_was_computed_is_noticed),
        TEST(so_it_is_in_a_block_that_waits_to_be_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
