/*
 * The dated table of prices: reading it, and what a run's requests cost by it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "prices.h"
#include "bucket.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SME_S3_PRICES
#define SME_S3_PRICES "/usr/share/sme-backup/prices-s3"
#endif

#define TABLE_MAX (1u << 20)
#define NANO 1000000000ll
#define DOLLARS_MAX 1000000ll /* of one item; a larger one is a slip of the pen */
#define GIB (1ull << 30)

#define TABLE_HINT "correct that line, or leave prices = out to use the table that was installed"

struct table {
    const char *path;
    char *text;
    size_t len;
};

/* One line, without spaces around the parts. */
struct line {
    unsigned number;
    const char *name, *value;
    size_t name_len, value_len;
};

/* ---- the file ----------------------------------------------------------------------------- */

/* A build that is not installed has its table elsewhere: the environment says where. */
static const char *path_or_default(const char *path)
{
    const char *from_environment;

    if (path != NULL)
        return path;
    from_environment = secure_getenv("SME_BACKUP_PRICES");
    return from_environment != NULL && from_environment[0] != '\0' ? from_environment
                                                                   : SME_S3_PRICES;
}

static int read_all(struct table *table, int fd, struct sme_error *err)
{
    char *text = malloc(TABLE_MAX + 1);
    size_t len = 0;

    if (text == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "price table '%s': out of memory", table->path);
    while (len <= TABLE_MAX) {
        ssize_t got = read(fd, text + len, TABLE_MAX + 1 - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int status = sme_fail_errno(err, SME_E_IO, "cannot read price table '%s'", table->path);

            free(text);
            return status;
        }
        if (got == 0)
            break;
        len += (size_t)got;
    }
    if (len > TABLE_MAX) {
        free(text);
        return sme_fail(err, SME_E_INVALID, "price table '%s' is larger than %u KiB", table->path,
                        TABLE_MAX >> 10);
    }
    table->text = text;
    table->len = len;
    return SME_OK;
}

static int table_open(const char *path, struct table *ret_table, struct sme_error *err)
{
    struct table table = {.path = path_or_default(path)};
    int fd = open(table.path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    int status;

    if (fd < 0) {
        status = sme_fail_errno(err, SME_E_INVALID, "cannot open price table '%s'", table.path);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "set prices = in the sink's section to a table that is there");
        return status;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        status = sme_fail(err, SME_E_INVALID, "price table '%s' is not a file", table.path);
    else
        status = read_all(&table, fd, err);
    (void)close(fd);
    if (status == SME_OK)
        *ret_table = table;
    return status;
}

/* ---- lines -------------------------------------------------------------------------------- */

static int bad_line(const struct table *table, unsigned number, const char *why,
                    struct sme_error *err)
{
    int status = sme_fail(err, SME_E_INVALID, "price table '%s:%u': %s", table->path, number, why);

    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, TABLE_HINT);
    return status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **at, size_t *len)
{
    while (*len > 0 && is_blank(**at)) {
        (*at)++;
        (*len)--;
    }
    while (*len > 0 && is_blank((*at)[*len - 1]))
        (*len)--;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/* The next line that says something: 1, 0 at the end, negative if it is malformed. */
static int next_line(const struct table *table, size_t *offset, struct line *line,
                     struct sme_error *err)
{
    while (*offset < table->len) {
        const char *at = table->text + *offset;
        const char *end = memchr(at, '\n', table->len - *offset);
        size_t len = end != NULL ? (size_t)(end - at) : table->len - *offset;
        const char *mark;

        *offset += len + (end != NULL ? 1 : 0);
        line->number++;
        if (memchr(at, '\0', len) != NULL)
            return bad_line(table, line->number, "a zero byte: this is not text", err);
        mark = memchr(at, '#', len);
        if (mark != NULL)
            len = (size_t)(mark - at);
        trim(&at, &len);
        if (len == 0)
            continue;
        mark = memchr(at, '=', len);
        if (mark == NULL)
            return bad_line(table, line->number, "expected 'region.item = dollars'", err);
        line->name = at;
        line->name_len = (size_t)(mark - at);
        line->value = mark + 1;
        line->value_len = len - line->name_len - 1;
        trim(&line->name, &line->name_len);
        trim(&line->value, &line->value_len);
        if (line->name_len == 0)
            return bad_line(table, line->number, "nothing before '='", err);
        if (line->value_len == 0)
            return bad_line(table, line->number, "nothing behind '='", err);
        for (size_t i = 0; i < line->name_len; i++) {
            if (!is_name_byte(line->name[i]))
                return bad_line(table, line->number, "the name has a character that none has", err);
        }
        return 1;
    }
    return 0;
}

/* "0.0004" to 400000.  Digits, and up to nine of them behind a point; nothing else. */
static bool dollars_to_nano(const char *text, size_t len, int64_t *ret_nano)
{
    int64_t whole = 0, part = 0, unit = NANO;
    size_t i = 0, start;

    for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
        whole = whole * 10 + (text[i] - '0');
        if (whole > DOLLARS_MAX)
            return false;
    }
    if (i == 0)
        return false;
    if (i < len && text[i] == '.') {
        start = ++i;
        for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
            if (unit == 1)
                return false;
            unit /= 10;
            part += (text[i] - '0') * unit;
        }
        if (i == start)
            return false;
    }
    if (i != len)
        return false;
    *ret_nano = whole * NANO + part;
    return true;
}

static bool is_date(const char *text, size_t len)
{
    unsigned month, day;

    if (len != 10 || text[4] != '-' || text[7] != '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (i != 4 && i != 7 && (text[i] < '0' || text[i] > '9'))
            return false;
    }
    month = (unsigned)(text[5] - '0') * 10 + (unsigned)(text[6] - '0');
    day = (unsigned)(text[8] - '0') * 10 + (unsigned)(text[9] - '0');
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static bool is_word(const char *at, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(at, word, len) == 0;
}

/* ---- the table ---------------------------------------------------------------------------- */

/* What is looked for, and what was found; all lines are read, so that a mistake anywhere shows. */
struct search {
    const char *region, *item; /* NULL: the date is looked for */
    int64_t of_region, of_default;
    bool has_region, has_default, has_date;
    char date[11];
};

static int take_date(const struct table *table, const struct line *line, struct search *search,
                     struct sme_error *err)
{
    if (!is_date(line->value, line->value_len))
        return bad_line(table, line->number, "the date is not one like 2026-11-01", err);
    if (search->has_date)
        return bad_line(table, line->number, "a second date", err);
    search->has_date = true;
    memcpy(search->date, line->value, line->value_len);
    search->date[line->value_len] = '\0';
    return SME_OK;
}

static int take_price(const struct table *table, const struct line *line, struct search *search,
                      struct sme_error *err)
{
    const char *dot = memchr(line->name, '.', line->name_len);
    size_t region_len = dot != NULL ? (size_t)(dot - line->name) : 0;
    size_t item_len = dot != NULL ? line->name_len - region_len - 1 : 0;
    int64_t nano;

    if (region_len == 0 || item_len == 0 || memchr(dot + 1, '.', item_len) != NULL)
        return bad_line(table, line->number, "expected 'region.item' or 'date' before '='", err);
    if (!dollars_to_nano(line->value, line->value_len, &nano))
        return bad_line(table, line->number,
                        "the price is not a decimal number like 0.0004, with nine places at most",
                        err);
    if (search->item == NULL || !is_word(dot + 1, item_len, search->item))
        return SME_OK;
    if (is_word(line->name, region_len, search->region)) {
        if (search->has_region)
            return bad_line(table, line->number, "this price was given before", err);
        search->has_region = true;
        search->of_region = nano;
    } else if (is_word(line->name, region_len, "default")) {
        if (search->has_default)
            return bad_line(table, line->number, "this price was given before", err);
        search->has_default = true;
        search->of_default = nano;
    }
    return SME_OK;
}

static int search_table(const struct table *table, struct search *search, struct sme_error *err)
{
    struct line line = {0};
    size_t offset = 0;
    int status;

    while ((status = next_line(table, &offset, &line, err)) > 0) {
        if (is_word(line.name, line.name_len, "date"))
            status = take_date(table, &line, search, err);
        else
            status = take_price(table, &line, search, err);
        if (status != SME_OK)
            return status;
    }
    if (status == SME_OK && !search->has_date) {
        status = sme_fail(err, SME_E_INVALID, "price table '%s' has no date", table->path);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "add a line 'date = 2026-11-01': the day the prices were looked up");
    }
    return status;
}

int prices_find(const char *path, const char *region, const char *item, int64_t *ret_nano_usd,
                struct sme_error *err)
{
    struct search search = {.region = region, .item = item};
    struct table table;
    int status = table_open(path, &table, err);

    if (status != SME_OK)
        return status;
    status = search_table(&table, &search, err);
    free(table.text);
    if (status != SME_OK)
        return status;
    if (!search.has_region && !search.has_default)
        return sme_fail(err, SME_E_NOT_FOUND, "price table '%s' has no '%s' for region '%s'",
                        table.path, item, region);
    *ret_nano_usd = search.has_region ? search.of_region : search.of_default;
    return SME_OK;
}

int prices_date(const char *path, char out[11], struct sme_error *err)
{
    struct search search = {0};
    struct table table;
    int status = table_open(path, &table, err);

    if (status != SME_OK)
        return status;
    status = search_table(&table, &search, err);
    free(table.text);
    if (status == SME_OK)
        memcpy(out, search.date, sizeof search.date);
    return status;
}

/* ---- what a run costs --------------------------------------------------------------------- */

int prices_of_sink(struct s3 *s3, const char *item, int64_t *ret_nano_usd, struct sme_error *err)
{
    const struct s3_config *config = s3->config;
    char region[sizeof s3->region];

    /* Amazon's prices say nothing about another store. */
    if (config->prices == NULL && config->endpoint != NULL &&
        strstr(config->endpoint, ".amazonaws.com") == NULL) {
        int status =
            sme_fail(err, SME_E_UNSUPPORTED, "the prices of '%s' are not known", config->endpoint);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "set prices = in the sink's section to a table of this store's prices");
        return status;
    }
    (void)pthread_mutex_lock(&s3->lock);
    memcpy(region, s3->region, sizeof region);
    (void)pthread_mutex_unlock(&s3->lock);
    return prices_find(config->prices, region, item, ret_nano_usd, err);
}

bool prices_add(int64_t *total, int64_t price, uint64_t count, uint64_t unit)
{
    unsigned __int128 cost = ((unsigned __int128)(uint64_t)price * count + unit / 2) / unit;

    if (cost > (unsigned __int128)(INT64_MAX - *total))
        return false;
    *total += (int64_t)cost;
    return true;
}

int bucket_cost(struct s3 *s3, const struct sme_usage *usage, int64_t *ret_nano_usd,
                struct sme_error *err)
{
    const struct {
        const char *item;
        uint64_t counts[2];
        uint64_t unit;
    } parts[] = {
        {"put-1000", {usage->put, 0}, 1000},
        {"list-1000", {usage->list, 0}, 1000},
        {"get-1000", {usage->get, usage->head}, 1000},
        {"out-gb", {usage->bytes_got, 0}, GIB},
    };
    int64_t total = 0;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int64_t price;
        int status = prices_of_sink(s3, parts[i].item, &price, err);

        if (status != SME_OK)
            return status;
        for (size_t j = 0; j < 2; j++) {
            if (!prices_add(&total, price, parts[i].counts[j], parts[i].unit))
                return sme_fail(err, SME_E_INVALID, "the cost of this use is out of range");
        }
    }
    *ret_nano_usd = total;
    return SME_OK;
}
