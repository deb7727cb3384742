/*
 * A bucket in a box.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "auditrig.h"
#include "../../sinks/s3/open.h"

#include <stdlib.h>
#include <time.h>

#define SECRET "s3cr3t/of+the=test0002"
#define DESCRIPTOR "srv/repository"
#define SNAPSHOT "srv/backups/documents/20261101T020000Z-1"
#define PACK "srv/documents/data/aa"
#define CONTENT "the bytes of what was there before"

/* ---- the store ---------------------------------------------------------------------------- */

/* A bucket as sme-backup setup leaves it. */
static const struct auditrig_part good_parts[AUDITRIG_PARTS] = {
    {"publicAccessBlock", 200,
     XML "<PublicAccessBlockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
         "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
         "<BlockPublicPolicy>true</BlockPublicPolicy>"
         "<RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"},
    {"ownershipControls", 200,
     XML "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"
         "</OwnershipControls>"},
    {"versioning", 200,
     XML "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"},
    {"object-lock", 200,
     XML "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
         "<DefaultRetention><Mode>GOVERNANCE</Mode><Days>30</Days></DefaultRetention></Rule>"
         "</ObjectLockConfiguration>"},
    {"encryption", 200,
     XML "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
         "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
         "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"
         "</Rule></ServerSideEncryptionConfiguration>"},
    {"logging", 200,
     XML "<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket>"
         "<TargetPrefix>x</TargetPrefix></LoggingEnabled></BucketLoggingStatus>"},
    {"replication", 200,
     XML "<ReplicationConfiguration><Role>r</Role><Rule><Status>Enabled</Status></Rule>"
         "</ReplicationConfiguration>"},
    {"policy", 200,
     "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"SmeBackupTls\",\"Effect\":\"Deny\","
     "\"Principal\":{\"AWS\":\"*\"},\"Action\":\"s3:*\",\"Resource\":[\"arn:aws:s3:::" BUCKET
     "\",\"arn:aws:s3:::" BUCKET "/*\"],"
     "\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}}]}"},
    {"policyStatus", 200, XML "<PolicyStatus><IsPublic>FALSE</IsPublic></PolicyStatus>"},
    {"lifecycle", 200,
     XML "<LifecycleConfiguration><Rule><ID>sme-backup-tidy</ID><Filter><Prefix>srv/</Prefix>"
         "</Filter><Status>Enabled</Status><Expiration><ExpiredObjectDeleteMarker>true"
         "</ExpiredObjectDeleteMarker></Expiration><NoncurrentVersionExpiration><NoncurrentDays>30"
         "</NoncurrentDays></NoncurrentVersionExpiration><AbortIncompleteMultipartUpload>"
         "<DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
         "<Rule><ID>sme-backup-cold</ID><Filter><And><Prefix>srv/documents/data/</Prefix>"
         "<ObjectSizeGreaterThan>131072</ObjectSizeGreaterThan></And></Filter>"
         "<Status>Enabled</Status><Transition><Days>30</Days><StorageClass>GLACIER_IR"
         "</StorageClass></Transition></Rule></LifecycleConfiguration>"},
    {"uploads", 200,
     XML "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>"
         "</ListMultipartUploadsResult>"},
    {NULL, 0, NULL},
};

static void say(struct auditrig *store, struct httpd_reply *reply, int status, const char *body)
{
    (void)snprintf(store->reply, sizeof store->reply, "%s", body);
    reply->status = status;
    reply->body = store->reply;
    reply->body_len = strlen(store->reply);
}

static void refuse(struct auditrig *store, struct httpd_reply *reply, int status, const char *code)
{
    char body[512];

    (void)snprintf(body, sizeof body, XML "<Error><Code>%s</Code><Message>No.</Message></Error>",
                   code);
    say(store, reply, status, body);
}

static void answer_listing(struct auditrig *store, const char *query, struct httpd_reply *reply)
{
    bool snapshots = strstr(query, "backups") != NULL;
    const char *key = NULL;
    char object[128] = "", body[512];

    if (snapshots && store->has_snapshot)
        key = SNAPSHOT;
    else if (!snapshots && store->has_data)
        key = PACK;
    if (key != NULL)
        (void)snprintf(object, sizeof object, "<Contents><Key>%s</Key><Size>%zu</Size></Contents>",
                       key, strlen(CONTENT));
    (void)snprintf(body, sizeof body, XML "<ListBucketResult><Name>%s</Name>%s</ListBucketResult>",
                   BUCKET, object);
    say(store, reply, 200, body);
}

static void answer_bucket(struct auditrig *store, const char *query, bool is_signed,
                          struct httpd_reply *reply)
{
    if (strstr(query, "list-type=2") != NULL) {
        if (is_signed ? store->refuses_list : !store->is_public)
            refuse(store, reply, 403, "AccessDenied");
        else
            answer_listing(store, query, reply);
        return;
    }
    for (size_t i = 0; i < AUDITRIG_PARTS && store->parts[i].resource != NULL; i++) {
        const struct auditrig_part *part = &store->parts[i];
        size_t len = strlen(part->resource);

        if (strncmp(query, part->resource, len) != 0 || (query[len] != '\0' && query[len] != '='))
            continue;
        if (part->status == 200)
            say(store, reply, 200, part->body);
        else
            refuse(store, reply, part->status, part->body);
        return;
    }
    answer_listing(store, query, reply); /* as Ceph does for what it does not know */
}

static void keep(struct auditrig *store, const struct httpd_request *request, const char *key,
                 struct httpd_reply *reply)
{
    if (strstr(key, "probe-") == NULL) {
        if (request->body_len != strlen(CONTENT) ||
            memcmp(request->body, CONTENT, request->body_len) != 0)
            store->content_changed = true;
    } else {
        (void)snprintf(store->object, sizeof store->object, "%s", key);
    }
    if (store->versioned) {
        store->versions++;
        httpd_add_header(reply, "x-amz-version-id", "v-1");
    }
    if (store->loses_put_reply)
        reply->fault = HTTPD_RESET_BEFORE;
}

static void answer_put(struct auditrig *store, const struct httpd_request *request, const char *key,
                       struct httpd_reply *reply)
{
    bool conditional = httpd_header(request, "if-none-match") != NULL;
    bool is_descriptor = strcmp(key, DESCRIPTOR) == 0;
    bool there = (is_descriptor && store->has_descriptor) ||
                 (strcmp(key, SNAPSHOT) == 0 && store->has_snapshot) ||
                 strcmp(key, store->object) == 0;

    store->puts++;
    if (store->refuses_put || (is_descriptor && store->refuses_descriptor_put))
        refuse(store, reply, 403, "AccessDenied");
    else if (!store->ignores_checksums && httpd_header(request, "content-md5") != NULL)
        refuse(store, reply, 400, "BadDigest"); /* no probe has a right one */
    else if (there && conditional && !store->ignores_conditions)
        refuse(store, reply, 412, "PreconditionFailed");
    else
        keep(store, request, key, reply);
}

static void remove_version(struct auditrig *store, const char *key, const char *query,
                           struct httpd_reply *reply)
{
    if (store->refuses_version_delete) {
        refuse(store, reply, 403, "AccessDenied");
    } else if (strcmp(query, "versionId=m-1") == 0) {
        store->markers--;
    } else {
        store->versions--;
        if (strcmp(store->object, key) == 0)
            store->object[0] = '\0';
    }
}

static void answer_delete(struct auditrig *store, const struct httpd_request *request,
                          const char *key, const char *query, struct httpd_reply *reply)
{
    bool conditional = httpd_header(request, "if-match") != NULL;

    reply->status = 204;
    if (strncmp(query, "versionId=", 10) == 0) {
        remove_version(store, key, query, reply);
    } else if (store->refuses_delete || (conditional && store->refuses_conditional_delete)) {
        refuse(store, reply, 403, "AccessDenied");
    } else if (conditional && store->knows_no_delete_condition) {
        refuse(store, reply, 501, "NotImplemented");
    } else if (conditional && !store->ignores_conditions) {
        refuse(store, reply, 412, "PreconditionFailed");
    } else {
        if (strcmp(store->object, key) == 0)
            store->object[0] = '\0';
        if (store->versioned) {
            store->markers++;
            httpd_add_header(reply, "x-amz-version-id", "m-1");
        }
    }
}

static void answer_read(struct auditrig *store, const char *key, bool is_signed,
                        struct httpd_reply *reply)
{
    bool there = (strcmp(key, DESCRIPTOR) == 0 && store->has_descriptor) ||
                 (strcmp(key, SNAPSHOT) == 0 && store->has_snapshot) ||
                 (strcmp(key, PACK) == 0 && store->has_data);

    if (!is_signed && !store->is_public)
        refuse(store, reply, 403, "AccessDenied");
    else if (strstr(key, "/data/") != NULL && store->refuses_data)
        refuse(store, reply, 403, "AccessDenied");
    else if (there)
        say(store, reply, 200, CONTENT);
    else if (store->object[0] != '\0' && strcmp(key, store->object) == 0)
        say(store, reply, 200, "a probe of sme-backup doctor: may be removed\n");
    else if (store->refuses_absent)
        refuse(store, reply, 403, "AccessDenied");
    else
        refuse(store, reply, 404, "NoSuchKey");
}

static void add_date(struct auditrig *store, struct httpd_reply *reply)
{
    char date[64];
    struct tm tm;
    time_t now;

    (void)pthread_mutex_lock(&store->fake.lock);
    now = (time_t)(store->fake.now_ns / 1000000000) + store->skew_sec;
    (void)pthread_mutex_unlock(&store->fake.lock);
    (void)gmtime_r(&now, &tm);
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    httpd_add_header(reply, "Date", date);
}

static void answer(void *cookie, const struct httpd_request *request, struct httpd_reply *reply)
{
    struct auditrig *store = cookie;
    char target[sizeof request->target];
    bool is_signed = httpd_header(request, "authorization") != NULL;
    char *query, *key;

    store->requests++;
    (void)snprintf(target, sizeof target, "%s", request->target);
    query = strchr(target, '?');
    if (query != NULL)
        *query++ = '\0';
    else
        query = target + strlen(target);
    add_date(store, reply);
    if (strncmp(target, "/" BUCKET, strlen("/" BUCKET)) != 0) {
        refuse(store, reply, 400, "InvalidRequest");
        return;
    }
    key = target + strlen("/" BUCKET);
    if (*key == '/')
        key++;
    if (store->is_in_trouble)
        refuse(store, reply, 503, "ServiceUnavailable");
    else if (store->has_no_bucket)
        refuse(store, reply, 404, "NoSuchBucket");
    else if (*key == '\0')
        answer_bucket(store, query, is_signed, reply);
    else if (strcmp(request->method, "PUT") == 0)
        answer_put(store, request, key, reply);
    else if (strcmp(request->method, "DELETE") == 0)
        answer_delete(store, request, key, query, reply);
    else
        answer_read(store, key, is_signed, reply);
}

/* ---- set-up ------------------------------------------------------------------------------- */

int auditrig_set_up(void **state)
{
    struct auditrig *store = calloc(1, sizeof *store);

    assert_non_null(store);
    fakehost_init(&store->fake, "offsite");
    store->server = httpd_new(answer, store);
    store->err.struct_size = sizeof store->err;
    store->config = (struct s3_config){
        .bucket = BUCKET,
        .region = "eu-central-1",
        .endpoint = httpd_url(store->server),
        .prefix = "srv/",
        .style = S3_STYLE_PATH,
        .allow_http = true,
        .access_key = "AKIDEXAMPLE00002",
        .secret_key = SECRET,
        .object_lock = S3_LOCK_GOVERNANCE,
        .lock_for = 30 * S3_DAY_MS,
        .cold_class = S3_GLACIER_IR,
        .cold_after = 30 * S3_DAY_MS,
        .noncurrent_after = 30 * S3_DAY_MS,
    };
    memcpy(store->parts, good_parts, sizeof good_parts);
    store->versioned = store->has_descriptor = store->has_data = store->has_snapshot = true;
    /* the role run */
    store->refuses_delete = store->refuses_data = store->refuses_descriptor_put = true;
    if (s3_open(&store->fake.host, &store->config, &store->s3, &store->err) != SME_OK)
        fail_msg("%s", store->err.message);
    *state = store;
    return 0;
}

int auditrig_tear_down(void **state)
{
    struct auditrig *store = *state;

    s3_close(store->s3);
    httpd_free(store->server);
    assert_null(strstr(store->findings, SECRET));
    for (unsigned i = 0; i < FAKEHOST_LINES; i++)
        assert_null(strstr(store->fake.lines[i], SECRET));
    fakehost_done(&store->fake);
    free(store);
    return 0;
}

void auditrig_set_part(struct auditrig *store, const char *resource, int status, const char *body)
{
    for (size_t i = 0; i < AUDITRIG_PARTS && store->parts[i].resource != NULL; i++) {
        if (strcmp(store->parts[i].resource, resource) == 0) {
            store->parts[i].status = status;
            store->parts[i].body = body;
            return;
        }
    }
    fail_msg("no part '%s'", resource);
}

static const struct sme_area areas[] = {
    {sizeof areas[0], SME_AREA_DESCRIPTOR, "repository", 0, 0},
    {sizeof areas[0], SME_AREA_SNAPSHOTS, "backups/", 365, 0},
    {sizeof areas[0], SME_AREA_DATA, "documents/data/", 365, 0},
    {sizeof areas[0], SME_AREA_META, "documents/meta/", 365, 0},
    {sizeof areas[0], SME_AREA_INDEX, "documents/index/", 365, 0},
    {sizeof areas[0], SME_AREA_GC, "documents/gc/", 0, 0},
    {sizeof areas[0], SME_AREA_KEYS, "keys/", 0, 0},
};
const struct sme_layout auditrig_layout = {sizeof auditrig_layout, 7, areas};

/* ---- findings ----------------------------------------------------------------------------- */

int auditrig_take_finding(void *cookie, const struct sme_finding *finding)
{
    static const char *const level_names[] = {"?", "PASS", "NOTE", "WARN", "FAIL"};
    struct auditrig *store = cookie;
    size_t len = strlen(store->findings);

    assert_in_range(finding->level, SME_FINDING_PASS, SME_FINDING_FAIL);
    assert_true(finding->subject[0] != '\0' && finding->text[0] != '\0');
    assert_true(finding->text[strlen(finding->text) - 1] != '.');
    (void)snprintf(store->findings + len, sizeof store->findings - len, "%s %s: %s [%s]\n",
                   level_names[finding->level], finding->subject, finding->text, finding->fix);
    return SME_OK;
}

int auditrig_audit(struct auditrig *store)
{
    store->findings[0] = '\0';
    return bucket_audit(store->s3, &auditrig_layout, auditrig_take_finding, store, &store->err);
}

void auditrig_audit_well(struct auditrig *store)
{
    if (auditrig_audit(store) != SME_OK)
        fail_msg("%s", store->err.message);
}

/* Is there a line that begins with ${start} and has ${part} in it? */
static bool has(const struct auditrig *store, const char *start, const char *part)
{
    for (const char *line = store->findings; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n');
        const char *found = strstr(line, part);

        if (strncmp(line, start, strlen(start)) == 0 && found != NULL && found < end)
            return true;
    }
    return false;
}

void assert_has(const struct auditrig *store, const char *start, const char *part)
{
    if (!has(store, start, part)) {
        print_error("%s", store->findings);
        fail_msg("no '%s ... %s' in that", start, part);
    }
}

void assert_has_not(const struct auditrig *store, const char *start, const char *part)
{
    if (has(store, start, part)) {
        print_error("%s", store->findings);
        fail_msg("'%s ... %s' in that", start, part);
    }
}

void assert_nothing_left(const struct auditrig *store)
{
    assert_string_equal(store->object, "");
    assert_int_equal(store->versions, 0);
    assert_int_equal(store->markers, 0);
    assert_false(store->content_changed);
}
