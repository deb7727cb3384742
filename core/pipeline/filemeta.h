/*
 * Metadata of a located item: stat, extended attributes, link target, holes.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_FILEMETA_H
#define SME_PIPELINE_FILEMETA_H

#include "../base/buf.h"
#include "../repo/item_encode.h"

#include <sys/stat.h>

/* Buffers of one thread, reused from item to item. */
struct filemeta_buffers {
    struct buf xattrs; /* encoded, as item_meta wants them */
    uint64_t xattr_count;
    struct buf link;
    char *names; /* LIMIT_XATTR_VALUE bytes */
    uint8_t *value;
};
int filemeta_init(struct filemeta_buffers *buffers, struct sme_error *err);
void filemeta_done(struct filemeta_buffers *buffers);

/* SME_ITEM_* of a mode, 0 for what we do not know. */
uint32_t filemeta_type(mode_t mode);
void filemeta_from_stat(const struct stat *st, struct item_meta *meta);
bool filemeta_same_file_state(const struct stat *a, const struct stat *b);

/* Read the extended attributes of an open descriptor, or (fd < 0) of ${name} in ${dir_fd} without
 * following it.  A file system without them has none.  0, or the errno of the failure. */
int filemeta_xattrs(struct filemeta_buffers *buffers, int fd, int dir_fd, const char *name);
/* Read the target of the symbolic link ${name}.  0 or errno. */
int filemeta_link(struct filemeta_buffers *buffers, int dir_fd, const char *name);

/* The holes of a file of ${size} bytes as pairs (data before, hole); *ret_count = 0 when it has
 * none or too many to be worth it.  0 or errno.  free() *ret_holes. */
int filemeta_holes(int fd, uint64_t size, uint64_t **ret_holes, size_t *ret_count);

#endif
