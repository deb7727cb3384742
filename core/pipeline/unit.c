/*
 * Units of work and what they hold.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/str.h"

#include <fcntl.h>
#include <stdlib.h>

struct dir_handle *dir_handle_new(int fd, uint64_t serial, struct dir_limit *limit)
{
    struct dir_handle *dir = calloc(1, sizeof *dir);

    if (dir == NULL) {
        return NULL;
    }
    dir->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (dir->fd < 0) {
        free(dir);
        return NULL;
    }
    dir->serial = serial;
    dir->users = 1;
    dir->limit = limit;
    limit->open++;
    return dir;
}

struct dir_handle *dir_handle_share(struct dir_handle *dir)
{
    dir->users++;
    return dir;
}

void dir_handle_release(struct dir_handle *dir)
{
    if (dir != NULL && atomic_fetch_sub(&dir->users, 1) == 1) {
        close_fd(&dir->fd);
        dir->limit->open--;
        free(dir);
    }
}

struct unit *unit_new(void)
{
    return calloc(1, sizeof(struct unit));
}

static void given_free(struct given_meta *given)
{
    if (given != NULL) {
        for (size_t i = 0; i < given->extra_count; i++) {
            free((void *)(uintptr_t)given->extras[i].name);
            free((void *)(uintptr_t)given->extras[i].value);
        }
        free(given->extras);
        free(given->link_target);
        buf_free(&given->xattrs);
        free(given);
    }
}

void unit_free(struct unit *unit)
{
    if (unit == NULL) {
        return;
    }
    for (size_t i = 0; i < unit->count; i++) {
        struct unit_item *item = &unit->items[i];
        dir_handle_release(item->dir);
        given_free(item->given);
        free(item->path);
        free(item->failure_text);
        free(item->body);
        free(item->problem_text);
        free(item->new_record);
        free(item->holes);
        free(item->refs);
    }
    free(unit);
}

static int copy_xattrs(struct given_meta *given, const struct sme_item *from)
{
    buf_init(&given->xattrs, LIMIT_XATTR_TOTAL);
    for (size_t i = 0; i < from->xattr_count; i++) {
        size_t name = strlen(from->xattrs[i].name);
        buf_varint(&given->xattrs, name);
        buf_add(&given->xattrs, from->xattrs[i].name, name);
        buf_varint(&given->xattrs, from->xattrs[i].value_len);
        buf_add(&given->xattrs, from->xattrs[i].value, from->xattrs[i].value_len);
    }
    given->xattr_count = from->xattr_count;
    return given->xattrs.bad ? SME_E_NO_MEMORY : SME_OK;
}

/* Facts that cannot be kept are a fault of the plugin: cut short they would be wrong. */
static int check_extras(const struct sme_item *item, size_t *ret_bytes, struct sme_error *err)
{
    char text[200];

    for (size_t i = 0; i < item->extra_count; i++) {
        const struct sme_extra *extra = item->extras != NULL ? &item->extras[i] : NULL;
        if (extra == NULL || extra->name == NULL || extra->value == NULL) {
            return sme_fail(err, SME_E_IO,
                            "the source plugin yielded '%s' without a fact it counts",
                            str_escape(item->path, item->path_len, text, sizeof text));
        }
        size_t name = strnlen(extra->name, LIMIT_NAME_BYTES + 1);
        size_t value = strnlen(extra->value, LIMIT_EXTRA_VALUE + 1);
        *ret_bytes += name + value;
        if (name == 0 || name > LIMIT_NAME_BYTES || value > LIMIT_EXTRA_VALUE ||
            *ret_bytes > LIMIT_EXTRAS_TOTAL) {
            (void)sme_fail(err, SME_E_IO,
                           "the source plugin yielded '%s' with facts too large to keep",
                           str_escape(item->path, item->path_len, text, sizeof text));
            return error_hint(err,
                              "a value has at most %u bytes, all of an item %u: this is a fault "
                              "of the plugin",
                              LIMIT_EXTRA_VALUE, LIMIT_EXTRAS_TOTAL);
        }
    }
    return SME_OK;
}

static int copy_extras(struct given_meta *given, const struct sme_item *from)
{
    given->extras = calloc(from->extra_count + 1, sizeof *given->extras);
    if (given->extras == NULL) {
        return SME_E_NO_MEMORY;
    }
    for (size_t i = 0; i < from->extra_count; i++) {
        struct sme_extra *extra = &given->extras[given->extra_count++];
        extra->name = strdup(from->extras[i].name);
        extra->value = strdup(from->extras[i].value);
        if (extra->name == NULL || extra->value == NULL) {
            return SME_E_NO_MEMORY;
        }
    }
    return SME_OK;
}

static int copy_given(struct unit_item *to, const struct sme_item *from)
{
    struct given_meta *given = calloc(1, sizeof *given);

    if (given == NULL) {
        return SME_E_NO_MEMORY;
    }
    to->given = given;
    if ((from->flags & SME_ITEM_LOCATED) != 0) {
        return copy_extras(given, from); /* the core looks at the rest itself */
    }
    given->mode = from->mode;
    given->uid = from->uid;
    given->gid = from->gid;
    given->nlink = from->nlink;
    given->size = from->size;
    given->dev = from->dev;
    given->ino = from->ino;
    given->mtime = from->mtime;
    given->ctime = from->ctime;
    given->rdev_major = from->rdev_major;
    given->rdev_minor = from->rdev_minor;
    if (from->link_target != NULL) {
        given->link_target = strndup(from->link_target, LIMIT_LINK_TARGET);
        if (given->link_target == NULL) {
            return SME_E_NO_MEMORY;
        }
    }
    int status = copy_xattrs(given, from);
    return status < 0 ? status : copy_extras(given, from);
}

int unit_item_copy(struct unit_item *to, const struct sme_item *from, struct dir_handle *dir,
                   struct sme_error *err)
{
    bool located = (from->flags & SME_ITEM_LOCATED) != 0;
    char text[200];

    to->dir = dir;
    if (from->path == NULL || !item_path_valid(from->path, from->path_len)) {
        (void)sme_fail(err, SME_E_IO, "the source plugin yielded the path '%s'",
                       str_escape(from->path != NULL ? from->path : "",
                                  from->path != NULL ? strnlen(from->path, from->path_len) : 0,
                                  text, sizeof text));
        return error_hint(err, "paths are relative, without empty, '.' or '..' parts: this is a "
                               "fault of the plugin");
    }
    if (from->type > SME_ITEM_BLOCK_DEVICE || (from->type == 0 && !located) ||
        (located && from->name == NULL)) {
        return sme_fail(err, SME_E_IO, "the source plugin yielded '%s' without a valid type",
                        str_escape(from->path, from->path_len, text, sizeof text));
    }
    to->path = strndup(from->path, from->path_len);
    if (to->path == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for an item");
    }
    to->path_len = from->path_len;
    to->type = from->type;
    to->flags = from->flags;
    to->failure = (from->flags & SME_ITEM_FAILED) != 0 ? from->failure : 0;
    if (from->failure_text != NULL &&
        (to->failure_text = strndup(from->failure_text, 500)) == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for an item");
    }
    if (located) {
        size_t name_len = strlen(from->name);
        if (name_len > from->path_len ||
            memcmp(to->path + to->path_len - name_len, from->name, name_len) != 0) {
            return sme_fail(err, SME_E_IO, "the source plugin yielded '%s' with another name",
                            str_escape(from->path, from->path_len, text, sizeof text));
        }
        to->name = to->path + to->path_len - name_len;
    }
    int status = check_extras(from, &to->given_bytes, err);
    if (status < 0 || (located && from->extra_count == 0)) {
        return status;
    }
    return copy_given(to, from) < 0 ? sme_fail(err, SME_E_NO_MEMORY, "no memory for an item")
                                    : SME_OK;
}
