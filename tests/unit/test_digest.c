/*
 * Tests of core/crypto/digest.c: SHA-256, and HMAC with the vectors of RFC 4231.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/crypto/digest.h"
#include "../../core/base/hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_hex(const uint8_t got[32], const char *wanted)
{
    char text[65];
    hex_encode(got, 32, text);
    assert_string_equal(text, wanted);
}

static void sha256_of_known_texts(void **state)
{
    (void)state;
    uint8_t out[32];
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(sha256_of("", 0, out, &err), SME_OK);
    assert_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(sha256_of(NULL, 0, out, &err), SME_OK);
    assert_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(sha256_of("abc", 3, out, &err), SME_OK);
    assert_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void sha256_in_pieces_and_again(void **state)
{
    (void)state;
    uint8_t out[32];
    uint8_t piece[1000];
    struct sme_error err = SME_ERROR_INIT;
    struct sha256 *ctx = NULL;
    memset(piece, 'a', sizeof piece);
    assert_int_equal(sha256_new(&ctx, &err), SME_OK);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(sha256_start(ctx), SME_OK);
        for (unsigned i = 0; i < 1000; i++)
            assert_int_equal(sha256_add(ctx, piece, sizeof piece), SME_OK);
        assert_int_equal(sha256_finish(ctx, out), SME_OK);
        assert_hex(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    /* Starting anew forgets what was added. */
    assert_int_equal(sha256_start(ctx), SME_OK);
    assert_int_equal(sha256_add(ctx, "x", 1), SME_OK);
    assert_int_equal(sha256_start(ctx), SME_OK);
    assert_int_equal(sha256_add(ctx, NULL, 0), SME_OK);
    assert_int_equal(sha256_finish(ctx, out), SME_OK);
    assert_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_free(ctx);
    sha256_free(NULL);
}

/* One case of RFC 4231; ${key_len} above 32 stands for a key that is hashed first. */
struct hmac_case {
    uint8_t key_byte; /* repeated, or 0: the bytes 1, 2, 3, ... */
    size_t key_len;
    const char *data;
    uint8_t data_byte; /* with ${data} NULL: 50 times */
    const char *mac;
};

static void fill_key(const struct hmac_case *hmac, struct secret *key)
{
    uint8_t bytes[131];
    memset(key, 0, sizeof *key);
    for (size_t i = 0; i < hmac->key_len; i++)
        bytes[i] = hmac->key_byte != 0 ? hmac->key_byte : (uint8_t)(i + 1);
    if (hmac->key_len <= sizeof key->bytes)
        memcpy(key->bytes, bytes, hmac->key_len);
    else
        assert_int_equal(sha256_of(bytes, hmac->key_len, key->bytes, NULL), SME_OK);
}

static void hmac_agrees_with_rfc_4231(void **state)
{
    (void)state;
    static const struct hmac_case cases[] = {
        {0x0b, 20, "Hi There", 0,
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {0xaa, 20, NULL, 0xdd, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {0, 25, NULL, 0xcd, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 0,
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {0xaa, 131,
         "This is a test using a larger than block-size key and a larger than block-size data. "
         "The key needs to be hashed before being used by the HMAC algorithm.",
         0, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t repeated[50];
        memset(repeated, cases[i].data_byte, sizeof repeated);
        const void *data = cases[i].data != NULL ? (const void *)cases[i].data : repeated;
        size_t len = cases[i].data != NULL ? strlen(cases[i].data) : sizeof repeated;
        struct secret key;
        fill_key(&cases[i], &key);
        struct mac *mac = NULL;
        uint8_t out[32];
        struct sme_error err = SME_ERROR_INIT;
        assert_int_equal(mac_new(&key, &mac, &err), SME_OK);
        assert_int_equal(mac_of(mac, data, len, out), SME_OK);
        assert_hex(out, cases[i].mac);
        mac_free(mac);
    }
    /* The key "Jefe". */
    struct secret key = SECRET_INIT;
    struct mac *mac = NULL;
    uint8_t out[32];
    memcpy(key.bytes, "Jefe", 4);
    assert_int_equal(mac_new(&key, &mac, NULL), SME_OK);
    assert_int_equal(mac_of(mac, "what do ya want for nothing?", 28, out), SME_OK);
    assert_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    mac_free(mac);
    mac_free(NULL);
}

static void hmac_is_the_same_however_the_message_is_cut(void **state)
{
    (void)state;
    struct secret key;
    uint8_t data[300];
    memset(&key, 7, sizeof key);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31);
    struct mac *mac = NULL;
    assert_int_equal(mac_new(&key, &mac, NULL), SME_OK);
    for (size_t len = 0; len <= sizeof data; len += 7) {
        uint8_t whole[32], slices[32], stream[32];
        assert_int_equal(mac_of(mac, data, len, whole), SME_OK);
        for (size_t cut = 0; cut <= len; cut += 5) {
            const struct sme_slice parts[] = {{data, cut}, {NULL, 0}, {data + cut, len - cut}};
            assert_int_equal(mac_of_slices(mac, parts, 3, slices), SME_OK);
            assert_memory_equal(slices, whole, 32);
            assert_int_equal(mac_start(mac), SME_OK);
            assert_int_equal(mac_add(mac, data, cut), SME_OK);
            assert_int_equal(mac_add(mac, data + cut, len - cut), SME_OK);
            assert_int_equal(mac_finish(mac, stream), SME_OK);
            assert_memory_equal(stream, whole, 32);
        }
    }
    /* A message that was begun and given up leaves no trace. */
    uint8_t before[32], after[32];
    assert_int_equal(mac_of(mac, data, 100, before), SME_OK);
    assert_int_equal(mac_start(mac), SME_OK);
    assert_int_equal(mac_add(mac, data, 50), SME_OK);
    assert_int_equal(mac_of(mac, data, 100, after), SME_OK);
    assert_memory_equal(before, after, 32);
    mac_free(mac);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_known_texts),
        cmocka_unit_test(sha256_in_pieces_and_again),
        cmocka_unit_test(hmac_agrees_with_rfc_4231),
        cmocka_unit_test(hmac_is_the_same_however_the_message_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
