/*
 * The page of a gallery: writing it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Names come from strangers.  They stand in the page only as JSON without '<', '>' and '&', and
 * the script makes text of them, never HTML.  Even so, the policy in the page lets nothing run or
 * be fetched but the script and the style whose hashes it names.
 */
#include "gallery_page.h"

#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../crypto/digest.h"

#include <inttypes.h>
#include <string.h>

/* ---- JSON --------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at ${text}; 0 if it is none. */
static size_t character(const unsigned char *text, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = text[0] < 0x80   ? 1
                  : text[0] < 0xc2 ? 0
                  : text[0] < 0xe0 ? 2
                  : text[0] < 0xf0 ? 3
                  : text[0] < 0xf5 ? 4
                                   : 0;
    uint32_t code = size > 1 ? text[0] & (0x7fu >> size) : text[0];

    if (size == 0 || size > len) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3fu);
    }
    return code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : size;
}

void gallery_json_text(FILE *out, const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + len;

    (void)putc('"', out);
    while (at < end) {
        size_t size = character(at, (size_t)(end - at));
        if (size == 0) {
            (void)fprintf(out, "\\udc%02x", *at++);
            continue;
        }
        if (size == 1 && (*at < 0x20 || *at == 0x7f || strchr("\"\\<>&'", *at) != NULL)) {
            (void)fprintf(out, "\\u%04x", *at);
        } else if (size == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8) {
            (void)fprintf(out, "\\u20%02x", at[2] & 0x7fu); /* ends a line for some parsers */
        } else {
            (void)fwrite(at, 1, size, out);
        }
        at += size;
    }
    (void)putc('"', out);
}

static void put_member(FILE *out, const char *name, const struct gallery_list *list,
                       struct gallery_text text)
{
    if (text.len > 0) {
        (void)fprintf(out, ",\"%s\":", name);
        gallery_json_text(out, (const char *)list->texts.data + text.at, text.len);
    }
}

/* A number with a point, whatever the locale: ${value} has at most ${digits} behind it. */
static void put_number(FILE *out, double value, int digits)
{
    int64_t scale = digits == 6 ? 1000000 : 10;
    double shifted = value * (double)scale;
    int64_t all = (int64_t)(shifted < 0 ? shifted - 0.5 : shifted + 0.5);
    int64_t size = all < 0 ? -all : all;

    (void)fprintf(out, "%s%" PRId64 ".%0*" PRId64, all < 0 ? "-" : "", size / scale, digits,
                  size % scale);
}

/* Keywords of the photo, then of what comes along. */
static void put_keywords(FILE *out, const struct gallery_list *list,
                         const struct gallery_photo *photo)
{
    bool any = false;

    for (size_t i = photo->group; i < photo->group_end; i++) {
        const struct gallery_photo *one = list->groups[i];
        if (one->keywords.len == 0 || (one != photo && !(photo->leads && one->along))) {
            continue;
        }
        struct photo_text rest = {(const char *)list->texts.data + one->keywords.at,
                                  one->keywords.len};
        struct photo_text keyword;
        while (photo_next_keyword(&rest, &keyword)) {
            (void)fputs(any ? "," : ",\"k\":[", out);
            gallery_json_text(out, keyword.at, keyword.len);
            any = true;
        }
    }
    if (any) {
        (void)putc(']', out);
    }
}

static void put_companions(FILE *out, const struct gallery_list *list,
                           const struct gallery_photo *photo)
{
    bool any = false;
    bool raw = false;

    for (size_t i = photo->group; photo->leads && i < photo->group_end; i++) {
        const struct gallery_photo *one = list->groups[i];
        if (one->along || (one->kind == GALLERY_VIDEO && photo->kind != GALLERY_VIDEO)) {
            (void)fputs(any ? "," : ",\"e\":[", out);
            gallery_json_text(out, (const char *)list->texts.data + one->path.at, one->path.len);
            any = true;
            raw = raw || one->kind == GALLERY_RAW;
        }
    }
    if (any) {
        (void)fputs(raw ? "],\"raw\":1" : "]", out);
    }
}

static void put_photo(FILE *out, const struct gallery_list *list, const struct gallery_photo *photo)
{
    static const char *const kinds[] = {
        [GALLERY_RAW] = "r", [GALLERY_OTHER] = "x", [GALLERY_VIDEO] = "v"};
    const char *texts = (const char *)list->texts.data;

    (void)fputs("{\"p\":", out);
    gallery_json_text(out, texts + photo->path.at, photo->path.len);
    (void)fprintf(out, ",\"s\":%" PRIu64, photo->size);
    if (photo->when != 0) {
        put_member(out, "t", list, photo->taken);
    }
    if (photo->kind != GALLERY_PHOTO) {
        (void)fprintf(out, ",\"y\":\"%s\"", kinds[photo->kind]);
    }
    put_member(out, "f", list, photo->format);
    put_member(out, "c", list, photo->camera);
    put_member(out, "l", list, photo->lens);
    put_member(out, "d", list, photo->damaged);
    if (photo->width > 0 && photo->height > 0) {
        (void)fprintf(out, ",\"w\":%u,\"h\":%u", photo->width, photo->height);
    }
    if (photo->orientation > 1) {
        (void)fprintf(out, ",\"o\":%u", photo->orientation);
    }
    if (photo->duration > 0) {
        (void)fputs(",\"u\":", out);
        put_number(out, photo->duration, 1);
    }
    if (photo->has_place) {
        (void)fputs(",\"g\":[", out);
        put_number(out, photo->lat, 6);
        (void)putc(',', out);
        put_number(out, photo->lon, 6);
        (void)putc(']', out);
    }
    if (photo->has_rating) {
        (void)fprintf(out, ",\"r\":%d", photo->rating);
    }
    if (photo->preview_len > 0) {
        const char *type = texts + photo->preview_type.at;
        bool jpeg = photo->preview_type.len == 10 && memcmp(type, "image/jpeg", 10) == 0;
        (void)fputs(",\"v\":", out);
        if (jpeg) {
            (void)putc('1', out);
        } else {
            gallery_json_text(out, type, photo->preview_type.len);
        }
    }
    put_keywords(out, list, photo);
    put_companions(out, list, photo);
    (void)putc('}', out);
}

/* ---- the blocks of data ------------------------------------------------------------------- */

static void put_about(FILE *out, const struct gallery_request *request)
{
    const struct snapshot_head *head = &request->snapshot->head;
    char when[21];

    clock_iso(head->started_ns / NS_PER_SEC, when);
    (void)fputs("<script type=\"application/json\" id=\"gallery\">{\"source\":", out);
    gallery_json_text(out, head->source, strlen(head->source));
    (void)fputs(",\"snapshot\":", out);
    gallery_json_text(out, head->name, strlen(head->name));
    (void)fprintf(out, ",\"when\":\"%s\",\"restore\":[", when);
    for (size_t i = 0; i < request->restore_count; i++) {
        (void)fputs(i > 0 ? "," : "", out);
        gallery_json_text(out, request->restore[i], strlen(request->restore[i]));
    }
    (void)fputs("]}</script>\n", out);
}

/* yyyymm; 0 for those without a date. */
static int64_t month_of(const struct gallery_photo *photo)
{
    return photo->when / 100000000;
}

static void put_months(FILE *out, const struct gallery_list *list)
{
    for (size_t i = 0; i < list->tile_count;) {
        int64_t month = month_of(list->tiles[i]);
        const char *before = "";
        (void)fputs("<script type=\"application/json\" class=\"month\" data-month=\"", out);
        if (month > 0) {
            (void)fprintf(out, "%04" PRId64 "-%02" PRId64, month / 100, month % 100);
        }
        (void)fputs("\">[\n", out);
        for (; i < list->tile_count && month_of(list->tiles[i]) == month; i++, before = ",\n") {
            (void)fputs(before, out);
            put_photo(out, list, list->tiles[i]);
        }
        (void)fputs("\n]</script>\n", out);
    }
}

static int put_previews(FILE *out, const struct gallery_list *list, struct sme_error *err)
{
    char piece[65536];
    int status = SME_OK;

    for (size_t i = 0; i < list->tile_count && status == SME_OK && !ferror(out); i++) {
        const struct gallery_photo *photo = list->tiles[i];
        if (photo->preview_len == 0) {
            continue;
        }
        (void)fprintf(out, "<script type=\"text/plain\" id=\"v%zu\">", i);
        if (fseeko(list->previews, (off_t)photo->preview_at, SEEK_SET) < 0) {
            return error_errno(err, "cannot read the previews");
        }
        for (size_t left = photo->preview_len; left > 0;) {
            size_t len = left < sizeof piece ? left : sizeof piece;
            if (fread(piece, 1, len, list->previews) != len) {
                return error_errno(err, "cannot read the previews");
            }
            (void)fwrite(piece, 1, len, out);
            left -= len;
        }
        (void)fputs("</script>\n", out);
        status = cancel_check(err);
    }
    return status;
}

/* ---- the page ----------------------------------------------------------------------------- */

/* Of what stands between ${open} and ${close} in the template: how the policy names it. */
static int put_hash(FILE *out, const char *open, const char *close, struct sme_error *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *end = gallery_template + gallery_template_len;
    const unsigned char *from = memmem(gallery_template, gallery_template_len, open, strlen(open));
    uint8_t hash[33] = {0}; /* one more, so that there are groups of three */

    from = from != NULL ? from + strlen(open) : end;
    const unsigned char *to = memmem(from, (size_t)(end - from), close, strlen(close));
    int status = sha256_of(from, (size_t)((to != NULL ? to : end) - from), hash, err);
    if (status < 0) {
        return status;
    }
    (void)fputs("'sha256-", out);
    for (size_t i = 0; i < sizeof hash; i += 3) {
        uint32_t three = (uint32_t)hash[i] << 16 | (uint32_t)hash[i + 1] << 8 | hash[i + 2];
        for (size_t k = 0; k < 4 && i * 4 / 3 + k < 43; k++) {
            (void)putc(digits[three >> (18 - 6 * k) & 63], out);
        }
    }
    (void)fputs("='", out);
    return SME_OK;
}

static int put_policy(FILE *out, struct sme_error *err)
{
    (void)fputs("default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
                "style-src ",
                out);
    int status = put_hash(out, "<style>", "</style>", err);
    (void)fputs("; script-src ", out);
    return status < 0 ? status : put_hash(out, "<script>", "</script>", err);
}

int gallery_page_write(const struct gallery_request *request, const struct gallery_list *list,
                       FILE *out, struct sme_error *err)
{
    static const char *const marks[] = {"@POLICY@", "@PHOTOS@", "@PREVIEWS@"}; /* as they come */
    const unsigned char *at = gallery_template;
    const unsigned char *end = at + gallery_template_len;
    int status = SME_OK;

    for (size_t i = 0; i < 3 && status == SME_OK; i++) {
        const unsigned char *mark = memmem(at, (size_t)(end - at), marks[i], strlen(marks[i]));
        if (mark == NULL) {
            return sme_fail(err, SME_E_IO, "the form of the page lacks '%s'", marks[i]);
        }
        (void)fwrite(at, 1, (size_t)(mark - at), out);
        at = mark + strlen(marks[i]);
        if (i == 0) {
            status = put_policy(out, err);
        } else if (i == 1) {
            put_about(out, request);
            put_months(out, list);
        } else {
            status = put_previews(out, list, err);
        }
    }
    (void)fwrite(at, 1, (size_t)(end - at), out);
    return status;
}
