/*
 * What the broken plugins of this folder share: calls that nobody should ever make.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_BAD_H
#define SME_TESTS_BAD_H

#include "sme-backup/source.h"

struct bad_config {
    const char *text;
};

static int bad_create(const struct sme_host *host, const void *config, void **ret_handle,
                      struct sme_error *err)
{
    (void)host;
    (void)config;
    (void)ret_handle;
    return sme_fail(err, SME_E_INVALID, "a plugin that must be refused was called");
}

static void bad_destroy(void *handle)
{
    (void)handle;
}

static int bad_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    (void)handle;
    (void)run;
    (void)err;
    return SME_E_INVALID;
}

static int bad_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    (void)handle;
    (void)item;
    (void)err;
    return SME_E_INVALID;
}

static int bad_end(void *handle, int outcome, struct sme_error *err)
{
    (void)handle;
    (void)outcome;
    (void)err;
    return SME_OK;
}

#define BAD_CALLS                                                                                  \
    .struct_size = sizeof(struct sme_source_ops), .create = bad_create, .destroy = bad_destroy,    \
    .begin = bad_begin, .next = bad_next, .end = bad_end

#define BAD_DESCRIPTOR(its_name)                                                                   \
    .struct_size = sizeof(struct sme_plugin), .option_size = sizeof(struct sme_option),            \
    .threads = SME_THREADS_SERIAL, .name = its_name, .version = "1",                               \
    .summary = "broken on purpose", .config_size = sizeof(struct bad_config)

#endif
