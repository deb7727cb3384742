/*
 * Listings of a store, and all names of one, sorted.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "store_attempt.h"

#include <stdlib.h>

/* Who lists, and what it takes to begin anew. */
struct listing {
    sme_list_fn *callback;
    void (*restart)(void *cookie); /* NULL: what was seen cannot be taken back */
    void *cookie;
    bool is_seen;
    bool is_ordered;  /* the sink can go on behind ${last} */
    bool is_astray;   /* it says that it can, and does not */
    bool is_nameless; /* it lists what cannot be a key */
    uint64_t count;
    char last[SME_KEY_MAX + 1];
};

/* What one request of a store lists at most: the rule among those that list in order. */
#define PAGE 1000

static int pass_object(void *cookie, const struct sme_object *object)
{
    struct listing *listing = cookie;

    if (object->key == NULL || strnlen(object->key, SME_KEY_MAX + 1) > SME_KEY_MAX) {
        listing->is_nameless = true;
        return SME_E_IO;
    }
    if (listing->is_ordered) {
        if (strcmp(object->key, listing->last) <= 0) {
            listing->is_astray = true;
            return SME_E_IO;
        }
        (void)snprintf(listing->last, sizeof listing->last, "%s", object->key);
    }
    listing->is_seen = true;
    listing->count++;
    return listing->callback(listing->cookie, object);
}

/* One attempt: from the beginning, or behind what was seen. */
static int list_once(struct store *store, const char *prefix, struct listing *listing,
                     struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;
    void *handle = store->sink->handle;
    uint64_t before = listing->count;
    int status;

    if (listing->is_ordered) {
        status = ops->list_from(handle, prefix, listing->last, pass_object, listing, err);
    } else {
        if (listing->is_seen) {
            listing->restart(listing->cookie);
            listing->is_seen = false;
        }
        status = ops->list(handle, prefix, pass_object, listing, err);
    }
    status = attempt_status(store, status, err);
    store->list += 1 + (listing->is_ordered ? (listing->count - before) / PAGE : 0);
    if (listing->is_nameless) {
        return sme_fail(err, SME_E_IO,
                        "plugin of sink '%s' lists an object without a name, or with one that is "
                        "too long",
                        store->sink->name);
    }
    if (listing->is_astray) {
        return sme_fail(err, SME_E_IO, "plugin of sink '%s' lists '%s' out of order",
                        store->sink->name, prefix);
    }
    return status;
}

static int run_listing(struct store *store, const char *prefix, struct listing *listing,
                       struct sme_error *err)
{
    struct attempt op;
    int status;

    listing->is_ordered = store->sink->plugin->sink.list_from != NULL;
    attempt_begin(&op, store, PLUGIN_CALL_LIST, err);
    do {
        uint64_t before = listing->count;
        if ((status = attempt_enter(&op, NULL, 0)) == SME_OK) {
            status = list_once(store, prefix, listing, err);
        }
        /* Every part that came is a success: only what brings nothing is counted. */
        if (listing->is_ordered && listing->count > before) {
            op.retry.attempts = 0;
            op.retry.begun_ns = store->clock->now_ns(store->clock->cookie);
        }
        op.retry.is_final = !listing->is_ordered && listing->is_seen && listing->restart == NULL;
    } while (attempt_again(&op, status));
    status = attempt_finish(&op, status);
    return status < 0 ? attempt_context(store, "list", prefix, err, status) : SME_OK;
}

int store_list(struct store *store, const char *prefix, sme_list_fn *callback, void *cookie,
               struct sme_error *err)
{
    struct listing listing = {.callback = callback, .cookie = cookie};

    return run_listing(store, prefix, &listing, err);
}

struct collect {
    struct store_names names;
    size_t cap;
};

static int collect_name(void *cookie, const struct sme_object *object)
{
    struct collect *all = cookie;

    if (all->names.count == all->cap) {
        size_t cap = all->cap == 0 ? 64 : all->cap * 2;
        struct store_entry *grown = reallocarray(all->names.at, cap, sizeof *grown);
        if (grown == NULL) {
            return SME_E_NO_MEMORY;
        }
        all->names.at = grown;
        all->cap = cap;
    }
    char *key = strdup(object->key);
    if (key == NULL) {
        return SME_E_NO_MEMORY;
    }
    all->names.at[all->names.count++] =
        (struct store_entry){key, object->size, object->modified_ns};
    return 0;
}

static void forget_names(void *cookie)
{
    struct collect *all = cookie;

    store_names_free(&all->names);
    all->cap = 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct store_entry *left = a;
    const struct store_entry *right = b;

    return strcmp(left->key, right->key);
}

int store_names(struct store *store, const char *prefix, struct store_names *ret_names,
                struct sme_error *err)
{
    struct collect all = {.cap = 0};
    struct listing listing = {.callback = collect_name, .restart = forget_names, .cookie = &all};

    int status = run_listing(store, prefix, &listing, err);
    if (status < 0) {
        store_names_free(&all.names);
        return status;
    }
    if (all.names.count > 0) {
        qsort(all.names.at, all.names.count, sizeof *all.names.at, compare_entries);
    }
    for (size_t i = 1; i < all.names.count; i++) {
        if (strcmp(all.names.at[i - 1].key, all.names.at[i].key) == 0) {
            (void)sme_fail(err, SME_E_IO, "plugin of sink '%s' listed '%s' twice",
                           store->sink->name, all.names.at[i].key);
            store_names_free(&all.names);
            return SME_E_IO;
        }
    }
    *ret_names = all.names;
    return SME_OK;
}

const struct store_entry *store_names_find(const struct store_names *names, const char *key)
{
    size_t low = 0;
    size_t high = names->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(names->at[middle].key, key);
        if (order == 0) {
            return &names->at[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void store_names_free(struct store_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->at[i].key);
    }
    free(names->at);
    names->at = NULL;
    names->count = 0;
}
