/*
 * "setup": bring the place of a repository into the state that the configuration asks for.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cleanup.h"
#include "../repo/store_place.h"
#include "../run/access.h"
#include "../run/place.h"
#include "../run/report.h"
#include "findings.h"

/* A plugin without setup() has only a place to make. */
static int make_place(struct findings *findings, struct store *store, bool dry_run,
                      struct sme_error *err)
{
    struct sme_error failure = SME_ERROR_INIT;
    char text[160];

    int status = store_check(store, &failure);
    if (status == SME_OK) {
        findings_say(findings, SME_FINDING_PASS, "place", "it exists and can be used", NULL);
    } else if (status != SME_E_NOT_FOUND && status != SME_E_UNREACHABLE) {
        *err = failure;
        return status;
    } else {
        status = dry_run ? SME_OK : store_prepare(store, err);
        if (status < 0) {
            return status;
        }
        findings_say(findings, SME_FINDING_CHANGE, "place", dry_run ? "would be made" : "made",
                     NULL);
    }
    (void)snprintf(text, sizeof text, "sinks of plugin '%s' have no further protections to set up",
                   store_plugin(store));
    findings_say(findings, SME_FINDING_NOTE, "protections", text, NULL);
    return SME_OK;
}

static void print_end(struct findings *findings, bool dry_run)
{
    uint64_t changes = findings->counts[SME_FINDING_CHANGE];

    findings_total(findings);
    if (findings->cli->quiet) {
        return;
    }
    if (changes == 0) {
        (void)printf("Nothing %s to be changed.\n", dry_run ? "has" : "had");
    } else if (dry_run) {
        (void)printf("Nothing was changed: without --dry-run it will be.\n");
    }
}

static enum exit_code answer(struct findings *findings, const struct conf_sink *sink, int status,
                             bool dry_run)
{
    struct cli *cli = findings->cli;
    enum exit_code code = status < 0                               ? error_exit_code(status)
                          : findings->counts[SME_FINDING_FAIL] > 0 ? EXIT_FAILED
                                                                   : EXIT_DONE;

    if (!cli->json) {
        if (status < 0) {
            return cli_fail(cli);
        }
        print_end(findings, dry_run);
        return code;
    }
    json_t *document = json_object();
    json_add(document, "exit", (uint64_t)code);
    json_add_text(document, "sink", sink->name);
    (void)json_object_set_new(document, "dry_run", json_boolean(dry_run));
    findings_json(findings, document);
    if (status < 0) {
        (void)json_object_set_new(document, "error", report_error_json(&cli->err));
    }
    return error_worse_exit(code, cli_print_json(cli, document));
}

enum exit_code cmd_setup(struct cli *cli)
{
    CLEANUP(access_close) struct access access = {.plugin = NULL};
    CLEANUP(place_done) struct place place = {.areas = NULL};
    CLEANUP(findings_done) struct findings findings = {.list = NULL};
    const struct conf_sink *sink = NULL;
    const char *name = NULL;
    bool dry_run = cli->args.given[OPT_DRY_RUN] > 0;

    if (findings_sink_name(cli, &name) < 0 || cli_load_conf(cli) < 0 ||
        conf_sink(cli->conf, name, &sink, &cli->err) < 0 ||
        place_make(cli->conf, sink, &place, &cli->err) < 0 ||
        access_place(cli->conf, sink, &access, &cli->err) < 0) {
        return cli_fail(cli);
    }
    findings_init(&findings, cli);
    findings_about(&findings, sink->name);
    int status =
        store_can(access.store, STORE_SETUP)
            ? store_setup(access.store, &place.layout, dry_run, findings_add, &findings, &cli->err)
            : make_place(&findings, access.store, dry_run, &cli->err);
    return answer(&findings, sink, status, dry_run);
}
