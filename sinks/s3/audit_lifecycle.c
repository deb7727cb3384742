/*
 * The audit's look at the lifecycle rules: what they do to a repository, and whether it pays.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Source: "Lifecycle configuration elements" of the S3 user guide.
 */
#include "audit.h"
#include "lifecycle.h"

#include <string.h>

#define SUBJECT "lifecycle"
#define SETUP_FIX "sme-backup setup"
#define FEW_DAYS 7u /* to notice a deletion and to come back from a weekend */

/* What the rules do for the bucket as a whole. */
struct found {
    bool expires_noncurrent, removes_markers, aborts_uploads, moves_data;
};

/* ---- where a rule applies ----------------------------------------------------------------- */

/* "" for the whole bucket; NULL if it asks for a tag, which our objects do not have. */
static const char *rule_prefix(const struct s3_xml *rule)
{
    const struct s3_xml *filter = s3_xml_child(rule, "Filter");
    const struct s3_xml *all = s3_xml_child(filter, "And");

    if (filter == NULL)
        return s3_xml_text(rule, "Prefix");
    if (s3_xml_child(filter, "Tag") != NULL || s3_xml_child(all, "Tag") != NULL)
        return NULL;
    return s3_xml_text(all != NULL ? all : filter, "Prefix");
}

/* Is one the beginning of the other, so that some key has both? */
static bool overlap(const char *a, const char *b)
{
    size_t len_a = strlen(a), len_b = strlen(b);

    return strncmp(a, b, len_a < len_b ? len_a : len_b) == 0;
}

static const char *rule_id(const struct s3_xml *rule)
{
    const char *id = s3_xml_text(rule, "ID");

    return id[0] != '\0' ? id : "(without a name)";
}

static const char *area_name(uint32_t kind)
{
    static const char *const area_names[] = {
        "?",        "the descriptor", "snapshots",       "data",
        "metadata", "the index",      "markers of runs", "key slots"};

    return kind < sizeof area_names / sizeof area_names[0] ? area_names[kind] : area_names[0];
}

/* ---- transitions -------------------------------------------------------------------------- */

static bool find_class(const char *name, enum s3_class *ret_class)
{
    for (unsigned i = 0; i < S3_CLASS_COUNT; i++) {
        if (strcmp(s3_class_names[i], name) == 0) {
            *ret_class = (enum s3_class)i;
            return true;
        }
    }
    return false;
}

static bool is_archive(enum s3_class class)
{
    return class == S3_GLACIER || class == S3_DEEP_ARCHIVE;
}

static void judge_data(struct audit *audit, const struct s3_xml *rule,
                       const struct s3_xml *transition, enum s3_class class,
                       const struct sme_area *area)
{
    uint64_t days = 0;
    const char *why = NULL;

    if (!s3_xml_number(transition, "Days", &days) || days > UINT32_MAX) {
        audit_say(audit, SME_FINDING_WARN, SUBJECT, "use a number of days instead",
                  "rule '%s' moves data below '%s' to %s on a fixed date", rule_id(rule),
                  area->prefix, s3_class_names[class]);
        return;
    }
    if (!lifecycle_pays(class, (uint32_t)days, area->keep_days, &why))
        audit_say(audit, SME_FINDING_WARN, SUBJECT,
                  "change the rule, or keep snapshots for longer; see docs/cost.md",
                  "rule '%s' moves data below '%s' to %s after %u days, and that does not pay: %s",
                  rule_id(rule), area->prefix, s3_class_names[class], (unsigned)days,
                  why != NULL ? why : "it is billed for longer than it stays");
    else
        audit_say(audit, SME_FINDING_PASS, SUBJECT, NULL,
                  "rule '%s' moves data below '%s' to %s after %u days%s", rule_id(rule),
                  area->prefix, s3_class_names[class], (unsigned)days,
                  is_archive(class) ? "; a restore of it takes hours" : "");
}

static void judge_transition(struct audit *audit, const struct s3_xml *rule,
                             const struct s3_xml *transition, const struct sme_area *area,
                             struct found *found)
{
    const char *name = s3_xml_text(transition, "StorageClass");
    enum s3_class class;

    if (!find_class(name, &class)) {
        audit_say(audit, SME_FINDING_NOTE, SUBJECT, NULL,
                  "rule '%s' moves %s below '%s' to the class '%s', which sme-backup does not know",
                  rule_id(rule), area_name(area->kind), area->prefix, name);
        return;
    }
    if (area->kind == SME_AREA_DATA) {
        found->moves_data = true;
        judge_data(audit, rule, transition, class, area);
    } else if (is_archive(class)) {
        audit_say(audit, SME_FINDING_FAIL, SUBJECT,
                  "limit the rule to the prefixes of data, then copy what was moved back",
                  "rule '%s' moves %s below '%s' to %s: backups and restores stop working",
                  rule_id(rule), area_name(area->kind), area->prefix, name);
    } else if (class != S3_INTELLIGENT && class != S3_STANDARD) {
        audit_say(audit, SME_FINDING_WARN, SUBJECT, "limit the rule to the prefixes of data",
                  "rule '%s' moves %s below '%s' to %s: they are small and read by every run, so "
                  "that costs more than it saves",
                  rule_id(rule), area_name(area->kind), area->prefix, name);
    }
}

/* ---- one rule ----------------------------------------------------------------------------- */

static void judge_expiration(struct audit *audit, const struct s3_xml *rule,
                             const struct sme_area *area)
{
    const struct s3_xml *expiration = s3_xml_child(rule, "Expiration");

    if (s3_xml_child(expiration, "Days") == NULL && s3_xml_child(expiration, "Date") == NULL)
        return;
    audit_say(audit, SME_FINDING_FAIL, SUBJECT,
              "remove the rule's expiration: retention and prune decide what goes",
              "rule '%s' deletes %s below '%s' by age, although newer snapshots may need them",
              rule_id(rule), area_name(area->kind), area->prefix);
}

/* In an area: objects, or the one object that the area is. */
static bool first_match(struct audit *audit, const char *prefix, uint32_t from, uint32_t *ret_index)
{
    char whole[AUDIT_KEY_MAX];

    for (uint32_t i = from; i < audit->layout->area_count; i++) {
        if (audit_key(audit, audit->layout->areas[i].prefix, "", whole) && overlap(prefix, whole)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* A rule often covers many areas.  What is wrong with it is said once for data and once for the
 * rest; each source's data has a retention of its own, so those are all looked at. */
static void judge_current(struct audit *audit, const struct s3_xml *rule, const char *prefix,
                          struct found *found)
{
    bool said_expiration = false, said_other = false;
    uint32_t i = 0;

    for (uint32_t from = 0; first_match(audit, prefix, from, &i); from = i + 1) {
        const struct sme_area *area = &audit->layout->areas[i];
        const struct s3_xml *transition = s3_xml_child(rule, "Transition");

        if (!said_expiration)
            judge_expiration(audit, rule, area);
        said_expiration = true;
        if (area->kind != SME_AREA_DATA && said_other)
            continue;
        said_other = said_other || area->kind != SME_AREA_DATA;
        for (; transition != NULL; transition = s3_xml_again(transition))
            judge_transition(audit, rule, transition, area, found);
    }
}

static void judge_noncurrent(struct audit *audit, const struct s3_xml *rule, struct found *found)
{
    const struct s3_xml *expiration = s3_xml_child(rule, "NoncurrentVersionExpiration");
    uint64_t days = 0;

    found->removes_markers =
        found->removes_markers ||
        strcmp(s3_xml_text(s3_xml_child(rule, "Expiration"), "ExpiredObjectDeleteMarker"),
               "true") == 0;
    found->aborts_uploads =
        found->aborts_uploads || s3_xml_child(rule, "AbortIncompleteMultipartUpload") != NULL;
    found->expires_noncurrent = found->expires_noncurrent || expiration != NULL;
    if (s3_xml_number(expiration, "NoncurrentDays", &days) && days < FEW_DAYS)
        audit_say(audit, SME_FINDING_WARN, SUBJECT, "set noncurrent_after = 30d, then setup",
                  "rule '%s' removes what was deleted or overwritten after %u days: too soon to "
                  "notice and to get it back",
                  rule_id(rule), (unsigned)days);
}

static void judge_rule(struct audit *audit, const struct s3_xml *rule, struct found *found)
{
    const char *prefix = rule_prefix(rule);
    uint32_t ignored = 0;

    /* rules for what others keep in the bucket are none of our business */
    if (strcmp(s3_xml_text(rule, "Status"), "Enabled") != 0 || prefix == NULL ||
        !first_match(audit, prefix, 0, &ignored))
        return;
    judge_current(audit, rule, prefix, found);
    judge_noncurrent(audit, rule, found);
}

/* ---- all of them -------------------------------------------------------------------------- */

static void judge_whole(struct audit *audit, const struct found *found)
{
    const struct s3_config *config = audit->s3->config;

    if (audit->versioning == AUDIT_VERSIONS_KEPT && !found->expires_noncurrent)
        audit_say(audit, SME_FINDING_WARN, SUBJECT, SETUP_FIX,
                  "no rule removes noncurrent versions: what prune deletes is billed for ever");
    else if (found->expires_noncurrent)
        audit_say(audit, SME_FINDING_PASS, SUBJECT, NULL,
                  "noncurrent versions are removed after a time");
    if (audit->versioning == AUDIT_VERSIONS_KEPT && !found->removes_markers)
        audit_say(audit, SME_FINDING_NOTE, SUBJECT, SETUP_FIX,
                  "no rule removes delete markers that hide nothing: listings get slower");
    if (!found->aborts_uploads)
        audit_say(audit, SME_FINDING_NOTE, SUBJECT, SETUP_FIX,
                  "no rule removes unfinished multipart uploads (sme-backup makes none)");
    if (config->cold_class != S3_STANDARD && !found->moves_data)
        audit_say(audit, SME_FINDING_WARN, SUBJECT, SETUP_FIX,
                  "the configuration asks for data to move to %s, and no rule does that",
                  s3_class_names[config->cold_class]);
}

int audit_lifecycle(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = SUBJECT,
        .resource = "lifecycle",
        .root = "LifecycleConfiguration",
        .absent = "NoSuchLifecycleConfiguration",
        .permission = "s3:GetLifecycleConfiguration",
        .unsupported = SME_FINDING_NOTE,
    };
    struct found found = {0};
    struct s3_xml *tree = NULL;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer == AUDIT_THERE) {
        for (const struct s3_xml *rule = s3_xml_child(tree, "Rule"); rule != NULL;
             rule = s3_xml_again(rule))
            judge_rule(audit, rule, &found);
    }
    s3_xml_free(tree);
    if (answer == AUDIT_THERE || answer == AUDIT_ABSENT)
        judge_whole(audit, &found);
    return answer < 0 ? answer : SME_OK;
}
