/*
 * Which plugin's code a worker is in, told to its parent even by a worker that died in it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Each thread has a byte of a page that outlives the process.  Threads beyond the last byte share.
 */
#include "calls.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS 256u

struct plugin_calls {
    atomic_uchar slots[SLOTS];
};

static const char *const names[PLUGIN_CALL_COUNT] = {
    [PLUGIN_CALL_SOURCE_LOAD] = "loading",
    [PLUGIN_CALL_SOURCE_CREATE] = "create()",
    [PLUGIN_CALL_SOURCE_DESTROY] = "destroy()",
    [PLUGIN_CALL_SOURCE_CHECK] = "check()",
    [PLUGIN_CALL_BEGIN] = "begin()",
    [PLUGIN_CALL_NEXT] = "next()",
    [PLUGIN_CALL_READ] = "read()",
    [PLUGIN_CALL_READ_STREAM] = "read_stream()",
    [PLUGIN_CALL_CLOSE_STREAM] = "close_stream()",
    [PLUGIN_CALL_END] = "end()",
    [PLUGIN_CALL_SINK_LOAD] = "loading",
    [PLUGIN_CALL_SINK_CREATE] = "create()",
    [PLUGIN_CALL_SINK_DESTROY] = "destroy()",
    [PLUGIN_CALL_SINK_CHECK] = "check()",
    [PLUGIN_CALL_LIMITS] = "limits()",
    [PLUGIN_CALL_PREPARE] = "prepare()",
    [PLUGIN_CALL_PUT] = "put()",
    [PLUGIN_CALL_GET] = "get()",
    [PLUGIN_CALL_STAT] = "stat()",
    [PLUGIN_CALL_LIST] = "list()",
    [PLUGIN_CALL_REMOVE] = "remove()",
    [PLUGIN_CALL_SYNC] = "sync()",
    [PLUGIN_CALL_SERVER_TIME] = "server_time()",
    [PLUGIN_CALL_COST] = "cost()",
};

/* NULL outside of workers; set before there are threads. */
static _Atomic(struct plugin_calls *) shared;
static atomic_uint threads;
static _Thread_local unsigned my_slot; /* 0: not chosen yet; else one more than the slot */

enum plugin_call plugin_call_note(enum plugin_call call)
{
    struct plugin_calls *calls = atomic_load_explicit(&shared, memory_order_relaxed);

    if (calls == NULL) {
        return PLUGIN_CALL_NONE;
    }
    if (my_slot == 0) {
        my_slot = atomic_fetch_add(&threads, 1) % SLOTS + 1;
    }
    return atomic_exchange_explicit(&calls->slots[my_slot - 1], (unsigned char)call,
                                    memory_order_relaxed);
}

struct plugin_calls *plugin_calls_new(void)
{
    void *map = mmap(NULL, sizeof(struct plugin_calls), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return map == MAP_FAILED ? NULL : map;
}

void plugin_calls_free(struct plugin_calls *calls)
{
    if (calls != NULL) {
        (void)munmap(calls, sizeof *calls);
    }
}

void plugin_calls_use(struct plugin_calls *calls)
{
    atomic_store(&shared, calls);
}

const char *plugin_calls_describe(const struct plugin_calls *calls, const char *source,
                                  const char *sink, char *out, size_t size)
{
    bool seen[PLUGIN_CALL_COUNT] = {false};
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; calls != NULL && i < SLOTS; i++) {
        unsigned char call = atomic_load(&calls->slots[i]);
        if (call == PLUGIN_CALL_NONE || call >= PLUGIN_CALL_COUNT || seen[call]) {
            continue;
        }
        seen[call] = true;
        bool is_sink = call >= PLUGIN_CALL_SINK_LOAD;
        int more =
            snprintf(out + len, size - len, "%s%s of %s plugin '%s'", len == 0 ? " during " : ", ",
                     names[call], is_sink ? "sink" : "source", is_sink ? sink : source);
        if (more < 0 || (size_t)more >= size - len) {
            out[len] = '\0';
            break;
        }
        len += (size_t)more;
    }
    return out;
}
