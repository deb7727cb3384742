/*
 * The photos source: directory trees of photos and videos, with what is known of each.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "facts.h"
#include "library.h"
#include "../lib/patterns.h"
#include "../lib/roots.h"
#include "../lib/walk.h"
#include "../../include/sme-backup/source.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#define POLL_EVERY 64u

struct photos_config {
    struct sme_list path;
    struct sme_list exclude;
    bool exclude_caches;
    bool one_file_system;
    uint32_t other_files;
    bool check_files;
    bool previews;
    uint64_t preview_size;
};

static const char *const other_files_choices[] = {"keep", "skip", NULL};
#define OTHER_FILES_SKIP 1u

static const struct sme_option options[] = {
    SME_OPTION_LIST(struct photos_config, path, "path", SME_OPT_REQUIRED | SME_OPT_PATHS, NULL,
                    "Directories with photos; one alone is the root of the snapshot, several keep "
                    "their full names."),
    SME_OPTION_LIST(struct photos_config, exclude, "exclude", 0, NULL,
                    "Patterns of what to leave out, with the rules of gitignore; of several that "
                    "match, the last one decides."),
    SME_OPTION_BOOL(struct photos_config, exclude_caches, "exclude_caches", 0, "yes",
                    "Leave out the content of directories that a CACHEDIR.TAG file marks as "
                    "caches."),
    SME_OPTION_BOOL(struct photos_config, one_file_system, "one_file_system", 0, "yes",
                    "Leave out the content of mount points below the path."),
    SME_OPTION_CHOICE(struct photos_config, other_files, "other_files", 0, "keep",
                      other_files_choices,
                      "What to do with files that are neither photos, videos nor their sidecars."),
    SME_OPTION_BOOL(struct photos_config, check_files, "check_files", 0, "yes",
                    "Report photos and videos that are cut off or broken when they are new or "
                    "changed."),
    SME_OPTION_BOOL(struct photos_config, previews, "previews", 0, "yes",
                    "Keep the small picture that is embedded in most photos, for the gallery."),
    SME_OPTION_SIZE(struct photos_config, preview_size, "preview_size", 0, "24KiB", 1024,
                    PREVIEW_MAX, "Largest embedded picture that is kept as a preview."),
};

struct source {
    const struct sme_host *host;
    const struct photos_config *config;
    /* from begin() to end() */
    struct roots roots;
    struct patterns *patterns;
    struct walk *walk;
    struct library *library;
    char *preview_program; /* NULL: this build has none */
    unsigned polled;
};

static void forget_run(struct source *source, bool commit)
{
    library_free(source->library, commit);
    source->library = NULL;
    walk_free(source->walk);
    source->walk = NULL;
    patterns_free(source->patterns);
    source->patterns = NULL;
    roots_free(&source->roots);
}

/* The program lies beside the plugin. */
static char *find_program(void)
{
    static const char name[] = "photos-preview";
    Dl_info info;
    char *path = NULL;

    if (dladdr(&sme_backup_plugin_v1, &info) == 0 || info.dli_fname == NULL)
        return NULL;
    const char *slash = strrchr(info.dli_fname, '/');
    if (slash == NULL || info.dli_fname[0] != '/' ||
        asprintf(&path, "%.*s%s", (int)(slash - info.dli_fname) + 1, info.dli_fname, name) < 0)
        return NULL;
    if (access(path, X_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static int photos_create(const struct sme_host *host, const void *config, void **ret_handle,
                         struct sme_error *err)
{
    struct source *source = calloc(1, sizeof *source);

    if (source == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for source '%s'", host->instance);
    source->host = host;
    source->config = config;
    source->preview_program = find_program();
    *ret_handle = source;
    return SME_OK;
}

static void photos_destroy(void *handle)
{
    struct source *source = handle;

    if (source == NULL)
        return;
    forget_run(source, false);
    free(source->preview_program);
    free(source);
}

/* Everything but the walk itself. */
static int prepare(struct source *source, struct sme_error *err)
{
    const struct photos_config *config = source->config;
    int status = roots_parse(&config->path, &source->roots, err);

    if (status == SME_OK)
        status = patterns_new(&source->patterns, err);
    for (size_t i = 0; status == SME_OK && i < config->exclude.count; i++)
        status = patterns_add(source->patterns, config->exclude.items[i], "exclude", err);
    return status == SME_OK ? roots_find(&source->roots, err) : status;
}

static int photos_check(void *handle, struct sme_error *err)
{
    struct source *source = handle;
    int status = prepare(source, err);

    forget_run(source, false);
    return status;
}

static int photos_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct source *source = handle;
    const struct photos_config *config = source->config;
    int status = prepare(source, err);

    if (status == SME_OK) {
        const struct walk_options walk_options = {
            .host = source->host,
            .exclude = source->patterns,
            .exclude_caches = config->exclude_caches,
            .one_file_system = config->one_file_system,
        };
        status = walk_new(&source->roots, &walk_options, &source->walk, err);
    }
    if (status == SME_OK) {
        const struct library_options library_options = {
            .host = source->host,
            .skip_others = config->other_files == OTHER_FILES_SKIP,
            .check_files = config->check_files,
            .preview_max = config->previews ? (size_t)config->preview_size : 0,
            .preview_program = source->preview_program,
            .dry = run != NULL && (run->flags & SME_RUN_DRY) != 0,
        };
        status = library_new(&library_options, &source->library, err);
    }
    if (status != SME_OK)
        forget_run(source, false);
    return status;
}

static int photos_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct source *source = handle;

    if (source->walk == NULL)
        return sme_fail(err, SME_E_INVALID, "source '%s' has not begun", source->host->instance);
    for (;;) {
        struct sme_item found = *item;
        /* New photos are opened one by one, so the walk's own looking is too rare. */
        if (++source->polled % POLL_EVERY == 0 && source->host->cancelled(source->host))
            return sme_fail(err, SME_E_CANCELLED, "cancelled");
        int got = walk_next(source->walk, &found, err);
        if (got != 1)
            return got;
        got = library_item(source->library, &found, err);
        if (got == 1)
            *item = found;
        if (got != 0)
            return got;
    }
}

static int64_t photos_read(void *handle, void *buf, size_t len, struct sme_error *err)
{
    const struct source *source = handle;

    (void)buf;
    (void)len;
    return sme_fail(err, SME_E_INVALID, "source '%s' has no streams", source->host->instance);
}

static int photos_end(void *handle, int outcome, struct sme_error *err)
{
    (void)err;
    forget_run(handle, outcome == SME_COMMIT);
    return SME_OK;
}

static const struct sme_source_ops source_ops = {
    .struct_size = sizeof(struct sme_source_ops),
    .create = photos_create,
    .destroy = photos_destroy,
    .check = photos_check,
    .begin = photos_begin,
    .next = photos_next,
    .read = photos_read,
    .end = photos_end,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PER_HANDLE,
    .option_count = sizeof options / sizeof options[0],
    .name = "photos",
    .version = "1.0",
    .summary = "photos and videos: with their dates, places, cameras and previews",
    .options = options,
    .config_size = sizeof(struct photos_config),
    .source = &source_ops,
};
