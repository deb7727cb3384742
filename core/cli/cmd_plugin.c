/*
 * "plugin": which there are, and their options.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../plugin/describe.h"
#include "../run/report.h"
#include "cli.h"

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

enum exit_code cmd_plugin(struct cli *cli)
{
    const char *verb = cli->args.words[0];
    bool wants_list = strcmp(verb, "list") == 0 && cli->args.word_count == 1;
    bool wants_describe = strcmp(verb, "describe") == 0 && cli->args.word_count == 2;

    if (!wants_list && !wants_describe) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "it is 'plugin list' or 'plugin describe NAME'");
        (void)error_hint(&cli->err, "see 'sme-backup help plugin'");
        return cli_fail(cli);
    }
    const struct sme_list *extra = extra_folders(cli);
    if (cli->conf_failed) {
        return cli_fail(cli);
    }
    return wants_list ? list_plugins(cli, extra) : describe(cli, extra, cli->args.words[1]);
}
