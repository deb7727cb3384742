/*
 * Permissions for roles, and the statements of the bucket policy.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sinks/s3/bucket.h"
#include "../../sinks/s3/bucket_policy_doc.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>

#define SOURCES 12
#define MANAGED_POLICY_MAX 6144

static struct s3_config config;
static struct s3 s3;
static struct sme_area areas[4 * SOURCES + 3];
static char prefixes[4 * SOURCES][160];
static struct sme_layout layout;
static char prefix[64];

static void add_area(uint32_t kind, const char *text)
{
    areas[layout.area_count++] =
        (struct sme_area){.struct_size = sizeof areas[0], .kind = kind, .prefix = text};
}

/* A repository with ${sources} sources. */
static void prepare(unsigned sources, const char *source_format, const char *sink_prefix,
                    const char *region)
{
    static const char *const folders[] = {"data", "meta", "index", "gc"};
    static const uint32_t kinds[] = {SME_AREA_DATA, SME_AREA_META, SME_AREA_INDEX, SME_AREA_GC};

    config = (struct s3_config){.bucket = "shop-backup"};
    (void)snprintf(prefix, sizeof prefix, "%s", sink_prefix);
    s3 = (struct s3){.config = &config, .prefix = prefix, .lock = PTHREAD_MUTEX_INITIALIZER};
    (void)snprintf(s3.region, sizeof s3.region, "%s", region);
    layout = (struct sme_layout){.struct_size = sizeof layout, .areas = areas};
    add_area(SME_AREA_DESCRIPTOR, "repository");
    add_area(SME_AREA_KEYS, "keys/");
    add_area(SME_AREA_SNAPSHOTS, "backups/");
    for (unsigned i = 0; i < sources; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s%u", source_format, i);
        for (unsigned k = 0; k < 4; k++) {
            char *text = prefixes[4 * i + k];
            (void)snprintf(text, sizeof prefixes[0], "%s/%s/", name, folders[k]);
            add_area(kinds[k], text);
        }
    }
}

static int gather(void *cookie, const char *text, size_t len)
{
    s3_text_add(cookie, text, len);
    return 0;
}

static json_t *policy_of(uint32_t role)
{
    struct s3_text text = {0};
    struct sme_error err = {.struct_size = sizeof err};
    json_error_t error;
    size_t size = 0;

    assert_int_equal(bucket_policy(&s3, &layout, role, gather, &text, &err), SME_OK);
    assert_false(text.failed);
    assert_int_equal(text.at[text.len - 1], '\n');
    for (size_t i = 0; i < text.len; i++)
        size += isspace((unsigned char)text.at[i]) == 0;
    assert_in_range(size, 100, MANAGED_POLICY_MAX);
    json_t *doc = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(doc);
    assert_string_equal(json_string_value(json_object_get(doc, "Version")), "2012-10-17");
    s3_text_done(&text);
    return doc;
}

static bool any_matches(const json_t *patterns, const char *text)
{
    size_t i;
    json_t *pattern;

    json_array_foreach(patterns, i, pattern)
    {
        if (fnmatch(json_string_value(pattern), text, 0) == 0)
            return true;
    }
    return false;
}

/* As IAM decides: a denial wins, without an allowance it is no. */
static bool may(const json_t *doc, const char *action, const char *arn)
{
    size_t i;
    json_t *statement;
    bool allowed = false;

    json_array_foreach(json_object_get(doc, "Statement"), i, statement)
    {
        if (!any_matches(json_object_get(statement, "Action"), action) ||
            !(any_matches(json_object_get(statement, "Resource"), arn)))
            continue;
        if (strcmp(json_string_value(json_object_get(statement, "Effect")), "Deny") == 0)
            return false;
        allowed = true;
    }
    return allowed;
}

#define ARN "arn:aws:s3:::shop-backup"

static void check_run(const char *base, const char *source)
{
    char data[256], meta[256], slot[256], snapshot[256], descriptor[256];
    json_t *doc = policy_of(SME_ROLE_RUN);

    (void)snprintf(data, sizeof data, ARN "/%s%s/data/0123", base, source);
    (void)snprintf(meta, sizeof meta, ARN "/%s%s/meta/0123", base, source);
    (void)snprintf(slot, sizeof slot, ARN "/%skeys/0123", base);
    (void)snprintf(snapshot, sizeof snapshot, ARN "/%sbackups/%s/2026", base, source);
    (void)snprintf(descriptor, sizeof descriptor, ARN "/%srepository", base);
    assert_true(may(doc, "s3:PutObject", data));
    assert_true(may(doc, "s3:PutObject", meta));
    assert_true(may(doc, "s3:PutObject", snapshot));
    assert_true(may(doc, "s3:GetObject", meta));
    assert_true(may(doc, "s3:GetObject", snapshot));
    assert_true(may(doc, "s3:GetObject", slot));
    assert_true(may(doc, "s3:GetObject", descriptor));
    assert_true(may(doc, "s3:ListBucket", ARN));
    /* Who takes the host over reads no backup, and destroys none. */
    assert_false(may(doc, "s3:GetObject", data));
    assert_false(may(doc, "s3:GetObjectVersion", data));
    assert_false(may(doc, "s3:GetObjectVersion", meta));
    assert_false(may(doc, "s3:PutObject", descriptor));
    assert_false(may(doc, "s3:PutObject", slot));
    assert_false(may(doc, "s3:DeleteObject", data));
    assert_false(may(doc, "s3:DeleteObject", meta));
    assert_false(may(doc, "s3:DeleteObjectVersion", snapshot));
    assert_false(may(doc, "s3:PutObjectRetention", data));
    assert_false(may(doc, "s3:BypassGovernanceRetention", data));
    assert_false(may(doc, "s3:PutLifecycleConfiguration", ARN));
    assert_false(may(doc, "s3:PutBucketVersioning", ARN));
    assert_false(may(doc, "s3:PutBucketPolicy", ARN));
    assert_false(may(doc, "s3:PutObject", ARN "/elsewhere/data"));
    json_decref(doc);
}

static void run_writes_but_does_not_read_data_or_delete(void **state)
{
    (void)state;
    prepare(3, "source", "", "eu-central-1");
    check_run("", "source1");
    prepare(3, "source", "web1/", "eu-central-1");
    check_run("web1/", "source1");
}

static void denials_are_said_outright(void **state)
{
    size_t i;
    json_t *statement, *denied = NULL;

    (void)state;
    prepare(1, "source", "", "eu-central-1");
    json_t *doc = policy_of(SME_ROLE_RUN);
    json_array_foreach(json_object_get(doc, "Statement"), i, statement)
    {
        if (strcmp(json_string_value(json_object_get(statement, "Effect")), "Deny") == 0)
            denied = statement;
    }
    assert_non_null(denied);
    json_t *actions = json_object_get(denied, "Action");
    assert_true(any_matches(actions, "s3:DeleteObject"));
    assert_true(any_matches(actions, "s3:PutBucketPolicy"));
    assert_true(any_matches(actions, "s3:PutLifecycleConfiguration"));
    assert_true(any_matches(actions, "s3:PutObjectRetention"));
    assert_true(any_matches(actions, "s3:BypassGovernanceRetention"));
    assert_false(any_matches(actions, "s3:PutObject"));
    json_decref(doc);
}

static void listing_is_limited_to_our_prefixes(void **state)
{
    (void)state;
    prepare(1, "source", "web1/", "eu-central-1");
    json_t *doc = policy_of(SME_ROLE_RUN);
    json_t *statement = policy_doc_find(doc, "List");
    json_t *allowed = json_object_get(
        json_object_get(json_object_get(statement, "Condition"), "StringLikeIfExists"),
        "s3:prefix");
    assert_true(any_matches(allowed, "web1/source0/data/"));
    assert_true(any_matches(allowed, "web1/backups/"));
    assert_false(any_matches(allowed, "web2/backups/"));
    json_decref(doc);

    prepare(1, "source", "", "eu-central-1");
    doc = policy_of(SME_ROLE_RUN);
    statement = policy_doc_find(doc, "List");
    allowed = json_object_get(
        json_object_get(json_object_get(statement, "Condition"), "StringLikeIfExists"),
        "s3:prefix");
    /* What the core lists: whole sources, all snapshots, and for others than runs everything. */
    assert_true(any_matches(allowed, "source0/"));
    assert_true(any_matches(allowed, "backups/"));
    assert_true(any_matches(allowed, "source0/index/"));
    assert_false(any_matches(allowed, ""));
    assert_false(any_matches(allowed, "private/"));
    json_decref(doc);

    doc = policy_of(SME_ROLE_RESTORE);
    statement = policy_doc_find(doc, "List");
    allowed = json_object_get(
        json_object_get(json_object_get(statement, "Condition"), "StringLikeIfExists"),
        "s3:prefix");
    assert_true(any_matches(allowed, ""));
    assert_true(any_matches(allowed, "source0/"));
    assert_false(any_matches(allowed, "private/"));
    json_decref(doc);
}

static void many_sources_fit_and_mean_the_same(void **state)
{
    (void)state;
    prepare(10, "source", "", "eu-central-1");
    check_run("", "source9");
    /* Too long to be written out. */
    prepare(12, "a-source-with-quite-a-long-name-as-some-people-like-them-", "host/", "eu-west-1");
    check_run("host/", "a-source-with-quite-a-long-name-as-some-people-like-them-11");
    json_decref(policy_of(SME_ROLE_RESTORE));
    json_decref(policy_of(SME_ROLE_PRUNE));
    json_decref(policy_of(SME_ROLE_SETUP));
}

static void restore_reads_all_and_changes_nothing(void **state)
{
    (void)state;
    prepare(2, "source", "", "eu-central-1");
    json_t *doc = policy_of(SME_ROLE_RESTORE);
    assert_true(may(doc, "s3:GetObject", ARN "/source0/data/0123"));
    assert_true(may(doc, "s3:GetObjectVersion", ARN "/source0/meta/0123"));
    assert_true(may(doc, "s3:GetObject", ARN "/repository"));
    assert_true(may(doc, "s3:RestoreObject", ARN "/source1/data/0123"));
    assert_true(may(doc, "s3:ListBucket", ARN));
    assert_false(may(doc, "s3:PutObject", ARN "/source0/data/0123"));
    assert_false(may(doc, "s3:DeleteObject", ARN "/source0/data/0123"));
    assert_false(may(doc, "s3:PutObjectAcl", ARN "/source0/data/0123"));
    json_decref(doc);
}

static void prune_removes_but_keeps_the_protections(void **state)
{
    (void)state;
    prepare(2, "source", "", "eu-central-1");
    json_t *doc = policy_of(SME_ROLE_PRUNE);
    assert_true(may(doc, "s3:DeleteObject", ARN "/source0/data/0123"));
    assert_true(may(doc, "s3:DeleteObject", ARN "/backups/source0/2026"));
    assert_true(may(doc, "s3:PutObject", ARN "/source0/gc/pending-0123"));
    assert_true(may(doc, "s3:PutObject", ARN "/source0/data/0123"));
    assert_true(may(doc, "s3:ListBucketVersions", ARN));
    assert_false(may(doc, "s3:DeleteObject", ARN "/repository"));
    assert_false(may(doc, "s3:DeleteObject", ARN "/keys/0123"));
    assert_false(may(doc, "s3:DeleteObjectVersion", ARN "/source0/data/0123"));
    assert_false(may(doc, "s3:PutObject", ARN "/backups/source0/2026"));
    assert_false(may(doc, "s3:BypassGovernanceRetention", ARN "/source0/data/0123"));
    assert_false(may(doc, "s3:PutBucketVersioning", ARN));
    json_decref(doc);
}

static void setup_configures_but_sees_no_backup(void **state)
{
    (void)state;
    prepare(1, "source", "", "eu-central-1");
    json_t *doc = policy_of(SME_ROLE_SETUP);
    assert_true(may(doc, "s3:CreateBucket", ARN));
    assert_true(may(doc, "s3:PutLifecycleConfiguration", ARN));
    assert_true(may(doc, "s3:PutBucketPolicy", ARN));
    assert_true(may(doc, "s3:PutObject", ARN "/repository"));
    assert_true(may(doc, "s3:PutObject", ARN "/keys/0123"));
    assert_false(may(doc, "s3:GetObject", ARN "/source0/meta/0123"));
    assert_false(may(doc, "s3:DeleteObject", ARN "/keys/0123"));
    assert_false(may(doc, "s3:DeleteBucket", ARN));
    json_decref(doc);
}

static void key_of_kms(void **state)
{
    (void)state;
    prepare(1, "source", "", "cn-north-1");
    config.encryption = S3_ENCRYPT_KMS;
    config.kms_key = "1234abcd";
    json_t *doc = policy_of(SME_ROLE_RUN);
    assert_true(may(doc, "s3:PutObject", "arn:aws-cn:s3:::shop-backup/source0/data/0123"));
    json_t *key = policy_doc_find(doc, "Key");
    assert_string_equal(json_string_value(json_object_get(key, "Resource")),
                        "arn:aws-cn:kms:cn-north-1:*:key/1234abcd");
    assert_true(any_matches(json_object_get(key, "Action"), "kms:GenerateDataKey"));
    assert_true(any_matches(json_object_get(key, "Action"), "kms:Decrypt"));
    json_decref(doc);

    doc = policy_of(SME_ROLE_RESTORE);
    key = policy_doc_find(doc, "Key");
    assert_true(any_matches(json_object_get(key, "Action"), "kms:Decrypt"));
    assert_false(any_matches(json_object_get(key, "Action"), "kms:GenerateDataKey"));
    json_decref(doc);

    config.kms_key = "arn:aws-cn:kms:cn-north-1:111122223333:alias/backup";
    doc = policy_of(SME_ROLE_RUN);
    key = policy_doc_find(doc, "Key");
    assert_string_equal(json_string_value(json_object_get(key, "Resource")),
                        "arn:aws-cn:kms:cn-north-1:*:key/*");
    json_t *alias = json_object_get(
        json_object_get(json_object_get(key, "Condition"), "ForAnyValue:StringEquals"),
        "kms:ResourceAliases");
    assert_string_equal(json_string_value(alias), "alias/backup");
    json_decref(doc);

    config.encryption = S3_ENCRYPT_S3;
    doc = policy_of(SME_ROLE_RUN);
    assert_null(policy_doc_find(doc, "Key"));
    json_decref(doc);
}

static void unknown_role_is_refused(void **state)
{
    struct s3_text text = {0};
    struct sme_error err = {.struct_size = sizeof err};

    (void)state;
    prepare(1, "source", "", "eu-central-1");
    assert_int_equal(bucket_policy(&s3, &layout, 0, gather, &text, &err), SME_E_INVALID);
    assert_int_equal(bucket_policy(&s3, &layout, 77, gather, &text, &err), SME_E_INVALID);
    assert_int_equal(text.len, 0);
}

static void partitions(void **state)
{
    (void)state;
    assert_string_equal(policy_partition("eu-central-1"), "aws");
    assert_string_equal(policy_partition("cn-northwest-1"), "aws-cn");
    assert_string_equal(policy_partition("us-gov-west-1"), "aws-us-gov");
    assert_string_equal(policy_partition("eusc-de-east-1"), "aws-eusc");
    assert_string_equal(policy_partition(""), "aws");
}

static json_t *parse(const char *text)
{
    json_t *doc = NULL;

    assert_int_equal(policy_doc_parse(text, strlen(text), &doc, NULL), SME_OK);
    return doc;
}

static void statements_of_others_keep_their_place(void **state)
{
    static const char theirs[] =
        "{\"Sid\":\"Theirs\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::1:root\"},"
        "\"Action\":[\"s3:GetObject\",\"s3:ListBucket\"],\"Resource\":\"*\",\"Condition\":"
        "{\"NumericLessThan\":{\"x\":1.2}}}";
    char text[1024];
    json_t *statement = NULL;
    bool changed = false;

    (void)state;
    (void)snprintf(text, sizeof text, "{\"Id\":\"x\",\"Version\":\"2012-10-17\",\"Statement\":%s}",
                   theirs); /* one object, not a list */
    json_t *doc = parse(text);
    assert_int_equal(policy_doc_tls("aws", "shop-backup", false, &statement, NULL), SME_OK);
    assert_int_equal(policy_doc_put(doc, statement, &changed, NULL), SME_OK);
    assert_true(changed);
    assert_int_equal(policy_doc_put(doc, statement, &changed, NULL), SME_OK);
    assert_false(changed);
    char *out = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(15));
    assert_non_null(strstr(out, theirs));
    assert_non_null(strstr(out, "\"Id\":\"x\""));
    assert_non_null(strstr(out, "{\"Bool\":{\"aws:SecureTransport\":\"false\"}}"));
    free(out);
    json_decref(statement);
    json_decref(doc);
}

static void what_a_store_writes_otherwise_is_the_same(void **state)
{
    json_t *ours = NULL;

    (void)state;
    assert_int_equal(policy_doc_tls("aws", "b", false, &ours, NULL), SME_OK);
    json_t *doc =
        parse("{\"Statement\":[{\"Sid\":\"SmeBackupTls\",\"Effect\":\"Deny\",\"Principal\":"
              "{\"AWS\":[\"*\"]},\"Action\":[\"s3:*\"],\"Resource\":[\"arn:aws:s3:::b/*\","
              "\"arn:aws:s3:::b\"],\"Condition\":{\"Bool\":{\"aws:SecureTransport\":"
              "[\"false\"]}}}]}");
    assert_true(policy_same(policy_doc_find(doc, "SmeBackupTls"), ours));
    json_decref(doc);
    doc = parse("{\"Statement\":[{\"Sid\":\"SmeBackupTls\",\"Effect\":\"Deny\",\"Principal\":"
                "\"*\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b\",\"Condition\":"
                "{\"Bool\":{\"aws:SecureTransport\":\"false\"}}}]}");
    assert_false(policy_same(policy_doc_find(doc, "SmeBackupTls"), ours));
    json_decref(doc);
    json_decref(ours);
}

static void create_only_spares_parts_and_is_for_one_prefix(void **state)
{
    json_t *a = NULL, *b = NULL;

    (void)state;
    assert_int_equal(policy_doc_create_only("aws", "b", "x/", &a, NULL), SME_OK);
    assert_int_equal(policy_doc_create_only("aws", "b", "y/", &b, NULL), SME_OK);
    assert_string_not_equal(json_string_value(json_object_get(a, "Sid")),
                            json_string_value(json_object_get(b, "Sid")));
    char *text = json_dumps(a, JSON_COMPACT);
    assert_non_null(strstr(text, "\"Resource\":\"arn:aws:s3:::b/x/*\""));
    assert_non_null(strstr(text, "{\"Null\":{\"s3:if-none-match\":\"true\"},"
                                 "\"Bool\":{\"s3:ObjectCreationOperation\":\"true\"}}"));
    free(text);
    json_decref(a);
    json_decref(b);
}

static void what_is_no_policy_is_refused(void **state)
{
    static const char *const bad[] = {"[]", "{", "x", "{\"Statement\":3}", "{\"a\":1,\"a\":2}"};
    struct sme_error err = {.struct_size = sizeof err};
    json_t *doc = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(policy_doc_parse(bad[i], strlen(bad[i]), &doc, &err), SME_E_CORRUPT);
    assert_null(doc);
    assert_int_equal(policy_doc_parse("", 0, &doc, &err), SME_OK);
    assert_null(policy_doc_find(doc, "SmeBackupTls"));
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_writes_but_does_not_read_data_or_delete),
        cmocka_unit_test(denials_are_said_outright),
        cmocka_unit_test(listing_is_limited_to_our_prefixes),
        cmocka_unit_test(many_sources_fit_and_mean_the_same),
        cmocka_unit_test(restore_reads_all_and_changes_nothing),
        cmocka_unit_test(prune_removes_but_keeps_the_protections),
        cmocka_unit_test(setup_configures_but_sees_no_backup),
        cmocka_unit_test(key_of_kms),
        cmocka_unit_test(unknown_role_is_refused),
        cmocka_unit_test(partitions),
        cmocka_unit_test(statements_of_others_keep_their_place),
        cmocka_unit_test(what_a_store_writes_otherwise_is_the_same),
        cmocka_unit_test(create_only_spares_parts_and_is_for_one_prefix),
        cmocka_unit_test(what_is_no_policy_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
