/*
 * Credentials as they are handed out: keys, their end, and the JSON they come in.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SINKS_S3_CREDS_PARSE_H
#define SME_SINKS_S3_CREDS_PARSE_H

#include "creds.h"

/* Keys from anywhere.  Wipe with creds_found_wipe(). */
struct creds_found {
    struct s3_keys keys;
    int64_t expires_sec; /* since 1970; 0: never */
};

void creds_found_wipe(struct creds_found *found);

/* sme_fail() with a hint. */
int creds_fail(struct sme_error *err, int status, const char *hint, const char *fmt, ...)
    SME_PRINTF(4, 5);
/* The hint of ${err}, which may be NULL. */
void creds_hint(struct sme_error *err, const char *fmt, ...) SME_PRINTF(2, 3);

/* Visible ASCII without blanks, not empty: what may stand in a header. */
bool creds_is_visible(const char *text);

/* Copy for a message: what is not visible becomes '?'. */
void creds_show(char *out, size_t size, const char *text);

/* Copy keys of any origin, checked; ${token} may be NULL.  ${from} for messages: "the
 * environment". */
int creds_set_keys(struct s3_keys *keys, const char *access, const char *secret, const char *token,
                   const char *from, struct sme_error *err);

/* "2026-11-23T02:00:00Z", fractions of a second allowed and dropped; nothing else. */
bool creds_parse_time(const char *text, int64_t *ret_sec);

/*
 * The JSON of metadata service and container endpoint: AccessKeyId, SecretAccessKey, Token and
 * Expiration must be there; Code must be "Success", and be there if ${need_code}.  ${text} is
 * left as it is; ${from} for messages.
 */
int creds_parse_json(const char *text, size_t len, bool need_code, const char *from,
                     struct creds_found *ret_found, struct sme_error *err);

#endif
