/*
 * AWS Signature Version 4, header form.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#define MAX_PAIRS 64 /* of a query, and headers */
#define HASH_LEN 32
#define ALGORITHM "AWS4-HMAC-SHA256"

/* A query pair or a header as it is signed; where it begins in one shared text. */
struct item {
    const char *name;
    const char *value;
    size_t name_at;
    size_t value_at;
    size_t order; /* as it was given */
};

struct items {
    struct item at[MAX_PAIRS + 2];
    size_t count;
    struct s3_text text;
};

struct scope {
    char date[17]; /* with time */
    char day[9];
    struct s3_text text; /* "20261123/us-east-1/s3/aws4_request" */
};

/* ---- parts --------------------------------------------------------------------------------- */

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void sigv4_encode(struct s3_text *out, const char *text, size_t len, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";

    s3_text_add(out, "", 0);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        if (is_unreserved(text[i]) || (keep_slash && c == '/'))
            s3_text_add(out, &text[i], 1);
        else
            s3_text_add(out, escape, sizeof escape);
    }
}

static void add_hex(struct s3_text *out, const uint8_t hash[HASH_LEN])
{
    for (size_t i = 0; i < HASH_LEN; i++)
        s3_text_printf(out, "%02x", hash[i]);
}

static int fail_hash(struct sme_error *err)
{
    int status = sme_fail(err, SME_E_IO, "cannot sign a request: OpenSSL refuses SHA-256");
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "check the configuration of OpenSSL");
    return status;
}

static int hmac(const void *key, size_t key_len, const char *text, uint8_t out[HASH_LEN],
                struct sme_error *err)
{
    unsigned len = 0;

    if (key_len > INT32_MAX ||
        HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), out,
             &len) == NULL ||
        len != HASH_LEN)
        return fail_hash(err);
    return SME_OK;
}

static int by_name_and_value(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : strcmp(left->value, right->value);
}

static int by_name_and_order(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

/* The text no longer moves: pointers in place of offsets, then sort. */
static void settle(struct items *items, int (*compare)(const void *, const void *))
{
    if (items->text.failed || items->count == 0)
        return;
    for (size_t i = 0; i < items->count; i++) {
        items->at[i].name = items->text.at + items->at[i].name_at;
        items->at[i].value = items->text.at + items->at[i].value_at;
    }
    qsort(items->at, items->count, sizeof items->at[0], compare);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static int refuse(struct sme_error *err, const char *what, const char *why)
{
    return sme_fail(err, SME_E_INVALID, "cannot sign a request: %s %s", what, why);
}

/* Fit for a header: no line end that would begin another one. */
static bool is_value(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_word(const char *text, const char *forbidden)
{
    return text != NULL && text[0] != '\0' && text[strcspn(text, forbidden)] == '\0' &&
           is_value(text);
}

static bool is_name(const char *text)
{
    return text != NULL && text[0] != '\0' &&
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                             "!#$%&'*+-.^_`|~")] == '\0';
}

static bool is_payload(const char *text)
{
    return text != NULL &&
           (strcmp(text, "UNSIGNED-PAYLOAD") == 0 ||
            (strlen(text) == 2 * HASH_LEN && strspn(text, "0123456789abcdef") == 2 * HASH_LEN));
}

static int check_headers(const struct sigv4_request *request, struct sme_error *err)
{
    bool has_host = false;

    for (size_t i = 0; i < request->header_count; i++) {
        const struct s3_pair *header = &request->headers[i];
        if (!is_name(header->name))
            return refuse(err, "the name of a header", "is empty or has forbidden characters");
        if (header->value == NULL || !is_value(header->value))
            return sme_fail(err, SME_E_INVALID,
                            "cannot sign a request: header '%s' has control characters",
                            header->name);
        if (strcasecmp(header->name, "authorization") == 0 ||
            strcasecmp(header->name, "x-amz-date") == 0 ||
            strcasecmp(header->name, "x-amz-security-token") == 0)
            return sme_fail(err, SME_E_INVALID,
                            "cannot sign a request: header '%s' is given but made by signing",
                            header->name);
        if (strcasecmp(header->name, "host") == 0 && header->value[0] != '\0')
            has_host = true;
    }
    return has_host ? SME_OK : refuse(err, "header 'host'", "is missing");
}

static int check_keys(const struct sigv4_keys *keys, struct sme_error *err)
{
    const char *wrong = NULL;

    /* It becomes part of a list of pairs.  Some stores allow '/' in it. */
    if (!is_word(keys->access, " \t,=;"))
        wrong = "access key";
    else if (keys->secret == NULL || keys->secret[0] == '\0')
        wrong = "secret key";
    else if (keys->token != NULL && !is_value(keys->token))
        wrong = "session token";
    if (wrong == NULL)
        return SME_OK;
    (void)refuse(err, wrong, "is empty or has forbidden characters");
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint,
                       "look for spaces and line ends in the credentials of the sink");
    return SME_E_INVALID;
}

static int check(const struct sigv4_request *request, struct sme_error *err)
{
    if (!is_word(request->method, " \t/,=;"))
        return refuse(err, "the method", "is missing");
    if (request->path == NULL || request->path[0] != '/')
        return refuse(err, "the path", "does not begin with '/'");
    if (!is_word(request->region, " \t/,=;"))
        return refuse(err, "the region", "is empty or has forbidden characters");
    if (!is_word(request->service, " \t/,=;"))
        return refuse(err, "the service", "is empty or has forbidden characters");
    if (!is_payload(request->payload_sha256))
        return refuse(err, "the hash of the body", "is not 64 lower-case hex digits");
    if (request->query_count > MAX_PAIRS || request->header_count > MAX_PAIRS)
        return refuse(err, "the query or its headers", "are too many");
    for (size_t i = 0; i < request->query_count; i++) {
        if (request->query[i].name == NULL || request->query[i].value == NULL)
            return refuse(err, "a pair of the query", "has no name or value");
    }
    return check_headers(request, err);
}

/* ---- canonical request --------------------------------------------------------------------- */

static void gather_query(const struct sigv4_request *request, struct items *ret_items)
{
    for (size_t i = 0; i < request->query_count; i++) {
        const struct s3_pair *pair = &request->query[i];
        struct item *item = &ret_items->at[ret_items->count++];
        item->order = i;
        item->name_at = ret_items->text.len;
        sigv4_encode(&ret_items->text, pair->name, strlen(pair->name), false);
        s3_text_add(&ret_items->text, "", 1);
        item->value_at = ret_items->text.len;
        sigv4_encode(&ret_items->text, pair->value, strlen(pair->value), false);
        s3_text_add(&ret_items->text, "", 1);
    }
    settle(ret_items, by_name_and_value);
}

/* Without blanks at the ends, and one for each run of them inside. */
static void add_trimmed(struct s3_text *out, const char *value)
{
    const char *word = value + strspn(value, " \t");

    while (*word != '\0') {
        size_t len = strcspn(word, " \t");
        s3_text_add(out, word, len);
        word += len;
        word += strspn(word, " \t");
        if (*word != '\0')
            s3_text_puts(out, " ");
    }
}

static void gather_header(struct items *items, const char *name, const char *value)
{
    struct item *item = &items->at[items->count];

    item->order = items->count++;
    item->name_at = items->text.len;
    for (; *name != '\0'; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name + ('a' - 'A')) : *name;
        s3_text_add(&items->text, &c, 1);
    }
    s3_text_add(&items->text, "", 1);
    item->value_at = items->text.len;
    add_trimmed(&items->text, value);
    s3_text_add(&items->text, "", 1);
}

static void gather_headers(const struct sigv4_request *request, const struct sigv4_keys *keys,
                           const char *date, struct items *ret_items)
{
    for (size_t i = 0; i < request->header_count; i++)
        gather_header(ret_items, request->headers[i].name, request->headers[i].value);
    gather_header(ret_items, "x-amz-date", date);
    if (keys != NULL && keys->token != NULL && keys->token[0] != '\0')
        gather_header(ret_items, "x-amz-security-token", keys->token);
    settle(ret_items, by_name_and_order);
}

/* ${is_signed}: "name=" where the value is empty; what is sent has no '=' then, as sub-resources
 * are written. */
static void add_query(struct s3_text *out, const struct items *query, bool is_signed)
{
    for (size_t i = 0; i < query->count && !query->text.failed; i++) {
        const struct item *item = &query->at[i];
        bool has_equals = is_signed || item->value[0] != '\0';
        s3_text_printf(out, "%s%s%s%s", i == 0 ? "" : "&", item->name, has_equals ? "=" : "",
                       item->value);
    }
}

static void add_headers(struct s3_text *out, const struct items *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        const struct item *item = &headers->at[i];
        if (i > 0 && strcmp(item->name, headers->at[i - 1].name) == 0)
            s3_text_printf(out, ",%s", item->value);
        else
            s3_text_printf(out, "%s%s:%s", i == 0 ? "" : "\n", item->name, item->value);
    }
    s3_text_puts(out, "\n\n");
}

static void add_header_names(struct s3_text *out, const struct items *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (i == 0)
            s3_text_puts(out, headers->at[i].name);
        else if (strcmp(headers->at[i].name, headers->at[i - 1].name) != 0)
            s3_text_printf(out, ";%s", headers->at[i].name);
    }
}

static void make_canonical(const struct sigv4_request *request, const struct items *query,
                           const struct items *headers, struct sigv4_signed *out)
{
    struct s3_text *canonical = &out->canonical;

    if (query->text.failed || headers->text.failed) {
        canonical->failed = true;
        return;
    }
    s3_text_printf(canonical, "%s\n", request->method);
    sigv4_encode(&out->target, request->path, strlen(request->path), true);
    if (request->double_encode && !out->target.failed)
        sigv4_encode(canonical, out->target.at, out->target.len, true);
    else
        sigv4_encode(canonical, request->path, strlen(request->path), true);
    s3_text_puts(canonical, "\n");
    add_query(canonical, query, true);
    if (query->count > 0)
        s3_text_puts(&out->target, "?");
    add_query(&out->target, query, false);
    s3_text_puts(canonical, "\n");
    add_headers(canonical, headers);
    add_header_names(canonical, headers);
    s3_text_printf(canonical, "\n%s", request->payload_sha256);
}

/* ---- signature ----------------------------------------------------------------------------- */

static int make_scope(const struct sigv4_request *request, struct scope *ret_scope,
                      struct sme_error *err)
{
    time_t time_sec = (time_t)request->time_sec;
    struct tm tm;

    if (request->time_sec < 0 || gmtime_r(&time_sec, &tm) == NULL ||
        strftime(ret_scope->date, sizeof ret_scope->date, "%Y%m%dT%H%M%SZ", &tm) !=
            sizeof ret_scope->date - 1)
        return sme_fail(err, SME_E_INVALID, "cannot sign a request: the time %lld is out of range",
                        (long long)request->time_sec);
    memcpy(ret_scope->day, ret_scope->date, sizeof ret_scope->day - 1);
    ret_scope->day[sizeof ret_scope->day - 1] = '\0';
    s3_text_printf(&ret_scope->text, "%s/%s/%s/aws4_request", ret_scope->day, request->region,
                   request->service);
    return s3_text_check(&ret_scope->text, "the scope of a signature", err);
}

static int make_to_sign(const struct scope *scope, struct sigv4_signed *out, struct sme_error *err)
{
    uint8_t hash[HASH_LEN];
    unsigned len = 0;

    if (EVP_Digest(out->canonical.at, out->canonical.len, hash, &len, EVP_sha256(), NULL) != 1 ||
        len != HASH_LEN)
        return fail_hash(err);
    s3_text_printf(&out->to_sign, "%s\n%s\n%s\n", ALGORITHM, scope->date, scope->text.at);
    add_hex(&out->to_sign, hash);
    return s3_text_check(&out->to_sign, "the string to sign", err);
}

/* The key that is good for one day, region and service; then the signature with it. */
static int make_signature(const struct sigv4_request *request, const char *secret,
                          const struct scope *scope, const char *to_sign, uint8_t out[HASH_LEN],
                          struct sme_error *err)
{
    struct s3_text first = {0};
    uint8_t day[HASH_LEN], region[HASH_LEN], service[HASH_LEN], key[HASH_LEN];

    s3_text_puts(&first, "AWS4");
    s3_text_puts(&first, secret);
    int status = s3_text_check(&first, "a signing key", err);
    if (status == SME_OK)
        status = hmac(first.at, first.len, scope->day, day, err);
    if (status == SME_OK)
        status = hmac(day, sizeof day, request->region, region, err);
    if (status == SME_OK)
        status = hmac(region, sizeof region, request->service, service, err);
    if (status == SME_OK)
        status = hmac(service, sizeof service, "aws4_request", key, err);
    if (status == SME_OK)
        status = hmac(key, sizeof key, to_sign, out, err);
    s3_text_done(&first);
    OPENSSL_cleanse(day, sizeof day);
    OPENSSL_cleanse(region, sizeof region);
    OPENSSL_cleanse(service, sizeof service);
    OPENSSL_cleanse(key, sizeof key);
    return status;
}

static int sign(const struct sigv4_request *request, const struct sigv4_keys *keys,
                const struct scope *scope, const struct items *headers, struct sigv4_signed *out,
                struct sme_error *err)
{
    uint8_t signature[HASH_LEN];

    int status = s3_text_check(&out->target, "the address of a request", err);
    if (status == SME_OK)
        status = s3_text_check(&out->canonical, "the canonical form of a request", err);
    if (status < 0 || keys == NULL)
        return status;
    status = make_to_sign(scope, out, err);
    if (status == SME_OK)
        status = make_signature(request, keys->secret, scope, out->to_sign.at, signature, err);
    if (status < 0)
        return status;
    s3_text_printf(&out->authorization, "%s Credential=%s/%s, SignedHeaders=", ALGORITHM,
                   keys->access, scope->text.at);
    add_header_names(&out->authorization, headers);
    s3_text_puts(&out->authorization, ", Signature=");
    add_hex(&out->authorization, signature);
    memcpy(out->date, scope->date, sizeof out->date);
    return s3_text_check(&out->authorization, "the signature of a request", err);
}

int sigv4_sign(const struct sigv4_request *request, const struct sigv4_keys *keys,
               struct sigv4_signed *ret_signed, struct sme_error *err)
{
    struct sigv4_signed made = {0};
    struct items query, headers;
    struct scope scope = {0};

    int status = check(request, err);
    if (status == SME_OK)
        status = keys == NULL ? SME_OK : check_keys(keys, err);
    if (status < 0)
        return status;
    query.count = headers.count = 0;
    query.text = headers.text = (struct s3_text){0};
    status = make_scope(request, &scope, err);
    if (status == SME_OK) {
        gather_query(request, &query);
        gather_headers(request, keys, scope.date, &headers);
        make_canonical(request, &query, &headers, &made);
        status = sign(request, keys, &scope, &headers, &made, err);
    }
    s3_text_done(&query.text);
    s3_text_done(&headers.text);
    s3_text_done(&scope.text);
    if (status < 0)
        sigv4_signed_done(&made);
    else
        *ret_signed = made;
    return status;
}

void sigv4_signed_done(struct sigv4_signed *signed_)
{
    s3_text_done(&signed_->target);
    s3_text_done(&signed_->authorization);
    s3_text_done(&signed_->canonical);
    s3_text_done(&signed_->to_sign);
    *signed_ = (struct sigv4_signed){0};
}
