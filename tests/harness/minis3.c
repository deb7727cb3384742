/*
 * A store in memory behind HTTP.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "minis3.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    const char *digits = "0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : 0;
}

/* Percent-decode ${len} bytes of ${text}. */
static void decode(const char *text, size_t len, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < len && used + 1 < size; i++) {
        if (text[i] == '%' && i + 2 < len) {
            out[used++] = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out[used++] = text[i];
        }
    }
    out[used] = '\0';
}

/* Value of ${name} in the query, decoded; "" without one. */
static void query_value(const char *target, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);

    out[0] = '\0';
    for (const char *at = strchr(target, '?'); at != NULL; at = strchr(at + 1, '&')) {
        if (strncmp(at + 1, name, len) == 0 && at[1 + len] == '=') {
            const char *value = at + 2 + len;
            decode(value, strcspn(value, "&"), out, size);
            return;
        }
    }
}

static size_t find(const struct minis3 *store, const char *key)
{
    size_t i = 0;

    while (i < store->count && strcmp(store->objects[i].key, key) != 0)
        i++;
    return i;
}

static void say_error(struct minis3 *store, struct httpd_reply *reply, int status, const char *code)
{
    free(store->reply);
    store->reply = NULL;
    if (asprintf(&store->reply, "<Error><Code>%s</Code><Message>no</Message></Error>", code) < 0)
        abort();
    reply->status = status;
    reply->body = store->reply;
    reply->body_len = strlen(store->reply);
}

static bool checksum_is_right(const struct httpd_request *request)
{
    uint8_t digest[32];
    char text[45];
    const char *told = httpd_header(request, "x-amz-checksum-sha256");

    (void)SHA256(request->body, request->body_len, digest);
    (void)EVP_EncodeBlock((unsigned char *)text, digest, sizeof digest);
    return told != NULL && strcmp(told, text) == 0;
}

static void put(struct minis3 *store, const struct httpd_request *request,
                struct httpd_reply *reply, const char *key)
{
    size_t i = find(store, key);

    if (!checksum_is_right(request)) {
        say_error(store, reply, 400, "BadDigest");
        return;
    }
    if (i < store->count && httpd_header(request, "if-none-match") != NULL) {
        say_error(store, reply, 412, "PreconditionFailed");
        return;
    }
    if (i == store->cap) {
        store->cap = store->cap * 2 + 16;
        store->objects = reallocarray(store->objects, store->cap, sizeof *store->objects);
        if (store->objects == NULL)
            abort();
    }
    struct minis3_object *object = &store->objects[i];
    if (i == store->count) {
        store->count++;
        *object = (struct minis3_object){0};
        (void)snprintf(object->key, sizeof object->key, "%s", key);
    }
    free(object->data);
    object->data = malloc(request->body_len + 1);
    if (object->data == NULL)
        abort();
    if (request->body_len > 0)
        memcpy(object->data, request->body, request->body_len);
    object->len = request->body_len;
}

static void get(struct minis3 *store, const struct httpd_request *request,
                struct httpd_reply *reply, const char *key)
{
    size_t i = find(store, key);
    const char *range = httpd_header(request, "range");
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    char text[128];

    if (i == store->count) {
        say_error(store, reply, 404, "NoSuchKey");
        return;
    }
    const struct minis3_object *object = &store->objects[i];
    httpd_add_header(reply, "Last-Modified", "Mon, 23 Nov 2026 02:00:41 GMT");
    reply->body = object->data;
    reply->body_len = object->len;
    if (range == NULL || strcmp(request->method, "HEAD") == 0)
        return;
    (void)sscanf(range, "bytes=%" SCNu64 "-%" SCNu64, &first, &last);
    if (first >= object->len) {
        say_error(store, reply, 416, "InvalidRange");
        return;
    }
    last = last < object->len ? last : object->len - 1;
    /* The next put may move or free it before this is sent. */
    free(store->sent);
    reply->body_len = (size_t)(last - first + 1);
    store->sent = malloc(reply->body_len);
    if (store->sent == NULL)
        abort();
    memcpy(store->sent, object->data + first, reply->body_len);
    reply->body = store->sent;
    reply->status = 206;
    (void)snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%zu", first, last,
                   object->len);
    httpd_add_header(reply, "Content-Range", text);
}

static int by_key(const void *a, const void *b)
{
    const struct minis3_object *const *left = a;
    const struct minis3_object *const *right = b;

    return strcmp((*left)->key, (*right)->key);
}

static void list(struct minis3 *store, const struct httpd_request *request,
                 struct httpd_reply *reply)
{
    char prefix[1100];
    char after[1100];
    size_t size = 0;
    size_t shown = 0;
    size_t matching = 0;
    const struct minis3_object **sorted = calloc(store->count + 1, sizeof *sorted);

    query_value(request->target, "prefix", prefix, sizeof prefix);
    query_value(request->target, "continuation-token", after, sizeof after);
    if (after[0] == '\0')
        query_value(request->target, "start-after", after, sizeof after);
    free(store->reply);
    store->reply = NULL;
    FILE *out = open_memstream(&store->reply, &size);
    if (sorted == NULL || out == NULL)
        abort();
    for (size_t i = 0; i < store->count; i++) {
        const struct minis3_object *object = &store->objects[i];
        if (strncmp(object->key, prefix, strlen(prefix)) == 0 && strcmp(object->key, after) > 0)
            sorted[matching++] = object;
    }
    qsort(sorted, matching, sizeof(const struct minis3_object *), by_key);
    fputs("<?xml version=\"1.0\"?><ListBucketResult>", out);
    for (; shown < matching && shown < store->page; shown++) {
        fprintf(out,
                "<Contents><Key>%s</Key><LastModified>2026-11-23T02:00:41.000Z</LastModified>"
                "<Size>%zu</Size></Contents>",
                sorted[shown]->key, sorted[shown]->len);
    }
    if (shown < matching)
        fprintf(out, "<NextContinuationToken>%s</NextContinuationToken>", sorted[shown - 1]->key);
    fprintf(out, "<IsTruncated>%s</IsTruncated></ListBucketResult>",
            shown < matching ? "true" : "false");
    (void)fclose(out);
    free(sorted);
    reply->body = store->reply;
    reply->body_len = size;
}

static void try_list(struct minis3 *store, const struct httpd_request *request,
                     struct httpd_reply *reply)
{
    store->lists++;
    if (store->list_fails != 0 && store->lists % store->list_fails == 0)
        say_error(store, reply, 503, "ServiceUnavailable");
    else
        list(store, request, reply);
}

static void remove_object(struct minis3 *store, struct httpd_reply *reply, const char *key)
{
    size_t i = find(store, key);

    reply->status = 204;
    if (i == store->count)
        return;
    free(store->objects[i].data);
    store->objects[i] = store->objects[--store->count];
}

static void answer(void *cookie, const struct httpd_request *request, struct httpd_reply *reply)
{
    struct minis3 *store = cookie;
    char path[1200];
    size_t bucket = strlen(store->bucket);

    decode(request->target, strcspn(request->target, "?"), path, sizeof path);
    if (strncmp(path + 1, store->bucket, bucket) != 0) {
        say_error(store, reply, 404, "NoSuchBucket");
        return;
    }
    const char *key = path[1 + bucket] == '/' ? path + 2 + bucket : "";
    if (*key == '\0') {
        if (strcmp(request->method, "PUT") == 0)
            store->exists = true;
        else if (!store->exists)
            say_error(store, reply, 404, "NoSuchBucket");
        else if (strcmp(request->method, "GET") == 0)
            try_list(store, request, reply);
    } else if (!store->exists) {
        say_error(store, reply, 404, "NoSuchBucket");
    } else if (strcmp(request->method, "PUT") == 0) {
        put(store, request, reply, key);
    } else if (strcmp(request->method, "DELETE") == 0) {
        remove_object(store, reply, key);
    } else {
        get(store, request, reply, key);
    }
}

struct minis3 *minis3_new(const char *bucket, unsigned page)
{
    struct minis3 *store = calloc(1, sizeof *store);

    if (store == NULL)
        abort();
    (void)snprintf(store->bucket, sizeof store->bucket, "%s", bucket);
    store->page = page;
    store->httpd = httpd_new(answer, store);
    return store;
}

void minis3_free(struct minis3 *store)
{
    httpd_free(store->httpd);
    for (size_t i = 0; i < store->count; i++)
        free(store->objects[i].data);
    free(store->objects);
    free(store->reply);
    free(store->sent);
    free(store);
}
