/*
 * The page of a gallery: what is written into gallery.html.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * In the page stand, as blocks of data that no browser runs: what the page is about (JSON), then
 * for each month an array of photos (JSON), then, behind the script, a block of base64 for each
 * picture.  So the page can be used before the pictures have arrived.
 */
#ifndef SME_RUN_GALLERY_PAGE_H
#define SME_RUN_GALLERY_PAGE_H

#include "gallery.h"
#include "gallery_list.h"

/* gallery.html; made when the program is built. */
extern const unsigned char gallery_template[];
extern const size_t gallery_template_len;

/* Write the page of the sorted ${list} to ${out}; write errors are left in ${out}. */
int gallery_page_write(const struct gallery_request *request, const struct gallery_list *list,
                       FILE *out, struct sme_error *err);

/* ${len} bytes as a JSON string in quotes that can stand in a script element of HTML.  Bytes that
 * are no UTF-8 become U+DC80 to U+DCFF, which the page turns back. */
void gallery_json_text(FILE *out, const char *text, size_t len);

#endif
