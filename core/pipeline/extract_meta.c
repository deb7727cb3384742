/*
 * Giving a restored item its owner, attributes, mode and times.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Owner first, since a change of owner clears setuid bits and capabilities; then attributes, the
 * ACL last of them, since it may take the right to write; then the mode; then the times, which
 * nothing may touch any more.
 */
#include "extract.h"

#include "../base/cleanup.h"
#include "../base/limits.h"
#include "filemeta.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ACL_PREFIX "system.posix_acl_"

struct extract_rules extract_rules_now(bool set_owner)
{
    return (struct extract_rules){.is_root = geteuid() == 0, .set_owner = set_owner};
}

/* Where the attributes go: a descriptor, or a path through /proc whose last part is not followed.
 */
struct place {
    int fd;
    const char *path;
};

static int set_value(const struct place *place, const char *name, const uint8_t *value, size_t len)
{
    return place->fd >= 0 ? fsetxattr(place->fd, name, value, len, 0)
                          : lsetxattr(place->path, name, value, len, 0);
}

static unsigned kind_bit(const char *name)
{
    if (strncmp(name, "user.", 5) == 0) {
        return EXTRACT_NO_USER_XATTRS;
    }
    if (strncmp(name, ACL_PREFIX, strlen(ACL_PREFIX)) == 0) {
        return EXTRACT_NO_ACLS;
    }
    return strncmp(name, "security.", 9) == 0 ? EXTRACT_NO_SECURITY_XATTRS
                                              : EXTRACT_NO_OTHER_XATTRS;
}

static int set_one(const struct place *place, const char *name, const uint8_t *value, size_t len,
                   const struct extract_rules *rules, unsigned *notes, struct sme_error *err)
{
    if (set_value(place, name, value, len) == 0) {
        return SME_OK;
    }
    if (errno == ENOTSUP) {
        *notes |= kind_bit(name);
        return SME_OK;
    }
    if (!rules->is_root && (errno == EPERM || errno == EACCES) &&
        (strncmp(name, "security.", 9) == 0 || strncmp(name, "trusted.", 8) == 0)) {
        *notes |= EXTRACT_XATTR_DENIED;
        return SME_OK;
    }
    /* Not NO_SPACE: an attribute that does not fit into the inode is this item's trouble only. */
    return sme_fail_errno(err, SME_E_IO, "cannot set its attribute '%s'", name);
}

/* Copy a name out of the encoded form; false if it cannot be one. */
static bool name_text(const char *name, size_t len, char out[LIMIT_NAME_BYTES + 1])
{
    if (len == 0 || len > LIMIT_NAME_BYTES || memchr(name, '\0', len) != NULL) {
        return false;
    }
    memcpy(out, name, len);
    out[len] = '\0';
    return true;
}

static struct item_view attributes_of(const struct extract_meta *meta)
{
    return (struct item_view){
        .xattrs = wire_of(meta->xattrs, meta->xattrs_len),
        .xattr_count = meta->xattr_count,
    };
}

/* All attributes that are (${acls}) or are not ACLs. */
static int set_some(const struct place *place, const struct extract_meta *meta, bool acls,
                    const struct extract_rules *rules, unsigned *notes, struct sme_error *err)
{
    struct item_view view = attributes_of(meta);
    char text[LIMIT_NAME_BYTES + 1];
    int result = SME_OK;
    const char *name;
    const uint8_t *value;
    size_t name_len;
    size_t value_len;

    while (item_next_xattr(&view, &name, &name_len, &value, &value_len)) {
        if (!name_text(name, name_len, text)) {
            return sme_fail(err, SME_E_CORRUPT, "the name of one of its attributes is damaged");
        }
        if ((kind_bit(text) == EXTRACT_NO_ACLS) == acls) {
            int status = set_one(place, text, value, value_len, rules, notes, err);
            result = result < 0 ? result : status;
        }
    }
    return result;
}

static bool is_recorded(const struct extract_meta *meta, const char *wanted)
{
    struct item_view view = attributes_of(meta);
    const char *name;
    const uint8_t *value;
    size_t name_len;
    size_t value_len;

    while (item_next_xattr(&view, &name, &name_len, &value, &value_len)) {
        if (name_len == strlen(wanted) && memcmp(name, wanted, name_len) == 0) {
            return true;
        }
    }
    return false;
}

/* Attributes that decide who may do what, or that somebody set: those must not stay by accident. */
static bool must_go(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strncmp(name, ACL_PREFIX, strlen(ACL_PREFIX)) == 0 ||
           strcmp(name, "security.capability") == 0;
}

/* Remove what an existing or inheriting file has beyond what is recorded. */
static int remove_others(int fd, const struct extract_meta *meta, struct sme_error *err)
{
    CLEANUP(free_ptr) char *names = NULL;
    ssize_t used = flistxattr(fd, NULL, 0);

    if (used <= 0) {
        return SME_OK;
    }
    names = malloc((size_t)used);
    if (names == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for its attributes");
    }
    used = flistxattr(fd, names, (size_t)used);
    for (ssize_t at = 0; at < used; at += (ssize_t)strlen(names + at) + 1) {
        const char *name = names + at;
        if (must_go(name) && !is_recorded(meta, name) && fremovexattr(fd, name) < 0 &&
            errno != ENODATA && errno != ENOTSUP) {
            return sme_fail_errno(err, SME_E_IO, "cannot remove its attribute '%s'", name);
        }
    }
    return SME_OK;
}

/* What the owner is in the end. */
struct owner {
    uid_t uid;
    gid_t gid;
};

static int change_owner(int fd, const char *name, uid_t uid, gid_t gid)
{
    return name == NULL ? fchown(fd, uid, gid) : fchownat(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

/* Of ${fd}, or of ${name} in it. */
static int apply_owner(int fd, const char *name, const struct extract_meta *meta,
                       const struct extract_rules *rules, struct owner *owner, unsigned *notes,
                       struct sme_error *err)
{
    if (!rules->set_owner || (owner->uid == meta->uid && owner->gid == meta->gid)) {
        return SME_OK;
    }
    if (change_owner(fd, name, meta->uid, meta->gid) == 0) {
        *owner = (struct owner){meta->uid, meta->gid};
        return SME_OK;
    }
    if (rules->is_root || errno != EPERM) {
        return sme_fail_errno(err, error_class_of_errno(errno), "cannot set its owner to %u:%u",
                              meta->uid, meta->gid);
    }
    /* A group that the caller is a member of may be given. */
    if (owner->gid != meta->gid && change_owner(fd, name, (uid_t)-1, meta->gid) == 0) {
        owner->gid = meta->gid;
    }
    *notes |= EXTRACT_OWNER_KEPT;
    return SME_OK;
}

/* A program that ran as somebody must not begin to run as somebody else. */
static mode_t safe_mode(const struct extract_meta *meta, const struct owner *owner)
{
    mode_t mode = meta->mode & 07777;

    if (owner->uid != meta->uid) {
        mode &= ~(mode_t)S_ISUID;
    }
    if (owner->gid != meta->gid) {
        mode &= ~(mode_t)S_ISGID;
    }
    return mode;
}

static void times_of(const struct extract_meta *meta, struct timespec out[2])
{
    out[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
    out[1] = (struct timespec){.tv_sec = meta->mtime.sec, .tv_nsec = (long)meta->mtime.nsec};
}

int extract_apply(int fd, const struct extract_meta *meta, const struct extract_rules *rules,
                  const struct extract_now *now, unsigned *notes, struct sme_error *err)
{
    struct owner owner = {now->uid, now->gid};
    struct place place = {.fd = fd};
    struct timespec times[2];

    int status = apply_owner(fd, NULL, meta, rules, &owner, notes, err);
    bool owner_changed = owner.uid != now->uid || owner.gid != now->gid;
    if (!now->is_new && !rules->is_root && (now->mode & 0200) == 0) {
        (void)fchmod(fd, now->mode | 0200); /* its owner may set attributes only then */
    }
    if (!now->is_new) {
        int removed = remove_others(fd, meta, status < 0 ? NULL : err);
        status = status < 0 ? status : removed;
    }
    for (int acls = 0; meta->xattr_count > 0 && acls < 2; acls++) {
        int set = set_some(&place, meta, acls == 1, rules, notes, status < 0 ? NULL : err);
        status = status < 0 ? status : set;
    }
    mode_t mode = safe_mode(meta, &owner);
    if ((mode != now->mode || !now->is_new || meta->xattr_count > 0 ||
         (owner_changed && (mode & 06000) != 0)) &&
        fchmod(fd, mode) < 0 && status == SME_OK) {
        status = sme_fail_errno(err, error_class_of_errno(errno), "cannot set its mode to %04o",
                                (unsigned)mode);
    }
    times_of(meta, times);
    if (futimens(fd, times) < 0 && status == SME_OK) {
        status = sme_fail_errno(err, error_class_of_errno(errno), "cannot set its times");
    }
    return status;
}

/* The mode of something that may not be opened, by a descriptor that is no more than a handle. */
static int apply_mode_at(int dir_fd, const char *name, mode_t mode, const struct stat *known,
                         struct sme_error *err)
{
    CLEANUP(close_fd) int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    char path[64];

    if (fd < 0 || fstat(fd, &st) < 0) {
        return error_errno(err, "cannot open it to set its mode");
    }
    if (st.st_ino != known->st_ino || st.st_dev != known->st_dev) {
        return sme_fail(err, SME_E_CHANGED, "it was replaced by something else meanwhile");
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (chmod(path, mode) < 0) {
        return sme_fail_errno(err, error_class_of_errno(errno), "cannot set its mode to %04o",
                              (unsigned)mode);
    }
    return SME_OK;
}

int extract_apply_at(struct extract_dir *dir, const char *name, const struct extract_meta *meta,
                     const struct extract_rules *rules, unsigned *notes, struct sme_error *err)
{
    char path[64 + LIMIT_NAME_BYTES];
    struct timespec times[2];
    struct stat st;

    if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return error_errno(err, "cannot look at it");
    }
    if (filemeta_type(st.st_mode) != meta->type) {
        return sme_fail(err, SME_E_CHANGED, "it was replaced by something else meanwhile");
    }
    struct owner owner = {st.st_uid, st.st_gid};
    int status = apply_owner(dir->fd, name, meta, rules, &owner, notes, err);
    if (meta->xattr_count > 0) {
        /* There is no lsetxattrat(); the magic link leads to the directory, and the last part is
         * not followed. */
        struct place place = {.fd = -1, .path = path};
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir->fd, name);
        for (int acls = 0; acls < 2; acls++) {
            int set = set_some(&place, meta, acls == 1, rules, notes, status < 0 ? NULL : err);
            status = status < 0 ? status : set;
        }
    }
    mode_t mode = safe_mode(meta, &owner);
    if (meta->type != SME_ITEM_SYMLINK && mode != (st.st_mode & 07777)) {
        int set = apply_mode_at(dir->fd, name, mode, &st, status < 0 ? NULL : err);
        status = status < 0 ? status : set;
    }
    times_of(meta, times);
    if (utimensat(dir->fd, name, times, AT_SYMLINK_NOFOLLOW) < 0 && status == SME_OK) {
        status = sme_fail_errno(err, error_class_of_errno(errno), "cannot set its times");
    }
    return status;
}
