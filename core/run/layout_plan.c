/*
 * Restoring photos by date: finding names.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/siphash.h"
#include "../base/str.h"
#include "../pipeline/extract.h"
#include "../pipeline/file_same.h"
#include "layout_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX_MAX 9999u

struct planning {
    struct layout *layout;
    size_t *order; /* numbers of entries, group by group */
    char *folder;  /* that was opened last */
    int folder_fd; /* -1: it is not there */
};

static void planning_done(struct planning *p)
{
    free(p->order);
    free(p->folder);
    close_fd(&p->folder_fd);
}

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory to find names");
}

/* ---- groups ------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b, void *cookie)
{
    const struct layout_entry *entries = cookie;
    size_t left_number = *(const size_t *)a;
    size_t right_number = *(const size_t *)b;
    const struct layout_entry *left = &entries[left_number];
    const struct layout_entry *right = &entries[right_number];
    size_t len = left->group_len < right->group_len ? left->group_len : right->group_len;

    if (left->is_photo != right->is_photo) {
        return left->is_photo ? -1 : 1;
    }
    int order = memcmp(left->path, right->path, len);
    if (order == 0) {
        order = (left->group_len > right->group_len) - (left->group_len < right->group_len);
    }
    return order != 0 ? order : (left_number > right_number) - (left_number < right_number);
}

static bool same_group(const struct layout_entry *a, const struct layout_entry *b)
{
    return a->is_photo && b->is_photo && a->group_len == b->group_len &&
           memcmp(a->path, b->path, a->group_len) == 0;
}

/* Where the group goes; NULL without memory. */
static char *folder_of(const struct layout *layout, const size_t *members, size_t count)
{
    const struct layout_entry *first = &layout->entries[members[0]];
    const struct layout_entry *dated = NULL;

    if (!first->is_photo) {
        size_t len = layout_folder_len(first->path, first->path_len);
        return str_format(len > 0 ? "other/%.*s" : "other", (int)len, first->path);
    }
    for (size_t i = 0; i < count; i++) {
        const struct layout_entry *entry = &layout->entries[members[i]];
        if (entry->has_date && (dated == NULL || entry->rank < dated->rank)) {
            dated = entry;
        }
    }
    return dated == NULL ? strdup("undated")
                         : str_format("%04u/%02u/%02u", dated->year, dated->month, dated->day);
}

/* ---- names -------------------------------------------------------------------------------- */

/* The entry's name with suffix ${number} (1: none), in ${folder}. */
static char *name_of(const struct layout_entry *entry, const char *folder, unsigned number)
{
    size_t from = layout_folder_len(entry->path, entry->path_len);
    char suffix[16] = "";

    from += from > 0;
    if (number > 1) {
        (void)snprintf(suffix, sizeof suffix, "-%u", number);
    }
    return str_format("%s/%.*s%s%s", folder, (int)(entry->suffix_at - from), entry->path + from,
                      suffix, entry->path + entry->suffix_at);
}

static void hash_text(const struct layout *layout, const char *text, size_t len, uint8_t out[16])
{
    siphash128(layout->key, text, len, out);
    out[0] |= 1; /* never all zero */
}

/* Make ${folder} the open one; it may be missing. */
static int enter_folder(struct planning *p, const char *folder, struct sme_error *err)
{
    const struct layout *layout = p->layout;

    if (p->folder != NULL && strcmp(p->folder, folder) == 0) {
        return SME_OK;
    }
    close_fd(&p->folder_fd);
    p->folder_fd = -1;
    free(p->folder);
    p->folder = strdup(folder);
    if (p->folder == NULL) {
        return no_memory(err);
    }
    p->folder_fd = layout_open_folder(layout->target_fd, folder, strlen(folder), false);
    if (p->folder_fd >= 0 || errno == ENOENT) {
        return SME_OK;
    }
    if (errno == ENOTDIR || errno == ELOOP) {
        (void)sme_fail(err, SME_E_INVALID,
                       "'%s/%s' cannot be a folder: something else is in the way",
                       layout->target_name, folder);
        return error_hint(err,
                          "a symbolic link is not followed; move it away, or use another --to");
    }
    return error_errno(err, "cannot open '%s/%s'", layout->target_name, folder);
}

/* Is ${name} in the open folder what ${entry} is?  1, 0, or < 0. */
static int compare_there(struct planning *p, const struct layout_entry *entry, const char *name,
                         const struct stat *st, struct sme_error *err)
{
    const struct layout *layout = p->layout;
    struct item_iter *iter = NULL;
    struct item_view item;
    char target[4096];
    int equal = 0;

    if ((entry->type == SME_ITEM_FILE &&
         (!S_ISREG(st->st_mode) || (uint64_t)st->st_size != entry->size)) ||
        (entry->type == SME_ITEM_SYMLINK && !S_ISLNK(st->st_mode)) ||
        (entry->type != SME_ITEM_FILE && entry->type != SME_ITEM_SYMLINK)) {
        return 0;
    }
    int status = item_iter_new(layout->vault, layout->snapshot, entry->path, &iter, err);
    if (status == SME_OK) {
        status = item_iter_next(iter, &item, err);
    }
    if (status > 0 && item.path_len == entry->path_len &&
        memcmp(item.path, entry->path, entry->path_len) == 0 && (item.flags & ITEM_FAILED) == 0) {
        CLEANUP(close_fd) int fd = -1;
        if (entry->type == SME_ITEM_SYMLINK) {
            ssize_t got = readlinkat(p->folder_fd, name, target, sizeof target);
            equal = got >= 0 && (size_t)got == item.link_len &&
                    memcmp(target, item.link_target, item.link_len) == 0;
        } else if ((fd = openat(p->folder_fd, name,
                                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) >= 0) {
            equal = file_same_compare(layout->same, &item, fd, err);
        }
    }
    item_iter_free(iter);
    return status < 0 ? status : equal;
}

enum place { PLACE_FREE, PLACE_SAME, PLACE_TAKEN };

/* What is at ${name} now, or will be after what is planned?  < 0: failure. */
static int look_at_place(struct planning *p, const struct layout_entry *entry, const char *name,
                         struct sme_error *err)
{
    const struct layout *layout = p->layout;
    const char *last = strrchr(name, '/') + 1;
    uint8_t key[16];
    struct stat st;

    hash_text(layout, name, strlen(name), key);
    const uint64_t *planned = hashmap_find(&layout->names, key);
    if (planned != NULL) {
        const struct layout_entry *other = &layout->entries[*planned];
        return memcmp(other->content, entry->content, sizeof entry->content) == 0 ? PLACE_SAME
                                                                                  : PLACE_TAKEN;
    }
    if (p->folder_fd < 0 || (fstatat(p->folder_fd, last, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
                             (errno == ENOENT || errno == ENAMETOOLONG))) {
        return PLACE_FREE; /* a name that is too long fails when it is used, with its item */
    }
    int equal = compare_there(p, entry, last, &st, err);
    return equal < 0 ? equal : equal > 0 ? PLACE_SAME : PLACE_TAKEN;
}

/* The stem that all of the group have below the target. */
static int claim_stem(struct layout *layout, const struct layout_entry *entry, uint64_t *ret_owner,
                      bool only_look)
{
    size_t from = layout_folder_len(entry->path, entry->path_len);
    uint8_t key[16];

    from += from > 0;
    size_t tail = entry->path_len - entry->suffix_at;
    hash_text(layout, entry->name, strlen(entry->name) - tail, key);
    if (only_look) {
        const uint64_t *owner = hashmap_find(&layout->stems, key);
        *ret_owner = owner != NULL ? *owner : entry->group;
        return 0;
    }
    return hashmap_add(&layout->stems, key, entry->group, NULL);
}

/* Try one suffix for all of the group.  1: the names are found; 0: they are taken. */
static int try_names(struct planning *p, const size_t *members, size_t count, const char *folder,
                     unsigned number, struct sme_error *err)
{
    struct layout *layout = p->layout;
    uint64_t owner = 0;
    size_t there = 0;

    for (size_t i = 0; i < count; i++) {
        struct layout_entry *entry = &layout->entries[members[i]];
        free(entry->name);
        entry->name = name_of(entry, folder, number);
        if (entry->name == NULL) {
            return no_memory(err);
        }
        int place = look_at_place(p, entry, entry->name, err);
        if (place < 0 || place == PLACE_TAKEN) {
            return place < 0 ? place : 0;
        }
        entry->is_there = place == PLACE_SAME;
        there += entry->is_there;
    }
    struct layout_entry *first = &layout->entries[members[0]];
    /* Two pictures with one stem would look as if they belonged together. */
    (void)claim_stem(layout, first, &owner, true);
    return !first->is_photo || there > 0 || owner == first->group;
}

static int place_group(struct planning *p, const size_t *members, size_t count,
                       struct sme_error *err)
{
    struct layout *layout = p->layout;
    CLEANUP(free_ptr) char *folder = folder_of(layout, members, count);
    int found = 0;

    if (folder == NULL) {
        return no_memory(err);
    }
    int status = enter_folder(p, folder, err);
    if (status < 0) {
        return status;
    }
    for (unsigned number = 1; found == 0 && number <= SUFFIX_MAX; number++) {
        found = try_names(p, members, count, folder, number, err);
    }
    if (found == 0) {
        (void)sme_fail(err, SME_E_INVALID, "'%s/%s' has too many files that are named as '%.200s'",
                       layout->target_name, folder, layout->entries[members[0]].path);
        return error_hint(err, "restore into an empty folder");
    }
    for (size_t i = 0; i < count && found > 0; i++) {
        const struct layout_entry *entry = &layout->entries[members[i]];
        uint8_t key[16];
        hash_text(layout, entry->name, strlen(entry->name), key);
        if (hashmap_add(&layout->names, key, members[i], NULL) < 0 ||
            (entry->is_photo && claim_stem(layout, entry, NULL, false) < 0)) {
            return no_memory(err);
        }
    }
    return found < 0 ? found : SME_OK;
}

int layout_plan(struct layout *layout, int target_fd, const char *target_name,
                struct sme_error *err)
{
    CLEANUP(planning_done) struct planning p = {.layout = layout, .folder_fd = -1};
    int status = SME_OK;

    layout->target_fd = target_fd;
    layout->target_name = target_name;
    p.order = calloc(layout->count + 1, sizeof *p.order);
    if (p.order == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < layout->count; i++) {
        p.order[i] = i;
    }
    qsort_r(p.order, layout->count, sizeof *p.order, compare_entries, layout->entries);
    for (size_t from = 0, to = 0; from < layout->count && status == SME_OK; from = to) {
        const struct layout_entry *first = &layout->entries[p.order[from]];
        for (to = from;
             to < layout->count && (to == from || same_group(first, &layout->entries[p.order[to]]));
             to++) {
            layout->entries[p.order[to]].group = from + 1;
        }
        status = cancel_check(err);
        if (status == SME_OK) {
            status = place_group(&p, p.order + from, to - from, err);
        }
    }
    return status;
}
