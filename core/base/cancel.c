/*
 * Asking a process to stop.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A pipe to ourselves carries the flag to poll().  The handler touches lock-free atomics and
 * calls write() and _exit() only.
 */
#include "cancel.h"
#include "error.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

static atomic_int requested; /* number of the first signal */
static atomic_uint seen;     /* bit per signal that was delivered */
static atomic_int read_fd = -1;
static atomic_int write_fd = -1;

void cancel_request(int signal_number)
{
    int saved = errno;
    int none = 0;

    if (atomic_compare_exchange_strong(&requested, &none, signal_number)) {
        int fd = atomic_load(&write_fd);
        /* A full pipe is readable already; there is nobody to tell about anything else. */
        if (fd >= 0 && write(fd, "", 1) < 0)
            errno = saved;
    }
    errno = saved;
}

static void on_signal(int signal_number)
{
    unsigned bit = 1u << (unsigned)signal_number;

    /* The same signal again: somebody is waiting.  Another one is not that: a worker gets
     * SIGINT from the terminal and then SIGTERM from its parent. */
    if ((atomic_fetch_or(&seen, bit) & bit) != 0)
        _exit(EXIT_SIGNAL);
    cancel_request(signal_number);
}

static void block_signals(sigset_t *before)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof stop_signals / sizeof stop_signals[0]; i++)
        (void)sigaddset(&set, stop_signals[i]);
    (void)pthread_sigmask(SIG_BLOCK, &set, before);
}

static void open_pipe(void)
{
    int fds[2];

    /* Without descriptors left the flag still works; who polls finds out a little later. */
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return;
    atomic_store(&read_fd, fds[0]);
    atomic_store(&write_fd, fds[1]);
}

void cancel_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction old;

    (void)sigfillset(&action.sa_mask);
    if (atomic_load(&read_fd) < 0)
        open_pipe();
    (void)sigaction(SIGPIPE, &ignore, NULL);
    for (size_t i = 0; i < sizeof stop_signals / sizeof stop_signals[0]; i++) {
        /* nohup(1) works by having SIGHUP ignored. */
        if (stop_signals[i] == SIGHUP && sigaction(SIGHUP, NULL, &old) == 0 &&
            old.sa_handler == SIG_IGN)
            continue;
        (void)sigaction(stop_signals[i], &action, NULL);
    }
}

bool cancel_requested(void)
{
    return atomic_load_explicit(&requested, memory_order_relaxed) != 0;
}

int cancel_signal(void)
{
    return atomic_load(&requested);
}

int cancel_fd(void)
{
    return atomic_load(&read_fd);
}

int cancel_check(struct sme_error *err)
{
    int number = cancel_signal();

    if (number == 0)
        return SME_OK;
    return sme_fail(err, SME_E_CANCELLED, "cancelled by signal %d", number);
}

void cancel_reset(void)
{
    sigset_t before;

    block_signals(&before);
    /* A forked child shares the pipe with its parent: it gets one of its own. */
    if (atomic_load(&read_fd) >= 0) {
        (void)close(atomic_exchange(&read_fd, -1));
        (void)close(atomic_exchange(&write_fd, -1));
        open_pipe();
    }
    atomic_store(&seen, 0u);
    atomic_store(&requested, 0);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}
