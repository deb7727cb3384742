/*
 * Descriptions as JSON.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The document is for scripts and for the lint of the manual pages: members are added, never
 * changed, without a new number in "schema".
 */
#include "describe_forms.h"
#include "../base/str.h"

#include <jansson.h>
#include <stdlib.h>

#define SCHEMA 1

/* The texts of a foreign plugin need not be UTF-8, but JSON must. */
static json_t *json_text(const char *text)
{
    char shown[1024];
    json_t *value = text == NULL ? json_null() : json_string(text);

    return value != NULL ? value : json_string(str_escape(text, strlen(text), shown, sizeof shown));
}

static const char *type_word(uint32_t type)
{
    static const char *const words[] = {
        [SME_OPT_STRING] = "string",     [SME_OPT_PATH] = "path",       [SME_OPT_LIST] = "list",
        [SME_OPT_BOOL] = "bool",         [SME_OPT_INT] = "int",         [SME_OPT_SIZE] = "size",
        [SME_OPT_DURATION] = "duration", [SME_OPT_PERCENT] = "percent", [SME_OPT_CHOICE] = "choice",
    };

    return type < sizeof words / sizeof words[0] && words[type] != NULL ? words[type] : "unknown";
}

static json_t *option_json(const struct sme_option *row)
{
    json_t *option = json_object();
    int bad = json_object_set_new(option, "name", json_text(row->name));

    bad |= json_object_set_new(option, "type", json_text(type_word(row->type)));
    bad |= json_object_set_new(option, "default", json_text(row->fallback));
    bad |= json_object_set_new(option, "required", json_boolean(row->flags & SME_OPT_REQUIRED));
    bad |= json_object_set_new(option, "secret", json_boolean(row->flags & SME_OPT_SECRET));
    bad |= json_object_set_new(option, "deprecated", json_boolean(row->flags & SME_OPT_DEPRECATED));
    if ((row->flags & SME_OPT_PATHS) != 0)
        bad |= json_object_set_new(option, "paths", json_true());
    if (row->min != 0 || row->max != 0) {
        bad |= json_object_set_new(option, "min", json_integer(row->min));
        if (row->max != INT64_MAX)
            bad |= json_object_set_new(option, "max", json_integer(row->max));
    }
    if (row->type == SME_OPT_CHOICE) {
        json_t *choices = json_array();
        for (size_t i = 0; row->choices[i] != NULL; i++)
            bad |= json_array_append_new(choices, json_text(row->choices[i]));
        bad |= json_object_set_new(option, "choices", choices);
    }
    bad |= json_object_set_new(option, "help", json_text(row->help));
    if (bad != 0) {
        json_decref(option);
        return NULL;
    }
    return option;
}

static int add_options(json_t *document, const struct sme_option *rows, size_t count)
{
    json_t *options = json_array();
    int bad = options == NULL;

    for (size_t i = 0; i < count; i++)
        bad |= json_array_append_new(options, option_json(&rows[i]));
    return bad | json_object_set_new(document, "options", options);
}

/* Takes ${document}. */
static int print(json_t *document, int bad, const char *what, struct buf *out,
                 struct sme_error *err)
{
    char *text = bad != 0 ? NULL : json_dumps(document, JSON_INDENT(2));

    json_decref(document);
    if (text == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "cannot describe '%s': out of memory", what);
    buf_add_str(out, text);
    buf_add_str(out, "\n");
    free(text);
    return SME_OK;
}

int describe_json_plugin(const struct plugin *plugin, struct buf *out, struct sme_error *err)
{
    const struct sme_plugin *desc = &plugin->desc;
    json_t *document = json_object();
    int bad = json_object_set_new(document, "schema", json_integer(SCHEMA));

    bad |= json_object_set_new(document, "name", json_text(desc->name));
    bad |= json_object_set_new(document, "kind", json_text(describe_kind(plugin->kind)));
    bad |= json_object_set_new(document, "version", json_text(desc->version));
    bad |= json_object_set_new(document, "summary", json_text(desc->summary));
    bad |= json_object_set_new(document, "file", json_text(plugin->path));
    bad |= json_object_set_new(document, "abi", json_integer(SME_ABI));
    bad |= json_object_set_new(document, "threads", json_text(describe_threads(desc->threads)));
    bad |= add_options(document, plugin->options, desc->option_count);
    return print(document, bad, desc->name, out, err);
}

int describe_json_table(const char *title, const struct sme_option *rows, size_t count,
                        struct buf *out, struct sme_error *err)
{
    json_t *document = json_object();
    int bad = json_object_set_new(document, "schema", json_integer(SCHEMA));

    bad |= json_object_set_new(document, "title", json_text(title));
    bad |= add_options(document, rows, count);
    return print(document, bad, title, out, err);
}
