/*
 * A source for tests: yields items that its options describe, and misbehaves on request.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Item number n is "gen-000000n" (in folders, "dir-00000d/gen-000000n"); its content depends on
 * seed and n only.  ${trace} gets a line per call that matters, so that a test can see what the
 * core did, and wait for it without sleeping.
 */
#include "sme-backup/source.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum fail_kind {
    FAIL_NONE,
    FAIL_ITEM,    /* the item comes as failed                                          */
    FAIL_SKIP,    /* the item comes as left out                                        */
    FAIL_READ,    /* read() fails in the middle of the content: the run fails          */
    FAIL_CHANGED, /* read() reports a change there: the item fails                     */
    FAIL_NEXT,    /* next() fails                                                      */
    FAIL_CREATE,  /* create(), check(), begin(), end() fail; fail_at does not matter   */
    FAIL_CHECK,
    FAIL_BEGIN,
    FAIL_END,
    FAIL_CRASH,     /* a segmentation fault                                              */
    FAIL_EXIT,      /* the plugin ends the process with success, as if all were done     */
    FAIL_KILL,      /* kill -9                                                           */
    FAIL_HANG,      /* no answer, whoever asks                                           */
    FAIL_WAIT,      /* no answer until the file ${wait} is there, or cancelled           */
    FAIL_SPEND,     /* memory without end                                                */
    FAIL_ORDER,     /* the item before comes once more                                   */
    FAIL_PATH,      /* the item is called "../escape"                                    */
    FAIL_UNFINISHED /* next() says there are no more items                               */
};

static const char *const fail_choices[] = {[FAIL_NONE] = "none",
                                           [FAIL_ITEM] = "item",
                                           [FAIL_SKIP] = "skip",
                                           [FAIL_READ] = "read",
                                           [FAIL_CHANGED] = "changed",
                                           [FAIL_NEXT] = "next",
                                           [FAIL_CREATE] = "create",
                                           [FAIL_CHECK] = "check",
                                           [FAIL_BEGIN] = "begin",
                                           [FAIL_END] = "end",
                                           [FAIL_CRASH] = "crash",
                                           [FAIL_EXIT] = "exit",
                                           [FAIL_KILL] = "kill",
                                           [FAIL_HANG] = "hang",
                                           [FAIL_WAIT] = "wait",
                                           [FAIL_SPEND] = "spend",
                                           [FAIL_ORDER] = "order",
                                           [FAIL_PATH] = "path",
                                           [FAIL_UNFINISHED] = "unfinished",
                                           NULL};

struct gen_config {
    int64_t items;
    int64_t per_folder;
    uint64_t size;
    bool vary;
    bool dull;
    int64_t seed;
    int64_t fail_at;
    uint32_t fail_kind;
    const char *wait;
    const char *trace;
    const char *secret;
    const char *old_name;
    struct sme_list labels;
};

static const struct sme_option options[] = {
    SME_OPTION_INT(struct gen_config, items, "items", 0, "10", 0, 1000000000,
                   "How many items there are."),
    SME_OPTION_INT(struct gen_config, per_folder, "per_folder", 0, "0", 0, 1000000,
                   "How many of them share a folder; 0 puts all into the root."),
    SME_OPTION_SIZE(struct gen_config, size, "size", 0, "1000", 0, 0, "Bytes per item."),
    SME_OPTION_BOOL(struct gen_config, vary, "vary", 0, "no",
                    "Sizes between 0 and size instead of size."),
    SME_OPTION_BOOL(struct gen_config, dull, "dull", 0, "no",
                    "Content that compresses well instead of random bytes."),
    SME_OPTION_INT(struct gen_config, seed, "seed", 0, "1", 0, 0, "Decides the content."),
    SME_OPTION_INT(struct gen_config, fail_at, "fail_at", 0, "0", 0, 1000000000,
                   "Number of the item at which the failure happens."),
    SME_OPTION_CHOICE(struct gen_config, fail_kind, "fail_kind", 0, "none", fail_choices,
                      "The failure."),
    SME_OPTION_PATH(struct gen_config, wait, "wait", 0, NULL,
                    "File whose appearance ends the failure of the kind wait."),
    SME_OPTION_PATH(struct gen_config, trace, "trace", 0, NULL, "File that gets a line per call."),
    SME_OPTION_STRING(struct gen_config, secret, "secret", SME_OPT_SECRET, NULL,
                      "Something that must not be seen anywhere."),
    SME_OPTION_STRING(struct gen_config, old_name, "old_name", SME_OPT_DEPRECATED, NULL,
                      "Use labels instead."),
    SME_OPTION_LIST(struct gen_config, labels, "labels", 0, NULL, "Facts that every item carries."),
};

struct gen {
    const struct sme_host *host;
    const struct gen_config *config;
    int64_t next_item;
    int64_t next_folder;
    uint64_t read_done;
    uint64_t read_size;
    uint64_t state;
    char path[64];
    struct sme_extra extras[8];
    size_t extra_count;
};

static void trace(const struct gen *gen, const char *fmt, ...) SME_PRINTF(2, 3);
static void trace(const struct gen *gen, const char *fmt, ...)
{
    char line[128];
    va_list ap;

    if (gen->config->trace == NULL)
        return;
    va_start(ap, fmt);
    int len = vsnprintf(line, sizeof line - 1, fmt, ap);
    va_end(ap);
    int fd = open(gen->config->trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || len < 0)
        return;
    line[len] = '\n';
    (void)!write(fd, line, (size_t)len + 1);
    (void)close(fd);
}

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* ---- misbehaviour ------------------------------------------------------------------------- */

static int fail(const struct gen *gen, enum fail_kind kind, const char *call, struct sme_error *err)
{
    if (gen->config->fail_kind != (uint32_t)kind)
        return SME_OK;
    return sme_fail(err, SME_E_IO, "%s() failed because the test wants it", call);
}

static int wait_for_file(const struct gen *gen, struct sme_error *err)
{
    const struct timespec pause = {.tv_nsec = 5000000};

    while (gen->config->wait == NULL || access(gen->config->wait, F_OK) < 0) {
        if (gen->host->cancelled(gen->host) != 0)
            return sme_fail(err, SME_E_CANCELLED, "cancelled while waiting");
        (void)nanosleep(&pause, NULL);
    }
    return SME_OK;
}

static void spend(void)
{
    const size_t step = (size_t)64 << 20;

    for (;;) {
        char *more = malloc(step);
        if (more == NULL)
            abort();
        memset(more, 1, step);
    }
}

/* What happens instead of, or before, item ${gen->next_item}; 1: yield it after all. */
static int misbehave(struct gen *gen, struct sme_item *item, struct sme_error *err)
{
    switch ((enum fail_kind)gen->config->fail_kind) {
    case FAIL_ITEM:
        item->flags = SME_ITEM_FAILED;
        item->failure = SME_E_IO;
        item->failure_text = "it failed because the test wants it";
        return 1;
    case FAIL_SKIP:
        item->flags = SME_ITEM_SKIPPED;
        item->failure_text = "it was left out because the test wants it";
        return 1;
    case FAIL_NEXT:
        return fail(gen, FAIL_NEXT, "next", err);
    case FAIL_CRASH:
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
        return 1;
    case FAIL_EXIT:
        _exit(0);
    case FAIL_KILL:
        (void)raise(SIGKILL);
        return 1;
    case FAIL_HANG:
        for (;;)
            (void)pause();
    case FAIL_WAIT: {
        int status = wait_for_file(gen, err);
        return status < 0 ? status : 1;
    }
    case FAIL_SPEND:
        spend();
        return 1;
    case FAIL_ORDER:
        if (gen->next_item > 0)
            gen->next_item--;
        return 1;
    case FAIL_PATH:
        item->path = "../escape";
        item->path_len = strlen(item->path);
        return 1;
    case FAIL_UNFINISHED:
        return 0;
    case FAIL_NONE:
    case FAIL_READ:
    case FAIL_CHANGED:
    case FAIL_CREATE:
    case FAIL_CHECK:
    case FAIL_BEGIN:
    case FAIL_END:
        break;
    }
    return 1;
}

/* ---- calls -------------------------------------------------------------------------------- */

static int gen_create(const struct sme_host *host, const void *config, void **ret_handle,
                      struct sme_error *err)
{
    struct gen *gen = calloc(1, sizeof *gen);

    if (gen == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory");
    gen->host = host;
    gen->config = config;
    trace(gen, "create");
    int status = fail(gen, FAIL_CREATE, "create", err);
    if (status < 0) {
        free(gen);
        return status;
    }
    *ret_handle = gen;
    return SME_OK;
}

static void gen_destroy(void *handle)
{
    struct gen *gen = handle;

    if (gen != NULL)
        trace(gen, "destroy");
    free(gen);
}

static int gen_check(void *handle, struct sme_error *err)
{
    return fail(handle, FAIL_CHECK, "check", err);
}

static int gen_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct gen *gen = handle;

    trace(gen, "begin%s", (run->flags & SME_RUN_DRY) != 0 ? " dry" : "");
    gen->next_item = 0;
    gen->next_folder = 0;
    gen->extra_count = 0;
    const struct sme_list *labels = &gen->config->labels;
    for (size_t i = 0; i < labels->count && i < 8; i++)
        gen->extras[gen->extra_count++] = (struct sme_extra){"label", labels->items[i]};
    return fail(gen, FAIL_BEGIN, "begin", err);
}

static void fill_times(struct sme_item *item)
{
    item->mtime = (struct sme_time){.sec = 1000000000, .nsec = 123456789};
    item->ctime = item->mtime;
}

static void fill_folder(struct gen *gen, struct sme_item *item)
{
    int len = snprintf(gen->path, sizeof gen->path, "dir-%07lld", (long long)gen->next_folder);

    item->type = SME_ITEM_DIRECTORY;
    item->flags = SME_ITEM_HAS_STAT;
    item->path = gen->path;
    item->path_len = (size_t)len;
    item->mode = 0755;
    item->nlink = 2;
    fill_times(item);
    gen->next_folder++;
}

static void fill_file(struct gen *gen, struct sme_item *item)
{
    int64_t n = gen->next_item;
    int64_t per_folder = gen->config->per_folder;
    uint64_t size = gen->config->size;
    int len;

    if (per_folder > 0)
        len = snprintf(gen->path, sizeof gen->path, "dir-%07lld/gen-%07lld",
                       (long long)(n / per_folder), (long long)n);
    else
        len = snprintf(gen->path, sizeof gen->path, "gen-%07lld", (long long)n);
    gen->state = mix((uint64_t)gen->config->seed ^ mix((uint64_t)n));
    if (gen->config->vary)
        size = size == UINT64_MAX ? gen->state : gen->state % (size + 1);
    gen->read_done = 0;
    gen->read_size = size;
    item->type = SME_ITEM_FILE;
    item->flags = SME_ITEM_STREAM | SME_ITEM_HAS_STAT;
    item->path = gen->path;
    item->path_len = (size_t)len;
    item->mode = 0644;
    item->nlink = 1;
    item->size = size;
    fill_times(item);
    item->extras = gen->extras;
    item->extra_count = gen->extra_count;
}

static int gen_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct gen *gen = handle;
    const struct gen_config *config = gen->config;
    int64_t n = gen->next_item;

    if (n >= config->items) {
        trace(gen, "no more");
        return 0;
    }
    if (config->per_folder > 0 && n / config->per_folder == gen->next_folder) {
        fill_folder(gen, item);
        return 1;
    }
    trace(gen, "item %lld", (long long)n);
    bool fails = n == config->fail_at && config->fail_kind != FAIL_NONE;
    fill_file(gen, item);
    gen->next_item++;
    return fails ? misbehave(gen, item, err) : 1;
}

static int64_t gen_read(void *handle, void *buf, size_t len, struct sme_error *err)
{
    struct gen *gen = handle;
    uint8_t *out = buf;
    uint64_t left = gen->read_size - gen->read_done;
    bool is_bad = gen->next_item == gen->config->fail_at + 1;

    if (is_bad && gen->read_done >= gen->read_size / 2) {
        int status = fail(gen, FAIL_READ, "read", err);
        if (status < 0)
            return status;
        if (gen->config->fail_kind == FAIL_CHANGED)
            return sme_fail(err, SME_E_CHANGED, "it changed because the test wants it");
    }
    /* Half of it first, so that a failure comes in the middle. */
    if (gen->read_done == 0 && left > 1 && is_bad)
        left /= 2;
    if (left > len)
        left = len;
    for (size_t i = 0; i < left; i++) {
        uint64_t at = gen->read_done + i;
        uint64_t word = gen->config->dull ? (at / 64) % 7 : mix(gen->state ^ (at / 8));
        out[i] = (uint8_t)(word >> (gen->config->dull ? 0 : 8 * (at % 8)));
    }
    gen->read_done += left;
    return (int64_t)left;
}

static int gen_end(void *handle, int outcome, struct sme_error *err)
{
    struct gen *gen = handle;

    trace(gen, "end %s", outcome == SME_COMMIT ? "commit" : "abort");
    return fail(gen, FAIL_END, "end", err);
}

static const struct sme_source_ops source_ops = {
    .struct_size = sizeof(struct sme_source_ops),
    .create = gen_create,
    .destroy = gen_destroy,
    .check = gen_check,
    .begin = gen_begin,
    .next = gen_next,
    .read = gen_read,
    .end = gen_end,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PER_HANDLE,
    .option_count = sizeof options / sizeof options[0],
    .name = "gen",
    .version = "1",
    .summary = "made-up items, for tests",
    .options = options,
    .config_size = sizeof(struct gen_config),
    .source = &source_ops,
};
