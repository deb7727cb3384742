/*
 * What a plugin says of itself: text for people, and the common parts of all forms.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "describe.h"
#include "describe_forms.h"
#include "../base/cleanup.h"
#include "../base/str.h"

#define WIDTH 80

const char *describe_kind(enum plugin_kind kind)
{
    return kind == PLUGIN_SOURCE ? "source" : "sink";
}

const char *describe_threads(uint32_t threads)
{
    return threads == SME_THREADS_PARALLEL     ? "parallel"
           : threads == SME_THREADS_PER_HANDLE ? "per-handle"
                                               : "serial";
}

void describe_wrap(struct buf *out, const char *prefix, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " \t\r\n");
        if (len == 0) {
            text++;
            continue;
        }
        if (column > 0 && column + 1 + len > WIDTH) {
            buf_add_str(out, "\n");
            column = 0;
        }
        buf_add_str(out, column == 0 ? prefix : " ");
        column += column == 0 ? strlen(prefix) : 1;
        buf_add(out, text, len);
        column += len;
        text += len;
    }
    buf_add_str(out, "\n");
}

/* A bound as one would write it. */
static void add_number(struct buf *out, const struct sme_option *row, int64_t value)
{
    char text[16];

    switch (row->type) {
    case SME_OPT_SIZE:
        if (value > 0 && value % (INT64_C(1) << 20) == 0)
            buf_add_fmt(out, "%lldMiB", (long long)(value >> 20));
        else if (value > 0 && value % 1024 == 0)
            buf_add_fmt(out, "%lldKiB", (long long)(value >> 10));
        else
            buf_add_fmt(out, "%lld", (long long)value);
        break;
    case SME_OPT_DURATION:
        if (value % 1000 != 0)
            buf_add_fmt(out, "%lldms", (long long)value);
        else
            buf_add_str(out, str_duration(value * INT64_C(1000000), text));
        break;
    case SME_OPT_PERCENT:
        if (value % 100 != 0)
            buf_add_fmt(out, "%lld.%02lld%%", (long long)(value / 100), (long long)(value % 100));
        else
            buf_add_fmt(out, "%lld%%", (long long)(value / 100));
        break;
    default:
        buf_add_fmt(out, "%lld", (long long)value);
        break;
    }
}

void describe_type(struct buf *out, const struct sme_option *row)
{
    if (row->type == SME_OPT_CHOICE) {
        buf_add_str(out, "one of ");
        for (size_t i = 0; row->choices[i] != NULL; i++)
            buf_add_fmt(out, "%s%s", i > 0 ? ", " : "", row->choices[i]);
    } else {
        buf_add_str(out, options_type_name(row));
    }
    if (row->min == 0 && row->max == 0)
        return;
    if (row->max == INT64_MAX) {
        buf_add_str(out, ", at least ");
        add_number(out, row, row->min);
    } else {
        buf_add_str(out, " from ");
        add_number(out, row, row->min);
        buf_add_str(out, " to ");
        add_number(out, row, row->max);
    }
}

void describe_facts(struct buf *out, const struct sme_option *row)
{
    describe_type(out, row);
    if ((row->flags & SME_OPT_REQUIRED) != 0)
        buf_add_str(out, "; required");
    else if (row->fallback != NULL)
        buf_add_fmt(out, "; default: %s", row->fallback[0] != '\0' ? row->fallback : "(empty)");
    if ((row->flags & SME_OPT_SECRET) != 0)
        buf_add_str(out, "; secret");
    if ((row->flags & SME_OPT_DEPRECATED) != 0)
        buf_add_str(out, "; deprecated");
}

/* ---- text for people ---------------------------------------------------------------------- */

static void text_option(struct buf *out, const struct sme_option *row)
{
    CLEANUP(buf_free) struct buf facts = BUF_INIT(out->max);

    describe_facts(&facts, row);
    buf_add_fmt(out, "\n  %s  (%s)\n", row->name, buf_text(&facts));
    describe_wrap(out, "      ", row->help);
    out->bad = out->bad || facts.bad;
}

/* Behind a title. */
static void text_table(struct buf *out, const struct sme_option *rows, size_t count)
{
    if (count == 0) {
        buf_add_str(out, ": none\n");
        return;
    }
    buf_add_str(out, ":\n");
    for (size_t i = 0; i < count; i++)
        text_option(out, &rows[i]);
}

static void text_plugin(struct buf *out, const struct plugin *plugin)
{
    const struct sme_plugin *desc = &plugin->desc;
    const char *kind = describe_kind(plugin->kind);

    buf_add_fmt(out, "%s %s - ", desc->name, desc->version);
    buf_add_fmt(out, "%s\n\n", desc->summary);
    buf_add_fmt(out, "  %-9s%s\n", "kind", kind);
    buf_add_fmt(out, "  %-9s%s\n", "file", plugin->path);
    buf_add_fmt(out, "  %-9s%s\n", "threads", describe_threads(desc->threads));
    buf_add_fmt(out, "\nOptions in [%s NAME] with plugin = %s", kind, desc->name);
    text_table(out, plugin->options, desc->option_count);
    buf_add_fmt(out, "\nAlso those that every %s takes: sme-backup plugin describe %s\n", kind,
                kind);
}

/* ---- all forms ---------------------------------------------------------------------------- */

static int finish(const struct buf *out, const char *what, struct sme_error *err)
{
    if (out->bad)
        return sme_fail(err, SME_E_NO_MEMORY, "cannot describe '%s': out of memory", what);
    return SME_OK;
}

int describe_plugin(const struct plugin *plugin, enum describe_form form, struct buf *out,
                    struct sme_error *err)
{
    int status = SME_OK;

    switch (form) {
    case DESCRIBE_TEXT:
        text_plugin(out, plugin);
        break;
    case DESCRIBE_JSON:
        status = describe_json_plugin(plugin, out, err);
        break;
    case DESCRIBE_INI:
        describe_ini_plugin(plugin, out);
        break;
    case DESCRIBE_POD:
        describe_pod_table(plugin->options, plugin->desc.option_count, out);
        break;
    }
    return status < 0 ? status : finish(out, plugin->desc.name, err);
}

int describe_table(const char *title, const struct sme_option *rows, size_t count,
                   enum describe_form form, struct buf *out, struct sme_error *err)
{
    int status = SME_OK;

    switch (form) {
    case DESCRIBE_TEXT:
        buf_add_fmt(out, "Options of %s", title);
        text_table(out, rows, count);
        break;
    case DESCRIBE_JSON:
        status = describe_json_table(title, rows, count, out, err);
        break;
    case DESCRIBE_INI:
        describe_ini_table(title, rows, count, out);
        break;
    case DESCRIBE_POD:
        describe_pod_table(rows, count, out);
        break;
    }
    return status < 0 ? status : finish(out, title, err);
}
