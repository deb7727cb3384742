/*
 * One operation of a store: a call of the sink with what is waited for before it, and repeated.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "store_attempt.h"

#include "../base/cancel.h"
#include "../base/log.h"

#include <time.h>

void attempt_begin(struct attempt *op, struct store *store, enum plugin_call call,
                   struct sme_error *err)
{
    op->call = call;
    op->store = store;
    op->err = err;
    op->is_inside = false;
    retry_begin(&op->retry, store->clock, store->deadline_ns);
}

static int64_t now_of(const struct store *store)
{
    return store->clock->now_ns(store->clock->cookie);
}

/* Seconds since local midnight, as limits of speed have it. */
static unsigned second_of_day(const struct store *store, const struct pace *pace)
{
    struct tm local = {.tm_hour = 0};

    if (!rate_is_timed(&pace->schedule)) {
        return 0;
    }
    time_t wall = (time_t)store->clock->wall_sec(store->clock->cookie);
    return localtime_r(&wall, &local) == NULL
               ? 0
               : (unsigned)(local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec);
}

static void count_idle(struct attempt *op, int64_t since_ns)
{
    int64_t idle = now_of(op->store) - since_ns;

    op->retry.idle_ns += idle;
    op->store->paced_ns += (uint64_t)idle;
}

/* Wait until ${len} bytes may move. */
static int keep_pace(struct attempt *op, struct pace *pace, size_t len)
{
    struct store *store = op->store;

    if (!pace_is_set(pace)) {
        return SME_OK;
    }
    for (;;) {
        int64_t now = now_of(store);
        int64_t wait = pace_take(pace, now, second_of_day(store, pace), len);
        /* What is done after the run was cancelled is short, and somebody waits for it. */
        if (wait == 0 || cancel_requested()) {
            return SME_OK;
        }
        bool is_whole = store->clock->wait(store->clock->cookie, wait);
        count_idle(op, now);
        if (!is_whole) {
            return cancel_requested()
                       ? cancel_check(op->err)
                       : sme_fail(op->err, SME_E_CANCELLED, "cancelled while waiting");
        }
    }
}

int attempt_enter(struct attempt *op, struct pace *pace, size_t len)
{
    int status = pace != NULL ? keep_pace(op, pace, len) : SME_OK;

    if (status < 0) {
        return status;
    }
    if (op->err != NULL) {
        op->err->retry_after_ms = 0;
    }
    int64_t before = now_of(op->store);
    if (gate_enter(&op->store->gate)) {
        count_idle(op, before);
    }
    op->is_inside = true;
    (void)plugin_call_note(op->call);
    return SME_OK;
}

int attempt_status(struct store *store, int64_t status, struct sme_error *err)
{
    if (status > 0 || status < SME_E_THROTTLED) {
        return sme_fail(err, SME_E_IO, "plugin of sink '%s' returned the unknown status %lld",
                        store->sink->name, (long long)status);
    }
    return (int)status;
}

bool attempt_again(struct attempt *op, int status)
{
    struct store *store = op->store;

    if (!op->is_inside) {
        return false; /* not even made */
    }
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    gate_leave(&store->gate);
    op->is_inside = false;
    if (status == SME_E_THROTTLED) {
        store->throttles++;
        gate_throttled(&store->gate, now_of(store));
    } else if (!retry_is_worth(status)) {
        /* An answer, be it a refusal. */
        gate_succeeded(&store->gate, now_of(store));
        retry_reward();
    }
    if (status >= 0) {
        return false;
    }
    if (retry_is_worth(status)) {
        log_line(LOG_LEVEL_DEBUG, store->sink->name, "attempt %u failed (%s): %s",
                 op->retry.attempts + 1, error_status_name(status),
                 op->err != NULL ? op->err->message : "");
    }
    int64_t waited = op->retry.waited_ns;
    bool is_again = retry_again(&op->retry, status, op->err);
    store->waited_ns += (uint64_t)(op->retry.waited_ns - waited);
    store->retries += is_again;
    return is_again;
}

int attempt_finish(struct attempt *op, int status)
{
    if (status < 0) {
        status = retry_result(&op->retry, status, op->err);
        if (op->err != NULL) {
            op->err->status = status;
        }
    } else if (op->err != NULL && op->retry.attempts > 0) {
        op->err->status = SME_OK;
        op->err->message[0] = op->err->hint[0] = '\0';
    }
    return status;
}

int attempt_context(struct store *store, const char *what, const char *key, struct sme_error *err,
                    int status)
{
    (void)error_context(err, "sink '%s': cannot %s '%s'", store->sink->name, what, key);
    return status;
}
