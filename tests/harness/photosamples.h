/*
 * Small files of every format that the photos source knows, built byte by byte.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_PHOTOSAMPLES_H
#define SME_TESTS_PHOTOSAMPLES_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLE_MAX 4096u

struct sample {
    const char *format; /* as in photo.format */
    uint8_t bytes[SAMPLE_MAX];
    size_t len;
};

/* How many there are. */
size_t sample_count(void);
/* The one with ${index}. */
void sample_make(size_t index, struct sample *sample);
/* The one of ${format}. */
void sample_of(const char *format, struct sample *sample);

#endif
