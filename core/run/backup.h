/*
 * One job: one source into one repository, from begin to commit or abort.  Runs in the worker
 * process.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_BACKUP_H
#define SME_RUN_BACKUP_H

#include "../repo/snapshot.h"
#include "access.h"

/* Numbers while and after a run. */
struct backup_counts {
    uint64_t items, files, directories;
    uint64_t bytes;        /* sizes of the files seen           */
    uint64_t changed;      /* files that were read              */
    uint64_t bytes_read;   /* of content                        */
    uint64_t bytes_new;    /* of chunks that were not known     */
    uint64_t bytes_stored; /* put into the sink                 */
    uint64_t failed, changed_while_read, vanished, rot, damaged, skipped;
    uint64_t data_packs, meta_packs;
};

struct backup_result;

struct backup_request {
    const struct conf *conf;
    const struct conf_source *source;
    struct access *access;
    bool dry_run;  /* read and count, store nothing */
    bool read_all; /* do not take anything over from the previous run */
    /* Called from one thread, a few times per second at most; may be NULL. */
    void (*progress)(void *cookie, const struct backup_counts *counts);
    /* Asked before the snapshot is put: a failure prevents it.  May be NULL. */
    int (*may_commit)(void *cookie, struct sme_error *err);
    /* The snapshot is durable; the plugins' last calls are still to come.  ${result} is valid
     * during the call.  May be NULL. */
    void (*committed)(void *cookie, const struct backup_result *result);
    void *cookie;
};

struct backup_result {
    struct backup_counts counts;
    char snapshot[OBJKEY_SNAPSHOT_NAME]; /* "" if none was committed */
    uint8_t status;                      /* SNAPSHOT_*               */
    struct store_meter requests;
    bool has_cost;                     /* the sink knows its prices  */
    int64_t nano_usd;                  /* of all requests, 10^-9 US dollars */
    struct snapshot_problem *problems; /* the first of them, as in the snapshot */
    size_t problem_count;
    int64_t elapsed_ns;
};
void backup_result_free(struct backup_result *result);

/* SME_OK: committed (or dry run done).  Anything else: nothing was committed. */
int backup_run(const struct backup_request *request, struct backup_result *ret_result,
               struct sme_error *err);

#endif
