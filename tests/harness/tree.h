/*
 * Small folders of files for tests, and walking them away again.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_TREE_H
#define SME_TESTS_TREE_H

#include <stddef.h>
#include <stdint.h>

/* A new folder under $TMPDIR or /tmp; free() the name after tree_remove(). */
char *tree_new(void);
void tree_remove(const char *path);
/* Write ${len} bytes from a generator with this seed to ${dir}/${name}; folders are made. */
void tree_file(const char *dir, const char *name, size_t len, uint64_t seed);
void tree_text(const char *dir, const char *name, const char *text);
/* The generator itself. */
void tree_bytes(uint8_t *out, size_t len, uint64_t seed);

#endif
