/*
 * Reading a tar archive that arrives in pieces.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "tar.h"

#define SIZE_LIMIT (UINT64_C(1) << 50) /* no file of a server has as much */

/* Places of the fields in a header. */
enum {
    AT_NAME = 0,
    AT_MODE = 100,
    AT_UID = 108,
    AT_GID = 116,
    AT_SIZE = 124,
    AT_MTIME = 136,
    AT_SUM = 148,
    AT_TYPE = 156,
    AT_LINK = 157,
    AT_MAGIC = 257,
    AT_PREFIX = 345,
};

void tar_init(struct tar *tar)
{
    memset(tar, 0, sizeof *tar);
}

/* A number in octal digits, or in base 256 if the first bit is set.  False: neither. */
static bool get_number(const uint8_t *at, size_t len, uint64_t *ret)
{
    uint64_t value = 0;

    if ((at[0] & 0x80) != 0) {
        for (size_t i = 1; i < len; i++) {
            if (value >> 55 != 0) {
                return false;
            }
            value = value << 8 | at[i];
        }
        *ret = value;
        return (at[0] & 0x7f) == 0;
    }
    size_t i = 0;
    while (i < len && at[i] == ' ') {
        i++;
    }
    for (; i < len && at[i] != '\0' && at[i] != ' '; i++) {
        if (at[i] < '0' || at[i] > '7') {
            return false;
        }
        value = value << 3 | (uint64_t)(at[i] - '0');
    }
    *ret = value;
    return true;
}

static bool sum_is_right(const uint8_t *header)
{
    uint64_t told = 0;
    uint64_t sum = 0;

    for (size_t i = 0; i < TAR_BLOCK; i++) {
        sum += i >= AT_SUM && i < AT_SUM + 8 ? ' ' : header[i];
    }
    return get_number(header + AT_SUM, 8, &told) && told == sum;
}

/* "prefix/name" without "./" before it and slashes at the end. */
static void get_name(const uint8_t *header, char *name, size_t size)
{
    const char *prefix = (const char *)header + AT_PREFIX;
    const char *own = (const char *)header + AT_NAME;

    if (prefix[0] == '\0' && own[0] == '.' && own[1] == '/') {
        (void)snprintf(name, size, "%.*s", 98, own + 2);
    } else {
        (void)snprintf(name, size, "%.*s%s%.*s", 155, prefix, prefix[0] != '\0' ? "/" : "", 100,
                       own);
    }
    for (size_t len = strlen(name); len > 0 && name[len - 1] == '/'; len--) {
        name[len - 1] = '\0';
    }
}

/* Names lead nowhere but down. */
static bool name_is_safe(const char *name)
{
    if (name[0] == '\0' || name[0] == '/') {
        return false;
    }
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += part != name;
        size_t len = strcspn(part, "/");
        if (len == 0 || (len == 1 && part[0] == '.') || (len == 2 && memcmp(part, "..", 2) == 0)) {
            return false;
        }
    }
    return true;
}

static int parse(struct tar *tar, struct tar_member *ret, struct sme_error *err)
{
    const uint8_t *header = tar->header;
    struct tar_member member = {.type = (char)header[AT_TYPE]};
    uint64_t mode, uid, gid, mtime;

    if (memcmp(header + AT_MAGIC, "ustar", 5) != 0 || !sum_is_right(header)) {
        return sme_fail(err, SME_E_CORRUPT, "the server sent what is not a tar archive");
    }
    get_name(header, member.name, sizeof member.name);
    if (!name_is_safe(member.name)) {
        return sme_fail(err, SME_E_CORRUPT, "the server sent a file with the name '%.60s'",
                        member.name);
    }
    if (!get_number(header + AT_MODE, 8, &mode) || !get_number(header + AT_UID, 8, &uid) ||
        !get_number(header + AT_GID, 8, &gid) || !get_number(header + AT_SIZE, 12, &member.size) ||
        !get_number(header + AT_MTIME, 12, &mtime) || member.size > SIZE_LIMIT) {
        return sme_fail(err, SME_E_CORRUPT, "the server sent a damaged header for '%s'",
                        member.name);
    }
    if (member.type == '\0') {
        member.type = '0';
    }
    if (member.type != '0' && member.type != '2' && member.type != '5') {
        return sme_fail(err, SME_E_CORRUPT, "the server sent '%s' as something of the type '%c'",
                        member.name, member.type);
    }
    (void)snprintf(member.link, sizeof member.link, "%.*s", 100, (const char *)header + AT_LINK);
    member.mode = (uint32_t)mode & 07777;
    member.uid = (uint32_t)uid;
    member.gid = (uint32_t)gid;
    member.mtime = (int64_t)mtime;
    if (member.type != '0') {
        member.size = 0;
    }
    tar->left = member.size;
    tar->padding = (unsigned)((TAR_BLOCK - member.size % TAR_BLOCK) % TAR_BLOCK);
    *ret = member;
    return TAR_MEMBER;
}

static bool is_zero(const uint8_t *block)
{
    return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

static void skip(const uint8_t **data, size_t *len, size_t count)
{
    *data += count;
    *len -= count;
}

int tar_next(struct tar *tar, const uint8_t **data, size_t *len, struct tar_member *ret_member,
             const uint8_t **ret_data, size_t *ret_len, struct sme_error *err)
{
    while (*len > 0) {
        if (tar->left > 0) {
            size_t part = *len < tar->left ? *len : (size_t)tar->left;
            *ret_data = *data;
            *ret_len = part;
            tar->left -= part;
            skip(data, len, part);
            return TAR_DATA;
        }
        if (tar->padding > 0) {
            size_t part = *len < tar->padding ? *len : tar->padding;
            tar->padding -= (unsigned)part;
            skip(data, len, part);
            continue;
        }
        size_t part = TAR_BLOCK - tar->header_len;
        part = *len < part ? *len : part;
        memcpy(tar->header + tar->header_len, *data, part);
        tar->header_len += part;
        skip(data, len, part);
        if (tar->header_len < TAR_BLOCK) {
            continue;
        }
        tar->header_len = 0;
        if (is_zero(tar->header)) {
            tar->zero_blocks++;
            continue;
        }
        if (tar->zero_blocks > 0) {
            return sme_fail(err, SME_E_CORRUPT,
                            "the server sent more behind the end of an archive");
        }
        return parse(tar, ret_member, err);
    }
    return TAR_MORE;
}

bool tar_is_complete(const struct tar *tar)
{
    return tar->left == 0 && tar->padding == 0 && tar->header_len == 0;
}
