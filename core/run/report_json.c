/*
 * What came of a job: JSON, and the status file.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The status file, one per source:
 *
 *     {"schema": 1, "source": NAME, "sinks": {SINK: {the job as in "run --json", without the list
 *      of problems, "last_committed": {"snapshot", "finished", "items", "bytes"}}}}
 */
#include "report.h"

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fileio.h"
#include "../base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_LIMIT (1024u * 1024)

static void json_drop(json_t **value)
{
    json_decref(*value);
}

json_t *report_text_json(const char *text, size_t len)
{
    json_t *value = json_stringn(text, len);

    if (value != NULL) {
        return value;
    }
    size_t room = 4 * len + 8;
    CLEANUP(free_ptr) char *escaped = malloc(room);
    return escaped == NULL ? NULL : json_string(str_escape(text, len, escaped, room));
}

json_t *report_error_json(const struct sme_error *failure)
{
    return json_pack("{s:s, s:i, s:o, s:o}", "status", error_status_name(failure->status), "exit",
                     (int)error_exit_code(failure->status), "message",
                     report_text_json(failure->message, strlen(failure->message)), "hint",
                     report_text_json(failure->hint, strlen(failure->hint)));
}

static void set_number(json_t *object, const char *name, uint64_t value)
{
    (void)json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void set_time(json_t *object, const char *name, int64_t ns)
{
    char text[21];

    clock_iso(ns / NS_PER_SEC, text);
    (void)json_object_set_new(object, name, json_string(text));
}

/* The job without its problems. */
static json_t *job_json(const struct job_report *report)
{
    const struct backup_counts *c = &report->counts;
    const struct store_meter *m = &report->requests;
    json_t *job = json_object();
    json_t *requests = json_object();
    bool committed = report->word == JOB_COMPLETE || report->word == JOB_INCOMPLETE;

    if (job == NULL || requests == NULL) {
        json_decref(job);
        json_decref(requests);
        return NULL;
    }
    (void)json_object_set_new(job, "source", json_string(report->source));
    (void)json_object_set_new(job, "sink", json_string(report->sink));
    (void)json_object_set_new(job, "status", json_string(report_word(report->word)));
    set_number(job, "exit", (uint64_t)report->exit);
    (void)json_object_set_new(
        job, "snapshot", report->snapshot[0] != '\0' ? json_string(report->snapshot) : json_null());
    (void)json_object_set_new(job, "dry_run", json_boolean(report->dry_run));
    set_time(job, "started", report->started_ns);
    set_time(job, "finished", report->started_ns + report->elapsed_ns);
    (void)json_object_set_new(job, "seconds", json_real((double)report->elapsed_ns / 1e9));
    set_number(job, "items", c->items);
    set_number(job, "files", c->files);
    set_number(job, "directories", c->directories);
    set_number(job, "bytes", c->bytes);
    set_number(job, "changed", c->changed);
    set_number(job, "bytes_read", c->bytes_read);
    set_number(job, "bytes_new", c->bytes_new);
    set_number(job, "bytes_stored", c->bytes_stored);
    set_number(job, "failed", c->failed);
    set_number(job, "changed_while_read", c->changed_while_read);
    set_number(job, "vanished", c->vanished);
    set_number(job, "rot", c->rot);
    set_number(job, "damaged", c->damaged);
    set_number(job, "skipped", c->skipped);
    set_number(job, "data_packs", c->data_packs);
    set_number(job, "meta_packs", c->meta_packs);
    set_number(requests, "put", m->put);
    set_number(requests, "get", m->get);
    set_number(requests, "list", m->list);
    set_number(requests, "head", m->head);
    set_number(requests, "delete", m->remove);
    set_number(requests, "retries", m->retries);
    set_number(requests, "bytes_put", m->bytes_put);
    set_number(requests, "bytes_got", m->bytes_got);
    (void)json_object_set_new(job, "requests", requests);
    (void)json_object_set_new(job, "cost_usd",
                              report->has_cost ? json_real((double)report->nano_usd / 1e9)
                                               : json_null());
    if (!committed) {
        (void)json_object_set_new(job, "error", report_error_json(&report->error));
    } else if (report->warning[0] != '\0') {
        (void)json_object_set_new(job, "warning",
                                  report_text_json(report->warning, strlen(report->warning)));
    }
    return job;
}

json_t *report_json(const struct job_report *report)
{
    json_t *job = job_json(report);
    json_t *problems = json_array();

    if (job == NULL || problems == NULL) {
        json_decref(job);
        json_decref(problems);
        return NULL;
    }
    for (size_t i = 0; i < report->problem_count; i++) {
        const struct job_problem *p = &report->problems[i];
        (void)json_array_append_new(
            problems, json_pack("{s:s, s:o, s:o}", "kind", report_problem_name(p->kind), "path",
                                report_text_json(p->path, strlen(p->path)), "text",
                                report_text_json(p->text, strlen(p->text))));
    }
    set_number(job, "problem_count", report_problem_total(report));
    (void)json_object_set_new(job, "problems", problems);
    return job;
}

static char *status_path(const char *state_dir, const char *source)
{
    return str_format("%s/status/%s.json", state_dir, source);
}

/* The status file as it is, or NULL. */
static json_t *load_status(const char *state_dir, const char *source)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(STATUS_LIMIT);
    CLEANUP(free_ptr) char *path = status_path(state_dir, source);
    struct sme_error ignored = SME_ERROR_INIT;

    if (path == NULL || io_load(AT_FDCWD, path, &text, &ignored) < 0) {
        return NULL;
    }
    return json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
}

int report_save(const char *state_dir, const struct job_report *report, struct sme_error *err)
{
    CLEANUP(free_ptr) char *folder = str_format("%s/status", state_dir);
    CLEANUP(free_ptr) char *path = status_path(state_dir, report->source);
    CLEANUP(json_drop) json_t *before = load_status(state_dir, report->source);
    CLEANUP(json_drop)
    json_t *now = json_pack("{s:i, s:s, s:{}}", "schema", 1, "source", report->source, "sinks");
    json_t *job = job_json(report);

    if (folder == NULL || path == NULL || now == NULL || job == NULL) {
        json_decref(job);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the status file");
    }
    json_t *old_sinks = json_object_get(before, "sinks");
    json_t *sinks = json_object_get(now, "sinks");
    json_t *last = json_object_get(json_object_get(old_sinks, report->sink), "last_committed");
    if (json_is_object(old_sinks)) {
        (void)json_object_update(sinks, old_sinks);
    }
    if (report->snapshot[0] != '\0') {
        last = json_object();
        (void)json_object_set_new(last, "snapshot", json_string(report->snapshot));
        set_time(last, "finished", report->started_ns + report->elapsed_ns);
        set_number(last, "items", report->counts.items);
        set_number(last, "bytes", report->counts.bytes);
        (void)json_object_set_new(job, "last_committed", last);
    } else if (json_is_object(last)) {
        (void)json_object_set(job, "last_committed", last);
    }
    (void)json_object_set_new(sinks, report->sink, job);
    CLEANUP(free_ptr) char *text = json_dumps(now, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    if (text == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the status file");
    }
    int status = io_make_dirs(folder, 0700, err);
    return status < 0 ? status : io_replace(path, text, strlen(text), 0600, err);
}

bool report_previous(const char *state_dir, const char *source, const char *sink,
                     struct backup_counts *ret_counts)
{
    CLEANUP(json_drop) json_t *status = load_status(state_dir, source);
    json_t *last =
        json_object_get(json_object_get(json_object_get(status, "sinks"), sink), "last_committed");
    json_int_t items = json_integer_value(json_object_get(last, "items"));
    json_int_t bytes = json_integer_value(json_object_get(last, "bytes"));

    if (items <= 0 || bytes < 0) {
        return false;
    }
    memset(ret_counts, 0, sizeof *ret_counts);
    ret_counts->items = (uint64_t)items;
    ret_counts->bytes = (uint64_t)bytes;
    return true;
}
