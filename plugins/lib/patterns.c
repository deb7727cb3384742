/*
 * Exclude patterns with the rules of gitignore.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "patterns.h"
#include "glob.h"
#include "grow.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* One component of an anchored pattern. */
struct part {
    bool deep; /* "**": any number of components */
    struct glob glob;
};

struct rule {
    bool negated;
    bool directory_only;
    bool anchored; /* otherwise the one part is compared with the last component of the path */
    size_t part_count;
    size_t part_capacity;
    struct part *parts;
};

struct patterns {
    size_t count;
    size_t capacity;
    struct rule *rules;
};

int patterns_new(struct patterns **ret_patterns, struct sme_error *err)
{
    struct patterns *patterns = calloc(1, sizeof *patterns);
    if (patterns == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for patterns");
    *ret_patterns = patterns;
    return SME_OK;
}

static void rule_done(struct rule *rule)
{
    for (size_t i = 0; i < rule->part_count; i++)
        glob_done(&rule->parts[i].glob);
    free(rule->parts);
    memset(rule, 0, sizeof *rule);
}

void patterns_free(struct patterns *patterns)
{
    if (patterns == NULL)
        return;
    for (size_t i = 0; i < patterns->count; i++)
        rule_done(&patterns->rules[i]);
    free(patterns->rules);
    free(patterns);
}

size_t patterns_count(const struct patterns *patterns)
{
    return patterns->count;
}

static int add_part(struct rule *rule, const char *text, size_t len, const char **ret_problem)
{
    bool deep = len == 2 && text[0] == '*' && text[1] == '*' && rule->anchored;
    if (deep && rule->part_count > 0 && rule->parts[rule->part_count - 1].deep)
        return SME_OK;
    struct part *grown =
        grow_array(rule->parts, &rule->part_capacity, rule->part_count + 1, sizeof *rule->parts);
    if (grown == NULL)
        return SME_E_NO_MEMORY;
    rule->parts = grown;
    struct part *part = &rule->parts[rule->part_count];
    memset(part, 0, sizeof *part);
    part->deep = deep;
    if (!deep) {
        int status = glob_compile(text, len, &part->glob, ret_problem);
        if (status != SME_OK)
            return status;
    }
    rule->part_count++;
    return SME_OK;
}

/* Length of the component at the start of ${text}.  A '/' separates even behind a '\', which
 * then means nothing; ${ret_skip} is how many bytes the separator takes. */
static size_t component_len(const char *text, size_t len, size_t *ret_skip)
{
    *ret_skip = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '/') {
            *ret_skip = 1;
            return i;
        }
        if (text[i] == '\\' && i + 1 < len) {
            if (text[i + 1] == '/') {
                *ret_skip = 2;
                return i;
            }
            i++;
        }
    }
    return len;
}

/* "**" and "/" in front of one component say no more than that component alone. */
static void unanchor(struct rule *rule)
{
    if (rule->part_count != 2 || !rule->parts[0].deep || rule->parts[1].deep)
        return;
    rule->parts[0] = rule->parts[1];
    rule->part_count = 1;
    rule->anchored = false;
}

static int compile_rule(struct rule *rule, const char *text, size_t len, const char **ret_problem)
{
    if (len > 0 && text[0] == '!') {
        rule->negated = true;
        text++;
        len--;
    }
    while (len > 0 && text[len - 1] == '/') {
        rule->directory_only = true;
        len--;
        if (len > 0 && text[len - 1] == '\\') {
            /* "\/" is a separator, but "\\/" is a name that ends in '\' */
            size_t slashes = 0;
            while (slashes < len && text[len - 1 - slashes] == '\\')
                slashes++;
            len -= slashes % 2;
        }
    }
    if (len == 0) {
        *ret_problem = "it names nothing";
        return SME_E_INVALID;
    }
    size_t skip;
    (void)component_len(text, len, &skip);
    rule->anchored = skip != 0;
    while (len > 0) {
        size_t part_len = component_len(text, len, &skip);
        if (part_len > 0) {
            int status = add_part(rule, text, part_len, ret_problem);
            if (status != SME_OK)
                return status;
        }
        text += part_len + skip;
        len -= part_len + skip;
    }
    unanchor(rule);
    struct part *exact = realloc(rule->parts, rule->part_count * sizeof *exact);
    if (exact != NULL)
        rule->parts = exact;
    return SME_OK;
}

int patterns_add(struct patterns *patterns, const char *text, const char *where,
                 struct sme_error *err)
{
    const char *colon = where != NULL ? ": " : "";
    size_t len = strlen(text);
    if (len == 0)
        return SME_OK;
    if (where == NULL)
        where = "";
    if (len > PATTERN_MAX_BYTES)
        return sme_fail(err, SME_E_INVALID, "%s%spattern '%.40s...' is longer than %u bytes", where,
                        colon, text, PATTERN_MAX_BYTES);
    struct rule *grown =
        grow_array(patterns->rules, &patterns->capacity, patterns->count + 1, sizeof *grown);
    if (grown == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for patterns");
    patterns->rules = grown;
    struct rule rule = {0};
    const char *problem = "";
    int status = compile_rule(&rule, text, len, &problem);
    if (status != SME_OK) {
        rule_done(&rule);
        if (status == SME_E_NO_MEMORY)
            return sme_fail(err, status, "out of memory for patterns");
        (void)sme_fail(err, status, "%s%spattern '%.300s': %s", where, colon, text, problem);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "put '\\' before a character that stands for itself");
        return status;
    }
    patterns->rules[patterns->count++] = rule;
    return SME_OK;
}

/* Drop the spaces at the end of a line, but for those behind a '\'. */
static void trim_line(char *line, size_t len)
{
    size_t end = 0; /* behind the last byte that counts */
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\\' && i + 1 < len)
            end = ++i + 1;
        else if (line[i] != ' ')
            end = i + 1;
    }
    line[end] = '\0';
}

static int add_lines(struct patterns *patterns, const char *path, char *text, size_t len,
                     struct sme_error *err)
{
    unsigned number = 0;
    size_t at = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < len) {
        char *line = text + at;
        char *newline = memchr(line, '\n', len - at);
        size_t line_len = newline != NULL ? (size_t)(newline - line) : len - at;
        at += line_len + 1;
        number++;
        if (line_len > 0 && line[line_len - 1] == '\r')
            line_len--;
        char where[400];
        (void)snprintf(where, sizeof where, "exclude file '%.300s' line %u", path, number);
        if (memchr(line, '\0', line_len) != NULL)
            return sme_fail(err, SME_E_INVALID, "%s: contains a zero byte", where);
        trim_line(line, line_len);
        if (line[0] == '\0' || line[0] == '#')
            continue;
        int status = patterns_add(patterns, line, where, err);
        if (status != SME_OK)
            return status;
    }
    return SME_OK;
}

/* Read the file into ${text}, which has room for PATTERN_FILE_MAX_BYTES + 1. */
static int read_file(const char *path, int fd, char *text, size_t *ret_len, struct sme_error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return sme_fail_errno(err, SME_E_IO, "cannot read exclude file '%s'", path);
    if (!S_ISREG(st.st_mode))
        return sme_fail(err, SME_E_INVALID, "exclude file '%s' is not a regular file", path);
    size_t len = 0;
    while (len <= PATTERN_FILE_MAX_BYTES) {
        ssize_t got = read(fd, text + len, PATTERN_FILE_MAX_BYTES + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sme_fail_errno(err, SME_E_IO, "cannot read exclude file '%s'", path);
        if (got == 0) {
            *ret_len = len;
            return SME_OK;
        }
        len += (size_t)got;
    }
    return sme_fail(err, SME_E_INVALID, "exclude file '%s' is longer than %u bytes", path,
                    PATTERN_FILE_MAX_BYTES);
}

int patterns_add_file(struct patterns *patterns, const char *path, struct sme_error *err)
{
    /* O_NONBLOCK: a FIFO in the place of the file must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int status = errno == ENOENT || errno == ENOTDIR ? SME_E_NOT_FOUND
                     : errno == EACCES || errno == EPERM ? SME_E_DENIED
                                                         : SME_E_IO;
        return sme_fail_errno(err, status, "cannot open exclude file '%s'", path);
    }
    size_t len = 0;
    int status;
    char *text = malloc(PATTERN_FILE_MAX_BYTES + 2);
    if (text == NULL)
        status = sme_fail(err, SME_E_NO_MEMORY, "out of memory for exclude file '%s'", path);
    else
        status = read_file(path, fd, text, &len, err);
    (void)close(fd);
    if (status == SME_OK)
        status = add_lines(patterns, path, text, len, err);
    free(text);
    return status;
}

static size_t path_component(const char *path, size_t len, size_t at)
{
    const char *slash = memchr(path + at, '/', len - at);
    return slash != NULL ? (size_t)(slash - path) - at : len - at;
}

/*
 * The same scheme as within a name, one level up: parts against components, and only the last
 * "**" is widened.  ${at} is the start of a component; behind the last one it is len + 1.
 */
static bool parts_match(const struct rule *rule, const char *path, size_t len)
{
    const struct part *parts = rule->parts;
    size_t count = rule->part_count;
    size_t p = 0, at = 0;
    size_t deep = SIZE_MAX, deep_at = 0;
    while (at < len) {
        if (p < count && parts[p].deep) {
            if (p + 1 == count)
                return true; /* at the end it takes one component or more */
            deep = p++;
            deep_at = at;
            continue;
        }
        size_t component = path_component(path, len, at);
        if (p < count && glob_matches(&parts[p].glob, path + at, component)) {
            p++;
            at += component + 1;
        } else if (deep != SIZE_MAX) {
            deep_at += path_component(path, len, deep_at) + 1;
            at = deep_at;
            p = deep + 1;
        } else {
            return false;
        }
    }
    return p == count;
}

enum pattern_verdict patterns_match(const struct patterns *patterns, const char *path, size_t len,
                                    bool is_directory)
{
    if (patterns->count == 0)
        return PATTERN_NO_MATCH;
    const char *slash = memrchr(path, '/', len);
    const char *name = slash != NULL ? slash + 1 : path;
    size_t name_len = len - (size_t)(name - path);
    for (size_t i = patterns->count; i-- > 0;) {
        const struct rule *rule = &patterns->rules[i];
        if (rule->directory_only && !is_directory)
            continue;
        if (rule->anchored ? parts_match(rule, path, len)
                           : glob_matches(&rule->parts[0].glob, name, name_len))
            return rule->negated ? PATTERN_INCLUDE : PATTERN_EXCLUDE;
    }
    return PATTERN_NO_MATCH;
}
