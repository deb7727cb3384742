/*
 * The photos of a gallery: collecting, grouping and sorting them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "gallery_list.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXTS_MAX (UINT64_C(4) << 30) /* far more than any library has */
#define SPOOL_BUFFER (256u << 10)

void gallery_list_init(struct gallery_list *list)
{
    memset(list, 0, sizeof *list);
    buf_init(&list->texts, TEXTS_MAX);
}

void gallery_list_done(struct gallery_list *list)
{
    buf_free(&list->texts);
    free(list->at);
    free(list->groups);
    free(list->tiles);
    if (list->previews != NULL) {
        (void)fclose(list->previews);
    }
    gallery_list_init(list);
}

static struct gallery_text keep(struct gallery_list *list, struct photo_text text)
{
    struct gallery_text kept = {list->texts.len, text.len};

    buf_add(&list->texts, text.at, text.len);
    return kept;
}

static enum gallery_kind kind_of(const struct photo *photo)
{
    switch (photo->kind) {
    case PHOTO_PHOTO:
        return GALLERY_PHOTO;
    case PHOTO_RAW:
        return GALLERY_RAW;
    case PHOTO_VIDEO:
        return GALLERY_VIDEO;
    case PHOTO_SIDECAR:
        return GALLERY_SIDECAR;
    case PHOTO_NONE:
    case PHOTO_OTHER:
    default:
        return GALLERY_OTHER;
    }
}

static int64_t when_of(const struct photo_time *when)
{
    int64_t day = (when->year * INT64_C(100) + when->month) * 100 + when->day;
    int64_t second = (when->hour * INT64_C(100) + when->minute) * 100 + when->second;

    return !when->has_date ? 0 : day * 1000000 + (when->has_clock ? second : 0);
}

/* A picture that browsers show as nothing else.  (That it is base64 is known, see photo.h.) */
static bool is_picture(const struct photo *photo)
{
    static const char *const types[] = {"image/jpeg", "image/png", "image/gif", "image/webp",
                                        "image/avif"};
    bool known = false;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        known = known || photo_text_is(photo->preview_type, types[i]);
    }
    return known && photo->preview.len > 0 && photo->preview.len <= PHOTO_PREVIEW_MAX;
}

/* Nobody else can open it, and it goes away with the process. */
static int open_spool(struct gallery_list *list, int folder_fd, struct sme_error *err)
{
    int fd = openat(folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) { /* not every file system can do that */
        static const char name[] = ".sme-previews.tmp";
        fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
            (void)unlinkat(folder_fd, name, 0);
        }
    }
    if (fd < 0) {
        return error_errno(err, "cannot make a file for the previews");
    }
    list->previews = fdopen(fd, "w+");
    if (list->previews == NULL) {
        (void)close(fd);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the previews");
    }
    (void)setvbuf(list->previews, NULL, _IOFBF, SPOOL_BUFFER);
    return SME_OK;
}

static int keep_preview(struct gallery_list *list, struct gallery_photo *kept,
                        const struct photo *photo, int folder_fd, struct sme_error *err)
{
    int status = list->previews == NULL ? open_spool(list, folder_fd, err) : SME_OK;

    if (status < 0) {
        return status;
    }
    off_t at = ftello(list->previews);
    if (at < 0 ||
        fwrite(photo->preview.at, 1, photo->preview.len, list->previews) != photo->preview.len) {
        return error_errno(err, "cannot write the previews");
    }
    kept->preview_at = (uint64_t)at;
    kept->preview_len = (uint32_t)photo->preview.len;
    kept->preview_type = keep(list, photo->preview_type);
    return SME_OK;
}

static int make_room(struct gallery_list *list, struct sme_error *err)
{
    if (list->count < list->cap) {
        return SME_OK;
    }
    size_t cap = list->cap == 0 ? 1024 : list->cap * 2;
    struct gallery_photo *grown = reallocarray(list->at, cap, sizeof *grown);
    if (grown == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for %zu photos", cap);
    }
    list->at = grown;
    list->cap = cap;
    return SME_OK;
}

int gallery_list_add(struct gallery_list *list, const struct item_view *item,
                     const struct photo *photo, int folder_fd, struct sme_error *err)
{
    struct gallery_photo kept = {
        .path = keep(list, (struct photo_text){item->path, item->path_len}),
        .taken = keep(list, photo->taken),
        .camera = keep(list, photo->camera),
        .lens = keep(list, photo->lens),
        .keywords = keep(list, photo->keywords),
        .format = keep(list, photo->format),
        .damaged = keep(list, photo->damaged),
        .group_len = photo_group(item->path, item->path_len, photo),
        .kind = kind_of(photo),
        .when = when_of(&photo->when),
        .size = item->size,
        .width = photo->width,
        .height = photo->height,
        .lat = photo->lat,
        .lon = photo->lon,
        .duration = photo->has_duration ? photo->duration : 0,
        .rating = photo->rating,
        .orientation = photo->preview_orientation,
        .has_place = photo->has_place,
        .has_rating = photo->has_rating,
    };

    int status = make_room(list, err);
    if (status == SME_OK && is_picture(photo)) {
        status = keep_preview(list, &kept, photo, folder_fd, err);
    }
    if (status == SME_OK && list->texts.bad) {
        status = sme_fail(err, SME_E_NO_MEMORY, "no memory for the names of photos");
    }
    if (status == SME_OK) {
        list->at[list->count++] = kept;
    }
    return status;
}

/* ---- what belongs together ---------------------------------------------------------------- */

static int compare_bytes(const struct gallery_list *list, const struct gallery_photo *a,
                         size_t a_len, const struct gallery_photo *b, size_t b_len)
{
    const uint8_t *texts = list->texts.data;

    return item_path_compare((const char *)texts + a->path.at, a_len,
                             (const char *)texts + b->path.at, b_len);
}

static int compare_groups(const void *a, const void *b, void *cookie)
{
    const struct gallery_photo *left = *(struct gallery_photo *const *)a;
    const struct gallery_photo *right = *(struct gallery_photo *const *)b;
    int order = compare_bytes(cookie, left, left->group_len, right, right->group_len);

    if (order == 0 && left->kind != right->kind) {
        order = left->kind < right->kind ? -1 : 1;
    }
    return order != 0 ? order : (left > right) - (left < right);
}

/* What a tile does not know, the raw file or the sidecar beside it may. */
static void learn(struct gallery_photo *photo, const struct gallery_photo *other)
{
    if (photo->when == 0 && other->when != 0) {
        photo->when = other->when;
        photo->taken = other->taken;
    }
    if (!photo->has_place && other->has_place) {
        photo->has_place = true;
        photo->lat = other->lat;
        photo->lon = other->lon;
    }
    if (!photo->has_rating && other->has_rating) {
        photo->has_rating = true;
        photo->rating = other->rating;
    }
    if (photo->camera.len == 0) {
        photo->camera = other->camera;
    }
    if (photo->lens.len == 0) {
        photo->lens = other->lens;
    }
    if (photo->preview_len == 0 && other->preview_len > 0) {
        photo->preview_at = other->preview_at;
        photo->preview_len = other->preview_len;
        photo->preview_type = other->preview_type;
        photo->orientation = other->orientation;
    }
}

/* From the best kind of the group, which comes first: sidecars never have a tile, raw files have
 * none beside a photo, and both come along with each tile of that kind. */
static void arrange_group(struct gallery_list *list, size_t first, size_t end)
{
    enum gallery_kind best = list->groups[first]->kind;

    for (size_t i = first; i < end; i++) {
        struct gallery_photo *photo = list->groups[i];
        photo->along =
            photo->kind == GALLERY_SIDECAR || (photo->kind == GALLERY_RAW && best == GALLERY_PHOTO);
        photo->leads = !photo->along && photo->kind == best;
        photo->group = first;
        photo->group_end = end;
    }
    for (size_t i = first; i < end && list->groups[i]->kind == best; i++) {
        for (size_t k = first; list->groups[i]->leads && k < end; k++) {
            if (list->groups[k]->along) {
                learn(list->groups[i], list->groups[k]);
            }
        }
    }
}

static int compare_tiles(const void *a, const void *b)
{
    const struct gallery_photo *left = *(struct gallery_photo *const *)a;
    const struct gallery_photo *right = *(struct gallery_photo *const *)b;

    if (left->when != right->when) {
        return left->when > right->when ? -1 : 1;
    }
    return (left > right) - (left < right); /* as the snapshot has them: by path */
}

int gallery_list_sort(struct gallery_list *list, struct sme_error *err)
{
    list->groups = calloc(list->count + 1, sizeof(struct gallery_photo *));
    list->tiles = calloc(list->count + 1, sizeof(struct gallery_photo *));
    if (list->groups == NULL || list->tiles == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for %zu photos", list->count);
    }
    for (size_t i = 0; i < list->count; i++) {
        list->groups[i] = &list->at[i];
    }
    if (list->count > 0) {
        qsort_r(list->groups, list->count, sizeof(struct gallery_photo *), compare_groups, list);
    }
    for (size_t i = 0, end = 0; i < list->count; i = end) {
        const struct gallery_photo *first = list->groups[i];
        while (end < list->count && compare_bytes(list, first, first->group_len, list->groups[end],
                                                  list->groups[end]->group_len) == 0) {
            end++;
        }
        arrange_group(list, i, end);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!list->at[i].along) {
            list->tiles[list->tile_count++] = &list->at[i];
        }
    }
    if (list->tile_count > 0) {
        qsort(list->tiles, list->tile_count, sizeof(struct gallery_photo *), compare_tiles);
    }
    return SME_OK;
}
