/*
 * Results of jobs: log line, status file, JSON.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/fileio.h"
#include "../../core/base/log.h"
#include "../../core/run/report.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static char log_path[96];

static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    (void)snprintf(folder, sizeof folder, "%.32s/sme-report-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(log_path, sizeof log_path, "%s/log", folder);
    log_set_stderr(0);
    return log_open(log_path, NULL);
}

static int remove_folder(void **state)
{
    char path[128];

    (void)state;
    (void)log_open(NULL, NULL);
    (void)unlink(log_path);
    (void)snprintf(path, sizeof path, "%s/status/docs.json", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/status", folder);
    (void)rmdir(path);
    return rmdir(folder);
}

static struct job_report complete_report(void)
{
    struct job_report report = {
        .source = "docs",
        .sink = "main",
        .word = JOB_COMPLETE,
        .error = SME_ERROR_INIT,
        .snapshot = "20261123T020000Z-1f3a9c04",
        .counts =
            {.items = 60412, .changed = 118, .bytes = 1000, .bytes_read = 0, .bytes_stored = 7},
        .requests = {.put = 3, .list = 2},
        .started_ns = INT64_C(1795399200) * 1000000000,
        .elapsed_ns = INT64_C(4100000000),
    };
    return report;
}

/* The last line of the log behind its time. */
static const char *last_line(void)
{
    static struct buf text = BUF_INIT(1024 * 1024);

    buf_clear(&text);
    assert_int_equal(io_load(AT_FDCWD, log_path, &text, NULL), SME_OK);
    assert_true(text.len > 22);
    text.data[text.len - 1] = '\0';
    const char *line = strrchr((const char *)text.data, '\n');
    return (line != NULL ? line + 1 : (const char *)text.data) + strlen("2026-11-23T02:00:41Z ");
}

static void the_line_of_a_complete_job(void **state)
{
    struct job_report report = complete_report();

    (void)state;
    report_log(&report);
    assert_string_equal(last_line(), "INFO docs: complete snapshot=20261123T020000Z-1f3a9c04 "
                                     "items=60412 changed=118 read=0B stored=7B "
                                     "requests=put:3,list:2 time=4.1s");
    report.many_sinks = true;
    report.dry_run = true;
    report.snapshot[0] = '\0';
    report.requests = (struct store_meter){.put = 0};
    report_log(&report);
    assert_string_equal(last_line(), "INFO docs: complete dry-run=yes items=60412 changed=118 "
                                     "read=0B stored=7B sink=main time=4.1s");
}

static void the_line_names_the_cost_where_the_sink_has_prices(void **state)
{
    static const struct {
        int64_t nano_usd;
        const char *text;
    } cases[] = {{25000, " cost=$0.00002 "},      {25001, " cost=$0.00003 "},
                 {1, " cost=$0.00001 "},          {0, " cost=$0.00000 "},
                 {1234567890, " cost=$1.23457 "}, {INT64_MAX, " cost=$9223372036.85478 "}};
    struct job_report report = complete_report();
    struct sme_error failure = SME_ERROR_INIT;

    (void)state;
    report.has_cost = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        report.nano_usd = cases[i].nano_usd;
        report_log(&report);
        assert_non_null(strstr(last_line(), cases[i].text));
    }
    assert_non_null(strstr(last_line(), " requests=put:3,list:2 cost="));
    report.nano_usd = 15000;
    json_t *json = report_json(&report);
    assert_true(json_real_value(json_object_get(json, "cost_usd")) > 0.0000149);
    json_decref(json);
    (void)sme_fail(&failure, SME_E_UNREACHABLE, "no answer");
    report_fail(&report, &failure);
    report_log(&report);
    assert_non_null(strstr(last_line(), " cost=$0.00001 time="));
    report.has_cost = false;
    json = report_json(&report);
    assert_true(json_is_null(json_object_get(json, "cost_usd")));
    json_decref(json);
}

static void the_line_of_a_failed_job(void **state)
{
    struct job_report report = complete_report();
    struct sme_error failure = SME_ERROR_INIT;

    (void)state;
    (void)sme_fail(&failure, SME_E_NO_SPACE, "cannot put 'x'");
    (void)error_hint(&failure, "make room");
    report_fail(&report, &failure);
    assert_int_equal(report.exit, EXIT_FAILED);
    assert_string_equal(report.snapshot, "");
    report_log(&report);
    assert_string_equal(last_line(), "ERROR docs: failed exit=1 class=no-space "
                                     "requests=put:3,list:2 time=4.1s: cannot put 'x' (hint: make "
                                     "room)");
    (void)sme_fail(&failure, SME_E_BUSY, "busy");
    report_fail(&report, &failure);
    assert_int_equal(report.exit, EXIT_BUSY);
    assert_string_equal(report_word(report.word), "busy");
    (void)sme_fail(&failure, SME_E_CANCELLED, "cancelled by signal 2");
    report_fail(&report, &failure);
    assert_int_equal(report.exit, EXIT_SIGNAL);
    assert_string_equal(report_word(report.word), "cancelled");
}

static void twenty_problems_are_logged_and_the_rest_counted(void **state)
{
    struct job_report report = complete_report();
    struct job_problem problems[25];

    (void)state;
    report.word = JOB_INCOMPLETE;
    report.counts.failed = 30;
    report.counts.vanished = 1;
    for (size_t i = 0; i < 25; i++) {
        problems[i].kind = PROBLEM_FAILED;
        (void)snprintf(problems[i].path, sizeof problems[i].path, "file-%zu", i);
        (void)snprintf(problems[i].text, sizeof problems[i].text, "Permission denied");
    }
    report.problems = problems;
    report.problem_count = 25;
    report_log(&report);
    assert_non_null(strstr(last_line(), "WARN docs: incomplete "));
    assert_non_null(strstr(last_line(), " failed=30 vanished=1 "));
    struct buf text = BUF_INIT(1024 * 1024);
    assert_int_equal(io_load(AT_FDCWD, log_path, &text, NULL), SME_OK);
    assert_non_null(strstr(buf_text(&text), "WARN docs: failed 'file-19': Permission denied\n"));
    assert_null(strstr(buf_text(&text), "file-20"));
    assert_non_null(strstr(buf_text(&text), "WARN docs: and 11 more\n"));
    buf_free(&text);
    report.problems = NULL;
}

static void the_status_file_keeps_other_sinks_and_the_last_commit(void **state)
{
    struct job_report report = complete_report();
    struct sme_error err = SME_ERROR_INIT;
    struct backup_counts counts;
    char path[128];
    struct buf text = BUF_INIT(1024 * 1024);

    (void)state;
    assert_false(report_previous(folder, "docs", "main", &counts));
    assert_int_equal(report_save(folder, &report, &err), SME_OK);
    assert_true(report_previous(folder, "docs", "main", &counts));
    assert_int_equal(counts.items, 60412);
    assert_int_equal(counts.bytes, 1000);
    (void)snprintf(report.sink, sizeof report.sink, "second");
    report.counts.items = 5;
    assert_int_equal(report_save(folder, &report, &err), SME_OK);
    (void)snprintf(report.sink, sizeof report.sink, "main");
    (void)sme_fail(&err, SME_E_UNREACHABLE, "gone");
    report_fail(&report, &err);
    assert_int_equal(report_save(folder, &report, &err), SME_OK);
    assert_true(report_previous(folder, "docs", "main", &counts));
    assert_int_equal(counts.items, 60412);
    assert_true(report_previous(folder, "docs", "second", &counts));
    assert_int_equal(counts.items, 5);

    (void)snprintf(path, sizeof path, "%s/status/docs.json", folder);
    assert_int_equal(io_load(AT_FDCWD, path, &text, NULL), SME_OK);
    json_t *file = json_loadb((const char *)text.data, text.len, 0, NULL);
    assert_non_null(file);
    assert_int_equal(json_integer_value(json_object_get(file, "schema")), 1);
    json_t *job = json_object_get(json_object_get(file, "sinks"), "main");
    assert_string_equal(json_string_value(json_object_get(job, "status")), "failed");
    assert_int_equal(json_integer_value(json_object_get(job, "exit")), 7);
    json_decref(file);
    buf_free(&text);

    assert_int_equal(io_replace(path, "{ damaged", 9, 0600, &err), SME_OK);
    assert_false(report_previous(folder, "docs", "main", &counts));
    assert_int_equal(report_save(folder, &report, &err), SME_OK);
}

static void any_bytes_become_json(void **state)
{
    struct sme_error failure = SME_ERROR_INIT;

    (void)state;
    json_t *good = report_text_json("Gr\xc3\xbc\xc3\x9f"
                                    "e\n",
                                    8);
    assert_string_equal(json_string_value(good), "Gr\xc3\xbc\xc3\x9f"
                                                 "e\n");
    json_decref(good);
    json_t *bad = report_text_json("a\xff", 2);
    assert_string_equal(json_string_value(bad), "a\\xff");
    json_decref(bad);
    (void)sme_fail(&failure, SME_E_KEY, "bad \xfe");
    json_t *error = report_error_json(&failure);
    assert_string_equal(json_string_value(json_object_get(error, "status")), "key");
    assert_int_equal(json_integer_value(json_object_get(error, "exit")), 6);
    assert_string_equal(json_string_value(json_object_get(error, "message")), "bad \\xfe");
    json_decref(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_of_a_complete_job),
        cmocka_unit_test(the_line_names_the_cost_where_the_sink_has_prices),
        cmocka_unit_test(the_line_of_a_failed_job),
        cmocka_unit_test(twenty_problems_are_logged_and_the_rest_counted),
        cmocka_unit_test(the_status_file_keeps_other_sinks_and_the_last_commit),
        cmocka_unit_test(any_bytes_become_json),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
