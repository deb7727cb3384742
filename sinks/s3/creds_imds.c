/*
 * Credentials and region of an EC2 instance: its metadata service, version 2 only.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A token comes first, by PUT.  There is no way back to version 1, which has none: whoever can
 * make a server on this machine send a GET could have the keys through it.
 */
#include "creds_imds.h"
#include "creds_files.h"
#include "fetch.h"

#include <openssl/crypto.h>
#include <strings.h>

#define WHAT "metadata service"
#define TOKEN_SECONDS "300" /* for the few requests of one renewal */
#define PATH_ROLES "/latest/meta-data/iam/security-credentials/"

int creds_imds_init(struct creds_imds *imds, const struct sme_host *host,
                    const struct s3_config *config, struct sme_error *err)
{
    const char *base = config->metadata_endpoint;
    const char *mode = creds_env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    const char *disabled = creds_env("AWS_EC2_METADATA_DISABLED");
    struct fetch_where where;

    *imds = (struct creds_imds){.host = host,
                                .connect_ms = FETCH_CONNECT_MS,
                                .total_ms = FETCH_TOTAL_MS,
                                .tries = 2,
                                .disabled = disabled != NULL && strcasecmp(disabled, "true") == 0};
    if (base == NULL)
        base = creds_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (base == NULL)
        base = mode != NULL && strcasecmp(mode, "ipv6") == 0 ? "http://[fd00:ec2::254]"
                                                             : "http://169.254.169.254";
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    if (len >= sizeof imds->base || strcspn(base, "?#") < len || !fetch_look_at(base, &where)) {
        (void)sme_fail(err, SME_E_INVALID, "'%.80s' is not the address of a metadata service",
                       base);
        creds_hint(err, "metadata_endpoint and AWS_EC2_METADATA_SERVICE_ENDPOINT look like "
                        "http://169.254.169.254");
        return SME_E_INVALID;
    }
    if (!where.https && !where.loopback && !where.link_local) {
        (void)sme_fail(err, SME_E_INVALID,
                       "metadata service '%s' must not be asked by http: it is not on this machine",
                       where.host);
        creds_hint(err, "http is for loopback and link-local addresses only; use https");
        return SME_E_INVALID;
    }
    memcpy(imds->base, base, len);
    imds->base[len] = '\0';
    return SME_OK;
}

/* ---- the token ---------------------------------------------------------------------------- */

static int fail_no_answer(const struct creds_imds *imds, struct sme_error *err)
{
    if (imds->reached) {
        (void)sme_fail(err, SME_E_UNREACHABLE,
                       "metadata service '%s' accepts requests for a token, but sends no reply",
                       imds->base);
        creds_hint(err, "in a container the hop limit is too low: aws ec2 "
                        "modify-instance-metadata-options --instance-id ID "
                        "--http-put-response-hop-limit 2");
        return SME_E_UNREACHABLE;
    }
    if (err != NULL) { /* what libcurl found stays as it is */
        err->status = SME_E_UNREACHABLE;
        creds_hint(err, "is this an EC2 instance? in a container the hop limit may be too low: aws "
                        "ec2 modify-instance-metadata-options --instance-id ID "
                        "--http-put-response-hop-limit 2");
    }
    return SME_E_UNREACHABLE;
}

static int judge_token(struct creds_imds *imds, const struct fetch_reply *reply,
                       struct sme_error *err)
{
    if (reply->http == 403 || reply->http == 404 || reply->http == 405) {
        (void)sme_fail(err, SME_E_DENIED,
                       "metadata service '%s' gives no token (http %ld): it is disabled, or knows "
                       "version 1 only",
                       imds->base, reply->http);
        creds_hint(err, "aws ec2 modify-instance-metadata-options --instance-id ID "
                        "--http-endpoint enabled --http-tokens required; or configure other "
                        "credentials");
        return SME_E_DENIED;
    }
    if (reply->http == 429 || reply->http / 100 == 5)
        return creds_fail(err, SME_E_TRANSIENT, "if it lasts, look at the state of the instance",
                          "metadata service '%s' gives no token now (http %ld)", imds->base,
                          reply->http);
    if (reply->http != 200) {
        (void)sme_fail(err, SME_E_DENIED, "metadata service '%s' refuses a token (http %ld)",
                       imds->base, reply->http);
        creds_hint(err, "look for a proxy or firewall between here and there");
        return SME_E_DENIED;
    }
    if (reply->len >= sizeof imds->token || !creds_is_visible(reply->body)) {
        (void)sme_fail(err, SME_E_CORRUPT, "metadata service '%s' answers with no token",
                       imds->base);
        creds_hint(err, "something else answers there; look for a proxy");
        return SME_E_CORRUPT;
    }
    memcpy(imds->token, reply->body, reply->len + 1);
    return SME_OK;
}

static int get_token(struct creds_imds *imds, struct sme_error *err)
{
    char url[512];
    struct fetch_reply reply = {0};
    int status = SME_E_TRANSIENT;

    (void)snprintf(url, sizeof url, "%s/latest/api/token", imds->base);
    struct fetch_request request = {
        .method = "PUT",
        .url = url,
        .header_names = {"X-aws-ec2-metadata-token-ttl-seconds"},
        .header_values = {TOKEN_SECONDS},
        .allow_http = true,
        .no_proxy = true,
        .connect_ms = imds->connect_ms,
        .total_ms = imds->total_ms,
    };
    OPENSSL_cleanse(imds->token, sizeof imds->token);
    imds->reached = false;
    for (unsigned i = 0; i < imds->tries && status == SME_E_TRANSIENT; i++) {
        fetch_done(&reply);
        status = fetch_run(imds->host, &request, WHAT, &reply, err);
        imds->reached = imds->reached || reply.answered;
    }
    if (status == SME_OK)
        status = judge_token(imds, &reply, err);
    else if (status == SME_E_TRANSIENT)
        status = fail_no_answer(imds, err);
    fetch_done(&reply);
    return status;
}

/* ---- what is asked for -------------------------------------------------------------------- */

static int get_once(struct creds_imds *imds, const char *path, struct fetch_reply *ret_reply,
                    struct sme_error *err)
{
    char url[512];

    if (imds->token[0] == '\0') {
        int status = get_token(imds, err);
        if (status < 0)
            return status;
    }
    (void)snprintf(url, sizeof url, "%s%s", imds->base, path);
    struct fetch_request request = {
        .method = "GET",
        .url = url,
        .header_names = {"X-aws-ec2-metadata-token"},
        .header_values = {imds->token},
        .allow_http = true,
        .no_proxy = true,
        .connect_ms = imds->connect_ms,
        .total_ms = imds->total_ms,
    };
    return fetch_run(imds->host, &request, WHAT, ret_reply, err);
}

/* SME_OK: 200, or 404 with *ret_absent. */
static int get(struct creds_imds *imds, const char *path, struct fetch_reply *ret_reply,
               bool *ret_absent, struct sme_error *err)
{
    *ret_reply = (struct fetch_reply){0};
    int status = get_once(imds, path, ret_reply, err);
    if (status == SME_OK && ret_reply->http == 401) {
        /* The token is not good any more: once more with a new one. */
        OPENSSL_cleanse(imds->token, sizeof imds->token);
        fetch_done(ret_reply);
        status = get_once(imds, path, ret_reply, err);
    }
    if (status < 0)
        return status;
    *ret_absent = ret_reply->http == 404;
    if (ret_reply->http == 200 || ret_reply->http == 404)
        return SME_OK;
    if (ret_reply->http == 429 || ret_reply->http / 100 == 5)
        return creds_fail(err, SME_E_TRANSIENT, "if it lasts, look at the state of the instance",
                          "metadata service '%s' cannot tell now (http %ld)", imds->base,
                          ret_reply->http);
    (void)sme_fail(err, SME_E_DENIED, "metadata service '%s' refuses '%s' (http %ld)", imds->base,
                   path, ret_reply->http);
    creds_hint(err, ret_reply->http == 401
                        ? "it refuses the token that it has just given; look for a proxy"
                        : "look for a firewall or proxy on this machine that limits it");
    return SME_E_DENIED;
}

static bool is_role(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    strchr("+=,.@_-", c) != NULL;
        if (!good || c == '\0')
            return false;
    }
    return len > 0;
}

static int fail_no_role(const struct creds_imds *imds, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_DENIED, "metadata service '%s': no role is attached to this instance",
                   imds->base);
    creds_hint(err, "aws ec2 associate-iam-instance-profile --instance-id ID "
                    "--iam-instance-profile Name=NAME; or configure other credentials");
    return SME_E_DENIED;
}

static int get_role(struct creds_imds *imds, struct sme_error *err)
{
    struct fetch_reply reply;
    bool absent = false;

    int status = get(imds, PATH_ROLES, &reply, &absent, err);
    if (status == SME_OK) {
        size_t len = absent ? 0 : strcspn(reply.body, "\r\n");
        if (absent || reply.len == 0) {
            status = fail_no_role(imds, err);
        } else if (len >= sizeof imds->role || !is_role(reply.body, len)) {
            (void)sme_fail(err, SME_E_CORRUPT,
                           "metadata service '%s' answers with what is not the name of a role",
                           imds->base);
            creds_hint(err, "something else answers there; look for a proxy");
            status = SME_E_CORRUPT;
        } else {
            memcpy(imds->role, reply.body, len);
            imds->role[len] = '\0';
        }
    }
    fetch_done(&reply);
    return status;
}

static int get_keys(struct creds_imds *imds, struct creds_found *ret_found, struct sme_error *err)
{
    char path[256], from[256];
    struct fetch_reply reply;
    bool absent = false;

    (void)snprintf(path, sizeof path, PATH_ROLES "%s", imds->role);
    (void)snprintf(from, sizeof from, "metadata service, role '%s'", imds->role);
    int status = get(imds, path, &reply, &absent, err);
    if (status == SME_OK && absent) {
        status = sme_fail(err, SME_E_TRANSIENT,
                          "metadata service '%s' has no keys of role '%s' any more", imds->base,
                          imds->role);
        creds_hint(err, "the role of the instance is just being changed");
    } else if (status == SME_OK) {
        status = creds_parse_json(reply.body, reply.len, true, from, ret_found, err);
    }
    fetch_done(&reply);
    return status;
}

int creds_imds_fetch(struct creds_imds *imds, struct creds_found *ret_found, struct sme_error *err)
{
    int status = get_role(imds, err);
    if (status == SME_OK)
        status = get_keys(imds, ret_found, err);
    OPENSSL_cleanse(imds->token, sizeof imds->token);
    return status;
}

static bool is_region(const char *text, size_t len)
{
    return len > 0 && len < 64 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

int creds_imds_region(struct creds_imds *imds, char out[64], struct sme_error *err)
{
    struct fetch_reply reply;
    bool absent = false;

    if (imds->disabled)
        return creds_fail(err, SME_E_NOT_FOUND,
                          "unset it, or do without what only the service tells",
                          "the metadata service is switched off by 'AWS_EC2_METADATA_DISABLED'");
    int status = get(imds, "/latest/meta-data/placement/region", &reply, &absent, err);
    if (status == SME_OK && absent) {
        status = sme_fail(err, SME_E_NOT_FOUND, "metadata service '%s' does not tell the region",
                          imds->base);
    } else if (status == SME_OK) {
        size_t len = reply.len;
        while (len > 0 && (reply.body[len - 1] == '\n' || reply.body[len - 1] == '\r'))
            reply.body[--len] = '\0';
        if (is_region(reply.body, len)) {
            memcpy(out, reply.body, len + 1);
        } else {
            status =
                sme_fail(err, SME_E_CORRUPT,
                         "metadata service '%s' answers with what is not a region", imds->base);
            creds_hint(err, "name it with region =");
        }
    } else if (status == SME_E_UNREACHABLE || status == SME_E_DENIED) {
        /* No metadata service, or none that talks to us: there is no such region. */
        status = SME_E_NOT_FOUND;
        if (err != NULL)
            err->status = status;
    }
    fetch_done(&reply);
    OPENSSL_cleanse(imds->token, sizeof imds->token);
    return status;
}
