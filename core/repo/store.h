/*
 * The only caller of a sink: retries, limits, meters.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Every call may come from any thread.  A failure names the object and the sink.  What may go by
 * is repeated; when that did not help it is SME_E_UNREACHABLE.  A wait that the cancelling of the
 * run cuts short ends in SME_E_CANCELLED; calls made afterwards, to clean up, do not wait.
 */
#ifndef SME_REPO_STORE_H
#define SME_REPO_STORE_H

#include "../base/buf.h"
#include "../config/rate.h"
#include "../plugin/plugin.h"

struct store;
struct store_clock;

/* Requests so far, by class, and bytes; repetitions are in it. */
struct store_meter {
    uint64_t put, get, list, head, remove;
    uint64_t bytes_put, bytes_got;
    uint64_t retries;
    uint64_t throttles; /* times that the far side asked for fewer requests     */
    uint64_t waited_ns; /* before repetitions, all threads together             */
    uint64_t paced_ns;  /* for the limits of speed, and for a connection        */
};

/* What the configuration asks for. */
struct store_wishes {
    unsigned connections;               /* calls at once; 0: as the sink says */
    const struct rate_schedule *upload; /* NULL: no limit                     */
    const struct rate_schedule *download;
};

/* ${instance} (a sink, opened) must outlive the store. */
int store_new(struct instance *instance, struct store **ret_store, struct sme_error *err);
/* These three before the first call. */
void store_set_wishes(struct store *store, const struct store_wishes *wishes);
/* No call is repeated after ${monotonic_ns}; 0: no such time. */
void store_set_deadline(struct store *store, int64_t monotonic_ns);
/* For tests; ${clock} (see store_retry.h) must outlive the store. */
void store_set_clock(struct store *store, const struct store_clock *clock);
void store_free(struct store *store);
const char *store_name(const struct store *store);
/* For store_place.c only. */
struct instance *store_instance(struct store *store);
/* With the number of connections that is wanted. */
const struct sme_sink_limits *store_limits(const struct store *store);
/* Calls that may be under way now: fewer while the far side asks for fewer. */
unsigned store_connections(struct store *store);
struct store_meter store_meter(const struct store *store);

/* check() of the sink: is the place there? */
int store_check(struct store *store, struct sme_error *err);
/* Make the place. */
int store_prepare(struct store *store, struct sme_error *err);

/* Create-only put.  ${sha256} NULL: computed here.  When the object exists with the same size
 * (and checksum where the sink knows one) that is success for a name that is the hash of the
 * content (${content_named}); otherwise SME_E_EXISTS. */
int store_put(struct store *store, const char *key, const void *data, size_t len,
              const uint8_t *sha256, bool content_named, struct sme_error *err);
/* Exactly ${len} bytes from ${offset}; an object that ends before is SME_E_CORRUPT. */
int store_get_range(struct store *store, const char *key, uint64_t offset, void *out, size_t len,
                    struct sme_error *err);
/* Up to ${len} bytes from ${offset}; how many in *ret_got. */
int store_get_some(struct store *store, const char *key, uint64_t offset, void *out, size_t len,
                   size_t *ret_got, struct sme_error *err);
/* The whole object, appended to ${out}; one larger than the limit of ${out} is SME_E_CORRUPT. */
int store_get(struct store *store, const char *key, struct buf *out, struct sme_error *err);
int store_stat(struct store *store, const char *key, struct sme_object *ret_object,
               struct sme_error *err);
/* Repeated only while ${callback} has seen nothing. */
int store_list(struct store *store, const char *prefix, sme_list_fn *callback, void *cookie,
               struct sme_error *err);
int store_remove(struct store *store, const char *key, struct sme_error *err);
/* Remove ${count} objects by few requests where the sink can.  ${callback} gets the result of each
 * key once, in any order; what may go by is repeated before, object by object.  A failure here is
 * one of the whole: then some keys have no result. */
int store_remove_many(struct store *store, const char *const *keys, size_t count,
                      sme_removed_fn *callback, void *cookie, struct sme_error *err);
int store_sync(struct store *store, struct sme_error *err);

/* All names under ${prefix}, sorted. */
struct store_names {
    struct store_entry {
        char *key;
        uint64_t size;
        int64_t modified_ns;
    } * at;
    size_t count;
};
int store_names(struct store *store, const char *prefix, struct store_names *ret_names,
                struct sme_error *err);
/* The entry with this key, or NULL. */
const struct store_entry *store_names_find(const struct store_names *names, const char *key);
void store_names_free(struct store_names *names);

#endif
