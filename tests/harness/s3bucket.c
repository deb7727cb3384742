/*
 * A store with one bucket, empty but for its configuration, which it remembers.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "s3bucket.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
#define LISTING "<ListBucketResult><Name>" S3BUCKET_NAME "</Name></ListBucketResult>"

static const struct s3bucket_conf fresh[S3BUCKET_CONFS] = {
    {"publicAccessBlock", "NoSuchPublicAccessBlockConfiguration", S3BUCKET_ANSWER, NULL},
    {"ownershipControls", "OwnershipControlsNotFoundError", S3BUCKET_ANSWER, NULL},
    {"encryption", "ServerSideEncryptionConfigurationNotFoundError", S3BUCKET_ANSWER, NULL},
    {"versioning", NULL, S3BUCKET_ANSWER, NULL},
    {"object-lock", "ObjectLockConfigurationNotFoundError", S3BUCKET_ANSWER, NULL},
    {"policy", "NoSuchBucketPolicy", S3BUCKET_ANSWER, NULL},
    {"lifecycle", "NoSuchLifecycleConfiguration", S3BUCKET_ANSWER, NULL},
};

static void say(struct s3bucket *store, struct httpd_reply *reply, int status, const char *body)
{
    free(store->last);
    store->last = strdup(body);
    assert_non_null(store->last);
    reply->status = status;
    reply->body = store->last;
    reply->body_len = strlen(body);
}

static void say_code(struct s3bucket *store, struct httpd_reply *reply, int status,
                     const char *code)
{
    char body[256];

    (void)snprintf(body, sizeof body, "<Error><Code>%s</Code><Message>m</Message></Error>", code);
    say(store, reply, status, body);
}

static bool md5_is_right(const struct httpd_request *request)
{
    unsigned char digest[EVP_MAX_MD_SIZE], text[64];
    const char *have = httpd_header(request, "content-md5");

    if (EVP_Digest(request->body, request->body_len, digest, NULL, EVP_md5(), NULL) != 1)
        return false;
    (void)EVP_EncodeBlock(text, digest, 16);
    return have != NULL && strcmp(have, (const char *)text) == 0;
}

static void on_bucket(struct s3bucket *store, const struct httpd_request *request,
                      struct httpd_reply *reply)
{
    if (strcmp(request->method, "HEAD") == 0) {
        reply->status = store->head != 0 ? store->head : (store->exists ? 200 : 404);
        return;
    }
    if (strcmp(request->method, "PUT") != 0) {
        say_code(store, reply, 405, "MethodNotAllowed");
        return;
    }
    const char *lock = httpd_header(request, "x-amz-bucket-object-lock-enabled");
    store->locked = lock != NULL && strcmp(lock, "true") == 0;
    (void)snprintf(store->location, sizeof store->location, "%.*s", (int)request->body_len,
                   request->body_len > 0 ? (const char *)request->body : "");
    store->exists = true;
    store->writes++;
}

static void on_write(struct s3bucket *store, struct s3bucket_conf *conf,
                     const struct httpd_request *request, struct httpd_reply *reply)
{
    const char *size = httpd_header(request, "x-amz-transition-default-minimum-object-size");

    store->writes++;
    if (!md5_is_right(request))
        store->bad_md5++;
    char *text = strndup((const char *)request->body, request->body_len);
    assert_non_null(text);
    if (store->no_cold && strstr(text, "<Transition>") != NULL) {
        free(text);
        say_code(store, reply, 400, "InvalidArgument");
        return;
    }
    free(conf->text);
    conf->text = text;
    if (strcmp(conf->resource, "lifecycle") == 0)
        (void)snprintf(store->size_default, sizeof store->size_default, "%s",
                       size != NULL ? size : "");
}

static void on_conf(struct s3bucket *store, struct s3bucket_conf *conf,
                    const struct httpd_request *request, struct httpd_reply *reply)
{
    bool writes = strcmp(request->method, "PUT") == 0;

    if (conf->answer == S3BUCKET_NOT_IMPLEMENTED)
        say_code(store, reply, 501, "NotImplemented");
    else if (conf->answer == S3BUCKET_LIST)
        say(store, reply, 200, LISTING);
    else if ((writes && conf->answer == S3BUCKET_DENY_PUT) ||
             (!writes && conf->answer == S3BUCKET_DENY_GET))
        say(store, reply, 403, REFUSED);
    else if (writes && conf->answer == S3BUCKET_INVALID_ARGUMENT)
        say_code(store, reply, 400, "InvalidArgument");
    else if (writes)
        on_write(store, conf, request, reply);
    else if (conf->text != NULL)
        say(store, reply, 200, conf->text);
    else if (conf->absent != NULL)
        say_code(store, reply, 404, conf->absent);
    else
        say(store, reply, 200, "<VersioningConfiguration/>");
    if (strcmp(conf->resource, "lifecycle") == 0 && store->size_default[0] != '\0' && !writes)
        httpd_add_header(reply, "x-amz-transition-default-minimum-object-size",
                         store->size_default);
}

static void answer(void *cookie, const struct httpd_request *request, struct httpd_reply *reply)
{
    struct s3bucket *store = cookie;
    const char *query = strchr(request->target, '?');

    store->deletes += strcmp(request->method, "DELETE") == 0;
    if (store->unavailable && query != NULL) {
        say_code(store, reply, 503, "ServiceUnavailable");
        return;
    }
    if (query == NULL) {
        on_bucket(store, request, reply);
        return;
    }
    for (size_t i = 0; i < S3BUCKET_CONFS; i++) {
        size_t len = strlen(store->confs[i].resource);
        if (strncmp(query + 1, store->confs[i].resource, len) == 0 &&
            (query[1 + len] == '\0' || strcmp(query + 1 + len, "=") == 0)) {
            on_conf(store, &store->confs[i], request, reply);
            return;
        }
    }
    say(store, reply, 200, LISTING);
}

struct s3bucket_conf *s3bucket_conf(struct s3bucket *store, const char *resource)
{
    for (size_t i = 0; i < S3BUCKET_CONFS; i++) {
        if (strcmp(store->confs[i].resource, resource) == 0)
            return &store->confs[i];
    }
    fail_msg("no resource '%s'", resource);
    return NULL;
}

void s3bucket_set(struct s3bucket *store, const char *resource, const char *text)
{
    struct s3bucket_conf *conf = s3bucket_conf(store, resource);

    free(conf->text);
    conf->text = strdup(text);
    assert_non_null(conf->text);
}

bool s3bucket_has(struct s3bucket *store, const char *resource, const char *text)
{
    const char *have = s3bucket_conf(store, resource)->text;

    if (have != NULL && strstr(have, text) != NULL)
        return true;
    print_message("%s: no '%s' in '%s'\n", resource, text, have != NULL ? have : "nothing");
    return false;
}

void s3bucket_start(struct s3bucket *store)
{
    memcpy(store->confs, fresh, sizeof fresh);
    store->server = httpd_new(answer, store);
}

void s3bucket_stop(struct s3bucket *store)
{
    httpd_free(store->server);
    for (size_t i = 0; i < S3BUCKET_CONFS; i++)
        free(store->confs[i].text);
    free(store->last);
}
