/*
 * Previews of photos that bring none: made by a program of its own.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "previews.h"
#include "../lib/child.h"
#include "preview_protocol.h"

#include <stdlib.h>

/* A decoder that fails so often is no use; each failure may have taken as long as it is allowed. */
#define FAILURES_MAX 50

struct previews {
    const struct sme_host *host;
    char *program;
    char max[16]; /* bytes, as its argument */
    size_t max_bytes;
    struct child *child; /* NULL: not started */
    unsigned failures;
    uint8_t *buf; /* room for a preview */
};

struct previews *previews_new(const struct sme_host *host, const char *program, size_t max)
{
    struct previews *previews = calloc(1, sizeof *previews);

    if (previews == NULL)
        return NULL;
    previews->host = host;
    previews->max_bytes = max;
    (void)snprintf(previews->max, sizeof previews->max, "%zu", max);
    previews->program = strdup(program);
    previews->buf = malloc(max > 0 ? max : 1);
    if (previews->program == NULL || previews->buf == NULL) {
        previews_free(previews);
        return NULL;
    }
    return previews;
}

void previews_free(struct previews *previews)
{
    if (previews == NULL)
        return;
    child_free(previews->child);
    free(previews->program);
    free(previews->buf);
    free(previews);
}

bool previews_has(enum photo_format format)
{
    return format == FORMAT_JPEG || format == FORMAT_PNG || format == FORMAT_HEIC ||
           format == FORMAT_AVIF;
}

static int start(struct previews *previews, struct sme_error *err)
{
    const char *const argv[] = {previews->program, previews->max, NULL};
    const struct child_spec spec = {
        .host = previews->host, .argv = argv, .has_stdin = true, .has_stdout = true};

    return previews->child != NULL ? SME_OK : child_start(&spec, &previews->child, err);
}

static int send_file(struct previews *previews, struct reader *reader, struct sme_error *err)
{
    const uint64_t size = reader->size; /* the reader forgets it when the file becomes shorter */
    uint8_t head[PREVIEW_REQUEST_HEAD];

    preview_put(head, size, sizeof head);
    int status = child_write(previews->child, head, sizeof head, err);
    for (uint64_t at = 0; status == SME_OK && at < size;) {
        size_t len = 0;
        const uint8_t *data = reader_some(reader, at, &len);
        if (data == NULL)
            return sme_fail(err, SME_E_IO, "the file has become shorter");
        if (len > size - at)
            len = (size_t)(size - at);
        status = child_write(previews->child, data, len, err);
        at += len;
    }
    return status;
}

static int take(struct previews *previews, uint8_t *buf, size_t len, struct sme_error *err)
{
    while (len > 0) {
        int64_t got = child_read(previews->child, buf, len, err);
        if (got <= 0)
            return got < 0 ? (int)got : sme_fail(err, SME_E_IO, "the program has ended");
        buf += got;
        len -= (size_t)got;
    }
    return SME_OK;
}

/* One exchange; *ret_len is 0 if it can make none. */
static int ask(struct previews *previews, struct reader *reader, size_t *ret_len, bool *ret_upright,
               struct sme_error *err)
{
    uint8_t head[PREVIEW_REPLY_HEAD];
    int status = start(previews, err);

    if (status == SME_OK)
        status = send_file(previews, reader, err);
    if (status == SME_OK)
        status = take(previews, head, sizeof head, err);
    if (status != SME_OK)
        return status;
    uint64_t len = preview_get(head, PREVIEW_REPLY_HEAD - 1);
    if (len > previews->max_bytes)
        return sme_fail(err, SME_E_CORRUPT, "its answer is too large");
    *ret_len = (size_t)len;
    *ret_upright = head[PREVIEW_REPLY_HEAD - 1] != 0;
    return take(previews, previews->buf, *ret_len, err);
}

bool previews_make(struct previews *previews, struct reader *reader, struct facts *facts)
{
    struct sme_error err = {.struct_size = sizeof err};
    const uint8_t *data = previews->buf;
    bool upright = false;
    size_t len = 0;

    if (previews->failures >= FAILURES_MAX || reader->size > PREVIEW_INPUT_MAX)
        return true;
    int status = ask(previews, reader, &len, &upright, &err);
    if (status != SME_OK) {
        child_free(previews->child);
        previews->child = NULL;
        if (status != SME_E_CANCELLED && ++previews->failures == FAILURES_MAX)
            previews->host->log(previews->host, SME_LOG_WARNING,
                                "no more previews are made in this run: '%s' failed %d times, at "
                                "last because %s",
                                previews->program, FAILURES_MAX, err.message);
        return true;
    }
    if (len < 4 || data[0] != 0xff || data[1] != 0xd8)
        return true;
    return facts_add_bytes(facts, "photo.preview", data, len) &&
           facts_add(facts, "photo.preview_type", "image/jpeg") &&
           (!upright || facts_add(facts, "photo.preview_orientation", "1"));
}
