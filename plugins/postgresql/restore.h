/*
 * Taking dumps back into a server.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Items come in the order of dump.h's paths, sorted: roles first, then each database's parts.
 */
#ifndef SME_POSTGRESQL_RESTORE_H
#define SME_POSTGRESQL_RESTORE_H

#include "server.h"

struct restore;

/* The calls of sme_source_ops.restore_*. */
int restore_open(const struct sme_host *host, const struct pg_options *options,
                 const struct sme_restore *request, struct restore **ret_restore,
                 struct sme_error *err);
int restore_item(struct restore *restore, const struct sme_item *item, struct sme_error *err);
int restore_data(struct restore *restore, const void *buf, size_t len, struct sme_error *err);
int restore_item_end(struct restore *restore, int outcome, struct sme_error *err);
/* Also when restore_open() is the only call that came before; frees it. */
int restore_close(struct restore *restore, int outcome, struct sme_error *err);

#endif
