/*
 * Listing: a walk below the folder of the prefix.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * What cannot be an object of ours is passed over and counted.  What cannot be read ends the
 * listing: it must not become shorter.
 */
#include "listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Entries between two looks at the host's wish to stop. */
#define POLL_EVERY 512u

struct listing {
    struct place *place;
    const char *prefix;
    size_t prefix_len;
    sme_list_fn *callback;
    void *cookie;
    struct sme_error *err;
    unsigned seen;
    unsigned foreign;
    char key[SME_KEY_MAX + 1]; /* of the entry at hand */
};

static int walk(struct listing *list, int folder, size_t key_len);

/* Does the key so far lie on the way to the prefix, or below it? */
static bool is_wanted(const struct listing *list, size_t len)
{
    size_t shared = len < list->prefix_len ? len : list->prefix_len;

    return memcmp(list->key, list->prefix, shared) == 0;
}

/* A link to a folder would hide everything in it. */
static int check_other(struct listing *list, int folder, const char *name, const struct stat *own)
{
    struct stat st;

    if (S_ISLNK(own->st_mode) && fstatat(folder, name, &st, 0) == 0 && S_ISDIR(st.st_mode)) {
        errno = ELOOP;
        return place_fail(list->place, "cannot list", list->key, list->err);
    }
    list->foreign++;
    return SME_OK;
}

static int visit_folder(struct listing *list, int folder, const char *name, size_t len)
{
    if (len >= SME_KEY_MAX) {
        list->foreign++;
        return SME_OK;
    }
    list->key[len] = '/';
    list->key[len + 1] = '\0';
    if (!is_wanted(list, len + 1))
        return SME_OK;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) /* removed meanwhile */
        return SME_OK;
    if (fd < 0)
        return place_fail(list->place, "cannot list", list->key, list->err);
    return walk(list, fd, len + 1);
}

static int visit_entry(struct listing *list, int folder, const char *name, size_t key_len)
{
    size_t name_len = strlen(name);
    struct stat st;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        (key_len == 0 && strcmp(name, PLACE_TEMPORARY) == 0))
        return SME_OK;
    if (name_len > SME_KEY_MAX - key_len) {
        list->foreign++;
        return SME_OK;
    }
    memcpy(list->key + key_len, name, name_len + 1);
    if (place_check_key(list->key, false, NULL) < 0) {
        list->foreign++;
        return SME_OK;
    }
    size_t len = key_len + name_len;
    if (!is_wanted(list, len))
        return SME_OK;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? SME_OK
                               : place_fail(list->place, "cannot list", list->key, list->err);
    if (S_ISDIR(st.st_mode))
        return visit_folder(list, folder, name, len);
    if (!S_ISREG(st.st_mode))
        return check_other(list, folder, name, &st);
    if (len < list->prefix_len)
        return SME_OK;
    const struct sme_object object = {
        .struct_size = sizeof object,
        .key = list->key,
        .size = (uint64_t)st.st_size,
        .modified_ns = (int64_t)st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
    };
    return list->callback(list->cookie, &object);
}

/* Everything in ${folder}, which is closed; its key, with '/' at the end, has ${key_len} bytes. */
static int walk(struct listing *list, int folder, size_t key_len)
{
    const struct sme_host *host = list->place->host;
    DIR *dir = fdopendir(folder);
    int status = SME_OK;

    if (dir == NULL) {
        status = place_fail(list->place, "cannot list", list->key, list->err);
        (void)close(folder);
        return status;
    }
    while (status == SME_OK) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        list->key[key_len] = '\0';
        if (entry == NULL && errno != 0)
            status = place_fail(list->place, "cannot list", list->key, list->err);
        if (entry == NULL)
            break;
        if (++list->seen % POLL_EVERY == 0 && host->cancelled(host) != 0)
            status = sme_fail(list->err, SME_E_CANCELLED, "cancelled while '%s' was listed",
                              list->place->path);
        else
            status = visit_entry(list, folder, entry->d_name, key_len);
    }
    (void)closedir(dir);
    return status;
}

int listing_run(struct place *place, const char *prefix, sme_list_fn *callback, void *cookie,
                struct sme_error *err)
{
    struct listing list = {
        .place = place, .prefix = prefix, .callback = callback, .cookie = cookie, .err = err};
    const char *slash = strrchr(prefix, '/');
    const char *name = NULL;
    int folder = -1;

    int status = place_check_key(prefix, true, err);
    if (status < 0)
        return status;
    list.prefix_len = strlen(prefix);
    size_t key_len = slash == NULL ? 0 : (size_t)(slash - prefix) + 1;
    memcpy(list.key, prefix, key_len);

    /* Any name at the end leads to the same folder; that of the prefix may be none. */
    char inside[SME_KEY_MAX + 3];
    (void)snprintf(inside, sizeof inside, "%sx", list.key);
    status = place_open_folder(place, inside, false, &folder, &name, err);
    if (status == SME_E_NOT_FOUND)
        return SME_OK;
    if (status < 0)
        return status;
    status = walk(&list, folder, key_len);
    if (list.foreign > 0)
        place->host->log(place->host, SME_LOG_DEBUG,
                         "passed over %u entries of '%s' that cannot be objects", list.foreign,
                         place->path);
    /* The folder may have been removed under the walk, together with everything. */
    return status == SME_OK ? place_still_there(place, err) : status;
}
