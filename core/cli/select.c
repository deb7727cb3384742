/*
 * Which items of a snapshot a user's words mean.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "select.h"

#include <string.h>

bool select_is_pattern(const char *word)
{
    return strpbrk(word, "*?[") != NULL;
}

const char *select_trim(const char *word, size_t *ret_len)
{
    for (;;) {
        if (word[0] == '/') {
            word++;
        } else if (word[0] == '.' && (word[1] == '/' || word[1] == '\0')) {
            word++;
        } else {
            break;
        }
    }
    size_t len = strlen(word);
    while (len > 0 && word[len - 1] == '/') {
        len--;
    }
    *ret_len = len;
    return word;
}

struct glob {
    const char *at, *end;
};

/* Does the class behind '[' at ${g} have ${c}?  Moves behind it; a '[' without end is itself. */
static bool match_class(struct glob *g, unsigned char c)
{
    const char *p = g->at + 1;
    bool negate = p < g->end && (*p == '!' || *p == '^');
    bool found = false;
    const char *first = p + (negate ? 1 : 0);

    for (p = first; p < g->end && (*p != ']' || p == first); p++) {
        unsigned char low = (unsigned char)*p;
        unsigned char high = low;
        if (p + 2 < g->end && p[1] == '-' && p[2] != ']') {
            high = (unsigned char)p[2];
            p += 2;
        }
        found = found || (low <= c && c <= high);
    }
    if (p >= g->end) {
        g->at++;
        return c == '[';
    }
    g->at = p + 1;
    return found != negate && c != '/';
}

/* One element that is not a star, against one character. */
static bool match_one(struct glob *g, char c)
{
    bool same;

    if (*g->at == '[') {
        return match_class(g, (unsigned char)c);
    }
    if (*g->at == '?') {
        same = c != '/';
    } else {
        if (*g->at == '\\' && g->at + 1 < g->end) {
            g->at++;
        }
        same = *g->at == c;
    }
    g->at++;
    return same;
}

/* Going back to the last star of each kind is enough: a "**" makes every star before it
 * irrelevant, and so does a "*" within its component. */
static bool match_glob(const char *pattern, size_t pattern_len, const char *text, size_t len)
{
    struct glob g = {pattern, pattern + pattern_len};
    const char *end = text + len;
    const char *star = NULL, *star_text = NULL;   /* behind "*"  */
    const char *stars = NULL, *stars_text = NULL; /* behind "**" */

    for (;;) {
        if (g.at < g.end && *g.at == '*') {
            bool two = g.at + 1 < g.end && g.at[1] == '*';
            g.at += two ? 2 : 1;
            if (two) {
                /* "**" followed by '/' also matches no folder at all. */
                if (g.at < g.end && *g.at == '/') {
                    g.at++;
                }
                stars = g.at;
                stars_text = text;
                star = NULL;
            } else {
                star = g.at;
                star_text = text;
            }
            continue;
        }
        if (text == end && g.at == g.end) {
            return true;
        }
        if (text < end && g.at < g.end && match_one(&g, *text)) {
            text++;
            continue;
        }
        if (star != NULL && star_text < end && *star_text != '/') {
            text = ++star_text;
            g.at = star;
        } else if (stars != NULL && stars_text < end) {
            text = ++stars_text;
            g.at = stars;
            star = NULL;
        } else {
            return false;
        }
    }
}

static bool match_word(const char *word, const char *path, size_t len)
{
    size_t word_len = 0;
    const char *start = select_trim(word, &word_len);

    if (word_len == 0) {
        return true;
    }
    if (!select_is_pattern(word)) {
        return len >= word_len && memcmp(path, start, word_len) == 0 &&
               (len == word_len || path[word_len] == '/');
    }
    if (match_glob(start, word_len, path, len)) {
        return true;
    }
    for (size_t i = 1; i < len; i++) {
        if (path[i] == '/' && match_glob(start, word_len, path, i)) {
            return true;
        }
    }
    return false;
}

bool select_match(const char *const *words, size_t count, const char *path, size_t len,
                  bool *ret_hits)
{
    bool any = count == 0;

    for (size_t i = 0; i < count; i++) {
        if (match_word(words[i], path, len)) {
            any = true;
            if (ret_hits == NULL) {
                break;
            }
            ret_hits[i] = true;
        }
    }
    return any;
}
