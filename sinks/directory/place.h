/*
 * The place of a directory sink: the root folder, and the folders of keys below it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Everything below the root is reached by descriptors, one component after the other, and no
 * symbolic link is followed.  The root itself is never made here but in place_make(): what looks
 * like a missing folder may be a disk that is not mounted.
 */
#ifndef SME_DIRECTORY_PLACE_H
#define SME_DIRECTORY_PLACE_H

#include "../../include/sme-backup/sink.h"

#include <pthread.h>

/* Folder for objects that are not whole yet.  No key can lie in it. */
#define PLACE_TEMPORARY ".tmp"

struct place {
    const struct sme_host *host;
    const char *path;
    pthread_mutex_t lock; /* guards what follows */
    int root;             /* -1 until it was there for the first time */
    char *durable;        /* folders whose names are on the disk: "a/b\0c/\0" ... */
    size_t durable_len;
    bool swept;
};

void place_init(struct place *place, const struct sme_host *host, const char *path);
void place_done(struct place *place);

/* The root's descriptor, which stays with the place.  SME_E_UNREACHABLE if it is missing. */
int place_root(struct place *place, int *ret_fd, struct sme_error *err);
/* Make the root and what is missing above it. */
int place_make(struct place *place, struct sme_error *err);

/* SME_OK if the root is still where it was opened: only then is something that was not found
 * below it certainly absent. */
int place_still_there(struct place *place, struct sme_error *err);

/* Is ${key} (or with ${is_prefix} a prefix) one that the core may use? */
int place_check_key(const char *key, bool is_prefix, struct sme_error *err);

/*
 * The folder of ${key}, to be closed, and its last component.  With ${make} what is missing is
 * made; without, it is SME_E_NOT_FOUND.
 */
int place_open_folder(struct place *place, const char *key, bool make, int *ret_fd,
                      const char **ret_name, struct sme_error *err);

/* Make the names in the folder of ${key}, whose descriptor is ${folder_fd}, and the names of that
 * folder and those above it durable. */
int place_sync_folder(struct place *place, const char *key, int folder_fd, struct sme_error *err);

/* Fill ${err} from errno: "${what} 'PATH/KEY': cause", with the class that fits and a hint. */
int place_fail(const struct place *place, const char *what, const char *key, struct sme_error *err);
void place_hint(struct sme_error *err, const char *fmt, ...) SME_PRINTF(2, 3);

#endif
