/*
 * Formats that are read from their beginning to a mark at their end: JPEG, PNG, GIF.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "structure.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

/* Of picture data this much is read to look for an end or a wrong checksum; what comes after it
 * is believed. */
#define SCAN_MAX (UINT64_C(256) << 20)
#define TAIL 4096u
/* Pictures have some thousand parts at most: a file of nothing but parts is believed too. */
#define PARTS_MAX (1u << 20)

/* ---- JPEG ---- */

static bool has_length(uint8_t marker)
{
    return !(marker >= 0xd0 && marker <= 0xd9) && marker != 0x01;
}

/* The compressed data ends with a marker: where is it?  Zeroes at the end are no data, but nothing
 * here has to know that. */
static bool find_marker(struct reader *reader, uint64_t at, uint64_t *ret_at)
{
    uint64_t limit = at < UINT64_MAX - SCAN_MAX ? at + SCAN_MAX : UINT64_MAX;
    size_t len;

    while (at < limit) {
        const uint8_t *p = reader_some(reader, at, &len);
        if (p == NULL)
            return false;
        const uint8_t *found = memchr(p, 0xff, len);
        if (found == NULL) {
            at += len;
            continue;
        }
        at += (uint64_t)(found - p);
        const uint8_t *pair = reader_at(reader, at, 2);
        if (pair == NULL)
            return false;
        if (pair[1] != 0 && pair[1] != 0xff && !(pair[1] >= 0xd0 && pair[1] <= 0xd7)) {
            *ret_at = at;
            return true;
        }
        at += pair[1] == 0xff ? 1 : 2;
    }
    *ret_at = UINT64_MAX; /* too far away to look for */
    return true;
}

/* Most files end with their end marker, or with it and a little that a program left behind it. */
static bool ends_at_once(struct reader *reader, uint64_t after)
{
    uint64_t from = reader->size > TAIL ? reader->size - TAIL : 0;
    if (from < after)
        from = after;
    size_t len = (size_t)(reader->size - from);
    const uint8_t *p = reader_at(reader, from, len);

    for (size_t i = len; p != NULL && i >= 2; i--)
        if (p[i - 2] == 0xff && p[i - 1] == 0xd9)
            return true;
    return false;
}

enum structure structure_check_jpeg(struct reader *reader, char *why)
{
    uint64_t at = 2;
    bool has_frame = false;
    bool has_scan = false;

    for (unsigned parts = 0; parts < PARTS_MAX; parts++) {
        const uint8_t *p = reader_at(reader, at, 2);
        if (p == NULL)
            return structure_cut(why, "it has no end marker");
        if (p[0] != 0xff)
            return structure_broken(why, "there is no marker at byte %" PRIu64, at);
        uint8_t marker = p[1];
        if (marker == 0xff) {
            at++; /* filling */
            continue;
        }
        if (marker == 0xd9) {
            if (has_scan)
                return STRUCTURE_SOUND;
            return structure_broken(why, "there is no picture in it");
        }
        if (!has_length(marker)) {
            at += 2;
            continue;
        }
        p = reader_at(reader, at, 4);
        uint64_t len = p != NULL ? get_be16(p + 2) : 0;
        if (p != NULL && len < 2)
            return structure_broken(why, "the segment at byte %" PRIu64 " has no length", at);
        if (p == NULL || !reader_has(reader, at + 2, len))
            return structure_cut(why, "the segment at byte %" PRIu64 " is not complete", at);
        at += 2 + len;
        has_frame = has_frame || (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
                                  marker != 0xc8 && marker != 0xcc);
        if (marker != 0xda)
            continue;
        if (!has_frame)
            return structure_broken(why, "its picture data has no description");
        /* What the first scan does not find at the end, no later one will. */
        if (!has_scan && ends_at_once(reader, at))
            return STRUCTURE_SOUND;
        has_scan = true;
        if (!find_marker(reader, at, &at))
            return structure_cut(why, "it has no end marker");
        if (at == UINT64_MAX)
            return STRUCTURE_SOUND;
    }
    return STRUCTURE_SOUND;
}

/* ---- PNG ---- */

static bool is_chunk_name(const uint8_t *name)
{
    for (unsigned i = 0; i < 4; i++)
        if (!((name[i] >= 'A' && name[i] <= 'Z') || (name[i] >= 'a' && name[i] <= 'z')))
            return false;
    return true;
}

/* Is the checksum of the chunk at ${at} with ${len} bytes of data what it says? */
static bool checksum_fits(struct reader *reader, uint64_t at, uint64_t len)
{
    uLong sum = crc32(0, NULL, 0);
    uint64_t pos = at + 4;
    uint64_t left = len + 4;
    size_t some;

    while (left > 0) {
        const uint8_t *p = reader_some(reader, pos, &some);
        if (p == NULL)
            return reader->failed;
        if (some > left)
            some = (size_t)left;
        sum = crc32(sum, p, (uInt)some);
        pos += some;
        left -= some;
    }
    const uint8_t *p = reader_at(reader, pos, 4);
    return p == NULL ? reader->failed : get_be32(p) == sum;
}

enum structure structure_check_png(struct reader *reader, char *why)
{
    uint64_t at = 8;
    uint64_t checked = 0;
    bool has_data = false;

    for (unsigned parts = 0; parts < PARTS_MAX; parts++) {
        const uint8_t *p = reader_at(reader, at, 8);
        if (p == NULL)
            return structure_cut(why, "it has no end mark");
        uint64_t len = get_be32(p);
        char name[5];
        memcpy(name, p + 4, 4);
        name[4] = '\0';
        if (!is_chunk_name(p + 4) || len > INT32_MAX)
            return structure_broken(why, "there is no chunk at byte %" PRIu64, at);
        if (!reader_has(reader, at, 12 + len))
            return structure_cut(why, "the chunk '%s' at byte %" PRIu64 " is not complete", name,
                                 at);
        bool is_end = strcmp(name, "IEND") == 0;
        if (at == 8 && strcmp(name, "IHDR") != 0)
            return structure_broken(why, "it begins with the chunk '%s'", name);
        has_data = has_data || strcmp(name, "IDAT") == 0;
        /* Upper case: a chunk without which there is no picture. */
        if (name[0] >= 'A' && name[0] <= 'Z' && checked < SCAN_MAX) {
            checked += len;
            if (!checksum_fits(reader, at, len))
                return structure_broken(
                    why, "the checksum of the chunk '%s' at byte %" PRIu64 " does not fit", name,
                    at);
        }
        if (is_end)
            return has_data ? STRUCTURE_SOUND : structure_broken(why, "there is no picture in it");
        at += 12 + len;
    }
    return STRUCTURE_SOUND;
}

/* ---- GIF ---- */

/* Skip blocks with a length each, up to the empty one or SCAN_MAX; 0 if they do not end. */
static uint64_t skip_blocks(struct reader *reader, uint64_t at)
{
    while (at <= SCAN_MAX) {
        const uint8_t *p = reader_at(reader, at, 1);
        if (p == NULL)
            return 0;
        at += 1 + (uint64_t)p[0];
        if (p[0] == 0)
            return at;
    }
    return at;
}

static uint64_t colours(uint8_t flags)
{
    return (flags & 0x80) != 0 ? UINT64_C(3) << ((flags & 7) + 1) : 0;
}

enum structure structure_check_gif(struct reader *reader, char *why)
{
    const uint8_t *p = reader_at(reader, 0, 13);
    if (p == NULL)
        return structure_cut(why, "its header is missing");
    uint64_t at = 13 + colours(p[10]);
    bool has_picture = false;

    for (;;) {
        if (at > SCAN_MAX)
            return STRUCTURE_SOUND;
        p = reader_at(reader, at, 1);
        if (p == NULL)
            return structure_cut(why, "it has no end mark");
        uint8_t kind = p[0];
        if (kind == 0x3b)
            return has_picture ? STRUCTURE_SOUND
                               : structure_broken(why, "there is no picture in it");
        if (kind == 0x21) {
            at = skip_blocks(reader, at + 2);
        } else if (kind == 0x2c) {
            p = reader_at(reader, at, 10);
            has_picture = true;
            at = p == NULL ? 0 : skip_blocks(reader, at + 11 + colours(p[9]));
        } else {
            return structure_broken(why, "there is no block at byte %" PRIu64, at);
        }
        if (at == 0)
            return structure_cut(why, "its last block is not complete");
    }
}
