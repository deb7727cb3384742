/*
 * A repository in memory and a backup of a folder into it, without configuration or processes.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_TESTREPO_H
#define SME_TESTS_TESTREPO_H

#include "../../core/pipeline/pipe.h"
#include "../../core/repo/reader.h"
#include "memsink.h"

#define TESTREPO_SOURCE "documents"

struct testrepo {
    struct memsink *sink;
    struct store *store;
    struct keyring keys;
    struct repo *repo;
    char *cache_dir; /* NULL: none */
    unsigned workers;
    uint64_t pack_size;
    unsigned sequence;
    unsigned rescan; /* as in struct pipe_params */
};

struct testrepo_run {
    char name[OBJKEY_SNAPSHOT_NAME];
    struct pipe_result pipe;
    uint64_t data_packs, meta_packs;
};

void testrepo_open(struct testrepo *tr);
void testrepo_close(struct testrepo *tr);
/* Back ${source} (an opened instance) up; SME_OK = the snapshot is there. */
int testrepo_backup_from(struct testrepo *tr, struct instance *source, struct testrepo_run *run,
                         struct sme_error *err);
/* The same with the filesystem plugin on ${dir}. */
int testrepo_backup(struct testrepo *tr, const char *dir, struct testrepo_run *run,
                    struct sme_error *err);
void testrepo_run_free(struct testrepo_run *run);
/* Read the content of ${path} in snapshot ${name}, holes as zeroes; NULL if it is not a file there.
 * free() it. */
uint8_t *testrepo_read(struct testrepo *tr, const char *name, const char *path, size_t *ret_len);
/* Number of items in the snapshot; -1 and ${err} on failure. */
long testrepo_count_items(struct testrepo *tr, const char *name, struct sme_error *err);

#endif
