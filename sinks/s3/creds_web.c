/*
 * Credentials of a container: web identity (STS), and the container endpoint.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "creds_web.h"
#include "creds_files.h"
#include "fetch.h"
#include "text.h"
#include "xml.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define TOKEN_MAX (20u << 10) /* STS takes no longer one */
#define CONTAINER_BASE "http://169.254.170.2"
#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

static int copy(char *out, size_t size, const char *value, const char *name, struct sme_error *err)
{
    size_t len = strlen(value);

    if (len >= size || !creds_is_visible(value)) {
        (void)sme_fail(err, SME_E_INVALID, "'%s' is too long, or has blanks or other characters",
                       name);
        creds_hint(err, "look at the environment of the service or container");
        return SME_E_INVALID;
    }
    memcpy(out, value, len + 1);
    return SME_OK;
}

static void free_secret(char *text)
{
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void creds_web_done(struct creds_web *web)
{
    free_secret(web->token);
    OPENSSL_cleanse(web, sizeof *web);
}

/* The token of the file as it is now: it is replaced from time to time. */
static int read_token(const char *path, char **ret_token, struct sme_error *err)
{
    char *text = malloc(TOKEN_MAX);

    if (text == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for '%s'", path);
    ssize_t len = creds_load(path, text, TOKEN_MAX, NULL);
    if (len < 0) {
        free(text);
        (void)sme_fail_errno(err, SME_E_DENIED, "cannot read token file '%s'", path);
        creds_hint(err, "the user that runs sme-backup must be able to read it");
        return SME_E_DENIED;
    }
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        text[--len] = '\0';
    if (!creds_is_visible(text)) {
        OPENSSL_cleanse(text, TOKEN_MAX);
        free(text);
        (void)sme_fail(err, SME_E_DENIED, "token file '%s' is empty or holds no token", path);
        creds_hint(err, "whoever writes it (kubelet, agent) has to write it anew");
        return SME_E_DENIED;
    }
    *ret_token = text;
    return SME_OK;
}

/* ---- web identity ------------------------------------------------------------------------- */

static int check_session(const char *name, struct sme_error *err)
{
    size_t len = strlen(name);

    if (len >= 2 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789_+=,.@-") == len)
        return SME_OK;
    (void)sme_fail(err, SME_E_INVALID, "'AWS_ROLE_SESSION_NAME' is not the name of a session");
    creds_hint(err, "2 to 64 letters, digits and _+=,.@-");
    return SME_E_INVALID;
}

static int set_sts(struct creds_web *web, const struct s3_config *config, const char *region,
                   struct sme_error *err)
{
    const char *endpoint = creds_env("AWS_ENDPOINT_URL_STS");
    char amazon[160];
    struct fetch_where where;

    if (endpoint == NULL) {
        (void)snprintf(amazon, sizeof amazon, "https://sts.%.63s.amazonaws.com%s/", region,
                       strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
        endpoint = amazon;
    } else {
        web->ca_file = config->ca_file;
    }
    int status = copy(web->endpoint, sizeof web->endpoint, endpoint, "AWS_ENDPOINT_URL_STS", err);
    if (status < 0)
        return status;
    if (!fetch_look_at(web->endpoint, &where))
        return creds_fail(err, SME_E_INVALID, "it looks like https://sts.eu-west-1.amazonaws.com",
                          "'AWS_ENDPOINT_URL_STS' is not an address");
    if (!where.https && !where.loopback && !config->allow_http) {
        (void)sme_fail(err, SME_E_INVALID, "STS '%s' must not be asked by http", where.host);
        creds_hint(err, "the token could be read on the way; use https");
        return SME_E_INVALID;
    }
    web->no_proxy = where.loopback;
    memcpy(web->shown, where.host, sizeof web->shown);
    return SME_OK;
}

int creds_web_identity_init(struct creds_web *web, const struct sme_host *host,
                            const struct s3_config *config, const char *region,
                            struct sme_error *err)
{
    const char *file = creds_env("AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role = creds_env("AWS_ROLE_ARN");
    const char *session = creds_env("AWS_ROLE_SESSION_NAME");

    *web = (struct creds_web){.host = host};
    if (file == NULL)
        return sme_fail(err, SME_E_NOT_FOUND, "no web identity is configured");
    if (role == NULL) {
        (void)sme_fail(err, SME_E_INVALID,
                       "'AWS_WEB_IDENTITY_TOKEN_FILE' is set, but 'AWS_ROLE_ARN' is not");
        creds_hint(err, "on EKS the service account needs the annotation of its role");
        return SME_E_INVALID;
    }
    if (session == NULL)
        session = "sme-backup";
    int status = copy(web->role, sizeof web->role, role, "AWS_ROLE_ARN", err);
    if (status == SME_OK)
        status =
            copy(web->token_file, sizeof web->token_file, file, "AWS_WEB_IDENTITY_TOKEN_FILE", err);
    if (status == SME_OK)
        status = copy(web->session, sizeof web->session, session, "AWS_ROLE_SESSION_NAME", err);
    if (status == SME_OK)
        status = check_session(web->session, err);
    return status == SME_OK ? set_sts(web, config, region, err) : status;
}

static void add_field(struct s3_text *form, const char *name, const char *value)
{
    s3_text_puts(form, name);
    s3_text_puts(form, "=");
    while (*value != '\0') {
        size_t plain = strspn(value, UNRESERVED);
        s3_text_add(form, value, plain);
        value += plain;
        if (*value != '\0')
            s3_text_printf(form, "%%%02X", (unsigned)(unsigned char)*value++);
    }
}

static int ask_sts(const struct creds_web *web, const char *token, struct fetch_reply *ret_reply,
                   struct sme_error *err)
{
    struct s3_text form = {0};

    s3_text_puts(&form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
    add_field(&form, "&RoleArn", web->role);
    add_field(&form, "&RoleSessionName", web->session);
    add_field(&form, "&WebIdentityToken", token);
    int status = s3_text_check(&form, "the request to STS", err);
    if (status == SME_OK) {
        struct fetch_request request = {
            .method = "POST",
            .url = web->endpoint,
            .header_names = {"Content-Type"},
            .header_values = {"application/x-www-form-urlencoded"},
            .body = form.at,
            .ca_file = web->ca_file,
            .allow_http = true, /* set_sts() has looked */
            .no_proxy = web->no_proxy,
            .connect_ms = FETCH_CONNECT_MS,
            .total_ms = FETCH_TOTAL_MS,
        };
        status = fetch_run(web->host, &request, "STS", ret_reply, err);
    }
    s3_text_done(&form);
    return status;
}

/* The tree holds copies of the keys. */
static void wipe_xml(struct s3_xml *root)
{
    struct s3_xml *node = root;

    while (node != NULL) {
        if (node->text != NULL)
            OPENSSL_cleanse(node->text, strlen(node->text));
        if (node->first != NULL) {
            node = node->first;
            continue;
        }
        while (node != NULL && node != root && node->next == NULL)
            node = node->parent;
        node = node == NULL || node == root ? NULL : node->next;
    }
    s3_xml_free(root);
}

static int fail_sts(const struct creds_web *web, const struct fetch_reply *reply,
                    struct sme_error *err)
{
    struct s3_xml *root = NULL;
    char code[64] = "";

    if (s3_xml_parse(reply->body, reply->len, "ErrorResponse", "STS", &root, NULL) == SME_OK) {
        creds_show(code, sizeof code, s3_xml_text(s3_xml_child(root, "Error"), "Code"));
        wipe_xml(root);
    }
    int status = reply->http / 100 == 5 || reply->http == 429 ||
                         strcmp(code, "IDPCommunicationError") == 0 ||
                         strcmp(code, "Throttling") == 0
                     ? SME_E_TRANSIENT
                     : SME_E_DENIED;
    (void)sme_fail(err, status, "STS '%s' gives no keys for role '%s': http %ld%s%s", web->shown,
                   web->role, reply->http, code[0] != '\0' ? ", " : "", code);
    if (strcmp(code, "ExpiredTokenException") == 0)
        creds_hint(err, "the token in '%.120s' has expired: whoever writes it must renew it",
                   web->token_file);
    else if (status == SME_E_DENIED)
        creds_hint(err, "the trust policy of the role must name the identity provider, and the "
                        "subject and audience of the token");
    return status;
}

static int take_sts(const struct creds_web *web, const struct fetch_reply *reply,
                    struct creds_found *ret_found, struct sme_error *err)
{
    struct creds_found found = {0};
    struct s3_xml *root = NULL;
    char what[300];

    (void)snprintf(what, sizeof what, "STS '%s'", web->shown);
    int status = s3_xml_parse(reply->body, reply->len, "AssumeRoleWithWebIdentityResponse", what,
                              &root, err);
    if (status < 0)
        return status;
    const struct s3_xml *keys =
        s3_xml_child(s3_xml_child(root, "AssumeRoleWithWebIdentityResult"), "Credentials");
    if (s3_xml_text(keys, "SessionToken")[0] == '\0' ||
        !creds_parse_time(s3_xml_text(keys, "Expiration"), &found.expires_sec) ||
        creds_set_keys(&found.keys, s3_xml_text(keys, "AccessKeyId"),
                       s3_xml_text(keys, "SecretAccessKey"), s3_xml_text(keys, "SessionToken"),
                       what, NULL) < 0) {
        (void)sme_fail(err, SME_E_CORRUPT, "the answer of %s has no complete keys", what);
        creds_hint(err, "something else answers there; look for a proxy, or a wrong address");
        status = SME_E_CORRUPT;
    } else {
        *ret_found = found;
    }
    wipe_xml(root);
    creds_found_wipe(&found);
    return status;
}

int creds_web_identity_fetch(struct creds_web *web, struct creds_found *ret_found,
                             struct sme_error *err)
{
    struct fetch_reply reply = {0};
    char *token = NULL;

    int status = read_token(web->token_file, &token, err);
    if (status < 0)
        return status;
    status = ask_sts(web, token, &reply, err);
    if (status == SME_OK)
        status =
            reply.http == 200 ? take_sts(web, &reply, ret_found, err) : fail_sts(web, &reply, err);
    fetch_done(&reply);
    free_secret(token);
    return status;
}

/* ---- container endpoint ------------------------------------------------------------------- */

static int set_container(struct creds_web *web, const char *relative, const char *full,
                         struct sme_error *err)
{
    const char *variable = relative != NULL ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
                                            : "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    size_t base = relative != NULL ? strlen(CONTAINER_BASE) : 0;
    struct fetch_where where;

    if (relative != NULL && relative[0] != '/')
        return creds_fail(err, SME_E_INVALID, "look at the environment of the service or container",
                          "'%s' does not begin with '/'", variable);
    memcpy(web->endpoint, CONTAINER_BASE, base);
    int status = copy(web->endpoint + base, sizeof web->endpoint - base,
                      relative != NULL ? relative : full, variable, err);
    if (status < 0)
        return status;
    if (!fetch_look_at(web->endpoint, &where))
        return creds_fail(err, SME_E_INVALID, "look at the environment of the service or container",
                          "'%s' is not an address", variable);
    if (!where.https && !where.loopback && !where.container) {
        (void)sme_fail(err, SME_E_INVALID, "'%s' names '%s', which must not be asked by http",
                       variable, where.host);
        creds_hint(err, "http is for loopback, 169.254.170.2, 169.254.170.23 and fd00:ec2::23 "
                        "only; use https");
        return SME_E_INVALID;
    }
    web->no_proxy = where.loopback || where.container;
    memcpy(web->shown, where.host, sizeof web->shown);
    return SME_OK;
}

int creds_web_container_init(struct creds_web *web, const struct sme_host *host,
                             struct sme_error *err)
{
    const char *relative = creds_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = creds_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *file = creds_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = creds_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");

    *web = (struct creds_web){.host = host};
    if (relative == NULL && full == NULL)
        return sme_fail(err, SME_E_NOT_FOUND, "no container endpoint is configured");
    int status = set_container(web, relative, full, err);
    if (status == SME_OK && file != NULL) {
        status = copy(web->token_file, sizeof web->token_file, file,
                      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", err);
    } else if (status == SME_OK && token != NULL) {
        /* "Bearer x" is as good as one word; a line break would begin another header. */
        if (strpbrk(token, "\r\n") != NULL || strlen(token) >= TOKEN_MAX)
            return creds_fail(err, SME_E_INVALID,
                              "look at the environment of the service or container",
                              "'AWS_CONTAINER_AUTHORIZATION_TOKEN' cannot stand in a header");
        web->token = strdup(token);
        if (web->token == NULL)
            return sme_fail(err, SME_E_NO_MEMORY, "out of memory for a token");
    }
    return status;
}

static int judge_container(const struct creds_web *web, const struct fetch_reply *reply,
                           struct creds_found *ret_found, struct sme_error *err)
{
    char from[300];

    if (reply->http == 429 || reply->http / 100 == 5)
        return creds_fail(err, SME_E_TRANSIENT, "if it lasts, look at the agent that serves it",
                          "container endpoint '%s' gives no keys now (http %ld)", web->shown,
                          reply->http);
    if (reply->http != 200) {
        (void)sme_fail(err, SME_E_DENIED, "container endpoint '%s' gives no keys (http %ld)",
                       web->shown, reply->http);
        creds_hint(err, "look at the role of the task or pod, and at its authorization token");
        return SME_E_DENIED;
    }
    (void)snprintf(from, sizeof from, "container endpoint '%s'", web->shown);
    return creds_parse_json(reply->body, reply->len, false, from, ret_found, err);
}

int creds_web_container_fetch(struct creds_web *web, struct creds_found *ret_found,
                              struct sme_error *err)
{
    struct fetch_reply reply = {0};
    char *read = NULL;
    int status = SME_OK;

    if (web->token_file[0] != '\0')
        status = read_token(web->token_file, &read, err);
    if (status < 0)
        return status;
    const char *token = read != NULL ? read : web->token;
    struct fetch_request request = {
        .method = "GET",
        .url = web->endpoint,
        .header_names = {token != NULL ? "Authorization" : NULL},
        .header_values = {token},
        .allow_http = true, /* set_container() has looked */
        .no_proxy = web->no_proxy,
        .connect_ms = FETCH_CONNECT_MS,
        .total_ms = FETCH_TOTAL_MS,
    };
    status = fetch_run(web->host, &request, "container endpoint", &reply, err);
    if (status == SME_OK)
        status = judge_container(web, &reply, ret_found, err);
    fetch_done(&reply);
    free_secret(read);
    return status;
}
