/*
 * A server under test.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "serverrig.h"

#include <stdlib.h>

int serverrig_start(void **state)
{
    struct serverrig *f = calloc(1, sizeof *f);

    *state = f;
    (void)pgrig_start(&f->rig, true);
    return 0;
}

int serverrig_stop(void **state)
{
    struct serverrig *f = *state;

    pgrig_stop(&f->rig);
    free(f);
    return 0;
}

int serverrig_fresh(void **state)
{
    struct serverrig *f = *state;

    fakehost_init(&f->fake, "databases");
    f->err = (struct sme_error){.struct_size = sizeof f->err};
    memset(&f->options, 0, sizeof f->options);
    memset(&f->server, 0, sizeof f->server);
    return 0;
}

int serverrig_done(void **state)
{
    struct serverrig *f = *state;

    server_done(&f->server);
    fakehost_done(&f->fake);
    return 0;
}

struct serverrig *serverrig_begin(void **state)
{
    struct serverrig *f = *state;

    if (!f->rig.running) {
        skip(); /* PostgreSQL is not installed */
    }
    return f;
}

int serverrig_find(struct serverrig *f)
{
    return server_find(&f->fake.host, &f->options, &f->server, &f->err);
}

void serverrig_must(struct serverrig *f, int status)
{
    if (status < 0) {
        fail_msg("%s (%s)", f->err.message, f->err.hint);
    }
}

void serverrig_sql(struct serverrig *f, const char *sql)
{
    free(pgrig_sql(&f->rig, "postgres", sql));
}
