/*
 * Sorted lists of the names in directories.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "listing.h"
#include "grow.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_BUFFER_BYTES (256u << 10)

/* One record of getdents64(2). */
struct kernel_entry {
    uint64_t ino;
    int64_t offset;
    uint16_t record_len;
    uint8_t type;
    char name[];
};

void listing_free(struct listing *listing)
{
    free(listing->names);
    free(listing->entries);
    free(listing->buffer);
    *listing = (struct listing){0};
}

void listing_cut(struct listing *listing, struct listing_mark mark)
{
    listing->names_len = mark.names_len;
    listing->count = mark.count;
}

static uint64_t key_of(const char *name, size_t length)
{
    unsigned char first[8] = {0};
    memcpy(first, name, length < sizeof first ? length : sizeof first);
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof first; i++)
        key = key << 8 | first[i];
    return key;
}

int listing_add(struct listing *listing, const char *name, size_t length, uint8_t type)
{
    if (length > UINT16_MAX || listing->names_len + length + 1 > UINT32_MAX)
        return SME_E_NO_MEMORY;
    char *names =
        grow_array(listing->names, &listing->names_capacity, listing->names_len + length + 1, 1);
    if (names == NULL)
        return SME_E_NO_MEMORY;
    listing->names = names;
    struct listing_entry *entries =
        grow_array(listing->entries, &listing->capacity, listing->count + 1, sizeof *entries);
    if (entries == NULL)
        return SME_E_NO_MEMORY;
    listing->entries = entries;
    listing->entries[listing->count++] = (struct listing_entry){
        .key = key_of(name, length),
        .offset = (uint32_t)listing->names_len,
        .length = (uint16_t)length,
        .type = type,
    };
    memcpy(names + listing->names_len, name, length);
    names[listing->names_len + length] = '\0';
    listing->names_len += length + 1;
    return SME_OK;
}

int listing_open_directory(int at, const char *name, int flags)
{
    flags |= O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int fd = openat(at, name, flags | O_NOATIME);
    return fd < 0 && errno == EPERM ? openat(at, name, flags) : fd;
}

uint8_t listing_type_of_mode(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return SME_ITEM_FILE;
    case S_IFDIR:
        return SME_ITEM_DIRECTORY;
    case S_IFLNK:
        return SME_ITEM_SYMLINK;
    case S_IFIFO:
        return SME_ITEM_FIFO;
    case S_IFSOCK:
        return SME_ITEM_SOCKET;
    case S_IFCHR:
        return SME_ITEM_CHAR_DEVICE;
    case S_IFBLK:
        return SME_ITEM_BLOCK_DEVICE;
    default:
        return 0;
    }
}

/* Add the records of one answer of the kernel.  A record that does not fit is a damaged answer. */
static int add_records(struct listing *listing, size_t len)
{
    const size_t header = offsetof(struct kernel_entry, name);
    for (size_t at = 0; at < len;) {
        uint16_t record_len;
        if (len - at <= header)
            goto damaged;
        const char *record = listing->buffer + at;
        memcpy(&record_len, record + offsetof(struct kernel_entry, record_len), sizeof record_len);
        if (record_len <= header || record_len > len - at)
            goto damaged;
        const char *name = record + header;
        size_t length = strnlen(name, record_len - header);
        /* A file system that is no good, or not a friend, must not get a path of its making into
         * a backup. */
        if (length == 0 || length == record_len - header || memchr(name, '/', length) != NULL)
            goto damaged;
        unsigned type = (unsigned char)record[offsetof(struct kernel_entry, type)];
        at += record_len;
        if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
            continue;
        int status = listing_add(listing, name, length, listing_type_of_mode(DTTOIF(type)));
        if (status != SME_OK)
            return status;
    }
    return SME_OK;
damaged:
    errno = EUCLEAN;
    return SME_E_IO;
}

static int compare_entries(const void *left, const void *right, void *names)
{
    const struct listing_entry *a = left;
    const struct listing_entry *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    const char *base = names;
    size_t common = a->length < b->length ? a->length : b->length;
    int order = memcmp(base + a->offset, base + b->offset, common);
    return order != 0 ? order : (int)a->length - (int)b->length;
}

/* Sort what came since ${mark}.  A directory that changes while it is read may give a name
 * twice. */
static void sort_names(struct listing *listing, struct listing_mark mark)
{
    if (listing->count == mark.count)
        return;
    struct listing_entry *first = listing->entries + mark.count;
    size_t count = listing->count - mark.count;
    qsort_r(first, count, sizeof *first, compare_entries, listing->names);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (compare_entries(&first[kept - 1], &first[i], listing->names) != 0)
            first[kept++] = first[i];
    }
    listing->count = mark.count + kept;
}

int listing_read(struct listing *listing, int fd, const struct sme_host *host)
{
    if (listing->buffer == NULL) {
        listing->buffer = malloc(KERNEL_BUFFER_BYTES);
        if (listing->buffer == NULL)
            return SME_E_NO_MEMORY;
    }
    struct listing_mark mark = listing_mark(listing);
    int status = SME_OK;
    int saved = 0;
    while (status == SME_OK) {
        long got = syscall(SYS_getdents64, fd, listing->buffer, (size_t)KERNEL_BUFFER_BYTES);
        if (got == 0)
            break;
        if (got > 0)
            status = add_records(listing, (size_t)got);
        else if (errno != EINTR)
            status = SME_E_IO;
        saved = errno;
        if (status == SME_OK && host->cancelled(host))
            status = SME_E_CANCELLED;
    }
    if (status == SME_OK || status == SME_E_IO)
        sort_names(listing, mark);
    errno = saved;
    return status;
}

const struct listing_entry *listing_find(const struct listing *listing, struct listing_mark mark,
                                         const char *name)
{
    size_t length = strlen(name);
    uint64_t key = key_of(name, length);
    size_t low = mark.count, high = listing->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct listing_entry *entry = &listing->entries[middle];
        int order = entry->key < key ? -1 : entry->key > key;
        if (order == 0)
            order = strcmp(listing->names + entry->offset, name);
        if (order == 0)
            return entry;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
