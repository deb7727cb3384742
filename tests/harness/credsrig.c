/*
 * Credentials under test.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "credsrig.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROLES "/latest/meta-data/iam/security-credentials/"

extern char **environ;

/* ---- the double --------------------------------------------------------------------------- */

static void set_body(struct credsrig *rig, struct httpd_reply *reply, const char *text)
{
    rig->body_len = (size_t)snprintf(rig->body, sizeof rig->body, "%s", text);
    reply->body = rig->body;
    reply->body_len = rig->body_len;
}

static void format_end(struct credsrig *rig, char out[32])
{
    time_t end = (time_t)(credsrig_now(rig) + rig->life_sec);
    struct tm tm;

    (void)gmtime_r(&end, &tm);
    (void)strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void give_keys(struct credsrig *rig, struct httpd_reply *reply, unsigned number)
{
    char end[32];

    format_end(rig, end);
    if (rig->same_keys)
        number = 1;
    rig->body_len = (size_t)snprintf(
        rig->body, sizeof rig->body,
        "{\"Code\": \"Success\", \"LastUpdated\": \"2026-11-23T01:00:00Z\", \"Type\": \"AWS-HMAC\","
        " \"AccessKeyId\": \"ASIA%04u\", \"SecretAccessKey\": \"HIDDEN%04u\","
        " \"Token\": \"token-HIDDEN/%04u==\", \"Expiration\": \"%s\"}",
        number, number, number, end);
    if (rig->reply != NULL)
        rig->body_len = (size_t)snprintf(rig->body, sizeof rig->body, "%s", rig->reply);
    reply->body = rig->body;
    reply->body_len = rig->body_len;
}

static void give_sts(struct credsrig *rig, struct httpd_reply *reply)
{
    char end[32];

    format_end(rig, end);
    rig->body_len = (size_t)snprintf(
        rig->body, sizeof rig->body,
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
        "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAWEB</AccessKeyId>"
        "<SecretAccessKey>HIDDENWEB</SecretAccessKey><SessionToken>token-HIDDEN</SessionToken>"
        "<Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
        "</AssumeRoleWithWebIdentityResponse>",
        end);
    reply->body = rig->body;
    reply->body_len = rig->body_len;
}

static void metadata(struct credsrig *rig, const struct httpd_request *request,
                     struct httpd_reply *reply)
{
    const char *token = httpd_header(request, "x-aws-ec2-metadata-token");
    char current[32];

    if (token == NULL)
        rig->naked++;
    (void)snprintf(current, sizeof current, "HIDDEN-token-%u", rig->puts);
    if (rig->reject > 0 || token == NULL || strcmp(token, current) != 0) {
        rig->reject -= rig->reject > 0;
        reply->status = 401;
    } else if (strcmp(request->target, ROLES) == 0) {
        rig->lists++;
        reply->status = rig->roles_status;
        set_body(rig, reply, rig->roles != NULL ? rig->roles : "backup");
    } else if (strncmp(request->target, ROLES, strlen(ROLES)) == 0) {
        reply->status = rig->role_status;
        reply->fault = rig->role_fault;
        give_keys(rig, reply, ++rig->gets);
    } else {
        reply->status = rig->region_status;
        set_body(rig, reply, rig->region != NULL ? rig->region : "eu-west-3");
    }
}

static void handle(void *cookie, const struct httpd_request *request, struct httpd_reply *reply)
{
    struct credsrig *rig = cookie;
    const char *value = httpd_header(request, "authorization");
    char token[32];

    if (strcmp(request->target, "/latest/api/token") == 0) {
        value = httpd_header(request, "x-aws-ec2-metadata-token-ttl-seconds");
        (void)snprintf(rig->ttl, sizeof rig->ttl, "%s", value != NULL ? value : "");
        (void)snprintf(token, sizeof token, "HIDDEN-token-%u", ++rig->puts);
        reply->status = strcmp(request->method, "PUT") == 0 ? rig->put_status : 405;
        reply->fault = rig->put_fault;
        set_body(rig, reply, rig->token != NULL ? rig->token : token);
        httpd_add_header(reply, "Location", "/elsewhere");
    } else if (strncmp(request->target, "/latest/", 8) == 0) {
        metadata(rig, request, reply);
    } else {
        rig->others++;
        (void)snprintf(rig->authorization, sizeof rig->authorization, "%s",
                       value != NULL ? value : "");
        (void)snprintf(rig->form, sizeof rig->form, "%.*s", (int)request->body_len,
                       request->body != NULL ? (const char *)request->body : "");
        reply->status = rig->other_status;
        if (rig->reply != NULL)
            set_body(rig, reply, rig->reply);
        else if (strcmp(request->method, "POST") == 0)
            give_sts(rig, reply);
        else
            give_keys(rig, reply, rig->others);
    }
}

/* ---- the rig ------------------------------------------------------------------------------ */

static void clean_environment(void)
{
    static const char *const more[] = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"};
    char name[128];

    for (char **at = environ; *at != NULL;) {
        size_t len = strcspn(*at, "=");
        if (strncmp(*at, "AWS_", 4) != 0 || len >= sizeof name) {
            at++;
            continue;
        }
        memcpy(name, *at, len);
        name[len] = '\0';
        assert_int_equal(unsetenv(name), 0);
        at = environ;
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        assert_int_equal(unsetenv(more[i]), 0);
}

void credsrig_init(struct credsrig *rig)
{
    char path[PATH_MAX];

    *rig = (struct credsrig){
        .put_status = 200,
        .roles_status = 200,
        .role_status = 200,
        .region_status = 200,
        .other_status = 200,
        .life_sec = 6 * 3600,
        .home = "/tmp/sme-creds-XXXXXX",
    };
    clean_environment();
    assert_non_null(mkdtemp(rig->home));
    assert_int_equal(setenv("HOME", rig->home, 1), 0);
    (void)snprintf(path, sizeof path, "%s/.aws", rig->home);
    assert_int_equal(mkdir(path, 0700), 0);
    fakehost_init(&rig->fake, "bucket");
    rig->httpd = httpd_new(handle, rig);
    assert_non_null(rig->httpd);
    rig->config.metadata_endpoint = httpd_url(rig->httpd);
}

void credsrig_done(struct credsrig *rig)
{
    for (int level = SME_LOG_ERROR; level <= SME_LOG_DEBUG; level++)
        assert_false(fakehost_logged(&rig->fake, level, "HIDDEN"));
    assert_int_equal(rig->naked, 0);
    s3_creds_free(rig->creds);
    httpd_free(rig->httpd);
    tree_remove(rig->home);
    fakehost_done(&rig->fake);
    clean_environment();
}

int credsrig_open(struct credsrig *rig, struct sme_error *err)
{
    s3_creds_free(rig->creds);
    rig->creds = NULL;
    return s3_creds_new(&rig->fake.host, &rig->config, "eu-west-3", &rig->creds, err);
}

int credsrig_get(struct credsrig *rig, struct s3_keys *keys, struct sme_error *err)
{
    if (rig->creds == NULL) {
        int status = credsrig_open(rig, err);
        if (status < 0)
            return status;
    }
    int status = s3_creds_get(rig->creds, keys, err);
    /* Its lock puts the handler's doings before the test's, also where no reply was sent. */
    (void)httpd_requests(rig->httpd);
    return status;
}

void credsrig_write(struct credsrig *rig, const char *name, unsigned mode, const char *text,
                    char out[PATH_MAX])
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", rig->home, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
    if (out != NULL)
        memcpy(out, path, sizeof path);
}

int64_t credsrig_now(struct credsrig *rig)
{
    (void)pthread_mutex_lock(&rig->fake.lock);
    int64_t now = rig->fake.now_ns / INT64_C(1000000000);
    (void)pthread_mutex_unlock(&rig->fake.lock);
    return now;
}

void credsrig_pass(struct credsrig *rig, int64_t seconds)
{
    (void)pthread_mutex_lock(&rig->fake.lock);
    rig->fake.now_ns += seconds * INT64_C(1000000000);
    (void)pthread_mutex_unlock(&rig->fake.lock);
}

void credsrig_says(const struct sme_error *err, const char *message, const char *hint)
{
    if (strstr(err->message, message) == NULL)
        fail_msg("'%s' is not in the message: %s", message, err->message);
    if (strstr(err->hint, hint) == NULL)
        fail_msg("'%s' is not in the hint: %s", hint, err->hint);
    assert_null(strstr(err->message, "HIDDEN"));
    assert_null(strstr(err->hint, "HIDDEN"));
}

void credsrig_refused(struct credsrig *rig, int status, const char *message, const char *hint)
{
    struct sme_error err = {.struct_size = sizeof err};
    struct s3_keys keys = {.access = "untouched"};

    assert_int_equal(credsrig_get(rig, &keys, &err), status);
    assert_int_equal(err.status, status);
    credsrig_says(&err, message, hint);
    assert_string_equal(keys.access, "untouched");
}

uint64_t credsrig_keys(struct credsrig *rig, unsigned number)
{
    struct sme_error err = {.struct_size = sizeof err};
    struct s3_keys keys;
    char access[16], secret[16], token[32];

    if (credsrig_get(rig, &keys, &err) != SME_OK)
        fail_msg("%s", err.message);
    (void)snprintf(access, sizeof access, "ASIA%04u", number);
    (void)snprintf(secret, sizeof secret, "HIDDEN%04u", number);
    (void)snprintf(token, sizeof token, "token-HIDDEN/%04u==", number);
    assert_string_equal(keys.access, access);
    assert_string_equal(keys.secret, secret);
    assert_string_equal(keys.token, token);
    return keys.generation;
}
