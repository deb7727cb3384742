/*
 * A sorted walk over directory trees, item by item.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Everything is looked up relative to an open directory, so depth and length of paths have no
 * limit but memory, and a directory that is moved during the walk leads nowhere else.  Files are
 * neither opened nor, as a rule, looked at: the items are SME_ITEM_LOCATED.
 */
#ifndef SME_FILESYSTEM_WALK_H
#define SME_FILESYSTEM_WALK_H

#include "patterns.h"
#include "roots.h"
#include "../../include/sme-backup/source.h"

#define WALK_DEFAULT_OPEN 48u

struct walk_options {
    const struct sme_host *host;
    const struct patterns *exclude; /* NULL: none.  Never applied to the roots themselves. */
    bool exclude_caches;            /* leave out what lies in a directory with a CACHEDIR.TAG */
    bool one_file_system;           /* leave out what lies on other file systems than its root */
    uint64_t exclude_larger;        /* leave out files with more bytes; 0: none */
    unsigned max_open;              /* directories held open at once; 0: WALK_DEFAULT_OPEN */
};

struct walk;

/*
 * Begin a walk over ${roots} (after roots_find(); it, the host and the patterns must outlive the
 * walk).  The first root is opened, and if it is the only one, read: SME_E_NOT_FOUND,
 * SME_E_DENIED or SME_E_IO if it cannot be.
 *
 * With one root, paths are relative to it, and the first item is the root itself with the empty
 * path; a root that is no directory gives one item, named by its last component.  With several,
 * items have their full paths without the leading '/', and the directories above the roots are
 * items too.
 */
int walk_new(const struct roots *roots, const struct walk_options *options, struct walk **ret_walk,
             struct sme_error *err);
void walk_free(struct walk *walk); /* accepts NULL */

/*
 * 1 and the next item, 0 at the end, < 0: cancelled, out of memory, or a root is no longer there.
 * Other failures are items:
 *  - SME_ITEM_FAILED with SME_ITEM_LOCATED: a directory that could not be read, wholly or to its
 *    end; what could be read follows.  With SME_E_NOT_FOUND it has vanished or been replaced by
 *    something else since its name was read.
 *  - SME_ITEM_FAILED alone: its directory is lost, and with it the way to look at it.
 *  - SME_ITEM_SKIPPED with SME_ITEM_LOCATED: a directory whose content is left out on purpose (a
 *    mount point, a cache); it is an item like others.
 *  - SME_ITEM_SKIPPED alone: left out entirely (a file that is too large, a mount point that may
 *    not even be looked at).
 * The directories above several roots carry SME_ITEM_HAS_STAT, because they may be unreadable
 * for us; for the same reason ${dir_fd} may be a descriptor for lookups only (O_PATH).
 */
int walk_next(struct walk *walk, struct sme_item *item, struct sme_error *err);

#endif
