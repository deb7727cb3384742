/*
 * Tests of core/crypto/hpke.c: the published vectors of RFC 9180, and what must be refused.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/crypto/hpke.h"
#include "../../core/base/hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <jansson.h>

#define VECTORS "tests/data/hpke/rfc9180-x25519-hkdf-sha256-aes-256-gcm.json"
#define BYTES_MAX 128

struct bytes {
    uint8_t at[BYTES_MAX];
    size_t len;
};

/* The hex value of ${name}; empty where the vector has none. */
static struct bytes bytes_of(const json_t *object, const char *name)
{
    struct bytes value = {.len = 0};
    const json_t *member = json_object_get(object, name);
    if (member != NULL) {
        const char *text = json_string_value(member);
        assert_non_null(text);
        value.len = strlen(text) / 2;
        assert_true(value.len <= BYTES_MAX);
        assert_true(hex_decode(text, value.at, value.len));
    }
    return value;
}

static struct secret secret_of(const json_t *object, const char *name)
{
    struct bytes value = bytes_of(object, name);
    struct secret secret;
    assert_int_equal(value.len, sizeof secret.bytes);
    memcpy(secret.bytes, value.at, sizeof secret.bytes);
    return secret;
}

static void check_derived_pair(const json_t *vector, const char *ikm_name, const char *sk_name,
                               const char *pk_name)
{
    struct bytes ikm = bytes_of(vector, ikm_name);
    struct bytes wanted = bytes_of(vector, pk_name);
    struct secret wanted_secret = secret_of(vector, sk_name);
    struct secret private_key = SECRET_INIT;
    uint8_t public_key[32];
    assert_int_equal(hpke_derive_pair(ikm.at, ikm.len, &private_key, public_key, NULL), SME_OK);
    assert_memory_equal(private_key.bytes, wanted_secret.bytes, 32);
    assert_memory_equal(public_key, wanted.at, 32);
    memset(public_key, 0, sizeof public_key);
    assert_int_equal(hpke_public_of(&wanted_secret, public_key, NULL), SME_OK);
    assert_memory_equal(public_key, wanted.at, 32);
}

static void check_schedule(const json_t *vector, const struct hpke *ctx)
{
    struct bytes key = bytes_of(vector, "key");
    struct bytes base_nonce = bytes_of(vector, "base_nonce");
    struct bytes exporter = bytes_of(vector, "exporter_secret");
    assert_memory_equal(ctx->key, key.at, sizeof ctx->key);
    assert_memory_equal(ctx->base_nonce, base_nonce.at, sizeof ctx->base_nonce);
    assert_memory_equal(ctx->exporter.bytes, exporter.at, sizeof ctx->exporter.bytes);
}

static void check_encryptions(const json_t *vector, const struct hpke *ctx)
{
    size_t i;
    const json_t *one;
    const json_t *list = json_object_get(vector, "encryptions");
    assert_true(json_array_size(list) > 0);
    json_array_foreach(list, i, one)
    {
        struct bytes aad = bytes_of(one, "aad");
        struct bytes ct = bytes_of(one, "ct");
        struct bytes pt = bytes_of(one, "pt");
        struct bytes nonce = bytes_of(one, "nonce");
        struct bytes base_nonce = bytes_of(vector, "base_nonce");
        /* The published ones are not all consecutive: the nonce tells the number. */
        uint64_t seq = 0;
        for (size_t k = 0; k < 12; k++)
            seq = seq << 8 | (uint64_t)(nonce.at[k] ^ base_nonce.at[k]);
        uint8_t out[BYTES_MAX];
        assert_int_equal(ct.len, pt.len + 16);
        assert_int_equal(hpke_seal(ctx, seq, aad.at, aad.len, pt.at, pt.len, out, NULL), SME_OK);
        assert_memory_equal(out, ct.at, ct.len);
        memset(out, 0, sizeof out);
        assert_int_equal(hpke_open(ctx, seq, aad.at, aad.len, ct.at, ct.len, out, NULL), SME_OK);
        assert_memory_equal(out, pt.at, pt.len);

        struct sme_error err = SME_ERROR_INIT;
        assert_int_equal(hpke_open(ctx, seq + 1, aad.at, aad.len, ct.at, ct.len, out, &err),
                         SME_E_CORRUPT);
        assert_string_equal(err.message, "sealed message of 45 bytes is not genuine");
        assert_int_equal(hpke_open(ctx, seq, aad.at, aad.len - 1, ct.at, ct.len, out, &err),
                         SME_E_CORRUPT);
        assert_int_equal(hpke_open(ctx, seq, aad.at, aad.len, ct.at, ct.len - 1, out, &err),
                         SME_E_CORRUPT);
        assert_int_equal(hpke_open(ctx, seq, aad.at, aad.len, ct.at, 15, out, &err), SME_E_CORRUPT);
    }
}

static void check_exports(const json_t *vector, const struct hpke *ctx)
{
    size_t i;
    const json_t *one;
    const json_t *list = json_object_get(vector, "exports");
    assert_true(json_array_size(list) > 0);
    json_array_foreach(list, i, one)
    {
        struct bytes context = bytes_of(one, "exporter_context");
        struct bytes wanted = bytes_of(one, "exported_value");
        uint8_t out[BYTES_MAX];
        assert_int_equal(json_integer_value(json_object_get(one, "L")), wanted.len);
        assert_int_equal(hpke_export(ctx, context.at, context.len, out, wanted.len, NULL), SME_OK);
        assert_memory_equal(out, wanted.at, wanted.len);
    }
}

static void published_vectors(void **state)
{
    (void)state;
    const char *root = getenv("SME_TEST_SRCDIR");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", root != NULL ? root : ".", VECTORS);
    json_error_t json_error;
    json_t *all = json_load_file(path, 0, &json_error);
    if (all == NULL)
        fail_msg("%s: %s", path, json_error.text);
    assert_true(json_array_size(all) >= 2);
    size_t i;
    const json_t *vector;
    bool seen[2] = {false, false};
    json_array_foreach(all, i, vector)
    {
        json_int_t mode = json_integer_value(json_object_get(vector, "mode"));
        assert_in_range(mode, HPKE_MODE_BASE, HPKE_MODE_PSK);
        seen[mode] = true;
        check_derived_pair(vector, "ikmR", "skRm", "pkRm");
        check_derived_pair(vector, "ikmE", "skEm", "pkEm");

        struct bytes info = bytes_of(vector, "info");
        struct bytes psk = bytes_of(vector, "psk");
        struct bytes psk_id = bytes_of(vector, "psk_id");
        struct bytes recipient = bytes_of(vector, "pkRm");
        struct bytes wanted_enc = bytes_of(vector, "enc");
        struct secret private_key = secret_of(vector, "skRm");
        struct secret ephemeral = secret_of(vector, "skEm");
        const struct hpke_setup setup = {(int)mode, info.at,   info.len,  psk.at,
                                         psk.len,   psk_id.at, psk_id.len};
        struct hpke ctx;
        uint8_t enc[32];
        assert_int_equal(hpke_send(recipient.at, &setup, &ephemeral, enc, &ctx, NULL), SME_OK);
        assert_memory_equal(enc, wanted_enc.at, sizeof enc);
        check_schedule(vector, &ctx);
        hpke_done(&ctx);
        assert_int_equal(hpke_receive(&private_key, enc, &setup, &ctx, NULL), SME_OK);
        check_schedule(vector, &ctx);
        check_encryptions(vector, &ctx);
        check_exports(vector, &ctx);
        hpke_done(&ctx);
    }
    assert_true(seen[0] && seen[1]);
    json_decref(all);
}

/* A pair and a setup in mode psk for the tests below. */
struct fixture {
    struct secret private_key;
    uint8_t public_key[32];
    uint8_t psk[32];
    struct hpke_setup setup;
};

static void prepare(struct fixture *f)
{
    assert_int_equal(hpke_generate(&f->private_key, f->public_key, NULL), SME_OK);
    memset(f->psk, 0x55, sizeof f->psk);
    const struct hpke_setup setup = {HPKE_MODE_PSK, "info", 4, f->psk, sizeof f->psk, "id", 2};
    f->setup = setup;
}

static void export_of(const struct hpke *ctx, uint8_t out[32])
{
    assert_int_equal(hpke_export(ctx, "c", 1, out, 32, NULL), SME_OK);
}

static void fresh_pairs_agree_and_differ(void **state)
{
    (void)state;
    struct fixture f;
    prepare(&f);
    struct hpke sender, receiver;
    uint8_t enc[2][32], sent[32], received[32];
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(hpke_send(f.public_key, &f.setup, NULL, enc[i], &sender, NULL), SME_OK);
        assert_int_equal(hpke_receive(&f.private_key, enc[i], &f.setup, &receiver, NULL), SME_OK);
        export_of(&sender, sent);
        export_of(&receiver, received);
        assert_memory_equal(sent, received, 32);
    }
    assert_memory_not_equal(enc[0], enc[1], 32);
}

static void any_difference_gives_another_key(void **state)
{
    (void)state;
    struct fixture f;
    prepare(&f);
    struct hpke ctx;
    uint8_t enc[32], right[32], other[32];
    assert_int_equal(hpke_send(f.public_key, &f.setup, NULL, enc, &ctx, NULL), SME_OK);
    export_of(&ctx, right);
    uint8_t sealed[20];
    uint8_t opened[4] = {1, 1, 1, 1};
    assert_int_equal(hpke_seal(&ctx, 0, NULL, 0, "text", 4, sealed, NULL), SME_OK);

    uint8_t wrong_psk[32];
    memset(wrong_psk, 0x56, sizeof wrong_psk);
    struct hpke_setup setups[5] = {f.setup, f.setup, f.setup, f.setup, f.setup};
    setups[0].psk = wrong_psk;
    setups[1].psk_id = "ie";
    setups[2].info = "infp";
    setups[3].info_len = 3;
    setups[4] = (struct hpke_setup){HPKE_MODE_BASE, "info", 4, NULL, 0, NULL, 0};
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(hpke_receive(&f.private_key, enc, &setups[i], &ctx, NULL), SME_OK);
        export_of(&ctx, other);
        assert_memory_not_equal(right, other, 32);
        assert_int_equal(hpke_open(&ctx, 0, NULL, 0, sealed, sizeof sealed, opened, NULL),
                         SME_E_CORRUPT);
    }
    struct secret stranger = f.private_key;
    stranger.bytes[5] ^= 1;
    assert_int_equal(hpke_receive(&stranger, enc, &f.setup, &ctx, NULL), SME_OK);
    export_of(&ctx, other);
    assert_memory_not_equal(right, other, 32);
    enc[3] ^= 1;
    assert_int_equal(hpke_receive(&f.private_key, enc, &f.setup, &ctx, NULL), SME_OK);
    export_of(&ctx, other);
    assert_memory_not_equal(right, other, 32);
}

static void keys_of_small_order_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    prepare(&f);
    static const uint8_t zero[32] = {0};
    static const uint8_t one[32] = {1};
    const uint8_t *const points[] = {zero, one};
    for (unsigned i = 0; i < 2; i++) {
        struct sme_error err = SME_ERROR_INIT;
        struct hpke ctx, untouched;
        uint8_t enc[32];
        memset(&ctx, 0xee, sizeof ctx);
        memset(&untouched, 0xee, sizeof untouched);
        memset(enc, 0xee, sizeof enc);
        assert_int_equal(hpke_send(points[i], &f.setup, NULL, enc, &ctx, &err), SME_E_KEY);
        assert_string_equal(err.message, "the public key is not a usable X25519 key");
        assert_memory_equal(&ctx, &untouched, sizeof ctx);
        assert_int_equal(enc[0], 0xee);
        err.status = 0;
        assert_int_equal(hpke_receive(&f.private_key, points[i], &f.setup, &ctx, &err), SME_E_KEY);
        assert_int_equal(err.status, SME_E_KEY);
        assert_memory_equal(&ctx, &untouched, sizeof ctx);
    }
}

static void setups_are_checked(void **state)
{
    (void)state;
    struct fixture f;
    prepare(&f);
    const struct {
        struct hpke_setup setup;
        const char *message;
    } cases[] = {
        {{HPKE_MODE_PSK, "i", 1, f.psk, 31, "id", 2},
         "HPKE pre-shared key is shorter than 32 bytes"},
        {{HPKE_MODE_PSK, "i", 1, NULL, 0, "id", 2}, "HPKE pre-shared key is shorter than 32 bytes"},
        {{HPKE_MODE_PSK, "i", 1, f.psk, 32, NULL, 0}, "HPKE pre-shared key has no id"},
        {{HPKE_MODE_BASE, "i", 1, f.psk, 32, "id", 2}, "HPKE mode base takes no pre-shared key"},
        {{HPKE_MODE_BASE, "i", 1, NULL, 0, "id", 2}, "HPKE mode base takes no pre-shared key"},
        {{2, "i", 1, NULL, 0, NULL, 0}, "HPKE mode 2 is not supported"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sme_error err = SME_ERROR_INIT;
        struct hpke ctx;
        uint8_t enc[32] = {0};
        assert_int_equal(hpke_send(f.public_key, &cases[i].setup, NULL, enc, &ctx, &err),
                         SME_E_INVALID);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(hpke_receive(&f.private_key, f.public_key, &cases[i].setup, &ctx, NULL),
                         SME_E_INVALID);
    }
}

static void exports_have_a_limit(void **state)
{
    (void)state;
    struct fixture f;
    prepare(&f);
    struct hpke ctx;
    uint8_t enc[32];
    static uint8_t out[255 * 32 + 1];
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(hpke_send(f.public_key, &f.setup, NULL, enc, &ctx, NULL), SME_OK);
    assert_int_equal(hpke_export(&ctx, NULL, 0, out, sizeof out, &err), SME_E_INVALID);
    assert_string_equal(err.message, "cannot export 8161 bytes from one key");
    assert_int_equal(hpke_export(&ctx, NULL, 0, out, sizeof out - 1, &err), SME_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(fresh_pairs_agree_and_differ),
        cmocka_unit_test(any_difference_gives_another_key),
        cmocka_unit_test(keys_of_small_order_are_refused),
        cmocka_unit_test(setups_are_checked),
        cmocka_unit_test(exports_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
