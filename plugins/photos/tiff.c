/*
 * The directories of a TIFF file, and of the many raw formats that are TIFF files.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "tiff.h"

#include <string.h>

#define ENTRIES_MAX 4096u

static uint16_t get16(const struct tiff *tiff, const uint8_t *p)
{
    return (uint16_t)(tiff->big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static uint32_t get32(const struct tiff *tiff, const uint8_t *p)
{
    return tiff->big_endian ? get_be32(p) : get_le32(p);
}

static uint64_t get64(const struct tiff *tiff, const uint8_t *p)
{
    return tiff->big_endian ? get_be64(p) : (uint64_t)get_le32(p + 4) << 32 | get_le32(p);
}

bool tiff_open(struct tiff *tiff, struct reader *reader)
{
    const uint8_t *begin = reader_at(reader, 0, 8);

    *tiff = (struct tiff){.reader = reader};
    if (begin == NULL || begin[0] != begin[1] || (begin[0] != 'I' && begin[0] != 'M'))
        return false;
    tiff->big_endian = begin[0] == 'M';
    uint16_t magic = get16(tiff, begin + 2);
    tiff->first = get32(tiff, begin + 4);
    if (magic == 43) {
        bool plain = get16(tiff, begin + 4) == 8 && get16(tiff, begin + 6) == 0;
        const uint8_t *first = reader_at(reader, 8, 8);
        if (!plain || first == NULL)
            return false;
        tiff->variant = TIFF_BIG;
        tiff->first = get64(tiff, first);
        return true;
    }
    if (magic == 0x4f52 || magic == 0x5352) /* "RO", "RS" */
        tiff->variant = TIFF_ORF;
    else if (magic == 0x55 && !tiff->big_endian)
        tiff->variant = TIFF_RW2;
    else if (magic != 42)
        return false;
    return tiff->first >= 8;
}

bool tiff_count(struct tiff *tiff, uint64_t ifd, uint64_t *ret_count)
{
    bool big = tiff->variant == TIFF_BIG;
    const uint8_t *p = reader_at(tiff->reader, ifd, big ? 8 : 2);

    if (p == NULL)
        return false;
    uint64_t count = big ? get64(tiff, p) : get16(tiff, p);
    if (count == 0 || count > ENTRIES_MAX ||
        !reader_has(tiff->reader, ifd, big ? 8 + count * 20 : 2 + count * 12))
        return false;
    *ret_count = count;
    return true;
}

bool tiff_next(struct tiff *tiff, uint64_t ifd, uint64_t count, uint64_t *ret_next)
{
    bool big = tiff->variant == TIFF_BIG;
    const uint8_t *p = big ? reader_at(tiff->reader, ifd + 8 + count * 20, 8)
                           : reader_at(tiff->reader, ifd + 2 + count * 12, 4);

    if (p == NULL)
        return false;
    *ret_next = big ? get64(tiff, p) : get32(tiff, p);
    return true;
}

static uint32_t size_of_type(uint16_t type)
{
    static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

bool tiff_entry(struct tiff *tiff, uint64_t ifd, uint64_t index, struct tiff_entry *ret_entry)
{
    bool big = tiff->variant == TIFF_BIG;
    uint64_t at = big ? ifd + 8 + index * 20 : ifd + 2 + index * 12;
    const uint8_t *p = reader_at(tiff->reader, at, big ? 20 : 12);
    struct tiff_entry entry = {0};

    if (p == NULL)
        return false;
    entry.tag = get16(tiff, p);
    entry.type = get16(tiff, p + 2);
    entry.count = big ? get64(tiff, p + 4) : get32(tiff, p + 4);
    entry.one = size_of_type(entry.type);
    uint64_t room = big ? 8 : 4;
    if (entry.one == 0 || entry.count <= room / entry.one)
        entry.at = at + (big ? 12 : 8);
    else
        entry.at = big ? get64(tiff, p + 12) : get32(tiff, p + 8);
    *ret_entry = entry;
    return true;
}

bool tiff_find(struct tiff *tiff, uint64_t ifd, uint16_t tag, struct tiff_entry *ret_entry)
{
    struct tiff_entry entry;
    uint64_t count;

    if (!tiff_count(tiff, ifd, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!tiff_entry(tiff, ifd, i, &entry))
            return false;
        if (entry.tag == tag) {
            if (ret_entry != NULL)
                *ret_entry = entry;
            return true;
        }
    }
    return false;
}

bool tiff_number(struct tiff *tiff, const struct tiff_entry *entry, uint64_t index,
                 uint64_t *ret_value)
{
    if (index >= entry->count || entry->one == 0 || index > UINT32_MAX)
        return false;
    uint64_t at = entry->at + index * entry->one;
    const uint8_t *p = at < entry->at ? NULL : reader_at(tiff->reader, at, entry->one);
    if (p == NULL)
        return false;
    if (entry->type == 3)
        *ret_value = get16(tiff, p);
    else if (entry->type == 4 || entry->type == 13)
        *ret_value = get32(tiff, p);
    else if (entry->type == 16 || entry->type == 18)
        *ret_value = get64(tiff, p);
    else
        return false;
    return true;
}

void tiff_text(struct tiff *tiff, const struct tiff_entry *entry, char *out, size_t size)
{
    size_t len = entry->count < size - 1 ? (size_t)entry->count : size - 1;
    const uint8_t *p = entry->one == 1 ? reader_at(tiff->reader, entry->at, len) : NULL;

    out[0] = '\0';
    if (p != NULL && len > 0) {
        memcpy(out, p, len);
        out[len] = '\0';
    }
}
