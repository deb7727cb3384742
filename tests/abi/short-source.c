/*
 * A source as an author with the very first headers would have built it: its table ends before
 * the restore calls, and its descriptor before the sink.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * FROZEN.  The structures below are copies on purpose; they must not follow the headers.  This
 * file loads and runs as long as there is ABI 1.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct host; /* not used */
struct run;
struct error;

struct old_item {
    uint32_t struct_size;
    uint32_t type;
    uint32_t flags;
    int32_t failure;
    const char *path;
    size_t path_len;
    const char *failure_text;
    int dir_fd;
    uint32_t reserved;
    uint64_t dir_serial;
    const char *name;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t nlink;
    uint64_t size;
};

struct old_option {
    const char *name;
    uint32_t type;
    uint32_t flags;
    size_t offset;
    const char *fallback;
    int64_t min;
    int64_t max;
    const char *const *choices;
    const char *help;
};

struct old_source_ops {
    uint32_t struct_size;
    uint32_t reserved;
    int (*create)(const struct host *host, const void *config, void **ret_handle,
                  struct error *err);
    void (*destroy)(void *handle);
    int (*check)(void *handle, struct error *err);
    int (*begin)(void *handle, const struct run *run, struct error *err);
    int (*next)(void *handle, struct old_item *item, struct error *err);
    int64_t (*read)(void *handle, void *buf, size_t len, struct error *err);
    int (*end)(void *handle, int outcome, struct error *err);
};

struct old_plugin {
    uint32_t struct_size;
    uint32_t option_size;
    uint32_t threads;
    uint32_t option_count;
    const char *name;
    const char *version;
    const char *summary;
    const struct old_option *options;
    size_t config_size;
    const struct old_source_ops *source;
};

extern EXPORT const struct old_plugin sme_backup_plugin_v1;

struct config {
    const char *text;
};

static const struct old_option options[] = {
    {.name = "text",
     .type = 1,
     .offset = offsetof(struct config, text),
     .fallback = "old but fine",
     .help = "Content of the only item."},
};

struct handle {
    const struct config *config;
    bool is_done;
    size_t read;
};

static int old_create(const struct host *host, const void *config, void **ret_handle,
                      struct error *err)
{
    struct handle *handle = calloc(1, sizeof *handle);
    (void)host;
    (void)err;
    if (handle == NULL)
        return -11;
    handle->config = config;
    *ret_handle = handle;
    return 0;
}

static void old_destroy(void *handle)
{
    free(handle);
}

static int old_begin(void *handle, const struct run *run, struct error *err)
{
    struct handle *h = handle;
    (void)run;
    (void)err;
    h->is_done = false;
    h->read = 0;
    return 0;
}

static int old_next(void *handle, struct old_item *item, struct error *err)
{
    struct handle *h = handle;
    (void)err;
    if (h->is_done)
        return 0;
    h->is_done = true;
    item->type = 1;
    item->flags = 8 | 32; /* a stream with the fields of stat */
    item->path = "item";
    item->path_len = 4;
    item->mode = 0600;
    item->nlink = 1;
    item->size = strlen(h->config->text);
    return 1;
}

static int64_t old_read(void *handle, void *buf, size_t len, struct error *err)
{
    struct handle *h = handle;
    size_t left = strlen(h->config->text) - h->read;
    (void)err;
    if (left > len)
        left = len;
    memcpy(buf, h->config->text + h->read, left);
    h->read += left;
    return (int64_t)left;
}

static int old_end(void *handle, int outcome, struct error *err)
{
    (void)handle;
    (void)outcome;
    (void)err;
    return 0;
}

static const struct old_source_ops source = {
    .struct_size = sizeof(struct old_source_ops),
    .create = old_create,
    .destroy = old_destroy,
    .begin = old_begin,
    .next = old_next,
    .read = old_read,
    .end = old_end,
};

const struct old_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct old_plugin),
    .option_size = sizeof(struct old_option),
    .threads = 1,
    .option_count = 1,
    .name = "short-source",
    .version = "0.1",
    .summary = "built against the first headers",
    .options = options,
    .config_size = sizeof(struct config),
    .source = &source,
};
