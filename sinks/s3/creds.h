/*
 * Credentials: where they come from, and that they are fresh.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * In this order, the first that is configured decides (it does not fall through on failure):
 * options of the sink; environment; shared credentials file; web identity (AWS_ROLE_ARN and
 * AWS_WEB_IDENTITY_TOKEN_FILE, STS AssumeRoleWithWebIdentity); container endpoint
 * (AWS_CONTAINER_CREDENTIALS_*); EC2 instance metadata, version 2 only.
 *
 * Any thread; while one thread fetches, others wait or use what is still good.
 */
#ifndef SME_SINKS_S3_CREDS_H
#define SME_SINKS_S3_CREDS_H

#include "s3.h"

struct s3_keys {
    char access[160];
    char secret[160];
    char token[8192]; /* "" without one */
    uint64_t generation;
};

/* ${region} is needed by the web identity's endpoint.  Makes no request. */
int s3_creds_new(const struct sme_host *host, const struct s3_config *config, const char *region,
                 struct s3_creds **ret_creds, struct sme_error *err);
void s3_creds_free(struct s3_creds *creds); /* accepts NULL */

/* Copy the keys that are good now; temporary ones are renewed 5 min before they expire (half of
 * their life for shorter ones).  If the renewal fails, those at hand are used on (also beyond
 * their end: the store decides) and it is tried again after a while.  Wipe ${ret_keys} after
 * use: s3_keys_wipe(). */
int s3_creds_get(struct s3_creds *creds, struct s3_keys *ret_keys, struct sme_error *err);
void s3_keys_wipe(struct s3_keys *keys);
/* The store refused the keys of ${generation}.  True: others may be had by the next
 * s3_creds_get(), so that repeating makes sense (at most once per generation). */
bool s3_creds_refused(struct s3_creds *creds, uint64_t generation);
/* "the role 'backup' of the EC2 instance (metadata service)"; no secret.  ${out} is filled. */
void s3_creds_describe(struct s3_creds *creds, char *out, size_t size);
/* The region that the metadata service tells; SME_E_NOT_FOUND where there is none. */
int s3_creds_instance_region(const struct sme_host *host, const struct s3_config *config,
                             char out[64], struct sme_error *err);

#endif
