/*
 * Handing a snapshot's items back to their source plugin.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_into.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../config/options.h"
#include "../pipeline/item_content.h"
#include "../plugin/plugin.h"

#include <pthread.h>
#include <stdlib.h>

#define FETCHERS 4
#define EXTRAS_MAX 64 /* of one item that a plugin is shown */

struct into {
    const struct restore_into_request *request;
    struct restore_into_result result;
    struct plugin *plugin;
    struct instance *instance;
    struct option_store store;
    void *config;
    pthread_mutex_t lock; /* around problem() */
    int64_t told_ns;      /* when progress() was called last */
};

static const struct sme_source_ops *ops_of(const struct into *into)
{
    return &into->plugin->source;
}

/* ---- the plugin --------------------------------------------------------------------------- */

static void on_problem(void *cookie, const char *path, size_t path_len, const char *text)
{
    struct into *into = cookie;

    (void)pthread_mutex_lock(&into->lock);
    into->request->problem(into->request->cookie, path, path_len, text);
    (void)pthread_mutex_unlock(&into->lock);
}

static const struct sme_option *find_row(const struct into *into, const char *name)
{
    const struct sme_source_ops *ops = ops_of(into);

    for (size_t i = 0; i < ops->restore_option_count; i++) {
        if (strcmp(ops->restore_options[i].name, name) == 0) {
            return &ops->restore_options[i];
        }
    }
    return NULL;
}

/* The defaults, then what was given. */
static int fill_config(struct into *into, struct sme_error *err)
{
    const struct sme_source_ops *ops = ops_of(into);
    size_t size = ops->restore_config_size > 0 ? ops->restore_config_size : 1;

    into->config = calloc(1, size);
    if (into->config == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the options of a restore");
    }
    const struct option_set set = {ops->restore_options, ops->restore_option_count, into->config};
    int status = options_fill(&set, 1, NULL, 0, &into->store, err);
    for (size_t i = 0; i < into->request->value_count && status == SME_OK; i++) {
        const struct restore_value *value = &into->request->values[i];
        const struct sme_option *row = find_row(into, value->name);
        char where[64];
        if (value->text == NULL) {
            continue;
        }
        if (row == NULL) {
            return sme_fail(err, SME_E_INVALID, "--%s means nothing to plugin '%s'", value->name,
                            into->plugin->desc.name);
        }
        (void)snprintf(where, sizeof where, "--%s", value->name);
        status = options_set(row, into->config, value->text, where, &into->store, err);
    }
    return status;
}

static int open_plugin(struct into *into, struct sme_error *err)
{
    const struct restore_into_request *request = into->request;
    const char *name = request->snapshot->head.plugin;
    const struct conf_source *configured = request->configured;
    CLEANUP(free_ptr) char *state = NULL;

    /* A section that now belongs to another plugin says nothing about this snapshot. */
    const struct ini_section *section =
        configured != NULL && strcmp(configured->plugin, name) == 0 ? configured->section : NULL;
    int status =
        plugin_load(&request->conf->core.plugin_dir, PLUGIN_SOURCE, name, &into->plugin, err);
    if (status < 0) {
        return status;
    }
    if (ops_of(into)->restore_open == NULL) {
        (void)sme_fail(err, SME_E_INVALID,
                       "what plugin '%s' has backed up are files: --into is not for it", name);
        return error_hint(err, "use --to DIR");
    }
    status = fill_config(into, err);
    if (status < 0) {
        return status;
    }
    if (asprintf(&state, "%s/sources/%s", request->conf->core.state_dir, request->source) < 0) {
        state = NULL;
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to restore '%s'", request->source);
    }
    status = instance_new(into->plugin, request->source, section, conf_source_options,
                          conf_source_option_count, state, &into->instance, err);
    if (status < 0) {
        return status;
    }
    into->instance->on_problem = on_problem;
    into->instance->problem_cookie = into;
    return instance_open(into->instance, err);
}

static void close_plugin(struct into *into)
{
    instance_free(into->instance);
    plugin_unload(into->plugin);
    option_store_free(&into->store);
    free(into->config);
    (void)pthread_mutex_destroy(&into->lock);
}

/* ---- items -------------------------------------------------------------------------------- */

/* What a plugin is told of an item.  The strings are in ${extras}, to be freed with it. */
struct shown_item {
    struct sme_item item;
    char *path;
    struct sme_extra extras[EXTRAS_MAX];
    char *texts[2 * EXTRAS_MAX];
    size_t text_count;
};

static void shown_done(struct shown_item *shown)
{
    for (size_t i = 0; i < shown->text_count; i++) {
        free(shown->texts[i]);
    }
    free(shown->path);
}

static const char *keep(struct shown_item *shown, const char *text, size_t len)
{
    char *copy = strndup(text, len);

    if (copy != NULL) {
        shown->texts[shown->text_count++] = copy;
    }
    return copy;
}

static int show(const struct item_view *view, struct shown_item *shown, struct sme_error *err)
{
    struct item_view rest = *view;
    const char *name, *value;
    size_t name_len, value_len;

    shown->path = strndup(view->path, view->path_len);
    bool good = shown->path != NULL;
    while (good && shown->item.extra_count < EXTRAS_MAX &&
           item_next_extra(&rest, &name, &name_len, &value, &value_len)) {
        struct sme_extra *extra = &shown->extras[shown->item.extra_count++];
        extra->name = keep(shown, name, name_len);
        extra->value = keep(shown, value, value_len);
        good = extra->name != NULL && extra->value != NULL;
    }
    if (!good) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for an item");
    }
    shown->item.struct_size = sizeof shown->item;
    shown->item.type = view->type;
    shown->item.flags = SME_ITEM_HAS_STAT;
    shown->item.path = shown->path;
    shown->item.path_len = view->path_len;
    shown->item.dir_fd = -1;
    shown->item.mode = view->mode;
    shown->item.uid = view->uid;
    shown->item.gid = view->gid;
    shown->item.size = view->size;
    shown->item.mtime = view->mtime;
    shown->item.ctime = view->ctime;
    shown->item.extras = shown->extras;
    return SME_OK;
}

static void tell(struct into *into)
{
    int64_t now = clock_monotonic_ns();

    if (into->request->progress != NULL && now - into->told_ns > NS_PER_SEC / 4) {
        into->told_ns = now;
        into->request->progress(into->request->cookie, into->result.items, into->result.bytes);
    }
}

static int write_some(void *cookie, const void *data, size_t len, struct sme_error *err)
{
    struct into *into = cookie;

    into->result.bytes += len;
    tell(into);
    int status = ops_of(into)->restore_write(into->instance->handle, data, len, err);
    return status < 0 ? instance_source_failure(status, err) : status;
}

static int do_item(struct into *into, const struct item_view *view, struct sme_error *err)
{
    const struct sme_source_ops *ops = ops_of(into);
    void *handle = into->instance->handle;
    CLEANUP(shown_done) struct shown_item shown = {.path = NULL};
    struct sme_error ignored = SME_ERROR_INIT;

    int status = show(view, &shown, err);
    int wanted = status < 0 ? status : ops->restore_begin(handle, &shown.item, err);
    if (wanted <= 0) {
        return wanted < 0 ? instance_source_failure(wanted, err) : SME_OK;
    }
    into->result.items++;
    if ((view->flags & ITEM_FAILED) != 0) {
        status =
            sme_fail(err, SME_E_IO,
                     "'%s' could not be read when it was backed up: take it from another snapshot",
                     shown.path);
    } else if (view->type == SME_ITEM_FILE) {
        unsigned threads = into->request->threads != 0 ? into->request->threads : FETCHERS;
        status = item_content_send(into->request->vault, view, threads, write_some, into, err);
    }
    if (status < 0) {
        (void)ops->restore_end(handle, SME_ABORT, &ignored);
        return status;
    }
    status = ops->restore_end(handle, SME_COMMIT, err);
    return status < 0 ? instance_source_failure(status, err) : status;
}

static int do_items(struct into *into, struct sme_error *err)
{
    struct item_iter *iter = NULL;
    struct item_view view;

    int status = item_iter_new(into->request->vault, into->request->snapshot, NULL, &iter, err);
    while (status == SME_OK) {
        status = cancel_check(err);
        int more = status < 0 ? status : item_iter_next(iter, &view, err);
        if (more <= 0) {
            status = more;
            break;
        }
        status = do_item(into, &view, err);
    }
    item_iter_free(iter);
    return status;
}

static int run(struct into *into, struct sme_error *err)
{
    const struct sme_source_ops *ops = ops_of(into);
    const struct sme_restore restore = {
        .struct_size = sizeof restore,
        .flags = into->request->flags,
        .config = into->config,
        .snapshot = into->request->snapshot->head.name,
    };
    struct sme_error ignored = SME_ERROR_INIT;

    int status = ops->restore_open(into->instance->handle, &restore, err);
    if (status < 0) {
        return instance_source_failure(status, err);
    }
    status = do_items(into, err);
    if (status < 0) {
        (void)ops->restore_close(into->instance->handle, SME_ABORT, &ignored);
        return status;
    }
    status = ops->restore_close(into->instance->handle, SME_COMMIT, err);
    return status < 0 ? instance_source_failure(status, err) : status;
}

int restore_into(const struct restore_into_request *request, struct restore_into_result *ret_result,
                 struct sme_error *err)
{
    struct into into = {.request = request};
    int64_t started = clock_monotonic_ns();

    (void)pthread_mutex_init(&into.lock, NULL);
    int status = open_plugin(&into, err);
    if (status == SME_OK) {
        status = run(&into, err);
    }
    into.result.elapsed_ns = clock_monotonic_ns() - started;
    close_plugin(&into);
    *ret_result = into.result;
    if (status < 0 && err != NULL) {
        err->status = status;
    }
    return status;
}
