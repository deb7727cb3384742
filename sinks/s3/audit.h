/*
 * What the parts of the audit share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Findings are gathered and reported at the end: an audit that broke off in the middle is
 * repeated by the core, and nobody wants to read half of it twice.
 */
#ifndef SME_SINKS_S3_AUDIT_H
#define SME_SINKS_S3_AUDIT_H

#include "bucket.h"
#include "xml.h"

#define AUDIT_KEY_MAX 1200 /* S3 keys have 1,024 bytes at most */

struct audit_finding {
    uint32_t level;
    const char *subject; /* static */
    char *text;
    char *fix;
};

/* What is known of a bucket-wide state so far. */
enum audit_versioning { AUDIT_VERSIONS_UNKNOWN, AUDIT_VERSIONS_NEVER, AUDIT_VERSIONS_KEPT };

struct audit {
    struct s3 *s3;
    const struct sme_layout *layout;
    struct audit_finding *findings;
    size_t count, cap;
    bool failed; /* out of memory */
    enum audit_versioning versioning;
    bool locked; /* new objects get a default retention */
    struct sme_error *err;
};

/* Add a finding; ${fix} NULL: nothing to do. */
void audit_say(struct audit *audit, uint32_t level, const char *subject, const char *fix,
               const char *fmt, ...) SME_PRINTF(5, 6);

/* The first area of ${kind}, or NULL. */
const struct sme_area *audit_area(const struct audit *audit, uint32_t kind);
/* "<sink prefix><area prefix><name>"; false if that is longer than a key may be. */
bool audit_key(const struct audit *audit, const char *prefix, const char *name,
               char out[AUDIT_KEY_MAX]);
/* "<word>-<16 random hex digits>" */
int audit_random_name(struct audit *audit, const char *word, char out[64]);

/*
 * Make a request whose refusal is an answer: SME_OK if the store answered, ${ret_reply} says what
 * (always to be given to s3_reply_done()).  Negative if nothing can be learned: no answer, the
 * store is in trouble, the credentials are not known, the bucket is not there.
 */
int audit_call(struct audit *audit, const struct s3_request *request, const char *what,
               struct s3_reply *ret_reply);

/* A configuration of the bucket. */
struct audit_part {
    const char *subject;    /* of findings: "versioning" */
    const char *resource;   /* "versioning" in "?versioning" */
    const char *other_root; /* what another store calls it; NULL */
    const char *root;       /* element that the reply must have; NULL: it is not XML */
    const char *absent;     /* error code that means: none is set; NULL: always there */
    const char *permission;
    uint32_t unsupported; /* level of "the store does not know this" */
};

enum audit_answer {
    AUDIT_THERE,
    AUDIT_ABSENT,
    AUDIT_UNKNOWN, /* forbidden or unsupported; a finding says so */
};

/* Fetch it.  With AUDIT_THERE ${ret_tree} (XML) or ${ret_text} (else) is the caller's to free;
 * either may be NULL if it is not wanted.  Returns an answer or a negative class. */
int audit_fetch(struct audit *audit, const struct audit_part *part, struct s3_xml **ret_tree,
                char **ret_text);

/* audit_access.c: what this role may do */
int audit_permissions(struct audit *audit);
/* audit_exposure.c: what strangers may do, and what lies about */
int audit_exposure(struct audit *audit);
/* audit_bucket.c: the protections of the bucket, but for those below */
int audit_protections(struct audit *audit);
/* audit_policy.c: the bucket policy */
int audit_policy(struct audit *audit);
/* audit_lifecycle.c: the lifecycle rules */
int audit_lifecycle(struct audit *audit);

#endif
