/*
 * Limits of speed as text: "10MiB/s", "2MiB/s 08:00-18:00, 20MiB/s".
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CONFIG_RATE_H
#define SME_CONFIG_RATE_H

#include "../../include/sme-backup/common.h"

#include <stdbool.h>

#define RATE_ENTRIES 16
#define RATE_DAY_SECONDS 86400u

/* Bytes per second during a part of each day, in minutes of local time. */
struct rate_entry {
    uint64_t bytes; /* 0: no limit                                                   */
    unsigned from;  /* first minute                                                  */
    unsigned until; /* minute behind the last; below ${from}: passes midnight; equal */
                    /* to it: the whole day                                          */
};

/* The first entry that matches a time counts; without one there is no limit. */
struct rate_schedule {
    struct rate_entry entries[RATE_ENTRIES];
    size_t count;
};

/* From the items of a list option.  SME_E_INVALID: *ret_bad is the item that is wrong, and
 * *ret_why says what is wrong with it. */
int rate_parse(const struct sme_list *items, struct rate_schedule *ret_schedule,
               const char **ret_bad, const char **ret_why);

/* Does the limit depend on the time of day? */
bool rate_is_timed(const struct rate_schedule *schedule);
/* The limit at ${second} of the day; *ret_left: for how many seconds it certainly stays so. */
uint64_t rate_at(const struct rate_schedule *schedule, unsigned second, unsigned *ret_left);

#endif
