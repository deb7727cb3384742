/*
 * Tests of the descriptions of plugins and tables, and that the samples among them can be used.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/plugin/describe.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static const char *build;

struct subject {
    const char *file;
    enum plugin_kind kind;
};

/* Ours and one with an option of every type; a build may leave some out. */
static const struct subject subjects[] = {
    {"tests/plugins/gen.so", PLUGIN_SOURCE},
    {"plugins/filesystem.so", PLUGIN_SOURCE},
    {"sinks/directory.so", PLUGIN_SINK},
};
#define SUBJECT_COUNT (sizeof subjects / sizeof subjects[0])

static struct plugin *load(const struct subject *subject)
{
    struct plugin *plugin = NULL;
    struct sme_error err = SME_ERROR_INIT;
    char path[PATH_MAX];

    assert_true(snprintf(path, sizeof path, "%s/%s", build, subject->file) < PATH_MAX);
    if (access(path, F_OK) < 0)
        return NULL;
    if (plugin_load_file(path, subject->kind, &plugin, &err) < 0)
        fail_msg("%s", err.message);
    return plugin;
}

static const char *describe(const struct plugin *plugin, enum describe_form form, struct buf *out)
{
    struct sme_error err = SME_ERROR_INIT;

    buf_init(out, 1 << 20);
    if (describe_plugin(plugin, form, out, &err) < 0)
        fail_msg("%s", err.message);
    return buf_text(out);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no '%s' in:\n%s", part, text);
}

/* ---- text --------------------------------------------------------------------------------- */

static void text_is_for_people(void **state)
{
    struct plugin *gen = load(&subjects[0]);
    struct buf out;
    (void)state;

    const char *text = describe(gen, DESCRIBE_TEXT, &out);
    assert_int_equal(strncmp(text, "gen 1 - made-up items, for tests\n", 33), 0);
    assert_has(text, "\n  kind     source\n");
    assert_has(text, "\n  threads  per-handle\n");
    assert_has(text, "tests/plugins/gen.so\n");
    assert_has(text, "\nOptions in [source NAME] with plugin = gen:\n");
    assert_has(text, "\n  items  (whole number from 0 to 1000000000; default: 10)\n"
                     "      How many items there are.\n");
    assert_has(text, "\n  secret  (text; secret)\n");
    assert_has(text, "\n  old_name  (text; deprecated)\n");
    assert_has(text, "one of none, item, skip");
    assert_has(text, "sme-backup plugin describe source\n");
    buf_free(&out);
    plugin_unload(gen);
}

static void help_is_wrapped_at_80(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        struct plugin *plugin = load(&subjects[i]);
        struct buf out;
        if (plugin == NULL)
            continue;
        const char *line = describe(plugin, DESCRIBE_TEXT, &out);
        while (*line != '\0') {
            size_t len = strcspn(line, "\n");
            if (strncmp(line, "      ", 6) == 0)
                assert_in_range(len, 7, 80);
            assert_true(len == 0 || line[len - 1] != ' ');
            line += len + (line[len] == '\n');
        }
        buf_free(&out);
        plugin_unload(plugin);
    }
}

/* ---- JSON --------------------------------------------------------------------------------- */

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "(null)";
}

static void json_has_every_fact(void **state)
{
    struct plugin *gen = load(&subjects[0]);
    struct buf out;
    (void)state;

    const char *text = describe(gen, DESCRIBE_JSON, &out);
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    assert_int_equal(json_integer_value(json_object_get(document, "schema")), 1);
    assert_int_equal(json_integer_value(json_object_get(document, "abi")), SME_ABI);
    assert_string_equal(text_at(document, "name"), "gen");
    assert_string_equal(text_at(document, "kind"), "source");
    assert_string_equal(text_at(document, "threads"), "per-handle");
    assert_string_equal(text_at(document, "summary"), gen->desc.summary);
    assert_string_equal(text_at(document, "file"), gen->path);
    const json_t *options = json_object_get(document, "options");
    assert_int_equal(json_array_size(options), gen->desc.option_count);
    for (size_t i = 0; i < gen->desc.option_count; i++) {
        const json_t *option = json_array_get(options, i);
        const struct sme_option *row = &gen->options[i];
        assert_string_equal(text_at(option, "name"), row->name);
        assert_string_equal(text_at(option, "help"), row->help);
        assert_string_equal(text_at(option, "default"),
                            row->fallback != NULL ? row->fallback : "(null)");
        assert_int_equal(json_is_true(json_object_get(option, "secret")),
                         (row->flags & SME_OPT_SECRET) != 0);
        assert_int_equal(json_is_true(json_object_get(option, "required")),
                         (row->flags & SME_OPT_REQUIRED) != 0);
        assert_int_equal(json_is_true(json_object_get(option, "deprecated")),
                         (row->flags & SME_OPT_DEPRECATED) != 0);
        assert_string_not_equal(text_at(option, "type"), "unknown");
        assert_int_equal(json_is_array(json_object_get(option, "choices")),
                         row->type == SME_OPT_CHOICE);
        assert_int_equal(json_object_get(option, "min") != NULL, row->min != 0 || row->max != 0);
    }
    json_decref(document);
    buf_free(&out);
    plugin_unload(gen);
}

static void json_of_a_table_has_its_title(void **state)
{
    struct buf out = BUF_INIT(1 << 20);
    struct sme_error err = SME_ERROR_INIT;
    (void)state;

    assert_int_equal(describe_table("core", conf_core_options, conf_core_option_count,
                                    DESCRIBE_JSON, &out, &err),
                     SME_OK);
    json_t *document = json_loads(buf_text(&out), 0, NULL);
    assert_non_null(document);
    assert_string_equal(text_at(document, "title"), "core");
    assert_int_equal(json_integer_value(json_object_get(document, "schema")), 1);
    const json_t *options = json_object_get(document, "options");
    assert_int_equal(json_array_size(options), conf_core_option_count);
    /* No upper bound is no number. */
    for (size_t i = 0; i < json_array_size(options); i++) {
        const json_t *option = json_array_get(options, i);
        if (strcmp(text_at(option, "name"), "memory_limit") == 0) {
            assert_int_equal(json_integer_value(json_object_get(option, "min")), 64 << 20);
            assert_null(json_object_get(option, "max"));
        }
    }
    json_decref(document);
    buf_free(&out);
}

static void texts_that_are_not_utf8_become_json_all_the_same(void **state)
{
    struct buf out = BUF_INIT(1 << 20);
    struct sme_error err = SME_ERROR_INIT;
    const struct sme_option row = {
        .name = "x", .type = SME_OPT_STRING, .fallback = "\xff", .help = "caf\xe9 \"x\""};
    (void)state;

    assert_int_equal(describe_table("t", &row, 1, DESCRIBE_JSON, &out, &err), SME_OK);
    json_t *document = json_loads(buf_text(&out), 0, NULL);
    assert_non_null(document);
    const json_t *option = json_array_get(json_object_get(document, "options"), 0);
    assert_string_equal(text_at(option, "default"), "\\xff");
    assert_string_equal(text_at(option, "help"), "caf\\xe9 \"x\"");
    json_decref(document);
    buf_free(&out);
}

/* ---- samples ------------------------------------------------------------------------------ */

static void assert_parses(struct plugin *plugin, const char *text)
{
    bool is_source = plugin->kind == PLUGIN_SOURCE;
    struct ini_doc doc = {0};
    struct instance *instance = NULL;
    struct sme_error err = SME_ERROR_INIT;

    if (ini_parse_text(&doc, "sample.ini", text, strlen(text), &err) < 0)
        fail_msg("%s in:\n%s", err.message, text);
    assert_int_equal(doc.count, 1);
    assert_string_equal(doc.sections[0].kind, is_source ? "source" : "sink");
    assert_string_equal(doc.sections[0].name, plugin->desc.name);
    if (instance_new(plugin, plugin->desc.name, &doc.sections[0],
                     is_source ? conf_source_options : conf_sink_options,
                     is_source ? conf_source_option_count : conf_sink_option_count, NULL, &instance,
                     &err) < 0)
        fail_msg("%s (%s) in:\n%s", err.message, err.hint, text);
    instance_free(instance);
    ini_free(&doc);
}

static void a_sample_section_is_a_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        struct plugin *plugin = load(&subjects[i]);
        struct buf out;
        if (plugin == NULL)
            continue;
        assert_parses(plugin, describe(plugin, DESCRIBE_INI, &out));
        buf_free(&out);
        plugin_unload(plugin);
    }
}

/* Somebody removes the ';' before an option: it must be one, with a value that it takes. */
static void every_option_of_a_sample_can_be_put_in_force(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        struct plugin *plugin = load(&subjects[i]);
        struct buf out;
        size_t count = 0;
        if (plugin == NULL)
            continue;
        (void)describe(plugin, DESCRIBE_INI, &out);
        char *text = (char *)out.data;
        for (char *at = text; (at = strstr(at, "\n;")) != NULL; at++) {
            if (at[2] == ' ')
                continue;
            char *eq = strstr(at, " = ");
            assert_non_null(eq);
            assert_int_equal(at + 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz0123456789_") - eq,
                             0);

            memmove(at + 1, at + 2, strlen(at + 2) + 1);
            count++;
        }
        assert_parses(plugin, text);
        size_t common =
            plugin->kind == PLUGIN_SOURCE ? conf_source_option_count : conf_sink_option_count;
        size_t set = 0;
        for (size_t j = 0; j < plugin->desc.option_count; j++)
            set += (plugin->options[j].flags & (SME_OPT_REQUIRED | SME_OPT_DEPRECATED)) != 0;
        assert_int_equal(count, plugin->desc.option_count - set + common - 1);
        buf_free(&out);
        plugin_unload(plugin);
    }
}

static void a_sample_tells_help_and_default(void **state)
{
    struct plugin *gen = load(&subjects[0]);
    struct buf out;
    (void)state;

    const char *text = describe(gen, DESCRIBE_INI, &out);
    assert_int_equal(
        strncmp(text, "; gen: made-up items, for tests\n[source gen]\nplugin = gen\n", 58), 0);
    assert_has(text, "\n; Bytes per item. (size; default: 1000)\n;size = 1000\n");
    assert_has(text, "\n;trace = /absolute/trace\n");
    assert_has(text, "\n;fail_kind = none\n");
    assert_has(text, "\n; ---- what every source takes ----\n");
    for (size_t i = 0; i < conf_source_option_count; i++) {
        char line[80];
        (void)snprintf(line, sizeof line, "\n;%s = ", conf_source_options[i].name);
        if (strcmp(conf_source_options[i].name, "plugin") != 0)
            assert_has(text, line);
    }
    assert_null(strstr(text, "old_name"));
    /* Of the common options, the plugin's name stands there already. */
    assert_null(strstr(text, ";plugin"));
    buf_free(&out);
    plugin_unload(gen);
}

static void what_is_required_is_set_in_a_sample(void **state)
{
    struct plugin *directory = load(&subjects[2]);
    struct buf out;
    (void)state;

    if (directory == NULL)
        skip();
    const char *text = describe(directory, DESCRIBE_INI, &out);
    assert_has(text, "\npath = /absolute/path\n");
    assert_has(text, "(absolute path;");
    buf_free(&out);
    plugin_unload(directory);
}

static void the_sample_of_the_core_parses(void **state)
{
    struct buf out = BUF_INIT(1 << 20);
    struct ini_doc doc = {0};
    struct conf_core core;
    struct option_store store = {0};
    struct sme_error err = SME_ERROR_INIT;
    const struct option_set set = {conf_core_options, conf_core_option_count, &core};
    (void)state;

    assert_int_equal(
        describe_table("core", conf_core_options, conf_core_option_count, DESCRIBE_INI, &out, &err),
        SME_OK);
    const char *text = buf_text(&out);
    assert_int_equal(ini_parse_text(&doc, "core.ini", text, strlen(text), &err), SME_OK);
    assert_int_equal(doc.count, 1);
    assert_string_equal(doc.sections[0].kind, "core");
    assert_int_equal(options_fill(&set, 1, &doc.sections[0], 0, &store, &err), SME_OK);
    assert_int_equal(core.parallel_sources, 1);
    option_store_free(&store);
    ini_free(&doc);
    buf_free(&out);
}

/* ---- POD ---------------------------------------------------------------------------------- */

static void pod_has_an_item_for_each_option(void **state)
{
    struct plugin *gen = load(&subjects[0]);
    struct buf out;
    (void)state;

    const char *text = describe(gen, DESCRIBE_POD, &out);
    assert_int_equal(strncmp(text, "=over 4\n\n=item B<items> (", 25), 0);
    for (size_t i = 0; i < gen->desc.option_count; i++) {
        char item[80];
        (void)snprintf(item, sizeof item, "\n\n=item B<%s> (", gen->options[i].name);
        assert_has(text, item);
    }
    assert_string_equal(text + strlen(text) - 8, "\n\n=back\n");
    buf_free(&out);
    plugin_unload(gen);
}

static void pod_markup_in_texts_is_escaped(void **state)
{
    struct buf out = BUF_INIT(1 << 20);
    struct sme_error err = SME_ERROR_INIT;
    const struct sme_option row = {.name = "x", .type = SME_OPT_STRING, .help = "Not B<bold>."};
    (void)state;

    assert_int_equal(describe_table("t", &row, 1, DESCRIBE_POD, &out, &err), SME_OK);
    assert_has(buf_text(&out), "Not BE<lt>boldE<gt>.");
    buf_free(&out);
}

/* ---- limits ------------------------------------------------------------------------------- */

static void what_does_not_fit_is_an_error(void **state)
{
    struct plugin *gen = load(&subjects[0]);
    struct sme_error err = SME_ERROR_INIT;
    (void)state;

    for (int form = DESCRIBE_TEXT; form <= DESCRIBE_POD; form++) {
        struct buf out = BUF_INIT(100);
        assert_int_equal(describe_plugin(gen, (enum describe_form)form, &out, &err),
                         SME_E_NO_MEMORY);
        assert_non_null(strstr(err.message, "'gen'"));
        buf_free(&out);
    }
    plugin_unload(gen);
}

static void a_plugin_without_options_says_so(void **state)
{
    struct buf out = BUF_INIT(4096);
    struct sme_error err = SME_ERROR_INIT;
    (void)state;

    assert_int_equal(describe_table("nothing", NULL, 0, DESCRIBE_TEXT, &out, &err), SME_OK);
    assert_string_equal(buf_text(&out), "Options of nothing: none\n");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_for_people),
        cmocka_unit_test(help_is_wrapped_at_80),
        cmocka_unit_test(json_has_every_fact),
        cmocka_unit_test(json_of_a_table_has_its_title),
        cmocka_unit_test(texts_that_are_not_utf8_become_json_all_the_same),
        cmocka_unit_test(a_sample_section_is_a_configuration),
        cmocka_unit_test(every_option_of_a_sample_can_be_put_in_force),
        cmocka_unit_test(a_sample_tells_help_and_default),
        cmocka_unit_test(what_is_required_is_set_in_a_sample),
        cmocka_unit_test(the_sample_of_the_core_parses),
        cmocka_unit_test(pod_has_an_item_for_each_option),
        cmocka_unit_test(pod_markup_in_texts_is_escaped),
        cmocka_unit_test(what_does_not_fit_is_an_error),
        cmocka_unit_test(a_plugin_without_options_says_so),
    };
    build = getenv("SME_TEST_BUILDDIR") != NULL ? getenv("SME_TEST_BUILDDIR") : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
