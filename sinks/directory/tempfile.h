/*
 * Temporary files of a directory sink.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_DIRECTORY_TEMPFILE_H
#define SME_DIRECTORY_TEMPFILE_H

#include "place.h"

#define TEMPFILE_NAME 33

/* An open file that has a name in the folder of temporaries only. */
struct tempfile {
    int folder;
    int fd;
    char name[TEMPFILE_NAME];
};
#define TEMPFILE_INIT                                                                              \
    {                                                                                              \
        .folder = -1, .fd = -1                                                                     \
    }

/* ${key}: what it is for, for messages.  The first one of a place also sweeps (see below). */
int tempfile_open(struct place *place, const char *key, struct tempfile *ret_file,
                  struct sme_error *err);
/* Close it and remove its name if it still has one. */
void tempfile_done(struct tempfile *file);

/* Remove what killed runs left: temporaries that have been there for two days by the clock of the
 * file system itself.  Once per place; never fails. */
void tempfile_sweep(struct place *place, int64_t now_sec);

/* The clock of the file system. */
int tempfile_clock(struct place *place, int64_t *ret_ns, struct sme_error *err);

#endif
