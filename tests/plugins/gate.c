/*
 * gate: a sink for tests, a directory that stops, crashes, fails or hangs at a chosen put.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Objects are files under ${path}, as the directory sink has them.  When the put with the number
 * ${at} is reached (before or after it is done), the sink writes its key into ${fifo}, so that a
 * test knows without waiting, and then acts.
 */
#include "../../include/sme-backup/sink.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum act { ACT_WAIT, ACT_HANG, ACT_CRASH, ACT_LEAVE, ACT_FAIL, ACT_FULL, ACT_TRANSIENT };
static const char *const acts[] = {"wait", "hang", "crash",     "leave",
                                   "fail", "full", "transient", NULL};
static const char *const moments[] = {"before", "after", NULL};

struct gate_config {
    const char *path;
    const char *fifo;
    int64_t at;
    uint32_t when;
    uint32_t act;
};

static const struct sme_option options[] = {
    SME_OPTION_PATH(struct gate_config, path, "path", SME_OPT_REQUIRED, NULL, "Folder of objects."),
    SME_OPTION_PATH(struct gate_config, fifo, "fifo", 0, NULL, "Gets the key of the put."),
    SME_OPTION_INT(struct gate_config, at, "at", 0, "0", 0, 1000000, "Number of the put; 0: none."),
    SME_OPTION_CHOICE(struct gate_config, when, "when", 0, "before", moments,
                      "Before or after the put."),
    SME_OPTION_CHOICE(struct gate_config, act, "act", 0, "wait", acts,
                      "Wait until cancelled, hang for ever, crash, leave the process, or fail."),
};

struct gate {
    const struct sme_host *host;
    const struct gate_config *config;
    atomic_long puts;
};

static int gate_create(const struct sme_host *host, const void *config, void **ret_handle,
                       struct sme_error *err)
{
    struct gate *gate = calloc(1, sizeof *gate);

    if (gate == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory");
    }
    gate->host = host;
    gate->config = config;
    *ret_handle = gate;
    return SME_OK;
}

static void gate_destroy(void *handle)
{
    free(handle);
}

static int gate_check(void *handle, struct sme_error *err)
{
    const struct gate *gate = handle;
    struct stat st;

    return stat(gate->config->path, &st) == 0
               ? SME_OK
               : sme_fail_errno(err, SME_E_UNREACHABLE, "no folder '%s'", gate->config->path);
}

static int gate_limits(void *handle, struct sme_sink_limits *ret_limits, struct sme_error *err)
{
    (void)handle;
    (void)err;
    ret_limits->flags = SME_SINK_CREATE_ONLY | SME_SINK_LOCAL;
    ret_limits->max_object = UINT64_C(1) << 40;
    ret_limits->connections = 2;
    return SME_OK;
}

static int gate_prepare(void *handle, struct sme_error *err)
{
    const struct gate *gate = handle;

    return mkdir(gate->config->path, 0700) == 0 || errno == EEXIST
               ? SME_OK
               : sme_fail_errno(err, SME_E_IO, "cannot make '%s'", gate->config->path);
}

static void tell(const struct gate *gate, const char *key)
{
    int fd = gate->config->fifo != NULL ? open(gate->config->fifo, O_WRONLY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        (void)!write(fd, key, strlen(key));
        (void)!write(fd, "\n", 1);
        (void)close(fd);
    }
}

static int act(const struct gate *gate, const char *key, struct sme_error *err)
{
    const struct timespec moment = {0, 5000000};

    tell(gate, key);
    switch (gate->config->act) {
    case ACT_WAIT:
        while (!gate->host->cancelled(gate->host)) {
            (void)nanosleep(&moment, NULL);
        }
        return sme_fail(err, SME_E_CANCELLED, "cancelled at the gate");
    case ACT_HANG:
        for (;;) {
            (void)pause();
        }
    case ACT_CRASH:
        /* Not through a sanitizer's handler, which would turn it into an exit. */
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
        return SME_E_IO;
    case ACT_LEAVE:
        _exit(0);
    case ACT_FULL:
        return sme_fail(err, SME_E_NO_SPACE, "no space left for '%s'", key);
    case ACT_TRANSIENT:
        return sme_fail(err, SME_E_TRANSIENT, "try '%s' again", key);
    case ACT_FAIL:
    default:
        return sme_fail(err, SME_E_IO, "the gate refuses '%s'", key);
    }
}

static int object_path(const struct gate *gate, const char *key, char out[PATH_MAX],
                       struct sme_error *err)
{
    int len = snprintf(out, PATH_MAX, "%s/%s", gate->config->path, key);

    return len > 0 && len < PATH_MAX ? SME_OK : sme_fail(err, SME_E_INVALID, "path is too long");
}

static void make_parents(char *path, size_t from)
{
    for (char *at = strchr(path + from, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(path, 0700);
        *at = '/';
    }
}

static int store(const struct gate *gate, const char *key, const struct sme_slice *slices,
                 size_t count, struct sme_error *err)
{
    char path[PATH_MAX];

    int status = object_path(gate, key, path, err);
    if (status < 0) {
        return status;
    }
    make_parents(path, strlen(gate->config->path) + 1);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return sme_fail_errno(err, errno == EEXIST ? SME_E_EXISTS : SME_E_IO, "cannot make '%s'",
                              key);
    }
    for (size_t i = 0; i < count && status == SME_OK; i++) {
        if (write(fd, slices[i].data, slices[i].len) != (ssize_t)slices[i].len) {
            status = sme_fail_errno(err, SME_E_IO, "cannot write '%s'", key);
        }
    }
    (void)close(fd);
    return status;
}

static int gate_put(void *handle, const char *key, const struct sme_slice *slices, size_t count,
                    const struct sme_put_info *info, struct sme_error *err)
{
    struct gate *gate = handle;
    bool here = atomic_fetch_add(&gate->puts, 1) + 1 == gate->config->at;
    int status = SME_OK;

    (void)info;
    if (here && gate->config->when == 0) {
        status = act(gate, key, err);
    }
    if (status == SME_OK) {
        status = store(gate, key, slices, count, err);
    }
    if (status == SME_OK && here && gate->config->when == 1) {
        status = act(gate, key, err);
    }
    return status;
}

static int64_t gate_get(void *handle, const char *key, uint64_t offset, void *buf, size_t len,
                        struct sme_error *err)
{
    char path[PATH_MAX];

    int status = object_path(handle, key, path, err);
    if (status < 0) {
        return status;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return sme_fail_errno(err, errno == ENOENT ? SME_E_NOT_FOUND : SME_E_IO, "cannot open '%s'",
                              key);
    }
    ssize_t got = pread(fd, buf, len, (off_t)offset);
    (void)close(fd);
    return got >= 0 ? got : sme_fail(err, SME_E_IO, "cannot read '%s'", key);
}

static int gate_stat(void *handle, const char *key, struct sme_object *ret_object,
                     struct sme_error *err)
{
    char path[PATH_MAX];
    struct stat st;

    int status = object_path(handle, key, path, err);
    if (status < 0) {
        return status;
    }
    if (stat(path, &st) < 0) {
        return sme_fail_errno(err, errno == ENOENT ? SME_E_NOT_FOUND : SME_E_IO, "no '%s'", key);
    }
    ret_object->key = key;
    ret_object->size = (uint64_t)st.st_size;
    ret_object->modified_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    return SME_OK;
}

/* What one listing carries through the folders. */
struct walk {
    const struct gate *gate;
    const char *prefix;
    sme_list_fn *callback;
    void *cookie;
    struct sme_error *err;
};

static int list_folder(const struct walk *walk, const char *folder);

static int list_entry(const struct walk *walk, const char *folder, const char *name)
{
    char key[PATH_MAX];
    struct sme_object object = {.struct_size = sizeof object};

    int len = snprintf(key, sizeof key, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name);
    if (len < 0 || (size_t)len >= sizeof key) {
        return sme_fail(walk->err, SME_E_INVALID, "path is too long");
    }
    char path[PATH_MAX];
    struct stat st;
    if (object_path(walk->gate, key, path, walk->err) < 0) {
        return SME_E_INVALID;
    }
    if (stat(path, &st) < 0) {
        return errno == ENOENT ? SME_OK : sme_fail_errno(walk->err, SME_E_IO, "no '%s'", key);
    }
    if (S_ISDIR(st.st_mode)) {
        return list_folder(walk, key);
    }
    if (strncmp(key, walk->prefix, strlen(walk->prefix)) != 0) {
        return SME_OK;
    }
    object.key = key;
    object.size = (uint64_t)st.st_size;
    object.modified_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    return walk->callback(walk->cookie, &object);
}

static int list_folder(const struct walk *walk, const char *folder)
{
    char path[PATH_MAX];
    int status = object_path(walk->gate, folder, path, walk->err);
    DIR *dir = status == SME_OK ? opendir(path) : NULL;

    if (status == SME_OK && dir == NULL) {
        status = sme_fail_errno(walk->err, SME_E_UNREACHABLE, "cannot list '%s'", path);
    }
    while (status == SME_OK) {
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            status = list_entry(walk, folder, entry->d_name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return status;
}

static int gate_list(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                     struct sme_error *err)
{
    const struct walk walk = {handle, prefix, callback, cookie, err};

    return list_folder(&walk, "");
}

static int gate_remove(void *handle, const char *key, struct sme_error *err)
{
    char path[PATH_MAX];

    int status = object_path(handle, key, path, err);
    if (status == SME_OK && unlink(path) < 0 && errno != ENOENT) {
        status = sme_fail_errno(err, SME_E_IO, "cannot remove '%s'", key);
    }
    return status;
}

static int gate_sync(void *handle, struct sme_error *err)
{
    (void)handle;
    (void)err;
    return SME_OK;
}

static const struct sme_sink_ops ops = {
    .struct_size = sizeof ops,
    .create = gate_create,
    .destroy = gate_destroy,
    .check = gate_check,
    .limits = gate_limits,
    .prepare = gate_prepare,
    .put = gate_put,
    .get = gate_get,
    .stat = gate_stat,
    .list = gate_list,
    .remove = gate_remove,
    .sync = gate_sync,
};

SME_EXPORT const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PARALLEL,
    .option_count = sizeof options / sizeof options[0],
    .name = "gate",
    .version = "1",
    .summary = "a directory that stops, crashes or fails at a chosen put",
    .options = options,
    .config_size = sizeof(struct gate_config),
    .sink = &ops,
};
