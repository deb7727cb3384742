/*
 * A source as an author with later headers would have built it: descriptor, table and option rows
 * are longer than the core knows.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "sme-backup/source.h"

struct later_option {
    struct sme_option base;
    const char *since;
    uint64_t reserved[3];
};

struct later_ops {
    struct sme_source_ops base;
    int (*pause)(void *handle, struct sme_error *err);
    int (*resume)(void *handle, struct sme_error *err);
};

struct later_plugin {
    struct sme_plugin base;
    const void *codec;
    uint64_t reserved[4];
};

struct config {
    uint64_t first;
    const char *second;
};

static const struct later_option options[] = {
    {.base = SME_OPTION_SIZE(struct config, first, "first", 0, "4KiB", 0, 0, "One size."),
     .since = "2"},
    {.base = SME_OPTION_STRING(struct config, second, "second", 0, "two", "One text."),
     .since = "3"},
};

/* There is one handle at most, and it is this. */
static int handle;

static int later_create(const struct sme_host *host, const void *config, void **ret_handle,
                        struct sme_error *err)
{
    (void)host;
    (void)config;
    (void)err;
    *ret_handle = &handle;
    return SME_OK;
}

static void later_destroy(void *gone)
{
    (void)gone;
}

static int later_begin(void *self, const struct sme_run *run, struct sme_error *err)
{
    (void)self;
    (void)run;
    (void)err;
    return SME_OK;
}

static int later_next(void *self, struct sme_item *item, struct sme_error *err)
{
    (void)self;
    (void)item;
    (void)err;
    return 0;
}

static int later_end(void *self, int outcome, struct sme_error *err)
{
    (void)self;
    (void)outcome;
    (void)err;
    return SME_OK;
}

static int later_pause(void *self, struct sme_error *err)
{
    (void)self;
    return sme_fail(err, SME_E_UNSUPPORTED, "the core cannot know this call");
}

static const struct later_ops source = {
    .base =
        {
            .struct_size = sizeof(struct later_ops),
            .create = later_create,
            .destroy = later_destroy,
            .begin = later_begin,
            .next = later_next,
            .end = later_end,
        },
    .pause = later_pause,
    .resume = later_pause,
};

/* Seen by the loader as a struct sme_plugin of another size. */
const struct later_plugin later_descriptor __asm__("sme_backup_plugin_v1") SME_EXPORT = {
    .base =
        {
            .struct_size = sizeof(struct later_plugin),
            .option_size = sizeof(struct later_option),
            .threads = SME_THREADS_SERIAL,
            .option_count = sizeof options / sizeof options[0],
            .name = "long-source",
            .version = "9.0",
            .summary = "built against later headers",
            .options = &options[0].base,
            .config_size = sizeof(struct config),
            .source = &source.base,
        },
};
