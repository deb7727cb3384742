/*
 * Which plugin's code a worker is in, told to its parent even by a worker that died in it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PLUGIN_CALLS_H
#define SME_PLUGIN_CALLS_H

#include "../base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum plugin_call {
    PLUGIN_CALL_NONE,
    /* of a source */
    PLUGIN_CALL_SOURCE_LOAD,
    PLUGIN_CALL_SOURCE_CREATE,
    PLUGIN_CALL_SOURCE_DESTROY,
    PLUGIN_CALL_SOURCE_CHECK,
    PLUGIN_CALL_BEGIN,
    PLUGIN_CALL_NEXT,
    PLUGIN_CALL_READ,
    PLUGIN_CALL_READ_STREAM,
    PLUGIN_CALL_CLOSE_STREAM,
    PLUGIN_CALL_END,
    /* of a sink */
    PLUGIN_CALL_SINK_LOAD,
    PLUGIN_CALL_SINK_CREATE,
    PLUGIN_CALL_SINK_DESTROY,
    PLUGIN_CALL_SINK_CHECK,
    PLUGIN_CALL_LIMITS,
    PLUGIN_CALL_PREPARE,
    PLUGIN_CALL_PUT,
    PLUGIN_CALL_GET,
    PLUGIN_CALL_STAT,
    PLUGIN_CALL_LIST,
    PLUGIN_CALL_REMOVE,
    PLUGIN_CALL_SYNC,
    PLUGIN_CALL_SERVER_TIME,
    PLUGIN_CALL_COST,
    PLUGIN_CALL_COUNT
};

/* What the calling thread is in; returns what it was in before.  Costs one store. */
enum plugin_call plugin_call_note(enum plugin_call call);

/* Memory that parent and worker share. */
struct plugin_calls;
/* NULL: no memory, and nothing will be known. */
struct plugin_calls *plugin_calls_new(void);
void plugin_calls_free(struct plugin_calls *calls); /* accepts NULL */
/* In the worker: keep notes there. */
void plugin_calls_use(struct plugin_calls *calls);
/* " during put() of sink plugin 'x', next() of source plugin 'y'", or "".  ${calls} may be NULL,
 * and its content is not trusted. */
const char *plugin_calls_describe(const struct plugin_calls *calls, const char *source,
                                  const char *sink, char *out, size_t size);

#endif
