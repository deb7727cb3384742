/*
 * Formats that say where their parts are: TIFF and the raw formats like it, and files made of
 * boxes (HEIC, AVIF, CR3, MP4, QuickTime).
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "structure.h"
#include "tiff.h"

#include <inttypes.h>
#include <string.h>

#define IFDS_MAX 64u
#define PARTS_MAX 65536u     /* looked at in one TIFF file */
#define BOXES_MAX (1u << 20) /* films in many fragments have some thousand */

/* ---- TIFF ---- */

struct tiff_check {
    struct tiff tiff;
    bool strict;
    char *why;
    uint64_t todo[IFDS_MAX];
    size_t todo_count; /* all that were ever added, so that loops end */
    unsigned parts_left;
};

static void add_ifd(struct tiff_check *check, uint64_t at)
{
    for (size_t i = 0; i < check->todo_count; i++)
        if (check->todo[i] == at)
            return;
    if (at != 0 && check->todo_count < IFDS_MAX)
        check->todo[check->todo_count++] = at;
}

/* Strips or tiles: all of them in the file? */
static enum structure check_parts(struct tiff_check *check, uint64_t ifd, uint16_t offsets_tag,
                                  uint16_t counts_tag)
{
    struct tiff_entry offsets;
    struct tiff_entry counts;
    struct tiff *tiff = &check->tiff;

    if (!tiff_find(tiff, ifd, offsets_tag, &offsets) || !tiff_find(tiff, ifd, counts_tag, &counts))
        return STRUCTURE_SOUND;
    uint64_t count = offsets.count < counts.count ? offsets.count : counts.count;
    for (uint64_t i = 0; i < count && check->parts_left > 0; i++) {
        check->parts_left--;
        uint64_t offset;
        uint64_t len;
        if (!tiff_number(tiff, &offsets, i, &offset) || !tiff_number(tiff, &counts, i, &len))
            return STRUCTURE_SOUND; /* of a type that has been looked at already */
        if (!reader_has(tiff->reader, offset, len))
            return structure_cut(
                check->why, "picture data at byte %" PRIu64 " is not or not wholly there", offset);
    }
    return STRUCTURE_SOUND;
}

static enum structure check_ifd(struct tiff_check *check, uint64_t ifd, bool is_main)
{
    struct tiff *tiff = &check->tiff;
    struct tiff_entry entry;
    uint64_t count;
    uint64_t value;

    if (!tiff_count(tiff, ifd, &count)) {
        if (!reader_has(tiff->reader, ifd, 2) || is_main)
            return structure_cut(check->why, "its directory at byte %" PRIu64 " is not there", ifd);
        return STRUCTURE_SOUND;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!tiff_entry(tiff, ifd, i, &entry))
            return STRUCTURE_SOUND;
        uint64_t len = entry.one == 0 || entry.count > UINT32_MAX ? 0 : entry.one * entry.count;
        /* Cameras write nonsense into fields of their own, so only plain files are held to it. */
        if ((check->strict || entry.tag == TIFF_TAG_STRIP_OFFSETS) &&
            !reader_has(tiff->reader, entry.at, len))
            return structure_cut(check->why, "the values of field %u are not there", entry.tag);
        if (entry.tag == TIFF_TAG_SUB_IFDS || (entry.tag == TIFF_TAG_EXIF && entry.count == 1))
            for (uint64_t k = 0; k < entry.count && k < IFDS_MAX && check->parts_left > 0; k++) {
                check->parts_left--;
                if (tiff_number(tiff, &entry, k, &value))
                    add_ifd(check, value);
            }
    }
    if (is_main && tiff_next(tiff, ifd, count, &value))
        add_ifd(check, value);
    return STRUCTURE_SOUND;
}

enum structure structure_check_tiff(struct reader *reader, bool is_tiff, char *why)
{
    struct tiff_check check = {.strict = is_tiff, .why = why, .parts_left = PARTS_MAX};
    enum structure found = STRUCTURE_SOUND;

    if (!tiff_open(&check.tiff, reader))
        return structure_cut(why, "its header is missing");
    add_ifd(&check, check.tiff.first);
    for (size_t i = 0; i < check.todo_count && found == STRUCTURE_SOUND; i++) {
        uint64_t ifd = check.todo[i];
        found = check_ifd(&check, ifd, i == 0);
        /* These two use the fields for the places of the data in ways of their own. */
        if (found != STRUCTURE_SOUND || check.tiff.variant == TIFF_ORF ||
            check.tiff.variant == TIFF_RW2)
            continue;
        found = check_parts(&check, ifd, TIFF_TAG_STRIP_OFFSETS, TIFF_TAG_STRIP_COUNTS);
        if (found == STRUCTURE_SOUND)
            found = check_parts(&check, ifd, TIFF_TAG_TILE_OFFSETS, TIFF_TAG_TILE_COUNTS);
        if (found == STRUCTURE_SOUND)
            found = check_parts(&check, ifd, TIFF_TAG_JPEG_OFFSET, TIFF_TAG_JPEG_COUNT);
    }
    return found;
}

/* ---- boxes ---- */

static bool is_box_name(const uint8_t *name)
{
    for (unsigned i = 0; i < 4; i++)
        if (name[i] < 0x20 || name[i] == 0x7f)
            return false;
    return true;
}

/* Boxes without which the others are worth nothing. */
static bool is_vital(const char *name)
{
    static const char names[][5] = {"moov", "meta", "mdat", "moof", "idat"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

enum structure structure_check_bmff(struct reader *reader, char *why)
{
    uint64_t at = 0;
    bool has_index = false; /* what says where everything is */
    bool has_data = false;

    for (unsigned boxes = 0; at < reader->size && boxes < BOXES_MAX; boxes++) {
        const uint8_t *p = reader_at(reader, at, 8);
        if (p == NULL || !is_box_name(p + 4)) {
            if (has_index)
                break; /* something else that was appended */
            return p == NULL ? structure_cut(why, "its last box is not complete")
                             : structure_broken(why, "there is no box at byte %" PRIu64, at);
        }
        uint64_t len = get_be32(p);
        char name[5];
        memcpy(name, p + 4, 4);
        name[4] = '\0';
        bool is_extra = has_index && has_data && !is_vital(name);
        has_data = has_data || strcmp(name, "mdat") == 0;
        has_index = has_index || strcmp(name, "moov") == 0 || strcmp(name, "meta") == 0;
        if (len == 0)
            len = reader->size - at;
        uint64_t header = len == 1 ? 16 : 8;
        if (len == 1) {
            p = reader_at(reader, at, 16);
            len = p != NULL ? get_be64(p + 8) : UINT64_MAX;
        }
        if (is_extra && (len < header || !reader_has(reader, at, len)))
            break; /* complete already: what was appended may be anything */
        if (len < header)
            return structure_broken(why, "the box '%s' at byte %" PRIu64 " has no length", name,
                                    at);
        if (!reader_has(reader, at, len))
            return structure_cut(why, "the box '%s' at byte %" PRIu64 " is not complete", name, at);
        at += len;
    }
    if (!has_index && at >= reader->size)
        return structure_cut(why, "it has no index of its content ('moov' or 'meta')");
    return STRUCTURE_SOUND;
}
