/*
 * Physical backups: BASE_BACKUP over the replication protocol, file by file, nothing on disk.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Items, in the order of the server:
 *
 *   data/...                    the data directory, with the WAL that it needs to become consistent
 *   data/backup_manifest        the server's list of files
 *   data/pg_tblspc/OID          link ../../tablespaces/OID; extra pg.location has the original
 * place tablespaces/OID/...
 *
 * so that a restored folder is complete in itself and nothing in it points at the live cluster.
 * Extras of "data": pg.version, pg.system_identifier, pg.start_lsn, pg.timeline.
 */
#ifndef SME_POSTGRESQL_PHYSICAL_H
#define SME_POSTGRESQL_PHYSICAL_H

#include "server.h"

struct physical;

int physical_begin(const struct server *server, const struct pg_options *options,
                   struct physical **ret_physical, struct sme_error *err);
/* As sme_source_ops.next and read, in one thread. */
int physical_next(struct physical *physical, struct sme_item *item, struct sme_error *err);
int64_t physical_read(struct physical *physical, void *buf, size_t len, struct sme_error *err);
/* Closes the connections: the server ends the backup and drops the temporary slot. */
void physical_free(struct physical *physical);

#endif
