/*
 * Tests of core/pipeline/chunker*.c: all variants give the cuts of a slow reference, and the
 * cuts have the properties that deduplication lives on.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/pipeline/chunker_scan.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <openssl/evp.h>

#define MEBIBYTE ((size_t)1 << 20)
#define CUTS_MAX 300000

static const enum chunker_variant variants[] = {CHUNKER_PORTABLE, CHUNKER_AVX2, CHUNKER_AVX512};
#define VARIANTS (sizeof variants / sizeof variants[0])

/* Deterministic data. */

static uint64_t next_random(uint64_t *seed)
{
    uint64_t v = *seed += UINT64_C(0x9e3779b97f4a7c15);
    v = (v ^ (v >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94d049bb133111eb);
    return v ^ (v >> 31);
}

static void fill_random(uint8_t *out, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)next_random(&seed);
}

/* Lower-case words with the usual letters more often, some of them names, some numbers. */
static void fill_text(uint8_t *out, size_t len, uint64_t seed)
{
    static const char letters[] = "eeeeeettttaaaooiinnnsshrrdlluccmwfgypbvk";
    size_t at = 0;
    while (at < len) {
        uint64_t r = next_random(&seed);
        size_t letters_left = 1 + r % 4 + (r >> 8) % 6;
        bool name = (r >> 16) % 16 == 0, number = (r >> 20) % 16 == 0;
        for (; letters_left > 0 && at < len; letters_left--) {
            char c = letters[next_random(&seed) % (sizeof letters - 1)];
            if (number)
                c = (char)('0' + c % 10);
            else if (name)
                c = (char)(c - 'a' + 'A');
            name = false;
            out[at++] = (uint8_t)c;
        }
        if (at < len)
            out[at++] = (uint8_t)((r >> 32) % 12 == 0 ? '\n' : ' ');
    }
}

static void fill_periodic(uint8_t *out, size_t len, uint64_t seed)
{
    size_t period = seed % 70 + 1;
    fill_random(out, period < len ? period : len, seed);
    for (size_t i = period; i < len; i++)
        out[i] = out[i - period];
}

/* Zeroes with a few bytes in them. */
static void fill_sparse(uint8_t *out, size_t len, uint64_t seed)
{
    memset(out, 0, len);
    for (size_t i = 0; i < len / 500; i++)
        out[next_random(&seed) % len] = (uint8_t)next_random(&seed);
}

typedef void fill_fn(uint8_t *out, size_t len, uint64_t seed);
static fill_fn *const fills[] = {fill_random, fill_text, fill_periodic, fill_sparse};
#define FILLS (sizeof fills / sizeof fills[0])

static uint8_t *allocate(size_t len)
{
    uint8_t *data = malloc(len > 0 ? len : 1);
    assert_non_null(data);
    return data;
}

static void make_chunker(struct chunker *c, uint32_t min, uint32_t normal, uint32_t max)
{
    struct secret key;
    for (size_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = (uint8_t)i;
    chunker_init(c, &key, min, normal, max);
}

/* The definition, word for word and slowly. */

static uint16_t reference_gear(uint8_t byte)
{
    uint16_t v = (uint16_t)(byte + 0xf2bfu);
    v = (uint16_t)(v * 0xef71u);
    v = (uint16_t)(v ^ (v >> 9));
    return (uint16_t)(v * 0xcdc3u);
}

static bool reference_is_cut(const struct chunker *c, const uint8_t *data, size_t p)
{
    uint32_t h = 0;
    for (size_t k = 0; k < 16; k++)
        h += (uint32_t)reference_gear(data[p - k]) << k;
    if ((h & 0xffff) >= 16)
        return false;
    uint64_t threshold = p + 1 < c->normal_size ? c->threshold_below : c->threshold_above;
    return threshold == UINT64_MAX || chunker_confirm_hash(c->key, data, p) < threshold;
}

static size_t reference_cut(const struct chunker *c, const uint8_t *data, size_t len)
{
    for (size_t length = 1; length <= len; length++) {
        if (length == c->max_size)
            return length;
        if (length >= c->min_size && reference_is_cut(c, data, length - 1))
            return length;
    }
    return len;
}

/* Cut all of ${data}; returns the number of chunks. */
static size_t cut_all(const struct chunker *c, const uint8_t *data, size_t len, uint32_t *lengths)
{
    size_t count = 0, at = 0;
    while (at < len) {
        size_t scanned = 0;
        size_t length = chunker_cut(c, data + at, len - at, true, &scanned);
        assert_in_range(length, 1, len - at);
        assert_int_equal(scanned, 0);
        assert_true(count < CUTS_MAX);
        lengths[count++] = (uint32_t)length;
        at += length;
    }
    return count;
}

static uint32_t *new_lengths(void)
{
    uint32_t *lengths = calloc(CUTS_MAX, sizeof *lengths);
    assert_non_null(lengths);
    return lengths;
}

static void all_variants_give_the_cuts_of_the_reference(void **state)
{
    (void)state;
    static const uint32_t sizes[][3] = {{64, 4096, 16384}, {64, 512, 2048}, {100, 16384, 40000}};
    const size_t len = 300000;
    uint8_t *data = allocate(len);
    uint32_t *lengths = new_lengths();
    for (size_t f = 0; f < FILLS; f++) {
        for (size_t s = 0; s < 3; s++) {
            struct chunker c;
            make_chunker(&c, sizes[s][0], sizes[s][1], sizes[s][2]);
            fills[f](data, len, 11 * f + s);
            for (size_t v = 0; v < VARIANTS; v++) {
                if (!chunker_variant_available(variants[v]))
                    continue;
                c.variant = variants[v];
                size_t count = cut_all(&c, data, len, lengths);
                size_t at = 0;
                for (size_t i = 0; i < count; i++) {
                    assert_int_equal(lengths[i], reference_cut(&c, data + at, len - at));
                    at += lengths[i];
                }
                assert_int_equal(at, len);
            }
        }
    }
    free(lengths);
    free(data);
}

static void every_alignment_and_length(void **state)
{
    (void)state;
    struct chunker c;
    make_chunker(&c, 64, 128, 1000);
    c.threshold_below = UINT64_MAX;
    c.threshold_above = UINT64_MAX;
    /* Data rich in candidates, so that they fall on each place of a step. */
    uint8_t source[1200];
    fill_text(source, sizeof source, 3);
    uint8_t rich[16];
    uint64_t seed = 77;
    for (;;) {
        uint32_t h = 0;
        for (size_t k = 0; k < 16; k++)
            rich[k] = (uint8_t)next_random(&seed);
        for (size_t k = 0; k < 16; k++)
            h += (uint32_t)reference_gear(rich[15 - k]) << k;
        if ((h & 0xffff) < 16)
            break;
    }
    for (size_t len = 0; len <= 400; len++) {
        for (size_t place = 48; place + 16 <= len; place += 7) {
            size_t offset = (len + place) % 64;
            /* Exactly as long as needed: a sanitizer sees any step beside it. */
            uint8_t *block = allocate(offset + len);
            uint8_t *data = block + offset;
            memcpy(data, source, len);
            memcpy(data + place, rich, sizeof rich);
            size_t wanted = reference_cut(&c, data, len);
            assert_true(wanted <= place + 16);
            for (size_t v = 0; v < VARIANTS; v++) {
                if (!chunker_variant_available(variants[v]))
                    continue;
                size_t scanned = 0;
                c.variant = variants[v];
                assert_int_equal(chunker_cut(&c, data, len, true, &scanned), wanted);
            }
            free(block);
        }
    }
}

static void feeding_in_pieces_changes_nothing(void **state)
{
    (void)state;
    const size_t len = MEBIBYTE;
    uint8_t *data = allocate(len);
    uint32_t *lengths = new_lengths();
    uint64_t seed = 5;
    struct chunker c;
    make_chunker(&c, 2048, 8192, 32768);
    for (size_t f = 0; f < FILLS; f++) {
        fills[f](data, len, 100 + f);
        for (size_t v = 0; v < VARIANTS; v++) {
            if (!chunker_variant_available(variants[v]))
                continue;
            c.variant = variants[v];
            size_t count = cut_all(&c, data, len, lengths);
            size_t at = 0, known = 0, scanned = 0, i = 0;
            while (at < len) {
                bool last = known == len - at;
                /* A copy of exactly what is known. */
                uint8_t *window = allocate(known);
                memcpy(window, data + at, known);
                size_t before = scanned;
                size_t length = chunker_cut(&c, window, known, last, &scanned);
                free(window);
                if (length == 0) {
                    assert_false(last);
                    assert_true(known < c.max_size);
                    assert_in_range(scanned, before, known);
                    size_t piece = next_random(&seed) % (next_random(&seed) % 4 == 0 ? 9000 : 300);
                    known = known + piece < len - at ? known + piece : len - at;
                    continue;
                }
                assert_true(i < count);
                assert_int_equal(length, lengths[i++]);
                assert_int_equal(scanned, 0);
                at += length;
                known -= length;
            }
            assert_int_equal(i, count);
        }
    }
    free(lengths);
    free(data);
}

static void sizes_stay_in_their_bounds(void **state)
{
    (void)state;
    const size_t len = 4 * MEBIBYTE;
    uint8_t *data = allocate(len);
    uint32_t *lengths = new_lengths();
    struct chunker c;
    make_chunker(&c, 4096, 16384, 65536);
    for (size_t f = 0; f < FILLS; f++) {
        fills[f](data, len, 200 + f);
        size_t count = cut_all(&c, data, len, lengths);
        size_t sum = 0;
        for (size_t i = 0; i < count; i++) {
            assert_true(lengths[i] <= 65536);
            assert_true(lengths[i] >= 4096 || i == count - 1);
            sum += lengths[i];
        }
        assert_int_equal(sum, len);
    }
    free(lengths);
    free(data);
}

static void runs_of_one_byte_give_no_candidate(void **state)
{
    (void)state;
    uint8_t data[5000];
    struct chunker c;
    make_chunker(&c, 64, 128, 4096);
    c.threshold_below = UINT64_MAX;
    c.threshold_above = UINT64_MAX;
    for (unsigned byte = 0; byte < 256; byte++) {
        memset(data, (int)byte, sizeof data);
        for (size_t v = 0; v < VARIANTS; v++) {
            size_t scanned = 0;
            if (!chunker_variant_available(variants[v]))
                continue;
            c.variant = variants[v];
            assert_int_equal(chunker_cut(&c, data, sizeof data, true, &scanned), 4096);
        }
    }
}

static void one_position_in_4096_is_a_candidate(void **state)
{
    (void)state;
    const size_t len = 16 * MEBIBYTE;
    uint8_t *data = allocate(len);
    uint32_t *lengths = new_lengths();
    struct chunker c;
    make_chunker(&c, 64, 4096, 8 * MEBIBYTE);
    c.threshold_below = UINT64_MAX;
    c.threshold_above = UINT64_MAX;
    for (size_t f = 0; f < 2; f++) { /* random, text */
        fills[f](data, len, 1);
        size_t mean = len / cut_all(&c, data, len, lengths);
        assert_in_range(mean, 4096 + 64 - 330, 4096 + 64 + 330);
    }
    free(lengths);
    free(data);
}

static void chunks_have_the_expected_mean(void **state)
{
    (void)state;
    const size_t len = 32 * MEBIBYTE;
    uint8_t *data = allocate(len);
    uint32_t *lengths = new_lengths();
    struct chunker c;
    make_chunker(&c, 16384, 65536, 262144);
    for (size_t f = 0; f < 2; f++) {
        fills[f](data, len, 1);
        size_t count = cut_all(&c, data, len, lengths);
        assert_in_range(len / count, 60000, 85000);
        size_t near = 0, forced = 0;
        for (size_t i = 0; i < count; i++) {
            near += lengths[i] >= 32768 && lengths[i] <= 131072;
            forced += lengths[i] == 262144;
        }
        assert_true(near * 100 >= count * 80); /* normalised: close to the mean */
        assert_true(forced * 100 <= count);
    }
    free(lengths);
    free(data);
}

/* Number of chunks of ${b} that ${a} does not have, judged by the position from the end. */
static size_t new_chunks(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
    size_t same = 0;
    while (same < a_count && same < b_count && a[a_count - 1 - same] == b[b_count - 1 - same])
        same++;
    size_t front = 0;
    while (front < b_count - same && front < a_count && a[front] == b[front])
        front++;
    return b_count - same - front;
}

static void cuts_find_back_after_an_insertion(void **state)
{
    (void)state;
    const size_t len = 8 * MEBIBYTE;
    uint8_t *data = allocate(len), *changed = allocate(len + 1);
    uint32_t *before = new_lengths(), *after = new_lengths();
    struct chunker c;
    make_chunker(&c, 16384, 65536, 262144);
    uint64_t seed = 9;
    for (size_t f = 0; f < 2; f++) {
        fills[f](data, len, 3);
        size_t count = cut_all(&c, data, len, before);
        size_t total = 0;
        for (unsigned round = 0; round < 20; round++) {
            size_t place = next_random(&seed) % len;
            memcpy(changed, data, place);
            changed[place] = 'x';
            memcpy(changed + place + 1, data + place, len - place);
            total += new_chunks(before, count, after, cut_all(&c, changed, len + 1, after));
        }
        assert_in_range(total, 20, 20 * 3); /* two and less on average, and one at least */
    }
    free(before);
    free(after);
    free(data);
    free(changed);
}

static void cuts_depend_on_the_key(void **state)
{
    (void)state;
    const size_t len = 4 * MEBIBYTE;
    uint8_t *data = allocate(len);
    uint32_t *one = new_lengths(), *other = new_lengths();
    struct chunker c, d;
    struct secret key;
    memset(&key, 0, sizeof key);
    fill_random(data, len, 1);
    chunker_init(&c, &key, 4096, 32768, 131072);
    key.bytes[31] = 1;
    chunker_init(&d, &key, 4096, 32768, 131072);
    size_t count = cut_all(&c, data, len, one);
    size_t other_count = cut_all(&d, data, len, other);
    size_t at = 0, other_at = 0, common = 0;
    for (size_t i = 0, k = 0; i < count; i++) {
        at += one[i];
        while (k < other_count && other_at < at)
            other_at += other[k++];
        common += other_at == at;
    }
    assert_true(common < count / 4);
    free(one);
    free(other);
    free(data);
}

static void key_words_are_a_chacha20_block(void **state)
{
    (void)state;
    struct chunker c;
    make_chunker(&c, 64, 4096, 16384);
    uint8_t key[32], iv[16] = {0}, out[64];
    static const uint8_t zero[64];
    int n = 0;
    for (size_t i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    memcpy(iv + 4, "sme-backup 1", 12);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex2(ctx, EVP_chacha20(), key, iv, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, zero, sizeof zero), 1);
    EVP_CIPHER_CTX_free(ctx);
    for (size_t i = 0; i < 8; i++)
        assert_true(c.key[i] == chunker_le64(out + 8 * i));
}

static void parameters(void **state)
{
    (void)state;
    struct chunker c;
    make_chunker(&c, 65536, 262144, 1048576);
    assert_int_equal(c.min_size, 65536);
    assert_int_equal(c.normal_size, 262144);
    assert_int_equal(c.max_size, 1048576);
    assert_true(c.threshold_below == UINT64_C(1) << 56);
    assert_true(c.threshold_above == UINT64_C(1) << 60);
    assert_true(chunker_variant_available(c.variant));
    make_chunker(&c, 64, 32768, 65536);
    assert_true(c.threshold_below == UINT64_C(1) << 59);
    assert_true(c.threshold_above == UINT64_C(1) << 63);
    make_chunker(&c, 64, 16384, 65536); /* 2 - 2 bits: always */
    assert_true(c.threshold_below == UINT64_C(1) << 60);
    assert_true(c.threshold_above == UINT64_MAX);
    make_chunker(&c, 64, 128, 256);
    assert_true(c.threshold_below == UINT64_MAX);
    make_chunker(&c, 1, 2, 3); /* the windows stay inside */
    assert_int_equal(c.min_size, 64);
    assert_int_equal(c.normal_size, 64);
    assert_int_equal(c.max_size, 64);
    assert_true(chunker_variant_available(CHUNKER_BEST));
    assert_true(chunker_variant_available(CHUNKER_PORTABLE));

    struct chunker zero;
    memset(&zero, 0, sizeof zero);
    chunker_done(&c);
    assert_memory_equal(&c, &zero, sizeof c);
}

static void short_and_exact_lengths(void **state)
{
    (void)state;
    struct chunker c;
    make_chunker(&c, 100, 1024, 3000);
    uint8_t *data = allocate(4000);
    memset(data, 0, 4000);
    size_t scanned = 0;
    assert_int_equal(chunker_cut(&c, data, 0, false, &scanned), 0);
    assert_int_equal(chunker_cut(&c, data, 0, true, &scanned), 0);
    assert_int_equal(chunker_cut(&c, data, 1, true, &scanned), 1);
    assert_int_equal(chunker_cut(&c, data, 99, false, &scanned), 0);
    assert_int_equal(scanned, 99);
    assert_int_equal(chunker_cut(&c, data, 100, true, &scanned), 100);
    assert_int_equal(scanned, 0);
    assert_int_equal(chunker_cut(&c, data, 2999, false, &scanned), 0);
    assert_int_equal(scanned, 2999);
    assert_int_equal(chunker_cut(&c, data, 3000, false, &scanned), 3000);
    assert_int_equal(scanned, 0);
    assert_int_equal(chunker_cut(&c, data, 4000, false, &scanned), 3000);
    assert_int_equal(chunker_cut(&c, data, 4000, true, &scanned), 3000);
    c.variant = CHUNKER_BEST;
    assert_int_equal(chunker_cut(&c, data, 4000, true, &scanned), 3000);
    free(data);
}

/* Changing these means that every repository's next backup stores everything again. */
static void golden_cuts(void **state)
{
    (void)state;
    static const struct {
        uint32_t first[8];
        size_t count;
        uint64_t sum; /* of all lengths, as a polynomial */
    } wanted[2] = {
        {{72813, 40310, 73977, 42759, 74644, 79292, 101874, 46731},
         60,
         UINT64_C(0xe3f21acbace672ae)},
        {{75905, 68775, 76049, 71877, 84166, 53107, 77075, 153803},
         61,
         UINT64_C(0x7f1264ea3c88bf6a)},
    };
    const size_t len = 4 * MEBIBYTE;
    uint8_t *data = allocate(len);
    uint32_t *lengths = new_lengths();
    struct chunker c;
    make_chunker(&c, 16384, 65536, 262144);
    for (size_t f = 0; f < 2; f++) {
        fills[f](data, len, 2026);
        for (size_t v = 0; v < VARIANTS; v++) {
            if (!chunker_variant_available(variants[v]))
                continue;
            c.variant = variants[v];
            size_t count = cut_all(&c, data, len, lengths);
            uint64_t sum = 0;
            for (size_t i = 0; i < count; i++)
                sum = sum * 1000003 + lengths[i];
            assert_memory_equal(lengths, wanted[f].first, sizeof wanted[f].first);
            assert_int_equal(count, wanted[f].count);
            assert_true(sum == wanted[f].sum);
        }
    }
    free(lengths);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_variants_give_the_cuts_of_the_reference),
        cmocka_unit_test(every_alignment_and_length),
        cmocka_unit_test(feeding_in_pieces_changes_nothing),
        cmocka_unit_test(sizes_stay_in_their_bounds),
        cmocka_unit_test(runs_of_one_byte_give_no_candidate),
        cmocka_unit_test(one_position_in_4096_is_a_candidate),
        cmocka_unit_test(chunks_have_the_expected_mean),
        cmocka_unit_test(cuts_find_back_after_an_insertion),
        cmocka_unit_test(cuts_depend_on_the_key),
        cmocka_unit_test(key_words_are_a_chacha20_block),
        cmocka_unit_test(parameters),
        cmocka_unit_test(short_and_exact_lengths),
        cmocka_unit_test(golden_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
