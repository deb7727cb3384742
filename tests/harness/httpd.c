/*
 * A scripted HTTP/1.1 server on loopback.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HTTPD_MAX_HEAD (128u << 10)
#define HTTPD_MAX_BODY (80u << 20)
#define HTTPD_BACKLOG 256
#define HTTPD_DRAIN_MS 2000 /* for what was sent to reach the client before a reset */

/* One connection.  ${buf} holds what was read and not yet used. */
struct httpd_conn {
    struct httpd *httpd;
    struct httpd_conn *next;
    pthread_t thread;
    int fd;    /* guarded by httpd->lock; -1: closed */
    bool done; /* the same                           */
    char *buf;
    size_t have;
};

struct httpd {
    httpd_handler *handler;
    void *cookie;
    int listener;
    unsigned port;
    char url[64];
    pthread_t acceptor;
    pthread_mutex_t serving; /* held while the handler runs */
    pthread_mutex_t lock;    /* guards what follows         */
    struct httpd_conn *conns;
    unsigned requests;
    unsigned connections;
    bool stopping;
};

static void httpd_die(const char *what)
{
    (void)fprintf(stderr, "httpd: %s: %s\n", what, strerror(errno));
    abort();
}

static void *httpd_alloc(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL)
        httpd_die("no memory");
    return memory;
}

/* ---- bytes -------------------------------------------------------------------------------- */

/* More bytes into the buffer; false at the end of the connection. */
static bool httpd_fill(struct httpd_conn *conn, int fd)
{
    ssize_t got;

    if (conn->have >= HTTPD_MAX_HEAD)
        return false;
    do
        got = recv(fd, conn->buf + conn->have, HTTPD_MAX_HEAD - conn->have, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    conn->have += (size_t)got;
    return true;
}

static void httpd_use(struct httpd_conn *conn, size_t len)
{
    memmove(conn->buf, conn->buf + len, conn->have - len);
    conn->have -= len;
}

static bool httpd_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* ---- requests ----------------------------------------------------------------------------- */

/* The head's lines, without the request line; false if it is not HTTP or too large. */
static bool httpd_parse_headers(char *line, struct httpd_request *request)
{
    while (line != NULL && *line != '\0') {
        char *end = strstr(line, "\r\n");
        char *next = end != NULL ? end + 2 : NULL;
        char *colon = strchr(line, ':');

        if (end != NULL)
            *end = '\0';
        if (colon == NULL || request->header_count >= HTTPD_HEADERS)
            return false;
        *colon = '\0';
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        size_t len = strlen(value);

        while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
            len--;
        size_t i = request->header_count++;

        if (strlen(line) >= sizeof request->headers[i].name ||
            len >= sizeof request->headers[i].value)
            return false;
        for (size_t c = 0; line[c] != '\0'; c++) {
            bool upper = line[c] >= 'A' && line[c] <= 'Z';
            request->headers[i].name[c] = (char)(upper ? line[c] - 'A' + 'a' : line[c]);
        }
        memcpy(request->headers[i].value, value, len);
        line = next;
    }
    return true;
}

static bool httpd_parse_line(char *line, struct httpd_request *request, bool *ret_old)
{
    char *target = strchr(line, ' ');
    char *version = target != NULL ? strchr(target + 1, ' ') : NULL;

    if (version == NULL)
        return false;
    *target++ = '\0';
    *version++ = '\0';
    if (strlen(line) >= sizeof request->method || strlen(target) >= sizeof request->target ||
        strncmp(version, "HTTP/1.", 7) != 0)
        return false;
    memcpy(request->method, line, strlen(line) + 1);
    memcpy(request->target, target, strlen(target) + 1);
    *ret_old = version[7] == '0';
    return true;
}

/* Content-Length of the request; false if there is none that can be served. */
static bool httpd_body_length(const struct httpd_request *request, size_t *ret_len)
{
    const char *length = httpd_header(request, "content-length");
    char *end;

    *ret_len = 0;
    if (httpd_header(request, "transfer-encoding") != NULL)
        return false;
    if (length == NULL)
        return true;
    errno = 0;
    uintmax_t value = strtoumax(length, &end, 10);

    if (*length < '0' || *length > '9' || *end != '\0' || errno != 0 || value > HTTPD_MAX_BODY)
        return false;
    *ret_len = (size_t)value;
    return true;
}

static bool httpd_read_body(struct httpd_conn *conn, int fd, struct httpd_request *request)
{
    const char *expect = httpd_header(request, "expect");
    size_t done = conn->have < request->body_len ? conn->have : request->body_len;

    request->body = httpd_alloc(request->body_len + 1);
    memcpy(request->body, conn->buf, done);
    httpd_use(conn, done);
    if (expect != NULL && strcasecmp(expect, "100-continue") == 0 && done < request->body_len) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

        if (!httpd_send(fd, go_on, sizeof go_on - 1))
            return false;
    }
    while (done < request->body_len) {
        ssize_t got = recv(fd, request->body + done, request->body_len - done, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* The next request; false at the end of the connection and after nonsense. */
static bool httpd_read(struct httpd_conn *conn, int fd, struct httpd_request *request,
                       bool *ret_close)
{
    static const char refusal[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    char *end;
    bool old = false;

    conn->buf[conn->have] = '\0';
    while ((end = memmem(conn->buf, conn->have, "\r\n\r\n", 4)) == NULL) {
        if (!httpd_fill(conn, fd))
            return false;
    }
    size_t head = (size_t)(end - conn->buf) + 4;

    *end = '\0';
    char *headers = strstr(conn->buf, "\r\n");

    if (headers != NULL) {
        *headers = '\0';
        headers += 2;
    }
    if (!httpd_parse_line(conn->buf, request, &old) || !httpd_parse_headers(headers, request) ||
        !httpd_body_length(request, &request->body_len)) {
        (void)fprintf(stderr, "httpd: a request that cannot be read: %.200s\n", conn->buf);
        (void)httpd_send(fd, refusal, sizeof refusal - 1);
        return false;
    }
    httpd_use(conn, head);
    const char *connection = httpd_header(request, "connection");

    *ret_close = connection != NULL ? strcasecmp(connection, "close") == 0 : old;
    return httpd_read_body(conn, fd, request);
}

/* ---- replies ------------------------------------------------------------------------------ */

static bool httpd_names(const char *headers, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = headers; line != NULL && *line != '\0';) {
        if (strncasecmp(line, name, len) == 0 && line[len] == ':')
            return true;
        line = strstr(line, "\r\n");
        line = line != NULL ? line + 2 : NULL;
    }
    return false;
}

static const char *httpd_reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 206:
        return "Partial Content";
    case 404:
        return "Not Found";
    case 503:
        return "Slow Down";
    default:
        return "Scripted";
    }
}

/* The head; ${ret_close}: the connection ends with this reply. */
static bool httpd_send_head(int fd, const struct httpd_reply *reply, bool *ret_close)
{
    char head[sizeof reply->headers + 512];
    char date[64] = "", length[64] = "";
    bool bare = reply->status == 204 || reply->status == 304;

    if (!httpd_names(reply->headers, "Date")) {
        time_t now = time(NULL);
        struct tm tm;

        (void)gmtime_r(&now, &tm);
        (void)strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    }
    if (reply->fault != HTTPD_NO_LENGTH && !bare && !httpd_names(reply->headers, "Content-Length"))
        (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", reply->body_len);
    if (reply->fault == HTTPD_NO_LENGTH || httpd_names(reply->headers, "Connection"))
        *ret_close = true;
    int len = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\n%s%s%s%s\r\n", reply->status,
                       httpd_reason(reply->status), reply->headers, date, length,
                       reply->fault == HTTPD_NO_LENGTH ? "Connection: close\r\n" : "");

    return httpd_send(fd, head, (size_t)len);
}

/* The rest of the connection is a reset instead of an orderly end. */
static void httpd_reset_at_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct timespec nap = {.tv_nsec = 1000000};
    int unsent = 0;

    /* What is still in the send buffer would be thrown away by the reset. */
    for (int i = 0; i < HTTPD_DRAIN_MS && ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0; i++)
        (void)nanosleep(&nap, NULL);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* Nothing more until the client (or httpd_free()) ends the connection. */
static void httpd_stall(int fd)
{
    char waste[4096];
    ssize_t got;

    do
        got = recv(fd, waste, sizeof waste, 0);
    while (got > 0 || (got < 0 && errno == EINTR));
}

/* Send the reply; false if the connection is over. */
static bool httpd_answer(int fd, const struct httpd_request *request,
                         const struct httpd_reply *reply)
{
    bool over = false;
    bool cuts = reply->fault == HTTPD_RESET_AFTER || reply->fault == HTTPD_CLOSE_AFTER ||
                reply->fault == HTTPD_STALL_AFTER;
    size_t len = cuts && reply->cut < reply->body_len ? reply->cut : reply->body_len;

    if (reply->fault == HTTPD_RESET_BEFORE) {
        httpd_reset_at_close(fd);
        return false;
    }
    if (strcmp(request->method, "HEAD") == 0 || reply->status == 204 || reply->status == 304)
        len = 0;
    if (!httpd_send_head(fd, reply, &over) || !httpd_send(fd, reply->body, len))
        return false;
    if (reply->fault == HTTPD_STALL_AFTER)
        httpd_stall(fd);
    if (reply->fault == HTTPD_RESET_AFTER)
        httpd_reset_at_close(fd);
    return !over && !cuts;
}

/* ---- threads ------------------------------------------------------------------------------ */

/* Ask the handler.  The body is copied, as the next request may overwrite it. */
static void httpd_handle(struct httpd *httpd, struct httpd_request *request,
                         struct httpd_reply *reply)
{
    (void)pthread_mutex_lock(&httpd->serving);
    (void)pthread_mutex_lock(&httpd->lock);
    request->number = httpd->requests++;
    (void)pthread_mutex_unlock(&httpd->lock);
    reply->status = 200;
    httpd->handler(httpd->cookie, request, reply);
    if (reply->body == NULL)
        reply->body_len = 0;
    void *copy = httpd_alloc(reply->body_len + 1);

    if (reply->body_len > 0)
        memcpy(copy, reply->body, reply->body_len);
    reply->body = copy;
    (void)pthread_mutex_unlock(&httpd->serving);
}

static void *httpd_serve(void *cookie)
{
    struct httpd_conn *conn = cookie;
    struct httpd *httpd = conn->httpd;
    bool over = false;

    (void)pthread_mutex_lock(&httpd->lock);
    int fd = conn->fd;
    (void)pthread_mutex_unlock(&httpd->lock);
    conn->buf = httpd_alloc(HTTPD_MAX_HEAD + 1);
    while (!over) {
        struct httpd_request *request = httpd_alloc(sizeof *request);
        struct httpd_reply *reply = httpd_alloc(sizeof *reply);
        bool close_after = false;

        if (!httpd_read(conn, fd, request, &close_after)) {
            over = true;
        } else {
            httpd_handle(httpd, request, reply);
            over = !httpd_answer(fd, request, reply) || close_after;
            free((void *)(uintptr_t)reply->body);
        }
        free(request->body);
        free(request);
        free(reply);
    }
    free(conn->buf);
    (void)pthread_mutex_lock(&httpd->lock);
    (void)close(conn->fd);
    conn->fd = -1;
    conn->done = true;
    (void)pthread_mutex_unlock(&httpd->lock);
    return NULL;
}

/* Take the finished connections (${all}: any) out of the list and end their threads. */
static void httpd_reap(struct httpd *httpd, bool all)
{
    struct httpd_conn *gone = NULL;

    (void)pthread_mutex_lock(&httpd->lock);
    for (struct httpd_conn **link = &httpd->conns; *link != NULL;) {
        struct httpd_conn *conn = *link;

        if (all && conn->fd >= 0)
            (void)shutdown(conn->fd, SHUT_RDWR);
        if (all || conn->done) {
            *link = conn->next;
            conn->next = gone;
            gone = conn;
        } else {
            link = &conn->next;
        }
    }
    (void)pthread_mutex_unlock(&httpd->lock);
    while (gone != NULL) {
        struct httpd_conn *next = gone->next;

        (void)pthread_join(gone->thread, NULL);
        free(gone);
        gone = next;
    }
}

static void httpd_welcome(struct httpd *httpd, int fd)
{
    struct httpd_conn *conn = httpd_alloc(sizeof *conn);
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn->httpd = httpd;
    conn->fd = fd;
    (void)pthread_mutex_lock(&httpd->lock);
    httpd->connections++;
    conn->next = httpd->conns;
    httpd->conns = conn;
    if (pthread_create(&conn->thread, NULL, httpd_serve, conn) != 0)
        httpd_die("cannot start a thread");
    (void)pthread_mutex_unlock(&httpd->lock);
}

static void *httpd_accept(void *cookie)
{
    struct httpd *httpd = cookie;
    bool stopping = false;

    while (!stopping) {
        int fd = accept4(httpd->listener, NULL, NULL, SOCK_CLOEXEC);

        (void)pthread_mutex_lock(&httpd->lock);
        stopping = httpd->stopping;
        (void)pthread_mutex_unlock(&httpd->lock);
        if (fd >= 0 && !stopping)
            httpd_welcome(httpd, fd);
        else if (fd >= 0)
            (void)close(fd);
        else if (!stopping && errno != EINTR && errno != ECONNABORTED)
            httpd_die("cannot accept connections");
        httpd_reap(httpd, false);
    }
    return NULL;
}

/* ---- outside ------------------------------------------------------------------------------ */

struct httpd *httpd_new(httpd_handler *handler, void *cookie)
{
    struct httpd *httpd = httpd_alloc(sizeof *httpd);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;

    httpd->handler = handler;
    httpd->cookie = cookie;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    httpd->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (httpd->listener < 0 ||
        bind(httpd->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(httpd->listener, HTTPD_BACKLOG) != 0 ||
        getsockname(httpd->listener, (struct sockaddr *)&address, &len) != 0)
        httpd_die("cannot listen on loopback");
    httpd->port = ntohs(address.sin_port);
    (void)snprintf(httpd->url, sizeof httpd->url, "http://127.0.0.1:%u", httpd->port);
    (void)pthread_mutex_init(&httpd->serving, NULL);
    (void)pthread_mutex_init(&httpd->lock, NULL);
    if (pthread_create(&httpd->acceptor, NULL, httpd_accept, httpd) != 0)
        httpd_die("cannot start a thread");
    return httpd;
}

void httpd_free(struct httpd *httpd)
{
    if (httpd == NULL)
        return;
    (void)pthread_mutex_lock(&httpd->lock);
    httpd->stopping = true;
    (void)pthread_mutex_unlock(&httpd->lock);
    (void)shutdown(httpd->listener, SHUT_RDWR); /* accept() returns */
    (void)pthread_join(httpd->acceptor, NULL);
    (void)close(httpd->listener);
    httpd_reap(httpd, true);
    (void)pthread_mutex_destroy(&httpd->lock);
    (void)pthread_mutex_destroy(&httpd->serving);
    free(httpd);
}

unsigned httpd_port(const struct httpd *httpd)
{
    return httpd->port;
}

const char *httpd_url(const struct httpd *httpd)
{
    return httpd->url;
}

unsigned httpd_requests(struct httpd *httpd)
{
    (void)pthread_mutex_lock(&httpd->lock);
    unsigned count = httpd->requests;
    (void)pthread_mutex_unlock(&httpd->lock);
    return count;
}

unsigned httpd_connections(struct httpd *httpd)
{
    (void)pthread_mutex_lock(&httpd->lock);
    unsigned count = httpd->connections;
    (void)pthread_mutex_unlock(&httpd->lock);
    return count;
}

const char *httpd_header(const struct httpd_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}

void httpd_add_header(struct httpd_reply *reply, const char *name, const char *value)
{
    size_t len = strlen(reply->headers);
    int more =
        snprintf(reply->headers + len, sizeof reply->headers - len, "%s: %s\r\n", name, value);

    if (more < 0 || (size_t)more >= sizeof reply->headers - len) {
        errno = ENOSPC;
        httpd_die("the reply's headers");
    }
}
