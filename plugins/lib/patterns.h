/*
 * Exclude patterns with the rules of gitignore.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Names are bytes: no character set, no case folding.  Of several patterns that match, the last
 * one decides.  Matching takes time in proportion to pattern length times path length, never
 * more, whatever the pattern.
 *
 * A pattern that could never match (an open '[', a '\' at its end) is refused, where git ignores
 * it: somebody meant something by it.
 */
#ifndef SME_FILESYSTEM_PATTERNS_H
#define SME_FILESYSTEM_PATTERNS_H

#include "../../include/sme-backup/common.h"

#define PATTERN_MAX_BYTES 4096u             /* one pattern      */
#define PATTERN_FILE_MAX_BYTES (256u << 10) /* one pattern file */

enum pattern_verdict {
    PATTERN_NO_MATCH,
    PATTERN_EXCLUDE,
    PATTERN_INCLUDE, /* a pattern with '!' */
};

struct patterns;

int patterns_new(struct patterns **ret_patterns, struct sme_error *err);
void patterns_free(struct patterns *patterns); /* accepts NULL */

/* Append ${text}.  An empty text adds nothing.  ${where} (may be NULL) precedes messages. */
int patterns_add(struct patterns *patterns, const char *text, const char *where,
                 struct sme_error *err);

/* Append the lines of the file ${path}.  Empty lines and those that begin with '#' are
 * comments; spaces at the end of a line do not count unless a '\' precedes them. */
int patterns_add_file(struct patterns *patterns, const char *path, struct sme_error *err);

size_t patterns_count(const struct patterns *patterns);

/*
 * What the patterns say of ${path} (${len} bytes, relative to the root of the source, not
 * empty).  The caller has looked at the directories above it already: what lies in an excluded
 * directory is excluded whatever this says.  Safe from any thread.
 */
enum pattern_verdict patterns_match(const struct patterns *patterns, const char *path, size_t len,
                                    bool is_directory);

#endif
