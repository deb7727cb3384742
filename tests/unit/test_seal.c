/*
 * Tests of core/crypto/seal.c: round trips, pinned values, and that nothing else opens.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The pinned values come from tests/data/seal/golden.py, a second implementation.
 */
#include "../../core/crypto/seal.h"
#include "../../core/base/buf.h"
#include "../../core/base/hex.h"
#include "../../core/base/limits.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define FIRST_OBJECT SEAL_PACK_TABLE
#define LAST_OBJECT SEAL_TOMBSTONE

static const char first_chunk[] = "first chunk";
static const char second_chunk[] = "the second chunk";
static const char both_chunks[] = "first chunkthe second chunk";
#define FIRST_LEN (sizeof first_chunk - 1)
#define SECOND_LEN (sizeof second_chunk - 1)
#define BOTH_LEN (sizeof both_chunks - 1)

struct fixture {
    struct source_keys keys;
    struct sealer *sealer;
    struct run_key run;
    struct block_chunk chunks[2];
    struct block_facts facts; /* both chunks, raw */
    uint8_t sealed[BOTH_LEN + SEAL_TAG];
};

static void make_keys(struct source_keys *keys, const char *source, uint8_t repository)
{
    struct keyring ring;
    memset(&ring, 0, sizeof ring);
    for (size_t i = 0; i < 32; i++) {
        if (i < 16)
            ring.repository[i] = (uint8_t)(repository + i);
        ring.writer.bytes[i] = (uint8_t)(0x20 + i);
    }
    assert_int_equal(source_keys_derive(&ring, source, keys, NULL), SME_OK);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    make_keys(&f->keys, "documents", 0);
    assert_int_equal(sealer_new(&f->keys, &f->sealer, NULL), SME_OK);
    for (size_t i = 0; i < 32; i++)
        f->run.key.bytes[i] = (uint8_t)(0xa0 + i);
    assert_int_equal(sealer_chunk_id(f->sealer, first_chunk, FIRST_LEN, &f->chunks[0].id), SME_OK);
    assert_int_equal(sealer_chunk_id(f->sealer, second_chunk, SECOND_LEN, &f->chunks[1].id),
                     SME_OK);
    f->chunks[0].len = FIRST_LEN;
    f->chunks[1].len = SECOND_LEN;
    f->facts = (struct block_facts){SEAL_DATA, 0, 0, BOTH_LEN, BOTH_LEN, f->chunks, 2};
    assert_int_equal(seal_block(f->sealer, &f->run, &f->facts, both_chunks, f->sealed, NULL),
                     SME_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sealer_free(f->sealer);
    sealer_free(NULL);
    free(f);
    return 0;
}

static void assert_hex(const void *got, size_t len, const char *wanted)
{
    char text[512];
    assert_true(2 * len < sizeof text);
    hex_encode(got, len, text);
    assert_string_equal(text, wanted);
}

/* Blocks. */

static void blocks_are_pinned(void **state)
{
    struct fixture *f = *state;
    uint8_t out[64];
    assert_hex(f->chunks[0].id.bytes, 32,
               "43dd8c50f8367600fb6047422172af80ecd2ecb99ccff5792c61e459ca487178");
    assert_hex(f->chunks[1].id.bytes, 32,
               "af61dc3e39ed1e23b9cf9d8c7ecd6f3a8af5a395bb6b68bb483fb05606c0c269");
    assert_hex(f->sealed, sizeof f->sealed,
               "56dcfea79de75d73265843090b9baacc8422c038d43ef4fdbb810d240a86e46e71a05481c50e16f716"
               "a101");
    f->facts = (struct block_facts){SEAL_META, 1, 3, BOTH_LEN, 15, f->chunks, 2};
    assert_int_equal(seal_block(f->sealer, &f->run, &f->facts, "not really zstd", out, NULL),
                     SME_OK);
    assert_hex(out, 15 + SEAL_TAG,
               "a88c919650f509ff0952bc7ac82cf4417df4a6d08b77291878fe7a150f61fe");
}

static void blocks_open_again(void **state)
{
    struct fixture *f = *state;
    char out[BOTH_LEN];
    assert_int_equal(open_block(f->sealer, &f->run, &f->facts, f->sealed, out, NULL), SME_OK);
    assert_memory_equal(out, both_chunks, BOTH_LEN);
    /* Through another thread's sealer too, and after a different run was in use. */
    struct sealer *other = NULL;
    struct run_key run = f->run;
    uint8_t sealed[BOTH_LEN + SEAL_TAG];
    run.key.bytes[0] ^= 1;
    assert_int_equal(sealer_new(&f->keys, &other, NULL), SME_OK);
    assert_int_equal(seal_block(other, &run, &f->facts, both_chunks, sealed, NULL), SME_OK);
    assert_memory_not_equal(sealed, f->sealed, sizeof sealed);
    assert_int_equal(open_block(other, &f->run, &f->facts, f->sealed, out, NULL), SME_OK);
    assert_int_equal(open_block(other, &run, &f->facts, sealed, out, NULL), SME_OK);
    assert_memory_equal(out, both_chunks, BOTH_LEN);
    sealer_free(other);
}

static void assert_block_refused(struct fixture *f, struct sealer *sealer,
                                 const struct run_key *run, const uint8_t *sealed)
{
    static const char zero[BOTH_LEN];
    char out[BOTH_LEN];
    struct sme_error err = SME_ERROR_INIT;
    memset(out, 'x', sizeof out);
    assert_int_equal(open_block(sealer, run, &f->facts, sealed, out, &err), SME_E_CORRUPT);
    assert_string_equal(err.message, "sealed block of 27 bytes is not genuine");
    assert_memory_equal(out, zero, sizeof out); /* nothing unauthenticated leaves */
}

static void every_flipped_bit_is_noticed(void **state)
{
    struct fixture *f = *state;
    for (size_t bit = 0; bit < 8 * sizeof f->sealed; bit++) {
        f->sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_block_refused(f, f->sealer, &f->run, f->sealed);
        f->sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void every_fact_counts(void **state)
{
    struct fixture *f = *state;
    const struct block_facts facts = f->facts;
    struct block_chunk chunks[3] = {f->chunks[0], f->chunks[1], f->chunks[1]};

    f->facts.type = SEAL_META;
    assert_block_refused(f, f->sealer, &f->run, f->sealed);
    f->facts = facts;
    f->facts.codec = 1;
    assert_block_refused(f, f->sealer, &f->run, f->sealed);
    f->facts.level = 1;
    assert_block_refused(f, f->sealer, &f->run, f->sealed);

    f->facts = facts;
    f->facts.chunks = chunks;
    chunks[1].id.bytes[31] ^= 1;
    assert_block_refused(f, f->sealer, &f->run, f->sealed);
    chunks[1].id.bytes[31] ^= 1;
    chunks[0].len += 1; /* the border between the chunks */
    chunks[1].len -= 1;
    assert_block_refused(f, f->sealer, &f->run, f->sealed);
    chunks[0] = f->chunks[1]; /* their order */
    chunks[1] = f->chunks[0];
    assert_block_refused(f, f->sealer, &f->run, f->sealed);
    chunks[0] = f->chunks[0];
    chunks[1] = f->chunks[1];
    chunks[2].len = 0; /* one more */
    f->facts.chunk_count = 3;
    assert_block_refused(f, f->sealer, &f->run, f->sealed);
    f->facts.chunk_count = 1; /* one for both */
    chunks[0].len = BOTH_LEN;
    assert_block_refused(f, f->sealer, &f->run, f->sealed);
    f->facts = facts;
    f->facts.codec = 1;
    f->facts.plain_len = BOTH_LEN + 1;
    f->facts.chunks = chunks;
    chunks[0].len = FIRST_LEN + 1;
    assert_block_refused(f, f->sealer, &f->run, f->sealed);
}

static void blocks_belong_to_source_repository_and_run(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *source;
        uint8_t repository;
    } others[] = {{"document", 0}, {"photos", 0}, {"documents", 1}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct source_keys keys;
        struct sealer *sealer = NULL;
        make_keys(&keys, others[i].source, others[i].repository);
        assert_int_equal(sealer_new(&keys, &sealer, NULL), SME_OK);
        assert_block_refused(f, sealer, &f->run, f->sealed);
        sealer_free(sealer);
    }
    struct run_key run = f->run;
    run.key.bytes[31] ^= 0x80;
    assert_block_refused(f, f->sealer, &run, f->sealed);
}

static void impossible_facts_are_refused(void **state)
{
    struct fixture *f = *state;
    const struct block_chunk *chunks = f->chunks;
    const struct {
        struct block_facts facts;
        const char *finding;
    } cases[] = {
        {{SEAL_INDEX, 0, 0, BOTH_LEN, BOTH_LEN, chunks, 2}, "type is neither data nor meta"},
        {{SEAL_DATA, 2, 0, BOTH_LEN, BOTH_LEN, chunks, 2}, "codec is unknown"},
        {{SEAL_DATA, 0, 0, BOTH_LEN, BOTH_LEN - 1, chunks, 2},
         "a raw block has one length and no level"},
        {{SEAL_DATA, 0, 1, BOTH_LEN, BOTH_LEN, chunks, 2},
         "a raw block has one length and no level"},
        {{SEAL_DATA, 1, 1, BOTH_LEN, LIMIT_BLOCK_PLAIN + 1, chunks, 2}, "block is too long"},
        {{SEAL_DATA, 1, 1, LIMIT_BLOCK_PLAIN + 1, BOTH_LEN, chunks, 2}, "block is too long"},
        {{SEAL_DATA, 0, 0, BOTH_LEN, BOTH_LEN, chunks, 0}, "number of chunks is out of range"},
        {{SEAL_DATA, 0, 0, BOTH_LEN, BOTH_LEN, chunks, LIMIT_BLOCK_CHUNKS + 1},
         "number of chunks is out of range"},
        {{SEAL_DATA, 0, 0, BOTH_LEN, BOTH_LEN, chunks, 1}, "chunks do not add up to the block"},
        {{SEAL_DATA, 1, 1, BOTH_LEN + 1, BOTH_LEN, chunks, 2}, "chunks do not add up to the block"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sme_error err = SME_ERROR_INIT;
        char message[200];
        uint8_t out[64];
        assert_int_equal(seal_block(f->sealer, &f->run, &cases[i].facts, both_chunks, out, &err),
                         SME_E_INVALID);
        (void)snprintf(message, sizeof message, "cannot seal a block: %s", cases[i].finding);
        assert_string_equal(err.message, message);
        assert_int_equal(open_block(f->sealer, &f->run, &cases[i].facts, f->sealed, out, &err),
                         SME_E_CORRUPT);
        (void)snprintf(message, sizeof message, "sealed block does not fit its description: %s",
                       cases[i].finding);
        assert_string_equal(err.message, message);
    }
}

/* More chunks than go into the MAC in one step, around its borders. */
static void blocks_of_many_chunks(void **state)
{
    struct fixture *f = *state;
    static const uint32_t counts[] = {1, 63, 64, 65, 128, 1000, LIMIT_BLOCK_CHUNKS};
    struct block_chunk *chunks = calloc(LIMIT_BLOCK_CHUNKS, sizeof *chunks);
    uint8_t *plain = calloc(1, LIMIT_BLOCK_CHUNKS);
    uint8_t *sealed = malloc(LIMIT_BLOCK_CHUNKS + SEAL_TAG);
    uint8_t *opened = malloc(LIMIT_BLOCK_CHUNKS);
    assert_true(chunks != NULL && plain != NULL && sealed != NULL && opened != NULL);
    for (uint32_t i = 0; i < LIMIT_BLOCK_CHUNKS; i++) {
        chunks[i].len = 1;
        memcpy(chunks[i].id.bytes, &i, sizeof i);
    }
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        uint32_t count = counts[k];
        const struct block_facts facts = {SEAL_DATA, 0, 0, count, count, chunks, count};
        assert_int_equal(seal_block(f->sealer, &f->run, &facts, plain, sealed, NULL), SME_OK);
        assert_int_equal(open_block(f->sealer, &f->run, &facts, sealed, opened, NULL), SME_OK);
        assert_memory_equal(opened, plain, count);
        chunks[count - 1].id.bytes[9] ^= 1;
        assert_int_equal(open_block(f->sealer, &f->run, &facts, sealed, opened, NULL),
                         SME_E_CORRUPT);
        chunks[count - 1].id.bytes[9] ^= 1;
    }
    free(chunks);
    free(plain);
    free(sealed);
    free(opened);
}

static void chunk_ids_depend_on_text_and_key(void **state)
{
    struct fixture *f = *state;
    struct chunk_id id, other;
    struct source_keys keys;
    struct sealer *sealer = NULL;
    assert_int_equal(sealer_chunk_id(f->sealer, first_chunk, FIRST_LEN, &id), SME_OK);
    assert_memory_equal(id.bytes, f->chunks[0].id.bytes, 32);
    assert_int_equal(sealer_chunk_id(f->sealer, first_chunk, FIRST_LEN - 1, &other), SME_OK);
    assert_memory_not_equal(id.bytes, other.bytes, 32);
    make_keys(&keys, "photos", 0);
    assert_int_equal(sealer_new(&keys, &sealer, NULL), SME_OK);
    assert_int_equal(sealer_chunk_id(sealer, first_chunk, FIRST_LEN, &other), SME_OK);
    assert_memory_not_equal(id.bytes, other.bytes, 32);
    sealer_free(sealer);
}

/* Objects. */

static void objects_are_pinned(void **state)
{
    struct fixture *f = *state;
    struct buf out = BUF_INIT(1000);
    assert_int_equal(
        seal_object(f->sealer, &f->keys.index, SEAL_INDEX, "an index object", 15, &out, NULL),
        SME_OK);
    assert_hex(out.data, out.len,
               "bce8a1f441e1da0d854076caf182617a189f7707a68510c0e895d62e5420b82b868e4f96e0a1116347"
               "fd7a77e982bbfe965a65713326e04b6d5b905fba3c26");
    buf_free(&out);
}

static void objects_open_again(void **state)
{
    struct fixture *f = *state;
    uint8_t plain[1000];
    struct buf sealed = BUF_INIT(10000), opened = BUF_INIT(10000);
    memset(plain, 0x5a, sizeof plain);
    for (size_t len = 0; len <= sizeof plain; len += 37) {
        const struct secret *key = len % 2 == 0 ? &f->keys.index : &f->run.key;
        buf_clear(&sealed);
        buf_clear(&opened);
        buf_add_str(&sealed, "before"); /* what is there stays */
        buf_add_str(&opened, "before");
        assert_int_equal(seal_object(f->sealer, key, SEAL_PACK_TABLE, plain, len, &sealed, NULL),
                         SME_OK);
        assert_int_equal(sealed.len, 6 + len + SEAL_OBJECT_OVERHEAD);
        assert_memory_equal(sealed.data, "before", 6);
        assert_int_equal(open_object(f->sealer, key, SEAL_PACK_TABLE, sealed.data + 6,
                                     sealed.len - 6, &opened, NULL),
                         SME_OK);
        assert_int_equal(opened.len, 6 + len);
        assert_memory_equal(opened.data, "before", 6);
        assert_memory_equal(opened.data + 6, plain, len);
    }
    /* An empty object into an empty buffer. */
    struct buf empty = BUF_INIT(100);
    buf_clear(&sealed);
    assert_int_equal(seal_object(f->sealer, &f->keys.index, SEAL_SESSION, NULL, 0, &sealed, NULL),
                     SME_OK);
    assert_int_equal(
        open_object(f->sealer, &f->keys.index, SEAL_SESSION, sealed.data, sealed.len, &empty, NULL),
        SME_OK);
    assert_int_equal(empty.len, 0);
    buf_free(&empty);
    buf_free(&sealed);
    buf_free(&opened);
}

static void assert_object_refused(struct sealer *sealer, const struct secret *key,
                                  enum seal_type type, const void *sealed, size_t len,
                                  const char *message)
{
    struct sme_error err = SME_ERROR_INIT;
    struct buf out = BUF_INIT(1000);
    buf_add_str(&out, "before");
    assert_int_equal(open_object(sealer, key, type, sealed, len, &out, &err), SME_E_CORRUPT);
    if (message != NULL)
        assert_string_equal(err.message, message);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "before", 6);
    buf_free(&out);
}

static void every_flipped_bit_of_an_object_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct buf sealed = BUF_INIT(1000);
    assert_int_equal(
        seal_object(f->sealer, &f->run.key, SEAL_SNAPSHOT_ROOT, "root", 4, &sealed, NULL), SME_OK);
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_object_refused(f->sealer, &f->run.key, SEAL_SNAPSHOT_ROOT, sealed.data, sealed.len,
                              "snapshot root of 52 bytes is not genuine");
        sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_free(&sealed);
}

static void wrong_lengths_are_refused(void **state)
{
    struct fixture *f = *state;
    struct buf sealed = BUF_INIT(1000);
    assert_int_equal(
        seal_object(f->sealer, &f->keys.index, SEAL_PENDING, "pending", 7, &sealed, NULL), SME_OK);
    for (size_t len = 0; len < sealed.len; len++)
        assert_object_refused(f->sealer, &f->keys.index, SEAL_PENDING, sealed.data, len, NULL);
    assert_object_refused(f->sealer, &f->keys.index, SEAL_PENDING, sealed.data, 47,
                          "pending-delete set of 47 bytes is too short");
    assert_object_refused(f->sealer, &f->keys.index, SEAL_PENDING, sealed.data, 54,
                          "pending-delete set of 54 bytes is not genuine");
    buf_add(&sealed, "\0", 1);
    assert_object_refused(f->sealer, &f->keys.index, SEAL_PENDING, sealed.data, sealed.len, NULL);
    /* A length that no object has is refused before anything is read or allocated. */
    assert_object_refused(f->sealer, &f->keys.index, SEAL_PENDING, sealed.data,
                          (size_t)LIMIT_INDEX_OBJECT + SEAL_OBJECT_OVERHEAD + 1,
                          "pending-delete set of 268435505 bytes is too long");
    struct sme_error err = SME_ERROR_INIT;
    size_t before = sealed.len;
    assert_int_equal(seal_object(f->sealer, &f->keys.index, SEAL_PENDING, sealed.data,
                                 (size_t)LIMIT_INDEX_OBJECT + 1, &sealed, &err),
                     SME_E_INVALID);
    assert_string_equal(err.message,
                        "cannot seal pending-delete set of 268435457 bytes: it is too long");
    assert_int_equal(sealed.len, before);
    buf_free(&sealed);
}

static void no_type_passes_as_another(void **state)
{
    struct fixture *f = *state;
    for (int made = FIRST_OBJECT; made <= LAST_OBJECT; made++) {
        struct buf sealed = BUF_INIT(1000);
        assert_int_equal(seal_object(f->sealer, &f->keys.index, (enum seal_type)made, "same text",
                                     9, &sealed, NULL),
                         SME_OK);
        for (int given = FIRST_OBJECT; given <= LAST_OBJECT; given++) {
            if (given != made)
                assert_object_refused(f->sealer, &f->keys.index, (enum seal_type)given, sealed.data,
                                      sealed.len, NULL);
        }
        /* Nor as a block. */
        struct block_chunk chunk = {f->chunks[0].id, (uint32_t)sealed.len - SEAL_TAG};
        const struct block_facts facts = {SEAL_DATA, 0, 0, chunk.len, chunk.len, &chunk, 1};
        struct run_key run = {.key = f->keys.index};
        uint8_t out[100];
        assert_int_equal(open_block(f->sealer, &run, &facts, sealed.data, out, NULL),
                         SME_E_CORRUPT);
        buf_free(&sealed);
    }
    /* Nor a block as an object. */
    struct buf padded = BUF_INIT(1000);
    static const uint8_t salt[SEAL_SALT];
    buf_add(&padded, salt, sizeof salt);
    buf_add(&padded, f->sealed, sizeof f->sealed);
    for (int given = FIRST_OBJECT; given <= LAST_OBJECT; given++) {
        assert_object_refused(f->sealer, &f->run.key, (enum seal_type)given, padded.data,
                              padded.len, NULL);
        assert_object_refused(f->sealer, &f->run.key, (enum seal_type)given, f->sealed,
                              sizeof f->sealed, NULL);
    }
    buf_free(&padded);
}

static void block_types_are_no_object_types(void **state)
{
    struct fixture *f = *state;
    static const int types[] = {SEAL_DATA, SEAL_META, 0, LAST_OBJECT + 1};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct sme_error err = SME_ERROR_INIT;
        struct buf out = BUF_INIT(1000);
        char message[100];
        enum seal_type type = (enum seal_type)types[i];
        assert_int_equal(seal_object(f->sealer, &f->keys.index, type, "x", 1, &out, &err),
                         SME_E_INVALID);
        (void)snprintf(message, sizeof message, "cannot seal an object of type %d", types[i]);
        assert_string_equal(err.message, message);
        assert_int_equal(
            open_object(f->sealer, &f->keys.index, type, f->sealed, sizeof f->sealed, &out, &err),
            SME_E_INVALID);
        assert_int_equal(out.len, 0);
        buf_free(&out);
    }
}

static void objects_belong_to_source_repository_and_key(void **state)
{
    struct fixture *f = *state;
    struct buf sealed = BUF_INIT(1000);
    assert_int_equal(seal_object(f->sealer, &f->keys.index, SEAL_INDEX, "index", 5, &sealed, NULL),
                     SME_OK);
    assert_object_refused(f->sealer, &f->run.key, SEAL_INDEX, sealed.data, sealed.len,
                          "index object of 53 bytes is not genuine");
    const struct {
        const char *source;
        uint8_t repository;
    } others[] = {{"photos", 0}, {"documents", 1}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct source_keys keys;
        struct sealer *sealer = NULL;
        make_keys(&keys, others[i].source, others[i].repository);
        assert_int_equal(sealer_new(&keys, &sealer, NULL), SME_OK);
        /* With their own key, and with the right one. */
        assert_object_refused(sealer, &keys.index, SEAL_INDEX, sealed.data, sealed.len, NULL);
        assert_object_refused(sealer, &f->keys.index, SEAL_INDEX, sealed.data, sealed.len, NULL);
        sealer_free(sealer);
    }
    buf_free(&sealed);
}

static void a_full_buffer_is_reported(void **state)
{
    struct fixture *f = *state;
    struct sme_error err = SME_ERROR_INIT;
    struct buf small = BUF_INIT(50), sealed = BUF_INIT(1000), tiny = BUF_INIT(4);
    assert_int_equal(seal_object(f->sealer, &f->keys.index, SEAL_INDEX, "index", 5, &small, &err),
                     SME_E_NO_MEMORY);
    assert_string_equal(err.message, "out of memory for index object of 5 bytes");
    assert_int_equal(seal_object(f->sealer, &f->keys.index, SEAL_INDEX, "index", 5, &sealed, &err),
                     SME_OK);
    assert_int_equal(
        open_object(f->sealer, &f->keys.index, SEAL_INDEX, sealed.data, sealed.len, &tiny, &err),
        SME_E_NO_MEMORY);
    buf_free(&small);
    buf_free(&tiny);
    buf_free(&sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_are_pinned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blocks_open_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_fact_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blocks_belong_to_source_repository_and_run, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(impossible_facts_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blocks_of_many_chunks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chunk_ids_depend_on_text_and_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(objects_are_pinned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(objects_open_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_flipped_bit_of_an_object_is_noticed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(wrong_lengths_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_type_passes_as_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(block_types_are_no_object_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(objects_belong_to_source_repository_and_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_buffer_is_reported, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
