/*
 * Directories, files and hard links on their way into the target.  Private to restore_*.c.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_RESTORE_ITEM_H
#define SME_PIPELINE_RESTORE_ITEM_H

#include "restore_job.h"

/* A directory of the snapshot.  It is held by the planner while it walks there, by everything in it
 * that is not finished, and by its subdirectories; the last one gives it its metadata. */
struct restore_dir {
    atomic_uint users;
    uint64_t serial;
    struct restore_dir *parent; /* held; NULL for the root */
    /* Set by the planner before anybody else can see it. */
    bool selected; /* the user means it; otherwise it is on the way only */
    bool made;
    bool failed;
    bool existed;  /* before this restore */
    bool has_meta; /* ${meta} shall be applied in the end */
    bool incomplete;
    struct extract_meta meta;
    size_t path_len;
    char path[]; /* NUL-terminated; xattrs behind it */
};

/* ${view} NULL: one that the snapshot does not have.  NULL on no memory. */
struct restore_dir *restore_dir_new(struct restore_job *job, struct restore_dir *parent,
                                    const char *path, size_t path_len,
                                    const struct item_view *view);
struct restore_dir *restore_dir_hold(struct restore_dir *dir);
void restore_dir_release(struct restore_tools *tools, struct restore_dir *dir);
/* Make it and what is above it, unless that is done.  False: it failed, which was reported. */
bool restore_dir_make(struct restore_tools *tools, struct restore_dir *dir);
/* Its descriptor; NULL with errno. */
struct extract_dir *restore_dir_open(struct restore_tools *tools, const struct restore_dir *dir);

struct link_group;

struct restore_file {
    struct restore_dir *dir;       /* held */
    struct link_group *group;      /* it is the first of these hard links, or NULL */
    atomic_uint_least64_t pending; /* targets to be written, and the planner's hold */
    atomic_bool broken;
    bool replace;    /* make it under another name, then rename */
    bool leave;      /* it is there and unchanged: only its metadata */
    bool sparse;     /* set its size in the end */
    bool incomplete; /* it was so when it was backed up */
    uint32_t rdev_major, rdev_minor;
    uint64_t size;
    struct extract_meta meta;
    const char *link_target;
    uint64_t weight; /* bytes of memory */

    pthread_mutex_t lock; /* guards what follows, unless there is only one holder */
    int fd;
    unsigned users; /* of fd */
    bool created;
    struct extract_now now;
    uint64_t dev, ino;
    struct sme_error *error; /* why it is broken */
    char temp[EXTRACT_TEMP_NAME];
    char name[]; /* NUL; then link target, NUL; then xattrs */
};

/* ${dir} is held from now on.  One is pending: the planner's.  NULL on no memory. */
struct restore_file *restore_file_new(struct restore_dir *dir, const struct item_view *view,
                                      const char *name);
/* It cannot be restored; the first reason is kept. */
void restore_file_break(struct restore_file *file, const struct sme_error *err);
/* Write ${len} bytes at ${offset}, then give up ${count} of the pending. */
void restore_file_write(struct restore_tools *tools, struct restore_file *file, const void *data,
                        size_t len, uint64_t offset, uint64_t count);
/* Give up ${count} of the pending; the last one finishes the file. */
void restore_file_release(struct restore_tools *tools, struct restore_file *file, uint64_t count);
/* "dir/name", to be freed; NULL on no memory. */
char *restore_path(const struct restore_dir *dir, const char *name);

/* ---- hard links --------------------------------------------------------------------------- */

int restore_links_init(struct restore_job *job, struct sme_error *err);
void restore_links_done(struct restore_job *job);

enum link_answer {
    LINK_FIRST,  /* restore the content; *ret_group is to be told */
    LINK_WAITS,  /* the link will be made when the first one is complete */
    LINK_MADE,   /* done (or reported) */
    LINK_ALONE,  /* no link is possible: restore the content */
    LINK_MEMORY, /* no memory */
};
/* An item with several names comes by. */
enum link_answer restore_link(struct restore_tools *tools, const struct item_view *view,
                              struct restore_dir *dir, const char *name, bool replace,
                              struct link_group **ret_group);
/* The first of a group is complete with this inode, or has failed: serve those who wait. */
void restore_link_resolve(struct restore_tools *tools, struct link_group *group, bool complete,
                          uint64_t dev, uint64_t ino);

#endif
