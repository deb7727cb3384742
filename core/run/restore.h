/*
 * Restoring files from a snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_RESTORE_H
#define SME_RUN_RESTORE_H

#include "../repo/reader.h"

enum restore_overwrite {
    RESTORE_NEVER,      /* what exists is left alone and reported           */
    RESTORE_IF_CHANGED, /* same type, size and mtime: left alone            */
    RESTORE_ALWAYS,
};

struct restore_counts {
    uint64_t items, files, directories, links, others;
    uint64_t bytes;    /* of content written      */
    uint64_t existing; /* left alone              */
    uint64_t failed;
    uint64_t verified;    /* files compared (verify) */
    uint64_t total_bytes; /* of the selection, once known, else 0 */
};

struct restore_request {
    struct vault *vault;
    struct snapshot *snapshot;   /* root opened */
    const char *const *patterns; /* paths inside the snapshot, or patterns with * ? [ */
    size_t pattern_count;        /* 0: everything */
    bool exact;                  /* they are all paths, whatever their characters */
    int target_fd;               /* directory; nothing is written outside of it */
    const char *target_name;     /* for messages */
    enum restore_overwrite overwrite;
    bool dry_run;
    bool verify;           /* read everything back from the target and compare with the ids */
    bool no_owner;         /* do not try to set owners */
    unsigned threads;      /* 0: number of processors  */
    uint64_t memory_limit; /* bytes; 0 = 128 MiB */
    void (*progress)(void *cookie, const struct restore_counts *counts);
    /* Each item that could not be restored; may be called from any thread, one at a time. */
    void (*problem)(void *cookie, const char *path, size_t path_len, const struct sme_error *err);
    void *cookie;
    /* Something that concerns many items and is no failure, said once; may be NULL. */
    void (*note)(void *cookie, const char *text);
};

struct restore_result {
    struct restore_counts counts;
    int64_t elapsed_ns;
    int64_t first_byte_ns; /* from the start until the first file was complete */
};

/* SME_OK also when single items failed (counts.failed, problem()).  A pattern that matches nothing
 * is SME_E_NOT_FOUND.  Damage in a pack fails the files it concerns, never writes a wrong byte. */
int restore_run(const struct restore_request *request, struct restore_result *ret_result,
                struct sme_error *err);

#endif
