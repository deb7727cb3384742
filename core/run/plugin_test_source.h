/*
 * Conformance of sources: what the checks share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Each check is made in a process of its own, so that whatever a plugin does is a finding.  That
 * process has its own instance and an empty state folder; it tells where it is in shared memory.
 */
#ifndef SME_RUN_PLUGIN_TEST_SOURCE_H
#define SME_RUN_PLUGIN_TEST_SOURCE_H

#include "plugin_test.h"

#define SOURCE_ITEMS_MAX 10000u         /* of one run: a large source is not read whole */
#define SOURCE_BYTES_MAX (256ull << 20) /* likewise                                     */
#define SOURCE_BUFFER (256u * 1024)
#define SOURCE_CANARY 64

/* Written by the process of a check, read by the one that watches it. */
struct source_watch {
    _Atomic uint64_t turns; /* calls begun and ended: odd while the plugin is at work */
    _Atomic uint32_t limit_ms;
    char call[32]; /* the last one that was made: "next()" */
    bool done;     /* the check came to its end             */
    enum plugin_test_result result;
    char text[768];
    struct sme_error err; /* of the look before all checks  */
};

struct guarded_item {
    struct sme_item item;
    uint8_t canary[SOURCE_CANARY];
};

struct guarded_error {
    struct sme_error err;
    uint8_t canary[SOURCE_CANARY];
};

struct process_state;

struct source_check {
    struct plugin_check check;
    const struct plugin_test_source *params;
    const struct sme_source_ops *ops;
    struct source_watch *watch;
    struct instance *instance;
    void *handle;
    struct guarded_error failure;
    uint8_t *buffer;                    /* SOURCE_BUFFER bytes and a canary                */
    const struct process_state *before; /* descriptors that are new since then are looked at */
    int output_fd;                      /* holds what went to standard output and error    */
    char state_dir[PLUGIN_TEST_PATH];
    unsigned hangs;        /* checks that ended in one */
    _Atomic int cancelled; /* what host->cancelled() answers */
};

/* ---- plugin_test_source_calls.c: calls, each with the checks that fit all of it ------------ */

/* The host table that plugins get here. */
void source_host_fill(struct source_check *at);
/* create(): false has failed the check. */
bool source_open(struct source_check *at);
void source_close(struct source_check *at);
/* What the calls return, whatever it is; a breach of their rules fails the check. */
int source_begin(struct source_check *at, uint32_t flags);
int source_next(struct source_check *at, struct guarded_item *item);
int64_t source_read(struct source_check *at, void *stream, size_t len);
void source_close_stream(struct source_check *at, void *stream);
int source_end(struct source_check *at, int outcome);
/* Around a call of another kind. */
void source_enter(struct source_check *at, const char *call);
void source_leave(struct source_check *at);
/* Fail: "expected ${expected} from ${call}, got io: message". */
bool source_failed(struct source_check *at, const char *call, const char *expected, int64_t status);
/* Is the check still good? */
bool source_is_good(const struct source_check *at);

/* One run from begin() to end(). */
struct source_run {
    uint32_t flags;         /* SME_RUN_*                                             */
    int outcome;            /* SME_COMMIT only where nothing was cut                 */
    uint64_t most_bytes;    /* of one stream; then the next item is asked for        */
    size_t read_size;       /* at most SOURCE_BUFFER                                 */
    size_t most_items;      /* then the run is aborted                               */
    struct item_list *list; /* is filled and checked; may be NULL                  */
    size_t items, streams;  /* what came                                           */
    bool is_cut;            /* there was more                                      */
};
bool source_run(struct source_check *at, struct source_run *run);

/* ---- plugin_test_source_items.c ----------------------------------------------------------- */

struct item_list {
    char **paths;
    size_t *lens;
    size_t count;
};
/* Is ${item} one that the core can keep? */
bool source_check_item(struct source_check *at, struct item_list *list,
                       const struct sme_item *item);
/* Was none of them yielded twice? */
bool source_check_list(struct source_check *at, const struct item_list *list);
void item_list_free(struct item_list *list);

/* ---- plugin_test_source_process.c --------------------------------------------------------- */

struct process_state *process_state_new(void); /* NULL: no memory */
void process_state_free(struct process_state *state);
/* Folder, umask, environment, signals, locale. */
bool source_check_process(struct source_check *at, const struct process_state *before);
/* Descriptors, threads, children. */
bool source_check_leftovers(struct source_check *at, const struct process_state *before);
/* Descriptors that are new are closed on exec. */
bool source_check_descriptors(struct source_check *at, const struct process_state *before);
/* The first telling line of what was written to standard output and error; false: nothing. */
bool source_output(int fd, char *out, size_t size);
/* Names, sizes and times below ${path} as one number. */
uint64_t source_tree_mark(const char *path);

/* ---- plugin_test_source_streams.c --------------------------------------------------------- */

void source_check_streams(struct source_check *at);
void source_check_cancel(struct source_check *at);

/* ---- plugin_test_source_child.c ----------------------------------------------------------- */

typedef void source_check_fn(struct source_check *at);
/* ${make} in a process of its own; what became of it is in at->check, and ${watch} filled. */
void source_check_apart(struct source_check *at, source_check_fn *make);

#endif
