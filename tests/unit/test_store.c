/*
 * Tests of core/repo/store*.c and core/config/rate.c: repetitions, throttling, limits of speed.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Time is the test's own: a wait is noted and moves it, so the waits can be compared exactly.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/cancel.h"
#include "../../core/base/limits.h"
#include "../../core/config/value.h"
#include "../../core/repo/store_pace.h"
#include "../../core/repo/store_place.h"
#include "../../core/repo/store_retry.h"
#include "../harness/memsink.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define MS INT64_C(1000000)
#define SEC (1000 * MS)
#define BEGIN (1000 * SEC)
#define WAITS 2000
#define HALF UINT32_C(0x80000000)

struct fake {
    int64_t now, wall;
    uint32_t dice;
    int64_t waits[WAITS];
    size_t count;
    bool is_cancelling; /* the next wait is when somebody presses Ctrl-C */
};

struct fixture {
    struct fake fake;
    struct store_clock clock;
    struct memsink *sink;
    struct store *store;
    struct sme_error err;
};

static int64_t fake_now(void *cookie)
{
    return ((struct fake *)cookie)->now;
}

static int64_t fake_wall(void *cookie)
{
    return ((struct fake *)cookie)->wall;
}

static bool fake_wait(void *cookie, int64_t ns)
{
    struct fake *fake = cookie;

    assert_true(ns > 0);
    assert_true(fake->count < WAITS);
    fake->waits[fake->count++] = ns;
    if (fake->is_cancelling) {
        cancel_request(SIGTERM);
        return store_clock_system.wait(NULL, ns);
    }
    fake->now += ns;
    fake->wall += (ns + SEC - 1) / SEC;
    return true;
}

static uint32_t fake_dice(void *cookie)
{
    return ((struct fake *)cookie)->dice;
}

static void open_store(struct fixture *f, const struct store_wishes *wishes)
{
    assert_int_equal(store_new(&f->sink->instance, &f->store, &f->err), SME_OK);
    store_set_clock(f->store, &f->clock);
    if (wishes != NULL) {
        store_set_wishes(f->store, wishes);
    }
}

static void reopen(struct fixture *f, const struct store_wishes *wishes)
{
    store_free(f->store);
    open_store(f, wishes);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->err = (struct sme_error)SME_ERROR_INIT;
    f->fake = (struct fake){.now = BEGIN, .dice = HALF};
    f->clock = (struct store_clock){&f->fake, fake_now, fake_wall, fake_wait, fake_dice};
    f->sink = memsink_new();
    f->sink->is_far = true;
    f->sink->connections = 8;
    (void)setenv("TZ", "UTC0", 1);
    retry_reset();
    open_store(f, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    store_free(f->store);
    memsink_free(f->sink);
    free(f);
    cancel_reset();
    return 0;
}

static int put(struct fixture *f, const char *key)
{
    return store_put(f->store, key, "data", 4, NULL, true, &f->err);
}

static void fault(struct fixture *f, enum memsink_call call, unsigned times, int status)
{
    f->sink->faults[call] = (struct memsink_fault){.times = times, .status = status};
}

static void assert_waits(const struct fixture *f, const int64_t *waits, size_t count)
{
    assert_int_equal(f->fake.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(f->fake.waits[i], waits[i]);
    }
}

/* ---- repetitions -------------------------------------------------------------------------- */

static void waits_double_up_to_a_cap(void **state)
{
    struct fixture *f = *state;
    static const int64_t halves[] = {50 * MS,    100 * MS,   200 * MS,  400 * MS,
                                     800 * MS,   1600 * MS,  3200 * MS, 6400 * MS,
                                     10000 * MS, 10000 * MS, 10000 * MS};

    fault(f, MEMSINK_PUT, 11, SME_E_TRANSIENT);
    assert_int_equal(put(f, "x"), SME_OK);
    assert_waits(f, halves, 11);
    assert_string_equal(f->err.message, "");
    assert_int_equal(store_meter(f->store).put, 12);
    assert_int_equal(store_meter(f->store).retries, 11);
    assert_int_equal(store_meter(f->store).throttles, 0);
    assert_int_equal(store_meter(f->store).waited_ns, 42750 * MS);
    assert_int_equal(store_meter(f->store).bytes_put, 4);
}

static void waits_are_random_from_nothing_to_the_cap(void **state)
{
    struct fixture *f = *state;

    f->fake.dice = 0;
    fault(f, MEMSINK_STAT, 3, SME_E_TRANSIENT);
    assert_int_equal(put(f, "x"), SME_OK);
    struct sme_object object = {.struct_size = sizeof object};
    assert_int_equal(store_stat(f->store, "x", &object, &f->err), SME_OK);
    assert_int_equal(f->fake.count, 0); /* repeated at once */
    assert_int_equal(f->sink->calls[MEMSINK_STAT], 4);
    f->fake.dice = UINT32_MAX;
    fault(f, MEMSINK_STAT, 1, SME_E_TRANSIENT);
    assert_int_equal(store_stat(f->store, "x", &object, &f->err), SME_OK);
    assert_in_range(f->fake.waits[0], 99 * MS, 100 * MS);
}

static void after_all_attempts_the_sink_is_unreachable(void **state)
{
    struct fixture *f = *state;

    fault(f, MEMSINK_PUT, 100, SME_E_TRANSIENT);
    assert_int_equal(put(f, "x"), SME_E_UNREACHABLE);
    assert_int_equal(f->err.status, SME_E_UNREACHABLE);
    assert_int_equal(error_exit_code(f->err.status), EXIT_UNREACHABLE);
    assert_string_equal(f->err.message, "sink 'memory': cannot store 'x': after 12 attempts in "
                                        "42.8s: ordered failure of call 12");
    assert_true(f->err.hint[0] != '\0');
    assert_int_equal(f->sink->calls[MEMSINK_PUT], 12);
    fault(f, MEMSINK_CHECK, 100, SME_E_THROTTLED);
    assert_int_equal(store_check(f->store, &f->err), SME_E_UNREACHABLE);
    assert_non_null(strstr(f->err.message, "sink 'memory': after 12 attempts in "));
    assert_int_equal(store_put(f->store, "x", "data", 4, NULL, true, NULL), SME_E_UNREACHABLE);
}

static void what_the_far_side_asks_for_is_waited(void **state)
{
    struct fixture *f = *state;
    static const int64_t waits[] = {7 * SEC, 60 * SEC, 200 * MS};

    f->sink->faults[MEMSINK_GET] =
        (struct memsink_fault){.times = 1, .status = SME_E_TRANSIENT, .retry_after_ms = 7000};
    assert_int_equal(put(f, "x"), SME_OK);
    char got[4];
    assert_int_equal(store_get_range(f->store, "x", 0, got, 4, &f->err), SME_OK);
    f->sink->faults[MEMSINK_GET] =
        (struct memsink_fault){.times = 1, .status = SME_E_THROTTLED, .retry_after_ms = 3600000};
    assert_int_equal(store_get_range(f->store, "x", 0, got, 4, &f->err), SME_OK);
    assert_waits(f, waits, 2);
    /* Less than the wait would be anyway changes nothing. */
    f->sink->faults[MEMSINK_GET] =
        (struct memsink_fault){.times = 3, .status = SME_E_TRANSIENT, .retry_after_ms = 10};
    assert_int_equal(store_get_range(f->store, "x", 0, got, 4, &f->err), SME_OK);
    assert_int_equal(f->fake.waits[4], waits[2]);
}

static void the_longest_waits_that_are_asked_for_fit_into_an_operation(void **state)
{
    struct fixture *f = *state;

    f->sink->faults[MEMSINK_PUT] =
        (struct memsink_fault){.times = 100, .status = SME_E_TRANSIENT, .retry_after_ms = 60000};
    assert_int_equal(put(f, "x"), SME_E_UNREACHABLE);
    assert_int_equal(f->sink->calls[MEMSINK_PUT], 12);
    assert_int_equal(f->fake.now - BEGIN, 11 * 60 * SEC);
    assert_non_null(strstr(f->err.message, "after 12 attempts in 11m00s: "));
}

static void slow_call(void *cookie, enum memsink_call call)
{
    (void)call;
    ((struct fake *)cookie)->now += 200 * SEC;
}

static void slow_attempts_count_against_the_time_of_an_operation(void **state)
{
    struct fixture *f = *state;

    f->sink->on_call = slow_call;
    f->sink->cookie = &f->fake;
    fault(f, MEMSINK_PUT, 100, SME_E_TRANSIENT);
    assert_int_equal(put(f, "x"), SME_E_UNREACHABLE);
    /* Attempts begin at 0, 200, 400, 600 and 800 s and some; none after 900. */
    assert_int_equal(f->sink->calls[MEMSINK_PUT], 5);
    assert_non_null(strstr(f->err.message, "after 5 attempts in 16m40s: "));
}

static void no_attempt_begins_after_the_deadline(void **state)
{
    struct fixture *f = *state;
    static const int64_t waits[] = {50 * MS, 100 * MS, 200 * MS};

    store_set_deadline(f->store, BEGIN + 700 * MS);
    fault(f, MEMSINK_PUT, 100, SME_E_TRANSIENT);
    assert_int_equal(put(f, "x"), SME_E_UNREACHABLE);
    assert_waits(f, waits, 3); /* the next one would end at 750 ms */
    assert_string_equal(f->err.message,
                        "sink 'memory': cannot store 'x': after 4 attempts in 0.4s, when the time "
                        "for the run was up: ordered failure of call 4");
    /* A first attempt is always made: what must be cleaned up is. */
    f->fake.now = BEGIN + 800 * SEC;
    assert_int_equal(store_remove(f->store, "x", &f->err), SME_OK);
}

static void what_cannot_help_is_not_repeated(void **state)
{
    struct fixture *f = *state;
    static const int permanent[] = {
        SME_E_INVALID, SME_E_NOT_FOUND, SME_E_DENIED,      SME_E_NO_SPACE,   SME_E_CORRUPT,
        SME_E_IO,      SME_E_NO_MEMORY, SME_E_UNREACHABLE, SME_E_CANNOT_NOW, SME_E_BUSY,
        SME_E_KEY,     SME_E_CHANGED,   SME_E_UNSUPPORTED, SME_E_CANCELLED};

    for (size_t i = 0; i < sizeof permanent / sizeof permanent[0]; i++) {
        fault(f, MEMSINK_PUT, 1, permanent[i]);
        assert_int_equal(put(f, "x"), permanent[i]);
        assert_int_equal(f->err.status, permanent[i]);
        assert_null(strstr(f->err.message, "attempt"));
        assert_int_equal(f->sink->calls[MEMSINK_PUT], i + 1);
    }
    assert_int_equal(f->fake.count, 0);
}

static void unknown_statuses_are_a_fault_of_the_plugin(void **state)
{
    struct fixture *f = *state;
    char got[4];

    f->sink->faults[MEMSINK_PUT] = (struct memsink_fault){.times = 1, .status = 5};
    assert_int_equal(put(f, "x"), SME_E_IO);
    f->sink->faults[MEMSINK_GET] =
        (struct memsink_fault){.times = 1, .status = -18, .is_silent = true};
    assert_int_equal(store_get_range(f->store, "x", 0, got, 4, &f->err), SME_E_IO);
    assert_non_null(strstr(f->err.message, "unknown status -18"));
    assert_int_equal(f->sink->calls[MEMSINK_GET], 1);
}

static void a_put_whose_answer_was_lost_is_found(void **state)
{
    struct fixture *f = *state;

    f->sink->faults[MEMSINK_PUT] =
        (struct memsink_fault){.times = 1, .status = SME_E_TRANSIENT, .is_done = true};
    assert_int_equal(store_put(f->store, "named", "data", 4, NULL, false, &f->err), SME_OK);
    assert_int_equal(f->sink->calls[MEMSINK_PUT], 2);
    assert_int_equal(f->sink->calls[MEMSINK_STAT], 1);
    /* Without an answer that was lost the object is somebody else's. */
    assert_int_equal(store_put(f->store, "named", "data", 4, NULL, false, &f->err), SME_E_EXISTS);
    assert_int_equal(f->sink->calls[MEMSINK_PUT], 3);
    assert_int_equal(f->sink->calls[MEMSINK_STAT], 1);
}

/* ---- listings ----------------------------------------------------------------------------- */

static int count_object(void *cookie, const struct sme_object *object)
{
    assert_non_null(object->key);
    ++*(unsigned *)cookie;
    return 0;
}

static void listings_are_repeated_as_a_whole(void **state)
{
    struct fixture *f = *state;
    struct store_names names = {.count = 0};

    assert_int_equal(put(f, "c"), SME_OK);
    assert_int_equal(put(f, "a"), SME_OK);
    assert_int_equal(put(f, "b"), SME_OK);
    f->sink->faults[MEMSINK_LIST] =
        (struct memsink_fault){.times = 2, .status = SME_E_THROTTLED, .after = 2};
    assert_int_equal(store_names(f->store, "", &names, &f->err), SME_OK);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.at[0].key, "a");
    assert_string_equal(names.at[2].key, "c");
    assert_int_equal(store_meter(f->store).list, 3);
    assert_int_equal(store_meter(f->store).retries, 2);
    store_names_free(&names);

    f->sink->faults[MEMSINK_LIST] =
        (struct memsink_fault){.times = 12, .status = SME_E_TRANSIENT, .after = 1};
    assert_int_equal(store_names(f->store, "", &names, &f->err), SME_E_UNREACHABLE);
    assert_int_equal(names.count, 0);
    assert_non_null(strstr(f->err.message, "cannot list '': after 12 attempts in "));
}

static void a_listing_that_was_seen_is_not_repeated(void **state)
{
    struct fixture *f = *state;
    unsigned seen = 0;

    assert_int_equal(put(f, "a"), SME_OK);
    assert_int_equal(put(f, "b"), SME_OK);
    fault(f, MEMSINK_LIST, 1, SME_E_TRANSIENT);
    assert_int_equal(store_list(f->store, "", count_object, &seen, &f->err), SME_OK);
    assert_int_equal(seen, 2);
    f->sink->faults[MEMSINK_LIST] =
        (struct memsink_fault){.times = 1, .status = SME_E_TRANSIENT, .after = 1};
    assert_int_equal(store_list(f->store, "", count_object, &seen, &f->err), SME_E_UNREACHABLE);
    assert_int_equal(seen, 3);
    assert_non_null(strstr(f->err.message, "after 1 attempt in "));
}

/* ---- removing many ------------------------------------------------------------------------ */

#define MANY 2001

struct removed {
    unsigned told[MANY];
    int status[MANY];
    unsigned failures;
};

static void note_removed(void *cookie, size_t index, int status, const char *cause)
{
    struct removed *removed = cookie;

    assert_in_range(index, 0, MANY - 1);
    assert_non_null(cause);
    removed->told[index]++;
    removed->status[index] = status;
    removed->failures += status < 0;
}

static void many_objects_go_by_few_requests(void **state)
{
    struct fixture *f = *state;
    struct removed *removed = calloc(1, sizeof *removed);
    const char **keys = calloc(MANY, sizeof *keys);
    static char names[MANY][8];

    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "o%u", i);
        keys[i] = names[i];
    }
    assert_int_equal(put(f, "o1"), SME_OK);
    assert_int_equal(put(f, "o2000"), SME_OK);
    fault(f, MEMSINK_REMOVE_MANY, 1, SME_E_TRANSIENT);
    assert_int_equal(store_remove_many(f->store, keys, MANY, note_removed, removed, &f->err),
                     SME_OK);
    assert_int_equal(f->sink->count, 0);
    assert_int_equal(f->sink->calls[MEMSINK_REMOVE_MANY], 3); /* one of them again */
    assert_int_equal(f->sink->calls[MEMSINK_REMOVE], 1);      /* the 2001st */
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(removed->told[i], 1);
    }
    assert_int_equal(removed->failures, 0);

    /* A key that may go by is repeated alone; one that is refused is told. */
    *removed = (struct removed){.failures = 0};
    f->sink->key_status = SME_E_THROTTLED;
    assert_int_equal(store_remove_many(f->store, keys, 4, note_removed, removed, &f->err), SME_OK);
    assert_int_equal(f->sink->calls[MEMSINK_REMOVE], 3);
    assert_int_equal(removed->told[1] + removed->told[3], 2);
    assert_int_equal(removed->failures, 0);
    f->sink->key_status = SME_E_DENIED;
    assert_int_equal(store_remove_many(f->store, keys, 4, note_removed, removed, &f->err), SME_OK);
    assert_int_equal(f->sink->calls[MEMSINK_REMOVE], 3);
    assert_int_equal(removed->status[3], SME_E_DENIED);
    assert_int_equal(removed->failures, 2);

    /* The whole fails when the far side is gone. */
    f->sink->key_status = SME_E_TRANSIENT;
    fault(f, MEMSINK_REMOVE, 12, SME_E_TRANSIENT);
    assert_int_equal(store_remove_many(f->store, keys, 4, note_removed, removed, &f->err),
                     SME_E_UNREACHABLE);
    assert_non_null(strstr(f->err.message, "cannot remove 'o1': after 12 attempts"));
    fault(f, MEMSINK_REMOVE_MANY, 1, SME_E_DENIED);
    assert_int_equal(store_remove_many(f->store, keys, 4, note_removed, removed, &f->err),
                     SME_E_DENIED);
    assert_non_null(strstr(f->err.message, "cannot remove objects such as 'o0': "));

    /* A sink without such a call. */
    f->sink->plugin.sink.remove_many = NULL;
    *removed = (struct removed){.failures = 0};
    assert_int_equal(store_remove_many(f->store, keys, 3, note_removed, removed, &f->err), SME_OK);
    assert_int_equal(removed->told[0] + removed->told[1] + removed->told[2], 3);
    free(keys);
    free(removed);
}

/* ---- the budget of the process ------------------------------------------------------------ */

static void stores_share_one_budget(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;
    struct memsink *sink = memsink_new();

    assert_int_equal(store_new(&sink->instance, &other, &f->err), SME_OK);
    store_set_clock(other, &f->clock);
    f->fake.dice = 0; /* every wait that remains is one for the budget */
    /* 100 repetitions at once; 9 operations of 12 attempts make 99. */
    for (unsigned i = 0; i < 9; i++) {
        fault(f, MEMSINK_PUT, 12, SME_E_TRANSIENT);
        assert_int_equal(put(f, "x"), SME_E_UNREACHABLE);
    }
    assert_int_equal(f->fake.count, 0);
    sink->faults[MEMSINK_PUT] = (struct memsink_fault){.times = 4, .status = SME_E_TRANSIENT};
    assert_int_equal(store_put(other, "y", "data", 4, NULL, true, &f->err), SME_OK);
    static const int64_t waits[] = {SEC, SEC, SEC};
    assert_waits(f, waits, 3);
    /* Successes pay back: five for a repetition, the one above among them. */
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(store_put(other, "y", "data", 4, NULL, true, &f->err), SME_OK);
    }
    fault(f, MEMSINK_PUT, 2, SME_E_TRANSIENT);
    assert_int_equal(put(f, "z"), SME_OK);
    assert_int_equal(f->fake.count, 4);
    assert_true(f->fake.waits[3] <= SEC);
    /* Time fills it. */
    f->fake.now += 1000 * SEC;
    fault(f, MEMSINK_PUT, 11, SME_E_TRANSIENT);
    assert_int_equal(put(f, "zz"), SME_OK);
    assert_int_equal(f->fake.count, 4);
    store_free(other);
    memsink_free(sink);
}

static void what_is_not_made_is_not_paid(void **state)
{
    struct fixture *f = *state;

    f->fake.dice = 0;
    store_set_deadline(f->store, BEGIN);
    for (unsigned i = 0; i < 300; i++) {
        fault(f, MEMSINK_PUT, 1, SME_E_TRANSIENT);
        assert_int_equal(put(f, "x"), SME_E_UNREACHABLE);
    }
    store_set_deadline(f->store, 0);
    fault(f, MEMSINK_PUT, 11, SME_E_TRANSIENT);
    assert_int_equal(put(f, "x"), SME_OK);
    assert_int_equal(f->fake.count, 0);
}

/* ---- cancelling --------------------------------------------------------------------------- */

static void cancelling_ends_the_wait(void **state)
{
    struct fixture *f = *state;

    cancel_install();
    f->fake.is_cancelling = true;
    f->sink->faults[MEMSINK_PUT] =
        (struct memsink_fault){.times = 100, .status = SME_E_TRANSIENT, .retry_after_ms = 60000};
    /* The wait of a minute goes to the real clock, and ends at once. */
    assert_int_equal(put(f, "x"), SME_E_CANCELLED);
    assert_int_equal(f->err.status, SME_E_CANCELLED);
    assert_string_equal(f->err.message, "sink 'memory': cannot store 'x': cancelled by signal 15");
    assert_int_equal(f->sink->calls[MEMSINK_PUT], 1);
    /* What is cleaned up afterwards is tried once. */
    f->fake.is_cancelling = false;
    assert_int_equal(store_remove(f->store, "x", &f->err), SME_OK);
    fault(f, MEMSINK_REMOVE, 1, SME_E_TRANSIENT);
    assert_int_equal(store_remove(f->store, "x", &f->err), SME_E_CANCELLED);
    assert_int_equal(f->sink->calls[MEMSINK_REMOVE], 2);
}

static struct rate_schedule schedule_of(const char *text);

static void cancelling_ends_the_wait_for_a_limit(void **state)
{
    struct fixture *f = *state;
    struct rate_schedule limit = schedule_of("1KiB/s");
    uint8_t *data = calloc(1, 100 * KIB);

    reopen(f, &(struct store_wishes){.upload = &limit});
    cancel_install();
    assert_int_equal(store_put(f->store, "x", data, 100 * KIB, NULL, true, &f->err), SME_OK);
    f->fake.is_cancelling = true;
    assert_int_equal(put(f, "y"), SME_E_CANCELLED);
    assert_int_equal(f->fake.count, 1);
    assert_int_equal(f->sink->calls[MEMSINK_PUT], 1);
    assert_non_null(strstr(f->err.message, "cannot store 'y': cancelled by signal 15"));
    assert_int_equal(put(f, "y"), SME_OK); /* after the request: no wait */
    assert_int_equal(f->fake.count, 1);
    free(data);
}

/* ---- connections -------------------------------------------------------------------------- */

static void throttling_halves_and_calm_recovers(void **state)
{
    struct fixture *f = *state;

    f->fake.dice = 0;
    assert_int_equal(store_connections(f->store), 8);
    fault(f, MEMSINK_PUT, 3, SME_E_THROTTLED);
    assert_int_equal(put(f, "a"), SME_OK);
    assert_int_equal(store_connections(f->store), 4); /* once in a second */
    assert_int_equal(store_meter(f->store).throttles, 3);
    for (unsigned i = 0; i < 3; i++) {
        f->fake.now += SEC;
        fault(f, MEMSINK_PUT, 1, SME_E_THROTTLED);
        assert_int_equal(put(f, "a"), SME_OK);
        assert_int_equal(store_connections(f->store), i == 0 ? 2 : 1); /* never none */
    }
    f->fake.now += 59 * SEC;
    assert_int_equal(put(f, "a"), SME_OK);
    assert_int_equal(store_connections(f->store), 1);
    f->fake.now += SEC;
    assert_int_equal(put(f, "a"), SME_OK);
    assert_int_equal(store_connections(f->store), 2);
    assert_int_equal(put(f, "a"), SME_OK);
    assert_int_equal(store_connections(f->store), 2); /* one a minute */
    /* What failed otherwise is no sign of calm. */
    f->fake.now += 60 * SEC;
    fault(f, MEMSINK_PUT, 12, SME_E_TRANSIENT);
    assert_int_equal(put(f, "a"), SME_E_UNREACHABLE);
    assert_int_equal(store_connections(f->store), 2);
    for (unsigned i = 0; i < 20; i++) {
        f->fake.now += 60 * SEC;
        assert_int_equal(put(f, "a"), SME_OK);
    }
    assert_int_equal(store_connections(f->store), 8); /* as at the beginning, not more */
}

static void connections_are_those_that_are_wanted(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(store_limits(f->store)->connections, 8);
    reopen(f, &(struct store_wishes){.connections = 3});
    assert_int_equal(store_limits(f->store)->connections, 3);
    assert_int_equal(store_connections(f->store), 3);
    f->sink->plugin.desc.threads = SME_THREADS_SERIAL;
    reopen(f, &(struct store_wishes){.connections = 3});
    assert_int_equal(store_limits(f->store)->connections, 1);
    assert_int_equal(store_connections(f->store), 1);
    f->sink->plugin.desc.threads = SME_THREADS_PARALLEL;
    f->sink->connections = 0;
    reopen(f, NULL);
    assert_int_equal(store_connections(f->store), 1);
}

struct crowd {
    struct fixture *f;
    unsigned number;
};

static void *put_many(void *cookie)
{
    const struct crowd *crowd = cookie;
    char key[32];

    for (unsigned i = 0; i < 50; i++) {
        struct sme_error err = SME_ERROR_INIT;
        (void)snprintf(key, sizeof key, "%u/%u", crowd->number, i);
        assert_int_equal(store_put(crowd->f->store, key, "data", 4, NULL, true, &err), SME_OK);
    }
    return NULL;
}

static void no_more_calls_at_once_than_wanted(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[6];
    struct crowd crowds[6];

    reopen(f, &(struct store_wishes){.connections = 2});
    store_set_clock(f->store, &store_clock_system);
    for (unsigned i = 0; i < 6; i++) {
        crowds[i] = (struct crowd){f, i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(f->sink->count, 300);
    assert_in_range(f->sink->most_inside, 1, 2);
}

/* ---- limits of speed ---------------------------------------------------------------------- */

static struct rate_schedule schedule_of(const char *text)
{
    struct rate_schedule schedule = {.count = 0};
    const char *bad = NULL, *why = NULL;
    char **items = NULL;
    size_t count = 0;

    assert_int_equal(value_list(text, &items, &count), SME_OK);
    struct sme_list list = {.count = count, .items = (const char *const *)items};
    if (rate_parse(&list, &schedule, &bad, &why) != SME_OK) {
        fail_msg("'%s': %s", bad, why);
    }
    free(items);
    return schedule;
}

static const char *refusal_of(const char *text)
{
    struct rate_schedule schedule = {.count = 77};
    const char *bad = NULL, *why = NULL;
    char **items = NULL;
    size_t count = 0;

    assert_int_equal(value_list(text, &items, &count), SME_OK);
    struct sme_list list = {.count = count, .items = (const char *const *)items};
    assert_int_equal(rate_parse(&list, &schedule, &bad, &why), SME_E_INVALID);
    assert_non_null(bad);
    assert_int_equal(schedule.count, 77);
    free(items);
    return why;
}

static uint64_t rate_of(const struct rate_schedule *schedule, unsigned hour, unsigned minute)
{
    unsigned left = 0;
    uint64_t rate = rate_at(schedule, hour * 3600 + minute * 60, &left);

    assert_in_range(left, 1, RATE_DAY_SECONDS);
    return rate;
}

static void limits_are_read(void **state)
{
    (void)state;
    struct rate_schedule s = schedule_of("");
    assert_int_equal(rate_of(&s, 12, 0), 0);
    s = schedule_of("0");
    assert_int_equal(rate_of(&s, 12, 0), 0);
    s = schedule_of("10MiB");
    assert_int_equal(rate_of(&s, 12, 0), 10 * MIB);
    assert_false(rate_is_timed(&s));
    s = schedule_of("10MB/s");
    assert_int_equal(rate_of(&s, 0, 0), 10000000);
    s = schedule_of("1KiB/s 00:00-24:00");
    assert_false(rate_is_timed(&s));
    assert_int_equal(rate_of(&s, 23, 59), KIB);
    s = schedule_of("2MiB/s 08:00-18:00, 20MiB/s");
    assert_true(rate_is_timed(&s));
    assert_int_equal(rate_of(&s, 7, 59), 20 * MIB);
    assert_int_equal(rate_of(&s, 8, 0), 2 * MIB);
    assert_int_equal(rate_of(&s, 17, 59), 2 * MIB);
    assert_int_equal(rate_of(&s, 18, 0), 20 * MIB);
    /* The first that fits; over midnight; nothing fits. */
    s = schedule_of("0 23:00-01:00\n1MiB/s  22:00-06:30\n3MiB/s 06:00-07:00");
    assert_int_equal(rate_of(&s, 21, 59), 0);
    assert_int_equal(rate_of(&s, 22, 0), MIB);
    assert_int_equal(rate_of(&s, 23, 30), 0);
    assert_int_equal(rate_of(&s, 0, 59), 0);
    assert_int_equal(rate_of(&s, 1, 0), MIB);
    assert_int_equal(rate_of(&s, 6, 29), MIB);
    assert_int_equal(rate_of(&s, 6, 30), 3 * MIB);
    assert_int_equal(rate_of(&s, 12, 0), 0);
    unsigned left = 0;
    assert_int_equal(rate_at(&s, 23 * 3600 + 59 * 60 + 58, &left), 0);
    assert_int_equal(left, 3602);
}

static void mistakes_in_limits_are_named(void **state)
{
    (void)state;
    assert_string_equal(refusal_of("fast"), "is not a size per second such as 10MiB/s");
    assert_string_equal(refusal_of("10MiB/min"), "is not a size per second such as 10MiB/s");
    assert_string_equal(refusal_of("08:00-18:00"), "is not a size per second such as 10MiB/s");
    assert_string_equal(refusal_of("/s"), "is not a size per second such as 10MiB/s");
    assert_string_equal(refusal_of("-1MiB/s"), "is not a size per second such as 10MiB/s");
    assert_string_equal(refusal_of("10"), "is below 1KiB/s");
    assert_string_equal(refusal_of("17GiB/s"), "is above 16GiB/s");
    static const char *const times[] = {"8:00-18:00",   "08:00-18",    "08:00",
                                        "08:60-18:00",  "25:00-26:00", "08:00-24:01",
                                        "08:00-18:00h", "08.00-18.00", "08:00 - 18:00"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "1MiB/s %s", times[i]);
        assert_string_equal(refusal_of(text), "has times that are not like 08:00-18:00");
    }
    assert_string_equal(refusal_of("1MiB/s 08:00-08:00"), "begins and ends at the same time");
    assert_string_equal(refusal_of("1MiB/s 24:00-00:00"), "begins and ends at the same time");
    assert_string_equal(refusal_of("1MiB/s 24:00-08:00"), "begins at the end of the day");
    assert_string_equal(refusal_of("1MiB/s, 2MiB/s 08:00-18:00"),
                        "is never reached, as the entry before it is for the whole day");
    assert_string_equal(refusal_of("0 01:00-02:00,0 01:00-02:00,0 01:00-02:00,0 01:00-02:00,"
                                   "0 01:00-02:00,0 01:00-02:00,0 01:00-02:00,0 01:00-02:00,"
                                   "0 01:00-02:00,0 01:00-02:00,0 01:00-02:00,0 01:00-02:00,"
                                   "0 01:00-02:00,0 01:00-02:00,0 01:00-02:00,0 01:00-02:00,0"),
                        "is one entry too many; there can be 16");
}

static void transfers_wait_for_those_before_them(void **state)
{
    (void)state;
    struct rate_schedule limit = schedule_of("1000KB/s");
    struct pace pace;

    pace_init(&pace, &limit);
    assert_int_equal(pace_take(&pace, BEGIN, 0, 500000), 0);
    /* Half a second is owed; a nanosecond is for rounding. */
    assert_int_equal(pace_take(&pace, BEGIN, 0, 500000), 500 * MS + 1);
    assert_int_equal(pace_take(&pace, BEGIN + 200 * MS, 0, 500000), 300 * MS + 1);
    assert_int_equal(pace_take(&pace, BEGIN + 500 * MS, 0, 2000000), 0);
    /* What was not moved is not owed. */
    pace_give_back(&pace, 1900000);
    assert_int_equal(pace_take(&pace, BEGIN + 500 * MS, 0, 0), 100 * MS + 1);
    assert_int_equal(pace_take(&pace, BEGIN + 600 * MS, 0, 0), 0);
    /* A rest saves up a tenth of a second, not more. */
    assert_int_equal(pace_take(&pace, BEGIN + 100 * SEC, 0, 100000), 0);
    assert_int_equal(pace_take(&pace, BEGIN + 100 * SEC, 0, 1), 0);
    assert_int_equal(pace_take(&pace, BEGIN + 100 * SEC, 0, 1), 1001);
    pace_done(&pace);
}

static void a_debt_is_paid_at_the_limit_of_its_time(void **state)
{
    (void)state;
    struct rate_schedule limit = schedule_of("1000KB/s 22:00-00:30, 100KB/s 00:30-06:00");
    const unsigned late = 23 * 3600 + 59 * 60 + 59;
    struct pace pace;

    pace_init(&pace, &limit);
    assert_true(pace_is_set(&pace));
    /* One second before midnight, 10 s are owed: the day changes, the limit does not. */
    assert_int_equal(pace_take(&pace, BEGIN, late, 10000000), 0);
    assert_int_equal(pace_take(&pace, BEGIN, late, 1), 10 * SEC + 1);
    assert_int_equal(pace_take(&pace, BEGIN + 11 * SEC, 10, 2000000000), 0);
    /* 2000 s are owed, and in 1790 s the limit falls: the wait ends there or before. */
    int64_t wait = pace_take(&pace, BEGIN + 11 * SEC, 10, 1);
    assert_int_equal(wait, 600 * SEC);
    wait = pace_take(&pace, BEGIN + 1211 * SEC, 1210, 1);
    assert_int_equal(wait, 590 * SEC);
    wait = pace_take(&pace, BEGIN + 1801 * SEC, 1800, 1);
    assert_int_equal(wait, 600 * SEC); /* what is left takes ten times as long */
    /* From 6 on there is no limit, and no debt. */
    assert_int_equal(pace_take(&pace, BEGIN + 30000 * SEC, 6 * 3600, 1), 0);
    assert_int_equal(pace_take(&pace, BEGIN + 30000 * SEC, 6 * 3600, MIB), 0);
    pace_done(&pace);
}

static void little_time_is_not_lost(void **state)
{
    (void)state;
    struct rate_schedule limit = schedule_of("1KiB/s");
    struct pace pace;

    pace_init(&pace, &limit);
    assert_int_equal(pace_take(&pace, BEGIN, 0, 1024), 0);
    /* Asked again every 0.1 ms, in which a tenth of a byte may move. */
    for (unsigned i = 1; i <= 9000; i++) {
        assert_true(pace_take(&pace, BEGIN + i * MS / 10, 0, 1) > 0);
    }
    assert_int_equal(pace_take(&pace, BEGIN + 1200 * MS, 0, 1), 0);
    pace_done(&pace);
}

static void uploads_and_downloads_keep_their_limits(void **state)
{
    struct fixture *f = *state;
    struct rate_schedule up = schedule_of("1000KB/s"), down = schedule_of("2000KB/s");
    uint8_t *data = calloc(1, 1000000);
    size_t got = 0;

    reopen(f, &(struct store_wishes){.upload = &up, .download = &down});
    assert_int_equal(store_put(f->store, "a", data, 1000000, NULL, true, &f->err), SME_OK);
    assert_int_equal(store_put(f->store, "b", data, 1000000, NULL, true, &f->err), SME_OK);
    /* The wait for our own limit is none of the far side's: it is no part of the 15 minutes. */
    fault(f, MEMSINK_PUT, 1, SME_E_TRANSIENT);
    assert_int_equal(store_put(f->store, "c", data, 1000000, NULL, true, &f->err), SME_OK);
    assert_int_equal(f->fake.count, 4);
    assert_int_equal(f->fake.waits[0], SEC + 1);
    assert_int_equal(f->fake.waits[1], SEC + 1);
    assert_int_equal(f->fake.waits[2], 50 * MS);
    assert_in_range(f->fake.waits[3], 950 * MS, 950 * MS + 1); /* sent again: paid again */
    assert_in_range(store_meter(f->store).paced_ns, 2950 * MS, 2950 * MS + 10);
    assert_int_equal(store_meter(f->store).waited_ns, 50 * MS);
    /* Asking for more than there is costs what there is. */
    f->fake.count = 0;
    assert_int_equal(store_get_some(f->store, "a", 900000, data, 1000000, &got, &f->err), SME_OK);
    assert_int_equal(got, 100000);
    assert_int_equal(store_get_some(f->store, "a", 0, data, 1000, &got, &f->err), SME_OK);
    assert_int_equal(f->fake.count, 1);
    assert_in_range(f->fake.waits[0], 50 * MS, 50 * MS + 1);
    free(data);
}

static void limits_follow_the_local_time_of_day(void **state)
{
    struct fixture *f = *state;
    struct rate_schedule up = schedule_of("1000KB/s 08:00-18:00");
    uint8_t *data = calloc(1, 1000000);

    reopen(f, &(struct store_wishes){.upload = &up});
    (void)setenv("TZ", "XYZ-2", 1); /* two hours ahead */
    tzset();
    f->fake.wall = 5 * 3600 + 3599;
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(store_put(f->store, "x", data, 1000000, NULL, true, &f->err), SME_OK);
    }
    assert_int_equal(f->fake.count, 0); /* 07:59:59 */
    f->fake.wall++;
    assert_int_equal(store_put(f->store, "x", data, 1000000, NULL, true, &f->err), SME_OK);
    assert_int_equal(store_put(f->store, "x", data, 1000000, NULL, true, &f->err), SME_OK);
    assert_int_equal(f->fake.count, 1);
    (void)setenv("TZ", "UTC0", 1);
    tzset();
    free(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(waits_double_up_to_a_cap),
        TEST(waits_are_random_from_nothing_to_the_cap),
        TEST(after_all_attempts_the_sink_is_unreachable),
        TEST(what_the_far_side_asks_for_is_waited),
        TEST(the_longest_waits_that_are_asked_for_fit_into_an_operation),
        TEST(slow_attempts_count_against_the_time_of_an_operation),
        TEST(no_attempt_begins_after_the_deadline),
        TEST(what_cannot_help_is_not_repeated),
        TEST(unknown_statuses_are_a_fault_of_the_plugin),
        TEST(a_put_whose_answer_was_lost_is_found),
        TEST(listings_are_repeated_as_a_whole),
        TEST(a_listing_that_was_seen_is_not_repeated),
        TEST(many_objects_go_by_few_requests),
        TEST(stores_share_one_budget),
        TEST(what_is_not_made_is_not_paid),
        TEST(cancelling_ends_the_wait),
        TEST(cancelling_ends_the_wait_for_a_limit),
        TEST(throttling_halves_and_calm_recovers),
        TEST(connections_are_those_that_are_wanted),
        TEST(no_more_calls_at_once_than_wanted),
        TEST(limits_are_read),
        TEST(mistakes_in_limits_are_named),
        TEST(transfers_wait_for_those_before_them),
        TEST(a_debt_is_paid_at_the_limit_of_its_time),
        TEST(little_time_is_not_lost),
        TEST(uploads_and_downloads_keep_their_limits),
        TEST(limits_follow_the_local_time_of_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
