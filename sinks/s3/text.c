/*
 * Text that grows.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "text.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define FIRST_CAPACITY 256

static void wipe_and_free(struct s3_text *text)
{
    if (text->at != NULL)
        OPENSSL_cleanse(text->at, text->cap);
    free(text->at);
}

/* Room for ${len} bytes more and a NUL. */
static bool make_room(struct s3_text *text, size_t len)
{
    if (text->failed)
        return false;
    if (len > S3_TEXT_MAX - text->len) {
        text->failed = true;
        return false;
    }
    if (len < text->cap - text->len)
        return true;
    size_t cap = text->cap == 0 ? FIRST_CAPACITY : text->cap;
    while (cap - text->len <= len)
        cap *= 2;
    /* Not realloc(): it would leave a copy of the old bytes, which may be a secret. */
    char *at = malloc(cap);
    if (at == NULL) {
        text->failed = true;
        return false;
    }
    if (text->len > 0)
        memcpy(at, text->at, text->len);
    wipe_and_free(text);
    text->at = at;
    text->cap = cap;
    return true;
}

void s3_text_add(struct s3_text *text, const char *bytes, size_t len)
{
    if (!make_room(text, len))
        return;
    if (len > 0)
        memcpy(text->at + text->len, bytes, len);
    text->len += len;
    text->at[text->len] = '\0';
}

void s3_text_puts(struct s3_text *text, const char *string)
{
    s3_text_add(text, string, strlen(string));
}

void s3_text_printf(struct s3_text *text, const char *fmt, ...)
{
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    if (len < 0)
        text->failed = true;
    else if (make_room(text, (size_t)len)) {
        (void)vsnprintf(text->at + text->len, (size_t)len + 1, fmt, again);
        text->len += (size_t)len;
    }
    va_end(again);
    va_end(ap);
}

static void add_xml(struct s3_text *text, char c)
{
    switch (c) {
    case '&':
        s3_text_puts(text, "&amp;");
        break;
    case '<':
        s3_text_puts(text, "&lt;");
        break;
    case '>':
        s3_text_puts(text, "&gt;");
        break;
    case '"':
        s3_text_puts(text, "&quot;");
        break;
    case '\'':
        s3_text_puts(text, "&apos;");
        break;
    case '\t':
    case '\n':
    case '\r':
    case '\x7f':
        s3_text_printf(text, "&#%d;", c);
        break;
    default:
        /* XML has no way at all to write the other control characters. */
        s3_text_add(text, (unsigned char)c < ' ' ? "?" : &c, 1);
    }
}

void s3_text_xml(struct s3_text *text, const char *string)
{
    for (; *string != '\0' && !text->failed; string++)
        add_xml(text, *string);
}

void s3_text_json(struct s3_text *text, const char *string)
{
    s3_text_puts(text, "\"");
    for (; *string != '\0' && !text->failed; string++) {
        unsigned char c = (unsigned char)*string;
        if (c < ' ' || c == 0x7f)
            s3_text_printf(text, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            s3_text_printf(text, "\\%c", c);
        else
            s3_text_add(text, string, 1);
    }
    s3_text_puts(text, "\"");
}

int s3_text_check(const struct s3_text *text, const char *what, struct sme_error *err)
{
    if (!text->failed)
        return SME_OK;
    int status = sme_fail(err, SME_E_NO_MEMORY, "no memory for %s, or above %u MiB", what,
                          S3_TEXT_MAX >> 20);
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "run it again when more memory is free");
    return status;
}

void s3_text_done(struct s3_text *text)
{
    wipe_and_free(text);
    *text = (struct s3_text){0};
}
