/*
 * A small picture of a large one.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PHOTOS_PREVIEW_PICTURE_H
#define SME_PHOTOS_PREVIEW_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct picture {
    uint8_t *jpeg;
    size_t len;
    bool upright; /* as it is to be shown; else as the photo is stored */
};

/* A JPEG picture of at most ${max} bytes of the JPEG, PNG, HEIC or AVIF file of ${len} bytes at
 * ${file}; false if there is none to be had.  To be done with picture_done() in any case. */
bool picture_preview(const uint8_t *file, size_t len, size_t max, struct picture *ret_picture);
void picture_done(struct picture *picture);

#endif
