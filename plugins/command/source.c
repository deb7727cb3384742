/*
 * The command source: a run from the start of the program to the verdict on its output.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The verdict comes as the end of the content: read() fails unless the program has ended well and
 * its output has a likely size, and then the core makes no snapshot.
 */
#include "../lib/child.h"
#include "command.h"
#include "lastsize.h"
#include "program.h"
#include "words.h"

#include <stdlib.h>
#include <unistd.h>

#define LINES_MAX 100 /* of standard error in the log */
#define NAME_MAX_LEN 1024

struct source {
    const struct sme_host *host;
    const struct command_options *options;
    /* from begin() to end() */
    struct words words;
    char *program;
    char **environment;
    char *name; /* path of the item */
    struct child *child;
    bool dry;
    int64_t started_ns;
    size_t next_component; /* of the path that next() yields, as an offset in ${name} */
    bool yielded;
    bool good; /* the verdict */
    bool has_last;
    uint64_t last_size;
    uint64_t size;
};

static void forget_run(struct source *source)
{
    child_free(source->child);
    program_environment_free(source->environment);
    words_free(&source->words);
    free(source->program);
    free(source->name);
    *source = (struct source){.host = source->host, .options = source->options};
}

static int command_create(const struct sme_host *host, const void *config, void **ret_handle,
                          struct sme_error *err)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for source '%s'", host->instance);
    source->host = host;
    source->options = config;
    *ret_handle = source;
    return SME_OK;
}

static void command_destroy(void *handle)
{
    struct source *source = handle;
    if (source == NULL)
        return;
    forget_run(source);
    free(source);
}

/* ------------------------------------------------------------------ begin -------------------- */

static bool name_is_good(const char *name)
{
    if (strlen(name) > NAME_MAX_LEN)
        return false;
    for (const char *at = name;; at++) {
        size_t len = strcspn(at, "/");
        if (len == 0 || len > 255 || strncmp(at, ".", len) == 0 || strncmp(at, "..", len) == 0)
            return false;
        at += len;
        if (*at == '\0')
            return true;
    }
}

static int choose_name(struct source *source, struct sme_error *err)
{
    const char *name = source->options->name;
    if (name == NULL || name[0] == '\0') {
        name = strrchr(source->program, '/') + 1;
    } else if (!name_is_good(name)) {
        (void)sme_fail(err, SME_E_INVALID, "option 'name': '%s' is not a relative path", name);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "write a name such as 'shop.sql' or 'mysql/shop.sql'");
        return SME_E_INVALID;
    }
    source->name = strdup(name);
    if (source->name == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for option 'name'");
    return SME_OK;
}

/* Everything but starting the program. */
static int prepare(struct source *source, struct sme_error *err)
{
    const struct command_options *options = source->options;
    int status = words_split(options->command, &source->words, err);
    if (status == SME_OK)
        status = program_find(source->words.list[0], &source->program, err);
    if (status == SME_OK)
        status = choose_name(source, err);
    if (status == SME_OK)
        status = program_environment(&options->environment, &source->environment, err);
    if (status == SME_OK && options->folder != NULL && access(options->folder, X_OK) != 0) {
        status = sme_fail_errno(err, errno == ENOENT ? SME_E_NOT_FOUND : SME_E_DENIED,
                                "folder '%s' cannot be entered", options->folder);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint, "correct the option 'folder'");
    }
    return status;
}

static int command_check(void *handle, struct sme_error *err)
{
    struct source *source = handle;
    int status = prepare(source, err);
    forget_run(source);
    return status;
}

static int load_last_size(struct source *source, struct sme_error *err)
{
    if (source->options->max_shrink == 0 || source->host->state_dir == NULL)
        return SME_OK;
    int found =
        lastsize_load(source->host->state_dir, source->options->command, &source->last_size, err);
    source->has_last = found == 1;
    return found < 0 ? found : SME_OK;
}

static int start(struct source *source, struct sme_error *err)
{
    const struct child_spec spec = {
        .host = source->host,
        .argv = (const char *const *)source->words.list,
        .env = (const char *const *)source->environment,
        .has_stdout = true,
        .folder = source->options->folder,
    };
    source->words.list[0] = source->program;
    return child_start(&spec, &source->child, err);
}

/* The program starts here and not at next(): it lives no longer than the thread that starts it. */
static int command_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct source *source = handle;
    source->dry = (run->flags & SME_RUN_DRY) != 0;
    source->started_ns = run->started_ns;
    int status = prepare(source, err);
    if (status == SME_OK)
        status = load_last_size(source, err);
    if (status == SME_OK)
        status = start(source, err);
    if (status != SME_OK)
        forget_run(source);
    return status;
}

/* ------------------------------------------------------------------ items -------------------- */

static struct sme_time time_of(int64_t ns)
{
    int64_t sec = ns / 1000000000;
    int64_t rest = ns % 1000000000;
    if (rest < 0) {
        sec--;
        rest += 1000000000;
    }
    return (struct sme_time){.sec = sec, .nsec = (uint32_t)rest};
}

static int command_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct source *source = handle;
    if (source->child == NULL)
        return sme_fail(err, SME_E_INVALID, "source '%s' has not begun", source->host->instance);
    if (source->yielded)
        return 0;
    size_t len = strcspn(source->name + source->next_component, "/") + source->next_component;
    bool last = source->name[len] == '\0';
    item->type = last ? SME_ITEM_FILE : SME_ITEM_DIRECTORY;
    item->flags = SME_ITEM_HAS_STAT | (last ? SME_ITEM_STREAM : 0);
    item->path = source->name;
    item->path_len = len;
    item->mode = last ? 0600 : 0700;
    item->uid = geteuid();
    item->gid = getegid();
    item->nlink = last ? 1 : 2;
    item->size = last && source->has_last ? source->last_size : 0;
    item->mtime = time_of(source->started_ns);
    item->ctime = item->mtime;
    source->next_component = len + 1;
    source->yielded = last;
    return 1;
}

/* ------------------------------------------------------------------ the verdict -------------- */

static void log_errors(const struct source *source, const char *errors, int level)
{
    const char *program = strrchr(source->program, '/') + 1;
    size_t count = 0;
    size_t number = 0;
    for (const char *at = errors; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
        count += *at != '\n';
    for (const char *at = errors; *at != '\0'; at += *at == '\n') {
        size_t len = strcspn(at, "\n");
        if (len > 0 && (number < LINES_MAX / 2 || number + LINES_MAX / 2 >= count))
            source->host->log(source->host, level, "%s: %.*s", program, (int)len, at);
        else if (len > 0 && number == LINES_MAX / 2)
            source->host->log(source->host, level, "%s: [%zu lines left out]", program,
                              count - LINES_MAX);
        number += len > 0;
        at += len;
    }
}

static int fail_size(const struct source *source, uint64_t least, bool shrunk,
                     struct sme_error *err)
{
    const char *program = strrchr(source->program, '/') + 1;
    if (!shrunk) {
        (void)sme_fail(err, SME_E_IO, "'%s' wrote %llu bytes, but min_size is %llu", program,
                       (unsigned long long)source->size, (unsigned long long)least);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "run the command by hand and look at its output; lower min_size if it "
                           "is right");
        return SME_E_IO;
    }
    uint32_t shrink = source->options->max_shrink;
    (void)sme_fail(err, SME_E_IO,
                   "'%s' wrote %llu bytes, %llu at the last good run: more than max_shrink "
                   "= %u.%02u%% less",
                   program, (unsigned long long)source->size, (unsigned long long)source->last_size,
                   shrink / 100, shrink % 100);
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint,
                       "run the command by hand and look at its output; if it is right, remove "
                       "'%s/" LASTSIZE_FILE "'",
                       source->host->state_dir);
    return SME_E_IO;
}

static int check_size(const struct source *source, struct sme_error *err)
{
    if (source->size < source->options->min_size)
        return fail_size(source, source->options->min_size, false, err);
    if (!source->has_last)
        return SME_OK;
    uint64_t percent = 10000 - source->options->max_shrink;
    /* last * percent / 10000, rounded up, without overflow */
    uint64_t least =
        source->last_size / 10000 * percent + (source->last_size % 10000 * percent + 9999) / 10000;
    return source->size < least ? fail_size(source, least, true, err) : SME_OK;
}

static int judge(struct source *source, struct sme_error *err)
{
    struct child_end end;
    int status = child_wait(source->child, &end, err);
    if (status != SME_OK)
        return status;
    bool ended_well = end.exit_code == 0;
    if (!ended_well) {
        status = child_fail(source->child, &end, err);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint, "%s",
                           end.errors[0] != '\0'
                               ? "all that it said is in the log; run it by hand as this user"
                               : "it said nothing; run it by hand as this user");
    } else {
        status = check_size(source, err);
    }
    log_errors(source, end.errors, status == SME_OK ? SME_LOG_INFO : SME_LOG_WARNING);
    source->good = status == SME_OK;
    return status;
}

static int64_t command_read(void *handle, void *buf, size_t len, struct sme_error *err)
{
    struct source *source = handle;
    if (source->child == NULL || !source->yielded)
        return sme_fail(err, SME_E_INVALID, "source '%s' has no content to read yet",
                        source->host->instance);
    int64_t got = child_read(source->child, buf, len, err);
    if (got > 0)
        source->size += (uint64_t)got;
    if (got != 0 || len == 0 || source->good)
        return got;
    return judge(source, err);
}

static int command_end(void *handle, int outcome, struct sme_error *err)
{
    struct source *source = handle;
    (void)err;
    /* The backup is good whatever comes of this; what is lost is a comparison. */
    if (outcome == SME_COMMIT && source->good && !source->dry && source->host->state_dir != NULL) {
        struct sme_error why = {.struct_size = sizeof why};
        if (lastsize_save(source->host->state_dir, source->options->command, source->size, &why) !=
            SME_OK)
            source->host->log(source->host, SME_LOG_WARNING,
                              "the size of this run is not kept for the next one: %s", why.message);
    }
    forget_run(source);
    return SME_OK;
}

const struct sme_source_ops command_ops = {
    .struct_size = sizeof(struct sme_source_ops),
    .create = command_create,
    .destroy = command_destroy,
    .check = command_check,
    .begin = command_begin,
    .next = command_next,
    .read = command_read,
    .end = command_end,
};
