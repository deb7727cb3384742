/*
 * "plugin": which there are, their options, and whether they do what the core relies on.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../plugin/describe.h"
#include "../run/plugin_test.h"
#include "../run/report.h"
#include "cli.h"
#include "cmd_plugin_new.h"

#include <string.h>

#define DESCRIBE_LIMIT (1024u * 1024)

static const char *kind_name(enum plugin_kind kind)
{
    return kind == PLUGIN_SOURCE ? "source" : "sink";
}

static void unload(struct plugin **plugin)
{
    plugin_unload(*plugin);
}

/* Folders of [core] plugin_dir, where there is a configuration; without one the built-in ones do.
 */
static const struct sme_list *extra_folders(struct cli *cli)
{
    if (cli->args.value[OPT_CONFIG] != NULL) {
        return cli_load_conf(cli) == SME_OK ? &cli->conf->core.plugin_dir : NULL;
    }
    struct sme_error ignored = SME_ERROR_INIT;
    return conf_load(NULL, &cli->conf, &ignored) == SME_OK ? &cli->conf->core.plugin_dir : NULL;
}

/* ---- list --------------------------------------------------------------------------------- */

static void list_one(struct cli *cli, const struct sme_list *extra, enum plugin_kind kind,
                     const char *name, json_t *rows, enum exit_code *worst)
{
    CLEANUP(unload) struct plugin *plugin = NULL;
    struct sme_error failure = SME_ERROR_INIT;

    if (plugin_load(extra, kind, name, &plugin, &failure) < 0) {
        *worst = error_worse_exit(*worst, error_exit_code(failure.status));
        if (cli->json) {
            json_t *row = json_pack("{s:s, s:s, s:o}", "name", name, "kind", kind_name(kind),
                                    "error", report_error_json(&failure));
            (void)json_array_append_new(rows, row);
        } else {
            cli_complain(&failure);
        }
        return;
    }
    if (cli->json) {
        (void)json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name,
                                                    "kind", kind_name(kind), "version",
                                                    plugin->desc.version, "summary",
                                                    plugin->desc.summary, "file", plugin->path));
        return;
    }
    (void)printf("%-8s %-14s %-8s %s\n", kind_name(kind), name, plugin->desc.version,
                 plugin->desc.summary);
    if (cli->verbose > 0) {
        (void)printf("         %s\n", plugin->path);
    }
}

static enum exit_code list_plugins(struct cli *cli, const struct sme_list *extra)
{
    enum exit_code worst = EXIT_DONE;
    json_t *rows = json_array();

    for (int kind = PLUGIN_SOURCE; kind <= PLUGIN_SINK; kind++) {
        char **names = NULL;
        if (plugin_names(extra, (enum plugin_kind)kind, &names, &cli->err) < 0) {
            json_decref(rows);
            return cli_fail(cli);
        }
        for (size_t i = 0; names[i] != NULL; i++) {
            list_one(cli, extra, (enum plugin_kind)kind, names[i], rows, &worst);
        }
        plugin_names_free(names);
    }
    if (cli->json) {
        return error_worse_exit(worst, cli_print_json(cli, json_pack("{s:o}", "plugins", rows)));
    }
    json_decref(rows);
    return worst;
}

/* ---- describe ----------------------------------------------------------------------------- */

static int describe_core(const char *name, enum describe_form form, struct buf *out,
                         struct sme_error *err)
{
    if (strcmp(name, "core") == 0) {
        return describe_table("core", conf_core_options, conf_core_option_count, form, out, err);
    }
    if (strcmp(name, "sink") == 0) {
        return describe_table("sink", conf_sink_options, conf_sink_option_count, form, out, err);
    }
    if (strcmp(name, "source") == 0) {
        return describe_table("source", conf_source_options, conf_source_option_count, form, out,
                              err);
    }
    return 1;
}

/* By name or, with a '/', by file; a source or else a sink. */
static int load_any(const struct sme_list *extra, const char *name, struct plugin **ret_plugin,
                    struct sme_error *err)
{
    struct sme_error second = SME_ERROR_INIT;
    int status;

    if (strchr(name, '/') != NULL) {
        status = plugin_load_file(name, PLUGIN_SOURCE, ret_plugin, err);
        return status < 0 && plugin_load_file(name, PLUGIN_SINK, ret_plugin, &second) == SME_OK
                   ? SME_OK
                   : status;
    }
    for (int kind = PLUGIN_SOURCE; kind <= PLUGIN_SINK; kind++) {
        char **names = NULL;
        bool found = false;
        status = plugin_names(extra, (enum plugin_kind)kind, &names, err);
        if (status < 0) {
            return status;
        }
        for (size_t i = 0; names[i] != NULL; i++) {
            found = found || strcmp(names[i], name) == 0;
        }
        plugin_names_free(names);
        if (found) {
            return plugin_load(extra, (enum plugin_kind)kind, name, ret_plugin, err);
        }
    }
    (void)sme_fail(err, SME_E_INVALID, "there is no plugin '%s'", name);
    return error_hint(err, "'sme-backup plugin list' shows them; a file is named with a '/'");
}

static enum exit_code describe(struct cli *cli, const struct sme_list *extra, const char *name)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(DESCRIBE_LIMIT);
    CLEANUP(unload) struct plugin *plugin = NULL;
    enum describe_form form = cli->json                      ? DESCRIBE_JSON
                              : cli->args.given[OPT_INI] > 0 ? DESCRIBE_INI
                              : cli->args.given[OPT_POD] > 0 ? DESCRIBE_POD
                                                             : DESCRIBE_TEXT;

    int status = describe_core(name, form, &out, &cli->err);
    if (status > 0) {
        status = load_any(extra, name, &plugin, &cli->err);
        if (status == SME_OK) {
            status = describe_plugin(plugin, form, &out, &cli->err);
        }
    }
    if (status == SME_OK && out.bad) {
        status = sme_fail(&cli->err, SME_E_NO_MEMORY, "no memory for the description");
    }
    if (status < 0) {
        return cli_fail(cli);
    }
    (void)fwrite(out.data, 1, out.len, stdout);
    return EXIT_DONE;
}

/* ---- test --------------------------------------------------------------------------------- */

static void free_instance(struct instance **instance)
{
    instance_free(*instance);
}

struct test_output {
    struct cli *cli;
    json_t *rows;
};

static const char *const result_names[PLUGIN_TEST_RESULTS] = {
    [PLUGIN_TEST_OK] = "ok", [PLUGIN_TEST_SKIPPED] = "skipped", [PLUGIN_TEST_FAILED] = "FAILED"};

static void print_check(void *cookie, const struct plugin_test_line *line)
{
    struct test_output *out = cookie;

    if (out->cli->json) {
        json_t *row = json_object();
        json_add_text(row, "what", line->what);
        json_add_text(row, "result",
                      line->result == PLUGIN_TEST_FAILED ? "failed" : result_names[line->result]);
        if (line->text[0] != '\0') {
            json_add_text(row, "text", line->text);
        }
        if (line->look[0] != '\0') {
            json_add_text(row, "look", line->look);
        }
        (void)json_array_append_new(out->rows, row);
        return;
    }
    if (line->result == PLUGIN_TEST_OK && out->cli->quiet) {
        return;
    }
    (void)printf("%-8s %s%s%s\n", result_names[line->result], line->what,
                 line->text[0] != '\0' ? ": " : "", line->text);
    if (line->look[0] != '\0') {
        (void)printf("         look at %s\n", line->look);
    }
    (void)fflush(stdout);
}

/* The section that is meant: the one of --sink, or the only one of this plugin. */
static int find_place(struct cli *cli, const struct plugin *plugin,
                      const struct conf_sink **ret_sink)
{
    const char *wanted = cli->args.value[OPT_SINK];
    const struct conf_sink *found = NULL;
    size_t count = 0;

    if (cli->conf == NULL && cli_load_conf(cli) < 0) {
        return cli->err.status;
    }
    if (wanted != NULL) {
        int status = conf_sink(cli->conf, wanted, &found, &cli->err);
        if (status < 0) {
            return status;
        }
        if (strcmp(found->plugin, plugin->desc.name) != 0) {
            return sme_fail(&cli->err, SME_E_INVALID, "sink '%s' is one of plugin '%s', not '%s'",
                            wanted, found->plugin, plugin->desc.name);
        }
        *ret_sink = found;
        return SME_OK;
    }
    for (size_t i = 0; i < cli->conf->sink_count; i++) {
        if (strcmp(cli->conf->sinks[i].plugin, plugin->desc.name) == 0) {
            found = &cli->conf->sinks[i];
            count++;
        }
    }
    if (count == 1) {
        *ret_sink = found;
        return SME_OK;
    }
    (void)sme_fail(&cli->err, SME_E_INVALID, "%s sink of plugin '%s' is configured",
                   count == 0 ? "no" : "more than one", plugin->desc.name);
    return error_hint(&cli->err, count == 0
                                     ? "the test needs a place to work in: write a section [sink "
                                       "NAME] for it, of which only --config need know"
                                     : "say which one is to be used: --sink NAME");
}

/* Likewise for a source, which can do without: then there are only defaults. */
static int find_section(struct cli *cli, const struct plugin *plugin,
                        const struct conf_source **ret_source)
{
    const char *wanted = cli->args.value[OPT_SOURCE];
    const struct conf_source *found = NULL;
    size_t count = 0;

    if (wanted != NULL) {
        int status = cli->conf == NULL ? cli_load_conf(cli) : SME_OK;
        if (status == SME_OK) {
            status = conf_source(cli->conf, wanted, &found, &cli->err);
        }
        if (status == SME_OK && strcmp(found->plugin, plugin->desc.name) != 0) {
            status =
                sme_fail(&cli->err, SME_E_INVALID, "source '%s' is one of plugin '%s', not '%s'",
                         wanted, found->plugin, plugin->desc.name);
        }
        if (status == SME_OK) {
            *ret_source = found;
        }
        return status;
    }
    for (size_t i = 0; cli->conf != NULL && i < cli->conf->source_count; i++) {
        if (strcmp(cli->conf->sources[i].plugin, plugin->desc.name) == 0) {
            found = &cli->conf->sources[i];
            count++;
        }
    }
    if (count > 1) {
        (void)sme_fail(&cli->err, SME_E_INVALID,
                       "more than one source of plugin '%s' is configured", plugin->desc.name);
        return error_hint(&cli->err, "say which one is to be used: --source NAME");
    }
    *ret_source = found;
    return SME_OK;
}

static int test_source(struct cli *cli, struct plugin *plugin, const struct conf_source *section,
                       struct plugin_test *test)
{
    struct plugin_test_source params = {
        .plugin = plugin, .section = section, .commit = cli->args.given[OPT_COMMIT] > 0};

    return plugin_test_source(test, &params, &cli->err);
}

static int test_sink(struct cli *cli, struct plugin *plugin, const struct conf_sink *sink,
                     struct plugin_test *test)
{
    CLEANUP(free_instance) struct instance *instance = NULL;

    int status = instance_new(plugin, sink->name, sink->section, conf_sink_options,
                              conf_sink_option_count, NULL, &instance, &cli->err);
    if (status == SME_OK) {
        status = instance_open(instance, &cli->err);
    }
    if (status == SME_OK) {
        status = plugin_test_sink(test, instance, &cli->err);
    }
    if (status < 0) {
        (void)error_hint(&cli->err, "the place must exist: 'sme-backup setup %s' makes it",
                         sink->name);
    }
    return status;
}

static void print_test_end(struct cli *cli, const struct plugin_test *test)
{
    uint64_t failed = test->counts[PLUGIN_TEST_FAILED];
    char passed[48];

    if (test->left_behind > 0) {
        (void)fprintf(stderr, "sme-backup: %llu objects below '%s' could not be removed\n",
                      (unsigned long long)test->left_behind, test->prefix);
    }
    if (cli->quiet && failed == 0) {
        return;
    }
    (void)printf("%s passed, %llu failed, %llu skipped\n",
                 cli_count(test->counts[PLUGIN_TEST_OK], "check", "checks", passed),
                 (unsigned long long)failed, (unsigned long long)test->counts[PLUGIN_TEST_SKIPPED]);
}

static enum exit_code print_test_json(struct cli *cli, const struct plugin *plugin,
                                      const struct plugin_test *test, json_t *rows, int status,
                                      enum exit_code code)
{
    json_t *document = json_object();

    json_add(document, "exit", (uint64_t)code);
    json_add_text(document, "plugin", plugin->desc.name);
    json_add_text(document, "file", plugin->path);
    (void)json_object_set_new(document, "checks", rows);
    json_add(document, "passed", test->counts[PLUGIN_TEST_OK]);
    json_add(document, "failed", test->counts[PLUGIN_TEST_FAILED]);
    json_add(document, "skipped", test->counts[PLUGIN_TEST_SKIPPED]);
    json_add(document, "left_behind", test->left_behind);
    if (status < 0) {
        (void)json_object_set_new(document, "error", report_error_json(&cli->err));
    }
    return error_worse_exit(code, cli_print_json(cli, document));
}

/* Options that are not for this kind of plugin. */
static int check_test_options(struct cli *cli, const struct plugin *plugin, const char *name)
{
    if (plugin->kind == PLUGIN_SOURCE && cli->args.given[OPT_SINK] > 0) {
        return sme_fail(&cli->err, SME_E_INVALID, "'%s' is a source: it has no --sink", name);
    }
    if (plugin->kind == PLUGIN_SINK &&
        (cli->args.given[OPT_SOURCE] > 0 || cli->args.given[OPT_COMMIT] > 0)) {
        return sme_fail(&cli->err, SME_E_INVALID, "'%s' is a sink: it has no --source and --commit",
                        name);
    }
    return SME_OK;
}

static enum exit_code test_plugin(struct cli *cli, const struct sme_list *extra, const char *name)
{
    CLEANUP(unload) struct plugin *plugin = NULL;
    struct test_output out = {.cli = cli};
    struct plugin_test test = {.report = print_check, .cookie = &out};
    const struct conf_sink *sink = NULL;
    const struct conf_source *source = NULL;
    int status = load_any(extra, name, &plugin, &cli->err);

    if (status == SME_OK) {
        status = check_test_options(cli, plugin, name);
    }
    if (status == SME_OK) {
        status = plugin->kind == PLUGIN_SINK ? find_place(cli, plugin, &sink)
                                             : find_section(cli, plugin, &source);
    }
    if (status < 0) {
        return cli_fail(cli);
    }
    out.rows = json_array();
    plugin_test_descriptor(&test, plugin);
    status = plugin->kind == PLUGIN_SINK ? test_sink(cli, plugin, sink, &test)
                                         : test_source(cli, plugin, source, &test);
    enum exit_code code = status < 0                            ? error_exit_code(status)
                          : test.counts[PLUGIN_TEST_FAILED] > 0 ? EXIT_FAILED
                                                                : EXIT_DONE;
    if (cli->json) {
        return print_test_json(cli, plugin, &test, out.rows, status, code);
    }
    json_decref(out.rows);
    if (status < 0) {
        return cli_fail(cli);
    }
    print_test_end(cli, &test);
    return code;
}

enum exit_code cmd_plugin(struct cli *cli)
{
    static const struct {
        const char *verb;
        size_t words;
    } verbs[] = {{"list", 1}, {"describe", 2}, {"test", 2}, {"new", 2}};
    const size_t count = sizeof verbs / sizeof verbs[0];
    size_t at = 0;

    while (at < count && (strcmp(verbs[at].verb, cli->args.words[0]) != 0 ||
                          verbs[at].words != cli->args.word_count)) {
        at++;
    }
    if (at == count) {
        (void)sme_fail(&cli->err, SME_E_INVALID,
                       "it is 'plugin list', 'plugin describe NAME', 'plugin test NAME [--sink "
                       "NAME]' or 'plugin new NAME'");
        (void)error_hint(&cli->err, "see 'sme-backup help plugin'");
        return cli_fail(cli);
    }
    if (at == 3) {
        return cmd_plugin_new(cli);
    }
    const struct sme_list *extra = extra_folders(cli);
    if (cli->conf_failed) {
        return cli_fail(cli);
    }
    return at == 0   ? list_plugins(cli, extra)
           : at == 1 ? describe(cli, extra, cli->args.words[1])
                     : test_plugin(cli, extra, cli->args.words[1]);
}
