/*
 * "doctor": examine the set-up and the protections of every sink.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../run/doctor.h"

#include "../base/cleanup.h"
#include "../config/value.h"
#include "findings.h"
#include "target.h"

static void about(void *cookie, const char *sink)
{
    findings_about(cookie, sink);
}

static int parse_age(struct cli *cli, int64_t *ret_sec)
{
    const char *text = cli->args.value[OPT_MAX_AGE];
    uint64_t ms = 0;

    if (text == NULL) {
        return SME_OK;
    }
    if (value_duration(text, &ms) < 0 || ms < 1000 || ms > INT64_MAX) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "--max-age: '%s' is not a time", text);
        return error_hint(&cli->err, "for instance --max-age 36h or --max-age 2d");
    }
    *ret_sec = (int64_t)(ms / 1000);
    return SME_OK;
}

enum exit_code cmd_doctor(struct cli *cli)
{
    CLEANUP(free_ptr) const struct conf_sink **sinks = NULL;
    CLEANUP(findings_done) struct findings findings = {.list = NULL};
    struct doctor_request request = {.about = about, .report = findings_add, .cookie = &findings};
    const char *name = NULL;

    if (parse_age(cli, &request.max_age_sec) < 0 || findings_sink_name(cli, &name) < 0 ||
        cli_load_conf(cli) < 0) {
        return cli_fail(cli);
    }
    /* target_sinks() knows the option only. */
    cli->args.value[OPT_SINK] = name;
    if (target_sinks(cli, NULL, &sinks, &request.sink_count) < 0) {
        return cli_fail(cli);
    }
    findings_init(&findings, cli);
    request.conf = cli->conf;
    request.sinks = sinks;
    enum exit_code code = doctor_run(&request);
    if (!cli->json) {
        findings_total(&findings);
        return code;
    }
    json_t *document = json_object();
    json_add(document, "exit", (uint64_t)code);
    findings_json(&findings, document);
    return error_worse_exit(code, cli_print_json(cli, document));
}
