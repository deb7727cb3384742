/*
 * "run": back up.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fileio.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../run/runner.h"
#include "progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBLEMS_SHOWN 20

struct run_view {
    struct cli *cli;
    struct progress *progress;
    struct backup_counts previous; /* of the source that the last event was about */
    size_t previous_job;
    bool has_previous;
};

/* ---- while it runs ------------------------------------------------------------------------ */

static void show_progress(struct run_view *view, const struct run_event *event)
{
    const struct job_report *report = event->report;
    const struct backup_counts *c = event->counts;
    double seconds = (double)event->elapsed_ns / 1e9;
    char read[16], rate[16], spent[16], left[32];

    if (!view->has_previous || view->previous_job != event->job) {
        view->has_previous = true;
        view->previous_job = event->job;
        if (!report_previous(view->cli->conf->core.state_dir, report->source, report->sink,
                             &view->previous)) {
            memset(&view->previous, 0, sizeof view->previous);
        }
    }
    progress_set(view->progress, event->job,
                 "%s: %" PRIu64 " items, %" PRIu64 " changed, %s read (%s/s), %s%s", report->source,
                 c->items, c->changed, str_bytes(c->bytes_read, read),
                 str_bytes((uint64_t)((double)c->bytes_read / (seconds + 0.001)), rate),
                 str_duration(event->elapsed_ns, spent),
                 progress_left(c->bytes, view->previous.bytes, event->elapsed_ns, left));
}

static void name_job(const struct job_report *report, char out[160])
{
    if (report->many_sinks) {
        (void)snprintf(out, 160, "%s (to %s)", report->source, report->sink);
    } else {
        (void)snprintf(out, 160, "%s", report->source);
    }
}

static void show_success(const struct cli *cli, const struct job_report *report)
{
    const struct backup_counts *c = &report->counts;
    char name[160], read[16], stored[16], spent[16], items[48];

    if (cli->quiet || (!cli->out_terminal && cli->verbose == 0)) {
        return;
    }
    name_job(report, name);
    (void)printf("%s: %s%s, %s, %" PRIu64 " changed, %s read, %s stored in %s", name,
                 report->dry_run ? "dry run " : "", report_word(report->word),
                 cli_count(c->items, "item", "items", items), c->changed,
                 str_bytes(c->bytes_read, read), str_bytes(c->bytes_stored, stored),
                 str_duration(report->elapsed_ns, spent));
    if (report->snapshot[0] != '\0') {
        (void)printf(", snapshot %s", report->snapshot);
    }
    (void)printf("\n");
    (void)fflush(stdout);
}

/* Items that failed, after a commit. */
static void show_problems(const struct job_report *report, const char *name)
{
    uint64_t total = report_problem_total(report);
    size_t shown = report->problem_count < PROBLEMS_SHOWN ? report->problem_count : PROBLEMS_SHOWN;
    char items[48];

    if (report->word == JOB_INCOMPLETE) {
        (void)fprintf(stderr, "sme-backup: %s: committed, but %s failed or changed\n", name,
                      cli_count(total, "item", "items", items));
    }
    for (size_t i = 0; i < shown; i++) {
        (void)fprintf(stderr, "  %s '%s': %s\n", report_problem_name(report->problems[i].kind),
                      report->problems[i].path, report->problems[i].text);
    }
    if (total > shown) {
        (void)fprintf(stderr, "  and %" PRIu64 " more\n", total - shown);
    }
    if (report->warning[0] != '\0') {
        char text[2 * sizeof report->warning];
        (void)fprintf(stderr, "sme-backup: %s: committed, but %s\n", name,
                      str_escape(report->warning, strlen(report->warning), text, sizeof text));
    }
}

static void show_finished(struct run_view *view, const struct run_event *event)
{
    const struct job_report *report = event->report;
    char name[160];

    progress_set(view->progress, event->job, "%s", "");
    progress_hide(view->progress);
    if (view->cli->json) {
        return;
    }
    name_job(report, name);
    if (report->word == JOB_COMPLETE || report->word == JOB_INCOMPLETE) {
        show_success(view->cli, report);
        show_problems(report, name);
        return;
    }
    struct sme_error failure = report->error;
    (void)error_context(&failure, "%s: %s", name, report_word(report->word));
    cli_complain(&failure);
}

static void on_event(void *cookie, const struct run_event *event)
{
    struct run_view *view = cookie;

    switch (event->kind) {
    case RUN_STARTED:
        progress_set(view->progress, event->job, "%s: starting", event->report->source);
        break;
    case RUN_PROGRESS:
        show_progress(view, event);
        break;
    case RUN_MESSAGE:
        if (!view->cli->json && event->level <= LOG_LEVEL_WARN &&
            (view->progress != NULL || view->cli->verbose > 0)) {
            char text[2048];
            progress_hide(view->progress);
            (void)fprintf(stderr, "%s: %s\n", event->report->source,
                          str_escape(event->text, strlen(event->text), text, sizeof text));
        }
        break;
    case RUN_FINISHED:
        show_finished(view, event);
        break;
    default:
        break;
    }
}

/* ---- the log ------------------------------------------------------------------------------ */

/* A backup does not fail for its log, but nobody may overlook that there is none. */
static void open_log(struct cli *cli)
{
    const struct conf_core *core = &cli->conf->core;
    struct sme_error failure = SME_ERROR_INIT;
    bool is_new = access(core->log_file, F_OK) < 0;

    if (cli->conf->log_is_fallback) {
        CLEANUP(free_ptr) char *folder = strdup(core->log_file);
        char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
        if (slash != NULL && slash != folder) {
            *slash = '\0';
            (void)io_make_dirs(folder, 0700, NULL);
        }
        if (is_new && isatty(STDERR_FILENO) == 1 && !cli->quiet) {
            (void)fprintf(stderr, "sme-backup: not running as root: the log is '%s'\n",
                          core->log_file);
        }
    }
    /* Every line that matters is printed by on_event(); a debug log may go to the terminal. */
    log_set_stderr(cli->verbose > 1 ? LOG_LEVEL_DEBUG : 0);
    if (cli->verbose > 1) {
        log_set_level(LOG_LEVEL_DEBUG);
    }
    if (log_open(core->log_file, &failure) < 0) {
        (void)error_context(&failure, "warning: no log is written");
        (void)error_hint(&failure, "set log_file in [core] to a file that this user may write");
        cli_complain(&failure);
        log_set_stderr(LOG_LEVEL_WARN);
    }
}

/* ---- the command -------------------------------------------------------------------------- */

static enum exit_code print_result(struct cli *cli, const struct run_result *result)
{
    json_t *jobs = json_array();

    for (size_t i = 0; i < result->count; i++) {
        (void)json_array_append_new(jobs, report_json(&result->jobs[i]));
    }
    enum exit_code printed =
        cli_print_json(cli, json_pack("{s:i, s:o}", "exit", (int)result->exit, "sources", jobs));
    return error_worse_exit(result->exit, printed);
}

enum exit_code cmd_run(struct cli *cli)
{
    struct run_view view = {.cli = cli};
    CLEANUP(run_result_free) struct run_result result = {.jobs = NULL};

    if (cli_load_conf(cli) < 0) {
        return cli_fail(cli);
    }
    open_log(cli);
    view.progress = progress_new(cli, cli->conf->source_count * (cli->conf->sink_count + 1));
    const struct run_request request = {
        .conf = cli->conf,
        .sources = cli->args.words,
        .source_count = cli->args.word_count,
        .dry_run = cli->args.given[OPT_DRY_RUN] > 0,
        .read_all = cli->args.given[OPT_READ_ALL] > 0,
        .progress = view.progress != NULL,
        .event = on_event,
        .cookie = &view,
    };
    int status = runner_run(&request, &result, &cli->err);
    progress_free(view.progress);
    if (status < 0) {
        log_failure(LOG_LEVEL_ERROR, NULL, &cli->err);
        return cli_fail(cli);
    }
    return cli->json ? print_result(cli, &result) : result.exit;
}
