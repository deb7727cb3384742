/*
 * A repository: its descriptor, and one source's part of it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_REPO_REPO_H
#define SME_REPO_REPO_H

#include "../crypto/keyring.h"
#include "store.h"

struct repo {
    struct store *store; /* not owned */
    struct keyring keys; /* copy, wiped by repo_free() */
    int64_t created_sec;
};

/* Write the descriptor of a new repository, create-only.  One that exists: SME_E_EXISTS.  A place
 * that holds objects of an unknown repository without a descriptor is refused too. */
int repo_init(struct store *store, const struct keyring *keys, struct sme_error *err);

/* Read and check the descriptor.  Missing: SME_E_NOT_FOUND with the hint to run init; made by a
 * newer version: SME_E_UNSUPPORTED; other repository or wrong writer secret: SME_E_KEY; damaged:
 * SME_E_CORRUPT. */
int repo_open(struct store *store, const struct keyring *keys, struct repo **ret_repo,
              struct sme_error *err);
void repo_free(struct repo *repo);

/* Names of the sources that have snapshots in the repository, sorted, NULL-terminated; release
 * with plugin_names_free(). */
int repo_sources(struct repo *repo, char ***ret_names, struct sme_error *err);

#endif
