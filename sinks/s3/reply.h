/*
 * Reading the headers of a reply.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SINKS_S3_REPLY_H
#define SME_SINKS_S3_REPLY_H

#include "call.h"

/* Take over one line, status lines included; what is not understood is left. */
void reply_read_header(struct s3_reply *reply, const char *line, size_t len);

/* Bytes of base64 text that encodes exactly 32 bytes; false for anything else. */
bool reply_read_sha256(const char *base64, uint8_t ret_hash[32]);
/* "2026-11-23T02:00:41.000Z" as in listings; false for anything else. */
bool reply_read_time(const char *text, int64_t *ret_sec);

#endif
