/*
 * archive: a sink for tests, a place with protections, prices, and an archive for data packs.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Objects are files of the folder ${path}, with '%' for the '/' of their keys.  Data packs are
 * archived when there is a file ".archive"; a thaw adds their names to ".asked", and a file
 * ".ready" makes all that stand there readable.  A file ".hardened" is the protection that setup()
 * makes.
 */
#include "../../include/sme-backup/sink.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct archive_config {
    const char *path;
    bool stale_listing;
    bool silent;
};

static const struct sme_option options[] = {
    SME_OPTION_PATH(struct archive_config, path, "path", SME_OPT_REQUIRED, NULL,
                    "Folder of objects."),
    SME_OPTION_BOOL(struct archive_config, stale_listing, "stale_listing", 0, "no",
                    "Whether listings go on to call thawed objects archived."),
    SME_OPTION_BOOL(struct archive_config, silent, "silent", 0, "no",
                    "Whether listings and stat hide that objects are archived."),
};

static int create(const struct sme_host *host, const void *config, void **ret_handle,
                  struct sme_error *err)
{
    const struct archive_config **handle = malloc(sizeof *handle);

    (void)host;
    if (handle == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory");
    }
    *handle = config;
    *ret_handle = handle;
    return SME_OK;
}

static void destroy(void *handle)
{
    free(handle);
}

static const struct archive_config *config_of(void *handle)
{
    return *(const struct archive_config **)handle;
}

/* The file of ${key}. */
static const char *file_of(void *handle, const char *key, char out[PATH_MAX])
{
    int len = snprintf(out, PATH_MAX, "%s/", config_of(handle)->path);

    (void)snprintf(out + len, PATH_MAX - (size_t)len, "%s", key);
    for (char *at = out + len; *at != '\0'; at++) {
        *at = *at == '/' ? '%' : *at;
    }
    return out;
}

static bool has(void *handle, const char *name)
{
    char path[PATH_MAX];

    return access(file_of(handle, name, path), F_OK) == 0;
}

static bool was_asked(void *handle, const char *key)
{
    char path[PATH_MAX], line[SME_KEY_MAX + 2];
    FILE *asked = fopen(file_of(handle, ".asked", path), "re");
    bool found = false;

    while (asked != NULL && !found && fgets(line, sizeof line, asked) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        found = strcmp(line, key) == 0;
    }
    if (asked != NULL) {
        (void)fclose(asked);
    }
    return found;
}

static bool is_cold(void *handle, const char *key)
{
    return strstr(key, "/data/") != NULL && has(handle, ".archive");
}

static bool is_archived(void *handle, const char *key)
{
    return is_cold(handle, key) && !(has(handle, ".ready") && was_asked(handle, key));
}

/* ---- objects ------------------------------------------------------------------------------ */

static int check(void *handle, struct sme_error *err)
{
    return has(handle, "")
               ? SME_OK
               : sme_fail_errno(err, SME_E_UNREACHABLE, "no folder '%s'", config_of(handle)->path);
}

static int limits(void *handle, struct sme_sink_limits *ret_limits, struct sme_error *err)
{
    (void)handle;
    (void)err;
    ret_limits->flags = SME_SINK_CREATE_ONLY;
    ret_limits->max_object = UINT64_C(1) << 40;
    ret_limits->connections = 2;
    return SME_OK;
}

static int prepare(void *handle, struct sme_error *err)
{
    return mkdir(config_of(handle)->path, 0700) == 0 || errno == EEXIST
               ? SME_OK
               : sme_fail_errno(err, SME_E_IO, "cannot make '%s'", config_of(handle)->path);
}

static int put(void *handle, const char *key, const struct sme_slice *slices, size_t count,
               const struct sme_put_info *info, struct sme_error *err)
{
    char path[PATH_MAX];
    int fd = open(file_of(handle, key, path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int status = SME_OK;

    (void)info;
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

static int64_t get(void *handle, const char *key, uint64_t offset, void *buf, size_t len,
                   struct sme_error *err)
{
    char path[PATH_MAX];

    if (is_archived(handle, key)) {
        return sme_fail(err, SME_E_CANNOT_NOW, "object '%s' is archived", key);
    }
    int fd = open(file_of(handle, key, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return sme_fail_errno(err, errno == ENOENT ? SME_E_NOT_FOUND : SME_E_IO, "cannot open '%s'",
                              key);
    }
    ssize_t got = pread(fd, buf, len, (off_t)offset);
    (void)close(fd);
    return got >= 0 ? got : sme_fail(err, SME_E_IO, "cannot read '%s'", key);
}

static int look_at(void *handle, const char *key, struct sme_object *object, struct sme_error *err)
{
    char path[PATH_MAX];
    struct stat st;

    if (stat(file_of(handle, key, path), &st) < 0) {
        return sme_fail_errno(err, errno == ENOENT ? SME_E_NOT_FOUND : SME_E_IO, "no '%s'", key);
    }
    object->key = key;
    object->size = (uint64_t)st.st_size;
    object->modified_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    if (is_archived(handle, key) && !config_of(handle)->silent) {
        object->flags |= SME_OBJECT_ARCHIVED;
    }
    return SME_OK;
}

static int list(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                struct sme_error *err)
{
    DIR *dir = opendir(config_of(handle)->path);
    const struct dirent *entry;
    int status = SME_OK;

    if (dir == NULL) {
        return sme_fail_errno(err, SME_E_UNREACHABLE, "cannot list '%s'", config_of(handle)->path);
    }
    while (status == SME_OK && (entry = readdir(dir)) != NULL) {
        char key[NAME_MAX + 1];
        struct sme_object object = {.struct_size = sizeof object};
        (void)snprintf(key, sizeof key, "%s", entry->d_name);
        for (char *at = key; *at != '\0'; at++) {
            *at = *at == '%' ? '/' : *at;
        }
        if (key[0] == '.' || strncmp(key, prefix, strlen(prefix)) != 0) {
            continue;
        }
        status = look_at(handle, key, &object, err);
        if (config_of(handle)->stale_listing && is_cold(handle, key)) {
            object.flags |= SME_OBJECT_ARCHIVED;
        }
        if (status == SME_OK) {
            status = callback(cookie, &object);
        }
    }
    (void)closedir(dir);
    return status;
}

static int remove_object(void *handle, const char *key, struct sme_error *err)
{
    char path[PATH_MAX];

    return unlink(file_of(handle, key, path)) == 0 || errno == ENOENT
               ? SME_OK
               : sme_fail_errno(err, SME_E_IO, "cannot remove '%s'", key);
}

/* ---- the place ---------------------------------------------------------------------------- */

static int say(sme_finding_fn *report, void *cookie, uint32_t level, const char *subject,
               const char *text, const char *fix)
{
    const struct sme_finding finding = {.struct_size = sizeof finding,
                                        .level = level,
                                        .subject = subject,
                                        .text = text,
                                        .fix = fix};

    return report(cookie, &finding);
}

static int setup(void *handle, const struct sme_layout *layout, uint32_t flags,
                 sme_finding_fn *report, void *cookie, struct sme_error *err)
{
    bool dry_run = (flags & SME_SETUP_DRY_RUN) != 0;
    char text[64], path[PATH_MAX];

    (void)snprintf(text, sizeof text, "%u areas", layout->area_count);
    (void)say(report, cookie, SME_FINDING_NOTE, "layout", text, NULL);
    if (has(handle, ".hardened")) {
        return say(report, cookie, SME_FINDING_PASS, "hardening", "is on", NULL);
    }
    if (!dry_run) {
        int status = prepare(handle, err);
        int fd = status == SME_OK ? creat(file_of(handle, ".hardened", path), 0600) : -1;
        if (fd < 0) {
            return status < 0 ? status : sme_fail_errno(err, SME_E_IO, "cannot harden");
        }
        (void)close(fd);
    }
    return say(report, cookie, SME_FINDING_CHANGE, "hardening",
               dry_run ? "would be switched on" : "switched on", NULL);
}

static int audit(void *handle, const struct sme_layout *layout, sme_finding_fn *report,
                 void *cookie, struct sme_error *err)
{
    (void)layout;
    (void)err;
    (void)say(report, cookie, SME_FINDING_WARN, "copy", "there is one only", "make another");
    return has(handle, ".hardened")
               ? say(report, cookie, SME_FINDING_PASS, "hardening", "is on", "")
               : say(report, cookie, SME_FINDING_FAIL, "hardening", "is off",
                     "run 'sme-backup setup'");
}

static int policy(void *handle, const struct sme_layout *layout, uint32_t role,
                  sme_text_fn *write_text, void *cookie, struct sme_error *err)
{
    char text[128];
    int len =
        snprintf(text, sizeof text, "{\"role\": %u, \"areas\": %u}", role, layout->area_count);

    (void)handle;
    (void)err;
    return write_text(cookie, text, (size_t)len);
}

static int thaw_offers(void *handle, const char *sample, uint64_t count, uint64_t bytes,
                       sme_thaw_offer_fn *report, void *cookie, struct sme_error *err)
{
    const struct sme_thaw_offer offers[] = {
        {.struct_size = sizeof offers[0], .speed = SME_THAW_BULK, .hours_min = 5, .hours_max = 12},
        {.struct_size = sizeof offers[0],
         .speed = SME_THAW_STANDARD,
         .hours_min = 3,
         .hours_max = 5,
         .nano_usd = (int64_t)count * 1230000000},
    };
    int status = is_cold(handle, sample) && bytes > 0
                     ? SME_OK
                     : sme_fail(err, SME_E_INVALID, "'%s' is not archived", sample);

    for (size_t i = 0; i < 2 && status == SME_OK; i++) {
        status = report(cookie, &offers[i]);
    }
    return status;
}

static int thaw(void *handle, const char *key, uint32_t speed, uint32_t days, uint32_t *ret_state,
                struct sme_error *err)
{
    char path[PATH_MAX];

    (void)speed;
    (void)days;
    if (was_asked(handle, key)) {
        *ret_state = has(handle, ".ready") ? SME_THAWED : SME_THAW_PENDING;
        return SME_OK;
    }
    FILE *asked = fopen(file_of(handle, ".asked", path), "ae");
    if (asked == NULL || fprintf(asked, "%s\n", key) < 0 || fclose(asked) != 0) {
        return sme_fail_errno(err, SME_E_IO, "cannot note '%s'", key);
    }
    *ret_state = SME_THAW_STARTED;
    return SME_OK;
}

static int cost(void *handle, const struct sme_usage *usage, int64_t *ret_nano_usd,
                struct sme_error *err)
{
    (void)handle;
    (void)err;
    *ret_nano_usd = (int64_t)(usage->put + usage->list) * 1000000;
    return SME_OK;
}

static const struct sme_sink_ops ops = {
    .struct_size = sizeof ops,
    .create = create,
    .destroy = destroy,
    .check = check,
    .limits = limits,
    .prepare = prepare,
    .put = put,
    .get = get,
    .stat = look_at,
    .list = list,
    .remove = remove_object,
    .setup = setup,
    .audit = audit,
    .policy = policy,
    .thaw_offers = thaw_offers,
    .thaw = thaw,
    .cost = cost,
};

SME_EXPORT const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PARALLEL,
    .option_count = sizeof options / sizeof options[0],
    .name = "archive",
    .version = "1",
    .summary = "a place with protections, prices, and an archive for data packs",
    .options = options,
    .config_size = sizeof(struct archive_config),
    .sink = &ops,
};
