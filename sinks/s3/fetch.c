/*
 * A small unsigned HTTP request, for the places that hand out credentials.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#define HEADER_COUNT 2

struct transfer {
    const struct sme_host *host;
    struct fetch_reply *reply;
    bool too_long;
    bool cancelled;
};

/* ---- addresses ---------------------------------------------------------------------------- */

static void look_at_v4(const char *host, struct fetch_where *where)
{
    uint8_t at[4];

    if (inet_pton(AF_INET, host, at) != 1)
        return;
    where->loopback = at[0] == 127;
    where->link_local = at[0] == 169 && at[1] == 254;
    where->container = where->link_local && at[2] == 170 && (at[3] == 2 || at[3] == 23);
}

static void look_at_v6(const char *host, struct fetch_where *where)
{
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t container[16] = {0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23};
    uint8_t at[16];
    char bare[64];
    size_t len = strlen(host);

    if (len < 2 || len - 2 >= sizeof bare)
        return;
    memcpy(bare, host + 1, len - 2); /* without the brackets */
    bare[len - 2] = '\0';
    if (inet_pton(AF_INET6, bare, at) != 1)
        return;
    where->loopback = memcmp(at, loopback, sizeof at) == 0;
    where->container = memcmp(at, container, sizeof at) == 0;
    where->link_local = (at[0] == 0xfe && (at[1] & 0xc0) == 0x80) || memcmp(at, container, 4) == 0;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool found = curl_url_get(url, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return found;
}

static bool look_at(CURLU *url, struct fetch_where *where)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool good = false;

    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD) ||
        has_part(url, CURLUPART_FRAGMENT))
        return false;
    (void)curl_url_get(url, CURLUPART_PORT, &port, 0);
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0] != '\0') {
        where->https = strcmp(scheme, "https") == 0;
        good = where->https || strcmp(scheme, "http") == 0;
        if (host[0] == '[')
            look_at_v6(host, where);
        else if (strcmp(host, "localhost") == 0)
            where->loopback = true;
        else
            look_at_v4(host, where);
        (void)snprintf(where->host, sizeof where->host, "%.200s%s%s", host, port != NULL ? ":" : "",
                       port != NULL ? port : "");
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return good;
}

bool fetch_look_at(const char *url, struct fetch_where *ret_where)
{
    struct fetch_where where = {0};
    CURLU *parsed = curl_url();

    if (parsed == NULL)
        return false;
    bool good = curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK && look_at(parsed, &where);
    curl_url_cleanup(parsed);
    if (good)
        *ret_where = where;
    return good;
}

/* ---- the request -------------------------------------------------------------------------- */

static size_t on_write(char *data, size_t size, size_t count, void *cookie)
{
    struct transfer *transfer = cookie;
    struct fetch_reply *reply = transfer->reply;
    size_t len = size * count;

    if (len > FETCH_MAX_BODY - reply->len) {
        transfer->too_long = true;
        return 0;
    }
    memcpy(reply->body + reply->len, data, len);
    reply->len += len;
    reply->body[reply->len] = '\0';
    /* libcurl frees its buffer as it is, and there may be a key in it. */
    OPENSSL_cleanse(data, len);
    return len;
}

static int on_progress(void *cookie, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    struct transfer *transfer = cookie;

    (void)down_total, (void)down, (void)up_total, (void)up;
    transfer->cancelled = transfer->host->cancelled(transfer->host) != 0;
    return transfer->cancelled ? 1 : 0;
}

static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at != NULL; at = at->next)
        OPENSSL_cleanse(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 3;
    char *line = malloc(size);

    if (line == NULL)
        return false;
    (void)snprintf(line, size, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*list, line);
    OPENSSL_cleanse(line, size);
    free(line);
    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

static bool make_headers(const struct fetch_request *request, struct curl_slist **list)
{
    bool good = add_header(list, "Accept", "*/*");

    for (size_t i = 0; i < HEADER_COUNT && good; i++) {
        if (request->header_names[i] != NULL)
            good = add_header(list, request->header_names[i], request->header_values[i]);
    }
    return good;
}

static void configure(CURL *easy, const struct fetch_request *request, struct transfer *transfer,
                      const struct curl_slist *headers, char *detail)
{
    const char *protocols = request->allow_http ? "http,https" : "https";

    (void)curl_easy_setopt(easy, CURLOPT_URL, request->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
    (void)curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    if (request->ca_file != NULL)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    if (request->no_proxy)
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (strcmp(request->method, "GET") != 0) {
        const char *body = request->body != NULL ? request->body : "";
        (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    }
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static int explain(const struct transfer *transfer, CURLcode code, const char *detail,
                   const struct fetch_request *request, const char *what, struct sme_error *err)
{
    struct fetch_where where = {.host = "?"};
    bool good = fetch_look_at(request->url, &where);

    if (detail[0] == '\0')
        detail = curl_easy_strerror(code);
    if (code == CURLE_OUT_OF_MEMORY)
        return sme_fail(err, SME_E_NO_MEMORY, "%s: out of memory", what);
    if (transfer->cancelled)
        return sme_fail(err, SME_E_CANCELLED, "%s: cancelled", what);
    if (transfer->too_long)
        return sme_fail(err, SME_E_CORRUPT, "%s '%s': its answer is longer than %u KiB", what,
                        where.host, FETCH_MAX_BODY >> 10);
    if (!good || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
        return sme_fail(err, SME_E_INVALID, "%s '%s': the address cannot be used", what,
                        where.host);
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        (void)sme_fail(err, SME_E_DENIED, "%s '%s': its certificate is not trusted: %s", what,
                       where.host, detail);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "install the authority's certificate (ca-certificates)");
        return SME_E_DENIED;
    }
    (void)sme_fail(err, SME_E_TRANSIENT, "%s '%s' gives no answer: %s", what, where.host, detail);
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint,
                       "look at the network, firewall and name servers of this machine");
    return SME_E_TRANSIENT;
}

int fetch_run(const struct sme_host *host, const struct fetch_request *request, const char *what,
              struct fetch_reply *ret_reply, struct sme_error *err)
{
    struct transfer transfer = {.host = host, .reply = ret_reply};
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    curl_off_t connected_us = 0;

    *ret_reply = (struct fetch_reply){0};
    /* Counted by libcurl, and safe beside other threads. */
    CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK)
        return sme_fail(err, SME_E_IO, "%s: libcurl cannot start: %s", what,
                        curl_easy_strerror(started));
    CURL *easy = curl_easy_init();
    ret_reply->body = calloc(1, FETCH_MAX_BODY + 1);
    if (easy == NULL || ret_reply->body == NULL || !make_headers(request, &headers)) {
        free_headers(headers);
        curl_easy_cleanup(easy);
        curl_global_cleanup();
        return sme_fail(err, SME_E_NO_MEMORY, "%s: out of memory", what);
    }
    configure(easy, request, &transfer, headers, detail);
    CURLcode code = curl_easy_perform(easy);
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &ret_reply->http);
    (void)curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    ret_reply->answered = connected_us > 0;
    int status = code == CURLE_OK ? SME_OK : explain(&transfer, code, detail, request, what, err);
    curl_easy_cleanup(easy);
    free_headers(headers);
    curl_global_cleanup();
    return status;
}

void fetch_done(struct fetch_reply *reply)
{
    if (reply->body != NULL)
        OPENSSL_cleanse(reply->body, FETCH_MAX_BODY + 1);
    free(reply->body);
    *reply = (struct fetch_reply){0};
}
