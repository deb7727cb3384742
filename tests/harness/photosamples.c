/*
 * Small files of every format that the photos source knows, built byte by byte.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "photosamples.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void add(struct sample *sample, const void *bytes, size_t len)
{
    if (len > SAMPLE_MAX - sample->len)
        abort();
    memcpy(sample->bytes + sample->len, bytes, len);
    sample->len += len;
}

static void add_number(struct sample *sample, uint64_t value, unsigned bytes, int big_endian)
{
    for (unsigned i = 0; i < bytes; i++) {
        unsigned shift = big_endian ? (bytes - 1 - i) * 8 : i * 8;
        uint8_t byte = (uint8_t)(value >> shift);
        add(sample, &byte, 1);
    }
}

static void be16(struct sample *sample, uint64_t value)
{
    add_number(sample, value, 2, 1);
}

static void be32(struct sample *sample, uint64_t value)
{
    add_number(sample, value, 4, 1);
}

static void le16(struct sample *sample, uint64_t value)
{
    add_number(sample, value, 2, 0);
}

static void le32(struct sample *sample, uint64_t value)
{
    add_number(sample, value, 4, 0);
}

static void text(struct sample *sample, const char *string)
{
    add(sample, string, strlen(string));
}

static void noise(struct sample *sample, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)(i * 37 % 251);
        add(sample, &byte, 1);
    }
}

static void segment(struct sample *sample, uint8_t marker, size_t len)
{
    uint8_t begin[2] = {0xff, marker};

    add(sample, begin, 2);
    be16(sample, len + 2);
    for (size_t i = 0; i < len; i++)
        add(sample, "\x01", 1);
}

static void make_jpeg(struct sample *sample)
{
    add(sample, "\xff\xd8", 2);
    add(sample, "\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0", 20 - 2);
    segment(sample, 0xdb, 65);
    add(sample, "\xff\xc0\x00\x0b\x08\x00\x10\x00\x20\x01\x01\x11\x00", 13);
    segment(sample, 0xc4, 28);
    add(sample, "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00", 10);
    noise(sample, 120);
    add(sample, "\xff\x00\xff\xd0", 4); /* a stuffed byte and a restart */
    noise(sample, 40);
    add(sample, "\xff\xd9", 2);
}

static void chunk(struct sample *sample, const char *name, const void *data, size_t len)
{
    be32(sample, len);
    size_t from = sample->len;
    text(sample, name);
    add(sample, data, len);
    be32(sample, crc32(0, sample->bytes + from, (uInt)(sample->len - from)));
}

static void make_png(struct sample *sample)
{
    add(sample, "\x89PNG\r\n\x1a\n", 8);
    chunk(sample, "IHDR", "\0\0\0\x04\0\0\0\x04\x08\0\0\0\0", 13);
    chunk(sample, "tEXt", "Title\0a", 7);
    chunk(sample, "IDAT", "0123456789abcdefghij", 20);
    chunk(sample, "IEND", "", 0);
}

static void make_gif(struct sample *sample)
{
    add(sample, "GIF89a\x04\0\x04\0\x80\0\0\0\0\0\xff\xff\xff", 19);
    add(sample, "\x21\xf9\x04\0\0\0\0\0", 8);
    add(sample, "\x2c\0\0\0\0\x04\0\x04\0\0\x02\x03\x44\x01\x02\0", 16);
    add(sample, "\x3b", 1);
}

static void make_webp(struct sample *sample)
{
    text(sample, "RIFF");
    le32(sample, 4 + 8 + 30 + 8 + 10);
    text(sample, "WEBPVP8 ");
    le32(sample, 30);
    noise(sample, 30);
    text(sample, "EXIF");
    le32(sample, 10);
    noise(sample, 10);
}

static void field(struct sample *sample, uint64_t tag, uint64_t type, uint64_t count,
                  uint64_t value)
{
    le16(sample, tag);
    le16(sample, type);
    le32(sample, count);
    if (type == 3 && count == 1) {
        le16(sample, value);
        le16(sample, 0);
    } else {
        le32(sample, value);
    }
}

/* A directory of fields, a name of the maker, one strip at the end.  ${extra}: a field that says
 * which kind of file it is. */
static void make_tiff_like(struct sample *sample, const char *magic, const char *make,
                           uint64_t extra_tag, uint64_t extra_type, uint64_t extra_value,
                           uint64_t subfile)
{
    const uint64_t fields = 8 + (extra_tag != 0 ? 1 : 0);
    size_t header = strncmp(magic + 2, "*", 1) == 0 && strlen(magic) > 4 ? 16 : 8;

    add(sample, magic, 2);
    add(sample, magic + 2, 1);
    add(sample, magic[2] == '*' || magic[2] == 'U' ? "\0" : magic + 3, 1);
    le32(sample, header);
    if (header == 16)
        add(sample, "CR\x02\0\0\0\0\0", 8);
    uint64_t after = header + 2 + fields * 12 + 4;
    le16(sample, fields);
    field(sample, 254, 4, 1, subfile);
    field(sample, 256, 3, 1, 8);
    field(sample, 257, 3, 1, 8);
    field(sample, 259, 3, 1, subfile != 0 ? 34713 : 1);
    field(sample, 262, 3, 1, 1);
    field(sample, 271, 2, 16, after);
    field(sample, 273, 4, 1, after + 16);
    field(sample, 279, 4, 1, 64);
    if (extra_tag != 0)
        field(sample, extra_tag, extra_type, extra_type == 1 ? 4 : 1, extra_value);
    le32(sample, 0);
    char name[16] = "";
    memcpy(name, make, strlen(make));
    add(sample, name, sizeof name);
    noise(sample, 64);
}

static void make_tiff(struct sample *sample)
{
    make_tiff_like(sample, "II*", "Maker", 0, 0, 0, 0);
}

static void make_dng(struct sample *sample)
{
    make_tiff_like(sample, "II*", "Maker", 50706, 1, 0x0401, 0);
}

static void make_cr2(struct sample *sample)
{
    make_tiff_like(sample, "II*canon", "Canon", 0, 0, 0, 0);
}

static void make_nef(struct sample *sample)
{
    make_tiff_like(sample, "II*", "NIKON CORP", 330, 4, 8, 1);
}

static void make_arw(struct sample *sample)
{
    make_tiff_like(sample, "II*", "SONY", 330, 4, 8, 1);
}

static void make_pef(struct sample *sample)
{
    make_tiff_like(sample, "II*", "PENTAX", 0, 0, 0, 1);
}

static void make_orf(struct sample *sample)
{
    make_tiff_like(sample, "IIRO", "OLYMPUS", 0, 0, 0, 0);
}

static void make_rw2(struct sample *sample)
{
    make_tiff_like(sample, "IIU", "Panasonic", 0, 0, 0, 0);
}

static void make_raf(struct sample *sample)
{
    text(sample, "FUJIFILMCCD-RAW 0201FF383501X-T4");
    while (sample->len < 84)
        add(sample, "\0", 1);
    be32(sample, 108);
    be32(sample, 40);
    be32(sample, 148);
    be32(sample, 20);
    be32(sample, 168);
    be32(sample, 60);
    noise(sample, 120);
}

static size_t open_box(struct sample *sample, const char *name)
{
    be32(sample, 0);
    text(sample, name);
    return sample->len - 8;
}

static void close_box(struct sample *sample, size_t at)
{
    size_t len = sample->len - at;

    sample->bytes[at] = (uint8_t)(len >> 24);
    sample->bytes[at + 1] = (uint8_t)(len >> 16);
    sample->bytes[at + 2] = (uint8_t)(len >> 8);
    sample->bytes[at + 3] = (uint8_t)len;
}

static void type_box(struct sample *sample, const char *major, const char *other)
{
    size_t box = open_box(sample, "ftyp");
    text(sample, major);
    be32(sample, 0);
    text(sample, other);
    close_box(sample, box);
}

static void data_box(struct sample *sample)
{
    size_t box = open_box(sample, "mdat");
    noise(sample, 200);
    close_box(sample, box);
}

static void make_still(struct sample *sample, const char *major, const char *other)
{
    type_box(sample, major, other);
    size_t box = open_box(sample, "meta");
    be32(sample, 0);
    noise(sample, 50);
    close_box(sample, box);
    data_box(sample);
}

static void make_heic(struct sample *sample)
{
    make_still(sample, "mif1", "mif1heic");
}

static void make_avif(struct sample *sample)
{
    make_still(sample, "avif", "mif1");
}

/* 2024-07-01T14:00:00Z, 12.5 seconds, 640 by 360, in Nairobi. */
static void movie_box(struct sample *sample)
{
    size_t moov = open_box(sample, "moov");
    size_t box = open_box(sample, "mvhd");
    be32(sample, 0);
    be32(sample, UINT64_C(1719842400) + 2082844800);
    be32(sample, 0);
    be32(sample, 1000);
    be32(sample, 12500);
    noise(sample, 80);
    close_box(sample, box);
    size_t track = open_box(sample, "trak");
    box = open_box(sample, "tkhd");
    be32(sample, 0);
    noise(sample, 72);
    be32(sample, 640 << 16);
    be32(sample, 360 << 16);
    close_box(sample, box);
    close_box(sample, track);
    size_t user = open_box(sample, "udta");
    box = open_box(sample, "\xa9xyz");
    be16(sample, 18);
    be16(sample, 0);
    text(sample, "-01.2921+036.8219/");
    close_box(sample, box);
    close_box(sample, user);
    close_box(sample, moov);
}

static void make_mp4(struct sample *sample)
{
    type_box(sample, "isom", "mp42");
    movie_box(sample);
    data_box(sample);
}

static void make_mov(struct sample *sample)
{
    data_box(sample);
    movie_box(sample);
}

static void make_cr3(struct sample *sample)
{
    type_box(sample, "crx ", "isom");
    movie_box(sample);
    data_box(sample);
}

static const struct {
    const char *format;
    void (*make)(struct sample *sample);
} samples[] = {
    {"jpeg", make_jpeg}, {"png", make_png},   {"gif", make_gif},   {"webp", make_webp},
    {"tiff", make_tiff}, {"dng", make_dng},   {"cr2", make_cr2},   {"nef", make_nef},
    {"arw", make_arw},   {"pef", make_pef},   {"orf", make_orf},   {"rw2", make_rw2},
    {"raf", make_raf},   {"heic", make_heic}, {"avif", make_avif}, {"mp4", make_mp4},
    {"mov", make_mov},   {"cr3", make_cr3},
};

size_t sample_count(void)
{
    return sizeof samples / sizeof samples[0];
}

void sample_make(size_t index, struct sample *sample)
{
    sample->format = samples[index].format;
    sample->len = 0;
    samples[index].make(sample);
}

void sample_of(const char *format, struct sample *sample)
{
    for (size_t i = 0; i < sample_count(); i++)
        if (strcmp(samples[i].format, format) == 0) {
            sample_make(i, sample);
            return;
        }
    abort();
}
