/*
 * Credentials: where they come from, and that they are fresh.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * One thread fetches; the others use what they have, or wait if that is no good.  Keys that are
 * at hand are never thrown away because new ones cannot be had: whether they still work is for
 * the store to say.
 */
#include "creds.h"
#include "creds_files.h"
#include "creds_imds.h"
#include "creds_web.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define MS_PER_SEC INT64_C(1000)
#define MS_PER_MIN (60 * MS_PER_SEC)
#define RENEW_BEFORE (5 * MS_PER_MIN)
#define SHORT_LIFE (10 * MS_PER_MIN)
#define RETRY_LEAST (2 * MS_PER_MIN)
#define RETRY_MOST (10 * MS_PER_MIN)

enum kind { KIND_OPTIONS, KIND_ENVIRONMENT, KIND_FILE, KIND_WEB, KIND_CONTAINER, KIND_INSTANCE };

struct s3_creds {
    const struct sme_host *host;
    enum kind kind;
    struct creds_file file;
    struct creds_web web;   /* used by the thread that fetches, without the lock */
    struct creds_imds imds; /* the same */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t fetched;
    struct s3_keys keys; /* generation 0: none yet */
    int64_t expires_ms;  /* since 1970; 0: never */
    int64_t renew_ms;
    uint64_t refused; /* generation that the store refused */
    bool stale;       /* ... and new ones were not had since */
    bool fetching;
    bool outage;          /* a warning was logged */
    uint64_t attempts;    /* fetches that ended */
    char role[129];       /* of the instance, as it was last told */
    struct sme_error why; /* of the last one that failed; status SME_OK: it did not */
};

void s3_keys_wipe(struct s3_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof *keys);
}

/* ---- where they come from ----------------------------------------------------------------- */

static int read_options(const struct s3_config *config, struct s3_keys *keys, struct sme_error *err)
{
    if (config->access_key == NULL && config->secret_key == NULL) {
        if (config->session_token == NULL)
            return SME_E_NOT_FOUND;
        (void)sme_fail(err, SME_E_INVALID, "option 'session_token' is set without 'access_key'");
        creds_hint(err, "it belongs to one pair of access_key and secret_key");
        return SME_E_INVALID;
    }
    if (config->access_key == NULL || config->secret_key == NULL) {
        bool no_access = config->access_key == NULL;
        (void)sme_fail(err, SME_E_INVALID, "option '%s' is set, but '%s' is not",
                       no_access ? "secret_key" : "access_key",
                       no_access ? "access_key" : "secret_key");
        creds_hint(err, "set both, or none to use another kind of credentials");
        return SME_E_INVALID;
    }
    return creds_set_keys(keys, config->access_key, config->secret_key, config->session_token,
                          "the options of the sink", err);
}

static int choose(struct s3_creds *creds, const struct s3_config *config, const char *region,
                  struct sme_error *err)
{
    creds->kind = KIND_OPTIONS;
    int status = read_options(config, &creds->keys, err);
    if (status == SME_E_NOT_FOUND && !creds_file_is_option(config)) {
        creds->kind = KIND_ENVIRONMENT;
        status = creds_read_env(&creds->keys, err);
    }
    if (status == SME_E_NOT_FOUND) {
        creds->kind = KIND_FILE;
        status = creds_read_file(creds->host, config, &creds->file, &creds->keys, err);
    }
    if (status == SME_OK)
        creds->keys.generation = 1;
    if (status == SME_E_NOT_FOUND) {
        creds->kind = KIND_WEB;
        status = creds_web_identity_init(&creds->web, creds->host, config, region, err);
    }
    if (status == SME_E_NOT_FOUND) {
        creds->kind = KIND_CONTAINER;
        creds_web_done(&creds->web);
        status = creds_web_container_init(&creds->web, creds->host, err);
    }
    if (status == SME_E_NOT_FOUND) {
        creds->kind = KIND_INSTANCE;
        status = creds_imds_init(&creds->imds, creds->host, config, err);
    }
    return status;
}

/* Nothing was found anywhere; ${why} is what became of the metadata service. */
static int fail_nothing(const struct s3_creds *creds, const char *why, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_DENIED,
                   "no credentials: none in the options of the sink nor in the environment, "
                   "'%.150s' %s, no web identity, no container endpoint, and the metadata service "
                   "'%.80s' %s",
                   creds->file.path[0] != '\0' ? creds->file.path : "~/.aws/credentials",
                   creds->file.state, creds->imds.base, why);
    creds_hint(err, "attach a role to the EC2 instance (in a container also: aws ec2 "
                    "modify-instance-metadata-options --http-put-response-hop-limit 2); elsewhere "
                    "set profile or credentials_file, or AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY");
    return SME_E_DENIED;
}

int s3_creds_new(const struct sme_host *host, const struct s3_config *config, const char *region,
                 struct s3_creds **ret_creds, struct sme_error *err)
{
    struct s3_creds *creds = calloc(1, sizeof *creds);

    if (creds == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for credentials");
    creds->host = host;
    (void)pthread_mutex_init(&creds->lock, NULL);
    (void)pthread_cond_init(&creds->fetched, NULL);
    int status = choose(creds, config, region, err);
    if (status == SME_OK && creds->kind == KIND_INSTANCE && creds->imds.disabled)
        status = fail_nothing(creds, "is switched off by 'AWS_EC2_METADATA_DISABLED'", err);
    if (status < 0)
        s3_creds_free(creds);
    else
        *ret_creds = creds;
    return status;
}

void s3_creds_free(struct s3_creds *creds)
{
    if (creds == NULL)
        return;
    creds_web_done(&creds->web);
    (void)pthread_cond_destroy(&creds->fetched);
    (void)pthread_mutex_destroy(&creds->lock);
    OPENSSL_cleanse(creds, sizeof *creds);
    free(creds);
}

static bool is_static(const struct s3_creds *creds)
{
    return creds->kind == KIND_OPTIONS || creds->kind == KIND_ENVIRONMENT ||
           creds->kind == KIND_FILE;
}

void s3_creds_describe(struct s3_creds *creds, char *out, size_t size)
{
    (void)pthread_mutex_lock(&creds->lock);
    switch (creds->kind) {
    case KIND_OPTIONS:
        (void)snprintf(out, size, "the keys in the options of the sink");
        break;
    case KIND_ENVIRONMENT:
        (void)snprintf(out, size, "the keys in the environment (AWS_ACCESS_KEY_ID)");
        break;
    case KIND_FILE:
        (void)snprintf(out, size, "profile '%s' in '%s'", creds->file.profile, creds->file.path);
        break;
    case KIND_WEB:
        (void)snprintf(out, size, "the role '%s' by web identity (STS '%s')", creds->web.role,
                       creds->web.shown);
        break;
    case KIND_CONTAINER:
        (void)snprintf(out, size, "the role of the container (endpoint '%s')", creds->web.shown);
        break;
    case KIND_INSTANCE:
        if (creds->role[0] != '\0')
            (void)snprintf(out, size, "the role '%s' of the EC2 instance (metadata service)",
                           creds->role);
        else
            (void)snprintf(out, size, "the role of the EC2 instance (metadata service)");
        break;
    }
    (void)pthread_mutex_unlock(&creds->lock);
}

/* ---- freshness ---------------------------------------------------------------------------- */

static int64_t now_ms(const struct s3_creds *creds)
{
    return creds->host->realtime_ns(creds->host) / INT64_C(1000000);
}

/* 0 to ${most}; half of it if there is no chance to be had. */
static int64_t jitter(const struct s3_creds *creds, int64_t most)
{
    uint32_t dice = UINT32_MAX / 2;

    (void)creds->host->random(creds->host, &dice, sizeof dice);
    return (int64_t)((uint64_t)dice * (uint64_t)most / UINT32_MAX);
}

/* When keys that live from ${now} to ${expires} are to be renewed. */
static int64_t plan_renewal(const struct s3_creds *creds, int64_t now, int64_t expires)
{
    int64_t life = expires - now;

    if (life <= 0) /* a metadata service in trouble hands out old keys on purpose */
        return now + RETRY_LEAST + jitter(creds, RETRY_MOST - RETRY_LEAST);
    if (life < SHORT_LIFE)
        return expires - life / 2 - jitter(creds, life / 10);
    return expires - RENEW_BEFORE - jitter(creds, MS_PER_MIN);
}

/* After a failure: soon while the keys live, so that there is more than one chance. */
static int64_t plan_retry(const struct s3_creds *creds, int64_t now)
{
    int64_t left = creds->expires_ms - now;

    if (left > 0) {
        int64_t soon = left / 4 < RETRY_LEAST ? left / 4 : RETRY_LEAST;
        return now + soon + jitter(creds, soon);
    }
    return now + RETRY_LEAST + jitter(creds, RETRY_MOST - RETRY_LEAST);
}

static bool are_same(const struct s3_keys *a, const struct s3_keys *b)
{
    return strcmp(a->access, b->access) == 0 && strcmp(a->secret, b->secret) == 0 &&
           strcmp(a->token, b->token) == 0;
}

static void warn_of_outage(struct s3_creds *creds, bool expired, const char *why)
{
    if (!creds->outage)
        creds->host->log(creds->host, SME_LOG_WARNING,
                         "credentials cannot be renewed and are used on%s: %.200s",
                         expired ? " although they have expired" : "", why);
    creds->outage = true;
}

/* Called with the lock.  Keys that are the same as before keep their generation, so that a
 * refusal of them is final. */
static void take_keys(struct s3_creds *creds, const struct creds_found *found)
{
    int64_t now = now_ms(creds);
    uint64_t generation = creds->keys.generation;
    bool is_new = generation == 0 || !are_same(&creds->keys, &found->keys);

    creds->keys = found->keys;
    creds->keys.generation = is_new ? generation + 1 : generation;
    creds->expires_ms = found->expires_sec * MS_PER_SEC;
    creds->renew_ms = plan_renewal(creds, now, creds->expires_ms);
    creds->stale = false;
    if (creds->expires_ms <= now) {
        warn_of_outage(creds, true, "those that are handed out have ended");
    } else if (creds->outage) {
        creds->host->log(creds->host, SME_LOG_INFO, "credentials are renewed again");
        creds->outage = false;
    }
    if (creds->kind == KIND_INSTANCE)
        memcpy(creds->role, creds->imds.role, sizeof creds->role);
}

/* Called with the lock. */
static void take_failure(struct s3_creds *creds)
{
    int64_t now = now_ms(creds);

    if (creds->keys.generation == 0) {
        if (creds->kind == KIND_INSTANCE && creds->why.status == SME_E_UNREACHABLE &&
            !creds->imds.reached)
            (void)fail_nothing(creds, "does not answer", &creds->why);
        return;
    }
    if (creds->why.status == SME_E_CANCELLED)
        return;
    /* It has worked before, so it may work again. */
    if (creds->why.status == SME_E_UNREACHABLE)
        creds->why.status = SME_E_TRANSIENT;
    creds->renew_ms = plan_retry(creds, now);
    warn_of_outage(creds, creds->expires_ms <= now, creds->why.message);
}

/* Called with the lock, which is given up meanwhile. */
static void fetch(struct s3_creds *creds)
{
    struct creds_found found = {0};
    struct sme_error why = {.struct_size = sizeof why};
    int status;

    creds->fetching = true;
    (void)pthread_mutex_unlock(&creds->lock);
    if (creds->kind == KIND_WEB)
        status = creds_web_identity_fetch(&creds->web, &found, &why);
    else if (creds->kind == KIND_CONTAINER)
        status = creds_web_container_fetch(&creds->web, &found, &why);
    else
        status = creds_imds_fetch(&creds->imds, &found, &why);
    (void)pthread_mutex_lock(&creds->lock);
    creds->why = why;
    creds->why.status = status;
    if (status == SME_OK)
        take_keys(creds, &found);
    else
        take_failure(creds);
    creds->fetching = false;
    creds->attempts++;
    (void)pthread_cond_broadcast(&creds->fetched);
    creds_found_wipe(&found);
}

/* Called with the lock: the keys may be given out, whether or not they are to be renewed. */
static bool are_usable(const struct s3_creds *creds, int64_t now)
{
    return creds->keys.generation != 0 && !creds->stale && now < creds->expires_ms;
}

/* Called with the lock.  SME_OK: there are keys to be given out. */
static int make_fresh(struct s3_creds *creds)
{
    int64_t now = now_ms(creds);
    uint64_t before = creds->attempts;

    if (creds->keys.generation != 0 && !creds->stale && now < creds->renew_ms)
        return SME_OK;
    if (creds->fetching && are_usable(creds, now))
        return SME_OK;
    if (creds->fetching) {
        /* What the other thread brings, good or bad, is the answer for all that wait. */
        while (creds->fetching && creds->attempts == before)
            (void)pthread_cond_wait(&creds->fetched, &creds->lock);
    } else {
        fetch(creds);
    }
    if (creds->why.status == SME_OK)
        return SME_OK;
    if (creds->keys.generation == 0 || creds->stale || creds->why.status == SME_E_CANCELLED)
        return creds->why.status;
    return SME_OK;
}

int s3_creds_get(struct s3_creds *creds, struct s3_keys *ret_keys, struct sme_error *err)
{
    (void)pthread_mutex_lock(&creds->lock);
    int status = is_static(creds) ? SME_OK : make_fresh(creds);
    if (status == SME_OK) {
        *ret_keys = creds->keys;
    } else if (err != NULL) {
        (void)sme_fail(err, status, "%s", creds->why.message);
        err->sys_errno = creds->why.sys_errno;
        creds_hint(err, "%s", creds->why.hint);
    }
    (void)pthread_mutex_unlock(&creds->lock);
    return status;
}

bool s3_creds_refused(struct s3_creds *creds, uint64_t generation)
{
    bool again = false;

    (void)pthread_mutex_lock(&creds->lock);
    if (!is_static(creds)) {
        if (generation != creds->keys.generation) {
            again = true; /* newer ones are there already */
        } else if (creds->stale) {
            again = true; /* new ones are being had for another thread */
        } else if (creds->refused != generation) {
            creds->refused = generation;
            creds->stale = true;
            again = true;
        }
    }
    (void)pthread_mutex_unlock(&creds->lock);
    return again;
}

int s3_creds_instance_region(const struct sme_host *host, const struct s3_config *config,
                             char out[64], struct sme_error *err)
{
    struct creds_imds imds;

    int status = creds_imds_init(&imds, host, config, err);
    if (status < 0)
        return status;
    imds.tries = 1; /* most machines without a region are not at Amazon's */
    return creds_imds_region(&imds, out, err);
}
