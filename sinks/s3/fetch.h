/*
 * A small unsigned HTTP request, for the places that hand out credentials.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * One request, one connection, no redirects, no second try; the reply is bounded.  Messages name
 * the host of the address only: paths and bodies may be secrets.
 */
#ifndef SME_SINKS_S3_FETCH_H
#define SME_SINKS_S3_FETCH_H

#include "../../include/sme-backup/common.h"

#define FETCH_MAX_BODY (64u << 10)
#define FETCH_CONNECT_MS 2000
#define FETCH_TOTAL_MS 5000

struct fetch_request {
    const char *method; /* "GET", "PUT" or "POST" */
    const char *url;
    const char *header_names[2];  /* NULL: none */
    const char *header_values[2]; /* visible ASCII; wiped from all copies */
    const char *body;             /* of a POST, as a form; NULL: empty */
    const char *ca_file;          /* NULL: the system's */
    bool allow_http;
    bool no_proxy; /* whatever the environment says */
    unsigned connect_ms, total_ms;
};

struct fetch_reply {
    long http;     /* status, 0: none came */
    bool answered; /* a connection was made, whatever came of it */
    size_t len;
    char *body; /* NUL-terminated; may be NULL */
};

/*
 * SME_OK: a whole reply came, whatever its status.  Otherwise SME_E_TRANSIENT (none came),
 * SME_E_CANCELLED, SME_E_DENIED (certificate), SME_E_CORRUPT (longer than FETCH_MAX_BODY),
 * SME_E_INVALID (address) or SME_E_NO_MEMORY.  ${ret_reply} is set in every case and always given
 * to fetch_done().  ${what} for messages: "metadata service".
 */
int fetch_run(const struct sme_host *host, const struct fetch_request *request, const char *what,
              struct fetch_reply *ret_reply, struct sme_error *err);
/* Wipe and free. */
void fetch_done(struct fetch_reply *reply);

/* What an address says of itself; names are not looked up. */
struct fetch_where {
    bool https;      /* else http */
    bool loopback;   /* 127.0.0.0/8, ::1, localhost */
    bool link_local; /* 169.254.0.0/16, fe80::/10, fd00:ec2::/32 (Amazon's own) */
    bool container;  /* 169.254.170.2, 169.254.170.23, fd00:ec2::23 */
    char host[256];  /* with the port, for messages */
};

/* False: no http or https address, or one with user, password or fragment. */
bool fetch_look_at(const char *url, struct fetch_where *ret_where);

#endif
