/*
 * Credentials and region of an EC2 instance: its metadata service, version 2 only.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SINKS_S3_CREDS_IMDS_H
#define SME_SINKS_S3_CREDS_IMDS_H

#include "creds_parse.h"

struct creds_imds {
    const struct sme_host *host;
    char base[256];  /* "http://169.254.169.254" */
    bool disabled;   /* AWS_EC2_METADATA_DISABLED */
    bool reached;    /* something listens there */
    char role[129];  /* "" until it was told */
    char token[512]; /* of the requests under way */
    unsigned connect_ms, total_ms;
    unsigned tries; /* to get a token */
};

/* SME_E_INVALID: the address cannot be used.  Makes no request. */
int creds_imds_init(struct creds_imds *imds, const struct sme_host *host,
                    const struct s3_config *config, struct sme_error *err);
/* One fetch at a time. */
int creds_imds_fetch(struct creds_imds *imds, struct creds_found *ret_found, struct sme_error *err);
int creds_imds_region(struct creds_imds *imds, char out[64], struct sme_error *err);

#endif
