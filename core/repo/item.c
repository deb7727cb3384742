/*
 * Items as the item stream holds them: order, validity, decoding, encoding.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "item.h"

#include "../base/limits.h"

#include <string.h>

int item_path_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t len = a_len < b_len ? a_len : b_len;
    size_t at = 0;

    while (at < len && a[at] == b[at]) {
        at++;
    }
    if (at == len) {
        return (a_len > b_len) - (a_len < b_len);
    }
    /* A path holds no NUL, so 0 is free to stand for '/', below every other byte. */
    int left = a[at] == '/' ? 0 : (unsigned char)a[at];
    int right = b[at] == '/' ? 0 : (unsigned char)b[at];
    return left - right;
}

bool item_path_valid(const char *path, size_t len)
{
    if (len == 0) {
        return true;
    }
    if (len > LIMIT_PATH || memchr(path, '\0', len) != NULL) {
        return false;
    }
    const char *end = path + len;
    while (path < end) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t name = (size_t)((slash != NULL ? slash : end) - path);
        if (name == 0 || name > LIMIT_NAME_BYTES || (name == 1 && path[0] == '.') ||
            (name == 2 && path[0] == '.' && path[1] == '.')) {
            return false;
        }
        if (slash == NULL) {
            return true;
        }
        path = slash + 1;
    }
    return false; /* it ends with '/' */
}

static struct wire section(struct wire *w, const uint8_t *from)
{
    struct wire part = wire_of(from, (size_t)(w->at - from));

    return part;
}

/* Step over ${count} pairs of varints, checking them by the bounds given. */
static bool skip_pairs(struct wire *w, uint64_t count)
{
    for (uint64_t i = 0; i < count && !w->bad; i++) {
        (void)wire_varint(w);
        (void)wire_varint(w);
    }
    return !w->bad;
}

/* Step over ${count} names and values. */
static bool skip_named(struct wire *w, uint64_t count, uint64_t max_value)
{
    for (uint64_t i = 0; i < count && !w->bad; i++) {
        (void)wire_view(w, wire_varint_max(w, LIMIT_NAME_BYTES + 1));
        (void)wire_view(w, wire_varint_max(w, max_value));
    }
    return !w->bad;
}

static bool decode_time(struct wire *w, struct sme_time *ret)
{
    ret->sec = wire_zigzag(w);
    ret->nsec = (uint32_t)wire_varint_max(w, 999999999);
    ret->reserved = 0;
    return !w->bad;
}

static bool decode_tail(struct wire *w, struct item_view *view)
{
    const uint8_t *from;

    view->tail = w->at;
    if ((view->flags & ITEM_HOLES) != 0) {
        view->hole_count = wire_varint_max(w, wire_left(w) / 2);
        from = w->at;
        if (!skip_pairs(w, view->hole_count)) {
            return false;
        }
        view->holes = section(w, from);
    }
    if ((view->flags & ITEM_CONTENT) != 0) {
        view->content_level = wire_u8(w);
        view->content_count = wire_varint_max(w, wire_left(w) / 33);
        from = w->at;
        if (w->bad || view->content_level > 4) {
            return false;
        }
        for (uint64_t i = 0; i < view->content_count && !w->bad; i++) {
            (void)wire_varint(w);
            (void)wire_view(w, 32);
        }
        view->content = section(w, from);
    }
    if ((view->flags & ITEM_EXTRAS) != 0) {
        view->extra_count = wire_varint_max(w, wire_left(w) / 2);
        from = w->at;
        if (!skip_named(w, view->extra_count, LIMIT_EXTRA_VALUE)) {
            return false;
        }
        view->extras = section(w, from);
    }
    view->tail_len = (size_t)(w->at - view->tail);
    return !w->bad;
}

static bool decode_body(struct wire *w, struct item_view *view)
{
    view->type = wire_u8(w);
    view->flags = (uint32_t)wire_varint_max(w, ITEM_ALL_FLAGS);
    view->mode = (uint32_t)wire_varint_max(w, 07777);
    view->uid = (uint32_t)wire_varint_max(w, UINT32_MAX);
    view->gid = (uint32_t)wire_varint_max(w, UINT32_MAX);
    (void)decode_time(w, &view->mtime);
    (void)decode_time(w, &view->ctime);
    view->size = wire_varint_max(w, INT64_MAX);
    view->ino = wire_varint(w);
    if (w->bad || view->type < SME_ITEM_FILE || view->type > SME_ITEM_BLOCK_DEVICE) {
        return false;
    }
    view->nlink = 1;
    if ((view->flags & ITEM_HARDLINK) != 0) {
        view->dev = wire_varint(w);
        view->nlink = wire_varint(w);
    }
    if ((view->flags & ITEM_LINK) != 0) {
        view->link_len = (size_t)wire_varint_max(w, LIMIT_LINK_TARGET);
        view->link_target = (const char *)wire_view(w, view->link_len);
        if (w->bad || view->link_len == 0 ||
            memchr(view->link_target, '\0', view->link_len) != NULL) {
            return false;
        }
    }
    if ((view->type == SME_ITEM_SYMLINK) != ((view->flags & ITEM_LINK) != 0) &&
        (view->flags & ITEM_FAILED) == 0) {
        return false;
    }
    if ((view->flags & ITEM_RDEV) != 0) {
        view->rdev_major = (uint32_t)wire_varint_max(w, UINT32_MAX);
        view->rdev_minor = (uint32_t)wire_varint_max(w, UINT32_MAX);
    }
    if ((view->flags & ITEM_XATTRS) != 0) {
        view->xattr_count = wire_varint_max(w, wire_left(w) / 2);
        const uint8_t *from = w->at;
        if (!skip_named(w, view->xattr_count, LIMIT_XATTR_VALUE)) {
            return false;
        }
        view->xattrs = section(w, from);
    }
    return decode_tail(w, view) && wire_left(w) == 0;
}

int item_decode(struct wire *w, struct buf *path, struct item_view *ret_view, struct sme_error *err)
{
    struct item_view view = {0};
    uint64_t len = wire_varint_max(w, LIMIT_RECORD);
    const uint8_t *bytes = wire_view(w, len);

    if (w->bad || bytes == NULL) {
        w->bad = true;
        return sme_fail(err, SME_E_CORRUPT, "an item's record does not fit");
    }
    struct wire record = wire_of(bytes, (size_t)len);
    size_t shared = (size_t)wire_varint_max(&record, path->len);
    size_t rest_len = (size_t)wire_varint_max(&record, LIMIT_PATH);
    const uint8_t *rest = wire_view(&record, rest_len);
    if (record.bad || rest == NULL) {
        w->bad = true;
        return sme_fail(err, SME_E_CORRUPT, "an item's path does not fit");
    }
    path->len = shared;
    buf_add(path, rest, rest_len);
    if (path->bad || !item_path_valid((const char *)path->data, path->len)) {
        w->bad = true;
        return sme_fail(err, SME_E_CORRUPT, "an item's path is not one that may be stored");
    }
    if (!decode_body(&record, &view)) {
        w->bad = true;
        return sme_fail(err, SME_E_CORRUPT, "the record of '%.*s' is damaged",
                        (int)(path->len < 200 ? path->len : 200), buf_text(path));
    }
    view.path = buf_text(path);
    view.path_len = path->len;
    *ret_view = view;
    return SME_OK;
}

static bool next_named(struct wire *w, uint64_t *left, const char **ret_name, size_t *ret_name_len,
                       const uint8_t **ret_value, size_t *ret_value_len)
{
    if (*left == 0) {
        return false;
    }
    --*left;
    *ret_name_len = (size_t)wire_varint(w);
    *ret_name = (const char *)wire_view(w, *ret_name_len);
    *ret_value_len = (size_t)wire_varint(w);
    *ret_value = wire_view(w, *ret_value_len);
    return !w->bad;
}

bool item_next_xattr(struct item_view *view, const char **ret_name, size_t *ret_name_len,
                     const uint8_t **ret_value, size_t *ret_value_len)
{
    return next_named(&view->xattrs, &view->xattr_count, ret_name, ret_name_len, ret_value,
                      ret_value_len);
}

bool item_next_extra(struct item_view *view, const char **ret_name, size_t *ret_name_len,
                     const char **ret_value, size_t *ret_value_len)
{
    const uint8_t *value = NULL;
    bool found = next_named(&view->extras, &view->extra_count, ret_name, ret_name_len, &value,
                            ret_value_len);

    *ret_value = (const char *)value;
    return found;
}

bool item_next_hole(struct item_view *view, uint64_t *ret_data_before, uint64_t *ret_hole)
{
    if (view->hole_count == 0) {
        return false;
    }
    view->hole_count--;
    *ret_data_before = wire_varint(&view->holes);
    *ret_hole = wire_varint(&view->holes);
    return !view->holes.bad;
}

bool item_next_ref(struct item_view *view, struct block_chunk *ret_ref)
{
    if (view->content_count == 0) {
        return false;
    }
    view->content_count--;
    uint64_t len = wire_varint(&view->content);
    /* Above level 0 the length counts file data and may pass 32 bits; callers that need it walk
     * with ref_iter, which does not use it. */
    ret_ref->len = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
    wire_copy(&view->content, ret_ref->id.bytes, sizeof ret_ref->id.bytes);
    return !view->content.bad;
}

void item_encode_record(const char *path, size_t path_len, size_t shared, const uint8_t *body,
                        size_t body_len, struct buf *out)
{
    uint8_t head[32];
    struct buf prefix = {.data = head, .cap = sizeof head, .max = sizeof head};
    size_t rest = path_len - shared;

    buf_varint(&prefix, shared);
    buf_varint(&prefix, rest);
    buf_varint(out, prefix.len + rest + body_len);
    buf_add(out, head, prefix.len);
    buf_add(out, path + shared, rest);
    buf_add(out, body, body_len);
}
