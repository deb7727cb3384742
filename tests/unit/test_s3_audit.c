/*
 * Tests of the audit: what it finds in a bucket as it should be, what it says about each
 * protection that is missing, and that it leaves nothing behind.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/auditrig.h"

/* ---- the whole ---------------------------------------------------------------------------- */

static void a_hardened_bucket_and_the_role_run_pass(void **state)
{
    struct auditrig *store = *state;

    auditrig_audit_well(store);
    assert_has_not(store, "FAIL", "");
    assert_has(store, "PASS public access block", "all four");
    assert_has(store, "PASS object ownership", "");
    assert_has(store, "PASS versioning", "on");
    assert_has(store, "PASS object lock", "30 days");
    assert_has(store, "PASS default encryption", "AES256");
    assert_has(store, "PASS customer keys", "refused");
    assert_has(store, "PASS access log", "on");
    assert_has(store, "PASS second copy", "");
    assert_has(store, "PASS transport", "");
    assert_has(store, "PASS public policy", "");
    assert_has(store, "PASS lifecycle", "GLACIER_IR after 30 days");
    assert_has(store, "PASS unfinished uploads", "none");
    assert_has(store, "PASS public exposure", "refused");
    assert_has(store, "PASS permission to list", "");
    assert_has(store, "PASS absent objects", "");
    assert_has(store, "PASS permission to delete", "may not delete");
    assert_has(store, "PASS permission to put", "");
    assert_has(store, "PASS create-only puts", "");
    assert_has(store, "NOTE permission to read", "cannot restore");
    assert_has(store, "PASS clock", "");
    assert_has(store, "NOTE credentials", "options of the sink");
    /* the test's server is plain http: that is the only warning */
    assert_has(store, "WARN endpoint", "without TLS");
    assert_has_not(store, "WARN public", "");
    assert_has_not(store, "WARN lifecycle", "");
    assert_nothing_left(store);
    assert_int_equal(store->puts, 2);
}

static void a_store_that_knows_little_is_told_apart(void **state)
{
    struct auditrig *store = *state;

    /* every sub-resource is answered with a listing of the bucket */
    store->parts[0].resource = NULL;
    auditrig_audit_well(store);
    assert_has(store, "NOTE public access block", "does not know");
    assert_has(store, "WARN versioning", "does not know");
    assert_has(store, "NOTE bucket policy", "does not know");
    assert_has(store, "NOTE lifecycle", "does not know");
    assert_has_not(store, "PASS versioning", "");
    assert_has_not(store, "PASS default encryption", "");
    assert_has_not(store, "PASS object lock", "");
    assert_nothing_left(store);
}

static void what_the_role_may_not_see_is_named(void **state)
{
    struct auditrig *store = *state;

    for (size_t i = 0; store->parts[i].resource != NULL; i++) {
        store->parts[i].status = 403;
        store->parts[i].body = "AccessDenied";
    }
    auditrig_audit_well(store);
    assert_has(store, "NOTE public access block", "s3:GetBucketPublicAccessBlock");
    assert_has(store, "NOTE object ownership", "s3:GetBucketOwnershipControls");
    assert_has(store, "NOTE versioning", "s3:GetBucketVersioning");
    assert_has(store, "NOTE object lock", "s3:GetBucketObjectLockConfiguration");
    assert_has(store, "NOTE default encryption", "s3:GetEncryptionConfiguration");
    assert_has(store, "NOTE bucket policy", "s3:GetBucketPolicy");
    assert_has(store, "NOTE lifecycle", "s3:GetLifecycleConfiguration");
    assert_has(store, "NOTE access log", "s3:GetBucketLogging");
    assert_has(store, "NOTE second copy", "s3:GetReplicationConfiguration");
    assert_has(store, "NOTE unfinished uploads", "s3:ListBucketMultipartUploads");
    assert_has_not(store, "FAIL", "");
    assert_nothing_left(store);
}

static void what_is_not_set_is_missing(void **state)
{
    struct auditrig *store = *state;

    auditrig_set_part(store, "publicAccessBlock", 404, "NoSuchPublicAccessBlockConfiguration");
    auditrig_set_part(store, "ownershipControls", 404, "OwnershipControlsNotFoundError");
    auditrig_set_part(store, "object-lock", 404, "ObjectLockConfigurationNotFoundError");
    auditrig_set_part(store, "encryption", 404, "ServerSideEncryptionConfigurationNotFoundError");
    auditrig_set_part(store, "policy", 404, "NoSuchBucketPolicy");
    auditrig_set_part(store, "policyStatus", 404, "NoSuchBucketPolicy");
    auditrig_set_part(store, "lifecycle", 404, "NoSuchLifecycleConfiguration");
    auditrig_set_part(store, "replication", 404, "ReplicationConfigurationNotFoundError");
    auditrig_set_part(store, "logging", 200, XML "<BucketLoggingStatus/>");
    auditrig_audit_well(store);
    assert_has(store, "WARN public access block", "none");
    assert_has(store, "WARN object ownership", "ACL");
    assert_has(store, "WARN object lock", "not on");
    assert_has(store, "WARN default encryption", "no default");
    assert_has(store, "WARN transport", "without TLS");
    assert_has(store, "PASS public policy", "");
    assert_has(store, "WARN lifecycle", "noncurrent versions");
    assert_has(store, "WARN lifecycle", "GLACIER_IR");
    assert_has(store, "NOTE second copy", "only copy");
    assert_has(store, "NOTE access log", "off");
    assert_has(store, "WARN public access block", "[sme-backup setup]");
}

static void half_of_a_protection_is_not_it(void **state)
{
    struct auditrig *store = *state;

    auditrig_set_part(store, "publicAccessBlock", 200,
                      XML "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>"
                          "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>false"
                          "</BlockPublicPolicy></PublicAccessBlockConfiguration>");
    auditrig_set_part(
        store, "ownershipControls", 200,
        XML "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>"
            "</OwnershipControls>");
    auditrig_set_part(
        store, "versioning", 200,
        XML "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>");
    auditrig_set_part(store, "object-lock", 200,
                      XML "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
                          "</ObjectLockConfiguration>");
    store->config.encryption = S3_ENCRYPT_KMS;
    auditrig_audit_well(store);
    assert_has(store, "WARN public access block", "BlockPublicPolicy, RestrictPublicBuckets");
    assert_has_not(store, "WARN public access block", "BlockPublicAcls");
    assert_has(store, "WARN object ownership", "ACLs are on");
    assert_has(store, "WARN versioning", "suspended");
    assert_has(store, "WARN object lock", "without a default retention");
    assert_has(store, "WARN default encryption", "asks for a KMS key");
}

static void a_weaker_lock_than_configured_is_a_warning(void **state)
{
    struct auditrig *store = *state;

    store->config.lock_for = 90 * S3_DAY_MS;
    auditrig_audit_well(store);
    assert_has(store, "WARN object lock", "30 days, where the configuration asks for 90");
    store->config.object_lock = S3_LOCK_COMPLIANCE;
    auditrig_audit_well(store);
    assert_has(store, "WARN object lock", "asks for COMPLIANCE");
    auditrig_set_part(
        store, "object-lock", 200,
        XML "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
            "<DefaultRetention><Mode>COMPLIANCE</Mode><Years>1</Years></DefaultRetention>"
            "</Rule></ObjectLockConfiguration>");
    auditrig_audit_well(store);
    assert_has(store, "PASS object lock", "365 days");
}

static void a_kms_key_is_looked_at(void **state)
{
    struct auditrig *store = *state;

    store->config.encryption = S3_ENCRYPT_KMS;
    store->config.kms_key = "arn:aws:kms:eu-central-1:1:key/b";
    auditrig_set_part(
        store, "encryption", 200,
        XML "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
            "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>arn:a</KMSMasterKeyID>"
            "</ApplyServerSideEncryptionByDefault></Rule>"
            "</ServerSideEncryptionConfiguration>");
    auditrig_audit_well(store);
    assert_has(store, "WARN default encryption", "key/b");
    assert_has(store, "NOTE default encryption", "every backup in this bucket is lost");
    assert_has(store, "NOTE customer keys", "SSE-C");
    store->config.kms_key = NULL;
    auditrig_audit_well(store);
    assert_has(store, "NOTE default encryption", "bucket key");
}

/* ---- permissions -------------------------------------------------------------------------- */

static void a_role_that_may_delete_is_a_warning(void **state)
{
    struct auditrig *store = *state;

    store->refuses_delete = store->refuses_data = false;
    auditrig_audit_well(store);
    assert_has(store, "NOTE permission to delete", "Object Lock"); /* it is on */
    assert_has(store, "PASS permission to read", "can restore");
    assert_nothing_left(store);
    auditrig_set_part(store, "object-lock", 404, "ObjectLockConfigurationNotFoundError");
    auditrig_audit_well(store);
    assert_has(store, "WARN permission to delete", "this host can delete its backups");
    assert_nothing_left(store);
}

/* A store without conditions on DELETE makes a delete marker. */
static void a_delete_marker_is_removed_again(void **state)
{
    struct auditrig *store = *state;

    store->refuses_delete = false;
    store->knows_no_delete_condition = true;
    auditrig_audit_well(store);
    assert_has(store, "NOTE permission to delete", "can delete");
    assert_has_not(store, "NOTE left behind", "");
    assert_nothing_left(store);
    store->refuses_version_delete = true;
    auditrig_audit_well(store);
    assert_has(store, "NOTE left behind", "srv/documents/data/probe-");
    assert_int_equal(store->markers, 1);
}

static void without_versions_an_object_is_made_and_removed(void **state)
{
    struct auditrig *store = *state;

    store->versioned = store->refuses_delete = false;
    auditrig_set_part(store, "versioning", 200, XML "<VersioningConfiguration/>");
    auditrig_set_part(store, "object-lock", 404, "ObjectLockConfigurationNotFoundError");
    auditrig_audit_well(store);
    assert_int_equal(store->puts, 2);
    assert_has(store, "WARN versioning", "off");
    assert_has(store, "PASS permission to put", "");
    assert_has(store, "PASS create-only puts", "");
    assert_nothing_left(store);
    store->ignores_conditions = true;
    auditrig_audit_well(store);
    assert_has(store, "WARN create-only puts", "overwrites");
    assert_nothing_left(store);
    store->refuses_put = true;
    auditrig_audit_well(store);
    assert_has(store, "NOTE permission to put", "may not put");
    assert_nothing_left(store);
}

static void a_probe_whose_reply_is_lost_is_removed(void **state)
{
    struct auditrig *store = *state;

    store->versioned = store->refuses_delete = false;
    auditrig_set_part(store, "versioning", 200, XML "<VersioningConfiguration/>");
    auditrig_set_part(store, "object-lock", 404, "ObjectLockConfigurationNotFoundError");
    store->loses_put_reply = true;
    (void)auditrig_audit(store);
    assert_true(store->puts > 0);
    assert_nothing_left(store);
}

static void a_store_that_overwrites_keeps_what_was_there(void **state)
{
    struct auditrig *store = *state;

    store->ignores_conditions = true;
    auditrig_audit_well(store);
    assert_has(store, "WARN create-only puts", "overwrites");
    assert_nothing_left(store);
}

static void before_the_first_run_nothing_is_put_twice(void **state)
{
    struct auditrig *store = *state;

    store->has_descriptor = store->has_data = store->has_snapshot = false;
    auditrig_audit_well(store);
    assert_has(store, "PASS permission to put", "");
    assert_has(store, "NOTE create-only puts", "not probed");
    assert_int_equal(store->puts, 1);
    assert_nothing_left(store);
    /* the role run may not put the descriptor, and that says nothing */
    store->has_descriptor = true;
    auditrig_audit_well(store);
    assert_has(store, "NOTE create-only puts", "not probed");
    store->refuses_descriptor_put = false;
    auditrig_audit_well(store);
    assert_has(store, "PASS create-only puts", "");
    assert_nothing_left(store);
}

/* The probe with wrong checksums is kept there, and has to go again. */
static void a_store_that_compares_no_checksums_is_a_warning(void **state)
{
    struct auditrig *store = *state;

    store->ignores_checksums = true;
    auditrig_audit_well(store);
    assert_has(store, "WARN checksums", "does not compare");
    assert_nothing_left(store);
    store->refuses_version_delete = true;
    auditrig_audit_well(store);
    assert_has(store, "NOTE left behind", "srv/documents/gc/probe-");
}

/* Deleting with a condition needs the right to read too. */
static void a_role_that_may_delete_and_not_read_is_found(void **state)
{
    struct auditrig *store = *state;

    store->refuses_delete = false;
    store->refuses_conditional_delete = true;
    auditrig_audit_well(store);
    assert_has(store, "NOTE permission to delete", "can delete");
    assert_nothing_left(store);
}

static void a_role_that_may_not_put_is_told(void **state)
{
    struct auditrig *store = *state;

    store->refuses_put = true;
    store->refuses_data = false;
    auditrig_audit_well(store);
    assert_has(store, "NOTE permission to put", "cannot back up");
    assert_has(store, "PASS permission to read", "");
    assert_has_not(store, "WARN create-only puts", "");
    assert_nothing_left(store);
}

static void forbidden_and_absent_are_told_apart(void **state)
{
    struct auditrig *store = *state;

    store->refuses_absent = true;
    store->refuses_data = false;
    auditrig_audit_well(store);
    assert_has(store, "WARN absent objects", "cannot be told apart");
    assert_has(store, "PASS permission to read", "can restore"); /* by an object that is there */
    store->refuses_data = true;
    auditrig_audit_well(store);
    assert_has(store, "NOTE permission to read", "cannot restore");
    store->has_data = false;
    auditrig_audit_well(store);
    assert_has(store, "NOTE permission to read", "cannot be told");
}

static void a_role_that_may_not_list_fails(void **state)
{
    struct auditrig *store = *state;

    store->refuses_list = true;
    auditrig_audit_well(store);
    assert_has(store, "FAIL permission to list", "s3:ListBucket");
}

static void a_clock_that_is_off_is_a_warning(void **state)
{
    struct auditrig *store = *state;

    store->skew_sec = -400;
    auditrig_audit_well(store);
    assert_has(store, "WARN clock", "ahead of");
    store->skew_sec = 4000;
    auditrig_audit_well(store);
    assert_has(store, "WARN clock", "behind");
    assert_has(store, "WARN clock", "prune");
}

/* ---- failures ----------------------------------------------------------------------------- */

static void trouble_of_the_store_ends_the_audit_without_half_a_report(void **state)
{
    struct auditrig *store = *state;

    store->is_in_trouble = true;
    assert_int_equal(auditrig_audit(store), SME_E_TRANSIENT);
    assert_string_equal(store->findings, "");
    store->is_in_trouble = false;
    auditrig_set_part(store, "replication", 503, "SlowDown");
    assert_int_equal(auditrig_audit(store), SME_E_THROTTLED);
    assert_string_equal(store->findings, "");
}

static void a_bucket_that_is_not_there_is_an_error(void **state)
{
    struct auditrig *store = *state;

    store->has_no_bucket = true;
    assert_int_equal(auditrig_audit(store), SME_E_INVALID);
    assert_non_null(strstr(store->err.message, "NoSuchBucket"));
    assert_true(store->err.hint[0] != '\0');
    assert_int_equal(store->requests, 1);
}

static int stop(void *cookie, const struct sme_finding *finding)
{
    unsigned *count = cookie;

    (void)finding;
    (*count)++;
    return SME_E_CANCELLED;
}

static void the_callers_answer_ends_the_report(void **state)
{
    struct auditrig *store = *state;
    unsigned count = 0;

    assert_int_equal(bucket_audit(store->s3, &auditrig_layout, stop, &count, &store->err),
                     SME_E_CANCELLED);
    assert_int_equal(count, 1);
}

static void an_empty_layout_is_audited_too(void **state)
{
    struct auditrig *store = *state;
    const struct sme_layout empty = {.struct_size = sizeof empty};

    assert_int_equal(bucket_audit(store->s3, &empty, auditrig_take_finding, store, &store->err),
                     SME_OK);
    assert_has(store, "PASS public access block", "");
    assert_int_equal(store->puts, 0);
}

#define WITH_STORE(function)                                                                       \
    cmocka_unit_test_setup_teardown(function, auditrig_set_up, auditrig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_hardened_bucket_and_the_role_run_pass),
        WITH_STORE(a_store_that_knows_little_is_told_apart),
        WITH_STORE(what_the_role_may_not_see_is_named),
        WITH_STORE(what_is_not_set_is_missing),
        WITH_STORE(half_of_a_protection_is_not_it),
        WITH_STORE(a_weaker_lock_than_configured_is_a_warning),
        WITH_STORE(a_kms_key_is_looked_at),
        WITH_STORE(a_role_that_may_delete_is_a_warning),
        WITH_STORE(a_delete_marker_is_removed_again),
        WITH_STORE(without_versions_an_object_is_made_and_removed),
        WITH_STORE(a_probe_whose_reply_is_lost_is_removed),
        WITH_STORE(a_store_that_overwrites_keeps_what_was_there),
        WITH_STORE(before_the_first_run_nothing_is_put_twice),
        WITH_STORE(a_store_that_compares_no_checksums_is_a_warning),
        WITH_STORE(a_role_that_may_delete_and_not_read_is_found),
        WITH_STORE(a_role_that_may_not_put_is_told),
        WITH_STORE(forbidden_and_absent_are_told_apart),
        WITH_STORE(a_role_that_may_not_list_fails),
        WITH_STORE(a_clock_that_is_off_is_a_warning),
        WITH_STORE(trouble_of_the_store_ends_the_audit_without_half_a_report),
        WITH_STORE(a_bucket_that_is_not_there_is_an_error),
        WITH_STORE(the_callers_answer_ends_the_report),
        WITH_STORE(an_empty_layout_is_audited_too),
    };

    return cmocka_run_group_tests_name("s3_audit", tests, NULL, NULL);
}
