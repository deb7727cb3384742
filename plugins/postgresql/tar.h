/*
 * Reading a tar archive that arrives in pieces of any size.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Format: POSIX.1-1988 "ustar", with sizes in base 256 where octal digits do not suffice; that is
 * what the server sends.  Nothing else is accepted.
 */
#ifndef SME_POSTGRESQL_TAR_H
#define SME_POSTGRESQL_TAR_H

#include "../../include/sme-backup/common.h"

#define TAR_BLOCK 512

struct tar_member {
    char name[260]; /* without a slash at its end */
    char link[104];
    char type; /* '0' file, '2' symbolic link, '5' directory */
    uint32_t mode, uid, gid;
    uint64_t size;
    int64_t mtime;
};

struct tar {
    uint8_t header[TAR_BLOCK];
    size_t header_len;
    uint64_t left; /* content of the member */
    unsigned padding;
    unsigned zero_blocks; /* two of them end the archive */
};

enum tar_event {
    TAR_MORE,   /* all input was used       */
    TAR_MEMBER, /* ${ret_member} is filled  */
    TAR_DATA,   /* a piece of its content   */
};

void tar_init(struct tar *tar);
/* Take from the input (*data, *len; both move) what makes the next event; >= 0, or SME_E_CORRUPT.
 */
int tar_next(struct tar *tar, const uint8_t **data, size_t *len, struct tar_member *ret_member,
             const uint8_t **ret_data, size_t *ret_len, struct sme_error *err);
/* May the archive end here?  The server may leave out the two empty blocks. */
bool tar_is_complete(const struct tar *tar);

#endif
