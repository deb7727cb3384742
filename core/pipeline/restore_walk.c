/*
 * Walking what the user selected of a snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_walk.h"

#include "../base/cleanup.h"
#include "../base/limits.h"

#include <string.h>

static int walk_one(struct vault *vault, const struct snapshot *snapshot, struct select *select,
                    const char *prefix, restore_visit *visit, void *cookie, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf cover = BUF_INIT(LIMIT_PATH + 1); /* all below it is selected */
    struct item_iter *iter = NULL;
    struct item_view view;
    bool covered = false;

    int status = item_iter_new(vault, snapshot, prefix, &iter, err);
    while (status == SME_OK) {
        int more = item_iter_next(iter, &view, err);
        if (more <= 0) {
            status = more;
            break;
        }
        covered = covered && view.path_len > cover.len &&
                  (cover.len == 0 ||
                   (memcmp(view.path, cover.data, cover.len) == 0 && view.path[cover.len] == '/'));
        bool selected = select->everything && select->count == 0;
        if (!selected) {
            bool named = select_match(select, view.path, view.path_len);
            selected = named || covered;
            if (named && !covered) {
                buf_clear(&cover);
                buf_add(&cover, view.path, view.path_len);
                covered = true;
            }
        }
        status = visit(cookie, &view, selected, err);
    }
    item_iter_free(iter);
    return status;
}

int restore_walk(struct vault *vault, const struct snapshot *snapshot, struct select *select,
                 restore_visit *visit, void *cookie, struct sme_error *err)
{
    int status = SME_OK;

    if (!restore_walk_is_short(select)) {
        return walk_one(vault, snapshot, select, NULL, visit, cookie, err);
    }
    for (size_t i = 0; i < select->count && status == SME_OK; i++) {
        if (!select->at[i].is_covered) {
            status = walk_one(vault, snapshot, select, select->at[i].text, visit, cookie, err);
        }
    }
    return status;
}

int restore_walk_matched(const struct select *select, const struct snapshot *snapshot,
                         struct sme_error *err)
{
    const char *pattern = select_unmatched(select);

    if (pattern == NULL) {
        return SME_OK;
    }
    (void)sme_fail(err, SME_E_NOT_FOUND, "'%.200s' matches nothing in snapshot '%s' of '%s'",
                   pattern, snapshot->head.name, snapshot->head.source);
    return error_hint(err, "'sme-backup ls %s@%s' shows what is in it", snapshot->head.source,
                      snapshot->head.name);
}
