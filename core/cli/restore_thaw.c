/*
 * "restore" of what is archived: what it would take, or asking for it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_thaw.h"

#include "../base/cleanup.h"
#include "../base/str.h"
#include "../repo/store_place.h"
#include "../run/report.h"
#include "../run/thaw.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OFFERS_MAX 8

static const char *const speeds[] = {
    [SME_THAW_BULK] = "bulk",
    [SME_THAW_STANDARD] = "standard",
    [SME_THAW_EXPEDITED] = "expedited",
};
#define SPEED_COUNT (sizeof speeds / sizeof speeds[0])

struct thawing {
    struct cli *cli;
    struct target *target;
    const struct thaw_selection *selection;
    struct progress *progress;
    const char *doing; /* for the progress line */
    struct thaw_need need;
    struct sme_thaw_offer offers[OFFERS_MAX];
    size_t offer_count;
    uint32_t speed; /* asked for; 0: none */
    struct thaw_counts counts;
};

static void thawing_done(struct thawing *t)
{
    thaw_need_free(&t->need);
}

/* ---- what was asked for ------------------------------------------------------------------- */

/* 0: not a speed. */
static uint32_t find_speed(const char *text)
{
    for (uint32_t i = SME_THAW_BULK; i < SPEED_COUNT; i++) {
        if (strcmp(text, speeds[i]) == 0) {
            return i;
        }
    }
    return 0;
}

static uint32_t wanted_speed(const struct cli *cli)
{
    const char *text = cli->args.value[OPT_THAW];

    if (cli->args.given[OPT_THAW] == 0) {
        return 0;
    }
    return text != NULL ? find_speed(text) : SME_THAW_STANDARD;
}

int restore_thaw_check_usage(struct cli *cli)
{
    if (cli->args.given[OPT_THAW] > 0 && wanted_speed(cli) == 0) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "--thaw: there is no speed '%s'",
                       cli->args.value[OPT_THAW]);
        return error_hint(&cli->err, "it is --thaw=bulk, --thaw=standard or --thaw=expedited");
    }
    return SME_OK;
}

static int take_offer(void *cookie, const struct sme_thaw_offer *offer)
{
    struct thawing *t = cookie;

    if (t->offer_count < OFFERS_MAX && offer->speed >= SME_THAW_BULK &&
        offer->speed < SPEED_COUNT) {
        t->offers[t->offer_count++] = *offer;
    }
    return 0;
}

static const struct sme_thaw_offer *chosen_offer(const struct thawing *t)
{
    for (size_t i = 0; i < t->offer_count; i++) {
        if (t->offers[i].speed == t->speed) {
            return &t->offers[i];
        }
    }
    return NULL;
}

/* ---- words -------------------------------------------------------------------------------- */

static const char *hours_text(const struct sme_thaw_offer *offer, char out[48])
{
    if (offer->hours_min > 0 && offer->hours_min < offer->hours_max) {
        (void)snprintf(out, 48, "%u to %u hours", offer->hours_min, offer->hours_max);
    } else {
        (void)snprintf(out, 48, "up to %u %s", offer->hours_max,
                       offer->hours_max == 1 ? "hour" : "hours");
    }
    return out;
}

static const char *price_text(const struct sme_thaw_offer *offer, char out[48])
{
    if (offer->nano_usd < 0) {
        (void)snprintf(out, 48, "price unknown");
    } else if (offer->nano_usd == 0) {
        (void)snprintf(out, 48, "no charge");
    } else if (offer->nano_usd < 10000000) {
        (void)snprintf(out, 48, "less than $0.01");
    } else {
        uint64_t cents = ((uint64_t)offer->nano_usd + 5000000) / 10000000;
        (void)snprintf(out, 48, "about $%" PRIu64 ".%02" PRIu64, cents / 100, cents % 100);
    }
    return out;
}

static void show_offers(const struct thawing *t)
{
    char hours[48], price[48];

    for (size_t i = 0; i < t->offer_count; i++) {
        (void)fprintf(stderr, "  --thaw=%-10s %-16s  %s\n", speeds[t->offers[i].speed],
                      hours_text(&t->offers[i], hours), price_text(&t->offers[i], price));
    }
}

static void fill_failure(struct thawing *t, bool dry_run)
{
    const struct sme_thaw_offer *offer = chosen_offer(t);
    struct sme_error *err = &t->cli->err;
    char objects[48], bytes[16], hours[48];
    const char *archived = cli_count(t->need.count, "object", "objects", objects);
    const char *verb = t->need.count == 1 ? "is" : "are";

    (void)str_bytes(t->need.bytes, bytes);
    if (t->speed == 0 || dry_run) {
        (void)sme_fail(err, SME_E_CANNOT_NOW, "%s (%s) that this restore reads %s archived",
                       archived, bytes, verb);
        (void)error_hint(err,
                         dry_run && t->speed != 0
                             ? "without --dry-run they are asked for"
                             : "the same command with --thaw asks for them; repeat it until they "
                               "can be read, then it restores");
        return;
    }
    (void)sme_fail(err, SME_E_CANNOT_NOW,
                   "%s (%s) that this restore reads %s being thawed: %" PRIu64
                   " asked for now, %" PRIu64 " before, %" PRIu64 " ready",
                   archived, bytes, verb, t->counts.started, t->counts.pending, t->counts.ready);
    if (offer != NULL) {
        (void)error_hint(err, "repeat the same command in %s; then they stay readable for %d days",
                         hours_text(offer, hours), THAW_DAYS);
    } else {
        (void)error_hint(err, "repeat the same command later; then they stay readable for %d days",
                         THAW_DAYS);
    }
}

static json_t *thaw_json(const struct thawing *t)
{
    json_t *object = json_object();
    json_t *offers = json_array();

    json_add(object, "objects", t->need.count);
    json_add(object, "bytes", t->need.bytes);
    json_add_text(object, "speed", t->speed != 0 ? speeds[t->speed] : NULL);
    json_add(object, "started", t->counts.started);
    json_add(object, "pending", t->counts.pending);
    json_add(object, "ready", t->counts.ready);
    for (size_t i = 0; i < t->offer_count; i++) {
        json_t *offer = json_object();
        json_add_text(offer, "speed", speeds[t->offers[i].speed]);
        json_add(offer, "hours_min", t->offers[i].hours_min);
        json_add(offer, "hours_max", t->offers[i].hours_max);
        (void)json_object_set_new(offer, "cost_usd",
                                  t->offers[i].nano_usd >= 0
                                      ? json_real((double)t->offers[i].nano_usd / 1e9)
                                      : json_null());
        (void)json_array_append_new(offers, offer);
    }
    (void)json_object_set_new(object, "offers", offers);
    return object;
}

/* cli->err is filled. */
static enum exit_code answer(const struct thawing *t, bool dry_run)
{
    struct cli *cli = t->cli;
    enum exit_code code = error_exit_code(cli->err.status);

    progress_hide(t->progress);
    if (!cli->json) {
        code = cli_fail(cli);
        if (t->speed == 0 && !cli->quiet) {
            show_offers(t);
        }
        return code;
    }
    json_t *document = json_object();
    json_add(document, "exit", (uint64_t)code);
    json_add_text(document, "source", t->target->source);
    json_add_text(document, "sink", t->target->sink->name);
    json_add_text(document, "snapshot", t->target->snapshot->head.name);
    (void)json_object_set_new(document, "dry_run", json_boolean(dry_run));
    (void)json_object_set_new(document, "thaw", thaw_json(t));
    (void)json_object_set_new(document, "error", report_error_json(&cli->err));
    return error_worse_exit(code, cli_print_json(cli, document));
}

/* ---- doing it ----------------------------------------------------------------------------- */

static void on_progress(void *cookie, uint64_t done, uint64_t total)
{
    const struct thawing *t = cookie;

    progress_set(t->progress, 0, "%s: %s %" PRIu64 " of %" PRIu64, t->target->source, t->doing,
                 done, total);
}

static int look(struct thawing *t)
{
    struct sme_error ignored = SME_ERROR_INIT;

    t->doing = "archived objects looked at:";
    int status = thaw_look(t->target->vault, t->target->snapshot, t->selection,
                           t->progress != NULL ? on_progress : NULL, t, &t->need, &t->cli->err);
    if (status == SME_OK && t->need.count > 0) {
        /* A restore does not fail because nobody knows what it would cost. */
        (void)store_thaw_offers(t->target->access.store, t->need.keys[0], t->need.count,
                                t->need.bytes, take_offer, t, &ignored);
    }
    return status;
}

static int check_speed(struct thawing *t)
{
    if (t->speed == 0 || t->offer_count == 0 || chosen_offer(t) != NULL) {
        return SME_OK;
    }
    (void)sme_fail(&t->cli->err, SME_E_INVALID, "sink '%s' does not thaw these objects as '%s'",
                   t->target->sink->name, speeds[t->speed]);
    return error_hint(&t->cli->err, "without --thaw the speeds that it has are shown");
}

/* False: cli->err says why the restore cannot go on. */
static bool make_readable(struct thawing *t, bool dry_run)
{
    int status = look(t);

    if (status == SME_OK && t->need.count == 0) {
        return true;
    }
    if (status == SME_OK) {
        status = check_speed(t);
    }
    if (status == SME_OK && t->speed != 0 && !dry_run) {
        t->doing = "archived objects asked for:";
        status =
            thaw_request(t->target->access.store, &t->need, t->speed,
                         t->progress != NULL ? on_progress : NULL, t, &t->counts, &t->cli->err);
        if (status == SME_OK && t->counts.ready == t->need.count) {
            return true;
        }
    }
    if (status == SME_OK) {
        fill_failure(t, dry_run);
    }
    return false;
}

bool restore_thaw(struct cli *cli, struct target *target, const struct thaw_selection *selection,
                  struct progress *progress, enum exit_code *ret_exit)
{
    CLEANUP(thawing_done)
    struct thawing t = {.cli = cli,
                        .target = target,
                        .selection = selection,
                        .progress = progress,
                        .speed = wanted_speed(cli)};
    bool dry_run = cli->args.given[OPT_DRY_RUN] > 0;

    bool readable = make_readable(&t, dry_run);
    progress_hide(progress);
    if (!readable) {
        *ret_exit = answer(&t, dry_run);
    }
    return readable;
}
