/*
 * Driving the filesystem source as the core does, in a scratch directory.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_FILESYSTEM_RIG_H
#define SME_TESTS_FILESYSTEM_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../include/sme-backup/source.h"

#define FRESH_ERROR                                                                                \
    {                                                                                              \
        .struct_size = sizeof(struct sme_error)                                                    \
    }

/* A scratch directory, which is the working directory of the test, and a host. */
struct scratch {
    char path[256];
    struct sme_host host;
    unsigned polls_left; /* until cancelled() is true */
    char last_log[512];
};

int scratch_set_up(void **state);
int scratch_tear_down(void **state);

/* Become nobody if this is root, until tear-down or become_root(); skips the test if nobody
 * cannot reach the scratch directory. */
void become_nobody(struct scratch *scratch);
void become_root(void);

void make_file(const char *path, const char *content);
void make_dir(const char *path);
int count_descriptors(void);

/* How the plugin is configured; zeroes are its defaults and the scratch directory as path. */
struct setup {
    const char *const *paths; /* absolute, or relative to the scratch directory */
    size_t path_count;
    const char *const *exclude;
    size_t exclude_count;
    const char *exclude_file;
    bool with_caches;
    bool all_file_systems;
    uint64_t exclude_larger;
};
#define PATHS(...)                                                                                 \
    .paths = (const char *const[]){__VA_ARGS__},                                                   \
    .path_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
#define EXCLUDE(...)                                                                               \
    .exclude = (const char *const[]){__VA_ARGS__},                                                 \
    .exclude_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

struct rig {
    void *config;
    void *handle;
    char *names[8];
    const char *paths[8];
};

void rig_open(struct rig *rig, struct scratch *scratch, const struct setup *setup);
void rig_close(struct rig *rig);
int rig_begin(struct rig *rig, struct sme_error *err);
int rig_next(struct rig *rig, struct sme_item *item, struct sme_error *err);
void rig_end(struct rig *rig);

/* What source.h says of items, checked for each: order, text of the path, and that a located
 * item can be found. */
struct checker {
    char *last;
    size_t last_len;
    size_t count;
};

void check_item(struct checker *checker, const struct sme_item *item);
void checker_done(struct checker *checker);

/*
 * Walk to the end, and write down the items, a line for each: a letter for its type (f d l p s c b,
 * '?' for unknown), '!' if it failed, '-' if it was skipped, '~' if it is not located, path, and
 * why.
 */
void rig_walk_text(struct rig *rig, char *text, size_t size);

/* Walk twice, with one begin() and end() each, and compare the items with ${expected}. */
void check_walk(struct scratch *scratch, const struct setup *setup, const char *expected);

/* check() and begin() fail with ${status}, ${hint} (unless NULL) and ${message}, in which '@'
 * stands for the scratch directory. */
void check_begin_fails(struct scratch *scratch, const struct setup *setup, int status,
                       const char *message, const char *hint);

/* check_walk() for several paths: the directories above the scratch directory and itself come
 * first, and '@' stands for its path without the leading '/'. */
void check_full_walk(struct scratch *scratch, const struct setup *setup, const char *expected);

#endif
