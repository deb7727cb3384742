/*
 * The item stream in the making: records in order, cut into chunks at record ends, stored in meta
 * packs.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A chunk ends behind a record when it has 16 KiB and the record's path says so (one in 512 by its
 * keyed hash, so the place does not move when other items come and go), or at 256 KiB.
 */
#ifndef SME_PIPELINE_ITEMSTREAM_H
#define SME_PIPELINE_ITEMSTREAM_H

#include "../repo/snapshot.h"
#include "blocks.h"
#include "dedup.h"

struct itemstream;

/* ${sealer} (of type SEAL_META) belongs to the stream from now on. */
int itemstream_new(struct block_sealer *sealer, struct dedup *dedup, struct itemstream **ret_stream,
                   struct sme_error *err);
void itemstream_free(struct itemstream *stream);

/* The next record.  Out of order or twice the same path is SME_E_IO: the plugin is
 * at fault.  One thread at a time;
 * ${path_hash} as itemcache_path_hash() gives it. */
int itemstream_add(struct itemstream *stream, const char *path, size_t path_len,
                   const uint8_t path_hash[16], const uint8_t *body, size_t body_len,
                   struct sme_error *err);
/* Store a list chunk of a large file's content.  Any thread. */
int itemstream_put_list(struct itemstream *stream, const uint8_t *data, size_t len,
                        struct chunk_id *ret_id, struct sme_error *err);
/* End the last chunk and put the last block; move the directory of chunks to ${root}. */
int itemstream_finish(struct itemstream *stream, struct snapshot_root *root, struct sme_error *err);

#endif
