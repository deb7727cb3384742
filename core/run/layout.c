/*
 * Restoring photos by date: the list of what is to be restored.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "layout_internal.h"

#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/rng.h"
#include "../base/siphash.h"
#include "../pipeline/extract.h"
#include "../pipeline/file_same.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of what is restored");
}

int layout_new(struct vault *vault, const struct snapshot *snapshot, struct layout **ret_layout,
               struct sme_error *err)
{
    struct layout *layout = calloc(1, sizeof *layout);

    if (layout == NULL) {
        return no_memory(err);
    }
    layout->vault = vault;
    layout->snapshot = snapshot;
    int status = rng_bytes(layout->key, sizeof layout->key, err);
    if (status == SME_OK) {
        status = file_same_new(vault, &layout->same, err);
    }
    if (status < 0) {
        layout_free(layout);
        return status;
    }
    *ret_layout = layout;
    return SME_OK;
}

void layout_free(struct layout *layout)
{
    if (layout == NULL) {
        return;
    }
    for (size_t i = 0; i < layout->count; i++) {
        free(layout->entries[i].path);
        free(layout->entries[i].name);
    }
    free(layout->entries);
    hashmap_free(&layout->names);
    hashmap_free(&layout->stems);
    file_same_free(layout->same);
    free(layout);
}

/* A hash of what the content is: its chunks, which are the same for the same bytes. */
static bool hash_content(const struct layout *layout, const struct item_view *item, uint8_t out[16])
{
    CLEANUP(buf_free) struct buf all = BUF_INIT(LIMIT_RECORD + 1024);

    buf_le32(&all, item->type);
    buf_le64(&all, item->size);
    if (item->type == SME_ITEM_FILE) {
        buf_u8(&all, item->content_level);
        buf_le64(&all, item->content_count);
        buf_add(&all, item->content.at, wire_left(&item->content));
        buf_le64(&all, item->hole_count);
        buf_add(&all, item->holes.at, wire_left(&item->holes));
    } else if (item->type == SME_ITEM_SYMLINK) {
        buf_add(&all, item->link_target, item->link_len);
    }
    if ((item->flags & ITEM_FAILED) != 0) { /* like no other: nobody knows */
        buf_add(&all, item->path, item->path_len);
    }
    if (!all.bad) {
        siphash128(layout->key, all.data, all.len, out);
    }
    return !all.bad;
}

static uint8_t rank_of(enum photo_kind kind)
{
    static const uint8_t ranks[] = {
        [PHOTO_PHOTO] = 0, [PHOTO_RAW] = 1,     [PHOTO_VIDEO] = 2,
        [PHOTO_OTHER] = 3, [PHOTO_SIDECAR] = 4, [PHOTO_NONE] = 5,
    };

    return ranks[kind];
}

int layout_add(struct layout *layout, const struct photo_picked *picked, struct sme_error *err)
{
    const struct item_view *item = picked->item;
    const struct photo *photo = picked->photo;

    if (item->type == SME_ITEM_DIRECTORY || item->path_len == 0) {
        return SME_OK;
    }
    if (layout->count == layout->cap) {
        size_t cap = layout->cap == 0 ? 256 : layout->cap * 2;
        struct layout_entry *grown = reallocarray(layout->entries, cap, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        layout->entries = grown;
        layout->cap = cap;
    }
    struct layout_entry entry = {
        .path_len = item->path_len,
        .group_len =
            photo != NULL ? photo_group(item->path, item->path_len, photo) : item->path_len,
        .suffix_at = photo_stem(item->path, item->path_len),
        .size = item->size,
        .type = item->type,
        .is_photo = photo != NULL,
    };
    if (photo != NULL) {
        entry.suffix_at = entry.group_len;
        entry.rank = rank_of(photo->kind);
        entry.has_date = photo->when.has_date;
        entry.year = photo->when.year;
        entry.month = photo->when.month;
        entry.day = photo->when.day;
    }
    if (!hash_content(layout, item, entry.content) ||
        (entry.path = strndup(item->path, item->path_len)) == NULL) {
        return no_memory(err);
    }
    layout->entries[layout->count++] = entry;
    return SME_OK;
}

size_t layout_count(const struct layout *layout)
{
    return layout->count;
}

struct layout_file layout_at(const struct layout *layout, size_t number)
{
    const struct layout_entry *entry = &layout->entries[number];

    return (struct layout_file){entry->path, entry->name, entry->is_there};
}

size_t layout_folder_len(const char *path, size_t path_len)
{
    const char *slash = memrchr(path, '/', path_len);

    return slash != NULL ? (size_t)(slash - path) : 0;
}

int layout_open_folder(int root_fd, const char *path, size_t path_len, bool make)
{
    CLEANUP(free_ptr) char *text = strndup(path, path_len);

    if (text == NULL) {
        errno = ENOMEM;
        return -1;
    }
    int fd = extract_open_dir(root_fd, text);
    if (fd >= 0 || errno != ENOENT || !make || path_len == 0) {
        return fd;
    }
    size_t above = layout_folder_len(path, path_len);
    CLEANUP(close_fd) int parent = layout_open_folder(root_fd, path, above, true);
    const char *name = text + (above > 0 ? above + 1 : 0);
    if (parent < 0 || (mkdirat(parent, name, 0777) < 0 && errno != EEXIST)) {
        return -1;
    }
    return extract_open_dir(parent, name);
}
