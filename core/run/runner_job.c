/*
 * One job of a run, as a state machine that never waits.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "runner_job.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "lockfile.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_GRACE_NS (10 * NS_PER_SEC)
#define CANCEL_GRACE_NS (60 * NS_PER_SEC)
#define HOOK_TIMEOUT_MS (UINT64_C(3600) * 1000) /* where the source sets none */

void job_init(struct job *job, const struct run_request *run, size_t number,
              const struct conf_source *source, const struct conf_sink *sink)
{
    memset(job, 0, sizeof *job);
    job->run = run;
    job->number = number;
    job->source = source;
    job->sink = sink;
    job->lock_fd = job->worker.fd = job->worker.pidfd = job->output.fd = -1;
    (void)snprintf(job->report.source, sizeof job->report.source, "%s", source->name);
    (void)snprintf(job->report.sink, sizeof job->report.sink, "%s", sink->name);
    job->report.dry_run = run->dry_run;
    job->report.many_sinks = source->sink.count > 1;
}

static void forget_worker(struct job *job)
{
    close_fd(&job->worker.fd);
    close_fd(&job->worker.pidfd);
    close_fd(&job->output.fd);
    job->output.fd = -1;
    plugin_calls_free(job->worker.calls);
    job->worker.calls = NULL;
    job->worker.fd = job->worker.pidfd = -1;
    job->worker.pid = 0;
}

void job_done(struct job *job)
{
    if (job->worker.pid > 0) {
        (void)kill(-job->worker.pid, SIGKILL);
        (void)waitpid(job->worker.pid, NULL, 0);
    }
    forget_worker(job);
    hooks_free(job->hooks);
    lockfile_release(job->lock_fd);
    report_done(&job->report);
}

static void emit(struct job *job, struct run_event event)
{
    event.job = job->number;
    event.report = &job->report;
    event.elapsed_ns = clock_monotonic_ns() - job->began_at;
    if (job->run->event != NULL) {
        job->run->event(job->run->cookie, &event);
    }
}

/* ---- the end ------------------------------------------------------------------------------ */

static void finish(struct job *job)
{
    struct sme_error failure = SME_ERROR_INIT;
    const char *state_dir = job->run->conf->core.state_dir;

    job->phase = JOB_DONE;
    job->report.elapsed_ns = clock_monotonic_ns() - job->began_at;
    if (!job->run->dry_run && job->report.word != JOB_BUSY &&
        report_save(state_dir, &job->report, &failure) < 0) {
        (void)error_context(&failure, "status file not written");
        log_failure(LOG_LEVEL_WARN, job->source->name, &failure);
    }
    report_log(&job->report);
    lockfile_release(job->lock_fd);
    job->lock_fd = -1;
    emit(job, (struct run_event){.kind = RUN_FINISHED});
}

/* Begin the hooks of ${phase}; false if there are none. */
static bool begin_hooks(struct job *job, enum job_phase phase, const struct sme_list *commands,
                        const char *kind, struct sme_error *err)
{
    const struct job_report *report = &job->report;
    bool over = phase != JOB_BEFORE;
    const struct hooks_request request = {
        .commands = commands,
        .kind = kind,
        .stop_at_failure = !over,
        .timeout_ms = job->source->timeout > 0 ? job->source->timeout : HOOK_TIMEOUT_MS,
        .source = job->source->name,
        .sink = job->sink->name,
        .status = over ? report_word(report->word) : NULL,
        .snapshot = over ? report->snapshot : NULL,
        .message = over ? report->error.message : NULL,
    };

    if (commands->count == 0 || job->run->dry_run) {
        return false;
    }
    hooks_free(job->hooks);
    job->hooks = NULL;
    if (hooks_new(&request, &job->hooks, err) < 0) {
        return false;
    }
    job->phase = phase;
    return true;
}

static void go_on_failure(struct job *job)
{
    struct sme_error failure = SME_ERROR_INIT;
    bool failed = job->report.word == JOB_FAILED || job->report.word == JOB_CANCELLED;

    if (!failed ||
        !begin_hooks(job, JOB_ON_FAILURE, &job->source->on_failure, "on_failure", &failure)) {
        if (failure.status < 0) {
            log_failure(LOG_LEVEL_WARN, job->source->name, &failure);
        }
        finish(job);
    }
}

/* A snapshot stays good when a hook fails behind it, but nobody may overlook that. */
static void note_after_failure(struct job *job, const struct sme_error *failure)
{
    struct job_report *report = &job->report;

    log_failure(LOG_LEVEL_WARN, job->source->name, failure);
    if (report->word == JOB_COMPLETE || report->word == JOB_INCOMPLETE) {
        (void)snprintf(report->warning, sizeof report->warning, "%s", failure->message);
        report->exit = error_worse_exit(report->exit, EXIT_INCOMPLETE);
    }
}

static void go_after(struct job *job)
{
    struct sme_error failure = SME_ERROR_INIT;

    if (!begin_hooks(job, JOB_AFTER, &job->source->after, "after", &failure)) {
        if (failure.status < 0) {
            note_after_failure(job, &failure);
        }
        go_on_failure(job);
    }
}

static void fail_job(struct job *job, const struct sme_error *failure)
{
    report_fail(&job->report, failure);
    go_after(job);
}

/* ---- the worker --------------------------------------------------------------------------- */

/* Descriptors of the other jobs: their locks would outlive them in this job's worker. */
static size_t foreign_fds(const struct job *job, const struct job *all, size_t count, int *out)
{
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        struct pollfd hook[HOOKS_FDS] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
        if (&all[i] == job || !job_is_active(&all[i])) {
            continue;
        }
        if (all[i].hooks != NULL) {
            hooks_poll(all[i].hooks, hook);
        }
        const int fds[] = {all[i].lock_fd, all[i].worker.fd, all[i].worker.pidfd, all[i].output.fd,
                           hook[0].fd,     hook[1].fd,       hook[2].fd};
        for (size_t k = 0; k < sizeof fds / sizeof fds[0]; k++) {
            if (fds[k] >= 0) {
                out[used++] = fds[k];
            }
        }
    }
    return used;
}

static void go_work(struct job *job, const struct job *all, size_t count)
{
    struct sme_error failure = SME_ERROR_INIT;
    CLEANUP(free_ptr) int *foreign = calloc(7 * count, sizeof *foreign);

    if (foreign == NULL) {
        (void)sme_fail(&failure, SME_E_NO_MEMORY, "no memory to start a worker");
        fail_job(job, &failure);
        return;
    }
    const struct worker_request request = {
        .conf = job->run->conf,
        .source = job->source,
        .sink = job->sink,
        .dry_run = job->run->dry_run,
        .read_all = job->run->read_all,
        .progress = job->run->progress,
        .lock_fd = job->lock_fd,
        .foreign = foreign,
        .foreign_count = foreign_fds(job, all, count, foreign),
    };
    if (worker_start(&request, &job->worker, &failure) < 0) {
        fail_job(job, &failure);
        return;
    }
    job->output = (struct worker_output){.fd = job->worker.output};
    job->phase = JOB_WORKING;
    if (job->source->timeout > 0) {
        job->stop_at = clock_monotonic_ns() + (int64_t)job->source->timeout * 1000000;
    }
}

static void keep_problem(struct job *job, const struct worker_message *message)
{
    struct job_report *report = &job->report;
    size_t count = report->problem_count;

    if (count >= SNAPSHOT_PROBLEMS_MAX) {
        return;
    }
    struct job_problem *grown = realloc(report->problems, (count + 1) * sizeof *grown);
    if (grown == NULL) {
        return;
    }
    report->problems = grown;
    grown[count].kind = (uint8_t)message->sub;
    memcpy(grown[count].path, message->u.problem.path, sizeof grown[count].path);
    memcpy(grown[count].text, message->u.problem.text, sizeof grown[count].text);
    report->problem_count++;
}

static void take_message(struct job *job, const struct worker_message *message)
{
    switch (message->kind) {
    case WORKER_PROGRESS:
        job->report.counts = message->u.progress;
        emit(job, (struct run_event){.kind = RUN_PROGRESS, .counts = &job->report.counts});
        break;
    case WORKER_LOG:
        log_line((int)message->sub, job->source->name, "%s", message->u.line);
        emit(job, (struct run_event){
                      .kind = RUN_MESSAGE, .level = (int)message->sub, .text = message->u.line});
        break;
    case WORKER_PROBLEM:
        keep_problem(job, message);
        break;
    case WORKER_COMMITTED:
        job->has_commit = true;
        job->result = *message;
        break;
    case WORKER_RESULT:
        job->has_result = true;
        job->result = *message;
        break;
    default:
        break;
    }
}

static void take_line(void *cookie, const char *text)
{
    struct job *job = cookie;
    char line[OUTPUT_LINE + 40];

    (void)snprintf(line, sizeof line, "printed by a plugin: %s", text);
    log_line(LOG_LEVEL_WARN, job->source->name, "%s", line);
    emit(job, (struct run_event){.kind = RUN_MESSAGE, .level = LOG_LEVEL_WARN, .text = line});
}

static void take_messages(struct job *job)
{
    struct worker_message message;
    int got = 0;

    worker_output_drain(&job->output, take_line, job);

    while (!job->silent && (got = worker_receive(&job->worker, &message)) != 0) {
        if (got < 0) {
            job->silent = true;
        } else {
            take_message(job, &message);
        }
    }
}

/* Why there is no result. */
static void describe_loss(const struct job *job, int wait_status, struct sme_error *failure)
{
    const char *plugin = job->source->plugin;
    char limit[16];

    if (job->timed_out) {
        (void)sme_fail(failure, SME_E_IO, "took longer than its timeout of %s and was ended%s",
                       str_duration((int64_t)job->source->timeout * 1000000, limit), job->during);
        (void)error_hint(failure, "raise 'timeout' of [source %s], or find out what hangs",
                         job->source->name);
    } else if (job->told_to_stop) {
        (void)sme_fail(failure, SME_E_CANCELLED, "cancelled by signal %d", cancel_signal());
    } else if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL) {
        (void)sme_fail(failure, SME_E_IO, "worker of plugin '%s' was killed (signal 9)%s", plugin,
                       job->during);
        (void)error_hint(failure, "somebody killed it, or the system ran out of memory (see "
                                  "dmesg); earlier snapshots are not affected");
    } else if (WIFSIGNALED(wait_status)) {
        (void)sme_fail(failure, SME_E_IO, "worker of plugin '%s' crashed (signal %d, %s)%s", plugin,
                       WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)), job->during);
        (void)error_hint(failure, "earlier snapshots are not affected; report it to the author "
                                  "of the plugin");
    } else {
        (void)sme_fail(failure, SME_E_IO,
                       "worker of plugin '%s' ended with status %d and no result%s", plugin,
                       WEXITSTATUS(wait_status), job->during);
        (void)error_hint(failure, "see the log for what it said; report it to the author of the "
                                  "plugin");
    }
}

static void take_requests(struct job *job)
{
    job->report.requests = job->result.u.result.requests;
    job->report.has_cost = job->result.u.result.has_cost && job->result.u.result.nano_usd >= 0;
    job->report.nano_usd = job->result.u.result.nano_usd;
}

static void accept_commit(struct job *job, int wait_status)
{
    struct job_report *report = &job->report;

    report->counts = job->result.u.result.counts;
    take_requests(job);
    memcpy(report->snapshot, job->result.u.result.snapshot, sizeof report->snapshot);
    report->word = job->result.sub == SNAPSHOT_COMPLETE ? JOB_COMPLETE : JOB_INCOMPLETE;
    report->exit = report->word == JOB_COMPLETE ? EXIT_DONE : EXIT_INCOMPLETE;
    if (wait_status != 0 || !job->has_result) {
        struct sme_error failure = SME_ERROR_INIT;
        describe_loss(job, wait_status, &failure);
        (void)snprintf(report->warning, sizeof report->warning, "%.500s", failure.message);
        report->exit = error_worse_exit(report->exit, EXIT_INCOMPLETE);
    }
}

static void judge(struct job *job, int wait_status)
{
    struct sme_error failure = SME_ERROR_INIT;

    bool is_told = job->has_result || job->has_commit;

    if (is_told && job->result.u.result.error.status >= 0) {
        accept_commit(job, wait_status);
        go_after(job);
        return;
    }
    if (job->has_result) {
        failure = job->result.u.result.error;
        take_requests(job);
    }
    if (!job->has_result || (job->timed_out && failure.status == SME_E_CANCELLED)) {
        describe_loss(job, wait_status, &failure);
    }
    fail_job(job, &failure);
}

/* End what does not end by itself. */
static void watch_time(struct job *job)
{
    int64_t now = clock_monotonic_ns();

    if (job->kill_at != 0) {
        if (now >= job->kill_at) {
            (void)kill(-job->worker.pid, SIGKILL);
        }
        return;
    }
    if (cancel_requested()) {
        job->told_to_stop = true;
        job->kill_at = now + CANCEL_GRACE_NS;
    } else if (job->stop_at != 0 && now >= job->stop_at) {
        job->timed_out = true;
        job->kill_at = now + TIMEOUT_GRACE_NS;
    } else {
        return;
    }
    /* Only the worker: it ends the programs that its plugin has started in good order.  One that
     * was stopped hears nothing until it goes on. */
    (void)kill(job->worker.pid, SIGTERM);
    (void)kill(job->worker.pid, SIGCONT);
}

static void step_worker(struct job *job)
{
    siginfo_t info = {.si_pid = 0};
    int wait_status = 0;

    take_messages(job);
    if (waitid(P_PID, (id_t)job->worker.pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid == 0) {
        watch_time(job);
        return;
    }
    /* Not reaped yet, so the group's number is still its own: nothing may stay behind. */
    (void)kill(-job->worker.pid, SIGKILL);
    while (waitpid(job->worker.pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    take_messages(job);
    worker_output_close(&job->output, take_line, job);
    (void)plugin_calls_describe(job->worker.calls, job->source->plugin, job->sink->plugin,
                                job->during, sizeof job->during);
    forget_worker(job);
    judge(job, wait_status);
}

/* ---- all phases --------------------------------------------------------------------------- */

void job_start(struct job *job, const struct job *all, size_t count)
{
    struct sme_error failure = SME_ERROR_INIT;

    job->began_at = clock_monotonic_ns();
    job->report.started_ns = clock_realtime_ns();
    emit(job, (struct run_event){.kind = RUN_STARTED});
    if (lockfile_take(job->run->conf->core.state_dir, job->source->name, &job->lock_fd, &failure) <
        0) {
        report_fail(&job->report, &failure);
        if (failure.status == SME_E_BUSY) {
            finish(job);
        } else {
            go_on_failure(job);
        }
    } else if (!begin_hooks(job, JOB_BEFORE, &job->source->before, "before", &failure)) {
        if (failure.status < 0) {
            fail_job(job, &failure);
        } else {
            go_work(job, all, count);
        }
    }
}

void job_step(struct job *job, const struct job *all, size_t count)
{
    enum job_phase before;

    do {
        struct sme_error failure = SME_ERROR_INIT;
        int left = 0;
        before = job->phase;
        switch (job->phase) {
        case JOB_BEFORE:
            left = hooks_step(job->hooks, cancel_requested(), &failure);
            if (left < 0) {
                fail_job(job, &failure);
            } else if (left == 0) {
                go_work(job, all, count);
            }
            break;
        case JOB_WORKING:
            step_worker(job);
            break;
        case JOB_AFTER:
            left = hooks_step(job->hooks, false, &failure);
            if (left < 0) {
                note_after_failure(job, &failure);
            }
            if (left <= 0) {
                go_on_failure(job);
            }
            break;
        case JOB_ON_FAILURE:
            left = hooks_step(job->hooks, false, &failure);
            if (left < 0) {
                log_failure(LOG_LEVEL_WARN, job->source->name, &failure);
            }
            if (left <= 0) {
                finish(job);
            }
            break;
        case JOB_WAITING:
        case JOB_DONE:
        default:
            break;
        }
    } while (job->phase != before);
}

void job_cancel_waiting(struct job *job)
{
    struct sme_error failure = SME_ERROR_INIT;

    job->began_at = clock_monotonic_ns();
    job->report.started_ns = clock_realtime_ns();
    (void)sme_fail(&failure, SME_E_CANCELLED, "cancelled by signal %d before it began",
                   cancel_signal());
    report_fail(&job->report, &failure);
    finish(job);
}

void job_poll(const struct job *job, struct pollfd fds[JOB_FDS])
{
    for (size_t i = 0; i < JOB_FDS; i++) {
        fds[i] = (struct pollfd){.fd = -1};
    }
    if (job->phase == JOB_WORKING) {
        fds[0] = (struct pollfd){.fd = job->silent ? -1 : job->worker.fd, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = job->worker.pidfd, .events = POLLIN};
        fds[2] = (struct pollfd){.fd = job->output.fd, .events = POLLIN};
    } else if (job_is_active(job)) {
        hooks_poll(job->hooks, fds);
    }
}
