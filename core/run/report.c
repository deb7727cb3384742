/*
 * What came of a job: words, and the line in the log.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "report.h"

#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../base/log.h"
#include "../base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LIMIT 4096
#define PROBLEMS_LOGGED 20

void report_done(struct job_report *report)
{
    free(report->problems);
    report->problems = NULL;
    report->problem_count = 0;
}

const char *report_word(enum job_word word)
{
    switch (word) {
    case JOB_COMPLETE:
        return "complete";
    case JOB_INCOMPLETE:
        return "incomplete";
    case JOB_CANCELLED:
        return "cancelled";
    case JOB_BUSY:
        return "busy";
    case JOB_FAILED:
    default:
        return "failed";
    }
}

void report_fail(struct job_report *report, const struct sme_error *failure)
{
    report->error = *failure;
    if (report->error.status >= 0) {
        report->error.status = SME_E_IO;
    }
    report->exit = error_exit_code(report->error.status);
    report->word = report->error.status == SME_E_CANCELLED ? JOB_CANCELLED
                   : report->error.status == SME_E_BUSY    ? JOB_BUSY
                                                           : JOB_FAILED;
    report->snapshot[0] = '\0';
}

uint64_t report_problem_total(const struct job_report *report)
{
    const struct backup_counts *c = &report->counts;

    return c->failed + c->changed_while_read + c->vanished + c->rot + c->damaged;
}

const char *report_problem_name(uint8_t kind)
{
    switch (kind) {
    case PROBLEM_CHANGED:
        return "changed";
    case PROBLEM_VANISHED:
        return "vanished";
    case PROBLEM_ROT:
        return "rot";
    case PROBLEM_DAMAGED:
        return "damaged";
    case PROBLEM_FAILED:
    default:
        return "failed";
    }
}

static void add_count(struct buf *line, const char *name, uint64_t value)
{
    if (value > 0) {
        buf_add_fmt(line, " %s=%" PRIu64, name, value);
    }
}

/* " requests=put:3,list:2"; nothing if there were none. */
static void add_requests(struct buf *line, const struct store_meter *meter)
{
    const struct {
        const char *name;
        uint64_t value;
    } all[] = {{"put", meter->put},   {"get", meter->get},       {"list", meter->list},
               {"head", meter->head}, {"delete", meter->remove}, {"retry", meter->retries}};
    const char *before = " requests=";

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].value > 0) {
            buf_add_fmt(line, "%s%s:%" PRIu64, before, all[i].name, all[i].value);
            before = ",";
        }
    }
}

/* " cost=$0.00002" to the nearest hundredth of a thousandth; what is less is shown as that. */
static void add_cost(struct buf *line, const struct job_report *report)
{
    if (!report->has_cost) {
        return;
    }
    uint64_t nano = (uint64_t)report->nano_usd;
    uint64_t units = nano / 10000 + (nano % 10000 > 5000 ? 1 : 0);
    if (units == 0 && nano > 0) {
        units = 1;
    }
    buf_add_fmt(line, " cost=$%" PRIu64 ".%05" PRIu64, units / 100000, units % 100000);
}

/* " read=61.2MiB": without the blank of "512 B", so that the line can be split at blanks. */
static void add_size(struct buf *line, const char *name, uint64_t bytes)
{
    char text[16];
    char *blank = strchr(str_bytes(bytes, text), ' ');

    if (blank != NULL) {
        memmove(blank, blank + 1, strlen(blank));
    }
    buf_add_fmt(line, " %s=%s", name, text);
}

static void add_facts(struct buf *line, const struct job_report *report)
{
    const struct backup_counts *c = &report->counts;

    if (report->snapshot[0] != '\0') {
        buf_add_fmt(line, " snapshot=%s", report->snapshot);
    }
    if (report->dry_run) {
        buf_add_str(line, " dry-run=yes");
    }
    buf_add_fmt(line, " items=%" PRIu64 " changed=%" PRIu64, c->items, c->changed);
    add_size(line, "read", c->bytes_read);
    add_size(line, "stored", c->bytes_stored);
    add_count(line, "failed", c->failed);
    add_count(line, "unstable", c->changed_while_read);
    add_count(line, "vanished", c->vanished);
    add_count(line, "rot", c->rot);
    add_count(line, "damaged", c->damaged);
    add_count(line, "skipped", c->skipped);
    add_requests(line, &report->requests);
    add_cost(line, report);
}

static int level_of(const struct job_report *report)
{
    switch (report->word) {
    case JOB_COMPLETE:
        return report->warning[0] != '\0' ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    case JOB_INCOMPLETE:
    case JOB_CANCELLED:
    case JOB_BUSY:
        return LOG_LEVEL_WARN;
    case JOB_FAILED:
    default:
        return LOG_LEVEL_ERROR;
    }
}

static void log_problems(const struct job_report *report)
{
    size_t shown =
        report->problem_count < PROBLEMS_LOGGED ? report->problem_count : PROBLEMS_LOGGED;
    uint64_t total = report_problem_total(report);

    for (size_t i = 0; i < shown; i++) {
        const struct job_problem *problem = &report->problems[i];
        log_line(LOG_LEVEL_WARN, report->source, "%s '%s': %s", report_problem_name(problem->kind),
                 problem->path, problem->text);
    }
    if (total > shown) {
        log_line(LOG_LEVEL_WARN, report->source, "and %" PRIu64 " more", total - shown);
    }
}

void report_log(const struct job_report *report)
{
    CLEANUP(buf_free) struct buf line = BUF_INIT(LINE_LIMIT);
    char time_text[16];
    bool committed = report->word == JOB_COMPLETE || report->word == JOB_INCOMPLETE;

    log_problems(report);
    buf_add_str(&line, report_word(report->word));
    if (committed) {
        add_facts(&line, report);
    } else {
        buf_add_fmt(&line, " exit=%d class=%s", (int)report->exit,
                    error_status_name(report->error.status));
        add_requests(&line, &report->requests);
        add_cost(&line, report);
    }
    if (report->many_sinks) {
        buf_add_fmt(&line, " sink=%s", report->sink);
    }
    buf_add_fmt(&line, " time=%s", str_duration(report->elapsed_ns, time_text));
    if (!committed) {
        buf_add_fmt(&line, ": %s", report->error.message);
        if (report->error.hint[0] != '\0') {
            buf_add_fmt(&line, " (hint: %s)", report->error.hint);
        }
    } else if (report->warning[0] != '\0') {
        buf_add_fmt(&line, ": %s", report->warning);
    }
    log_line(level_of(report), report->source, "%s", buf_text(&line));
}
