/*
 * "check": is the repository whole?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../run/check.h"

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/str.h"
#include "../config/value.h"
#include "../run/report.h"
#include "progress.h"
#include "target.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DAY_NS (86400 * NS_PER_SEC)

struct checking {
    struct cli *cli;
    const struct conf_sink *sink;
    struct progress *progress;
    int64_t began_at;
    json_t *findings, *sinks;
    struct sme_error first; /* failure */
    enum exit_code exit;
};

/* "N/M": part N of M.  "P%": the share that is due today, so that all is read after 100/P days.
 * Nothing: all. */
static int parse_part(struct cli *cli, uint32_t *ret_part, uint32_t *ret_parts)
{
    const char *text = cli->args.value[OPT_READ_DATA];
    uint32_t percent = 0;
    char *end = NULL;

    if (text == NULL) {
        return SME_OK;
    }
    if (value_percent(text, &percent) == SME_OK && percent > 0 && percent <= 10000) {
        uint32_t parts = (10000 + percent - 1) / percent;
        *ret_parts = parts;
        *ret_part = (uint32_t)((uint64_t)(clock_realtime_ns() / DAY_NS) % parts);
        return SME_OK;
    }
    if (text[0] >= '1' && text[0] <= '9') {
        errno = 0;
        unsigned long part = strtoul(text, &end, 10);
        if (*end == '/' && end[1] >= '1' && end[1] <= '9') {
            unsigned long parts = strtoul(end + 1, &end, 10);
            if (*end == '\0' && errno == 0 && part <= parts && parts <= 10000) {
                *ret_part = (uint32_t)part - 1;
                *ret_parts = (uint32_t)parts;
                return SME_OK;
            }
        }
    }
    (void)sme_fail(&cli->err, SME_E_INVALID, "--read-data=%s is neither a part nor a share", text);
    return error_hint(&cli->err, "for instance --read-data=1/7 or --read-data=5%%");
}

static void on_progress(void *cookie, const struct check_counts *counts)
{
    struct checking *c = cookie;
    char read[16], spent[16];

    progress_set(c->progress, 0, "%s: %" PRIu64 " snapshots, %" PRIu64 " packs, %s read, %s",
                 c->sink->name, counts->snapshots, counts->packs,
                 str_bytes(counts->bytes_read, read),
                 str_duration(clock_monotonic_ns() - c->began_at, spent));
}

static void on_finding(void *cookie, enum check_severity severity, const char *object,
                       const char *text)
{
    static const char *const words[] = {"note", "garbage", "DAMAGE"};
    struct checking *c = cookie;
    char shown_object[300], shown_text[1024];

    if (c->cli->json) {
        json_t *finding = json_object();
        json_add_text(finding, "severity", severity == CHECK_DAMAGE ? "damage" : words[severity]);
        json_add_text(finding, "sink", c->sink->name);
        json_add_text(finding, "object", object);
        json_add_text(finding, "text", text);
        (void)json_array_append_new(c->findings, finding);
        return;
    }
    if (severity != CHECK_DAMAGE && c->cli->verbose == 0) {
        return;
    }
    progress_hide(c->progress);
    (void)fprintf(stderr, "%s: '%s': %s\n", words[severity],
                  str_escape(object, strlen(object), shown_object, sizeof shown_object),
                  str_escape(text, strlen(text), shown_text, sizeof shown_text));
}

static void note_failure(struct checking *c, const struct sme_error *failure)
{
    c->exit = error_worse_exit(c->exit, error_exit_code(failure->status));
    if (c->first.status == SME_OK) {
        c->first = *failure;
    }
    if (!c->cli->json) {
        cli_complain(failure);
    }
}

static void summarise(struct checking *c, const struct check_counts *n, bool damaged)
{
    char snapshots[48], packs[48], read[16], spent[16];

    if (c->cli->json) {
        json_t *sink = json_object();
        json_add_text(sink, "sink", c->sink->name);
        (void)json_object_set_new(sink, "damaged", json_boolean(damaged));
        json_add(sink, "sources", n->sources);
        json_add(sink, "snapshots", n->snapshots);
        json_add(sink, "packs", n->packs);
        json_add(sink, "index_objects", n->index_objects);
        json_add(sink, "items", n->items);
        json_add(sink, "chunks", n->chunks);
        json_add(sink, "blocks_read", n->blocks_read);
        json_add(sink, "bytes_read", n->bytes_read);
        json_add(sink, "damage", n->damaged);
        json_add(sink, "garbage", n->garbage);
        json_add(sink, "foreign", n->foreign);
        json_add(sink, "unverified", n->unverified);
        (void)json_array_append_new(c->sinks, sink);
        return;
    }
    if (c->cli->quiet || damaged) {
        return;
    }
    (void)printf("%s: nothing is damaged: %s, %s", c->sink->name,
                 cli_count(n->snapshots, "snapshot", "snapshots", snapshots),
                 cli_count(n->packs, "pack", "packs", packs));
    if (n->bytes_read > 0) {
        (void)printf(", %s of data read", str_bytes(n->bytes_read, read));
    }
    if (n->garbage > 0) {
        (void)printf(", %" PRIu64 " left over from broken runs (harmless)", n->garbage);
    }
    if (n->foreign > 0) {
        (void)printf(", %" PRIu64 " not ours", n->foreign);
    }
    if (n->unverified > 0) {
        (void)printf(", %" PRIu64 " that could not be looked into", n->unverified);
    }
    (void)printf(", in %s\n", str_duration(clock_monotonic_ns() - c->began_at, spent));
}

static int known_source(struct access *access, const char *source, const char *sink,
                        struct sme_error *err)
{
    char **names = NULL;
    bool found = false;

    int status = repo_sources(access->repo, &names, err);
    for (size_t i = 0; status == SME_OK && names[i] != NULL; i++) {
        found = found || strcmp(names[i], source) == 0;
    }
    if (status == SME_OK && !found) {
        status = sme_fail(err, SME_E_NOT_FOUND, "sink '%s' has no snapshot of source '%s'", sink,
                          source);
        (void)error_hint(err, "'sme-backup list' shows what there is");
    }
    plugin_names_free(names);
    return status;
}

static void check_sink(struct checking *c, struct check_request *request)
{
    CLEANUP(access_close) struct access access = {.plugin = NULL};
    struct check_counts counts = {.sources = 0};
    struct sme_error failure = SME_ERROR_INIT;

    int status = access_open(c->cli->conf, c->sink, &access, &failure);
    if (status == SME_OK && request->source != NULL) {
        status = known_source(&access, request->source, c->sink->name, &failure);
    }
    if (status == SME_OK) {
        request->repo = access.repo;
        c->began_at = clock_monotonic_ns();
        status = check_run(request, &counts, &failure);
        progress_hide(c->progress);
        if (status == SME_OK || status == SME_E_CORRUPT) {
            summarise(c, &counts, status < 0);
        }
    }
    if (status < 0) {
        (void)error_context(&failure, "sink '%s'", c->sink->name);
        note_failure(c, &failure);
    }
}

enum exit_code cmd_check(struct cli *cli)
{
    const char *source = cli->args.word_count > 0 ? cli->args.words[0] : NULL;
    CLEANUP(free_ptr) const struct conf_sink **sinks = NULL;
    size_t count = 0;
    struct checking c = {.cli = cli, .exit = EXIT_DONE};
    struct check_request request = {
        .source = source,
        .read_data = cli->args.given[OPT_READ_DATA] > 0,
        .finding = on_finding,
        .cookie = &c,
    };

    if (parse_part(cli, &request.part, &request.parts) < 0 || cli_load_conf(cli) < 0 ||
        target_sinks(cli, source, &sinks, &count) < 0) {
        return cli_fail(cli);
    }
    request.cache_dir = cli->conf->core.cache_dir;
    c.progress = progress_new(cli, 1);
    request.progress = c.progress != NULL ? on_progress : NULL;
    c.findings = json_array();
    c.sinks = json_array();
    for (size_t i = 0; i < count; i++) {
        c.sink = sinks[i];
        check_sink(&c, &request);
    }
    progress_free(c.progress);
    json_t *document =
        json_pack("{s:i, s:o, s:o}", "exit", (int)c.exit, "sinks", c.sinks, "findings", c.findings);
    if (!cli->json) {
        json_decref(document);
        return c.exit;
    }
    if (c.first.status < 0) {
        (void)json_object_set_new(document, "error", report_error_json(&c.first));
    }
    return error_worse_exit(c.exit, cli_print_json(cli, document));
}
