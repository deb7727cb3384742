/*
 * One HTTP request through libcurl: handles are kept and reused, bodies are bounded.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SINKS_S3_HTTP_H
#define SME_SINKS_S3_HTTP_H

#include "call.h"

/* What goes over the wire; everything is ready to be sent. */
struct http_exchange {
    const struct s3_request *request;
    const char *url;
    const struct s3_pair *headers; /* all that are sent, Host and Authorization among them */
    size_t header_count;
};

int http_new(struct s3_http **ret_http, struct sme_error *err);
void http_free(struct s3_http *http); /* accepts NULL; no request is under way */

/*
 * SME_OK: the reply is whole, whatever its status, with its headers in ${reply}; an error's body
 * is in reply->body.  Otherwise no usable reply came: SME_E_TRANSIENT for what may go by,
 * SME_E_CANCELLED, SME_E_DENIED (TLS), SME_E_CORRUPT (a body longer than it may be).
 */
int http_run(struct s3 *s3, const struct http_exchange *exchange, const char *what,
             struct s3_reply *reply, struct sme_error *err);

#endif
