/*
 * The directory sink: objects as files below a folder.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "listing.h"
#include "objfile.h"
#include "place.h"
#include "tempfile.h"
#include "../../include/sme-backup/sink.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A disk gains from a second request at the same time, and hardly from a third. */
#define CONNECTIONS 2

struct directory_config {
    const char *path;
    uint32_t direct;
};

static const char *const direct_choices[] = {
    [DIRECT_AUTO] = "auto", [DIRECT_ON] = "on", [DIRECT_OFF] = "off", NULL};

static const struct sme_option options[] = {
    SME_OPTION_PATH(struct directory_config, path, "path", SME_OPT_REQUIRED, NULL,
                    "Folder that holds the repository; 'sme-backup init' makes it, and nothing "
                    "else ever does, so that a disk that is not mounted is noticed."),
    SME_OPTION_CHOICE(struct directory_config, direct, "direct", 0, "auto", direct_choices,
                      "Write large objects round the page cache, so that a backup does not push "
                      "out what other programs need: auto does it where the file system can, on "
                      "fails where it cannot."),
};

struct sink {
    const struct directory_config *config;
    struct place place;
};

static int directory_create(const struct sme_host *host, const void *config, void **ret_handle,
                            struct sme_error *err)
{
    struct sink *sink = calloc(1, sizeof *sink);

    if (sink == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for sink '%s'", host->instance);
    sink->config = config;
    place_init(&sink->place, host, sink->config->path);
    *ret_handle = sink;
    return SME_OK;
}

static void directory_destroy(void *handle)
{
    struct sink *sink = handle;

    if (sink == NULL)
        return;
    place_done(&sink->place);
    free(sink);
}

/* Reading must do: restoring from a medium that is mounted read-only is fine. */
static int directory_check(void *handle, struct sme_error *err)
{
    struct sink *sink = handle;
    int root = -1;

    int status = place_root(&sink->place, &root, err);
    if (status == SME_OK)
        status = place_still_there(&sink->place, err);
    if (status == SME_OK && faccessat(root, ".", R_OK | X_OK, AT_EACCESS) < 0)
        status = place_fail(&sink->place, "cannot read folder", "", err);
    return status;
}

static int directory_limits(void *handle, struct sme_sink_limits *ret_limits, struct sme_error *err)
{
    (void)handle;
    (void)err;
    ret_limits->flags = SME_SINK_CREATE_ONLY | SME_SINK_LOCAL;
    ret_limits->max_object = 0;
    ret_limits->connections = CONNECTIONS;
    return SME_OK;
}

static int directory_prepare(void *handle, struct sme_error *err)
{
    struct sink *sink = handle;

    return place_make(&sink->place, err);
}

static int directory_put(void *handle, const char *key, const struct sme_slice *slices,
                         size_t count, const struct sme_put_info *info, struct sme_error *err)
{
    struct sink *sink = handle;

    return objfile_put(&sink->place, sink->config->direct, key, slices, count, info, err);
}

static int64_t directory_get(void *handle, const char *key, uint64_t offset, void *buf, size_t len,
                             struct sme_error *err)
{
    struct sink *sink = handle;

    return objfile_get(&sink->place, key, offset, buf, len, err);
}

static int directory_stat(void *handle, const char *key, struct sme_object *ret_object,
                          struct sme_error *err)
{
    struct sink *sink = handle;

    return objfile_stat(&sink->place, key, ret_object, err);
}

static int directory_list(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                          struct sme_error *err)
{
    struct sink *sink = handle;

    return listing_run(&sink->place, prefix, callback, cookie, err);
}

static int directory_remove(void *handle, const char *key, struct sme_error *err)
{
    struct sink *sink = handle;

    return objfile_remove(&sink->place, key, err);
}

/* Every put is durable when it returns. */
static int directory_sync(void *handle, struct sme_error *err)
{
    (void)handle;
    (void)err;
    return SME_OK;
}

static int directory_server_time(void *handle, int64_t *ret_ns, struct sme_error *err)
{
    struct sink *sink = handle;

    return tempfile_clock(&sink->place, ret_ns, err);
}

static const struct sme_sink_ops sink_ops = {
    .struct_size = sizeof(struct sme_sink_ops),
    .create = directory_create,
    .destroy = directory_destroy,
    .check = directory_check,
    .limits = directory_limits,
    .prepare = directory_prepare,
    .put = directory_put,
    .get = directory_get,
    .stat = directory_stat,
    .list = directory_list,
    .remove = directory_remove,
    .sync = directory_sync,
    .server_time = directory_server_time,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PARALLEL,
    .option_count = sizeof options / sizeof options[0],
    .name = "directory",
    .version = "1.0",
    .summary = "objects as files below a folder: a disk, a NAS, a mounted share",
    .options = options,
    .config_size = sizeof(struct directory_config),
    .sink = &sink_ops,
};
