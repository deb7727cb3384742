/*
 * What the last run found out about each file, so that an unchanged one need not be opened.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A file in the state directory of the source with a record per photo, in the order of the items.
 * It is read beside the walk and written anew at the same time, so its size costs no memory.
 * Each record has a checksum; from the first one that does not fit on, the file is not used.
 * Losing it costs time only.
 */
#ifndef SME_PHOTOS_CACHE_H
#define SME_PHOTOS_CACHE_H

#include "facts.h"

struct stamps {
    uint64_t size;
    uint64_t ino;
    int64_t mtime_sec;
    int64_t ctime_sec;
    uint32_t mtime_nsec;
    uint32_t ctime_nsec;
};

struct cache;

/* ${state_dir} NULL: a cache that is always empty.  ${settings}: what else decides the facts; a
 * cache made with others is not used.  Without ${writes} nothing is written.  SME_OK or
 * SME_E_NO_MEMORY. */
int cache_open(const struct sme_host *host, uint32_t settings, bool writes,
               struct cache **ret_cache);

/* Is the file known as it is now?  Then its facts are added to ${facts}.  Paths are asked for in
 * ascending order. */
bool cache_find(struct cache *cache, const char *path, size_t len, const struct stamps *stamps,
                struct facts *facts);

/* For the next run. */
void cache_add(struct cache *cache, const char *path, size_t len, const struct stamps *stamps,
               const struct facts *facts);

/*
 * The file is about to be parsed by somebody else's code: should that take the process with it,
 * the next run knows which file it was.  False if that has happened: leave it alone.
 */
bool cache_enter(struct cache *cache, const char *path, size_t len, const struct stamps *stamps);
void cache_leave(struct cache *cache);

/* ${commit}: what was added replaces what was there.  Accepts NULL. */
void cache_close(struct cache *cache, bool commit);

#endif
