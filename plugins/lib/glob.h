/*
 * Wildcards within one component of a path.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_FILESYSTEM_GLOB_H
#define SME_FILESYSTEM_GLOB_H

#include "../../include/sme-backup/common.h"

/* The cheap forms are told apart, because nearly every pattern that people write is one. */
enum glob_kind {
    GLOB_LITERAL, /* text             */
    GLOB_SUFFIX,  /* "*" then text    */
    GLOB_PREFIX,  /* text then "*"    */
    GLOB_ANY,     /* "*"              */
    GLOB_TOKENS,  /* everything else  */
};

struct glob_token;

struct glob {
    enum glob_kind kind;
    size_t text_len;
    char *text; /* LITERAL, SUFFIX, PREFIX */
    size_t token_count;
    struct glob_token *tokens; /* TOKENS */
};

/*
 * Compile ${len} bytes of ${text}: '*', '?', '[...]', '\' before a byte that stands for itself.
 * ${ret_problem} says in a few words what is wrong with the text when the result is
 * SME_E_INVALID.
 */
int glob_compile(const char *text, size_t len, struct glob *ret_glob, const char **ret_problem);
void glob_done(struct glob *glob);

bool glob_matches(const struct glob *glob, const char *name, size_t len);

#endif
