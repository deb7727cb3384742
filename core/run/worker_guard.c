/*
 * What keeps a worker from doing harm when a plugin in it goes wrong.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "worker_guard.h"

#include "../base/fileio.h"
#include "../base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ORPHAN_GRACE_SEC 10
#define MEMORY_LEAST (2 * GIB) /* of address space that can be written, stacks of threads too */
#define MEMORY_FACTOR 8
#define FDS_MAX 8

/* Sanitizers reserve more address space than any machine has memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NO_CEILING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NO_CEILING 1
#endif
#endif

struct known_fd {
    int fd;
    bool is_open;
    dev_t dev;
    ino_t ino;
};

/* Of the one job that a worker has; written before there are threads. */
static struct known_fd known[FDS_MAX];
static size_t known_count;
static struct rlimit memory_before;
static pid_t worker;

/* ---- memory ------------------------------------------------------------------------------- */

/* Bytes that count already: little, but for a sanitizer that was loaded before the program. */
static rlim_t used_already(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file != NULL) {
        if (fscanf(file, "%*u %*u %*u %*u %*u %llu", &pages) != 1) {
            pages = 0;
        }
        (void)fclose(file);
    }
    return pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Programs that a plugin starts have data of their own size. */
static void lift_ceiling(void)
{
    (void)setrlimit(RLIMIT_DATA, &memory_before);
}

static void set_ceiling(uint64_t memory_limit)
{
#ifdef NO_CEILING
    (void)memory_limit;
    (void)lift_ceiling;
    (void)used_already;
#else
    rlim_t ceiling =
        used_already() +
        (memory_limit > MEMORY_LEAST / MEMORY_FACTOR ? memory_limit * MEMORY_FACTOR : MEMORY_LEAST);

    if (getrlimit(RLIMIT_DATA, &memory_before) < 0 || memory_before.rlim_cur <= ceiling ||
        pthread_atfork(NULL, NULL, lift_ceiling) != 0) {
        return;
    }
    const struct rlimit limit = {ceiling, memory_before.rlim_max};
    (void)setrlimit(RLIMIT_DATA, &limit);
#endif
}

static void volunteer(void)
{
    static const char score[] = "500";
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)io_write_full(fd, score, strlen(score));
        (void)close(fd);
    }
}

/* ---- the parent --------------------------------------------------------------------------- */

/* SIGTERM has come when the parent died; a plugin that hangs has not heard it.  This thread also
 * takes signals that a plugin has blocked in its own. */
static void *watch_parent(void *argument)
{
    struct pollfd parent = {.fd = (int)(intptr_t)argument};
    const struct timespec grace = {.tv_sec = ORPHAN_GRACE_SEC};

    do {
        (void)poll(&parent, 1, -1);
    } while ((parent.revents & (POLLHUP | POLLERR | POLLNVAL)) == 0);
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &grace, NULL);
    (void)kill(0, SIGKILL);
    return NULL;
}

void worker_guard_watch(int socket)
{
    pthread_attr_t attr;
    pthread_t thread;

    if (pthread_attr_init(&attr) == 0) {
        (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        (void)pthread_create(&thread, &attr, watch_parent, (void *)(intptr_t)socket);
        (void)pthread_attr_destroy(&attr);
    }
}

/* ---- descriptors -------------------------------------------------------------------------- */

static void remember(int fd)
{
    struct stat st;
    struct known_fd *it = &known[known_count++];

    *it = (struct known_fd){.fd = fd};
    if (fstat(fd, &st) == 0) {
        it->is_open = true;
        it->dev = st.st_dev;
        it->ino = st.st_ino;
    }
}

int worker_guard_check(struct sme_error *err)
{
    /* A plugin that forks and returns twice: one of them is the worker. */
    if (getpid() != worker) {
        _exit(EXIT_FAILED);
    }
    for (size_t i = 0; i < known_count; i++) {
        struct stat st;
        if (!known[i].is_open) {
            continue;
        }
        if (fstat(known[i].fd, &st) < 0 || st.st_dev != known[i].dev || st.st_ino != known[i].ino) {
            (void)sme_fail(err, SME_E_IO, "a plugin has closed descriptor %d, which is not its own",
                           known[i].fd);
            return error_hint(err, "nothing was committed, as data may have gone astray; report it "
                                   "to the author of the plugin");
        }
    }
    return SME_OK;
}

void worker_guard_begin(uint64_t memory_limit, const int *fds, size_t count)
{
    known_count = 0;
    worker = getpid();
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        remember(fd);
    }
    for (size_t i = 0; i < count && known_count < FDS_MAX; i++) {
        if (fds[i] >= 0) {
            remember(fds[i]);
        }
    }
    set_ceiling(memory_limit);
    volunteer();
}
