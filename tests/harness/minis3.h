/*
 * A store in memory behind HTTP: as much of S3 as a sink needs, for the conformance suite.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * One bucket, path style.  Signatures are not checked, checksums of bodies are.  Listings come in
 * pages of ${page} entries.
 */
#ifndef SME_TESTS_MINIS3_H
#define SME_TESTS_MINIS3_H

#include "httpd.h"

struct minis3_object {
    char key[1100];
    uint8_t *data;
    size_t len;
};

struct minis3 {
    struct httpd *httpd;
    char bucket[64];
    unsigned page;
    bool exists;         /* the bucket */
    unsigned list_fails; /* every so many-th request for a page is answered 503; 0: none */
    unsigned lists;      /* such requests so far */
    struct minis3_object *objects;
    size_t count, cap;
    char *reply; /* body of the reply being sent */
    uint8_t *sent;
};

struct minis3 *minis3_new(const char *bucket, unsigned page);
void minis3_free(struct minis3 *store);

#endif
