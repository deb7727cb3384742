/*
 * The S3 sink: its configuration and what its parts share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SINKS_S3_S3_H
#define SME_SINKS_S3_S3_H

#include "../../include/sme-backup/sink.h"

#include <pthread.h>
#include <stdbool.h>

/* Values of the choices below. */
enum s3_style { S3_STYLE_AUTO, S3_STYLE_PATH, S3_STYLE_HOST };
enum s3_encryption { S3_ENCRYPT_S3, S3_ENCRYPT_KMS, S3_ENCRYPT_NONE };
enum s3_lock { S3_LOCK_OFF, S3_LOCK_GOVERNANCE, S3_LOCK_COMPLIANCE };
enum s3_switch { S3_AUTO, S3_ON, S3_OFF };
enum s3_class { /* names in s3_class_names */
                S3_STANDARD,
                S3_STANDARD_IA,
                S3_ONEZONE_IA,
                S3_INTELLIGENT,
                S3_GLACIER_IR,
                S3_GLACIER,
                S3_DEEP_ARCHIVE,
                S3_CLASS_COUNT,
};
extern const char *const s3_class_names[]; /* "STANDARD" ..., NULL-terminated */

#define S3_DAY_MS (24ull * 3600 * 1000)

struct s3_config {
    const char *bucket;
    const char *
        region; /* NULL: AWS_REGION, else AWS_DEFAULT_REGION, else the instance's, else us-east-1 */
    const char *endpoint; /* NULL: Amazon's for the region */
    const char *prefix;   /* before every key; "%h" is the host name */
    uint32_t style;       /* enum s3_style */
    bool allow_http;
    const char *ca_file;
    const char *access_key;
    const char *secret_key;
    const char *session_token;
    const char *profile;
    const char *credentials_file;
    const char
        *metadata_endpoint; /* NULL: AWS_EC2_METADATA_SERVICE_ENDPOINT, else 169.254.169.254 */
    const char *account;    /* expected owner of the bucket: 12 digits, or NULL */
    uint32_t encryption;    /* enum s3_encryption */
    const char *kms_key;
    uint32_t conditional;      /* enum s3_switch: If-None-Match on puts */
    uint32_t object_lock;      /* enum s3_lock */
    uint64_t lock_for;         /* ms, whole days */
    bool tls_only;             /* setup: bucket policy refuses plain http */
    bool create_only;          /* setup: bucket policy refuses puts without If-None-Match */
    uint32_t cold_class;       /* enum s3_class; STANDARD: data stays where it is */
    uint64_t cold_after;       /* ms, whole days */
    uint64_t noncurrent_after; /* ms, whole days: noncurrent versions expire */
    const char *prices;        /* NULL: the table that was installed */
};

struct s3_creds;
struct s3_http;

/* An open sink. */
struct s3 {
    const struct sme_host *host;
    const struct s3_config *config;
    struct s3_creds *creds;
    struct s3_http *http;
    char *prefix;         /* expanded; "" or ending in '/' */
    pthread_mutex_t lock; /* guards what follows */
    char region[64];
    char *bucket_host; /* host[:port] of requests to the bucket */
    char *base;        /* "https://host[:port]" of the same */
    bool path_style;
    bool region_learned; /* from a redirect */
    int64_t skew_sec;    /* the server's clock minus ours */
    bool skew_known;
    bool skew_told;     /* a warning was logged */
    bool denied_once;   /* keys were fetched anew because of a refusal */
    bool no_conditions; /* the store refuses If-None-Match */
    unsigned stall_sec; /* no progress for so long ends a request */
    unsigned connect_sec;
};

#endif
