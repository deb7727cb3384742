/*
 * Values of options as text and JSON: what the parser made of them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "values.h"

#include "../run/report.h"

#include <inttypes.h>
#include <string.h>

/* The fields are of the types that the table says; the loader has checked their places. */
static const char *text_at(const void *field)
{
    const char *text;
    memcpy(&text, field, sizeof text);
    return text;
}

static struct sme_list list_at(const void *field)
{
    struct sme_list list;
    memcpy(&list, field, sizeof list);
    return list;
}

static uint64_t u64_at(const void *field)
{
    uint64_t value;
    memcpy(&value, field, sizeof value);
    return value;
}

static uint32_t u32_at(const void *field)
{
    uint32_t value;
    memcpy(&value, field, sizeof value);
    return value;
}

static bool bool_at(const void *field)
{
    bool value;
    memcpy(&value, field, sizeof value);
    return value;
}

static bool is_set(const struct sme_option *row, const void *field)
{
    switch (row->type) {
    case SME_OPT_STRING:
    case SME_OPT_PATH:
        return text_at(field) != NULL;
    case SME_OPT_LIST:
        return list_at(field).count > 0;
    default:
        return true;
    }
}

static void add_size(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    while (bytes > 0 && bytes % 1024 == 0 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    buf_add_fmt(out, "%" PRIu64 "%s", bytes, units[unit]);
}

static void add_duration(struct buf *out, uint64_t ms)
{
    static const struct {
        uint64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};

    if (ms == 0) {
        buf_add_str(out, "0");
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ms % units[i].ms == 0) {
            buf_add_fmt(out, "%" PRIu64 "%s", ms / units[i].ms, units[i].name);
            return;
        }
    }
}

static void add_percent(struct buf *out, uint32_t hundredths)
{
    uint32_t rest = hundredths % 100;

    buf_add_fmt(out, "%" PRIu32, hundredths / 100);
    if (rest % 10 != 0) {
        buf_add_fmt(out, ".%02" PRIu32, rest);
    } else if (rest != 0) {
        buf_add_fmt(out, ".%" PRIu32, rest / 10);
    }
    buf_add_str(out, "%");
}

static void add_list(struct buf *out, struct sme_list list)
{
    for (size_t i = 0; i < list.count; i++) {
        const char *item = list.items[i];
        buf_add_str(out, i > 0 ? ", " : "");
        if (strpbrk(item, ",\"\\ \t\n;") == NULL && item[0] != '\0') {
            buf_add_str(out, item);
            continue;
        }
        buf_add_str(out, "\"");
        for (const char *c = item; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\') {
                buf_add_str(out, "\\");
            }
            buf_add(out, c, 1);
        }
        buf_add_str(out, "\"");
    }
}

static void add_value(const struct sme_option *row, const void *field, struct buf *out)
{
    switch (row->type) {
    case SME_OPT_LIST:
        add_list(out, list_at(field));
        break;
    case SME_OPT_BOOL:
        buf_add_str(out, bool_at(field) ? "yes" : "no");
        break;
    case SME_OPT_INT:
        buf_add_fmt(out, "%" PRId64, (int64_t)u64_at(field));
        break;
    case SME_OPT_SIZE:
        add_size(out, u64_at(field));
        break;
    case SME_OPT_DURATION:
        add_duration(out, u64_at(field));
        break;
    case SME_OPT_PERCENT:
        add_percent(out, u32_at(field));
        break;
    case SME_OPT_CHOICE:
        buf_add_str(out, row->choices[u32_at(field)]);
        break;
    case SME_OPT_STRING:
    case SME_OPT_PATH:
    default:
        buf_add_str(out, text_at(field));
        break;
    }
}

void values_text(const struct sme_option *rows, size_t count, const void *config, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const void *field = (const char *)config + rows[i].offset;
        if ((rows[i].flags & SME_OPT_SECRET) != 0) {
            buf_add_fmt(out, "; %s is %s\n", rows[i].name,
                        is_set(&rows[i], field) ? "set (hidden)" : "not set");
        } else if (is_set(&rows[i], field)) {
            buf_add_fmt(out, "%s = ", rows[i].name);
            add_value(&rows[i], field, out);
            buf_add_str(out, "\n");
        }
    }
}

static json_t *value_json(const struct sme_option *row, const void *field)
{
    json_t *list = NULL;

    switch (row->type) {
    case SME_OPT_LIST:
        list = json_array();
        for (size_t i = 0; i < list_at(field).count; i++) {
            const char *item = list_at(field).items[i];
            (void)json_array_append_new(list, report_text_json(item, strlen(item)));
        }
        return list;
    case SME_OPT_BOOL:
        return json_boolean(bool_at(field));
    case SME_OPT_INT:
    case SME_OPT_SIZE:
    case SME_OPT_DURATION:
        return json_integer((json_int_t)u64_at(field));
    case SME_OPT_PERCENT:
        return json_real((double)u32_at(field) / 100);
    case SME_OPT_CHOICE:
        return json_string(row->choices[u32_at(field)]);
    case SME_OPT_STRING:
    case SME_OPT_PATH:
    default:
        return text_at(field) != NULL ? report_text_json(text_at(field), strlen(text_at(field)))
                                      : json_null();
    }
}

void values_json(const struct sme_option *rows, size_t count, const void *config, json_t *object)
{
    for (size_t i = 0; i < count; i++) {
        const void *field = (const char *)config + rows[i].offset;
        bool secret = (rows[i].flags & SME_OPT_SECRET) != 0;
        (void)json_object_set_new(object, rows[i].name,
                                  secret ? json_null() : value_json(&rows[i], field));
    }
}
