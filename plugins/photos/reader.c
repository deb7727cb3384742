/*
 * Reading a few bytes here and there of a file that may hold anything.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "reader.h"

#include <errno.h>
#include <unistd.h>

void reader_init(struct reader *reader, int fd, uint64_t size)
{
    reader->fd = fd;
    reader->size = size < INT64_MAX ? size : INT64_MAX;
    reader->failed = false;
    reader->at = 0;
    reader->held = 0;
}

bool reader_has(const struct reader *reader, uint64_t offset, uint64_t len)
{
    return offset <= reader->size && len <= reader->size - offset;
}

/* Fill the window from ${offset} on with at least ${least} bytes, which the file has. */
static bool fill(struct reader *reader, uint64_t offset, size_t least, size_t wanted)
{
    uint64_t left = reader->size - offset;

    if (wanted > left)
        wanted = (size_t)left;
    reader->at = offset;
    reader->held = 0;
    while (reader->held < wanted && !reader->failed) {
        ssize_t got = pread(reader->fd, reader->window + reader->held, wanted - reader->held,
                            (off_t)(offset + reader->held));
        if (got > 0)
            reader->held += (size_t)got;
        else if (got == 0)
            reader->size = offset + reader->held; /* it has become shorter */
        else if (errno != EINTR)
            reader->failed = true;
        if (got == 0)
            break;
    }
    return !reader->failed && reader->held >= least;
}

static bool is_held(const struct reader *reader, uint64_t offset, size_t len)
{
    return offset >= reader->at && offset - reader->at <= reader->held &&
           len <= reader->held - (size_t)(offset - reader->at);
}

const uint8_t *reader_at(struct reader *reader, uint64_t offset, size_t len)
{
    if (reader->failed || len > READER_WINDOW || !reader_has(reader, offset, len))
        return NULL;
    /* Small jumps within a file are mostly followed by more of them, so look ahead a little. */
    size_t wanted = len > READER_WINDOW / 16 ? len : READER_WINDOW / 16;
    if (!is_held(reader, offset, len) && !fill(reader, offset, len, wanted))
        return NULL;
    return reader->window + (offset - reader->at);
}

const uint8_t *reader_some(struct reader *reader, uint64_t offset, size_t *ret_len)
{
    if (reader->failed || offset >= reader->size)
        return NULL;
    if (!is_held(reader, offset, 1) && !fill(reader, offset, 1, READER_WINDOW))
        return NULL;
    *ret_len = reader->held - (size_t)(offset - reader->at);
    return reader->window + (offset - reader->at);
}
