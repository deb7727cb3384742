/*
 * Names of databases, schemas and tables in paths, patterns and text.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "names.h"

#include <stdlib.h>

#define PART_MAX 200 /* bytes of an encoded name; with ".dump" a file name stays below 255 */

/* FNV-1a: only to tell two cut names apart. */
static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u;

    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return hash;
}

static bool is_plain(const char *name, size_t at)
{
    unsigned char c = (unsigned char)name[at];

    return c >= ' ' && c != 0x7f && c != '/' && c != '%' && !(c == '.' && at == 0);
}

/* The last place up to ${at} that is neither within %XX nor within a character of UTF-8. */
static size_t whole_until(const char *text, size_t at)
{
    for (unsigned i = 1; i < 3; i++) {
        if (text[at - i] == '%') {
            return at - i;
        }
    }
    for (unsigned i = 0; i < 3 && ((unsigned char)text[at] & 0xc0) == 0x80; i++) {
        at--;
    }
    return at;
}

char *names_path(const char *name)
{
    size_t len = strlen(name);
    char *out = malloc(len * 3 + 16);
    size_t used = 0;

    if (out == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        if (is_plain(name, i)) {
            out[used++] = name[i];
        } else {
            (void)snprintf(out + used, 4, "%%%02X", (unsigned)(unsigned char)name[i]);
            used += 3;
        }
    }
    out[used] = '\0';
    if (used > PART_MAX) {
        size_t cut = whole_until(out, PART_MAX);
        (void)snprintf(out + cut, 16, "%%-%08x", (unsigned)hash_name(name));
    }
    return out;
}

/* Append ${name} in double quotes. */
static char *quote(char *to, const char *name)
{
    *to++ = '"';
    for (; *name != '\0'; name++) {
        if (*name == '"') {
            *to++ = '"';
        }
        *to++ = *name;
    }
    *to++ = '"';
    return to;
}

char *names_pattern(const char *schema, const char *table)
{
    char *out = malloc(2 * strlen(schema) + 2 * strlen(table) + 8);

    if (out != NULL) {
        char *end = quote(out, schema);
        *end++ = '.';
        end = quote(end, table);
        *end = '\0';
    }
    return out;
}

bool names_match(const char *pattern, const char *text)
{
    const char *star = NULL; /* behind the last '*' met */
    const char *retry = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

/* One part of a name as SQL writes it: NULL if it is none.  *at moves behind it. */
static char *take_part(const char **at)
{
    const char *from = *at;
    char *out = malloc(strlen(from) + 1);
    size_t used = 0;

    if (out == NULL) {
        return NULL;
    }
    if (*from == '"') {
        for (from++; *from != '\0'; from++) {
            if (*from == '"' && from[1] != '"') {
                break;
            }
            from += *from == '"';
            out[used++] = *from;
        }
        if (*from != '"') {
            used = 0; /* no end */
        } else {
            from++;
        }
    } else {
        for (; *from != '\0' && *from != '.' && *from != '"'; from++) {
            /* Letters of ASCII alone, as the server does in UTF-8. */
            out[used++] = *from >= 'A' && *from <= 'Z' ? (char)(*from - 'A' + 'a') : *from;
        }
    }
    out[used] = '\0';
    *at = from;
    if (used == 0) {
        free(out);
        return NULL;
    }
    return out;
}

int names_split(const char *text, char **ret_schema, char **ret_table, struct sme_error *err)
{
    const char *at = text;
    char *first = take_part(&at);
    char *second = NULL;

    if (first != NULL && *at == '.') {
        at++;
        second = take_part(&at);
        if (second == NULL) {
            free(first);
            first = NULL;
        }
    }
    if (first == NULL || *at != '\0') {
        free(first);
        free(second);
        int status = sme_fail(err, SME_E_INVALID, "'%s' is not the name of a table", text);
        if (err != NULL) {
            (void)snprintf(err->hint, sizeof err->hint,
                           "write it as in SQL: orders, sales.orders, \"Odd Name\".\"x\"");
        }
        return status;
    }
    *ret_schema = second != NULL ? first : NULL;
    *ret_table = second != NULL ? second : first;
    return SME_OK;
}
