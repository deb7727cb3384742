/*
 * Examining this host and the repositories that it backs up to.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Changes nothing.  What the place of a repository protects is left to its sink's audit().
 */
#ifndef SME_RUN_DOCTOR_H
#define SME_RUN_DOCTOR_H

#include "../config/conf.h"
#include "../../include/sme-backup/sink.h"

struct doctor_request {
    const struct conf *conf;
    const struct conf_sink *const *sinks;
    size_t sink_count;
    /* A newest snapshot older than this is a failure.  0: 26 hours a warning, 7 days a failure. */
    int64_t max_age_sec;
    /* The findings that follow are of this sink; NULL: of this host. */
    void (*about)(void *cookie, const char *sink);
    sme_finding_fn *report;
    void *cookie;
};

/* EXIT_DONE if nothing was of level FAIL; else EXIT_DAMAGED, EXIT_KEY or EXIT_UNREACHABLE, in this
 * order, if a failure was of that kind, else EXIT_FAILED. */
enum exit_code doctor_run(const struct doctor_request *request);

#endif
