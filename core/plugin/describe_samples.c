/*
 * Descriptions as sample sections for INI files and as POD for manual pages.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "describe_forms.h"
#include "../base/cleanup.h"

/* ---- INI ---------------------------------------------------------------------------------- */

/* A value that the option takes, to show its form. */
static void add_example(struct buf *out, const struct sme_option *row)
{
    if (row->fallback != NULL) {
        buf_add_str(out, row->fallback);
        return;
    }
    switch (row->type) {
    case SME_OPT_PATH:
        buf_add_fmt(out, "/absolute/%s", row->name);
        break;
    case SME_OPT_LIST:
        buf_add_fmt(out, (row->flags & SME_OPT_PATHS) != 0 ? "/absolute/%s" : "%s", row->name);
        break;
    case SME_OPT_BOOL:
        buf_add_str(out, "no");
        break;
    case SME_OPT_INT:
        buf_add_fmt(out, "%lld", (long long)row->min);
        break;
    case SME_OPT_SIZE:
        buf_add_fmt(out, "%llu", (unsigned long long)row->min);
        break;
    case SME_OPT_DURATION:
        buf_add_fmt(out, "%llums", (unsigned long long)row->min);
        break;
    case SME_OPT_PERCENT:
        buf_add_fmt(out, "%lld.%02lld%%", (long long)(row->min / 100), (long long)(row->min % 100));
        break;
    case SME_OPT_CHOICE:
        buf_add_str(out, row->choices[0]);
        break;
    default:
        buf_add_str(out, row->name);
        break;
    }
}

/* Only what is required is in force; the rest waits for somebody to remove its ';'. */
static void ini_option(const struct sme_option *row, struct buf *out)
{
    CLEANUP(buf_free) struct buf facts = BUF_INIT(out->max);
    CLEANUP(buf_free) struct buf text = BUF_INIT(out->max);

    describe_facts(&facts, row);
    buf_add_fmt(&text, "%s (%s)", row->help, buf_text(&facts));
    buf_add_str(out, "\n");
    describe_wrap(out, "; ", buf_text(&text));
    buf_add_fmt(out, "%s%s = ", (row->flags & SME_OPT_REQUIRED) != 0 ? "" : ";", row->name);
    add_example(out, row);
    buf_add_str(out, "\n");
    out->bad = out->bad || facts.bad || text.bad;
}

static void ini_options(const struct sme_option *rows, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        if ((rows[i].flags & SME_OPT_DEPRECATED) == 0)
            ini_option(&rows[i], out);
    }
}

void describe_ini_plugin(const struct plugin *plugin, struct buf *out)
{
    const struct sme_plugin *desc = &plugin->desc;
    bool is_source = plugin->kind == PLUGIN_SOURCE;
    const struct sme_option *common = is_source ? conf_source_options : conf_sink_options;
    size_t common_count = is_source ? conf_source_option_count : conf_sink_option_count;

    buf_add_fmt(out, "; %s: ", desc->name);
    buf_add_fmt(out, "%s\n", desc->summary);
    buf_add_fmt(out, "[%s %s]\n", describe_kind(plugin->kind), desc->name);
    buf_add_fmt(out, "plugin = %s\n", desc->name);
    ini_options(plugin->options, desc->option_count, out);
    buf_add_fmt(out, "\n; ---- what every %s takes ----\n", describe_kind(plugin->kind));
    for (size_t i = 0; i < common_count; i++) {
        if (strcmp(common[i].name, "plugin") != 0)
            ini_options(&common[i], 1, out);
    }
}

/* Of the core's tables only [core] is a section that can stand for itself. */
void describe_ini_table(const char *title, const struct sme_option *rows, size_t count,
                        struct buf *out)
{
    buf_add_fmt(out, strcmp(title, "core") == 0 ? "[%s]\n" : "[%s NAME]\n", title);
    ini_options(rows, count, out);
}

/* ---- POD ---------------------------------------------------------------------------------- */

/* Text in which POD finds no markup. */
static void add_pod(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            buf_add_str(out, "E<lt>");
        else if (*text == '>')
            buf_add_str(out, "E<gt>");
        else
            buf_add(out, text, 1);
    }
}

static void pod_option(const struct sme_option *row, struct buf *out)
{
    CLEANUP(buf_free) struct buf facts = BUF_INIT(out->max);

    describe_facts(&facts, row);
    buf_add_fmt(out, "=item B<%s> (", row->name);
    add_pod(out, buf_text(&facts));
    buf_add_str(out, ")\n\n");
    add_pod(out, row->help);
    buf_add_str(out, "\n\n");
    out->bad = out->bad || facts.bad;
}

void describe_pod_table(const struct sme_option *rows, size_t count, struct buf *out)
{
    if (count == 0)
        return;
    buf_add_str(out, "=over 4\n\n");
    for (size_t i = 0; i < count; i++)
        pod_option(&rows[i], out);
    buf_add_str(out, "=back\n");
}
