/*
 * What is known of one file: the extras of its item.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PHOTOS_FACTS_H
#define SME_PHOTOS_FACTS_H

#include "../../include/sme-backup/source.h"

#define FACTS_MAX 24u
#define FACT_TEXT_MAX 4096u /* of a value that is text */
/* A value as the core takes it; a preview grows by a third when it becomes text. */
#define FACT_VALUE_MAX (64u << 10)
#define PREVIEW_MAX (FACT_VALUE_MAX / 4 * 3)

struct facts {
    size_t count;
    struct sme_extra list[FACTS_MAX]; /* names and values are ours */
};

void facts_clear(struct facts *facts); /* frees everything */

/* Add ${value} under ${name} (a constant).  Text from a file: what is not UTF-8 is taken for
 * Latin-1, controls become spaces (a tab stays), blanks at both ends go, and it is cut at
 * FACT_TEXT_MAX.  Nothing is added if nothing remains or the name is there already.  False
 * only when there is no memory. */
bool facts_add(struct facts *facts, const char *name, const char *value);
bool facts_add_format(struct facts *facts, const char *name, const char *fmt, ...) SME_PRINTF(3, 4);
/* Bytes, as base64; at most PREVIEW_MAX of them, or nothing is added. */
bool facts_add_bytes(struct facts *facts, const char *name, const void *bytes, size_t len);
/* As it is: the value was made by these functions before, or is a name of a file. */
bool facts_add_again(struct facts *facts, const char *name, const char *value, size_t len);

const char *facts_get(const struct facts *facts, const char *name); /* NULL: not there */

#endif
