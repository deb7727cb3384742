/*
 * A consistent copy of one SQLite database.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SQLITE_COPY_H
#define SME_SQLITE_COPY_H

#include <sme-backup/source.h>

struct copy_request {
    const struct sme_host *host;
    const char *database; /* absolute path                                          */
    const char *folder;   /* where the copy is made; it has no name there once it is complete  */
    uint64_t patience_ms; /* how long a lock of somebody else is waited for         */
    bool verify;          /* PRAGMA quick_check of the copy                         */
};

struct copy {
    int fd;            /* the copy, to be read; it is gone with the descriptor */
    char finding[200]; /* what the check found, "" if nothing                  */
    long long page_count, page_size;
};

/* SME_E_CANCELLED ends the run; every other failure is one of this database alone. */
int copy_make(const struct copy_request *request, struct copy *ret_copy, struct sme_error *err);

/* Remove the copies that a process which was killed has left in ${folder}, which is ours alone. */
void copy_forget(const char *folder);

#endif
