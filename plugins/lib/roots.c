/*
 * The paths that a source backs up.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "roots.h"
#include "listing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void set_hint(struct sme_error *err, const char *hint)
{
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "%s", hint);
}

size_t root_component(const struct root *root, size_t at)
{
    const char *slash = memchr(root->path + at, '/', root->len - at);
    return slash != NULL ? (size_t)(slash - root->path) - at : root->len - at;
}

static int normalise(const char *given, struct root *ret_root, struct sme_error *err)
{
    if (given[0] != '/') {
        (void)sme_fail(err, SME_E_INVALID, "path '%s' is not absolute", given);
        set_hint(err, "begin it with '/'");
        return SME_E_INVALID;
    }
    char *path = malloc(strlen(given) + 2);
    if (path == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for path '%s'", given);
    size_t len = 0;
    for (const char *at = given; *at != '\0';) {
        size_t component = strcspn(at, "/");
        if ((component == 1 && at[0] == '.') || (component == 2 && at[0] == '.' && at[1] == '.')) {
            free(path);
            (void)sme_fail(err, SME_E_INVALID, "path '%s' has a '%.*s' component", given,
                           (int)component, at);
            set_hint(err, "write the path without it");
            return SME_E_INVALID;
        }
        if (component > 0) {
            path[len++] = '/';
            memcpy(path + len, at, component);
            len += component;
        }
        at += component + (at[component] == '/');
    }
    if (len == 0)
        path[len++] = '/';
    path[len] = '\0';
    *ret_root = (struct root){.path = path, .len = len};
    return SME_OK;
}

static int compare_roots(const void *left, const void *right)
{
    const struct root *a = left;
    const struct root *b = right;
    size_t common = a->len < b->len ? a->len : b->len;
    for (size_t i = 0; i < common; i++) {
        int byte_a = a->path[i] == '/' ? 0 : (unsigned char)a->path[i];
        int byte_b = b->path[i] == '/' ? 0 : (unsigned char)b->path[i];
        if (byte_a != byte_b)
            return byte_a - byte_b;
    }
    return a->len == b->len ? 0 : a->len < b->len ? -1 : 1;
}

static bool lies_in(const struct root *inner, const struct root *outer)
{
    if (outer->len == 1)
        return true;
    return inner->len > outer->len && inner->path[outer->len] == '/' &&
           memcmp(inner->path, outer->path, outer->len) == 0;
}

/* In this order what lies in a path comes right behind it. */
static int check_overlap(const struct roots *roots, struct sme_error *err)
{
    for (size_t i = 1; i < roots->count; i++) {
        const struct root *outer = &roots->list[i - 1];
        const struct root *inner = &roots->list[i];
        if (compare_roots(outer, inner) == 0)
            return sme_fail(err, SME_E_INVALID, "path '%s' is given twice", inner->path);
        if (lies_in(inner, outer)) {
            (void)sme_fail(err, SME_E_INVALID, "path '%s' lies inside path '%s'", inner->path,
                           outer->path);
            set_hint(err, "leave out the inner one, or give it a source of its own");
            return SME_E_INVALID;
        }
    }
    return SME_OK;
}

int roots_parse(const struct sme_list *paths, struct roots *ret_roots, struct sme_error *err)
{
    if (paths->count == 0)
        return sme_fail(err, SME_E_INVALID, "no 'path' is given");
    struct roots roots = {.list = calloc(paths->count, sizeof *roots.list)};
    if (roots.list == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for paths");
    int status = SME_OK;
    while (status == SME_OK && roots.count < paths->count) {
        status = normalise(paths->items[roots.count], &roots.list[roots.count], err);
        if (status == SME_OK)
            roots.count++;
    }
    if (status == SME_OK) {
        qsort(roots.list, roots.count, sizeof *roots.list, compare_roots);
        status = check_overlap(&roots, err);
    }
    if (status != SME_OK) {
        roots_free(&roots);
        return status;
    }
    *ret_roots = roots;
    return SME_OK;
}

void roots_free(struct roots *roots)
{
    for (size_t i = 0; i < roots->count; i++)
        free(roots->list[i].path);
    free(roots->list);
    *roots = (struct roots){0};
}

static int fail_link(const char *path, struct sme_error *err)
{
    char *target = realpath(path, NULL);
    if (target == NULL) {
        (void)sme_fail_errno(err, SME_E_NOT_FOUND,
                             "path '%s' is a symbolic link that leads nowhere", path);
        set_hint(err, "is its target mounted?");
        return SME_E_NOT_FOUND;
    }
    (void)sme_fail(err, SME_E_INVALID, "path '%s' is or contains a symbolic link", path);
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "write '%s' instead", target);
    free(target);
    return SME_E_INVALID;
}

static int fail_path(const char *path, struct sme_error *err)
{
    int status = SME_E_IO;
    const char *hint = "";
    if (errno == ENOENT || errno == ENOTDIR) {
        status = SME_E_NOT_FOUND;
        hint = "is it mounted?";
    } else if (errno == EACCES || errno == EPERM) {
        status = SME_E_DENIED;
        hint = "run as root, or as a user who may read it";
    }
    if (errno == ENOMEM)
        status = SME_E_NO_MEMORY;
    (void)sme_fail_errno(err, status, "cannot open path '%s'", path);
    set_hint(err, hint);
    return status;
}

/* Replace *${fd} by the entry ${name} of that directory, for lookups only. */
static int step_down(int *fd, const char *name)
{
    int below = openat(*fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int saved = errno;
    struct stat st;
    if (below < 0 && saved == ENOTDIR && fstatat(*fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode))
        saved = ELOOP;
    (void)close(*fd);
    *fd = below;
    errno = saved;
    return below < 0 ? -1 : 0;
}

/* Open the directory in which ${root} lies.  With ${strict} no component may be a link; errno
 * is ELOOP if one is. */
static int open_parent(const struct root *root, bool strict, int *ret_fd)
{
    char *path = strdup(root->path);
    if (path == NULL)
        return -1;
    char *last = strrchr(path, '/');
    int fd;
    if (!strict) {
        last[last == path ? 1 : 0] = '\0';
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    } else {
        fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (char *at = path + 1; fd >= 0 && at < last;) {
            char *slash = strchr(at, '/');
            *slash = '\0';
            if (step_down(&fd, at) < 0)
                break;
            at = slash + 1;
        }
    }
    int saved = errno;
    free(path);
    errno = saved;
    if (fd < 0)
        return -1;
    *ret_fd = fd;
    return 0;
}

static const char *last_component(const struct root *root)
{
    return strrchr(root->path, '/') + 1;
}

/* A file must be readable too; devices, FIFOs and sockets are never opened. */
static int check_file(int parent, const char *name, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return 0;
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    (void)close(fd);
    return 0;
}

/*
 * Open ${root} as roots_open() does, and tell what it is.  The result is -1 with errno set, where
 * ELOOP says that a component that must not be a symbolic link is one.
 */
static int look_at(const struct root *root, bool strict, int *ret_fd, struct stat *ret_st)
{
    int fd;
    struct stat st;
    if (root->len == 1 || !strict) {
        fd = listing_open_directory(AT_FDCWD, root->path, 0);
        if (fd < 0 && errno != ENOTDIR)
            return -1;
        if (fd >= 0 && fstat(fd, &st) == 0)
            goto found;
        if (fd >= 0)
            goto failed;
    }
    if (open_parent(root, strict, &fd) < 0)
        return -1;
    const char *name = last_component(root);
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        goto failed;
    if (S_ISLNK(st.st_mode)) {
        errno = ELOOP;
        goto failed;
    }
    if (S_ISDIR(st.st_mode)) {
        int below = listing_open_directory(fd, name, O_NOFOLLOW);
        if (below < 0)
            goto failed;
        (void)close(fd);
        fd = below;
        if (fstat(fd, &st) < 0)
            goto failed;
    } else if (check_file(fd, name, &st) < 0) {
        goto failed;
    }
found:
    *ret_fd = fd;
    *ret_st = st;
    return 0;
failed:;
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

static int open_root(const struct roots *roots, size_t index, int *ret_fd, struct stat *ret_st,
                     struct sme_error *err)
{
    const struct root *root = &roots->list[index];
    if (look_at(root, roots->count > 1, ret_fd, ret_st) == 0)
        return SME_OK;
    return errno == ELOOP ? fail_link(root->path, err) : fail_path(root->path, err);
}

int roots_find(struct roots *roots, struct sme_error *err)
{
    for (size_t i = 0; i < roots->count; i++) {
        int fd;
        struct stat st;
        int status = open_root(roots, i, &fd, &st, err);
        if (status != SME_OK)
            return status;
        (void)close(fd);
        roots->list[i].is_directory = S_ISDIR(st.st_mode);
        roots->list[i].dev = st.st_dev;
        roots->list[i].ino = st.st_ino;
    }
    return SME_OK;
}

int roots_open(const struct roots *roots, size_t index, int *ret_fd, struct sme_error *err)
{
    const struct root *root = &roots->list[index];
    int fd;
    struct stat st;
    int status = open_root(roots, index, &fd, &st, err);
    if (status != SME_OK)
        return status;
    if (S_ISDIR(st.st_mode) != root->is_directory ||
        (root->is_directory && (st.st_dev != root->dev || st.st_ino != root->ino))) {
        (void)close(fd);
        (void)sme_fail(err, SME_E_NOT_FOUND, "path '%s' is not what it was when the run began",
                       root->path);
        set_hint(err, "was it unmounted or replaced?");
        return SME_E_NOT_FOUND;
    }
    *ret_fd = fd;
    return SME_OK;
}
