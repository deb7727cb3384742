/*
 * The audit's look at the bucket policy: is plain http refused, is the bucket public?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Source: "Bucket policy examples" of the S3 user guide; the policy grammar of IAM.
 */
#include "audit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SUBJECT "transport"

/* One of the strings that IAM takes, alone or in a list. */
static bool names(const json_t *value, const char *wanted)
{
    const json_t *one;
    size_t i;

    if (json_is_string(value))
        return strcmp(json_string_value(value), wanted) == 0;
    json_array_foreach(value, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), wanted) == 0)
            return true;
    }
    return false;
}

static bool is_everybody(const json_t *principal)
{
    return names(principal, "*") || names(json_object_get(principal, "AWS"), "*");
}

static bool is_false(const json_t *value)
{
    if (json_is_array(value) && json_array_size(value) == 1)
        value = json_array_get(value, 0);
    return json_is_false(value) ||
           (json_is_string(value) && strcasecmp(json_string_value(value), "false") == 0);
}

/* {"Bool": {"aws:SecureTransport": "false"}} and nothing that would narrow it. */
static bool is_plain_http(const json_t *condition)
{
    const json_t *transport;

    if (json_object_size(condition) != 1)
        return false;
    transport = json_object_get(condition, "Bool");
    return json_object_size(transport) == 1 &&
           is_false(json_object_get(transport, "aws:SecureTransport"));
}

static bool refuses_plain_http(const struct s3_config *config, const json_t *statement)
{
    const json_t *action = json_object_get(statement, "Action");
    const json_t *resource = json_object_get(statement, "Resource");
    char objects[256];
    int len;

    if (!names(json_object_get(statement, "Effect"), "Deny") ||
        !is_everybody(json_object_get(statement, "Principal")) ||
        !is_plain_http(json_object_get(statement, "Condition")) ||
        !(names(action, "s3:*") || names(action, "*")))
        return false;
    /* another partition's ARN begins with "arn:aws-cn:" */
    static const char *const partitions[] = {"aws", "aws-cn", "aws-us-gov"};
    for (size_t i = 0; i < sizeof partitions / sizeof partitions[0]; i++) {
        len = snprintf(objects, sizeof objects, "arn:%s:s3:::%s/*", partitions[i], config->bucket);
        if (len > 0 && (size_t)len < sizeof objects && names(resource, objects))
            return true;
    }
    return names(resource, "*");
}

static bool any_refuses_plain_http(const struct s3_config *config, const json_t *policy)
{
    const json_t *statements = json_object_get(policy, "Statement");
    const json_t *statement;
    size_t i;

    if (json_is_object(statements))
        return refuses_plain_http(config, statements);
    json_array_foreach(statements, i, statement)
    {
        if (refuses_plain_http(config, statement))
            return true;
    }
    return false;
}

static void say_plain_http(struct audit *audit)
{
    audit_say(audit, SME_FINDING_WARN, SUBJECT, "set tls_only = yes, then sme-backup setup",
              "the bucket policy does not refuse requests without TLS");
}

static int look_at_policy(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "bucket policy",
        .resource = "policy",
        .absent = "NoSuchBucketPolicy",
        .permission = "s3:GetBucketPolicy",
        .unsupported = SME_FINDING_NOTE,
    };
    char *text = NULL;
    json_t *policy;
    int answer = audit_fetch(audit, &part, NULL, &text);

    if (answer == AUDIT_ABSENT)
        say_plain_http(audit);
    if (answer == AUDIT_THERE) {
        policy = json_loads(text != NULL ? text : "", JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(policy))
            audit_say(audit, part.unsupported, part.subject, NULL,
                      "this store does not know bucket policies (it answered something else)");
        else if (any_refuses_plain_http(audit->s3->config, policy))
            audit_say(audit, SME_FINDING_PASS, SUBJECT, NULL,
                      "the bucket policy refuses requests without TLS");
        else
            say_plain_http(audit);
        json_decref(policy);
    }
    free(text);
    return answer < 0 ? answer : SME_OK;
}

static int look_at_policy_status(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "public policy",
        .resource = "policyStatus",
        .root = "PolicyStatus",
        .absent = "NoSuchBucketPolicy",
        .permission = "s3:GetBucketPolicyStatus",
        .unsupported = SME_FINDING_NOTE,
    };
    struct s3_xml *tree = NULL;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer == AUDIT_THERE && strcasecmp(s3_xml_text(tree, "IsPublic"), "true") == 0)
        audit_say(audit, SME_FINDING_FAIL, part.subject,
                  "remove the statement that allows it to '*', then sme-backup setup",
                  "the bucket policy opens the bucket to everybody");
    else if (answer == AUDIT_THERE || answer == AUDIT_ABSENT)
        audit_say(audit, SME_FINDING_PASS, part.subject, NULL,
                  "no bucket policy opens the bucket to everybody");
    s3_xml_free(tree);
    return answer < 0 ? answer : SME_OK;
}

int audit_policy(struct audit *audit)
{
    int status = look_at_policy(audit);

    return status == SME_OK ? look_at_policy_status(audit) : status;
}
