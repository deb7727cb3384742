/*
 * What kind of picture, film or sidecar a file is.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "formats.h"
#include "tiff.h"

#include <string.h>
#include <strings.h>

/* A file type box lists what the file is compatible with; more than this is not looked at. */
#define BRANDS_MAX 64u
#define MAKE_MAX 32u

static const struct format formats[FORMAT_COUNT] = {
    [FORMAT_OTHER] = {"", "other", NULL, LAYOUT_NONE},
    [FORMAT_JPEG] = {"jpeg", "photo", "image/jpeg", LAYOUT_JPEG},
    [FORMAT_HEIC] = {"heic", "photo", NULL, LAYOUT_BMFF},
    [FORMAT_AVIF] = {"avif", "photo", "image/avif", LAYOUT_BMFF},
    [FORMAT_PNG] = {"png", "photo", "image/png", LAYOUT_PNG},
    [FORMAT_TIFF] = {"tiff", "photo", NULL, LAYOUT_TIFF},
    [FORMAT_WEBP] = {"webp", "photo", "image/webp", LAYOUT_WEBP},
    [FORMAT_GIF] = {"gif", "photo", "image/gif", LAYOUT_GIF},
    [FORMAT_CR2] = {"cr2", "raw", NULL, LAYOUT_TIFF},
    [FORMAT_CR3] = {"cr3", "raw", NULL, LAYOUT_BMFF},
    [FORMAT_NEF] = {"nef", "raw", NULL, LAYOUT_TIFF},
    [FORMAT_ARW] = {"arw", "raw", NULL, LAYOUT_TIFF},
    [FORMAT_DNG] = {"dng", "raw", NULL, LAYOUT_TIFF},
    [FORMAT_PEF] = {"pef", "raw", NULL, LAYOUT_TIFF},
    [FORMAT_RAF] = {"raf", "raw", NULL, LAYOUT_RAF},
    [FORMAT_ORF] = {"orf", "raw", NULL, LAYOUT_TIFF},
    [FORMAT_RW2] = {"rw2", "raw", NULL, LAYOUT_TIFF},
    [FORMAT_MP4] = {"mp4", "video", NULL, LAYOUT_BMFF},
    [FORMAT_MOV] = {"mov", "video", NULL, LAYOUT_BMFF},
    [FORMAT_SIDECAR] = {"sidecar", "sidecar", NULL, LAYOUT_NONE},
};

static const char *const sidecar_suffixes[] = {"xmp", "aae", "json", "thm", NULL};

/* Also those of files whose content is not looked into. */
static const char *const photo_suffixes[] = {
    "jpg", "jpeg", "jpe",  "heic", "heif", "hif",  "avif", "png", "tif",  "tiff", "webp",
    "gif", "bmp",  "jxl",  "psd",  "cr2",  "cr3",  "crw",  "nef", "nrw",  "arw",  "sr2",
    "srf", "srw",  "dng",  "pef",  "raf",  "orf",  "rw2",  "rwl", "raw",  "x3f",  "mrw",
    "3fr", "iiq",  "erf",  "kdc",  "mef",  "mos",  "dcr",  "mp4", "m4v",  "mov",  "qt",
    "3gp", "mts",  "m2ts", "avi",  "mpg",  "mpeg", "mkv",  "wmv", "insp", "insv", NULL,
};

const struct format *format_of(enum photo_format format)
{
    return &formats[format];
}

size_t format_stem(const char *name, size_t len)
{
    for (size_t i = len; i > 1; i--)
        if (name[i - 1] == '.')
            return i - 1;
    return len;
}

/* Is what follows the last '.' of ${name} in the list, whatever its case? */
static bool has_suffix(const char *name, size_t len, const char *const list[])
{
    size_t stem = format_stem(name, len);

    if (stem == len)
        return false;
    for (size_t i = 0; list[i] != NULL; i++)
        if (strlen(list[i]) == len - stem - 1 &&
            strncasecmp(list[i], name + stem + 1, len - stem - 1) == 0)
            return true;
    return false;
}

size_t format_sidecar_stem(const char *name, size_t len)
{
    return has_suffix(name, len, sidecar_suffixes) ? format_stem(name, len) : 0;
}

bool format_name_is_photo(const char *name, size_t len)
{
    return has_suffix(name, len, photo_suffixes);
}

static enum photo_format format_of_brand(const uint8_t brand[4])
{
    static const struct {
        char brand[5];
        enum photo_format format;
    } table[] = {
        {"heic", FORMAT_HEIC}, {"heix", FORMAT_HEIC}, {"heim", FORMAT_HEIC}, {"heis", FORMAT_HEIC},
        {"hevc", FORMAT_HEIC}, {"hevx", FORMAT_HEIC}, {"avif", FORMAT_AVIF}, {"avis", FORMAT_AVIF},
        {"crx ", FORMAT_CR3},  {"qt  ", FORMAT_MOV},  {"isom", FORMAT_MP4},  {"iso2", FORMAT_MP4},
        {"iso3", FORMAT_MP4},  {"iso4", FORMAT_MP4},  {"iso5", FORMAT_MP4},  {"iso6", FORMAT_MP4},
        {"mp41", FORMAT_MP4},  {"mp42", FORMAT_MP4},  {"avc1", FORMAT_MP4},  {"M4V ", FORMAT_MP4},
        {"M4VP", FORMAT_MP4},  {"MSNV", FORMAT_MP4},  {"XAVC", FORMAT_MP4},  {"dash", FORMAT_MP4},
        {"3gp4", FORMAT_MP4},  {"3gp5", FORMAT_MP4},  {"3gp6", FORMAT_MP4},  {"3g2a", FORMAT_MP4},
        {"mp71", FORMAT_MP4},  {"F4V ", FORMAT_MP4},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (memcmp(table[i].brand, brand, 4) == 0)
            return table[i].format;
    return FORMAT_OTHER;
}

/* A file type box: the major brand says it, or the first known of the compatible ones. */
static enum photo_format recognise_bmff(struct reader *reader, const uint8_t *begin)
{
    uint32_t len = get_be32(begin);
    enum photo_format found = format_of_brand(begin + 8);
    bool is_heif = memcmp(begin + 8, "mif1", 4) == 0 || memcmp(begin + 8, "msf1", 4) == 0;

    for (uint32_t at = 16; found == FORMAT_OTHER && at + 4 <= len && at < BRANDS_MAX * 4; at += 4) {
        const uint8_t *brand = reader_at(reader, at, 4);
        if (brand == NULL)
            break;
        found = format_of_brand(brand);
    }
    return found == FORMAT_OTHER && is_heif ? FORMAT_HEIC : found;
}

/* Old QuickTime films begin at once with one of these boxes. */
static bool is_old_movie(const uint8_t *begin)
{
    static const char kinds[][5] = {"moov", "mdat", "wide"};
    uint32_t len = get_be32(begin);

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (memcmp(begin + 4, kinds[i], 4) == 0)
            return len == 1 || len >= 8;
    return false;
}

/* Which camera writes TIFF files like this one?  By what the first directory says. */
static enum photo_format recognise_tiff(struct reader *reader)
{
    struct tiff tiff;
    char make[MAKE_MAX] = "";

    if (!tiff_open(&tiff, reader))
        return FORMAT_OTHER;
    if (tiff.variant == TIFF_ORF)
        return FORMAT_ORF;
    if (tiff.variant == TIFF_RW2)
        return FORMAT_RW2;
    const uint8_t *mark = reader_at(reader, 8, 4);
    if (mark != NULL && memcmp(mark, "CR\x02\x00", 4) == 0)
        return FORMAT_CR2;
    if (tiff_find(&tiff, tiff.first, TIFF_TAG_DNG_VERSION, NULL))
        return FORMAT_DNG;
    struct tiff_entry entry;
    uint64_t value = 0;
    bool reduced = tiff_find(&tiff, tiff.first, TIFF_TAG_SUBFILE, &entry) &&
                   tiff_number(&tiff, &entry, 0, &value) && value == 1;
    bool has_sub = tiff_find(&tiff, tiff.first, TIFF_TAG_SUB_IFDS, NULL);
    if (tiff_find(&tiff, tiff.first, TIFF_TAG_MAKE, &entry))
        tiff_text(&tiff, &entry, make, sizeof make);
    /* What a camera or a program saves as a TIFF file holds the picture itself first. */
    bool has_strip_of_raw = tiff_find(&tiff, tiff.first, TIFF_TAG_COMPRESSION, &entry) &&
                            tiff_number(&tiff, &entry, 0, &value) &&
                            (value == 34713 || value == 65535 || value == 32767);
    if (strncasecmp(make, "NIKON", 5) == 0 && ((reduced && has_sub) || has_strip_of_raw))
        return FORMAT_NEF;
    if (strncasecmp(make, "SONY", 4) == 0 && (reduced || has_strip_of_raw) && has_sub)
        return FORMAT_ARW;
    if ((strncasecmp(make, "PENTAX", 6) == 0 || strncasecmp(make, "RICOH", 5) == 0) &&
        has_strip_of_raw)
        return FORMAT_PEF;
    return FORMAT_TIFF;
}

enum photo_format format_recognise(struct reader *reader)
{
    const uint8_t *begin = reader_at(reader, 0, 4);

    if (begin == NULL)
        return FORMAT_OTHER;
    if (begin[0] == 0xff && begin[1] == 0xd8 && begin[2] == 0xff)
        return FORMAT_JPEG;
    if (memcmp(begin, "GIF8", 4) == 0)
        return FORMAT_GIF;
    begin = reader_at(reader, 0, 8);
    if (begin == NULL)
        return FORMAT_OTHER;
    if (memcmp(begin, "\x89PNG\r\n\x1a\n", 8) == 0)
        return FORMAT_PNG;
    if ((begin[0] == 'I' && begin[1] == 'I') || (begin[0] == 'M' && begin[1] == 'M')) {
        return recognise_tiff(reader);
    }
    if (is_old_movie(begin))
        return FORMAT_MOV;
    begin = reader_at(reader, 0, 12);
    if (begin == NULL)
        return FORMAT_OTHER;
    if (memcmp(begin, "RIFF", 4) == 0 && memcmp(begin + 8, "WEBP", 4) == 0)
        return FORMAT_WEBP;
    if (memcmp(begin + 4, "ftyp", 4) == 0)
        return recognise_bmff(reader, begin);
    begin = reader_at(reader, 0, 16);
    if (begin != NULL && memcmp(begin, "FUJIFILMCCD-RAW ", 16) == 0)
        return FORMAT_RAF;
    return FORMAT_OTHER;
}
