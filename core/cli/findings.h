/*
 * Findings of setup and doctor: printing, counting, JSON.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_FINDINGS_H
#define SME_CLI_FINDINGS_H

#include "../../include/sme-backup/sink.h"
#include "cli.h"

struct findings {
    struct cli *cli;
    const char *sink; /* that the next ones concern; NULL: this host */
    bool colour;
    bool begun;        /* something was printed             */
    const char *shown; /* the sink whose heading was printed */
    uint64_t counts[SME_FINDING_CHANGE + 1];
    json_t *list;
};

void findings_init(struct findings *findings, struct cli *cli);
void findings_done(struct findings *findings);
/* The findings that follow are of this sink (NULL: of this host). */
void findings_about(struct findings *findings, const char *sink);
/* A sme_finding_fn; ${cookie} is the struct findings. */
int findings_add(void *cookie, const struct sme_finding *finding);
/* The same from its parts; ${fix} may be NULL. */
void findings_say(struct findings *findings, uint32_t level, const char *subject, const char *text,
                  const char *fix);
/* A failure as a finding of level FAIL. */
void findings_fail(struct findings *findings, const char *subject, const struct sme_error *failure);
/* The last line: "12 passed, 1 note". */
void findings_total(struct findings *findings);
/* "findings" and "counts" into ${document}. */
void findings_json(struct findings *findings, json_t *document);

/* The name of a sink that stands behind the command or with --sink; both are refused unless they
 * agree.  *ret_name is NULL if none was given. */
int findings_sink_name(struct cli *cli, const char **ret_name);

#endif
