/*
 * Tests of archived objects: what a thaw would take, asking for it, asking again.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/s3rig.h"
#include "../harness/tree.h"
#include "../../sinks/s3/bucket.h"

#include <stdlib.h>

#define KEY "documents/data/0123456789abcdef"
#define PATH "/" S3RIG_BUCKET "/" KEY
#define GIB (1ull << 30)

#define ARCHIVED "x-amz-storage-class: GLACIER\r\n"
#define DEEP "x-amz-storage-class: DEEP_ARCHIVE\r\n"
#define ONGOING "x-amz-restore: ongoing-request=\"true\"\r\n"
/* the fake host's clock is long before and long behind these */
#define READY                                                                                      \
    "x-amz-restore: ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2096 00:00:00 GMT\"\r\n"
#define ENDING                                                                                     \
    "x-amz-restore: ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\"\r\n"

static const char table_text[] = "date = 2026-11-01\n"
                                 "default.retrieval-GLACIER-expedited-gb = 0.03\n"
                                 "default.retrieval-GLACIER-expedited-1000 = 10\n"
                                 "default.retrieval-GLACIER-standard-gb = 0.01\n"
                                 "default.retrieval-GLACIER-standard-1000 = 0.05\n"
                                 "default.retrieval-GLACIER-bulk-gb = 0\n"
                                 "default.retrieval-GLACIER-bulk-1000 = 0\n"
                                 "default.retrieval-DEEP_ARCHIVE-standard-gb = 0.02\n"
                                 "default.retrieval-DEEP_ARCHIVE-standard-1000 = 0.1\n";

/* ---- offers ------------------------------------------------------------------------------- */

struct offers {
    struct sme_thaw_offer list[8];
    size_t count;
    int answer;
};

static int take_offer(void *cookie, const struct sme_thaw_offer *offer)
{
    struct offers *offers = cookie;

    assert_true(offers->count < 8);
    offers->list[offers->count++] = *offer;
    return offers->answer;
}

static int ask_offers(struct s3rig *rig, uint64_t count, uint64_t bytes, struct offers *offers)
{
    int status = bucket_thaw_offers(rig->s3, KEY, count, bytes, take_offer, offers, &rig->err);

    s3rig_assert_discreet(rig);
    return status;
}

static const struct sme_thaw_offer *offer_of(const struct offers *offers, uint32_t speed)
{
    for (size_t i = 0; i < offers->count; i++) {
        if (offers->list[i].speed == speed)
            return &offers->list[i];
    }
    fail_msg("no offer of speed %u", speed);
    return NULL;
}

/* Open with a table of prices; the folder's name is the caller's. */
static char *open_with_prices(struct s3rig *rig, const char *text)
{
    static char path[512];
    char *dir = tree_new();

    assert_non_null(dir);
    tree_text(dir, "prices", text);
    (void)snprintf(path, sizeof path, "%s/prices", dir);
    rig->config.prices = path;
    s3rig_reopen(rig);
    return dir;
}

static void close_prices(char *dir)
{
    tree_remove(dir);
    free(dir);
}

static void an_archive_offers_speeds_with_hours_and_prices(void **state)
{
    struct s3rig *rig = *state;
    char *dir = open_with_prices(rig, table_text);
    struct offers offers = {0};

    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    assert_int_equal(ask_offers(rig, 2500, 100 * GIB, &offers), SME_OK);
    assert_int_equal(offers.count, 3);
    assert_int_equal(offer_of(&offers, SME_THAW_BULK)->nano_usd, 0);
    assert_int_equal(offer_of(&offers, SME_THAW_BULK)->hours_max, 12);
    /* 100 GiB at 0.01 and 2,500 requests at 0.05 a thousand */
    assert_int_equal(offer_of(&offers, SME_THAW_STANDARD)->nano_usd, 1000000000ll + 125000000);
    assert_int_equal(offer_of(&offers, SME_THAW_STANDARD)->hours_min, 3);
    assert_int_equal(offer_of(&offers, SME_THAW_STANDARD)->hours_max, 5);
    assert_int_equal(offer_of(&offers, SME_THAW_EXPEDITED)->nano_usd, 3000000000ll + 25000000000ll);
    assert_int_equal(offer_of(&offers, SME_THAW_EXPEDITED)->hours_max, 1);
    assert_string_equal(s3rig_request(rig, 0)->method, "HEAD");
    assert_string_equal(s3rig_request(rig, 0)->target, PATH);
    close_prices(dir);
}

static void deep_archive_has_no_expedited(void **state)
{
    struct s3rig *rig = *state;
    char *dir = open_with_prices(rig, table_text);
    struct offers offers = {0};

    (void)s3rig_reply(rig, 200, DEEP, NULL);
    assert_int_equal(ask_offers(rig, 1000, GIB, &offers), SME_OK);
    assert_int_equal(offers.count, 2);
    assert_int_equal(offer_of(&offers, SME_THAW_STANDARD)->nano_usd, 120000000);
    assert_int_equal(offer_of(&offers, SME_THAW_STANDARD)->hours_max, 12);
    assert_int_equal(offer_of(&offers, SME_THAW_BULK)->hours_max, 48);
    /* the table has no price of that: said, and the offer stands */
    assert_int_equal(offer_of(&offers, SME_THAW_BULK)->nano_usd, -1);
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "retrieval-DEEP_ARCHIVE-bulk-gb"));
    close_prices(dir);
}

static void a_broken_table_does_not_stop_a_restore(void **state)
{
    struct s3rig *rig = *state;
    char *dir = open_with_prices(rig, "date = 2026-11-01\nnonsense\n");
    struct offers offers = {0};

    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    assert_int_equal(ask_offers(rig, 1, GIB, &offers), SME_OK);
    assert_int_equal(offers.count, 3);
    for (size_t i = 0; i < offers.count; i++)
        assert_int_equal(offers.list[i].nano_usd, -1);
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "prices:2"));
    close_prices(dir);
}

static void another_store_has_speeds_but_no_prices(void **state)
{
    struct s3rig *rig = *state;
    struct offers offers = {0};

    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    assert_int_equal(ask_offers(rig, 1, GIB, &offers), SME_OK);
    assert_int_equal(offers.count, 3);
    assert_int_equal(offers.list[0].nano_usd, -1);
}

static void a_sum_that_cannot_be_is_unknown(void **state)
{
    struct s3rig *rig = *state;
    char *dir = open_with_prices(rig, table_text);
    struct offers offers = {0};

    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    assert_int_equal(ask_offers(rig, UINT64_MAX, UINT64_MAX, &offers), SME_OK);
    assert_int_equal(offer_of(&offers, SME_THAW_EXPEDITED)->nano_usd, -1);
    close_prices(dir);
}

static void what_is_not_archived_has_no_offers(void **state)
{
    struct s3rig *rig = *state;
    struct offers offers = {0};

    (void)s3rig_reply(rig, 200, NULL, NULL);
    (void)s3rig_reply(rig, 200, "x-amz-storage-class: GLACIER_IR\r\n", NULL);
    assert_int_equal(ask_offers(rig, 1, GIB, &offers), SME_OK);
    assert_int_equal(ask_offers(rig, 1, GIB, &offers), SME_OK);
    assert_int_equal(offers.count, 0);
}

static void the_callers_answer_ends_the_offers(void **state)
{
    struct s3rig *rig = *state;
    struct offers offers = {.answer = SME_E_CANCELLED};

    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    assert_int_equal(ask_offers(rig, 1, GIB, &offers), SME_E_CANCELLED);
    assert_int_equal(offers.count, 1);
}

static void an_object_that_is_gone_has_no_offers(void **state)
{
    struct s3rig *rig = *state;
    struct offers offers = {0};

    (void)s3rig_reply(rig, 404, NULL, NULL);
    assert_int_equal(ask_offers(rig, 1, GIB, &offers), SME_E_NOT_FOUND);
    assert_true(s3rig_says(rig, KEY));
}

/* ---- asking ------------------------------------------------------------------------------- */

static int thaw(struct s3rig *rig, uint32_t speed, uint32_t days, uint32_t *ret_state)
{
    int status = bucket_thaw(rig->s3, KEY, speed, days, ret_state, &rig->err);

    s3rig_assert_discreet(rig);
    return status;
}

static void a_thaw_is_asked_for(void **state)
{
    struct s3rig *rig = *state;
    uint32_t found = 0;

    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    (void)s3rig_reply(rig, 202, NULL, NULL);
    assert_int_equal(thaw(rig, SME_THAW_BULK, 7, &found), SME_OK);
    assert_int_equal(found, SME_THAW_STARTED);
    assert_string_equal(s3rig_request(rig, 1)->method, "POST");
    assert_non_null(strstr(s3rig_request(rig, 1)->target, PATH "?restore"));
    assert_non_null(strstr((const char *)s3rig_request(rig, 1)->body, "<Days>7</Days>"));
    assert_non_null(strstr((const char *)s3rig_request(rig, 1)->body, "<Tier>Bulk</Tier>"));
}

static void the_speed_is_the_callers(void **state)
{
    struct s3rig *rig = *state;
    uint32_t found = 0;

    (void)s3rig_reply(rig, 200, DEEP, NULL);
    (void)s3rig_reply(rig, 202, NULL, NULL);
    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    (void)s3rig_reply(rig, 202, NULL, NULL);
    assert_int_equal(thaw(rig, SME_THAW_STANDARD, 1, &found), SME_OK);
    assert_int_equal(thaw(rig, SME_THAW_EXPEDITED, 1, &found), SME_OK);
    assert_non_null(strstr((const char *)s3rig_request(rig, 1)->body, "<Tier>Standard</Tier>"));
    assert_non_null(strstr((const char *)s3rig_request(rig, 3)->body, "<Tier>Expedited</Tier>"));
}

static void what_is_under_way_is_not_paid_twice(void **state)
{
    struct s3rig *rig = *state;
    uint32_t found = 0;

    (void)s3rig_reply(rig, 200, ARCHIVED ONGOING, NULL);
    assert_int_equal(thaw(rig, SME_THAW_STANDARD, 7, &found), SME_OK);
    assert_int_equal(found, SME_THAW_PENDING);
    assert_int_equal(s3rig_seen(rig), 1);
}

static void another_who_was_faster_is_no_failure(void **state)
{
    struct s3rig *rig = *state;
    uint32_t found = 0;

    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    (void)s3rig_refuse(rig, 409, "RestoreAlreadyInProgress", NULL);
    assert_int_equal(thaw(rig, SME_THAW_STANDARD, 7, &found), SME_OK);
    assert_int_equal(found, SME_THAW_PENDING);
}

static void what_is_readable_is_left_alone(void **state)
{
    struct s3rig *rig = *state;
    uint32_t found = 0;

    (void)s3rig_reply(rig, 200, ARCHIVED READY, NULL);
    (void)s3rig_reply(rig, 200, NULL, NULL);
    assert_int_equal(thaw(rig, SME_THAW_STANDARD, 7, &found), SME_OK);
    assert_int_equal(found, SME_THAWED);
    found = 0;
    assert_int_equal(thaw(rig, SME_THAW_STANDARD, 7, &found), SME_OK);
    assert_int_equal(found, SME_THAWED);
    assert_int_equal(s3rig_seen(rig), 2);
}

static void a_copy_about_to_go_is_extended(void **state)
{
    struct s3rig *rig = *state;
    uint32_t found = 0;

    (void)s3rig_reply(rig, 200, ARCHIVED ENDING, NULL);
    (void)s3rig_reply(rig, 200, NULL, NULL);
    assert_int_equal(thaw(rig, SME_THAW_STANDARD, 7, &found), SME_OK);
    assert_int_equal(found, SME_THAWED);
    assert_string_equal(s3rig_request(rig, 1)->method, "POST");
}

static void no_capacity_for_expedited_says_what_to_do(void **state)
{
    struct s3rig *rig = *state;
    uint32_t found = 99;

    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    (void)s3rig_refuse(rig, 503, "GlacierExpeditedRetrievalNotAvailable", NULL);
    assert_int_equal(thaw(rig, SME_THAW_EXPEDITED, 1, &found), SME_E_CANNOT_NOW);
    assert_int_equal(found, 99);
    assert_true(s3rig_says(rig, KEY));
    assert_true(s3rig_says(rig, "standard"));
}

static void a_speed_that_the_class_has_not_costs_no_request(void **state)
{
    struct s3rig *rig = *state;
    uint32_t found = 99;

    (void)s3rig_reply(rig, 200, DEEP, NULL);
    assert_int_equal(thaw(rig, SME_THAW_EXPEDITED, 1, &found), SME_E_INVALID);
    assert_true(s3rig_says(rig, "DEEP_ARCHIVE"));
    assert_int_equal(thaw(rig, 4, 1, &found), SME_E_INVALID);
    assert_int_equal(thaw(rig, SME_THAW_BULK, 0, &found), SME_E_INVALID);
    assert_int_equal(thaw(rig, SME_THAW_BULK, 100000, &found), SME_E_INVALID);
    assert_int_equal(found, 99);
    assert_int_equal(s3rig_seen(rig), 1);
}

static void refusals_keep_their_class(void **state)
{
    struct s3rig *rig = *state;
    uint32_t found = 99;

    (void)s3rig_reply(rig, 200, ARCHIVED, NULL);
    (void)s3rig_refuse(rig, 503, "SlowDown", NULL);
    assert_int_equal(thaw(rig, SME_THAW_BULK, 1, &found), SME_E_THROTTLED);
    (void)s3rig_reply(rig, 404, NULL, NULL);
    assert_int_equal(thaw(rig, SME_THAW_BULK, 1, &found), SME_E_NOT_FOUND);
    assert_int_equal(found, 99);
}

#define WITH_RIG(function) cmocka_unit_test_setup_teardown(function, s3rig_set_up, s3rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(an_archive_offers_speeds_with_hours_and_prices),
        WITH_RIG(deep_archive_has_no_expedited),
        WITH_RIG(a_broken_table_does_not_stop_a_restore),
        WITH_RIG(another_store_has_speeds_but_no_prices),
        WITH_RIG(a_sum_that_cannot_be_is_unknown),
        WITH_RIG(what_is_not_archived_has_no_offers),
        WITH_RIG(the_callers_answer_ends_the_offers),
        WITH_RIG(an_object_that_is_gone_has_no_offers),
        WITH_RIG(a_thaw_is_asked_for),
        WITH_RIG(the_speed_is_the_callers),
        WITH_RIG(what_is_under_way_is_not_paid_twice),
        WITH_RIG(another_who_was_faster_is_no_failure),
        WITH_RIG(what_is_readable_is_left_alone),
        WITH_RIG(a_copy_about_to_go_is_extended),
        WITH_RIG(no_capacity_for_expedited_says_what_to_do),
        WITH_RIG(a_speed_that_the_class_has_not_costs_no_request),
        WITH_RIG(refusals_keep_their_class),
    };

    return cmocka_run_group_tests_name("s3_thaw", tests, NULL, NULL);
}
