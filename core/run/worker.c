/*
 * The process that does one job: made by fork, watched over a socket.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "worker.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/hex.h"
#include "../base/log.h"
#include "../base/secret.h"
#include "../base/str.h"
#include "lockfile.h"
#include "worker_guard.h"
#include "worker_user.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the worker's messages go; a worker has one job, and so one socket. */
static int socket_fd = -1;

/* Present in builds that count executed lines only: _exit() would lose the counts. */
extern void __gcov_dump(void) __attribute__((weak));

/* ---- in the worker ------------------------------------------------------------------------ */

/* True if the message is on its way. */
static bool send_message(const struct worker_message *message, int flags)
{
    ssize_t sent;

    do {
        sent = send(socket_fd, message, sizeof *message, flags | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof *message;
}

static void send_log(const char *instance, int level, const char *text)
{
    struct worker_message message = {.kind = WORKER_LOG, .sub = (uint32_t)level};

    (void)snprintf(message.u.line, sizeof message.u.line, "%s", text);
    if (!send_message(&message, 0)) {
        log_line(level, instance, "%s", text);
    }
}

static void send_progress(void *cookie, const struct backup_counts *counts)
{
    struct worker_message message = {.kind = WORKER_PROGRESS, .u = {.progress = *counts}};

    /* A reader that is behind gets newer numbers later. */
    (void)cookie;
    (void)send_message(&message, MSG_DONTWAIT);
}

static void send_problems(const struct backup_result *result)
{
    for (size_t i = 0; i < result->problem_count; i++) {
        const struct snapshot_problem *problem = &result->problems[i];
        struct worker_message message = {.kind = WORKER_PROBLEM, .sub = problem->kind};

        (void)str_escape(problem->path, problem->path_len, message.u.problem.path,
                         sizeof message.u.problem.path);
        (void)str_escape(problem->text, strlen(problem->text), message.u.problem.text,
                         sizeof message.u.problem.text);
        if (!send_message(&message, 0)) {
            return;
        }
    }
}

static void send_result(uint32_t kind, const struct backup_result *result,
                        const struct sme_error *failure)
{
    struct worker_message message = {.kind = kind, .sub = result->status};

    message.u.result.error = *failure;
    message.u.result.counts = result->counts;
    message.u.result.requests = result->requests;
    message.u.result.has_cost = result->has_cost;
    message.u.result.nano_usd = result->nano_usd;
    (void)snprintf(message.u.result.snapshot, sizeof message.u.result.snapshot, "%s",
                   result->snapshot);
    (void)send_message(&message, 0);
}

/* What the backup calls back with. */
struct job_cookie {
    bool is_told; /* problems and commit */
};

static int may_commit(void *cookie, struct sme_error *err)
{
    (void)cookie;
    return worker_guard_check(err);
}

/* Told at once: a plugin that fails from here on does not undo the snapshot. */
static void send_committed(void *cookie, const struct backup_result *result)
{
    struct job_cookie *job = cookie;
    const struct sme_error none = SME_ERROR_INIT;

    send_problems(result);
    send_result(WORKER_COMMITTED, result, &none);
    job->is_told = true;
}

/* The folders that the source's user must be able to write. */
static int become_user(const struct worker_request *request, const struct access *access,
                       struct sme_error *err)
{
    char id[2 * sizeof access->keys.repository + 1];

    hex_encode(access->keys.repository, sizeof access->keys.repository, id);
    CLEANUP(free_ptr)
    char *cache = str_format("%s/%s/%s", request->conf->core.cache_dir, id, request->source->name);
    CLEANUP(free_ptr)
    char *state = str_format("%s/sources/%s", request->conf->core.state_dir, request->source->name);
    if (cache == NULL || state == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for folder names");
    }
    const char *folders[] = {cache, state};
    int status = worker_become_user(request->source->user, folders, 2, err);
    if (status == SME_OK) {
        /* Both are undone by a change of the user. */
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        secret_harden_process();
    }
    return status;
}

static int do_job(const struct worker_request *request, struct backup_result *result,
                  struct sme_error *err)
{
    CLEANUP(access_close) struct access access = {.plugin = NULL};
    struct job_cookie cookie = {.is_told = false};

    int status = access_open(request->conf, request->sink, &access, err);
    if (status == SME_OK && request->source->user != NULL) {
        status = become_user(request, &access, err);
    }
    if (status < 0) {
        return status;
    }
    const struct backup_request backup = {
        .conf = request->conf,
        .source = request->source,
        .access = &access,
        .dry_run = request->dry_run,
        .read_all = request->read_all,
        .progress = request->progress ? send_progress : NULL,
        .may_commit = may_commit,
        .committed = send_committed,
        .cookie = &cookie,
    };
    status = backup_run(&backup, result, err);
    if (status == SME_OK && !cookie.is_told) {
        send_problems(result);
    }
    return status;
}

static void settle_in(const struct worker_request *request, pid_t parent, int output)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (size_t i = 0; i < request->foreign_count; i++) {
        (void)close(request->foreign[i]);
    }
    /* A group of its own: Ctrl-C reaches the parent, which asks for an orderly end. */
    (void)setpgid(0, 0);
    cancel_reset();
    cancel_install();
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        cancel_request(SIGTERM);
    }
    secret_harden_process();
    if (null_fd >= 0) {
        (void)dup2(null_fd, STDIN_FILENO);
    }
    /* Standard output is the command's; whatever a library prints is not part of it. */
    (void)dup2(output, STDOUT_FILENO);
    (void)dup2(output, STDERR_FILENO);
    log_set_stderr(0);
    plugin_set_log(send_log);
    if (request->lock_fd >= 0) {
        lockfile_note(request->lock_fd, parent, getpid());
    }
    const int fds[] = {socket_fd, request->lock_fd};
    worker_guard_begin(request->conf->core.memory_limit, fds, sizeof fds / sizeof fds[0]);
}

static _Noreturn void worker_main(const struct worker_request *request, pid_t parent,
                                  const sigset_t *signals, int output)
{
    struct backup_result result = {.status = SNAPSHOT_COMPLETE};
    struct sme_error failure = SME_ERROR_INIT;

    settle_in(request, parent, output);
    (void)sigprocmask(SIG_SETMASK, signals, NULL);
    worker_guard_watch(socket_fd);
    failure.status = do_job(request, &result, &failure);
    send_result(WORKER_RESULT, &result, &failure);
    backup_result_free(&result);
    if (__gcov_dump != NULL) {
        __gcov_dump();
    }
    _exit(0);
}

/* ---- in the parent ------------------------------------------------------------------------ */

int worker_start(const struct worker_request *request, struct worker *ret_worker,
                 struct sme_error *err)
{
    int ends[2];
    int output[2];
    sigset_t blocked;
    sigset_t before;
    pid_t parent = getpid();

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        return error_errno(err, "cannot make a socket for the worker");
    }
    if (pipe2(output, O_CLOEXEC) < 0 || fcntl(output[0], F_SETFL, O_NONBLOCK) < 0) {
        int failure = errno;
        (void)close(ends[0]);
        (void)close(ends[1]);
        errno = failure;
        return error_errno(err, "cannot make a pipe for the worker");
    }
    struct plugin_calls *calls = plugin_calls_new();
    /* A signal between fork and the worker's own handlers would set the parent's flag. */
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigaddset(&blocked, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &blocked, &before);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        (void)close(output[0]);
        socket_fd = ends[1];
        plugin_calls_use(calls);
        worker_main(request, parent, &before, output[1]);
    }
    int saved = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(ends[1]);
    (void)close(output[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        (void)close(output[0]);
        plugin_calls_free(calls);
        errno = saved;
        return error_errno(err, "cannot start a worker process");
    }
    (void)setpgid(pid, pid);
    ret_worker->pid = pid;
    ret_worker->fd = ends[0];
    ret_worker->output = output[0];
    ret_worker->calls = calls;
    ret_worker->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return SME_OK;
}

/* Bytes of a worker that may have gone wild: only what fits. */
static bool message_fits(struct worker_message *message)
{
    switch (message->kind) {
    case WORKER_PROGRESS:
        return true;
    case WORKER_LOG:
        message->u.line[sizeof message->u.line - 1] = '\0';
        return message->sub >= LOG_LEVEL_ERROR && message->sub <= LOG_LEVEL_DEBUG;
    case WORKER_PROBLEM:
        message->u.problem.path[sizeof message->u.problem.path - 1] = '\0';
        message->u.problem.text[sizeof message->u.problem.text - 1] = '\0';
        return message->sub >= PROBLEM_FAILED && message->sub <= PROBLEM_DAMAGED;
    case WORKER_COMMITTED:
    case WORKER_RESULT: {
        struct sme_error *failure = &message->u.result.error;
        char *snapshot = message->u.result.snapshot;
        failure->struct_size = sizeof *failure;
        failure->message[sizeof failure->message - 1] = '\0';
        failure->hint[sizeof failure->hint - 1] = '\0';
        snapshot[sizeof message->u.result.snapshot - 1] = '\0';
        return message->sub <= SNAPSHOT_INCOMPLETE &&
               (snapshot[0] == '\0' || objkey_is_snapshot_name(snapshot));
    }
    default:
        return false;
    }
}

int worker_receive(const struct worker *worker, struct worker_message *ret_message)
{
    ssize_t got;

    do {
        got = recv(worker->fd, ret_message, sizeof *ret_message, MSG_DONTWAIT | MSG_TRUNC);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return 0;
    }
    return got == (ssize_t)sizeof *ret_message && message_fits(ret_message) ? 1 : -1;
}
