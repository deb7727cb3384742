/*
 * How fast bytes go to and from a sink, and how many calls are under way at once.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "store_pace.h"

#include "../base/clock.h"

/* What may be saved up while nothing moves: the part of a second that covers late wake-ups. */
#define CREDIT_PARTS 10
#define LONGEST_WAIT_SEC 600        /* then look again: clocks are set, summer begins */
#define LARGEST (UINT64_C(1) << 50) /* of a transfer, for the arithmetic */
#define HALVING_NS NS_PER_SEC
#define CALM_NS (60 * NS_PER_SEC)

/* ---- bytes per second --------------------------------------------------------------------- */

void pace_init(struct pace *pace, const struct rate_schedule *schedule)
{
    (void)pthread_mutex_init(&pace->lock, NULL);
    pace->schedule = *schedule;
    pace->rate = 0;
    pace->balance = 0;
    pace->then_ns = 0;
}

void pace_done(struct pace *pace)
{
    (void)pthread_mutex_destroy(&pace->lock);
}

bool pace_is_set(const struct pace *pace)
{
    for (size_t i = 0; i < pace->schedule.count; i++) {
        if (pace->schedule.entries[i].bytes > 0) {
            return true;
        }
    }
    return false;
}

/* a * b / c without overflow, for b and c up to some 10^10. */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c)
{
    return a / c * b + a % c * b / c;
}

/* Count the time since the last decision, at the limit that held then. */
static void earn(struct pace *pace, int64_t now_ns)
{
    if (pace->rate == 0) {
        pace->balance = 0;
    } else if (now_ns > pace->then_ns) {
        uint64_t bytes = scale((uint64_t)(now_ns - pace->then_ns), pace->rate, NS_PER_SEC);
        int64_t most = (int64_t)(pace->rate / CREDIT_PARTS);
        /* Less than a byte is left to the next decision. */
        if (bytes == 0) {
            return;
        }
        pace->balance = bytes > INT64_MAX / 2 ? most : pace->balance + (int64_t)bytes;
        pace->balance = pace->balance < most ? pace->balance : most;
    }
    pace->then_ns = now_ns;
}

int64_t pace_take(struct pace *pace, int64_t now_ns, unsigned second, uint64_t len)
{
    unsigned left = 0;
    int64_t wait = 0;

    (void)pthread_mutex_lock(&pace->lock);
    earn(pace, now_ns);
    pace->rate = rate_at(&pace->schedule, second, &left);
    if (pace->rate > 0 && pace->balance < 0) {
        uint64_t owed = (uint64_t)-pace->balance;
        /* Rounded up, so that it is paid for when the wait is over. */
        wait = LONGEST_WAIT_SEC * NS_PER_SEC;
        if (owed / pace->rate < LONGEST_WAIT_SEC) {
            wait = (int64_t)(scale(owed, (uint64_t)NS_PER_SEC, pace->rate) + 1);
        }
        /* The debt may be quicker to pay with the limit that comes next. */
        wait = wait < left * NS_PER_SEC ? wait : left * NS_PER_SEC;
    } else if (pace->rate > 0) {
        pace->balance -= (int64_t)(len < LARGEST ? len : LARGEST);
    }
    (void)pthread_mutex_unlock(&pace->lock);
    return wait;
}

void pace_give_back(struct pace *pace, uint64_t len)
{
    (void)pthread_mutex_lock(&pace->lock);
    /* Without a limit nothing was charged; if one began meanwhile this is a small gift. */
    if (pace->rate > 0) {
        pace->balance += (int64_t)(len < LARGEST ? len : LARGEST);
        int64_t most = (int64_t)(pace->rate / CREDIT_PARTS);
        pace->balance = pace->balance < most ? pace->balance : most;
    }
    (void)pthread_mutex_unlock(&pace->lock);
}

/* ---- calls at once ------------------------------------------------------------------------ */

void gate_init(struct gate *gate, unsigned most)
{
    (void)pthread_mutex_init(&gate->lock, NULL);
    (void)pthread_cond_init(&gate->room, NULL);
    gate->most = gate->limit = most;
    gate->inside = 0;
    gate->halved_ns = 0;
    gate->calm_ns = 0;
}

void gate_done(struct gate *gate)
{
    (void)pthread_cond_destroy(&gate->room);
    (void)pthread_mutex_destroy(&gate->lock);
}

/* Who waits here is woken by the end of a call that is under way, also when the run is cancelled:
 * then sinks end their calls early. */
bool gate_enter(struct gate *gate)
{
    bool has_waited = false;

    (void)pthread_mutex_lock(&gate->lock);
    while (gate->inside >= gate->limit) {
        has_waited = true;
        (void)pthread_cond_wait(&gate->room, &gate->lock);
    }
    gate->inside++;
    (void)pthread_mutex_unlock(&gate->lock);
    return has_waited;
}

void gate_leave(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->lock);
    gate->inside--;
    (void)pthread_cond_signal(&gate->room);
    (void)pthread_mutex_unlock(&gate->lock);
}

void gate_throttled(struct gate *gate, int64_t now_ns)
{
    (void)pthread_mutex_lock(&gate->lock);
    if (gate->halved_ns == 0 || now_ns - gate->halved_ns >= HALVING_NS) {
        gate->limit = gate->limit > 1 ? gate->limit / 2 : 1;
        gate->halved_ns = now_ns;
    }
    gate->calm_ns = now_ns;
    (void)pthread_mutex_unlock(&gate->lock);
}

void gate_succeeded(struct gate *gate, int64_t now_ns)
{
    (void)pthread_mutex_lock(&gate->lock);
    if (gate->limit < gate->most && now_ns - gate->calm_ns >= CALM_NS) {
        gate->limit++;
        gate->calm_ns = now_ns;
        (void)pthread_cond_signal(&gate->room);
    }
    (void)pthread_mutex_unlock(&gate->lock);
}

unsigned gate_limit(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->lock);
    unsigned limit = gate->limit;
    (void)pthread_mutex_unlock(&gate->lock);
    return limit;
}
