/*
 * What the parts of a check share.  Private to check*.c.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_CHECK_INTERNAL_H
#define SME_RUN_CHECK_INTERNAL_H

#include "../base/error.h"
#include "../base/hashmap.h"
#include "check.h"

#include <pthread.h>

struct check {
    const struct check_request *request;
    struct repo *repo;
    pthread_mutex_t lock; /* guards the counts and the findings */
    struct check_counts counts;
    int64_t next_progress;
};

/* Report, and count what is damage or garbage.  From any thread. */
void check_find(struct check *check, enum check_severity severity, const char *object,
                const char *fmt, ...) SME_PRINTF(4, 5);
/* The same, from a failure: its message. */
void check_find_failure(struct check *check, const char *object, const struct sme_error *err,
                        const char *consequence);
/* From the calling thread of check_run(), now and then. */
void check_progress(struct check *check);

/* Is a failure to read an object the object's own?  Otherwise the check cannot go on. */
bool check_is_objects_own(int status);

#define CHECK_PACK_NONE UINT32_MAX
#define CHECK_PACK_INDEXED 1u
#define CHECK_PACK_LISTED 2u
#define CHECK_PACK_META 4u
#define CHECK_PACK_BAD 8u

/* A pack that is stored, or in an index object, or needed by a snapshot. */
struct check_pack {
    uint8_t name[32];
    uint64_t size;         /* as listed */
    uint64_t indexed_size; /* as the index says */
    uint32_t flags;
    uint32_t number;    /* in the index, or CHECK_PACK_NONE */
    uint32_t needed_by; /* snapshots */
    uint32_t newest;    /* of them, in the source's snapshots */
};

struct check_snapshot {
    char name[OBJKEY_SNAPSHOT_NAME];
    bool loaded;
    struct snapshot_head head;
    uint8_t hash[32];
};

/* One source of the repository. */
struct check_source {
    struct check *check;
    const char *name;
    struct source_keys keys;
    struct store_names objects; /* of this source only; all but snapshots */
    struct store_names snapshots;
    struct check_pack *packs; /* sorted by name */
    size_t pack_count, pack_cap;
    struct check_snapshot *loaded; /* as snapshots */
    struct vault *vault;           /* NULL when its index cannot be opened */
    bool index_damaged;
    bool run_is_going_on;
    struct hashmap walked; /* item chunks: 0 fine, 1 damaged */
};

/* List what the source has, look at every index object.  Fills packs. */
int check_objects(struct check_source *source, struct sme_error *err);
/* Compare listing, index and what the snapshots need. */
void check_compare_packs(struct check_source *source);
struct check_pack *check_pack_find(struct check_source *source, const uint8_t name[32]);
void check_pack_key(const struct check_source *source, const struct check_pack *pack,
                    objkey_text out);

/* Load every snapshot; with the reader walk the items. */
int check_snapshots(struct check_source *source, struct sme_error *err);
int check_items(struct check_source *source, struct snapshot *snapshot, struct sme_error *err);

/* Read the packs. */
int check_data(struct check_source *source, struct sme_error *err);

#endif
