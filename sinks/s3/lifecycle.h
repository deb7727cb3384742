/*
 * Lifecycle rules: what the bucket should have, what it has, and the difference.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Each area has a rule "sme-backup/tidy/PREFIX" (old versions, delete markers, unfinished
 * uploads), and each data area may have "sme-backup/cold/PREFIX".  A rule is replaced or removed
 * only if its id is one that the area would have, so that repositories can share a bucket.
 */
#ifndef SME_SINKS_S3_LIFECYCLE_H
#define SME_SINKS_S3_LIFECYCLE_H

#include "call.h"
#include "text.h"
#include "xml.h"

#define LIFECYCLE_OURS "sme-backup" /* ids of our rules begin with it */
#define LIFECYCLE_TIDY LIFECYCLE_OURS "/tidy/"
#define LIFECYCLE_COLD LIFECYCLE_OURS "/cold/"
#define LIFECYCLE_ID_MAX 255
#define LIFECYCLE_RULES_MAX 1000 /* of S3, for one bucket */

/* May objects kept for ${keep_days} (0: unknown) move to ${to} after ${after_days}, without being
 * billed for more days than they stay?  If not, ${ret_why} (static text) says why. */
bool lifecycle_pays(enum s3_class to, uint32_t after_days, uint32_t keep_days,
                    const char **ret_why);
/* Minimum days that the class bills. */
uint32_t lifecycle_minimum_days(enum s3_class class);

/* A rule of ours; 0 days and STANDARD: without that part. */
struct lifecycle_rule {
    char id[LIFECYCLE_ID_MAX + 1];
    char *prefix;
    bool wanted;      /* false: a rule with this id is to go                 */
    enum s3_class to; /* of current and noncurrent versions, larger than 128 KiB */
    uint32_t move_days, old_move_days;
    uint32_t old_expire_days;
    uint32_t abort_days;
    bool tidy_markers;
};

struct lifecycle_plan {
    struct lifecycle_rule *rules;
    size_t count;
};

/* What the configuration asks for.  Calls ${tell} for each data area that stays where it is,
 * though a colder class was asked for, with the reason. */
typedef int lifecycle_tell_fn(void *cookie, const char *prefix, const char *why);
int lifecycle_plan_make(const struct s3 *s3, const struct sme_layout *layout,
                        lifecycle_tell_fn *tell, void *cookie, struct lifecycle_plan *ret_plan,
                        struct sme_error *err);
/* Days after which noncurrent versions expire, not before a lock ends; 0: never. */
uint32_t lifecycle_old_days(const struct s3_config *config);
void lifecycle_plan_done(struct lifecycle_plan *plan);

/* Write the rule as XML. */
void lifecycle_rule_write(const struct lifecycle_rule *rule, struct s3_text *out);
/* Is ${node}, a <Rule> of the store, that rule?  Some stores drop the limit of size: without
 * ${strict} that makes no difference. */
bool lifecycle_rule_same(const struct lifecycle_rule *rule, const struct s3_xml *node, bool strict);

struct lifecycle_merged {
    struct s3_text body; /* the whole new configuration */
    size_t added, changed, removed, same, others;
};

/* Bring ${plan} into the configuration ${now} (${len} 0: there is none).  What others made is
 * kept byte for byte, in its place. */
int lifecycle_merge(const char *now, size_t len, const struct lifecycle_plan *plan, bool strict,
                    struct lifecycle_merged *ret_merged, struct sme_error *err);

#endif
