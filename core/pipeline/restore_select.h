/*
 * Which items a user means: paths and patterns.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A pattern without '*', '?' and '[' is a path: that item and all below it.  The others are matched
 * against the whole path: '*' and '?' stop at '/', '**' does not, '[a-z]' and '[!a-z]' are sets,
 * '\' takes away the meaning of the next character.  What matches brings all below it along.
 */
#ifndef SME_PIPELINE_RESTORE_SELECT_H
#define SME_PIPELINE_RESTORE_SELECT_H

#include "../base/error.h"

struct select_pattern {
    char *text; /* without leading and trailing '/' */
    size_t len;
    const char *given;
    bool is_path;
    bool is_covered; /* another one has it already */
    bool matched;
};
struct select {
    struct select_pattern *at; /* paths in the order of the items */
    size_t count;
    bool everything;
    bool only_paths;
};

/* ${patterns} must outlive the selection.  None of them: everything.  ${exact}: all are paths,
 * whatever characters they have. */
int select_init(struct select *select, const char *const *patterns, size_t count, bool exact,
                struct sme_error *err);
void select_done(struct select *select);

/* Does a pattern name ${path} itself?  (What it brings along is the caller's business.)  Notes
 * which ones did. */
bool select_match(struct select *select, const char *path, size_t len);
/* A pattern that nothing matched, or NULL. */
const char *select_unmatched(const struct select *select);

/* For tests. */
bool select_glob(const char *pattern, const char *path, size_t len);

#endif
