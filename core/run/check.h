/*
 * Checking a repository: structure and presence, and on request every byte.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_CHECK_H
#define SME_RUN_CHECK_H

#include "../repo/reader.h"

struct check_counts {
    uint64_t sources, snapshots, packs, index_objects, items, chunks;
    uint64_t bytes_read; /* with read_data */
    uint64_t blocks_read;
    uint64_t damaged;    /* findings that cost data                            */
    uint64_t garbage;    /* objects that nothing needs: harmless               */
    uint64_t foreign;    /* objects that are not ours                          */
    uint64_t unverified; /* could not be looked at: no reader key, archived  */
};

enum check_severity { CHECK_NOTE, CHECK_GARBAGE, CHECK_DAMAGE };

struct check_request {
    struct repo *repo;
    const char *cache_dir;
    const char *source; /* NULL: all */
    bool read_data;
    uint32_t part,
        parts; /* read-data of every pack whose name's hash is part of parts; 0/0 = all */
    unsigned threads;
    void (*finding)(void *cookie, enum check_severity severity, const char *object,
                    const char *text);
    void (*progress)(void *cookie, const struct check_counts *counts);
    void *cookie;
};

/* SME_OK: nothing damaged.  SME_E_CORRUPT: findings of CHECK_DAMAGE were reported. */
int check_run(const struct check_request *request, struct check_counts *ret_counts,
              struct sme_error *err);

#endif
