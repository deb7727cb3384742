/*
 * The audit's look at the protections of the bucket.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Source of the names: the bucket operations of the S3 API reference.
 */
#include "audit.h"

#include <string.h>

#define SETUP_FIX "sme-backup setup"

static bool is_true(const struct s3_xml *node, const char *name)
{
    return strcmp(s3_xml_text(node, name), "true") == 0;
}

/* ---- who may reach it --------------------------------------------------------------------- */

static int look_at_public_access(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "public access block",
        .resource = "publicAccessBlock",
        .root = "PublicAccessBlockConfiguration",
        .other_root = "BlockPublicAccessBlockConfiguration",
        .absent = "NoSuchPublicAccessBlockConfiguration",
        .permission = "s3:GetBucketPublicAccessBlock",
        .unsupported = SME_FINDING_NOTE,
    };
    static const char *const switches[] = {"BlockPublicAcls", "IgnorePublicAcls",
                                           "BlockPublicPolicy", "RestrictPublicBuckets"};
    struct s3_xml *tree = NULL;
    char missing[128] = "";
    size_t len = 0;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer == AUDIT_ABSENT)
        audit_say(audit, SME_FINDING_WARN, part.subject, SETUP_FIX,
                  "none of the four switches is on: one wrong policy or ACL makes backups public");
    if (answer != AUDIT_THERE)
        return answer < 0 ? answer : SME_OK;
    /* With the first one Ceph refuses every put, so there it is not missed. */
    size_t first = strcmp(tree->name, part.other_root) == 0 ? 1 : 0;
    for (size_t i = first; i < sizeof switches / sizeof switches[0]; i++) {
        if (!is_true(tree, switches[i]))
            len += (size_t)snprintf(missing + len, sizeof missing - len, "%s%s",
                                    len > 0 ? ", " : "", switches[i]);
    }
    s3_xml_free(tree);
    if (len > 0)
        audit_say(audit, SME_FINDING_WARN, part.subject, SETUP_FIX, "not on: %s", missing);
    else
        audit_say(audit, SME_FINDING_PASS, part.subject, NULL,
                  first == 0
                      ? "all four switches are on"
                      : "three of four switches are on; Ceph cannot do with BlockPublicAcls");
    return SME_OK;
}

static int look_at_ownership(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "object ownership",
        .resource = "ownershipControls",
        .root = "OwnershipControls",
        .absent = "OwnershipControlsNotFoundError",
        .permission = "s3:GetBucketOwnershipControls",
        .unsupported = SME_FINDING_NOTE,
    };
    struct s3_xml *tree = NULL;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer == AUDIT_ABSENT)
        audit_say(audit, SME_FINDING_WARN, part.subject, SETUP_FIX,
                  "not set: ACLs of single objects can grant access to them");
    if (answer != AUDIT_THERE)
        return answer < 0 ? answer : SME_OK;
    if (strcmp(s3_xml_text(s3_xml_child(tree, "Rule"), "ObjectOwnership"), "BucketOwnerEnforced") ==
        0)
        audit_say(audit, SME_FINDING_PASS, part.subject, NULL,
                  "the bucket's owner owns all objects, and ACLs are off");
    else
        audit_say(audit, SME_FINDING_WARN, part.subject, SETUP_FIX,
                  "ACLs are on: those of single objects can grant access to them");
    s3_xml_free(tree);
    return SME_OK;
}

/* ---- what happens to objects -------------------------------------------------------------- */

static int look_at_versioning(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "versioning",
        .resource = "versioning",
        .root = "VersioningConfiguration",
        .permission = "s3:GetBucketVersioning",
        .unsupported = SME_FINDING_WARN,
    };
    struct s3_xml *tree = NULL;
    const char *state;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer != AUDIT_THERE)
        return answer < 0 ? answer : SME_OK;
    state = s3_xml_text(tree, "Status");
    if (strcmp(state, "Enabled") == 0) {
        audit->versioning = AUDIT_VERSIONS_KEPT;
        audit_say(audit, SME_FINDING_PASS, part.subject, NULL,
                  "on: what is deleted or overwritten can be got back");
    } else {
        /* A suspended bucket makes null versions and delete markers still. */
        audit->versioning = state[0] == '\0' ? AUDIT_VERSIONS_NEVER : AUDIT_VERSIONS_KEPT;
        audit_say(audit, SME_FINDING_WARN, part.subject, SETUP_FIX,
                  "%s: what is deleted or overwritten is gone",
                  state[0] == '\0' ? "off" : "suspended");
    }
    s3_xml_free(tree);
    return SME_OK;
}

/* Days of a default retention; 0 for none. */
static uint64_t retention_days(const struct s3_xml *retention)
{
    uint64_t number = 0;

    if (s3_xml_number(retention, "Days", &number))
        return number < UINT32_MAX ? number : UINT32_MAX;
    if (s3_xml_number(retention, "Years", &number))
        return number < 1000 ? number * 365 : UINT32_MAX;
    return 0;
}

static void judge_lock(struct audit *audit, const char *subject, const struct s3_xml *tree)
{
    const struct s3_config *config = audit->s3->config;
    const struct s3_xml *retention = s3_xml_child(s3_xml_child(tree, "Rule"), "DefaultRetention");
    bool compliance = strcmp(s3_xml_text(retention, "Mode"), "COMPLIANCE") == 0;
    unsigned long long days = retention_days(retention);
    unsigned long long wanted = config->lock_for / S3_DAY_MS;

    if (strcmp(s3_xml_text(tree, "ObjectLockEnabled"), "Enabled") != 0) {
        audit_say(audit, config->object_lock == S3_LOCK_OFF ? SME_FINDING_NOTE : SME_FINDING_WARN,
                  subject, SETUP_FIX, "not on");
        return;
    }
    if (days == 0) {
        audit_say(audit, SME_FINDING_WARN, subject,
                  "set object_lock and lock_for, then sme-backup setup",
                  "on, but without a default retention: new objects are not protected");
        return;
    }
    audit->locked = true;
    if (config->object_lock == S3_LOCK_COMPLIANCE && !compliance)
        audit_say(audit, SME_FINDING_WARN, subject, SETUP_FIX,
                  "mode GOVERNANCE for %llu days, where the configuration asks for COMPLIANCE",
                  days);
    else if (config->object_lock != S3_LOCK_OFF && days < wanted)
        audit_say(audit, SME_FINDING_WARN, subject, SETUP_FIX,
                  "objects are kept for %llu days, where the configuration asks for %llu", days,
                  wanted);
    else
        audit_say(audit, SME_FINDING_PASS, subject, NULL, "every object is kept for %llu days%s",
                  days,
                  compliance ? "; nobody can shorten that"
                             : "; only who may bypass governance can delete one before");
}

static int look_at_lock(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "object lock",
        .resource = "object-lock",
        .root = "ObjectLockConfiguration",
        .absent = "ObjectLockConfigurationNotFoundError",
        .permission = "s3:GetBucketObjectLockConfiguration",
        .unsupported = SME_FINDING_NOTE,
    };
    bool wanted = audit->s3->config->object_lock != S3_LOCK_OFF;
    struct s3_xml *tree = NULL;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer == AUDIT_ABSENT)
        audit_say(audit, wanted ? SME_FINDING_WARN : SME_FINDING_NOTE, part.subject,
                  wanted ? SETUP_FIX : "set object_lock = governance, then sme-backup setup",
                  "not on: who may delete versions can delete backups for good");
    if (answer == AUDIT_THERE)
        judge_lock(audit, part.subject, tree);
    s3_xml_free(tree);
    return answer < 0 ? answer : SME_OK;
}

/* ---- encryption --------------------------------------------------------------------------- */

static bool refuses_customer_keys(const struct s3_xml *rule)
{
    const struct s3_xml *blocked = s3_xml_child(rule, "BlockedEncryptionTypes");

    for (const struct s3_xml *type = s3_xml_child(blocked, "EncryptionType"); type != NULL;
         type = s3_xml_again(type)) {
        if (strcmp(type->text, "SSE-C") == 0)
            return true;
    }
    return false;
}

static void judge_encryption(struct audit *audit, const char *subject, const struct s3_xml *tree)
{
    const struct s3_config *config = audit->s3->config;
    const struct s3_xml *rule = s3_xml_child(tree, "Rule");
    const struct s3_xml *fallback = s3_xml_child(rule, "ApplyServerSideEncryptionByDefault");
    const char *algorithm = s3_xml_text(fallback, "SSEAlgorithm");
    const char *key = s3_xml_text(fallback, "KMSMasterKeyID");
    bool kms = strncmp(algorithm, "aws:kms", 7) == 0;

    if (algorithm[0] == '\0')
        audit_say(audit, SME_FINDING_WARN, subject, SETUP_FIX, "no default is set");
    else if (config->encryption == S3_ENCRYPT_KMS && !kms)
        audit_say(audit, SME_FINDING_WARN, subject, SETUP_FIX,
                  "the default is %s, where the configuration asks for a KMS key", algorithm);
    else if (config->encryption == S3_ENCRYPT_KMS && config->kms_key != NULL && key[0] != '\0' &&
             strcmp(key, config->kms_key) != 0)
        audit_say(audit, SME_FINDING_WARN, subject, SETUP_FIX,
                  "the default is the KMS key '%s', not the configured '%s'", key, config->kms_key);
    else if (strcmp(algorithm, "aws:kms") == 0 && !is_true(rule, "BucketKeyEnabled"))
        audit_say(audit, SME_FINDING_NOTE, subject, "turn the bucket key on",
                  "the default is %s without a bucket key: each request costs a KMS request too",
                  algorithm);
    else
        audit_say(audit, SME_FINDING_PASS, subject, NULL, "the default is %s", algorithm);
    if (kms)
        audit_say(audit, SME_FINDING_NOTE, subject,
                  "forbid kms:ScheduleKeyDeletion to all but one administrator",
                  "if the KMS key is deleted, every backup in this bucket is lost");
    if (refuses_customer_keys(rule))
        audit_say(audit, SME_FINDING_PASS, "customer keys", NULL,
                  "writes with keys of the writer's own (SSE-C) are refused");
    else
        audit_say(audit, SME_FINDING_NOTE, "customer keys",
                  "block SSE-C in the bucket's default encryption",
                  "writes with keys of the writer's own (SSE-C) are not known to be refused: "
                  "extortionists encrypt objects again that way");
}

static int look_at_encryption(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "default encryption",
        .resource = "encryption",
        .root = "ServerSideEncryptionConfiguration",
        .absent = "ServerSideEncryptionConfigurationNotFoundError",
        .permission = "s3:GetEncryptionConfiguration",
        .unsupported = SME_FINDING_NOTE,
    };
    bool wanted = audit->s3->config->encryption != S3_ENCRYPT_NONE;
    struct s3_xml *tree = NULL;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer == AUDIT_ABSENT)
        audit_say(audit, wanted ? SME_FINDING_WARN : SME_FINDING_NOTE, part.subject,
                  wanted ? SETUP_FIX : NULL,
                  "no default is set (what sme-backup stores is encrypted before it is sent)");
    if (answer == AUDIT_THERE)
        judge_encryption(audit, part.subject, tree);
    s3_xml_free(tree);
    return answer < 0 ? answer : SME_OK;
}

/* ---- what would show and survive an attack ------------------------------------------------ */

static int look_at_logging(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "access log",
        .resource = "logging",
        .root = "BucketLoggingStatus",
        .permission = "s3:GetBucketLogging",
        .unsupported = SME_FINDING_NOTE,
    };
    struct s3_xml *tree = NULL;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer != AUDIT_THERE)
        return answer < 0 ? answer : SME_OK;
    if (s3_xml_child(tree, "LoggingEnabled") != NULL)
        audit_say(audit, SME_FINDING_PASS, part.subject, NULL, "on");
    else
        audit_say(audit, SME_FINDING_NOTE, part.subject,
                  "turn on server access logs into another bucket, or CloudTrail data events",
                  "off: who read or deleted what cannot be told afterwards (unless CloudTrail "
                  "keeps data events)");
    s3_xml_free(tree);
    return SME_OK;
}

static int look_at_replication(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "second copy",
        .resource = "replication",
        .root = "ReplicationConfiguration",
        .absent = "ReplicationConfigurationNotFoundError",
        .permission = "s3:GetReplicationConfiguration",
        .unsupported = SME_FINDING_NOTE,
    };
    static const char fix[] = "replicate to a bucket of another account, or run a second sink";
    struct s3_xml *tree = NULL;
    bool active = false;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer == AUDIT_THERE) {
        for (const struct s3_xml *rule = s3_xml_child(tree, "Rule"); rule != NULL;
             rule = s3_xml_again(rule))
            active = active || strcmp(s3_xml_text(rule, "Status"), "Enabled") == 0;
        s3_xml_free(tree);
    }
    if (answer == AUDIT_THERE && active)
        audit_say(audit, SME_FINDING_PASS, part.subject, NULL,
                  "the bucket is replicated to another");
    else if (answer == AUDIT_THERE || answer == AUDIT_ABSENT)
        audit_say(audit, SME_FINDING_NOTE, part.subject, fix,
                  "the bucket is not replicated: this account and region hold the only copy");
    return answer < 0 ? answer : SME_OK;
}

int audit_protections(struct audit *audit)
{
    static int (*const looks[])(struct audit *) = {
        look_at_public_access, look_at_ownership, look_at_versioning,  look_at_lock,
        look_at_encryption,    look_at_logging,   look_at_replication,
    };
    int status = SME_OK;

    for (size_t i = 0; status == SME_OK && i < sizeof looks / sizeof looks[0]; i++)
        status = looks[i](audit);
    return status;
}
