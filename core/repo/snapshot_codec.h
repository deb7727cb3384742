/*
 * Encoding and decoding the three parts of a snapshot object.  Private to snapshot*.c.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_REPO_SNAPSHOT_CODEC_H
#define SME_REPO_SNAPSHOT_CODEC_H

#include "snapshot.h"

void snapshot_encode_head(const struct snapshot_head *head, struct buf *out);
void snapshot_encode_reach(const struct snapshot *snapshot, struct buf *out);
void snapshot_encode_root(const struct snapshot_root *root, struct buf *out);

/* False if the bytes are not what an encoder makes, or there is no memory for them. */
bool snapshot_decode_head(const struct buf *plain, struct snapshot_head *ret_head);
bool snapshot_decode_reach(const struct buf *plain, struct snapshot *snapshot);
bool snapshot_decode_root(const struct buf *plain, struct snapshot_root *ret_root);
void snapshot_root_free(struct snapshot_root *root);

#endif
