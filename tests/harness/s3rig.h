/*
 * The S3 sink against a scripted store: what the store answers is laid out beforehand, what it was
 * asked is looked at afterwards.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Each call scans its message for secrets; the tear-down scans the log and fails if a reply was
 * left over or a request came that no reply was laid out for.
 */
#ifndef SME_TESTS_S3RIG_H
#define SME_TESTS_S3RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sinks/s3/s3.h"
#include "fakehost.h"
#include "httpd.h"

#define S3RIG_STEPS 1100
#define S3RIG_SEEN 64

#define S3RIG_BUCKET "shop-backup"
#define S3RIG_ACCESS "AKIDEXAMPLE00001"
#define S3RIG_SECRET "s3cr3t/of+the=test0001"
#define S3RIG_TOKEN "t0ken-of-the-test//0001=="

struct s3rig_step {
    int status;
    char headers[512];
    char *body;
    size_t body_len;
    enum httpd_fault fault;
    size_t cut;
    bool cancels; /* the run is cancelled once the request has come */
};

struct s3rig {
    struct fakehost fake;
    struct s3_config config; /* may be changed before s3rig_reopen() */
    char endpoint[128];
    struct httpd *server;
    struct s3 *s3;
    struct sme_error err;   /* of the last call */
    char listed[1024];      /* keys of the last listing, each followed by a space */
    struct sme_object last; /* of the last stat or listing; without key */
    pthread_mutex_t lock;   /* guards what follows */
    struct s3rig_step steps[S3RIG_STEPS];
    size_t step_count, steps_done;
    struct httpd_request *seen[S3RIG_SEEN];
    size_t seen_count;
    unsigned unexpected;
};

/* For cmocka.  The sink is open, with path style, static keys and a session token. */
int s3rig_set_up(void **state);
int s3rig_tear_down(void **state);
/* Close, and open with the configuration as it is now. */
void s3rig_reopen(struct s3rig *rig);

/* The next reply; ${headers} as in struct httpd_reply, either may be NULL.  The result may be
 * changed until the next call of the sink. */
struct s3rig_step *s3rig_reply(struct s3rig *rig, int status, const char *headers,
                               const char *body);
/* One with S3's XML for a failure; ${more}: further elements or NULL. */
struct s3rig_step *s3rig_refuse(struct s3rig *rig, int status, const char *code, const char *more);

/* Request number ${i}; the test fails if there were fewer. */
const struct httpd_request *s3rig_request(struct s3rig *rig, size_t i);
/* A header of it, "" if it has none of that name. */
const char *s3rig_header(struct s3rig *rig, size_t i, const char *name);
size_t s3rig_seen(struct s3rig *rig);
/* The next request is number 0 again. */
void s3rig_forget(struct s3rig *rig);
/* Replies that are left are not missed. */
void s3rig_skip(struct s3rig *rig);

/* The calls; ${flags} are those of struct sme_put_info. */
int s3rig_put(struct s3rig *rig, const char *key, const char *text, uint32_t flags);
int64_t s3rig_get(struct s3rig *rig, const char *key, uint64_t offset, void *buf, size_t len);
int s3rig_stat(struct s3rig *rig, const char *key);
int s3rig_list(struct s3rig *rig, const char *prefix);
int s3rig_remove(struct s3rig *rig, const char *key);

/* Is ${text} in the last message or its hint?  If not, it is printed. */
bool s3rig_says(const struct s3rig *rig, const char *text);
/* No secret in the last message. */
void s3rig_assert_discreet(const struct s3rig *rig);
/* SHA-256 of ${text}: raw, hexadecimal, base64. */
void s3rig_digest(const void *bytes, size_t len, uint8_t raw[32], char hex[65], char base64[48]);

#endif
