/*
 * The backup pipe: from a source plugin's items to packs and the item stream.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * One dispatcher thread pulls items from the source and groups them into units.  Worker threads,
 * one per core, take items through the whole path: stat, compare with the last run, read, cut,
 * name, deduplicate, compress, seal, verify.  Units are collected in order, by whichever worker
 * ends the one whose turn it is, into the item stream and the new item cache.  The caller's thread
 * waits and reports progress.  The number of units under way is bounded, and so is memory.
 */
#ifndef SME_PIPELINE_PIPE_H
#define SME_PIPELINE_PIPE_H

#include "../plugin/plugin.h"
#include "../repo/itemcache.h"
#include "content.h"
#include "itemstream.h"

struct pipe_counters {
    struct content_counters content;
    atomic_uint_least64_t items, files, directories, bytes, changed;
    atomic_uint_least64_t failed, changed_while_read, vanished, rot, damaged, skipped;
};

struct pipe_params {
    struct instance *source; /* after begin() */
    const struct source_keys *keys;
    const struct run_key *run;
    struct packer *data; /* NULL: dry run */
    struct itemstream *stream;
    struct dedup *dedup;
    const struct chunker *chunker;
    int level; /* of compression */
    unsigned workers;
    const struct itemcache *cache;         /* NULL: everything is read */
    struct itemcache_writer *cache_writer; /* may be NULL */
    uint32_t rescan;                       /* hundredths of a per cent */
    uint64_t sequence;                     /* of this run: moves the rescan window */
    const struct sme_list *may_change;
    /* Called by pipe_run()'s thread about four times per second; < 0 stops the run. */
    int (*tick)(void *cookie, struct sme_error *err);
    void *cookie;
};

struct pipe_result {
    struct pipe_counters counters;
    struct snapshot_owner *owners; /* without names; id and kind */
    size_t owner_count;
    struct snapshot_problem *problems; /* at most SNAPSHOT_PROBLEMS_MAX */
    size_t problem_count;
};

/* Run the source to its end and put every block (the packers are not flushed).  SME_OK or the
 * failure that ended the run.  ${result} is filled in both cases; release its arrays. */
int pipe_run(const struct pipe_params *params, struct pipe_result *result, struct sme_error *err);
void pipe_result_free(struct pipe_result *result);

#endif
