/*
 * What the server has sent, and whether it is what the server's manifest says.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Format: "Backup Manifest Format" in PostgreSQL's documentation, versions 1 and 2; the server
 * writes one file per line, which is what is relied on here.
 */
#ifndef SME_POSTGRESQL_MANIFEST_H
#define SME_POSTGRESQL_MANIFEST_H

#include "../../include/sme-backup/common.h"

struct manifest;

struct manifest *manifest_new(void); /* NULL: no memory */
void manifest_free(struct manifest *manifest);

/* A file that was received, with its path as seen from the data directory. */
int manifest_received(struct manifest *manifest, const char *path, uint64_t size, uint32_t crc,
                      struct sme_error *err);
/* Was ${path} received? */
bool manifest_has(const struct manifest *manifest, const char *path, uint64_t *ret_size);
size_t manifest_count(const struct manifest *manifest);

/* The text of the manifest, in pieces; compares each file as its line is complete. */
int manifest_feed(struct manifest *manifest, const void *data, size_t len, struct sme_error *err);
/* It is over: complete, with the right checksum, and nothing was received that it does not list
 * (but in pg_wal). */
int manifest_finish(struct manifest *manifest, struct sme_error *err);

/* The WAL from ${start} to ${end} is among what was received, on one of these timelines. */
int manifest_check_wal(const struct manifest *manifest, uint64_t start, uint64_t end,
                       uint32_t first_timeline, uint32_t last_timeline, struct sme_error *err);

#endif
