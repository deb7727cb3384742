/*
 * Wall clock and monotonic clock, and times as text.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_BASE_CLOCK_H
#define SME_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SEC INT64_C(1000000000)

int64_t clock_realtime_ns(void);
int64_t clock_monotonic_ns(void);

/* Seconds since 1970 as "20261123T020041Z" (17 bytes with NUL), always UTC. */
void clock_compact(int64_t sec, char out[17]);
/* The reverse; false if ${text} (of 16 characters) is not such a time. */
bool clock_parse_compact(const char *text, int64_t *ret_sec);
/* "2026-11-23T02:00:41Z" (21 bytes with NUL). */
void clock_iso(int64_t sec, char out[21]);

#endif
