/*
 * Text helpers.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names that are compared for likeness are short; longer ones are never alike. */
#define DISTANCE_MAX 64

/* Characters that move the cursor, end the line or turn the reading direction. */
static bool is_harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Length of the UTF-8 character at ${at}, with its code; 0 if it is not one. */
static size_t utf8_char(const uint8_t *at, size_t len, uint32_t *ret_code)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need;
    uint32_t code;

    if (at[0] < 0x80) {
        need = 1;
        code = at[0];
    } else if (at[0] >= 0xc2 && at[0] <= 0xdf) {
        need = 2;
        code = at[0] & 0x1fu;
    } else if (at[0] >= 0xe0 && at[0] <= 0xef) {
        need = 3;
        code = at[0] & 0x0fu;
    } else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
        need = 4;
        code = at[0] & 0x07u;
    } else {
        return 0;
    }
    if (need > len)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    if (need > 1 && (code < smallest[need] || code > 0x10ffff || (code >> 11) == 0x1b))
        return 0;
    *ret_code = code;
    return need;
}

/* Write the character at ${at} to ${out} (16 bytes); *ret_used bytes of it were read. */
static size_t escape_one(const uint8_t *at, size_t len, char *out, size_t *ret_used)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t code = 0;
    size_t used = utf8_char(at, len, &code);
    size_t written = 0;

    *ret_used = used > 0 ? used : 1;
    if (used > 0 && code == '\\') {
        memcpy(out, "\\\\", 2);
        return 2;
    }
    if (used > 0 && !is_harmful(code)) {
        memcpy(out, at, used);
        return used;
    }
    for (size_t i = 0; i < *ret_used; i++) {
        out[written++] = '\\';
        out[written++] = 'x';
        out[written++] = digits[at[i] >> 4];
        out[written++] = digits[at[i] & 15];
    }
    return written;
}

char *str_escape(const char *text, size_t len, char *out, size_t out_size)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t written = 0, cut = 0;

    if (out_size == 0)
        return out;
    while (len > 0) {
        char unit[16];
        size_t used = 0;
        size_t unit_len = escape_one(at, len, unit, &used);

        if (written + unit_len >= out_size) {
            size_t dots = out_size - 1 - cut < 3 ? out_size - 1 - cut : 3;
            memset(out + cut, '.', dots);
            written = cut + dots;
            break;
        }
        memcpy(out + written, unit, unit_len);
        written += unit_len;
        if (written + 3 < out_size)
            cut = written;
        at += used;
        len -= used;
    }
    out[written] = '\0';
    return out;
}

unsigned str_distance(const char *a, const char *b, unsigned limit)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    /* Three rows of the table of distances between beginnings of both. */
    unsigned rows[3][DISTANCE_MAX + 1];

    if (a_len > DISTANCE_MAX || b_len > DISTANCE_MAX)
        return strcmp(a, b) == 0 ? 0 : limit + 1;
    for (unsigned j = 0; j <= b_len; j++)
        rows[0][j] = j;

    for (unsigned i = 1; i <= a_len; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *before = rows[(i + 2) % 3];
        const unsigned *earlier = rows[(i + 1) % 3];

        now[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            unsigned best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best)
                best = before[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                earlier[j - 2] + 1 < best)
                best = earlier[j - 2] + 1;
            now[j] = best;
        }
    }
    unsigned distance = rows[a_len % 3][b_len];
    return distance <= limit ? distance : limit + 1;
}

char *str_bytes(uint64_t bytes, char out[16])
{
    static const char units[] = "KMGTPE";

    if (bytes < 1024) {
        (void)snprintf(out, 16, "%u B", (unsigned)bytes);
        return out;
    }
    size_t unit = 0;
    unsigned shift = 10;
    /* The next unit begins where rounding would show 1024.0 of this one. */
    while (unit + 1 < sizeof units - 1 &&
           bytes >= (UINT64_C(1024) << shift) - ((UINT64_C(1) << shift) / 20)) {
        unit++;
        shift += 10;
    }
    uint64_t whole = bytes >> shift;
    uint64_t part = bytes & ((UINT64_C(1) << shift) - 1);
    /* Ten times the part and half a unit fit: shift is at most 60, the part below 2^60. */
    uint64_t tenths = (part * 10 + (UINT64_C(1) << (shift - 1))) >> shift;
    if (tenths == 10) {
        whole++;
        tenths = 0;
    }
    (void)snprintf(out, 16, "%u.%u%ciB", (unsigned)whole, (unsigned)tenths, units[unit]);
    return out;
}

char *str_duration(int64_t ns, char out[16])
{
    uint64_t tenths = ns > 0 ? (uint64_t)ns / 100000000 + (uint64_t)ns % 100000000 / 50000000 : 0;
    uint64_t sec = tenths / 10;

    if (tenths < 600)
        (void)snprintf(out, 16, "%u.%us", (unsigned)sec, (unsigned)(tenths % 10));
    else if (sec < 3600)
        (void)snprintf(out, 16, "%um%02us", (unsigned)(sec / 60), (unsigned)(sec % 60));
    else
        (void)snprintf(out, 16, "%uh%02um", (unsigned)(sec / 3600), (unsigned)(sec / 60 % 60));
    return out;
}

char *str_format(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    int printed = vasprintf(&text, fmt, ap);
    va_end(ap);
    return printed >= 0 ? text : NULL;
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copy one word from *at to *out.  False if a quote or an escape has no end. */
static bool take_word(const char **at, char **out)
{
    char quote = '\0';

    for (; **at != '\0' && (quote != '\0' || !is_blank(**at)); (*at)++) {
        char c = **at;
        if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'') {
            char next = (*at)[1];
            if (next == '\0')
                return false;
            if (quote == '"' && strchr("\"\\$`\n", next) == NULL)
                *(*out)++ = c;
            if (next != '\n')
                *(*out)++ = next;
            (*at)++;
        } else {
            *(*out)++ = c;
        }
    }
    *(*out)++ = '\0';
    return quote == '\0';
}

bool str_words(const char *line, char ***ret_words, size_t *ret_count)
{
    size_t len = strlen(line);
    size_t most = len / 2 + 2; /* words with a blank between, and the NULL */

    if (len > SIZE_MAX / 32)
        return false;
    char **words = malloc(most * sizeof *words + len + 2);
    if (words == NULL)
        return false;
    char *text = (char *)(words + most);
    size_t count = 0;

    for (;;) {
        while (is_blank(*line))
            line++;
        if (*line == '\0')
            break;
        words[count++] = text;
        if (!take_word(&line, &text)) {
            free(words);
            return false;
        }
    }
    words[count] = NULL;
    *ret_words = words;
    *ret_count = count;
    return true;
}
