/*
 * Making the bucket, and the order of hardening it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "setup.h"

/* Versioning before Object Lock, which needs it; the policy late, lest it hinders. */
static const struct setup_step *const steps[] = {
    &setup_public_access, &setup_ownership,     &setup_encryption, &setup_versioning,
    &setup_object_lock,   &setup_bucket_policy, &setup_lifecycle,
};

static int hint(struct sme_error *err, int status, const char *text)
{
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "%s", text);
    return status;
}

static int refuse_head(const struct setup *setup)
{
    const struct s3_config *config = setup->s3->config;

    (void)sme_fail(setup->err, SME_E_DENIED,
                   "access to bucket '%s' is refused: it belongs to another account%s%s, or these "
                   "credentials lack s3:ListBucket",
                   config->bucket, config->account != NULL ? " than " : "",
                   config->account != NULL ? config->account : "");
    return hint(setup->err, SME_E_DENIED,
                "bucket names are unique in the world: choose another with bucket =, or use "
                "credentials of the account that owns it");
}

/* Is the bucket there? */
static int look(struct setup *setup, bool *ret_there)
{
    struct s3_reply reply;
    char what[128];

    (void)snprintf(what, sizeof what, "bucket '%s'", setup->s3->config->bucket);
    int status = setup_call(setup, "HEAD", NULL, NULL, 0, NULL, what, &reply);
    if (status == SME_OK)
        *ret_there = true;
    if (status < 0 && reply.http == 404) {
        *ret_there = false;
        status = SME_OK;
    }
    if (status == SME_E_DENIED && reply.http == 403)
        status = refuse_head(setup);
    s3_reply_done(&reply);
    return status;
}

/* us-east-1 is the one region that may not be named; other stores have their own default. */
static bool names_location(const struct setup *setup)
{
    const struct s3_config *config = setup->s3->config;

    return strcmp(setup->region, "us-east-1") != 0 &&
           (config->endpoint == NULL || config->region != NULL);
}

static int explain_create(const struct setup *setup, const struct s3_reply *reply, int status)
{
    const char *bucket = setup->s3->config->bucket;

    if (strcmp(reply->code, "BucketAlreadyExists") == 0) {
        (void)sme_fail(setup->err, SME_E_DENIED, "bucket '%s' belongs to another account", bucket);
        return hint(setup->err, SME_E_DENIED,
                    "bucket names are unique in the world: choose another with bucket =");
    }
    if (strcmp(reply->code, "InvalidBucketName") == 0) {
        (void)sme_fail(setup->err, SME_E_INVALID, "'%s' cannot be the name of a bucket: %s", bucket,
                       reply->text);
        return hint(setup->err, SME_E_INVALID,
                    "3 to 63 lower-case letters, digits and '-', beginning with a letter or digit");
    }
    if (status == SME_E_DENIED)
        return hint(setup->err, status,
                    "use credentials with s3:CreateBucket: 'sme-backup policy --role setup'");
    return status;
}

static int create(struct setup *setup)
{
    static const struct s3_pair locked = {"x-amz-bucket-object-lock-enabled", "true"};
    bool lock = setup->s3->config->object_lock != S3_LOCK_OFF;
    struct s3_text body = {0};
    struct s3_reply reply;
    char what[128];

    if (names_location(setup)) {
        s3_text_puts(&body, "<CreateBucketConfiguration "
                            "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                            "<LocationConstraint>");
        s3_text_xml(&body, setup->region);
        s3_text_puts(&body, "</LocationConstraint></CreateBucketConfiguration>");
    }
    (void)snprintf(what, sizeof what, "making bucket '%s'", setup->s3->config->bucket);
    int status = s3_text_check(&body, what, setup->err);
    if (status < 0)
        return status;
    status = setup_call(setup, "PUT", NULL, body.at, body.len, lock ? &locked : NULL, what, &reply);
    /* Made by a request whose reply was lost, or by somebody else of the same account. */
    if (status < 0 && strcmp(reply.code, "BucketAlreadyOwnedByYou") == 0)
        status = SME_OK;
    if (status < 0)
        status = explain_create(setup, &reply, status);
    s3_reply_done(&reply);
    s3_text_done(&body);
    return status;
}

/* The region may be learned by the first request. */
static void take_region(struct setup *setup)
{
    (void)pthread_mutex_lock(&setup->s3->lock);
    (void)snprintf(setup->region, sizeof setup->region, "%s", setup->s3->region);
    (void)pthread_mutex_unlock(&setup->s3->lock);
}

int bucket_create(struct s3 *s3, struct sme_error *err)
{
    struct setup setup = {.s3 = s3, .err = err};
    bool there = false;

    int status = look(&setup, &there);
    take_region(&setup);
    if (status == SME_OK && !there)
        status = create(&setup);
    return status;
}

static int make(struct setup *setup)
{
    const char *bucket = setup->s3->config->bucket;
    bool there = false;

    int status = look(setup, &there);
    if (status < 0)
        return status;
    take_region(setup);
    if (there)
        return setup_say(setup, SME_FINDING_PASS, "bucket", NULL, "bucket '%s' is there", bucket);
    if (setup->dry_run)
        setup->missing = true;
    else
        status = create(setup);
    if (status < 0)
        return status;
    return setup_say(setup, SME_FINDING_CHANGE, "bucket", NULL,
                     "bucket '%s' is missing, becomes a bucket in region '%s'", bucket,
                     setup->region);
}

static int conclude(const struct setup *setup)
{
    if (setup->worst == SME_OK)
        return SME_OK;
    (void)sme_fail(setup->err, setup->worst,
                   "bucket '%s' is not set up: %u of %zu protections failed, %u for lack of "
                   "permission",
                   setup->s3->config->bucket, setup->failed, sizeof steps / sizeof steps[0],
                   setup->denied);
    return hint(setup->err, setup->worst,
                setup->denied > 0
                    ? "the findings name the permissions; 'sme-backup policy --role setup' prints "
                      "all"
                    : "the findings say why; correct it and run setup again");
}

int bucket_setup(struct s3 *s3, const struct sme_layout *layout, uint32_t flags,
                 sme_finding_fn *report, void *cookie, struct sme_error *err)
{
    struct sme_error own = {.struct_size = sizeof own};
    struct setup setup = {.s3 = s3,
                          .layout = layout,
                          .report = report,
                          .cookie = cookie,
                          .err = err != NULL ? err : &own,
                          .dry_run = (flags & SME_SETUP_DRY_RUN) != 0};

    int status = make(&setup);
    for (size_t i = 0; status == SME_OK && i < sizeof steps / sizeof steps[0]; i++)
        status = setup_step_run(&setup, steps[i]);
    return status == SME_OK ? conclude(&setup) : status;
}
