/*
 * A sink in memory, with faults to order, as an instance that needs no loader.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_MEMSINK_H
#define SME_TESTS_MEMSINK_H

#include "../../core/plugin/plugin.h"

struct memsink_object {
    char *key;
    uint8_t *data;
    size_t len;
};

enum memsink_call {
    MEMSINK_PUT,
    MEMSINK_GET,
    MEMSINK_STAT,
    MEMSINK_LIST,
    MEMSINK_REMOVE,
    MEMSINK_REMOVE_MANY,
    MEMSINK_CHECK,
    MEMSINK_CALLS
};

/* The next ${times} calls of a kind fail so. */
struct memsink_fault {
    unsigned times;
    int status;
    uint32_t retry_after_ms;
    bool is_done;   /* the call takes effect, and its answer is lost        */
    unsigned after; /* a listing: so many entries are reported before it    */
    bool is_silent; /* nothing is said about the cause                      */
};

/* Objects are in order of their making.  Tests may change them between calls. */
struct memsink {
    struct plugin plugin;
    struct instance instance;
    struct memsink_object *objects;
    size_t count;
    unsigned puts;     /* so far */
    unsigned fail_put; /* the n-th put fails ... */
    int fail_status;   /* ... with this          */
    bool fail_list;    /* listings fail with SME_E_IO */
    struct memsink_fault faults[MEMSINK_CALLS];
    unsigned calls[MEMSINK_CALLS]; /* so far                                              */
    unsigned connections;          /* that limits() reports; 2 unless a test sets another */
    int key_status; /* of each second key of a remove_many that is answered; 0: removed */
    bool is_far;    /* not SME_SINK_LOCAL                                  */
    /* Runs in each put, get, stat and remove, under no lock. */
    void (*on_call)(void *cookie, enum memsink_call call);
    void *cookie;
    unsigned inside, most_inside; /* calls at once */
    void *lock;
};

struct memsink *memsink_new(void);
void memsink_free(struct memsink *sink);
struct memsink_object *memsink_find(struct memsink *sink, const char *key);
/* The n-th object whose key contains ${part}; NULL if there are not so many. */
struct memsink_object *memsink_match(struct memsink *sink, const char *part, size_t n);
size_t memsink_count(struct memsink *sink, const char *part);
void memsink_drop(struct memsink *sink, const char *key);

#endif
