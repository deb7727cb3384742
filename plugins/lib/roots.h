/*
 * The paths that a source backs up.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_FILESYSTEM_ROOTS_H
#define SME_FILESYSTEM_ROOTS_H

#include "../../include/sme-backup/common.h"

struct root {
    char *path; /* absolute, single '/' between components, none at the end */
    size_t len;
    /* filled by roots_find() */
    bool is_directory;
    uint64_t dev;
    uint64_t ino;
};

/* Sorted in the order of items: byte by byte, '/' below every other byte. */
struct roots {
    struct root *list;
    size_t count;
};

/*
 * Take over the configured paths in normal form.  Refused: a path that is not absolute or has a
 * "." or ".." component, a path given twice, a path inside another one.
 */
int roots_parse(const struct sme_list *paths, struct roots *ret_roots, struct sme_error *err);
void roots_free(struct roots *roots);

/*
 * See that every path is there and can be opened, and note which file it is.  A single path may
 * lead through symbolic links and be one that leads to a directory.  Of several paths no
 * component may be a symbolic link, because they keep their full names.
 */
int roots_find(struct roots *roots, struct sme_error *err);

/*
 * Open the root ${index} for reading if it is a directory, else the directory in which it lies
 * (for lookups only).  It must still be what roots_find() saw.
 */
int roots_open(const struct roots *roots, size_t index, int *ret_fd, struct sme_error *err);

/* Length of the component of ${root} that begins at ${at}. */
size_t root_component(const struct root *root, size_t at);

#endif
