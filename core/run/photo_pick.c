/*
 * Finding photos and other items of a snapshot, with what belongs to them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "photo_pick.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/limits.h"

#include <stdlib.h>
#include <string.h>

struct group {
    char *path; /* folder and stem */
    size_t len;
};

struct picking {
    const struct photo_pick_request *request;
    photo_pick_fn *visit;
    void *cookie;
    struct buf cover; /* a folder that was selected: all below it is */
    bool covered;
    struct group *groups; /* sorted, with doubles, after the first walk */
    size_t group_count, group_cap;
};

static void picking_done(struct picking *p)
{
    for (size_t i = 0; i < p->group_count; i++) {
        free(p->groups[i].path);
    }
    free(p->groups);
    buf_free(&p->cover);
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *left = a;
    const struct group *right = b;
    size_t len = left->len < right->len ? left->len : right->len;
    int order = memcmp(left->path, right->path, len);

    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory for what was found");
}

/* Items of a folder mostly come one after the other: a double of the last is not kept. */
static int note_group(struct picking *p, const struct item_view *item, const struct photo *photo,
                      struct sme_error *err)
{
    struct group group = {.len = photo_group(item->path, item->path_len, photo)};
    const struct group *last = p->group_count > 0 ? &p->groups[p->group_count - 1] : NULL;

    if (last != NULL && last->len == group.len && memcmp(last->path, item->path, group.len) == 0) {
        return SME_OK;
    }
    if (p->group_count == p->group_cap) {
        size_t cap = p->group_cap == 0 ? 256 : p->group_cap * 2;
        struct group *grown = reallocarray(p->groups, cap, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        p->groups = grown;
        p->group_cap = cap;
    }
    group.path = strndup(item->path, group.len);
    if (group.path == NULL) {
        return no_memory(err);
    }
    p->groups[p->group_count++] = group;
    return SME_OK;
}

static bool in_found_group(const struct picking *p, const struct item_view *item,
                           const struct photo *photo)
{
    char *path = (char *)(uintptr_t)item->path; /* only to be compared */
    struct group key = {path, photo_group(item->path, item->path_len, photo)};

    return p->group_count > 0 &&
           bsearch(&key, p->groups, p->group_count, sizeof key, compare_groups) != NULL;
}

/* Everything below a folder follows it at once. */
static bool selected(struct picking *p, const struct item_view *item)
{
    struct select *select = p->request->select;
    bool below = p->covered && item->path_len > p->cover.len &&
                 memcmp(item->path, p->cover.data, p->cover.len) == 0 &&
                 item->path[p->cover.len] == '/';

    p->covered = below;
    bool named = select_match(select, item->path, item->path_len);
    if (named && !below && item->path_len > 0) {
        buf_clear(&p->cover);
        buf_add(&p->cover, item->path, item->path_len);
        p->covered = !p->cover.bad;
    }
    return named || below;
}

static int look(struct picking *p, const struct item_view *item, bool first, struct sme_error *err)
{
    struct photo photo;
    bool is_photo = photo_decode(item, &photo);
    bool found =
        selected(p, item) && photo_filter_match(p->request->filter, is_photo ? &photo : NULL);

    if (first) {
        return found && is_photo ? note_group(p, item, &photo, err) : SME_OK;
    }
    bool along = !found && is_photo && in_found_group(p, item, &photo);
    const struct photo_picked picked = {item, is_photo ? &photo : NULL, along};
    return found || along ? p->visit(p->cookie, &picked, err) : SME_OK;
}

static int walk(struct picking *p, bool first, struct sme_error *err)
{
    const struct photo_pick_request *request = p->request;
    const struct select *select = request->select;
    /* One plain path: only what is below it is read, if nothing beside it may come along. */
    const char *prefix =
        request->alone && select->count == 1 && select->only_paths && !select->everything
            ? select->at[0].text
            : NULL;
    struct item_iter *iter = NULL;
    struct item_view item;

    p->covered = false;
    int status = item_iter_new(request->vault, request->snapshot, prefix, &iter, err);
    while (status == SME_OK && (status = item_iter_next(iter, &item, err)) > 0) {
        status = cancel_check(err);
        if (status == SME_OK) {
            status = look(p, &item, first, err);
        }
    }
    item_iter_free(iter);
    return status;
}

int photo_pick(const struct photo_pick_request *request, photo_pick_fn *visit, void *cookie,
               struct sme_error *err)
{
    CLEANUP(picking_done)
    struct picking p = {
        .request = request, .visit = visit, .cookie = cookie, .cover = BUF_INIT(LIMIT_PATH)};
    bool everything = request->select->everything && !photo_filter_is_set(request->filter);

    if (!request->alone && !everything) {
        int status = walk(&p, true, err);
        if (status < 0) {
            return status;
        }
        if (p.group_count > 0) {
            qsort(p.groups, p.group_count, sizeof *p.groups, compare_groups);
        }
    }
    return walk(&p, false, err);
}
