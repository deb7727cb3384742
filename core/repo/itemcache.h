/*
 * The item cache: what the last run knew of each regular file, so that an unchanged one need not
 * be read.  A local file; losing it costs time only.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * It holds no names: a record is found by a keyed hash of its path.  So it may lie on a host that
 * has a write-only key.  Records stand in the order of the item stream, so the record after the
 * one found last is nearly always the next one wanted.  The whole file is authenticated with the
 * source's cache key when it is opened.
 */
#ifndef SME_REPO_ITEMCACHE_H
#define SME_REPO_ITEMCACHE_H

#include "../base/buf.h"
#include "../crypto/seal.h"
#include "../../include/sme-backup/source.h"

#define ITEMCACHE_HAS_XATTRS 1u
#define ITEMCACHE_HAS_HOLES 2u

/* One file.  Behind it: hole_count pairs of uint64_t (data before, hole), then ref_count
 * struct block_chunk, padded to 8. */
struct itemcache_record {
    uint8_t path_hash[16];
    uint64_t ino;
    uint64_t dev;
    uint64_t size;
    int64_t mtime_sec, ctime_sec;
    uint32_t mtime_nsec, ctime_nsec;
    uint32_t flags;
    uint32_t hole_count;
    uint32_t ref_count;
    uint32_t reserved;
};

struct itemcache;

/* Hash of a path for this source. */
void itemcache_path_hash(const struct source_keys *keys, const char *path, size_t len,
                         uint8_t out[16]);

/* SME_E_NOT_FOUND: there is none; SME_E_CORRUPT: there is one that cannot be used. */
int itemcache_open(const struct source_keys *keys, const char *cache_dir,
                   struct itemcache **ret_cache, struct sme_error *err);
void itemcache_free(struct itemcache *cache);
size_t itemcache_count(const struct itemcache *cache);

/* The record for ${path_hash} or NULL; *cursor (0 at first) remembers where to look first.  Any
 * thread, each with its own cursor. */
const struct itemcache_record *itemcache_find(const struct itemcache *cache,
                                              const uint8_t path_hash[16], size_t *cursor);
const uint64_t *itemcache_holes(const struct itemcache_record *record);
const struct block_chunk *itemcache_refs(const struct itemcache_record *record);

/* A new cache file, to replace the old one when it is committed. */
struct itemcache_writer;
int itemcache_writer_new(const struct source_keys *keys, const char *cache_dir,
                         struct itemcache_writer **ret_writer, struct sme_error *err);
/* A failure here (no space) is remembered; commit then fails and the old file stays. */
void itemcache_writer_add(struct itemcache_writer *writer, const struct itemcache_record *record,
                          const uint64_t *holes, const struct block_chunk *refs);
/* Finish, replace the old file, free the writer.  Failure costs time only. */
int itemcache_writer_commit(struct itemcache_writer *writer, struct sme_error *err);
void itemcache_writer_abort(struct itemcache_writer *writer); /* accepts NULL */

#endif
