/*
 * What the photos source and the program that makes previews say to each other.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Request: the length of a file in 8 bytes, most significant first, and the file.
 * Reply: the length of a JPEG picture in 4 bytes (0: none can be made), one byte that is 1 if it is
 * upright and 0 if it is to be turned as the photo is, and the picture.
 */
#ifndef SME_PHOTOS_PREVIEW_PROTOCOL_H
#define SME_PHOTOS_PREVIEW_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define PREVIEW_REQUEST_HEAD 8
#define PREVIEW_REPLY_HEAD 5

static inline void preview_put(uint8_t *to, uint64_t number, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(number >> 8 * (len - 1 - i));
}

static inline uint64_t preview_get(const uint8_t *from, size_t len)
{
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++)
        number = number << 8 | from[i];
    return number;
}

#endif
