/*
 * Conformance of sinks: what the checks share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_PLUGIN_TEST_INTERNAL_H
#define SME_RUN_PLUGIN_TEST_INTERNAL_H

#include "plugin_test.h"

typedef char sink_key[SME_KEY_MAX + 1];

/* One check of an open sink.  The calls below fail the check when the sink fails, unless they say
 * otherwise, and repeat what the sink says may be repeated. */
struct sink_check {
    struct plugin_check check;
    struct instance *sink;
    const struct sme_sink_ops *ops;
    struct sme_sink_limits limits;
    bool can_replace; /* an object may be put anew: false after a refusal */
    struct sme_error err;
};

/* ${name} below the prefix of this run. */
void sink_check_key(const struct sink_check *at, const char *name, sink_key out);
/* Bytes that differ from place to place and from ${seed} to ${seed}. */
void sink_check_fill(uint8_t *out, size_t len, uint32_t seed);

/* at->err, emptied: what was said before is not the cause of what comes next. */
struct sme_error *sink_check_fresh(struct sink_check *at);

/* The status of put(), whatever it is. */
int sink_check_try(struct sink_check *at, const char *name, const struct sme_slice *slices,
                   size_t count, uint32_t flags, struct sme_error *err);
int sink_check_try_put(struct sink_check *at, const char *name, const void *data, size_t len,
                       uint32_t flags);
bool sink_check_put(struct sink_check *at, const char *name, const void *data, size_t len,
                    uint32_t flags);
/* get(), whatever it returns. */
int64_t sink_check_get(struct sink_check *at, const char *name, uint64_t offset, void *out,
                       size_t len);
/* get() and stat() tell of just these bytes. */
bool sink_check_holds(struct sink_check *at, const char *name, const void *data, size_t len);
/* get() and stat() say NOT_FOUND, and touch nothing. */
bool sink_check_absent(struct sink_check *at, const char *name);
bool sink_check_remove(struct sink_check *at, const char *name);
/* The listing of ${prefix} has just these names, each once; ${sizes} may be NULL. */
bool sink_check_lists(struct sink_check *at, const char *prefix, const char *const *names,
                      const uint64_t *sizes, size_t count);
/* Fail with what the sink said: "expected ${expected} from ${call} of '...', got io: message". */
bool sink_check_failed(struct sink_check *at, const char *call, const char *name,
                       const char *expected, int64_t status);
/* Should ${attempt} (from 0) that ended with ${status} be made again?  Waits as asked for. */
bool sink_check_again(unsigned attempt, int64_t status, const struct sme_error *err);

/* plugin_test_race.c: checks with several threads. */
void sink_check_one_wins(struct sink_check *at);
void sink_check_many_at_once(struct sink_check *at);
void sink_check_shown_whole(struct sink_check *at);

#endif
