/*
 * Tests of the S3 sink's credentials: the metadata service, and where there is nothing.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sinks/s3/creds_imds.h"
#include "../../sinks/s3/fetch.h"
#include "../harness/credsrig.h"

#include <stdlib.h>

static struct credsrig rig;

static int set_up(void **state)
{
    (void)state;
    credsrig_init(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    credsrig_done(&rig);
    return 0;
}

/* ---- the metadata service ----------------------------------------------------------------- */

static void keys_come_by_token_and_role(void **state)
{
    char text[128];

    (void)state;
    assert_int_equal(credsrig_open(&rig, NULL), SME_OK);
    assert_int_equal(httpd_requests(rig.httpd), 0);
    s3_creds_describe(rig.creds, text, sizeof text);
    assert_string_equal(text, "the role of the EC2 instance (metadata service)");
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_int_equal(httpd_requests(rig.httpd), 3);
    long ttl = strtol(rig.ttl, NULL, 10);
    assert_true(ttl > 0 && ttl <= 21600);
    s3_creds_describe(rig.creds, text, sizeof text);
    assert_string_equal(text, "the role 'backup' of the EC2 instance (metadata service)");
}

static void a_proxy_of_the_environment_is_not_asked(void **state)
{
    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
    (void)credsrig_keys(&rig, 1);
}

static void a_token_that_is_refused_is_replaced_once(void **state)
{
    (void)state;
    rig.reject = 1;
    (void)credsrig_keys(&rig, 1);
    assert_int_equal(rig.puts, 2);
}

static void a_token_that_is_refused_again_is_an_error(void **state)
{
    (void)state;
    rig.reject = 2;
    credsrig_refused(&rig, SME_E_DENIED, "http 401", "proxy");
    assert_int_equal(rig.puts, 2);
}

static void a_service_that_gives_no_token_is_never_asked_without(void **state)
{
    static const int statuses[] = {403, 404, 405};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        rig.put_status = statuses[i];
        credsrig_refused(&rig, SME_E_DENIED, "it is disabled, or knows version 1 only",
                         "--http-endpoint enabled --http-tokens required");
    }
    assert_int_equal(httpd_requests(rig.httpd), 3);
}

static void trouble_of_the_service_may_be_tried_again(void **state)
{
    static const int statuses[] = {429, 500, 503};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        rig.put_status = statuses[i];
        credsrig_refused(&rig, SME_E_TRANSIENT, "gives no token now", "");
    }
    rig.put_status = 200;
    rig.roles_status = 503;
    credsrig_refused(&rig, SME_E_TRANSIENT, "http 503", "");
    rig.roles_status = 200;
    rig.role_status = 500;
    credsrig_refused(&rig, SME_E_TRANSIENT, "http 500", "");
    rig.role_status = 404;
    credsrig_refused(&rig, SME_E_TRANSIENT, "role 'backup' any more", "just being changed");
    rig.role_status = 200;
    rig.role_fault = HTTPD_RESET_BEFORE;
    credsrig_refused(&rig, SME_E_TRANSIENT, "gives no answer", "network");
    rig.role_fault = HTTPD_NONE;
    rig.roles_status = 418;
    credsrig_refused(&rig, SME_E_DENIED, "http 418", "firewall");
    rig.roles_status = 200;
    (void)credsrig_keys(&rig, 4); /* three failures have counted */
}

static void redirects_are_not_followed(void **state)
{
    (void)state;
    rig.put_status = 307;
    credsrig_refused(&rig, SME_E_DENIED, "refuses a token (http 307)", "proxy");
    assert_int_equal(httpd_requests(rig.httpd), 1);
}

static void what_is_no_token_is_refused(void **state)
{
    static char long_one[600];
    const char *const tokens[] = {"", "<html>who are you</html>", "a\nb", long_one};

    (void)state;
    memset(long_one, 'x', sizeof long_one - 1);
    for (size_t i = 0; i < 4; i++) {
        rig.token = tokens[i];
        credsrig_refused(&rig, SME_E_CORRUPT, "answers with no token", "proxy");
    }
    assert_int_equal(rig.lists, 0);
}

static void a_token_that_never_comes_points_at_the_hop_limit(void **state)
{
    struct sme_error err = {.struct_size = sizeof err};
    struct creds_found found;
    struct creds_imds imds;

    (void)state;
    rig.put_fault = HTTPD_STALL_AFTER;
    assert_int_equal(creds_imds_init(&imds, &rig.fake.host, &rig.config, &err), SME_OK);
    assert_int_equal(imds.connect_ms, 2000);
    assert_int_equal(imds.total_ms, 5000);
    imds.total_ms = 100;
    assert_int_equal(creds_imds_fetch(&imds, &found, &err), SME_E_UNREACHABLE);
    credsrig_says(&err, "accepts requests for a token, but sends no reply",
                  "--http-put-response-hop-limit 2");
    /* A connection that breaks is the same; it is tried twice. */
    rig.put_fault = HTTPD_RESET_BEFORE;
    rig.puts = 0;
    credsrig_refused(&rig, SME_E_UNREACHABLE, "sends no reply", "--http-put-response-hop-limit 2");
    assert_int_equal(rig.puts, 2);
}

static void one_lost_reply_does_no_harm(void **state)
{
    (void)state;
    rig.put_fault = HTTPD_RESET_BEFORE;
    credsrig_refused(&rig, SME_E_UNREACHABLE, "sends no reply", "hop-limit");
    rig.put_fault = HTTPD_NONE;
    (void)credsrig_keys(&rig, 1);
}

static void an_instance_without_a_role_is_told_so(void **state)
{
    (void)state;
    rig.roles_status = 404;
    credsrig_refused(&rig, SME_E_DENIED, "no role is attached to this instance",
                     "associate-iam-instance-profile");
    rig.roles_status = 200;
    rig.roles = "";
    credsrig_refused(&rig, SME_E_DENIED, "no role is attached to this instance",
                     "associate-iam-instance-profile");
}

static void only_the_name_of_a_role_gets_into_an_address(void **state)
{
    static const char *const names[] = {
        "<html><body>hello", "../../../latest/user-data", "a role", "a?b", "a%2fb", "\nbackup"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        rig.roles = names[i];
        credsrig_refused(&rig, SME_E_CORRUPT, "what is not the name of a role", "proxy");
    }
    assert_int_equal(rig.gets, 0);
    rig.roles = "my+role=1,2.3@x_y-Z\n";
    (void)credsrig_keys(&rig, 1);
}

#define FIELDS(id, secret, token, end)                                                             \
    "\"AccessKeyId\": " id ", \"SecretAccessKey\": " secret ", \"Token\": " token                  \
    ", \"Expiration\": " end "}"
#define END "\"2026-11-23T08:00:00Z\""

static void bad_answers_are_refused(void **state)
{
    static const struct {
        const char *reply;
        int status;
        const char *message, *hint;
    } cases[] = {
        {"<html>HIDDEN</html>", SME_E_CORRUPT, "not a JSON object", "proxy"},
        {"[\"HIDDEN\"]", SME_E_CORRUPT, "not a JSON object", "proxy"},
        {"", SME_E_CORRUPT, "not a JSON object", "proxy"},
        {"{\"Code\": \"Success\", \"Token\": \"HIDDEN", SME_E_CORRUPT, "not a JSON object",
         "proxy"},
        {"{}", SME_E_CORRUPT, "has no 'Code'", "proxy"},
        {"{\"Code\": 5}", SME_E_CORRUPT, "has no 'Code'", "proxy"},
        {"{\"Code\": \"Failed\"}", SME_E_TRANSIENT, "'Failed', not 'Success'", "role"},
        {"{\"Code\": \"A\\u001b'B\"}", SME_E_TRANSIENT, "'A??B'", "role"},
        {"{\"Code\": \"AssumeRoleUnauthorizedAccess\"}", SME_E_DENIED,
         "'AssumeRoleUnauthorizedAccess'", "ec2.amazonaws.com"},
        {"{\"Code\": \"InstanceProfileNotFound\"}", SME_E_DENIED, "'InstanceProfileNotFound'",
         "attach another"},
        {"{\"Code\": \"Success\", " FIELDS("null", "\"HIDDEN\"", "\"t\"", END), SME_E_CORRUPT,
         "no 'AccessKeyId'", "proxy"},
        {"{\"Code\": \"Success\", " FIELDS("\"id\"", "7", "\"t\"", END), SME_E_CORRUPT,
         "no 'SecretAccessKey'", "proxy"},
        {"{\"Code\": \"Success\", " FIELDS("\"id\"", "\"HIDDEN\"", "\"\"", END), SME_E_CORRUPT,
         "no 'Token'", "proxy"},
        {"{\"Code\": \"Success\", " FIELDS("\"id\"", "\"HIDDEN\"", "\"t\"", "1"), SME_E_CORRUPT,
         "no 'Expiration'", "proxy"},
        {"{\"Code\": \"Success\", " FIELDS("\"id\"", "\"HIDDEN\"", "\"t\"", "\"soon\""),
         SME_E_CORRUPT, "'Expiration'", "proxy"},
        {"{\"Code\": \"Success\", " FIELDS("\"id\"", "\"HIDDEN\\r\\nX: y\"", "\"t\"", END),
         SME_E_CORRUPT, "secret key", "proxy"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig.reply = cases[i].reply;
        credsrig_refused(&rig, cases[i].status, cases[i].message, cases[i].hint);
    }
}

static void an_endless_answer_is_cut_off(void **state)
{
    static char reply[70000];

    (void)state;
    memset(reply, ' ', sizeof reply - 1);
    rig.reply = reply;
    credsrig_refused(&rig, SME_E_CORRUPT, "longer than 64 KiB", "");
}

static void time_is_read_strictly(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-11-23",
        "2026-11-23T02:00:00",
        "2026-11-23T02:00:00z",
        "2026-11-23T02:00:00+00:00",
        "2026-11-23 02:00:00Z",
        "2026-02-29T02:00:00Z",
        "2026-13-01T02:00:00Z",
        "2026-00-01T02:00:00Z",
        "2026-04-31T02:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T02:60:00Z",
        "2026-11-23T02:00:00Z ",
        " 2026-11-23T02:00:00Z",
        "2026-11-23T02:00:00.Z",
        "2026-11-23T02:00:00.0000000000Z",
        "1969-12-31T23:59:59Z",
        "-026-11-23T02:00:00Z",
        "20261123T020000Z",
    };
    int64_t sec = 7;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (creds_parse_time(bad[i], &sec))
            fail_msg("'%s' was taken for a time", bad[i]);
    }
    assert_int_equal(sec, 7);
    assert_true(creds_parse_time("2026-11-23T02:00:00Z", &sec));
    assert_int_equal(sec, 1795399200);
    assert_true(creds_parse_time("2028-02-29T23:59:59.123456Z", &sec));
    assert_int_equal(sec, 1835481599);
    assert_true(creds_parse_time("9999-12-31T23:59:59Z", &sec));
    assert_int_equal(sec, 253402300799);
}

/* ---- nothing at all ----------------------------------------------------------------------- */

static void a_machine_without_credentials_is_told_where_they_were_sought(void **state)
{
    char path[PATH_MAX];

    (void)state;
    rig.config.metadata_endpoint = "http://127.0.0.1:1";
    credsrig_refused(&rig, SME_E_DENIED, "no credentials: ", "attach a role");
    credsrig_refused(&rig, SME_E_DENIED, "environment", "profile or credentials_file");
    (void)snprintf(path, sizeof path, "'%s/.aws/credentials' is not there", rig.home);
    credsrig_refused(&rig, SME_E_DENIED, path, "--http-put-response-hop-limit 2");
    credsrig_refused(&rig, SME_E_DENIED, "metadata service 'http://127.0.0.1:1' does not answer",
                     "AWS_SECRET_ACCESS_KEY");
}

static void the_metadata_service_can_be_switched_off(void **state)
{
    struct sme_error err = {.struct_size = sizeof err};
    char region[64];

    (void)state;
    assert_int_equal(setenv("AWS_EC2_METADATA_DISABLED", "True", 1), 0);
    credsrig_refused(&rig, SME_E_DENIED, "switched off by 'AWS_EC2_METADATA_DISABLED'",
                     "attach a role");
    assert_int_equal(s3_creds_instance_region(&rig.fake.host, &rig.config, region, &err),
                     SME_E_NOT_FOUND);
    credsrig_says(&err, "switched off", "");
    assert_int_equal(httpd_requests(rig.httpd), 0);
}

static void a_metadata_service_far_away_is_refused(void **state)
{
    static const char *const bad[] = {
        "http://10.0.0.1",          "http://example.com",    "http://169.253.1.1",
        "http://[2001:db8::1]",     "file:///etc/passwd",    "http://u:HIDDEN@127.0.0.1/",
        "http://127.0.0.1.evil.io", "http://127.0.0.1/?x=1", "gopher://127.0.0.1",
    };
    static const char *const good[] = {
        "http://169.254.169.254", "http://[fd00:ec2::254]/", "http://localhost:1338",
        "http://[::1]:1338",      "https://example.com",
    };
    struct sme_error err = {.struct_size = sizeof err};
    struct creds_imds imds;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rig.config.metadata_endpoint = bad[i];
        if (creds_imds_init(&imds, &rig.fake.host, &rig.config, &err) != SME_E_INVALID)
            fail_msg("'%s' was accepted", bad[i]);
        assert_true(err.hint[0] != '\0');
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        rig.config.metadata_endpoint = good[i];
        assert_int_equal(creds_imds_init(&imds, &rig.fake.host, &rig.config, &err), SME_OK);
    }
    rig.config.metadata_endpoint = NULL;
    assert_int_equal(creds_imds_init(&imds, &rig.fake.host, &rig.config, &err), SME_OK);
    assert_string_equal(imds.base, "http://169.254.169.254");
    assert_int_equal(setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", 1), 0);
    assert_int_equal(creds_imds_init(&imds, &rig.fake.host, &rig.config, &err), SME_OK);
    assert_string_equal(imds.base, "http://[fd00:ec2::254]");
    assert_int_equal(setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", httpd_url(rig.httpd), 1), 0);
    (void)credsrig_keys(&rig, 1);
}

/* ---- region ------------------------------------------------------------------------------- */

static void assert_region(int status, const char *want, const char *message)
{
    struct sme_error err = {.struct_size = sizeof err};
    char region[64] = "untouched";

    assert_int_equal(s3_creds_instance_region(&rig.fake.host, &rig.config, region, &err), status);
    assert_string_equal(region, want);
    if (status < 0)
        credsrig_says(&err, message, "");
}

static void the_region_is_that_of_the_instance(void **state)
{
    (void)state;
    assert_region(SME_OK, "eu-west-3", "");
    rig.region = "ap-southeast-2\n";
    assert_region(SME_OK, "ap-southeast-2", "");
    rig.reject = 1;
    assert_region(SME_OK, "ap-southeast-2", "");
}

static void a_region_that_is_none_is_not_used(void **state)
{
    static const char *const bad[] = {"", "<html>", "evil.example.com/x", "EU", "a b"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rig.region = bad[i];
        assert_region(SME_E_CORRUPT, "untouched", "what is not a region");
    }
    rig.region = NULL;
    rig.region_status = 404;
    assert_region(SME_E_NOT_FOUND, "untouched", "does not tell the region");
    rig.region_status = 500;
    assert_region(SME_E_TRANSIENT, "untouched", "http 500");
    rig.put_status = 404;
    assert_region(SME_E_NOT_FOUND, "untouched", "version 1 only");
    rig.config.metadata_endpoint = "http://127.0.0.1:1";
    assert_region(SME_E_NOT_FOUND, "untouched", "gives no answer");
    rig.config.metadata_endpoint = "http://192.0.2.1";
    assert_region(SME_E_INVALID, "untouched", "not on this machine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_come_by_token_and_role, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_proxy_of_the_environment_is_not_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_that_is_refused_is_replaced_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_token_that_is_refused_again_is_an_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_service_that_gives_no_token_is_never_asked_without,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(trouble_of_the_service_may_be_tried_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(redirects_are_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_token_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_that_never_comes_points_at_the_hop_limit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_lost_reply_does_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_instance_without_a_role_is_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_name_of_a_role_gets_into_an_address, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bad_answers_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_endless_answer_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_is_read_strictly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_machine_without_credentials_is_told_where_they_were_sought, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_metadata_service_can_be_switched_off, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_metadata_service_far_away_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_region_is_that_of_the_instance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_region_that_is_none_is_not_used, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
