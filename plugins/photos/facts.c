/*
 * What is known of one file: the extras of its item.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "facts.h"

#include <stdlib.h>

static void free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

void facts_clear(struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        free_text(facts->list[i].name);
        free_text(facts->list[i].value);
    }
    facts->count = 0;
}

const char *facts_get(const struct facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->count; i++)
        if (strcmp(facts->list[i].name, name) == 0)
            return facts->list[i].value;
    return NULL;
}

/* ${value} becomes ours. */
static bool add_owned(struct facts *facts, const char *name, char *value)
{
    char *own = value != NULL ? strdup(name) : NULL;

    if (own == NULL) {
        free(value);
        return false;
    }
    if (facts->count == FACTS_MAX || facts_get(facts, name) != NULL) {
        free(own);
        free(value);
        return true;
    }
    facts->list[facts->count++] = (struct sme_extra){.name = own, .value = value};
    return true;
}

/* Bytes of the UTF-8 sequence at ${p}, 0 if it is none; NUL ends every sequence. */
static size_t utf8_length(const unsigned char *p)
{
    size_t more = p[0] < 0x80 ? 0 : p[0] >= 0xc2 && p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;

    if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i <= more; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
    bool too_high = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || surrogate || too_high ? 0 : more + 1;
}

bool facts_add(struct facts *facts, const char *name, const char *value)
{
    char clean[FACT_TEXT_MAX + 4];
    size_t used = 0;
    const unsigned char *p = (const unsigned char *)value;

    while (*p == ' ' || *p == '\t')
        p++;
    while (*p != '\0' && used + 4 <= FACT_TEXT_MAX) {
        size_t len = utf8_length(p);
        if (len == 0) { /* Latin-1 */
            clean[used++] = (char)(0xc0 | *p >> 6);
            clean[used++] = (char)(0x80 | (*p & 0x3f));
            p++;
        } else if ((*p < 0x20 && *p != '\t') || *p == 0x7f) {
            clean[used++] = ' ';
            p++;
        } else {
            memcpy(clean + used, p, len);
            used += len;
            p += len;
        }
    }
    while (used > 0 && (clean[used - 1] == ' ' || clean[used - 1] == '\t'))
        used--;
    return used == 0 || add_owned(facts, name, strndup(clean, used));
}

bool facts_add_format(struct facts *facts, const char *name, const char *fmt, ...)
{
    char text[FACT_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return facts_add(facts, name, text);
}

bool facts_add_bytes(struct facts *facts, const char *name, const void *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = bytes;

    if (len == 0 || len > PREVIEW_MAX)
        return true;
    char *text = malloc((len + 2) / 3 * 4 + 1);
    if (text == NULL)
        return false;
    char *to = text;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t three = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                         (left > 2 ? p[i + 2] : 0);
        *to++ = digits[three >> 18];
        *to++ = digits[three >> 12 & 63];
        *to++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[three & 63] : '=';
    }
    *to = '\0';
    return add_owned(facts, name, text);
}

bool facts_add_again(struct facts *facts, const char *name, const char *value, size_t len)
{
    return add_owned(facts, name, strndup(value, len));
}
