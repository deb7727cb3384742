/*
 * Reading a few bytes here and there of a file that may hold anything.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PHOTOS_READER_H
#define SME_PHOTOS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READER_WINDOW (64u << 10)

/* The descriptor is the caller's.  Once a read has failed, all further ones do. */
struct reader {
    int fd;
    uint64_t size;
    bool failed; /* the system could not read; says nothing about the file's structure */
    uint64_t at; /* where the window begins */
    size_t held;
    uint8_t window[READER_WINDOW];
};

/* ${size} is what fstat() said. */
void reader_init(struct reader *reader, int fd, uint64_t size);

/* ${len} bytes (at most READER_WINDOW) from ${offset}; NULL if the file does not have them.  Valid
 * until the next call. */
const uint8_t *reader_at(struct reader *reader, uint64_t offset, size_t len);

/* What there is from ${offset} on, at least one byte; NULL at the end. */
const uint8_t *reader_some(struct reader *reader, uint64_t offset, size_t *ret_len);

/* Are [offset, offset + len) bytes of the file? */
bool reader_has(const struct reader *reader, uint64_t offset, uint64_t len);

static inline uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t get_be64(const uint8_t *p)
{
    return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static inline uint32_t get_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

#endif
