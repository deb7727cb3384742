/*
 * The audit's look from outside, and at what lies about.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "audit.h"

#include <string.h>

/* May anybody do this? */
static int ask_anonymously(struct audit *audit, const char *key, bool *ret_answered)
{
    const struct s3_pair query[] = {{"list-type", "2"}, {"max-keys", "1"}};
    const struct s3_request request = {
        .method = key != NULL ? "HEAD" : "GET",
        .key = key,
        .query = query,
        .query_count = key != NULL ? 0 : 2,
        .anonymous = true,
    };
    struct s3_reply reply = {0};
    int status = audit_call(audit, &request, "anonymous request", &reply);

    /* A refusal that says nothing about the bucket is a refusal too. */
    if (status != SME_OK && reply.http >= 300 && reply.http < 500 && status != SME_E_NO_MEMORY &&
        status != SME_E_CANCELLED)
        status = SME_OK;
    if (status == SME_OK)
        *ret_answered = reply.http / 100 == 2;
    s3_reply_done(&reply);
    return status;
}

static int look_from_outside(struct audit *audit)
{
    static const char subject[] = "public exposure";
    static const char fix[] = "sme-backup setup turns Block Public Access on; treat what was "
                              "readable as known to others";
    const struct sme_area *descriptor = audit_area(audit, SME_AREA_DESCRIPTOR);
    bool lists = false, reads = false;
    char key[AUDIT_KEY_MAX];
    int status = ask_anonymously(audit, NULL, &lists);

    if (status == SME_OK && descriptor != NULL && audit_key(audit, descriptor->prefix, "", key))
        status = ask_anonymously(audit, key, &reads);
    if (status != SME_OK)
        return status;
    if (lists)
        audit_say(audit, SME_FINDING_FAIL, subject, fix, "anybody may list the bucket");
    if (reads)
        audit_say(audit, SME_FINDING_FAIL, subject, fix, "anybody may read objects");
    if (!lists && !reads)
        audit_say(audit, SME_FINDING_PASS, subject, NULL,
                  "requests without a signature are refused");
    return SME_OK;
}

/* Parts of uploads that were never completed are billed, and no listing shows them. */
static int look_at_uploads(struct audit *audit)
{
    static const struct audit_part part = {
        .subject = "unfinished uploads",
        .resource = "uploads",
        .root = "ListMultipartUploadsResult",
        .permission = "s3:ListBucketMultipartUploads",
        .unsupported = SME_FINDING_NOTE,
    };
    struct s3_xml *tree = NULL;
    unsigned count = 0;
    bool more;
    int answer = audit_fetch(audit, &part, &tree, NULL);

    if (answer != AUDIT_THERE)
        return answer < 0 ? answer : SME_OK;
    for (const struct s3_xml *upload = s3_xml_child(tree, "Upload"); upload != NULL;
         upload = s3_xml_again(upload))
        count++;
    more = strcmp(s3_xml_text(tree, "IsTruncated"), "true") == 0;
    s3_xml_free(tree);
    if (count == 0)
        audit_say(audit, SME_FINDING_PASS, part.subject, NULL, "none");
    else
        audit_say(audit, SME_FINDING_NOTE, part.subject,
                  "sme-backup setup adds a lifecycle rule that removes them",
                  "%s%u multipart uploads were begun and not completed (not by sme-backup), and "
                  "are billed",
                  more ? "more than " : "", count);
    return SME_OK;
}

int audit_exposure(struct audit *audit)
{
    int status = look_from_outside(audit);

    return status == SME_OK ? look_at_uploads(audit) : status;
}
