/*
 * One HTTP request through libcurl: handles are kept and reused, bodies are bounded.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "http.h"
#include "reply.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define MAX_IDLE 64
#define LOW_SPEED 1024           /* bytes per second; below it a transfer has stalled */
#define SLOWEST_RATE (16 * 1024) /* a whole transfer may take its size by this ... */
#define SLOWEST_BASE 60          /* ... and these seconds */
#define BUFFER_SIZE (512 * 1024L)

/* Handles at rest.  Each keeps its connection, so that there are as many as calls at once. */
struct s3_http {
    pthread_mutex_t lock;
    size_t idle_count;
    CURL *idle[MAX_IDLE];
};

struct transfer {
    struct s3 *s3;
    const struct s3_request *request;
    struct s3_reply *reply;
    CURL *easy;
    size_t slice; /* where the upload is */
    size_t slice_at;
    uint64_t seen; /* bytes of the body that came */
    bool looked;   /* the status of the reply is known */
    bool enough;   /* all that was wanted is there */
    bool too_long;
    bool no_memory;
    size_t body_cap;
};

int http_new(struct s3_http **ret_http, struct sme_error *err)
{
    /* Counted by libcurl, and safe beside other threads. */
    CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK)
        return sme_fail(err, SME_E_IO, "libcurl cannot start: %s", curl_easy_strerror(started));
    struct s3_http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        curl_global_cleanup();
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for connections");
    }
    (void)pthread_mutex_init(&http->lock, NULL);
    *ret_http = http;
    return SME_OK;
}

void http_free(struct s3_http *http)
{
    if (http == NULL)
        return;
    for (size_t i = 0; i < http->idle_count; i++)
        curl_easy_cleanup(http->idle[i]);
    (void)pthread_mutex_destroy(&http->lock);
    free(http);
    curl_global_cleanup();
}

static CURL *take_handle(struct s3_http *http)
{
    CURL *easy = NULL;

    (void)pthread_mutex_lock(&http->lock);
    if (http->idle_count > 0)
        easy = http->idle[--http->idle_count];
    (void)pthread_mutex_unlock(&http->lock);
    return easy != NULL ? easy : curl_easy_init();
}

/* After trouble the connection is given up, so that the next attempt looks the name up again. */
static void return_handle(struct s3_http *http, CURL *easy, bool keep)
{
    if (keep) {
        curl_easy_reset(easy);
        (void)pthread_mutex_lock(&http->lock);
        if (http->idle_count < MAX_IDLE) {
            http->idle[http->idle_count++] = easy;
            easy = NULL;
        }
        (void)pthread_mutex_unlock(&http->lock);
    }
    if (easy != NULL)
        curl_easy_cleanup(easy);
}

static size_t on_read(char *out, size_t size, size_t count, void *cookie)
{
    struct transfer *transfer = cookie;
    const struct s3_request *request = transfer->request;
    size_t room = size * count;
    size_t done = 0;

    while (done < room && transfer->slice < request->body_count) {
        const struct sme_slice *slice = &request->body[transfer->slice];
        size_t left = slice->len - transfer->slice_at;
        size_t piece = left < room - done ? left : room - done;
        if (piece > 0)
            memcpy(out + done, (const char *)slice->data + transfer->slice_at, piece);
        done += piece;
        transfer->slice_at += piece;
        if (transfer->slice_at == slice->len) {
            transfer->slice++;
            transfer->slice_at = 0;
        }
    }
    return done;
}

/* When a kept connection ends before a reply, libcurl would send the body again by itself.  The
 * first one may have been carried out, and a create-only put that meets itself looks like somebody
 * else's object: the repetition is for the core, which knows that it is one. */
static int on_seek(void *cookie, curl_off_t offset, int origin)
{
    (void)cookie;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static size_t on_header(char *line, size_t size, size_t count, void *cookie)
{
    struct transfer *transfer = cookie;

    (void)size; /* always 1 */
    struct s3_reply *reply = transfer->reply;
    reply_read_header(reply, line, count);
    if (reply->date_sec != 0 && reply->here_sec == 0)
        reply->here_sec = transfer->s3->host->realtime_ns(transfer->s3->host) / 1000000000;
    return count;
}

/* An object's bytes: into the caller's memory, of a whole object only the range. */
static size_t take_object(struct transfer *transfer, const char *data, size_t len)
{
    const struct s3_request *request = transfer->request;
    uint64_t first = request->ranged && transfer->reply->http == 200 ? request->range_first : 0;
    size_t from = 0;

    if (transfer->seen < first) {
        uint64_t skip = first - transfer->seen;
        from = skip < len ? (size_t)skip : len;
    }
    transfer->seen += len;
    size_t piece = len - from;
    size_t room = request->into_len - transfer->reply->got;
    if (piece > room) {
        if (first == 0 && !(request->ranged && transfer->reply->http == 200)) {
            transfer->too_long = true;
            return 0;
        }
        piece = room;
        transfer->enough = true;
    }
    if (piece > 0)
        memcpy((char *)request->into + transfer->reply->got, data + from, piece);
    transfer->reply->got += piece;
    return transfer->enough ? 0 : len;
}

static size_t take_text(struct transfer *transfer, const char *data, size_t len)
{
    struct s3_reply *reply = transfer->reply;

    if (reply->got + len > S3_MAX_REPLY) {
        transfer->too_long = true;
        return 0;
    }
    if (reply->got + len + 1 > transfer->body_cap) {
        size_t cap = (reply->got + len + 1) * 2;
        char *grown = realloc(reply->body, cap);
        if (grown == NULL) {
            transfer->no_memory = true;
            return 0;
        }
        reply->body = grown;
        transfer->body_cap = cap;
    }
    memcpy(reply->body + reply->got, data, len);
    reply->got += len;
    reply->body[reply->got] = '\0';
    return len;
}

static size_t on_write(char *data, size_t size, size_t count, void *cookie)
{
    struct transfer *transfer = cookie;
    size_t len = size * count;

    if (transfer->reply->http / 100 == 2 && transfer->request->into != NULL)
        return take_object(transfer, data, len);
    return take_text(transfer, data, len);
}

static int on_progress(void *cookie, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct transfer *transfer = cookie;
    const struct sme_host *host = transfer->s3->host;

    (void)down_total, (void)down, (void)up_total, (void)up;
    return host->cancelled(host);
}

static bool is_fatal_tls(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_CERTPROBLEM ||
           code == CURLE_SSL_INVALIDCERTSTATUS || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH;
}

static int explain(const struct transfer *transfer, CURLcode code, const char *detail,
                   const char *url, const char *what, struct sme_error *err)
{
    /* The host is told, not the whole address: the object is named by ${what}. */
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    int len = (int)strcspn(host, "/?");
    if (detail[0] == '\0')
        detail = curl_easy_strerror(code);

    if (transfer->no_memory || code == CURLE_OUT_OF_MEMORY)
        return sme_fail(err, SME_E_NO_MEMORY, "%s: out of memory for the reply of '%.*s'", what,
                        len, host);
    if (transfer->too_long)
        return sme_fail(err, SME_E_CORRUPT, "%s: '%.*s' sent more than it was asked for", what, len,
                        host);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return sme_fail(err, SME_E_CANCELLED, "%s: cancelled", what);
    if (is_fatal_tls(code)) {
        (void)sme_fail(err, SME_E_DENIED, "%s: the certificate of '%.*s' is not trusted: %s", what,
                       len, host, detail);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "install the authority's certificate (ca-certificates) or name it with "
                           "ca_file =; it is never skipped");
        return SME_E_DENIED;
    }
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
        return sme_fail(err, SME_E_INVALID, "%s: '%.*s' cannot be used: %s", what, len, host,
                        detail);
    return sme_fail(err, SME_E_TRANSIENT, "%s: no whole reply of '%.*s': %s", what, len, host,
                    detail);
}

static void configure(struct transfer *transfer, const struct http_exchange *exchange,
                      struct curl_slist *headers, char *detail)
{
    const struct s3_request *request = transfer->request;
    const struct s3_config *config = transfer->s3->config;
    CURL *easy = transfer->easy;
    uint64_t size = request->body_len > request->into_len ? request->body_len : request->into_len;
    const char *protocols = config->allow_http ? "http,https" : "https";

    (void)curl_easy_setopt(easy, CURLOPT_URL, exchange->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
    (void)curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (config->ca_file != NULL)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)transfer->s3->connect_sec);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)transfer->s3->stall_sec);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)(SLOWEST_BASE + size / SLOWEST_RATE));
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    if (strcmp(request->method, "HEAD") == 0) {
        (void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0) {
        (void)curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
        (void)curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
        (void)curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
        (void)curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
        (void)curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_len);
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        (void)curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

/* The headers as libcurl wants them; they hold the session token, so they are wiped. */
static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at != NULL; at = at->next)
        OPENSSL_cleanse(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static struct curl_slist *make_headers(const struct http_exchange *exchange)
{
    /* A packet round for "Expect: 100-continue" buys nothing where refusals are rare. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    for (size_t i = 0; i < exchange->header_count && list != NULL; i++) {
        const struct s3_pair *pair = &exchange->headers[i];
        size_t size = strlen(pair->name) + strlen(pair->value) + 3;
        char *line = malloc(size);
        struct curl_slist *longer = NULL;
        if (line != NULL) {
            (void)snprintf(line, size, "%s: %s", pair->name, pair->value);
            longer = curl_slist_append(list, line);
            OPENSSL_cleanse(line, size);
            free(line);
        }
        if (longer == NULL) {
            free_headers(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

int http_run(struct s3 *s3, const struct http_exchange *exchange, const char *what,
             struct s3_reply *reply, struct sme_error *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct transfer transfer = {
        .s3 = s3, .request = exchange->request, .reply = reply, .easy = take_handle(s3->http)};
    struct curl_slist *headers = make_headers(exchange);

    if (transfer.easy == NULL || headers == NULL) {
        free_headers(headers);
        if (transfer.easy != NULL)
            return_handle(s3->http, transfer.easy, true);
        return sme_fail(err, SME_E_NO_MEMORY, "%s: out of memory for a request", what);
    }
    configure(&transfer, exchange, headers, detail);
    CURLcode code = curl_easy_perform(transfer.easy);
    if (code == CURLE_WRITE_ERROR && transfer.enough)
        code = CURLE_OK;
    int status = code == CURLE_OK && !transfer.too_long
                     ? SME_OK
                     : explain(&transfer, code, detail, exchange->url, what, err);
    return_handle(s3->http, transfer.easy, code == CURLE_OK && !transfer.enough);
    free_headers(headers);
    return status;
}
