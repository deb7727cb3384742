/*
 * A command line as words, by the quoting rules of a shell and without its expansions.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_COMMAND_WORDS_H
#define SME_COMMAND_WORDS_H

#include "../../include/sme-backup/common.h"

struct words {
    size_t count;
    char **list; /* ends with NULL */
    char *text;  /* holds them     */
};

/*
 * Blanks and line ends separate words; '...' keeps everything; in "..." a backslash protects
 * ", \, $ and `; elsewhere it protects any character.  What a shell would act upon (variables,
 * patterns, pipes, redirections) is refused, not taken literally: SME_E_INVALID with a hint.
 * At least one word; to be freed.
 */
int words_split(const char *text, struct words *ret_words, struct sme_error *err);
void words_free(struct words *words);

#endif
