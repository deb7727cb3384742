/*
 * Conformance of sources: the checks.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin_test_source.h"

#include "../base/cancel.h"
#include "../base/error.h"

#include <dlfcn.h>
#include <fts.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUNDS 8
#define WARM_UP 3
#define HANGS_MAX 2 /* each takes a minute */

static const struct source_run whole_run = {.outcome = SME_ABORT,
                                            .most_bytes = SOURCE_BYTES_MAX,
                                            .read_size = SOURCE_BUFFER,
                                            .most_items = SOURCE_ITEMS_MAX};
static const struct source_run short_run = {
    .outcome = SME_ABORT, .most_bytes = 1u << 20, .read_size = 65536, .most_items = 50};

/* create(), one run, destroy(). */
static bool open_and_run(struct source_check *at, struct source_run run)
{
    if (!source_open(at))
        return false;
    bool good = source_run(at, &run);
    source_close(at);
    return good && source_is_good(at);
}

/* ---- the look before ---------------------------------------------------------------------- */

/* Is the source there at all?  What it says goes to the caller. */
static void look_first(struct source_check *at)
{
    int status = SME_OK;

    if (!source_open(at)) {
        at->watch->err = at->failure.err;
        return;
    }
    if (at->ops->check != NULL) {
        source_enter(at, "check()");
        status = at->ops->check(at->handle, &at->failure.err);
        source_leave(at);
        if (status < 0) {
            (void)source_failed(at, "check()", "success", status);
            at->watch->err = at->failure.err;
            at->watch->err.status = status;
        }
    }
    source_close(at);
}

/* ---- sizes -------------------------------------------------------------------------------- */

static void check_sizes(struct source_check *at)
{
    const struct plugin *plugin = at->params->plugin;
    const struct sme_plugin *desc =
        plugin->object != NULL ? dlsym(plugin->object, SME_PLUGIN_SYMBOL) : NULL;

    if (desc == NULL) {
        (void)plugin_check_skip(&at->check, "the plugin is not a file");
        return;
    }
    if (desc->struct_size < sizeof *desc)
        (void)plugin_check_fail(&at->check,
                                "expected sizeof(struct sme_plugin), %zu, in its "
                                "struct_size, got %lu",
                                sizeof *desc, (unsigned long)desc->struct_size);
    else if (desc->option_count > 0 && desc->option_size < sizeof(struct sme_option))
        (void)plugin_check_fail(&at->check,
                                "expected sizeof(struct sme_option), %zu, in option_size, got %lu",
                                sizeof(struct sme_option), (unsigned long)desc->option_size);
    else if (desc->source->struct_size % sizeof(void *) != 0)
        (void)plugin_check_fail(&at->check,
                                "expected sizeof(struct sme_source_ops) in its struct_size, got "
                                "%lu, which ends within a row",
                                (unsigned long)desc->source->struct_size);
}

/* ---- handles and runs --------------------------------------------------------------------- */

static void check_handles(struct source_check *at)
{
    source_enter(at, "destroy(NULL)");
    at->ops->destroy(NULL);
    source_leave(at);
    if (!source_open(at))
        return;
    void *first = at->handle;
    if (source_open(at)) {
        if (at->handle == first)
            (void)plugin_check_fail(&at->check, "expected another handle from a second create(), "
                                                "got the same one");
        else
            source_close(at);
    }
    at->handle = first;
    source_close(at);
}

static void check_items(struct source_check *at)
{
    struct item_list list = {.count = 0};
    struct source_run run = whole_run;

    run.list = &list;
    (void)open_and_run(at, run);
    item_list_free(&list);
}

static void check_twice(struct source_check *at)
{
    struct source_run run = short_run;

    if (!source_open(at))
        return;
    for (unsigned i = 0; i < 4 && source_is_good(at); i++) {
        run.most_items = i == 1 ? 0 : short_run.most_items;
        if (i != 1) {
            (void)source_run(at, &run);
            continue;
        }
        int status = source_begin(at, 0);
        if (status < 0)
            (void)source_failed(at, "a second begin()", "success", status);
        else if ((status = source_end(at, SME_ABORT)) < 0)
            (void)source_failed(at, "end(SME_ABORT) right after begin()", "success", status);
    }
    source_close(at);
}

static void check_skipping(struct source_check *at)
{
    struct source_run none = short_run;
    struct source_run some = short_run;

    none.most_bytes = 0;
    none.most_items = 1000;
    some.most_bytes = 1;
    some.read_size = 1;
    if (open_and_run(at, none))
        (void)open_and_run(at, some);
}

static void check_reads(struct source_check *at)
{
    static const size_t sizes[] = {1, 13, 4096, SOURCE_BUFFER};
    struct source_run run = short_run;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        run.read_size = sizes[i];
        run.most_bytes = sizes[i] < 4096 ? 2000 : SOURCE_BYTES_MAX;
        if (!open_and_run(at, run))
            return;
    }
}

/* ---- state -------------------------------------------------------------------------------- */

static void check_dry(struct source_check *at)
{
    struct source_run run = short_run;

    if (!open_and_run(at, run))
        return;
    uint64_t before = source_tree_mark(at->state_dir);
    run.flags = SME_RUN_DRY;
    if (open_and_run(at, run) && source_tree_mark(at->state_dir) != before)
        (void)plugin_check_fail(&at->check, "expected the state folder as it was after a run with "
                                            "SME_RUN_DRY, got a change in it");
}

static void check_commit(struct source_check *at)
{
    struct source_run run = whole_run;

    if (!at->params->commit) {
        (void)plugin_check_skip(&at->check,
                                "a source may drop what is stored: with --commit it is tried");
        return;
    }
    run.outcome = SME_COMMIT;
    if (!source_open(at))
        return;
    for (unsigned i = 0; i < 2 && source_is_good(at); i++) {
        if (source_run(at, &run) && run.is_cut) {
            (void)plugin_check_skip(&at->check, "the source has too many items for it");
            break;
        }
    }
    source_close(at);
}

/* ---- the process -------------------------------------------------------------------------- */

static void check_process(struct source_check *at)
{
    struct process_state *before = process_state_new();

    if (before == NULL) {
        (void)plugin_check_fail(&at->check, "no memory for a look at the process");
        return;
    }
    at->before = before;
    (void)open_and_run(at, short_run);
    at->before = NULL;
    if (source_is_good(at))
        (void)source_check_process(at, before);
    process_state_free(before);
}

/* Bytes that are in use; 0 where nobody counts them. */
static size_t bytes_in_use(void)
{
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 33)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#endif
#endif
    return 0;
}

static void *run_once(void *cookie)
{
    struct source_check *at = cookie;

    return open_and_run(at, short_run) ? at : NULL;
}

/* In a thread of its own: with its end the allocator gives back what it kept for the thread, which
 * it counts as used. */
static bool run_aside(struct source_check *at)
{
    pthread_t thread;
    void *result = NULL;

    return pthread_create(&thread, NULL, run_once, at) == 0 && pthread_join(thread, &result) == 0 &&
           result != NULL;
}

static void check_leftovers(struct source_check *at)
{
    struct process_state *before = NULL;
    bool grew_always = true;

    /* Libraries keep things from their first use on. */
    for (unsigned i = 0; i < WARM_UP; i++) {
        if (!run_aside(at))
            return;
    }
    if ((before = process_state_new()) == NULL) {
        (void)plugin_check_fail(&at->check, "no memory for a look at the process");
        return;
    }
    size_t first = bytes_in_use();
    size_t last = first;
    for (unsigned i = 0; i < ROUNDS && source_is_good(at); i++) {
        if (!run_aside(at) || !source_check_leftovers(at, before))
            break;
        size_t now = bytes_in_use();
        grew_always = grew_always && now > last;
        last = now;
    }
    if (source_is_good(at) && grew_always && last > first)
        (void)plugin_check_fail(&at->check,
                                "expected all memory given back after destroy(), got about %zu "
                                "bytes more in use after each run",
                                (last - first) / ROUNDS);
    process_state_free(before);
}

/* ---- all of them -------------------------------------------------------------------------- */

static const struct {
    const char *what;
    const char *look;
    source_check_fn *make;
} checks[] = {
    {"structures have the sizes of their headers",
     "struct_size and option_size: they are sizeof of the structure", check_sizes},
    {"handles are made and destroyed",
     "create(): all state is in the handle, none in variables of the file; destroy() accepts NULL",
     check_handles},
    {"items are ones that can be kept",
     "next(): path, type, flags and order, as sme-backup/source.h has them at struct sme_item",
     check_items},
    {"a run can follow a run, and be ended at once",
     "begin(): it sets everything back; end(): it also comes when nothing was asked for",
     check_twice},
    {"content that is not wanted is left out",
     "next(): it drops the rest of the stream before; close_stream(): also of an unread stream",
     check_skipping},
    {"content is read in any portions", "read(): at most len bytes, and 0 only at the end",
     check_reads},
    {"streams are read side by side",
     "read_stream() and close_stream(): other threads are in them and in next() at the same time",
     source_check_streams},
    {"a run that is cancelled ends soon",
     "host->cancelled(): ask it at least once per second and per item, and return SME_E_CANCELLED; "
     "out parameters stay as they are on failure",
     source_check_cancel},
    {"a dry run leaves the state alone", "begin(): flags of the run, SME_RUN_DRY", check_dry},
    {"a run can be stored", "end(SME_COMMIT)", check_commit},
    {"the process is left as it was",
     "what is forbidden in a plugin, at the end of sme-backup/common.h", check_process},
    {"nothing is left behind",
     "end() and destroy(): threads are joined, children waited for, descriptors closed, memory "
     "freed; -fsanitize=address tells where memory is lost",
     check_leftovers},
};

/* Options that have no default need a section. */
static int check_configured(const struct plugin_test_source *params, struct sme_error *err)
{
    const struct plugin *plugin = params->plugin;

    for (size_t i = 0; params->section == NULL && i < plugin->desc.option_count; i++) {
        if ((plugin->options[i].flags & SME_OPT_REQUIRED) == 0)
            continue;
        (void)sme_fail(err, SME_E_INVALID,
                       "plugin '%s' needs the option '%s', and no source of it is configured",
                       plugin->desc.name, plugin->options[i].name);
        return error_hint(err, "write a section [source NAME] for it, of which only --config need "
                               "know");
    }
    return SME_OK;
}

static void remove_tree(const char *path)
{
    char *const roots[] = {strdup(path), NULL};
    FTS *walk =
        roots[0] != NULL ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL) : NULL;

    for (FTSENT *entry; walk != NULL && (entry = fts_read(walk)) != NULL;) {
        if (entry->fts_info == FTS_DP)
            (void)rmdir(entry->fts_accpath);
        else if (entry->fts_info != FTS_D)
            (void)unlink(entry->fts_accpath);
    }
    if (walk != NULL)
        (void)fts_close(walk);
    free(roots[0]);
}

static void new_state(struct source_check *at, unsigned number)
{
    at->instance = NULL;
    at->handle = NULL;
    at->before = NULL;
    atomic_store(&at->cancelled, 0);
    (void)snprintf(at->state_dir, sizeof at->state_dir, "%.480s/state-%u", at->params->scratch,
                   number);
}

/* Nothing can be tested where the source is not there; 1: and that is said already. */
static int first_look(struct source_check *at, struct plugin_test *test, struct sme_error *err)
{
    const struct conf_source *section = at->params->section;

    plugin_check_begin(&at->check, test, "the source is there", "create() and check()");
    new_state(at, 0);
    source_check_apart(at, look_first);
    if (at->check.result != PLUGIN_TEST_FAILED)
        return SME_OK;
    if (at->watch->err.status >= 0) {
        /* It crashed, or hung: it would do so in each of the checks. */
        plugin_check_end(&at->check);
        return 1;
    }
    *err = at->watch->err;
    int status = err->status;
    (void)error_context(err, "source '%s'", section != NULL ? section->name : "conformance");
    (void)error_hint(err, section != NULL
                              ? "the source must be there and readable for the test"
                              : "the test used defaults: a section [source NAME] gives it options");
    return status;
}

static int make_checks(struct plugin_test *test, struct plugin_test_source *params,
                       struct source_watch *watch, struct sme_error *err)
{
    struct source_check at = {.params = params, .ops = &params->plugin->source, .watch = watch};

    int status = first_look(&at, test, err);
    if (status > 0)
        return SME_OK;
    for (unsigned i = 0; status == SME_OK && i < sizeof checks / sizeof checks[0]; i++) {
        plugin_check_begin(&at.check, test, checks[i].what, checks[i].look);
        new_state(&at, i + 1);
        if (at.hangs < HANGS_MAX)
            source_check_apart(&at, checks[i].make);
        else
            (void)plugin_check_skip(&at.check, "the source did not answer too often");
        status = cancel_check(err);
        if (status == SME_OK)
            plugin_check_end(&at.check);
    }
    return status;
}

int plugin_test_source(struct plugin_test *test, struct plugin_test_source *params,
                       struct sme_error *err)
{
    const char *temporary = getenv("TMPDIR");

    int status = check_configured(params, err);
    if (status < 0)
        return status;
    (void)snprintf(params->scratch, sizeof params->scratch, "%.400s/sme-backup-test-XXXXXX",
                   temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
    if (mkdtemp(params->scratch) == NULL)
        return error_errno(err, "cannot make the folder '%s'", params->scratch);
    struct source_watch *watch =
        mmap(NULL, sizeof *watch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (watch == MAP_FAILED) {
        status = error_errno(err, "no memory for the test");
    } else {
        status = make_checks(test, params, watch, err);
        (void)munmap(watch, sizeof *watch);
    }
    remove_tree(params->scratch);
    return status;
}
