/*
 * The audit's probes: what the credentials in use are allowed to do.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Nothing may be left behind, neither an object nor a version of one nor a delete marker.  So
 * what can be asked by a request that has no effect is asked that way, and an object is made
 * only where it can be removed without a trace.
 */
#include "audit.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define REWRITE_MAX (1u << 20) /* of an object that is put over itself */

static const char probe_body[] = "a probe of sme-backup doctor: may be removed\n";

static const char policy_fix[] = "compare with 'sme-backup policy --role run'";

static bool is_refused(const struct s3_reply *reply)
{
    return reply->http == 401 || reply->http == 403;
}

/* A request about one object, without a body; the whole reply is of interest. */
static int ask(struct audit *audit, const char *method, const char *key, struct s3_reply *ret_reply)
{
    const struct s3_request request = {.method = method, .key = key};
    char what[AUDIT_KEY_MAX + 32];

    (void)snprintf(what, sizeof what, "probe of '%s'", key);
    return audit_call(audit, &request, what, ret_reply);
}

/* The same, for its status. */
static int ask_status(struct audit *audit, const char *method, const char *key,
                      struct s3_reply *ret_summary)
{
    struct s3_reply reply = {0};
    int status = ask(audit, method, key, &reply);

    if (status == SME_OK) {
        *ret_summary = reply;
        ret_summary->body = NULL;
    }
    s3_reply_done(&reply);
    return status;
}

/* Key of an object that is not there, in ${area}. */
static int absent_key(struct audit *audit, const struct sme_area *area, char out[AUDIT_KEY_MAX])
{
    char name[64];
    int status = audit_random_name(audit, "probe", name);

    if (status != SME_OK)
        return status;
    if (!audit_key(audit, area->prefix, name, out))
        return sme_fail(audit->err, SME_E_INVALID, "prefix '%s%s' is too long for a key",
                        audit->s3->prefix, area->prefix);
    return SME_OK;
}

/* ---- list --------------------------------------------------------------------------------- */

/* The first ${count} keys below ${area}; ${ret_tree} stays if that is refused. */
static int list_page(struct audit *audit, const struct sme_area *area, const char *count,
                     struct s3_xml **ret_tree)
{
    char prefix[AUDIT_KEY_MAX];
    struct s3_reply reply = {0};
    int status;

    if (!audit_key(audit, area->prefix, "", prefix))
        return sme_fail(audit->err, SME_E_INVALID, "prefix '%s' is too long", area->prefix);
    const struct s3_pair query[] = {{"list-type", "2"}, {"max-keys", count}, {"prefix", prefix}};
    const struct s3_request request = {.method = "GET", .query = query, .query_count = 3};

    status = audit_call(audit, &request, "listing of the bucket", &reply);
    if (status == SME_OK && reply.http / 100 == 2)
        status = s3_xml_parse(reply.body != NULL ? reply.body : "", reply.got, "ListBucketResult",
                              "listing of the bucket", ret_tree, audit->err);
    s3_reply_done(&reply);
    return status;
}

/* List at most one key below ${area}; ${ret_key} (AUDIT_KEY_MAX bytes) is "" if there is none. */
static int list_one(struct audit *audit, const struct sme_area *area, bool *ret_allowed,
                    char *ret_key)
{
    struct s3_xml *tree = NULL;
    int status = list_page(audit, area, "1", &tree);

    if (status == SME_OK) {
        *ret_allowed = tree != NULL;
        (void)snprintf(ret_key, AUDIT_KEY_MAX, "%s",
                       s3_xml_text(s3_xml_child(tree, "Contents"), "Key"));
    }
    s3_xml_free(tree);
    return status;
}

static int probe_list(struct audit *audit, const struct sme_area *area)
{
    char key[AUDIT_KEY_MAX];
    bool allowed = false;
    int status = list_one(audit, area, &allowed, key);

    if (status != SME_OK)
        return status;
    if (allowed)
        audit_say(audit, SME_FINDING_PASS, "permission to list", NULL, "this role may list");
    else
        audit_say(audit, SME_FINDING_FAIL, "permission to list", policy_fix,
                  "this role may not list '%s': needs s3:ListBucket; no run can work",
                  area->prefix);
    return SME_OK;
}

/* ---- read --------------------------------------------------------------------------------- */

/* Without s3:ListBucket S3 answers 403 for what is not there, and a missing object cannot be told
 * from a forbidden one. */
static int probe_absence(struct audit *audit, const struct sme_area *area, bool *ret_tells)
{
    static const char subject[] = "absent objects";
    struct s3_reply reply = {0};
    char key[AUDIT_KEY_MAX];
    int status = absent_key(audit, area, key);

    if (status == SME_OK)
        status = ask_status(audit, "HEAD", key, &reply);
    if (status != SME_OK)
        return status;
    *ret_tells = reply.http == 404;
    if (reply.http == 404)
        audit_say(audit, SME_FINDING_PASS, subject, NULL,
                  "the store tells that an object is not there");
    else if (is_refused(&reply))
        audit_say(audit, SME_FINDING_WARN, subject,
                  "allow s3:ListBucket (a condition on s3:prefix must be ...IfExists) and "
                  "s3:GetObject below that prefix",
                  "below '%s' absent and forbidden cannot be told apart: backups work, prune and "
                  "check of missing objects do not",
                  area->prefix);
    else
        audit_say(audit, SME_FINDING_WARN, subject, NULL,
                  "the store answers %ld for an object that cannot be there", reply.http);
    return SME_OK;
}

/* Is reading below ${area} allowed?  1 yes, 0 no, 2 cannot be told, negative on failure. */
static int may_read(struct audit *audit, const struct sme_area *area, bool absence_tells)
{
    struct s3_reply reply = {0};
    char key[AUDIT_KEY_MAX];
    bool allowed = false;
    int status;

    if (absence_tells) {
        status = absent_key(audit, area, key);
    } else {
        /* then only an object that is there can tell */
        status = list_one(audit, area, &allowed, key);
        if (status == SME_OK && key[0] == '\0')
            return 2;
    }
    if (status == SME_OK)
        status = ask_status(audit, "HEAD", key, &reply);
    if (status != SME_OK)
        return status;
    return is_refused(&reply) ? 0 : 1;
}

static int probe_read(struct audit *audit, bool absence_tells)
{
    static const char subject[] = "permission to read";
    const struct sme_area *data = audit_area(audit, SME_AREA_DATA);
    int answer = data != NULL ? may_read(audit, data, absence_tells) : 2;

    if (answer < 0)
        return answer;
    if (answer == 0)
        audit_say(audit, SME_FINDING_NOTE, subject,
                  "for a restore use the policy of --role restore",
                  "this role may not read data packs: it backs up, and cannot restore");
    else if (answer == 1)
        audit_say(audit, SME_FINDING_PASS, subject, NULL,
                  "this role may read data packs: it can restore");
    else
        audit_say(audit, SME_FINDING_NOTE, subject, NULL,
                  "whether this role may read data packs cannot be told while there are none");
    return SME_OK;
}

/* ---- remove ------------------------------------------------------------------------------- */

/* Remove one version or delete marker, for good. */
static int remove_version(struct audit *audit, const char *key, const char *version,
                          bool *ret_removed)
{
    const struct s3_pair query = {"versionId", version};
    const struct s3_request request = {
        .method = "DELETE", .key = key, .query = &query, .query_count = 1};
    struct s3_reply reply = {0};
    int status = audit_call(audit, &request, "probe", &reply);

    if (status == SME_OK)
        *ret_removed = reply.http / 100 == 2;
    s3_reply_done(&reply);
    return status;
}

static int delete_absent(struct audit *audit, const char *key, bool conditional,
                         struct s3_reply *ret_reply)
{
    /* On a versioned bucket a plain DELETE of nothing makes a delete marker; with a condition
     * that cannot hold it makes none. */
    const struct s3_pair header = {"if-match", "\"00000000000000000000000000000000\""};
    const struct s3_request request = {
        .method = "DELETE", .key = key, .headers = &header, .header_count = conditional ? 1 : 0};

    return audit_call(audit, &request, "probe", ret_reply);
}

static void say_delete(struct audit *audit, bool allowed)
{
    static const char subject[] = "permission to delete";

    if (!allowed)
        audit_say(audit, SME_FINDING_PASS, subject, NULL,
                  "this role may not delete: who takes this host cannot delete its backups");
    else
        audit_say(audit, audit->locked ? SME_FINDING_NOTE : SME_FINDING_WARN, subject,
                  "use the policy of 'sme-backup policy --role run', and prune elsewhere",
                  "this host can delete its backups%s",
                  audit->locked ? " once Object Lock lets go of them"
                                : (audit->versioning == AUDIT_VERSIONS_KEPT
                                       ? " (their versions stay for a time)"
                                       : ""));
}

static int probe_delete(struct audit *audit, const struct sme_area *area, bool *ret_allowed)
{
    struct s3_reply reply = {0};
    char key[AUDIT_KEY_MAX];
    bool removed = true, allowed;
    int status = absent_key(audit, area, key);

    if (status == SME_OK)
        status = delete_absent(audit, key, true, &reply);
    if (status == SME_OK && (reply.http == 400 || reply.http == 501 || is_refused(&reply))) {
        /* The condition is not known there, or needs s3:GetObject too, which may be what is
         * refused. */
        s3_reply_done(&reply);
        status = delete_absent(audit, key, false, &reply);
    }
    allowed = reply.http / 100 == 2 || reply.http == 404 || reply.http == 412;
    if (status == SME_OK && reply.http / 100 == 2 && reply.versioned[0] != '\0')
        status = remove_version(audit, key, reply.versioned, &removed);
    if (status == SME_OK && !removed)
        audit_say(audit, SME_FINDING_NOTE, "left behind", NULL,
                  "a delete marker named '%s': this role may make it and not remove it", key);
    if (status == SME_OK && !allowed && !is_refused(&reply))
        audit_say(audit, SME_FINDING_NOTE, "permission to delete", NULL,
                  "cannot be told: the store answers %ld", reply.http);
    else if (status == SME_OK)
        say_delete(audit, allowed);
    if (status == SME_OK)
        *ret_allowed = allowed;
    s3_reply_done(&reply);
    return status;
}

/* ---- write -------------------------------------------------------------------------------- */

/* Put if nothing is there.  With ${spoilt} the checksums are wrong: a store that allows the put
 * refuses it for that reason, and keeps nothing. */
static int put_once(struct audit *audit, const char *key, const void *bytes, size_t len,
                    bool spoilt, struct s3_reply *ret_reply)
{
    const struct sme_slice slice = {bytes, len};
    uint8_t hash[32];
    char text[48];

    if (EVP_Digest(bytes, len, hash, NULL, EVP_sha256(), NULL) != 1)
        return sme_fail(audit->err, SME_E_NO_MEMORY, "probe: cannot hash");
    (void)EVP_EncodeBlock((unsigned char *)text, hash, sizeof hash);
    const struct s3_pair headers[] = {
        {"if-none-match", "*"},
        /* Object Lock asks for one */
        {"x-amz-checksum-sha256", spoilt ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" : text},
        {"content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="}, /* older stores look at this one only */
    };
    const struct s3_request request = {
        .method = "PUT",
        .key = key,
        .headers = headers,
        .header_count = spoilt ? 3 : 2,
        .body = &slice,
        .body_count = 1,
        .body_len = len,
        .body_sha256 = hash,
    };
    return audit_call(audit, &request, "probe", ret_reply);
}

static void say_put(struct audit *audit, bool allowed)
{
    if (allowed)
        audit_say(audit, SME_FINDING_PASS, "permission to put", NULL, "this role may put");
    else
        audit_say(audit, SME_FINDING_NOTE, "permission to put", policy_fix,
                  "this role may not put: it can restore, and cannot back up");
}

static void say_create_only(struct audit *audit, bool honoured)
{
    static const char subject[] = "create-only puts";

    if (honoured)
        audit_say(audit, SME_FINDING_PASS, subject, NULL,
                  "the store refuses to overwrite what is there");
    else
        audit_say(audit, SME_FINDING_WARN, subject,
                  "turn versioning on; set conditional_writes = off to spare the header",
                  "this store overwrites: it does not heed If-None-Match, so only the names of "
                  "objects (their checksums) keep two hosts apart");
}

static int get_back(struct audit *audit, const char *key)
{
    struct s3_reply reply = {0};
    int status = ask(audit, "GET", key, &reply);

    if (status == SME_OK && reply.http / 100 == 2 &&
        (reply.got != sizeof probe_body - 1 || memcmp(reply.body, probe_body, reply.got) != 0))
        audit_say(audit, SME_FINDING_FAIL, "permission to read", NULL,
                  "the store returned other bytes than were put");
    else if (status == SME_OK && reply.http / 100 != 2)
        audit_say(audit, SME_FINDING_WARN, "permission to read", policy_fix,
                  "this role may not read what runs must read (HTTP %ld below '%s')", reply.http,
                  audit_area(audit, SME_AREA_GC)->prefix);
    s3_reply_done(&reply);
    return status;
}

/* Make an object, try to overwrite it, read it, remove it. */
static int probe_put_object(struct audit *audit, const struct sme_area *area)
{
    struct s3_reply first = {0}, second = {0}, gone = {0};
    struct sme_error *err = audit->err, later = {.struct_size = sizeof later};
    char key[AUDIT_KEY_MAX];
    bool refused;
    int status = absent_key(audit, area, key), removed;

    if (status != SME_OK)
        return status;
    status = put_once(audit, key, probe_body, sizeof probe_body - 1, false, &first);
    /* The name is random: 412 means that the put was done, and repeated on a new connection. */
    refused = status == SME_OK && first.http / 100 != 2 && first.http != 412;
    if (status == SME_OK)
        say_put(audit, !refused);
    if (status == SME_OK && !refused) {
        status = put_once(audit, key, probe_body, sizeof probe_body - 1, false, &second);
        if (status == SME_OK && audit->s3->config->conditional != S3_OFF)
            say_create_only(audit, second.http == 412);
        if (status == SME_OK)
            status = get_back(audit, key);
    }
    if (!refused) {
        /* Whatever went wrong before, it goes: a put without a reply may have been done. */
        audit->err = status == SME_OK ? err : &later;
        removed = ask(audit, "DELETE", key, &gone);
        audit->err = err;
        if (removed == SME_OK && gone.http / 100 != 2)
            audit_say(audit, SME_FINDING_NOTE, "left behind", "remove it by hand",
                      "the object '%s', which the store would not remove", key);
        status = status != SME_OK ? status : removed;
    }
    s3_reply_done(&first);
    s3_reply_done(&second);
    s3_reply_done(&gone);
    return status;
}

/* May this role put?  Asked with checksums that are wrong, so that nothing comes of it. */
static int probe_put_spoilt(struct audit *audit, const struct sme_area *area, bool *ret_allowed)
{
    struct s3_reply reply = {0}, gone = {0};
    char key[AUDIT_KEY_MAX];
    bool removed = true;
    int status = absent_key(audit, area, key);

    if (status == SME_OK)
        status = put_once(audit, key, probe_body, sizeof probe_body - 1, true, &reply);
    if (status == SME_OK && reply.http / 100 == 2) {
        audit_say(audit, SME_FINDING_WARN, "checksums", NULL,
                  "the store does not compare checksums: what is damaged on the way is found by "
                  "check only");
        if (reply.versioned[0] != '\0') {
            status = remove_version(audit, key, reply.versioned, &removed);
        } else {
            status = ask(audit, "DELETE", key, &gone);
            removed = gone.http / 100 == 2;
        }
        if (status == SME_OK && !removed)
            audit_say(audit, SME_FINDING_NOTE, "left behind", "remove it by hand",
                      "the object '%s': this role may make it and not remove it", key);
    }
    if (status == SME_OK) {
        *ret_allowed = !is_refused(&reply);
        say_put(audit, *ret_allowed);
    }
    s3_reply_done(&reply);
    s3_reply_done(&gone);
    return status;
}

/* Key of an object that this role writes and that nobody removes now: the last snapshot of a
 * source, which retention keeps; else the descriptor.  "" if there is none of a fit size. */
static int lasting_key(struct audit *audit, char *ret_key)
{
    const struct sme_area *snapshots = audit_area(audit, SME_AREA_SNAPSHOTS);
    const struct sme_area *descriptor = audit_area(audit, SME_AREA_DESCRIPTOR);
    struct s3_xml *tree = NULL;
    int status = SME_OK;

    ret_key[0] = '\0';
    if (snapshots != NULL)
        status = list_page(audit, snapshots, "1000", &tree);
    if (status != SME_OK)
        return status;
    if (strcmp(s3_xml_text(tree, "IsTruncated"), "true") != 0) {
        for (const struct s3_xml *object = s3_xml_child(tree, "Contents"); object != NULL;
             object = s3_xml_again(object)) {
            uint64_t size = 0;

            if (s3_xml_again(object) == NULL && s3_xml_number(object, "Size", &size) && size > 0 &&
                size <= REWRITE_MAX)
                (void)snprintf(ret_key, AUDIT_KEY_MAX, "%s", s3_xml_text(object, "Key"));
        }
    }
    s3_xml_free(tree);
    if (ret_key[0] == '\0' && descriptor != NULL &&
        !audit_key(audit, descriptor->prefix, "", ret_key))
        ret_key[0] = '\0';
    return SME_OK;
}

/* Put an object over itself: the very same bytes, create-only.  A store that heeds the condition
 * refuses; one that does not has lost nothing. */
static int probe_create_only(struct audit *audit)
{
    struct s3_reply there = {0}, put = {0};
    char key[AUDIT_KEY_MAX];
    bool removed = true, asked = false;
    int status = lasting_key(audit, key);

    if (status == SME_OK && key[0] != '\0')
        status = ask(audit, "GET", key, &there);
    if (status == SME_OK && there.http / 100 == 2 && there.body != NULL && there.got > 0 &&
        there.got <= REWRITE_MAX) {
        status = put_once(audit, key, there.body, there.got, false, &put);
        asked = status == SME_OK && !is_refused(&put);
    }
    if (asked && put.http / 100 == 2 && put.versioned[0] != '\0')
        status = remove_version(audit, key, put.versioned, &removed);
    if (status == SME_OK && asked)
        say_create_only(audit, put.http == 412);
    else if (status == SME_OK)
        audit_say(audit, SME_FINDING_NOTE, "create-only puts", NULL,
                  "not probed: there is no snapshot yet that could be put a second time");
    s3_reply_done(&there);
    s3_reply_done(&put);
    return status;
}

static int probe_put(struct audit *audit, const struct sme_area *area, bool may_delete)
{
    bool allowed = false;
    int status;

    /* In a bucket that keeps versions a removed object leaves one. */
    if (may_delete && audit->versioning == AUDIT_VERSIONS_NEVER && !audit->locked)
        return probe_put_object(audit, area);
    status = probe_put_spoilt(audit, area, &allowed);
    if (status == SME_OK && allowed && audit->s3->config->conditional != S3_OFF)
        status = probe_create_only(audit);
    return status;
}

int audit_permissions(struct audit *audit)
{
    const struct sme_area *snapshots = audit_area(audit, SME_AREA_SNAPSHOTS);
    const struct sme_area *data = audit_area(audit, SME_AREA_DATA);
    const struct sme_area *gc = audit_area(audit, SME_AREA_GC);
    bool absence_tells = false, may_delete = false;
    int status = SME_OK;

    if (snapshots != NULL) {
        status = probe_list(audit, snapshots);
        if (status == SME_OK)
            status = probe_absence(audit, snapshots, &absence_tells);
    }
    if (status == SME_OK)
        status = probe_read(audit, absence_tells);
    if (status == SME_OK && data != NULL)
        status = probe_delete(audit, data, &may_delete);
    if (status == SME_OK && gc != NULL)
        status = probe_put(audit, gc, may_delete);
    return status;
}
