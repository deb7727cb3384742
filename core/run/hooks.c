/*
 * Commands that a source runs before and after: no shell, a time limit, output to the log.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "hooks.h"

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/error.h"
#include "../base/log.h"
#include "../base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1000 /* longer lines of output are broken */
#define LINES_MAX 200       /* of one command; the rest is counted  */
#define GRACE_NS (10 * NS_PER_SEC)

/* One of the two outputs of the running command. */
struct hook_output {
    int fd;
    int level;
    size_t len;
    char line[LINE_MAX_BYTES + 1];
};

struct hooks {
    struct hooks_request request;
    char *texts[5]; /* copies that request points to */
    size_t next;    /* command to start next */
    bool stopped;   /* start no other */
    int result;
    struct sme_error error;
    /* Of the running command. */
    pid_t pid; /* 0: none */
    int pidfd;
    bool timed_out, cancelled;
    int64_t term_at, kill_at; /* monotonic, 0: not set */
    unsigned lines, dropped;
    char last_complaint[200];
    struct hook_output out, complaints;
};

static const char *copy_text(struct hooks *hooks, size_t slot, const char *text)
{
    if (text != NULL) {
        hooks->texts[slot] = strdup(text);
    }
    return hooks->texts[slot];
}

int hooks_new(const struct hooks_request *request, struct hooks **ret_hooks, struct sme_error *err)
{
    struct hooks *hooks = calloc(1, sizeof *hooks);

    if (hooks == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for hooks");
    }
    hooks->request = *request;
    hooks->request.source = copy_text(hooks, 0, request->source);
    hooks->request.sink = copy_text(hooks, 1, request->sink);
    hooks->request.status = copy_text(hooks, 2, request->status);
    hooks->request.snapshot = copy_text(hooks, 3, request->snapshot);
    hooks->request.message = copy_text(hooks, 4, request->message);
    hooks->error.struct_size = sizeof hooks->error;
    hooks->pidfd = -1;
    hooks->out = (struct hook_output){.fd = -1, .level = LOG_LEVEL_INFO};
    hooks->complaints = (struct hook_output){.fd = -1, .level = LOG_LEVEL_WARN};
    if (hooks->request.source == NULL || hooks->request.sink == NULL) {
        hooks_free(hooks);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for hooks");
    }
    *ret_hooks = hooks;
    return SME_OK;
}

static void forget_command(struct hooks *hooks)
{
    close_fd(&hooks->out.fd);
    close_fd(&hooks->complaints.fd);
    close_fd(&hooks->pidfd);
    hooks->out.fd = hooks->complaints.fd = hooks->pidfd = -1;
    hooks->out.len = hooks->complaints.len = 0;
    hooks->pid = 0;
}

void hooks_free(struct hooks *hooks)
{
    if (hooks == NULL) {
        return;
    }
    if (hooks->pid > 0) {
        (void)kill(-hooks->pid, SIGKILL);
        (void)waitpid(hooks->pid, NULL, 0);
    }
    forget_command(hooks);
    for (size_t i = 0; i < sizeof hooks->texts / sizeof hooks->texts[0]; i++) {
        free(hooks->texts[i]);
    }
    free(hooks);
}

void hooks_poll(const struct hooks *hooks, struct pollfd fds[HOOKS_FDS])
{
    fds[0] = (struct pollfd){.fd = hooks->out.fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = hooks->complaints.fd, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = hooks->pidfd, .events = POLLIN};
}

/* Keep the first failure. */
static void note_failure(struct hooks *hooks, const struct sme_error *failure)
{
    if (hooks->result == SME_OK) {
        hooks->result = failure->status;
        hooks->error = *failure;
    } else {
        log_failure(LOG_LEVEL_WARN, hooks->request.source, failure);
    }
    if (hooks->request.stop_at_failure || failure->status == SME_E_CANCELLED) {
        hooks->stopped = true;
    }
}

static void log_output(struct hooks *hooks, struct hook_output *output)
{
    output->line[output->len] = '\0';
    output->len = 0;
    if (output->level == LOG_LEVEL_WARN && output->line[0] != '\0') {
        (void)str_escape(output->line, strlen(output->line), hooks->last_complaint,
                         sizeof hooks->last_complaint);
    }
    if (hooks->lines >= LINES_MAX) {
        hooks->dropped++;
        return;
    }
    hooks->lines++;
    log_line(output->level, hooks->request.source, "%s: %s", hooks->request.kind, output->line);
}

/* Read what is there; true while more may come later. */
static bool drain(struct hooks *hooks, struct hook_output *output)
{
    char block[4096];

    while (output->fd >= 0) {
        ssize_t got = read(output->fd, block, sizeof block);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            return true;
        }
        if (got <= 0) {
            close_fd(&output->fd);
            output->fd = -1;
            break;
        }
        for (ssize_t i = 0; i < got; i++) {
            if (block[i] != '\n') {
                output->line[output->len++] = block[i];
            }
            if (block[i] == '\n' || output->len == LINE_MAX_BYTES) {
                log_output(hooks, output);
            }
        }
        /* A command that writes without end must not keep us here. */
        if (hooks->lines >= LINES_MAX && hooks->dropped > 100 * LINES_MAX) {
            return true;
        }
    }
    if (output->len > 0) {
        log_output(hooks, output);
    }
    return false;
}

static void set_environment(const struct hooks_request *request)
{
    (void)setenv("SME_BACKUP_SOURCE", request->source, 1);
    (void)setenv("SME_BACKUP_SINK", request->sink, 1);
    if (request->status != NULL) {
        (void)setenv("SME_BACKUP_STATUS", request->status, 1);
        (void)setenv("SME_BACKUP_SNAPSHOT", request->snapshot != NULL ? request->snapshot : "", 1);
        (void)setenv("SME_BACKUP_MESSAGE", request->message != NULL ? request->message : "", 1);
    }
}

/* In the child, up to the program.  ${report} is closed by exec, or gets errno. */
static _Noreturn void become(const struct hooks_request *request, char **words, int out,
                             int complaints, int report)
{
    sigset_t none;
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(complaints, STDERR_FILENO) >= 0) {
        set_environment(request);
        (void)execvp(words[0], words);
    }
    int failure = errno;
    (void)!write(report, &failure, sizeof failure);
    _exit(127);
}

static int make_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) < 0) {
        ends[0] = ends[1] = -1;
        return -1;
    }
    return 0;
}

/* 0: started; otherwise the failure is in ${err}. */
static int spawn(struct hooks *hooks, char **words, struct sme_error *err)
{
    int out[2] = {-1, -1};
    int complaints[2] = {-1, -1};
    int report[2] = {-1, -1};
    int failure = 0;
    pid_t pid = -1;

    if (make_pipe(out) == 0 && make_pipe(complaints) == 0 && make_pipe(report) == 0 &&
        fcntl(out[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(complaints[0], F_SETFL, O_NONBLOCK) == 0) {
        pid = fork();
    }
    if (pid == 0) {
        become(&hooks->request, words, out[1], complaints[1], report[1]);
    }
    int saved = errno;
    close_fd(&out[1]);
    close_fd(&complaints[1]);
    close_fd(&report[1]);
    if (pid > 0) {
        (void)setpgid(pid, pid);
        ssize_t got;
        do {
            got = read(report[0], &failure, sizeof failure);
        } while (got < 0 && errno == EINTR);
        if (got != (ssize_t)sizeof failure) {
            failure = 0;
        } else {
            (void)waitpid(pid, NULL, 0);
        }
    }
    close_fd(&report[0]);
    if (pid < 0 || failure != 0) {
        close_fd(&out[0]);
        close_fd(&complaints[0]);
        errno = failure != 0 ? failure : saved;
        return sme_fail_errno(err, SME_E_IO, "%s hook: cannot start '%s'", hooks->request.kind,
                              words[0]);
    }
    hooks->pid = pid;
    hooks->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    hooks->out.fd = out[0];
    hooks->complaints.fd = complaints[0];
    return SME_OK;
}

static void start_next(struct hooks *hooks)
{
    const char *command = hooks->request.commands->items[hooks->next++];
    CLEANUP(free_ptr) char **words = NULL;
    size_t count = 0;
    struct sme_error failure = SME_ERROR_INIT;

    hooks->lines = hooks->dropped = 0;
    hooks->last_complaint[0] = '\0';
    hooks->timed_out = hooks->cancelled = false;
    hooks->kill_at = 0;
    hooks->term_at = clock_monotonic_ns() + (int64_t)hooks->request.timeout_ms * 1000000;
    if (!str_words(command, &words, &count)) {
        (void)sme_fail(&failure, SME_E_INVALID, "%s hook: a quote is not closed in '%s'",
                       hooks->request.kind, command);
        note_failure(hooks, &failure);
    } else if (count > 0 && spawn(hooks, words, &failure) < 0) {
        note_failure(hooks, &failure);
    }
}

static void judge(struct hooks *hooks, int wait_status)
{
    struct sme_error failure = SME_ERROR_INIT;
    const char *kind = hooks->request.kind;
    const char *command = hooks->request.commands->items[hooks->next - 1];
    const char *colon = hooks->last_complaint[0] != '\0' ? ": " : "";
    char limit[16];

    if (hooks->dropped > 0) {
        log_line(LOG_LEVEL_WARN, hooks->request.source,
                 "%s: %u more lines of output were not logged", kind, hooks->dropped);
    }
    if (hooks->cancelled) {
        (void)sme_fail(&failure, SME_E_CANCELLED, "%s hook '%s' was cancelled", kind, command);
    } else if (hooks->timed_out) {
        (void)sme_fail(&failure, SME_E_IO, "%s hook '%s' took longer than %s and was ended", kind,
                       command, str_duration((int64_t)hooks->request.timeout_ms * 1000000, limit));
        (void)error_hint(&failure, "find out why it hangs, or raise 'timeout' of the source");
    } else if (WIFSIGNALED(wait_status)) {
        (void)sme_fail(&failure, SME_E_IO, "%s hook '%s' was ended by signal %d%s%s", kind, command,
                       WTERMSIG(wait_status), colon, hooks->last_complaint);
    } else if (WEXITSTATUS(wait_status) != 0) {
        (void)sme_fail(&failure, SME_E_IO, "%s hook '%s' ended with status %d%s%s", kind, command,
                       WEXITSTATUS(wait_status), colon, hooks->last_complaint);
    } else {
        return;
    }
    note_failure(hooks, &failure);
}

/* Look after the running command; true when it has ended. */
static bool tend(struct hooks *hooks, bool cancel)
{
    int64_t now = clock_monotonic_ns();
    int wait_status = 0;

    (void)drain(hooks, &hooks->out);
    (void)drain(hooks, &hooks->complaints);
    pid_t ended = waitpid(hooks->pid, &wait_status, WNOHANG);
    if (ended == hooks->pid) {
        /* What it wrote last.  A child that it left behind may keep the pipes open: no waiting. */
        (void)drain(hooks, &hooks->out);
        (void)drain(hooks, &hooks->complaints);
        if (hooks->out.len > 0) {
            log_output(hooks, &hooks->out);
        }
        if (hooks->complaints.len > 0) {
            log_output(hooks, &hooks->complaints);
        }
        forget_command(hooks);
        judge(hooks, wait_status);
        return true;
    }
    if (hooks->kill_at != 0) {
        if (now >= hooks->kill_at) {
            (void)kill(-hooks->pid, SIGKILL);
        }
    } else if (cancel || now >= hooks->term_at) {
        hooks->cancelled = cancel;
        hooks->timed_out = !cancel;
        hooks->kill_at = now + GRACE_NS;
        (void)kill(-hooks->pid, SIGTERM);
    }
    return false;
}

int hooks_step(struct hooks *hooks, bool cancel, struct sme_error *err)
{
    for (;;) {
        if (hooks->pid > 0) {
            if (!tend(hooks, cancel)) {
                return 1;
            }
            continue;
        }
        if (cancel || hooks->stopped || hooks->next >= hooks->request.commands->count) {
            break;
        }
        start_next(hooks);
    }
    if (cancel && hooks->result == SME_OK && hooks->next < hooks->request.commands->count) {
        return sme_fail(err, SME_E_CANCELLED, "%s hooks were cancelled", hooks->request.kind);
    }
    if (hooks->result < 0 && err != NULL) {
        *err = hooks->error;
    }
    return hooks->result;
}
