/*
 * Tests of the S3 sink's credentials: renewal, refusal by the store, many threads.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../harness/credsrig.h"

#include <sched.h>

#define THREADS 16
#define HOUR 3600

static struct credsrig rig;

static int set_up(void **state)
{
    (void)state;
    credsrig_init(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    credsrig_done(&rig);
    return 0;
}

/* ---- renewal ------------------------------------------------------------------------------ */

static unsigned count_warnings(const char *text)
{
    unsigned count = 0;

    for (unsigned i = 0; i < rig.fake.line_count && i < FAKEHOST_LINES; i++)
        count += rig.fake.levels[i] == SME_LOG_WARNING && strstr(rig.fake.lines[i], text) != NULL;
    return count;
}

static void keys_are_renewed_five_minutes_before_they_end(void **state)
{
    (void)state;
    (void)credsrig_keys(&rig, 1);
    credsrig_pass(&rig, 6 * HOUR - 400);
    (void)credsrig_keys(&rig, 1);
    credsrig_pass(&rig, 110);
    assert_int_equal(credsrig_keys(&rig, 2), 2);
}

static void short_lived_keys_are_renewed_at_half_of_their_life(void **state)
{
    (void)state;
    rig.life_sec = 300;
    (void)credsrig_keys(&rig, 1);
    credsrig_pass(&rig, 100);
    (void)credsrig_keys(&rig, 1);
    credsrig_pass(&rig, 60);
    (void)credsrig_keys(&rig, 2);
}

static void keys_that_live_five_seconds_are_always_fresh(void **state)
{
    struct s3_keys keys;

    (void)state;
    rig.life_sec = 5;
    for (unsigned i = 0; i < 200; i++) { /* the clock goes on by a second at each look */
        assert_int_equal(credsrig_get(&rig, &keys, NULL), SME_OK);
        assert_int_equal(keys.generation, rig.gets);
    }
    assert_true(rig.gets > 40);
    assert_int_equal(count_warnings(""), 0);
}

static void keys_outlive_an_outage_of_the_metadata_service(void **state)
{
    (void)state;
    rig.life_sec = HOUR;
    (void)credsrig_keys(&rig, 1);
    rig.put_status = 500;
    credsrig_pass(&rig, HOUR - 200);
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_int_equal(rig.puts, 2);
    credsrig_pass(&rig, 2 * HOUR); /* they have expired */
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_int_equal(rig.puts, 3);
    credsrig_pass(&rig, 100);
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_int_equal(rig.puts, 3);
    credsrig_pass(&rig, 600);
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_int_equal(rig.puts, 4);
    assert_int_equal(count_warnings("cannot be renewed and are used on"), 1);
    rig.put_status = 200;
    credsrig_pass(&rig, 600);
    assert_int_equal(credsrig_keys(&rig, 2), 2);
    assert_true(fakehost_logged(&rig.fake, SME_LOG_INFO, "renewed again"));
}

static void a_failed_renewal_is_repeated_while_the_keys_live(void **state)
{
    (void)state;
    rig.life_sec = HOUR;
    (void)credsrig_keys(&rig, 1);
    rig.put_fault = HTTPD_RESET_BEFORE;
    credsrig_pass(&rig, HOUR - 240);
    (void)credsrig_keys(&rig, 1);
    rig.put_fault = HTTPD_NONE;
    credsrig_pass(&rig, 130); /* 110 s are left */
    (void)credsrig_keys(&rig, 2);
}

static void keys_that_were_handed_out_too_old_are_used(void **state)
{
    (void)state;
    rig.life_sec = -60;
    (void)credsrig_keys(&rig, 1);
    (void)credsrig_keys(&rig, 1);
    credsrig_pass(&rig, 100);
    (void)credsrig_keys(&rig, 1);
    assert_int_equal(count_warnings("although they have expired"), 1);
    rig.life_sec = HOUR;
    credsrig_pass(&rig, 600);
    (void)credsrig_keys(&rig, 2);
}

static void keys_are_renewed_without_random_bytes(void **state)
{
    (void)state;
    rig.fake.random_fails = true;
    (void)credsrig_keys(&rig, 1);
    credsrig_pass(&rig, 6 * HOUR);
    (void)credsrig_keys(&rig, 2);
}

/* ---- refusal by the store ----------------------------------------------------------------- */

static void refused_keys_are_replaced(void **state)
{
    (void)state;
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_true(s3_creds_refused(rig.creds, 1));
    assert_true(s3_creds_refused(rig.creds, 1));
    assert_int_equal(credsrig_keys(&rig, 2), 2);
    /* A reply that was on its way meanwhile. */
    assert_true(s3_creds_refused(rig.creds, 1));
    assert_int_equal(credsrig_keys(&rig, 2), 2);
    assert_int_equal(rig.gets, 2);
    assert_true(s3_creds_refused(rig.creds, 2));
    assert_int_equal(credsrig_keys(&rig, 3), 3);
}

static void a_refusal_is_final_if_there_are_no_other_keys(void **state)
{
    (void)state;
    rig.same_keys = true;
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_true(s3_creds_refused(rig.creds, 1));
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_int_equal(rig.gets, 2);
    assert_false(s3_creds_refused(rig.creds, 1));
    assert_int_equal(credsrig_keys(&rig, 1), 1);
    assert_int_equal(rig.gets, 2);
}

static void refused_keys_are_not_handed_out_again_in_an_outage(void **state)
{
    (void)state;
    (void)credsrig_keys(&rig, 1);
    assert_true(s3_creds_refused(rig.creds, 1));
    rig.put_status = 500;
    credsrig_refused(&rig, SME_E_TRANSIENT, "gives no token now", "");
    rig.put_fault = HTTPD_RESET_BEFORE;
    credsrig_refused(&rig, SME_E_TRANSIENT, "sends no reply", "hop-limit");
    rig.put_fault = HTTPD_NONE;
    rig.put_status = 200;
    rig.roles_status = 404;
    credsrig_refused(&rig, SME_E_DENIED, "no role is attached", "");
    rig.roles_status = 200;
    assert_int_equal(credsrig_keys(&rig, 2), 2);
}

/* ---- threads and the end ------------------------------------------------------------------ */

struct worker {
    pthread_t thread;
    pthread_barrier_t *start;
    bool refuse;
    int status;
    uint64_t generation;
};

static void *work(void *cookie)
{
    struct worker *worker = cookie;
    struct s3_keys keys = {.generation = 0};

    (void)pthread_barrier_wait(worker->start);
    if (worker->refuse && !s3_creds_refused(rig.creds, worker->generation))
        worker->status = SME_E_DENIED;
    else
        worker->status = s3_creds_get(rig.creds, &keys, NULL);
    worker->generation = keys.generation;
    return NULL;
}

static void all_work(struct worker *workers, int status)
{
    pthread_barrier_t start;

    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].start = &start;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    (void)pthread_barrier_destroy(&start);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].status, status);
}

static void many_threads_make_one_request(void **state)
{
    struct worker workers[THREADS] = {{.refuse = false}};

    (void)state;
    assert_int_equal(credsrig_open(&rig, NULL), SME_OK);
    all_work(workers, SME_OK);
    assert_int_equal(httpd_requests(rig.httpd), 3);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].generation, 1);
        workers[i].refuse = true;
    }
    all_work(workers, SME_OK); /* the store refuses the keys of all */
    assert_int_equal(httpd_requests(rig.httpd), 6);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].generation, 2);
}

static void a_failure_reaches_all_that_wait(void **state)
{
    struct worker workers[THREADS] = {{.refuse = false}};

    (void)state;
    rig.roles_status = 404;
    assert_int_equal(credsrig_open(&rig, NULL), SME_OK);
    all_work(workers, SME_E_DENIED);
}

static void keys_that_live_are_handed_out_during_a_renewal(void **state)
{
    struct worker worker = {.status = SME_OK};
    pthread_barrier_t start;
    struct s3_keys keys;

    (void)state;
    rig.life_sec = HOUR;
    (void)credsrig_keys(&rig, 1);
    credsrig_pass(&rig, HOUR - 200);
    rig.put_fault = HTTPD_STALL_AFTER;
    assert_int_equal(pthread_barrier_init(&start, NULL, 1), 0);
    worker.start = &start;
    assert_int_equal(pthread_create(&worker.thread, NULL, work, &worker), 0);
    while (httpd_requests(rig.httpd) < 4)
        (void)sched_yield();
    assert_int_equal(credsrig_get(&rig, &keys, NULL), SME_OK);
    assert_int_equal(keys.generation, 1);
    assert_int_equal(httpd_requests(rig.httpd), 4); /* it is still at it */
    (void)pthread_mutex_lock(&rig.fake.lock);
    rig.fake.cancel_at = 1;
    (void)pthread_mutex_unlock(&rig.fake.lock);
    assert_int_equal(pthread_join(worker.thread, NULL), 0);
    assert_int_equal(worker.status, SME_E_CANCELLED);
    (void)pthread_barrier_destroy(&start);
}

static void waiting_ends_when_the_run_is_cancelled(void **state)
{
    (void)state;
    rig.put_fault = HTTPD_STALL_AFTER;
    rig.fake.cancel_at = 1;
    credsrig_refused(&rig, SME_E_CANCELLED, "cancelled", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_renewed_five_minutes_before_they_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(short_lived_keys_are_renewed_at_half_of_their_life, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_that_live_five_seconds_are_always_fresh, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_outlive_an_outage_of_the_metadata_service, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failed_renewal_is_repeated_while_the_keys_live, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_that_were_handed_out_too_old_are_used, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_are_renewed_without_random_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_keys_are_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_final_if_there_are_no_other_keys, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refused_keys_are_not_handed_out_again_in_an_outage, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_threads_make_one_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_reaches_all_that_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_live_are_handed_out_during_a_renewal, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(waiting_ends_when_the_run_is_cancelled, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
