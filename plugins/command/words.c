/*
 * A command line as words.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "words.h"

#include <stdlib.h>

#define SHELL_ONLY "$`*?[|&;<>()"

struct splitter {
    const char *at;
    char *out;
    struct sme_error *err;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int refuse(struct splitter *s, const char *hint, const char *cause)
{
    (void)sme_fail(s->err, SME_E_INVALID, "option 'command': %s", cause);
    if (s->err != NULL)
        (void)snprintf(s->err->hint, sizeof s->err->hint, "%s", hint);
    return SME_E_INVALID;
}

static int refuse_shell(struct splitter *s, char c)
{
    char cause[64];
    (void)snprintf(cause, sizeof cause, "no shell runs it, so '%c' must be quoted", c);
    return refuse(s,
                  "put it between '...' if the program shall get it as it is; for variables, "
                  "patterns, pipes and redirections write a script and name that",
                  cause);
}

static int take_single(struct splitter *s)
{
    const char *end = strchr(++s->at, '\'');
    if (end == NULL)
        return refuse(s, "close it, or write \\' for the character itself", "a ' is not closed");
    size_t len = (size_t)(end - s->at);
    memcpy(s->out, s->at, len);
    s->out += len;
    s->at = end + 1;
    return SME_OK;
}

static int take_double(struct splitter *s)
{
    for (s->at++; *s->at != '"'; s->at++) {
        if (*s->at == '\0')
            return refuse(s, "close it, or write \\\" for the character itself",
                          "a \" is not closed");
        if (*s->at == '$' || *s->at == '`')
            return refuse_shell(s, *s->at);
        if (*s->at == '\\' && s->at[1] != '\0' && strchr("\"\\$`", s->at[1]) != NULL)
            s->at++;
        *s->out++ = *s->at;
    }
    s->at++;
    return SME_OK;
}

static int take_word(struct splitter *s)
{
    int status = SME_OK;
    if (*s->at == '~' || *s->at == '#')
        return refuse_shell(s, *s->at);
    while (status == SME_OK && *s->at != '\0' && !is_blank(*s->at)) {
        if (*s->at == '\'') {
            status = take_single(s);
        } else if (*s->at == '"') {
            status = take_double(s);
        } else if (*s->at == '\\') {
            if (s->at[1] == '\0')
                return refuse(s, "write \\\\ for the character itself", "it ends with a \\");
            *s->out++ = s->at[1];
            s->at += 2;
        } else if (strchr(SHELL_ONLY, *s->at) != NULL) {
            return refuse_shell(s, *s->at);
        } else {
            *s->out++ = *s->at++;
        }
    }
    *s->out++ = '\0';
    return status;
}

int words_split(const char *text, struct words *ret_words, struct sme_error *err)
{
    size_t len = strlen(text);
    struct words words = {
        .list = calloc(len / 2 + 2, sizeof *words.list), /* words with a blank between, and NULL */
        .text = malloc(len + 2),
    };
    struct splitter s = {.at = text, .out = words.text, .err = err};
    int status = SME_OK;
    if (words.list == NULL || words.text == NULL)
        status = sme_fail(err, SME_E_NO_MEMORY, "out of memory for option 'command'");
    while (status == SME_OK) {
        while (is_blank(*s.at))
            s.at++;
        if (*s.at == '\0')
            break;
        words.list[words.count++] = s.out;
        status = take_word(&s);
    }
    if (status == SME_OK && words.count == 0)
        status = refuse(&s, "name a program, and its arguments", "it is empty");
    if (status != SME_OK) {
        words_free(&words);
        return status;
    }
    *ret_words = words;
    return SME_OK;
}

void words_free(struct words *words)
{
    free(words->list);
    free(words->text);
    *words = (struct words){0};
}
