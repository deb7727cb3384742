/*
 * Bytes as hex and base32 text.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "hex.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void hex_encode(const void *data, size_t len, char *out)
{
    const uint8_t *in = data;

    for (size_t i = 0; i < len; i++) {
        *out++ = hex_digits[in[i] >> 4];
        *out++ = hex_digits[in[i] & 15];
    }
    *out = '\0';
}

/* 0 to 15, or 16 for a character that is no digit. */
static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    return 16;
}

bool hex_decode_n(const char *text, size_t text_len, void *out, size_t len)
{
    uint8_t *bytes = out;

    if (len > SIZE_MAX / 2 || text_len != 2 * len)
        return false;
    for (size_t i = 0; i < text_len; i++) {
        if (hex_value(text[i]) > 15)
            return false;
    }
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
    return true;
}

bool hex_decode(const char *text, void *out, size_t len)
{
    return hex_decode_n(text, strlen(text), out, len);
}

size_t base32_len(size_t len)
{
    return len / 5 * 8 + (len % 5 * 8 + 4) / 5;
}

void base32_encode(const void *data, size_t len, char *out)
{
    const uint8_t *in = data;
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | in[i]) & 0xffff;
        count += 8;
        while (count >= 5) {
            count -= 5;
            *out++ = base32_digits[bits >> count & 31];
        }
    }
    if (count > 0)
        *out++ = base32_digits[bits << (5 - count) & 31];
    *out = '\0';
}

/* 0 to 31, or 32 for a character that is no digit. */
static unsigned base32_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a');
    if (c >= '2' && c <= '7')
        return (unsigned)(c - '2') + 26;
    return 32;
}

bool base32_decode(const char *text, size_t text_len, void *out, size_t len)
{
    uint8_t *bytes = out;
    uint32_t bits = 0;
    unsigned count = 0;

    if (text_len != base32_len(len))
        return false;
    for (size_t i = 0; i < text_len; i++) {
        if (base32_value(text[i]) > 31)
            return false;
    }
    unsigned spare = (unsigned)(text_len % 8 * 5 % 8);
    if (spare > 0 && (base32_value(text[text_len - 1]) & ((1u << spare) - 1)) != 0)
        return false;

    for (size_t i = 0; i < text_len; i++) {
        bits = (bits << 5 | base32_value(text[i])) & 0xffff;
        count += 5;
        if (count >= 8) {
            count -= 8;
            *bytes++ = (uint8_t)(bits >> count);
        }
    }
    return true;
}
