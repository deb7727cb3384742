/*
 * Archived packs that a restore needs: finding them, and asking for them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is remembered between two commands: the sink knows what was asked for, so that a command
 * that was broken off is continued by repeating it.
 */
#ifndef SME_RUN_THAW_H
#define SME_RUN_THAW_H

#include "../repo/reader.h"

/* How long thawed objects stay readable: enough for a restore that goes on over a weekend. */
#define THAW_DAYS 7

struct thaw_need {
    objkey_text *keys; /* of packs that cannot be read now */
    size_t count;
    uint64_t bytes; /* of these packs */
};
void thaw_need_free(struct thaw_need *need);

/* ${done} of ${total} objects were looked at or asked for; may be NULL. */
typedef void thaw_progress(void *cookie, uint64_t done, uint64_t total);

/* What is to be restored; see select_init(). */
struct thaw_selection {
    const char *const *patterns;
    size_t count; /* 0: everything */
    bool exact;
};

/* The packs that restoring ${selection} of ${snapshot} (root opened) reads, and that its sink says
 * are archived.  Costs one listing, and nothing more if nothing is archived; nothing at all where
 * the sink cannot thaw. */
int thaw_look(struct vault *vault, const struct snapshot *snapshot,
              const struct thaw_selection *selection, thaw_progress *progress, void *cookie,
              struct thaw_need *ret_need, struct sme_error *err);

struct thaw_counts {
    uint64_t ready, pending, started;
};
/* Ask for all of them.  A failure leaves what was asked for in force; ${ret_counts} is filled in
 * any case. */
int thaw_request(struct store *store, const struct thaw_need *need, uint32_t speed,
                 thaw_progress *progress, void *cookie, struct thaw_counts *ret_counts,
                 struct sme_error *err);

#endif
