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
#include "../harness/httpd.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define BUCKET "shop-backup"
#define REFUSED "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
#define LISTING "<ListBucketResult><Name>" BUCKET "</Name></ListBucketResult>"

enum answer { ANSWER, DENY_PUT, DENY_GET, NOT_IMPLEMENTED, LIST, INVALID_ARGUMENT };

/* A configuration of the bucket. */
struct conf {
    const char *resource;
    const char *absent; /* code where nothing is set */
    enum answer answer;
    char *text;
};

struct store {
    struct httpd *server;
    bool exists;
    int head; /* not 0: what HEAD answers */
    bool locked, no_cold, unavailable;
    char location[512];    /* body of the request that made the bucket */
    char size_default[64]; /* header of the last PUT of lifecycle rules */
    unsigned writes, deletes, bad_md5;
    struct conf confs[7];
    char *last; /* body of the last reply */
};

static const struct conf fresh[7] = {
    {"publicAccessBlock", "NoSuchPublicAccessBlockConfiguration", ANSWER, NULL},
    {"ownershipControls", "OwnershipControlsNotFoundError", ANSWER, NULL},
    {"encryption", "ServerSideEncryptionConfigurationNotFoundError", ANSWER, NULL},
    {"versioning", NULL, ANSWER, NULL},
    {"object-lock", "ObjectLockConfigurationNotFoundError", ANSWER, NULL},
    {"policy", "NoSuchBucketPolicy", ANSWER, NULL},
    {"lifecycle", "NoSuchLifecycleConfiguration", ANSWER, NULL},
};

#define FINDINGS 40

struct rig {
    struct fakehost fake;
    struct store store;
    struct s3_config config;
    struct s3 *s3;
    struct sme_error err;
    struct {
        uint32_t level;
        char subject[64], text[512], fix[256];
    } findings[FINDINGS];
    size_t count;
};

static void say(struct store *store, struct httpd_reply *reply, int status, const char *body)
{
    free(store->last);
    store->last = strdup(body);
    assert_non_null(store->last);
    reply->status = status;
    reply->body = store->last;
    reply->body_len = strlen(body);
}

static void say_code(struct store *store, struct httpd_reply *reply, int status, const char *code)
{
    char body[256];

    (void)snprintf(body, sizeof body, "<Error><Code>%s</Code><Message>m</Message></Error>", code);
    say(store, reply, status, body);
}

static bool md5_is_right(const struct httpd_request *request)
{
    unsigned char digest[EVP_MAX_MD_SIZE], text[64];
    const char *have = httpd_header(request, "content-md5");

    if (EVP_Digest(request->body, request->body_len, digest, NULL, EVP_md5(), NULL) != 1)
        return false;
    (void)EVP_EncodeBlock(text, digest, 16);
    return have != NULL && strcmp(have, (const char *)text) == 0;
}

static void on_bucket(struct store *store, const struct httpd_request *request,
                      struct httpd_reply *reply)
{
    if (strcmp(request->method, "HEAD") == 0) {
        reply->status = store->head != 0 ? store->head : store->exists ? 200 : 404;
        return;
    }
    if (strcmp(request->method, "PUT") != 0) {
        say_code(store, reply, 405, "MethodNotAllowed");
        return;
    }
    const char *lock = httpd_header(request, "x-amz-bucket-object-lock-enabled");
    store->locked = lock != NULL && strcmp(lock, "true") == 0;
    (void)snprintf(store->location, sizeof store->location, "%.*s", (int)request->body_len,
                   request->body_len > 0 ? (const char *)request->body : "");
    store->exists = true;
    store->writes++;
}

static void on_write(struct store *store, struct conf *conf, const struct httpd_request *request,
                     struct httpd_reply *reply)
{
    const char *size = httpd_header(request, "x-amz-transition-default-minimum-object-size");

    store->writes++;
    if (!md5_is_right(request))
        store->bad_md5++;
    char *text = strndup((const char *)request->body, request->body_len);
    assert_non_null(text);
    if (store->no_cold && strstr(text, "<Transition>") != NULL) {
        free(text);
        say_code(store, reply, 400, "InvalidArgument");
        return;
    }
    free(conf->text);
    conf->text = text;
    (void)snprintf(store->size_default, sizeof store->size_default, "%s", size != NULL ? size : "");
}

static void on_conf(struct store *store, struct conf *conf, const struct httpd_request *request,
                    struct httpd_reply *reply)
{
    bool writes = strcmp(request->method, "PUT") == 0;

    if (conf->answer == NOT_IMPLEMENTED)
        say_code(store, reply, 501, "NotImplemented");
    else if (conf->answer == LIST)
        say(store, reply, 200, LISTING);
    else if ((writes && conf->answer == DENY_PUT) || (!writes && conf->answer == DENY_GET))
        say(store, reply, 403, REFUSED);
    else if (writes && conf->answer == INVALID_ARGUMENT)
        say_code(store, reply, 400, "InvalidArgument");
    else if (writes)
        on_write(store, conf, request, reply);
    else if (conf->text != NULL)
        say(store, reply, 200, conf->text);
    else if (conf->absent != NULL)
        say_code(store, reply, 404, conf->absent);
    else
        say(store, reply, 200, "<VersioningConfiguration/>");
    if (strcmp(conf->resource, "lifecycle") == 0 && store->size_default[0] != '\0' && !writes)
        httpd_add_header(reply, "x-amz-transition-default-minimum-object-size",
                         store->size_default);
}

static void answer(void *cookie, const struct httpd_request *request, struct httpd_reply *reply)
{
    struct store *store = cookie;
    const char *query = strchr(request->target, '?');

    store->deletes += strcmp(request->method, "DELETE") == 0;
    if (store->unavailable && query != NULL) {
        say_code(store, reply, 503, "ServiceUnavailable");
        return;
    }
    if (query == NULL) {
        on_bucket(store, request, reply);
        return;
    }
    for (size_t i = 0; i < 7; i++) {
        size_t len = strlen(store->confs[i].resource);
        if (strncmp(query + 1, store->confs[i].resource, len) == 0 &&
            (query[1 + len] == '\0' || strcmp(query + 1 + len, "=") == 0)) {
            on_conf(store, &store->confs[i], request, reply);
            return;
        }
    }
    say(store, reply, 200, LISTING);
}

static struct conf *conf_of(struct rig *rig, const char *resource)
{
    for (size_t i = 0; i < 7; i++) {
        if (strcmp(rig->store.confs[i].resource, resource) == 0)
            return &rig->store.confs[i];
    }
    fail_msg("no resource '%s'", resource);
    return NULL;
}

static void set_conf(struct rig *rig, const char *resource, const char *text)
{
    struct conf *conf = conf_of(rig, resource);

    free(conf->text);
    conf->text = strdup(text);
    assert_non_null(conf->text);
}

static bool has(struct rig *rig, const char *resource, const char *text)
{
    const char *have = conf_of(rig, resource)->text;

    if (have != NULL && strstr(have, text) != NULL)
        return true;
    print_message("%s: no '%s' in '%s'\n", resource, text, have != NULL ? have : "nothing");
    return false;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    fakehost_init(&rig->fake, "offsite");
    memcpy(rig->store.confs, fresh, sizeof fresh);
    rig->err.struct_size = sizeof rig->err;
    rig->store.server = httpd_new(answer, &rig->store);
    rig->config = (struct s3_config){.bucket = BUCKET,
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
    httpd_free(rig->store.server);
    assert_int_equal(rig->store.deletes, 0);
    assert_int_equal(rig->store.bad_md5, 0);
    for (size_t i = 0; i < 7; i++)
        free(rig->store.confs[i].text);
    free(rig->store.last);
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
    assert_true(has(rig, "publicAccessBlock", "<BlockPublicAcls>true<"));
    assert_true(has(rig, "publicAccessBlock", "<RestrictPublicBuckets>true<"));
    assert_true(has(rig, "ownershipControls", "BucketOwnerEnforced"));
    assert_true(has(rig, "encryption", "<SSEAlgorithm>AES256<"));
    assert_true(has(rig, "versioning", "<Status>Enabled<"));
    assert_true(has(rig, "object-lock", "<Mode>GOVERNANCE</Mode><Days>40</Days>"));
    assert_true(has(rig, "policy", "aws:SecureTransport"));
    assert_true(has(rig, "policy", "s3:TlsVersion"));
    assert_true(has(rig, "policy", "s3:if-none-match"));
    assert_true(has(rig, "lifecycle", "<ID>sme-backup/tidy/documents/meta/</ID>"));
    assert_true(has(rig, "lifecycle", "<ID>sme-backup/cold/documents/data/</ID>"));
    assert_true(has(rig, "lifecycle", "<Days>30</Days><StorageClass>GLACIER_IR<"));
    assert_true(has(rig, "lifecycle", "<ObjectSizeGreaterThan>131072<"));
    assert_true(has(rig, "lifecycle", "<DaysAfterInitiation>7<"));
    assert_true(has(rig, "lifecycle", "<ExpiredObjectDeleteMarker>true<"));
    /* Old versions do not expire before their lock ends. */
    assert_true(has(rig, "lifecycle", "<NoncurrentDays>40<"));
    /* What is soon removed does not move, nor does what every run reads. */
    const char *rules = conf_of(rig, "lifecycle")->text;
    assert_null(strstr(rules, "cold/short"));
    assert_null(strstr(rules, "cold/documents/meta"));
    assert_null(strstr(rules, "repository"));
    assert_true(found(rig, SME_FINDING_NOTE, "lifecycle rules", "short/data/"));
    assert_true(found(rig, SME_FINDING_CHANGE, "versioning", "is not set, becomes Enabled"));
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
    set_conf(rig, "versioning",
             "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>");
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(rig->store.writes, 1);
    assert_true(found(rig, SME_FINDING_CHANGE, "versioning", "is Suspended, becomes Enabled"));
    assert_true(has(rig, "versioning", "Enabled"));
}

static const char their_rule[] = "<Rule>\n  <ID>logs &amp; more</ID><Prefix>logs/</Prefix>\n"
                                 "  <Status>Enabled</Status><!-- kept -->"
                                 "<Expiration><Days>9</Days></Expiration><New x='1'/></Rule>";
static const char their_statement[] =
    "{\"Sid\":\"Theirs\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::1:root\"},"
    "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::" BUCKET "/x\"}";

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
    set_conf(rig, "lifecycle", text);
    (void)snprintf(rig->store.size_default, sizeof rig->store.size_default,
                   "varies_by_storage_class");
    (void)snprintf(text, sizeof text,
                   "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"SmeBackupTls\","
                   "\"Effect\":\"Allow\"},%s]}",
                   their_statement);
    set_conf(rig, "policy", text);
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(has(rig, "lifecycle", their_rule));
    assert_true(has(rig, "lifecycle", "<LifecycleConfiguration xmlns=\"urn:x\">"));
    assert_true(has(rig, "lifecycle", "sme-backup/tidy/other-host/"));
    /* Ours are put right: one that no longer pays goes, one that was switched off is on. */
    assert_null(strstr(conf_of(rig, "lifecycle")->text, "cold/short"));
    assert_null(strstr(conf_of(rig, "lifecycle")->text, "Disabled"));
    assert_string_equal(rig->store.size_default, "varies_by_storage_class");
    assert_true(has(rig, "policy", their_statement));
    assert_true(has(rig, "policy", "{\"Sid\":\"SmeBackupTls\",\"Effect\":\"Deny\""));
    assert_true(found(rig, SME_FINDING_CHANGE, "lifecycle rules", "1 changed, 1 removed"));
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(rig->store.writes, 0);
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

    conf_of(rig, "publicAccessBlock")->answer = NOT_IMPLEMENTED;
    conf_of(rig, "ownershipControls")->answer = LIST;
    conf_of(rig, "encryption")->answer = INVALID_ARGUMENT;
    conf_of(rig, "policy")->answer = LIST;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(found(rig, SME_FINDING_WARN, "block public access", "does not support"));
    assert_true(found(rig, SME_FINDING_WARN, "object ownership", "ListBucketResult"));
    assert_true(found(rig, SME_FINDING_WARN, "default encryption", "InvalidArgument"));
    assert_true(found(rig, SME_FINDING_WARN, "bucket policy", "does not support"));
    /* The bucket, versioning, lifecycle, and the vain attempt at encryption. */
    assert_int_equal(rig->store.writes, 3);
    assert_true(has(rig, "versioning", "Enabled"));
    assert_true(has(rig, "lifecycle", "sme-backup/tidy/"));
}

static void a_store_without_the_class_gets_the_other_rules(void **state)
{
    struct rig *rig = *state;

    rig->store.no_cold = true;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(found(rig, SME_FINDING_WARN, "lifecycle rules", "GLACIER_IR"));
    assert_true(has(rig, "lifecycle", "sme-backup/tidy/documents/data/"));
    assert_null(strstr(conf_of(rig, "lifecycle")->text, "cold"));
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(count_level(rig, SME_FINDING_FAIL), 0);
    assert_true(found(rig, SME_FINDING_PASS, "lifecycle rules", "of ours"));
}

static void a_refusal_names_the_permission_and_goes_on(void **state)
{
    struct rig *rig = *state;

    conf_of(rig, "versioning")->answer = DENY_PUT;
    conf_of(rig, "encryption")->answer = DENY_GET;
    assert_int_equal(run(rig, 0), SME_E_DENIED);
    assert_true(found(rig, SME_FINDING_FAIL, "versioning", "s3:PutBucketVersioning"));
    assert_true(
        found(rig, SME_FINDING_FAIL, "default encryption", "s3:GetEncryptionConfiguration"));
    assert_true(has(rig, "lifecycle", "sme-backup/tidy/"));
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
    set_conf(rig, "object-lock",
             "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
             "<DefaultRetention><Mode>COMPLIANCE</Mode><Years>1</Years></DefaultRetention></Rule>"
             "</ObjectLockConfiguration>");
    set_conf(rig, "encryption",
             "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
             "<SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
             "</ServerSideEncryptionConfiguration>");
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(found(rig, SME_FINDING_PASS, "object lock", "COMPLIANCE for 365 days"));
    assert_true(found(rig, SME_FINDING_PASS, "default encryption", "aws:kms"));
    /* Longer, but the mode stays. */
    rig->config.lock_for = 400 * S3_DAY_MS;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(has(rig, "object-lock", "<Mode>COMPLIANCE</Mode><Days>400</Days>"));
}

static void a_key_of_kms_keeps_what_is_blocked(void **state)
{
    struct rig *rig = *state;

    rig->store.exists = true;
    rig->config.encryption = S3_ENCRYPT_KMS;
    rig->config.kms_key = "1234abcd";
    set_conf(rig, "encryption",
             "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
             "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
             "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType>"
             "</BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>");
    assert_int_equal(run(rig, 0), SME_OK);
    assert_true(has(rig, "encryption", "<KMSMasterKeyID>1234abcd<"));
    assert_true(has(rig, "encryption", "<BucketKeyEnabled>true<"));
    assert_true(has(rig, "encryption", "<EncryptionType>SSE-C<"));
    assert_int_equal(run(rig, 0), SME_OK);
    assert_int_equal(rig->store.writes, 0);
}

static void a_policy_that_would_shut_us_out_is_not_made(void **state)
{
    struct rig *rig = *state;

    rig->config.endpoint = httpd_url(rig->store.server);
    rig->config.conditional = S3_OFF;
    assert_int_equal(run(rig, 0), SME_OK);
    assert_null(conf_of(rig, "policy")->text);
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
