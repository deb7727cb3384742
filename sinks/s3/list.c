/*
 * Listing: every page of it, or a failure.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "objects.h"
#include "reply.h"
#include "xml.h"

#include <stdlib.h>

#define NS 1000000000
#define TOKEN_MAX 4096
#define MAX_EMPTY_PAGES 1000 /* in a row: legal, but not without end */

struct listing {
    struct s3 *s3;
    const char *full_prefix;
    char after[S3_KEY_SIZE]; /* whole key; "": from the beginning */
    sme_list_fn *callback;
    void *cookie;
    struct sme_error *err;
    char token[TOKEN_MAX]; /* of the next page; "" at the end */
    char mark[TOKEN_MAX];  /* an earlier one, from page 1, 2, 4, 8 ...: meeting it again is a circle
                            */
    unsigned pages, next_mark;
    unsigned empty_pages;
    char what[S3_WHAT_SIZE];
};

/* Nothing that a listing says wrongly may pass as a shorter one. */
static int distrust(const struct listing *listing, const char *why)
{
    return sme_fail(listing->err, SME_E_TRANSIENT, "the listing of bucket '%s' %s",
                    listing->s3->config->bucket, why);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undo "encoding-type=url"; false if it is damaged or too long. */
static bool decode(const char *text, bool encoded, char out[S3_KEY_SIZE])
{
    size_t len = 0;

    for (; *text != '\0'; text++) {
        char c = *text;
        if (len + 1 >= S3_KEY_SIZE)
            return false;
        if (encoded && c == '%') {
            int high = hex_digit(text[1]);
            int low = high < 0 ? -1 : hex_digit(text[2]);
            if (low < 0 || high * 16 + low == 0)
                return false;
            c = (char)(high * 16 + low);
            text += 2;
        } else if (encoded && c == '+') {
            c = ' ';
        }
        out[len++] = c;
    }
    out[len] = '\0';
    return true;
}

/* Was an archived object thawed?  Told only by stores that know the optional attribute. */
static bool is_thawed(const struct s3_xml *entry)
{
    const struct s3_xml *restore = s3_xml_child(entry, "RestoreStatus");

    return restore != NULL && strcmp(s3_xml_text(restore, "IsRestoreInProgress"), "false") == 0 &&
           s3_xml_text(restore, "RestoreExpiryDate")[0] != '\0';
}

static int show_entry(struct listing *listing, const struct s3_xml *entry, bool encoded)
{
    struct s3 *s3 = listing->s3;
    char key[S3_KEY_SIZE];
    struct sme_object object = {.struct_size = sizeof object};
    size_t skip = strlen(s3->prefix);
    int64_t sec = 0;

    if (!decode(s3_xml_text(entry, "Key"), encoded, key) ||
        !s3_xml_number(entry, "Size", &object.size))
        return distrust(listing, "has an entry that cannot be read");
    if (strncmp(key, listing->full_prefix, strlen(listing->full_prefix)) != 0)
        return distrust(listing, "has an object that was not asked for");
    /* Somebody else's: ours are shorter, and none is named like the prefix itself. */
    if (strlen(key + skip) > SME_KEY_MAX || key[skip] == '\0')
        return 0;
    object.key = key + skip;
    if (reply_read_time(s3_xml_text(entry, "LastModified"), &sec))
        object.modified_ns = sec * NS;
    if (object_is_archived(s3_xml_text(entry, "StorageClass")) && !is_thawed(entry))
        object.flags |= SME_OBJECT_ARCHIVED;
    return listing->callback(listing->cookie, &object);
}

static int show_page(struct listing *listing, const struct s3_xml *root)
{
    const char *truncated = s3_xml_text(root, "IsTruncated");
    const char *next = s3_xml_text(root, "NextContinuationToken");
    bool encoded = strcmp(s3_xml_text(root, "EncodingType"), "url") == 0;
    bool more = strcmp(truncated, "true") == 0;
    const struct s3_xml *entry = s3_xml_child(root, "Contents");

    if (!more && strcmp(truncated, "false") != 0)
        return distrust(listing, "does not tell whether it is complete");
    if (more && (next[0] == '\0' || strlen(next) >= TOKEN_MAX))
        return distrust(listing, "goes on, but does not tell where");
    if (more && (strcmp(next, listing->token) == 0 || strcmp(next, listing->mark) == 0))
        return distrust(listing, "goes round in circles");
    if (more && ++listing->pages == listing->next_mark) {
        (void)snprintf(listing->mark, sizeof listing->mark, "%s", next);
        listing->next_mark *= 2;
    }
    listing->empty_pages = entry == NULL ? listing->empty_pages + 1 : 0;
    if (listing->empty_pages > MAX_EMPTY_PAGES)
        return distrust(listing, "has empty pages without end");
    for (; entry != NULL; entry = s3_xml_again(entry)) {
        int status = show_entry(listing, entry, encoded);
        if (status != 0)
            return status;
    }
    (void)snprintf(listing->token, sizeof listing->token, "%s", more ? next : "");
    return 0;
}

static int fetch_page(struct listing *listing)
{
    bool goes_on = listing->token[0] != '\0';
    bool starts_behind = !goes_on && listing->after[0] != '\0';
    struct s3_pair query[5] = {{"list-type", "2"},
                               {"encoding-type", "url"},
                               {"prefix", listing->full_prefix},
                               {"max-keys", "1000"},
                               {goes_on ? "continuation-token" : "start-after",
                                goes_on ? listing->token : listing->after}};
    struct s3_pair header = {"x-amz-optional-object-attributes", "RestoreStatus"};
    struct s3_request request = {.method = "GET",
                                 .query = query,
                                 .query_count = goes_on || starts_behind ? 5 : 4,
                                 .headers = &header,
                                 .header_count = 1};
    struct s3_reply reply;
    struct s3_xml *root = NULL;

    int status = s3_call(listing->s3, &request, listing->what, &reply, listing->err);
    /* A bucket that cannot be found is not an empty listing. */
    if (status == SME_E_NOT_FOUND)
        status = sme_fail(listing->err, SME_E_INVALID, "bucket '%s' does not exist",
                          listing->s3->config->bucket);
    if (status == SME_OK) {
        status = s3_xml_parse(reply.body != NULL ? reply.body : "", reply.got, "ListBucketResult",
                              listing->what, &root, listing->err);
        /* Cut off or no XML at all: as good as a server error. */
        if (status == SME_E_CORRUPT) {
            status = SME_E_TRANSIENT;
            if (listing->err != NULL)
                listing->err->status = status;
        }
    }
    s3_reply_done(&reply);
    if (status == SME_OK)
        status = show_page(listing, root);
    s3_xml_free(root);
    return status;
}

int object_list(struct s3 *s3, const char *prefix, sme_list_fn *callback, void *cookie,
                struct sme_error *err)
{
    return object_list_from(s3, prefix, "", callback, cookie, err);
}

int object_list_from(struct s3 *s3, const char *prefix, const char *after, sme_list_fn *callback,
                     void *cookie, struct sme_error *err)
{
    char full_prefix[S3_KEY_SIZE];
    struct listing *listing = calloc(1, sizeof *listing);
    int status;

    if (listing == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for a listing");
    object_full_key(s3, prefix, full_prefix);
    *listing = (struct listing){.s3 = s3,
                                .full_prefix = full_prefix,
                                .callback = callback,
                                .cookie = cookie,
                                .err = err,
                                .next_mark = 1};
    if (*after != '\0')
        object_full_key(s3, after, listing->after);
    object_name_call(s3, "listing", full_prefix, listing->what);
    do {
        status = fetch_page(listing);
    } while (status == 0 && listing->token[0] != '\0');
    free(listing);
    return status;
}
