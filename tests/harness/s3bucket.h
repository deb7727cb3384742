/*
 * A bucket in a box: what an audit looks at, and what its probes leave.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * It starts as "sme-backup setup" leaves a bucket, seen by the role run; a test then changes what
 * it wants to be found.
 */
#ifndef SME_TESTS_S3BUCKET_H
#define SME_TESTS_S3BUCKET_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sinks/s3/bucket.h"
#include "fakehost.h"
#include "httpd.h"

#define BUCKET "shop-backup"
#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define PARTS 12

struct part {
    const char *resource;
    int status;
    const char *body; /* or the code of a refusal */
};

struct s3bucket {
    struct fakehost fake;
    struct httpd *server;
    struct s3_config config;
    struct s3 *s3;
    struct sme_error err;
    struct part parts[PARTS];
    char reply[4096];
    /* what it does */
    bool versioned, has_descriptor, has_data;
    bool refuses_list, refuses_absent, refuses_data, refuses_put, refuses_delete;
    bool refuses_version_delete, ignores_conditions, knows_no_delete_condition;
    bool is_public, is_in_trouble, has_no_bucket, loses_put_reply;
    int skew_sec;
    /* what came of it */
    char object[2048]; /* key of the one that was made; "" none */
    unsigned versions, markers, puts, requests;
    bool descriptor_changed;
    char findings[65536];
};

/* For cmocka. */
int s3bucket_set_up(void **state);
int s3bucket_tear_down(void **state);
/* From now on ?${resource} is answered with ${status} and ${body}, or the code of a refusal. */
void s3bucket_set_part(struct s3bucket *store, const char *resource, int status, const char *body);

/* The areas of a repository with one source, "documents". */
extern const struct sme_layout s3bucket_layout;
/* Append to store->findings; ${cookie} is the store. */
int s3bucket_take_finding(void *cookie, const struct sme_finding *finding);
/* Audit, with its result; and one that must succeed. */
int s3bucket_audit(struct s3bucket *store);
void s3bucket_audit_well(struct s3bucket *store);

/* A finding, as "LEVEL subject: text [fix]", that begins with ${start} and has ${part} in it. */
void assert_has(const struct s3bucket *store, const char *start, const char *part);
void assert_has_not(const struct s3bucket *store, const char *start, const char *part);
/* Neither an object nor a version nor a delete marker, and the descriptor is what it was. */
void assert_nothing_left(const struct s3bucket *store);

#endif
