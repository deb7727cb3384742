/*
 * rogue: a source for tests that does what no plugin should, in the call that is named.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Else it yields three small files.  SME_TEST_ROGUE_LOAD in the environment has the deed that it
 * does while it is being loaded.
 */
#include "misdeed.h"
#include "sme-backup/source.h"

#define FILES 3
#define SIZE 40000u

static const char *const calls[] = {"create", "check", "begin",   "next", "read",
                                    "commit", "abort", "destroy", NULL};
enum { AT_CREATE, AT_CHECK, AT_BEGIN, AT_NEXT, AT_READ, AT_COMMIT, AT_ABORT, AT_DESTROY };

/* Deeds of a source only, behind those of every plugin. */
enum {
    LIE_READ_MORE = DEED_COUNT, /* more than was asked                    */
    LIE_READ_WILD,              /* of which an int would be 0             */
    LIE_READ_CLASS,             /* a class that does not exist            */
    LIE_NEXT_CLASS,             /* the same of next()                     */
    LIE_SILENT,                 /* a failure without text                 */
    LIE_CANCELLED,              /* nobody has asked for that              */
    LIE_PATH_LEN,               /* longer than any path                   */
    LIE_PATH_NUL,               /* ... or than this one                   */
    LIE_EXTRAS,                 /* more facts counted than there are      */
    LIE_EXTRAS_WILD,            /* ... and none at all                    */
    LIE_STRUCT_SIZE,            /* another struct size in item and error  */
    LIE_TYPE,                   /* no type that exists                    */
    LIE_NO_HANDLE,              /* create() without a handle              */
    LIE_FAIL                    /* an ordinary failure                    */
};
static const char *const deeds[] = {MISDEED_WORDS, "read-more", "read-wild",   "read-class",
                                    "next-class",  "silent",    "cancelled",   "path-len",
                                    "path-nul",    "extras",    "extras-wild", "struct-size",
                                    "type",        "no-handle", "fail",        NULL};

struct rogue_config {
    uint32_t at;
    uint32_t deed;
    const char *note;
};

static const struct sme_option options[] = {
    SME_OPTION_CHOICE(struct rogue_config, at, "at", 0, "next", calls, "The call."),
    SME_OPTION_CHOICE(struct rogue_config, deed, "deed", 0, "none", deeds, "What it does there."),
    SME_OPTION_PATH(struct rogue_config, note, "note", 0, NULL, "Gets the number of a child."),
};

struct rogue {
    const struct sme_host *host;
    const struct rogue_config *config;
    unsigned next;
    unsigned done;
    char path[16];
    struct sme_extra extras[2];
};

__attribute__((constructor)) static void rogue_load(void)
{
    static const char *const words[] = {MISDEED_WORDS};
    const char *deed = getenv("SME_TEST_ROGUE_LOAD");

    for (unsigned i = 0; deed != NULL && i < DEED_COUNT; i++) {
        if (strcmp(words[i], deed) == 0)
            misdeed((enum misdeed)i, NULL, NULL);
    }
}

static bool is_here(const struct rogue *rogue, unsigned at)
{
    return rogue->config->at == at;
}

/* What is done at ${at}; a failure if that is what it is. */
static int act(const struct rogue *rogue, unsigned at, struct sme_error *err)
{
    uint32_t deed = is_here(rogue, at) ? rogue->config->deed : DEED_NONE;

    if (deed < DEED_COUNT)
        misdeed((enum misdeed)deed, rogue->host, rogue->config->note);
    switch (deed) {
    case LIE_SILENT:
        return SME_E_IO;
    case LIE_CANCELLED:
        return sme_fail(err, SME_E_CANCELLED, "somebody wants me to stop");
    case LIE_NEXT_CLASS:
        return -9999;
    case LIE_FAIL:
        return sme_fail(err, SME_E_IO, "%s() fails as it was told to", calls[at]);
    default:
        return SME_OK;
    }
}

static int rogue_create(const struct sme_host *host, const void *config, void **ret_handle,
                        struct sme_error *err)
{
    struct rogue *rogue = calloc(1, sizeof *rogue);

    if (rogue == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "no memory");
    rogue->host = host;
    rogue->config = config;
    int status = act(rogue, AT_CREATE, err);
    if (status < 0 || rogue->config->deed == LIE_NO_HANDLE) {
        free(rogue);
        return status;
    }
    *ret_handle = rogue;
    return SME_OK;
}

static void rogue_destroy(void *handle)
{
    if (handle != NULL)
        (void)act(handle, AT_DESTROY, NULL);
    free(handle);
}

static int rogue_check(void *handle, struct sme_error *err)
{
    return act(handle, AT_CHECK, err);
}

static int rogue_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct rogue *rogue = handle;

    (void)run;
    rogue->next = 0;
    return act(rogue, AT_BEGIN, err);
}

static void lie_about_item(struct rogue *rogue, struct sme_item *item)
{
    switch (rogue->config->deed) {
    case LIE_PATH_LEN:
        item->path_len = SIZE_MAX;
        break;
    case LIE_PATH_NUL:
        item->path_len++;
        break;
    case LIE_EXTRAS:
        rogue->extras[0] = (struct sme_extra){"name", "value"};
        item->extras = rogue->extras;
        item->extra_count = 2;
        break;
    case LIE_EXTRAS_WILD:
        item->extra_count = SIZE_MAX;
        break;
    case LIE_STRUCT_SIZE:
        item->struct_size = UINT32_MAX;
        break;
    case LIE_TYPE:
        item->type = 77;
        break;
    default:
        break;
    }
}

static int rogue_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct rogue *rogue = handle;

    if (rogue->next == FILES)
        return 0;
    /* The second: there is something before it and after it. */
    bool is_turn = rogue->next == 1;
    int status = is_turn ? act(rogue, AT_NEXT, err) : SME_OK;
    if (status < 0)
        return status;
    (void)snprintf(rogue->path, sizeof rogue->path, "file-%u", rogue->next);
    item->type = SME_ITEM_FILE;
    item->flags = SME_ITEM_STREAM | SME_ITEM_HAS_STAT;
    item->path = rogue->path;
    item->path_len = strlen(rogue->path);
    item->mode = 0644;
    item->nlink = 1;
    item->size = SIZE;
    item->mtime.sec = 1000000000;
    if (is_turn && is_here(rogue, AT_NEXT))
        lie_about_item(rogue, item);
    rogue->next++;
    rogue->done = 0;
    return 1;
}

static int64_t rogue_read(void *handle, void *buf, size_t len, struct sme_error *err)
{
    struct rogue *rogue = handle;
    size_t size = SIZE - rogue->done;

    if (rogue->next == 2 && is_here(rogue, AT_READ) && rogue->done > 0) {
        int status = act(rogue, AT_READ, err);
        if (status < 0)
            return status;
        if (rogue->config->deed == LIE_READ_MORE)
            return (int64_t)len + 1;
        if (rogue->config->deed == LIE_READ_WILD)
            return INT64_MIN;
        if (rogue->config->deed == LIE_READ_CLASS)
            return -18;
    }
    if (rogue->done == 0)
        size /= 2;
    if (size > len)
        size = len;
    memset(buf, 'a' + (int)rogue->next, size);
    rogue->done += (unsigned)size;
    return (int64_t)size;
}

static int rogue_end(void *handle, int outcome, struct sme_error *err)
{
    return act(handle, outcome == SME_COMMIT ? AT_COMMIT : AT_ABORT, err);
}

static const struct sme_source_ops source_ops = {
    .struct_size = sizeof(struct sme_source_ops),
    .create = rogue_create,
    .destroy = rogue_destroy,
    .check = rogue_check,
    .begin = rogue_begin,
    .next = rogue_next,
    .read = rogue_read,
    .end = rogue_end,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PER_HANDLE,
    .option_count = sizeof options / sizeof options[0],
    .name = "rogue",
    .version = "1",
    .summary = "does what no source should, for tests",
    .options = options,
    .config_size = sizeof(struct rogue_config),
    .source = &source_ops,
};
