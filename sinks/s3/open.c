/*
 * Making and ending an open sink.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "open.h"
#include "creds.h"
#include "http.h"
#include "text.h"

#include <stdlib.h>
#include <unistd.h>

#define STALL_SEC 60
#define CONNECT_SEC 10
#define DEFAULT_REGION "us-east-1"

const char *const s3_class_names[] = {
    [S3_STANDARD] = "STANDARD",         [S3_STANDARD_IA] = "STANDARD_IA",
    [S3_ONEZONE_IA] = "ONEZONE_IA",     [S3_INTELLIGENT] = "INTELLIGENT_TIERING",
    [S3_GLACIER_IR] = "GLACIER_IR",     [S3_GLACIER] = "GLACIER",
    [S3_DEEP_ARCHIVE] = "DEEP_ARCHIVE", [S3_CLASS_COUNT] = NULL,
};

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool is_made_of(const char *text, const char *set, const char *more)
{
    for (; *text != '\0'; text++) {
        if (strchr(set, *text) == NULL && strchr("0123456789", *text) == NULL &&
            strchr(more, *text) == NULL)
            return false;
    }
    return true;
}

bool s3_region_is_sane(const char *region)
{
    size_t len = strlen(region);

    return len > 0 && len < 64 && is_made_of(region, letters, "-_") && region[0] != '-';
}

/* Other stores allow more than Amazon does; what a host or path cannot carry is refused. */
static int check_bucket(const char *bucket, struct sme_error *err)
{
    size_t len = strlen(bucket);

    if (len < 3 || len > 63 || !is_made_of(bucket, letters, "-._") || strstr(bucket, "..") ||
        bucket[0] == '.' || bucket[len - 1] == '.')
        return sme_fail(err, SME_E_INVALID,
                        "bucket = '%s' is not the name of a bucket: 3 to 63 letters, digits, '-' "
                        "and '.'",
                        bucket);
    return SME_OK;
}

/* "https://host[:port]", without a path. */
static int check_endpoint(const struct s3_config *config, struct sme_error *err)
{
    const char *endpoint = config->endpoint;
    bool plain = strncmp(endpoint, "http://", 7) == 0;
    const char *host = endpoint + (plain ? 7 : 8);

    if (!plain && strncmp(endpoint, "https://", 8) != 0)
        return sme_fail(err, SME_E_INVALID, "endpoint = '%s' does not begin with https://",
                        endpoint);
    size_t len = strcspn(host, "/");
    if (len == 0 || len > 255 || (host[len] == '/' && host[len + 1] != '\0') ||
        strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]_") != len)
        return sme_fail(err, SME_E_INVALID,
                        "endpoint = '%s' is not of the form https://HOST[:PORT]", endpoint);
    if (plain && !config->allow_http) {
        (void)sme_fail(err, SME_E_INVALID, "endpoint = '%s' would send everything unprotected",
                       endpoint);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "use https://, or allow_http = yes for a network that is yours alone");
        return SME_E_INVALID;
    }
    return SME_OK;
}

/* China's regions have a domain of their own. */
static const char *domain_of(const char *region)
{
    return strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
}

int s3_resolve(struct s3 *s3, const char *region, struct sme_error *err)
{
    const struct s3_config *config = s3->config;
    bool path_style = config->style == S3_STYLE_PATH ||
                      (config->style == S3_STYLE_AUTO &&
                       (config->endpoint != NULL || strchr(config->bucket, '.') != NULL));
    const char *scheme = "https://";
    const char *before = path_style ? "" : config->bucket;
    const char *dot = path_style ? "" : ".";
    struct s3_text host = {0};
    struct s3_text base = {0};

    if (config->endpoint != NULL) {
        const char *own = strstr(config->endpoint, "://") + 3;
        int len = (int)strcspn(own, "/");
        /* A default port is not part of what is signed. */
        if (strncmp(config->endpoint, "http://", 7) == 0) {
            scheme = "http://";
            if (len > 3 && strncmp(own + len - 3, ":80", 3) == 0)
                len -= 3;
        } else if (len > 4 && strncmp(own + len - 4, ":443", 4) == 0) {
            len -= 4;
        }
        s3_text_printf(&host, "%s%s%.*s", before, dot, len, own);
    } else {
        s3_text_printf(&host, "%s%ss3.%s.%s", before, dot, region, domain_of(region));
    }
    s3_text_printf(&base, "%s%s", scheme, host.at != NULL ? host.at : "");
    if (s3_text_check(&host, "host", err) < 0 || s3_text_check(&base, "address", err) < 0) {
        s3_text_done(&host);
        s3_text_done(&base);
        return SME_E_NO_MEMORY;
    }
    free(s3->bucket_host);
    free(s3->base);
    s3->bucket_host = host.at;
    s3->base = base.at;
    s3->path_style = path_style;
    (void)snprintf(s3->region, sizeof s3->region, "%s", region);
    return SME_OK;
}

/* The configured prefix, with %h replaced, ending in '/'. */
static int expand_prefix(struct s3 *s3, struct sme_error *err)
{
    const char *from = s3->config->prefix != NULL ? s3->config->prefix : "";
    struct s3_text out = {0};
    char name[256] = "";

    while (*from == '/')
        from++;
    for (; *from != '\0'; from++) {
        if (*from == '%' && from[1] == 'h') {
            if (gethostname(name, sizeof name - 1) < 0)
                return sme_fail_errno(err, SME_E_IO, "cannot tell the name of this host");
            s3_text_puts(&out, name);
            from++;
        } else {
            s3_text_add(&out, from, 1);
        }
    }
    if (out.len > 0 && out.at[out.len - 1] != '/')
        s3_text_puts(&out, "/");
    s3_text_puts(&out, "");
    int status = s3_text_check(&out, "prefix", err);
    if (status == SME_OK && out.at != NULL &&
        (out.len > 512 || strstr(out.at, "//") || strstr(out.at, "../") ||
         strncmp(out.at, "./", 2) == 0 || strstr(out.at, "/./") ||
         !is_made_of(out.at, letters, "-._/"))) {
        status = sme_fail(err, SME_E_INVALID,
                          "prefix = '%s' may have letters, digits and \"-._/\" only, and no empty "
                          "or dotted part",
                          s3->config->prefix);
    }
    if (status < 0) {
        s3_text_done(&out);
        return status;
    }
    s3->prefix = out.at != NULL ? out.at : strdup("");
    return s3->prefix != NULL ? SME_OK : sme_fail(err, SME_E_NO_MEMORY, "out of memory");
}

static int choose_region(const struct s3 *s3, char out[64], struct sme_error *err)
{
    const struct s3_config *config = s3->config;
    const char *region = config->region;
    const char *origin = "region =";

    if (region == NULL) {
        region = getenv("AWS_REGION");
        origin = "AWS_REGION";
    }
    if (region == NULL || *region == '\0') {
        region = getenv("AWS_DEFAULT_REGION");
        origin = "AWS_DEFAULT_REGION";
    }
    if (region != NULL && *region != '\0') {
        if (!s3_region_is_sane(region))
            return sme_fail(err, SME_E_INVALID, "%s '%s' is not the name of a region", origin,
                            region);
        (void)snprintf(out, 64, "%s", region);
        return SME_OK;
    }
    /* A bucket elsewhere is found by its redirect. */
    if (config->endpoint != NULL || config->access_key != NULL ||
        getenv("AWS_ACCESS_KEY_ID") != NULL ||
        s3_creds_instance_region(s3->host, config, out, NULL) < 0 || !s3_region_is_sane(out))
        (void)snprintf(out, 64, "%s", DEFAULT_REGION);
    return SME_OK;
}

/* The test suite does not want to wait for a minute. */
static unsigned stall_limit(void)
{
    const char *text = getenv("SME_S3_STALL_SEC");
    unsigned sec = STALL_SEC;

    if (text != NULL && (sscanf(text, "%3u", &sec) != 1 || sec < 1 || sec > STALL_SEC))
        sec = STALL_SEC;
    return sec;
}

static int check_config(const struct s3_config *config, struct sme_error *err)
{
    int status = check_bucket(config->bucket, err);

    if (status == SME_OK && config->endpoint != NULL)
        status = check_endpoint(config, err);
    if (status == SME_OK && (config->access_key == NULL) != (config->secret_key == NULL))
        status = sme_fail(err, SME_E_INVALID, "access_key and secret_key belong together");
    if (status == SME_OK && config->account != NULL &&
        (strlen(config->account) != 12 || !is_made_of(config->account, "", "")))
        status = sme_fail(err, SME_E_INVALID, "account = '%s' is not 12 digits", config->account);
    if (status == SME_OK && config->kms_key != NULL && config->encryption != S3_ENCRYPT_KMS)
        status = sme_fail(err, SME_E_INVALID, "kms_key needs encryption = kms");
    return status;
}

int s3_open(const struct sme_host *host, const struct s3_config *config, struct s3 **ret_s3,
            struct sme_error *err)
{
    char region[64] = "";
    int status = check_config(config, err);

    if (status < 0)
        return status;
    struct s3 *s3 = calloc(1, sizeof *s3);
    if (s3 == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for sink '%s'", host->instance);
    s3->host = host;
    s3->config = config;
    s3->stall_sec = stall_limit();
    s3->connect_sec = CONNECT_SEC;
    (void)pthread_mutex_init(&s3->lock, NULL);
    status = expand_prefix(s3, err);
    if (status == SME_OK)
        status = http_new(&s3->http, err);
    if (status == SME_OK)
        status = choose_region(s3, region, err);
    if (status == SME_OK)
        status = s3_resolve(s3, region, err);
    if (status == SME_OK)
        status = s3_creds_new(host, config, region, &s3->creds, err);
    if (status < 0) {
        s3_close(s3);
        return status;
    }
    *ret_s3 = s3;
    return SME_OK;
}

void s3_close(struct s3 *s3)
{
    if (s3 == NULL)
        return;
    s3_creds_free(s3->creds);
    http_free(s3->http);
    free(s3->prefix);
    free(s3->bucket_host);
    free(s3->base);
    (void)pthread_mutex_destroy(&s3->lock);
    free(s3);
}
