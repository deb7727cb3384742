/*
 * Setup of a bucket against a small store that remembers its configuration.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sinks/s3/bucket.h"
#include "../../sinks/s3/lifecycle.h"
#include "../../sinks/s3/open.h"
#include "../harness/fakehost.h"
#include "../harness/s3bucket.h"

#include <stdlib.h>

#define FINDINGS 40

struct rig {
    struct fakehost fake;
    struct s3bucket store;
    struct s3_config config;
    struct s3 *s3;
    struct sme_error err;
    struct {
        uint32_t level;
        char subject[64], text[512], fix[256];
    } findings[FINDINGS];
    size_t count;
};

static int set_up(void **state)
{
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY", "AWS_CA_BUNDLE",
                                        "SSL_CERT_FILE"};
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
    fakehost_init(&rig->fake, "offsite");
    rig->err.struct_size = sizeof rig->err;
    s3bucket_start(&rig->store);
    rig->config = (struct s3_config){.bucket = S3BUCKET_NAME,
                                     .region = "eu-central-1",
                                     .endpoint = httpd_url(rig->store.server),
                                     .style = S3_STYLE_PATH,
                                     .allow_http = true,
                                     .access_key = "AKIDEXAMPLE",
                                     .secret_key = "secret",
                                     .tls_only = true,
                                     .create_only = true,
                                     .cold_class = S3_GLACIER_IR,
                                     .cold_after = 30 * S3_DAY_MS,
                                     .noncurrent_after = 30 * S3_DAY_MS};
    assert_int_equal(s3_open(&rig->fake.host, &rig->config, &rig->s3, &rig->err), SME_OK);
    /* From here on the endpoint is where requests go, not what was configured. */
    rig->config.endpoint = NULL;
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    s3_close(rig->s3);
    s3bucket_stop(&rig->store);
    assert_int_equal(rig->store.deletes, 0);
    assert_int_equal(rig->store.bad_md5, 0);
    fakehost_done(&rig->fake);
    free(rig);
    return 0;
}

static int on_finding(void *cookie, const struct sme_finding *finding)
{
    struct rig *rig = cookie;

    assert_true(rig->count < FINDINGS);
    rig->findings[rig->count].level = finding->level;
    (void)snprintf(rig->findings[rig->count].subject, sizeof rig->findings[0].subject, "%s",
                   finding->subject);
    (void)snprintf(rig->findings[rig->count].text, sizeof rig->findings[0].text, "%s",
                   finding->text);
    (void)snprintf(rig->findings[rig->count].fix, sizeof rig->findings[0].fix, "%s",
                   finding->fix != NULL ? finding->fix : "");
    rig->count++;
    return 0;
}

static const struct sme_area areas[] = {
    {sizeof areas[0], SME_AREA_DESCRIPTOR, "repository", 0, 0},
    {sizeof areas[0], SME_AREA_SNAPSHOTS, "backups/", 365, 0},
    {sizeof areas[0], SME_AREA_DATA, "documents/data/", 365, 0},
    {sizeof areas[0], SME_AREA_META, "documents/meta/", 365, 0},
    {sizeof areas[0], SME_AREA_DATA, "short/data/", 60, 0},
};
static const struct sme_layout layout = {sizeof layout, 5, areas};

static int run(struct rig *rig, uint32_t flags)
{
    rig->count = 0;
    rig->store.writes = 0;
    return bucket_setup(rig->s3, &layout, flags, on_finding, rig, &rig->err);
}

static size_t count_level(const struct rig *rig, uint32_t level)
{
    size_t count = 0;

    for (size_t i = 0; i < rig->count; i++)
        count += rig->findings[i].level == level;
    return count;
}

/* Is there a finding of that level and subject with ${text} in its text or fix? */
static bool found(const struct rig *rig, uint32_t level, const char *subject, const char *text)
{
    for (size_t i = 0; i < rig->count; i++) {
        if (rig->findings[i].level == level && strcmp(rig->findings[i].subject, subject) == 0 &&
            (strstr(rig->findings[i].text, text) != NULL ||
             strstr(rig->findings[i].fix, text) != NULL))
            return true;
    }
    for (size_t i = 0; i < rig->count; i++)
        print_message("%u %s: %s (%s)\n", rig->findings[i].level, rig->findings[i].subject,
                      rig->findings[i].text, rig->findings[i].fix);
    return false;
}

static void a_fresh_bucket_gets_everything(void **state)
{
    struct rig *rig = *state;

    rig->config.object_lock = S3_LOCK_GOVERNANCE;
    rig->config.lock_for = 40 * S3_DAY_MS;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(rig->store.exists);
    assert_true(rig->store.locked);
    assert_non_null(strstr(rig->store.location, "<LocationConstraint>eu-central-1<"));
    assert_true(s3bucket_has(&rig->store, "publicAccessBlock", "<BlockPublicAcls>true<"));
    assert_true(s3bucket_has(&rig->store, "publicAccessBlock", "<RestrictPublicBuckets>true<"));
    assert_true(s3bucket_has(&rig->store, "ownershipControls", "BucketOwnerEnforced"));
    assert_true(s3bucket_has(&rig->store, "encryption", "<SSEAlgorithm>AES256<"));
    assert_true(s3bucket_has(&rig->store, "versioning", "<Status>Enabled<"));
    assert_true(s3bucket_has(&rig->store, "object-lock", "<Mode>GOVERNANCE</Mode><Days>40</Days>"));
    assert_true(s3bucket_has(&rig->store, "policy", "aws:SecureTransport"));
    assert_true(s3bucket_has(&rig->store, "policy", "s3:TlsVersion"));
    assert_true(s3bucket_has(&rig->store, "policy", "s3:if-none-match"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "<ID>sme-backup/tidy/documents/meta/</ID>"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "<ID>sme-backup/cold/documents/data/</ID>"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "<Days>30</Days><StorageClass>GLACIER_IR<"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "<ObjectSizeGreaterThan>131072<"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "<DaysAfterInitiation>7<"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "<ExpiredObjectDeleteMarker>true<"));
    /* Old versions do not expire before their lock ends. */
    assert_true(s3bucket_has(&rig->store, "lifecycle", "<NoncurrentDays>40<"));
    /* What is soon removed does not move, nor does what every run reads. */
    const char *rules = s3bucket_conf(&rig->store, "lifecycle")->text;
    assert_null(strstr(rules, "cold/short"));
    assert_null(strstr(rules, "cold/documents/meta"));
    assert_null(strstr(rules, "repository"));
    assert_true(found(rig, SME_FINDING_NOTE, "lifecycle rules", "short/data/"));
    assert_true(found(rig, SME_FINDING_CHANGE, "versioning", "now not set, becomes Enabled"));
    assert_int_equal(count_level(rig, SME_FINDING_CHANGE), 8);
    assert_int_equal(count_level(rig, SME_FINDING_FAIL), 0);
}

static void a_second_time_nothing_is_written(void **state)
{
    struct rig *rig = *state;

    rig->config.object_lock = S3_LOCK_COMPLIANCE;
    rig->config.lock_for = 10 * S3_DAY_MS;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(rig->store.writes, 8);
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(rig->store.writes, 0);
    assert_int_equal(count_level(rig, SME_FINDING_CHANGE), 0);
    assert_int_equal(count_level(rig, SME_FINDING_PASS), 8);
}

static void only_what_differs_is_written(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(run(rig, 0), SME_OK);
    s3bucket_set(&rig->store, "versioning",
                 "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>");
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(rig->store.writes, 1);
    assert_true(found(rig, SME_FINDING_CHANGE, "versioning", "now Suspended, becomes Enabled"));
    assert_true(s3bucket_has(&rig->store, "versioning", "Enabled"));
}

static const char their_rule[] = "<Rule>\n  <ID>logs &amp; more</ID><Prefix>logs/</Prefix>\n"
                                 "  <Status>Enabled</Status><!-- kept -->"
                                 "<Expiration><Days>9</Days></Expiration><New x='1'/></Rule>";
static const char their_statement[] =
    "{\"Sid\":\"Theirs\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::1:root\"},"
    "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::" S3BUCKET_NAME "/x\"}";

static void what_others_made_survives(void **state)
{
    struct rig *rig = *state;
    char text[1024];

    rig->store.exists = true;
    (void)snprintf(text, sizeof text,
                   "<?xml version=\"1.0\"?>\n<LifecycleConfiguration xmlns=\"urn:x\">%s"
                   "<Rule><ID>sme-backup/tidy/other-host/</ID><Filter><Prefix>other-host/</Prefix>"
                   "</Filter><Status>Enabled</Status></Rule>"
                   "<Rule><ID>sme-backup/cold/short/data/</ID><Status>Enabled</Status></Rule>"
                   "<Rule><ID>sme-backup/tidy/backups/</ID><Status>Disabled</Status></Rule>"
                   "</LifecycleConfiguration>",
                   their_rule);
    s3bucket_set(&rig->store, "lifecycle", text);
    (void)snprintf(rig->store.size_default, sizeof rig->store.size_default,
                   "varies_by_storage_class");
    (void)snprintf(text, sizeof text,
                   "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"SmeBackupTls\","
                   "\"Effect\":\"Allow\"},%s]}",
                   their_statement);
    s3bucket_set(&rig->store, "policy", text);
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(s3bucket_has(&rig->store, "lifecycle", their_rule));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "<LifecycleConfiguration xmlns=\"urn:x\">"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "sme-backup/tidy/other-host/"));
    /* Ours are put right: one that no longer pays goes, one that was switched off is on. */
    assert_null(strstr(s3bucket_conf(&rig->store, "lifecycle")->text, "cold/short"));
    assert_null(strstr(s3bucket_conf(&rig->store, "lifecycle")->text, "Disabled"));
    assert_string_equal(rig->store.size_default, "varies_by_storage_class");
    assert_true(s3bucket_has(&rig->store, "policy", their_statement));
    assert_true(
        s3bucket_has(&rig->store, "policy", "{\"Sid\":\"SmeBackupTls\",\"Effect\":\"Deny\""));
    assert_true(found(rig, SME_FINDING_CHANGE, "lifecycle rules", "1 changed, 1 removed"));
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(rig->store.writes, 0);
}

/* It calls its answer otherwise, and with the first switch on it refuses every put. */
static void ceph_is_not_made_to_refuse_puts(void **state)
{
    struct rig *rig = *state;

    rig->store.exists = true;
    s3bucket_set(&rig->store, "publicAccessBlock",
                 "<BlockPublicAccessBlockConfiguration><IgnorePublicAcls>TRUE</IgnorePublicAcls>"
                 "</BlockPublicAccessBlockConfiguration>");
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(found(rig, SME_FINDING_CHANGE, "block public access", "now 1 of 4"));
    assert_true(found(rig, SME_FINDING_NOTE, "block public access", "BlockPublicAcls is left off"));
    assert_true(s3bucket_has(&rig->store, "publicAccessBlock", "<PublicAccessBlockConfiguration "));
    assert_true(s3bucket_has(&rig->store, "publicAccessBlock", "<BlockPublicAcls>false<"));
    assert_true(s3bucket_has(&rig->store, "publicAccessBlock", "<BlockPublicPolicy>true<"));
    /* Whoever switched it on is told, but not overruled. */
    s3bucket_set(&rig->store, "publicAccessBlock",
                 "<BlockPublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>"
                 "</BlockPublicAccessBlockConfiguration>");
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(found(rig, SME_FINDING_WARN, "block public access", "refuse every put"));
    assert_true(s3bucket_has(&rig->store, "publicAccessBlock", "<BlockPublicAcls>true<"));
}

static void a_dry_run_writes_nothing(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(run(rig, SME_SETUP_DRY_RUN), SME_OK);
    assert_int_equal(rig->store.writes, 0);
    assert_false(rig->store.exists);
    assert_true(found(rig, SME_FINDING_CHANGE, "bucket", "is missing"));
    assert_int_equal(count_level(rig, SME_FINDING_CHANGE), 7);
    rig->store.exists = true;
    assert_int_equal(run(rig, SME_SETUP_DRY_RUN), SME_OK);
    assert_int_equal(rig->store.writes, 0);
    assert_true(found(rig, SME_FINDING_CHANGE, "bucket policy", "SmeBackupTls"));
    assert_int_equal(count_level(rig, SME_FINDING_CHANGE), 6);
}

static void what_the_store_does_not_know_is_named(void **state)
{
    struct rig *rig = *state;

    s3bucket_conf(&rig->store, "publicAccessBlock")->answer = S3BUCKET_NOT_IMPLEMENTED;
    s3bucket_conf(&rig->store, "ownershipControls")->answer = S3BUCKET_LIST;
    s3bucket_conf(&rig->store, "encryption")->answer = S3BUCKET_INVALID_ARGUMENT;
    s3bucket_conf(&rig->store, "policy")->answer = S3BUCKET_LIST;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(found(rig, SME_FINDING_WARN, "block public access", "does not support"));
    assert_true(found(rig, SME_FINDING_WARN, "object ownership", "ListBucketResult"));
    assert_true(found(rig, SME_FINDING_WARN, "default encryption", "InvalidArgument"));
    assert_true(found(rig, SME_FINDING_WARN, "bucket policy", "does not support"));
    /* The bucket, versioning, lifecycle, and the vain attempt at encryption. */
    assert_int_equal(rig->store.writes, 3);
    assert_true(s3bucket_has(&rig->store, "versioning", "Enabled"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "sme-backup/tidy/"));
}

static void a_store_without_the_class_gets_the_other_rules(void **state)
{
    struct rig *rig = *state;

    rig->store.no_cold = true;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(found(rig, SME_FINDING_WARN, "lifecycle rules", "GLACIER_IR"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "sme-backup/tidy/documents/data/"));
    assert_null(strstr(s3bucket_conf(&rig->store, "lifecycle")->text, "cold"));
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(count_level(rig, SME_FINDING_FAIL), 0);
    assert_true(found(rig, SME_FINDING_PASS, "lifecycle rules", "of our rules"));
}

static void a_refusal_names_the_permission_and_goes_on(void **state)
{
    struct rig *rig = *state;

    s3bucket_conf(&rig->store, "versioning")->answer = S3BUCKET_DENY_PUT;
    s3bucket_conf(&rig->store, "encryption")->answer = S3BUCKET_DENY_GET;
    assert_int_equal(run(rig, 0), SME_E_DENIED);
    assert_true(found(rig, SME_FINDING_FAIL, "versioning", "s3:PutBucketVersioning"));
    assert_true(
        found(rig, SME_FINDING_FAIL, "default encryption", "s3:GetEncryptionConfiguration"));
    assert_true(s3bucket_has(&rig->store, "lifecycle", "sme-backup/tidy/"));
    assert_non_null(strstr(rig->err.message, "2 of 7 protections failed"));
    assert_non_null(strstr(rig->err.hint, "policy --role setup"));
}

static void the_bucket_of_somebody_else(void **state)
{
    struct rig *rig = *state;

    rig->store.head = 403;
    assert_int_equal(run(rig, 0), SME_E_DENIED);
    assert_non_null(strstr(rig->err.message, "belongs to another account"));
    assert_int_equal(rig->store.writes, 0);
    assert_int_equal(rig->count, 0);
    assert_int_equal(bucket_create(rig->s3, &rig->err), SME_E_DENIED);
}

static void a_store_in_trouble_ends_setup(void **state)
{
    struct rig *rig = *state;

    rig->store.exists = rig->store.unavailable = true;
    assert_int_equal(run(rig, 0), SME_E_TRANSIENT);
    assert_int_equal(rig->store.writes, 0);
    assert_int_equal(count_level(rig, SME_FINDING_FAIL), 0);
}

static void only_the_bucket_is_made(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(bucket_create(rig->s3, &rig->err), SME_OK);
    assert_true(rig->store.exists);
    assert_int_equal(bucket_create(rig->s3, &rig->err), SME_OK);
    assert_int_equal(rig->store.writes, 1);
}

static void a_stricter_state_is_not_loosened(void **state)
{
    struct rig *rig = *state;

    rig->store.exists = true;
    rig->config.object_lock = S3_LOCK_GOVERNANCE;
    rig->config.lock_for = 50 * S3_DAY_MS;
    s3bucket_set(
        &rig->store, "object-lock",
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
        "<DefaultRetention><Mode>COMPLIANCE</Mode><Years>1</Years></DefaultRetention></Rule>"
        "</ObjectLockConfiguration>");
    s3bucket_set(&rig->store, "encryption",
                 "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
                 "<SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
                 "</ServerSideEncryptionConfiguration>");
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(found(rig, SME_FINDING_PASS, "object lock", "COMPLIANCE for 365 days"));
    assert_true(found(rig, SME_FINDING_PASS, "default encryption", "aws:kms"));
    /* Longer, but the mode stays. */
    rig->config.lock_for = 400 * S3_DAY_MS;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(
        s3bucket_has(&rig->store, "object-lock", "<Mode>COMPLIANCE</Mode><Days>400</Days>"));
}

static void a_key_of_kms_keeps_what_is_blocked(void **state)
{
    struct rig *rig = *state;

    rig->store.exists = true;
    rig->config.encryption = S3_ENCRYPT_KMS;
    rig->config.kms_key = "1234abcd";
    s3bucket_set(&rig->store, "encryption",
                 "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
                 "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
                 "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType>"
                 "</BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>");
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(s3bucket_has(&rig->store, "encryption", "<KMSMasterKeyID>1234abcd<"));
    assert_true(s3bucket_has(&rig->store, "encryption", "<BucketKeyEnabled>true<"));
    assert_true(s3bucket_has(&rig->store, "encryption", "<EncryptionType>SSE-C<"));
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(rig->store.writes, 0);
}

static void a_policy_that_would_shut_us_out_is_not_made(void **state)
{
    struct rig *rig = *state;

    rig->config.endpoint = httpd_url(rig->store.server);
    rig->config.conditional = S3_OFF;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_null(s3bucket_conf(&rig->store, "policy")->text);
    assert_true(found(rig, SME_FINDING_WARN, "bucket policy", "'tls_only' is left out"));
    assert_true(found(rig, SME_FINDING_WARN, "bucket policy", "'create_only' is left out"));
}

static void moving_pays_only_where_objects_stay(void **state)
{
    static const struct {
        enum s3_class to;
        uint32_t after, keep;
        bool pays;
    } table[] = {
        {S3_STANDARD, 30, 999, false},       {S3_STANDARD_IA, 29, 999, false},
        {S3_STANDARD_IA, 30, 60, true},      {S3_STANDARD_IA, 30, 59, false},
        {S3_ONEZONE_IA, 30, 60, true},       {S3_INTELLIGENT, 0, 1, true},
        {S3_INTELLIGENT, 30, 30, false},     {S3_GLACIER_IR, 30, 120, true},
        {S3_GLACIER_IR, 30, 119, false},     {S3_GLACIER, 0, 90, true},
        {S3_GLACIER, 0, 89, false},          {S3_DEEP_ARCHIVE, 30, 210, true},
        {S3_DEEP_ARCHIVE, 30, 209, false},   {S3_DEEP_ARCHIVE, 30, 0, false},
        {S3_GLACIER, UINT32_MAX, 90, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *why = NULL;
        assert_int_equal(lifecycle_pays(table[i].to, table[i].after, table[i].keep, &why),
                         table[i].pays);
        assert_int_equal(why == NULL, table[i].pays);
    }
    assert_int_equal(lifecycle_minimum_days(S3_DEEP_ARCHIVE), 180);
    assert_int_equal(lifecycle_minimum_days(S3_STANDARD), 0);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_fresh_bucket_gets_everything),
        WITH_RIG(a_second_time_nothing_is_written),
        WITH_RIG(only_what_differs_is_written),
        WITH_RIG(what_others_made_survives),
        WITH_RIG(ceph_is_not_made_to_refuse_puts),
        WITH_RIG(a_dry_run_writes_nothing),
        WITH_RIG(what_the_store_does_not_know_is_named),
        WITH_RIG(a_store_without_the_class_gets_the_other_rules),
        WITH_RIG(a_refusal_names_the_permission_and_goes_on),
        WITH_RIG(the_bucket_of_somebody_else),
        WITH_RIG(a_store_in_trouble_ends_setup),
        WITH_RIG(only_the_bucket_is_made),
        WITH_RIG(a_stricter_state_is_not_loosened),
        WITH_RIG(a_key_of_kms_keeps_what_is_blocked),
        WITH_RIG(a_policy_that_would_shut_us_out_is_not_made),
        cmocka_unit_test(moving_pays_only_where_objects_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
