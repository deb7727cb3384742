/*
 * The S3 sink: Amazon S3 and other stores that speak its protocol.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "s3.h"
#include "bucket.h"
#include "objects.h"
#include "open.h"

/* One connection does not fill a network card, and more than these do not make it fuller. */
#define CONNECTIONS 4
#define MAX_OBJECT (5ull << 30) /* of a single put */
#define NS 1000000000
#define DAYS(n) ((int64_t)(n) * (int64_t)S3_DAY_MS)

static const char *const style_choices[] = {
    [S3_STYLE_AUTO] = "auto", [S3_STYLE_PATH] = "path", [S3_STYLE_HOST] = "host", NULL};
static const char *const encryption_choices[] = {
    [S3_ENCRYPT_S3] = "s3", [S3_ENCRYPT_KMS] = "kms", [S3_ENCRYPT_NONE] = "none", NULL};
static const char *const lock_choices[] = {[S3_LOCK_OFF] = "off",
                                           [S3_LOCK_GOVERNANCE] = "governance",
                                           [S3_LOCK_COMPLIANCE] = "compliance",
                                           NULL};
static const char *const switch_choices[] = {
    [S3_AUTO] = "auto", [S3_ON] = "on", [S3_OFF] = "off", NULL};

static const struct sme_option options[] = {
    SME_OPTION_STRING(struct s3_config, bucket, "bucket", SME_OPT_REQUIRED, NULL,
                      "Name of the bucket; 'sme-backup setup' makes and hardens it."),
    SME_OPTION_STRING(struct s3_config, region, "region", 0, NULL,
                      "Region of the bucket; without it AWS_REGION, AWS_DEFAULT_REGION, the region "
                      "of the EC2 instance, us-east-1."),
    SME_OPTION_STRING(struct s3_config, prefix, "prefix", 0, NULL,
                      "What all keys in the bucket begin with, so that several repositories share "
                      "one bucket; %h becomes the name of the host."),
    SME_OPTION_STRING(struct s3_config, endpoint, "endpoint", 0, NULL,
                      "Address of another store than Amazon's: https://HOST or https://HOST:PORT."),
    SME_OPTION_CHOICE(struct s3_config, style, "path_style", 0, "auto", style_choices,
                      "Where the bucket stands in an address: in the path, or in the name of the "
                      "host; auto takes the path for other stores and names with a dot."),
    SME_OPTION_BOOL(struct s3_config, allow_http, "allow_http", 0, "no",
                    "Allow an endpoint without TLS, for a network that is yours alone."),
    SME_OPTION_PATH(struct s3_config, ca_file, "ca_file", 0, NULL,
                    "File of certificates (PEM) that the store's certificate is checked against, "
                    "instead of the system's."),
    SME_OPTION_STRING(struct s3_config, access_key, "access_key", 0, NULL,
                      "Access key id; better leave it out and use the role of the instance."),
    SME_OPTION_STRING(struct s3_config, secret_key, "secret_key", SME_OPT_SECRET, NULL,
                      "Secret that belongs to access_key."),
    SME_OPTION_STRING(struct s3_config, session_token, "session_token", SME_OPT_SECRET, NULL,
                      "Session token that belongs to a temporary access_key."),
    SME_OPTION_STRING(struct s3_config, profile, "profile", 0, NULL,
                      "Section of the shared credentials file; without it AWS_PROFILE or "
                      "'default'."),
    SME_OPTION_PATH(struct s3_config, credentials_file, "credentials_file", 0, NULL,
                    "Shared credentials file; without it AWS_SHARED_CREDENTIALS_FILE or "
                    "~/.aws/credentials."),
    SME_OPTION_STRING(struct s3_config, metadata_endpoint, "metadata_endpoint", 0, NULL,
                      "Address of the instance's metadata service; without it "
                      "AWS_EC2_METADATA_SERVICE_ENDPOINT or http://169.254.169.254."),
    SME_OPTION_STRING(struct s3_config, account, "account", 0, NULL,
                      "Number of the account that must own the bucket; requests to a bucket of "
                      "anybody else are refused."),
    SME_OPTION_CHOICE(struct s3_config, encryption, "encryption", 0, "s3", encryption_choices,
                      "Default encryption that 'setup' gives to the bucket, beside our own: with "
                      "keys of S3, or of KMS."),
    SME_OPTION_STRING(struct s3_config, kms_key, "kms_key", 0, NULL,
                      "Id or ARN of the KMS key, with encryption = kms."),
    SME_OPTION_CHOICE(struct s3_config, conditional, "conditional_writes", 0, "auto",
                      switch_choices,
                      "Whether puts carry If-None-Match, so that nothing is ever overwritten: auto "
                      "goes on without it where the store does not know it."),
    SME_OPTION_CHOICE(struct s3_config, object_lock, "object_lock", 0, "off", lock_choices,
                      "Object Lock that 'setup' gives to the bucket: nobody can delete what is "
                      "younger than lock_for, in mode compliance not even the account's root."),
    SME_OPTION_DURATION(struct s3_config, lock_for, "lock_for", 0, "30d", DAYS(1), DAYS(3650),
                        "How long Object Lock keeps each object, in whole days."),
    SME_OPTION_BOOL(struct s3_config, tls_only, "tls_only", 0, "yes",
                    "Whether 'setup' makes the bucket refuse requests without TLS."),
    SME_OPTION_BOOL(struct s3_config, create_only, "create_only", 0, "no",
                    "Whether 'setup' makes the bucket refuse every put that could overwrite."),
    SME_OPTION_CHOICE(struct s3_config, cold_class, "cold_class", 0, "STANDARD", s3_class_names,
                      "Storage class that 'setup' makes data packs move to; everything that "
                      "backups read stays in STANDARD."),
    SME_OPTION_DURATION(struct s3_config, cold_after, "cold_after", 0, "30d", 0, DAYS(3650),
                        "Age at which data packs move to cold_class, in whole days."),
    SME_OPTION_DURATION(struct s3_config, noncurrent_after, "noncurrent_after", 0, "30d", DAYS(1),
                        DAYS(3650),
                        "How long deleted and overwritten objects can be brought back, in whole "
                        "days."),
    SME_OPTION_PATH(struct s3_config, prices, "prices", 0, NULL,
                    "Table of prices for the cost in logs, instead of the one that is installed."),
};

static int s3_create(const struct sme_host *host, const void *config, void **ret_handle,
                     struct sme_error *err)
{
    struct s3 *s3 = NULL;
    int status = s3_open(host, config, &s3, err);

    if (status == SME_OK)
        *ret_handle = s3;
    return status;
}

static void s3_destroy(void *handle)
{
    s3_close(handle);
}

static int s3_limits(void *handle, struct sme_sink_limits *ret_limits, struct sme_error *err)
{
    const struct s3 *s3 = handle;

    (void)err;
    ret_limits->flags = s3->config->conditional != S3_OFF ? SME_SINK_CREATE_ONLY : 0;
    ret_limits->max_object = MAX_OBJECT;
    ret_limits->connections = CONNECTIONS;
    return SME_OK;
}

static int s3_prepare(void *handle, struct sme_error *err)
{
    return bucket_create(handle, err);
}

static int s3_put(void *handle, const char *key, const struct sme_slice *slices, size_t count,
                  const struct sme_put_info *info, struct sme_error *err)
{
    return object_put(handle, key, slices, count, info, err);
}

static int64_t s3_get(void *handle, const char *key, uint64_t offset, void *buf, size_t len,
                      struct sme_error *err)
{
    return object_get(handle, key, offset, buf, len, err);
}

static int s3_stat(void *handle, const char *key, struct sme_object *ret_object,
                   struct sme_error *err)
{
    return object_stat(handle, key, ret_object, err);
}

static int s3_list(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                   struct sme_error *err)
{
    return object_list(handle, prefix, callback, cookie, err);
}

static int s3_list_from(void *handle, const char *prefix, const char *after, sme_list_fn *callback,
                        void *cookie, struct sme_error *err)
{
    return object_list_from(handle, prefix, after, callback, cookie, err);
}

static int s3_remove(void *handle, const char *key, struct sme_error *err)
{
    return object_remove(handle, key, err);
}

/* The last reply's Date told the difference of the clocks; without one yet, the bucket is asked. */
static int s3_server_time(void *handle, int64_t *ret_ns, struct sme_error *err)
{
    struct s3 *s3 = handle;

    (void)pthread_mutex_lock(&s3->lock);
    bool known = s3->skew_known;
    (void)pthread_mutex_unlock(&s3->lock);
    if (!known) {
        struct s3_request request = {.method = "HEAD"};
        struct s3_reply reply;
        int status = s3_call(s3, &request, "bucket", &reply, err);
        bool dated = reply.date_sec != 0;
        s3_reply_done(&reply);
        if (!dated)
            return status < 0
                       ? status
                       : sme_fail(err, SME_E_UNSUPPORTED, "the store does not tell the time");
    }
    (void)pthread_mutex_lock(&s3->lock);
    int64_t skew = s3->skew_sec;
    (void)pthread_mutex_unlock(&s3->lock);
    *ret_ns = s3->host->realtime_ns(s3->host) + skew * NS;
    return SME_OK;
}

static int s3_setup(void *handle, const struct sme_layout *layout, uint32_t flags,
                    sme_finding_fn *report, void *cookie, struct sme_error *err)
{
    return bucket_setup(handle, layout, flags, report, cookie, err);
}

static int s3_audit(void *handle, const struct sme_layout *layout, sme_finding_fn *report,
                    void *cookie, struct sme_error *err)
{
    return bucket_audit(handle, layout, report, cookie, err);
}

static int s3_policy(void *handle, const struct sme_layout *layout, uint32_t role,
                     sme_text_fn *write, void *cookie, struct sme_error *err)
{
    return bucket_policy(handle, layout, role, write, cookie, err);
}

static int s3_thaw_offers(void *handle, const char *sample, uint64_t count, uint64_t bytes,
                          sme_thaw_offer_fn *report, void *cookie, struct sme_error *err)
{
    return bucket_thaw_offers(handle, sample, count, bytes, report, cookie, err);
}

static int s3_thaw(void *handle, const char *key, uint32_t speed, uint32_t days,
                   uint32_t *ret_state, struct sme_error *err)
{
    return bucket_thaw(handle, key, speed, days, ret_state, err);
}

static int s3_cost(void *handle, const struct sme_usage *usage, int64_t *ret_nano_usd,
                   struct sme_error *err)
{
    return bucket_cost(handle, usage, ret_nano_usd, err);
}

static int s3_remove_many(void *handle, const char *const *keys, size_t count,
                          sme_removed_fn *callback, void *cookie, struct sme_error *err)
{
    return object_remove_many(handle, keys, count, callback, cookie, err);
}

static const struct sme_sink_ops sink_ops = {
    .struct_size = sizeof(struct sme_sink_ops),
    .create = s3_create,
    .destroy = s3_destroy,
    .limits = s3_limits,
    .prepare = s3_prepare,
    .put = s3_put,
    .get = s3_get,
    .stat = s3_stat,
    .list = s3_list,
    .remove = s3_remove,
    .server_time = s3_server_time,
    .setup = s3_setup,
    .audit = s3_audit,
    .policy = s3_policy,
    .thaw_offers = s3_thaw_offers,
    .thaw = s3_thaw,
    .cost = s3_cost,
    .remove_many = s3_remove_many,
    .list_from = s3_list_from,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PARALLEL,
    .option_count = sizeof options / sizeof options[0],
    .name = "s3",
    .version = "1.0",
    .summary = "objects in a bucket of Amazon S3 or a store that speaks its protocol",
    .options = options,
    .config_size = sizeof(struct s3_config),
    .sink = &sink_ops,
};
