/*
 * How fast bytes go to and from a sink, and how many calls are under way at once.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_REPO_STORE_PACE_H
#define SME_REPO_STORE_PACE_H

#include "../config/rate.h"

#include <pthread.h>

/*
 * A limit of bytes per second that threads share.  A transfer may begin when those before it are
 * paid for, and is then paid for as a whole: over time the limit is kept, whatever the sizes.
 */
struct pace {
    pthread_mutex_t lock;
    struct rate_schedule schedule;
    uint64_t rate; /* at ${then_ns}; 0: no limit then */
    int64_t balance;
    int64_t then_ns;
};

void pace_init(struct pace *pace, const struct rate_schedule *schedule);
void pace_done(struct pace *pace);
/* Is there a limit at any time of the day? */
bool pace_is_set(const struct pace *pace);
/* Begin a transfer of ${len} bytes at ${second} of the local day: 0 if it may begin, and it is
 * charged; otherwise nanoseconds after which to ask again. */
int64_t pace_take(struct pace *pace, int64_t now_ns, unsigned second, uint64_t len);
/* So many of the bytes were not moved. */
void pace_give_back(struct pace *pace, uint64_t len);

/*
 * So many calls at once.  The far side asked for fewer: half of them, but not more often than once
 * a second, as calls that began before are answered alike.  Without such an answer for a minute:
 * one more.
 */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t room;
    unsigned most;
    unsigned limit;
    unsigned inside;
    int64_t halved_ns; /* 0: never               */
    int64_t calm_ns;   /* the minute begins here */
};

void gate_init(struct gate *gate, unsigned most);
void gate_done(struct gate *gate);
/* Wait for a place; true if there was none at once. */
bool gate_enter(struct gate *gate);
void gate_leave(struct gate *gate);
void gate_throttled(struct gate *gate, int64_t now_ns);
void gate_succeeded(struct gate *gate, int64_t now_ns);
/* How many may be inside now. */
unsigned gate_limit(struct gate *gate);

#endif
