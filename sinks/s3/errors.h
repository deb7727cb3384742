/*
 * From what S3 answers to what the core does next.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SINKS_S3_ERRORS_H
#define SME_SINKS_S3_ERRORS_H

#include "call.h"

/* What would make a repetition of a refused request succeed. */
enum s3_remedy {
    S3_NO_REMEDY,
    S3_OTHER_REGION, /* redirected, or signed for another region */
    S3_OTHER_CLOCK,
    S3_OTHER_KEYS, /* expired, or unknown to the server */
};

struct s3_failure {
    int status; /* SME_E_* */
    enum s3_remedy remedy;
    const char *hint; /* static text or NULL */
};

/* Class of the reply ${reply}, which is not 2xx.  Codes and their statuses: "Error responses" of
 * the S3 API reference. */
struct s3_failure s3_classify(const struct s3_reply *reply, bool is_object);

/* Fill code and text of ${reply} from the XML of a failure; a body that is not one is left.
 * ${ret_region}: the element <Region>, "" without one. */
void s3_read_error(struct s3_reply *reply, const char *body, size_t len, char ret_region[64]);

#endif
