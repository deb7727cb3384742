/*
 * The key file: text form of a keyring (keyring.h describes it).
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Messages name lines, fields and positions, never what stands there.
 */
#include "keyring.h"
#include "hpke.h"
#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/hex.h"
#include "../base/limits.h"

#include <fcntl.h>
#include <sys/stat.h>

#define MAGIC "sme-backup-key"
#define VERSION "1"
#define CHECKSUM_LEN 3
#define VALUE_MAX 32
#define TEXT_MAX 64 /* base32 of 32 + 3 bytes is 56 characters */
#define GROUP 5
#define GROUPS_PER_LINE 7
#define KEYWORD_WIDTH 15
#define TEXT_RESERVE 1024 /* more than the longest text form without its comment */

enum field { REPOSITORY, READER_PUBLIC, WRITER_SECRET, READER_SECRET, FIELDS, NO_FIELD = FIELDS };

static const struct {
    const char *keyword;
    size_t len;
} fields[FIELDS] = {
    [REPOSITORY] = {"repository", 16},
    [READER_PUBLIC] = {"reader-public", 32},
    [WRITER_SECRET] = {"writer-secret", 32},
    [READER_SECRET] = {"reader-secret", 32},
};

struct raw_field {
    unsigned line;       /* of the keyword; 0: not seen */
    size_t len;          /* characters in ${text}       */
    char text[TEXT_MAX]; /* without blanks and '-'      */
};

struct parser {
    const char *label;
    unsigned line;
    bool has_magic;
    enum field current; /* whose value may go on, or NO_FIELD */
    struct raw_field raw[FIELDS];
};

/* A piece of the text; not terminated. */
struct span {
    const char *at;
    size_t len;
};

static void parser_done(struct parser *p)
{
    secret_wipe(p, sizeof *p);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool span_is(struct span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* Take the next word from the front of ${line}. */
static struct span take_word(struct span *line)
{
    while (line->len > 0 && is_blank(line->at[0])) {
        line->at++;
        line->len--;
    }
    struct span word = {line->at, 0};
    while (line->len > 0 && !is_blank(line->at[0])) {
        line->at++;
        line->len--;
        word.len++;
    }
    return word;
}

static bool is_base32(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
}

/* Checksum as stored behind a value. */
static int checksum_of(const char *keyword, const uint8_t *value, size_t len,
                       uint8_t out[CHECKSUM_LEN], struct sme_error *err)
{
    uint8_t joined[KEYWORD_WIDTH + VALUE_MAX];
    uint8_t hash[32];
    size_t keyword_len = strlen(keyword);
    memcpy(joined, keyword, keyword_len);
    memcpy(joined + keyword_len, value, len);
    int status = sha256_of(joined, keyword_len + len, hash, err);
    if (status == SME_OK)
        memcpy(out, hash, CHECKSUM_LEN);
    secret_wipe(joined, sizeof joined);
    secret_wipe(hash, sizeof hash);
    return status;
}

/* Collect the characters of a value, or of a part of it that stands on this line. */
static int take_value(struct parser *p, struct span line, struct sme_error *err)
{
    struct raw_field *raw = &p->raw[p->current];
    const char *keyword = fields[p->current].keyword;
    size_t wanted = base32_len(fields[p->current].len + CHECKSUM_LEN);
    for (size_t i = 0; i < line.len; i++) {
        char c = line.at[i];
        if (is_blank(c) || c == '-')
            continue;
        if (!is_base32(c)) {
            (void)sme_fail(err, SME_E_KEY,
                           "%s:%u: character %zu of '%s' is not a letter or a digit from 2 to 7",
                           p->label, p->line, raw->len + 1, keyword);
            return error_hint(err, "there is no 0, 1, 8 or 9 in these groups: "
                                   "they are the letters O, I or L, B, and G");
        }
        if (raw->len == wanted)
            return sme_fail(err, SME_E_KEY, "%s:%u: '%s' is longer than %zu characters", p->label,
                            p->line, keyword, wanted);
        raw->text[raw->len++] = c;
    }
    return SME_OK;
}

static int take_magic(struct parser *p, struct span word, struct span rest, struct sme_error *err)
{
    struct span version = take_word(&rest);
    if (!span_is(word, MAGIC)) {
        (void)sme_fail(err, SME_E_KEY, "%s:%u: this is not a key file: it does not begin with '%s'",
                       p->label, p->line, MAGIC " " VERSION);
        return error_hint(err, "give the file that 'sme-backup init' wrote, or the recovery kit");
    }
    if (!span_is(version, VERSION) || take_word(&rest).len != 0) {
        (void)sme_fail(err, SME_E_KEY, "%s:%u: version of this key file is not '%s'", p->label,
                       p->line, VERSION);
        return error_hint(err, "a newer sme-backup may have written it");
    }
    p->has_magic = true;
    return SME_OK;
}

static int take_line(struct parser *p, struct span line, struct sme_error *err)
{
    const char *comment = memchr(line.at, '#', line.len);
    if (comment != NULL)
        line.len = (size_t)(comment - line.at);
    bool indented = line.len > 0 && is_blank(line.at[0]);
    struct span rest = line;
    struct span word = take_word(&rest);
    if (word.len == 0)
        return SME_OK;
    if (!p->has_magic)
        return take_magic(p, word, rest, err);
    if (indented) {
        if (p->current == NO_FIELD)
            return sme_fail(err, SME_E_KEY,
                            "%s:%u: line begins with a blank, but there is no value to go on with",
                            p->label, p->line);
        return take_value(p, line, err);
    }
    for (unsigned f = 0; f < FIELDS; f++) {
        if (!span_is(word, fields[f].keyword))
            continue;
        if (p->raw[f].line != 0)
            return sme_fail(err, SME_E_KEY, "%s:%u: '%s' stands a second time (first in line %u)",
                            p->label, p->line, fields[f].keyword, p->raw[f].line);
        p->raw[f].line = p->line;
        p->current = (enum field)f;
        return take_value(p, rest, err);
    }
    /* The word may be a piece of a secret that lost its indentation: not shown. */
    (void)sme_fail(err, SME_E_KEY, "%s:%u: line begins with an unknown word", p->label, p->line);
    return error_hint(err, "known are 'repository', 'reader-public', 'writer-secret' and "
                           "'reader-secret'; a value that goes on in the next line is indented");
}

/* Decode ${f} and check it against its checksum. */
static int decode_field(const struct parser *p, enum field f, uint8_t *out, struct sme_error *err)
{
    const struct raw_field *raw = &p->raw[f];
    const char *keyword = fields[f].keyword;
    size_t len = fields[f].len;
    uint8_t bytes[VALUE_MAX + CHECKSUM_LEN];
    uint8_t checksum[CHECKSUM_LEN];
    size_t wanted = base32_len(len + CHECKSUM_LEN);
    if (raw->len != wanted)
        return sme_fail(err, SME_E_KEY, "%s:%u: '%s' has %zu characters instead of %zu", p->label,
                        raw->line, keyword, raw->len, wanted);
    bool right = base32_decode(raw->text, raw->len, bytes, len + CHECKSUM_LEN);
    int status = SME_OK;
    if (right) {
        status = checksum_of(keyword, bytes, len, checksum, err);
        right = secret_equal(checksum, bytes + len, CHECKSUM_LEN);
    }
    if (status == SME_OK && right) {
        memcpy(out, bytes, len);
    } else if (status == SME_OK) {
        status =
            sme_fail(err, SME_E_KEY, "%s:%u: checksum of '%s' does not match: a character is wrong",
                     p->label, raw->line, keyword);
        (void)error_hint(err, "compare the groups with the recovery kit one by one");
    }
    secret_wipe(bytes, sizeof bytes);
    return status;
}

static int decode_all(const struct parser *p, struct keyring *keys, struct sme_error *err)
{
    if (!p->has_magic) {
        (void)sme_fail(err, SME_E_KEY, "%s: key file is empty", p->label);
        return error_hint(err, "give the file that 'sme-backup init' wrote, or the recovery kit");
    }
    uint8_t *const places[FIELDS] = {
        [REPOSITORY] = keys->repository,
        [READER_PUBLIC] = keys->reader_public,
        [WRITER_SECRET] = keys->writer.bytes,
        [READER_SECRET] = keys->reader.bytes,
    };
    for (unsigned f = 0; f < FIELDS; f++) {
        if (p->raw[f].line == 0) {
            if (f == READER_SECRET)
                continue;
            (void)sme_fail(err, SME_E_KEY, "%s: '%s' is missing", p->label, fields[f].keyword);
            return error_hint(err, "restore the key file from the recovery kit");
        }
        int status = decode_field(p, (enum field)f, places[f], err);
        if (status != SME_OK)
            return status;
    }
    keys->has_reader = p->raw[READER_SECRET].line != 0;
    if (!keys->has_reader)
        return SME_OK;
    uint8_t public_key[32];
    int status = hpke_public_of(&keys->reader, public_key, err);
    if (status == SME_OK && !secret_equal(public_key, keys->reader_public, sizeof public_key)) {
        (void)sme_fail(err, SME_E_KEY, "%s:%u: 'reader-secret' does not belong to 'reader-public'",
                       p->label, p->raw[READER_SECRET].line);
        return error_hint(err, "take both lines from the same key file or recovery kit");
    }
    return status;
}

int keyring_parse(const void *text, size_t len, const char *label, struct keyring *ret_keys,
                  struct sme_error *err)
{
    if (len > LIMIT_KEY_FILE)
        return sme_fail(err, SME_E_KEY, "%s: larger than a key file can be (%u bytes)", label,
                        LIMIT_KEY_FILE);
    CLEANUP(parser_done) struct parser p = {.label = label, .current = NO_FIELD};
    CLEANUP(keyring_done) struct keyring keys = {.has_reader = false};
    struct span rest = {text, len};
    while (rest.len > 0) {
        const char *newline = memchr(rest.at, '\n', rest.len);
        struct span line = {rest.at, newline != NULL ? (size_t)(newline - rest.at) : rest.len};
        size_t used = line.len + (newline != NULL ? 1 : 0);
        rest.at += used;
        rest.len -= used;
        p.line++;
        int status = take_line(&p, line, err);
        if (status != SME_OK)
            return status;
    }
    int status = decode_all(&p, &keys, err);
    if (status == SME_OK)
        *ret_keys = keys;
    return status;
}

int keyring_load(const char *path, struct keyring *ret_keys, struct sme_error *err)
{
    /* O_NONBLOCK: a FIFO of that name must not hang us. */
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd == -1 && errno == ENOENT) {
        (void)sme_fail(err, SME_E_KEY, "key file '%s' does not exist", path);
        return error_hint(err, "run 'sme-backup init', or restore the key file from the recovery "
                               "kit");
    }
    if (fd == -1)
        return sme_fail_errno(err, SME_E_KEY, "cannot open key file '%s'", path);
    struct stat st;
    if (fstat(fd, &st) == -1)
        return sme_fail_errno(err, SME_E_KEY, "cannot examine key file '%s'", path);
    if (!S_ISREG(st.st_mode))
        return sme_fail(err, SME_E_KEY, "key file '%s' is not a regular file", path);
    int status = io_check_private(fd, path, "key file", true, err);
    if (status != SME_OK)
        return status;

    CLEANUP(buf_wipe) struct buf text = BUF_INIT(LIMIT_KEY_FILE + 1);
    uint8_t *place = buf_grow(&text, LIMIT_KEY_FILE + 1);
    if (place == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for key file '%s'", path);
    ssize_t n = io_read_full(fd, place, LIMIT_KEY_FILE + 1);
    if (n < 0)
        return sme_fail_errno(err, SME_E_KEY, "cannot read key file '%s'", path);
    return keyring_parse(place, (size_t)n, path, ret_keys, err);
}

static int format_field(enum field f, const uint8_t *value, struct buf *out, struct sme_error *err)
{
    const char *keyword = fields[f].keyword;
    size_t len = fields[f].len;
    uint8_t bytes[VALUE_MAX + CHECKSUM_LEN];
    char text[TEXT_MAX];
    memcpy(bytes, value, len);
    int status = checksum_of(keyword, value, len, bytes + len, err);
    if (status == SME_OK) {
        base32_encode(bytes, len + CHECKSUM_LEN, text);
        buf_add_fmt(out, "%-*s", KEYWORD_WIDTH, keyword);
        size_t text_len = base32_len(len + CHECKSUM_LEN);
        for (size_t at = 0; at < text_len; at += GROUP) {
            if (at > 0 && at / GROUP % GROUPS_PER_LINE == 0)
                buf_add_fmt(out, "\n%*s", KEYWORD_WIDTH, "");
            else if (at > 0)
                buf_add_str(out, "-");
            buf_add(out, text + at, text_len - at < GROUP ? text_len - at : GROUP);
        }
        buf_add_str(out, "\n");
    }
    secret_wipe(bytes, sizeof bytes);
    secret_wipe(text, sizeof text);
    return status;
}

int keyring_format(const struct keyring *keys, bool write_only, const char *comment,
                   struct buf *out, struct sme_error *err)
{
    for (const char *line = comment; line != NULL && *line != '\0';) {
        if (*line != '#')
            return sme_fail(err, SME_E_INVALID,
                            "a comment for a key file has a line that does not begin with '#'");
        const char *newline = strchr(line, '\n');
        line = newline != NULL ? newline + 1 : NULL;
    }
    if (!write_only && !keys->has_reader)
        return sme_fail(err, SME_E_KEY,
                        "this host holds a write-only key: there is no reader "
                        "secret to write");
    size_t before = out->len;
    size_t comment_len = comment != NULL ? strlen(comment) : 0;
    /* All room at once: growing in between would leave a copy of secrets in freed memory. */
    if (!buf_reserve(out, comment_len + TEXT_RESERVE))
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for a key file");
    if (comment_len > 0) {
        buf_add_str(out, comment);
        if (comment[comment_len - 1] != '\n')
            buf_add_str(out, "\n");
    }
    buf_add_str(out, MAGIC " " VERSION "\n");
    int status = format_field(REPOSITORY, keys->repository, out, err);
    if (status == SME_OK)
        status = format_field(READER_PUBLIC, keys->reader_public, out, err);
    if (status == SME_OK)
        status = format_field(WRITER_SECRET, keys->writer.bytes, out, err);
    if (status == SME_OK && !write_only)
        status = format_field(READER_SECRET, keys->reader.bytes, out, err);
    if (status == SME_OK && out->bad)
        status = sme_fail(err, SME_E_NO_MEMORY, "out of memory for a key file");
    if (status != SME_OK && !out->bad) {
        secret_wipe(out->data + before, out->len - before);
        out->len = before;
    }
    return status;
}
