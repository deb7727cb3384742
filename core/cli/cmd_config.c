/*
 * "config": is the configuration right, and what is in force?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * "check" makes the instance of every section, without opening any: nothing of a plugin's code
 * runs and nothing is asked of a sink.
 */
#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../crypto/keyring.h"
#include "../plugin/plugin.h"
#include "../run/report.h"
#include "cli.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

#define SHOW_LIMIT (4u * 1024 * 1024)

struct config_check {
    struct cli *cli;
    json_t *findings;
    uint64_t errors, warnings;
};

static void note(struct config_check *check, bool is_error, const struct sme_error *failure)
{
    *(is_error ? &check->errors : &check->warnings) += 1;
    if (check->cli->json) {
        json_t *finding = json_object();
        json_add_text(finding, "severity", is_error ? "error" : "warning");
        json_add_text(finding, "message", failure->message);
        json_add_text(finding, "hint", failure->hint);
        (void)json_array_append_new(check->findings, finding);
        return;
    }
    struct sme_error shown = *failure;
    if (!is_error) {
        (void)error_context(&shown, "warning");
    }
    cli_complain(&shown);
}

/* The plugin and filled options of a section. */
struct section_view {
    struct plugin *plugin;
    struct instance *instance;
};

static void section_view_done(struct section_view *view)
{
    instance_free(view->instance);
    plugin_unload(view->plugin);
}

static int view_sink(const struct conf *conf, const struct conf_sink *sink,
                     struct section_view *view, struct sme_error *err)
{
    int status = plugin_load(&conf->core.plugin_dir, PLUGIN_SINK, sink->plugin, &view->plugin, err);

    if (status < 0) {
        (void)error_context(err, "%s:%u: [sink %s]", sink->section->file, sink->section->line,
                            sink->name);
        return status;
    }
    return instance_new(view->plugin, sink->name, sink->section, conf_sink_options,
                        conf_sink_option_count, NULL, &view->instance, err);
}

static int view_source(const struct conf *conf, const struct conf_source *source,
                       struct section_view *view, struct sme_error *err)
{
    int status =
        plugin_load(&conf->core.plugin_dir, PLUGIN_SOURCE, source->plugin, &view->plugin, err);

    if (status < 0) {
        (void)error_context(err, "%s:%u: [source %s]", source->section->file, source->section->line,
                            source->name);
        return status;
    }
    return instance_new(view->plugin, source->name, source->section, conf_source_options,
                        conf_source_option_count, NULL, &view->instance, err);
}

static void check_sections(struct config_check *check)
{
    const struct conf *conf = check->cli->conf;

    for (size_t i = 0; i < conf->sink_count; i++) {
        CLEANUP(section_view_done) struct section_view view = {.plugin = NULL};
        CLEANUP(keyring_done) struct keyring keys = {.has_reader = false};
        struct sme_error failure = SME_ERROR_INIT;
        if (view_sink(conf, &conf->sinks[i], &view, &failure) < 0) {
            note(check, true, &failure);
        }
        if (keyring_load(conf->sinks[i].key_file, &keys, &failure) < 0) {
            (void)error_context(&failure, "[sink %s]", conf->sinks[i].name);
            note(check, false, &failure);
        }
    }
    for (size_t i = 0; i < conf->source_count; i++) {
        const struct conf_source *source = &conf->sources[i];
        CLEANUP(section_view_done) struct section_view view = {.plugin = NULL};
        struct sme_error failure = SME_ERROR_INIT;
        if (view_source(conf, source, &view, &failure) < 0) {
            note(check, true, &failure);
        }
    }
    if (conf->source_count == 0) {
        struct sme_error failure = SME_ERROR_INIT;
        (void)sme_fail(&failure, SME_E_INVALID, "no source is configured in '%s'", conf->path);
        note(check, false, &failure);
    }
}

static enum exit_code config_check(struct cli *cli)
{
    struct config_check check = {.cli = cli, .findings = json_array()};
    char sources[48], sinks[48], warnings[48];

    check_sections(&check);
    enum exit_code code = check.errors > 0 ? EXIT_USAGE : EXIT_DONE;
    if (cli->json) {
        json_t *document = json_pack("{s:i, s:s, s:o}", "exit", (int)code, "path", cli->conf->path,
                                     "findings", check.findings);
        return error_worse_exit(code, cli_print_json(cli, document));
    }
    json_decref(check.findings);
    if (check.errors == 0 && !cli->quiet) {
        (void)printf("'%s' is right: %s, %s", cli->conf->path,
                     cli_count(cli->conf->source_count, "source", "sources", sources),
                     cli_count(cli->conf->sink_count, "sink", "sinks", sinks));
        if (check.warnings > 0) {
            (void)printf(", %s", cli_count(check.warnings, "warning", "warnings", warnings));
        }
        (void)printf("\n");
    }
    return code;
}

/* ---- show --------------------------------------------------------------------------------- */

/* Options of one section: rows of the core, then of the plugin. */
static json_t *section_json(const struct sme_option *rows, size_t count, const void *config,
                            const struct section_view *view)
{
    json_t *object = json_object();

    values_json(rows, count, config, object);
    if (view != NULL && view->instance != NULL) {
        values_json(view->plugin->desc.options, view->plugin->desc.option_count,
                    view->instance->config, object);
    }
    return object;
}

static void section_text(const char *title, const char *name, const struct sme_option *rows,
                         size_t count, const void *config, const struct section_view *view)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(SHOW_LIMIT);

    buf_add_fmt(&out, "[%s%s%s]\n", title, name[0] != '\0' ? " " : "", name);
    values_text(rows, count, config, &out);
    if (view != NULL && view->instance != NULL) {
        values_text(view->plugin->desc.options, view->plugin->desc.option_count,
                    view->instance->config, &out);
    }
    buf_add_str(&out, "\n");
    (void)fputs(buf_text(&out), stdout);
}

static enum exit_code config_show(struct cli *cli)
{
    const struct conf *conf = cli->conf;
    json_t *sinks = json_object();
    json_t *sources = json_object();
    enum exit_code code = EXIT_DONE;

    if (!cli->json) {
        section_text("core", "", conf_core_options, conf_core_option_count, &conf->core, NULL);
    }
    for (size_t i = 0; i < conf->sink_count + conf->source_count; i++) {
        CLEANUP(section_view_done) struct section_view view = {.plugin = NULL};
        struct sme_error failure = SME_ERROR_INIT;
        bool is_sink = i < conf->sink_count;
        const struct conf_sink *sink = is_sink ? &conf->sinks[i] : NULL;
        const struct conf_source *source = is_sink ? NULL : &conf->sources[i - conf->sink_count];
        int status = is_sink ? view_sink(conf, sink, &view, &failure)
                             : view_source(conf, source, &view, &failure);
        if (status < 0) {
            code = error_worse_exit(code, EXIT_USAGE);
            cli_complain(&failure);
        }
        if (is_sink && cli->json) {
            (void)json_object_set_new(
                sinks, sink->name,
                section_json(conf_sink_options, conf_sink_option_count, sink, &view));
        } else if (is_sink) {
            section_text("sink", sink->name, conf_sink_options, conf_sink_option_count, sink,
                         &view);
        } else if (cli->json) {
            (void)json_object_set_new(
                sources, source->name,
                section_json(conf_source_options, conf_source_option_count, source, &view));
        } else {
            section_text("source", source->name, conf_source_options, conf_source_option_count,
                         source, &view);
        }
    }
    json_t *document =
        json_pack("{s:i, s:s, s:o, s:o, s:o}", "exit", (int)code, "path", conf->path, "core",
                  section_json(conf_core_options, conf_core_option_count, &conf->core, NULL),
                  "sinks", sinks, "sources", sources);
    if (!cli->json) {
        json_decref(document);
        return code;
    }
    return error_worse_exit(code, cli_print_json(cli, document));
}

enum exit_code cmd_config(struct cli *cli)
{
    const char *verb = cli->args.words[0];
    bool check = strcmp(verb, "check") == 0;

    if (!check && strcmp(verb, "show") != 0) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "it is 'config check' or 'config show'");
        (void)error_hint(&cli->err, "see 'sme-backup help config'");
        return cli_fail(cli);
    }
    if (cli_load_conf(cli) < 0) {
        return cli_fail(cli);
    }
    return check ? config_check(cli) : config_show(cli);
}
