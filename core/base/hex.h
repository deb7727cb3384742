/*
 * Bytes as text: hex, and base32 (RFC 4648 alphabet without padding).
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_BASE_HEX_H
#define SME_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Write 2 * ${len} lower-case digits and a NUL to ${out}. */
void hex_encode(const void *data, size_t len, char *out);
/* Read exactly ${len} bytes from the 2 * ${len} digits of ${text}, which must end there;
 * lower case only.  False, and ${out} untouched, if it is anything else. */
bool hex_decode(const char *text, void *out, size_t len);
/* The same for ${text_len} characters of a longer text. */
bool hex_decode_n(const char *text, size_t text_len, void *out, size_t len);

/* Length of the base32 text of ${len} bytes, without NUL. */
size_t base32_len(size_t len);
void base32_encode(const void *data, size_t len, char *out);
/* Upper or lower case; exactly base32_len(len) characters; unused bits must be zero. */
bool base32_decode(const char *text, size_t text_len, void *out, size_t len);

#endif
