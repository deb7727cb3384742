/*
 * Dumps under test: a server with odd databases, and all that is read of them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Databases: "shop" (partitions, heirs, a view), DUMPRIG_ODD (odd names all over), "big" (one table
 * of 70 MiB in it).  Role "reader" may log in and read nothing.
 */
#ifndef SME_TESTS_DUMPRIG_H
#define SME_TESTS_DUMPRIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fakehost.h"
#include "pgrig.h"
#include "../../plugins/postgresql/dump.h"

#define DUMPRIG_RECORDS 64
#define DUMPRIG_ODD "o'dd \"na=me\"\n/x"
#define DUMPRIG_ODD_FILE "o'dd \"na=me\"%0A%2Fx"
#define FRESH_ERROR ((struct sme_error){.struct_size = sizeof(struct sme_error)})

struct dumprig {
    struct fakehost fake;
    struct server server;
    struct pg_options options;
    struct dump *dump;
    pthread_mutex_t lock;
    int open, most_open; /* streams but facts, guarded by the lock */
};

/* An item that was yielded, and all that was read of it. */
struct dumprig_record {
    struct dumprig *rig;
    struct dump_stream *stream;
    pthread_t thread;
    bool folder;
    unsigned mode;
    char path[400];
    char part[16];
    char database[100];
    char table[100];
    char *data;
    size_t len;
    size_t room;
    int64_t status;
    struct sme_error err;
};

struct dumprig_result {
    struct dumprig_record items[DUMPRIG_RECORDS];
    size_t count;
    int status; /* of the last dump_next() */
    struct sme_error err;
};

/* The server, for all tests of a group. */
int dumprig_start(void **state);
int dumprig_stop(void **state);
struct pgrig *dumprig_cluster(void);

/* A superuser, or somebody else, and two jobs. */
void dumprig_open(struct dumprig *rig);
void dumprig_open_as(struct dumprig *rig, const char *conninfo);
/* Database "big" alone, to be split. */
void dumprig_open_split(struct dumprig *rig, int64_t jobs);
/* One database only; ${name} stays the caller's. */
void dumprig_only(struct dumprig *rig, const char *const *name);
/* Use a folder of programs in which ${name} is this shell script, where $REAL is the real one. */
void dumprig_fake_program(struct dumprig *rig, const char *name, const char *body);
void dumprig_begin(struct dumprig *rig);
void dumprig_close(struct dumprig *rig);

/* The first value of what ${sql} returns, to be freed; "" if there is none. */
char *dumprig_ask(const char *database, const char *sql);
void dumprig_tell(const char *database, const char *sql);
/* Wait until no session is left at the server. */
void dumprig_expect_no_sessions(void);

/* Everything, each stream read by a thread of its own. */
struct dumprig_result *dumprig_run(struct dumprig *rig);
void dumprig_expect_success(const struct dumprig_result *result);
const struct dumprig_record *dumprig_find(const struct dumprig_result *result, const char *path);
void dumprig_result_free(struct dumprig_result *result);

/* One by one: as dump_next(). */
int dumprig_next(struct dumprig *rig, struct dumprig_record *record, struct sme_error *err);
/* Read and throw away all before ${path}. */
void dumprig_take_until(struct dumprig *rig, struct dumprig_record *record, const char *path);
void dumprig_read_all(struct dumprig_record *record);
void dumprig_close_stream(struct dumprig_record *record);

/* Does pg_restore --list show ${text}? */
bool dumprig_archive_has(const struct dumprig *rig, const struct dumprig_record *record,
                         const char *text);
/* Rows of a table in the facts; -1: null; -2: no such table. */
long long dumprig_rows(const struct dumprig_record *record, const char *schema, const char *name);

#endif
