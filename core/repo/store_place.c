/*
 * The store's calls that are about the place itself: protections, permissions, prices, thawing.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "store_place.h"

#include "../plugin/calls.h"
#include "../base/cancel.h"
#include "../base/rng.h"

#include <poll.h>
#include <string.h>

/* A request to thaw is repeated this often, with full jitter. */
#define THAW_ATTEMPTS 8
#define THAW_WAIT_MS 200
#define THAW_WAIT_MAX_MS 20000

static const struct sme_sink_ops *ops_of(struct store *store)
{
    return &store_instance(store)->plugin->sink;
}

static void *handle_of(struct store *store)
{
    return store_instance(store)->handle;
}

const char *store_plugin(struct store *store)
{
    return store_instance(store)->plugin->desc.name;
}

bool store_can(struct store *store, enum store_ability ability)
{
    const struct sme_sink_ops *ops = ops_of(store);

    switch (ability) {
    case STORE_SETUP:
        return ops->setup != NULL;
    case STORE_AUDIT:
        return ops->audit != NULL;
    case STORE_POLICY:
        return ops->policy != NULL;
    case STORE_THAW:
        return ops->thaw != NULL;
    case STORE_COST:
        return ops->cost != NULL;
    }
    return false;
}

static int unsupported(struct store *store, const char *what, struct sme_error *err)
{
    return sme_fail(err, SME_E_UNSUPPORTED, "sink '%s': its plugin '%s' cannot %s",
                    store_name(store), store_plugin(store), what);
}

/* What a call returned, in the words of the core. */
static int judge(struct store *store, int status, const char *what, struct sme_error *err)
{
    if (status == SME_OK) {
        return SME_OK;
    }
    if (status > 0 || status < SME_E_THROTTLED) {
        return sme_fail(err, SME_E_IO, "plugin of sink '%s' returned the unknown status %d",
                        store_name(store), status);
    }
    if (err != NULL && err->message[0] == '\0') {
        return sme_fail(err, status, "sink '%s': cannot %s (%s)", store_name(store), what,
                        error_status_name(status));
    }
    (void)error_context(err, "sink '%s'", store_name(store));
    if (err != NULL) {
        err->status = status;
    }
    return status;
}

/* ---- findings ----------------------------------------------------------------------------- */

struct reporting {
    sme_finding_fn *report;
    void *cookie;
};

/* A finding of a plugin that was built with an older or newer header, made whole. */
static int pass_finding(void *cookie, const struct sme_finding *finding)
{
    struct reporting *reporting = cookie;
    struct sme_finding whole;
    size_t known = finding->struct_size < sizeof whole ? finding->struct_size : sizeof whole;

    memset(&whole, 0, sizeof whole);
    memcpy(&whole, finding, known);
    whole.struct_size = sizeof whole;
    whole.subject = whole.subject != NULL ? whole.subject : "";
    whole.text = whole.text != NULL ? whole.text : "";
    whole.fix = whole.fix != NULL ? whole.fix : "";
    if (whole.level < SME_FINDING_PASS || whole.level > SME_FINDING_CHANGE) {
        whole.level = SME_FINDING_WARN;
    }
    return reporting->report(reporting->cookie, &whole);
}

int store_setup(struct store *store, const struct sme_layout *layout, bool dry_run,
                sme_finding_fn *report, void *cookie, struct sme_error *err)
{
    const struct sme_sink_ops *ops = ops_of(store);
    struct reporting reporting = {.report = report, .cookie = cookie};

    if (ops->setup == NULL) {
        return unsupported(store, "set its place up", err);
    }
    int status = ops->setup(handle_of(store), layout, dry_run ? SME_SETUP_DRY_RUN : 0, pass_finding,
                            &reporting, err);
    return judge(store, status, "set its place up", err);
}

int store_audit(struct store *store, const struct sme_layout *layout, sme_finding_fn *report,
                void *cookie, struct sme_error *err)
{
    const struct sme_sink_ops *ops = ops_of(store);
    struct reporting reporting = {.report = report, .cookie = cookie};

    if (ops->audit == NULL) {
        return unsupported(store, "examine its place", err);
    }
    int status = ops->audit(handle_of(store), layout, pass_finding, &reporting, err);
    return judge(store, status, "examine its place", err);
}

int store_policy(struct store *store, const struct sme_layout *layout, uint32_t role,
                 sme_text_fn *write, void *cookie, struct sme_error *err)
{
    const struct sme_sink_ops *ops = ops_of(store);

    if (ops->policy == NULL) {
        return unsupported(store, "write a policy", err);
    }
    return judge(store, ops->policy(handle_of(store), layout, role, write, cookie, err),
                 "write a policy", err);
}

/* ---- thawing ------------------------------------------------------------------------------ */

int store_thaw_offers(struct store *store, const char *sample, uint64_t count, uint64_t bytes,
                      sme_thaw_offer_fn *report, void *cookie, struct sme_error *err)
{
    const struct sme_sink_ops *ops = ops_of(store);

    if (ops->thaw_offers == NULL) {
        return unsupported(store, "say what a thaw takes", err);
    }
    int status = ops->thaw_offers(handle_of(store), sample, count, bytes, report, cookie, err);
    return judge(store, status, "say what a thaw takes", err);
}

/* After a failed attempt: wait, and true if the call is to be made again. */
static bool wait_for_thaw(int status, unsigned attempt, const struct sme_error *err)
{
    uint32_t dice = 0;

    if ((status != SME_E_TRANSIENT && status != SME_E_THROTTLED) || attempt + 1 >= THAW_ATTEMPTS ||
        cancel_requested() || rng_bytes(&dice, sizeof dice, NULL) < 0) {
        return false;
    }
    uint32_t cap = (uint32_t)THAW_WAIT_MS << attempt;
    uint32_t wait_ms = dice % ((cap < THAW_WAIT_MAX_MS ? cap : THAW_WAIT_MAX_MS) + 1);
    if (err->retry_after_ms > wait_ms) {
        wait_ms = err->retry_after_ms < THAW_WAIT_MAX_MS ? err->retry_after_ms : THAW_WAIT_MAX_MS;
    }
    struct pollfd wake = {.fd = cancel_fd(), .events = POLLIN};
    (void)poll(&wake, 1, (int)wait_ms);
    return !cancel_requested();
}

int store_thaw(struct store *store, const char *key, uint32_t speed, uint32_t days,
               uint32_t *ret_state, struct sme_error *err)
{
    const struct sme_sink_ops *ops = ops_of(store);
    struct sme_error failure = SME_ERROR_INIT;
    uint32_t state = 0;
    int status = SME_OK;

    if (ops->thaw == NULL) {
        return unsupported(store, "make archived objects readable", err);
    }
    for (unsigned attempt = 0;; attempt++) {
        failure = (struct sme_error)SME_ERROR_INIT;
        status = ops->thaw(handle_of(store), key, speed, days, &state, &failure);
        if (status == SME_OK || !wait_for_thaw(status, attempt, &failure)) {
            break;
        }
    }
    if (status == SME_OK && (state < SME_THAWED || state > SME_THAW_STARTED)) {
        status = sme_fail(&failure, SME_E_IO, "a thaw ended in the unknown state %u", state);
    }
    if (status != SME_OK) {
        status = judge(store, status, "make archived objects readable", &failure);
        if (err != NULL) {
            *err = failure;
            (void)error_context(err, "cannot thaw '%s'", key);
        }
        return status;
    }
    *ret_state = state;
    return SME_OK;
}

/* ---- prices and time ---------------------------------------------------------------------- */

int store_cost(struct store *store, const struct store_meter *meter, int64_t *ret_nano_usd,
               struct sme_error *err)
{
    const struct sme_sink_ops *ops = ops_of(store);
    const struct sme_usage usage = {
        .struct_size = sizeof usage,
        .put = meter->put,
        .get = meter->get,
        .list = meter->list,
        .head = meter->head,
        .remove = meter->remove,
        .bytes_put = meter->bytes_put,
        .bytes_got = meter->bytes_got,
    };
    int64_t price = 0;

    if (ops->cost == NULL) {
        return unsupported(store, "price what is used", err);
    }
    (void)plugin_call_note(PLUGIN_CALL_COST);
    int status =
        judge(store, ops->cost(handle_of(store), &usage, &price, err), "price what is used", err);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    if (status == SME_OK && price < 0) {
        return unsupported(store, "price what is used", err);
    }
    if (status == SME_OK) {
        *ret_nano_usd = price;
    }
    return status;
}

int store_server_time(struct store *store, int64_t *ret_ns, struct sme_error *err)
{
    const struct sme_sink_ops *ops = ops_of(store);
    int64_t now = 0;

    if (ops->server_time == NULL) {
        return unsupported(store, "tell the time", err);
    }
    (void)plugin_call_note(PLUGIN_CALL_SERVER_TIME);
    int status = judge(store, ops->server_time(handle_of(store), &now, err), "tell the time", err);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    if (status == SME_OK) {
        *ret_ns = now;
    }
    return status;
}
