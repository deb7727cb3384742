/*
 * Tests of the S3 sink against a scripted store: refusals of every kind, redirects, clocks, puts.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The numbers behind the headings are the rows of the table of failures in the design.
 */
#include "../harness/s3rig.h"
#include "../../sinks/s3/objects.h"
#include "../../sinks/s3/open.h"

#include <stdlib.h>

#define KEY "docs/data/0001"

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* ---- trouble at the store: 1, 23, 27, 29, 30 ---------------------------------------------- */

struct refusal {
    int http;
    const char *code; /* "" : a body that is not S3's */
    int put, get, list, remove;
};

static const struct refusal refusals[] = {
    {500, "InternalError", SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT},
    {502, "", SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT},
    {503, "ServiceUnavailable", SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT},
    {503, "SlowDown", SME_E_THROTTLED, SME_E_THROTTLED, SME_E_THROTTLED, SME_E_THROTTLED},
    {503, "RequestLimitExceeded", SME_E_THROTTLED, SME_E_THROTTLED, SME_E_THROTTLED,
     SME_E_THROTTLED},
    {504, "", SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT},
    {429, "", SME_E_THROTTLED, SME_E_THROTTLED, SME_E_THROTTLED, SME_E_THROTTLED},
    {408, "", SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT},
    {400, "RequestTimeout", SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT},
    {409, "OperationAborted", SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT, SME_E_TRANSIENT},
    {403, "AccessDenied", SME_E_DENIED, SME_E_DENIED, SME_E_DENIED, SME_E_DENIED},
    {403, "InvalidAccessKeyId", SME_E_DENIED, SME_E_DENIED, SME_E_DENIED, SME_E_DENIED},
    {403, "SignatureDoesNotMatch", SME_E_DENIED, SME_E_DENIED, SME_E_DENIED, SME_E_DENIED},
    {400, "ExpiredToken", SME_E_DENIED, SME_E_DENIED, SME_E_DENIED, SME_E_DENIED},
    {400, "KMS.DisabledException", SME_E_DENIED, SME_E_DENIED, SME_E_DENIED, SME_E_DENIED},
    {400, "KMS.NotFoundException", SME_E_DENIED, SME_E_DENIED, SME_E_DENIED, SME_E_DENIED},
    {400, "KMS.InvalidStateException", SME_E_DENIED, SME_E_DENIED, SME_E_DENIED, SME_E_DENIED},
    {400, "KMS.InvalidKeyUsageException", SME_E_DENIED, SME_E_DENIED, SME_E_DENIED, SME_E_DENIED},
    {400, "KMS.ThrottlingException", SME_E_THROTTLED, SME_E_THROTTLED, SME_E_THROTTLED,
     SME_E_THROTTLED},
    {404, "NoSuchBucket", SME_E_INVALID, SME_E_INVALID, SME_E_INVALID, SME_E_INVALID},
    {400, "InvalidRequest", SME_E_INVALID, SME_E_INVALID, SME_E_INVALID, SME_E_INVALID},
};

static void refuse(struct s3rig *rig, const struct refusal *refusal)
{
    if (refusal->code[0] != '\0')
        (void)s3rig_refuse(rig, refusal->http, refusal->code, NULL);
    else
        (void)s3rig_reply(rig, refusal->http, "Content-Type: text/html\r\n",
                          "<html><body><h1>Oh dear</h1><p>The gateway says no.</body></html>");
}

/* The status, what was to be done and to what, why, and one request only. */
static void assert_told(struct s3rig *rig, const struct refusal *refusal, const char *object,
                        const char *call, int got, int expected, size_t seen)
{
    char number[8];

    (void)snprintf(number, sizeof number, "%d", refusal->http);
    if (got != expected)
        fail_msg("%s after %d %s is %d, not %d: %s", call, refusal->http, refusal->code, got,
                 expected, rig->err.message);
    assert_true(s3rig_says(rig, object));
    assert_true(s3rig_says(rig, refusal->code[0] != '\0' ? refusal->code : number));
    assert_true(strchr(rig->err.message, '\n') == NULL);
    assert_int_equal(s3rig_seen(rig), seen);
}

static void each_refusal_has_its_class(void **state)
{
    struct s3rig *rig = *state;
    char buf[16];

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];
        bool bucket = strcmp(refusal->code, "NoSuchBucket") == 0;
        const char *object = bucket ? S3RIG_BUCKET : KEY;
        size_t seen = 0;

        refuse(rig, refusal);
        int got = s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY);
        assert_told(rig, refusal, object, "put", got, refusal->put, ++seen);
        refuse(rig, refusal);
        got = (int)s3rig_get(rig, KEY, 0, buf, sizeof buf);
        assert_told(rig, refusal, object, "get", got, refusal->get, ++seen);
        refuse(rig, refusal);
        got = s3rig_list(rig, "docs/data/");
        assert_told(rig, refusal, bucket ? S3RIG_BUCKET : "docs/data/", "list", got, refusal->list,
                    ++seen);
        assert_string_equal(rig->listed, "");
        refuse(rig, refusal);
        got = s3rig_remove(rig, KEY);
        assert_told(rig, refusal, object, "remove", got, refusal->remove, ++seen);
        s3rig_forget(rig);
    }
}

static void each_failure_of_a_head_has_its_class(void **state)
{
    /* A reply to HEAD has no body, so there is the status only. */
    static const struct {
        int http, expected;
    } heads[] = {
        {500, SME_E_TRANSIENT}, {502, SME_E_TRANSIENT}, {504, SME_E_TRANSIENT},
        {429, SME_E_THROTTLED}, {408, SME_E_TRANSIENT}, {403, SME_E_DENIED},
        {404, SME_E_NOT_FOUND}, {400, SME_E_INVALID},
    };
    struct s3rig *rig = *state;

    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char number[8];

        (void)snprintf(number, sizeof number, "%d", heads[i].http);
        (void)s3rig_reply(rig, heads[i].http, NULL, NULL);
        assert_int_equal(s3rig_stat(rig, KEY), heads[i].expected);
        assert_true(s3rig_says(rig, KEY));
        if (heads[i].expected != SME_E_NOT_FOUND)
            assert_true(s3rig_says(rig, number));
        assert_string_equal(s3rig_request(rig, i)->method, "HEAD");
    }
}

static void the_store_says_how_long_to_wait(void **state)
{
    struct s3rig *rig = *state;

    (void)s3rig_reply(rig, 503, "Retry-After: 7\r\n", NULL);
    assert_true(s3rig_put(rig, KEY, "content", 0) < 0);
    assert_int_equal(rig->err.retry_after_ms, 7000);
    (void)s3rig_reply(rig, 503, "x-amz-retry-after: 1500\r\n", NULL);
    assert_true(s3rig_put(rig, KEY, "content", 0) < 0);
    assert_int_equal(rig->err.retry_after_ms, 1500);
    (void)s3rig_reply(rig, 503, "Retry-After: 99999999999999\r\n", NULL);
    assert_true(s3rig_put(rig, KEY, "content", 0) < 0);
    assert_true(rig->err.retry_after_ms <= 3600u * 1000);
}

static void advice_fits_the_cause(void **state)
{
    static const struct {
        int http;
        const char *code, *advice;
    } cases[] = {
        {400, "KMS.DisabledException", "KMS key"}, {403, "AccessDenied", "sme-backup policy"},
        {404, "NoSuchBucket", "sme-backup setup"}, {403, "InvalidAccessKeyId", "credentials"},
        {400, "EntityTooLarge", "pack_size"},      {403, "InvalidObjectState", "--thaw"},
    };
    struct s3rig *rig = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)s3rig_refuse(rig, cases[i].http, cases[i].code, NULL);
        assert_true(s3rig_put(rig, KEY, "content", 0) < 0);
        assert_true(strstr(rig->err.hint, cases[i].advice) != NULL);
    }
}

static void the_name_of_the_kms_key_is_told(void **state)
{
    struct s3rig *rig = *state;

    rig->config.encryption = S3_ENCRYPT_KMS;
    rig->config.kms_key = "alias/backups-of-the-shop";
    s3rig_reopen(rig);
    (void)s3rig_refuse(rig, 400, "KMS.DisabledException", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_DENIED);
    assert_true(s3rig_says(rig, "alias/backups-of-the-shop"));
}

static void text_of_the_store_is_printable_and_bounded(void **state)
{
    struct s3rig *rig = *state;
    char body[4096], filler[3000];

    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    (void)snprintf(body, sizeof body,
                   "<Error><Code>Odd&#10;Code</Code><Message>a&#9;b&#10;c \xc2\x9b"
                   "31m%s</Message></Error>",
                   filler);
    (void)s3rig_reply(rig, 400, NULL, body);
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_INVALID);
    for (const char *at = rig->err.message; *at != '\0'; at++)
        assert_true(*at >= ' ' && *at <= '~');
    assert_true(s3rig_says(rig, KEY));
}

static void what_the_store_repeats_of_the_request_is_not_told(void **state)
{
    struct s3rig *rig = *state;

    (void)s3rig_refuse(rig, 400, "ExpiredToken", "<Token-0>" S3RIG_TOKEN "</Token-0>");
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_DENIED);
    (void)s3rig_refuse(rig, 403, "SignatureDoesNotMatch",
                       "<StringToSign>x-amz-security-token:" S3RIG_TOKEN "</StringToSign>"
                       "<SignatureProvided>Signature=00ff</SignatureProvided>");
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_DENIED);
}

/* ---- connections: 3, 7, 16, 31 ------------------------------------------------------------- */

static void a_reset_connection_is_made_anew(void **state)
{
    struct s3rig *rig = *state;

    s3rig_reply(rig, 200, NULL, NULL)->fault = HTTPD_RESET_BEFORE;
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_TRANSIENT);
    assert_true(s3rig_says(rig, KEY));
    assert_int_equal(s3rig_seen(rig), 1);
    /* The reply was lost, yet the object was stored. */
    (void)s3rig_refuse(rig, 412, "PreconditionFailed", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", SME_PUT_CREATE_ONLY), SME_E_EXISTS);
    assert_string_equal((const char *)s3rig_request(rig, 1)->body, "content");
    assert_int_equal(httpd_connections(rig->server), 2);
}

static void connections_are_kept(void **state)
{
    struct s3rig *rig = *state;

    for (unsigned i = 0; i < 10; i++) {
        (void)s3rig_reply(rig, 200, NULL, NULL);
        assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_OK);
    }
    assert_int_equal(httpd_connections(rig->server), 1);
}

/* A store may close a connection at rest at any time; that costs nothing but, for a put, another
 * attempt: when the end is seen too late, the put may have been carried out. */
static void a_kept_connection_that_ended_is_replaced(void **state)
{
    struct s3rig *rig = *state;

    s3rig_reply(rig, 204, NULL, NULL)->fault = HTTPD_CLOSE_AFTER;
    assert_int_equal(s3rig_remove(rig, KEY), SME_OK);
    (void)s3rig_reply(rig, 204, NULL, NULL);
    assert_int_equal(s3rig_remove(rig, KEY), SME_OK);
    assert_int_equal(s3rig_seen(rig), 2);
    assert_int_equal(httpd_connections(rig->server), 2);
}

/* The put may have been carried out: its repetition is for the core, which then knows that an
 * object of that name may be its own.  Sent again in silence it would look like somebody else's. */
static void a_put_whose_reply_is_lost_is_not_sent_again_in_silence(void **state)
{
    struct s3rig *rig = *state;

    (void)s3rig_reply(rig, 200, NULL, NULL);
    assert_int_equal(s3rig_put(rig, KEY, "first", SME_PUT_CREATE_ONLY), SME_OK);
    s3rig_reply(rig, 200, NULL, NULL)->fault = HTTPD_RESET_BEFORE;
    assert_int_equal(s3rig_put(rig, KEY, "second", SME_PUT_CREATE_ONLY), SME_E_TRANSIENT);
    assert_int_equal(s3rig_seen(rig), 2);
    (void)s3rig_refuse(rig, 412, "PreconditionFailed", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "second", SME_PUT_CREATE_ONLY), SME_E_EXISTS);
}

static void a_stalled_reply_is_given_up(void **state)
{
    struct s3rig *rig = *state;
    char buf[100];

    rig->s3->stall_sec = 1;
    struct s3rig_step *step =
        s3rig_reply(rig, 206, "Content-Range: bytes 0-99/100\r\nContent-Length: 100\r\n", "start");
    step->fault = HTTPD_STALL_AFTER;
    step->cut = 5;
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, sizeof buf), SME_E_TRANSIENT);
    assert_true(s3rig_says(rig, KEY));
}

static void a_stalled_reply_can_be_cancelled(void **state)
{
    struct s3rig *rig = *state;
    char buf[100];
    struct s3rig_step *step = s3rig_reply(rig, 206, "Content-Length: 100\r\n", NULL);

    step->fault = HTTPD_STALL_AFTER;
    step->cancels = true;
    assert_int_equal(s3rig_get(rig, KEY, 0, buf, sizeof buf), SME_E_CANCELLED);
}

static void a_server_that_is_down_may_come_back(void **state)
{
    struct s3rig *rig = *state;
    struct httpd *gone = httpd_new(NULL, NULL);
    char endpoint[64];

    (void)snprintf(endpoint, sizeof endpoint, "%s", httpd_url(gone));
    httpd_free(gone);
    rig->config.endpoint = endpoint;
    s3rig_reopen(rig);
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_TRANSIENT);
    assert_true(s3rig_says(rig, strstr(endpoint, "127.")));
    assert_int_equal(s3rig_list(rig, "docs/"), SME_E_TRANSIENT);
}

static void a_name_that_is_not_found_may_come_back(void **state)
{
    struct s3rig *rig = *state;

    rig->config.endpoint = "http://store.invalid";
    s3rig_reopen(rig);
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_TRANSIENT);
    assert_true(s3rig_says(rig, "store.invalid"));
}

static void plain_http_needs_leave(void **state)
{
    struct s3rig *rig = *state;
    struct s3 *s3 = NULL;
    struct sme_error err = {.struct_size = sizeof err};

    rig->config.allow_http = false;
    assert_int_equal(s3_open(&rig->fake.host, &rig->config, &s3, &err), SME_E_INVALID);
    assert_true(strstr(err.message, rig->endpoint) != NULL);
    assert_true(strstr(err.message, "allow_http") != NULL ||
                strstr(err.hint, "allow_http") != NULL);
    assert_null(s3);
}

/* ---- regions and redirects: 8 -------------------------------------------------------------- */

static void assert_region(struct s3rig *rig, size_t i, const char *region)
{
    char scope[128];

    (void)snprintf(scope, sizeof scope, "/%s/s3/aws4_request", region);
    if (strstr(s3rig_header(rig, i, "authorization"), scope) == NULL)
        fail_msg("request %zu is not signed for %s: %s", i, region,
                 s3rig_header(rig, i, "authorization"));
}

static void the_region_is_learned(void **state)
{
    static const struct {
        int http;
        const char *headers, *code, *more;
        bool head;
    } cases[] = {
        {301, "x-amz-bucket-region: sa-east-1\r\n", "PermanentRedirect", "", false},
        {301, "", "PermanentRedirect", "<Region>sa-east-1</Region>", false},
        {307, "x-amz-bucket-region: sa-east-1\r\n", "TemporaryRedirect", "", false},
        {400, "", "AuthorizationHeaderMalformed", "<Region>sa-east-1</Region>", false},
        {400, "x-amz-bucket-region: sa-east-1\r\n", "IllegalLocationConstraintException", "",
         false},
        {301, "x-amz-bucket-region: sa-east-1\r\n", "", "", true},
        {400, "x-amz-bucket-region: sa-east-1\r\n", "", "", true},
    };
    struct s3rig *rig = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct s3rig_step *step =
            cases[i].head ? s3rig_reply(rig, cases[i].http, NULL, NULL)
                          : s3rig_refuse(rig, cases[i].http, cases[i].code, cases[i].more);

        (void)snprintf(step->headers, sizeof step->headers, "%s", cases[i].headers);
        (void)s3rig_reply(rig, 200, NULL, NULL);
        for (unsigned n = 0; n < 2; n++) {
            int got = cases[i].head ? s3rig_stat(rig, KEY) : s3rig_put(rig, KEY, "content", 0);
            if (got != (n == 0 ? SME_E_TRANSIENT : SME_OK))
                fail_msg("case %zu: %d: %s", i, got, rig->err.message);
        }
        assert_region(rig, 0, "eu-central-1");
        assert_region(rig, 1, "sa-east-1");
        assert_string_equal(s3rig_header(rig, 0, "host"), s3rig_header(rig, 1, "host"));
        /* It is remembered. */
        (void)s3rig_reply(rig, 204, NULL, NULL);
        assert_int_equal(s3rig_remove(rig, KEY), SME_OK);
        assert_region(rig, 2, "sa-east-1");
        s3rig_forget(rig);
        s3rig_reopen(rig);
    }
}

static void a_redirect_to_where_one_is_ends(void **state)
{
    struct s3rig *rig = *state;

    (void)s3rig_refuse(rig, 301, "PermanentRedirect", "<Region>eu-central-1</Region>");
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_INVALID);
    assert_true(s3rig_says(rig, "region"));
    (void)s3rig_refuse(rig, 301, "PermanentRedirect", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_INVALID);
    assert_true(s3rig_says(rig, "region"));
}

static void names_that_are_no_region_are_not_taken(void **state)
{
    static const char *const names[] = {
        "evil.example/",
        "..",
        "eu-west-1@evil.example",
        "a b",
        "eu-west-1:8080",
        "eu-west-1/../us-east-1",
        "%2e",
        "-",
        "eu-west-1.evil.com",
    };
    struct s3rig *rig = *state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char more[128];

        (void)snprintf(more, sizeof more, "<Region>%s</Region>", names[i]);
        (void)s3rig_refuse(rig, 301, "PermanentRedirect", more);
        if (s3rig_put(rig, KEY, "content", 0) != SME_E_INVALID)
            fail_msg("'%s' was taken", names[i]);
        assert_string_equal(rig->s3->region, "eu-central-1");
        assert_false(s3_region_is_sane(names[i]));
    }
    assert_true(s3_region_is_sane("us-gov-east-1"));
}

static void never_asked(void *cookie, const struct httpd_request *request,
                        struct httpd_reply *reply)
{
    (void)cookie, (void)request, (void)reply;
}

static void a_foreign_host_is_never_asked(void **state)
{
    static const int statuses[] = {301, 302, 303, 307, 308};
    struct s3rig *rig = *state;
    struct httpd *foreign = httpd_new(never_asked, NULL);
    char headers[256], more[256], buf[8];

    (void)snprintf(headers, sizeof headers, "Location: %s/%s/%s\r\n", httpd_url(foreign),
                   S3RIG_BUCKET, KEY);
    (void)snprintf(more, sizeof more, "<Endpoint>127.0.0.1:%u</Endpoint>", httpd_port(foreign));
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        for (unsigned n = 0; n < 3; n++) {
            struct s3rig_step *step = s3rig_refuse(rig, statuses[i], "PermanentRedirect", more);
            (void)snprintf(step->headers, sizeof step->headers, "%s", headers);
        }
        assert_true(s3rig_get(rig, KEY, 0, buf, sizeof buf) < 0);
        assert_true(s3rig_put(rig, KEY, "content", 0) < 0);
        assert_true(s3rig_list(rig, "docs/") < 0);
    }
    assert_int_equal(s3rig_seen(rig), 3 * sizeof statuses / sizeof statuses[0]);
    assert_int_equal(httpd_connections(foreign), 0);
    httpd_free(foreign);
}

static void amazons_hosts_follow_the_region(void **state)
{
    struct s3rig *rig = *state;
    struct sme_error err = {.struct_size = sizeof err};

    rig->config.endpoint = NULL;
    rig->config.style = S3_STYLE_AUTO;
    s3rig_reopen(rig);
    assert_string_equal(rig->s3->base, "https://shop-backup.s3.eu-central-1.amazonaws.com");
    assert_int_equal(s3_resolve(rig->s3, "sa-east-1", &err), SME_OK);
    assert_string_equal(rig->s3->base, "https://shop-backup.s3.sa-east-1.amazonaws.com");
    assert_string_equal(rig->s3->bucket_host, "shop-backup.s3.sa-east-1.amazonaws.com");
    assert_int_equal(s3_resolve(rig->s3, "cn-north-1", &err), SME_OK);
    assert_string_equal(rig->s3->bucket_host, "shop-backup.s3.cn-north-1.amazonaws.com.cn");
}

/* ---- clocks: 9 ----------------------------------------------------------------------------- */

static void the_clock_is_corrected(void **state)
{
    struct s3rig *rig = *state;
    struct s3rig_step *step = s3rig_refuse(rig, 403, "RequestTimeTooSkewed", NULL);

    (void)snprintf(step->headers, sizeof step->headers, "Date: Mon, 23 Nov 2026 05:10:30 GMT\r\n");
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_TRANSIENT);
    (void)s3rig_reply(rig, 200, "Date: Mon, 23 Nov 2026 05:10:32 GMT\r\n", NULL);
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_OK);
    assert_true(begins(s3rig_header(rig, 0, "x-amz-date"), "20261123T0200"));
    assert_true(begins(s3rig_header(rig, 1, "x-amz-date"), "20261123T0510"));
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "clock"));
    /* If that did not help, nothing does. */
    step = s3rig_refuse(rig, 403, "RequestTimeTooSkewed", NULL);
    (void)snprintf(step->headers, sizeof step->headers, "Date: Mon, 23 Nov 2026 05:10:40 GMT\r\n");
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_DENIED);
    assert_true(s3rig_says(rig, "clock"));
}

static void a_clock_that_is_ahead_is_corrected(void **state)
{
    struct s3rig *rig = *state;
    struct s3rig_step *step = s3rig_refuse(rig, 403, "RequestTimeTooSkewed", NULL);

    (void)snprintf(step->headers, sizeof step->headers, "Date: Sun, 22 Nov 2026 23:00:00 GMT\r\n");
    assert_int_equal(s3rig_list(rig, "docs/"), SME_E_TRANSIENT);
    (void)s3rig_reply(rig, 204, NULL, NULL);
    assert_int_equal(s3rig_remove(rig, KEY), SME_OK);
    /* The day in the scope of the signature follows. */
    assert_true(begins(s3rig_header(rig, 1, "x-amz-date"), "20261122T2300"));
    assert_true(strstr(s3rig_header(rig, 1, "authorization"), "/20261122/") != NULL);
}

static void a_skewed_clock_without_a_date_is_told(void **state)
{
    struct s3rig *rig = *state;
    struct s3rig_step *step = s3rig_refuse(rig, 403, "RequestTimeTooSkewed", NULL);

    (void)snprintf(step->headers, sizeof step->headers, "Date: soon\r\n");
    assert_int_equal(s3rig_put(rig, KEY, "content", 0), SME_E_DENIED);
    assert_true(s3rig_says(rig, "clock"));
}

/* ---- main ---------------------------------------------------------------------------------- */

#define RIG_TEST(function) cmocka_unit_test_setup_teardown(function, s3rig_set_up, s3rig_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RIG_TEST(each_refusal_has_its_class),
        RIG_TEST(each_failure_of_a_head_has_its_class),
        RIG_TEST(the_store_says_how_long_to_wait),
        RIG_TEST(advice_fits_the_cause),
        RIG_TEST(the_name_of_the_kms_key_is_told),
        RIG_TEST(text_of_the_store_is_printable_and_bounded),
        RIG_TEST(what_the_store_repeats_of_the_request_is_not_told),
        RIG_TEST(a_reset_connection_is_made_anew),
        RIG_TEST(connections_are_kept),
        RIG_TEST(a_kept_connection_that_ended_is_replaced),
        RIG_TEST(a_put_whose_reply_is_lost_is_not_sent_again_in_silence),
        RIG_TEST(a_stalled_reply_is_given_up),
        RIG_TEST(a_stalled_reply_can_be_cancelled),
        RIG_TEST(a_server_that_is_down_may_come_back),
        RIG_TEST(a_name_that_is_not_found_may_come_back),
        RIG_TEST(plain_http_needs_leave),
        RIG_TEST(the_region_is_learned),
        RIG_TEST(a_redirect_to_where_one_is_ends),
        RIG_TEST(names_that_are_no_region_are_not_taken),
        RIG_TEST(a_foreign_host_is_never_asked),
        RIG_TEST(amazons_hosts_follow_the_region),
        RIG_TEST(the_clock_is_corrected),
        RIG_TEST(a_clock_that_is_ahead_is_corrected),
        RIG_TEST(a_skewed_clock_without_a_date_is_told),
    };

    return cmocka_run_group_tests_name("s3_table", tests, NULL, NULL);
}
