/*
 * When a call of a sink is made again, and how long is waited before it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Waits are random up to a bound that doubles (full jitter), so that clients that failed together
 * do not come back together.  All stores of a process draw on one budget of repetitions: in an
 * outage they become rare, however many threads there are, instead of making it worse.
 */
#ifndef SME_REPO_STORE_RETRY_H
#define SME_REPO_STORE_RETRY_H

#include "../base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define RETRY_ATTEMPTS 12
#define RETRY_BASE_MS 100
#define RETRY_CAP_MS 20000
#define RETRY_AFTER_CAP_MS 60000                       /* of what the far side asks for      */
#define RETRY_OPERATION_NS (INT64_C(900) * 1000000000) /* no attempt begins after it      */
/* The budget.  When it is used up, one repetition per second is left. */
#define RETRY_BUDGET 500
#define RETRY_COST 5
#define RETRY_REFUND 1
#define RETRY_REFILL_PER_SEC 5

/* Where time comes from; tests have their own. */
struct store_clock {
    void *cookie;
    int64_t (*now_ns)(void *cookie);        /* monotonic                               */
    int64_t (*wall_sec)(void *cookie);      /* since 1970                              */
    bool (*wait)(void *cookie, int64_t ns); /* false: cut short, as the run is cancelled */
    uint32_t (*dice)(void *cookie);         /* any number, each as likely              */
};
extern const struct store_clock store_clock_system;

/* One operation: a call and its repetitions. */
struct retry {
    const struct store_clock *clock;
    int64_t deadline_ns; /* 0: none; no attempt begins after it                             */
    int64_t begun_ns;
    int64_t idle_ns;   /* waited for our own limits, which is no fault of the far side      */
    int64_t waited_ns; /* before repetitions                                                */
    unsigned attempts; /* that have failed                                                  */
    bool is_final;     /* set by the caller: no repetition, whatever the status             */
    bool is_late;      /* given up because of the deadline                                  */
    bool is_cancelled;
};

void retry_begin(struct retry *retry, const struct store_clock *clock, int64_t deadline_ns);
/* May the same call succeed later? */
bool retry_is_worth(int status);
/* After an attempt that ended in ${status}: true if another one is to be made, which is after the
 * wait.  ${err} says what the far side asked for; may be NULL. */
bool retry_again(struct retry *retry, int status, const struct sme_error *err);
/* The status of the whole operation: what may succeed later has not, so the far side cannot be
 * reached; ${err} then says how long it was tried. */
int retry_result(const struct retry *retry, int status, struct sme_error *err);
/* A call succeeded: pays something back into the budget. */
void retry_reward(void);
/* Fill the budget: for tests. */
void retry_reset(void);

#endif
