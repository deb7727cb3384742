/*
 * Units of work: runs of items, on their way from the source through the workers to the item
 * stream.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_UNIT_H
#define SME_PIPELINE_UNIT_H

#include "../base/buf.h"
#include "../repo/itemcache.h"
#include "../repo/snapshot.h"

#include <stdatomic.h>

#define UNIT_ITEMS 128
#define UNIT_BYTES (128u * 1024) /* of extras: with these a unit is full earlier */

/* A source's directory descriptor, duplicated and shared by the items in it. */
struct dir_handle {
    int fd;
    uint64_t serial;
    atomic_uint users;
    struct dir_limit *limit;
};

/* How many directories are held open at once. */
struct dir_limit {
    atomic_uint open;
};

/* Duplicate ${fd}; NULL with errno. One user. */
struct dir_handle *dir_handle_new(int fd, uint64_t serial, struct dir_limit *limit);
struct dir_handle *dir_handle_share(struct dir_handle *dir);
void dir_handle_release(struct dir_handle *dir); /* accepts NULL */

/* Metadata that a source gave in the item itself. */
struct given_meta {
    uint32_t mode, uid, gid, nlink;
    uint64_t size, dev, ino;
    struct sme_time mtime, ctime;
    uint32_t rdev_major, rdev_minor;
    char *link_target;
    struct buf xattrs; /* encoded */
    uint64_t xattr_count;
    struct sme_extra *extras;
    size_t extra_count;
};

struct unit_item {
    /* from the source */
    char *path;
    size_t path_len;
    const char *name; /* relative to dir */
    struct dir_handle *dir;
    uint32_t type;
    uint32_t flags;
    int failure;
    char *failure_text;
    struct given_meta *given; /* NULL: located, and nothing is known of it */
    size_t given_bytes;       /* of its extras */
    struct bigfile *stream;   /* SME_ITEM_STREAM: where its content arrives */

    /* from the worker */
    bool left_out; /* vanished: no record */
    bool is_read;  /* content was read in this run */
    uint8_t path_hash[16];
    uint32_t found_type, uid, gid;
    uint64_t size;
    uint8_t *body;
    size_t body_len;
    enum problem_kind problem; /* 0: none */
    char *problem_text;
    /* for the item cache: taken over as it was, or new */
    const struct itemcache_record *old_record;
    struct itemcache_record *new_record;
    uint64_t *holes;
    struct block_chunk *refs;
};

struct unit {
    uint64_t sequence;
    struct unit_item items[UNIT_ITEMS];
    size_t count;
    size_t given_bytes;
    atomic_size_t claimed; /* items that a worker has begun */
    atomic_size_t done;
    bool collectable; /* guarded by the pipe's lock */
};

struct unit *unit_new(void);
void unit_free(struct unit *unit); /* accepts NULL */

/* Copy what ${from} holds into ${to}, which is zeroed; ${dir} is taken over.  Refuses
 * (SME_E_IO) what source.h forbids. */
int unit_item_copy(struct unit_item *to, const struct sme_item *from, struct dir_handle *dir,
                   struct sme_error *err);

#endif
