/*
 * What a plugin may do to the process that it runs in, for the plugins that do it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_MISDEED_H
#define SME_TESTS_MISDEED_H

#include "sme-backup/common.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MISDEED_WORDS                                                                              \
    "none", "crash", "wild-pointer", "abort", "exit", "quick-exit", "exit-in-thread",              \
        "exit-hangs", "kill", "stop", "spin", "block", "deaf", "end-thread", "recurse", "spend",   \
        "leak-fds", "close-std", "close-all", "print", "print-much", "move", "umask", "child",     \
        "daemon", "twin"

enum misdeed {
    DEED_NONE,
    DEED_CRASH,
    DEED_WILD_POINTER,
    DEED_ABORT,
    DEED_EXIT,
    DEED_QUICK_EXIT,
    DEED_EXIT_IN_THREAD,
    DEED_EXIT_HANGS, /* exit() with a handler that does not end */
    DEED_KILL,
    DEED_STOP,
    DEED_SPIN,
    DEED_BLOCK,
    DEED_DEAF, /* as block, and no signal that can be blocked gets through */
    DEED_END_THREAD,
    DEED_RECURSE,
    DEED_SPEND,
    DEED_LEAK_FDS,
    DEED_CLOSE_STD,
    DEED_CLOSE_ALL,
    DEED_PRINT,
    DEED_PRINT_MUCH,
    DEED_MOVE, /* another folder, locale, environment */
    DEED_UMASK,
    DEED_CHILD,  /* stays in the process group          */
    DEED_DAEMON, /* leaves it, and notes its number     */
    DEED_TWIN,   /* a child that goes on like its parent */
    DEED_COUNT
};

static void deed_wait(void)
{
    for (;;)
        (void)pause();
}

static void *deed_exit(void *argument)
{
    (void)argument;
    exit(0);
}

/* Not for the compiler to see through. */
static unsigned deed_recurse(volatile const unsigned *depth)
{
    volatile unsigned frame[1024];

    frame[0] = *depth + 1;
    return frame[0] == 0 ? 0 : deed_recurse(frame) + frame[0];
}

static void deed_spend(const struct sme_host *host)
{
    const size_t step = (size_t)16 << 20;
    unsigned got = 0;

    /* The memory is not written: what counts is that there is an end to it. */
    while (got < 65536 && mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                               0) != MAP_FAILED)
        got++;
    host->log(host, SME_LOG_WARNING, "no more memory after %s", got < 1024 ? "a while" : "all");
    abort();
}

static void deed_child(bool leaves, const char *note)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (leaves)
            (void)setsid();
        deed_wait();
    }
    FILE *file = note != NULL ? fopen(note, "we") : NULL;
    if (file != NULL) {
        (void)fprintf(file, "%ld\n", (long)pid);
        (void)fclose(file);
    }
}

static void deed_end(enum misdeed deed)
{
    volatile uintptr_t nowhere = 16;
    pthread_t thread;

    /* Not through a sanitizer's handlers, which would turn it into an exit. */
    (void)signal(SIGSEGV, SIG_DFL);
    (void)signal(SIGABRT, SIG_DFL);
    switch ((unsigned)deed) {
    case DEED_CRASH:
        (void)raise(SIGSEGV);
        break;
    case DEED_WILD_POINTER:
        *(volatile int *)nowhere = 1;
        break;
    case DEED_ABORT:
        abort();
    case DEED_EXIT_HANGS:
        (void)atexit(deed_wait);
        exit(0);
    case DEED_EXIT:
        exit(0);
    case DEED_QUICK_EXIT:
        _exit(0);
    case DEED_EXIT_IN_THREAD:
        (void)pthread_create(&thread, NULL, deed_exit, NULL);
        deed_wait();
        break;
    case DEED_KILL:
        (void)raise(SIGKILL);
        break;
    default:
        (void)raise(SIGSTOP);
        break;
    }
}

/* ${note} may be a FIFO: then somebody waits to hear of it. */
static void deed_hang(enum misdeed deed, const char *note)
{
    volatile unsigned turns = 0;
    int fd = note != NULL ? open(note, O_WRONLY | O_CLOEXEC) : -1;
    sigset_t all;

    if (fd >= 0) {
        (void)!write(fd, "here\n", 5);
        (void)close(fd);
    }

    if (deed == DEED_DEAF) {
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
        (void)signal(SIGTERM, SIG_IGN);
    }
    if (deed == DEED_END_THREAD)
        pthread_exit(NULL);
    while (deed == DEED_SPIN)
        turns++;
    deed_wait();
}

static void deed_print(bool much)
{
    for (int i = 0; i < (much ? 5000 : 1); i++) {
        (void)printf("{\"exit\": 0} from the standard output\n");
        (void)fflush(stdout);
        (void)fprintf(stderr, "from the standard error\n");
    }
}

static void deed_disturb(enum misdeed deed, const char *note)
{
    switch ((unsigned)deed) {
    case DEED_LEAK_FDS:
        while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
            continue;
        break;
    case DEED_CLOSE_STD:
        for (int fd = 0; fd < 3; fd++)
            (void)close(fd);
        break;
    case DEED_CLOSE_ALL:
        for (int fd = 3; fd < 256; fd++)
            (void)close(fd);
        break;
    case DEED_MOVE:
        (void)!chdir("/");
        (void)setenv("HOME", "/nonexistent", 1);
        (void)setenv("TZ", "Asia/Kathmandu", 1);
        (void)unsetenv("PATH");
        break;
    case DEED_UMASK:
        (void)umask(note != NULL ? 0777 : 0);
        break;
    case DEED_TWIN:
        (void)fork();
        break;
    default:
        deed_child(deed == DEED_DAEMON, note);
        break;
    }
}

/* ${note}: a file for the number of a child, or a FIFO that hears of a hang; may be NULL.  Returns
 * if the deed leaves a way on. */
static void misdeed(enum misdeed deed, const struct sme_host *host, const char *note)
{
    volatile unsigned depth = 0;

    switch ((unsigned)deed) {
    case DEED_CRASH:
    case DEED_WILD_POINTER:
    case DEED_ABORT:
    case DEED_EXIT:
    case DEED_QUICK_EXIT:
    case DEED_EXIT_IN_THREAD:
    case DEED_EXIT_HANGS:
    case DEED_KILL:
    case DEED_STOP:
        deed_end(deed);
        break;
    case DEED_SPIN:
    case DEED_BLOCK:
    case DEED_DEAF:
    case DEED_END_THREAD:
        deed_hang(deed, note);
        break;
    case DEED_RECURSE:
        (void)signal(SIGSEGV, SIG_DFL);
        (void)deed_recurse(&depth);
        break;
    case DEED_SPEND:
        (void)signal(SIGABRT, SIG_DFL);
        deed_spend(host);
        break;
    case DEED_PRINT:
    case DEED_PRINT_MUCH:
        deed_print(deed == DEED_PRINT_MUCH);
        break;
    case DEED_NONE:
        break;
    default:
        deed_disturb(deed, note);
        break;
    }
}

#endif
