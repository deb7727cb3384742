/*
 * Credentials as they are handed out: keys, their end, and the JSON they come in.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "creds_parse.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <time.h>

#define HINT_REPLY "something else answers there; look for a proxy, or a wrong address"

void creds_found_wipe(struct creds_found *found)
{
    OPENSSL_cleanse(found, sizeof *found);
}

int creds_fail(struct sme_error *err, int status, const char *hint, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)sme_vfail(err, status, 0, fmt, ap);
    va_end(ap);
    creds_hint(err, "%s", hint);
    return status;
}

void creds_hint(struct sme_error *err, const char *fmt, ...)
{
    va_list ap;

    if (err == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
}

bool creds_is_visible(const char *text)
{
    const char *at = text;

    while (*at > ' ' && *at <= '~')
        at++;
    return *at == '\0' && at != text;
}

void creds_show(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);

    for (size_t i = 0; i < len; i++)
        out[i] = (char)(text[i] >= ' ' && text[i] <= '~' && text[i] != '\'' ? text[i] : '?');
    out[len] = '\0';
}

static int set_one(char *out, size_t size, const char *value, const char *name, const char *from,
                   struct sme_error *err)
{
    size_t len = strlen(value);

    if (len >= size)
        return creds_fail(err, SME_E_INVALID, "look whether something else was copied there",
                          "the %s of %s has more than %zu characters", name, from, size - 1);
    if (!creds_is_visible(value)) {
        (void)sme_fail(err, SME_E_INVALID, "the %s of %s is empty or has characters it cannot have",
                       name, from);
        creds_hint(err, "look for blanks, quotes or a missing line where it was copied");
        return SME_E_INVALID;
    }
    memcpy(out, value, len + 1);
    return SME_OK;
}

int creds_set_keys(struct s3_keys *keys, const char *access, const char *secret, const char *token,
                   const char *from, struct sme_error *err)
{
    struct s3_keys set = {.generation = keys->generation};

    int status = set_one(set.access, sizeof set.access, access, "access key", from, err);
    if (status == SME_OK)
        status = set_one(set.secret, sizeof set.secret, secret, "secret key", from, err);
    if (status == SME_OK && token != NULL && token[0] != '\0')
        status = set_one(set.token, sizeof set.token, token, "session token", from, err);
    if (status == SME_OK)
        *keys = set;
    s3_keys_wipe(&set);
    return status;
}

/* ---- time --------------------------------------------------------------------------------- */

static bool read_digits(const char **at, size_t count, int *ret_value)
{
    int value = 0;

    for (size_t i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        value = value * 10 + (**at - '0');
    }
    *ret_value = value;
    return true;
}

static bool read_mark(const char **at, char mark)
{
    if (**at != mark)
        return false;
    (*at)++;
    return true;
}

bool creds_parse_time(const char *text, int64_t *ret_sec)
{
    struct tm tm = {0};
    const char *at = text;

    if (!read_digits(&at, 4, &tm.tm_year) || !read_mark(&at, '-') ||
        !read_digits(&at, 2, &tm.tm_mon) || !read_mark(&at, '-') ||
        !read_digits(&at, 2, &tm.tm_mday) || !read_mark(&at, 'T') ||
        !read_digits(&at, 2, &tm.tm_hour) || !read_mark(&at, ':') ||
        !read_digits(&at, 2, &tm.tm_min) || !read_mark(&at, ':') ||
        !read_digits(&at, 2, &tm.tm_sec))
        return false;
    if (read_mark(&at, '.')) {
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || digits > 9)
            return false;
        at += digits;
    }
    if (strcmp(at, "Z") != 0 || tm.tm_year < 1970)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    struct tm told = tm;
    /* timegm() makes the 31st of April the 1st of May: a date that it changes is none. */
    int64_t sec = timegm(&tm);
    if (tm.tm_year != told.tm_year || tm.tm_mon != told.tm_mon || tm.tm_mday != told.tm_mday ||
        tm.tm_hour != told.tm_hour || tm.tm_min != told.tm_min || tm.tm_sec != told.tm_sec)
        return false;
    *ret_sec = sec;
    return true;
}

/* ---- JSON --------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* The library frees its strings as they are; they are its own copies, so they may be written. */
static void wipe_and_free(json_t *root)
{
    const char *name;
    json_t *value;

    json_object_foreach(root, name, value)
    {
        if (json_is_string(value))
            OPENSSL_cleanse((void *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
    json_decref(root);
}

static int fail_code(const char *code, const char *from, struct sme_error *err)
{
    char shown[64];

    creds_show(shown, sizeof shown, code);
    if (strcmp(code, "AssumeRoleUnauthorizedAccess") == 0) {
        (void)sme_fail(err, SME_E_DENIED, "%s gives no keys: '%s'", from, shown);
        creds_hint(err, "the trust policy of the role must allow ec2.amazonaws.com to assume it");
        return SME_E_DENIED;
    }
    if (strcmp(code, "InstanceProfileNotFound") == 0) {
        (void)sme_fail(err, SME_E_DENIED, "%s gives no keys: '%s'", from, shown);
        creds_hint(err, "the instance profile was removed: attach another one to the instance");
        return SME_E_DENIED;
    }
    (void)sme_fail(err, SME_E_TRANSIENT, "%s gives no keys now: its Code is '%s', not 'Success'",
                   from, shown);
    creds_hint(err, "if it lasts, look at the role and its instance profile");
    return SME_E_TRANSIENT;
}

static int take_fields(const json_t *root, bool need_code, const char *from,
                       struct creds_found *found, struct sme_error *err)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
    bool has_code = json_object_get(root, "Code") != NULL;

    if ((need_code || has_code) && strcmp(text_of(root, "Code"), "Success") != 0) {
        if (text_of(root, "Code")[0] != '\0')
            return fail_code(text_of(root, "Code"), from, err);
        (void)sme_fail(err, SME_E_CORRUPT, "the answer of %s has no 'Code'", from);
        creds_hint(err, HINT_REPLY);
        return SME_E_CORRUPT;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (text_of(root, names[i])[0] == '\0') {
            (void)sme_fail(err, SME_E_CORRUPT, "the answer of %s has no '%s'", from, names[i]);
            creds_hint(err, HINT_REPLY);
            return SME_E_CORRUPT;
        }
    }
    if (!creds_parse_time(text_of(root, "Expiration"), &found->expires_sec)) {
        (void)sme_fail(err, SME_E_CORRUPT, "the 'Expiration' of %s is not a time", from);
        creds_hint(err, HINT_REPLY);
        return SME_E_CORRUPT;
    }
    int status =
        creds_set_keys(&found->keys, text_of(root, "AccessKeyId"), text_of(root, "SecretAccessKey"),
                       text_of(root, "Token"), from, err);
    if (status == SME_E_INVALID) { /* not the operator's doing */
        status = SME_E_CORRUPT;
        if (err != NULL)
            err->status = status;
        creds_hint(err, HINT_REPLY);
    }
    return status;
}

int creds_parse_json(const char *text, size_t len, bool need_code, const char *from,
                     struct creds_found *ret_found, struct sme_error *err)
{
    struct creds_found found = {0};
    json_error_t why;

    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL || !json_is_object(root)) {
        json_decref(root);
        /* The library's message is not used: it quotes the text. */
        (void)sme_fail(err, SME_E_CORRUPT, "the answer of %s is not a JSON object", from);
        creds_hint(err, HINT_REPLY);
        return SME_E_CORRUPT;
    }
    int status = take_fields(root, need_code, from, &found, err);
    wipe_and_free(root);
    if (status == SME_OK)
        *ret_found = found;
    creds_found_wipe(&found);
    return status;
}
