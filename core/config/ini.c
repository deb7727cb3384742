/*
 * INI files as sections and entries.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * inih shortens or splits lines that its buffer cannot hold, shortens long section names, and
 * says nothing about empty sections.  So the text is handed to it line by line by a reader of
 * our own, which measures each line against the buffer at hand and follows the sections itself.
 */
#include "ini.h"
#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/limits.h"
#include "../base/secret.h"
#include "../base/str.h"

#include <ctype.h>
#include <fcntl.h>
#include <ini.h>
#include <sys/stat.h>

struct parser {
    struct ini_doc *doc;
    struct sme_error *err;
    const char *label;
    bool readable_by_others;
    const char *at, *end;
    unsigned line;
    bool indented;               /* the line that inih has begins with a blank        */
    struct ini_section *section; /* NULL before the first one                         */
    struct ini_entry *entry;     /* that an indented line would continue, or NULL     */
    int status;                  /* of the first failure                              */
};

/* The beginning of a line or value, fit for a message. */
static const char *shown(const char *text, size_t len, char out[64])
{
    return str_escape(text, len, out, 64);
}

static bool is_blank(char c)
{
    return isspace((unsigned char)c) != 0;
}

static size_t skip_blanks(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len && is_blank(text[i]))
        i++;
    return i;
}

/* ${len} without blanks at the end. */
static size_t trimmed(const char *text, size_t len)
{
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    return len;
}

/* Position of the comment that begins with a blank and ';', else ${len}: inih's rule. */
static size_t find_comment(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (text[i] == ';' && is_blank(text[i - 1]))
            return i;
    }
    return len;
}

static int no_memory(struct parser *p)
{
    return p->status =
               sme_fail(p->err, SME_E_NO_MEMORY, "cannot read '%s': out of memory", p->label);
}

static void free_section(struct ini_section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        free(section->entries[i].name);
        if (section->entries[i].value != NULL)
            secret_wipe(section->entries[i].value, strlen(section->entries[i].value));
        free(section->entries[i].value);
    }
    free(section->entries);
    free(section->kind);
    free(section->name);
    free(section->file);
}

static void drop_sections(struct ini_doc *doc, size_t keep)
{
    while (doc->count > keep)
        free_section(&doc->sections[--doc->count]);
}

void ini_free(struct ini_doc *doc)
{
    drop_sections(doc, 0);
    free(doc->sections);
    *doc = (struct ini_doc){0};
}

const struct ini_entry *ini_find(const struct ini_section *section, const char *name)
{
    for (size_t i = 0; i < section->count; i++) {
        if (strcmp(section->entries[i].name, name) == 0)
            return &section->entries[i];
    }
    return NULL;
}

/* Append a section called ${kind} and ${name}, given with their lengths. */
static int add_section(struct parser *p, const char *kind, size_t kind_len, const char *name,
                       size_t name_len)
{
    struct ini_doc *doc = p->doc;
    char text[64];

    for (size_t i = 0; i < doc->count; i++) {
        const struct ini_section *other = &doc->sections[i];
        if (strlen(other->kind) == kind_len && strncmp(other->kind, kind, kind_len) == 0 &&
            strlen(other->name) == name_len && strncmp(other->name, name, name_len) == 0)
            return p->status = sme_fail(
                       p->err, SME_E_INVALID, "%s:%u: section [%s] is already in %s:%u", p->label,
                       p->line, shown(kind, (size_t)(name + name_len - kind), text), other->file,
                       other->line);
    }
    if (doc->count >= LIMIT_CONFIG_SECTIONS)
        return p->status = sme_fail(p->err, SME_E_INVALID, "%s:%u: more than %d sections", p->label,
                                    p->line, LIMIT_CONFIG_SECTIONS);

    struct ini_section *sections =
        reallocarray(doc->sections, doc->count + 1, sizeof *doc->sections);
    if (sections == NULL)
        return no_memory(p);
    doc->sections = sections;
    struct ini_section *section = &sections[doc->count];
    *section = (struct ini_section){
        .kind = strndup(kind, kind_len),
        .name = strndup(name, name_len),
        .file = strdup(p->label),
        .line = p->line,
        .readable_by_others = p->readable_by_others,
    };
    if (section->kind == NULL || section->name == NULL || section->file == NULL) {
        free_section(section);
        return no_memory(p);
    }
    doc->count++;
    p->section = section;
    p->entry = NULL;
    return SME_OK;
}

/* A header line: ${text} begins with '['. */
static int take_header(struct parser *p, const char *text, size_t len)
{
    size_t used = find_comment(text, len);
    const char *close = memchr(text, ']', used);
    char line[64];

    if (close == NULL || trimmed(close + 1, (size_t)(text + used - close - 1)) > 0) {
        p->status = sme_fail(p->err, SME_E_INVALID, "%s:%u: '%s' is not a section header", p->label,
                             p->line, shown(text, trimmed(text, len), line));
        return error_hint(p->err, "write it like this: [source documents]");
    }
    const char *kind = text + 1;
    kind += skip_blanks(kind, (size_t)(close - kind));
    size_t inside = trimmed(kind, (size_t)(close - kind));
    size_t kind_len = 0;
    while (kind_len < inside && !is_blank(kind[kind_len]))
        kind_len++;
    const char *name = kind + kind_len + skip_blanks(kind + kind_len, inside - kind_len);
    return add_section(p, kind, kind_len, name, (size_t)(kind + inside - name));
}

/* An indented line that would be taken into the value before it although it was hardly meant
 * so: a section header. */
static bool looks_like_header(const char *text, size_t len)
{
    len = trimmed(text, find_comment(text, len));
    if (len < 2 || text[0] != '[' || text[len - 1] != ']')
        return false;
    for (size_t i = 1; i < len - 1; i++) {
        if (!isalnum((unsigned char)text[i]) && strchr(" \t._-", text[i]) == NULL)
            return false;
        /* "[a-z]" is a pattern, "[sink a-z]" and "[core]" are headers. */
        if (text[i] == '-' && memchr(text, ' ', i) == NULL)
            return false;
    }
    return true;
}

/* Look at a line before inih gets it. */
static int watch_line(struct parser *p, const char *text, size_t len)
{
    size_t blanks = skip_blanks(text, len);
    char line[64];

    p->indented = blanks > 0;
    text += blanks;
    len -= blanks;
    if (len == 0 || text[0] == ';' || text[0] == '#')
        return SME_OK;
    if (p->indented && p->entry != NULL) {
        if (!looks_like_header(text, len))
            return SME_OK;
        p->status = sme_fail(p->err, SME_E_INVALID,
                             "%s:%u: '%s' is indented and so continues the value of '%s'", p->label,
                             p->line, shown(text, trimmed(text, len), line), p->entry->name);
        return error_hint(p->err, "begin a section at the left margin; put quotes around a list "
                                  "entry that looks like one");
    }
    return text[0] == '[' ? take_header(p, text, len) : SME_OK;
}

/* inih's reader: one line of the text, without its end, or NULL at the end or on failure. */
static char *read_line(char *out, int size, void *stream)
{
    struct parser *p = stream;

    if (p->status < 0 || p->at == p->end)
        return NULL;
    p->line++;
    const char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
    const char *text = p->at;
    size_t len = (size_t)((newline != NULL ? newline : p->end) - text);
    p->at = newline != NULL ? newline + 1 : p->end;

    if (p->line == 1 && len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    len = trimmed(text, len);
    /* Two bytes less than the buffer: an inih with growing lines takes a full one for a part. */
    if (size < 2 || len > (size_t)size - 2) {
        p->status =
            sme_fail(p->err, SME_E_INVALID, "%s:%u: line of %zu bytes is too long, %d are possible",
                     p->label, p->line, len, size > 2 ? size - 2 : 0);
        (void)error_hint(p->err, "a list may go on over several lines, each indented");
        return NULL;
    }
    if (watch_line(p, text, len) < 0)
        return NULL;
    memcpy(out, text, len);
    out[len] = '\0';
    return out;
}

static int continue_value(struct parser *p, const char *more)
{
    size_t more_len = trimmed(more, find_comment(more, strlen(more)));
    char *old = p->entry->value;
    size_t old_len = strlen(old);
    char *joined = malloc(old_len + more_len + 2);

    if (joined == NULL)
        return no_memory(p);
    memcpy(joined, old, old_len);
    if (old_len > 0)
        joined[old_len++] = '\n';
    memcpy(joined + old_len, more, more_len);
    joined[old_len + more_len] = '\0';
    secret_wipe(old, strlen(old));
    free(old);
    p->entry->value = joined;
    return SME_OK;
}

static int add_entry(struct parser *p, const char *name, const char *value)
{
    struct ini_section *section = p->section;
    char text[64];

    if (*name == '\0')
        return p->status = sme_fail(p->err, SME_E_INVALID, "%s:%u: a name is missing before '='",
                                    p->label, p->line);
    shown(name, strlen(name), text);
    if (section == NULL) {
        p->status = sme_fail(p->err, SME_E_INVALID, "%s:%u: '%s' stands before any section",
                             p->label, p->line, text);
        return error_hint(p->err, "begin with a section header like [source documents]");
    }
    const struct ini_entry *other = ini_find(section, name);
    if (other != NULL) {
        p->status = sme_fail(p->err, SME_E_INVALID, "%s:%u: option '%s' is already set at %s:%u",
                             p->label, p->line, text, section->file, other->line);
        return error_hint(p->err, "give several values of a list behind one '%s ='", text);
    }

    struct ini_entry *entries =
        reallocarray(section->entries, section->count + 1, sizeof *section->entries);
    if (entries == NULL)
        return no_memory(p);
    section->entries = entries;
    p->entry = NULL;
    struct ini_entry *entry = &entries[section->count];
    *entry = (struct ini_entry){.name = strdup(name), .value = strdup(value), .line = p->line};
    section->count++;
    if (entry->name == NULL || entry->value == NULL) {
        section->count--;
        free(entry->name);
        free(entry->value);
        return no_memory(p);
    }
    p->entry = entry;
    return SME_OK;
}

/* inih's handler.  Its section name may be shortened: ours is the right one.  Its name for an
 * indented line is the one before, also possibly shortened. */
static int on_entry(void *user, const char *section, const char *name, const char *value)
{
    struct parser *p = user;

    (void)section;
    if (p->status < 0)
        return 0;
    if (value == NULL)
        value = "";
    if (p->indented && p->entry != NULL)
        return continue_value(p, value) == SME_OK;
    return add_entry(p, name, value) == SME_OK;
}

/* inih found line ${number} to be neither header nor entry. */
static int fail_syntax(struct parser *p, const char *text, size_t len, unsigned number)
{
    const char *end = text + len;
    char line[64];

    for (unsigned i = 1; i < number && text < end; i++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        text = newline != NULL ? newline + 1 : end;
    }
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    len = (size_t)((newline != NULL ? newline : end) - text);
    size_t blanks = skip_blanks(text, len);
    text += blanks;
    len = trimmed(text, len - blanks);
    p->status = sme_fail(p->err, SME_E_INVALID, "%s:%u: '%s' is not of the form 'name = value'",
                         p->label, number, shown(text, len, line));
    return error_hint(p->err, "a comment begins with ';' or '#', a further line of a value with a "
                              "blank");
}

static int parse(struct ini_doc *doc, const char *label, const char *text, size_t len,
                 bool readable_by_others, struct sme_error *err)
{
    struct parser p = {
        .doc = doc,
        .err = err,
        .label = label,
        .readable_by_others = readable_by_others,
        .at = text,
        .end = text + len,
    };
    const char *nul = len > 0 ? memchr(text, '\0', len) : NULL;
    size_t keep = doc->count;

    if (nul != NULL) {
        unsigned line = 1;
        for (const char *at = text; at < nul; at++)
            line += *at == '\n';
        return sme_fail(err, SME_E_INVALID, "%s:%u: a NUL byte; this is not a text file", label,
                        line);
    }
    int bad_line = len > 0 ? ini_parse_stream(read_line, &p, on_entry, &p) : 0;
    /* What inih refused may come before what we refused. */
    if (bad_line > 0 && (p.status == SME_OK || (unsigned)bad_line < p.line))
        (void)fail_syntax(&p, text, len, (unsigned)bad_line);
    else if (bad_line < 0 && p.status == SME_OK)
        (void)no_memory(&p);
    if (p.status < 0)
        drop_sections(doc, keep);
    return p.status;
}

int ini_parse_text(struct ini_doc *doc, const char *label, const char *text, size_t len,
                   struct sme_error *err)
{
    return parse(doc, label, len > 0 ? text : "", len, false, err);
}

int ini_load(struct ini_doc *doc, const char *path, struct sme_error *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    CLEANUP(buf_wipe) struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(err, "cannot open configuration file '%s'", path);
    if (!S_ISREG(st.st_mode))
        return sme_fail(err, SME_E_INVALID, "configuration file '%s' is not a regular file", path);
    int status = io_check_private(fd, path, "configuration file", false, err);
    if (status < 0)
        return status;

    if (!buf_reserve(&text, LIMIT_CONFIG_BYTES + 1))
        return sme_fail(err, SME_E_NO_MEMORY, "cannot read '%s': out of memory", path);
    ssize_t got = io_read_full(fd, text.data, LIMIT_CONFIG_BYTES + 1);
    if (got < 0)
        return error_errno(err, "cannot read configuration file '%s'", path);
    text.len = (size_t)got;
    if (text.len > LIMIT_CONFIG_BYTES)
        return sme_fail(err, SME_E_INVALID, "configuration file '%s' is larger than %u bytes", path,
                        LIMIT_CONFIG_BYTES);
    return parse(doc, path, (const char *)text.data, text.len, (st.st_mode & 044) != 0, err);
}
