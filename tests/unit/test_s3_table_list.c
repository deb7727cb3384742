/*
 * Tests of the S3 sink against a scripted store: listings and removals of many, which must tell
 * all or fail.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The numbers behind the headings are the rows of the table of failures in the design.
 */
#include "../harness/s3rig.h"
#include "../../sinks/s3/objects.h"

#include <stdlib.h>

#define PREFIX "docs/data/"
#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                 \
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>" S3RIG_BUCKET      \
    "</Name><EncodingType>url</EncodingType><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys>"
#define TAIL "</ListBucketResult>"
#define LAST "<IsTruncated>false</IsTruncated>"
#define MORE(token)                                                                                \
    "<IsTruncated>true</IsTruncated><NextContinuationToken>" token "</NextContinuationToken>"
#define ENTRY(key)                                                                                 \
    "<Contents><Key>" key "</Key><LastModified>2026-11-23T01:00:00.000Z</LastModified>"            \
    "<ETag>&quot;abc&quot;</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>"

static void page(struct s3rig *rig, const char *content)
{
    char body[4096];

    assert_true(snprintf(body, sizeof body, "%s%s%s", HEAD, content, TAIL) < (int)sizeof body);
    (void)s3rig_reply(rig, 200, "Content-Type: application/xml\r\n", body);
}

static void assert_asks(struct s3rig *rig, size_t i, const char *text)
{
    const char *target = s3rig_request(rig, i)->target;

    if (strstr(target, text) == NULL)
        fail_msg("'%s' lacks '%s'", target, text);
}

/* ---- whole listings: 18 -------------------------------------------------------------------- */

static void one_page_is_listed(void **state)
{
    struct s3rig *rig = *state;

    page(rig, LAST ENTRY("docs%2Fdata%2F1") ENTRY("docs%2Fdata%2F2"));
    assert_int_equal(s3rig_list(rig, PREFIX), SME_OK);
    assert_string_equal(rig->listed, "docs/data/1 docs/data/2 ");
    assert_int_equal(rig->last.size, 5);
    assert_true(rig->last.modified_ns == INT64_C(1795395600) * 1000000000);
    assert_string_equal(s3rig_request(rig, 0)->method, "GET");
    assert_asks(rig, 0, "/" S3RIG_BUCKET);
    assert_asks(rig, 0, "list-type=2");
    assert_asks(rig, 0, "encoding-type=url");
    assert_asks(rig, 0, "prefix=docs%2Fdata%2F");
    assert_null(strstr(s3rig_request(rig, 0)->target, "continuation-token"));
}

static void an_empty_place_is_listed(void **state)
{
    struct s3rig *rig = *state;

    page(rig, LAST);
    assert_int_equal(s3rig_list(rig, ""), SME_OK);
    assert_string_equal(rig->listed, "");
}

static void every_page_is_listed(void **state)
{
    struct s3rig *rig = *state;

    page(rig, MORE("a+b/c==") ENTRY("docs/data/1"));
    page(rig, MORE("second &amp; &quot;x&quot;")); /* empty pages are legal */
    page(rig, MORE("third"));
    page(rig, LAST ENTRY("docs/data/2"));
    assert_int_equal(s3rig_list(rig, PREFIX), SME_OK);
    assert_string_equal(rig->listed, "docs/data/1 docs/data/2 ");
    assert_asks(rig, 1, "continuation-token=a%2Bb%2Fc%3D%3D");
    assert_asks(rig, 2, "continuation-token=second%20%26%20%22x%22");
    assert_asks(rig, 3, "continuation-token=third");
    for (size_t i = 0; i < 4; i++)
        assert_asks(rig, i, "prefix=docs%2Fdata%2F");
}

static void many_pages_are_listed(void **state)
{
    struct s3rig *rig = *state;
    char content[512];

    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(
            content, sizeof content,
            "<IsTruncated>%s</IsTruncated><NextContinuationToken>t%u"
            "</NextContinuationToken><Contents><Key>x/%u</Key><Size>%u</Size></Contents>",
            i < 999 ? "true" : "false", i, i, i);
        page(rig, content);
    }
    assert_int_equal(s3rig_list(rig, "x/"), SME_OK);
    assert_int_equal(rig->last.size, 999);
    assert_int_equal(httpd_requests(rig->server), 1000);
    assert_int_equal(httpd_connections(rig->server), 1);
}

static void encoded_keys_are_decoded(void **state)
{
    struct s3rig *rig = *state;

    page(rig, LAST ENTRY("docs%2Fdata%2Fa%2Bb") ENTRY("docs/data/%41%2e_-") ENTRY("docs/data/a+b"));
    assert_int_equal(s3rig_list(rig, PREFIX), SME_OK);
    assert_string_equal(rig->listed, "docs/data/a+b docs/data/A._- docs/data/a b ");
    /* A store that does not encode says so by leaving the element out. */
    (void)s3rig_reply(rig, 200, NULL,
                      "<ListBucketResult>" LAST ENTRY("docs/data/a+b%2Fc") "</ListBucketResult>");
    assert_int_equal(s3rig_list(rig, PREFIX), SME_OK);
    assert_string_equal(rig->listed, "docs/data/a+b%2Fc ");
}

static void the_sinks_prefix_is_taken_off(void **state)
{
    struct s3rig *rig = *state;

    rig->config.prefix = "shop";
    s3rig_reopen(rig);
    page(rig, LAST ENTRY("shop/docs/data/1"));
    assert_int_equal(s3rig_list(rig, PREFIX), SME_OK);
    assert_string_equal(rig->listed, "docs/data/1 ");
    assert_asks(rig, 0, "prefix=shop%2Fdocs%2Fdata%2F");
    /* The whole place is the prefix, not the bucket. */
    page(rig, LAST ENTRY("shop/repository"));
    assert_int_equal(s3rig_list(rig, ""), SME_OK);
    assert_string_equal(rig->listed, "repository ");
    assert_asks(rig, 1, "prefix=shop%2F");
}

static void archived_objects_are_marked(void **state)
{
    static const struct {
        const char *more;
        bool archived;
    } cases[] = {
        {"<StorageClass>GLACIER_IR</StorageClass>", false},
        {"<StorageClass>GLACIER</StorageClass>", true},
        {"<StorageClass>DEEP_ARCHIVE</StorageClass><RestoreStatus>"
         "<IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>",
         true},
        {"<StorageClass>GLACIER</StorageClass><RestoreStatus>"
         "<IsRestoreInProgress>false</IsRestoreInProgress>"
         "<RestoreExpiryDate>2029-12-21T00:00:00Z</RestoreExpiryDate></RestoreStatus>",
         false},
    };
    struct s3rig *rig = *state;
    char content[512];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(content, sizeof content,
                       LAST "<Contents><Key>docs/data/1</Key><Size>5</Size>%s</Contents>",
                       cases[i].more);
        page(rig, content);
        assert_int_equal(s3rig_list(rig, PREFIX), SME_OK);
        if (((rig->last.flags & SME_OBJECT_ARCHIVED) != 0) != cases[i].archived)
            fail_msg("%s", cases[i].more);
    }
}

static int stop_at_once(void *cookie, const struct sme_object *object)
{
    (void)cookie, (void)object;
    return 7;
}

static void a_listing_ends_when_told(void **state)
{
    struct s3rig *rig = *state;

    page(rig, MORE("next") ENTRY("docs/data/1") ENTRY("docs/data/2"));
    assert_int_equal(object_list(rig->s3, PREFIX, stop_at_once, NULL, &rig->err), 7);
    assert_int_equal(s3rig_seen(rig), 1);
}

/* ---- listings that cannot be trusted: 2, 4, 5, 18 -------------------------------------------- */

static void a_page_that_makes_no_sense_is_no_listing(void **state)
{
    static const char *const bodies[] = {
        "",
        "   ",
        "<html><body>Please log in</body></html>",
        "{\"Contents\": []}",
        HEAD LAST ENTRY("docs/data/1"),                          /* cut off between elements */
        HEAD LAST "<Contents><Key>docs/data/1</Key><Size>5</Si", /* and inside of one */
        HEAD LAST ENTRY("docs/data/1") TAIL "<more/>",           /* and too long */
        HEAD ENTRY("docs/data/1") TAIL,                          /* no IsTruncated */
        HEAD "<IsTruncated>perhaps</IsTruncated>" TAIL,
        HEAD "<IsTruncated></IsTruncated>" TAIL,
        HEAD "<IsTruncated>true</IsTruncated>" ENTRY("docs/data/1") TAIL, /* no token */
        HEAD MORE("") ENTRY("docs/data/1") TAIL,
        HEAD LAST "<Contents><Size>5</Size></Contents>" TAIL,
        HEAD LAST "<Contents><Key>docs/data/1</Key></Contents>" TAIL,
        HEAD LAST "<Contents><Key>docs/data/1</Key><Size>-5</Size></Contents>" TAIL,
        HEAD LAST "<Contents><Key>docs/data/1</Key><Size>5x</Size></Contents>" TAIL,
        HEAD LAST
        "<Contents><Key>docs/data/1</Key><Size>99999999999999999999</Size></Contents>" TAIL,
        HEAD LAST ENTRY("docs/data/%zz") TAIL,
        HEAD LAST ENTRY("docs/data/%4") TAIL,
        HEAD LAST ENTRY("docs/data/%00") TAIL,
        HEAD LAST ENTRY("elsewhere/1") TAIL, /* the prefix was not heeded */
        "<Error><Code>InternalError</Code><Message>We failed.</Message></Error>",
        HEAD "<Error><Code>InternalError</Code><Message>We failed.</Message></Error>",
        "<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a \"aa\">]><ListBucketResult>" LAST TAIL,
        "<ListVersionsResult>" LAST "</ListVersionsResult>",
    };
    struct s3rig *rig = *state;

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        (void)s3rig_reply(rig, 200, "Content-Type: application/xml\r\n", bodies[i]);
        int got = s3rig_list(rig, PREFIX);
        if (got != SME_E_TRANSIENT)
            fail_msg("case %zu is %d: %s", i, got, rig->err.message);
        assert_true(s3rig_says(rig, S3RIG_BUCKET));
    }
}

static void a_page_that_is_cut_off_is_no_listing(void **state)
{
    static const char whole[] = HEAD LAST ENTRY("docs/data/1") ENTRY("docs/data/2") TAIL;
    struct s3rig *rig = *state;

    for (size_t cut = 0; cut + 1 < sizeof whole; cut += 37) {
        char *part = strndup(whole, cut);

        s3rig_reply(rig, 200, NULL, part)->fault = HTTPD_NO_LENGTH;
        assert_int_equal(s3rig_list(rig, PREFIX), SME_E_TRANSIENT);
        struct s3rig_step *step = s3rig_reply(rig, 200, NULL, whole);
        step->fault = cut % 2 == 0 ? HTTPD_CLOSE_AFTER : HTTPD_RESET_AFTER;
        step->cut = cut;
        assert_int_equal(s3rig_list(rig, PREFIX), SME_E_TRANSIENT);
        free(part);
    }
}

static void pages_that_go_round_are_no_listing(void **state)
{
    struct s3rig *rig = *state;

    page(rig, MORE("a") ENTRY("docs/data/1"));
    page(rig, MORE("a") ENTRY("docs/data/2"));
    assert_int_equal(s3rig_list(rig, PREFIX), SME_E_TRANSIENT);
    assert_true(s3rig_says(rig, S3RIG_BUCKET));
}

static void pages_that_alternate_are_no_listing(void **state)
{
    struct s3rig *rig = *state;

    for (unsigned i = 0; i < 16; i++) {
        page(rig, MORE("a") ENTRY("docs/data/1"));
        page(rig, MORE("b") ENTRY("docs/data/2"));
    }
    assert_int_equal(s3rig_list(rig, PREFIX), SME_E_TRANSIENT);
    assert_true(s3rig_seen(rig) <= 16);
    s3rig_skip(rig);
}

static void a_page_that_fails_fails_the_listing(void **state)
{
    static const struct {
        int http;
        const char *code;
        int expected;
    } cases[] = {
        {500, "InternalError", SME_E_TRANSIENT}, {503, "SlowDown", SME_E_THROTTLED},
        {403, "AccessDenied", SME_E_DENIED},     {404, "NoSuchBucket", SME_E_INVALID},
        {404, "NoSuchKey", SME_E_INVALID},
    };
    struct s3rig *rig = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        page(rig, MORE("next") ENTRY("docs/data/1"));
        (void)s3rig_refuse(rig, cases[i].http, cases[i].code, NULL);
        assert_int_equal(s3rig_list(rig, PREFIX), cases[i].expected);
        assert_true(s3rig_says(rig, S3RIG_BUCKET));
    }
    page(rig, MORE("next") ENTRY("docs/data/1"));
    (void)s3rig_reply(rig, 404, "Content-Type: text/html\r\n", "<html>not here</html>");
    assert_int_equal(s3rig_list(rig, PREFIX), SME_E_INVALID);
    (void)s3rig_reply(rig, 200, "Connection: close\r\n",
                      HEAD MORE("next") ENTRY("docs/data/1") TAIL);
    s3rig_reply(rig, 200, NULL, NULL)->fault = HTTPD_RESET_BEFORE;
    assert_int_equal(s3rig_list(rig, PREFIX), SME_E_TRANSIENT);
}

static void an_absent_bucket_is_no_empty_listing(void **state)
{
    struct s3rig *rig = *state;

    (void)s3rig_refuse(rig, 404, "NoSuchBucket", NULL);
    assert_int_equal(s3rig_list(rig, ""), SME_E_INVALID);
    assert_true(s3rig_says(rig, S3RIG_BUCKET));
    assert_true(s3rig_says(rig, "sme-backup setup"));
    (void)s3rig_reply(rig, 404, NULL, NULL);
    assert_int_equal(s3rig_list(rig, ""), SME_E_INVALID);
    assert_true(s3rig_says(rig, S3RIG_BUCKET));
    (void)s3rig_reply(rig, 204, NULL, NULL);
    assert_int_equal(s3rig_list(rig, ""), SME_E_TRANSIENT);
}

static void a_reply_without_end_is_given_up(void **state)
{
    struct s3rig *rig = *state;
    size_t size = 9u << 20;
    char *body = malloc(size + 1);

    assert_non_null(body);
    memset(body, ' ', size);
    body[size] = '\0';
    (void)s3rig_reply(rig, 200, NULL, body);
    assert_true(s3rig_list(rig, PREFIX) < 0);
    assert_true(s3rig_says(rig, S3RIG_BUCKET));
    (void)s3rig_reply(rig, 500, NULL, body);
    assert_true(s3rig_list(rig, PREFIX) < 0);
    free(body);
}

/* ---- removals of many: 2, 26 --------------------------------------------------------------- */

struct removed {
    int status[4];
    char cause[4][64];
    unsigned calls[4];
};

static void note_removed(void *cookie, size_t index, int status, const char *cause)
{
    struct removed *removed = cookie;

    assert_true(index < 4);
    removed->status[index] = status;
    removed->calls[index]++;
    (void)snprintf(removed->cause[index], sizeof removed->cause[index], "%s", cause);
}

static const char *const doomed[] = {"docs/data/1", "docs/data/2", "docs/data/3", "docs/data/4"};

static int remove_all(struct s3rig *rig, struct removed *removed)
{
    *removed = (struct removed){0};
    rig->err = (struct sme_error){.struct_size = sizeof rig->err};
    return object_remove_many(rig->s3, doomed, 4, note_removed, removed, &rig->err);
}

static void each_removal_has_its_result(void **state)
{
    struct s3rig *rig = *state;
    struct removed removed;

    (void)s3rig_reply(
        rig, 200, NULL,
        "<?xml version=\"1.0\"?><DeleteResult><Deleted><Key>docs/data/1</Key></Deleted>"
        "<Error><Key>docs/data/2</Key><Code>AccessDenied</Code><Message>no</Message>"
        "</Error><Error><Key>docs/data/3</Key><Code>InternalError</Code></Error>"
        "<Error><Key>docs/data/4</Key><Code>NoSuchKey</Code></Error>"
        "<Deleted><Key>docs/data/unknown</Key></Deleted></DeleteResult>");
    assert_int_equal(remove_all(rig, &removed), SME_OK);
    assert_int_equal(removed.status[0], SME_OK);
    assert_int_equal(removed.status[1], SME_E_DENIED);
    assert_string_equal(removed.cause[1], "AccessDenied");
    assert_int_equal(removed.status[2], SME_E_TRANSIENT);
    assert_int_equal(removed.status[3], SME_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(removed.calls[i], 1);
    const struct httpd_request *request = s3rig_request(rig, 0);
    assert_string_equal(request->method, "POST");
    assert_non_null(strstr(request->target, "/" S3RIG_BUCKET));
    assert_non_null(strstr(request->target, "?delete"));
    for (size_t i = 0; i < 4; i++)
        assert_non_null(strstr((const char *)request->body, doomed[i]));
    assert_true(s3rig_header(rig, 0, "content-md5")[0] != '\0' ||
                s3rig_header(rig, 0, "x-amz-checksum-sha256")[0] != '\0');
}

static void a_removal_without_result_is_repeated(void **state)
{
    struct s3rig *rig = *state;
    struct removed removed;

    (void)s3rig_reply(rig, 200, NULL,
                      "<DeleteResult><Deleted><Key>docs/data/1</Key></Deleted>"
                      "<Error><Code>AccessDenied</Code></Error></DeleteResult>");
    assert_int_equal(remove_all(rig, &removed), SME_OK);
    assert_int_equal(removed.status[0], SME_OK);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(removed.calls[i], 1);
        assert_int_equal(removed.status[i], SME_E_TRANSIENT);
    }
}

static void a_removal_whose_reply_is_no_result_fails(void **state)
{
    static const char *const bodies[] = {
        "",
        "<DeleteResult><Deleted><Key>docs/data/1</Key></Deleted>",
        "<Error><Code>InternalError</Code><Message>x</Message></Error>",
        "<Error xmlns=\"x\"><Code>InternalError</Code><Message>Result</Message></Error>",
        "<html/>",
    };
    struct s3rig *rig = *state;
    struct removed removed;

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        (void)s3rig_reply(rig, 200, NULL, bodies[i]);
        assert_int_equal(remove_all(rig, &removed), SME_E_TRANSIENT);
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(removed.calls[k], 0);
    }
    (void)s3rig_reply(rig, 200, NULL, "<Error><Code>SlowDown</Code><Message>x</Message></Error>");
    assert_int_equal(remove_all(rig, &removed), SME_E_THROTTLED);
    (void)s3rig_refuse(rig, 403, "AccessDenied", NULL);
    assert_int_equal(remove_all(rig, &removed), SME_E_DENIED);
    assert_true(s3rig_says(rig, S3RIG_BUCKET));
}

/* ---- main ---------------------------------------------------------------------------------- */

#define RIG_TEST(function) cmocka_unit_test_setup_teardown(function, s3rig_set_up, s3rig_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RIG_TEST(one_page_is_listed),
        RIG_TEST(an_empty_place_is_listed),
        RIG_TEST(every_page_is_listed),
        RIG_TEST(many_pages_are_listed),
        RIG_TEST(encoded_keys_are_decoded),
        RIG_TEST(the_sinks_prefix_is_taken_off),
        RIG_TEST(archived_objects_are_marked),
        RIG_TEST(a_listing_ends_when_told),
        RIG_TEST(a_page_that_makes_no_sense_is_no_listing),
        RIG_TEST(a_page_that_is_cut_off_is_no_listing),
        RIG_TEST(pages_that_go_round_are_no_listing),
        RIG_TEST(pages_that_alternate_are_no_listing),
        RIG_TEST(a_page_that_fails_fails_the_listing),
        RIG_TEST(an_absent_bucket_is_no_empty_listing),
        RIG_TEST(a_reply_without_end_is_given_up),
        RIG_TEST(each_removal_has_its_result),
        RIG_TEST(a_removal_without_result_is_repeated),
        RIG_TEST(a_removal_whose_reply_is_no_result_fails),
    };

    return cmocka_run_group_tests_name("s3_table_list", tests, NULL, NULL);
}
