/*
 * Which items a user means.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_select.h"

#include "../base/limits.h"
#include "../repo/item.h"

#include <stdlib.h>
#include <string.h>

/* One set, ${*pattern} behind its '['; false if it is not closed (then '[' is a character). */
static bool match_set(const char **pattern, unsigned char c, bool *ret_in)
{
    const char *at = *pattern;
    bool negate = *at == '!' || *at == '^';
    bool in = false;
    bool first = true;

    at += negate;
    for (; *at != '\0' && (*at != ']' || first); first = false) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
        }
        unsigned char low = (unsigned char)*at++;
        unsigned char high = low;
        if (*at == '-' && at[1] != '\0' && at[1] != ']') {
            at++;
            if (*at == '\\' && at[1] != '\0') {
                at++;
            }
            high = (unsigned char)*at++;
        }
        in = in || (c >= low && c <= high);
    }
    if (*at != ']') {
        return false;
    }
    *pattern = at + 1;
    *ret_in = in != negate && c != '/';
    return true;
}

/* One character of the path against one element that is no star; *pattern moves on. */
static bool match_one(const char **pattern, unsigned char c)
{
    const char *at = *pattern;
    bool in = false;

    if (*at == '\0') {
        return false;
    }
    if (*at == '[') {
        const char *set = at + 1;
        if (match_set(&set, c, &in)) {
            *pattern = set;
            return in;
        }
    }
    *pattern = at + 1;
    if (*at == '?') {
        return c != '/';
    }
    if (*at == '\\' && at[1] != '\0') {
        *pattern = at + 2;
        return c == (unsigned char)at[1];
    }
    return c == (unsigned char)*at;
}

bool select_glob(const char *pattern, const char *path, size_t len)
{
    /* Where to come back to: the last "*", which may take no '/', and the last "**". */
    const char *star = NULL;
    const char *deep = NULL;
    size_t star_at = 0;
    size_t deep_at = 0;
    size_t at = 0;

    for (;;) {
        if (pattern[0] == '*' && pattern[1] == '*') {
            while (*pattern == '*') {
                pattern++;
            }
            /* "**" followed by '/' also stands for no directory at all. */
            deep = pattern;
            deep_at = at;
            star = NULL;
            if (*pattern == '/' && (at == 0 || path[at - 1] == '/')) {
                pattern++;
            }
            continue;
        }
        if (*pattern == '*') {
            star = ++pattern;
            star_at = at;
            continue;
        }
        if (at == len) {
            if (*pattern == '\0') {
                return true;
            }
        } else {
            const char *next = pattern;
            if (match_one(&next, (unsigned char)path[at])) {
                pattern = next;
                at++;
                continue;
            }
        }
        if (star != NULL && star_at < len && path[star_at] != '/') {
            pattern = star;
            at = ++star_at;
        } else if (deep != NULL && deep_at < len) {
            pattern = deep;
            at = ++deep_at;
            star = NULL;
        } else {
            return false;
        }
    }
}

static bool is_plain(const char *text)
{
    return strpbrk(text, "*?[") == NULL;
}

static int compare_patterns(const void *a, const void *b)
{
    const struct select_pattern *left = a;
    const struct select_pattern *right = b;

    return item_path_compare(left->text, left->len, right->text, right->len);
}

static bool is_below(const char *path, size_t len, const char *top, size_t top_len)
{
    return top_len == 0 || (len >= top_len && memcmp(path, top, top_len) == 0 &&
                            (len == top_len || path[top_len] == '/'));
}

static int take(struct select_pattern *pattern, const char *given, bool exact,
                struct sme_error *err)
{
    const char *text = given;

    while (*text == '/' || (text[0] == '.' && (text[1] == '/' || text[1] == '\0'))) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '/') {
        len--;
    }
    if (len > LIMIT_PATH) {
        return sme_fail(err, SME_E_INVALID, "a path of %zu bytes cannot be in a snapshot", len);
    }
    pattern->given = given;
    pattern->text = strndup(text, len);
    pattern->len = len;
    if (pattern->text == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the patterns");
    }
    pattern->is_path = exact || is_plain(pattern->text);
    if (pattern->is_path && !item_path_valid(pattern->text, len)) {
        (void)sme_fail(err, SME_E_INVALID, "'%.200s' is not a path inside a snapshot", given);
        return error_hint(err, "'sme-backup ls' shows the paths");
    }
    return SME_OK;
}

int select_init(struct select *select, const char *const *patterns, size_t count, bool exact,
                struct sme_error *err)
{
    struct select made = {.everything = count == 0, .only_paths = true};

    made.at = calloc(count + 1, sizeof *made.at);
    if (made.at == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the patterns");
    }
    for (size_t i = 0; i < count; i++) {
        int status = take(&made.at[made.count++], patterns[i], exact, err);
        if (status < 0) {
            select_done(&made);
            return status;
        }
        made.only_paths = made.only_paths && made.at[i].is_path;
        made.everything = made.everything || (made.at[i].is_path && made.at[i].len == 0);
    }
    if (made.only_paths) {
        qsort(made.at, made.count, sizeof *made.at, compare_patterns);
        /* In this order everything below a path follows it at once. */
        for (size_t i = 1, top = 0; i < made.count; i++) {
            made.at[i].is_covered =
                is_below(made.at[i].text, made.at[i].len, made.at[top].text, made.at[top].len);
            top = made.at[i].is_covered ? top : i;
        }
    }
    *select = made;
    return SME_OK;
}

void select_done(struct select *select)
{
    for (size_t i = 0; i < select->count; i++) {
        free(select->at[i].text);
    }
    free(select->at);
    memset(select, 0, sizeof *select);
}

/* Among many paths, in their order. */
static bool match_sorted(struct select *select, const char *path, size_t len)
{
    size_t low = 0;
    size_t high = select->count;
    bool found = false;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct select_pattern *at = &select->at[middle];
        if (item_path_compare(at->text, at->len, path, len) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < select->count && select->at[low].len == len &&
           memcmp(select->at[low].text, path, len) == 0;
         low++) {
        select->at[low].matched = true;
        found = true;
    }
    return found;
}

bool select_match(struct select *select, const char *path, size_t len)
{
    bool found = select->everything;

    if (select->only_paths) {
        return match_sorted(select, path, len) || found;
    }

    for (size_t i = 0; i < select->count; i++) {
        struct select_pattern *pattern = &select->at[i];
        if ((pattern->len == len && memcmp(pattern->text, path, len) == 0) ||
            (!pattern->is_path && select_glob(pattern->text, path, len))) {
            pattern->matched = true;
            found = true;
        }
    }
    return found;
}

const char *select_unmatched(const struct select *select)
{
    for (size_t i = 0; i < select->count; i++) {
        if (!select->at[i].matched && select->at[i].len > 0) {
            return select->at[i].given;
        }
    }
    return NULL;
}
