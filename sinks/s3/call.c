/*
 * One signed request to the store, and what came back.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "call.h"
#include "creds.h"
#include "errors.h"
#include "http.h"
#include "open.h"
#include "sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define MAX_HEADERS 24
#define ERROR_TEXT_MAX 65536 /* of a failure's body, as much is looked at */
#define SKEW_WORTH_A_WARNING 300
#define SKEW_TOLERANCE 60 /* a request signed so close to the server's time is not skewed */
#define NS 1000000000

static const char empty_sha256[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* A request on its way: what it was signed with. */
struct attempt {
    struct s3 *s3;
    const struct s3_request *request;
    const char *what;
    char region[64];
    int64_t time_sec;
    uint64_t generation; /* of the keys */
    char *host;
    char *base;
    bool path_style;
    char payload[65];
    struct s3_pair headers[MAX_HEADERS];
    size_t header_count;
};

static void hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hash_body(const struct s3_request *request, uint8_t out[32])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; good && i < request->body_count; i++)
        good = EVP_DigestUpdate(context, request->body[i].data, request->body[i].len) == 1;
    good = good && EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return good ? SME_OK : SME_E_NO_MEMORY;
}

/* Take what may change under other threads. */
static int take_state(struct attempt *attempt)
{
    struct s3 *s3 = attempt->s3;

    (void)pthread_mutex_lock(&s3->lock);
    (void)snprintf(attempt->region, sizeof attempt->region, "%s", s3->region);
    attempt->host = strdup(s3->bucket_host);
    attempt->base = strdup(s3->base);
    attempt->path_style = s3->path_style;
    attempt->time_sec = s3->host->realtime_ns(s3->host) / NS + (s3->skew_known ? s3->skew_sec : 0);
    (void)pthread_mutex_unlock(&s3->lock);
    return attempt->host != NULL && attempt->base != NULL ? SME_OK : SME_E_NO_MEMORY;
}

static void add_header(struct attempt *attempt, const char *name, const char *value)
{
    if (attempt->header_count < MAX_HEADERS)
        attempt->headers[attempt->header_count++] = (struct s3_pair){name, value};
}

static int prepare(struct attempt *attempt, struct sme_error *err)
{
    const struct s3_request *request = attempt->request;
    const struct s3_config *config = attempt->s3->config;
    uint8_t hash[32];

    if (take_state(attempt) < 0)
        return sme_fail(err, SME_E_NO_MEMORY, "%s: out of memory for a request", attempt->what);
    if (request->header_count + 8 > MAX_HEADERS)
        return sme_fail(err, SME_E_INVALID, "%s: too many headers", attempt->what);
    if (request->body_count == 0) {
        memcpy(attempt->payload, empty_sha256, sizeof empty_sha256);
    } else if (request->body_sha256 != NULL) {
        hex(request->body_sha256, 32, attempt->payload);
    } else {
        if (hash_body(request, hash) < 0)
            return sme_fail(err, SME_E_NO_MEMORY, "%s: cannot hash the request", attempt->what);
        hex(hash, 32, attempt->payload);
    }
    add_header(attempt, "host", attempt->host);
    add_header(attempt, "x-amz-content-sha256", attempt->payload);
    if (config->account != NULL)
        add_header(attempt, "x-amz-expected-bucket-owner", config->account);
    for (size_t i = 0; i < request->header_count; i++)
        add_header(attempt, request->headers[i].name, request->headers[i].value);
    return SME_OK;
}

/* "/bucket/key", "/key", "/bucket" or "/". */
static int make_path(const struct attempt *attempt, struct s3_text *path, struct sme_error *err)
{
    const char *key = attempt->request->key;

    if (attempt->path_style) {
        s3_text_puts(path, "/");
        s3_text_puts(path, attempt->s3->config->bucket);
    }
    if (key != NULL || !attempt->path_style)
        s3_text_puts(path, "/");
    if (key != NULL)
        s3_text_puts(path, key);
    return s3_text_check(path, attempt->what, err);
}

/* Sign (unless anonymous) and make the request. */
static int send_signed(struct attempt *attempt, struct s3_reply *reply, struct sme_error *err)
{
    const struct s3_request *request = attempt->request;
    struct s3_text path = {0};
    struct s3_text url = {0};
    struct sigv4_signed done = {0};
    struct s3_keys *keys = calloc(1, sizeof *keys);
    int status = keys == NULL ? sme_fail(err, SME_E_NO_MEMORY, "out of memory") : SME_OK;

    if (status == SME_OK && !request->anonymous) {
        status = s3_creds_get(attempt->s3->creds, keys, err);
        attempt->generation = status == SME_OK ? keys->generation : 0;
    }
    if (status == SME_OK)
        status = make_path(attempt, &path, err);
    if (status == SME_OK) {
        struct sigv4_request to_sign = {.method = request->method,
                                        .path = path.at,
                                        .query = request->query,
                                        .query_count = request->query_count,
                                        .headers = attempt->headers,
                                        .header_count = attempt->header_count,
                                        .payload_sha256 = attempt->payload,
                                        .region = attempt->region,
                                        .service = "s3",
                                        .time_sec = attempt->time_sec};
        struct sigv4_keys signing = {keys->access, keys->secret, keys->token};
        status = sigv4_sign(&to_sign, request->anonymous ? NULL : &signing, &done, err);
    }
    if (status == SME_OK && !request->anonymous) {
        add_header(attempt, "x-amz-date", done.date);
        add_header(attempt, "authorization", done.authorization.at);
        if (keys->token[0] != '\0')
            add_header(attempt, "x-amz-security-token", keys->token);
    }
    if (status == SME_OK) {
        s3_text_puts(&url, attempt->base);
        s3_text_puts(&url, done.target.at);
        status = s3_text_check(&url, attempt->what, err);
    }
    if (status == SME_OK) {
        struct http_exchange exchange = {request, url.at, attempt->headers, attempt->header_count};
        status = http_run(attempt->s3, &exchange, attempt->what, reply, err);
    }
    if (keys != NULL)
        s3_keys_wipe(keys);
    free(keys);
    sigv4_signed_done(&done);
    s3_text_done(&path);
    s3_text_done(&url);
    return status;
}

/* Keep the difference of the clocks. */
static void note_clock(const struct attempt *attempt, const struct s3_reply *reply)
{
    struct s3 *s3 = attempt->s3;

    if (reply->date_sec == 0)
        return;
    int64_t skew = reply->date_sec - reply->here_sec;
    bool tell = false;
    (void)pthread_mutex_lock(&s3->lock);
    s3->skew_sec = skew;
    s3->skew_known = true;
    if (!s3->skew_told && (skew > SKEW_WORTH_A_WARNING || skew < -SKEW_WORTH_A_WARNING))
        s3->skew_told = tell = true;
    (void)pthread_mutex_unlock(&s3->lock);
    if (tell)
        s3->host->log(s3->host, SME_LOG_WARNING,
                      "the clock of this host differs by %lld s from that of '%s': requests are "
                      "signed with the store's time; correct the clock",
                      (long long)skew, attempt->host);
}

/* Another region than the one that was signed for: from now on that. */
static bool note_region(const struct attempt *attempt, const char *region)
{
    struct s3 *s3 = attempt->s3;
    bool changed = false;

    if (!s3_region_is_sane(region) || strcmp(region, attempt->region) == 0)
        return false;
    (void)pthread_mutex_lock(&s3->lock);
    /* At most once: a store that sends us round and round is refused. */
    if (!s3->region_learned)
        changed = s3->region_learned = s3_resolve(s3, region, NULL) == SME_OK;
    bool now = strcmp(s3->region, region) == 0;
    (void)pthread_mutex_unlock(&s3->lock);
    if (changed)
        s3->host->log(s3->host, SME_LOG_INFO, "bucket '%s' is in region '%s'", s3->config->bucket,
                      region);
    return now;
}

static bool note_keys(const struct attempt *attempt, const struct s3_reply *reply)
{
    struct s3 *s3 = attempt->s3;
    /* A plain refusal is most often meant: ask for new keys once, the role may just have changed.
     */
    bool plain = reply->code[0] == '\0' || strcmp(reply->code, "AccessDenied") == 0;

    if (attempt->request->anonymous)
        return false;
    if (plain) {
        (void)pthread_mutex_lock(&s3->lock);
        bool first = !s3->denied_once;
        s3->denied_once = true;
        (void)pthread_mutex_unlock(&s3->lock);
        if (!first)
            return false;
    }
    return s3_creds_refused(s3->creds, attempt->generation);
}

static bool remedied(const struct attempt *attempt, const struct s3_reply *reply,
                     enum s3_remedy remedy, const char *region)
{
    switch (remedy) {
    case S3_OTHER_REGION:
        if (note_region(attempt, reply->region[0] != '\0' ? reply->region : region))
            return true;
        /* A HEAD tells nothing: it may be expired keys as well. */
        return reply->http == 400 && reply->code[0] == '\0' && note_keys(attempt, reply);
    case S3_OTHER_CLOCK:
        return reply->date_sec != 0 && (attempt->time_sec > reply->date_sec + SKEW_TOLERANCE ||
                                        attempt->time_sec < reply->date_sec - SKEW_TOLERANCE);
    case S3_OTHER_KEYS:
        return note_keys(attempt, reply);
    case S3_NO_REMEDY:
        break;
    }
    return false;
}

static bool is_digest_trouble(const char *code)
{
    return strcmp(code, "BadDigest") == 0 || strcmp(code, "XAmzContentSHA256Mismatch") == 0 ||
           strcmp(code, "InvalidDigest") == 0;
}

/* Was the buffer changed since it was hashed? */
static bool body_is_intact(const struct attempt *attempt)
{
    uint8_t hash[32];
    char text[65];

    if (attempt->request->body_count == 0 || hash_body(attempt->request, hash) < 0)
        return true;
    hex(hash, sizeof hash, text);
    return strcmp(text, attempt->payload) == 0;
}

static int refuse(const struct attempt *attempt, struct s3_reply *reply, struct sme_error *err)
{
    char region[64] = "";
    size_t len = reply->got < ERROR_TEXT_MAX ? reply->got : ERROR_TEXT_MAX;

    if (reply->body != NULL)
        s3_read_error(reply, reply->body, len, region);
    struct s3_failure failure = s3_classify(reply, attempt->request->key != NULL);
    if (failure.remedy != S3_NO_REMEDY && remedied(attempt, reply, failure.remedy, region))
        failure = (struct s3_failure){SME_E_TRANSIENT, failure.remedy, NULL};
    /* Absence is believed only of S3: a wrong endpoint or a proxy says 404 to everything. */
    if (failure.status == SME_E_NOT_FOUND && reply->code[0] == '\0' &&
        strcmp(attempt->request->method, "HEAD") != 0)
        failure = (struct s3_failure){SME_E_INVALID, S3_NO_REMEDY,
                                      "that is not the answer of an S3 store: check endpoint ="};
    if (is_digest_trouble(reply->code) && !body_is_intact(attempt)) {
        (void)sme_fail(err, SME_E_CORRUPT,
                       "%s: the data changed in memory between hashing and sending", attempt->what);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "test this host's memory (memtester, memtest86+) before it backs up "
                           "anything else");
        return SME_E_CORRUPT;
    }
    /* An error that came as 200 was accepted first and failed then. */
    if (reply->http / 100 == 2 && failure.status == SME_E_INVALID)
        failure.status = SME_E_TRANSIENT;
    (void)sme_fail(err, failure.status, "%s: '%s' answered %ld%s%s%s%s", attempt->what,
                   attempt->host, reply->http, reply->code[0] != '\0' ? " " : "", reply->code,
                   reply->text[0] != '\0' ? ": " : "", reply->text);
    if (err != NULL) {
        err->retry_after_ms = reply->retry_after_ms;
        const char *hint = failure.hint;
        if (failure.status == SME_E_DENIED && strstr(reply->text, "kms:") != NULL)
            hint = "the role may not use the bucket's KMS key: see 'sme-backup policy'";
        if (hint != NULL)
            (void)snprintf(err->hint, sizeof err->hint, "%s", hint);
        if (strncmp(reply->code, "KMS.", 4) == 0 && attempt->s3->config->kms_key != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "check the state of KMS key '%.160s' and "
                           "the role's right to use it",
                           attempt->s3->config->kms_key);
    }
    return failure.status;
}

/* A success whose body is an error after all. */
static bool is_error_body(const struct s3_reply *reply)
{
    static const char blanks[] = " \t\r\n";
    const char *at = reply->body;

    if (at == NULL)
        return false;
    at += strspn(at, blanks);
    if (strncmp(at, "<?xml", 5) == 0) {
        at = strchr(at, '>');
        if (at == NULL)
            return false;
        at += 1 + strspn(at + 1, blanks);
    }
    return strncmp(at, "<Error", 6) == 0 && (at[6] == '>' || strchr(blanks, at[6]) != NULL);
}

int s3_call(struct s3 *s3, const struct s3_request *request, const char *what,
            struct s3_reply *ret_reply, struct sme_error *err)
{
    struct attempt attempt = {.s3 = s3, .request = request, .what = what};

    *ret_reply = (struct s3_reply){0};
    int status = prepare(&attempt, err);
    if (status == SME_OK)
        status = send_signed(&attempt, ret_reply, err);
    if (status == SME_OK) {
        note_clock(&attempt, ret_reply);
        if (ret_reply->http / 100 != 2 || is_error_body(ret_reply))
            status = refuse(&attempt, ret_reply, err);
    }
    free(attempt.host);
    free(attempt.base);
    return status;
}

void s3_reply_done(struct s3_reply *reply)
{
    free(reply->body);
    *reply = (struct s3_reply){0};
}
