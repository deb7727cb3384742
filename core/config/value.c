/*
 * Values of options.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "value.h"
#include "../base/error.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* "123" or "1.25": ${whole} and ${part} / ${scale}. */
struct number {
    uint64_t whole;
    uint64_t part;
    uint64_t scale;
};

#define SCALE_MAX UINT64_C(1000000)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read digits at *text, at least one. */
static bool take_digits(const char **text, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (!is_digit(**text))
        return false;
    for (; is_digit(**text); (*text)++) {
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(**text - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

static bool take_number(const char **text, struct number *ret_number)
{
    struct number n = {.scale = 1};

    if (!take_digits(text, &n.whole))
        return false;
    if (**text == '.') {
        (*text)++;
        if (!is_digit(**text))
            return false;
        for (; is_digit(**text); (*text)++) {
            if (n.scale == SCALE_MAX)
                return false;
            n.part = n.part * 10 + (uint64_t)(**text - '0');
            n.scale *= 10;
        }
    }
    *ret_number = n;
    return true;
}

/* ${n} times ${factor}, rounded down. */
static bool multiply(const struct number *n, uint64_t factor, uint64_t *ret_value)
{
    uint64_t value;
    /* part < scale <= 10^6; so each of the two products stays below factor. */
    uint64_t part = factor / n->scale * n->part + factor % n->scale * n->part / n->scale;

    if (__builtin_mul_overflow(n->whole, factor, &value) ||
        __builtin_add_overflow(value, part, &value))
        return false;
    *ret_value = value;
    return true;
}

static int parse_with_unit(const char *text, const struct unit *units, size_t unit_count,
                           uint64_t *ret_value)
{
    struct number n;
    uint64_t value;

    if (!take_number(&text, &n))
        return SME_E_INVALID;
    for (size_t i = 0; i < unit_count; i++) {
        if (strcasecmp(text, units[i].name) != 0)
            continue;
        /* A fraction of the smallest thing there is would be lost. */
        if ((units[i].factor == 1 && n.scale > 1) || !multiply(&n, units[i].factor, &value))
            return SME_E_INVALID;
        *ret_value = value;
        return SME_OK;
    }
    return SME_E_INVALID;
}

int value_bool(const char *text, bool *ret_value)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *ret_value = strcasecmp(text, yes[i]) == 0;
            return SME_OK;
        }
    }
    return SME_E_INVALID;
}

int value_int(const char *text, int64_t *ret_value)
{
    bool negative = text[0] == '-';
    uint64_t value;

    if (negative)
        text++;
    if (!take_digits(&text, &value) || *text != '\0' || value > (uint64_t)INT64_MAX + negative)
        return SME_E_INVALID;
    *ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
    return SME_OK;
}

int value_size(const char *text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {
        {"", 1},
        {"B", 1},
        {"K", UINT64_C(1) << 10},
        {"KiB", UINT64_C(1) << 10},
        {"KB", UINT64_C(1000)},
        {"M", UINT64_C(1) << 20},
        {"MiB", UINT64_C(1) << 20},
        {"MB", UINT64_C(1000000)},
        {"G", UINT64_C(1) << 30},
        {"GiB", UINT64_C(1) << 30},
        {"GB", UINT64_C(1000000000)},
        {"T", UINT64_C(1) << 40},
        {"TiB", UINT64_C(1) << 40},
        {"TB", UINT64_C(1000000000000)},
        {"P", UINT64_C(1) << 50},
        {"PiB", UINT64_C(1) << 50},
        {"PB", UINT64_C(1000000000000000)},
    };

    return parse_with_unit(text, units, sizeof units / sizeof units[0], ret_bytes);
}

int value_duration(const char *text, uint64_t *ret_ms)
{
    static const struct unit units[] = {
        {"ms", 1},          {"s", 1000},         {"min", 60 * 1000},
        {"h", 3600 * 1000}, {"d", 86400 * 1000}, {"w", 7 * 86400 * 1000},
    };

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return SME_OK;
    }
    return parse_with_unit(text, units, sizeof units / sizeof units[0], ret_ms);
}

int value_percent(const char *text, uint32_t *ret_value)
{
    struct number n;
    uint64_t value;

    if (!take_number(&text, &n) || strcmp(text, "%") != 0 || n.scale > 100 ||
        !multiply(&n, 100, &value) || value > UINT32_MAX)
        return SME_E_INVALID;
    *ret_value = (uint32_t)value;
    return SME_OK;
}

static bool is_separator(char c)
{
    return c == ',' || c == '\n';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Copy a quoted entry from behind its opening quote; only blanks may follow the closing one. */
static bool take_quoted(const char **at, char **out)
{
    for (; **at != '"'; (*at)++) {
        if (**at == '\\')
            (*at)++;
        if (**at == '\0')
            return false;
        *(*out)++ = **at;
    }
    (*at)++;
    while (is_blank(**at))
        (*at)++;
    return **at == '\0' || is_separator(**at);
}

static void take_plain(const char **at, char **out)
{
    const char *begin = *at;

    while (**at != '\0' && !is_separator(**at))
        (*at)++;
    size_t len = (size_t)(*at - begin);
    while (len > 0 && is_blank(begin[len - 1]))
        len--;
    memcpy(*out, begin, len);
    *out += len;
}

int value_list(const char *text, char ***ret_items, size_t *ret_count)
{
    size_t len = strlen(text), most = 2, count = 0;

    for (const char *at = text; *at != '\0'; at++)
        most += is_separator(*at);
    if (len > SIZE_MAX / 32)
        return SME_E_INVALID;
    /* The pointers with NULL at their end, then the texts: no longer than the input, as each
     * separator makes room for the NUL before it. */
    char **items = malloc(most * sizeof *items + len + 2);
    if (items == NULL)
        return SME_E_NO_MEMORY;
    char *out = (char *)(items + most);

    while (*text != '\0') {
        if (is_blank(*text) || is_separator(*text)) {
            text++;
            continue;
        }
        items[count++] = out;
        if (*text == '"') {
            text++;
            if (!take_quoted(&text, &out)) {
                free(items);
                return SME_E_INVALID;
            }
        } else {
            take_plain(&text, &out);
        }
        *out++ = '\0';
    }
    items[count] = NULL;
    *ret_items = items;
    *ret_count = count;
    return SME_OK;
}
