/*
 * The bucket policy: a JSON document that we share with others.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Our statements have a Sid that begins with POLICY_OURS.  A statement is put in place of the one
 * with the same Sid, or added; every other one stays as it is, in its place.
 */
#ifndef SME_SINKS_S3_BUCKET_POLICY_DOC_H
#define SME_SINKS_S3_BUCKET_POLICY_DOC_H

#include "text.h"

#include <jansson.h>

#define POLICY_OURS "SmeBackup"

/* First part of ARNs in ${region}: "aws", "aws-cn" ... */
const char *policy_partition(const char *region);

/* Read a policy; ${len} 0: make an empty one.  SME_E_CORRUPT where it is not one. */
int policy_doc_parse(const char *text, size_t len, json_t **ret_doc, struct sme_error *err);

/* Put ${statement} (borrowed) into ${doc}.  ${ret_changed}: it was not there, or another one. */
int policy_doc_put(json_t *doc, json_t *statement, bool *ret_changed, struct sme_error *err);

/* The statement with that Sid, or NULL. */
json_t *policy_doc_find(const json_t *doc, const char *sid);

/* Do both mean the same?  A store may write "x" as ["x"], and lists in another order. */
bool policy_same(const json_t *a, const json_t *b);

/* Refuses what comes without TLS; ${version}: what comes with one older than 1.2. */
int policy_doc_tls(const char *partition, const char *bucket, bool version, json_t **ret_statement,
                   struct sme_error *err);
/* Refuses to make objects below ${prefix} without If-None-Match, so that none is overwritten. */
int policy_doc_create_only(const char *partition, const char *bucket, const char *prefix,
                           json_t **ret_statement, struct sme_error *err);

#endif
