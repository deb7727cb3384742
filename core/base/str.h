/*
 * Text helpers: quoting for messages, nearest names, sizes and durations for people,
 * pattern matching, words by shell rules.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_BASE_STR_H
#define SME_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ${len} bytes for a message or a terminal: control characters and bytes that are not valid
 * UTF-8 become \xNN, backslash \\; cut with "..." to fit ${out_size}.  Returns ${out}. */
char *str_escape(const char *text, size_t len, char *out, size_t out_size);

/* Edit distance (insert, delete, replace, swap), at most ${limit} + 1. */
unsigned str_distance(const char *a, const char *b, unsigned limit);

/* "512 B", "61.2MiB": as in the log line; ${out} has 16 bytes. */
char *str_bytes(uint64_t bytes, char out[16]);
/* Seconds from nanoseconds: "4.1s", "3m12s", "2h05m"; ${out} has 16 bytes. */
char *str_duration(int64_t ns, char out[16]);

/* strdup and friends that return NULL on no memory; free() with free(). */
char *str_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool str_starts(const char *text, const char *prefix);

/* Split ${line} into words by shell rules (quotes '…' and "…", backslash, blanks), without
 * expansion of any kind.  *ret_words is NULL-terminated, one allocation, free() it.  False if a
 * quote is not closed or memory is out. */
bool str_words(const char *line, char ***ret_words, size_t *ret_count);

#endif
