/*
 * A scripted HTTP/1.1 server on loopback, for what a real store cannot be made to do.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Listens on a free port of 127.0.0.1; one thread per connection; the handler is called under a
 * lock, so it may use state without one.  httpd_free() ends all threads.
 */
#ifndef SME_TESTS_HTTPD_H
#define SME_TESTS_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTPD_HEADERS 40

struct httpd_request {
    unsigned number; /* 0, 1, 2 ... of the server */
    char method[16];
    char target[2048]; /* as sent: "/bucket/a%20b?x=1" */
    struct {
        char name[64]; /* lower case */
        char value[4096];
    } headers[HTTPD_HEADERS];
    size_t header_count;
    uint8_t *body;
    size_t body_len;
};

/* What happens to the connection. */
enum httpd_fault {
    HTTPD_NONE,
    HTTPD_RESET_BEFORE, /* reset after the request was read, no reply */
    HTTPD_RESET_AFTER,  /* reset after ${cut} bytes of the reply's body */
    HTTPD_CLOSE_AFTER,  /* orderly close after ${cut} bytes of the body */
    HTTPD_STALL_AFTER,  /* nothing more after ${cut} bytes, until the client gives up */
    HTTPD_NO_LENGTH,    /* body without Content-Length, ended by closing */
};

struct httpd_reply {
    int status;         /* 200 */
    char headers[4096]; /* "Name: value\r\n"...; Content-Length and Date are added unless given */
    const void *body;   /* NULL: empty; must live until the next request or httpd_free() */
    size_t body_len;
    enum httpd_fault fault;
    size_t cut;
};

/* Fills ${reply}, which is zeroed but for status 200. */
typedef void httpd_handler(void *cookie, const struct httpd_request *request,
                           struct httpd_reply *reply);

struct httpd *httpd_new(httpd_handler *handler, void *cookie);
void httpd_free(struct httpd *httpd);
unsigned httpd_port(const struct httpd *httpd);
/* "http://127.0.0.1:PORT" */
const char *httpd_url(const struct httpd *httpd);
unsigned httpd_requests(struct httpd *httpd);
/* Connections accepted so far: tells whether they are kept alive. */
unsigned httpd_connections(struct httpd *httpd);
const char *httpd_header(const struct httpd_request *request, const char *name); /* or NULL */
void httpd_add_header(struct httpd_reply *reply, const char *name, const char *value);

#endif
