/*
 * Archived objects: what it takes to make them readable, and asking for it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Source: RestoreObject and HeadObject of the S3 API reference, and "Archive retrieval options"
 * of the S3 user guide.
 */
#include "bucket.h"
#include "prices.h"
#include "text.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define GIB (1ull << 30)
#define DAYS_MAX 3650u
#define DAY_SEC 86400

struct speed {
    uint32_t speed;
    const char *tier; /* as the request names it */
    const char *item; /* as the price table names it */
};
static const struct speed speeds[] = {
    {SME_THAW_BULK, "Bulk", "bulk"},
    {SME_THAW_STANDARD, "Standard", "standard"},
    {SME_THAW_EXPEDITED, "Expedited", "expedited"},
};
#define SPEED_COUNT (sizeof speeds / sizeof speeds[0])

/* What Amazon promises; hours. */
struct promise {
    const char *class;
    uint32_t speed;
    uint32_t hours_min, hours_max;
};
static const struct promise promises[] = {
    {"GLACIER", SME_THAW_BULK, 5, 12},          {"GLACIER", SME_THAW_STANDARD, 3, 5},
    {"GLACIER", SME_THAW_EXPEDITED, 0, 1},      {"DEEP_ARCHIVE", SME_THAW_BULK, 12, 48},
    {"DEEP_ARCHIVE", SME_THAW_STANDARD, 9, 12},
};
#define PROMISE_COUNT (sizeof promises / sizeof promises[0])

static const struct speed *find_speed(uint32_t speed)
{
    for (size_t i = 0; i < SPEED_COUNT; i++) {
        if (speeds[i].speed == speed)
            return &speeds[i];
    }
    return NULL;
}

static bool is_archive(const char *class)
{
    return strcmp(class, "GLACIER") == 0 || strcmp(class, "DEEP_ARCHIVE") == 0;
}

static bool has_speed(const char *class, uint32_t speed)
{
    for (size_t i = 0; i < PROMISE_COUNT; i++) {
        if (promises[i].speed == speed && strcmp(promises[i].class, class) == 0)
            return true;
    }
    return false;
}

/* ---- state of an object ------------------------------------------------------------------- */

struct state {
    char class[32];      /* "STANDARD" for none */
    bool ongoing;        /* asked for, not there yet */
    bool readable;       /* a readable copy is there */
    int64_t readable_to; /* until then; 0 unknown */
};

/* x-amz-restore: ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT" */
static void read_restore_header(const char *header, struct state *state)
{
    static const char mark[] = "expiry-date=\"";
    const char *expiry = strstr(header, mark);
    char date[64];
    size_t len;
    time_t when;

    state->ongoing = strstr(header, "ongoing-request=\"true\"") != NULL;
    if (state->ongoing || strstr(header, "ongoing-request=\"false\"") == NULL || expiry == NULL)
        return;
    state->readable = true;
    expiry += sizeof mark - 1;
    len = strcspn(expiry, "\"");
    if (len >= sizeof date)
        return;
    memcpy(date, expiry, len);
    date[len] = '\0';
    when = curl_getdate(date, NULL);
    state->readable_to = when > 0 ? (int64_t)when : 0;
}

static char *whole_key(const struct s3 *s3, const char *key, struct sme_error *err)
{
    char *whole = NULL;

    if (asprintf(&whole, "%s%s", s3->prefix, key) < 0) {
        (void)sme_fail(err, SME_E_NO_MEMORY, "object '%s': out of memory", key);
        return NULL;
    }
    return whole;
}

static int look_at(struct s3 *s3, const char *whole, struct state *ret_state, struct sme_error *err)
{
    struct s3_request request = {.method = "HEAD", .key = whole};
    struct s3_reply reply = {0};
    struct state state = {0};
    char what[SME_KEY_MAX + 128];
    int status;

    (void)snprintf(what, sizeof what, "state of object '%s'", whole);
    status = s3_call(s3, &request, what, &reply, err);
    if (status == SME_OK) {
        (void)snprintf(state.class, sizeof state.class, "%s",
                       reply.storage[0] != '\0' ? reply.storage : "STANDARD");
        read_restore_header(reply.restore, &state);
        *ret_state = state;
    }
    s3_reply_done(&reply);
    return status;
}

/* ---- offers ------------------------------------------------------------------------------- */

/* Price of a retrieval, -1 if it is not known.  A restore must not fail for want of a price, so
 * what is wrong with the table is a warning. */
static int64_t price_of(struct s3 *s3, const char *class, const char *speed, uint64_t count,
                        uint64_t bytes)
{
    struct sme_error err = {.struct_size = sizeof err};
    char item[96];
    int64_t per_gb, per_1000, total = 0;
    int status;

    (void)snprintf(item, sizeof item, "retrieval-%s-%s-gb", class, speed);
    status = prices_of_sink(s3, item, &per_gb, &err);
    if (status == SME_OK) {
        (void)snprintf(item, sizeof item, "retrieval-%s-%s-1000", class, speed);
        status = prices_of_sink(s3, item, &per_1000, &err);
    }
    if (status != SME_OK) {
        if (status != SME_E_UNSUPPORTED)
            s3->host->log(s3->host, SME_LOG_WARNING, "price of the retrieval is unknown: %s",
                          err.message);
        return -1;
    }
    if (!prices_add(&total, per_gb, bytes, GIB) || !prices_add(&total, per_1000, count, 1000))
        return -1;
    return total;
}

int bucket_thaw_offers(struct s3 *s3, const char *sample, uint64_t count, uint64_t bytes,
                       sme_thaw_offer_fn *report, void *cookie, struct sme_error *err)
{
    struct state state;
    char *whole = whole_key(s3, sample, err);
    int status;

    if (whole == NULL)
        return SME_E_NO_MEMORY;
    status = look_at(s3, whole, &state, err);
    free(whole);
    for (size_t i = 0; status == SME_OK && i < PROMISE_COUNT; i++) {
        const struct speed *speed = find_speed(promises[i].speed);
        struct sme_thaw_offer offer = {
            .struct_size = sizeof offer,
            .speed = promises[i].speed,
            .hours_min = promises[i].hours_min,
            .hours_max = promises[i].hours_max,
        };

        if (speed == NULL || strcmp(promises[i].class, state.class) != 0)
            continue;
        offer.nano_usd = price_of(s3, state.class, speed->item, count, bytes);
        status = report(cookie, &offer);
    }
    return status;
}

/* ---- asking ------------------------------------------------------------------------------- */

/* Is the readable copy there for at least a day more?  A poll then costs a HEAD and no
 * retrieval; a copy about to go is asked for again. */
static bool stays_readable(const struct s3 *s3, const struct state *state, int64_t skew_sec)
{
    int64_t now = s3->host->realtime_ns(s3->host) / 1000000000 + skew_sec;

    return state->readable && (state->readable_to == 0 || state->readable_to - now >= DAY_SEC);
}

/* What the reply to the request for a readable copy means. */
static int judge(int status, const struct s3_reply *reply, const char *key, uint32_t *ret_state,
                 struct sme_error *err)
{
    if (status == SME_OK) {
        /* 202: accepted.  200: there already, and it now stays as long as was asked. */
        *ret_state = reply->http == 202 ? SME_THAW_STARTED : SME_THAWED;
        return SME_OK;
    }
    if (strcmp(reply->code, "RestoreAlreadyInProgress") == 0) {
        *ret_state = SME_THAW_PENDING;
        return SME_OK;
    }
    if (strcmp(reply->code, "GlacierExpeditedRetrievalNotAvailable") == 0) {
        status = sme_fail(err, SME_E_CANNOT_NOW,
                          "object '%s' cannot be thawed: the store has no capacity for expedited "
                          "retrievals at the moment",
                          key);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "repeat later, or with the speed 'standard'");
        return status;
    }
    return status;
}

static int ask(struct s3 *s3, const char *whole, const char *key, const struct speed *speed,
               uint32_t days, uint32_t *ret_state, struct sme_error *err)
{
    const struct s3_pair query = {"restore", ""};
    const struct s3_pair header = {"content-type", "application/xml"};
    struct s3_text body = {0};
    struct sme_slice slice;
    struct s3_request request = {
        .method = "POST",
        .key = whole,
        .query = &query,
        .query_count = 1,
        .headers = &header,
        .header_count = 1,
        .body = &slice,
        .body_count = 1,
    };
    struct s3_reply reply = {0};
    char what[SME_KEY_MAX + 128];
    int status;

    s3_text_printf(&body,
                   "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                   "<Days>%u</Days><GlacierJobParameters><Tier>%s</Tier></GlacierJobParameters>"
                   "</RestoreRequest>",
                   days, speed->tier);
    status = s3_text_check(&body, "request for a readable copy", err);
    if (status == SME_OK) {
        slice = (struct sme_slice){body.at, body.len};
        request.body_len = body.len;
        (void)snprintf(what, sizeof what, "readable copy of object '%s'", whole);
        status = s3_call(s3, &request, what, &reply, err);
        status = judge(status, &reply, key, ret_state, err);
        s3_reply_done(&reply);
    }
    s3_text_done(&body);
    return status;
}

int bucket_thaw(struct s3 *s3, const char *key, uint32_t speed_number, uint32_t days,
                uint32_t *ret_state, struct sme_error *err)
{
    const struct speed *speed = find_speed(speed_number);
    struct state state;
    int64_t skew_sec;
    char *whole;
    int status;

    if (speed == NULL)
        return sme_fail(err, SME_E_INVALID, "object '%s': there is no speed %u of a thaw", key,
                        speed_number);
    if (days < 1 || days > DAYS_MAX)
        return sme_fail(err, SME_E_INVALID,
                        "object '%s' cannot be readable for %u days: 1 to %u are possible", key,
                        days, DAYS_MAX);
    whole = whole_key(s3, key, err);
    if (whole == NULL)
        return SME_E_NO_MEMORY;
    status = look_at(s3, whole, &state, err);
    (void)pthread_mutex_lock(&s3->lock);
    skew_sec = s3->skew_sec;
    (void)pthread_mutex_unlock(&s3->lock);
    if (status != SME_OK) {
        /* its message says why */
    } else if (!is_archive(state.class) || stays_readable(s3, &state, skew_sec)) {
        *ret_state = SME_THAWED;
    } else if (state.ongoing) {
        *ret_state = SME_THAW_PENDING;
    } else if (!has_speed(state.class, speed_number)) {
        status = sme_fail(err, SME_E_INVALID, "object '%s' is in class %s, which has no %s thaw",
                          key, state.class, speed->item);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint, "ask for the speed 'standard' or 'bulk'");
    } else {
        status = ask(s3, whole, key, speed, days, ret_state, err);
    }
    free(whole);
    return status;
}
