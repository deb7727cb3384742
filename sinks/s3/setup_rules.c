/*
 * The steps of setup that share their place with others: bucket policy and lifecycle rules.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "bucket_policy_doc.h"
#include "lifecycle.h"
#include "setup.h"

#include <stdlib.h>

#define MAX_STATEMENTS 3
#define POLICY "bucket policy"
#define LIFECYCLE "lifecycle rules"

static bool over_http(const struct s3_config *config)
{
    return config->endpoint != NULL && strncmp(config->endpoint, "http://", 7) == 0;
}

/* A statement that would shut ourselves out is not made. */
static bool makes_tls_only(const struct s3_config *config)
{
    return config->tls_only && !over_http(config);
}

static bool makes_create_only(const struct s3_config *config)
{
    return config->create_only && config->conditional != S3_OFF;
}

static int wants_policy(struct setup *setup, bool *ret_wanted)
{
    const struct s3_config *config = setup->s3->config;
    int status = SME_OK;

    if (config->tls_only && !makes_tls_only(config))
        status = setup_say(setup, SME_FINDING_WARN, POLICY, "set endpoint = https://...",
                           "'tls_only' is left out: endpoint '%s' does without TLS, and would be "
                           "refused",
                           config->endpoint);
    if (status == SME_OK && config->create_only && !makes_create_only(config))
        status =
            setup_say(setup, SME_FINDING_WARN, POLICY, "set conditional_writes = auto",
                      "'create_only' is left out: with 'conditional_writes = off' every backup "
                      "would be refused");
    *ret_wanted = makes_tls_only(config) || makes_create_only(config);
    return status;
}

struct statements {
    json_t *at[MAX_STATEMENTS];
    size_t count;
};

static void drop_statements(struct statements *statements)
{
    for (size_t i = 0; i < statements->count; i++)
        json_decref(statements->at[i]);
    statements->count = 0;
}

static int make_statements(const struct setup *setup, struct statements *statements)
{
    const struct s3_config *config = setup->s3->config;
    const char *partition = policy_partition(setup->region);
    int status = SME_OK;

    for (int version = 0; status == SME_OK && makes_tls_only(config) && version < 2; version++) {
        status = policy_doc_tls(partition, config->bucket, version == 1,
                                &statements->at[statements->count], setup->err);
        statements->count += status == SME_OK;
    }
    if (status == SME_OK && makes_create_only(config)) {
        status = policy_doc_create_only(partition, config->bucket, setup->s3->prefix,
                                        &statements->at[statements->count], setup->err);
        statements->count += status == SME_OK;
    }
    return status;
}

static size_t count_ours(const json_t *doc)
{
    json_t *statements = json_object_get(doc, "Statement");
    size_t i, count = 0;
    json_t *statement;

    json_array_foreach(statements, i, statement)
    {
        const char *sid = json_string_value(json_object_get(statement, "Sid"));
        count += sid != NULL && strncmp(sid, POLICY_OURS, strlen(POLICY_OURS)) == 0;
    }
    return count;
}

static void describe_policy(const json_t *doc, struct s3_text *out)
{
    size_t all = json_array_size(json_object_get(doc, "Statement"));
    size_t ours = count_ours(doc);

    if (all > 0)
        s3_text_printf(out, "%zu of our statements and %zu of others", ours, all - ours);
}

static int put_statements(const struct setup *setup, const struct statements *statements,
                          json_t *doc, struct setup_change *change)
{
    struct s3_text names = {0};
    int status = SME_OK;

    describe_policy(doc, &change->was);
    for (size_t i = 0; status == SME_OK && i < statements->count; i++) {
        bool changed = false;
        status = policy_doc_put(doc, statements->at[i], &changed, setup->err);
        if (status == SME_OK && changed) {
            const json_t *sid = json_object_get(statements->at[i], "Sid");
            s3_text_printf(&names, ", %s", json_string_value(sid));
            change->needed = true;
        }
    }
    describe_policy(doc, &change->becomes);
    if (names.len > 0)
        s3_text_printf(&change->becomes, " with%s", names.at + 1);
    change->becomes.failed = change->becomes.failed || names.failed;
    s3_text_done(&names);
    if (status < 0 || !change->needed)
        return status;
    char *text = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (text == NULL)
        return sme_fail(setup->err, SME_E_NO_MEMORY, "no memory for the bucket policy");
    s3_text_puts(&change->body, text);
    free(text);
    return SME_OK;
}

static int plan_policy(struct setup *setup, const struct setup_now *now,
                       struct setup_change *change)
{
    struct statements statements = {0};
    json_t *doc = NULL;

    int status = make_statements(setup, &statements);
    if (status == SME_OK)
        status = policy_doc_parse(now->text, now->len, &doc, setup->err);
    if (status == SME_OK)
        status = put_statements(setup, &statements, doc, change);
    json_decref(doc);
    drop_statements(&statements);
    return status;
}

const struct setup_step setup_bucket_policy = {
    .subject = POLICY,
    .resource = "policy",
    .get_permission = "s3:GetBucketPolicy",
    .put_permission = "s3:PutBucketPolicy",
    .wanted = wants_policy,
    .plan = plan_policy,
};

static int tell_stays(void *cookie, const char *prefix, const char *why)
{
    return setup_say(cookie, SME_FINDING_NOTE, LIFECYCLE,
                     "keep snapshots longer, or set another cold_class or cold_after",
                     "data below '%s' stays in STANDARD: %s", prefix, why);
}

static int be_quiet(void *cookie, const char *prefix, const char *why)
{
    (void)cookie;
    (void)prefix;
    (void)why;
    return SME_OK;
}

static void describe_merge(const struct lifecycle_merged *merged, struct setup_change *change)
{
    size_t ours = merged->same + merged->changed + merged->removed;

    change->needed = merged->added + merged->changed + merged->removed > 0;
    if (ours + merged->others > 0)
        s3_text_printf(&change->was, "%zu of our rules and %zu of others", ours, merged->others);
    s3_text_printf(&change->becomes,
                   "%zu of our rules (%zu new, %zu changed, %zu removed) and %zu of others",
                   merged->same + merged->changed + merged->added, merged->added, merged->changed,
                   merged->removed, merged->others);
}

static int merge(struct setup *setup, const struct setup_now *now,
                 const struct lifecycle_plan *plan, struct setup_change *change)
{
    struct lifecycle_merged merged = {0};

    int status = lifecycle_merge(now->text, now->len, plan, setup->s3->config->endpoint == NULL,
                                 &merged, setup->err);
    if (status < 0)
        return status;
    change->body = merged.body;
    describe_merge(&merged, change);
    /* Without the header, S3 would put today's default in place of the one that rules of others
     * were written for. */
    if (now->size_default[0] != '\0')
        change->size_default = now->size_default;
    return SME_OK;
}

static int plan_lifecycle(struct setup *setup, const struct setup_now *now,
                          struct setup_change *change)
{
    struct lifecycle_plan plan = {0};

    int status =
        lifecycle_plan_make(setup->s3, setup->layout, tell_stays, setup, &plan, setup->err);
    if (status == SME_OK)
        status = merge(setup, now, &plan, change);
    lifecycle_plan_done(&plan);
    return status;
}

/* Other stores may not have the class: the other rules are worth having without. */
static int retreat_lifecycle(struct setup *setup, const struct setup_now *now,
                             struct setup_change *change)
{
    struct lifecycle_plan plan = {0};
    bool less = false;

    int status = lifecycle_plan_make(setup->s3, setup->layout, be_quiet, NULL, &plan, setup->err);
    for (size_t i = 0; status == SME_OK && i < plan.count; i++) {
        if (plan.rules[i].wanted && plan.rules[i].to != S3_STANDARD) {
            plan.rules[i].wanted = false;
            less = true;
        }
    }
    if (status == SME_OK && !less)
        status = SME_E_UNSUPPORTED;
    if (status == SME_OK)
        status = merge(setup, now, &plan, change);
    lifecycle_plan_done(&plan);
    if (status == SME_OK)
        status = setup_say(setup, SME_FINDING_WARN, LIFECYCLE, "set cold_class = STANDARD",
                           "this store does not support moving objects to %s: they stay where "
                           "they are",
                           s3_class_names[setup->s3->config->cold_class]);
    return status;
}

const struct setup_step setup_lifecycle = {
    .subject = LIFECYCLE,
    .resource = "lifecycle",
    .root = "LifecycleConfiguration",
    .get_permission = "s3:GetLifecycleConfiguration",
    .put_permission = "s3:PutLifecycleConfiguration",
    .plan = plan_lifecycle,
    .retreat = retreat_lifecycle,
};
