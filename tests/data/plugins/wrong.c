/*
 * A source with one fault, which -DFAULT= names; for tests/bats/plugin_kit.bats.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <sme-backup/source.h>

#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum fault {
    DESCRIPTOR,
    ORDER,
    TWICE,
    DOTS,
    TYPE,
    FLAGS,
    MODE,
    NO_TEXT,
    BOTH,
    KEEP,
    PLACE,
    LINK,
    NULL_HANDLE,
    GLOBAL,
    ONCE,
    LONG_READ,
    SMEAR,
    DEAF,
    TOUCH,
    SILENT,
    CLASS,
    DRY,
    STREAM,
    COMMIT,
    CHDIR,
    UMASK,
    SETENV,
    SIGNAL,
    LOCALE,
    INHERIT,
    FD,
    THREAD,
    CHILD,
    ZOMBIE,
    ORPHAN,
    MEMORY,
    PRINT,
    CRASH,
    EXIT,
    ABORT,
    STACK,
    FIRST
};

struct config {
    uint64_t size;
};

static const struct sme_option options[] = {
    SME_OPTION_SIZE(struct config, size, "size", 0, "20000", 0, 1 << 20, "Bytes of the streams."),
};

struct state {
    const struct sme_host *host;
    const struct config *config;
    unsigned at, runs;
    uint64_t done;
    char name[32];
    uint64_t stream_done[8];
};

static struct state the_only_one; /* GLOBAL: what nobody should have */

static void on_signal(int number)
{
    (void)number;
}

static void *wait_for_ever(void *arg)
{
    for (;;)
        (void)pause();
    return arg;
}

static unsigned dig(unsigned depth)
{
    volatile char hole[65536];

    hole[depth % sizeof hole] = 1;
    return depth == 0xffffffffu ? 0 : dig(depth + 1) + (unsigned)hole[0];
}

static int create(const struct sme_host *host, const void *config, void **ret_handle,
                  struct sme_error *err)
{
    struct state *state = FAULT == GLOBAL ? &the_only_one : calloc(1, sizeof *state);

    if (state == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "no memory");
    if (FAULT == FIRST)
        (void)raise(SIGSEGV);
    state->host = host;
    state->config = config;
    *ret_handle = state;
    return SME_OK;
}

static void destroy(void *handle)
{
    if (FAULT == NULL_HANDLE && *(volatile char *)handle == 0)
        return;
    if (FAULT != GLOBAL)
        free(handle);
}

/* No fault: a program that is waited for, and killed with all that it left behind. */
static void end_group(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        (void)setpgid(0, 0);
        if (fork() == 0)
            (void)wait_for_ever(NULL);
        _exit(0);
    }
    (void)waitpid(pid, NULL, 0);
    (void)kill(-pid, SIGKILL);
}

static void harm_process(void)
{
    pthread_t thread;

    if (FAULT == CHDIR && chdir("/") < 0)
        abort();
    if (FAULT == UMASK)
        (void)umask(0);
    if (FAULT == SETENV)
        (void)setenv("WRONG", "1", 1);
    if (FAULT == SIGNAL)
        (void)signal(SIGUSR1, on_signal);
    if (FAULT == LOCALE)
        (void)setlocale(LC_ALL, "C.UTF-8");
    if (FAULT == INHERIT || FAULT == FD)
        (void)open("/dev/null", O_RDONLY | (FAULT == FD ? O_CLOEXEC : 0));
    if (FAULT == THREAD)
        (void)pthread_create(&thread, NULL, wait_for_ever, NULL);
    if (FAULT == CHILD && fork() == 0)
        (void)wait_for_ever(NULL);
    if (FAULT == ZOMBIE && fork() == 0)
        _exit(0);
    if (FAULT == ORPHAN)
        end_group();
    if (FAULT == MEMORY) {
        char *volatile lost = malloc(1000);
        *lost = 1;
    }
    if (FAULT == PRINT)
        (void)!write(STDOUT_FILENO, "here I am\n", 10);
}

static int begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct state *state = handle;
    char path[4200];

    if (FAULT == ONCE && state->runs > 0)
        return sme_fail(err, SME_E_IO, "once is enough");
    if (FAULT == DRY || (run->flags & SME_RUN_DRY) == 0) {
        (void)snprintf(path, sizeof path, "%s/runs", state->host->state_dir);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        (void)!write(fd, "run\n", 4);
        (void)close(fd);
    }
    harm_process();
    state->runs++;
    state->at = 0;
    return SME_OK;
}

static void fill_file(struct state *state, struct sme_item *item, const char *name)
{
    (void)snprintf(state->name, sizeof state->name, "%s", name);
    state->done = 0;
    item->path = state->name;
    item->path_len = strlen(state->name);
    item->type = SME_ITEM_FILE;
    item->flags = SME_ITEM_STREAM | SME_ITEM_HAS_STAT;
    item->mode = 0644;
    item->nlink = 1;
}

static void spoil_item(struct state *state, struct sme_item *item)
{
    if (FAULT == DOTS)
        fill_file(state, item, "../up");
    if (FAULT == TYPE)
        item->type = 99;
    if (FAULT == FLAGS)
        item->flags |= 1u << 30;
    if (FAULT == MODE)
        item->mode |= S_IFREG;
    if (FAULT == NO_TEXT) {
        item->flags = SME_ITEM_FAILED | SME_ITEM_HAS_STAT;
        item->failure = SME_E_IO;
    }
    if (FAULT == BOTH)
        item->flags |= SME_ITEM_LOCATED;
    if (FAULT == KEEP)
        item->flags |= SME_ITEM_KEEP_OLDER;
    if (FAULT == PLACE)
        item->flags = SME_ITEM_LOCATED;
    if (FAULT == LINK) {
        item->flags = SME_ITEM_HAS_STAT;
        item->type = SME_ITEM_SYMLINK;
    }
}

static void misbehave(void)
{
    if (FAULT == CRASH)
        (void)raise(SIGSEGV);
    if (FAULT == EXIT)
        _exit(0);
    if (FAULT == ABORT)
        abort();
    if (FAULT == STACK && dig(0) != 0)
        abort();
}

static int next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct state *state = handle;
    char name[16];

    if (FAULT != DEAF && state->host->cancelled(state->host)) {
        if (FAULT == TOUCH)
            item->type = SME_ITEM_FILE;
        if (FAULT == SILENT)
            return SME_E_CANCELLED;
        return sme_fail(err, FAULT == CLASS ? SME_E_IO : SME_E_CANCELLED, "cancelled");
    }
    misbehave();
    unsigned at = state->at++;
    if (at == 0) {
        fill_file(state, item, FAULT == ORDER ? "z" : "a");
        item->type = SME_ITEM_DIRECTORY;
        item->flags = SME_ITEM_HAS_STAT;
        item->mode = 0755;
        return 1;
    }
    if (at == 1) {
        fill_file(state, item, FAULT == ORDER ? "a" : "b");
        spoil_item(state, item);
        return 1;
    }
    if (at == 2 && FAULT == TWICE) {
        fill_file(state, item, "b");
        return 1;
    }
    if (at >= 2 && at < 8) {
        (void)snprintf(name, sizeof name, "c%u", at);
        fill_file(state, item, name);
        state->stream_done[at] = 0;
        item->stream = &state->stream_done[at];
        return 1;
    }
    if (FAULT == DEAF && at < 3000) {
        (void)snprintf(name, sizeof name, "d%05u", at);
        fill_file(state, item, name);
        item->flags = SME_ITEM_HAS_STAT;
        return 1;
    }
    return 0;
}

static int64_t give(const struct state *state, uint64_t *done, void *buf, size_t len)
{
    uint64_t left = state->config->size - *done;

    if (left > len)
        left = len;
    memset(buf, 'x', (size_t)left);
    *done += left;
    return (int64_t)left;
}

static int64_t read_content(void *handle, void *buf, size_t len, struct sme_error *err)
{
    struct state *state = handle;

    (void)err;
    if (FAULT == LONG_READ && len < 20)
        return 21;
    int64_t got = give(state, &state->done, buf, len);
    if (FAULT == SMEAR && len < 20)
        ((char *)buf)[len] = 'y';
    return got;
}

static int64_t read_stream(void *handle, void *stream, void *buf, size_t len, struct sme_error *err)
{
    struct state *state = handle;

    if (FAULT == STREAM && stream != &state->stream_done[7])
        return sme_fail(err, SME_E_IO, "only the last stream can be read");
    return give(state, stream, buf, len);
}

static void close_stream(void *handle, void *stream)
{
    (void)handle;
    *(uint64_t *)stream = 0;
}

static int end(void *handle, int outcome, struct sme_error *err)
{
    (void)handle;
    return FAULT == COMMIT && outcome == SME_COMMIT ? sme_fail(err, SME_E_IO, "cannot") : SME_OK;
}

static const struct sme_source_ops ops = {
    .struct_size = sizeof ops,
    .create = create,
    .destroy = destroy,
    .begin = begin,
    .next = next,
    .read = read_content,
    .end = end,
    .read_stream = read_stream,
    .close_stream = close_stream,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof sme_backup_plugin_v1,
    .option_size = sizeof options[0],
    .threads = SME_THREADS_PARALLEL,
    .option_count = sizeof options / sizeof options[0],
    .name = "wrong",
    .version = FAULT == DESCRIPTOR ? "" : "1",
    .summary = "one fault",
    .options = options,
    .config_size = sizeof(struct config),
    .source = &ops,
};
