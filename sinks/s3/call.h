/*
 * One signed request to the store, and what came back.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A call makes exactly one HTTP request.  It never repeats and never follows a redirect: where
 * another region, a new clock offset or new credentials would help, it takes note of them and
 * returns SME_E_TRANSIENT, so that the repetition (by the core) is right.
 */
#ifndef SME_SINKS_S3_CALL_H
#define SME_SINKS_S3_CALL_H

#include "s3.h"

#define S3_MAX_REPLY (8u << 20) /* of a body that is not an object's */

struct s3_pair {
    const char *name;
    const char *value;
};

struct s3_request {
    const char *method;
    const char *key;             /* whole key, sink prefix included; NULL: the bucket itself    */
    const struct s3_pair *query; /* not encoded, any order; value "" for sub-resources          */
    size_t query_count;
    const struct s3_pair *headers; /* lower-case names; all are signed                          */
    size_t header_count;
    const struct sme_slice *body;
    size_t body_count;
    uint64_t body_len;
    const uint8_t *body_sha256; /* NULL: computed here                                          */
    bool anonymous;             /* not signed                                                   */
    void *into;                 /* a 2xx body goes here; NULL: to reply->body                   */
    size_t into_len;            /* a longer body is SME_E_CORRUPT                               */
    bool ranged;                /* a Range is asked for: of a 200, which is the whole object,   */
    uint64_t range_first;       /* ... into_len bytes from here are taken                       */
};

struct s3_reply {
    long http;             /* status, 0: none came */
    char code[64];         /* S3's error code of a failure: "NoSuchKey"; "" */
    char text[256];        /* its message, printable */
    char etag[128];        /* with its quotes */
    char region[64];       /* x-amz-bucket-region */
    char storage[32];      /* x-amz-storage-class; "" = STANDARD */
    char restore[128];     /* x-amz-restore */
    char checksum[48];     /* x-amz-checksum-sha256, base64 */
    char versioned[128];   /* x-amz-version-id */
    char size_default[48]; /* x-amz-transition-default-minimum-object-size */
    bool has_length, has_range, chunked;
    bool archived;                                 /* in an archive tier of INTELLIGENT_TIERING */
    uint64_t length;                               /* Content-Length */
    uint64_t range_first, range_last, range_total; /* Content-Range */
    int64_t modified_sec, date_sec;                /* Last-Modified, Date; 0 unknown */
    int64_t here_sec;                              /* this host\'s clock when Date came */
    uint32_t retry_after_ms;                       /* Retry-After, 0 without */
    size_t got;                                    /* bytes of the body */
    char *body; /* NUL-terminated, s3_reply_done() frees it; NULL with into */
};

/*
 * Make the request.  SME_OK for 2xx with a whole body; otherwise the class of the failure, with
 * ${ret_reply} filled as far as it came (always to be given to s3_reply_done()).  ${what} for
 * messages: "lifecycle of bucket 'x'".  Any thread.
 */
int s3_call(struct s3 *s3, const struct s3_request *request, const char *what,
            struct s3_reply *ret_reply, struct sme_error *err);
void s3_reply_done(struct s3_reply *reply);

#endif
