/*
 * A server under test: a cluster with peer authentication, and what a test needs to look at it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_SERVERRIG_H
#define SME_TESTS_SERVERRIG_H

#include "../../plugins/postgresql/server.h"
#include "fakehost.h"
#include "pgrig.h"

struct serverrig {
    struct pgrig rig;
    struct fakehost fake;
    struct pg_options options;
    struct server server;
    struct sme_error err;
};

/* For a group of tests, and for each of them. */
int serverrig_start(void **state);
int serverrig_stop(void **state);
int serverrig_fresh(void **state);
int serverrig_done(void **state);

/* The rig; skips the test if PostgreSQL is not installed. */
struct serverrig *serverrig_begin(void **state);
/* server_find() with the options of the rig. */
int serverrig_find(struct serverrig *f);
/* Fail the test with message and hint if ${status} is a failure. */
void serverrig_must(struct serverrig *f, int status);
/* Run it as superuser in database postgres. */
void serverrig_sql(struct serverrig *f, const char *sql);

#define SERVERRIG_TEST(name) cmocka_unit_test_setup_teardown(name, serverrig_fresh, serverrig_done)

#endif
