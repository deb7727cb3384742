/*
 * When a call of a sink is made again, and how long is waited before it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "store_retry.h"

#include "../base/cancel.h"
#include "../base/clock.h"
#include "../base/rng.h"
#include "../base/str.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#define NS_PER_MS INT64_C(1000000)

/* ---- the clock ---------------------------------------------------------------------------- */

static int64_t system_now(void *cookie)
{
    (void)cookie;
    return clock_monotonic_ns();
}

static int64_t system_wall(void *cookie)
{
    (void)cookie;
    return clock_realtime_ns() / NS_PER_SEC;
}

static bool system_wait(void *cookie, int64_t ns)
{
    int64_t end = clock_monotonic_ns() + ns;

    (void)cookie;
    while (!cancel_requested()) {
        int64_t left_ms = (end - clock_monotonic_ns() + NS_PER_MS - 1) / NS_PER_MS;
        if (left_ms <= 0) {
            return true;
        }
        struct pollfd wake = {.fd = cancel_fd(), .events = POLLIN};
        int woken = poll(&wake, 1, (int)(left_ms < 3600000 ? left_ms : 3600000));
        /* Readable without a request is the end of the pipe's life in a fork: sleep on. */
        if (woken > 0 && !cancel_requested()) {
            (void)poll(NULL, 0, 100);
        }
    }
    return false;
}

static uint32_t system_dice(void *cookie)
{
    uint32_t dice = UINT32_MAX / 2;

    (void)cookie;
    /* Without random numbers waits are not spread, and that is all. */
    (void)rng_bytes(&dice, sizeof dice, NULL);
    return dice;
}

const struct store_clock store_clock_system = {
    .now_ns = system_now,
    .wall_sec = system_wall,
    .wait = system_wait,
    .dice = system_dice,
};

/* ---- the budget --------------------------------------------------------------------------- */

/* In thousandths, so that short times count.  It may be negative: then as many repetitions are
 * waiting for it, each for a time of its own. */
static struct {
    pthread_mutex_t lock;
    int64_t tokens;
    int64_t filled_ns;
} budget = {.lock = PTHREAD_MUTEX_INITIALIZER, .tokens = RETRY_BUDGET * 1000};

static void add_tokens(int64_t thousandths)
{
    budget.tokens += thousandths;
    if (budget.tokens > RETRY_BUDGET * 1000) {
        budget.tokens = RETRY_BUDGET * 1000;
    }
}

static void refill(int64_t now_ns)
{
    int64_t gained = (now_ns - budget.filled_ns) / NS_PER_MS * RETRY_REFILL_PER_SEC;

    if (budget.filled_ns == 0 || gained < 0) {
        budget.filled_ns = now_ns;
    } else if (gained > 0) {
        add_tokens(gained);
        budget.filled_ns += gained / RETRY_REFILL_PER_SEC * NS_PER_MS;
    }
}

/* Take one repetition; returns how long it has to wait for it. */
static int64_t budget_take(int64_t now_ns)
{
    (void)pthread_mutex_lock(&budget.lock);
    refill(now_ns);
    budget.tokens -= RETRY_COST * 1000;
    int64_t missing = budget.tokens < 0 ? -budget.tokens : 0;
    (void)pthread_mutex_unlock(&budget.lock);
    return missing * NS_PER_MS / RETRY_REFILL_PER_SEC;
}

static void budget_give(int64_t thousandths)
{
    (void)pthread_mutex_lock(&budget.lock);
    add_tokens(thousandths);
    (void)pthread_mutex_unlock(&budget.lock);
}

void retry_reward(void)
{
    budget_give(RETRY_REFUND * 1000);
}

void retry_reset(void)
{
    (void)pthread_mutex_lock(&budget.lock);
    budget.tokens = RETRY_BUDGET * 1000;
    budget.filled_ns = 0;
    (void)pthread_mutex_unlock(&budget.lock);
}

/* ---- one operation ------------------------------------------------------------------------ */

void retry_begin(struct retry *retry, const struct store_clock *clock, int64_t deadline_ns)
{
    *retry = (struct retry){
        .clock = clock, .deadline_ns = deadline_ns, .begun_ns = clock->now_ns(clock->cookie)};
}

bool retry_is_worth(int status)
{
    return status == SME_E_TRANSIENT || status == SME_E_THROTTLED;
}

static int64_t backoff_ns(const struct retry *retry, const struct sme_error *err)
{
    uint64_t cap_ms = (uint64_t)RETRY_BASE_MS << (retry->attempts - 1);
    uint64_t cap_us = (cap_ms < RETRY_CAP_MS ? cap_ms : RETRY_CAP_MS) * 1000;
    int64_t wait =
        (int64_t)(cap_us * retry->clock->dice(retry->clock->cookie) >> 32) * (NS_PER_MS / 1000);

    if (err != NULL && err->retry_after_ms > 0) {
        uint32_t asked = err->retry_after_ms;
        int64_t asked_ns = (asked < RETRY_AFTER_CAP_MS ? asked : RETRY_AFTER_CAP_MS) * NS_PER_MS;
        wait = asked_ns > wait ? asked_ns : wait;
    }
    return wait;
}

bool retry_again(struct retry *retry, int status, const struct sme_error *err)
{
    const struct store_clock *clock = retry->clock;

    retry->attempts++;
    if (!retry_is_worth(status)) {
        return false;
    }
    if (cancel_requested()) {
        retry->is_cancelled = true;
        return false;
    }
    if (retry->is_final || retry->attempts >= RETRY_ATTEMPTS) {
        return false;
    }
    int64_t now = clock->now_ns(clock->cookie);
    int64_t wait = backoff_ns(retry, err);
    int64_t queue = budget_take(now);
    wait = queue > wait ? queue : wait;
    bool is_late = retry->deadline_ns != 0 && now + wait >= retry->deadline_ns;
    if (is_late || now + wait - retry->begun_ns - retry->idle_ns > RETRY_OPERATION_NS) {
        budget_give(RETRY_COST * 1000); /* not made, so not paid */
        retry->is_late = is_late;
        return false;
    }
    bool is_whole = wait == 0 || clock->wait(clock->cookie, wait);
    retry->waited_ns += clock->now_ns(clock->cookie) - now;
    retry->is_cancelled = !is_whole;
    return is_whole;
}

int retry_result(const struct retry *retry, int status, struct sme_error *err)
{
    char took[16];

    if (!retry_is_worth(status)) {
        return status;
    }
    if (retry->is_cancelled) {
        int cancelled = cancel_check(err);
        return cancelled < 0 ? cancelled
                             : sme_fail(err, SME_E_CANCELLED, "cancelled while waiting");
    }
    int64_t spent = retry->clock->now_ns(retry->clock->cookie) - retry->begun_ns - retry->idle_ns;
    (void)error_context(err, "after %u attempt%s in %s%s", retry->attempts,
                        retry->attempts == 1 ? "" : "s", str_duration(spent, took),
                        retry->is_late ? ", when the time for the run was up" : "");
    if (err != NULL) {
        err->status = SME_E_UNREACHABLE;
    }
    (void)error_hint(
        err, "see whether the network and the far side are well, then run the command again");
    return SME_E_UNREACHABLE;
}
