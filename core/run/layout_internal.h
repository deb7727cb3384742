/*
 * Restoring by date: what planning and placing share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_LAYOUT_INTERNAL_H
#define SME_RUN_LAYOUT_INTERNAL_H

#include "../base/hashmap.h"
#include "layout.h"

struct layout_entry {
    char *path; /* in the snapshot */
    size_t path_len;
    char *name;       /* below the target; NULL before the plan */
    size_t group_len; /* bytes of the path that its group has in common */
    size_t suffix_at; /* where in the path "-2" goes */
    uint64_t group;   /* number, from 1 */
    uint64_t size;
    uint32_t type;
    bool is_photo;
    bool is_there;
    bool has_date;
    uint8_t rank; /* whose date counts: the lowest */
    uint8_t month, day;
    uint16_t year;
    uint8_t content[16]; /* equal for items with the same content */
};

struct layout {
    struct vault *vault;
    const struct snapshot *snapshot;
    struct layout_entry *entries; /* in the order of paths */
    size_t count, cap;
    uint8_t key[16];      /* of the hashes */
    struct hashmap names; /* below the target, to the number of an entry */
    struct hashmap stems; /* the same without what follows the stem, to the number of a group */
    struct file_same *same;
    int target_fd; /* not owned */
    const char *target_name;
};

/* The folder ${path} of ${path_len} bytes, below ${root_fd}; -1 with errno.  With ${make} what is
 * missing is made.  No link is followed. */
int layout_open_folder(int root_fd, const char *path, size_t path_len, bool make);
/* Bytes of ${path} before its last '/', 0 if there is none. */
size_t layout_folder_len(const char *path, size_t path_len);

#endif
