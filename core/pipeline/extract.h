/*
 * Making files under a directory, and nowhere else, whatever the names say.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Every path goes through extract_open_dir(), which follows no symbolic link and never leaves the
 * directory it began at; everything else takes such a directory and a single name.
 */
#ifndef SME_PIPELINE_EXTRACT_H
#define SME_PIPELINE_EXTRACT_H

#include "../base/error.h"
#include "../repo/item.h"

#include <sys/stat.h>

/* Open the directory ${path} (NUL-terminated, relative, may be longer than PATH_MAX, "" is the
 * root itself) below ${root_fd} for reading.  -1 with errno; ELOOP or ENOTDIR where a component is
 * a link or no directory. */
int extract_open_dir(int root_fd, const char *path);
/* The same by the way that systems without openat2() take; for tests. */
int extract_open_dir_stepwise(int root_fd, const char *path);

/* Is it one name: not empty, not "." or "..", without '/', in bounds? */
bool extract_name_ok(const char *name);

/* Directories of one thread that were opened last. */
#define EXTRACT_DIRS 24
struct extract_dir {
    uint64_t serial; /* 0: empty */
    uint64_t used;
    int fd;
    bool inherits; /* has a default ACL, which new files get */
    bool probed;   /* what new files get is known: */
    bool same_mode;
    uid_t uid;
    gid_t gid;
};
struct extract_dirs {
    int root_fd;
    uint64_t clock;
    struct extract_dir at[EXTRACT_DIRS];
};
void extract_dirs_init(struct extract_dirs *dirs, int root_fd);
void extract_dirs_done(struct extract_dirs *dirs);
/* The directory ${path}, which the caller calls ${serial} (unique, not 0).  NULL with errno.  Valid
 * until the next call. */
struct extract_dir *extract_dirs_get(struct extract_dirs *dirs, uint64_t serial, const char *path);

/* What a restored item shall get. */
struct extract_meta {
    uint32_t type; /* SME_ITEM_* */
    uint32_t mode, uid, gid;
    struct sme_time mtime;
    uint64_t xattr_count;
    const uint8_t *xattrs; /* encoded as in an item's record */
    size_t xattrs_len;
};

/* What this process may and shall do. */
struct extract_rules {
    bool is_root;
    bool set_owner;
};
struct extract_rules extract_rules_now(bool set_owner);

/* Things that are not said for every file. */
#define EXTRACT_OWNER_KEPT 1u   /* not root: the owner is the caller               */
#define EXTRACT_XATTR_DENIED 2u /* not root: security.* or trusted.* were left out */
/* The target's file system has no attributes of this kind. */
#define EXTRACT_NO_USER_XATTRS 4u
#define EXTRACT_NO_ACLS 8u
#define EXTRACT_NO_SECURITY_XATTRS 16u
#define EXTRACT_NO_OTHER_XATTRS 32u

/* What an item has now. */
struct extract_now {
    uint32_t mode;
    uid_t uid;
    gid_t gid;
    bool is_new; /* it has no attributes that would have to go */
};

/* Make a regular file for writing; never an existing one.  *ret_now is what it got (without a
 * system call where that is known).  -1 with errno. */
int extract_create(struct extract_dir *dir, const char *name, const struct extract_meta *meta,
                   struct extract_now *ret_now);

/* Owner, attributes, mode and times of an open file or directory, in the order in which none undoes
 * another.  *notes gets EXTRACT_* bits.  A failure is about this item alone. */
int extract_apply(int fd, const struct extract_meta *meta, const struct extract_rules *rules,
                  const struct extract_now *now, unsigned *notes, struct sme_error *err);
/* The same for what cannot be opened: links, FIFOs, sockets, devices. */
int extract_apply_at(struct extract_dir *dir, const char *name, const struct extract_meta *meta,
                     const struct extract_rules *rules, unsigned *notes, struct sme_error *err);

/* Make a link, FIFO, socket or device.  -1 with errno. */
int extract_make_other(struct extract_dir *dir, const char *name, const struct extract_meta *meta,
                       const char *link_target, uint32_t rdev_major, uint32_t rdev_minor);

/* A name for a file that is to replace another: ".sme-restore-<random>". */
#define EXTRACT_TEMP_NAME 32
int extract_temp_name(char out[EXTRACT_TEMP_NAME], struct sme_error *err);

#endif
