/*
 * Option tables + a section = filled config structs.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "options.h"
#include "../base/cleanup.h"
#include "../base/secret.h"
#include "../base/str.h"
#include "value.h"

#include <inttypes.h>

/* Two slips of the finger at most make one name out of another. */
#define LIKENESS 2

void option_store_free(struct option_store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        secret_wipe(store->blocks[i], store->sizes[i]);
        free(store->blocks[i]);
    }
    free(store->blocks);
    free(store->sizes);
    *store = (struct option_store){0};
}

bool option_store_keep(struct option_store *store, void *block, size_t size)
{
    if (block == NULL)
        return false;
    void **blocks = reallocarray(store->blocks, store->count + 1, sizeof *blocks);
    if (blocks != NULL)
        store->blocks = blocks;
    size_t *sizes = reallocarray(store->sizes, store->count + 1, sizeof *sizes);
    if (sizes != NULL)
        store->sizes = sizes;
    if (blocks == NULL || sizes == NULL) {
        secret_wipe(block, size);
        free(block);
        return false;
    }
    blocks[store->count] = block;
    sizes[store->count] = size;
    store->count++;
    return true;
}

const char *options_type_name(const struct sme_option *row)
{
    switch (row->type) {
    case SME_OPT_STRING:
        return "text";
    case SME_OPT_PATH:
        return "absolute path";
    case SME_OPT_LIST:
        return (row->flags & SME_OPT_PATHS) != 0 ? "list of paths" : "list";
    case SME_OPT_BOOL:
        return "yes or no";
    case SME_OPT_INT:
        return "whole number";
    case SME_OPT_SIZE:
        return "size";
    case SME_OPT_DURATION:
        return "duration";
    case SME_OPT_PERCENT:
        return "percentage";
    case SME_OPT_CHOICE:
        return "choice";
    default:
        return "unknown";
    }
}

static size_t field_size(uint32_t type)
{
    switch (type) {
    case SME_OPT_STRING:
    case SME_OPT_PATH:
        return sizeof(const char *);
    case SME_OPT_LIST:
        return sizeof(struct sme_list);
    case SME_OPT_BOOL:
        return sizeof(bool);
    case SME_OPT_INT:
    case SME_OPT_SIZE:
    case SME_OPT_DURATION:
        return sizeof(uint64_t);
    case SME_OPT_PERCENT:
    case SME_OPT_CHOICE:
        return sizeof(uint32_t);
    default:
        return 0;
    }
}

static void *field_of(const struct sme_option *row, void *config)
{
    return (char *)config + row->offset;
}

/* One value on its way into a field. */
struct setting {
    const struct sme_option *row;
    const char *text;
    const char *where;
    struct option_store *store;
    struct sme_error *err;
};

/* "FILE:LINE: option 'x': 'TEXT' ${why}"; the text of a secret is not shown. */
static int refuse(const struct setting *s, const char *why)
{
    char shown[64];

    if ((s->row->flags & SME_OPT_SECRET) != 0)
        return sme_fail(s->err, SME_E_INVALID, "%s: option '%s': the value %s", s->where,
                        s->row->name, why);
    return sme_fail(s->err, SME_E_INVALID, "%s: option '%s': '%s' %s", s->where, s->row->name,
                    str_escape(s->text, strlen(s->text), shown, sizeof shown), why);
}

static int refuse_type(const struct setting *s)
{
    switch (s->row->type) {
    case SME_OPT_BOOL:
        return refuse(s, "is not one of yes, no, true, false, on, off, 1, 0");
    case SME_OPT_INT:
        return refuse(s, "is not a whole number");
    case SME_OPT_SIZE:
        return refuse(s, "is not a size like 4096, 64KiB, 1.5GiB or 10MB");
    case SME_OPT_DURATION:
        return refuse(s, "is not a duration with its unit, like 90s, 15min, 6h or 2d");
    case SME_OPT_PERCENT:
        return refuse(s, "is not a percentage like 2% or 0.5%");
    default:
        return refuse(s, "cannot be used");
    }
}

/* A number of the row's type as one would write it. */
static void print_number(const struct sme_option *row, uint64_t value, char *out, size_t size)
{
    static const struct {
        uint64_t factor;
        const char *name;
    } sizes[] = {{UINT64_C(1) << 30, "GiB"},
                 {UINT64_C(1) << 20, "MiB"},
                 {UINT64_C(1) << 10, "KiB"}},
      times[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};

    if (row->type == SME_OPT_INT) {
        (void)snprintf(out, size, "%" PRId64, (int64_t)value);
        return;
    }
    if (row->type == SME_OPT_PERCENT) {
        (void)snprintf(out, size, value % 100 == 0 ? "%" PRIu64 "%%" : "%" PRIu64 ".%02u%%",
                       value / 100, (unsigned)(value % 100));
        return;
    }
    bool is_size = row->type == SME_OPT_SIZE;
    const char *unit = is_size || value == 0 ? "" : "ms";
    for (size_t i = 0; value > 0 && i < (is_size ? 3u : 4u); i++) {
        uint64_t factor = is_size ? sizes[i].factor : times[i].factor;
        if (value % factor == 0) {
            value /= factor;
            unit = is_size ? sizes[i].name : times[i].name;
            break;
        }
    }
    (void)snprintf(out, size, "%" PRIu64 "%s", value, unit);
}

static int check_bounds(const struct setting *s, uint64_t value)
{
    const struct sme_option *row = s->row;
    char low[32], high[32], why[96];

    if (row->min == 0 && row->max == 0)
        return SME_OK;
    bool fits = row->type == SME_OPT_INT
                    ? (int64_t)value >= row->min && (int64_t)value <= row->max
                    : value >= (uint64_t)row->min && value <= (uint64_t)row->max;
    if (fits)
        return SME_OK;
    print_number(row, (uint64_t)row->min, low, sizeof low);
    print_number(row, (uint64_t)row->max, high, sizeof high);
    if (row->max == INT64_MAX)
        (void)snprintf(why, sizeof why, "is less than %s", low);
    else
        (void)snprintf(why, sizeof why, "is not between %s and %s", low, high);
    return refuse(s, why);
}

static int keep_text(const struct setting *s, const char **field)
{
    char *copy = strdup(s->text);

    if (!option_store_keep(s->store, copy, strlen(s->text) + 1))
        return sme_fail(s->err, SME_E_NO_MEMORY, "%s: out of memory", s->where);
    *field = copy;
    return SME_OK;
}

static int set_text(const struct setting *s, const char **field)
{
    if (strchr(s->text, '\n') != NULL) {
        (void)refuse(s, "goes on over several lines");
        return error_hint(s->err, "an indented line continues the value before it");
    }
    if (s->text[0] == '\0' &&
        (s->row->type == SME_OPT_PATH || (s->row->flags & SME_OPT_REQUIRED) != 0))
        return sme_fail(s->err, SME_E_INVALID, "%s: option '%s' is empty", s->where, s->row->name);
    if (s->row->type == SME_OPT_PATH && s->text[0] != '/')
        return refuse(s, "is not an absolute path");
    return keep_text(s, field);
}

static int set_list(const struct setting *s, struct sme_list *field)
{
    char **items = NULL;
    size_t count = 0;
    char shown[64];

    int status = value_list(s->text, &items, &count);
    if (status == SME_E_NO_MEMORY)
        return sme_fail(s->err, status, "%s: out of memory", s->where);
    if (status < 0) {
        (void)refuse(s, "has a quote that is not closed, or text behind one");
        return error_hint(s->err, "put the whole entry in \"...\", and a backslash before a quote "
                                  "inside");
    }
    size_t size = sizeof *items;
    if (count > 0)
        size = (size_t)(items[count - 1] + strlen(items[count - 1]) + 1 - (char *)items);
    if (!option_store_keep(s->store, items, size))
        return sme_fail(s->err, SME_E_NO_MEMORY, "%s: out of memory", s->where);
    if (count == 0 && (s->row->flags & SME_OPT_REQUIRED) != 0)
        return sme_fail(s->err, SME_E_INVALID, "%s: option '%s' is empty", s->where, s->row->name);
    for (size_t i = 0; i < count && (s->row->flags & SME_OPT_PATHS) != 0; i++) {
        if (items[i][0] != '/')
            return sme_fail(s->err, SME_E_INVALID, "%s: option '%s': '%s' is not an absolute path",
                            s->where, s->row->name,
                            str_escape(items[i], strlen(items[i]), shown, sizeof shown));
    }
    *field = (struct sme_list){.count = count, .items = (const char *const *)items};
    return SME_OK;
}

/* The nearest of the two names to ${name} so far; *best_distance begins at LIKENESS + 1. */
static void consider(const char *name, const char *known, const char **best, unsigned *distance)
{
    /* In a short name two slips leave nothing that would be alike. */
    unsigned limit = strlen(known) < 5 ? 1 : LIKENESS;
    unsigned d = str_distance(name, known, limit);

    if (d <= limit && d < *distance) {
        *best = known;
        *distance = d;
    }
}

static int set_choice(const struct setting *s, uint32_t *field)
{
    const char *nearest = NULL;
    unsigned distance = LIKENESS + 1;
    char known[192];
    size_t len = 0;

    known[0] = '\0';
    for (uint32_t i = 0; s->row->choices[i] != NULL; i++) {
        if (strcmp(s->text, s->row->choices[i]) == 0) {
            *field = i;
            return SME_OK;
        }
        consider(s->text, s->row->choices[i], &nearest, &distance);
        int printed = snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "",
                               s->row->choices[i]);
        if (printed > 0 && (size_t)printed < sizeof known - len)
            len += (size_t)printed;
    }
    (void)refuse(s, "is not one of the choices");
    if (nearest != NULL)
        return error_hint(s->err, "did you mean '%s'? Possible: %s", nearest, known);
    return error_hint(s->err, "possible: %s", known);
}

static int set_number(const struct setting *s, void *field)
{
    uint64_t value = 0;
    int64_t signed_value = 0;
    uint32_t percent = 0;
    int status;

    if (s->row->type == SME_OPT_SIZE) {
        status = value_size(s->text, &value);
    } else if (s->row->type == SME_OPT_DURATION) {
        status = value_duration(s->text, &value);
    } else if (s->row->type == SME_OPT_PERCENT) {
        status = value_percent(s->text, &percent);
        value = percent;
    } else {
        status = value_int(s->text, &signed_value);
        value = (uint64_t)signed_value;
    }
    if (status < 0)
        return refuse_type(s);
    status = check_bounds(s, value);
    if (status < 0)
        return status;
    if (s->row->type == SME_OPT_PERCENT)
        memcpy(field, &percent, sizeof percent);
    else
        memcpy(field, &value, sizeof value);
    return SME_OK;
}

int options_set(const struct sme_option *row, void *config, const char *text, const char *where,
                struct option_store *store, struct sme_error *err)
{
    struct setting s = {.row = row, .text = text, .where = where, .store = store, .err = err};
    void *field = field_of(row, config);
    bool flag = false;

    switch (row->type) {
    case SME_OPT_STRING:
    case SME_OPT_PATH:
        return set_text(&s, field);
    case SME_OPT_LIST:
        return set_list(&s, field);
    case SME_OPT_BOOL:
        if (value_bool(text, &flag) < 0)
            return refuse_type(&s);
        *(bool *)field = flag;
        return SME_OK;
    case SME_OPT_CHOICE:
        return set_choice(&s, field);
    case SME_OPT_INT:
    case SME_OPT_SIZE:
    case SME_OPT_DURATION:
    case SME_OPT_PERCENT:
        return set_number(&s, field);
    default:
        return sme_fail(err, SME_E_INVALID, "%s: option '%s' has a type that is not known", where,
                        row->name);
    }
}

static const struct sme_option *find_row(const struct option_set *sets, size_t set_count,
                                         const char *name, size_t name_len, void **ret_config)
{
    for (size_t i = 0; i < set_count; i++) {
        for (size_t j = 0; j < sets[i].count; j++) {
            const struct sme_option *row = &sets[i].rows[j];
            if (strlen(row->name) == name_len && memcmp(row->name, name, name_len) == 0) {
                *ret_config = sets[i].config;
                return row;
            }
        }
    }
    return NULL;
}

static int fail_unknown(const struct option_set *sets, size_t set_count,
                        const struct ini_section *section, const struct ini_entry *entry,
                        struct sme_error *err)
{
    const char *nearest = NULL;
    unsigned distance = LIKENESS + 1;
    char shown[64];

    for (size_t i = 0; i < set_count; i++) {
        for (size_t j = 0; j < sets[i].count; j++)
            consider(entry->name, sets[i].rows[j].name, &nearest, &distance);
    }
    int status =
        sme_fail(err, SME_E_INVALID, "%s:%u: unknown option '%s' in [%s%s%s]", section->file,
                 entry->line, str_escape(entry->name, strlen(entry->name), shown, sizeof shown),
                 section->kind, section->name[0] != '\0' ? " " : "", section->name);
    if (nearest != NULL)
        (void)error_hint(err, "did you mean '%s'?", nearest);
    return status;
}

/* An option that was indented by mistake has become a further line of the one before it. */
static int check_continuation(const struct option_set *sets, size_t set_count,
                              const struct ini_section *section, const struct ini_entry *entry,
                              struct sme_error *err)
{
    const char *line = entry->value;
    void *config;

    while ((line = strchr(line, '\n')) != NULL) {
        line++;
        size_t len = strcspn(line, "=:\n \t");
        size_t blanks = strspn(line + len, " \t");
        if ((line[len + blanks] == '=' || line[len + blanks] == ':') &&
            find_row(sets, set_count, line, len, &config) != NULL) {
            (void)sme_fail(err, SME_E_INVALID,
                           "%s:%u: option '%.*s' is indented and so continues the value of '%s'",
                           section->file, entry->line, (int)len, line, entry->name);
            return error_hint(err, "begin an option at the left margin; put quotes around a list "
                                   "entry that looks like one");
        }
    }
    return SME_OK;
}

static int fill_defaults(const struct option_set *set, struct option_store *store,
                         struct sme_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct sme_option *row = &set->rows[i];
        memset(field_of(row, set->config), 0, field_size(row->type));
        if (row->fallback != NULL) {
            int status = options_set(row, set->config, row->fallback, "default", store, err);
            if (status < 0)
                return status;
        }
    }
    return SME_OK;
}

static int fill_entry(const struct option_set *sets, size_t set_count,
                      const struct ini_section *section, const struct ini_entry *entry,
                      unsigned flags, struct option_store *store, struct sme_error *err)
{
    void *config = NULL;
    const struct sme_option *row =
        find_row(sets, set_count, entry->name, strlen(entry->name), &config);

    int status = check_continuation(sets, set_count, section, entry, err);
    if (status < 0)
        return status;
    if (row == NULL)
        return (flags & OPTIONS_IGNORE_UNKNOWN) != 0
                   ? SME_OK
                   : fail_unknown(sets, set_count, section, entry, err);
    if ((row->flags & SME_OPT_SECRET) != 0 && section->readable_by_others) {
        (void)sme_fail(err, SME_E_DENIED,
                       "%s:%u: option '%s' is a secret, but the file can be read by others",
                       section->file, entry->line, row->name);
        return error_hint(err, "chmod go-rwx '%s'", section->file);
    }
    CLEANUP(free_ptr) char *where = str_format("%s:%u", section->file, entry->line);
    if (where == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "%s: out of memory", section->file);
    return options_set(row, config, entry->value, where, store, err);
}

int options_fill(const struct option_set *sets, size_t set_count, const struct ini_section *section,
                 unsigned flags, struct option_store *store, struct sme_error *err)
{
    int status = SME_OK;

    for (size_t i = 0; i < set_count && status >= 0; i++)
        status = fill_defaults(&sets[i], store, err);
    if (status < 0 || section == NULL)
        return status;
    for (size_t i = 0; i < section->count && status >= 0; i++)
        status = fill_entry(sets, set_count, section, &section->entries[i], flags, store, err);
    if (status < 0)
        return status;

    for (size_t i = 0; i < set_count; i++) {
        for (size_t j = 0; j < sets[i].count; j++) {
            const struct sme_option *row = &sets[i].rows[j];
            if ((row->flags & SME_OPT_REQUIRED) == 0 || ini_find(section, row->name) != NULL)
                continue;
            (void)sme_fail(err, SME_E_INVALID, "%s:%u: [%s%s%s] lacks the option '%s'",
                           section->file, section->line, section->kind,
                           section->name[0] != '\0' ? " " : "", section->name, row->name);
            return error_hint(err, "%s: %s", row->name, row->help);
        }
    }
    return SME_OK;
}

static bool is_option_name(const char *name)
{
    if (name[0] < 'a' || name[0] > 'z')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) &&
           strlen(name) < 50;
}

/* What is wrong with a row by itself; NULL if nothing is. */
static const char *row_fault(const struct sme_option *row, size_t config_size)
{
    const uint32_t known_flags =
        SME_OPT_REQUIRED | SME_OPT_SECRET | SME_OPT_DEPRECATED | SME_OPT_PATHS;
    size_t size = field_size(row->type);
    bool has_bounds = row->min != 0 || row->max != 0;
    bool is_number = row->type == SME_OPT_INT || row->type == SME_OPT_SIZE ||
                     row->type == SME_OPT_DURATION || row->type == SME_OPT_PERCENT;

    if (size == 0)
        return "has a type that is not known";
    if ((row->flags & ~known_flags) != 0)
        return "has a flag that is not known";
    if ((row->flags & SME_OPT_PATHS) != 0 && row->type != SME_OPT_LIST)
        return "has the flag for paths but is not a list";
    if (row->offset > config_size || size > config_size - row->offset)
        return "has a field outside the config struct";
    if (row->offset % (size > 8 ? sizeof(void *) : size) != 0)
        return "has a field that is not aligned";
    if (row->help == NULL || row->help[0] == '\0')
        return "has no help text";
    if ((row->type == SME_OPT_CHOICE) != (row->choices != NULL && row->choices[0] != NULL))
        return "must have choices if and only if it is a choice";
    if (has_bounds && (!is_number || row->min > row->max))
        return "has bounds that make no sense";
    if (has_bounds && row->type != SME_OPT_INT && row->min < 0)
        return "has a negative bound";
    if ((row->flags & SME_OPT_REQUIRED) != 0 && row->fallback != NULL)
        return "is required and yet has a default";
    if ((row->flags & SME_OPT_SECRET) != 0 && row->fallback != NULL)
        return "is a secret and yet has a default";
    return NULL;
}

int options_check_table(const struct sme_option *rows, size_t count, size_t config_size,
                        struct sme_error *err)
{
    union {
        struct sme_list list;
        uint64_t number;
    } field;

    for (size_t i = 0; i < count; i++) {
        const struct sme_option *row = &rows[i];
        if (row->name == NULL || !is_option_name(row->name))
            return sme_fail(err, SME_E_INVALID, "option %zu has no name of the form 'some_name'",
                            i + 1);
        const char *fault = row_fault(row, config_size);
        for (size_t j = 0; j < i && fault == NULL; j++) {
            if (strcmp(rows[j].name, row->name) == 0)
                fault = "is there twice";
        }
        if (fault != NULL)
            return sme_fail(err, SME_E_INVALID, "option '%s' %s", row->name, fault);
        if (row->fallback != NULL) {
            struct option_store store = {0};
            struct sme_option alone = *row;
            alone.offset = 0;
            int status = options_set(&alone, &field, row->fallback, "default", &store, err);
            option_store_free(&store);
            if (status < 0)
                return status;
        }
    }
    return SME_OK;
}
