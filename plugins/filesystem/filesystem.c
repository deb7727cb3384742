/*
 * The filesystem source: backs up directory trees.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../lib/patterns.h"
#include "../lib/roots.h"
#include "../lib/walk.h"
#include "../../include/sme-backup/source.h"

#include <stdlib.h>

struct filesystem_config {
    struct sme_list path;
    struct sme_list exclude;
    const char *exclude_file;
    bool exclude_caches;
    bool one_file_system;
    uint64_t exclude_larger;
};

static const struct sme_option options[] = {
    SME_OPTION_LIST(struct filesystem_config, path, "path", SME_OPT_REQUIRED | SME_OPT_PATHS, NULL,
                    "Directories to back up; one alone is the root of the snapshot, several keep "
                    "their full names."),
    SME_OPTION_LIST(struct filesystem_config, exclude, "exclude", 0, NULL,
                    "Patterns of what to leave out, with the rules of gitignore; of several that "
                    "match, the last one decides."),
    SME_OPTION_PATH(struct filesystem_config, exclude_file, "exclude_file", 0, NULL,
                    "File with more patterns, one per line, which are applied before those of "
                    "exclude."),
    SME_OPTION_BOOL(struct filesystem_config, exclude_caches, "exclude_caches", 0, "yes",
                    "Leave out the content of directories that a CACHEDIR.TAG file marks as "
                    "caches."),
    SME_OPTION_BOOL(struct filesystem_config, one_file_system, "one_file_system", 0, "yes",
                    "Leave out the content of mount points below the path."),
    SME_OPTION_SIZE(struct filesystem_config, exclude_larger, "exclude_larger", 0, "0", 0, 0,
                    "Leave out files with more bytes than this; 0 is no limit."),
};

struct source {
    const struct sme_host *host;
    const struct filesystem_config *config;
    /* from begin() to end() */
    struct roots roots;
    struct patterns *patterns;
    struct walk *walk;
};

static void forget_run(struct source *source)
{
    walk_free(source->walk);
    source->walk = NULL;
    patterns_free(source->patterns);
    source->patterns = NULL;
    roots_free(&source->roots);
}

static int filesystem_create(const struct sme_host *host, const void *config, void **ret_handle,
                             struct sme_error *err)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for source '%s'", host->instance);
    source->host = host;
    source->config = config;
    *ret_handle = source;
    return SME_OK;
}

static void filesystem_destroy(void *handle)
{
    struct source *source = handle;
    if (source == NULL)
        return;
    forget_run(source);
    free(source);
}

/* With a single path, patterns are relative to it; the full name is a likely mistake. */
static void warn_if_absolute(const struct source *source, const char *pattern)
{
    const struct root *root = &source->roots.list[0];
    const char *text = pattern[0] == '!' ? pattern + 1 : pattern;
    if (source->roots.count == 1 && root->len > 1 && strncmp(text, root->path, root->len) == 0 &&
        text[root->len] == '/')
        source->host->log(source->host, SME_LOG_WARNING,
                          "exclude '%s' is taken as relative to '%s': write '%s%s'", pattern,
                          root->path, pattern[0] == '!' ? "!" : "", text + root->len);
}

/* Everything but the walk itself. */
static int prepare(struct source *source, struct sme_error *err)
{
    const struct filesystem_config *config = source->config;
    int status = roots_parse(&config->path, &source->roots, err);
    if (status == SME_OK)
        status = patterns_new(&source->patterns, err);
    if (status == SME_OK && config->exclude_file != NULL && config->exclude_file[0] != '\0')
        status = patterns_add_file(source->patterns, config->exclude_file, err);
    for (size_t i = 0; status == SME_OK && i < config->exclude.count; i++) {
        status = patterns_add(source->patterns, config->exclude.items[i], "exclude", err);
        if (status == SME_OK)
            warn_if_absolute(source, config->exclude.items[i]);
    }
    return status == SME_OK ? roots_find(&source->roots, err) : status;
}

static int filesystem_check(void *handle, struct sme_error *err)
{
    struct source *source = handle;
    int status = prepare(source, err);
    forget_run(source);
    return status;
}

static int filesystem_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct source *source = handle;
    const struct filesystem_config *config = source->config;
    (void)run;
    int status = prepare(source, err);
    if (status == SME_OK) {
        const struct walk_options walk_options = {
            .host = source->host,
            .exclude = source->patterns,
            .exclude_caches = config->exclude_caches,
            .one_file_system = config->one_file_system,
            .exclude_larger = config->exclude_larger,
        };
        status = walk_new(&source->roots, &walk_options, &source->walk, err);
    }
    if (status != SME_OK)
        forget_run(source);
    return status;
}

static int filesystem_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct source *source = handle;
    if (source->walk == NULL)
        return sme_fail(err, SME_E_INVALID, "source '%s' has not begun", source->host->instance);
    return walk_next(source->walk, item, err);
}

static int64_t filesystem_read(void *handle, void *buf, size_t len, struct sme_error *err)
{
    const struct source *source = handle;
    (void)buf;
    (void)len;
    return sme_fail(err, SME_E_INVALID, "source '%s' has no streams", source->host->instance);
}

static int filesystem_end(void *handle, int outcome, struct sme_error *err)
{
    (void)outcome;
    (void)err;
    forget_run(handle);
    return SME_OK;
}

static const struct sme_source_ops source_ops = {
    .struct_size = sizeof(struct sme_source_ops),
    .create = filesystem_create,
    .destroy = filesystem_destroy,
    .check = filesystem_check,
    .begin = filesystem_begin,
    .next = filesystem_next,
    .read = filesystem_read,
    .end = filesystem_end,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PER_HANDLE,
    .option_count = sizeof options / sizeof options[0],
    .name = "filesystem",
    .version = "1.0",
    .summary = "directory trees: files, links, devices, with all their attributes",
    .options = options,
    .config_size = sizeof(struct filesystem_config),
    .source = &source_ops,
};
