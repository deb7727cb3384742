/*
 * Growing arrays.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_FILESYSTEM_GROW_H
#define SME_FILESYSTEM_GROW_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * Make room for ${need} elements of ${size} bytes in ${array}, which has room for
 * *${capacity}.  Return the array, which may have moved, or NULL when there is no memory;
 * ${array} and *${capacity} are unchanged then.
 */
static inline void *grow_array(void *array, size_t *capacity, size_t need, size_t size)
{
    size_t wanted = *capacity < 16 ? 16 : *capacity;
    while (wanted < need) {
        if (wanted > SIZE_MAX / 2)
            return NULL;
        wanted *= 2;
    }
    if (array != NULL && wanted == *capacity)
        return array;
    if (wanted > SIZE_MAX / size)
        return NULL;
    void *moved = realloc(array, wanted * size);
    if (moved != NULL)
        *capacity = wanted;
    return moved;
}

#endif
