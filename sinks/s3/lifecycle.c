/*
 * Lifecycle rules: when they pay, and their form as XML.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Source of the numbers: "Transitioning objects using Amazon S3 Lifecycle" and "Understanding and
 * managing storage classes" of the S3 User Guide.
 */
#include "lifecycle.h"

#include <inttypes.h>
#include <stdlib.h>

#define INFREQUENT_AFTER 30u /* days in STANDARD before a move to an IA class is possible */
#define SMALLEST "131072"    /* bytes; smaller objects are billed as that many, or not moved */

static const struct {
    uint32_t minimum_days, after_days;
    const char *stay; /* why not, where they leave too early */
} classes[S3_CLASS_COUNT] = {
    [S3_STANDARD] = {0, 0, ""},
    [S3_STANDARD_IA] = {30, INFREQUENT_AFTER,
                        "STANDARD_IA bills at least 30 days, and retention may end earlier"},
    [S3_ONEZONE_IA] = {30, INFREQUENT_AFTER,
                       "ONEZONE_IA bills at least 30 days, and retention may end earlier"},
    [S3_INTELLIGENT] = {0, 0, "retention may end before the move"},
    [S3_GLACIER_IR] = {90, 0, "GLACIER_IR bills at least 90 days, and retention may end earlier"},
    [S3_GLACIER] = {90, 0, "GLACIER bills at least 90 days, and retention may end earlier"},
    [S3_DEEP_ARCHIVE] = {180, 0,
                         "DEEP_ARCHIVE bills at least 180 days, and retention may end earlier"},
};

uint32_t lifecycle_minimum_days(enum s3_class class)
{
    return class < S3_CLASS_COUNT ? classes[class].minimum_days : 0;
}

bool lifecycle_pays(enum s3_class to, uint32_t after_days, uint32_t keep_days, const char **ret_why)
{
    const char *why = NULL;

    if (to == S3_STANDARD || to >= S3_CLASS_COUNT)
        why = "no colder class is configured";
    else if (after_days < classes[to].after_days)
        why = "S3 moves objects to this class only after 30 days";
    else if (keep_days == 0)
        why = "it is not known how long retention keeps them";
    else if (keep_days <= after_days || keep_days - after_days < classes[to].minimum_days)
        why = classes[to].stay;
    if (why != NULL)
        *ret_why = why;
    return why == NULL;
}

static void write_filter(const struct lifecycle_rule *rule, struct s3_text *out)
{
    if (rule->to != S3_STANDARD) {
        s3_text_puts(out, "<Filter><And><Prefix>");
        s3_text_xml(out, rule->prefix);
        s3_text_puts(out, "</Prefix><ObjectSizeGreaterThan>" SMALLEST
                          "</ObjectSizeGreaterThan></And></Filter>");
    } else {
        s3_text_puts(out, "<Filter><Prefix>");
        s3_text_xml(out, rule->prefix);
        s3_text_puts(out, "</Prefix></Filter>");
    }
}

void lifecycle_rule_write(const struct lifecycle_rule *rule, struct s3_text *out)
{
    s3_text_puts(out, "<Rule><ID>");
    s3_text_xml(out, rule->id);
    s3_text_puts(out, "</ID>");
    write_filter(rule, out);
    s3_text_puts(out, "<Status>Enabled</Status>");
    if (rule->move_days > 0)
        s3_text_printf(out,
                       "<Transition><Days>%" PRIu32 "</Days><StorageClass>%s</StorageClass>"
                       "</Transition>",
                       rule->move_days, s3_class_names[rule->to]);
    if (rule->tidy_markers)
        s3_text_puts(out, "<Expiration><ExpiredObjectDeleteMarker>true"
                          "</ExpiredObjectDeleteMarker></Expiration>");
    if (rule->old_move_days > 0)
        s3_text_printf(out,
                       "<NoncurrentVersionTransition><NoncurrentDays>%" PRIu32
                       "</NoncurrentDays><StorageClass>%s</StorageClass>"
                       "</NoncurrentVersionTransition>",
                       rule->old_move_days, s3_class_names[rule->to]);
    if (rule->old_expire_days > 0)
        s3_text_printf(out,
                       "<NoncurrentVersionExpiration><NoncurrentDays>%" PRIu32
                       "</NoncurrentDays></NoncurrentVersionExpiration>",
                       rule->old_expire_days);
    if (rule->abort_days > 0)
        s3_text_printf(out,
                       "<AbortIncompleteMultipartUpload><DaysAfterInitiation>%" PRIu32
                       "</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
                       rule->abort_days);
    s3_text_puts(out, "</Rule>");
}

/* Has ${node} no children but those of ${names} (NULL-terminated), each once at most? */
static bool has_only(const struct s3_xml *node, const char *const names[])
{
    for (const struct s3_xml *child = node->first; child != NULL; child = child->next) {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], child->name) != 0)
            i++;
        if (names[i] == NULL || s3_xml_again(child) != NULL)
            return false;
    }
    return true;
}

/* Is the number at ${name} below ${node} the same; 0 for: not there? */
static bool same_days(const struct s3_xml *node, const char *name, uint32_t days)
{
    uint64_t have = 0;

    if (node == NULL)
        return days == 0;
    return s3_xml_number(node, name, &have) && have == days && days > 0;
}

static bool same_move(const struct s3_xml *node, const char *days_name, uint32_t days,
                      enum s3_class to)
{
    const char *const names[] = {days_name, "StorageClass", NULL};

    if (!same_days(node, days_name, days))
        return false;
    return node == NULL || (has_only(node, names) &&
                            strcmp(s3_xml_text(node, "StorageClass"), s3_class_names[to]) == 0);
}

static bool same_filter(const struct lifecycle_rule *rule, const struct s3_xml *node, bool strict)
{
    static const char *const filter_names[] = {"And", "Prefix", "ObjectSizeGreaterThan", NULL};
    const struct s3_xml *filter = s3_xml_child(node, "Filter");
    const char *outer = s3_xml_text(node, "Prefix");

    if (filter == NULL) /* the older form */
        return (!strict || rule->to == S3_STANDARD) && strcmp(outer, rule->prefix) == 0;
    const struct s3_xml *both = s3_xml_child(filter, "And");
    const struct s3_xml *holder = both != NULL ? both : filter;
    if (outer[0] != '\0' || !has_only(filter, filter_names) || !has_only(holder, filter_names) ||
        strcmp(s3_xml_text(holder, "Prefix"), rule->prefix) != 0)
        return false;
    const char *size = s3_xml_text(holder, "ObjectSizeGreaterThan");
    if (rule->to == S3_STANDARD)
        return size[0] == '\0';
    return strcmp(size, SMALLEST) == 0 || (!strict && size[0] == '\0');
}

bool lifecycle_rule_same(const struct lifecycle_rule *rule, const struct s3_xml *node, bool strict)
{
    static const char *const names[] = {"ID",
                                        "Filter",
                                        "Prefix",
                                        "Status",
                                        "Transition",
                                        "Expiration",
                                        "NoncurrentVersionTransition",
                                        "NoncurrentVersionExpiration",
                                        "AbortIncompleteMultipartUpload",
                                        NULL};
    static const char *const marker_names[] = {"ExpiredObjectDeleteMarker", NULL};
    static const char *const old_names[] = {"NoncurrentDays", NULL};
    const struct s3_xml *expiration = s3_xml_child(node, "Expiration");
    const struct s3_xml *old = s3_xml_child(node, "NoncurrentVersionExpiration");

    if (!has_only(node, names) || strcmp(s3_xml_text(node, "ID"), rule->id) != 0 ||
        strcmp(s3_xml_text(node, "Status"), "Enabled") != 0 || !same_filter(rule, node, strict))
        return false;
    if (rule->tidy_markers != (expiration != NULL))
        return false;
    if (expiration != NULL &&
        (!has_only(expiration, marker_names) ||
         strcmp(s3_xml_text(expiration, "ExpiredObjectDeleteMarker"), "true") != 0))
        return false;
    return same_move(s3_xml_child(node, "Transition"), "Days", rule->move_days, rule->to) &&
           same_move(s3_xml_child(node, "NoncurrentVersionTransition"), "NoncurrentDays",
                     rule->old_move_days, rule->to) &&
           same_days(old, "NoncurrentDays", rule->old_expire_days) &&
           (old == NULL || has_only(old, old_names)) &&
           same_days(s3_xml_child(node, "AbortIncompleteMultipartUpload"), "DaysAfterInitiation",
                     rule->abort_days);
}
