/*
 * Tests of the S3 sink's credentials: options, environment, files, container, web identity.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../harness/credsrig.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void set(const char *name, const char *value)
{
    assert_int_equal(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

/* New credentials give these keys, and are described so. */
static void assert_found(const char *access, const char *secret, const char *token,
                         const char *description)
{
    struct sme_error err = {.struct_size = sizeof err};
    struct s3_keys keys;
    char text[700];

    if (credsrig_open(&rig, &err) != SME_OK || credsrig_get(&rig, &keys, &err) != SME_OK)
        fail_msg("%s", err.message);
    assert_string_equal(keys.access, access);
    assert_string_equal(keys.secret, secret);
    assert_string_equal(keys.token, token);
    s3_creds_describe(rig.creds, text, sizeof text);
    if (strstr(text, description) == NULL)
        fail_msg("described as: %s", text);
    assert_null(strstr(text, "HIDDEN"));
}

/* They cannot be made. */
static void assert_wrong(int status, const char *message, const char *hint)
{
    struct sme_error err = {.struct_size = sizeof err};

    assert_int_equal(credsrig_open(&rig, &err), status);
    credsrig_says(&err, message, hint);
    assert_int_equal(httpd_requests(rig.httpd), 0);
}

/* ---- options and environment -------------------------------------------------------------- */

static void options_come_first(void **state)
{
    (void)state;
    set("AWS_ACCESS_KEY_ID", "env");
    set("AWS_SECRET_ACCESS_KEY", "HIDDEN");
    set("AWS_SESSION_TOKEN", "HIDDEN");
    rig.config.access_key = "option";
    rig.config.secret_key = "HIDDEN+/=";
    assert_found("option", "HIDDEN+/=", "", "the keys in the options of the sink");
    rig.config.session_token = "HIDDEN==";
    assert_found("option", "HIDDEN+/=", "HIDDEN==", "the keys in the options of the sink");
    assert_int_equal(httpd_requests(rig.httpd), 0);
}

static void keys_that_do_not_change_are_refused_for_good(void **state)
{
    struct s3_keys keys;

    (void)state;
    rig.config.access_key = "option";
    rig.config.secret_key = "HIDDEN";
    assert_int_equal(credsrig_get(&rig, &keys, NULL), SME_OK);
    assert_false(s3_creds_refused(rig.creds, keys.generation));
    s3_keys_wipe(&keys);
    for (size_t i = 0; i < sizeof keys.secret; i++)
        assert_int_equal(keys.secret[i], 0);
}

static void half_of_the_keys_is_an_error(void **state)
{
    (void)state;
    rig.config.session_token = "HIDDEN";
    assert_wrong(SME_E_INVALID, "'session_token' is set without 'access_key'", "");
    rig.config.access_key = "option";
    assert_wrong(SME_E_INVALID, "'access_key' is set, but 'secret_key' is not", "set both");
    rig.config.access_key = NULL;
    rig.config.secret_key = "HIDDEN";
    assert_wrong(SME_E_INVALID, "'secret_key' is set, but 'access_key' is not", "set both");
    rig.config.secret_key = rig.config.session_token = NULL;
    set("AWS_ACCESS_KEY_ID", "env");
    assert_wrong(SME_E_INVALID, "'AWS_SECRET_ACCESS_KEY' is not", "set both");
    set("AWS_ACCESS_KEY_ID", NULL);
    set("AWS_SECRET_ACCESS_KEY", "HIDDEN");
    assert_wrong(SME_E_INVALID, "'AWS_ACCESS_KEY_ID' is not", "set both");
}

static void keys_with_blanks_are_refused_and_not_shown(void **state)
{
    static char long_one[200];

    (void)state;
    set("AWS_ACCESS_KEY_ID", "env");
    set("AWS_SECRET_ACCESS_KEY", "HIDDEN HIDDEN");
    assert_wrong(SME_E_INVALID, "secret key of the environment", "copied");
    set("AWS_SECRET_ACCESS_KEY", "HIDDEN\r");
    assert_wrong(SME_E_INVALID, "secret key of the environment", "copied");
    memset(long_one, 'x', sizeof long_one - 1);
    set("AWS_SECRET_ACCESS_KEY", long_one);
    assert_wrong(SME_E_INVALID, "more than 159 characters", "");
}

static void the_environment_comes_before_files(void **state)
{
    (void)state;
    credsrig_write(&rig, ".aws/credentials", 0600,
                   "[default]\naws_access_key_id=file\naws_secret_access_key=HIDDEN\n", NULL);
    assert_found("file", "HIDDEN", "", "profile 'default' in");
    set("AWS_ACCESS_KEY_ID", "env");
    set("AWS_SECRET_ACCESS_KEY", "HIDDENENV");
    set("AWS_SESSION_TOKEN", "");
    assert_found("env", "HIDDENENV", "", "AWS_ACCESS_KEY_ID");
    set("AWS_SESSION_TOKEN", "HIDDENT");
    assert_found("env", "HIDDENENV", "HIDDENT", "AWS_ACCESS_KEY_ID");
    rig.config.profile = "default"; /* an option */
    assert_found("file", "HIDDEN", "", "profile 'default' in");
}

/* ---- files -------------------------------------------------------------------------------- */

static const char credentials[] = "# comment\r\n"
                                  "aws_access_key_id = outside\n"
                                  "[default]\n"
                                  "; comment\n"
                                  "aws_access_key_id = AKIADEFAULT\r\n"
                                  "\taws_secret_access_key=HIDDEN1 \r\n"
                                  "\n"
                                  "[ backup ]\n"
                                  "s3 =\n"
                                  "  aws_access_key_id = nested\n"
                                  "aws_access_key_id=AKIABACKUP\n"
                                  "aws_secret_access_key\t=\tHIDDEN=2\n"
                                  "nonsense\n"
                                  "aws_session_token = HIDDENT\n"
                                  "[half]\n"
                                  "aws_access_key_id = AKIAHALF\n"
                                  "[other half]\n"
                                  "aws_secret_access_key = HIDDEN\n"
                                  "[process]\n"
                                  "credential_process = /bin/HIDDEN\n"
                                  "[empty]\n"
                                  "[end]\n"
                                  "aws_access_key_id=AKIAEND\n"
                                  "aws_secret_access_key=HIDDENEND";

static void profiles_are_read_from_the_shared_file(void **state)
{
    char path[PATH_MAX];

    (void)state;
    credsrig_write(&rig, ".aws/credentials", 0600, credentials, NULL);
    assert_found("AKIADEFAULT", "HIDDEN1", "", "profile 'default'");
    set("AWS_PROFILE", "backup");
    assert_found("AKIABACKUP", "HIDDEN=2", "HIDDENT", "profile 'backup'");
    rig.config.profile = "end";
    assert_found("AKIAEND", "HIDDENEND", "", "profile 'end'");
    set("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    assert_wrong(SME_E_INVALID, "'/nowhere' is not there", "AWS_SHARED_CREDENTIALS_FILE");
    credsrig_write(&rig, "mine", 0600, credentials, path);
    rig.config.credentials_file = path;
    assert_found("AKIAEND", "HIDDENEND", "", path);
    assert_int_equal(rig.fake.line_count, 0);
}

static void profiles_without_keys_are_told(void **state)
{
    (void)state;
    credsrig_write(&rig, ".aws/credentials", 0600, credentials, NULL);
    rig.config.profile = "half";
    assert_wrong(SME_E_INVALID, "has no aws_secret_access_key", "it needs");
    rig.config.profile = "other half";
    assert_wrong(SME_E_INVALID, "has no aws_access_key_id", "it needs");
    rig.config.profile = "process";
    assert_wrong(SME_E_UNSUPPORTED, "by 'credential_process', which is not supported", "role");
    rig.config.profile = "empty";
    assert_wrong(SME_E_INVALID, "profile 'empty'", "check 'profile'");
    rig.config.profile = "missing";
    assert_wrong(SME_E_INVALID, "has no such profile", "check 'profile'");
}

static void keys_may_stand_in_the_configuration_file(void **state)
{
    static const char text[] = "[default]\nregion = x\n"
                               "[profile  backup]\naws_access_key_id = AKIACONFIG\n"
                               "aws_secret_access_key = HIDDEN\n"
                               "[plain]\naws_access_key_id = no\naws_secret_access_key = HIDDEN\n";
    char path[PATH_MAX];

    (void)state;
    credsrig_write(&rig, ".aws/config", 0600, text, NULL);
    (void)credsrig_keys(&rig, 1); /* no keys of its default: the instance's role */
    rig.config.profile = "backup";
    assert_found("AKIACONFIG", "HIDDEN", "", "/.aws/config'");
    credsrig_write(&rig, "elsewhere", 0600, text, path);
    set("HOME", "/nowhere");
    set("AWS_CONFIG_FILE", path);
    assert_found("AKIACONFIG", "HIDDEN", "", path);
    rig.config.profile = "plain";
    assert_int_equal(credsrig_open(&rig, NULL), SME_E_INVALID);
}

static void a_file_that_others_can_read_is_warned_of(void **state)
{
    (void)state;
    credsrig_write(&rig, ".aws/credentials", 0640, credentials, NULL);
    assert_found("AKIADEFAULT", "HIDDEN1", "", "profile 'default'");
    assert_true(fakehost_logged(&rig.fake, SME_LOG_WARNING, "can be read by others (mode 640)"));
    assert_true(fakehost_logged(&rig.fake, SME_LOG_WARNING, "chmod 600"));
}

static void a_file_that_cannot_be_read_is_left_out_unless_it_was_named(void **state)
{
    char path[PATH_MAX], text[PATH_MAX + 64];
    uid_t user = geteuid();

    (void)state;
    credsrig_write(&rig, ".aws/credentials", 0, credentials, path);
    if (user == 0)
        assert_int_equal(seteuid(65534), 0); /* root reads everything */
    (void)credsrig_keys(&rig, 1);
    (void)snprintf(text, sizeof text, "'%s' cannot be read and is left out", path);
    assert_true(fakehost_logged(&rig.fake, SME_LOG_WARNING, text));
    rig.config.profile = "default";
    struct sme_error err = {.struct_size = sizeof err};
    assert_int_equal(credsrig_open(&rig, &err), SME_E_DENIED);
    credsrig_says(&err, path, "that the user who runs sme-backup can read");
    if (user == 0)
        assert_int_equal(seteuid(0), 0);
}

static void strange_files_are_refused(void **state)
{
    char path[PATH_MAX];
    static char big[300000];

    (void)state;
    memset(big, '#', sizeof big - 1);
    credsrig_write(&rig, "big", 0600, big, path);
    rig.config.credentials_file = path;
    assert_wrong(SME_E_INVALID, path, "");
    rig.config.credentials_file = rig.home;
    assert_wrong(SME_E_INVALID, "directory", "must be a file");
    memset(big, 'x', sizeof big - 1);
    rig.config.profile = big;
    assert_wrong(SME_E_INVALID, "is too long", "");
    rig.config.profile = NULL;
    (void)snprintf(path, sizeof path, "%s/fifo", rig.home);
    assert_int_equal(mkfifo(path, 0600), 0);
    rig.config.credentials_file = path; /* must not wait for a writer */
    assert_wrong(SME_E_INVALID, path, "");
}

/* ---- container endpoint ------------------------------------------------------------------- */

static void a_container_has_its_own_endpoint(void **state)
{
    char url[128], path[PATH_MAX];

    (void)state;
    (void)snprintf(url, sizeof url, "%s/HIDDEN/creds?x=1", httpd_url(rig.httpd));
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    assert_found("ASIA0001", "HIDDEN0001", "token-HIDDEN/0001==", "the role of the container");
    assert_string_equal(rig.authorization, "");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer HIDDEN");
    assert_found("ASIA0002", "HIDDEN0002", "token-HIDDEN/0002==", "the role of the container");
    assert_string_equal(rig.authorization, "Bearer HIDDEN");
    credsrig_write(&rig, "token", 0600, "HIDDENFILE\n", path);
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    assert_found("ASIA0003", "HIDDEN0003", "token-HIDDEN/0003==", "the role of the container");
    assert_string_equal(rig.authorization, "HIDDENFILE");
    /* The token changes from time to time. */
    credsrig_write(&rig, "token", 0600, "HIDDENNEW", NULL);
    assert_true(s3_creds_refused(rig.creds, 1));
    assert_int_equal(credsrig_keys(&rig, 4), 2);
    assert_string_equal(rig.authorization, "HIDDENNEW");
    assert_int_equal(rig.puts, 0);
}

static void a_container_endpoint_in_trouble_is_told(void **state)
{
    char url[128], path[PATH_MAX];

    (void)state;
    (void)snprintf(url, sizeof url, "%s/HIDDEN", httpd_url(rig.httpd));
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    rig.other_status = 500;
    credsrig_refused(&rig, SME_E_TRANSIENT, "gives no keys now (http 500)", "");
    rig.other_status = 403;
    credsrig_refused(&rig, SME_E_DENIED, "gives no keys (http 403)", "task or pod");
    rig.other_status = 200;
    rig.reply = "{\"Code\": \"Oops\"}";
    credsrig_refused(&rig, SME_E_TRANSIENT, "'Oops'", "");
    rig.reply = "{\"AccessKeyId\": \"HIDDEN\"}";
    credsrig_refused(&rig, SME_E_CORRUPT, "has no 'SecretAccessKey'", "proxy");
    credsrig_write(&rig, "token", 0600, "\n", path);
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    assert_int_equal(credsrig_open(&rig, NULL), SME_OK);
    credsrig_refused(&rig, SME_E_DENIED, "is empty or holds no token", "anew");
    assert_int_equal(unlink(path), 0);
    credsrig_refused(&rig, SME_E_DENIED, "cannot read token file", "able to read it");
}

static void a_container_endpoint_far_away_is_refused(void **state)
{
    static const char *const bad[] = {"http://169.254.169.254/x", "http://example.com/x",
                                      "http://169.254.170.3/x", "http://[fd00:ec2::24]/x"};
    static const char *const good[] = {"http://169.254.170.2/x", "http://169.254.170.23/v1/x",
                                       "http://[fd00:ec2::23]/v1/x", "https://example.com/x",
                                       "http://localhost:9/x"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", bad[i]);
        assert_wrong(SME_E_INVALID, "must not be asked by http", "https");
    }
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "ftp://localhost/HIDDEN");
    assert_wrong(SME_E_INVALID, "'AWS_CONTAINER_CREDENTIALS_FULL_URI' is not an address", "");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", good[i]);
        assert_int_equal(credsrig_open(&rig, NULL), SME_OK);
    }
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "HIDDEN\r\nX-Other: 1");
    assert_wrong(SME_E_INVALID, "cannot stand in a header", "");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", NULL);
    set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/HIDDEN");
    assert_int_equal(credsrig_open(&rig, NULL), SME_OK);
    set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example.com/HIDDEN");
    assert_wrong(SME_E_INVALID, "does not begin with '/'", "");
}

/* ---- web identity ------------------------------------------------------------------------- */

static void set_web(char path[PATH_MAX])
{
    credsrig_write(&rig, "jwt", 0600, "eyHIDDEN.a-b_c+/=\n", path);
    set("AWS_WEB_IDENTITY_TOKEN_FILE", path);
    set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backup");
    set("AWS_ENDPOINT_URL_STS", httpd_url(rig.httpd));
}

static void a_web_identity_becomes_a_role(void **state)
{
    char path[PATH_MAX];

    (void)state;
    set_web(path);
    assert_found("ASIAWEB", "HIDDENWEB", "token-HIDDEN",
                 "role 'arn:aws:iam::123456789012:role/backup' by web identity");
    assert_string_equal(rig.form,
                        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                        "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fbackup"
                        "&RoleSessionName=sme-backup&WebIdentityToken=eyHIDDEN.a-b_c%2B%2F%3D");
    assert_int_equal(rig.puts, 0);
}

static void web_identity_asks_the_sts_of_the_region(void **state)
{
    static const char *const hosts[][2] = {
        {"eu-west-3", "'sts.eu-west-3.amazonaws.com'"},
        {"cn-north-1", "'sts.cn-north-1.amazonaws.com.cn'"},
    };
    char path[PATH_MAX], text[256];

    (void)state;
    set_web(path);
    set("AWS_ENDPOINT_URL_STS", NULL);
    for (size_t i = 0; i < 2; i++) {
        struct s3_creds *creds = NULL;
        assert_int_equal(s3_creds_new(&rig.fake.host, &rig.config, hosts[i][0], &creds, NULL),
                         SME_OK);
        s3_creds_describe(creds, text, sizeof text);
        assert_non_null(strstr(text, hosts[i][1]));
        s3_creds_free(creds);
    }
}

static void a_web_identity_that_is_refused_is_told(void **state)
{
    static const struct {
        int http;
        const char *code;
        int status;
        const char *hint;
    } cases[] = {
        {400, "ExpiredTokenException", SME_E_DENIED, "must renew it"},
        {403, "AccessDenied", SME_E_DENIED, "trust policy"},
        {400, "InvalidIdentityToken", SME_E_DENIED, "trust policy"},
        {400, "IDPCommunicationError", SME_E_TRANSIENT, ""},
        {503, "ServiceUnavailable", SME_E_TRANSIENT, ""},
    };
    char path[PATH_MAX], reply[256];

    (void)state;
    set_web(path);
    rig.reply = reply;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(reply, sizeof reply,
                       "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
                       "<Type>Sender</Type><Code>%s</Code><Message>HIDDEN</Message></Error>"
                       "</ErrorResponse>",
                       cases[i].code);
        rig.other_status = cases[i].http;
        credsrig_refused(&rig, cases[i].status, cases[i].code, cases[i].hint);
    }
    rig.reply = "<html>HIDDEN";
    credsrig_refused(&rig, SME_E_TRANSIENT, "http 503", "");
    rig.other_status = 200;
    credsrig_refused(&rig, SME_E_CORRUPT, "STS '127.0.0.1", "");
    rig.reply = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>"
                "<Credentials><AccessKeyId>HIDDEN</AccessKeyId></Credentials>"
                "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
    credsrig_refused(&rig, SME_E_CORRUPT, "has no complete keys", "proxy");
}

static void a_web_identity_must_be_complete(void **state)
{
    char path[PATH_MAX];

    (void)state;
    set_web(path);
    set("AWS_ROLE_ARN", NULL);
    assert_wrong(SME_E_INVALID, "'AWS_ROLE_ARN' is not", "service account");
    set_web(path);
    set("AWS_ROLE_SESSION_NAME", "a/b");
    assert_wrong(SME_E_INVALID, "'AWS_ROLE_SESSION_NAME'", "letters");
    set("AWS_ROLE_SESSION_NAME", NULL);
    set("AWS_ENDPOINT_URL_STS", "http://sts.example.com");
    assert_wrong(SME_E_INVALID, "must not be asked by http", "https");
    set("AWS_ENDPOINT_URL_STS", "sts:///");
    assert_wrong(SME_E_INVALID, "'AWS_ENDPOINT_URL_STS' is not an address", "https");
    set("AWS_ENDPOINT_URL_STS", NULL);
    set("AWS_ROLE_ARN", "a role");
    assert_wrong(SME_E_INVALID, "'AWS_ROLE_ARN' is too long, or has blanks", "environment");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", NULL);
    (void)credsrig_keys(&rig, 1); /* a role alone configures nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(options_come_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_do_not_change_are_refused_for_good, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(half_of_the_keys_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_with_blanks_are_refused_and_not_shown, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_environment_comes_before_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(profiles_are_read_from_the_shared_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(profiles_without_keys_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_may_stand_in_the_configuration_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_others_can_read_is_warned_of, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_left_out_unless_it_was_named,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(strange_files_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_container_has_its_own_endpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_container_endpoint_in_trouble_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_container_endpoint_far_away_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_web_identity_becomes_a_role, set_up, tear_down),
        cmocka_unit_test_setup_teardown(web_identity_asks_the_sts_of_the_region, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_web_identity_that_is_refused_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_web_identity_must_be_complete, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
