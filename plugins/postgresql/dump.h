/*
 * Logical backups: every database through pg_dump in a snapshot that is held for it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Items, in any order (names are percent-encoded where a file name could not hold them):
 *
 *   cluster/globals.sql                   pg_dumpall --globals-only
 *   databases/NAME.dump                   a custom-format archive, uncompressed; or, for one above
 *   databases/NAME/1-pre-data.dump        split_above, four kinds of such archives
 *   databases/NAME/2-data.dump
 *   databases/NAME/3-tables/SCHEMA.TABLE.dump
 *   databases/NAME/4-post-data.dump
 *   databases/NAME.json                   facts: version, LSN, encoding, sizes, row counts
 *
 * and their folders.  Extras of the items of a database: pg.database, pg.version, pg.lsn,
 * pg.encoding, pg.collate, pg.ctype, pg.owner, pg.part (all, pre-data, data, table, post-data,
 * facts), for a table pg.schema and pg.table, for a locale that is not of libc pg.locale_provider,
 * pg.locale and pg.icu_rules (empty: none).
 */
#ifndef SME_POSTGRESQL_DUMP_H
#define SME_POSTGRESQL_DUMP_H

#include "server.h"

struct dump;
struct dump_stream;

/* ${server} has been looked at.  Both stay the caller's. */
int dump_begin(const struct server *server, const struct pg_options *options,
               struct dump **ret_dump, struct sme_error *err);
/* As sme_source_ops.next; item->stream is a struct dump_stream.  At most ${jobs} streams are open
 * at once: waits for one to be closed (and for host->cancelled()). */
int dump_next(struct dump *dump, struct sme_item *item, struct sme_error *err);
/* As read_stream and close_stream: threads of the core. */
int64_t dump_read(struct dump *dump, struct dump_stream *stream, void *buf, size_t len,
                  struct sme_error *err);
void dump_close(struct dump *dump, struct dump_stream *stream);
/* Ends every child and session that is left.  Accepts NULL. */
void dump_free(struct dump *dump);

#endif
