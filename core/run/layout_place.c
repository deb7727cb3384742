/*
 * Restoring photos by date: restoring aside, then renaming.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/str.h"
#include "../pipeline/extract.h"
#include "layout_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

struct placing {
    struct layout *layout;
    const struct restore_request *request;
    int staging_fd;
    dev_t device;    /* that it is on */
    bool made;       /* the staging folder is ours to remove */
    char *from, *to; /* folders that are open */
    int from_fd, to_fd;
    uint64_t failed;
};

static void placing_done(struct placing *p)
{
    close_fd(&p->staging_fd);
    close_fd(&p->from_fd);
    close_fd(&p->to_fd);
    free(p->from);
    free(p->to);
}

/* ---- the staging folder ------------------------------------------------------------------- */

/* Remove what is in the directory.  Folders that were restored without write permission get it
 * first.  Depth is that of the paths in the snapshot, one descriptor each: where there are not
 * enough of them, something stays.  What is mounted there is not ours. */
static bool empty_folder(int dir_fd, dev_t device)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    bool good = stream != NULL;

    if (stream == NULL) {
        close_fd(&copy);
        return false;
    }
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            unlinkat(dir_fd, entry->d_name, 0) == 0) {
            continue;
        }
        CLEANUP(close_fd)
        int fd = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != device) {
            good = false;
            continue;
        }
        (void)fchmod(fd, 0700);
        good =
            empty_folder(fd, device) && unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR) == 0 && good;
    }
    (void)closedir(stream);
    return good;
}

static int open_staging(struct placing *p, struct sme_error *err)
{
    const struct layout *layout = p->layout;
    struct stat st;

    bool is_new = mkdirat(layout->target_fd, LAYOUT_STAGING, 0700) == 0;
    if (!is_new && errno != EEXIST) {
        return error_errno(err, "cannot make folder '%s/" LAYOUT_STAGING "'", layout->target_name);
    }
    p->staging_fd =
        openat(layout->target_fd, LAYOUT_STAGING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (p->staging_fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        (void)sme_fail(err, SME_E_INVALID, "'%s/" LAYOUT_STAGING "' is not a folder",
                       layout->target_name);
        return error_hint(err, "a layout needs this name: move away what has it");
    }
    if (p->staging_fd < 0 || fstat(p->staging_fd, &st) < 0) {
        return error_errno(err, "cannot open folder '%s/" LAYOUT_STAGING "'", layout->target_name);
    }
    if (st.st_uid != geteuid()) {
        (void)sme_fail(err, SME_E_DENIED, "folder '%s/" LAYOUT_STAGING "' belongs to another user",
                       layout->target_name);
        return error_hint(err, "another restore left it; remove it, or restore as that user");
    }
    if (flock(p->staging_fd, LOCK_EX | LOCK_NB) < 0) {
        (void)sme_fail(err, SME_E_BUSY, "another restore is at work in '%s/" LAYOUT_STAGING "'",
                       layout->target_name);
        return error_hint(err, "wait for its end, or use another --to");
    }
    p->made = true;
    p->device = st.st_dev;
    if (is_new) {
        return SME_OK;
    }
    if (p->request->note != NULL) {
        CLEANUP(free_ptr)
        char *text =
            str_format("what an interrupted restore left in '%s/" LAYOUT_STAGING "' is removed",
                       layout->target_name);
        p->request->note(p->request->cookie, text != NULL ? text : "");
    }
    if (!empty_folder(p->staging_fd, p->device)) {
        (void)sme_fail(err, SME_E_IO, "cannot empty folder '%s/" LAYOUT_STAGING "'",
                       layout->target_name);
        return error_hint(err, "an interrupted restore left it: remove it");
    }
    return SME_OK;
}

static void remove_staging(struct placing *p)
{
    const struct layout *layout = p->layout;

    if (!p->made) {
        return;
    }
    bool gone = empty_folder(p->staging_fd, p->device) &&
                unlinkat(layout->target_fd, LAYOUT_STAGING, AT_REMOVEDIR) == 0;
    if (!gone && p->request->note != NULL) {
        CLEANUP(free_ptr)
        char *text = str_format("folder '%s/" LAYOUT_STAGING "' could not be removed: remove it",
                                layout->target_name);
        p->request->note(p->request->cookie, text != NULL ? text : "");
    }
}

/* ---- renaming ----------------------------------------------------------------------------- */

/* Keep ${*folder} the one that holds ${path}; -1 with errno. */
static int enter(int root_fd, char **folder, int *fd, const char *path, bool make)
{
    size_t len = layout_folder_len(path, strlen(path));

    if (*fd >= 0 && strlen(*folder) == len && memcmp(*folder, path, len) == 0) {
        return 0;
    }
    close_fd(fd);
    free(*folder);
    *folder = strndup(path, len);
    *fd = *folder != NULL ? layout_open_folder(root_fd, path, len, make) : -1;
    return *fd >= 0 ? 0 : -1;
}

static int rename_new(int from_fd, const char *from, int to_fd, const char *to)
{
    struct stat st;

    if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    /* A file system that cannot promise it: looking first must do. */
    if (fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return renameat(from_fd, from, to_fd, to);
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* Folders above may have been restored without write permission. */
static int rename_entry(struct placing *p, const struct layout_entry *entry)
{
    const char *from = last_name(entry->path);
    const char *to = last_name(entry->name);

    if (rename_new(p->from_fd, from, p->to_fd, to) == 0) {
        return 0;
    }
    if (errno != EACCES || fchmod(p->from_fd, 0700) < 0) {
        return -1;
    }
    return rename_new(p->from_fd, from, p->to_fd, to);
}

static void report(struct placing *p, const struct layout_entry *entry, const char *doing)
{
    struct sme_error err = SME_ERROR_INIT;

    if (errno == EEXIST) {
        (void)sme_fail(&err, SME_E_EXISTS,
                       "'%s' appeared while it was restored: it is left alone; repeat the restore",
                       entry->name);
    } else {
        (void)error_errno(&err, "cannot %s '%s'", doing, entry->name);
    }
    p->failed++;
    if (p->request->problem != NULL) {
        p->request->problem(p->request->cookie, entry->path, entry->path_len, &err);
    }
}

static void place_entry(struct placing *p, const struct layout_entry *entry)
{
    const struct layout *layout = p->layout;
    struct stat st;

    /* What could not be restored was reported then. */
    if (enter(p->staging_fd, &p->from, &p->from_fd, entry->path, false) < 0 ||
        fstatat(p->from_fd, last_name(entry->path), &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT) {
            report(p, entry, "find what was restored for");
        }
        return;
    }
    if (enter(layout->target_fd, &p->to, &p->to_fd, entry->name, true) < 0) {
        report(p, entry, "make the folder of");
        return;
    }
    if (rename_entry(p, entry) < 0) {
        report(p, entry, "make");
    }
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* The paths of what is not there: one allocation. */
static const char **new_paths(const struct layout *layout, size_t *ret_count)
{
    const char **paths = calloc(layout->count + 1, sizeof *paths);
    size_t count = 0;

    for (size_t i = 0; paths != NULL && i < layout->count; i++) {
        if (!layout->entries[i].is_there) {
            paths[count++] = layout->entries[i].path;
        }
    }
    *ret_count = count;
    return paths;
}

static int restore_aside(struct placing *p, const char *const *paths, size_t count,
                         struct restore_result *result, struct sme_error *err)
{
    const struct layout *layout = p->layout;
    struct restore_request request = *p->request;
    int status = SME_OK;

    request.patterns = paths;
    request.pattern_count = count;
    request.exact = true;
    request.overwrite = RESTORE_NEVER;
    request.target_fd = layout->target_fd;
    request.target_name = layout->target_name;
    if (!request.dry_run) {
        status = open_staging(p, err);
        request.target_fd = p->staging_fd;
    }
    if (status == SME_OK) {
        status = restore_run(&request, result, err);
    }
    for (size_t i = 0; i < layout->count && status == SME_OK && !request.dry_run; i++) {
        status = cancel_check(err);
        if (status == SME_OK && !layout->entries[i].is_there) {
            place_entry(p, &layout->entries[i]);
        }
    }
    remove_staging(p);
    return status;
}

int layout_restore(struct layout *layout, const struct restore_request *request,
                   struct restore_result *ret_result, struct sme_error *err)
{
    CLEANUP(placing_done)
    struct placing p = {
        .layout = layout, .request = request, .staging_fd = -1, .from_fd = -1, .to_fd = -1};
    struct restore_result result = {.elapsed_ns = 0};
    size_t count = 0;
    CLEANUP(free_ptr) const char **paths = new_paths(layout, &count);

    if (paths == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of what is restored");
    }
    /* Without a path everything would be restored. */
    int status = count > 0 ? restore_aside(&p, paths, count, &result, err) : SME_OK;
    if (status < 0) {
        return status;
    }
    result.counts.existing += layout->count - count;
    result.counts.failed += p.failed;
    *ret_result = result;
    return SME_OK;
}
