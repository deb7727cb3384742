/*
 * Which items of a snapshot a user's words mean.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_SELECT_H
#define SME_CLI_SELECT_H

#include <stdbool.h>
#include <stddef.h>

/* Has ${word} a character that makes it a pattern: * ? [ */
bool select_is_pattern(const char *word);

/* A path as users write it ("/etc/", "./etc") as the item stream has it ("etc"): start in
 * ${word} and length. */
const char *select_trim(const char *word, size_t *ret_len);

/* Does one of ${words} select the item ${path}: it, or a folder above it?  No words: everything.
 * ${ret_hits} (may be NULL) gets a mark for each word that did. */
bool select_match(const char *const *words, size_t count, const char *path, size_t len,
                  bool *ret_hits);

#endif
