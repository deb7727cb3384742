/*
 * Content of files: read, cut, name, deduplicate, gather into blocks.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A worker takes small files through by itself, reading them straight into the block that is being
 * filled.  A file above CONTENT_SMALL, one with holes, and a stream is a bigfile: workers take
 * turns at reading and cutting pieces of it, and do everything else side by side.
 */
#ifndef SME_PIPELINE_CONTENT_H
#define SME_PIPELINE_CONTENT_H

#include "blocks.h"
#include "chunker.h"
#include "dedup.h"

#include <stdatomic.h>

#define CONTENT_SMALL BLOCK_TARGET

/* Numbers that all workers add to. */
struct content_counters {
    atomic_uint_least64_t bytes_read, bytes_new;
};

/* One worker's tools.  Everything but the counters and dedup is its own. */
struct content_tools {
    struct block_sealer *sealer;
    struct open_block packed; /* blocks that are worth compressing */
    struct open_block raw;
    struct checksum *check; /* of chunks that are put from where they lie */
    struct dedup *dedup;
    const struct chunker *chunker;
    struct content_counters *counters;
    uint8_t *window;
    size_t window_cap;
};

int content_tools_init(struct content_tools *tools, const struct block_sealer_params *params,
                       struct dedup *dedup, const struct chunker *chunker,
                       struct content_counters *counters, struct sme_error *err);
void content_tools_done(struct content_tools *tools);
/* Put the blocks that are not full. */
int content_tools_flush(struct content_tools *tools, struct sme_error *err);

/* What became of a file's content.  A failure of the source is not a failure of the run. */
struct content_result {
    struct block_chunk *refs; /* to be freed */
    size_t count, cap;
    uint64_t bytes;     /* of data */
    int source_errno;   /* reading failed */
    uint64_t failed_at; /* at this byte */
};

/* Read ${size} (<= CONTENT_SMALL) bytes of ${fd}; fewer when the file has become shorter. */
int content_small(struct content_tools *tools, int fd, size_t size, bool fixed,
                  struct content_result *result, struct sme_error *err);

struct bigfile;

/* A file of ${size} bytes with these holes (pairs, may be 0).  Nothing is owned. */
int bigfile_new(int fd, uint64_t size, const uint64_t *holes, size_t hole_count, bool fixed,
                struct bigfile **ret_file, struct sme_error *err);
/* A stream, fed by another thread with bigfile_feed(). */
int bigfile_new_stream(bool fixed, struct bigfile **ret_file, struct sme_error *err);
void bigfile_free(struct bigfile *file);

/* Feeding a stream: memory for the next piece (waits while enough are ahead), NULL once the run
 * has failed; then how much of it was filled (0 ends the stream; ${status} < 0: it failed). */
uint8_t *bigfile_feed_space(struct bigfile *file, size_t *ret_room);
void bigfile_feed(struct bigfile *file, size_t len, int status, const char *text);

/* Before bigfile_work(): count as a worker.  False if there is nothing left to do.  Somebody who
 * has entered must call bigfile_work(). */
bool bigfile_enter(struct bigfile *file);
/* Work on pieces until there are none left.  Any number of workers at once. */
int bigfile_work(struct bigfile *file, struct content_tools *tools, struct sme_error *err);
/* Wait until no worker is in it any more; then the result may be taken. */
void bigfile_wait(struct bigfile *file);
void bigfile_take(struct bigfile *file, struct content_result *result);
/* The run has failed: everybody who waits is woken and gives up. */
void bigfile_stop(struct bigfile *file);
/* Of a stream that failed: why (valid as long as the file); NULL otherwise, or if it is not known
 * yet because the run has failed. */
const char *bigfile_failure(struct bigfile *file, int *ret_status);

#endif
