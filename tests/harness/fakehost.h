/*
 * A host for plugins under test: remembers what was logged, has a clock and random bytes that are
 * the same each time, and is cancelled when the test says so.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_FAKEHOST_H
#define SME_TESTS_FAKEHOST_H

#include "../../include/sme-backup/common.h"

#include <pthread.h>

#define FAKEHOST_LINES 64

struct fakehost {
    struct sme_host host;
    pthread_mutex_t lock; /* guards what follows */
    unsigned line_count;  /* all lines; the last FAKEHOST_LINES are kept */
    int levels[FAKEHOST_LINES];
    char lines[FAKEHOST_LINES][256];
    uint64_t seed;
    int64_t now_ns;     /* one second later at each look */
    unsigned polls;     /* of cancelled() so far         */
    unsigned cancel_at; /* true from this poll on; 0: never */
    bool random_fails;
};

void fakehost_init(struct fakehost *fake, const char *instance);
void fakehost_done(struct fakehost *fake);
/* Was a line with ${text} in it logged at ${level}? */
bool fakehost_logged(struct fakehost *fake, int level, const char *text);

#endif
