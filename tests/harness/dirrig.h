/*
 * One directory sink on the folder "repo" of a scratch folder, with a host of the test.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_DIRRIG_H
#define SME_TESTS_DIRRIG_H

#include "../conformance/sink_suite.h"
#include "fakehost.h"

#include <limits.h>
#include <sys/types.h>

struct dirrig {
    struct sink_rig suite; /* first: the suite sees only this */
    struct plugin *plugin;
    struct fakehost fake;
    char *scratch;
    char root[PATH_MAX];
};

/* A build may leave the sink out. */
bool dirrig_is_built(void);

/* For cmocka: with and without the folder; tear-down also becomes root again. */
int dirrig_set_up(void **state);
int dirrig_set_up_missing(void **state);
int dirrig_tear_down(void **state);

const struct sme_sink_ops *dirrig_ops(const struct dirrig *rig);
void *dirrig_handle(const struct dirrig *rig);
/* Another open instance, with this value of the option "direct". */
struct instance *dirrig_instance(struct dirrig *rig, const char *direct);
void dirrig_reopen(struct dirrig *rig, const char *direct);
/* A create-only put of a text. */
int dirrig_put(struct dirrig *rig, const char *key, const char *text, struct sme_error *err);

void dirrig_path(const struct dirrig *rig, const char *name, char out[PATH_MAX]);
mode_t dirrig_mode(const struct dirrig *rig, const char *name);
bool dirrig_exists(const struct dirrig *rig, const char *name);
/* Entries in the folder of temporaries; 0 if it is not there. */
unsigned dirrig_temporaries(const struct dirrig *rig);
/* Is ${text} in the message or the hint?  If not, it is printed. */
bool dirrig_says(const struct sme_error *err, const char *text);
/* Root sees everything; permissions are tested as somebody else.  Skips if that cannot be. */
void dirrig_become_nobody(struct dirrig *rig);

#endif
