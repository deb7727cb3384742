/*
 * The place of a directory sink: the root folder, and the folders of keys below it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0700
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Names of folders that are remembered; more than any repository has that is not huge. */
#define DURABLE_MAX 16384u

/* ---- failures ----------------------------------------------------------------------------- */

void place_hint(struct sme_error *err, const char *fmt, ...)
{
    va_list ap;

    if (err == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
}

static int class_of(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return SME_E_NO_SPACE;
    case ENOENT:
        return SME_E_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return SME_E_DENIED;
    case ENOMEM:
        return SME_E_NO_MEMORY;
    case EINTR:
    case EAGAIN:
    case ESTALE:
        return SME_E_TRANSIENT;
    case ENODEV:
    case ENXIO:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ESHUTDOWN:
        return SME_E_UNREACHABLE;
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
        return SME_E_INVALID;
    default:
        return SME_E_IO;
    }
}

int place_fail(const struct place *place, const char *what, const char *key, struct sme_error *err)
{
    int status = class_of(errno);
    const char *slash = key[0] != '\0' ? "/" : "";

    if (errno == ELOOP || errno == ENOTDIR) {
        (void)sme_fail(err, status, "%s '%s%s%s': a folder on the way is a file or symbolic link",
                       what, place->path, slash, key);
        place_hint(err, "move it away; to keep a part on another disk, use a bind mount");
        return status;
    }
    (void)sme_fail_errno(err, status, "%s '%s%s%s'", what, place->path, slash, key);
    if (status == SME_E_NO_SPACE)
        place_hint(err, "make room on the file system of '%s'", place->path);
    else if (status == SME_E_DENIED && err != NULL && err->sys_errno == EROFS)
        place_hint(err, "the file system of '%s' is mounted read-only", place->path);
    else if (status == SME_E_DENIED)
        place_hint(err, "'%s' and everything in it must belong to the user who runs sme-backup",
                   place->path);
    return status;
}

static int fail_unreachable(const struct place *place, const char *why, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_UNREACHABLE, "folder '%s' %s", place->path, why);
    place_hint(err, "is its disk mounted? 'sme-backup init' makes it if it is new");
    return SME_E_UNREACHABLE;
}

/* ---- the root ----------------------------------------------------------------------------- */

void place_init(struct place *place, const struct sme_host *host, const char *path)
{
    *place = (struct place){.host = host, .path = path, .root = -1};
    (void)pthread_mutex_init(&place->lock, NULL);
}

void place_done(struct place *place)
{
    if (place->root >= 0) {
        /* If nobody is writing, nothing of ours stays behind. */
        (void)unlinkat(place->root, PLACE_TEMPORARY, AT_REMOVEDIR);
        (void)close(place->root);
    }
    free(place->durable);
    (void)pthread_mutex_destroy(&place->lock);
}

int place_root(struct place *place, int *ret_fd, struct sme_error *err)
{
    int status = SME_OK;

    (void)pthread_mutex_lock(&place->lock);
    if (place->root < 0) {
        place->root = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (place->root < 0 && errno == ENOENT) {
            status = fail_unreachable(place, "does not exist", err);
        } else if (place->root < 0 && errno == ENOTDIR) {
            status = sme_fail(err, SME_E_INVALID, "'%s' is not a folder", place->path);
        } else if (place->root < 0) {
            status = place_fail(place, "cannot open folder", "", err);
        }
    }
    if (status == SME_OK)
        *ret_fd = place->root;
    (void)pthread_mutex_unlock(&place->lock);
    return status;
}

int place_still_there(struct place *place, struct sme_error *err)
{
    struct stat opened, named;
    int root = -1;

    int status = place_root(place, &root, err);
    if (status < 0)
        return status;
    if (fstat(root, &opened) < 0)
        return place_fail(place, "cannot look at folder", "", err);
    if (stat(place->path, &named) < 0 && errno != ENOENT)
        return place_fail(place, "cannot look at folder", "", err);
    if (opened.st_nlink == 0 || stat(place->path, &named) < 0)
        return fail_unreachable(place, "has been removed", err);
    return SME_OK;
}

static int sync_fd(int fd)
{
    while (fsync(fd) < 0) {
        /* There are file systems whose folders need it not. */
        if (errno == EINVAL || errno == EOPNOTSUPP)
            return 0;
        if (errno != EINTR)
            return -1;
    }
    return 0;
}

/* mkdir -p; every name that is made is on the disk before the next one. */
int place_make(struct place *place, struct sme_error *err)
{
    char *partial = strdup(place->path);
    int above = open("/", FOLDER_FLAGS);
    int status = SME_OK;
    char *at = partial;

    if (partial == NULL)
        status =
            sme_fail(err, SME_E_NO_MEMORY, "cannot make folder '%s': out of memory", place->path);
    else if (above < 0)
        status = place_fail(place, "cannot make folder", "", err);
    while (status == SME_OK) {
        at += strspn(at, "/");
        size_t len = strcspn(at, "/");
        bool is_last = at[len] == '\0';
        if (len == 0)
            break;
        at[len] = '\0';
        bool is_new = mkdirat(above, at, FOLDER_MODE) == 0;
        int made = is_new ? 0 : errno;
        /* Where this user may not make anything, the folder may exist all the same. */
        int next = openat(above, at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (next < 0 && errno == EACCES) /* one that may only be passed through */
            next = openat(above, at, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (next < 0 && errno == ENOENT)
            errno = made;
        if (next < 0 || (is_new && sync_fd(above) < 0))
            status = place_fail(place, "cannot make folder", "", err);
        (void)close(above);
        above = next;
        if (is_last)
            break;
        at += len + 1;
    }
    if (above >= 0)
        (void)close(above);
    free(partial);
    int root = -1;
    return status < 0 ? status : place_root(place, &root, err);
}

/* ---- keys --------------------------------------------------------------------------------- */

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool is_reserved(const char *name, size_t len)
{
    return (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.');
}

static bool is_key(const char *key, bool is_prefix)
{
    size_t temporary_len = sizeof PLACE_TEMPORARY - 1;

    if (strnlen(key, SME_KEY_MAX + 1) > SME_KEY_MAX)
        return false;
    if (strncmp(key, PLACE_TEMPORARY, temporary_len) == 0 &&
        (key[temporary_len] == '/' || key[temporary_len] == '\0'))
        return false;
    for (const char *at = key;;) {
        size_t len = strcspn(at, "/");
        bool is_last = at[len] == '\0';
        /* The last component of a prefix is the beginning of one. */
        if (!(is_last && is_prefix) && (len == 0 || is_reserved(at, len)))
            return false;
        for (size_t i = 0; i < len; i++) {
            if (!is_key_char(at[i]))
                return false;
        }
        if (is_last)
            return true;
        at += len + 1;
    }
}

int place_check_key(const char *key, bool is_prefix, struct sme_error *err)
{
    if (is_key(key, is_prefix))
        return SME_OK;
    return sme_fail(err, SME_E_INVALID, "the key '%.80s' cannot be used", key);
}

/* ---- folders ------------------------------------------------------------------------------ */

/* What lies at ${name} is no folder: a link, which might hide one, or a file, below which there is
 * certainly nothing. */
static int errno_of_obstacle(int above, const char *name, bool make)
{
    struct stat st;

    if (fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
        return ELOOP;
    return make ? ENOTDIR : ENOENT;
}

/* The folder ${name} in ${above}, which is closed. */
static int step_down(int above, const char *name, bool make)
{
    int fd = openat(above, name, FOLDER_FLAGS);

    if (fd < 0 && errno == ENOENT && make &&
        (mkdirat(above, name, FOLDER_MODE) == 0 || errno == EEXIST))
        fd = openat(above, name, FOLDER_FLAGS);
    int saved = errno;
    if (fd < 0 && (saved == ENOTDIR || saved == ELOOP))
        saved = errno_of_obstacle(above, name, make);
    (void)close(above);
    errno = saved;
    return fd;
}

int place_open_folder(struct place *place, const char *key, bool make, int *ret_fd,
                      const char **ret_name, struct sme_error *err)
{
    char name[SME_KEY_MAX + 1];
    const char *at = key;
    int root = -1;

    int status = place_check_key(key, false, err);
    if (status == SME_OK)
        status = place_root(place, &root, err);
    if (status < 0)
        return status;
    /* Opened anew: a duplicate would share the position of a listing. */
    int fd = openat(root, ".", FOLDER_FLAGS);
    for (const char *slash; fd >= 0 && (slash = strchr(at, '/')) != NULL; at = slash + 1) {
        memcpy(name, at, (size_t)(slash - at));
        name[slash - at] = '\0';
        fd = step_down(fd, name, make);
    }
    if (fd < 0 && errno == ENOENT) {
        status = place_still_there(place, err);
        if (status < 0)
            return status;
        if (!make)
            return sme_fail(err, SME_E_NOT_FOUND, "there is no object '%s/%s'", place->path, key);
        errno = EAGAIN; /* somebody removes folders while we make them */
    }
    if (fd < 0)
        return place_fail(place, make ? "cannot make the folder of" : "cannot open the folder of",
                          key, err);
    *ret_fd = fd;
    *ret_name = at;
    return SME_OK;
}

/* ---- durability --------------------------------------------------------------------------- */

static bool is_durable(struct place *place, const char *folder, size_t len)
{
    bool found = false;

    (void)pthread_mutex_lock(&place->lock);
    for (size_t i = 0; i < place->durable_len && !found;) {
        size_t one = strlen(place->durable + i);
        found = one == len && memcmp(place->durable + i, folder, len) == 0;
        i += one + 1;
    }
    (void)pthread_mutex_unlock(&place->lock);
    return found;
}

/* Forgetting costs time only. */
static void note_durable(struct place *place, const char *folder, size_t len)
{
    (void)pthread_mutex_lock(&place->lock);
    if (place->durable_len + len + 1 <= DURABLE_MAX) {
        char *grown = realloc(place->durable, place->durable_len + len + 1);
        if (grown != NULL) {
            memcpy(grown + place->durable_len, folder, len);
            grown[place->durable_len + len] = '\0';
            place->durable = grown;
            place->durable_len += len + 1;
        }
    }
    (void)pthread_mutex_unlock(&place->lock);
}

/*
 * The names of the folders above are synced once per handle, whoever made them: another thread,
 * or a run that was killed, may have made one and not have come to its sync.
 */
static int sync_above(struct place *place, const char *key, int root)
{
    const char *last = strrchr(key, '/');
    char name[SME_KEY_MAX + 1];

    if (last == NULL || is_durable(place, key, (size_t)(last - key)))
        return 0;
    int fd = openat(root, ".", FOLDER_FLAGS);
    for (const char *at = key; fd >= 0; at = strchr(at, '/') + 1) {
        if (sync_fd(fd) < 0) {
            (void)close(fd);
            return -1;
        }
        const char *slash = strchr(at, '/');
        if (slash == last) /* the name of the last folder lies in this one */
            break;
        memcpy(name, at, (size_t)(slash - at));
        name[slash - at] = '\0';
        fd = step_down(fd, name, false);
    }
    if (fd < 0)
        return -1;
    (void)close(fd);
    note_durable(place, key, (size_t)(last - key));
    return 0;
}

int place_sync_folder(struct place *place, const char *key, int folder_fd, struct sme_error *err)
{
    int root = -1;

    int status = place_root(place, &root, err);
    if (status < 0)
        return status;
    if (sync_fd(folder_fd) < 0 || sync_above(place, key, root) < 0)
        return place_fail(place, "cannot sync the folder of", key, err);
    return SME_OK;
}
