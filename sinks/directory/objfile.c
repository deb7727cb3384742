/*
 * Objects as files.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Putting one: temporary file → data on the disk → its name, which must be new → the folder's
 * names on the disk.  Before the third step nobody can see it; after a failure nobody ever will.
 */
#include "objfile.h"
#include "tempfile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* One write: long enough for any disk, short enough to notice that the run is to stop. */
#define PIECE ((size_t)4 << 20)

/* What O_DIRECT wants of addresses, offsets and lengths; no common disk wants more. */
#define ALIGNMENT 4096u

/* Below this, going round the page cache gains nothing. */
#define DIRECT_MIN ((uint64_t)1 << 20)

static int fail_missing(struct place *place, const char *key, struct sme_error *err)
{
    int status = place_still_there(place, err);

    if (status < 0)
        return status;
    return sme_fail(err, SME_E_NOT_FOUND, "there is no object '%s/%s'", place->path, key);
}

/* ---- writing ------------------------------------------------------------------------------ */

struct writing {
    struct place *place;
    const char *key;
    int fd;
    uint64_t length;
    uint64_t done;
    bool is_direct;
    bool must_be_direct;
    struct sme_error *err;
};

static int fail_write(const struct writing *w)
{
    struct statvfs fs;

    if (errno != ENOSPC && errno != EDQUOT)
        return place_fail(w->place, "cannot write", w->key, w->err);
    int saved = errno;
    unsigned long long room =
        fstatvfs(w->fd, &fs) == 0 ? (unsigned long long)fs.f_bavail * fs.f_frsize : 0;
    errno = saved;
    (void)sme_fail_errno(w->err, SME_E_NO_SPACE,
                         "cannot write '%s/%s': no room for its %llu bytes (%llu are free)",
                         w->place->path, w->key, (unsigned long long)w->length, room);
    place_hint(w->err, "make room on the file system of '%s', or raise the quota", w->place->path);
    return SME_E_NO_SPACE;
}

static int fail_direct(const struct writing *w)
{
    (void)sme_fail_errno(w->err, SME_E_UNSUPPORTED,
                         "cannot write '%s/%s' round the page cache as direct = on demands",
                         w->place->path, w->key);
    place_hint(w->err,
               "the file system cannot do it: remove 'direct' from the section of the sink");
    return SME_E_UNSUPPORTED;
}

static int set_direct(const struct writing *w, bool on)
{
    int flags = fcntl(w->fd, F_GETFL);

    return flags < 0 ? -1 : fcntl(w->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

/* From here on through the page cache. */
static int leave_direct(struct writing *w)
{
    w->is_direct = false;
    return set_direct(w, false) < 0 ? fail_write(w) : SME_OK;
}

/* One piece from ${at}; the bytes written, or a status. */
static int64_t write_piece(struct writing *w, const char *at, size_t len)
{
    for (;;) {
        size_t piece = len < PIECE ? len : PIECE;
        if (w->is_direct) {
            piece -= piece % ALIGNMENT;
            if (piece == 0 || ((uintptr_t)at & (ALIGNMENT - 1)) != 0) {
                int status = leave_direct(w);
                if (status < 0)
                    return status;
                continue;
            }
        }
        ssize_t wrote = write(w->fd, at, piece);
        if (wrote > 0)
            return (int64_t)wrote;
        if (wrote == 0)
            errno = EIO;
        if (wrote < 0 && errno == EINTR)
            continue;
        if (!w->is_direct || errno != EINVAL)
            return fail_write(w);
        if (w->must_be_direct)
            return fail_direct(w);
        int status = leave_direct(w);
        if (status < 0)
            return status;
    }
}

static int write_slice(struct writing *w, const struct sme_slice *slice)
{
    const char *at = slice->data;
    size_t left = slice->len;

    while (left > 0) {
        int64_t wrote = write_piece(w, at, left);
        if (wrote < 0)
            return (int)wrote;
        at += wrote;
        left -= (size_t)wrote;
        w->done += (uint64_t)wrote;
        /* After a short write the offset fits no longer. */
        if (w->is_direct && w->done % ALIGNMENT != 0) {
            int status = leave_direct(w);
            if (status < 0)
                return status;
        }
        const struct sme_host *host = w->place->host;
        if (w->done < w->length && host->cancelled(host) != 0)
            return sme_fail(w->err, SME_E_CANCELLED, "cancelled while '%s/%s' was written",
                            w->place->path, w->key);
    }
    return SME_OK;
}

static int write_all(struct writing *w, uint32_t direct, const struct sme_slice *slices,
                     size_t count)
{
    w->must_be_direct = direct == DIRECT_ON;
    if (direct == DIRECT_ON || (direct == DIRECT_AUTO && w->length >= DIRECT_MIN)) {
        /* By fcntl(): open() with a flag that is refused may leave a file behind. */
        w->is_direct = set_direct(w, true) == 0;
        if (!w->is_direct && w->must_be_direct)
            return fail_direct(w);
    }
    for (size_t i = 0; i < count; i++) {
        int status = write_slice(w, &slices[i]);
        if (status < 0)
            return status;
    }
    while (fdatasync(w->fd) < 0) {
        if (errno != EINTR)
            return fail_write(w);
    }
    return SME_OK;
}

/* ---- naming ------------------------------------------------------------------------------- */

/* Does the file have the second name that a call gave it whose answer was lost (NFS)? */
static bool was_linked(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_nlink == 2;
}

/* 0, or -1 with errno; EEXIST: the name is taken. */
static int name_new(const struct tempfile *file, int folder, const char *name)
{
    if (linkat(file->folder, file->name, folder, name, 0) == 0)
        return 0;
    if (errno == EEXIST)
        return was_linked(file->fd) ? 0 : -1;
    /* No hard links here; some file systems without them know this instead. */
    if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
        return renameat2(file->folder, file->name, folder, name, RENAME_NOREPLACE);
    return -1;
}

static int fail_exists(const struct place *place, const char *key, struct sme_error *err)
{
    return sme_fail(err, SME_E_EXISTS, "object '%s/%s' exists already", place->path, key);
}

/* Somebody else's object.  Whoever put it may have been killed before its name was durable, and
 * our caller will rely on it. */
static int confirm_existing(struct place *place, int folder, const char *key, struct sme_error *err)
{
    int status = place_sync_folder(place, key, folder, err);

    return status < 0 ? status : fail_exists(place, key, err);
}

static int give_name(struct place *place, struct tempfile *file, int folder, const char *name,
                     const char *key, bool only_new, struct sme_error *err)
{
    int result =
        only_new ? name_new(file, folder, name) : renameat(file->folder, file->name, folder, name);

    if (result < 0 && only_new && errno == EEXIST)
        return confirm_existing(place, folder, key, err);
    if (result < 0 && only_new && (errno == EINVAL || errno == ENOSYS)) {
        (void)sme_fail(err, SME_E_UNSUPPORTED,
                       "the file system of '%s' can neither link nor rename to a new name only",
                       place->path);
        place_hint(err, "use a Linux file system such as ext4, xfs or btrfs");
        return SME_E_UNSUPPORTED;
    }
    if (result < 0)
        return place_fail(place, "cannot name", key, err);
    int status = place_sync_folder(place, key, folder, err);
    /* A name that may not outlive a power cut is taken back: the next put would trust it. */
    if (status < 0 && only_new)
        (void)unlinkat(folder, name, 0);
    return status;
}

static int check_length(const struct sme_slice *slices, size_t count,
                        const struct sme_put_info *info, const char *key, struct sme_error *err)
{
    uint64_t sum = 0;
    bool is_sane = true;

    for (size_t i = 0; i < count; i++)
        is_sane = is_sane && !__builtin_add_overflow(sum, (uint64_t)slices[i].len, &sum);
    if (is_sane && sum == info->length)
        return SME_OK;
    return sme_fail(err, SME_E_INVALID, "object '%s': %llu bytes were given instead of %llu", key,
                    (unsigned long long)sum, (unsigned long long)info->length);
}

int objfile_put(struct place *place, uint32_t direct, const char *key,
                const struct sme_slice *slices, size_t count, const struct sme_put_info *info,
                struct sme_error *err)
{
    bool only_new = (info->flags & SME_PUT_CREATE_ONLY) != 0;
    struct tempfile file = TEMPFILE_INIT;
    const char *name = NULL;
    struct stat st;
    int folder = -1;

    int status = check_length(slices, count, info, key, err);
    if (status == SME_OK)
        status = place_open_folder(place, key, true, &folder, &name, err);
    if (status < 0)
        return status;
    /* Spares the writing; what decides is the naming. */
    if (only_new && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        status = confirm_existing(place, folder, key, err);
    if (status == SME_OK)
        status = tempfile_open(place, key, &file, err);
    if (status == SME_OK) {
        struct writing w = {
            .place = place, .key = key, .fd = file.fd, .length = info->length, .err = err};
        status = write_all(&w, direct, slices, count);
    }
    if (status == SME_OK)
        status = give_name(place, &file, folder, name, key, only_new, err);
    tempfile_done(&file);
    (void)close(folder);
    return status;
}

/* ---- reading and removing ----------------------------------------------------------------- */

/* What fits in the result. */
#define READ_MAX (SIZE_MAX / 2)

static int64_t read_range(struct place *place, const char *key, int fd, uint64_t offset, char *buf,
                          size_t len, struct sme_error *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got = pread(fd, buf + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return place_fail(place, "cannot read", key, err);
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

int64_t objfile_get(struct place *place, const char *key, uint64_t offset, void *buf, size_t len,
                    struct sme_error *err)
{
    const char *name = NULL;
    struct stat st;
    int folder = -1;
    int64_t result;

    int status = place_open_folder(place, key, false, &folder, &name, err);
    if (status < 0)
        return status;
    /* O_NONBLOCK: a FIFO of that name must not hold us up. */
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    int saved = errno;
    (void)close(folder);
    errno = saved;
    if (fd < 0)
        return errno == ENOENT ? fail_missing(place, key, err)
                               : place_fail(place, "cannot open", key, err);
    if (fstat(fd, &st) < 0)
        result = place_fail(place, "cannot look at", key, err);
    else if (!S_ISREG(st.st_mode))
        result = fail_missing(place, key, err);
    else if (offset >= (uint64_t)st.st_size)
        result = 0;
    else
        result = read_range(place, key, fd, offset, buf, len < READ_MAX ? len : READ_MAX, err);
    (void)close(fd);
    return result;
}

int objfile_stat(struct place *place, const char *key, struct sme_object *ret_object,
                 struct sme_error *err)
{
    const char *name = NULL;
    struct stat st;
    int folder = -1;

    int status = place_open_folder(place, key, false, &folder, &name, err);
    if (status < 0)
        return status;
    int result = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW);
    int saved = errno;
    (void)close(folder);
    errno = saved;
    if (result < 0 && errno != ENOENT)
        return place_fail(place, "cannot look at", key, err);
    if (result < 0 || !S_ISREG(st.st_mode))
        return fail_missing(place, key, err);
    ret_object->flags = 0;
    ret_object->key = key;
    ret_object->size = (uint64_t)st.st_size;
    ret_object->modified_ns = (int64_t)st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    return SME_OK;
}

int objfile_remove(struct place *place, const char *key, struct sme_error *err)
{
    const char *name = NULL;
    struct stat st;
    int folder = -1;

    int status = place_open_folder(place, key, false, &folder, &name, err);
    if (status == SME_E_NOT_FOUND)
        return SME_OK;
    if (status < 0)
        return status;
    if (unlinkat(folder, name, 0) == 0) {
        status = place_sync_folder(place, key, folder, err);
    } else if (errno == ENOENT) {
        status = place_still_there(place, err);
    } else if ((errno == EISDIR || errno == EPERM) &&
               fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
        status = SME_OK; /* a folder is not an object */
    } else {
        status = place_fail(place, "cannot remove", key, err);
    }
    (void)close(folder);
    return status;
}
