/*
 * Making and ending an open sink.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SINKS_S3_OPEN_H
#define SME_SINKS_S3_OPEN_H

#include "s3.h"

/* Check ${config} (which must outlive the sink) and make the state.  Makes no request, unless the
 * region is to be asked of the metadata service. */
int s3_open(const struct sme_host *host, const struct s3_config *config, struct s3 **ret_s3,
            struct sme_error *err);
void s3_close(struct s3 *s3); /* accepts NULL */

/* Set host and base URL of the bucket from region, endpoint and style; s3->lock is held or not
 * needed yet. */
int s3_resolve(struct s3 *s3, const char *region, struct sme_error *err);

/* Is ${region} the name of a region: letters, digits, '-' and '_' (of other stores)? */
bool s3_region_is_sane(const char *region);

#endif
