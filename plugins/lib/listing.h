/*
 * Sorted lists of the names in directories.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The lists form a stack, as the directories of a walk do: the newest is at the end of both
 * arrays, and dropping it is a matter of two numbers.
 */
#ifndef SME_FILESYSTEM_LISTING_H
#define SME_FILESYSTEM_LISTING_H

#include "../../include/sme-backup/source.h"

struct listing_entry {
    uint64_t key;    /* first bytes of the name, for quick comparison */
    uint32_t offset; /* of the name, which ends with a zero byte      */
    uint16_t length;
    uint8_t type; /* SME_ITEM_*, 0 if the file system does not say */
    uint8_t reserved;
};

struct listing {
    char *names;
    size_t names_len;
    size_t names_capacity;
    struct listing_entry *entries;
    size_t count;
    size_t capacity;
    char *buffer; /* for the kernel's answer */
};

/* Where the arrays ended at some time. */
struct listing_mark {
    size_t names_len;
    size_t count;
};

void listing_free(struct listing *listing);

static inline struct listing_mark listing_mark(const struct listing *listing)
{
    return (struct listing_mark){listing->names_len, listing->count};
}

/* Drop what was added since ${mark}. */
void listing_cut(struct listing *listing, struct listing_mark mark);

/* Add one name; SME_OK or SME_E_NO_MEMORY. */
int listing_add(struct listing *listing, const char *name, size_t length, uint8_t type);

/*
 * Add the names in the directory ${fd}, but "." and "..", sorted by bytes, each once.  On
 * SME_E_IO errno is set, and what could be read is there, sorted.  Other results: SME_OK,
 * SME_E_NO_MEMORY, SME_E_CANCELLED.
 */
int listing_read(struct listing *listing, int fd, const struct sme_host *host);

/* Find a name among those added (and sorted) since ${mark}; NULL if it is not there. */
const struct listing_entry *listing_find(const struct listing *listing, struct listing_mark mark,
                                         const char *name);

/* Open a directory for listing_read(), without a trace in its access time where that is allowed.
 * ${flags} are added to those that this needs.  -1 and errno on failure. */
int listing_open_directory(int at, const char *name, int flags);

/* SME_ITEM_* for the type bits of ${mode}; 0 for none of them. */
uint8_t listing_type_of_mode(uint32_t mode);

#endif
