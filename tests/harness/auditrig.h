/*
 * A bucket in a box: what an audit looks at, and what its probes leave.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * It starts as "sme-backup setup" leaves a bucket, seen by the role run; a test then changes what
 * it wants to be found.
 */
#ifndef SME_TESTS_AUDITRIG_H
#define SME_TESTS_AUDITRIG_H

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
#define AUDITRIG_PARTS 12

struct auditrig_part {
    const char *resource;
    int status;
    const char *body; /* or the code of a refusal */
};

struct auditrig {
    struct fakehost fake;
    struct httpd *server;
    struct s3_config config;
    struct s3 *s3;
    struct sme_error err;
    struct auditrig_part parts[AUDITRIG_PARTS];
    char reply[4096];
    /* what it does */
    bool versioned, has_descriptor, has_data, has_snapshot;
    bool refuses_list, refuses_absent, refuses_data, refuses_put, refuses_descriptor_put;
    bool refuses_delete, refuses_version_delete, refuses_conditional_delete;
    bool ignores_conditions, ignores_checksums, knows_no_delete_condition;
    bool is_public, is_in_trouble, has_no_bucket, loses_put_reply;
    int skew_sec;
    /* what came of it */
    char object[2048]; /* key of the one that was made; "" none */
    unsigned versions, markers, puts, requests;
    bool content_changed; /* of what was there before */
    char findings[65536];
};

/* For cmocka. */
int auditrig_set_up(void **state);
int auditrig_tear_down(void **state);
/* From now on ?${resource} is answered with ${status} and ${body}, or the code of a refusal. */
void auditrig_set_part(struct auditrig *store, const char *resource, int status, const char *body);

/* The areas of a repository with one source, "documents". */
extern const struct sme_layout auditrig_layout;
/* Append to the findings; ${cookie} is the rig. */
int auditrig_take_finding(void *cookie, const struct sme_finding *finding);
/* Audit, with its result; and one that must succeed. */
int auditrig_audit(struct auditrig *store);
void auditrig_audit_well(struct auditrig *store);

/* A finding, as "LEVEL subject: text [fix]", that begins with ${start} and has ${part} in it. */
void assert_has(const struct auditrig *store, const char *start, const char *part);
void assert_has_not(const struct auditrig *store, const char *start, const char *part);
/* Neither an object nor a version nor a delete marker, and what was there is what it was. */
void assert_nothing_left(const struct auditrig *store);

#endif
