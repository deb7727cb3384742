/*
 * Conformance of sources: is the process as it was?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin_test_source.h"

#include "../base/buf.h"
#include "../base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FDS 4096
#define SIGNALS 65
#define TRIES 100 /* of 10 ms: what was joined or killed may still be seen for a moment */

struct process_state {
    bool open[FDS];
    size_t threads;
    mode_t mask;
    char folder[1024];
    char locale[512];
    struct sigaction actions[SIGNALS];
    sigset_t blocked;
    char *environment; /* lines, joined */
};

/* ---- taking it ---------------------------------------------------------------------------- */

static char *join_environment(void)
{
    size_t len = 1;

    for (char **at = environ; at != NULL && *at != NULL; at++)
        len += strlen(*at) + 1;
    char *joined = malloc(len);
    char *end = joined;
    for (char **at = environ; joined != NULL && at != NULL && *at != NULL; at++) {
        size_t one = strlen(*at);
        memcpy(end, *at, one);
        end[one] = '\n';
        end += one + 1;
    }
    if (joined != NULL)
        *end = '\0';
    return joined;
}

/* Numbers that are names in ${folder}: marked in ${open} (may be NULL), counted in any case. */
static size_t list_numbers(const char *folder, bool *open)
{
    DIR *dir = opendir(folder);
    size_t count = 0;

    if (dir == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        unsigned long number = strtoul(entry->d_name, NULL, 10);
        if (open != NULL && number < FDS && number != (unsigned long)dirfd(dir))
            open[number] = true;
        count++;
    }
    (void)closedir(dir);
    return count;
}

struct process_state *process_state_new(void)
{
    struct process_state *state = calloc(1, sizeof *state);

    if (state == NULL || (state->environment = join_environment()) == NULL) {
        free(state);
        return NULL;
    }
    (void)list_numbers("/proc/self/fd", state->open);
    state->threads = list_numbers("/proc/self/task", NULL);
    state->mask = umask(0);
    (void)umask(state->mask);
    if (getcwd(state->folder, sizeof state->folder) == NULL)
        state->folder[0] = '\0';
    (void)snprintf(state->locale, sizeof state->locale, "%s", setlocale(LC_ALL, NULL));
    for (int i = 1; i < SIGNALS; i++)
        (void)sigaction(i, NULL, &state->actions[i]);
    (void)sigprocmask(SIG_SETMASK, NULL, &state->blocked);
    return state;
}

void process_state_free(struct process_state *state)
{
    if (state != NULL)
        free(state->environment);
    free(state);
}

static void drop_state(struct process_state **state)
{
    process_state_free(*state);
}

/* ---- comparing ---------------------------------------------------------------------------- */

static bool check_signals(struct source_check *at, const struct process_state *before,
                          const struct process_state *now)
{
    for (int i = 1; i < SIGNALS; i++) {
        if (before->actions[i].sa_handler != now->actions[i].sa_handler)
            return plugin_check_fail(&at->check,
                                     "expected the signal handlers as they were, got another one "
                                     "for signal %d (%s)",
                                     i, strsignal(i));
        if (sigismember(&before->blocked, i) != sigismember(&now->blocked, i))
            return plugin_check_fail(
                &at->check, "expected the signal mask as it was, got signal %d (%s) %s", i,
                strsignal(i), sigismember(&now->blocked, i) ? "blocked" : "unblocked");
    }
    return true;
}

bool source_check_process(struct source_check *at, const struct process_state *before)
{
    CLEANUP(drop_state) struct process_state *now = process_state_new();

    if (now == NULL)
        return plugin_check_fail(&at->check, "no memory for a look at the process");
    if (strcmp(before->folder, now->folder) != 0)
        return plugin_check_fail(&at->check, "expected the working directory '%s', got '%s'",
                                 before->folder, now->folder);
    if (before->mask != now->mask)
        return plugin_check_fail(&at->check, "expected the umask %#o, got %#o",
                                 (unsigned)before->mask, (unsigned)now->mask);
    if (strcmp(before->locale, now->locale) != 0)
        return plugin_check_fail(&at->check, "expected the locale '%s', got '%s'", before->locale,
                                 now->locale);
    if (strcmp(before->environment, now->environment) != 0)
        return plugin_check_fail(&at->check, "expected the environment as it was, got a changed "
                                             "one");
    return check_signals(at, before, now);
}

/* The first descriptor that is open now and was not. */
static int new_descriptor(const struct process_state *before, bool (*is_it)(int fd))
{
    bool open[FDS] = {false};

    (void)list_numbers("/proc/self/fd", open);
    for (int i = 0; i < FDS; i++) {
        if (open[i] && !before->open[i] && (is_it == NULL || is_it(i)))
            return i;
    }
    return -1;
}

static void name_descriptor(int fd, char *out, size_t size)
{
    char link[64];

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, out, size - 1);
    out[len > 0 ? (size_t)len : 0] = '\0';
}

static bool is_inherited(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

bool source_check_descriptors(struct source_check *at, const struct process_state *before)
{
    int fd = new_descriptor(before, is_inherited);
    char name[200];

    if (fd < 0)
        return true;
    name_descriptor(fd, name, sizeof name);
    return plugin_check_fail(&at->check,
                             "expected descriptors with close-on-exec after %s, got number %d of "
                             "'%s' without",
                             at->watch->call, fd, name);
}

/* One that a program of the plugin had started, and that came to us when that program ended: it is
 * in the group of the program, not in its own or ours.  For its end the plugin cannot wait. */
static bool is_orphan(pid_t pid)
{
    pid_t group = getpgid(pid);

    return group > 0 && group != pid && group != getpgrp();
}

/* Orphans that were killed with their group may take a moment to end. */
static bool check_children(struct source_check *at)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    siginfo_t ended;

    for (int i = 0; i < TRIES;) {
        memset(&ended, 0, sizeof ended);
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0)
            return true; /* there is none at all */
        if (ended.si_pid == 0) {
            (void)nanosleep(&pause, NULL);
            i++;
        } else if (is_orphan(ended.si_pid)) {
            (void)waitpid(ended.si_pid, NULL, 0);
        } else {
            return plugin_check_fail(&at->check, "expected no child process after destroy(), got "
                                                 "one that was not waited for");
        }
    }
    return plugin_check_fail(&at->check, "expected no child process after destroy(), got one "
                                         "that still runs");
}

bool source_check_leftovers(struct source_check *at, const struct process_state *before)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int fd = new_descriptor(before, NULL);
    size_t threads = 0;
    char name[200];

    if (fd >= 0) {
        name_descriptor(fd, name, sizeof name);
        return plugin_check_fail(
            &at->check,
            "expected all descriptors closed after destroy(), got number %d of "
            "'%s' open",
            fd, name);
    }
    for (int i = 0; i < TRIES; i++) {
        threads = list_numbers("/proc/self/task", NULL);
        if (threads <= before->threads)
            break;
        (void)nanosleep(&pause, NULL);
    }
    if (threads > before->threads)
        return plugin_check_fail(&at->check,
                                 "expected %zu threads after destroy(), as before create(), got "
                                 "%zu",
                                 before->threads, threads);
    return check_children(at);
}

/* ---- what it wrote ------------------------------------------------------------------------ */

bool source_output(int fd, char *out, size_t size)
{
    char text[8192];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    char *start = text;

    if (len <= 0)
        return false;
    text[len] = '\0';
    char *telling = strstr(text, "ERROR: ");
    if (telling != NULL)
        start = telling;
    start += strspn(start, "\n= ");
    start[strcspn(start, "\n")] = '\0';
    for (char *c = start; *c != '\0'; c++) {
        if (!isprint((unsigned char)*c))
            *c = '?';
    }
    (void)snprintf(out, size, "%s", start);
    return true;
}

static uint64_t mix(uint64_t sum, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

uint64_t source_tree_mark(const char *path)
{
    char *const roots[] = {strdup(path), NULL};
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    FTS *walk = roots[0] != NULL ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name) : NULL;

    for (FTSENT *entry; walk != NULL && (entry = fts_read(walk)) != NULL;) {
        if (entry->fts_info == FTS_DP || entry->fts_statp == NULL)
            continue;
        const struct stat *st = entry->fts_statp;
        sum = mix(sum, entry->fts_path, entry->fts_pathlen);
        sum = mix(sum, &st->st_size, sizeof st->st_size);
        sum = mix(sum, &st->st_mtim, sizeof st->st_mtim);
        sum = mix(sum, &st->st_ino, sizeof st->st_ino);
        sum = mix(sum, &st->st_mode, sizeof st->st_mode);
    }
    if (walk != NULL)
        (void)fts_close(walk);
    free(roots[0]);
    return sum;
}
