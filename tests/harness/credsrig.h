/*
 * Credentials under test: a clean environment, a home folder, and a double of the places that
 * hand out keys (metadata service, container endpoint, STS).
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Everything secret has the word HIDDEN in it; credsrig_done() searches all that was logged.
 */
#ifndef SME_TESTS_CREDSRIG_H
#define SME_TESTS_CREDSRIG_H

#include "../../sinks/s3/creds.h"
#include "fakehost.h"
#include "httpd.h"

#include <limits.h>

struct credsrig {
    struct fakehost fake;
    struct s3_config config;
    struct httpd *httpd;
    struct s3_creds *creds;
    char home[64];
    char body[80000];
    size_t body_len;

    /* How the double behaves; may be changed between requests. */
    int put_status, roles_status, role_status, region_status, other_status;
    enum httpd_fault put_fault, role_fault;
    const char *token, *roles, *region; /* NULL: what is usual */
    const char *reply;                  /* to the request for keys, NULL: keys */
    unsigned reject;                    /* so many tokens are refused */
    int life_sec;                       /* of the keys that are handed out */
    bool same_keys;                     /* the first ones again and again */

    /* What it saw. */
    unsigned puts, lists, gets, others;
    unsigned naked; /* requests for metadata without a token */
    char ttl[16];
    char authorization[256];
    char form[4096];
};

void credsrig_init(struct credsrig *rig);
void credsrig_done(struct credsrig *rig);
/* Make rig->creds anew. */
int credsrig_open(struct credsrig *rig, struct sme_error *err);
int credsrig_get(struct credsrig *rig, struct s3_keys *keys, struct sme_error *err);
/* A file in the home folder; its path is in ${out}, which may be NULL. */
void credsrig_write(struct credsrig *rig, const char *name, unsigned mode, const char *text,
                    char out[PATH_MAX]);
int64_t credsrig_now(struct credsrig *rig);                /* seconds; the clock stands still */
void credsrig_pass(struct credsrig *rig, int64_t seconds); /* let time go by */
/* Message and hint hold both texts, and no secret. */
void credsrig_says(const struct sme_error *err, const char *message, const char *hint);
/* Getting keys fails so. */
void credsrig_refused(struct credsrig *rig, int status, const char *message, const char *hint);
/* Getting keys gives number ${number} of the double; the generation. */
uint64_t credsrig_keys(struct credsrig *rig, unsigned number);

#endif
