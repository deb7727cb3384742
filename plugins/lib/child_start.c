/*
 * Programs that a plugin runs: fork, exec, and what lies between them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "child_internal.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define GROUPS_MAX 65536

/* What the new process tells of a failure before the program ran. */
enum step { STEP_SETUP, STEP_USER, STEP_FOLDER, STEP_PROGRAM };
struct report {
    int step;
    int sys_errno;
};

/* All that the new process needs: made before fork(), for nothing may be allocated after it. */
struct launch {
    const struct child_spec *spec;
    char *const *argv;
    char *const *env;
    bool change_user;
    size_t group_count;
    gid_t *groups;
    pid_t parent;
    unsigned highest_fd; /* where close_range() is missing */
    int in, out, errs;   /* its ends of the pipes */
    int report;
};

/* ------------------------------------------------------------------ in the new process -------- */

/* The raw calls: those of the C library stop all threads of the process, of which there is but one
 * here, and take locks for it. */
#ifdef SYS_setresuid32
#define CALL_SETRESUID SYS_setresuid32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETGROUPS SYS_setgroups32
#else
#define CALL_SETRESUID SYS_setresuid
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETGROUPS SYS_setgroups
#endif

static void close_from(unsigned first, unsigned highest)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0U) == 0)
        return;
#endif
    for (unsigned fd = first; fd <= highest; fd++)
        (void)close((int)fd);
}

static _Noreturn void give_up(int fd, enum step step)
{
    const struct report report = {(int)step, errno};
    ssize_t written = write(fd, &report, sizeof report);
    (void)written; /* nobody is left to be told */
    _exit(127);
}

/* Only async-signal-safe calls from here on: other threads may have held locks at fork(). */
static _Noreturn void run_program(const struct launch *launch)
{
    const struct child_spec *spec = launch->spec;
    int report = launch->report;
    const struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &plain, NULL); /* some cannot be changed */
    if (setpgid(0, 0) != 0 || dup2(launch->in, 0) < 0 || dup2(launch->out, 1) < 0 ||
        dup2(launch->errs, 2) < 0)
        give_up(report, STEP_SETUP);
    if (report != 3) {
        if (dup3(report, 3, O_CLOEXEC) < 0)
            give_up(report, STEP_SETUP);
        report = 3;
    }
    close_from(4, launch->highest_fd);
    if (launch->change_user && (syscall(CALL_SETGROUPS, launch->group_count, launch->groups) != 0 ||
                                syscall(CALL_SETRESGID, spec->gid, spec->gid, spec->gid) != 0 ||
                                syscall(CALL_SETRESUID, spec->uid, spec->uid, spec->uid) != 0))
        give_up(report, STEP_USER);
    /* After the change of user, which resets it; the parent may be gone already. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        give_up(report, STEP_SETUP);
    if (getppid() != launch->parent)
        _exit(127);
    if (chdir(spec->folder != NULL ? spec->folder : "/") != 0)
        give_up(report, STEP_FOLDER);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execve(launch->argv[0], launch->argv, launch->env);
    give_up(report, STEP_PROGRAM);
}

/* ------------------------------------------------------------------ starting ----------------- */

/* A pipe whose ends are none of 0, 1 and 2, which the new process needs free. */
static int make_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        if (ends[i] > 2)
            continue;
        int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
        if (moved < 0) {
            int saved = errno;
            (void)close(ends[0]);
            (void)close(ends[1]);
            errno = saved;
            return -1;
        }
        (void)close(ends[i]);
        ends[i] = moved;
    }
    return 0;
}

static int open_null(int flags)
{
    int fd = open("/dev/null", flags | O_CLOEXEC);
    if (fd < 0 || fd > 2)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    (void)close(fd);
    return moved;
}

/* One of the three: ours in *${ret_ours}, which does not block, the program's in *${ret_theirs}. */
static int open_stream(bool piped, bool written_by_us, int *ret_ours, int *ret_theirs)
{
    int ends[2];
    if (!piped) {
        *ret_theirs = open_null(written_by_us ? O_RDONLY : O_WRONLY);
        return *ret_theirs < 0 ? -1 : 0;
    }
    if (make_pipe(ends) != 0)
        return -1;
    *ret_ours = ends[written_by_us ? 1 : 0];
    *ret_theirs = ends[written_by_us ? 0 : 1];
    return fcntl(*ret_ours, F_SETFL, O_NONBLOCK);
}

static int open_streams(const struct child_spec *spec, struct child *child, struct launch *launch)
{
    if (open_stream(spec->has_stdin, true, &child->in, &launch->in) != 0 ||
        open_stream(spec->has_stdout, false, &child->out, &launch->out) != 0 ||
        open_stream(true, false, &child->errs, &launch->errs) != 0)
        return -1;
    /* Fewer switches between the two processes; the system may refuse that. */
    if (child->in >= 0)
        (void)fcntl(child->in, F_SETPIPE_SZ, CHILD_PIPE_BYTES);
    if (child->out >= 0)
        (void)fcntl(child->out, F_SETPIPE_SZ, CHILD_PIPE_BYTES);
    int room = child->out >= 0 ? fcntl(child->out, F_GETPIPE_SZ) : -1;
    child->out_room = room > 0 ? (size_t)room : 65536;
    child->pause_ns = CHILD_PAUSE_NS;
    return 0;
}

static int find_user(const struct child_spec *spec, struct launch *launch, struct sme_error *err)
{
    uid_t own = geteuid();
    launch->change_user = spec->as_user && (spec->uid != own || spec->gid != getegid());
    if (!launch->change_user)
        return SME_OK;
    if (own != 0) {
        if (spec->uid == own) { /* only root can choose another group */
            launch->change_user = false;
            return SME_OK;
        }
        (void)sme_fail(err, SME_E_DENIED, "cannot run '%s' as user %lu: not started as root",
                       child_base_name(spec->argv[0]), (unsigned long)spec->uid);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "run as root, or as the user with number %lu", (unsigned long)spec->uid);
        return SME_E_DENIED;
    }
    int room = 64;
    for (;;) {
        gid_t *groups = realloc(launch->groups, (size_t)room * sizeof *groups);
        if (groups == NULL)
            return sme_fail(err, SME_E_NO_MEMORY, "out of memory for '%s'",
                            child_base_name(spec->argv[0]));
        launch->groups = groups;
        groups[0] = spec->gid;
        launch->group_count = 1;
        int count = room;
        if (spec->user == NULL)
            return SME_OK;
        if (getgrouplist(spec->user, spec->gid, groups, &count) >= 0) {
            launch->group_count = (size_t)count;
            return SME_OK;
        }
        if (count <= room || count > GROUPS_MAX)
            return sme_fail(err, SME_E_IO, "cannot get the groups of user '%s'", spec->user);
        room = count;
    }
}

static int fail_program(const char *program, int sys_errno, struct sme_error *err)
{
    int status = SME_E_IO;
    const char *hint = "";
    if (sys_errno == ENOENT && access(program, F_OK) == 0) {
        (void)sme_fail(err, SME_E_NOT_FOUND,
                       "cannot run '%s': the interpreter or loader that it names is missing",
                       program);
        return SME_E_NOT_FOUND;
    }
    if (sys_errno == ENOENT || sys_errno == ENOTDIR) {
        status = SME_E_NOT_FOUND;
        hint = "install the program, or correct its path";
    } else if (sys_errno == EACCES || sys_errno == EPERM) {
        status = SME_E_DENIED;
        hint = "it must be an executable file, on a file system that is not mounted 'noexec'";
    } else if (sys_errno == ENOEXEC) {
        status = SME_E_INVALID;
        hint = "a script must begin with '#!' and its interpreter";
    } else if (sys_errno == E2BIG) {
        status = SME_E_INVALID;
    } else if (sys_errno == ENOMEM) {
        status = SME_E_NO_MEMORY;
    }
    errno = sys_errno;
    (void)sme_fail_errno(err, status, "cannot run '%s'", program);
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "%s", hint);
    return status;
}

static int fail_start(const struct child_spec *spec, const struct report *report,
                      struct sme_error *err)
{
    const char *program = spec->argv[0];
    if (report->step == STEP_PROGRAM)
        return fail_program(program, report->sys_errno, err);
    errno = report->sys_errno;
    if (report->step == STEP_FOLDER)
        return sme_fail_errno(err, errno == ENOENT ? SME_E_NOT_FOUND : SME_E_DENIED,
                              "cannot run '%s' in folder '%s'", program,
                              spec->folder != NULL ? spec->folder : "/");
    if (report->step == STEP_USER)
        return sme_fail_errno(err, SME_E_DENIED, "cannot run '%s' as user %lu", program,
                              (unsigned long)spec->uid);
    return sme_fail_errno(err, SME_E_IO, "cannot prepare the process of '%s'", program);
}

/* fork(), and wait until the program runs or has failed to.  Signals are blocked, so that no
 * handler of the parent runs in the new process. */
static int launch_program(struct launch *launch, struct child *child, struct sme_error *err)
{
    const struct child_spec *spec = launch->spec;
    int ends[2];
    if (make_pipe(ends) != 0)
        return sme_fail_errno(err, SME_E_IO, "cannot make a pipe to '%s'", child->name);
    launch->report = ends[1];
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        run_program(launch);
    int saved = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        errno = saved;
        return sme_fail_errno(err, SME_E_IO, "cannot make a process for '%s'", child->name);
    }
    struct report report;
    ssize_t got;
    do
        got = read(ends[0], &report, sizeof report);
    while (got < 0 && errno == EINTR);
    (void)close(ends[0]);
    if (got == 0) {
        child->pid = pid;
#ifdef SYS_pidfd_open
        child->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
#endif
        return SME_OK;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (got != (ssize_t)sizeof report)
        report = (struct report){STEP_SETUP, EIO};
    return fail_start(spec, &report, err);
}

static unsigned highest_descriptor(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1048576)
        return 1048576;
    return (unsigned)limit.rlim_cur;
}

int child_start(const struct child_spec *spec, struct child **ret_child, struct sme_error *err)
{
    static char *const no_env[] = {NULL};
    /* execve() changes none of the strings, but its prototype does not say so */
    const union {
        const char *const *in;
        char *const *out;
    } argv = {spec->argv}, env = {spec->env};
    struct launch launch = {
        .spec = spec,
        .argv = argv.out,
        .env = spec->env != NULL ? env.out : no_env,
        .parent = getpid(),
        .highest_fd = highest_descriptor(),
        .in = -1,
        .out = -1,
        .errs = -1,
    };
    if (spec->argv[0] == NULL || spec->argv[0][0] != '/')
        return sme_fail(err, SME_E_INVALID, "program '%s' is not an absolute path",
                        spec->argv[0] != NULL ? spec->argv[0] : "");
    struct child *child = calloc(1, sizeof *child);
    if (child != NULL)
        child->name = strdup(child_base_name(spec->argv[0]));
    if (child == NULL || child->name == NULL) {
        free(child);
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for '%s'", spec->argv[0]);
    }
    child->host = spec->host;
    child->in = child->out = child->errs = child->pid_fd = -1;
    child->had_in = spec->has_stdin;
    child->had_out = spec->has_stdout;
    int status = find_user(spec, &launch, err);
    if (status == SME_OK && open_streams(spec, child, &launch) != 0)
        status = sme_fail_errno(err, SME_E_IO, "cannot make a pipe to '%s'", child->name);
    if (status == SME_OK)
        status = launch_program(&launch, child, err);
    child_close_fd(&launch.in);
    child_close_fd(&launch.out);
    child_close_fd(&launch.errs);
    free(launch.groups);
    if (status == SME_OK)
        *ret_child = child;
    else
        child_free(child);
    return status;
}
