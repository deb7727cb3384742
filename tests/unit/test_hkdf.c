/*
 * Tests of core/crypto/hkdf.c with the SHA-256 vectors of RFC 5869.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/crypto/hkdf.h"
#include "../../core/base/hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* Bytes that count up from ${first}. */
static void count_up(uint8_t *out, size_t len, uint8_t first)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(first + i);
}

static void check(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
                  const void *info, size_t info_len, const char *prk_hex, const char *okm_hex)
{
    struct secret prk = SECRET_INIT;
    struct sme_error err = SME_ERROR_INIT;
    uint8_t okm[100];
    char text[201];
    size_t len = strlen(okm_hex) / 2;
    assert_int_equal(hkdf_extract(salt, salt_len, ikm, ikm_len, &prk, &err), SME_OK);
    hex_encode(prk.bytes, sizeof prk.bytes, text);
    assert_string_equal(text, prk_hex);
    assert_int_equal(hkdf_expand(&prk, info, info_len, okm, len, &err), SME_OK);
    hex_encode(okm, len, text);
    assert_string_equal(text, okm_hex);
}

static void basic_case(void **state)
{
    (void)state;
    uint8_t ikm[22], salt[13], info[10];
    memset(ikm, 0x0b, sizeof ikm);
    count_up(salt, sizeof salt, 0);
    count_up(info, sizeof info, 0xf0);
    check(salt, sizeof salt, ikm, sizeof ikm, info, sizeof info,
          "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

static void longer_inputs(void **state)
{
    (void)state;
    uint8_t ikm[80], salt[80], info[80];
    count_up(ikm, sizeof ikm, 0);
    count_up(salt, sizeof salt, 0x60);
    count_up(info, sizeof info, 0xb0);
    check(salt, sizeof salt, ikm, sizeof ikm, info, sizeof info,
          "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41"
          "c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

static void no_salt_and_no_info(void **state)
{
    (void)state;
    uint8_t ikm[22];
    memset(ikm, 0x0b, sizeof ikm);
    check(NULL, 0, ikm, sizeof ikm, NULL, 0,
          "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

static void empty_key_material_is_taken(void **state)
{
    (void)state;
    struct secret one = SECRET_INIT, other = SECRET_INIT;
    assert_int_equal(hkdf_extract("salt", 4, NULL, 0, &one, NULL), SME_OK);
    assert_int_equal(hkdf_extract("salt", 4, "", 0, &other, NULL), SME_OK);
    assert_memory_equal(one.bytes, other.bytes, 32);
}

static void output_has_a_limit(void **state)
{
    (void)state;
    static uint8_t out[255 * 32 + 1];
    struct secret prk;
    struct sme_error err = SME_ERROR_INIT;
    memset(&prk, 1, sizeof prk);
    memset(out, 0xee, sizeof out);
    assert_int_equal(hkdf_expand(&prk, NULL, 0, out, sizeof out, &err), SME_E_INVALID);
    assert_string_equal(err.message, "cannot derive 8161 bytes from one key");
    assert_int_equal(out[0], 0xee);
    assert_int_equal(hkdf_expand(&prk, NULL, 0, out, sizeof out - 1, &err), SME_OK);
    assert_int_equal(out[sizeof out - 1], 0xee);
    /* A shorter output is the beginning of a longer one; none at all is fine. */
    uint8_t brief[45];
    assert_int_equal(hkdf_expand(&prk, NULL, 0, brief, sizeof brief, &err), SME_OK);
    assert_memory_equal(brief, out, sizeof brief);
    assert_int_equal(hkdf_expand(&prk, NULL, 0, brief, 0, &err), SME_OK);
}

static void info_may_be_long(void **state)
{
    (void)state;
    static uint8_t info[5000];
    uint8_t one[32], other[32];
    struct secret prk;
    memset(&prk, 1, sizeof prk);
    assert_int_equal(hkdf_expand(&prk, info, sizeof info, one, 32, NULL), SME_OK);
    info[sizeof info - 1] = 1;
    assert_int_equal(hkdf_expand(&prk, info, sizeof info, other, 32, NULL), SME_OK);
    assert_memory_not_equal(one, other, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_case),          cmocka_unit_test(longer_inputs),
        cmocka_unit_test(no_salt_and_no_info), cmocka_unit_test(empty_key_material_is_taken),
        cmocka_unit_test(output_has_a_limit),  cmocka_unit_test(info_may_be_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
