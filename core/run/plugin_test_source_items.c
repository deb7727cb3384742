/*
 * Conformance of sources: is an item one that the core can keep?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin_test_source.h"

#include "../base/error.h"
#include "../base/limits.h"
#include "../base/str.h"
#include "../repo/item.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define KNOWN_FLAGS                                                                                \
    (SME_ITEM_FIXED_CHUNKS | SME_ITEM_MAY_CHANGE | SME_ITEM_FAILED | SME_ITEM_STREAM |             \
     SME_ITEM_LOCATED | SME_ITEM_HAS_STAT | SME_ITEM_SKIPPED | SME_ITEM_KEEP_OLDER)

/* An item with its path as a person can read it. */
struct looked_at {
    struct source_check *at;
    const struct sme_item *item;
    char shown[300];
};

static bool bad(const struct looked_at *look, const char *expected, const char *got)
{
    return plugin_check_fail(&look->at->check, "expected %s from next() for '%s', got %s", expected,
                             look->shown, got);
}

static bool check_path(const struct looked_at *look)
{
    const struct sme_item *item = look->item;

    if (item->path == NULL)
        return plugin_check_fail(&look->at->check, "expected a path from next(), got NULL");
    if (item->path_len > LIMIT_PATH || !item_path_valid(item->path, item->path_len))
        return plugin_check_fail(
            &look->at->check,
            "expected a relative path without empty, '.' or '..' components from next(), got '%s'",
            look->shown);
    return true;
}

static bool check_kind(const struct looked_at *look)
{
    const struct sme_item *item = look->item;
    const struct sme_source_ops *ops = look->at->ops;
    bool located = (item->flags & SME_ITEM_LOCATED) != 0;
    bool stream = (item->flags & SME_ITEM_STREAM) != 0;
    char got[64];

    (void)snprintf(got, sizeof got, "%lu", (unsigned long)item->type);
    if (item->type > SME_ITEM_BLOCK_DEVICE || (item->type == 0 && !located))
        return bad(look, "one of SME_ITEM_FILE to SME_ITEM_BLOCK_DEVICE as type", got);
    (void)snprintf(got, sizeof got, "%#lx", (unsigned long)item->flags);
    if ((item->flags & ~KNOWN_FLAGS) != 0)
        return bad(look, "only flags of this ABI", got);
    if (located && stream)
        return bad(look, "either SME_ITEM_LOCATED or SME_ITEM_STREAM", "both");
    if (!located && (item->flags & SME_ITEM_KEEP_OLDER) != 0)
        return bad(look, "SME_ITEM_LOCATED with SME_ITEM_KEEP_OLDER", "an item without it");
    if (stream && item->type != SME_ITEM_FILE)
        return bad(look, "SME_ITEM_FILE with SME_ITEM_STREAM", "another type");
    if (!stream && item->stream != NULL)
        return bad(look, "SME_ITEM_STREAM beside stream", "stream alone");
    if (stream && (item->stream != NULL ? ops->read_stream == NULL : ops->read == NULL))
        return bad(look, "a stream that can be read",
                   item->stream != NULL ? "one without read_stream() in the table"
                                        : "one without read() in the table");
    return true;
}

static bool check_failure(const struct looked_at *look)
{
    const struct sme_item *item = look->item;
    char got[64];

    if ((item->flags & (SME_ITEM_FAILED | SME_ITEM_SKIPPED)) == 0)
        return true;
    (void)snprintf(got, sizeof got, "%ld", (long)item->failure);
    if ((item->flags & SME_ITEM_FAILED) != 0 &&
        (item->failure >= 0 || item->failure < SME_E_THROTTLED))
        return bad(look, "one of SME_E_* in failure, with SME_ITEM_FAILED", got);
    if (item->failure_text == NULL || item->failure_text[0] == '\0')
        return bad(look, "the cause in failure_text, with SME_ITEM_FAILED or SME_ITEM_SKIPPED",
                   "none");
    return true;
}

static bool check_place(const struct looked_at *look)
{
    const struct sme_item *item = look->item;
    struct stat st;

    if ((item->flags & SME_ITEM_LOCATED) == 0)
        return true;
    if (fstat(item->dir_fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return bad(look, "an open directory in dir_fd, with SME_ITEM_LOCATED", "none");
    if (item->name == NULL || strchr(item->name, '/') != NULL)
        return bad(look, "a name without '/', with SME_ITEM_LOCATED",
                   item->name == NULL ? "NULL" : item->name);
    size_t len = strlen(item->name);
    if (len > item->path_len || memcmp(item->path + item->path_len - len, item->name, len) != 0)
        return bad(look, "a name that is the end of the path", item->name);
    return true;
}

/* What the item itself carries where the core does not look at a file. */
static bool check_facts(const struct looked_at *look)
{
    const struct sme_item *item = look->item;
    char got[64];

    if ((item->flags & SME_ITEM_LOCATED) == 0) {
        (void)snprintf(got, sizeof got, "%#lo", (unsigned long)item->mode);
        if (item->mode > 07777)
            return bad(look, "permission bits alone in mode", got);
        if (item->mtime.nsec >= 1000000000 || item->ctime.nsec >= 1000000000)
            return bad(look, "less than 10^9 in the nsec of times", "more");
        if (item->type == SME_ITEM_SYMLINK &&
            (item->link_target == NULL || item->link_target[0] == '\0') &&
            (item->flags & (SME_ITEM_FAILED | SME_ITEM_SKIPPED)) == 0)
            return bad(look, "a link_target, with SME_ITEM_SYMLINK", "none");
    }
    if ((item->xattr_count > 0 && item->xattrs == NULL) ||
        (item->extra_count > 0 && item->extras == NULL))
        return bad(look, "a table behind xattr_count and extra_count", "NULL");
    for (size_t i = 0; i < item->xattr_count; i++) {
        const struct sme_xattr *xattr = &item->xattrs[i];
        if (xattr->name == NULL || xattr->name[0] == '\0' ||
            (xattr->value == NULL && xattr->value_len > 0) || xattr->value_len > LIMIT_XATTR_VALUE)
            return bad(look, "name and value in each of xattrs", "one without");
    }
    for (size_t i = 0; i < item->extra_count; i++) {
        if (item->extras[i].name == NULL || item->extras[i].name[0] == '\0' ||
            item->extras[i].value == NULL)
            return bad(look, "name and value in each of extras", "one without");
    }
    return true;
}

/* ---- order -------------------------------------------------------------------------------- */

static bool list_add(struct item_list *list, const struct sme_item *item)
{
    if (list->paths == NULL) {
        list->paths = calloc(SOURCE_ITEMS_MAX, sizeof *list->paths);
        list->lens = calloc(SOURCE_ITEMS_MAX, sizeof *list->lens);
    }
    if (list->paths == NULL || list->lens == NULL || list->count == SOURCE_ITEMS_MAX)
        return false;
    char *copy = strndup(item->path, item->path_len);
    if (copy == NULL)
        return false;
    list->paths[list->count] = copy;
    list->lens[list->count++] = item->path_len;
    return true;
}

void item_list_free(struct item_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
    free(list->lens);
    *list = (struct item_list){.count = 0};
}

static bool check_order(const struct looked_at *look, const struct item_list *list)
{
    const struct sme_item *item = look->item;

    if (list->count == 0 || (look->at->ops->flags & SME_SOURCE_ANY_ORDER) != 0)
        return true;
    const char *before = list->paths[list->count - 1];
    int order = item_path_compare(before, list->lens[list->count - 1], item->path, item->path_len);
    if (order < 0)
        return true;
    return plugin_check_fail(&look->at->check,
                             order == 0 ? "expected each path once from next(), got '%s' twice%.0s"
                                        : "expected ascending paths from next(), got '%s' behind "
                                          "'%s' ('/' is below every other byte)",
                             look->shown, before);
}

bool source_check_item(struct source_check *at, struct item_list *list, const struct sme_item *item)
{
    struct looked_at look = {.at = at, .item = item};

    if (item->path != NULL)
        (void)str_escape(item->path, item->path_len < 200 ? item->path_len : 200, look.shown,
                         sizeof look.shown);
    if (!check_path(&look) || !check_kind(&look) || !check_failure(&look) || !check_place(&look) ||
        !check_facts(&look) || !check_order(&look, list))
        return false;
    if (!list_add(list, item))
        return plugin_check_fail(&at->check, "no memory for the paths of a run");
    return true;
}

static int by_path(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;

    return strcmp(*left, *right);
}

bool source_check_list(struct source_check *at, const struct item_list *list)
{
    char shown[300];

    if ((at->ops->flags & SME_SOURCE_ANY_ORDER) == 0 || list->count == 0)
        return true;
    qsort(list->paths, list->count, sizeof *list->paths, by_path);
    for (size_t i = 1; i < list->count; i++) {
        const char *path = list->paths[i];
        if (strcmp(path, list->paths[i - 1]) == 0)
            return plugin_check_fail(&at->check,
                                     "expected each path once from next(), got '%s' twice",
                                     str_escape(path, strlen(path), shown, sizeof shown));
    }
    return true;
}
