/*
 * From what S3 answers to what the core does next.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "errors.h"
#include "xml.h"

#include <string.h>

struct known_code {
    const char *code;
    struct s3_failure failure;
};

#define REGION_HINT "set region = in the sink's section to the bucket's region"
#define CLOCK_HINT "correct the clock of this host (chrony, systemd-timesyncd)"
#define KEYS_HINT "check the credentials of the sink: 'sme-backup doctor' tells which are used"
#define POLICY_HINT                                                                                \
    "the role lacks a permission: 'sme-backup policy' prints what it needs, 'sme-backup doctor' "  \
    "tells what it has"
#define KMS_HINT "check the state of the KMS key and the role's right to use it"
#define BUCKET_HINT "check bucket = and region =, or make the bucket: sme-backup setup"

static const struct known_code known_codes[] = {
    {"SlowDown", {SME_E_THROTTLED, S3_NO_REMEDY, NULL}},
    {"RequestLimitExceeded", {SME_E_THROTTLED, S3_NO_REMEDY, NULL}},
    {"Throttling", {SME_E_THROTTLED, S3_NO_REMEDY, NULL}},
    {"ThrottlingException", {SME_E_THROTTLED, S3_NO_REMEDY, NULL}},
    {"TooManyRequests", {SME_E_THROTTLED, S3_NO_REMEDY, NULL}},
    {"KMS.ThrottlingException", {SME_E_THROTTLED, S3_NO_REMEDY, NULL}},
    {"BandwidthLimitExceeded", {SME_E_THROTTLED, S3_NO_REMEDY, NULL}},
    {"InternalError", {SME_E_TRANSIENT, S3_NO_REMEDY, NULL}},
    {"ServiceUnavailable", {SME_E_TRANSIENT, S3_NO_REMEDY, NULL}},
    {"RequestTimeout", {SME_E_TRANSIENT, S3_NO_REMEDY, NULL}},
    {"OperationAborted", {SME_E_TRANSIENT, S3_NO_REMEDY, NULL}},
    {"ConditionalRequestConflict", {SME_E_TRANSIENT, S3_NO_REMEDY, NULL}},
    {"BadDigest", {SME_E_TRANSIENT, S3_NO_REMEDY, NULL}},
    {"XAmzContentSHA256Mismatch", {SME_E_TRANSIENT, S3_NO_REMEDY, NULL}},
    {"IncompleteBody", {SME_E_TRANSIENT, S3_NO_REMEDY, NULL}},
    {"PermanentRedirect", {SME_E_INVALID, S3_OTHER_REGION, REGION_HINT}},
    {"TemporaryRedirect", {SME_E_TRANSIENT, S3_OTHER_REGION, REGION_HINT}},
    {"AuthorizationHeaderMalformed", {SME_E_INVALID, S3_OTHER_REGION, REGION_HINT}},
    {"IllegalLocationConstraintException", {SME_E_INVALID, S3_OTHER_REGION, REGION_HINT}},
    {"RequestTimeTooSkewed", {SME_E_DENIED, S3_OTHER_CLOCK, CLOCK_HINT}},
    {"RequestExpired", {SME_E_DENIED, S3_OTHER_CLOCK, CLOCK_HINT}},
    {"ExpiredToken", {SME_E_DENIED, S3_OTHER_KEYS, KEYS_HINT}},
    {"ExpiredTokenException", {SME_E_DENIED, S3_OTHER_KEYS, KEYS_HINT}},
    {"InvalidToken", {SME_E_DENIED, S3_OTHER_KEYS, KEYS_HINT}},
    {"TokenRefreshRequired", {SME_E_DENIED, S3_OTHER_KEYS, KEYS_HINT}},
    {"InvalidAccessKeyId", {SME_E_DENIED, S3_OTHER_KEYS, KEYS_HINT}},
    {"SignatureDoesNotMatch", {SME_E_DENIED, S3_OTHER_KEYS, KEYS_HINT}},
    {"AccessDenied", {SME_E_DENIED, S3_OTHER_KEYS, POLICY_HINT}},
    {"AllAccessDisabled", {SME_E_DENIED, S3_NO_REMEDY, POLICY_HINT}},
    {"NoSuchBucket", {SME_E_INVALID, S3_NO_REMEDY, BUCKET_HINT}},
    {"NoSuchKey", {SME_E_NOT_FOUND, S3_NO_REMEDY, NULL}},
    {"NoSuchVersion", {SME_E_NOT_FOUND, S3_NO_REMEDY, NULL}},
    {"PreconditionFailed", {SME_E_EXISTS, S3_NO_REMEDY, NULL}},
    {"InvalidObjectState",
     {SME_E_CANNOT_NOW, S3_NO_REMEDY,
      "the object is in archive storage: 'sme-backup restore --thaw' makes it readable"}},
    {"RestoreAlreadyInProgress", {SME_E_CANNOT_NOW, S3_NO_REMEDY, NULL}},
    {"NotImplemented", {SME_E_UNSUPPORTED, S3_NO_REMEDY, NULL}},
    {"MethodNotAllowed", {SME_E_UNSUPPORTED, S3_NO_REMEDY, NULL}},
    {"QuotaExceeded", {SME_E_NO_SPACE, S3_NO_REMEDY, "raise the quota, or free space"}},
    {"EntityTooLarge", {SME_E_INVALID, S3_NO_REMEDY, "set a smaller pack_size"}},
    {"KMS.DisabledException", {SME_E_DENIED, S3_NO_REMEDY, KMS_HINT}},
    {"KMS.NotFoundException", {SME_E_DENIED, S3_NO_REMEDY, KMS_HINT}},
    {"KMS.InvalidStateException", {SME_E_DENIED, S3_NO_REMEDY, KMS_HINT}},
    {"KMS.KMSInvalidStateException", {SME_E_DENIED, S3_NO_REMEDY, KMS_HINT}},
    {"KMS.InvalidKeyUsageException", {SME_E_DENIED, S3_NO_REMEDY, KMS_HINT}},
    {"KMS.InvalidKeyUsage", {SME_E_DENIED, S3_NO_REMEDY, KMS_HINT}},
};

/* Without a code: HEAD has no body, and a proxy sends another one. */
static struct s3_failure by_status(long http, bool is_object)
{
    switch (http) {
    case 301:
        return (struct s3_failure){SME_E_INVALID, S3_OTHER_REGION, REGION_HINT};
    case 302:
    case 307:
    case 308:
        return (struct s3_failure){SME_E_TRANSIENT, S3_OTHER_REGION, REGION_HINT};
    case 400:
        /* HEAD signed for another region looks like this; the header tells. */
        return (struct s3_failure){SME_E_INVALID, S3_OTHER_REGION, NULL};
    case 401:
    case 403:
        return (struct s3_failure){SME_E_DENIED, S3_OTHER_KEYS, POLICY_HINT};
    case 404:
        return is_object ? (struct s3_failure){SME_E_NOT_FOUND, S3_NO_REMEDY, NULL}
                         : (struct s3_failure){SME_E_INVALID, S3_NO_REMEDY, BUCKET_HINT};
    case 405:
    case 501:
        return (struct s3_failure){SME_E_UNSUPPORTED, S3_NO_REMEDY, NULL};
    case 408:
    case 409:
    case 425:
        return (struct s3_failure){SME_E_TRANSIENT, S3_NO_REMEDY, NULL};
    case 412:
        return (struct s3_failure){SME_E_EXISTS, S3_NO_REMEDY, NULL};
    case 429:
        return (struct s3_failure){SME_E_THROTTLED, S3_NO_REMEDY, NULL};
    case 507:
        return (struct s3_failure){SME_E_NO_SPACE, S3_NO_REMEDY, "raise the quota, or free space"};
    default:
        return http >= 500 ? (struct s3_failure){SME_E_TRANSIENT, S3_NO_REMEDY, NULL}
                           : (struct s3_failure){SME_E_INVALID, S3_NO_REMEDY, NULL};
    }
}

struct s3_failure s3_classify(const struct s3_reply *reply, bool is_object)
{
    for (size_t i = 0; i < sizeof known_codes / sizeof known_codes[0]; i++) {
        if (strcmp(reply->code, known_codes[i].code) == 0)
            return known_codes[i].failure;
    }
    /* "NoSuchLifecycleConfiguration", "ServerSideEncryptionConfigurationNotFoundError" ... */
    const char *end = strstr(reply->code, "NotFoundError");
    if (reply->http == 404 && (strncmp(reply->code, "NoSuch", 6) == 0 || end != NULL))
        return (struct s3_failure){SME_E_NOT_FOUND, S3_NO_REMEDY, NULL};
    return by_status(reply->http, is_object);
}

/* Text of the far side goes into messages: printable, and no longer than has room. */
static void copy_text(char *out, size_t size, const char *text)
{
    size_t len = 0;

    for (; *text != '\0' && len + 1 < size; text++)
        out[len++] = *text >= ' ' && *text <= '~' ? *text : '?';
    out[len] = '\0';
}

void s3_read_error(struct s3_reply *reply, const char *body, size_t len, char ret_region[64])
{
    struct s3_xml *root = NULL;

    ret_region[0] = '\0';
    if (len == 0 || s3_xml_parse(body, len, NULL, "error reply", &root, NULL) < 0)
        return;
    const struct s3_xml *error = root;
    /* STS and some stores wrap it. */
    if (strcmp(root->name, "Error") != 0)
        error = s3_xml_child(root, "Error");
    if (error != NULL) {
        copy_text(reply->code, sizeof reply->code, s3_xml_text(error, "Code"));
        copy_text(reply->text, sizeof reply->text, s3_xml_text(error, "Message"));
        copy_text(ret_region, 64, s3_xml_text(error, "Region"));
    }
    s3_xml_free(root);
}
