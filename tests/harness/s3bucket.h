/*
 * A store with one bucket, empty but for its configuration, which it remembers.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_S3BUCKET_H
#define SME_TESTS_S3BUCKET_H

#include "httpd.h"

#define S3BUCKET_NAME "shop-backup"
#define S3BUCKET_CONFS 7

/* How a sub-resource behaves: as it should, or in one of these ways. */
enum s3bucket_answer {
    S3BUCKET_ANSWER,
    S3BUCKET_DENY_PUT,
    S3BUCKET_DENY_GET,
    S3BUCKET_NOT_IMPLEMENTED,
    S3BUCKET_LIST,
    S3BUCKET_INVALID_ARGUMENT
};

/* A configuration of the bucket. */
struct s3bucket_conf {
    const char *resource;
    const char *absent; /* code where nothing is set */
    enum s3bucket_answer answer;
    char *text;
};

struct s3bucket {
    struct httpd *server;
    bool exists;
    int head; /* not 0: what HEAD answers */
    bool locked, no_cold, unavailable;
    char location[512];    /* body of the request that made the bucket */
    char size_default[64]; /* header of the last PUT of lifecycle rules */
    unsigned writes, deletes, bad_md5;
    struct s3bucket_conf confs[S3BUCKET_CONFS];
    char *last; /* body of the last reply */
};

void s3bucket_start(struct s3bucket *store); /* zeroed by the caller */
void s3bucket_stop(struct s3bucket *store);
/* The configuration of that name; the test fails if there is none. */
struct s3bucket_conf *s3bucket_conf(struct s3bucket *store, const char *resource);
void s3bucket_set(struct s3bucket *store, const char *resource, const char *text);
/* Is ${text} in it?  If not, it is printed. */
bool s3bucket_has(struct s3bucket *store, const char *resource, const char *text);

#endif
