/*
 * Restores under test: a server, dumps of its database "shop" by its own pg_dump, and a restore
 * that is given them as the core would.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_RESTORERIG_H
#define SME_TESTS_RESTORERIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/postgresql/restore.h"
#include "fakehost.h"
#include "pgrig.h"

#include <stdlib.h>

#define RESTORERIG_PROBLEMS 32

struct restorerig {
    struct pgrig rig;
    struct fakehost fake;
    struct pg_options options;
    struct pg_restore_options request;
    uint32_t flags;
    char into[256];
    char scratch[128];
    struct restore *restore;
    struct sme_error err;
    size_t problem_count;
    char problems[RESTORERIG_PROBLEMS][300];
    size_t stop_at; /* bytes of an archive after which the server is stopped; 0: never */
};

/* The server, for all tests of a group, and what each test needs. */
int restorerig_start(void **state);
int restorerig_stop(void **state);
int restorerig_setup(void **state);
int restorerig_teardown(void **state);
/* Ask for ${database} and ${table} of the snapshot, to be restored into "shop_new"; skips the test
 * where PostgreSQL is not installed. */
struct restorerig *restorerig_begin(void **state, const char *database, const char *table);

/* Roles and the database as one archive; the database in parts. */
int restorerig_whole(struct restorerig *f);
int restorerig_split(struct restorerig *f);
/* The same, call by call. */
int restorerig_open(struct restorerig *f);
int restorerig_send(struct restorerig *f, const char *path, const char *part, const char *table,
                    const char *file);
int restorerig_close(struct restorerig *f, int status);

/* ${status} is success, and there was no problem. */
void restorerig_must(struct restorerig *f, int status);
bool restorerig_problem(const struct restorerig *f, const char *text);
void restorerig_no_problems(const struct restorerig *f);
/* As superuser. */
void restorerig_tell(struct restorerig *f, const char *database, const char *sql);
void restorerig_ask(struct restorerig *f, const char *database, const char *sql,
                    const char *expected);
/* Everything is there; table orders is, with all that belongs to it. */
void restorerig_expect_shop(struct restorerig *f, const char *database);
void restorerig_expect_orders(struct restorerig *f, const char *database);

#endif
