/*
 * Pieces of content*.c that they share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_CONTENT_CUT_H
#define SME_PIPELINE_CONTENT_CUT_H

#include "content.h"

#define CONTENT_FIXED (64u * 1024)       /* chunks of files that are written in place */
#define CONTENT_PIECE (2u * 1024 * 1024) /* what is read of a bigfile at a time       */

/* A piece and the chunk that the piece before left unfinished. */
size_t content_window_size(const struct chunker *chunker);
/* Length of the first chunk; 0 if more data is needed. */
size_t content_cut(const struct chunker *chunker, const uint8_t *data, size_t len, bool last,
                   bool fixed);
int content_add_ref(struct content_result *result, const struct block_chunk *chunk,
                    struct sme_error *err);

#endif
