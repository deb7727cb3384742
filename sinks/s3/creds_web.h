/*
 * Credentials of a container: web identity (STS), and the container endpoint.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SINKS_S3_CREDS_WEB_H
#define SME_SINKS_S3_CREDS_WEB_H

#include "creds_parse.h"

struct creds_web {
    const struct sme_host *host;
    const char *ca_file;
    bool no_proxy;
    char endpoint[1024]; /* whole address, of the container endpoint: never shown */
    char shown[256];     /* its host */
    char role[256];      /* ARN, web identity only */
    char session[65];
    char token_file[512]; /* "" without one */
    char *token;          /* of the environment, NULL without one; wiped */
};

/*
 * SME_OK if configured, SME_E_NOT_FOUND if not; anything else is a wrong setting.  Makes no
 * request.  creds_web_done() in every case.
 */
int creds_web_identity_init(struct creds_web *web, const struct sme_host *host,
                            const struct s3_config *config, const char *region,
                            struct sme_error *err);
int creds_web_container_init(struct creds_web *web, const struct sme_host *host,
                             struct sme_error *err);
void creds_web_done(struct creds_web *web);

int creds_web_identity_fetch(struct creds_web *web, struct creds_found *ret_found,
                             struct sme_error *err);
int creds_web_container_fetch(struct creds_web *web, struct creds_found *ret_found,
                              struct sme_error *err);

#endif
