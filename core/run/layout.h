/*
 * Restoring photos into folders by the day on which they were taken.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Below the target:  YYYY/MM/DD/NAME, undated/NAME for photos without a date, other/PATH for all
 * else.  The photos of a group (photo_group()) stay together: they go to the day of the first of
 * them that has one, asked in the order photo, raw file, video, others, sidecar.
 *
 * Nothing is overwritten.  A file with the same content that is there already stays and counts as
 * restored; where another file has the name, all of the group get "-2" behind their stem, or "-3",
 * and so on.  So doing it again changes nothing.
 *
 * Files are first restored below LAYOUT_STAGING in the target, under their own paths, and then
 * renamed.  What an interrupted restore left there is removed by the next.
 */
#ifndef SME_RUN_LAYOUT_H
#define SME_RUN_LAYOUT_H

#include "photo_pick.h"
#include "restore.h"

#define LAYOUT_STAGING ".sme-backup-layout"

struct layout;

/* ${vault} and ${snapshot} (root opened) must outlive it. */
int layout_new(struct vault *vault, const struct snapshot *snapshot, struct layout **ret_layout,
               struct sme_error *err);
void layout_free(struct layout *layout); /* accepts NULL */

/* Take over an item that is to be restored; a directory is not. */
int layout_add(struct layout *layout, const struct photo_picked *picked, struct sme_error *err);

/* Find names below the directory ${target_fd}, called ${target_name} in messages, which stays open
 * until the layout is freed.  Reads files there, changes nothing. */
int layout_plan(struct layout *layout, int target_fd, const char *target_name,
                struct sme_error *err);

/* After the plan, in the order of the snapshot's paths.  Texts are valid as long as the layout. */
struct layout_file {
    const char *path; /* in the snapshot */
    const char *name; /* below the target */
    bool is_there;    /* the same is there already, or comes from another path of the snapshot */
};
size_t layout_count(const struct layout *layout);
struct layout_file layout_at(const struct layout *layout, size_t number);

/*
 * Restore what is not there.  Of ${request} everything but patterns and target is used; counts are
 * of what was restored, with counts.existing for what was there.  Returns as restore_run(): SME_OK
 * also when single items failed.  SME_E_BUSY if another restore is at work in the same target.
 */
int layout_restore(struct layout *layout, const struct restore_request *request,
                   struct restore_result *ret_result, struct sme_error *err);

#endif
