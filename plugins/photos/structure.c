/*
 * Is a picture or film cut off or broken, as far as its outer form tells?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "structure.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A file of more parts than this is believed. */
#define PARTS_MAX (1u << 20)

enum structure structure_cut(char *why, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int used = snprintf(why, STRUCTURE_TEXT, "is cut off: ");
    (void)vsnprintf(why + used, STRUCTURE_TEXT - (size_t)used, fmt, ap);
    va_end(ap);
    return STRUCTURE_CUT_OFF;
}

enum structure structure_broken(char *why, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int used = snprintf(why, STRUCTURE_TEXT, "is damaged: ");
    (void)vsnprintf(why + used, STRUCTURE_TEXT - (size_t)used, fmt, ap);
    va_end(ap);
    return STRUCTURE_BROKEN;
}

/* The frame says how long it is; what lies behind it does not matter. */
static enum structure check_webp(struct reader *reader, char *why)
{
    const uint8_t *p = reader_at(reader, 0, 8);
    if (p == NULL)
        return structure_cut(why, "its header is missing");
    uint64_t end = 8 + (uint64_t)get_le32(p + 4);
    bool has_picture = false;
    unsigned parts = 0;

    if (end > reader->size)
        return structure_cut(why, "%" PRIu64 " of %" PRIu64 " bytes are there", reader->size, end);
    for (uint64_t at = 12; at + 8 <= end && parts < PARTS_MAX; parts++) {
        p = reader_at(reader, at, 8);
        if (p == NULL)
            return structure_cut(why, "a part at byte %" PRIu64 " is missing", at);
        uint64_t len = get_le32(p + 4);
        if (memcmp(p, "VP8", 3) == 0 || memcmp(p, "ANMF", 4) == 0)
            has_picture = has_picture || p[3] != 'X';
        if (len > end - at - 8)
            return structure_broken(why, "the part at byte %" PRIu64 " is longer than the file",
                                    at);
        at += 8 + len + (len & 1);
    }
    return has_picture || parts == PARTS_MAX ? STRUCTURE_SOUND
                                             : structure_broken(why, "there is no picture in it");
}

/* Three parts: a JPEG picture, a description, and what the sensor saw. */
static enum structure check_raf(struct reader *reader, char *why)
{
    const uint8_t *p = reader_at(reader, 84, 24);

    if (p == NULL)
        return structure_cut(why, "its header is missing");
    for (unsigned i = 0; i < 3; i++) {
        uint64_t end = (uint64_t)get_be32(p + i * 8) + get_be32(p + i * 8 + 4);
        if (end > reader->size)
            return structure_cut(why, "%" PRIu64 " of at least %" PRIu64 " bytes are there",
                                 reader->size, end);
    }
    return STRUCTURE_SOUND;
}

enum structure structure_check(struct reader *reader, enum photo_format format, char *why)
{
    enum structure found = STRUCTURE_SOUND;

    switch (format_of(format)->layout) {
    case LAYOUT_JPEG:
        found = structure_check_jpeg(reader, why);
        break;
    case LAYOUT_PNG:
        found = structure_check_png(reader, why);
        break;
    case LAYOUT_TIFF:
        found = structure_check_tiff(reader, format == FORMAT_TIFF || format == FORMAT_DNG, why);
        break;
    case LAYOUT_WEBP:
        found = check_webp(reader, why);
        break;
    case LAYOUT_GIF:
        found = structure_check_gif(reader, why);
        break;
    case LAYOUT_RAF:
        found = check_raf(reader, why);
        break;
    case LAYOUT_BMFF:
        found = structure_check_bmff(reader, why);
        break;
    case LAYOUT_NONE:
        break;
    }
    return reader->failed ? STRUCTURE_SOUND : found;
}
