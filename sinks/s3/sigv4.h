/*
 * AWS Signature Version 4, header form: a pure function of request, time and keys.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Source: "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference.
 */
#ifndef SME_SINKS_S3_SIGV4_H
#define SME_SINKS_S3_SIGV4_H

#include "call.h"
#include "text.h"

struct sigv4_keys {
    const char *access;
    const char *secret;
    const char *token; /* NULL or "": none */
};

struct sigv4_request {
    const char *method;
    const char
        *path; /* decoded, begins with '/'; each byte but unreserved and '/' is encoded once */
    const struct s3_pair *query; /* not encoded, any order */
    size_t query_count;
    const struct s3_pair *headers; /* all are signed; must contain "host"; x-amz-date and
                                      x-amz-security-token are added here */
    size_t header_count;
    const char *payload_sha256; /* 64 hex digits or "UNSIGNED-PAYLOAD" */
    const char *region;
    const char *service;
    int64_t time_sec;
    bool double_encode; /* sign the encoded path encoded once more: other services than S3 */
};

/* What goes into the request.  Zeroed by the caller; sigv4_signed_done() frees and wipes. */
struct sigv4_signed {
    struct s3_text target;        /* encoded path and query, as sent: "/a%20b?acl&b=2" */
    char date[17];                /* x-amz-date: "20261123T020000Z" */
    struct s3_text authorization; /* value of the header */
    struct s3_text canonical;     /* for tests; the session token is in it: never log it */
    struct s3_text to_sign;
};

/* ${keys}: NULL for a request without a signature; then only target and canonical are made. */
int sigv4_sign(const struct sigv4_request *request, const struct sigv4_keys *keys,
               struct sigv4_signed *ret_signed, struct sme_error *err);
void sigv4_signed_done(struct sigv4_signed *signed_);

/* Percent-encode: A-Z a-z 0-9 - . _ ~ stay, '/' too if ${keep_slash}. */
void sigv4_encode(struct s3_text *out, const char *text, size_t len, bool keep_slash);

#endif
