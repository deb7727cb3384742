/*
 * The least permissions that each role needs, as a policy of IAM.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Areas are written out one by one.  Where that would be longer than a managed policy may be, the
 * first component of their prefixes, which is the source, becomes "*".
 */
#include "bucket.h"
#include "bucket_policy_doc.h"

#include <ctype.h>
#include <stdlib.h>

#define POLICY_MAX 6144 /* of a managed policy, without white space */
#define AREA(kind) (1u << (kind))

/* What a role may do to objects, and where. */
struct grant {
    const char *sid;
    const char *const *actions;
    uint32_t areas; /* AREA()s; 0: the bucket itself */
};

struct role {
    const struct grant *grants;
    size_t grant_count;
    bool lists_bucket_only; /* within our prefixes */
    const char *const *kms; /* actions */
    const char *const *denied;
};

static const char *const get[] = {"s3:GetObject", NULL};
static const char *const get_versions[] = {"s3:GetObject", "s3:GetObjectVersion", NULL};
static const char *const put[] = {"s3:PutObject", NULL};
static const char *const del[] = {"s3:DeleteObject", NULL};
static const char *const thaw[] = {"s3:RestoreObject", NULL};
static const char *const list[] = {"s3:ListBucket", NULL};
static const char *const list_versions[] = {"s3:ListBucket", "s3:ListBucketVersions", NULL};
static const char *const configure[] = {"s3:CreateBucket",
                                        "s3:GetBucketLocation",
                                        "s3:GetBucketLogging",
                                        "s3:GetBucketObjectLockConfiguration",
                                        "s3:GetBucketOwnershipControls",
                                        "s3:GetBucketPolicy",
                                        "s3:GetBucketPolicyStatus",
                                        "s3:GetBucketPublicAccessBlock",
                                        "s3:GetBucketVersioning",
                                        "s3:GetEncryptionConfiguration",
                                        "s3:GetLifecycleConfiguration",
                                        "s3:GetReplicationConfiguration",
                                        "s3:ListBucketMultipartUploads",
                                        "s3:PutBucketObjectLockConfiguration",
                                        "s3:PutBucketOwnershipControls",
                                        "s3:PutBucketPolicy",
                                        "s3:PutBucketPublicAccessBlock",
                                        "s3:PutBucketVersioning",
                                        "s3:PutEncryptionConfiguration",
                                        "s3:PutLifecycleConfiguration",
                                        NULL};

static const char *const kms_both[] = {"kms:Decrypt", "kms:GenerateDataKey", NULL};
static const char *const kms_read[] = {"kms:Decrypt", NULL};

/* Said outright, so that no other policy of the same role brings it back by mistake.  Only names
 * that Ceph knows as well: it refuses a policy with any other. */
static const char *const run_denied[] = {"s3:BypassGovernanceRetention",
                                         "s3:DeleteBucket*",
                                         "s3:DeleteObject*",
                                         "s3:PutBucket*",
                                         "s3:PutLifecycleConfiguration",
                                         "s3:PutObjectLegalHold",
                                         "s3:PutObjectRetention",
                                         NULL};
static const char *const restore_denied[] = {"s3:BypassGovernanceRetention", "s3:Delete*",
                                             "s3:Put*", NULL};
static const char *const prune_denied[] = {"s3:BypassGovernanceRetention", "s3:DeleteBucket*",
                                           "s3:DeleteObjectVersion",       "s3:PutBucket*",
                                           "s3:PutLifecycleConfiguration", "s3:PutObjectLegalHold",
                                           "s3:PutObjectRetention",        NULL};

static const struct grant run_grants[] = {
    {"Write", put,
     AREA(SME_AREA_DATA) | AREA(SME_AREA_META) | AREA(SME_AREA_INDEX) | AREA(SME_AREA_GC) |
         AREA(SME_AREA_SNAPSHOTS)},
    {"Read", get,
     AREA(SME_AREA_DESCRIPTOR) | AREA(SME_AREA_KEYS) | AREA(SME_AREA_SNAPSHOTS) |
         AREA(SME_AREA_INDEX) | AREA(SME_AREA_META) | AREA(SME_AREA_GC)},
    {"List", list, 0},
};
static const struct grant restore_grants[] = {
    {"Read", get_versions,
     AREA(SME_AREA_DESCRIPTOR) | AREA(SME_AREA_KEYS) | AREA(SME_AREA_SNAPSHOTS) |
         AREA(SME_AREA_INDEX) | AREA(SME_AREA_META) | AREA(SME_AREA_GC) | AREA(SME_AREA_DATA)},
    {"Thaw", thaw, AREA(SME_AREA_DATA)},
    {"List", list_versions, 0},
};
static const struct grant prune_grants[] = {
    {"Read", get,
     AREA(SME_AREA_DESCRIPTOR) | AREA(SME_AREA_KEYS) | AREA(SME_AREA_SNAPSHOTS) |
         AREA(SME_AREA_INDEX) | AREA(SME_AREA_META) | AREA(SME_AREA_GC) | AREA(SME_AREA_DATA)},
    {"Write", put,
     AREA(SME_AREA_DATA) | AREA(SME_AREA_META) | AREA(SME_AREA_INDEX) | AREA(SME_AREA_GC)},
    {"Remove", del,
     AREA(SME_AREA_SNAPSHOTS) | AREA(SME_AREA_INDEX) | AREA(SME_AREA_META) | AREA(SME_AREA_GC) |
         AREA(SME_AREA_DATA)},
    {"List", list_versions, 0},
};
static const struct grant setup_grants[] = {
    {"Write", put, AREA(SME_AREA_DESCRIPTOR) | AREA(SME_AREA_KEYS)},
    {"Read", get, AREA(SME_AREA_DESCRIPTOR) | AREA(SME_AREA_KEYS)},
    {"List", list, 0},
    {"Configure", configure, 0},
};

#define GRANTS(table) table, sizeof table / sizeof table[0]

static const struct role roles[] = {
    [SME_ROLE_RUN] = {GRANTS(run_grants), true, kms_both, run_denied},
    [SME_ROLE_RESTORE] = {GRANTS(restore_grants), true, kms_read, restore_denied},
    [SME_ROLE_PRUNE] = {GRANTS(prune_grants), true, kms_both, prune_denied},
    [SME_ROLE_SETUP] = {GRANTS(setup_grants), false, kms_both, NULL},
};

struct writer {
    const struct s3 *s3;
    const struct sme_layout *layout;
    const struct role *role;
    char region[64];
    const char *partition;
    bool any_source; /* sources are written as '*' */
    json_t *statements;
    bool failed;
};

/* Takes ${value} over. */
static void append(struct writer *writer, json_t *list_, json_t *value)
{
    if (value == NULL || json_array_append_new(list_, value) < 0)
        writer->failed = true;
}

/* "arn:aws:s3:::bucket" and what follows. */
static void add_arn(struct writer *writer, json_t *resources, const char *rest)
{
    append(writer, resources,
           json_sprintf("arn:%s:s3:::%s%s", writer->partition, writer->s3->config->bucket, rest));
}

static json_t *names(struct writer *writer, const char *const *actions)
{
    json_t *result = json_array();

    if (result == NULL)
        writer->failed = true;
    for (; *actions != NULL && result != NULL; actions++)
        append(writer, result, json_string(*actions));
    return result;
}

static bool has(const json_t *list_, const char *text)
{
    size_t i;
    json_t *entry;

    json_array_foreach(list_, i, entry)
    {
        if (strcmp(json_string_value(entry), text) == 0)
            return true;
    }
    return false;
}

/* The pattern of the keys of ${area}: "prefix/documents/data/" and "*". */
static void write_pattern(const struct writer *writer, const struct sme_area *area,
                          struct s3_text *out)
{
    const char *rest = area->prefix;
    bool of_source = area->kind == SME_AREA_DATA || area->kind == SME_AREA_META ||
                     area->kind == SME_AREA_INDEX || area->kind == SME_AREA_GC;
    const char *slash = strchr(rest, '/');

    s3_text_puts(out, writer->s3->prefix);
    if (writer->any_source && of_source && slash != NULL) {
        s3_text_puts(out, "*");
        rest = slash;
    }
    if (writer->any_source && area->kind == SME_AREA_SNAPSHOTS && slash != NULL) {
        s3_text_add(out, rest, (size_t)(slash - rest) + 1);
        rest = "";
    }
    s3_text_puts(out, rest);
    if (area->kind != SME_AREA_DESCRIPTOR)
        s3_text_puts(out, "*");
}

/* Patterns of all areas of ${areas}, each once, behind ${before}. */
static json_t *patterns(struct writer *writer, uint32_t areas, const char *before)
{
    json_t *result = json_array();

    if (result == NULL)
        writer->failed = true;
    for (uint32_t i = 0; result != NULL && i < writer->layout->area_count; i++) {
        const struct sme_area *area = &writer->layout->areas[i];
        struct s3_text text = {0};
        if (area->kind > SME_AREA_KEYS || (areas & AREA(area->kind)) == 0)
            continue;
        s3_text_puts(&text, before);
        write_pattern(writer, area, &text);
        if (text.failed)
            writer->failed = true;
        else if (!has(result, text.at))
            append(writer, result, json_string(text.at));
        s3_text_done(&text);
    }
    return result;
}

/* "documents/" and "*" for each folder at the top: listings begin there.  Who is no mere run may
 * list from the root too, as 'check' does. */
static json_t *folders(struct writer *writer)
{
    json_t *result = json_array();

    if (writer->role != &roles[SME_ROLE_RUN])
        append(writer, result, json_string(""));
    for (uint32_t i = 0; result != NULL && i < writer->layout->area_count; i++) {
        struct s3_text text = {0};
        write_pattern(writer, &writer->layout->areas[i], &text);
        char *slash = text.at != NULL ? strchr(text.at, '/') : NULL;
        json_t *folder = slash != NULL ? json_sprintf("%.*s/*", (int)(slash - text.at), text.at)
                                       : json_string(text.at != NULL ? text.at : "");
        if (text.failed || folder == NULL)
            writer->failed = true;
        else if (!has(result, json_string_value(folder)))
            append(writer, result, json_incref(folder));
        json_decref(folder);
        s3_text_done(&text);
    }
    return result;
}

/* Which names may be listed.  "IfExists", because a request for one object or for the bucket
 * itself has no prefix: without the permission, S3 would answer 403 for an object that is not
 * there, and absent could not be told from forbidden. */
static json_t *list_condition(struct writer *writer)
{
    json_t *prefixes = NULL;

    if (writer->s3->prefix[0] != '\0') {
        prefixes = json_array();
        append(writer, prefixes, json_sprintf("%s*", writer->s3->prefix));
    } else {
        prefixes = folders(writer);
    }
    return json_pack("{s:{s:o}}", "StringLikeIfExists", "s3:prefix", prefixes);
}

static void add_grant(struct writer *writer, const struct grant *grant)
{
    json_t *resources = NULL, *condition = NULL;
    char before[128];

    if (grant->areas == 0) {
        resources = json_array();
        add_arn(writer, resources, "");
        if (grant->actions != configure && writer->role->lists_bucket_only)
            condition = list_condition(writer);
    } else {
        (void)snprintf(before, sizeof before, "arn:%s:s3:::%s/", writer->partition,
                       writer->s3->config->bucket);
        resources = patterns(writer, grant->areas, before);
        if (json_array_size(resources) == 0) {
            json_decref(resources);
            return;
        }
    }
    append(writer, writer->statements,
           json_pack("{s:s,s:s,s:o,s:o,s:o*}", "Sid", grant->sid, "Effect", "Allow", "Action",
                     names(writer, grant->actions), "Resource", resources, "Condition", condition));
}

static void add_denial(struct writer *writer)
{
    json_t *resources = json_array();

    add_arn(writer, resources, "");
    add_arn(writer, resources, "/*");
    append(writer, writer->statements,
           json_pack("{s:s,s:s,s:o,s:o}", "Sid", "Never", "Effect", "Deny", "Action",
                     names(writer, writer->role->denied), "Resource", resources));
}

/* The key as a resource.  An alias is none: keys of this region, by a condition. */
static json_t *kms_resource(const struct writer *writer, bool *ret_alias)
{
    const char *key = writer->s3->config->kms_key;
    const char *last = strrchr(key, ':');
    const char *name = last != NULL ? last + 1 : key;

    *ret_alias = strncmp(name, "alias/", 6) == 0;
    if (!*ret_alias && strncmp(key, "arn:", 4) == 0)
        return json_string(key);
    return json_sprintf("arn:%s:kms:%s:*:key/%s", writer->partition, writer->region,
                        *ret_alias ? "*" : key);
}

/* Only through S3 in the bucket's region, so that the role cannot decrypt anything else. */
static void add_kms(struct writer *writer)
{
    bool alias = false;
    json_t *resource = kms_resource(writer, &alias);
    json_t *through = json_pack("[o]", json_sprintf("s3.%s.amazonaws.com", writer->region));
    /* The name that KMS uses in China is written both ways. */
    if (strcmp(writer->partition, "aws-cn") == 0)
        append(writer, through, json_sprintf("s3.%s.amazonaws.com.cn", writer->region));
    json_t *condition = json_pack("{s:{s:o}}", "StringEquals", "kms:ViaService", through);

    if (alias) {
        const char *key = writer->s3->config->kms_key;
        if (json_object_set_new(condition, "ForAnyValue:StringEquals",
                                json_pack("{s:s}", "kms:ResourceAliases", strstr(key, "alias/"))) <
            0)
            writer->failed = true;
    }
    append(writer, writer->statements,
           json_pack("{s:s,s:s,s:o,s:o,s:o}", "Sid", "Key", "Effect", "Allow", "Action",
                     names(writer, writer->role->kms), "Resource", resource, "Condition",
                     condition));
}

/* The whole policy as text, or NULL without memory. */
static char *make(struct writer *writer)
{
    const struct s3_config *config = writer->s3->config;
    char *text = NULL;

    writer->failed = false;
    writer->statements = json_array();
    for (size_t i = 0; writer->statements != NULL && i < writer->role->grant_count; i++)
        add_grant(writer, &writer->role->grants[i]);
    if (config->encryption == S3_ENCRYPT_KMS && config->kms_key != NULL)
        add_kms(writer);
    if (writer->role->denied != NULL)
        add_denial(writer);
    json_t *doc = json_pack("{s:s,s:o}", "Version", "2012-10-17", "Statement", writer->statements);
    writer->statements = NULL;
    if (doc != NULL && !writer->failed)
        text = json_dumps(doc, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(doc);
    return text;
}

static size_t counted_size(const char *text)
{
    size_t size = 0;

    for (; *text != '\0'; text++)
        size += isspace((unsigned char)*text) == 0;
    return size;
}

int bucket_policy(struct s3 *s3, const struct sme_layout *layout, uint32_t role, sme_text_fn *write,
                  void *cookie, struct sme_error *err)
{
    struct writer writer = {.s3 = s3, .layout = layout};

    if (role == 0 || role >= sizeof roles / sizeof roles[0])
        return sme_fail(err, SME_E_INVALID, "role %u is not known to the sink 's3'", role);
    writer.role = &roles[role];
    (void)pthread_mutex_lock(&s3->lock);
    (void)snprintf(writer.region, sizeof writer.region, "%s", s3->region);
    (void)pthread_mutex_unlock(&s3->lock);
    writer.partition = policy_partition(writer.region);
    char *text = make(&writer);
    if (text != NULL && counted_size(text) > POLICY_MAX) {
        free(text);
        writer.any_source = true;
        text = make(&writer);
    }
    if (text == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the policy");
    int status = write(cookie, text, strlen(text));
    if (status == 0)
        status = write(cookie, "\n", 1);
    free(text);
    return status;
}
