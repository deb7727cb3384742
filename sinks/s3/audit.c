/*
 * The audit of a bucket: order of the checks, findings, requests.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "audit.h"
#include "creds.h"

#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX 10000u
#define SKEW_WARNING_SEC 300
#define SKEW_REFUSED_SEC 900

/* ---- findings ----------------------------------------------------------------------------- */

static char *format(const char *fmt, va_list ap) SME_PRINTF(1, 0);
static char *format(const char *fmt, va_list ap)
{
    char *text = NULL;

    return vasprintf(&text, fmt, ap) < 0 ? NULL : text;
}

void audit_say(struct audit *audit, uint32_t level, const char *subject, const char *fix,
               const char *fmt, ...)
{
    struct audit_finding finding = {.level = level, .subject = subject};
    va_list ap;

    if (audit->count == audit->cap) {
        size_t cap = audit->cap == 0 ? 64 : audit->cap * 2;
        struct audit_finding *more = NULL;

        if (cap <= FINDINGS_MAX)
            more = reallocarray(audit->findings, cap, sizeof *more);
        if (more == NULL) {
            audit->failed = true;
            return;
        }
        audit->findings = more;
        audit->cap = cap;
    }
    va_start(ap, fmt);
    finding.text = format(fmt, ap);
    va_end(ap);
    finding.fix = strdup(fix != NULL ? fix : "");
    if (finding.text == NULL || finding.fix == NULL) {
        free(finding.text);
        free(finding.fix);
        audit->failed = true;
        return;
    }
    audit->findings[audit->count++] = finding;
}

static int report_all(const struct audit *audit, sme_finding_fn *report, void *cookie)
{
    int status = SME_OK;

    for (size_t i = 0; status == SME_OK && i < audit->count; i++) {
        const struct audit_finding *own = &audit->findings[i];
        const struct sme_finding finding = {
            .struct_size = sizeof finding,
            .level = own->level,
            .subject = own->subject,
            .text = own->text,
            .fix = own->fix,
        };

        status = report(cookie, &finding);
    }
    return status;
}

static void drop_all(struct audit *audit)
{
    for (size_t i = 0; i < audit->count; i++) {
        free(audit->findings[i].text);
        free(audit->findings[i].fix);
    }
    free(audit->findings);
}

/* ---- keys --------------------------------------------------------------------------------- */

const struct sme_area *audit_area(const struct audit *audit, uint32_t kind)
{
    for (uint32_t i = 0; i < audit->layout->area_count; i++) {
        if (audit->layout->areas[i].kind == kind)
            return &audit->layout->areas[i];
    }
    return NULL;
}

bool audit_key(const struct audit *audit, const char *prefix, const char *name,
               char out[AUDIT_KEY_MAX])
{
    int len = snprintf(out, AUDIT_KEY_MAX, "%s%s%s", audit->s3->prefix, prefix, name);

    return len >= 0 && len < AUDIT_KEY_MAX;
}

int audit_random_name(struct audit *audit, const char *word, char out[64])
{
    uint8_t bytes[8];
    int status = audit->s3->host->random(audit->s3->host, bytes, sizeof bytes);
    size_t len;

    if (status != SME_OK)
        return sme_fail(audit->err, SME_E_IO, "no random bytes for the name of a probe");
    len = (size_t)snprintf(out, 32, "%s-", word);
    for (size_t i = 0; i < sizeof bytes; i++)
        len += (size_t)snprintf(out + len, 64 - len, "%02x", bytes[i]);
    return SME_OK;
}

/* ---- requests ----------------------------------------------------------------------------- */

/* Codes that end the audit: what they say holds for every request. */
static bool is_hopeless(const char *code)
{
    static const char *const codes[] = {
        "NoSuchBucket",      "InvalidAccessKeyId",           "SignatureDoesNotMatch",
        "ExpiredToken",      "ExpiredTokenException",        "InvalidToken",
        "RequestExpired",    "RequestTimeTooSkewed",         "TokenRefreshRequired",
        "PermanentRedirect", "AuthorizationHeaderMalformed",
    };

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return false;
}

/* What a probe with a wrong checksum is answered: it was allowed. */
static bool is_digest_refusal(const struct s3_reply *reply)
{
    return reply->http == 400 &&
           (strcmp(reply->code, "BadDigest") == 0 || strcmp(reply->code, "InvalidDigest") == 0 ||
            strcmp(reply->code, "XAmzContentChecksumMismatch") == 0);
}

int audit_call(struct audit *audit, const struct s3_request *request, const char *what,
               struct s3_reply *ret_reply)
{
    int status = s3_call(audit->s3, request, what, ret_reply, audit->err);

    /* The call may have learned of another region, clock or key.  To repeat it here spares the
     * core the repetition of everything before it. */
    if (status == SME_E_TRANSIENT && ret_reply->http >= 300 && ret_reply->http < 500 &&
        !is_digest_refusal(ret_reply)) {
        s3_reply_done(ret_reply);
        status = s3_call(audit->s3, request, what, ret_reply, audit->err);
    }
    if (status == SME_OK || is_digest_refusal(ret_reply))
        return SME_OK;
    if (ret_reply->http < 400 || (ret_reply->http >= 500 && ret_reply->http != 501) ||
        status == SME_E_TRANSIENT || status == SME_E_THROTTLED || status == SME_E_CANCELLED ||
        status == SME_E_NO_MEMORY || is_hopeless(ret_reply->code))
        return status;
    return SME_OK;
}

static int unsupported(struct audit *audit, const struct audit_part *part)
{
    audit_say(audit, part->unsupported, part->subject, NULL,
              "this store does not know %s (it has no '?%s')", part->subject, part->resource);
    return AUDIT_UNKNOWN;
}

/* A refusal, by its meaning. */
static int judge_refusal(struct audit *audit, const struct audit_part *part,
                         const struct s3_reply *reply)
{
    if (part->absent != NULL && strcmp(reply->code, part->absent) == 0)
        return AUDIT_ABSENT;
    if (reply->http != 401 && reply->http != 403)
        return unsupported(audit, part);
    audit_say(audit, SME_FINDING_NOTE, part->subject,
              "run doctor once with the credentials of the role setup", "cannot see %s: needs %s",
              part->subject, part->permission);
    return AUDIT_UNKNOWN;
}

/* Other stores answer an unknown sub-resource with a listing of the bucket, as a success. */
static int judge_tree(struct audit *audit, const struct audit_part *part,
                      const struct s3_reply *reply, struct s3_xml **ret_tree)
{
    struct s3_xml *tree = NULL;
    int status;

    if (reply->got == 0 || reply->body == NULL)
        return unsupported(audit, part);
    status = s3_xml_parse(reply->body, reply->got, NULL, part->subject, &tree, audit->err);
    if (status == SME_E_NO_MEMORY)
        return status;
    if (status != SME_OK ||
        (strcmp(tree->name, part->root) != 0 &&
         (part->other_root == NULL || strcmp(tree->name, part->other_root) != 0))) {
        s3_xml_free(tree);
        return unsupported(audit, part);
    }
    if (ret_tree != NULL)
        *ret_tree = tree;
    else
        s3_xml_free(tree);
    return AUDIT_THERE;
}

int audit_fetch(struct audit *audit, const struct audit_part *part, struct s3_xml **ret_tree,
                char **ret_text)
{
    const struct s3_pair query = {part->resource, ""};
    const struct s3_request request = {.method = "GET", .query = &query, .query_count = 1};
    struct s3_reply reply = {0};
    char what[256];
    int answer;

    (void)snprintf(what, sizeof what, "%s of bucket '%s'", part->subject,
                   audit->s3->config->bucket);
    answer = audit_call(audit, &request, what, &reply);
    if (answer == SME_OK) {
        if (reply.http / 100 != 2) {
            answer = judge_refusal(audit, part, &reply);
        } else if (part->root != NULL) {
            answer = judge_tree(audit, part, &reply, ret_tree);
        } else {
            answer = AUDIT_THERE;
            if (ret_text != NULL) {
                *ret_text = reply.body;
                reply.body = NULL;
            }
        }
    }
    s3_reply_done(&reply);
    return answer;
}

/* ---- credentials, clock, endpoint --------------------------------------------------------- */

static void say_credentials(struct audit *audit)
{
    const struct s3_config *config = audit->s3->config;
    char text[512] = "";

    s3_creds_describe(audit->s3->creds, text, sizeof text);
    if (config->secret_key != NULL)
        audit_say(audit, SME_FINDING_NOTE, "credentials",
                  "on EC2 give the instance a role and leave access_key and secret_key out",
                  "uses %s", text);
    else
        audit_say(audit, SME_FINDING_PASS, "credentials", NULL, "uses %s", text);
}

static void say_clock(struct audit *audit)
{
    struct s3 *s3 = audit->s3;
    long long skew, size;
    bool known;

    (void)pthread_mutex_lock(&s3->lock);
    skew = (long long)s3->skew_sec;
    known = s3->skew_known;
    (void)pthread_mutex_unlock(&s3->lock);
    size = skew < 0 ? -skew : skew;
    if (!known)
        audit_say(audit, SME_FINDING_NOTE, "clock", NULL,
                  "the store does not tell its time, so the clock of this host was not compared");
    else if (size > SKEW_WARNING_SEC)
        audit_say(audit, SME_FINDING_WARN, "clock",
                  "let chrony or systemd-timesyncd keep the clock of this host",
                  "the clock of this host is %lld s %s the store's%s", size,
                  skew < 0 ? "ahead of" : "behind",
                  size > SKEW_REFUSED_SEC ? ", and requests are refused above 900 s unless they "
                                            "are corrected; prune will not run"
                                          : "; prune will not run");
    else
        audit_say(audit, SME_FINDING_PASS, "clock", NULL,
                  "the clock of this host is within %lld s of the store's", size);
}

static void say_endpoint(struct audit *audit)
{
    struct s3 *s3 = audit->s3;
    char region[sizeof s3->region];
    char base[300];
    bool learned;

    (void)pthread_mutex_lock(&s3->lock);
    (void)snprintf(region, sizeof region, "%s", s3->region);
    (void)snprintf(base, sizeof base, "%s", s3->base);
    learned = s3->region_learned;
    (void)pthread_mutex_unlock(&s3->lock);
    if (strncmp(base, "https://", 8) != 0)
        audit_say(audit, SME_FINDING_WARN, "endpoint",
                  "use an https endpoint, and remove allow_http",
                  "'%s' (region %s) is reached without TLS: who listens sees object names and "
                  "sizes, and who is in between can withhold or repeat answers",
                  base, region);
    else if (learned)
        audit_say(audit, SME_FINDING_NOTE, "endpoint",
                  "set region = to it: that spares a request in every run",
                  "'%s' over verified TLS; the bucket turned out to be in region %s", base, region);
    else
        audit_say(audit, SME_FINDING_PASS, "endpoint", NULL, "'%s', region %s, over verified TLS",
                  base, region);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int audit_all(struct audit *audit)
{
    /* The bucket's state comes first: what the probes may do depends on it.  Its findings are
     * fine there too, since all are reported in one go. */
    static int (*const parts[])(struct audit *) = {
        audit_protections, audit_policy, audit_lifecycle, audit_permissions, audit_exposure,
    };
    int status = SME_OK;

    say_credentials(audit);
    for (size_t i = 0; status == SME_OK && i < sizeof parts / sizeof parts[0]; i++)
        status = parts[i](audit);
    if (status == SME_OK) {
        /* these are known once requests were made */
        say_clock(audit);
        say_endpoint(audit);
    }
    if (status == SME_OK && audit->failed)
        status = sme_fail(audit->err, SME_E_NO_MEMORY, "audit of bucket '%s': out of memory",
                          audit->s3->config->bucket);
    return status;
}

int bucket_audit(struct s3 *s3, const struct sme_layout *layout, sme_finding_fn *report,
                 void *cookie, struct sme_error *err)
{
    struct sme_error own = {.struct_size = sizeof own};
    struct audit audit = {.s3 = s3, .layout = layout, .err = err != NULL ? err : &own};
    int status = audit_all(&audit);

    if (status == SME_OK)
        status = report_all(&audit, report, cookie);
    drop_all(&audit);
    return status;
}
