/*
 * The dated table of prices.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * One line "region.item = dollars" each, '#' begins a comment, "date = 2026-11-01" says when the
 * prices were looked up.  "default" stands for every region that is not named.  Items:
 * put-1000, get-1000, list-1000, out-gb, storage-CLASS-gb-month, retrieval-CLASS-SPEED-gb,
 * retrieval-CLASS-SPEED-1000.
 *
 * ${path} NULL: the table that SME_BACKUP_PRICES names in the environment, else the one that was
 * installed.  A mistake on any line fails every look-up, with file and line.
 */
#ifndef SME_SINKS_S3_PRICES_H
#define SME_SINKS_S3_PRICES_H

#include "s3.h"

/* Price of ${item} in nano-dollars for ${region}; SME_E_NOT_FOUND if the table has none. */
int prices_find(const char *path, const char *region, const char *item, int64_t *ret_nano_usd,
                struct sme_error *err);
/* The same by the sink's own table and for its region; SME_E_UNSUPPORTED where the store is not
 * Amazon's and no table was configured for it. */
int prices_of_sink(struct s3 *s3, const char *item, int64_t *ret_nano_usd, struct sme_error *err);
/* ${total} += ${price} * ${count} / ${unit}, to the nearest; false, and nothing done, if that does
 * not fit. */
bool prices_add(int64_t *total, int64_t price, uint64_t count, uint64_t unit);
/* "2026-11-01" of the table. */
int prices_date(const char *path, char out[11], struct sme_error *err);

#endif
