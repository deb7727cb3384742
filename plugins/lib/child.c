/*
 * Programs that a plugin runs: their pipes, their errors, their end.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The process is not reaped before child_free(): until then its number, which is that of its
 * process group too, cannot become somebody else's, and signals reach no stranger.
 */
#include "child_internal.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define SLICE_MS 500         /* between two looks at host->cancelled()              */
#define SLICE_NO_PIDFD_MS 20 /* where the end of a process does not wake poll() */
#define PAUSE_AFTER (256u * 1024)
#define PAUSE_MIN_NS 50000L   /* 50 µs */
#define PAUSE_MAX_NS 2000000L /* 2 ms  */
#define GRACE_MS 2000         /* from SIGTERM to SIGKILL                                */

/* ------------------------------------------------------------------ standard error ----------- */

static void keep_errors(struct child *child, const char *data, size_t len)
{
    size_t head = CHILD_STDERR_HALF - child->head_len;
    if (head > len)
        head = len;
    memcpy(child->head + child->head_len, data, head);
    child->head_len += head;
    for (size_t i = head; i < len; i++)
        child->tail[child->tail_total++ % CHILD_STDERR_HALF] = data[i];
}

/* Take what is there, once; false when there is nothing more at the moment. */
static bool gather_errors(struct child *child)
{
    char buf[8192];
    if (child->errs < 0)
        return false;
    ssize_t got = read(child->errs, buf, sizeof buf);
    if (got > 0)
        keep_errors(child, buf, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        child_close_fd(&child->errs);
    return got > 0;
}

static size_t escape(char *out, const char *text, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) {
            out[used++] = '\\';
            out[used++] = 'x';
            out[used++] = digits[byte >> 4];
            out[used++] = digits[byte & 15];
        } else {
            out[used++] = (char)byte;
        }
    }
    return used;
}

static int make_errors_text(struct child *child, struct sme_error *err)
{
    uint64_t tail_len =
        child->tail_total < CHILD_STDERR_HALF ? child->tail_total : CHILD_STDERR_HALF;
    char *text = malloc(4 * (child->head_len + (size_t)tail_len) + 64);
    if (text == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for the errors of '%s'", child->name);
    size_t used = escape(text, child->head, child->head_len);
    if (child->tail_total > CHILD_STDERR_HALF)
        used += (size_t)snprintf(text + used, 64, "\n[%llu bytes left out]\n",
                                 (unsigned long long)(child->tail_total - CHILD_STDERR_HALF));
    size_t start =
        child->tail_total > CHILD_STDERR_HALF ? (size_t)(child->tail_total % CHILD_STDERR_HALF) : 0;
    used += escape(text + used, child->tail + start, (size_t)tail_len - start);
    used += escape(text + used, child->tail, start);
    while (used > 0 && text[used - 1] == '\n')
        used--;
    text[used] = '\0';
    child->text = text;
    child->end.errors = text;
    return SME_OK;
}

/* ------------------------------------------------------------------ pipes -------------------- */

static int look_for_cancel(const struct child *child, struct sme_error *err)
{
    if (child->host->cancelled(child->host) == 0)
        return SME_OK;
    return sme_fail(err, SME_E_CANCELLED, "stopped while '%s' was running", child->name);
}

/* Until one of them is ready, or it is time to look whether the run was cancelled. */
static void wait_ready(struct child *child, int in, int out, int pid_fd, int slice_ms)
{
    struct pollfd fds[] = {
        {.fd = in, .events = POLLOUT},
        {.fd = out, .events = POLLIN},
        {.fd = child->errs, .events = POLLIN},
        {.fd = pid_fd, .events = POLLIN},
    };
    if (poll(fds, sizeof fds / sizeof fds[0], slice_ms) > 0 && fds[2].revents != 0)
        (void)gather_errors(child);
}

/*
 * Many programs write a page at a time.  Who reads each as it comes makes both processes switch for
 * every page, which costs a fifth of the throughput of a dump.  So after the first bytes, which
 * may be all that there is, the pipe is left alone for a moment: for so long that it becomes a
 * quarter full or so, and never full.
 */
static bool gather_output(struct child *child)
{
    if (child->out_bytes < PAUSE_AFTER || child->had_paused)
        return false;
    const struct timespec pause = {.tv_nsec = child->pause_ns};
    (void)nanosleep(&pause, NULL);
    child->had_paused = true;
    return true;
}

static void note_output(struct child *child, size_t got)
{
    child->out_bytes += got;
    if (child->had_paused && got > child->out_room / 2 && child->pause_ns > PAUSE_MIN_NS)
        child->pause_ns /= 2;
    else if (child->had_paused && got < child->out_room / 8 && child->pause_ns < PAUSE_MAX_NS)
        child->pause_ns *= 2;
    child->had_paused = false;
}

/* A program that waits until its output is taken would not read its input either. */
static int stash_output(struct child *child, struct sme_error *err)
{
    char buf[16384];
    ssize_t got = child->out >= 0 ? read(child->out, buf, sizeof buf) : -1;
    if (got == 0)
        child_close_fd(&child->out);
    if (got <= 0)
        return SME_OK;
    if ((size_t)got > CHILD_STASH_MAX - child->stash_len)
        return sme_fail(err, SME_E_UNSUPPORTED, "'%s' wrote more than %u MiB", child->name,
                        CHILD_STASH_MAX >> 20);
    char *stash = realloc(child->stash, child->stash_len + (size_t)got);
    if (stash == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for the output of '%s'", child->name);
    memcpy(stash + child->stash_len, buf, (size_t)got);
    child->stash = stash;
    child->stash_len += (size_t)got;
    return SME_OK;
}

static size_t take_stashed(struct child *child, void *buf, size_t len)
{
    size_t left = child->stash_len - child->stash_at;
    if (len > left)
        len = left;
    if (len > 0)
        memcpy(buf, child->stash + child->stash_at, len);
    child->stash_at += len;
    return len;
}

int64_t child_read(struct child *child, void *buf, size_t len, struct sme_error *err)
{
    if (!child->had_out)
        return sme_fail(err, SME_E_INVALID, "the output of '%s' is not read", child->name);
    if (len == 0)
        return 0;
    size_t stashed = take_stashed(child, buf, len);
    if (stashed > 0)
        return (int64_t)stashed;
    for (;;) {
        int status = look_for_cancel(child, err);
        if (status != SME_OK)
            return status;
        if (child->out < 0)
            return 0;
        ssize_t got = read(child->out, buf, len);
        if (got > 0) {
            note_output(child, (size_t)got);
            return got;
        }
        if (got == 0)
            child_close_fd(&child->out);
        else if (errno == EAGAIN) {
            if (!gather_output(child))
                wait_ready(child, -1, child->out, -1, SLICE_MS);
        } else if (errno != EINTR)
            return sme_fail_errno(err, SME_E_IO, "cannot read the output of '%s'", child->name);
    }
}

/*
 * write() without SIGPIPE: a pipe knows no MSG_NOSIGNAL, a socket as standard input cannot be
 * opened by its name in /dev, and handlers belong to the process.  The signal goes to this
 * thread alone, so it is blocked here and taken away if it came now.
 */
static ssize_t write_quietly(int fd, const void *buf, size_t len)
{
    sigset_t pipe_set;
    sigset_t before;
    sigset_t pending;
    (void)sigemptyset(&pipe_set);
    (void)sigaddset(&pipe_set, SIGPIPE);
    (void)sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe_set, &before);
    ssize_t written = write(fd, buf, len);
    int saved = errno;
    if (written < 0 && saved == EPIPE && !was_pending) {
        const struct timespec now = {0};
        while (sigtimedwait(&pipe_set, NULL, &now) < 0 && errno == EINTR)
            continue;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return written;
}

int child_write(struct child *child, const void *buf, size_t len, struct sme_error *err)
{
    const char *next = buf;
    if (!child->had_in)
        return sme_fail(err, SME_E_INVALID, "'%s' has no input", child->name);
    while (len > 0) {
        int status = look_for_cancel(child, err);
        if (status != SME_OK)
            return status;
        ssize_t written = -1;
        errno = EPIPE;
        if (child->in >= 0)
            written = write_quietly(child->in, next, len);
        if (written >= 0) {
            next += written;
            len -= (size_t)written;
        } else if (errno == EAGAIN) {
            wait_ready(child, child->in, child->out, -1, SLICE_MS);
            status = stash_output(child, err);
            if (status != SME_OK)
                return status;
        } else if (errno == EPIPE) {
            child_close_fd(&child->in);
            return sme_fail(err, SME_E_IO, "'%s' stopped reading its input", child->name);
        } else if (errno != EINTR) {
            return sme_fail_errno(err, SME_E_IO, "cannot write to '%s'", child->name);
        }
    }
    return SME_OK;
}

void child_end_input(struct child *child)
{
    child_close_fd(&child->in);
}

/* ------------------------------------------------------------------ the end ------------------ */

/* 1: has ended; 0: still runs; < 0: no such process, errno says why. */
static int look_for_end(const struct child *child, siginfo_t *ret_info)
{
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        if (errno != EINTR)
            return -1;
    if (info.si_pid == 0)
        return 0;
    *ret_info = info;
    return 1;
}

static void throw_away_output(struct child *child)
{
    char buf[16384];
    if (child->out < 0)
        return;
    ssize_t got = read(child->out, buf, sizeof buf);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        child_close_fd(&child->out);
}

int child_wait(struct child *child, struct child_end *ret_end, struct sme_error *err)
{
    siginfo_t info;
    int found = 0;
    child_end_input(child);
    while (!child->ended && (found = look_for_end(child, &info)) == 0) {
        int status = look_for_cancel(child, err);
        if (status != SME_OK)
            return status;
        throw_away_output(child);
        wait_ready(child, -1, child->out, child->pid_fd,
                   child->pid_fd >= 0 ? SLICE_MS : SLICE_NO_PIDFD_MS);
    }
    if (found < 0)
        return sme_fail_errno(err, SME_E_IO, "cannot find out how '%s' ended", child->name);
    if (!child->ended) {
        /* What it left in the pipe; no more than that, if one of its children goes on writing. */
        for (int i = 0; i < CHILD_PIPE_BYTES / 8192 && gather_errors(child); i++)
            continue;
        int status = make_errors_text(child, err);
        if (status != SME_OK)
            return status;
        bool exited = info.si_code == CLD_EXITED;
        child->end.exit_code = exited ? info.si_status : -1;
        child->end.signal = exited ? 0 : info.si_status;
        child->ended = true;
    }
    *ret_end = child->end;
    return SME_OK;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void end_group(struct child *child)
{
    siginfo_t info;
    int found = look_for_end(child, &info);
    if (found < 0) /* somebody else has reaped it, and its number may be a stranger's */
        return;
    if (found == 0) {
        int64_t until = now_ms() + GRACE_MS;
        (void)kill(-child->pid, SIGTERM);
        (void)kill(-child->pid, SIGCONT); /* a stopped one takes no notice before */
        while (look_for_end(child, &info) == 0 && now_ms() < until)
            wait_ready(child, -1, -1, child->pid_fd, SLICE_NO_PIDFD_MS);
    }
    /* Those that it started and left behind, too. */
    bool ends = kill(-child->pid, SIGKILL) == 0 || look_for_end(child, &info) != 0;
    while (waitpid(child->pid, NULL, ends ? 0 : WNOHANG) < 0 && errno == EINTR)
        continue;
}

void child_free(struct child *child)
{
    if (child == NULL)
        return;
    child_close_fd(&child->in);
    child_close_fd(&child->out);
    if (child->pid > 0)
        end_group(child);
    child_close_fd(&child->errs);
    child_close_fd(&child->pid_fd);
    free(child->stash);
    free(child->text);
    free(child->name);
    free(child);
}

int child_fail(const struct child *child, const struct child_end *end, struct sme_error *err)
{
    size_t line = strcspn(end->errors, "\n");
    const char *colon = line > 0 ? ": " : "";
    if (line > 300)
        line = 300;
    if (end->exit_code < 0)
        return sme_fail(err, SME_E_IO, "'%s' was ended by signal %d%s%.*s", child->name,
                        end->signal, colon, (int)line, end->errors);
    return sme_fail(err, SME_E_IO, "'%s' ended with exit status %d%s%.*s", child->name,
                    end->exit_code, colon, (int)line, end->errors);
}

/* All of its standard output, of at most ${max} bytes, into *${text}, which has room for them
 * and a NUL at the end. */
static int read_output(struct child *child, size_t max, char **text, size_t *ret_len,
                       struct sme_error *err)
{
    size_t used = 0;
    size_t room = 0;
    for (;;) {
        if (room - used < 2) {
            size_t wanted = room == 0 ? 4096 : 2 * room;
            wanted = wanted > max + 2 ? max + 2 : wanted; /* one to see that there is more */
            char *moved = wanted > room ? realloc(*text, wanted) : NULL;
            if (moved == NULL)
                return sme_fail(err, SME_E_NO_MEMORY, "out of memory for the output of '%s'",
                                child->name);
            *text = moved;
            room = wanted;
        }
        int64_t got = child_read(child, *text + used, room - used - 1, err);
        if (got < 0)
            return (int)got;
        used += (size_t)got;
        if (used > max)
            return sme_fail(err, SME_E_CORRUPT, "'%s' wrote more than %zu bytes", child->name, max);
        if (got == 0)
            break;
    }
    (*text)[used] = '\0';
    *ret_len = used;
    return SME_OK;
}

int child_output(const struct child_spec *spec, size_t max, char **ret_text, size_t *ret_len,
                 struct sme_error *err)
{
    struct child_spec own = *spec;
    struct child *child = NULL;
    struct child_end end;
    char *text = NULL;
    size_t len = 0;
    own.has_stdin = false;
    own.has_stdout = true;
    int status = child_start(&own, &child, err);
    if (status != SME_OK)
        return status;
    status = read_output(child, max, &text, &len, err);
    if (status == SME_OK)
        status = child_wait(child, &end, err);
    if (status == SME_OK && end.exit_code != 0)
        status = child_fail(child, &end, err);
    child_free(child);
    if (status != SME_OK) {
        free(text);
        return status;
    }
    *ret_text = text;
    if (ret_len != NULL)
        *ret_len = len;
    return SME_OK;
}
