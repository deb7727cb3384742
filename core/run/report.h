/*
 * What came of a job: the line in the log, the status file, JSON.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_REPORT_H
#define SME_RUN_REPORT_H

#include "../base/error.h"
#include "backup.h"

#include <jansson.h>

enum job_word { JOB_COMPLETE, JOB_INCOMPLETE, JOB_FAILED, JOB_CANCELLED, JOB_BUSY };

/* An item that failed or changed, fit to be printed. */
struct job_problem {
    uint8_t kind;    /* enum problem_kind */
    char path[1024]; /* escaped, cut if longer */
    char text[512];
};

struct job_report {
    char source[65], sink[65];
    enum job_word word;
    enum exit_code exit;
    bool dry_run;
    bool many_sinks;                     /* the source has several: the line names this one  */
    struct sme_error error;              /* unless committed                         */
    char warning[512];                   /* committed, but a hook failed afterwards   */
    char snapshot[OBJKEY_SNAPSHOT_NAME]; /* "" if none was committed                 */
    struct backup_counts counts;
    struct store_meter requests;
    bool has_cost;      /* of the requests and of what was sent: */
    int64_t nano_usd;   /* 10^-9 US dollars */
    int64_t started_ns; /* since 1970 */
    int64_t elapsed_ns;
    struct job_problem *problems; /* the first of them */
    size_t problem_count;
};

void report_done(struct job_report *report);
/* "complete", "incomplete", "failed", "cancelled", "busy". */
const char *report_word(enum job_word word);
/* Fill word, exit and error from ${failure}. */
void report_fail(struct job_report *report, const struct sme_error *failure);
/* Items that failed or changed, all of them. */
uint64_t report_problem_total(const struct job_report *report);
/* "failed", "changed", ... of a problem. */
const char *report_problem_name(uint8_t kind);

/* Result line and first problems into the log. */
void report_log(const struct job_report *report);

/* Bring ${state_dir}/status/${source}.json up to date.  A file that is damaged is made anew. */
int report_save(const char *state_dir, const struct job_report *report, struct sme_error *err);
/* Counts of the last committed run according to that file; false if unknown. */
bool report_previous(const char *state_dir, const char *source, const char *sink,
                     struct backup_counts *ret_counts);

/* The job as an object; NULL on no memory. */
json_t *report_json(const struct job_report *report);
/* {"status","exit","message","hint"} */
json_t *report_error_json(const struct sme_error *failure);
/* A JSON string from any bytes: those that are not UTF-8 are escaped. */
json_t *report_text_json(const char *text, size_t len);

#endif
