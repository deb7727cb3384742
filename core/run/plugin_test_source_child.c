/*
 * Conformance of sources: a check in a process of its own, and what becomes of that.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin_test_source.h"

#include "../base/cancel.h"
#include "../base/error.h"
#include "../base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 5

/* Present in builds that count executed lines only: _exit() would lose the counts. */
extern void __gcov_dump(void) __attribute__((weak));
/* Present where the address sanitizer is loaded: says whether anything was lost. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* ---- in the process of the check ---------------------------------------------------------- */

static bool settle_in(struct source_check *at)
{
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (__lsan_do_recoverable_leak_check != NULL)
        (void)prctl(PR_SET_DUMPABLE, 1); /* or it could not look at its own threads */
    if (null_fd >= 0) {
        (void)dup2(null_fd, STDIN_FILENO);
        (void)close(null_fd);
    }
    (void)dup2(at->output_fd, STDOUT_FILENO);
    (void)dup2(at->output_fd, STDERR_FILENO);
    log_set_stderr(0);
    at->buffer = malloc(SOURCE_BUFFER + SOURCE_CANARY);
    return at->buffer != NULL;
}

static bool make_instance(struct source_check *at)
{
    const struct plugin_test_source *params = at->params;
    struct sme_error err = SME_ERROR_INIT;
    const struct conf_source *section = params->section;

    int status = instance_new(
        params->plugin, section != NULL ? section->name : "conformance",
        section != NULL ? section->section : NULL, section != NULL ? conf_source_options : NULL,
        section != NULL ? conf_source_option_count : 0, at->state_dir, &at->instance, &err);
    if (status == SME_OK && mkdir(at->state_dir, 0700) < 0)
        status = error_errno(&err, "cannot make '%s'", at->state_dir);
    if (status == SME_OK) {
        source_host_fill(at);
        return true;
    }
    at->watch->err = err;
    return plugin_check_fail(&at->check, "%s", err.message);
}

static _Noreturn void run_apart(struct source_check *at, source_check_fn *make)
{
    if (!settle_in(at))
        (void)plugin_check_fail(&at->check, "no memory for a buffer");
    else if (make_instance(at))
        make(at);
    if (at->instance != NULL)
        instance_free(at->instance);
    free(at->buffer);
    at->watch->result = at->check.result;
    memcpy(at->watch->text, at->check.text, sizeof at->watch->text);
    at->watch->done = true;
    if (__lsan_do_recoverable_leak_check != NULL && source_is_good(at) &&
        __lsan_do_recoverable_leak_check() != 0) {
        at->watch->result = PLUGIN_TEST_FAILED;
        (void)snprintf(at->watch->text, sizeof at->watch->text,
                       "expected all memory given back after destroy(), got a leak");
    }
    if (__gcov_dump != NULL)
        __gcov_dump();
    _exit(0);
}

/* ---- in the one that watches -------------------------------------------------------------- */

static const char *call_of(const struct source_watch *watch)
{
    return watch->call[0] != '\0' ? watch->call : "loading";
}

/* Wait for ${pid}; false if it was ended because it hung (*ret_how is then not set). */
static bool watch_it(struct source_watch *watch, pid_t pid, int *ret_how)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
    uint64_t turns = atomic_load(&watch->turns);
    uint64_t waited = 0;
    bool has_hung = false;

    while (waitpid(pid, ret_how, WNOHANG) == 0) {
        uint64_t now = atomic_load(&watch->turns);
        waited = now == turns ? waited + LOOK_MS : 0;
        turns = now;
        has_hung = waited > atomic_load(&watch->limit_ms);
        if (has_hung || cancel_requested()) {
            (void)kill(-pid, SIGKILL);
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, ret_how, 0);
            return !has_hung;
        }
        (void)nanosleep(&pause, NULL);
    }
    (void)kill(-pid, SIGKILL); /* what it left behind */
    return true;
}

static void judge(struct source_check *at, int how)
{
    const struct source_watch *watch = at->watch;
    char said[300] = "";
    char after[320] = "";

    if (source_output(at->output_fd, said, sizeof said))
        (void)snprintf(after, sizeof after, "; it wrote '%s'", said);
    if (WIFSIGNALED(how))
        (void)plugin_check_fail(&at->check,
                                "expected %s to return, got a crash in it: signal %d "
                                "(%s)%s",
                                call_of(watch), WTERMSIG(how), strsignal(WTERMSIG(how)), after);
    else if (!watch->done)
        (void)plugin_check_fail(&at->check,
                                "expected %s to return, got the end of the process in it: exit "
                                "status %d%s",
                                call_of(watch), WEXITSTATUS(how), after);
    else if (watch->result == PLUGIN_TEST_FAILED)
        (void)plugin_check_fail(&at->check, "%s", watch->text);
    else if (watch->result == PLUGIN_TEST_SKIPPED)
        (void)plugin_check_skip(&at->check, watch->text);
    else if (said[0] != '\0')
        (void)plugin_check_fail(&at->check,
                                "expected nothing on standard output and error, got '%s'", said);
}

void source_check_apart(struct source_check *at, source_check_fn *make)
{
    struct source_watch *watch = at->watch;
    uint32_t limit = at->params->limit_ms != 0 ? at->params->limit_ms : 60000;
    int how = 0;

    memset(watch, 0, sizeof *watch);
    atomic_store(&watch->limit_ms, limit);
    at->output_fd = memfd_create("output", MFD_CLOEXEC);
    if (at->output_fd < 0) {
        (void)plugin_check_fail(&at->check, "cannot make a file for the output");
        return;
    }
    (void)fcntl(at->output_fd, F_SETFL, O_APPEND);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run_apart(at, make);
    if (pid < 0) {
        (void)plugin_check_fail(&at->check, "cannot start a process");
    } else if (watch_it(watch, pid, &how)) {
        judge(at, how);
    } else {
        at->hangs++;
        (void)plugin_check_fail(
            &at->check, "expected %s to return, got no answer within %lu seconds", call_of(watch),
            ((unsigned long)atomic_load(&watch->limit_ms) + 999) / 1000);
    }
    (void)close(at->output_fd);
}
