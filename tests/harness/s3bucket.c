/*
 * A bucket in a box.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "s3bucket.h"
#include "../../sinks/s3/open.h"

#include <stdlib.h>
#include <time.h>

#define SECRET "s3cr3t/of+the=test0002"
#define DESCRIPTOR "the descriptor of a repository"

/* ---- the store ---------------------------------------------------------------------------- */

/* A bucket as sme-backup setup leaves it. */
static const struct part good_parts[PARTS] = {
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

static void say(struct s3bucket *store, struct httpd_reply *reply, int status, const char *body)
{
    (void)snprintf(store->reply, sizeof store->reply, "%s", body);
    reply->status = status;
    reply->body = store->reply;
    reply->body_len = strlen(store->reply);
}

static void refuse(struct s3bucket *store, struct httpd_reply *reply, int status, const char *code)
{
    char body[512];

    (void)snprintf(body, sizeof body, XML "<Error><Code>%s</Code><Message>No.</Message></Error>",
                   code);
    say(store, reply, status, body);
}

static void answer_listing(struct s3bucket *store, struct httpd_reply *reply)
{
    char body[512];

    (void)snprintf(
        body, sizeof body, XML "<ListBucketResult><Name>" BUCKET "</Name>%s</ListBucketResult>",
        store->has_data ? "<Contents><Key>srv/documents/data/aa</Key><Size>5</Size></Contents>"
                        : "");
    say(store, reply, 200, body);
}

static void answer_bucket(struct s3bucket *store, const char *query, bool is_signed,
                          struct httpd_reply *reply)
{
    if (strstr(query, "list-type=2") != NULL) {
        if (is_signed ? store->refuses_list : !store->is_public)
            refuse(store, reply, 403, "AccessDenied");
        else
            answer_listing(store, reply);
        return;
    }
    for (size_t i = 0; i < PARTS && store->parts[i].resource != NULL; i++) {
        const struct part *part = &store->parts[i];
        size_t len = strlen(part->resource);

        if (strncmp(query, part->resource, len) != 0 || (query[len] != '\0' && query[len] != '='))
            continue;
        if (part->status == 200)
            say(store, reply, 200, part->body);
        else
            refuse(store, reply, part->status, part->body);
        return;
    }
    answer_listing(store, reply); /* as Ceph does for what it does not know */
}

static void answer_put(struct s3bucket *store, const struct httpd_request *request, const char *key,
                       struct httpd_reply *reply)
{
    bool conditional = httpd_header(request, "if-none-match") != NULL;
    bool is_descriptor = strcmp(key, "srv/repository") == 0;
    bool there = is_descriptor ? store->has_descriptor : strcmp(store->object, key) == 0;

    store->puts++;
    if (store->refuses_put) {
        refuse(store, reply, 403, "AccessDenied");
        return;
    }
    if (there && conditional && !store->ignores_conditions) {
        refuse(store, reply, 412, "PreconditionFailed");
        return;
    }
    if (is_descriptor) {
        if (request->body_len != strlen(DESCRIPTOR) ||
            memcmp(request->body, DESCRIPTOR, request->body_len) != 0)
            store->descriptor_changed = true;
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

static void answer_delete(struct s3bucket *store, const struct httpd_request *request,
                          const char *key, const char *query, struct httpd_reply *reply)
{
    reply->status = 204;
    if (strncmp(query, "versionId=", 10) == 0) {
        if (store->refuses_version_delete)
            refuse(store, reply, 403, "AccessDenied");
        else if (strcmp(query, "versionId=m-1") == 0)
            store->markers--;
        else
            store->versions--;
    } else if (store->refuses_delete) {
        refuse(store, reply, 403, "AccessDenied");
    } else if (httpd_header(request, "if-match") != NULL && store->knows_no_delete_condition) {
        refuse(store, reply, 501, "NotImplemented");
    } else if (httpd_header(request, "if-match") != NULL && !store->ignores_conditions) {
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

static void answer_read(struct s3bucket *store, const char *key, bool is_signed,
                        struct httpd_reply *reply)
{
    bool is_data = strstr(key, "/data/") != NULL;

    if (!is_signed && !store->is_public)
        refuse(store, reply, 403, "AccessDenied");
    else if (is_data && store->refuses_data)
        refuse(store, reply, 403, "AccessDenied");
    else if (strcmp(key, "srv/repository") == 0 && store->has_descriptor)
        say(store, reply, 200, DESCRIPTOR);
    else if (strcmp(key, "srv/documents/data/aa") == 0 && store->has_data)
        say(store, reply, 200, "bytes");
    else if (store->object[0] != '\0' && strcmp(key, store->object) == 0)
        say(store, reply, 200, "a probe of sme-backup doctor: may be removed\n");
    else if (store->refuses_absent)
        refuse(store, reply, 403, "AccessDenied");
    else
        refuse(store, reply, 404, "NoSuchKey");
}

static void add_date(struct s3bucket *store, struct httpd_reply *reply)
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
    struct s3bucket *store = cookie;
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

int s3bucket_set_up(void **state)
{
    struct s3bucket *store = calloc(1, sizeof *store);

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
    store->has_descriptor = store->has_data = store->versioned = true;
    store->refuses_delete = store->refuses_data = true; /* the role run */
    if (s3_open(&store->fake.host, &store->config, &store->s3, &store->err) != SME_OK)
        fail_msg("%s", store->err.message);
    *state = store;
    return 0;
}

int s3bucket_tear_down(void **state)
{
    struct s3bucket *store = *state;

    s3_close(store->s3);
    httpd_free(store->server);
    assert_null(strstr(store->findings, SECRET));
    for (unsigned i = 0; i < FAKEHOST_LINES; i++)
        assert_null(strstr(store->fake.lines[i], SECRET));
    fakehost_done(&store->fake);
    free(store);
    return 0;
}

void s3bucket_set_part(struct s3bucket *store, const char *resource, int status, const char *body)
{
    for (size_t i = 0; i < PARTS && store->parts[i].resource != NULL; i++) {
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
const struct sme_layout s3bucket_layout = {sizeof s3bucket_layout, 7, areas};

static const char *const level_names[] = {"?", "PASS", "NOTE", "WARN", "FAIL", "CHANGE"};

int s3bucket_take_finding(void *cookie, const struct sme_finding *finding)
{
    struct s3bucket *store = cookie;
    size_t len = strlen(store->findings);

    assert_in_range(finding->level, SME_FINDING_PASS, SME_FINDING_FAIL);
    assert_true(finding->subject[0] != '\0' && finding->text[0] != '\0');
    assert_true(finding->text[strlen(finding->text) - 1] != '.');
    (void)snprintf(store->findings + len, sizeof store->findings - len, "%s %s: %s [%s]\n",
                   level_names[finding->level], finding->subject, finding->text, finding->fix);
    return SME_OK;
}

int s3bucket_audit(struct s3bucket *store)
{
    store->findings[0] = '\0';
    return bucket_audit(store->s3, &s3bucket_layout, s3bucket_take_finding, store, &store->err);
}

void s3bucket_audit_well(struct s3bucket *store)
{
    if (s3bucket_audit(store) != SME_OK)
        fail_msg("%s", store->err.message);
}

/* Is there a line that begins with ${start} and has ${part} in it? */
static bool has(const struct s3bucket *store, const char *start, const char *part)
{
    for (const char *line = store->findings; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n');
        const char *found = strstr(line, part);

        if (strncmp(line, start, strlen(start)) == 0 && found != NULL && found < end)
            return true;
    }
    return false;
}

void assert_has(const struct s3bucket *store, const char *start, const char *part)
{
    if (!has(store, start, part))
        fail_msg("no '%s ... %s' in:\n%s", start, part, store->findings);
}

void assert_has_not(const struct s3bucket *store, const char *start, const char *part)
{
    if (has(store, start, part))
        fail_msg("'%s ... %s' in:\n%s", start, part, store->findings);
}

void assert_nothing_left(const struct s3bucket *store)
{
    assert_string_equal(store->object, "");
    assert_int_equal(store->versions, 0);
    assert_int_equal(store->markers, 0);
    assert_false(store->descriptor_changed);
}
