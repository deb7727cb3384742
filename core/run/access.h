/*
 * From a configured sink to an open repository.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_ACCESS_H
#define SME_RUN_ACCESS_H

#include "../config/conf.h"
#include "../repo/repo.h"

/* A sink plugin, loaded and opened, with its store, keys and repository. */
struct access {
    struct plugin *plugin;
    struct instance *instance;
    struct store *store;
    struct keyring keys;
    struct repo *repo;
};

/* Load the plugin and make the instance.  The place itself may be missing: for init. */
int access_place(const struct conf *conf, const struct conf_sink *sink, struct access *ret_access,
                 struct sme_error *err);
/* The same, and check that the place is there.  No keys yet. */
int access_sink(const struct conf *conf, const struct conf_sink *sink, struct access *ret_access,
                struct sme_error *err);
/* The same, then load the key file and open the repository. */
int access_open(const struct conf *conf, const struct conf_sink *sink, struct access *ret_access,
                struct sme_error *err);
void access_close(struct access *access); /* accepts a zeroed one */

#endif
