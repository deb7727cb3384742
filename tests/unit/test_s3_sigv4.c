/*
 * Tests of Signature Version 4: the published vectors, S3's documented examples, and refusals.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/error.h"
#include "../../sinks/s3/sigv4.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <time.h>

#define VECTORS "../shared/sigv4-vectors"
#define VECTORS_SIGNED 32
#define VECTORS_NORMALIZED 6 /* "/a/../b" becomes "/b" first, which S3 never does */
#define FILE_SIZE 8192
#define PAIRS 16
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define DAY_2013 1369353600 /* 2013-05-24T00:00:00Z */
#define DAY_2026 1795399200 /* 2026-11-23T02:00:00Z */

static const struct sigv4_keys example_keys = {"AKIAIOSFODNN7EXAMPLE", SECRET, NULL};

/* ---- the published vectors ----------------------------------------------------------------- */

static bool read_file(const char *folder, const char *name, char out[FILE_SIZE])
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t len = fread(out, 1, FILE_SIZE - 1, file);
    assert_int_equal(fclose(file), 0);
    assert_true(len < FILE_SIZE - 1);
    out[len] = '\0';
    return true;
}

static void read_vector(const char *folder, const char *name, char out[FILE_SIZE])
{
    if (!read_file(folder, name, out))
        fail_msg("cannot read '%s/%s'", folder, name);
}

static void decode(char *text)
{
    char *out = text;

    for (; *text != '\0'; text++, out++) {
        *out = *text;
        if (*text == '%') {
            char digits[3] = {text[1], text[2], '\0'};
            *out = (char)strtoul(digits, NULL, 16);
            text += 2;
        }
    }
    *out = '\0';
}

/* A request as it is in a file; all points into that text. */
struct parsed {
    char *method, *path, *body;
    struct s3_pair query[PAIRS], headers[PAIRS];
    size_t query_count, header_count;
};

static void parse_query(char *text, struct parsed *parsed)
{
    while (text != NULL && *text != '\0') {
        char *pair = strsep(&text, "&");
        char *name = strsep(&pair, "=");
        char *value = pair != NULL ? pair : name + strlen(name);
        decode(name);
        decode(value);
        assert_true(parsed->query_count < PAIRS);
        parsed->query[parsed->query_count++] = (struct s3_pair){name, value};
    }
}

/* Lines that go on in the next one become one. */
static void unfold(char *text)
{
    const char *body = strstr(text, "\n\n");

    for (char *at = text; *at != '\0' && at != body; at++) {
        if (at[0] == '\n' && at[1] == ' ')
            at[0] = ' ';
    }
}

static void parse_request(char *text, struct parsed *ret_parsed)
{
    static const char version[] = " HTTP/1.1";
    struct parsed parsed = {0};

    unfold(text);
    char *line = strsep(&text, "\n");
    size_t len = strlen(line);
    assert_true(len > sizeof version - 1);
    line[len - (sizeof version - 1)] = '\0';
    parsed.method = strsep(&line, " ");
    parsed.path = strsep(&line, "?");
    parse_query(line, &parsed);
    while (text != NULL && *text != '\0' && *text != '\n') {
        char *value = strsep(&text, "\n");
        const char *name = strsep(&value, ":");
        assert_non_null(value);
        assert_true(parsed.header_count < PAIRS - 1);
        parsed.headers[parsed.header_count++] = (struct s3_pair){name, value};
    }
    parsed.body = text != NULL && *text == '\n' ? text + 1 : NULL;
    *ret_parsed = parsed;
}

static void hash_hex(const char *text, char out[65])
{
    unsigned char hash[32];

    assert_int_equal(EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL), 1);
    for (size_t i = 0; i < sizeof hash; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static const char *string_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return text;
}

static void compare_with_vector(const char *folder, const struct sigv4_signed *got)
{
    char wanted[FILE_SIZE], line[FILE_SIZE + 32];

    read_vector(folder, "header-canonical-request.txt", wanted);
    assert_string_equal(got->canonical.at, wanted);
    read_vector(folder, "header-string-to-sign.txt", wanted);
    assert_string_equal(got->to_sign.at, wanted);
    read_vector(folder, "header-signature.txt", wanted);
    wanted[strcspn(wanted, "\r\n")] = '\0';
    const char *signature = strstr(got->authorization.at, "Signature=");
    assert_non_null(signature);
    assert_string_equal(signature + strlen("Signature="), wanted);
    read_vector(folder, "header-signed-request.txt", wanted);
    (void)snprintf(line, sizeof line, "\nAuthorization:%s\n", got->authorization.at);
    assert_non_null(strstr(wanted, line));
}

/* False: it is about normalized paths. */
static bool run_vector(const char *folder)
{
    char text[FILE_SIZE], hash[65];
    struct parsed parsed;
    struct sigv4_signed got = {0};
    struct sme_error err = SME_ERROR_INIT;
    struct tm tm = {0};

    read_vector(folder, "context.json", text);
    json_t *context = json_loads(text, 0, NULL);
    assert_non_null(context);
    read_vector(folder, "request.txt", text);
    parse_request(text, &parsed);
    if (json_is_true(json_object_get(context, "normalize")) &&
        (strstr(parsed.path, "//") != NULL || strstr(parsed.path, "/.") != NULL)) {
        json_decref(context);
        return false;
    }
    hash_hex(parsed.body != NULL ? parsed.body : "", hash);
    if (json_is_true(json_object_get(context, "sign_body")))
        parsed.headers[parsed.header_count++] = (struct s3_pair){"X-Amz-Content-Sha256", hash};
    assert_non_null(strptime(string_of(context, "timestamp"), "%Y-%m-%dT%H:%M:%SZ", &tm));
    const json_t *credentials = json_object_get(context, "credentials");
    const struct sigv4_keys keys = {
        .access = string_of(credentials, "access_key_id"),
        .secret = string_of(credentials, "secret_access_key"),
        .token = json_is_true(json_object_get(context, "omit_session_token"))
                     ? NULL
                     : json_string_value(json_object_get(credentials, "token")),
    };
    const struct sigv4_request request = {
        .method = parsed.method,
        .path = parsed.path,
        .query = parsed.query,
        .query_count = parsed.query_count,
        .headers = parsed.headers,
        .header_count = parsed.header_count,
        .payload_sha256 = hash,
        .region = string_of(context, "region"),
        .service = string_of(context, "service"),
        .time_sec = (int64_t)timegm(&tm),
    };
    if (sigv4_sign(&request, &keys, &got, &err) != SME_OK)
        fail_msg("%s: %s", folder, err.message);
    compare_with_vector(folder, &got);
    sigv4_signed_done(&got);
    json_decref(context);
    return true;
}

static void published_vectors(void **state)
{
    (void)state;
    const char *srcdir = getenv("SME_TEST_SRCDIR");
    char root[2048], folder[4096], text[FILE_SIZE];
    unsigned is_signed = 0, normalized = 0;
    const struct dirent *entry;

    (void)snprintf(root, sizeof root, "%s/%s", srcdir != NULL ? srcdir : ".", VECTORS);
    DIR *dir = opendir(root);
    if (dir == NULL) {
        print_message("the published vectors are not in '%s': skipped\n", root);
        skip();
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        (void)snprintf(folder, sizeof folder, "%s/%s", root, entry->d_name);
        if (entry->d_name[0] == '.' || !read_file(folder, "context.json", text))
            continue;
        if (run_vector(folder))
            is_signed++;
        else
            normalized++;
    }
    assert_int_equal(closedir(dir), 0);
    assert_int_equal(is_signed, VECTORS_SIGNED);
    assert_int_equal(normalized, VECTORS_NORMALIZED);
}

/* ---- S3 ------------------------------------------------------------------------------------ */

/* Sign, and compare address and signature. */
static void assert_signed(const struct sigv4_request *request, const struct sigv4_keys *keys,
                          const char *target, const char *signed_headers, const char *signature)
{
    struct sigv4_signed got = {0};
    struct sme_error err = SME_ERROR_INIT;
    char day[9] = "", wanted[1024];

    if (sigv4_sign(request, keys, &got, &err) != SME_OK)
        fail_msg("%s", err.message);
    memcpy(day, got.date, 8);
    (void)snprintf(wanted, sizeof wanted,
                   "AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, "
                   "Signature=%s",
                   keys->access, day, request->region, request->service, signed_headers, signature);
    assert_string_equal(got.target.at, target);
    assert_string_equal(got.authorization.at, wanted);
    assert_null(strstr(got.canonical.at, keys->secret));
    assert_null(strstr(got.to_sign.at, keys->secret));
    sigv4_signed_done(&got);
    assert_null(got.authorization.at);
}

static struct sigv4_request documented(const char *method, const char *path)
{
    return (struct sigv4_request){
        .method = method,
        .path = path,
        .payload_sha256 = EMPTY_SHA256,
        .region = "us-east-1",
        .service = "s3",
        .time_sec = DAY_2013,
    };
}

static void documented_get_of_a_range(void **state)
{
    (void)state;
    const struct s3_pair headers[] = {{"host", "examplebucket.s3.amazonaws.com"},
                                      {"range", "bytes=0-9"},
                                      {"x-amz-content-sha256", EMPTY_SHA256}};
    struct sigv4_request request = documented("GET", "/test.txt");

    request.headers = headers;
    request.header_count = 3;
    assert_signed(&request, &example_keys, "/test.txt",
                  "host;range;x-amz-content-sha256;x-amz-date",
                  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void documented_put(void **state)
{
    (void)state;
    char hash[65];
    struct sigv4_request request = documented("PUT", "/test$file.text");

    hash_hex("Welcome to Amazon S3.", hash);
    const struct s3_pair headers[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                      {"x-amz-content-sha256", hash},
                                      {"host", "examplebucket.s3.amazonaws.com"},
                                      {"Date", "Fri, 24 May 2013 00:00:00 GMT"}};
    request.payload_sha256 = hash;
    request.headers = headers;
    request.header_count = 4;
    assert_signed(&request, &example_keys, "/test%24file.text",
                  "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void documented_requests_of_the_bucket(void **state)
{
    (void)state;
    const struct s3_pair headers[] = {{"host", "examplebucket.s3.amazonaws.com"},
                                      {"x-amz-content-sha256", EMPTY_SHA256}};
    const struct s3_pair lifecycle = {"lifecycle", ""};
    const struct s3_pair list[] = {{"prefix", "J"}, {"max-keys", "2"}};
    struct sigv4_request request = documented("GET", "/");

    request.headers = headers;
    request.header_count = 2;
    request.query = &lifecycle;
    request.query_count = 1;
    assert_signed(&request, &example_keys, "/?lifecycle", "host;x-amz-content-sha256;x-amz-date",
                  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    request.query = list;
    request.query_count = 2;
    assert_signed(&request, &example_keys, "/?max-keys=2&prefix=J",
                  "host;x-amz-content-sha256;x-amz-date",
                  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

/* The signatures of what follows were computed by Amazon's botocore. */

static void reserved_and_foreign_characters(void **state)
{
    (void)state;
    const struct s3_pair headers[] = {{"host", "b.example.net:9000"},
                                      {"x-amz-content-sha256", EMPTY_SHA256}};
    const struct s3_pair query[] = {
        {"prefix", "x/y z+\xc3\xa9&="},
        {"list-type", "2"},
        {"a", "2"},
        {"a", "10"},
        {"a-b", "1"},
        {"A", "%2F"},
        {"acl", ""},
    };
    struct sigv4_request request = {
        .method = "GET",
        .path = "/a b+c=d&e/\xc3\xa9~%41:@!$'()*,;?#[]\x01//../x",
        .query = query,
        .query_count = sizeof query / sizeof query[0],
        .headers = headers,
        .header_count = 2,
        .payload_sha256 = EMPTY_SHA256,
        .region = "eu-central-1",
        .service = "s3",
        .time_sec = DAY_2026,
    };

    assert_signed(&request, &example_keys,
                  "/a%20b%2Bc%3Dd%26e/%C3%A9~%2541%3A%40%21%24%27%28%29%2A%2C%3B%3F%23%5B%5D%01"
                  "//../x?A=%252F&a=10&a=2&a-b=1&acl&list-type=2&prefix=x%2Fy%20z%2B%C3%A9%26%3D",
                  "host;x-amz-content-sha256;x-amz-date",
                  "23be58b7f66a5de9abdf06cbeac195c979bbab5fd75d0469eb450fdb54ae50f5");
}

static void a_session_token_is_signed(void **state)
{
    (void)state;
    const struct sigv4_keys keys = {"AKIAIOSFODNN7EXAMPLE", SECRET, "tok/en+=="};
    const struct sigv4_keys empty = {"AKIAIOSFODNN7EXAMPLE", SECRET, ""};
    const struct s3_pair headers[] = {{"X-Amz-Storage-Class", "  STANDARD_IA\t"},
                                      {"Content-MD5", "a  b"},
                                      {"x-amz-content-sha256", EMPTY_SHA256},
                                      {"Host", "b.example.net:9000"}};
    struct sigv4_request request = documented("PUT", "/k");
    struct sigv4_signed got = {0};

    request.headers = headers;
    request.header_count = 4;
    request.region = "eu-central-1";
    request.time_sec = DAY_2026;
    assert_signed(&request, &keys, "/k",
                  "content-md5;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;"
                  "x-amz-storage-class",
                  "20090194cc0071eddba79330fa9dbe9926a04611f76446e1e1a050335b78166d");
    assert_int_equal(sigv4_sign(&request, &empty, &got, NULL), SME_OK);
    assert_null(strstr(got.canonical.at, "token"));
    assert_string_equal(got.date, "20261123T020000Z");
    sigv4_signed_done(&got);
}

static void other_services_sign_an_encoded_path_encoded(void **state)
{
    (void)state;
    const struct s3_pair host = {"host", "b.example.net:9000"};
    struct sigv4_request request = documented("POST", "/a b/%/\xc3\xa9");

    request.headers = &host;
    request.header_count = 1;
    request.region = "eu-central-1";
    request.service = "sts";
    request.time_sec = DAY_2026;
    request.double_encode = true;
    assert_signed(&request, &example_keys, "/a%20b/%25/%C3%A9", "host;x-amz-date",
                  "72dd479ee1052e2e8ee3c8949ce318c4e4005e736fd13c5ccd7c8f6e8cdf93bf");
}

static void an_unsigned_body(void **state)
{
    (void)state;
    const struct s3_pair host = {"host", "h"};
    struct sigv4_request request = documented("PUT", "/k");
    struct sigv4_signed got = {0};
    static const char ending[] = "\nhost;x-amz-date\nUNSIGNED-PAYLOAD";

    request.headers = &host;
    request.header_count = 1;
    request.payload_sha256 = "UNSIGNED-PAYLOAD";
    assert_int_equal(sigv4_sign(&request, &example_keys, &got, NULL), SME_OK);
    assert_true(got.canonical.len > strlen(ending));
    assert_string_equal(got.canonical.at + got.canonical.len - strlen(ending), ending);
    sigv4_signed_done(&got);
}

static void without_keys_only_the_address_is_made(void **state)
{
    (void)state;
    const struct s3_pair host = {"host", "h"};
    struct sigv4_request request = documented("GET", "/a b");
    struct sigv4_signed got = {0};

    request.headers = &host;
    request.header_count = 1;
    assert_int_equal(sigv4_sign(&request, NULL, &got, NULL), SME_OK);
    assert_string_equal(got.target.at, "/a%20b");
    assert_null(got.authorization.at);
    sigv4_signed_done(&got);
}

static void every_byte_is_encoded_or_kept(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char byte = (char)c, wanted[4];
        struct s3_text got = {0}, kept = {0};
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                        (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
        if (is_plain)
            (void)snprintf(wanted, sizeof wanted, "%c", c);
        else
            (void)snprintf(wanted, sizeof wanted, "%%%02X", (unsigned)c);
        sigv4_encode(&got, &byte, 1, false);
        sigv4_encode(&kept, &byte, 1, true);
        assert_string_equal(got.at, wanted);
        assert_string_equal(kept.at, c == '/' ? "/" : wanted);
        s3_text_done(&got);
        s3_text_done(&kept);
    }
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void assert_refused(const struct sigv4_request *request, const struct sigv4_keys *keys,
                           const char *says)
{
    struct sigv4_signed got = {0};
    struct sme_error err = SME_ERROR_INIT;

    assert_int_equal(sigv4_sign(request, keys, &got, &err), SME_E_INVALID);
    if (strstr(err.message, says) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, says);
    assert_null(strstr(err.message, "wJal"));
    assert_null(got.authorization.at);
    assert_int_equal(got.date[0], '\0');
}

static void headers_that_would_break_the_request_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct s3_pair header;
        const char *says;
    } cases[] = {
        {{"x-a", "b\r\nx-evil: 1"}, "'x-a' has control characters"},
        {{"x-a", "b\nc"}, "'x-a' has control characters"},
        {{"x-a", NULL}, "'x-a' has control characters"},
        {{"x a", "b"}, "the name of a header"},
        {{"x-a:", "b"}, "the name of a header"},
        {{"x-a\n", "b"}, "the name of a header"},
        {{"", "b"}, "the name of a header"},
        {{NULL, "b"}, "the name of a header"},
        {{"X-Amz-Date", "20130524T000000Z"}, "made by signing"},
        {{"Authorization", "x"}, "made by signing"},
        {{"x-amz-security-token", "x"}, "made by signing"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct s3_pair headers[] = {{"host", "h"}, cases[i].header};
        struct sigv4_request request = documented("GET", "/");
        request.headers = headers;
        request.header_count = 2;
        assert_refused(&request, &example_keys, cases[i].says);
    }
}

static void requests_that_cannot_be_signed_are_refused(void **state)
{
    (void)state;
    const struct s3_pair host = {"HOST", "h"}, no_value = {"a", NULL};
    const struct s3_pair many[65] = {{"host", "h"}};
    struct sigv4_request good = documented("GET", "/"), bad = good;

    assert_refused(&bad, &example_keys, "'host' is missing");
    good.headers = &host;
    good.header_count = 1;
    bad = good;
    bad.path = "no-slash";
    assert_refused(&bad, &example_keys, "the path");
    bad = good;
    bad.method = "GET / HTTP/1.1";
    assert_refused(&bad, &example_keys, "the method");
    bad = good;
    bad.region = "";
    assert_refused(&bad, &example_keys, "the region");
    bad.region = "us\neast";
    assert_refused(&bad, &example_keys, "the region");
    bad = good;
    bad.service = "s3/x";
    assert_refused(&bad, &example_keys, "the service");
    bad = good;
    bad.payload_sha256 = "e3b0";
    assert_refused(&bad, &example_keys, "the hash");
    bad = good;
    bad.time_sec = -1;
    assert_refused(&bad, &example_keys, "the time");
    bad.time_sec = INT64_MAX;
    assert_refused(&bad, &example_keys, "the time");
    bad.time_sec = INT64_C(253402300800); /* the year 10000 */
    assert_refused(&bad, &example_keys, "the time");
    bad = good;
    bad.query = &no_value;
    bad.query_count = 1;
    assert_refused(&bad, &example_keys, "a pair of the query");
    bad = good;
    bad.headers = many;
    bad.header_count = 65;
    assert_refused(&bad, &example_keys, "too many");
}

static void unusable_keys_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct sigv4_keys keys;
        const char *says;
    } cases[] = {
        {{"", SECRET, NULL}, "access key"},
        {{NULL, SECRET, NULL}, "access key"},
        {{"AKIA EXAMPLE", SECRET, NULL}, "access key"},
        {{"AKIA\r\nx-evil: 1", SECRET, NULL}, "access key"},
        {{"AKIA", "", NULL}, "secret key"},
        {{"AKIA", NULL, NULL}, "secret key"},
        {{"AKIA", SECRET, "tok\nen"}, "session token"},
    };
    const struct s3_pair host = {"host", "h"};
    struct sigv4_request request = documented("GET", "/");

    request.headers = &host;
    request.header_count = 1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(&request, &cases[i].keys, cases[i].says);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(documented_get_of_a_range),
        cmocka_unit_test(documented_put),
        cmocka_unit_test(documented_requests_of_the_bucket),
        cmocka_unit_test(reserved_and_foreign_characters),
        cmocka_unit_test(a_session_token_is_signed),
        cmocka_unit_test(other_services_sign_an_encoded_path_encoded),
        cmocka_unit_test(an_unsigned_body),
        cmocka_unit_test(without_keys_only_the_address_is_made),
        cmocka_unit_test(every_byte_is_encoded_or_kept),
        cmocka_unit_test(headers_that_would_break_the_request_are_refused),
        cmocka_unit_test(requests_that_cannot_be_signed_are_refused),
        cmocka_unit_test(unusable_keys_are_refused),
    };

    return cmocka_run_group_tests_name("s3_sigv4", tests, NULL, NULL);
}
