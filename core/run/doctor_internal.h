/*
 * What the parts of the doctor share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_DOCTOR_INTERNAL_H
#define SME_RUN_DOCTOR_INTERNAL_H

#include "../base/error.h"
#include "doctor.h"

struct doctor {
    const struct doctor_request *request;
    enum exit_code exit;
};

/* ${fix} may be NULL. */
void doctor_say(struct doctor *doctor, uint32_t level, const char *subject, const char *fix,
                const char *fmt, ...) SME_PRINTF(5, 6);
/* A failure as a finding; its class decides the exit code. */
void doctor_fail(struct doctor *doctor, const char *subject, const struct sme_error *failure);

/* Configuration, plugins, folders, schedule. */
void doctor_host(struct doctor *doctor);
/* Is there a timer or a line of cron that runs this program? */
void doctor_schedule(struct doctor *doctor);

#endif
