/*
 * Tests of the S3 sink against a scripted store: what puts carry, what gets accept, removals.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The numbers behind the headings are the rows of the table of failures in the design.
 */
#include "../harness/s3rig.h"
#include "../../sinks/s3/objects.h"

#include <stdlib.h>

#define KEY "docs/data/0001"
#define WHOLE "0123456789abcdefghijklmnopqrstuvwxyz" /* 36 bytes */

/* ---- puts: 25, 28, 29, 30 ------------------------------------------------------------------ */

static void assert_signs(struct s3rig *rig, size_t i, const char *header)
{
    char signed_headers[1024];
    const char *start = strstr(s3rig_header(rig, i, "authorization"), "SignedHeaders=");

    assert_non_null(start);
    size_t len = strcspn(start, ",");
    assert_true(len < sizeof signed_headers);
    memcpy(signed_headers, start, len);
    signed_headers[len] = '\0';
    if (strstr(signed_headers, header) == NULL)
        fail_msg("'%s' is not signed: %s", header, signed_headers);
}

static void a_put_carries_its_checksums(void **state)
{
    struct s3rig *rig = *state;
    uint8_t raw[32];
    char hex[65], base64[48];

    s3rig_digest("content", 7, raw, hex, base64);
    (void)s3rig_reply(rig, 200, "ETag: \"abc\"\r\n", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_OK);
    const struct httpd_request *request = s3rig_request(rig, 0);
    assert_string_equal(request->method, "PUT");
    assert_string_equal(request->target, "/" S3RIG_BUCKET "/" KEY);
    assert_string_equal((const char *)request->body, "content");
    assert_string_equal(s3rig_header(rig, 0, "content-length"), "7");
    assert_string_equal(s3rig_header(rig, 0, "x-amz-content-sha256"), hex);
    assert_string_equal(s3rig_header(rig, 0, "x-amz-checksum-sha256"), base64);
    assert_string_equal(s3rig_header(rig, 0, "if-none-match"), "*");
    assert_string_equal(s3rig_header(rig, 0, "x-amz-security-token"), S3RIG_TOKEN);
    assert_string_equal(s3rig_header(rig, 0, "expect"), "");
    assert_string_equal(s3rig_header(rig, 0, "transfer-encoding"), "");
    assert_string_equal(s3rig_header(rig, 0, "host"), strstr(rig->endpoint, "127."));
    assert_non_null(strstr(s3rig_header(rig, 0, "authorization"),
                           "Credential=" S3RIG_ACCESS "/20261123/eu-central-1/s3/aws4_request"));
    assert_signs(rig, 0, "host");
    assert_signs(rig, 0, "if-none-match");
    assert_signs(rig, 0, "x-amz-checksum-sha256");
    assert_signs(rig, 0, "x-amz-content-sha256");
    assert_signs(rig, 0, "x-amz-date");
    assert_signs(rig, 0, "x-amz-security-token");
}

static void an_empty_object_is_put(void **state)
{
    struct s3rig *rig = *state;

    (void)s3rig_reply(rig, 200, NULL, NULL);
    assert_int_equal(s3rig_put(rig, KEY, "", 0), SME_OK);
    assert_string_equal(s3rig_header(rig, 0, "content-length"), "0");
    assert_string_equal(s3rig_header(rig, 0, "x-amz-checksum-sha256"),
                        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    /* Replacing was asked for. */
    assert_string_equal(s3rig_header(rig, 0, "if-none-match"), "");
}

static void the_prefix_stands_before_every_key(void **state)
{
    struct s3rig *rig = *state;
    char buf[8];

    rig->config.prefix = "/hosts/shop";
    s3rig_reopen(rig);
    (void)s3rig_reply(rig, 200, NULL, NULL);
    assert_int_equal(s3rig_put(rig, KEY, "x", 0), SME_OK);
    (void)s3rig_reply(rig, 206, "Content-Range: bytes 0-0/1\r\n", "x");
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, sizeof buf), 1);
    (void)s3rig_reply(rig, 200, NULL, NULL);
    assert_int_equal(s3rig_stat(rig, KEY), SME_OK);
    (void)s3rig_reply(rig, 204, NULL, NULL);
    assert_int_equal(s3rig_remove(rig, KEY), SME_OK);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(s3rig_request(rig, i)->target, "/" S3RIG_BUCKET "/hosts/shop/" KEY);
}

static void the_owner_of_the_bucket_is_insisted_on(void **state)
{
    struct s3rig *rig = *state;

    rig->config.account = "123456789012";
    s3rig_reopen(rig);
    (void)s3rig_reply(rig, 200, NULL, NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_OK);
    assert_string_equal(s3rig_header(rig, 0, "x-amz-expected-bucket-owner"), "123456789012");
    assert_signs(rig, 0, "x-amz-expected-bucket-owner");
}

static void an_object_that_is_there_exists(void **state)
{
    struct s3rig *rig = *state;

    (void)s3rig_refuse(rig, 412, "PreconditionFailed", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_EXISTS);
    assert_true(s3rig_says(rig, KEY));
    (void)s3rig_refuse(rig, 409, "ConditionalRequestConflict", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_TRANSIENT);
    (void)s3rig_reply(rig, 412, NULL, NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_EXISTS);
}

static void a_store_without_conditions_is_remembered(void **state)
{
    struct s3rig *rig = *state;

    (void)s3rig_refuse(rig, 501, "NotImplemented", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_TRANSIENT);
    assert_string_equal(s3rig_header(rig, 0, "if-none-match"), "*");
    for (size_t i = 1; i < 3; i++) {
        (void)s3rig_reply(rig, 200, NULL, NULL);
        assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_OK);
        assert_string_equal(s3rig_header(rig, i, "if-none-match"), "");
    }
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "create-only"));
    /* The same refusal of a put without a condition means something else. */
    (void)s3rig_refuse(rig, 501, "NotImplemented", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_UNSUPPORTED);
}

static void conditions_can_be_forbidden_and_insisted_on(void **state)
{
    struct s3rig *rig = *state;

    rig->config.conditional = S3_OFF;
    s3rig_reopen(rig);
    (void)s3rig_reply(rig, 200, NULL, NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_OK);
    assert_string_equal(s3rig_header(rig, 0, "if-none-match"), "");
    rig->config.conditional = S3_ON;
    s3rig_reopen(rig);
    for (size_t i = 1; i < 3; i++) {
        (void)s3rig_refuse(rig, 501, "NotImplemented", NULL);
        assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_UNSUPPORTED);
        assert_string_equal(s3rig_header(rig, i, "if-none-match"), "*");
    }
}

static const char *const digest_codes[] = {"BadDigest", "XAmzContentSHA256Mismatch"};

static void bytes_damaged_on_the_way_are_sent_again(void **state)
{
    struct s3rig *rig = *state;

    for (size_t i = 0; i < 2; i++) {
        (void)s3rig_refuse(rig, 400, digest_codes[i], NULL);
        assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_TRANSIENT);
    }
    (void)s3rig_refuse(rig, 400, "IncompleteBody", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_TRANSIENT);
}

static void bytes_damaged_in_memory_end_the_run(void **state)
{
    struct s3rig *rig = *state;
    struct sme_slice slice = {"cOntent", 7};
    struct sme_put_info info = {.struct_size = sizeof info, .length = 7};
    char hex[65], base64[48];

    s3rig_digest("content", 7, info.sha256, hex, base64);
    for (size_t i = 0; i < 2; i++) {
        rig->err = (struct sme_error){.struct_size = sizeof rig->err};
        (void)s3rig_refuse(rig, 400, digest_codes[i], NULL);
        assert_int_equal(object_put(rig->s3, KEY, &slice, 1, &info, &rig->err), SME_E_CORRUPT);
        assert_true(s3rig_says(rig, KEY));
        assert_true(s3rig_says(rig, "memory"));
    }
}

static void a_wrong_length_is_refused_unsent(void **state)
{
    struct s3rig *rig = *state;
    struct sme_slice slice = {"content", 7};
    struct sme_put_info info = {.struct_size = sizeof info, .length = 8};

    assert_int_equal(object_put(rig->s3, KEY, &slice, 1, &info, &rig->err), SME_E_INVALID);
    assert_true(s3rig_says(rig, KEY));
    assert_int_equal(s3rig_seen(rig), 0);
}

/* ---- gets: 4, 5, 6, 21, 24 ----------------------------------------------------------------- */

static void a_range_is_got(void **state)
{
    struct s3rig *rig = *state;
    char buf[10];

    (void)s3rig_reply(rig, 206, "Content-Range: bytes 10-19/36\r\n", "abcdefghij");
    assert_int_equal(s3rig_get(rig, KEY, 10, buf, 10), 10);
    assert_memory_equal(buf, "abcdefghij", 10);
    assert_string_equal(s3rig_header(rig, 0, "range"), "bytes=10-19");
    assert_string_equal(s3rig_request(rig, 0)->method, "GET");
    /* It may be shorter at the end of the object only. */
    (void)s3rig_reply(rig, 206, "Content-Range: bytes 30-35/36\r\n", "uvwxyz");
    assert_int_equal(s3rig_get(rig, KEY, 30, buf, 10), 6);
    assert_memory_equal(buf, "uvwxyz", 6);
    (void)s3rig_refuse(rig, 416, "InvalidRange", NULL);
    assert_int_equal(s3rig_get(rig, KEY, 36, buf, 10), 0);
    (void)s3rig_reply(rig, 416, "Content-Range: bytes */36\r\n", NULL);
    assert_int_equal(s3rig_get(rig, KEY, 1u << 30, buf, 10), 0);
}

static void a_whole_object_is_cut_to_the_range(void **state)
{
    struct s3rig *rig = *state;
    char buf[64];

    (void)s3rig_reply(rig, 200, NULL, WHOLE);
    assert_int_equal(s3rig_get(rig, KEY, 10, buf, 5), 5);
    assert_memory_equal(buf, "abcde", 5);
    (void)s3rig_reply(rig, 200, NULL, WHOLE);
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, 5), 5);
    assert_memory_equal(buf, "01234", 5);
    (void)s3rig_reply(rig, 200, NULL, WHOLE);
    assert_int_equal(s3rig_get(rig, KEY, 30, buf, 20), 6);
    assert_memory_equal(buf, "uvwxyz", 6);
    (void)s3rig_reply(rig, 200, NULL, WHOLE);
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, sizeof buf), 36);
    (void)s3rig_reply(rig, 200, NULL, WHOLE);
    assert_int_equal(s3rig_get(rig, KEY, 50, buf, 5), 0);
    (void)s3rig_reply(rig, 200, NULL, "");
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, 5), 0);
}

static void another_range_is_refused(void **state)
{
    static const struct {
        const char *range, *body;
    } cases[] = {
        {"", "abcdefghij"},                                            /* none */
        {"Content-Range: bytes 0-9/36\r\n", "0123456789"},             /* another one */
        {"Content-Range: bytes 11-20/36\r\n", "bcdefghijk"},           /* beside it */
        {"Content-Range: bytes 10-14/36\r\n", "abcde"},                /* shorter, not at the end */
        {"Content-Range: bytes 10-19/36\r\n", "abcde"},                /* and less than it says */
        {"Content-Range: bytes 10-14/36\r\n", "abcdefghij"},           /* and more */
        {"Content-Range: bytes 10-29/36\r\n", "abcdefghijklmnopqrst"}, /* longer than asked */
        {"Content-Range: bytes 10-19/12\r\n", "abcdefghij"},           /* beyond the end */
        {"Content-Range: bytes 19-10/36\r\n", "abcdefghij"},
        {"Content-Range: bytes */36\r\n", "abcdefghij"},
        {"Content-Range: lines 10-19/36\r\n", "abcdefghij"},
        {"Content-Range: bytes 10-19/36, 20-29/36\r\n", "abcdefghij"},
        {"Content-Range: bytes 18446744073709551626-18446744073709551635/36\r\n", "abcdefghij"},
        {"Content-Range: bytes -10-19/36\r\n", "abcdefghij"},
        {"Content-Type: multipart/byteranges; boundary=x\r\n", "--x\r\n\r\nabcdefghij\r\n--x--"},
    };
    struct s3rig *rig = *state;
    char buf[16];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(buf, '#', sizeof buf);
        (void)s3rig_reply(rig, 206, cases[i].range, cases[i].body);
        int64_t got = s3rig_get(rig, KEY, 10, buf, 10);
        if (got != SME_E_TRANSIENT && got != SME_E_CORRUPT)
            fail_msg("'%s' with '%s' is %lld", cases[i].range, cases[i].body, (long long)got);
        assert_true(s3rig_says(rig, KEY));
        assert_memory_equal(buf + 10, "######", 6);
    }
}

static void a_body_that_is_cut_off_is_no_success(void **state)
{
    static const enum httpd_fault faults[] = {HTTPD_RESET_AFTER, HTTPD_CLOSE_AFTER};
    static const size_t cuts[] = {0, 1, 9};
    struct s3rig *rig = *state;
    char buf[64];

    for (size_t i = 0; i < 6; i++) {
        struct s3rig_step *step =
            s3rig_reply(rig, 206, "Content-Range: bytes 10-19/36\r\n", "abcdefghij");
        step->fault = faults[i / 3];
        step->cut = cuts[i % 3];
        assert_int_equal(s3rig_get(rig, KEY, 10, buf, 10), SME_E_TRANSIENT);
        assert_true(s3rig_says(rig, KEY));
    }
    /* Without a length, only the range tells. */
    s3rig_reply(rig, 206, "Content-Range: bytes 10-19/36\r\n", "abcdefg")->fault = HTTPD_NO_LENGTH;
    assert_int_equal(s3rig_get(rig, KEY, 10, buf, 10), SME_E_TRANSIENT);
    s3rig_reply(rig, 200, NULL, "0123456789abc")->fault = HTTPD_NO_LENGTH;
    assert_int_equal(s3rig_get(rig, KEY, 10, buf, 10), SME_E_TRANSIENT);
    s3rig_reply(rig, 200, NULL, "")->fault = HTTPD_NO_LENGTH;
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, 10), SME_E_TRANSIENT);
    /* Chunks that end in the middle, and whole ones. */
    s3rig_reply(rig, 200, "Transfer-Encoding: chunked\r\nConnection: close\r\n", "a\r\n01234")
        ->fault = HTTPD_NO_LENGTH;
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, 20), SME_E_TRANSIENT);
    s3rig_reply(rig, 200, "Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n")->fault =
        HTTPD_NO_LENGTH;
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, 20), SME_E_TRANSIENT);
    s3rig_reply(rig, 200, "Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n0\r\n\r\n")->fault =
        HTTPD_NO_LENGTH;
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, 20), 10);
}

static void a_large_object_is_got_by_any_cut(void **state)
{
    struct s3rig *rig = *state;
    size_t size = 3u << 20;
    char *text = malloc(size + 1), *buf = malloc(size);
    char range[64];

    assert_non_null(text);
    assert_non_null(buf);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i * 7 % 26);
    text[size] = '\0';
    (void)s3rig_reply(rig, 200, NULL, text);
    assert_int_equal(s3rig_get(rig, KEY, 1234567, buf, 1000000), 1000000);
    assert_memory_equal(buf, text + 1234567, 1000000);
    (void)snprintf(range, sizeof range, "Content-Range: bytes 0-%zu/%zu\r\n", size - 1, size);
    (void)s3rig_reply(rig, 206, range, text);
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, size), size);
    assert_memory_equal(buf, text, size);
    (void)s3rig_reply(rig, 200, NULL, NULL);
    assert_int_equal(s3rig_put(rig, KEY, text, 0), SME_OK);
    assert_int_equal(s3rig_request(rig, 2)->body_len, size);
    assert_memory_equal(s3rig_request(rig, 2)->body, text, size);
    free(text);
    free(buf);
}

static void absent_objects_differ_from_absent_buckets(void **state)
{
    struct s3rig *rig = *state;
    char buf[4];

    (void)s3rig_refuse(rig, 404, "NoSuchKey", NULL);
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, 4), SME_E_NOT_FOUND);
    assert_true(s3rig_says(rig, KEY));
    (void)s3rig_refuse(rig, 404, "NoSuchBucket", NULL);
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, 4), SME_E_INVALID);
    assert_true(s3rig_says(rig, S3RIG_BUCKET));
    assert_true(s3rig_says(rig, "sme-backup setup"));
    /* It is not made on the way. */
    (void)s3rig_refuse(rig, 404, "NoSuchBucket", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_INVALID);
    assert_int_equal(s3rig_seen(rig), 3);
}

static void archived_objects_cannot_be_had_now(void **state)
{
    static const struct {
        const char *headers;
        bool archived;
    } cases[] = {
        {"", false},
        {"x-amz-storage-class: STANDARD_IA\r\n", false},
        {"x-amz-storage-class: GLACIER_IR\r\n", false},
        {"x-amz-storage-class: GLACIER\r\n", true},
        {"x-amz-storage-class: DEEP_ARCHIVE\r\n", true},
        {"x-amz-storage-class: GLACIER\r\nx-amz-restore: ongoing-request=\"true\"\r\n", true},
        {"x-amz-storage-class: GLACIER\r\nx-amz-restore: ongoing-request=\"false\", "
         "expiry-date=\"Fri, 21 Dec 2029 00:00:00 GMT\"\r\n",
         false},
        {"x-amz-storage-class: INTELLIGENT_TIERING\r\n", false},
    };
    struct s3rig *rig = *state;
    char buf[4];

    (void)s3rig_refuse(rig, 403, "InvalidObjectState", "<StorageClass>GLACIER</StorageClass>");
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, 4), SME_E_CANNOT_NOW);
    assert_true(s3rig_says(rig, KEY));
    assert_true(s3rig_says(rig, "--thaw"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)s3rig_reply(rig, 200, cases[i].headers, NULL);
        assert_int_equal(s3rig_stat(rig, KEY), SME_OK);
        if (((rig->last.flags & SME_OBJECT_ARCHIVED) != 0) != cases[i].archived)
            fail_msg("%s", cases[i].headers);
    }
}

static void a_head_tells_what_is_known(void **state)
{
    struct s3rig *rig = *state;
    uint8_t raw[32];
    char hex[65], base64[48], headers[256];

    s3rig_digest("content", 7, raw, hex, base64);
    (void)snprintf(headers, sizeof headers,
                   "Content-Length: 7\r\nLast-Modified: Mon, 23 Nov 2026 01:00:00 GMT\r\n"
                   "x-amz-checksum-sha256: %s\r\n",
                   base64);
    (void)s3rig_reply(rig, 200, headers, NULL);
    assert_int_equal(s3rig_stat(rig, KEY), SME_OK);
    assert_string_equal(s3rig_header(rig, 0, "x-amz-checksum-mode"), "ENABLED");
    assert_int_equal(rig->last.size, 7);
    assert_true(rig->last.modified_ns == INT64_C(1795395600) * 1000000000);
    assert_true((rig->last.flags & SME_OBJECT_HAS_SHA256) != 0);
    assert_memory_equal(rig->last.sha256, raw, 32);
    (void)s3rig_reply(rig, 200, "Content-Length: 7\r\nx-amz-checksum-sha256: short==\r\n", NULL);
    assert_int_equal(s3rig_stat(rig, KEY), SME_OK);
    assert_false((rig->last.flags & SME_OBJECT_HAS_SHA256) != 0);
    (void)s3rig_reply(rig, 404, NULL, NULL);
    assert_int_equal(s3rig_stat(rig, KEY), SME_E_NOT_FOUND);
    s3rig_reply(rig, 200, NULL, NULL)->fault = HTTPD_NO_LENGTH;
    assert_int_equal(s3rig_stat(rig, KEY), SME_E_TRANSIENT);
}

/* ---- removals: 2, 26 ----------------------------------------------------------------------- */

static void an_object_is_removed(void **state)
{
    struct s3rig *rig = *state;

    (void)s3rig_reply(rig, 204, NULL, NULL);
    assert_int_equal(s3rig_remove(rig, KEY), SME_OK);
    assert_string_equal(s3rig_request(rig, 0)->method, "DELETE");
    assert_string_equal(s3rig_request(rig, 0)->target, "/" S3RIG_BUCKET "/" KEY);
    (void)s3rig_reply(rig, 204, "x-amz-delete-marker: true\r\nx-amz-version-id: 1\r\n", NULL);
    assert_int_equal(s3rig_remove(rig, KEY), SME_OK);
    (void)s3rig_refuse(rig, 404, "NoSuchKey", NULL);
    assert_int_equal(s3rig_remove(rig, KEY), SME_OK);
    (void)s3rig_refuse(rig, 403, "AccessDenied", NULL);
    assert_int_equal(s3rig_remove(rig, KEY), SME_E_DENIED);
    assert_true(s3rig_says(rig, KEY));
    (void)s3rig_refuse(rig, 404, "NoSuchBucket", NULL);
    assert_int_equal(s3rig_remove(rig, KEY), SME_E_INVALID);
}

/* ---- main ---------------------------------------------------------------------------------- */

#define RIG_TEST(function) cmocka_unit_test_setup_teardown(function, s3rig_set_up, s3rig_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RIG_TEST(a_put_carries_its_checksums),
        RIG_TEST(an_empty_object_is_put),
        RIG_TEST(the_prefix_stands_before_every_key),
        RIG_TEST(the_owner_of_the_bucket_is_insisted_on),
        RIG_TEST(an_object_that_is_there_exists),
        RIG_TEST(a_store_without_conditions_is_remembered),
        RIG_TEST(conditions_can_be_forbidden_and_insisted_on),
        RIG_TEST(bytes_damaged_on_the_way_are_sent_again),
        RIG_TEST(bytes_damaged_in_memory_end_the_run),
        RIG_TEST(a_wrong_length_is_refused_unsent),
        RIG_TEST(a_range_is_got),
        RIG_TEST(a_whole_object_is_cut_to_the_range),
        RIG_TEST(another_range_is_refused),
        RIG_TEST(a_body_that_is_cut_off_is_no_success),
        RIG_TEST(a_large_object_is_got_by_any_cut),
        RIG_TEST(absent_objects_differ_from_absent_buckets),
        RIG_TEST(archived_objects_cannot_be_had_now),
        RIG_TEST(a_head_tells_what_is_known),
        RIG_TEST(an_object_is_removed),
    };

    return cmocka_run_group_tests_name("s3_table_objects", tests, NULL, NULL);
}
