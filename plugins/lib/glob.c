/*
 * Wildcards within one component of a path.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "glob.h"

#include <stdlib.h>

enum token_kind { TOKEN_BYTE, TOKEN_ONE, TOKEN_STAR, TOKEN_SET };

struct glob_token {
    enum token_kind kind;
    unsigned char byte;
    uint64_t set[4]; /* one bit per byte value */
};

static bool is_between(unsigned c, unsigned low, unsigned high)
{
    return c >= low && c <= high;
}

/* The classes of the C locale, whatever the locale of the process. */
static bool is_in_class(unsigned c, const char *class, size_t len)
{
    bool upper = is_between(c, 'A', 'Z');
    bool lower = is_between(c, 'a', 'z');
    bool digit = is_between(c, '0', '9');
    bool graph = is_between(c, 0x21, 0x7e);
    const struct {
        const char *name;
        bool member;
    } classes[] = {
        {"alnum", upper || lower || digit},
        {"alpha", upper || lower},
        {"blank", c == ' ' || c == '\t'},
        {"cntrl", c < 0x20 || c == 0x7f},
        {"digit", digit},
        {"graph", graph},
        {"lower", lower},
        {"print", graph || c == ' '},
        {"punct", graph && !upper && !lower && !digit},
        {"space", c == ' ' || is_between(c, '\t', '\r')},
        {"upper", upper},
        {"xdigit", digit || is_between(c, 'a', 'f') || is_between(c, 'A', 'F')},
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strlen(classes[i].name) == len && memcmp(classes[i].name, class, len) == 0)
            return classes[i].member;
    }
    return false;
}

static bool is_class_name(const char *class, size_t len)
{
    for (unsigned c = 0; c < 256; c++) {
        if (is_in_class(c, class, len))
            return true; /* no class is empty */
    }
    return false;
}

static void set_add(struct glob_token *token, unsigned c)
{
    token->set[c / 64] |= UINT64_C(1) << (c % 64);
}

static bool set_has(const struct glob_token *token, unsigned c)
{
    return (token->set[c / 64] >> (c % 64) & 1) != 0;
}

/* Add the class whose name begins at ${at}, behind "[:".  Return the place behind ":]", 0 if the
 * class is unknown. */
static size_t add_class(struct glob_token *token, const char *text, size_t len, size_t at)
{
    for (size_t end = at; end + 1 < len; end++) {
        if (text[end] != ':' || text[end + 1] != ']')
            continue;
        if (!is_class_name(text + at, end - at))
            return 0;
        for (unsigned c = 0; c < 256; c++) {
            if (is_in_class(c, text + at, end - at))
                set_add(token, c);
        }
        return end + 2;
    }
    return 0;
}

/* Read one byte of a set at *${at}, where a '\' may precede it; false at the end. */
static bool read_set_byte(const char *text, size_t len, size_t *at, unsigned *ret_byte)
{
    if (*at < len && text[*at] == '\\')
        (*at)++;
    if (*at >= len)
        return false;
    *ret_byte = (unsigned char)text[(*at)++];
    return true;
}

/* Compile the set that begins at ${at}, behind '['.  Return the place behind ']', 0 on failure. */
static size_t compile_set(struct glob_token *token, const char *text, size_t len, size_t at,
                          const char **ret_problem)
{
    token->kind = TOKEN_SET;
    bool negated = at < len && (text[at] == '!' || text[at] == '^');
    if (negated)
        at++;
    *ret_problem = "'[' without ']'";
    for (bool first = true;; first = false) {
        unsigned low;
        if (at < len && text[at] == ']' && !first)
            break;
        if (at + 1 < len && text[at] == '[' && text[at + 1] == ':') {
            at = add_class(token, text, len, at + 2);
            if (at == 0) {
                *ret_problem = "unknown class of characters after '[:'";
                return 0;
            }
            continue;
        }
        if (!read_set_byte(text, len, &at, &low))
            return 0;
        unsigned high = low;
        if (at + 1 < len && text[at] == '-' && text[at + 1] != ']') {
            at++;
            if (!read_set_byte(text, len, &at, &high))
                return 0;
        }
        for (unsigned c = low; c <= high; c++)
            set_add(token, c);
    }
    for (size_t i = 0; negated && i < 4; i++)
        token->set[i] = ~token->set[i];
    return at + 1;
}

static int compile_tokens(struct glob *glob, const char *text, size_t len, const char **ret_problem)
{
    for (size_t at = 0; at < len;) {
        struct glob_token *token = &glob->tokens[glob->token_count];
        switch (text[at]) {
        case '*':
            at++;
            if (glob->token_count > 0 && token[-1].kind == TOKEN_STAR)
                continue;
            token->kind = TOKEN_STAR;
            break;
        case '?':
            at++;
            token->kind = TOKEN_ONE;
            break;
        case '[':
            at = compile_set(token, text, len, at + 1, ret_problem);
            if (at == 0)
                return SME_E_INVALID;
            break;
        case '\\':
            if (++at == len) {
                *ret_problem = "nothing follows the last '\\'";
                return SME_E_INVALID;
            }
            /* fall through */
        default:
            token->kind = TOKEN_BYTE;
            token->byte = (unsigned char)text[at++];
        }
        glob->token_count++;
    }
    return SME_OK;
}

/* Turn the tokens into plain text where they are no more than that. */
static int simplify(struct glob *glob)
{
    size_t count = glob->token_count;
    size_t stars = 0;
    for (size_t i = 0; i < count; i++) {
        if (glob->tokens[i].kind == TOKEN_STAR)
            stars++;
        else if (glob->tokens[i].kind != TOKEN_BYTE)
            return SME_OK;
    }
    bool leads = count > 0 && glob->tokens[0].kind == TOKEN_STAR;
    bool trails = count > 0 && glob->tokens[count - 1].kind == TOKEN_STAR;
    if (stars > 1 || (stars == 1 && !leads && !trails))
        return SME_OK;
    glob->text = malloc(count + 1);
    if (glob->text == NULL)
        return SME_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (glob->tokens[i].kind == TOKEN_BYTE)
            glob->text[glob->text_len++] = (char)glob->tokens[i].byte;
    }
    glob->text[glob->text_len] = '\0';
    if (stars == 0)
        glob->kind = GLOB_LITERAL;
    else if (count == 1)
        glob->kind = GLOB_ANY;
    else
        glob->kind = leads ? GLOB_SUFFIX : GLOB_PREFIX;
    free(glob->tokens);
    glob->tokens = NULL;
    glob->token_count = 0;
    return SME_OK;
}

int glob_compile(const char *text, size_t len, struct glob *ret_glob, const char **ret_problem)
{
    struct glob glob = {.kind = GLOB_TOKENS};
    glob.tokens = calloc(len + 1, sizeof *glob.tokens);
    if (glob.tokens == NULL)
        return SME_E_NO_MEMORY;
    int status = compile_tokens(&glob, text, len, ret_problem);
    if (status == SME_OK)
        status = simplify(&glob);
    if (status != SME_OK) {
        glob_done(&glob);
        return status;
    }
    *ret_glob = glob;
    return SME_OK;
}

void glob_done(struct glob *glob)
{
    free(glob->text);
    free(glob->tokens);
    memset(glob, 0, sizeof *glob);
}

static bool token_takes(const struct glob_token *token, unsigned char c)
{
    switch (token->kind) {
    case TOKEN_BYTE:
        return token->byte == c;
    case TOKEN_ONE:
        return true;
    case TOKEN_SET:
        return set_has(token, c);
    case TOKEN_STAR:
        break;
    }
    return false;
}

/* Only the last star met is ever widened: what the earlier ones took can stay as it is, since
 * the last one can take everything that follows.  Hence no recursion and no explosion. */
static bool tokens_match(const struct glob *glob, const char *name, size_t len)
{
    const struct glob_token *tokens = glob->tokens;
    size_t count = glob->token_count;
    size_t t = 0, n = 0;
    size_t star = SIZE_MAX, star_n = 0;
    while (n < len) {
        if (t < count && tokens[t].kind == TOKEN_STAR) {
            star = t++;
            star_n = n;
        } else if (t < count && token_takes(&tokens[t], (unsigned char)name[n])) {
            t++;
            n++;
        } else if (star != SIZE_MAX) {
            t = star + 1;
            n = ++star_n;
        } else {
            return false;
        }
    }
    while (t < count && tokens[t].kind == TOKEN_STAR)
        t++;
    return t == count;
}

bool glob_matches(const struct glob *glob, const char *name, size_t len)
{
    size_t text_len = glob->text_len;
    switch (glob->kind) {
    case GLOB_LITERAL:
        return len == text_len && memcmp(name, glob->text, len) == 0;
    case GLOB_SUFFIX:
        return len >= text_len && memcmp(name + len - text_len, glob->text, text_len) == 0;
    case GLOB_PREFIX:
        return len >= text_len && memcmp(name, glob->text, text_len) == 0;
    case GLOB_ANY:
        return true;
    case GLOB_TOKENS:
        return tokens_match(glob, name, len);
    }
    return false;
}
