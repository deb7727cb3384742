/*
 * Text that grows.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A failed allocation or a text above the limit sets ${failed}; every later call does nothing,
 * so that it is looked at once, at the end.
 */
#ifndef SME_SINKS_S3_TEXT_H
#define SME_SINKS_S3_TEXT_H

#include "../../include/sme-backup/common.h"

#include <stdbool.h>

#define S3_TEXT_MAX (16u << 20)

struct s3_text {
    char *at; /* NUL-terminated once something was added; else NULL */
    size_t len, cap;
    bool failed;
};

void s3_text_add(struct s3_text *text, const char *bytes, size_t len);
void s3_text_puts(struct s3_text *text, const char *string);
void s3_text_printf(struct s3_text *text, const char *fmt, ...) SME_PRINTF(2, 3);
/* As character data of XML: & < > " ' and control characters are replaced. */
void s3_text_xml(struct s3_text *text, const char *string);
/* As a JSON string with its quotes. */
void s3_text_json(struct s3_text *text, const char *string);
/* SME_OK or SME_E_NO_MEMORY, naming ${what}. */
int s3_text_check(const struct s3_text *text, const char *what, struct sme_error *err);
/* Wipe and free; ready for use again. */
void s3_text_done(struct s3_text *text);

#endif
