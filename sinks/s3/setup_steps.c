/*
 * The steps of setup that set one thing for the whole bucket.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "setup.h"

#include <inttypes.h>
#include <strings.h>

#define XMLNS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define CEPH_PUBLIC_ACCESS "BlockPublicAccessBlockConfiguration"

/* With the first switch on, Ceph 16 takes every put for one with a public ACL and refuses it.  The
 * second has the same effect on what can be read. */
static int warn_of_ceph(struct setup *setup, bool on)
{
    const char *subject = "block public access";

    if (on)
        return setup_say(setup, SME_FINDING_WARN, subject,
                         "if backups end with AccessDenied, switch BlockPublicAcls off",
                         "BlockPublicAcls is on: some versions of Ceph then refuse every put");
    return setup_say(setup, SME_FINDING_NOTE, subject, NULL,
                     "BlockPublicAcls is left off: some versions of Ceph would refuse every put, "
                     "and IgnorePublicAcls does the same for readers");
}

static int plan_public_access(struct setup *setup, const struct setup_now *now,
                              struct setup_change *change)
{
    static const char *const names[] = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy",
                                        "RestrictPublicBuckets"};
    bool ceph = now->root != NULL && strcmp(now->root->name, CEPH_PUBLIC_ACCESS) == 0;
    bool first = strcasecmp(s3_xml_text(now->root, names[0]), "true") == 0;
    unsigned on = 0, want = 0;

    s3_text_puts(&change->body, "<PublicAccessBlockConfiguration" XMLNS ">");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool have = strcasecmp(s3_xml_text(now->root, names[i]), "true") == 0;
        bool set = have || !(ceph && i == 0);
        on += have;
        want += set;
        s3_text_printf(&change->body, "<%s>%s</%s>", names[i], set ? "true" : "false", names[i]);
    }
    s3_text_puts(&change->body, "</PublicAccessBlockConfiguration>");
    change->needed = on < want;
    if (now->root != NULL)
        s3_text_printf(&change->was, "%u of 4 switches on", on);
    s3_text_printf(&change->becomes, "%u of 4 switches on", want);
    return ceph ? warn_of_ceph(setup, first) : SME_OK;
}

const struct setup_step setup_public_access = {
    .subject = "block public access",
    .resource = "publicAccessBlock",
    .root = "PublicAccessBlockConfiguration",
    .other_root = CEPH_PUBLIC_ACCESS,
    .get_permission = "s3:GetBucketPublicAccessBlock",
    .put_permission = "s3:PutBucketPublicAccessBlock",
    .plan = plan_public_access,
};

static int plan_ownership(struct setup *setup, const struct setup_now *now,
                          struct setup_change *change)
{
    const char *have = s3_xml_text(s3_xml_child(now->root, "Rule"), "ObjectOwnership");

    (void)setup;
    change->needed = strcmp(have, "BucketOwnerEnforced") != 0;
    s3_text_puts(&change->body, "<OwnershipControls" XMLNS "><Rule><ObjectOwnership>"
                                "BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>");
    s3_text_puts(&change->was, have);
    s3_text_puts(&change->becomes, "BucketOwnerEnforced");
    return SME_OK;
}

const struct setup_step setup_ownership = {
    .subject = "object ownership",
    .resource = "ownershipControls",
    .root = "OwnershipControls",
    .get_permission = "s3:GetBucketOwnershipControls",
    .put_permission = "s3:PutBucketOwnershipControls",
    .plan = plan_ownership,
};

static int wants_encryption(struct setup *setup, bool *ret_wanted)
{
    *ret_wanted = setup->s3->config->encryption != S3_ENCRYPT_NONE;
    return SME_OK;
}

/* The id alone and the ARN that ends in it are the same key. */
static bool same_key(const char *have, const char *want)
{
    size_t have_len = strlen(have), want_len = strlen(want);

    if (strcmp(have, want) == 0)
        return true;
    return have_len > want_len && have[have_len - want_len - 1] == '/' &&
           strcmp(have + have_len - want_len, want) == 0;
}

static bool encryption_differs(const struct s3_config *config, const struct s3_xml *rule)
{
    const struct s3_xml *now = s3_xml_child(rule, "ApplyServerSideEncryptionByDefault");
    const char *algorithm = s3_xml_text(now, "SSEAlgorithm");
    const char *key = s3_xml_text(now, "KMSMasterKeyID");

    /* A key of KMS is more than was asked for: whoever set it will have had a reason. */
    if (config->encryption == S3_ENCRYPT_S3)
        return strcmp(algorithm, "AES256") != 0 && strncmp(algorithm, "aws:kms", 7) != 0;
    if (strncmp(algorithm, "aws:kms", 7) != 0)
        return true;
    if (config->kms_key != NULL && !same_key(key, config->kms_key))
        return true;
    return strcmp(algorithm, "aws:kms") == 0 &&
           strcasecmp(s3_xml_text(rule, "BucketKeyEnabled"), "true") != 0;
}

/* Kinds of encryption that the bucket refuses stay refused. */
static void keep_blocked(const struct s3_xml *rule, struct s3_text *body)
{
    const struct s3_xml *blocked = s3_xml_child(rule, "BlockedEncryptionTypes");
    const struct s3_xml *type = s3_xml_child(blocked, "EncryptionType");

    if (type == NULL)
        return;
    s3_text_puts(body, "<BlockedEncryptionTypes>");
    for (; type != NULL; type = s3_xml_again(type)) {
        s3_text_puts(body, "<EncryptionType>");
        s3_text_xml(body, type->text);
        s3_text_puts(body, "</EncryptionType>");
    }
    s3_text_puts(body, "</BlockedEncryptionTypes>");
}

static void describe_encryption(const struct s3_xml *rule, struct s3_text *out)
{
    const struct s3_xml *now = s3_xml_child(rule, "ApplyServerSideEncryptionByDefault");
    const char *key = s3_xml_text(now, "KMSMasterKeyID");

    if (now == NULL)
        return;
    s3_text_puts(out, s3_xml_text(now, "SSEAlgorithm"));
    if (key[0] != '\0')
        s3_text_printf(out, " with key '%s'", key);
    if (strcasecmp(s3_xml_text(rule, "BucketKeyEnabled"), "true") == 0)
        s3_text_puts(out, " and bucket key");
}

static int plan_encryption(struct setup *setup, const struct setup_now *now,
                           struct setup_change *change)
{
    const struct s3_config *config = setup->s3->config;
    const struct s3_xml *rule = s3_xml_child(now->root, "Rule");
    bool kms = config->encryption == S3_ENCRYPT_KMS;

    change->needed = encryption_differs(config, rule);
    describe_encryption(rule, &change->was);
    s3_text_puts(&change->becomes, kms ? "aws:kms" : "AES256");
    s3_text_puts(&change->body, "<ServerSideEncryptionConfiguration" XMLNS "><Rule>"
                                "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>");
    s3_text_puts(&change->body, kms ? "aws:kms" : "AES256");
    s3_text_puts(&change->body, "</SSEAlgorithm>");
    if (kms && config->kms_key != NULL) {
        s3_text_puts(&change->body, "<KMSMasterKeyID>");
        s3_text_xml(&change->body, config->kms_key);
        s3_text_puts(&change->body, "</KMSMasterKeyID>");
        s3_text_printf(&change->becomes, " with key '%s'", config->kms_key);
    }
    s3_text_puts(&change->body, "</ApplyServerSideEncryptionByDefault>");
    if (kms) {
        s3_text_puts(&change->body, "<BucketKeyEnabled>true</BucketKeyEnabled>");
        s3_text_puts(&change->becomes, " and bucket key");
    }
    keep_blocked(rule, &change->body);
    s3_text_puts(&change->body, "</Rule></ServerSideEncryptionConfiguration>");
    return SME_OK;
}

const struct setup_step setup_encryption = {
    .subject = "default encryption",
    .resource = "encryption",
    .root = "ServerSideEncryptionConfiguration",
    .get_permission = "s3:GetEncryptionConfiguration",
    .put_permission = "s3:PutEncryptionConfiguration",
    .wanted = wants_encryption,
    .plan = plan_encryption,
};

static int plan_versioning(struct setup *setup, const struct setup_now *now,
                           struct setup_change *change)
{
    const char *have = s3_xml_text(now->root, "Status");

    (void)setup;
    change->needed = strcmp(have, "Enabled") != 0;
    s3_text_puts(&change->body, "<VersioningConfiguration" XMLNS "><Status>Enabled</Status>"
                                "</VersioningConfiguration>");
    s3_text_puts(&change->was, have);
    s3_text_puts(&change->becomes, "Enabled");
    return SME_OK;
}

const struct setup_step setup_versioning = {
    .subject = "versioning",
    .resource = "versioning",
    .root = "VersioningConfiguration",
    .get_permission = "s3:GetBucketVersioning",
    .put_permission = "s3:PutBucketVersioning",
    .plan = plan_versioning,
};

static int wants_lock(struct setup *setup, bool *ret_wanted)
{
    *ret_wanted = setup->s3->config->object_lock != S3_LOCK_OFF;
    return SME_OK;
}

struct lock {
    bool enabled, compliance, has_period;
    uint64_t days;
};

static struct lock read_lock(const struct s3_xml *root)
{
    const struct s3_xml *period = s3_xml_child(s3_xml_child(root, "Rule"), "DefaultRetention");
    struct lock lock = {
        .enabled = strcmp(s3_xml_text(root, "ObjectLockEnabled"), "Enabled") == 0,
        .compliance = strcmp(s3_xml_text(period, "Mode"), "COMPLIANCE") == 0,
        .has_period = period != NULL,
    };
    uint64_t years;

    if (!s3_xml_number(period, "Days", &lock.days) && s3_xml_number(period, "Years", &years))
        lock.days = years < 1000 ? years * 365 : 365000;
    return lock;
}

static void describe_lock(const struct lock *lock, struct s3_text *out)
{
    if (!lock->enabled)
        return;
    if (!lock->has_period)
        s3_text_puts(out, "enabled without a period");
    else
        s3_text_printf(out, "%s for %" PRIu64 " days",
                       lock->compliance ? "COMPLIANCE" : "GOVERNANCE", lock->days);
}

static int plan_lock(struct setup *setup, const struct setup_now *now, struct setup_change *change)
{
    const struct s3_config *config = setup->s3->config;
    struct lock have = read_lock(now->root);
    struct lock want = {.enabled = true,
                        .compliance = config->object_lock == S3_LOCK_COMPLIANCE,
                        .days = config->lock_for / S3_DAY_MS};

    want.has_period = want.days > 0;
    /* A lock that is stricter than asked for is not loosened. */
    change->needed = !have.enabled || (want.compliance && want.has_period && !have.compliance) ||
                     have.days < want.days;
    if (change->needed) {
        want.compliance = want.compliance || have.compliance;
        want.days = have.days > want.days ? have.days : want.days;
        want.has_period = want.days > 0;
    }
    describe_lock(&have, &change->was);
    describe_lock(&want, &change->becomes);
    s3_text_puts(&change->body, "<ObjectLockConfiguration" XMLNS "><ObjectLockEnabled>Enabled"
                                "</ObjectLockEnabled>");
    if (want.has_period)
        s3_text_printf(&change->body,
                       "<Rule><DefaultRetention><Mode>%s</Mode><Days>%" PRIu64
                       "</Days></DefaultRetention></Rule>",
                       want.compliance ? "COMPLIANCE" : "GOVERNANCE", want.days);
    s3_text_puts(&change->body, "</ObjectLockConfiguration>");
    return SME_OK;
}

const struct setup_step setup_object_lock = {
    .subject = "object lock",
    .resource = "object-lock",
    .root = "ObjectLockConfiguration",
    .get_permission = "s3:GetBucketObjectLockConfiguration",
    .put_permission = "s3:PutBucketObjectLockConfiguration",
    .wanted = wants_lock,
    .plan = plan_lock,
};
