/*
 * Hooks and locks of the runner.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/buf.h"
#include "../../core/base/cleanup.h"
#include "../../core/base/error.h"
#include "../../core/base/fileio.h"
#include "../../core/base/log.h"
#include "../../core/run/hooks.h"
#include "../../core/run/lockfile.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static char log_path[96];

static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    (void)snprintf(folder, sizeof folder, "%.32s/sme-hooks-XXXXXX", base != NULL ? base : "/tmp");
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
    (void)snprintf(path, sizeof path, "%s/locks/docs.lock", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/locks", folder);
    (void)rmdir(path);
    return rmdir(folder);
}

/* Run all of ${commands} as the runner does. */
static int run_hooks(const char *const *commands, size_t count, bool stop, uint64_t timeout_ms,
                     struct sme_error *err)
{
    const struct sme_list list = {count, commands};
    const struct hooks_request request = {
        .commands = &list,
        .kind = "before",
        .stop_at_failure = stop,
        .timeout_ms = timeout_ms,
        .source = "docs",
        .sink = "main",
    };
    struct hooks *hooks = NULL;
    int left;

    assert_int_equal(hooks_new(&request, &hooks, err), SME_OK);
    while ((left = hooks_step(hooks, false, err)) > 0) {
        struct pollfd fds[HOOKS_FDS];
        hooks_poll(hooks, fds);
        (void)poll(fds, HOOKS_FDS, 50);
    }
    hooks_free(hooks);
    return left;
}

static const char *log_text(void)
{
    static struct buf text = BUF_INIT(1024 * 1024);

    buf_clear(&text);
    assert_int_equal(io_load(AT_FDCWD, log_path, &text, NULL), SME_OK);
    return buf_text(&text);
}

static void output_goes_to_the_log(void **state)
{
    const char *commands[] = {"echo one line", "sh -c 'echo out; echo complaint >&2; printf rest'"};
    struct sme_error err = SME_ERROR_INIT;

    (void)state;
    assert_int_equal(run_hooks(commands, 2, true, 60000, &err), SME_OK);
    assert_non_null(strstr(log_text(), "INFO docs: before: one line\n"));
    assert_non_null(strstr(log_text(), "INFO docs: before: out\n"));
    assert_non_null(strstr(log_text(), "WARN docs: before: complaint\n"));
    assert_non_null(strstr(log_text(), "INFO docs: before: rest\n"));
}

static void words_are_split_but_nothing_is_expanded(void **state)
{
    const char *commands[] = {"sh -c 'test \"$1 $2\" = \"a b \\$HOME *\"' sh \"a b\" '$HOME *'"};
    struct sme_error err = SME_ERROR_INIT;

    (void)state;
    assert_int_equal(run_hooks(commands, 1, true, 60000, &err), SME_OK);
}

static void failures_say_which_and_how(void **state)
{
    struct sme_error err = SME_ERROR_INIT;
    const char *status[] = {"sh -c 'echo no disk >&2; exit 9'", "echo never"};
    const char *missing[] = {"/no/such/program x"};
    const char *quote[] = {"echo 'open"};
    const char *killed[] = {"sh -c 'kill -9 $$'"};

    (void)state;
    assert_int_equal(run_hooks(status, 2, true, 60000, &err), SME_E_IO);
    assert_string_equal(err.message, "before hook 'sh -c 'echo no disk >&2; exit 9'' ended with "
                                     "status 9: no disk");
    assert_null(strstr(log_text(), "never"));
    assert_int_equal(run_hooks(missing, 1, true, 60000, &err), SME_E_IO);
    assert_string_equal(err.message, "before hook: cannot start '/no/such/program': No such file "
                                     "or directory");
    assert_int_equal(run_hooks(quote, 1, true, 60000, &err), SME_E_INVALID);
    assert_string_equal(err.message, "before hook: a quote is not closed in 'echo 'open'");
    assert_int_equal(run_hooks(killed, 1, true, 60000, &err), SME_E_IO);
    assert_string_equal(err.message, "before hook 'sh -c 'kill -9 $$'' was ended by signal 9");
}

static void the_first_failure_counts_where_all_run(void **state)
{
    const char *commands[] = {"sh -c 'exit 3'", "echo goes on", "sh -c 'exit 4'"};
    struct sme_error err = SME_ERROR_INIT;

    (void)state;
    assert_int_equal(run_hooks(commands, 3, false, 60000, &err), SME_E_IO);
    assert_non_null(strstr(err.message, "ended with status 3"));
    assert_non_null(strstr(log_text(), "goes on"));
}

static void a_hook_that_hangs_is_ended(void **state)
{
    const char *commands[] = {"sleep 1000"};
    struct sme_error err = SME_ERROR_INIT;

    (void)state;
    assert_int_equal(run_hooks(commands, 1, true, 1, &err), SME_E_IO);
    assert_non_null(strstr(err.message, "before hook 'sleep 1000' took longer than "));
}

static void cancelling_ends_the_running_hook(void **state)
{
    const char *commands[] = {"sleep 1000", "echo never"};
    const struct sme_list list = {2, commands};
    const struct hooks_request request = {
        .commands = &list, .kind = "before", .timeout_ms = 60000, .source = "s", .sink = "t"};
    struct sme_error err = SME_ERROR_INIT;
    struct hooks *hooks = NULL;
    int left;

    (void)state;
    assert_int_equal(hooks_new(&request, &hooks, &err), SME_OK);
    assert_int_equal(hooks_step(hooks, false, &err), 1);
    while ((left = hooks_step(hooks, true, &err)) > 0) {
        struct pollfd fds[HOOKS_FDS];
        hooks_poll(hooks, fds);
        (void)poll(fds, HOOKS_FDS, 50);
    }
    assert_int_equal(left, SME_E_CANCELLED);
    assert_string_equal(err.message, "before hook 'sleep 1000' was cancelled");
    hooks_free(hooks);
}

static void a_lock_has_one_holder_and_names_it(void **state)
{
    struct sme_error err = SME_ERROR_INIT;
    char expected[96];
    int fd = -1;
    int second = -7;

    (void)state;
    assert_int_equal(lockfile_take(folder, "docs", &fd, &err), SME_OK);
    assert_int_equal(lockfile_take(folder, "docs", &second, &err), SME_E_BUSY);
    assert_int_equal(second, -7);
    (void)snprintf(expected, sizeof expected, "source 'docs' is already running (process %ld)",
                   (long)getpid());
    assert_string_equal(err.message, expected);
    (void)close(fd);
    assert_int_equal(lockfile_take(folder, "docs", &fd, &err), SME_OK);
    (void)close(fd);
}

static void a_lock_lives_as_long_as_a_child_that_inherited_it(void **state)
{
    struct sme_error err = SME_ERROR_INIT;
    int fd = -1;
    int ends[2];
    char byte;

    (void)state;
    assert_int_equal(lockfile_take(folder, "docs", &fd, &err), SME_OK);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[1]);
        (void)!read(ends[0], &byte, 1);
        _exit(0);
    }
    lockfile_note(fd, 0x7ffffff0, child); /* as if the runner were gone */
    (void)close(fd);
    assert_int_equal(lockfile_take(folder, "docs", &fd, &err), SME_E_BUSY);
    assert_non_null(strstr(err.message, "already running (process "));
    (void)close(ends[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(ends[0]);
    assert_int_equal(lockfile_take(folder, "docs", &fd, &err), SME_OK);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_goes_to_the_log),
        cmocka_unit_test(words_are_split_but_nothing_is_expanded),
        cmocka_unit_test(failures_say_which_and_how),
        cmocka_unit_test(the_first_failure_counts_where_all_run),
        cmocka_unit_test(a_hook_that_hangs_is_ended),
        cmocka_unit_test(cancelling_ends_the_running_hook),
        cmocka_unit_test(a_lock_has_one_holder_and_names_it),
        cmocka_unit_test(a_lock_lives_as_long_as_a_child_that_inherited_it),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
