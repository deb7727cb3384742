/*
 * What the parts of setup share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Each protection is a step: read what the bucket has, compare, write only where it differs.
 * A sub-resource is never sent with DELETE, and its reply is checked before anything is written:
 * stores that do not know one take the request for one of the bucket itself.
 */
#ifndef SME_SINKS_S3_SETUP_H
#define SME_SINKS_S3_SETUP_H

#include "bucket.h"
#include "text.h"
#include "xml.h"

struct setup {
    struct s3 *s3;
    const struct sme_layout *layout;
    sme_finding_fn *report;
    void *cookie;
    struct sme_error *err;
    char region[64];
    bool dry_run;
    bool missing; /* dry run: the bucket is not there */
    int worst;    /* SME_OK, or what the first step that failed did */
    unsigned denied, failed;
};

/* What the bucket has. */
struct setup_now {
    const char *text; /* "" where nothing is set */
    size_t len;
    const struct s3_xml *root; /* NULL where nothing is set, or it is not XML */
    const char *size_default;  /* of lifecycle rules; "" unknown */
};

/* What is to become of it. */
struct setup_change {
    bool needed;
    struct s3_text body;
    struct s3_text was, becomes; /* for people; without a change ${was} alone */
    const char *size_default;    /* header to be sent with it, or NULL */
};

struct setup_step {
    const char *subject;
    const char *resource;   /* "versioning" in "?versioning" */
    const char *root;       /* element of the reply; NULL: it is JSON */
    const char *other_root; /* what another store calls it, or NULL */
    const char *get_permission, *put_permission;
    /* Is it asked for at all?  Says so where it cannot be. */
    int (*wanted)(struct setup *setup, bool *ret_wanted);
    int (*plan)(struct setup *setup, const struct setup_now *now, struct setup_change *change);
    /* Optional: what else to try where the store refused ${change} as unsupported.  Makes another
     * change, or returns SME_E_UNSUPPORTED. */
    int (*retreat)(struct setup *setup, const struct setup_now *now, struct setup_change *change);
};

/* Report a finding; not 0: the callback wants to end. */
int setup_say(struct setup *setup, uint32_t level, const char *subject, const char *fix,
              const char *fmt, ...) SME_PRINTF(5, 6);
/* A finding FAIL that makes the whole setup fail with ${status} in the end. */
int setup_say_failed(struct setup *setup, int status, const char *subject, const char *fix,
                     const char *fmt, ...) SME_PRINTF(5, 6);

/* One request on the bucket, repeated at once a few times where that may help. */
int setup_call(struct setup *setup, const char *method, const char *resource, const char *body,
               size_t body_len, const struct s3_pair *header, const char *what,
               struct s3_reply *ret_reply);
/* Negative: setup cannot go on; a step that failed alone is only noted. */
int setup_step_run(struct setup *setup, const struct setup_step *step);

/* setup_steps.c */
extern const struct setup_step setup_public_access, setup_ownership, setup_encryption,
    setup_versioning, setup_object_lock;
/* setup_rules.c */
extern const struct setup_step setup_bucket_policy, setup_lifecycle;

#endif
