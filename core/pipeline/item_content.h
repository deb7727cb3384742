/*
 * The content of one item, in order, from the repository to a function.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PIPELINE_ITEM_CONTENT_H
#define SME_PIPELINE_ITEM_CONTENT_H

#include "../repo/reader.h"

typedef int item_content_fn(void *cookie, const void *data, size_t len, struct sme_error *err);

/*
 * Call ${write} with every byte of ${item}, holes as zeroes, in this thread.  Up to ${threads}
 * threads fetch ahead, a bounded stretch (about 1 MiB for each and as much again).  A failure of
 * ${write} or of the repository ends it; SME_E_CORRUPT when the content is not as long as the item
 * says.
 */
int item_content_send(struct vault *vault, const struct item_view *item, unsigned threads,
                      item_content_fn *write, void *cookie, struct sme_error *err);

#endif
