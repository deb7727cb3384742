/*
 * Findings of setup and doctor: printing, counting, JSON.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "findings.h"

#include "../base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RESET "\033[0m"

struct level {
    const char *shown;  /* on the terminal      */
    const char *name;   /* in JSON              */
    const char *colour; /* "": none             */
    const char *one, *many;
};

static const struct level levels[SME_FINDING_CHANGE + 1] = {
    [SME_FINDING_PASS] = {"pass", "pass", "\033[32m", "passed", "passed"},
    [SME_FINDING_NOTE] = {"note", "note", "", "note", "notes"},
    [SME_FINDING_WARN] = {"warn", "warn", "\033[33m", "warning", "warnings"},
    [SME_FINDING_FAIL] = {"FAIL", "fail", "\033[1;31m", "failure", "failures"},
    [SME_FINDING_CHANGE] = {"change", "change", "\033[36m", "change", "changes"},
};

void findings_init(struct findings *findings, struct cli *cli)
{
    const char *term = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");

    *findings = (struct findings){.cli = cli, .list = json_array()};
    findings->colour = cli->out_terminal && !cli->json && term != NULL &&
                       strcmp(term, "dumb") != 0 && (no_colour == NULL || no_colour[0] == '\0');
}

void findings_done(struct findings *findings)
{
    json_decref(findings->list);
    findings->list = NULL;
}

void findings_about(struct findings *findings, const char *sink)
{
    findings->sink = sink;
}

static void print_heading(struct findings *findings)
{
    if (findings->begun && findings->shown == findings->sink) {
        return;
    }
    if (findings->sink != NULL) {
        (void)printf("%ssink '%s'\n", findings->begun ? "\n" : "", findings->sink);
    } else {
        (void)printf("%sthis host\n", findings->begun ? "\n" : "");
    }
    findings->begun = true;
    findings->shown = findings->sink;
}

static void print_finding(struct findings *findings, const struct sme_finding *finding)
{
    const struct level *level = &levels[finding->level];
    const char *colour = findings->colour ? level->colour : "";
    char subject[128], text[2048];

    if (findings->cli->quiet && finding->level != SME_FINDING_FAIL) {
        return;
    }
    print_heading(findings);
    (void)printf("  %s%-6s%s  %s: %s\n", colour, level->shown, colour[0] != '\0' ? RESET : "",
                 str_escape(finding->subject, strlen(finding->subject), subject, sizeof subject),
                 str_escape(finding->text, strlen(finding->text), text, sizeof text));
    if (finding->fix != NULL && finding->fix[0] != '\0') {
        (void)printf("          %s\n",
                     str_escape(finding->fix, strlen(finding->fix), text, sizeof text));
    }
}

int findings_add(void *cookie, const struct sme_finding *finding)
{
    struct findings *findings = cookie;

    findings->counts[finding->level]++;
    if (!findings->cli->json) {
        print_finding(findings, finding);
        return 0;
    }
    json_t *object = json_object();
    json_add_text(object, "level", levels[finding->level].name);
    json_add_text(object, "sink", findings->sink);
    json_add_text(object, "subject", finding->subject);
    json_add_text(object, "text", finding->text);
    json_add_text(object, "fix",
                  finding->fix != NULL && finding->fix[0] != '\0' ? finding->fix : NULL);
    (void)json_array_append_new(findings->list, object);
    return 0;
}

void findings_say(struct findings *findings, uint32_t level, const char *subject, const char *text,
                  const char *fix)
{
    const struct sme_finding finding = {
        .struct_size = sizeof finding,
        .level = level,
        .subject = subject,
        .text = text,
        .fix = fix,
    };

    (void)findings_add(findings, &finding);
}

void findings_fail(struct findings *findings, const char *subject, const struct sme_error *failure)
{
    findings_say(findings, SME_FINDING_FAIL, subject, failure->message, failure->hint);
}

void findings_total(struct findings *findings)
{
    static const uint32_t order[] = {SME_FINDING_CHANGE, SME_FINDING_PASS, SME_FINDING_NOTE,
                                     SME_FINDING_WARN, SME_FINDING_FAIL};
    const char *before = findings->begun ? "\n" : "";
    char count[48];

    if (findings->cli->quiet) {
        return;
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const struct level *level = &levels[order[i]];
        if (findings->counts[order[i]] > 0) {
            (void)printf("%s%s", before,
                         cli_count(findings->counts[order[i]], level->one, level->many, count));
            before = ", ";
        }
    }
    (void)printf("\n");
}

void findings_json(struct findings *findings, json_t *document)
{
    json_t *counts = json_object();

    for (uint32_t i = SME_FINDING_PASS; i <= SME_FINDING_CHANGE; i++) {
        json_add(counts, levels[i].name, findings->counts[i]);
    }
    (void)json_object_set(document, "findings", findings->list);
    (void)json_object_set_new(document, "counts", counts);
}

int findings_sink_name(struct cli *cli, const char **ret_name)
{
    const char *word = cli->args.word_count > 0 ? cli->args.words[0] : NULL;
    const char *option = cli->args.value[OPT_SINK];

    if (word != NULL && option != NULL && strcmp(word, option) != 0) {
        return sme_fail(&cli->err, SME_E_INVALID, "two sinks were named: '%s' and '%s'", word,
                        option);
    }
    *ret_name = word != NULL ? word : option;
    return SME_OK;
}
