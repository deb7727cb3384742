/*
 * The bucket policy: a JSON document that we share with others.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "bucket_policy_doc.h"

#include <openssl/evp.h>

#define PREFIX_TAG 8 /* bytes of the prefix's hash that make a Sid unique */

static const struct {
    const char *region, *partition;
} partitions[] = {
    {"cn-", "aws-cn"},         {"us-gov-", "aws-us-gov"}, {"us-isob-", "aws-iso-b"},
    {"us-isof-", "aws-iso-f"}, {"us-iso-", "aws-iso"},    {"eu-isoe-", "aws-iso-e"},
    {"eusc-", "aws-eusc"},
};

const char *policy_partition(const char *region)
{
    for (size_t i = 0; i < sizeof partitions / sizeof partitions[0]; i++) {
        if (strncmp(region, partitions[i].region, strlen(partitions[i].region)) == 0)
            return partitions[i].partition;
    }
    return "aws";
}

static int fail_memory(struct sme_error *err)
{
    int status = sme_fail(err, SME_E_NO_MEMORY, "no memory for the bucket policy");

    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "run it again when more memory is free");
    return status;
}

static int fail_shape(const char *why, struct sme_error *err)
{
    int status = sme_fail(err, SME_E_CORRUPT, "the bucket policy cannot be read: %s", why);

    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint,
                       "look at it with 'aws s3api get-bucket-policy', and correct it there");
    return status;
}

/* "Statement" may be one object instead of a list: make it a list. */
static int make_list(json_t *doc, struct sme_error *err)
{
    json_t *statements = json_object_get(doc, "Statement");

    if (json_is_array(statements))
        return SME_OK;
    if (statements != NULL && !json_is_object(statements))
        return fail_shape("its Statement is not a list", err);
    json_t *list = json_array();
    if (list == NULL || (statements != NULL && json_array_append(list, statements) < 0) ||
        json_object_set_new(doc, "Statement", list) < 0)
        return fail_memory(err);
    return SME_OK;
}

int policy_doc_parse(const char *text, size_t len, json_t **ret_doc, struct sme_error *err)
{
    json_error_t error;
    json_t *doc = len == 0 ? json_pack("{s:s}", "Version", "2012-10-17")
                           : json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

    if (doc == NULL && (len == 0 || json_error_code(&error) == json_error_out_of_memory))
        return fail_memory(err);
    if (doc == NULL)
        return fail_shape(error.text, err);
    int status = json_is_object(doc) ? make_list(doc, err) : fail_shape("it is no object", err);
    if (status < 0)
        json_decref(doc);
    else
        *ret_doc = doc;
    return status;
}

static size_t find_sid(const json_t *statements, const char *sid)
{
    size_t i;
    json_t *statement;

    json_array_foreach(statements, i, statement)
    {
        const char *have = json_string_value(json_object_get(statement, "Sid"));
        if (have != NULL && strcmp(have, sid) == 0)
            return i;
    }
    return json_array_size(statements);
}

json_t *policy_doc_find(const json_t *doc, const char *sid)
{
    const json_t *statements = json_object_get(doc, "Statement");

    return json_array_get(statements, find_sid(statements, sid));
}

static bool contains(const json_t *list, const json_t *value)
{
    size_t i;
    json_t *entry;

    json_array_foreach(list, i, entry)
    {
        if (policy_same(entry, value))
            return true;
    }
    return false;
}

static bool same_lists(const json_t *a, const json_t *b)
{
    size_t i;
    json_t *entry;

    if (json_array_size(a) != json_array_size(b))
        return false;
    json_array_foreach(a, i, entry)
    {
        if (!contains(b, entry))
            return false;
    }
    json_array_foreach(b, i, entry)
    {
        if (!contains(a, entry))
            return false;
    }
    return true;
}

static bool same_objects(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *value;

    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)(uintptr_t)a, name, value)
    {
        const json_t *other = json_object_get(b, name);
        if (other == NULL || !policy_same(value, other))
            return false;
    }
    return true;
}

/* "*" as a principal is also written {"AWS": "*"}. */
static bool is_anybody(const json_t *value)
{
    if (json_is_object(value) && json_object_size(value) == 1)
        value = json_object_get(value, "AWS");
    if (json_is_array(value) && json_array_size(value) == 1)
        value = json_array_get(value, 0);
    return json_is_string(value) && strcmp(json_string_value(value), "*") == 0;
}

bool policy_same(const json_t *a, const json_t *b)
{
    if (is_anybody(a) && is_anybody(b))
        return true;
    if (json_is_array(a) && json_is_array(b))
        return same_lists(a, b);
    if (json_is_array(a) && json_array_size(a) == 1)
        return policy_same(json_array_get(a, 0), b);
    if (json_is_array(b) && json_array_size(b) == 1)
        return policy_same(a, json_array_get(b, 0));
    if (json_is_object(a) && json_is_object(b))
        return same_objects(a, b);
    return json_equal(a, b) == 1;
}

int policy_doc_put(json_t *doc, json_t *statement, bool *ret_changed, struct sme_error *err)
{
    json_t *statements = json_object_get(doc, "Statement");
    const char *sid = json_string_value(json_object_get(statement, "Sid"));
    size_t at = find_sid(statements, sid);

    if (at == json_array_size(statements)) {
        if (json_array_append(statements, statement) < 0)
            return fail_memory(err);
        *ret_changed = true;
        return SME_OK;
    }
    bool same = policy_same(json_array_get(statements, at), statement);
    if (!same && json_array_set(statements, at, statement) < 0)
        return fail_memory(err);
    *ret_changed = !same;
    return SME_OK;
}

/* Takes ${statement} over. */
static int give(json_t *statement, json_t **ret_statement, struct sme_error *err)
{
    if (statement == NULL)
        return fail_memory(err);
    *ret_statement = statement;
    return SME_OK;
}

int policy_doc_tls(const char *partition, const char *bucket, bool version, json_t **ret_statement,
                   struct sme_error *err)
{
    struct s3_text arn = {0};
    json_t *statement = NULL;

    s3_text_printf(&arn, "arn:%s:s3:::%s", partition, bucket);
    int status = s3_text_check(&arn, "the bucket policy", err);
    if (status == SME_OK) {
        json_t *condition = version
                                ? json_pack("{s:{s:s}}", "NumericLessThan", "s3:TlsVersion", "1.2")
                                : json_pack("{s:{s:s}}", "Bool", "aws:SecureTransport", "false");
        statement = json_pack("{s:s,s:s,s:s,s:s,s:[s,s+],s:o}", "Sid",
                              version ? POLICY_OURS "TlsVersion" : POLICY_OURS "Tls", "Effect",
                              "Deny", "Principal", "*", "Action", "s3:*", "Resource", arn.at,
                              arn.at, "/*", "Condition", condition);
        status = give(statement, ret_statement, err);
    }
    s3_text_done(&arn);
    return status;
}

int policy_doc_create_only(const char *partition, const char *bucket, const char *prefix,
                           json_t **ret_statement, struct sme_error *err)
{
    struct s3_text arn = {0}, sid = {0};
    unsigned char hash[EVP_MAX_MD_SIZE];

    s3_text_printf(&arn, "arn:%s:s3:::%s/%s*", partition, bucket, prefix);
    s3_text_puts(&sid, POLICY_OURS "CreateOnly");
    /* Several repositories may share the bucket, each with its statement. */
    if (prefix[0] != '\0') {
        if (EVP_Digest(prefix, strlen(prefix), hash, NULL, EVP_sha256(), NULL) != 1)
            sid.failed = true;
        for (size_t i = 0; i < PREFIX_TAG && !sid.failed; i++)
            s3_text_printf(&sid, "%02x", hash[i]);
    }
    int status = s3_text_check(&arn, "the bucket policy", err);
    if (status == SME_OK)
        status = s3_text_check(&sid, "the bucket policy", err);
    if (status == SME_OK) {
        /* The second condition spares the parts of multipart uploads, which cannot carry the
         * header; the request that makes an object of them can. */
        json_t *statement = json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:{s:s},s:{s:s}}}", "Sid", sid.at,
                                      "Effect", "Deny", "Principal", "*", "Action", "s3:PutObject",
                                      "Resource", arn.at, "Condition", "Null", "s3:if-none-match",
                                      "true", "Bool", "s3:ObjectCreationOperation", "true");
        status = give(statement, ret_statement, err);
    }
    s3_text_done(&arn);
    s3_text_done(&sid);
    return status;
}
