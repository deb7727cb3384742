/*
 * Removing many objects by one request.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The reply is 200 also when nothing was removed: each key has its own result in it.
 */
#include "errors.h"
#include "objects.h"
#include "text.h"
#include "xml.h"

#include <openssl/evp.h>
#include <stdlib.h>

/* What the reply said of each key. */
struct verdicts {
    struct s3 *s3;
    const char *const *keys;
    size_t count;
    bool *told;
    sme_removed_fn *callback;
    void *cookie;
};

/* The first key of this name that has no result yet; ${count} if there is none. */
static size_t find_key(const struct verdicts *verdicts, const char *full)
{
    size_t prefix = strlen(verdicts->s3->prefix);
    size_t i = 0;

    if (strncmp(full, verdicts->s3->prefix, prefix) != 0)
        return verdicts->count;
    while (i < verdicts->count &&
           (verdicts->told[i] || strcmp(verdicts->keys[i], full + prefix) != 0))
        i++;
    return i;
}

static void tell(struct verdicts *verdicts, const struct s3_xml *entry)
{
    size_t i = find_key(verdicts, s3_xml_text(entry, "Key"));

    if (i == verdicts->count)
        return;
    verdicts->told[i] = true;
    if (strcmp(entry->name, "Deleted") == 0) {
        verdicts->callback(verdicts->cookie, i, SME_OK, "");
        return;
    }
    struct s3_reply reply = {.http = 500};
    (void)snprintf(reply.code, sizeof reply.code, "%s", s3_xml_text(entry, "Code"));
    int status = s3_classify(&reply, true).status;
    if (status == SME_E_NOT_FOUND)
        verdicts->callback(verdicts->cookie, i, SME_OK, "");
    else
        verdicts->callback(verdicts->cookie, i, status, reply.code);
}

static int read_results(struct verdicts *verdicts, const struct s3_reply *reply,
                        struct sme_error *err)
{
    struct s3_xml *root = NULL;
    int status = s3_xml_parse(reply->body, reply->got, "DeleteResult",
                              "reply to the removal of "
                              "objects",
                              &root, err);

    /* Cut off or no XML at all: as good as a server error. */
    if (status < 0) {
        if (err != NULL && status == SME_E_CORRUPT)
            err->status = SME_E_TRANSIENT;
        return status == SME_E_CORRUPT ? SME_E_TRANSIENT : status;
    }
    for (const struct s3_xml *entry = root->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->name, "Deleted") == 0 || strcmp(entry->name, "Error") == 0)
            tell(verdicts, entry);
    }
    for (size_t i = 0; i < verdicts->count; i++) {
        if (!verdicts->told[i])
            verdicts->callback(verdicts->cookie, i, SME_E_TRANSIENT, "no result in the reply");
    }
    s3_xml_free(root);
    return SME_OK;
}

static bool md5_of(const struct s3_text *text, char out[25])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (EVP_Digest(text->at, text->len, digest, &len, EVP_md5(), NULL) != 1 || len != 16)
        return false;
    (void)EVP_EncodeBlock((unsigned char *)out, digest, 16);
    return true;
}

static void write_request(struct s3_text *body, const struct s3 *s3, const char *const *keys,
                          size_t count)
{
    char full[S3_KEY_SIZE];

    s3_text_puts(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < count; i++) {
        object_full_key(s3, keys[i], full);
        s3_text_puts(body, "<Object><Key>");
        s3_text_xml(body, full);
        s3_text_puts(body, "</Key></Object>");
    }
    s3_text_puts(body, "</Delete>");
}

int object_remove_many(struct s3 *s3, const char *const *keys, size_t count,
                       sme_removed_fn *callback, void *cookie, struct sme_error *err)
{
    struct verdicts verdicts = {s3, keys, count, NULL, callback, cookie};
    struct s3_text body = {0};
    char md5[25];
    struct s3_reply reply = {0};
    char what[S3_WHAT_SIZE];

    object_name_call(s3, "removal of objects", s3->prefix, what);
    if (count == 0)
        return SME_OK;
    if (count > SME_REMOVE_MAX)
        return sme_fail(err, SME_E_INVALID, "%zu objects are too many for one removal", count);
    verdicts.told = calloc(count, sizeof *verdicts.told);
    if (verdicts.told == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory to remove %zu objects", count);
    write_request(&body, s3, keys, count);
    int status = s3_text_check(&body, "removal of objects", err);
    if (status == SME_OK && !md5_of(&body, md5))
        status = sme_fail(err, SME_E_UNSUPPORTED, "OpenSSL does not offer MD5");
    if (status == SME_OK) {
        struct sme_slice slice = {body.at, body.len};
        struct s3_pair query = {"delete", ""};
        struct s3_pair headers[] = {{"content-md5", md5}, {"content-type", "application/xml"}};
        struct s3_request request = {.method = "POST",
                                     .query = &query,
                                     .query_count = 1,
                                     .headers = headers,
                                     .header_count = 2,
                                     .body = &slice,
                                     .body_count = 1,
                                     .body_len = body.len};
        status = s3_call(s3, &request, what, &reply, err);
    }
    if (status == SME_OK)
        status = read_results(&verdicts, &reply, err);
    s3_reply_done(&reply);
    s3_text_done(&body);
    free(verdicts.told);
    return status;
}
