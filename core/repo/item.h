/*
 * Items as the item stream holds them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The stream is cut into chunks at record ends only, and the first record of a chunk has its whole
 * path, so a chunk can be read by itself.  One record:
 *
 *   varint length of what follows
 *   varint bytes shared with the path before, varint length of the rest, rest
 *   body: u8 type (SME_ITEM_*), varint flags (ITEM_*), varint mode, varint uid, varint gid,
 *     zigzag mtime seconds, varint mtime ns, zigzag ctime seconds, varint ctime ns,
 *     varint size, varint inode,
 *     ITEM_HARDLINK: varint device, varint link count
 *     ITEM_LINK: varint length, target
 *     ITEM_RDEV: varint major, varint minor
 *     ITEM_XATTRS: varint count, each: varint length, name, varint length, value
 *     ITEM_HOLES: varint count, each: varint bytes of data before it, varint bytes of hole
 *     ITEM_CONTENT: u8 level, varint count, each: varint length, id (32)
 *     ITEM_EXTRAS: varint count, each: varint length, name, varint length, value
 *
 * Content of level 0 names the chunks of the file's data, in order; holes are not stored, so the
 * lengths and the holes add up to size.  Level n > 0 names chunks (of meta packs) that hold such
 * lists of level n - 1: varint count, each varint length, id; here "length" counts the bytes of
 * file data below.  Level 1 and up keep a record of a very large file small.
 */
#ifndef SME_REPO_ITEM_H
#define SME_REPO_ITEM_H

#include "../base/buf.h"
#include "../base/wire.h"
#include "../crypto/seal.h"
#include "../../include/sme-backup/source.h"

#define ITEM_HARDLINK 1u
#define ITEM_LINK 2u
#define ITEM_RDEV 4u
#define ITEM_XATTRS 8u
#define ITEM_HOLES 16u
#define ITEM_CONTENT 32u
#define ITEM_EXTRAS 64u
#define ITEM_FAILED 128u  /* content or part of the metadata could not be read */
#define ITEM_CHANGED 256u /* changed while it was being read                   */
#define ITEM_SKIPPED 512u /* what is in it was left out on purpose             */
#define ITEM_ALL_FLAGS 1023u

#define ITEM_CONTENT_MAX 256 /* references in a record; more go one level up */

/* A decoded record.  Pointers lead into the chunk and into the iterator's path buffer. */
struct item_view {
    const char *path;
    size_t path_len;
    uint32_t type;
    uint32_t flags;
    uint32_t mode, uid, gid;
    struct sme_time mtime, ctime;
    uint64_t size, ino, dev;
    uint64_t nlink;
    const char *link_target; /* not NUL-terminated */
    size_t link_len;
    uint32_t rdev_major, rdev_minor;
    struct wire xattrs; /* read with item_next_xattr() */
    uint64_t xattr_count;
    struct wire holes; /* read with item_next_hole() */
    uint64_t hole_count;
    uint8_t content_level;
    uint64_t content_count;
    struct wire content; /* read with item_next_ref() */
    struct wire extras;
    uint64_t extra_count;
    /* Raw bytes of HOLES, CONTENT and EXTRAS sections, for taking them over. */
    const uint8_t *tail;
    size_t tail_len;
};

/* Total order of paths: bytes, with '/' below all others.  < 0, 0, > 0. */
int item_path_compare(const char *a, size_t a_len, const char *b, size_t b_len);
/* Is ${path} fit to be stored: relative, no empty, "." or ".." component, no NUL, in bounds?  The
 * empty path (the root) is. */
bool item_path_valid(const char *path, size_t len);

/* Decode the record at ${w}; ${path} (a buf that holds the path before) is brought up to date and
 * ${ret_view}->path points into it.  All bounds are checked: SME_E_CORRUPT. */
int item_decode(struct wire *w, struct buf *path, struct item_view *ret_view,
                struct sme_error *err);
/* Read the next element of a section; false at its end. */
bool item_next_xattr(struct item_view *view, const char **ret_name, size_t *ret_name_len,
                     const uint8_t **ret_value, size_t *ret_value_len);
bool item_next_hole(struct item_view *view, uint64_t *ret_data_before, uint64_t *ret_hole);
bool item_next_ref(struct item_view *view, struct block_chunk *ret_ref);
bool item_next_extra(struct item_view *view, const char **ret_name, size_t *ret_name_len,
                     const char **ret_value, size_t *ret_value_len);

/* Append the record of ${path} with the given body; ${shared}: bytes that the path has in common
 * with the one before in the same chunk (0 for the first). */
void item_encode_record(const char *path, size_t path_len, size_t shared, const uint8_t *body,
                        size_t body_len, struct buf *out);

#endif
