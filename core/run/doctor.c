/*
 * Examining this host and the repositories that it backs up to: the repositories.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "doctor.h"

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fileio.h"
#include "../plugin/plugin_dirs.h"
#include "../repo/snapshot.h"
#include "../repo/store_place.h"
#include "access.h"
#include "doctor_internal.h"
#include "place.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_SEC 3600
#define DAY_SEC 86400
#define AGE_WARN_SEC (26 * HOUR_SEC) /* a nightly run, and some delay */
#define AGE_FAIL_SEC (7 * DAY_SEC)
/* Above the first a person should know; above the second this host may not prune. */
#define SKEW_NOTE_SEC 60
#define SKEW_WARN_SEC (5 * 60)

/* ---- findings ----------------------------------------------------------------------------- */

void doctor_say(struct doctor *doctor, uint32_t level, const char *subject, const char *fix,
                const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const struct sme_finding finding = {
        .struct_size = sizeof finding,
        .level = level,
        .subject = subject,
        .text = text,
        .fix = fix != NULL ? fix : "",
    };
    if (level == SME_FINDING_FAIL && doctor->exit == EXIT_DONE) {
        doctor->exit = EXIT_FAILED;
    }
    (void)doctor->request->report(doctor->request->cookie, &finding);
}

static int exit_rank(enum exit_code code)
{
    return code == EXIT_DAMAGED       ? 4
           : code == EXIT_KEY         ? 3
           : code == EXIT_UNREACHABLE ? 2
           : code == EXIT_DONE        ? 0
                                      : 1;
}

void doctor_fail(struct doctor *doctor, const char *subject, const struct sme_error *failure)
{
    enum exit_code code = error_exit_code(failure->status);

    doctor_say(doctor, SME_FINDING_FAIL, subject, failure->hint, "%s", failure->message);
    if (exit_rank(code) > exit_rank(doctor->exit)) {
        doctor->exit = code;
    }
}

/* A finding of the sink's own. */
static int pass_on(void *cookie, const struct sme_finding *finding)
{
    struct doctor *doctor = cookie;

    if (finding->level == SME_FINDING_FAIL && doctor->exit == EXIT_DONE) {
        doctor->exit = EXIT_FAILED;
    }
    return doctor->request->report(doctor->request->cookie, finding);
}

/* ---- keys --------------------------------------------------------------------------------- */

/* Whoever may write to its folder can put another key file in its place. */
static int check_key_folder(const char *key_file, struct sme_error *err)
{
    CLEANUP(free_ptr) char *folder = plugin_folder_of(key_file);
    CLEANUP(close_fd) int fd = -1;

    if (folder == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the name of a folder");
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return sme_fail_errno(err, SME_E_KEY, "cannot open folder '%s'", folder);
    }
    return io_check_private(fd, folder, "folder of the key file", false, err);
}

static bool examine_keys(struct doctor *doctor, const struct conf_sink *sink,
                         struct keyring *ret_keys)
{
    struct sme_error failure = SME_ERROR_INIT;

    if (keyring_load(sink->key_file, ret_keys, &failure) < 0 ||
        check_key_folder(sink->key_file, &failure) < 0) {
        failure.status = failure.status == SME_E_NO_MEMORY ? failure.status : SME_E_KEY;
        doctor_fail(doctor, "key file", &failure);
        return false;
    }
    doctor_say(doctor, SME_FINDING_PASS, "key file", NULL, "'%s' is private (%s)", sink->key_file,
               ret_keys->has_reader ? "it can back up and restore"
                                    : "write-only: restores need the recovery kit");
    return true;
}

/* ---- clock -------------------------------------------------------------------------------- */

/* Now, by the store's clock if it has one. */
static int64_t examine_clock(struct doctor *doctor, struct store *store)
{
    struct sme_error failure = SME_ERROR_INIT;
    int64_t here = clock_realtime_ns();
    int64_t there = 0;

    int status = store_server_time(store, &there, &failure);
    if (status < 0) {
        if (status != SME_E_UNSUPPORTED) {
            doctor_fail(doctor, "clock", &failure);
        }
        return here / NS_PER_SEC;
    }
    /* The answer took time: the middle of it is what is compared. */
    here += (clock_realtime_ns() - here) / 2;
    int64_t skew = (here - there) / NS_PER_SEC;
    int64_t size = skew < 0 ? -skew : skew;
    const char *fix = "let chrony or systemd-timesyncd set the clock of this host";
    if (size <= SKEW_NOTE_SEC) {
        doctor_say(doctor, SME_FINDING_PASS, "clock", NULL, "within %d s of the sink's",
                   SKEW_NOTE_SEC);
    } else {
        doctor_say(doctor, size > SKEW_WARN_SEC ? SME_FINDING_WARN : SME_FINDING_NOTE, "clock", fix,
                   "%" PRId64 " s %s the sink's%s", size, skew < 0 ? "behind" : "ahead of",
                   size > SKEW_WARN_SEC ? ", which is too much to prune" : "");
    }
    return there / NS_PER_SEC;
}

/* ---- snapshots ---------------------------------------------------------------------------- */

static const char *age_text(int64_t seconds, char out[32])
{
    if (seconds < 2 * HOUR_SEC) {
        (void)snprintf(out, 32, "%" PRId64 " min", seconds / 60);
    } else if (seconds < 2 * DAY_SEC) {
        (void)snprintf(out, 32, "%" PRId64 " hours", seconds / HOUR_SEC);
    } else {
        (void)snprintf(out, 32, "%" PRId64 " days", seconds / DAY_SEC);
    }
    return out;
}

/* False if the age of the newest snapshot was found wrong, and said. */
static bool judge_age(struct doctor *doctor, const char *subject, const char *fix, const char *name,
                      int64_t age)
{
    int64_t most = doctor->request->max_age_sec;
    int64_t fail_at = most > 0 ? most : AGE_FAIL_SEC;
    int64_t warn_at = most > 0 ? most : AGE_WARN_SEC;
    char shown[32];

    if (age > warn_at) {
        doctor_say(doctor, age > fail_at ? SME_FINDING_FAIL : SME_FINDING_WARN, subject, fix,
                   "newest snapshot '%s' is %s old", name, age_text(age, shown));
        return false;
    }
    if (age < -SKEW_WARN_SEC) {
        doctor_say(doctor, SME_FINDING_WARN, subject,
                   "set the clock of the host that made it, and of this one",
                   "newest snapshot '%s' is of the future", name);
        return false;
    }
    return true;
}

static void examine_source(struct doctor *doctor, struct access *access, const char *source,
                           int64_t now)
{
    CLEANUP(snapshot_list_free) struct snapshot_list list = {.count = 0};
    CLEANUP(source_keys_done) struct source_keys keys = {.source = ""};
    struct sme_error failure = SME_ERROR_INIT;
    struct snapshot_head head;
    char subject[80], fix[160];

    (void)snprintf(subject, sizeof subject, "source %s", source);
    (void)snprintf(fix, sizeof fix, "see why in the log, then 'sme-backup run %s'", source);
    if (source_keys_derive(&access->keys, source, &keys, &failure) < 0 ||
        snapshot_list(access->repo, source, &list, &failure) < 0) {
        doctor_fail(doctor, subject, &failure);
        return;
    }
    if (list.count == 0) {
        doctor_say(doctor, SME_FINDING_FAIL, subject, fix, "it has no snapshot yet");
        return;
    }
    const struct snapshot_entry *newest = &list.at[list.count - 1];
    int64_t age = now - newest->time_sec;
    bool is_recent = judge_age(doctor, subject, fix, newest->name, age);
    if (snapshot_load_head(access->repo, &keys, newest->name, &head, &failure) < 0) {
        doctor_fail(doctor, subject, &failure);
    } else if (head.status != SNAPSHOT_COMPLETE) {
        doctor_say(
            doctor, SME_FINDING_WARN, subject, "the log names the items that failed or changed",
            "newest snapshot '%s' is incomplete (%" PRIu64 " items)", head.name, head.problems);
    } else if (is_recent) {
        char shown[32];
        doctor_say(doctor, SME_FINDING_PASS, subject, NULL,
                   "newest snapshot '%s' is complete and %s old", head.name,
                   age_text(age > 0 ? age : 0, shown));
    }
}

/* ---- a sink ------------------------------------------------------------------------------- */

static void examine_protections(struct doctor *doctor, const struct conf_sink *sink,
                                struct store *store)
{
    CLEANUP(place_done) struct place place = {.areas = NULL};
    struct sme_error failure = SME_ERROR_INIT;

    if (!store_can(store, STORE_AUDIT)) {
        doctor_say(doctor, SME_FINDING_NOTE, "protections", NULL,
                   "sinks of plugin '%s' cannot examine those of their place", store_plugin(store));
        return;
    }
    if (place_make(doctor->request->conf, sink, &place, &failure) < 0 ||
        store_audit(store, &place.layout, pass_on, doctor, &failure) < 0) {
        doctor_fail(doctor, "protections", &failure);
    }
}

/* False if nothing more can be learned from this sink. */
static bool examine_place(struct doctor *doctor, struct access *access)
{
    struct sme_error failure = SME_ERROR_INIT;

    int status = store_check(access->store, &failure);
    if (status < 0) {
        doctor_fail(doctor, "place", &failure);
        return status != SME_E_UNREACHABLE && status != SME_E_TRANSIENT &&
               status != SME_E_THROTTLED && status != SME_E_CANCELLED;
    }
    doctor_say(doctor, SME_FINDING_PASS, "place", NULL, "it is there and answers");
    return true;
}

static bool examine_repository(struct doctor *doctor, struct access *access)
{
    struct sme_error failure = SME_ERROR_INIT;
    char day[21];

    if (repo_open(access->store, &access->keys, &access->repo, &failure) < 0) {
        doctor_fail(doctor, "repository", &failure);
        return false;
    }
    clock_iso(access->repo->created_sec, day);
    doctor_say(doctor, SME_FINDING_PASS, "repository", NULL, "opens with the keys (made %.10s)",
               day);
    return true;
}

static void examine_sources(struct doctor *doctor, const struct conf_sink *sink,
                            struct access *access, int64_t now)
{
    const struct conf *conf = doctor->request->conf;
    size_t served = 0;

    for (size_t i = 0; i < conf->source_count; i++) {
        if (place_serves(conf, sink, &conf->sources[i])) {
            examine_source(doctor, access, conf->sources[i].name, now);
            served++;
        }
    }
    if (served == 0) {
        doctor_say(doctor, SME_FINDING_NOTE, "sources", NULL, "no source backs up to this sink");
    }
}

static void examine_sink(struct doctor *doctor, const struct conf_sink *sink)
{
    CLEANUP(access_close) struct access access = {.plugin = NULL};
    CLEANUP(keyring_done) struct keyring keys = {.has_reader = false};
    struct sme_error failure = SME_ERROR_INIT;

    doctor->request->about(doctor->request->cookie, sink->name);
    bool has_keys = examine_keys(doctor, sink, &keys);
    if (access_place(doctor->request->conf, sink, &access, &failure) < 0) {
        doctor_fail(doctor, "plugin", &failure);
        return;
    }
    if (has_keys) {
        access.keys = keys;
        memset(&keys, 0, sizeof keys);
    }
    if (!examine_place(doctor, &access)) {
        return;
    }
    int64_t now = examine_clock(doctor, access.store);
    if (has_keys && examine_repository(doctor, &access)) {
        examine_sources(doctor, sink, &access, now);
    }
    examine_protections(doctor, sink, access.store);
}

enum exit_code doctor_run(const struct doctor_request *request)
{
    struct doctor doctor = {.request = request, .exit = EXIT_DONE};

    request->about(request->cookie, NULL);
    doctor_host(&doctor);
    doctor_schedule(&doctor);
    for (size_t i = 0; i < request->sink_count; i++) {
        examine_sink(&doctor, request->sinks[i]);
    }
    return doctor.exit;
}
