/*
 * A proxy that fails at random: between a sink and a real store.
 *
 *   faulty UPSTREAM PERCENT SEED [COUNTS]
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Prints its own address, then passes requests on to UPSTREAM ("http://127.0.0.1:PORT") as they
 * are, until standard input ends.  PERCENT of them get a fault instead, by SEED: an error of the
 * server, a reset before the request is passed on, a reply that is cut off, a reply that is lost
 * although the request was carried out, silence.  Each eighth gets an error of the server for
 * certain, so that a short sequence has a fault, too, and one that libcurl does not hide by
 * trying a new connection.  COUNTS: a file that gets one line a kind.
 */
#include "../harness/httpd.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum kind { ERROR, SLOW_DOWN, RESET, CUT, CUT_SILENTLY, LOST, STALL, KINDS };
static const char *const kind_names[KINDS] = {"error",        "slow-down", "reset", "cut",
                                              "cut-silently", "lost",      "stall"};

struct proxy {
    const char *upstream;
    unsigned percent;
    uint64_t seed;
    unsigned counts[KINDS];
    unsigned passed;
    CURL *easy;
    const struct httpd_request *request;
    size_t sent;
    struct httpd_reply *reply;
    char *body;
    size_t body_len, body_cap;
};

/* Numbers in which the order of threads does not matter: one for each request. */
static uint64_t dice(const struct proxy *proxy, unsigned number)
{
    uint64_t x = (proxy->seed * 1000003 + number + 1) * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return x;
}

static size_t on_body(char *data, size_t size, size_t count, void *cookie)
{
    struct proxy *proxy = cookie;
    size_t len = size * count;

    if (proxy->body_len + len > proxy->body_cap) {
        proxy->body_cap = (proxy->body_len + len) * 2;
        proxy->body = realloc(proxy->body, proxy->body_cap);
        if (proxy->body == NULL)
            abort();
    }
    memcpy(proxy->body + proxy->body_len, data, len);
    proxy->body_len += len;
    return len;
}

static bool is_of_the_connection(const char *name)
{
    return strcasecmp(name, "transfer-encoding") == 0 || strcasecmp(name, "connection") == 0 ||
           strcasecmp(name, "expect") == 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *cookie)
{
    struct proxy *proxy = cookie;
    char name[256];
    char value[1024];

    if (size * count < sizeof value &&
        sscanf(line, "%255[^:\r\n]: %1023[^\r\n]", name, value) == 2 &&
        strncmp(name, "HTTP/", 5) != 0 && !is_of_the_connection(name) &&
        (strcasecmp(name, "content-length") != 0 || strcmp(proxy->request->method, "HEAD") == 0))
        httpd_add_header(proxy->reply, name, value);
    return size * count;
}

static size_t on_upload(char *out, size_t size, size_t count, void *cookie)
{
    struct proxy *proxy = cookie;
    size_t left = proxy->request->body_len - proxy->sent;
    size_t piece = left < size * count ? left : size * count;

    memcpy(out, proxy->request->body + proxy->sent, piece);
    proxy->sent += piece;
    return piece;
}

static void set_up_request(struct proxy *proxy, const char *url, struct curl_slist *headers)
{
    const struct httpd_request *request = proxy->request;

    curl_easy_reset(proxy->easy);
    (void)curl_easy_setopt(proxy->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(proxy->easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(proxy->easy, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(proxy->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(proxy->easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(proxy->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(proxy->easy, CURLOPT_WRITEDATA, proxy);
    (void)curl_easy_setopt(proxy->easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(proxy->easy, CURLOPT_HEADERDATA, proxy);
    if (strcmp(request->method, "HEAD") == 0) {
        (void)curl_easy_setopt(proxy->easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0) {
        (void)curl_easy_setopt(proxy->easy, CURLOPT_UPLOAD, 1L);
        (void)curl_easy_setopt(proxy->easy, CURLOPT_READFUNCTION, on_upload);
        (void)curl_easy_setopt(proxy->easy, CURLOPT_READDATA, proxy);
        (void)curl_easy_setopt(proxy->easy, CURLOPT_INFILESIZE_LARGE,
                               (curl_off_t)request->body_len);
    }
    (void)curl_easy_setopt(proxy->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* The request as it came, its Host included, which is signed. */
static void pass_on(struct proxy *proxy)
{
    const struct httpd_request *request = proxy->request;
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    char line[4300];
    char url[2304];
    long status = 502;

    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        if (is_of_the_connection(name) || strcmp(name, "content-length") == 0)
            continue;
        (void)snprintf(line, sizeof line, "%s: %s", name, request->headers[i].value);
        headers = curl_slist_append(headers, line);
    }
    (void)snprintf(url, sizeof url, "%s%s", proxy->upstream, request->target);
    proxy->body_len = 0;
    proxy->sent = 0;
    set_up_request(proxy, url, headers);
    if (curl_easy_perform(proxy->easy) == CURLE_OK)
        (void)curl_easy_getinfo(proxy->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    proxy->reply->status = (int)status;
    proxy->reply->body = proxy->body;
    proxy->reply->body_len = proxy->body_len;
    proxy->passed++;
}

static void refuse(struct httpd_reply *reply, const char *body)
{
    reply->status = 503;
    reply->body = body;
    reply->body_len = strlen(body);
}

static void fail(struct proxy *proxy, enum kind kind)
{
    struct httpd_reply *reply = proxy->reply;

    /* The head alone would be a whole answer, and a lie. */
    if (kind == STALL && strcmp(proxy->request->method, "HEAD") == 0)
        kind = RESET;
    switch (kind) {
    case ERROR:
        refuse(reply, "<Error><Code>InternalError</Code><Message>no</Message></Error>");
        break;
    case SLOW_DOWN:
        refuse(reply, "<Error><Code>SlowDown</Code><Message>no</Message></Error>");
        break;
    case RESET:
        reply->fault = HTTPD_RESET_BEFORE;
        break;
    case CUT:
    case CUT_SILENTLY:
        pass_on(proxy);
        reply->fault = kind == CUT ? HTTPD_RESET_AFTER : HTTPD_CLOSE_AFTER;
        reply->cut = proxy->body_len / 2;
        break;
    case LOST:
        pass_on(proxy);
        reply->fault = HTTPD_RESET_BEFORE;
        break;
    case STALL:
        /* A body that is announced and never comes. */
        reply->fault = HTTPD_STALL_AFTER;
        reply->body = "x";
        reply->body_len = 1;
        break;
    case KINDS:
        break;
    }
    proxy->counts[kind]++;
}

static void answer(void *cookie, const struct httpd_request *request, struct httpd_reply *reply)
{
    struct proxy *proxy = cookie;
    uint64_t random = dice(proxy, request->number);

    proxy->request = request;
    proxy->reply = reply;
    if (request->number % 8 == 7)
        fail(proxy, ERROR);
    else if (random % 100 < proxy->percent)
        fail(proxy, (enum kind)(random / 100 % KINDS));
    else
        pass_on(proxy);
}

static void write_counts(const struct proxy *proxy, const char *path)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        return;
    (void)fprintf(file, "passed %u\n", proxy->passed);
    for (unsigned i = 0; i < KINDS; i++)
        (void)fprintf(file, "%s %u\n", kind_names[i], proxy->counts[i]);
    (void)fclose(file);
}

int main(int argc, char **argv)
{
    struct proxy proxy = {0};
    char byte;

    if (argc < 4) {
        (void)fprintf(stderr, "usage: faulty UPSTREAM PERCENT SEED [COUNTS]\n");
        return 2;
    }
    proxy.upstream = argv[1];
    proxy.percent = (unsigned)strtoul(argv[2], NULL, 10);
    proxy.seed = strtoull(argv[3], NULL, 10);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    proxy.easy = curl_easy_init();
    struct httpd *httpd = httpd_new(answer, &proxy);
    (void)printf("%s\n", httpd_url(httpd));
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    httpd_free(httpd);
    if (argc > 4)
        write_counts(&proxy, argv[4]);
    curl_easy_cleanup(proxy.easy);
    curl_global_cleanup();
    free(proxy.body);
    return 0;
}
