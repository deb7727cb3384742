/*
 * Values of options: strict, whole-string parsers.  Out parameters are untouched on failure.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CONFIG_VALUE_H
#define SME_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each returns SME_OK or SME_E_INVALID. */
int value_bool(const char *text, bool *ret_value);
int value_int(const char *text, int64_t *ret_value);
/* "4096", "64KiB", "64K", "1.5GiB", "10MB" (KB = 1000, KiB and K = 1024); bytes. */
int value_size(const char *text, uint64_t *ret_bytes);
/* "250ms", "90s", "15min", "6h", "2d", "1w", "0"; milliseconds.  A bare number other than 0 is
 * refused: the unit is missing. */
int value_duration(const char *text, uint64_t *ret_ms);
/* "2%", "0.5%"; hundredths of a per cent. */
int value_percent(const char *text, uint32_t *ret_value);
/* Split at commas and newlines; blanks around entries go, empty entries too; "..." keeps commas
 * and blanks, and backslash escapes the next character inside the quotes.  *ret_items is one
 * allocation with NULL at its end. */
int value_list(const char *text, char ***ret_items, size_t *ret_count);

#endif
