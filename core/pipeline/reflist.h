/*
 * The content section of an item: references to chunks, in lists of bounded size.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A list is cut behind a reference when it has 64 and the low seven bits of the id's last byte are
 * zero, or at 512, so that a change in the middle of a large file changes a few lists only.
 */
#ifndef SME_PIPELINE_REFLIST_H
#define SME_PIPELINE_REFLIST_H

#include "itemstream.h"

/* Append the content section (u8 level, varint count, references) of a file with these chunks to
 * ${out}; lists that do not fit a record are stored through ${stream}. */
int reflist_encode(struct itemstream *stream, const struct block_chunk *refs, size_t count,
                   struct buf *out, struct sme_error *err);

#endif
