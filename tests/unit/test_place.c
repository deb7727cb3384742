/*
 * The place of a repository: its areas by the configuration, the sink's optional calls, and thawing
 * of what is archived.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/cancel.h"
#include "../../core/repo/store_place.h"
#include "../../core/run/place.h"
#include "../../core/run/thaw.h"
#include "../harness/testrepo.h"
#include "../harness/tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- areas by the configuration ----------------------------------------------------------- */

/* A configuration from the text of one file; free with conf_free(). */
static struct conf *configure(const char *text)
{
    char path[] = "/tmp/sme-place-XXXXXX.ini";
    struct sme_error err = SME_ERROR_INIT;
    struct conf *conf = NULL;
    int fd = mkstemps(path, 4);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
    int status = conf_load(path, &conf, &err);
    (void)unlink(path);
    if (status < 0) {
        fail_msg("%s", err.message);
    }
    return conf;
}

static const struct sme_area *area_of(const struct place *place, const char *prefix)
{
    for (uint32_t i = 0; i < place->layout.area_count; i++) {
        if (strcmp(place->layout.areas[i].prefix, prefix) == 0) {
            assert_int_equal(place->layout.areas[i].struct_size, sizeof(struct sme_area));
            return &place->layout.areas[i];
        }
    }
    return NULL;
}

#define TWO_SINKS                                                                                  \
    "[sink near]\nplugin = directory\npath = /r\n[sink far]\nplugin = directory\npath = /f\n"

static void areas_follow_the_sources_that_use_the_sink(void **state)
{
    struct conf *conf =
        configure(TWO_SINKS "[source docs]\nplugin = x\nsink = near, far\nkeep_daily = 7\n"
                            "keep_weekly = 4\nkeep_monthly = 12\n"
                            "[source photos]\nplugin = x\nsink = far\nkeep_last = 9\n");
    struct sme_error err = SME_ERROR_INIT;
    struct place near, far;

    (void)state;
    assert_int_equal(place_make(conf, &conf->sinks[0], &near, &err), SME_OK);
    assert_int_equal(place_make(conf, &conf->sinks[1], &far, &err), SME_OK);
    assert_int_equal(near.layout.area_count, 2 + 5);
    assert_int_equal(far.layout.area_count, 2 + 2 * 5);
    assert_int_equal(area_of(&near, "repository")->kind, SME_AREA_DESCRIPTOR);
    assert_int_equal(area_of(&near, "keys/")->kind, SME_AREA_KEYS);
    assert_int_equal(area_of(&near, "backups/docs/")->kind, SME_AREA_SNAPSHOTS);
    assert_int_equal(area_of(&near, "docs/data/")->kind, SME_AREA_DATA);
    assert_int_equal(area_of(&near, "docs/meta/")->kind, SME_AREA_META);
    assert_int_equal(area_of(&near, "docs/index/")->kind, SME_AREA_INDEX);
    assert_int_equal(area_of(&near, "docs/gc/")->kind, SME_AREA_GC);
    assert_null(area_of(&near, "photos/data/"));
    assert_int_equal(area_of(&far, "docs/data/")->keep_days, 360);
    assert_int_equal(area_of(&far, "docs/gc/")->keep_days, 0);
    assert_int_equal(area_of(&far, "photos/data/")->keep_days, 0);
    place_done(&near);
    place_done(&near);
    place_done(&far);
    conf_free(conf);
}

static void a_source_without_a_sink_uses_the_only_one(void **state)
{
    struct conf *conf = configure("[sink main]\nplugin = directory\npath = /r\n"
                                  "[source docs]\nplugin = x\n");

    (void)state;
    assert_true(place_serves(conf, &conf->sinks[0], &conf->sources[0]));
    conf_free(conf);
}

static void the_longest_rule_decides(void **state)
{
    struct conf_source source = {.keep_last = 5000};

    (void)state;
    assert_int_equal(place_keep_days(&source), 0);
    source.keep_daily = 40;
    source.keep_weekly = 5;
    assert_int_equal(place_keep_days(&source), 40);
    source.keep_weekly = 6;
    assert_int_equal(place_keep_days(&source), 42);
    source.keep_yearly = 10000;
    assert_int_equal(place_keep_days(&source), 3650000);
}

/* ---- the sink's optional calls ------------------------------------------------------------ */

static struct {
    uint32_t flags, role, areas;
    unsigned thaws, busy; /* the next ${busy} thaws fail */
    int fail;             /* with this                   */
    struct sme_usage usage;
    int64_t price;
} seen;

static int fake_setup(void *handle, const struct sme_layout *layout, uint32_t flags,
                      sme_finding_fn *report, void *cookie, struct sme_error *err)
{
    /* An older plugin, whose findings have no fix yet. */
    const struct sme_finding finding = {
        .struct_size = (uint32_t)offsetof(struct sme_finding, fix),
        .level = 77,
        .subject = NULL,
        .text = "x",
        .fix = (const char *)1,
    };

    (void)handle;
    (void)err;
    seen.flags = flags;
    seen.areas = layout->area_count;
    return report(cookie, &finding);
}

static int fake_audit(void *handle, const struct sme_layout *layout, sme_finding_fn *report,
                      void *cookie, struct sme_error *err)
{
    (void)handle;
    (void)layout;
    (void)report;
    (void)cookie;
    (void)err;
    return seen.fail;
}

static int fake_policy(void *handle, const struct sme_layout *layout, uint32_t role,
                       sme_text_fn *write_text, void *cookie, struct sme_error *err)
{
    (void)handle;
    (void)layout;
    (void)err;
    seen.role = role;
    return write_text(cookie, "{}", 2);
}

static int fake_cost(void *handle, const struct sme_usage *usage, int64_t *ret,
                     struct sme_error *err)
{
    (void)handle;
    (void)err;
    seen.usage = *usage;
    *ret = seen.price;
    return SME_OK;
}

static struct sme_finding kept;
static int keep_finding(void *cookie, const struct sme_finding *finding)
{
    (void)cookie;
    kept = *finding;
    return 0;
}

static int add_text(void *cookie, const char *text, size_t len)
{
    buf_add(cookie, text, len);
    return 0;
}

static void what_a_sink_lacks_is_unsupported(void **state)
{
    struct memsink *sink = memsink_new();
    const struct sme_layout layout = {.struct_size = sizeof layout};
    struct sme_error err = SME_ERROR_INIT;
    struct store *store = NULL;
    struct store_meter meter = {.put = 1};
    uint32_t thawed = 7;
    int64_t number = 7;

    (void)state;
    assert_int_equal(store_new(&sink->instance, &store, &err), SME_OK);
    assert_int_equal(store_setup(store, &layout, false, keep_finding, NULL, &err),
                     SME_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, store_name(store)));
    assert_int_equal(store_audit(store, &layout, keep_finding, NULL, &err), SME_E_UNSUPPORTED);
    assert_int_equal(store_policy(store, &layout, SME_ROLE_RUN, add_text, NULL, &err),
                     SME_E_UNSUPPORTED);
    assert_int_equal(store_thaw(store, "k", SME_THAW_BULK, 1, &thawed, &err), SME_E_UNSUPPORTED);
    assert_int_equal(store_thaw_offers(store, "k", 1, 1, NULL, NULL, &err), SME_E_UNSUPPORTED);
    assert_int_equal(store_cost(store, &meter, &number, NULL), SME_E_UNSUPPORTED);
    assert_int_equal(thawed, 7);
    assert_int_equal(number, 7);
    for (int i = STORE_SETUP; i <= STORE_COST; i++) {
        assert_false(store_can(store, (enum store_ability)i));
    }
    store_free(store);
    memsink_free(sink);
}

static void calls_reach_the_sink_and_its_answers_are_judged(void **state)
{
    struct memsink *sink = memsink_new();
    const struct sme_layout layout = {.struct_size = sizeof layout, .area_count = 3};
    struct sme_error err = SME_ERROR_INIT;
    struct store *store = NULL;
    struct buf text = BUF_INIT(100);
    int64_t price = 0;

    (void)state;
    memset(&seen, 0, sizeof seen);
    sink->plugin.sink.setup = fake_setup;
    sink->plugin.sink.audit = fake_audit;
    sink->plugin.sink.policy = fake_policy;
    sink->plugin.sink.cost = fake_cost;
    assert_int_equal(store_new(&sink->instance, &store, &err), SME_OK);
    assert_true(store_can(store, STORE_SETUP));
    assert_false(store_can(store, STORE_THAW));

    assert_int_equal(store_setup(store, &layout, true, keep_finding, NULL, &err), SME_OK);
    assert_int_equal(seen.flags, SME_SETUP_DRY_RUN);
    assert_int_equal(seen.areas, 3);
    assert_int_equal(kept.level, SME_FINDING_WARN);
    assert_string_equal(kept.subject, "");
    assert_string_equal(kept.text, "x");
    assert_string_equal(kept.fix, "");
    assert_int_equal(store_setup(store, &layout, false, keep_finding, NULL, &err), SME_OK);
    assert_int_equal(seen.flags, 0);

    seen.fail = SME_E_DENIED; /* without a word about the cause */
    assert_int_equal(store_audit(store, &layout, keep_finding, NULL, &err), SME_E_DENIED);
    assert_non_null(strstr(err.message, "examine its place (denied)"));
    seen.fail = -99;
    assert_int_equal(store_audit(store, &layout, keep_finding, NULL, &err), SME_E_IO);
    assert_non_null(strstr(err.message, "unknown status -99"));

    assert_int_equal(store_policy(store, &layout, SME_ROLE_PRUNE, add_text, &text, &err), SME_OK);
    assert_int_equal(seen.role, SME_ROLE_PRUNE);
    assert_string_equal(buf_text(&text), "{}");

    const struct store_meter meter = {
        .put = 1, .get = 2, .list = 3, .head = 4, .remove = 5, .bytes_put = 6, .bytes_got = 7};
    seen.price = 25000;
    assert_int_equal(store_cost(store, &meter, &price, &err), SME_OK);
    assert_int_equal(price, 25000);
    assert_int_equal(seen.usage.remove, 5);
    assert_int_equal(seen.usage.bytes_got, 7);
    seen.price = -1;
    assert_int_equal(store_cost(store, &meter, &price, &err), SME_E_UNSUPPORTED);
    assert_int_equal(price, 25000);
    buf_free(&text);
    store_free(store);
    memsink_free(sink);
}

/* ---- thawing ------------------------------------------------------------------------------ */

/* Packs whose names begin with these are in the archive; those asked for are on their way. */
static struct {
    bool on, listing_is_stale, ready;
    unsigned asked;
    char asked_for[64][SME_KEY_MAX + 1];
    unsigned heads;
} glacier;

static int (*plain_list)(void *, const char *, sme_list_fn *, void *, struct sme_error *);
static int (*plain_stat)(void *, const char *, struct sme_object *, struct sme_error *);

struct relay {
    sme_list_fn *callback;
    void *cookie;
};

static int relay_object(void *cookie, const struct sme_object *object)
{
    const struct relay *relay = cookie;
    struct sme_object changed = *object;

    if (glacier.on && strstr(object->key, "/data/") != NULL) {
        changed.flags |= SME_OBJECT_ARCHIVED;
    }
    return relay->callback(relay->cookie, &changed);
}

static int glacier_list(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                        struct sme_error *err)
{
    struct relay relay = {callback, cookie};

    return plain_list(handle, prefix, relay_object, &relay, err);
}

static int glacier_stat(void *handle, const char *key, struct sme_object *ret,
                        struct sme_error *err)
{
    int status = plain_stat(handle, key, ret, err);

    glacier.heads++;
    if (status == SME_OK && !glacier.ready) {
        ret->flags |= SME_OBJECT_ARCHIVED;
    }
    return status;
}

static int glacier_thaw(void *handle, const char *key, uint32_t speed, uint32_t days,
                        uint32_t *ret_state, struct sme_error *err)
{
    (void)handle;
    assert_int_equal(speed, SME_THAW_BULK);
    assert_int_equal(days, THAW_DAYS);
    seen.thaws++;
    if (seen.busy > 0) {
        seen.busy--;
        return sme_fail(err, seen.fail, "not now");
    }
    if (glacier.ready) {
        *ret_state = SME_THAWED;
        return SME_OK;
    }
    for (unsigned i = 0; i < glacier.asked; i++) {
        if (strcmp(glacier.asked_for[i], key) == 0) {
            *ret_state = SME_THAW_PENDING;
            return SME_OK;
        }
    }
    (void)snprintf(glacier.asked_for[glacier.asked++], SME_KEY_MAX + 1, "%s", key);
    *ret_state = SME_THAW_STARTED;
    return SME_OK;
}

struct fixture {
    struct testrepo tr;
    char *dir;
    struct vault *vault;
    struct snapshot *snapshot;
    struct sme_error err;
};

/* Two files in packs of their own, both archived. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct testrepo_run run;

    memset(&seen, 0, sizeof seen);
    memset(&glacier, 0, sizeof glacier);
    f->err = (struct sme_error)SME_ERROR_INIT;
    testrepo_open(&f->tr);
    f->dir = tree_new();
    tree_text(f->dir, "a", "first");
    assert_int_equal(testrepo_backup(&f->tr, f->dir, &run, &f->err), SME_OK);
    testrepo_run_free(&run);
    tree_text(f->dir, "b", "second one");
    assert_int_equal(testrepo_backup(&f->tr, f->dir, &run, &f->err), SME_OK);
    plain_list = f->tr.sink->plugin.sink.list;
    plain_stat = f->tr.sink->plugin.sink.stat;
    f->tr.sink->plugin.sink.list = glacier_list;
    f->tr.sink->plugin.sink.stat = glacier_stat;
    f->tr.sink->plugin.sink.thaw = glacier_thaw;
    glacier.on = true;
    assert_int_equal(vault_open(f->tr.repo, TESTREPO_SOURCE, NULL, &f->vault, &f->err), SME_OK);
    assert_int_equal(snapshot_load(f->tr.repo, &f->vault->keys, run.name, &f->snapshot, &f->err),
                     SME_OK);
    assert_int_equal(snapshot_open_root(f->tr.repo, &f->vault->keys, f->snapshot, &f->err), SME_OK);
    testrepo_run_free(&run);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    cancel_reset();
    snapshot_free(f->snapshot);
    vault_free(f->vault);
    tree_remove(f->dir);
    free(f->dir);
    testrepo_close(&f->tr);
    free(f);
    return 0;
}

static const struct thaw_selection everything = {.patterns = NULL};

static void look(struct fixture *f, const char *pattern, size_t expected)
{
    struct thaw_need need = {.keys = NULL};
    const struct thaw_selection selection = {&pattern, pattern != NULL ? 1 : 0, false};
    int status = thaw_look(f->vault, f->snapshot, &selection, NULL, NULL, &need, &f->err);

    if (status < 0) {
        fail_msg("%s", f->err.message);
    }
    assert_int_equal(need.count, expected);
    assert_int_equal(need.bytes > 0, expected > 0);
    for (size_t i = 0; i < need.count; i++) {
        assert_non_null(memsink_find(f->tr.sink, need.keys[i]));
    }
    thaw_need_free(&need);
}

static void only_what_the_restore_reads_is_needed(void **state)
{
    struct fixture *f = *state;

    look(f, NULL, 2);
    look(f, "a", 1);
    look(f, "b", 1);
    const char *nobody = "c";
    const struct thaw_selection selection = {&nobody, 1, false};
    struct thaw_need need = {.count = 7};
    assert_int_equal(thaw_look(f->vault, f->snapshot, &selection, NULL, NULL, &need, &f->err),
                     SME_E_NOT_FOUND);
    assert_int_equal(need.count, 7);
}

static void a_place_without_archive_costs_nothing(void **state)
{
    struct fixture *f = *state;
    struct store_meter before = store_meter(f->tr.store);

    glacier.on = false;
    look(f, NULL, 0);
    assert_int_equal(glacier.heads, 0);
    assert_int_equal(store_meter(f->tr.store).get, before.get);
    f->tr.sink->plugin.sink.thaw = NULL;
    before = store_meter(f->tr.store);
    look(f, NULL, 0);
    assert_int_equal(store_meter(f->tr.store).list, before.list);
}

static void thawing_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct thaw_need need = {.keys = NULL};
    struct thaw_counts counts;

    assert_int_equal(thaw_look(f->vault, f->snapshot, &everything, NULL, NULL, &need, &f->err),
                     SME_OK);
    /* The second request fails for good; the first stays in force. */
    struct thaw_need first = {.keys = need.keys, .count = 1};
    assert_int_equal(thaw_request(f->tr.store, &first, SME_THAW_BULK, NULL, NULL, &counts, &f->err),
                     SME_OK);
    assert_int_equal(counts.started, 1);
    seen.busy = 1;
    seen.fail = SME_E_DENIED;
    assert_int_equal(thaw_request(f->tr.store, &need, SME_THAW_BULK, NULL, NULL, &counts, &f->err),
                     SME_E_DENIED);
    assert_non_null(strstr(f->err.message, need.keys[0]));
    assert_int_equal(thaw_request(f->tr.store, &need, SME_THAW_BULK, NULL, NULL, &counts, &f->err),
                     SME_OK);
    assert_int_equal(counts.started, 1);
    assert_int_equal(counts.pending, 1);
    assert_int_equal(thaw_request(f->tr.store, &need, SME_THAW_BULK, NULL, NULL, &counts, &f->err),
                     SME_OK);
    assert_int_equal(counts.pending, 2);
    look(f, NULL, 2);
    /* The listing goes on to say "archived"; the objects themselves do not. */
    glacier.ready = true;
    look(f, NULL, 0);
    assert_int_equal(thaw_request(f->tr.store, &need, SME_THAW_BULK, NULL, NULL, &counts, &f->err),
                     SME_OK);
    assert_int_equal(counts.ready, 2);
    thaw_need_free(&need);
}

static void a_request_that_may_succeed_later_is_repeated(void **state)
{
    struct fixture *f = *state;
    uint32_t thawed = 0;

    seen.busy = 1;
    seen.fail = SME_E_THROTTLED;
    assert_int_equal(store_thaw(f->tr.store, "x", SME_THAW_BULK, THAW_DAYS, &thawed, &f->err),
                     SME_OK);
    assert_int_equal(seen.thaws, 2);
    assert_int_equal(thawed, SME_THAW_STARTED);
}

static void a_signal_ends_the_asking(void **state)
{
    struct fixture *f = *state;
    struct thaw_need need = {.keys = NULL};
    struct thaw_counts counts = {.started = 9};

    assert_int_equal(thaw_look(f->vault, f->snapshot, &everything, NULL, NULL, &need, &f->err),
                     SME_OK);
    cancel_request(SIGTERM);
    assert_int_equal(thaw_request(f->tr.store, &need, SME_THAW_BULK, NULL, NULL, &counts, &f->err),
                     SME_E_CANCELLED);
    assert_int_equal(counts.started, 0);
    assert_int_equal(seen.thaws, 0);
    thaw_need_free(&need);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_follow_the_sources_that_use_the_sink),
        cmocka_unit_test(a_source_without_a_sink_uses_the_only_one),
        cmocka_unit_test(the_longest_rule_decides),
        cmocka_unit_test(what_a_sink_lacks_is_unsupported),
        cmocka_unit_test(calls_reach_the_sink_and_its_answers_are_judged),
        TEST(only_what_the_restore_reads_is_needed),
        TEST(a_place_without_archive_costs_nothing),
        TEST(thawing_goes_on_where_it_was),
        TEST(a_request_that_may_succeed_later_is_repeated),
        TEST(a_signal_ends_the_asking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
