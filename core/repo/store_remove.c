/*
 * Removing many objects of a store by few requests.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "store_attempt.h"

/* Up to SME_REMOVE_MAX keys, of which some have their result. */
struct batch {
    size_t first; /* index of the first key for the caller */
    size_t count;
    bool is_told[SME_REMOVE_MAX];
    sme_removed_fn *callback;
    void *cookie;
};

static void tell(struct batch *batch, size_t index, int status, const char *cause)
{
    if (!batch->is_told[index]) {
        batch->is_told[index] = true;
        batch->callback(batch->cookie, batch->first + index, status, cause);
    }
}

/* What the sink says of one key.  What may succeed later has no result yet. */
static void note_removed(void *cookie, size_t index, int status, const char *cause)
{
    struct batch *batch = cookie;

    if (index < batch->count && status <= SME_OK && status >= SME_E_THROTTLED &&
        !retry_is_worth(status)) {
        tell(batch, index, status, cause != NULL ? cause : "");
    }
}

static int remove_together(struct store *store, const char *const *keys, struct batch *batch,
                           struct sme_error *err)
{
    const struct sme_sink_ops *ops = &store->sink->plugin->sink;
    struct attempt op;
    int status;

    attempt_begin(&op, store, PLUGIN_CALL_REMOVE, err);
    do {
        if ((status = attempt_enter(&op, NULL, 0)) == SME_OK) {
            status = attempt_status(
                store,
                ops->remove_many(store->sink->handle, keys, batch->count, note_removed, batch, err),
                err);
            store->remove++;
        }
    } while (attempt_again(&op, status));
    status = attempt_finish(&op, status);
    return status < 0 ? attempt_context(store, "remove objects such as", keys[0], err, status)
                      : SME_OK;
}

/* Those without a result, each by itself. */
static int remove_rest(struct store *store, const char *const *keys, struct batch *batch,
                       struct sme_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct sme_error failure = SME_ERROR_INIT;
        if (batch->is_told[i]) {
            continue;
        }
        int status = store_remove(store, keys[i], &failure);
        if (status == SME_E_UNREACHABLE || status == SME_E_CANCELLED) {
            /* The next key would fare no better. */
            if (err != NULL) {
                *err = failure;
            }
            return status;
        }
        tell(batch, i, status, failure.message);
    }
    return SME_OK;
}

int store_remove_many(struct store *store, const char *const *keys, size_t count,
                      sme_removed_fn *callback, void *cookie, struct sme_error *err)
{
    bool can_many = store->sink->plugin->sink.remove_many != NULL;
    int status = SME_OK;

    for (size_t at = 0; at < count && status == SME_OK; at += SME_REMOVE_MAX) {
        struct batch batch = {.first = at,
                              .count = count - at < SME_REMOVE_MAX ? count - at : SME_REMOVE_MAX,
                              .callback = callback,
                              .cookie = cookie};
        if (can_many && batch.count > 1) {
            status = remove_together(store, keys + at, &batch, err);
        }
        if (status == SME_OK) {
            status = remove_rest(store, keys + at, &batch, err);
        }
    }
    return status;
}
