/*
 * What the parts of a backup job share.  Private to backup*.c.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_BACKUP_JOB_H
#define SME_RUN_BACKUP_JOB_H

#include "../pipeline/pipe.h"
#include "../repo/reader.h"
#include "backup.h"
#include "problems.h"

/* The snapshot before this one. */
struct predecessor {
    bool exists;
    struct snapshot_entry entry;
    uint64_t sequence;
    uint8_t hash[32];
};

struct backup_job {
    const struct backup_request *request;
    struct backup_result *result;
    struct repo *repo;
    struct source_keys keys;
    struct vault *vault; /* its index is read after the session marker was put */
    const char *cache_dir;
    struct plugin *plugin;
    struct instance *source;
    bool begun; /* the source: end() is owed */
    char name[OBJKEY_SNAPSHOT_NAME];
    bool has_session;
    int64_t started_ns, started_monotonic_ns;
    struct run_key run;
    struct predecessor before;
    bool *absent; /* by pack number of the index */
    struct itemcache *cache;
    struct itemcache_writer *cache_writer;
    struct dedup *dedup;
    struct packer *data, *meta;
    struct itemstream *stream;
    struct chunker chunker;
    int level;
    struct index_addition added; /* packs of this run that were not freed after indexing */
    size_t indexed;              /* of them: named by the last index object */
    struct buf reach;            /* names of all packs of this run                 */
    struct pipe_result pipe;
    struct problems problems; /* that the source tells itself */
};

/* The newest snapshot of the source: from the listing, and from the local pin or the object. */
int backup_find_predecessor(struct backup_job *job, struct sme_error *err);
/* Remember the new head, so that its removal or a roll-back would be seen.  Failure is logged. */
void backup_write_pin(const struct backup_job *job, uint64_t sequence, const uint8_t hash[32]);
/* Open the item cache, or make it from the predecessor when it is lost and the reader is here.
 * Nothing here fails the run. */
void backup_open_cache(struct backup_job *job);

/* Flush, index, snapshot: backup_commit.c. */
int backup_commit(struct backup_job *job, struct sme_error *err);
/* Take stored packs over; write an index object when there are many (or ${all}).  ${ret_key}: ""
 * or the name of the object that was written last. */
int backup_put_index(struct backup_job *job, bool all, objkey_text ret_key, struct sme_error *err);

#endif
