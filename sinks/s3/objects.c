/*
 * Objects of the bucket: put, get, stat, remove.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "objects.h"
#include "reply.h"

#include <inttypes.h>
#include <openssl/evp.h>

#define NS 1000000000

void object_full_key(const struct s3 *s3, const char *key, char out[S3_KEY_SIZE])
{
    (void)snprintf(out, S3_KEY_SIZE, "%s%s", s3->prefix, key);
}

void object_name_call(const struct s3 *s3, const char *verb, const char *full_key,
                      char out[S3_WHAT_SIZE])
{
    (void)snprintf(out, S3_WHAT_SIZE, "%s of 's3://%s/%.300s'", verb, s3->config->bucket, full_key);
}

bool object_is_archived(const char *storage_class)
{
    return strcmp(storage_class, s3_class_names[S3_GLACIER]) == 0 ||
           strcmp(storage_class, s3_class_names[S3_DEEP_ARCHIVE]) == 0;
}

/* Object Lock wants it on stores that do not know x-amz-checksum-sha256. */
static bool md5_of(const struct sme_slice *slices, size_t count, char out[25])
{
    uint8_t digest[16];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1;

    for (size_t i = 0; good && i < count; i++)
        good = EVP_DigestUpdate(context, slices[i].data, slices[i].len) == 1;
    good = good && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (good)
        (void)EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
    return good;
}

static bool is_conditional(struct s3 *s3)
{
    (void)pthread_mutex_lock(&s3->lock);
    bool refused = s3->no_conditions;
    (void)pthread_mutex_unlock(&s3->lock);
    return s3->config->conditional != S3_OFF && !refused;
}

/* The store does not know If-None-Match: from now on without. */
static int give_up_conditions(struct s3 *s3, struct sme_error *err)
{
    (void)pthread_mutex_lock(&s3->lock);
    bool first = !s3->no_conditions;
    s3->no_conditions = true;
    (void)pthread_mutex_unlock(&s3->lock);
    if (first)
        s3->host->log(s3->host, SME_LOG_WARNING,
                      "the store of bucket '%s' does not know create-only puts: an object could be "
                      "overwritten by whoever has its keys",
                      s3->config->bucket);
    if (err != NULL)
        err->status = SME_E_TRANSIENT;
    return SME_E_TRANSIENT;
}

int object_put(struct s3 *s3, const char *key, const struct sme_slice *slices, size_t count,
               const struct sme_put_info *info, struct sme_error *err)
{
    char full[S3_KEY_SIZE];
    char what[S3_WHAT_SIZE];
    char checksum[45];
    char md5[25];
    struct s3_pair headers[4];
    size_t header_count = 0;
    uint64_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += slices[i].len;
    if (length != info->length)
        return sme_fail(err, SME_E_INVALID,
                        "put of '%s' has %" PRIu64 " bytes, but announces %" PRIu64, key, length,
                        info->length);
    object_full_key(s3, key, full);
    (void)EVP_EncodeBlock((unsigned char *)checksum, info->sha256, sizeof info->sha256);
    headers[header_count++] = (struct s3_pair){"content-type", "application/octet-stream"};
    headers[header_count++] = (struct s3_pair){"x-amz-checksum-sha256", checksum};
    if (s3->config->object_lock != S3_LOCK_OFF) {
        if (!md5_of(slices, count, md5))
            return sme_fail(err, SME_E_UNSUPPORTED,
                            "put of '%s': OpenSSL does not offer MD5, which Object Lock may need",
                            key);
        headers[header_count++] = (struct s3_pair){"content-md5", md5};
    }
    bool conditional = (info->flags & SME_PUT_CREATE_ONLY) != 0 && is_conditional(s3);
    if (conditional)
        headers[header_count++] = (struct s3_pair){"if-none-match", "*"};
    struct s3_request request = {.method = "PUT",
                                 .key = full,
                                 .headers = headers,
                                 .header_count = header_count,
                                 .body = slices,
                                 .body_count = count,
                                 .body_len = length,
                                 .body_sha256 = info->sha256};
    struct s3_reply reply;
    object_name_call(s3, "put", full, what);
    int status = s3_call(s3, &request, what, &reply, err);
    if (conditional && s3->config->conditional == S3_AUTO && status == SME_E_UNSUPPORTED &&
        reply.http == 501)
        status = give_up_conditions(s3, err);
    s3_reply_done(&reply);
    return status;
}

/* Are the ${got} bytes what the reply says they are?  A proxy may cut a body off in silence. */
static int check_range(const struct s3_reply *reply, const char *key, uint64_t offset, size_t len,
                       struct sme_error *err)
{
    if (reply->http == 200) {
        if (reply->got < len && !reply->has_length && !reply->chunked)
            return sme_fail(err, SME_E_TRANSIENT,
                            "the reply with '%s' does not tell its length, so it may be cut off",
                            key);
        return SME_OK;
    }
    if (reply->http != 206 || !reply->has_range || reply->range_first != offset ||
        reply->range_last - offset >= len)
        return sme_fail(err, SME_E_TRANSIENT,
                        "the reply with '%s' is not the range that was asked for", key);
    uint64_t told = reply->range_last - reply->range_first + 1;
    if (told != reply->got || (told < len && reply->range_last + 1 != reply->range_total))
        return sme_fail(err, SME_E_TRANSIENT,
                        "the reply with '%s' has %zu bytes instead of %" PRIu64, key, reply->got,
                        told < len ? reply->range_total - offset : told);
    return SME_OK;
}

int64_t object_get(struct s3 *s3, const char *key, uint64_t offset, void *buf, size_t len,
                   struct sme_error *err)
{
    char full[S3_KEY_SIZE];
    char what[S3_WHAT_SIZE];
    char range[64];

    if (len == 0)
        return 0;
    /* Behind the end of any object; whether there is one is still a question. */
    if (offset > INT64_MAX - len) {
        struct sme_object object = {.struct_size = sizeof object};
        return object_stat(s3, key, &object, err);
    }
    object_full_key(s3, key, full);
    (void)snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, offset, offset + len - 1);
    struct s3_pair header = {"range", range};
    struct s3_request request = {.method = "GET",
                                 .key = full,
                                 .headers = &header,
                                 .header_count = 1,
                                 .into = buf,
                                 .into_len = len,
                                 .ranged = true,
                                 .range_first = offset};
    struct s3_reply reply;
    object_name_call(s3, "get", full, what);
    int status = s3_call(s3, &request, what, &reply, err);
    int64_t got = (int64_t)reply.got;
    if (status < 0 && (reply.http == 416 || strcmp(reply.code, "InvalidRange") == 0)) {
        status = SME_OK;
        got = 0;
    } else if (status == SME_OK) {
        status = check_range(&reply, key, offset, len, err);
    }
    s3_reply_done(&reply);
    return status < 0 ? status : got;
}

int object_stat(struct s3 *s3, const char *key, struct sme_object *ret_object,
                struct sme_error *err)
{
    char full[S3_KEY_SIZE];
    char what[S3_WHAT_SIZE];
    struct s3_pair header = {"x-amz-checksum-mode", "ENABLED"};

    object_full_key(s3, key, full);
    struct s3_request request = {
        .method = "HEAD", .key = full, .headers = &header, .header_count = 1};
    struct s3_reply reply;
    object_name_call(s3, "head", full, what);
    int status = s3_call(s3, &request, what, &reply, err);
    if (status == SME_OK && !reply.has_length)
        status = sme_fail(err, SME_E_TRANSIENT, "the reply about '%s' does not tell its size", key);
    if (status == SME_OK) {
        struct sme_object object = {.struct_size = ret_object->struct_size,
                                    .key = key,
                                    .size = reply.length,
                                    .modified_ns = reply.modified_sec * NS};
        if (reply_read_sha256(reply.checksum, object.sha256))
            object.flags |= SME_OBJECT_HAS_SHA256;
        if ((reply.archived || object_is_archived(reply.storage)) &&
            strstr(reply.restore, "ongoing-request=\"false\"") == NULL)
            object.flags |= SME_OBJECT_ARCHIVED;
        *ret_object = object;
    }
    s3_reply_done(&reply);
    return status;
}

int object_remove(struct s3 *s3, const char *key, struct sme_error *err)
{
    char full[S3_KEY_SIZE];
    char what[S3_WHAT_SIZE];
    struct s3_reply reply;

    object_full_key(s3, key, full);
    struct s3_request request = {.method = "DELETE", .key = full};
    object_name_call(s3, "delete", full, what);
    int status = s3_call(s3, &request, what, &reply, err);
    s3_reply_done(&reply);
    return status == SME_E_NOT_FOUND ? SME_OK : status;
}
