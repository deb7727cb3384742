/*
 * One step of setup: read, compare, write what differs.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "setup.h"

#include <openssl/evp.h>

#define ATTEMPTS 4 /* another region, other keys, another clock: each may cost one */
#define MD5_TEXT 25

static int say(struct setup *setup, uint32_t level, const char *subject, const char *fix,
               const char *fmt, va_list ap) SME_PRINTF(5, 0);
static int say(struct setup *setup, uint32_t level, const char *subject, const char *fix,
               const char *fmt, va_list ap)
{
    char text[1024];
    struct sme_finding finding = {.struct_size = sizeof finding,
                                  .level = level,
                                  .subject = subject,
                                  .text = text,
                                  .fix = fix};

    (void)vsnprintf(text, sizeof text, fmt, ap);
    return setup->report(setup->cookie, &finding);
}

int setup_say(struct setup *setup, uint32_t level, const char *subject, const char *fix,
              const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int status = say(setup, level, subject, fix, fmt, ap);
    va_end(ap);
    return status;
}

int setup_say_failed(struct setup *setup, int status, const char *subject, const char *fix,
                     const char *fmt, ...)
{
    va_list ap;

    setup->failed++;
    if (status == SME_E_DENIED)
        setup->denied++;
    if (setup->worst == SME_OK || status == SME_E_DENIED)
        setup->worst = status;
    va_start(ap, fmt);
    int result = say(setup, SME_FINDING_FAIL, subject, fix, fmt, ap);
    va_end(ap);
    return result;
}

static bool md5_of(const char *body, size_t len, char out[MD5_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_len = 0;

    if (EVP_Digest(body, len, digest, &digest_len, EVP_md5(), NULL) != 1 || digest_len != 16)
        return false;
    (void)EVP_EncodeBlock((unsigned char *)out, digest, 16);
    return true;
}

int setup_call(struct setup *setup, const char *method, const char *resource, const char *body,
               size_t body_len, const struct s3_pair *header, const char *what,
               struct s3_reply *ret_reply)
{
    struct s3_pair query = {resource, ""};
    struct s3_pair headers[3];
    struct sme_slice slice = {body, body_len};
    struct s3_request request = {.method = method,
                                 .query = &query,
                                 .query_count = resource != NULL ? 1 : 0,
                                 .headers = headers,
                                 .body = &slice,
                                 .body_count = body_len > 0 ? 1 : 0,
                                 .body_len = body_len};
    char md5[MD5_TEXT];
    int status = SME_E_TRANSIENT;

    *ret_reply = (struct s3_reply){0};
    if (body_len > 0) {
        if (!md5_of(body, body_len, md5))
            return sme_fail(setup->err, SME_E_UNSUPPORTED,
                            "%s: this system's OpenSSL offers no MD5, which S3 asks for", what);
        headers[request.header_count++] = (struct s3_pair){"content-md5", md5};
        headers[request.header_count++] = (struct s3_pair){
            "content-type", body[0] == '{' ? "application/json" : "application/xml"};
    }
    if (header != NULL)
        headers[request.header_count++] = *header;
    for (int i = 0; i < ATTEMPTS && status == SME_E_TRANSIENT; i++) {
        s3_reply_done(ret_reply);
        status = s3_call(setup->s3, &request, what, ret_reply, setup->err);
    }
    return status;
}

/* Does the answer say that the store has no such thing, rather than that we did it wrong? */
static bool is_unsupported(const struct setup *setup, const struct s3_reply *reply, int status)
{
    if (status == SME_E_UNSUPPORTED || reply->http == 501 || reply->http == 405)
        return true;
    if (reply->http != 400)
        return false;
    return strcmp(reply->code, "InvalidArgument") == 0 ||
           strcmp(reply->code, "NotImplemented") == 0 ||
           strcmp(reply->code, "UnsupportedOperation") == 0 ||
           (setup->s3->config->endpoint != NULL && (strcmp(reply->code, "MalformedXML") == 0 ||
                                                    strcmp(reply->code, "InvalidRequest") == 0));
}

/* "NoSuchLifecycleConfiguration", "OwnershipControlsNotFoundError" ...: nothing is set. */
static bool is_absent(const struct s3_reply *reply)
{
    if (reply->http != 404 || strcmp(reply->code, "NoSuchBucket") == 0 ||
        strcmp(reply->code, "NoSuchKey") == 0)
        return false;
    return strncmp(reply->code, "NoSuch", 6) == 0 || strstr(reply->code, "NotFoundError") != NULL;
}

/* Failures of one step alone; of the others, the next step would have them too. */
static bool is_local(const struct s3_reply *reply, int status)
{
    if (strcmp(reply->code, "NoSuchBucket") == 0 || reply->http == 0)
        return false;
    return status == SME_E_DENIED || status == SME_E_INVALID || status == SME_E_NOT_FOUND ||
           status == SME_E_CORRUPT || status == SME_E_UNSUPPORTED;
}

static int say_unsupported(struct setup *setup, const struct setup_step *step, const char *answer)
{
    return setup_say(setup, SME_FINDING_WARN, step->subject,
                     "nothing can be done about it here; know that this protection is missing",
                     "this store does not support '%s' (%s)", step->resource, answer);
}

static int say_error(struct setup *setup, const struct setup_step *step, const char *permission,
                     int status)
{
    char fix[192];

    if (status != SME_E_DENIED)
        return setup_say_failed(setup, status, step->subject, setup->err->hint, "%s",
                                setup->err->message);
    (void)snprintf(fix, sizeof fix,
                   "give %s to these credentials ('sme-backup policy --role setup' prints all)",
                   permission);
    return setup_say_failed(setup, status, step->subject, fix, "permission %s is missing: %s",
                            permission, setup->err->message);
}

/* What to do about a reply that is none: a finding, or the end. */
static int judge(struct setup *setup, const struct setup_step *step, const struct s3_reply *reply,
                 const char *permission, int status)
{
    char answer[400];

    if (is_unsupported(setup, reply, status)) {
        (void)snprintf(answer, sizeof answer, "%ld %s%s%s", reply->http, reply->code,
                       reply->text[0] != '\0' ? ": " : "", reply->text);
        return say_unsupported(setup, step, answer);
    }
    if (!is_local(reply, status))
        return status;
    return say_error(setup, step, permission, status);
}

static int write_change(struct setup *setup, const struct setup_step *step,
                        const struct setup_change *change, struct s3_reply *ret_reply)
{
    struct s3_pair header = {"x-amz-transition-default-minimum-object-size", change->size_default};
    char what[160];

    (void)snprintf(what, sizeof what, "setting %s of bucket '%s'", step->subject,
                   setup->s3->config->bucket);
    return setup_call(setup, "PUT", step->resource, change->body.at, change->body.len,
                      change->size_default != NULL ? &header : NULL, what, ret_reply);
}

static void drop_change(struct setup_change *change)
{
    s3_text_done(&change->body);
    s3_text_done(&change->was);
    s3_text_done(&change->becomes);
    *change = (struct setup_change){0};
}

static int check_change(const struct setup_change *change, struct sme_error *err)
{
    int status = s3_text_check(&change->body, "the new configuration", err);

    if (status == SME_OK)
        status = s3_text_check(&change->was, "the new configuration", err);
    if (status == SME_OK)
        status = s3_text_check(&change->becomes, "the new configuration", err);
    return status;
}

static const char *shown(const struct s3_text *text)
{
    return text->len > 0 ? text->at : "not set";
}

static int say_change(struct setup *setup, const struct setup_step *step,
                      const struct setup_change *change)
{
    if (!change->needed)
        return setup_say(setup, SME_FINDING_PASS, step->subject, NULL, "%s", shown(&change->was));
    return setup_say(setup, SME_FINDING_CHANGE, step->subject, NULL, "now %s, becomes %s",
                     shown(&change->was), shown(&change->becomes));
}

/* Write the change; where the store does not know it, less of it. */
static int carry_out(struct setup *setup, const struct setup_step *step,
                     const struct setup_now *now, struct setup_change *change)
{
    struct s3_reply reply = {0};
    int status = SME_OK;

    if (change->needed && !setup->dry_run) {
        status = write_change(setup, step, change, &reply);
        if (status < 0 && step->retreat != NULL && is_unsupported(setup, &reply, status)) {
            drop_change(change);
            int retreat = step->retreat(setup, now, change);
            if (retreat == SME_OK)
                retreat = check_change(change, setup->err);
            if (retreat != SME_E_UNSUPPORTED) {
                s3_reply_done(&reply);
                status = retreat;
            }
            if (status == SME_OK && change->needed)
                status = write_change(setup, step, change, &reply);
        }
    }
    status = status == SME_OK
                 ? say_change(setup, step, change)
                 : (status > 0 ? status : judge(setup, step, &reply, step->put_permission, status));
    s3_reply_done(&reply);
    return status;
}

static int plan_and_carry_out(struct setup *setup, const struct setup_step *step,
                              const struct setup_now *now)
{
    struct setup_change change = {0};

    int status = step->plan(setup, now, &change);
    if (status == SME_OK)
        status = check_change(&change, setup->err);
    if (status == SME_OK)
        status = carry_out(setup, step, now, &change);
    else if (status == SME_E_CORRUPT || status == SME_E_UNSUPPORTED)
        status = say_error(setup, step, step->put_permission, status);
    drop_change(&change);
    return status;
}

static bool is_expected(const struct setup_step *step, const char *root)
{
    return (step->root != NULL && strcmp(root, step->root) == 0) ||
           (step->other_root != NULL && strcmp(root, step->other_root) == 0);
}

/* Is the reply what was asked for?  A store that does not know the sub-resource lists the bucket.
 */
static int read_reply(struct setup *setup, const struct setup_step *step,
                      const struct s3_reply *reply)
{
    struct s3_xml *root = NULL;
    struct setup_now now = {reply->body != NULL ? reply->body : "", reply->got, NULL,
                            reply->size_default};
    const char *what = step->resource;
    char answer[128];

    if (step->root == NULL && now.text[strspn(now.text, " \t\r\n")] != '<')
        return plan_and_carry_out(setup, step, &now);
    int status = s3_xml_parse(now.text, now.len, NULL, what, &root, setup->err);
    if (status == SME_E_NO_MEMORY)
        return status;
    if (status < 0)
        return say_error(setup, step, step->get_permission, status);
    now.root = root;
    if (is_expected(step, root->name)) {
        status = plan_and_carry_out(setup, step, &now);
    } else {
        (void)snprintf(answer, sizeof answer, "it answers with '%.80s'", root->name);
        status = say_unsupported(setup, step, answer);
    }
    s3_xml_free(root);
    return status;
}

int setup_step_run(struct setup *setup, const struct setup_step *step)
{
    static const struct setup_now nothing = {"", 0, NULL, ""};
    struct s3_reply reply;
    bool wanted = true;
    char what[160];

    int status = step->wanted != NULL ? step->wanted(setup, &wanted) : SME_OK;
    if (status != SME_OK || !wanted)
        return status;
    if (setup->missing)
        return plan_and_carry_out(setup, step, &nothing);
    (void)snprintf(what, sizeof what, "%s of bucket '%s'", step->subject,
                   setup->s3->config->bucket);
    status = setup_call(setup, "GET", step->resource, NULL, 0, NULL, what, &reply);
    if (status == SME_OK)
        status = read_reply(setup, step, &reply);
    else if (is_absent(&reply))
        status = plan_and_carry_out(setup, step, &nothing);
    else
        status = judge(setup, step, &reply, step->get_permission, status);
    s3_reply_done(&reply);
    return status;
}
