/*
 * Reading the headers of a reply.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "reply.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#define RETRY_AFTER_MAX 3600u /* seconds; more is nonsense */

/* A whole decimal number without sign; behind it, ${ret_end}. */
static bool read_number(const char *text, uint64_t *ret_value, const char **ret_end)
{
    char *end = NULL;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    *ret_value = value;
    *ret_end = end;
    return true;
}

/* "bytes 0-99/1234" */
static void read_range(struct s3_reply *reply, const char *text)
{
    uint64_t first, last, total;
    const char *end;

    if (strncasecmp(text, "bytes ", 6) != 0 || !read_number(text + 6, &first, &end) ||
        *end != '-' || !read_number(end + 1, &last, &end) || *end != '/' ||
        !read_number(end + 1, &total, &end) || *end != '\0' || last < first || last >= total)
        return;
    reply->has_range = true;
    reply->range_first = first;
    reply->range_last = last;
    reply->range_total = total;
}

static void copy(char *out, size_t size, const char *value)
{
    size_t len = strlen(value);

    if (len < size)
        memcpy(out, value, len + 1);
}

static void take(struct s3_reply *reply, const char *name, const char *value)
{
    uint64_t number;
    const char *end;

    if (strcasecmp(name, "content-length") == 0) {
        if (read_number(value, &number, &end) && *end == '\0') {
            reply->has_length = true;
            reply->length = number;
        }
    } else if (strcasecmp(name, "content-range") == 0) {
        read_range(reply, value);
    } else if (strcasecmp(name, "transfer-encoding") == 0) {
        reply->chunked = strcasecmp(value, "chunked") == 0;
    } else if (strcasecmp(name, "etag") == 0) {
        copy(reply->etag, sizeof reply->etag, value);
    } else if (strcasecmp(name, "date") == 0) {
        time_t when = curl_getdate(value, NULL);
        reply->date_sec = when > 0 ? when : 0;
    } else if (strcasecmp(name, "last-modified") == 0) {
        time_t when = curl_getdate(value, NULL);
        reply->modified_sec = when > 0 ? when : 0;
    } else if (strcasecmp(name, "retry-after") == 0) {
        if (read_number(value, &number, &end) && *end == '\0' && number <= RETRY_AFTER_MAX)
            reply->retry_after_ms = (uint32_t)number * 1000;
    } else if (strcasecmp(name, "x-amz-retry-after") == 0) {
        if (read_number(value, &number, &end) && *end == '\0' && number <= RETRY_AFTER_MAX * 1000)
            reply->retry_after_ms = (uint32_t)number;
    } else if (strcasecmp(name, "x-amz-bucket-region") == 0) {
        copy(reply->region, sizeof reply->region, value);
    } else if (strcasecmp(name, "x-amz-storage-class") == 0) {
        copy(reply->storage, sizeof reply->storage, value);
    } else if (strcasecmp(name, "x-amz-archive-status") == 0) {
        reply->archived = true;
    } else if (strcasecmp(name, "x-amz-restore") == 0) {
        copy(reply->restore, sizeof reply->restore, value);
    } else if (strcasecmp(name, "x-amz-checksum-sha256") == 0) {
        copy(reply->checksum, sizeof reply->checksum, value);
    } else if (strcasecmp(name, "x-amz-transition-default-minimum-object-size") == 0) {
        copy(reply->size_default, sizeof reply->size_default, value);
    } else if (strcasecmp(name, "x-amz-version-id") == 0) {
        copy(reply->versioned, sizeof reply->versioned, value);
    }
}

void reply_read_header(struct s3_reply *reply, const char *line, size_t len)
{
    char text[1024];

    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    /* None of those that are used is as long. */
    if (len == 0 || len >= sizeof text || memchr(line, '\0', len) != NULL)
        return;
    memcpy(text, line, len);
    text[len] = '\0';
    if (strncmp(text, "HTTP/", 5) == 0) {
        /* A new reply, maybe behind "100 Continue": nothing of the one before is left. */
        const char *space = strchr(text, ' ');
        uint64_t http = 0;
        const char *end;
        *reply = (struct s3_reply){.body = reply->body};
        if (space != NULL && read_number(space + 1, &http, &end) && http < 1000)
            reply->http = (long)http;
        return;
    }
    char *colon = strchr(text, ':');
    if (colon == NULL)
        return;
    *colon = '\0';
    take(reply, text, colon + 1 + strspn(colon + 1, " \t"));
}

bool reply_read_sha256(const char *base64, uint8_t ret_hash[32])
{
    uint8_t out[33];

    /* 32 bytes are 43 characters and one '='. */
    if (strlen(base64) != 44 || base64[43] != '=' || strchr(base64, '=') != base64 + 43 ||
        EVP_DecodeBlock(out, (const unsigned char *)base64, 44) != 33)
        return false;
    memcpy(ret_hash, out, 32);
    return true;
}

bool reply_read_time(const char *text, int64_t *ret_sec)
{
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);

    if (end == NULL)
        return false;
    if (*end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (strcmp(end, "Z") != 0)
        return false;
    *ret_sec = timegm(&parts);
    return true;
}
