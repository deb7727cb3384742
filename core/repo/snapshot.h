/*
 * Snapshot objects: one finished job run.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 *   "SMESNAP1"  run enc (32)  le32 length of each of: head, reach, root  then the three, each
 * sealed
 *
 * head (SEAL_SNAPSHOT_HEAD, index key): the facts below, for listings and retention.
 * reach (SEAL_SNAPSHOT_REACH, index key): names of all packs that the snapshot needs, so that a
 *   host without the reader can see which packs nothing needs.  varint count, names (32).
 * root (SEAL_SNAPSHOT_ROOT, the run's key): owner names and the directory of the item stream.
 *   u8 version; varint count of owners, each: u8 kind (0 user, 1 group), varint id, varint length,
 *   name; varint count of item chunks, each: varint length, id, varint length, first path;
 *   varint count of problems, each: u8 kind, varint length, path, varint length, text.
 */
#ifndef SME_REPO_SNAPSHOT_H
#define SME_REPO_SNAPSHOT_H

#include "index.h"
#include "item.h"

#define SNAPSHOT_COMPLETE 0
#define SNAPSHOT_INCOMPLETE 1 /* items failed or changed while being read */

struct snapshot_head {
    char source[65];
    char name[OBJKEY_SNAPSHOT_NAME];
    char host[256];
    char plugin[65];
    char program[64];                /* "sme-backup 0.1.0 zstd 1.5.4" */
    int64_t started_ns, finished_ns; /* of the host's clock */
    uint64_t sequence;               /* 1 for the first of a source */
    uint8_t previous[32];            /* SHA-256 of the predecessor's object, zero if none */
    uint8_t status;                  /* SNAPSHOT_* */
    uint8_t run_enc[32];             /* of the run whose key seals root */
    uint64_t items, files, directories, bytes; /* bytes: sizes of all files */
    uint64_t changed;                          /* files read in this run  */
    uint64_t problems;                         /* items failed or changed */
    uint64_t bytes_read, bytes_stored;
};

enum problem_kind {
    PROBLEM_FAILED = 1,
    PROBLEM_CHANGED,
    PROBLEM_VANISHED,
    PROBLEM_ROT,
    PROBLEM_DAMAGED, /* where it comes from: stored as it is */
};

struct snapshot_root {
    struct snapshot_owner {
        uint8_t kind;
        uint32_t id;
        char *name;
    } * owners;
    size_t owner_count;
    struct snapshot_items {
        struct block_chunk chunk;
        char *first_path;
        size_t first_path_len;
    } * items;
    size_t item_count;
    struct snapshot_problem {
        uint8_t kind;
        char *path;
        size_t path_len;
        char *text;
    } * problems; /* at most SNAPSHOT_PROBLEMS_MAX are kept, head.problems counts all */
    size_t problem_count;
};
#define SNAPSHOT_PROBLEMS_MAX 1000

struct snapshot {
    struct snapshot_head head;
    uint8_t hash[32]; /* of the object */
    uint64_t object_size;
    uint8_t (*reach)[32];
    size_t reach_count;
    struct snapshot_root root; /* only after snapshot_open_root() */
    bool has_root;
    struct buf sealed_root;
};
void snapshot_free(struct snapshot *snapshot);

/* Snapshots of ${source} (NULL: of all) as the repository lists them, oldest first; only names
 * and sizes: nothing is read.  Release with snapshot_list_free(). */
struct snapshot_list {
    struct snapshot_entry {
        char source[65];
        char name[OBJKEY_SNAPSHOT_NAME];
        int64_t time_sec;
        uint64_t size;
    } * at;
    size_t count;
};
int snapshot_list(struct repo *repo, const char *source, struct snapshot_list *ret_list,
                  struct sme_error *err);
void snapshot_list_free(struct snapshot_list *list);

/* Read and open head and reach; root stays sealed. */
int snapshot_load(struct repo *repo, const struct source_keys *keys, const char *name,
                  struct snapshot **ret_snapshot, struct sme_error *err);
/* Only the head, by one small ranged read. */
int snapshot_load_head(struct repo *repo, const struct source_keys *keys, const char *name,
                       struct snapshot_head *ret_head, struct sme_error *err);
/* Needs the reader. */
int snapshot_open_root(struct repo *repo, const struct source_keys *keys, struct snapshot *snapshot,
                       struct sme_error *err);
/* Find by what a user says: NULL or "latest", a full name, an unambiguous prefix of one, or
 * "latest-N" (N before the latest).  Not found: SME_E_NOT_FOUND naming the nearest ones. */
int snapshot_resolve(struct repo *repo, const char *source, const char *text,
                     struct snapshot_entry *ret_entry, struct sme_error *err);

/* Seal and put: the commit point.  ${ret_hash}: of the object. */
int snapshot_put(struct repo *repo, const struct source_keys *keys, const struct run_key *run,
                 const struct snapshot *snapshot, uint8_t ret_hash[32], struct sme_error *err);

#endif
