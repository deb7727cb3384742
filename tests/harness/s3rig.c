/*
 * The S3 sink against a scripted store.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "s3rig.h"
#include "../../sinks/s3/objects.h"
#include "../../sinks/s3/open.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <time.h>

/* ---- the store ---------------------------------------------------------------------------- */

static struct httpd_request *copy_request(const struct httpd_request *request)
{
    struct httpd_request *copy = malloc(sizeof *copy);

    if (copy == NULL)
        abort();
    *copy = *request;
    copy->body = malloc(request->body_len + 1);
    if (copy->body == NULL)
        abort();
    memcpy(copy->body, request->body, request->body_len);
    copy->body[request->body_len] = '\0';
    return copy;
}

/* The store's clock goes as the host's does, unless the test says otherwise. */
static void add_date(struct s3rig *rig, struct httpd_reply *reply)
{
    char date[64];
    struct tm tm;

    (void)pthread_mutex_lock(&rig->fake.lock);
    time_t now = (time_t)(rig->fake.now_ns / 1000000000);
    (void)pthread_mutex_unlock(&rig->fake.lock);
    (void)gmtime_r(&now, &tm);
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    httpd_add_header(reply, "Date", date);
}

static void cancel(struct s3rig *rig)
{
    (void)pthread_mutex_lock(&rig->fake.lock);
    rig->fake.cancel_at = 1;
    (void)pthread_mutex_unlock(&rig->fake.lock);
}

static void answer(void *cookie, const struct httpd_request *request, struct httpd_reply *reply)
{
    struct s3rig *rig = cookie;

    (void)pthread_mutex_lock(&rig->lock);
    if (rig->seen_count < S3RIG_SEEN)
        rig->seen[rig->seen_count++] = copy_request(request);
    if (rig->steps_done < rig->step_count) {
        const struct s3rig_step *step = &rig->steps[rig->steps_done++];

        reply->status = step->status;
        (void)snprintf(reply->headers, sizeof reply->headers, "%s", step->headers);
        reply->body = step->body;
        reply->body_len = step->body_len;
        reply->fault = step->fault;
        reply->cut = step->cut;
        if (step->cancels)
            cancel(rig);
    } else {
        rig->unexpected++;
        reply->status = 418;
    }
    if (strstr(reply->headers, "Date: ") == NULL)
        add_date(rig, reply);
    (void)pthread_mutex_unlock(&rig->lock);
}

struct s3rig_step *s3rig_reply(struct s3rig *rig, int status, const char *headers, const char *body)
{
    (void)pthread_mutex_lock(&rig->lock);
    if (rig->step_count >= S3RIG_STEPS)
        abort();
    struct s3rig_step *step = &rig->steps[rig->step_count++];

    step->status = status;
    (void)snprintf(step->headers, sizeof step->headers, "%s", headers != NULL ? headers : "");
    step->body = strdup(body != NULL ? body : "");
    if (step->body == NULL)
        abort();
    step->body_len = strlen(step->body);
    (void)pthread_mutex_unlock(&rig->lock);
    return step;
}

struct s3rig_step *s3rig_refuse(struct s3rig *rig, int status, const char *code, const char *more)
{
    char body[1024];

    (void)snprintf(body, sizeof body,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code>"
                   "<Message>The store says %s.</Message>%s<RequestId>4442587FB7D0A2F9</RequestId>"
                   "</Error>",
                   code, code, more != NULL ? more : "");
    return s3rig_reply(rig, status, "Content-Type: application/xml\r\n", body);
}

const struct httpd_request *s3rig_request(struct s3rig *rig, size_t i)
{
    (void)pthread_mutex_lock(&rig->lock);
    const struct httpd_request *request = i < rig->seen_count ? rig->seen[i] : NULL;
    (void)pthread_mutex_unlock(&rig->lock);
    if (request == NULL)
        fail_msg("request %zu never came", i);
    return request;
}

const char *s3rig_header(struct s3rig *rig, size_t i, const char *name)
{
    const char *value = httpd_header(s3rig_request(rig, i), name);

    return value != NULL ? value : "";
}

size_t s3rig_seen(struct s3rig *rig)
{
    (void)pthread_mutex_lock(&rig->lock);
    size_t count = rig->seen_count;
    (void)pthread_mutex_unlock(&rig->lock);
    return count;
}

void s3rig_forget(struct s3rig *rig)
{
    (void)pthread_mutex_lock(&rig->lock);
    for (size_t i = 0; i < rig->seen_count; i++) {
        free(rig->seen[i]->body);
        free(rig->seen[i]);
    }
    rig->seen_count = 0;
    (void)pthread_mutex_unlock(&rig->lock);
}

void s3rig_skip(struct s3rig *rig)
{
    (void)pthread_mutex_lock(&rig->lock);
    rig->steps_done = rig->step_count;
    (void)pthread_mutex_unlock(&rig->lock);
}

/* ---- set-up ------------------------------------------------------------------------------- */

/* The caller's own credentials and proxies are none of the test's business. */
static void clean_environment(void)
{
    static const char *const names[] = {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_CONFIG_FILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_ENDPOINT_URL",
        "AWS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "http_proxy",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
}

void s3rig_reopen(struct s3rig *rig)
{
    s3_close(rig->s3);
    rig->s3 = NULL;
    rig->err = (struct sme_error){.struct_size = sizeof rig->err};
    if (s3_open(&rig->fake.host, &rig->config, &rig->s3, &rig->err) < 0)
        fail_msg("%s", rig->err.message);
}

int s3rig_set_up(void **state)
{
    struct s3rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    clean_environment();
    (void)pthread_mutex_init(&rig->lock, NULL);
    fakehost_init(&rig->fake, "offsite");
    rig->server = httpd_new(answer, rig);
    (void)snprintf(rig->endpoint, sizeof rig->endpoint, "%s", httpd_url(rig->server));
    rig->config = (struct s3_config){
        .bucket = S3RIG_BUCKET,
        .region = "eu-central-1",
        .endpoint = rig->endpoint,
        .style = S3_STYLE_PATH,
        .allow_http = true,
        .access_key = S3RIG_ACCESS,
        .secret_key = S3RIG_SECRET,
        .session_token = S3RIG_TOKEN,
        .encryption = S3_ENCRYPT_NONE,
        .conditional = S3_AUTO,
        .noncurrent_after = 30 * S3_DAY_MS,
    };
    s3rig_reopen(rig);
    *state = rig;
    return 0;
}

static bool tells_a_secret(const char *text)
{
    return strstr(text, S3RIG_SECRET) != NULL || strstr(text, S3RIG_TOKEN) != NULL ||
           strstr(text, "Signature=") != NULL || strstr(text, "Signature%3D") != NULL;
}

int s3rig_tear_down(void **state)
{
    struct s3rig *rig = *state;
    size_t left = rig->step_count - rig->steps_done;
    unsigned unexpected = rig->unexpected, secrets = 0;

    s3_close(rig->s3);
    httpd_free(rig->server);
    for (unsigned i = 0; i < rig->fake.line_count && i < FAKEHOST_LINES; i++) {
        if (tells_a_secret(rig->fake.lines[i])) {
            print_error("a secret in the log: %s\n", rig->fake.lines[i]);
            secrets++;
        }
    }
    for (size_t i = 0; i < rig->step_count; i++)
        free(rig->steps[i].body);
    s3rig_forget(rig);
    fakehost_done(&rig->fake);
    (void)pthread_mutex_destroy(&rig->lock);
    free(rig);
    if (left > 0 || unexpected > 0)
        print_error("%zu replies were not asked for, %u requests had none\n", left, unexpected);
    return left > 0 || unexpected > 0 || secrets > 0 ? -1 : 0;
}

/* ---- calls -------------------------------------------------------------------------------- */

void s3rig_assert_discreet(const struct s3rig *rig)
{
    if (tells_a_secret(rig->err.message) || tells_a_secret(rig->err.hint))
        fail_msg("a secret in '%s' (%s)", rig->err.message, rig->err.hint);
}

bool s3rig_says(const struct s3rig *rig, const char *text)
{
    if (strstr(rig->err.message, text) == NULL && strstr(rig->err.hint, text) == NULL) {
        print_error("'%s' (%s) lacks '%s'\n", rig->err.message, rig->err.hint, text);
        return false;
    }
    return true;
}

static void begin(struct s3rig *rig)
{
    rig->err = (struct sme_error){.struct_size = sizeof rig->err};
}

/* A failure says what failed and agrees with the result. */
static int64_t end(struct s3rig *rig, int64_t result)
{
    s3rig_assert_discreet(rig);
    if (result < 0) {
        assert_int_equal(rig->err.status, result);
        assert_true(rig->err.message[0] != '\0');
    }
    return result;
}

void s3rig_digest(const void *bytes, size_t len, uint8_t raw[32], char hex[65], char base64[48])
{
    unsigned size = 0;

    assert_int_equal(EVP_Digest(bytes, len, raw, &size, EVP_sha256(), NULL), 1);
    assert_int_equal(size, 32);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", raw[i]);
    (void)EVP_EncodeBlock((unsigned char *)base64, raw, 32);
}

int s3rig_put(struct s3rig *rig, const char *key, const char *text, uint32_t flags)
{
    size_t half = strlen(text) / 2;
    struct sme_slice slices[2] = {{text, half}, {text + half, strlen(text) - half}};
    struct sme_put_info info = {.struct_size = sizeof info, .flags = flags, .length = strlen(text)};
    char hex[65], base64[48];

    s3rig_digest(text, strlen(text), info.sha256, hex, base64);
    begin(rig);
    return (int)end(rig, object_put(rig->s3, key, slices, 2, &info, &rig->err));
}

int64_t s3rig_get(struct s3rig *rig, const char *key, uint64_t offset, void *buf, size_t len)
{
    begin(rig);
    return end(rig, object_get(rig->s3, key, offset, buf, len, &rig->err));
}

int s3rig_stat(struct s3rig *rig, const char *key)
{
    begin(rig);
    rig->last = (struct sme_object){.struct_size = sizeof rig->last};
    return (int)end(rig, object_stat(rig->s3, key, &rig->last, &rig->err));
}

static int note_object(void *cookie, const struct sme_object *object)
{
    struct s3rig *rig = cookie;
    size_t used = strlen(rig->listed);

    (void)snprintf(rig->listed + used, sizeof rig->listed - used, "%s ", object->key);
    rig->last = *object;
    rig->last.key = NULL;
    return 0;
}

int s3rig_list(struct s3rig *rig, const char *prefix)
{
    begin(rig);
    rig->listed[0] = '\0';
    return (int)end(rig, object_list(rig->s3, prefix, note_object, rig, &rig->err));
}

int s3rig_remove(struct s3rig *rig, const char *key)
{
    begin(rig);
    return (int)end(rig, object_remove(rig->s3, key, &rig->err));
}
