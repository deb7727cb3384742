/*
 * Scope cleanup by attribute.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 *   CLEANUP(buf_free) struct buf raw = BUF_INIT(MAX);      calls buf_free(&raw) at scope end
 *   CLEANUP(close_fd) int fd = -1;
 *   CLEANUP(free_ptr) char *text = NULL;
 *   *ret_text = STEAL(text);                               ownership leaves the scope
 */
#ifndef SME_BASE_CLEANUP_H
#define SME_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

#define STEAL(pointer)                                                                             \
    __extension__({                                                                                \
        __typeof__(pointer) steal_value_ = (pointer);                                              \
        (pointer) = NULL;                                                                          \
        steal_value_;                                                                              \
    })

#define STEAL_FD(fd)                                                                               \
    __extension__({                                                                                \
        int steal_fd_ = (fd);                                                                      \
        (fd) = -1;                                                                                 \
        steal_fd_;                                                                                 \
    })

/* For CLEANUP: free(*${pointer_to_pointer}). */
static inline void free_ptr(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

/* For CLEANUP: close a descriptor that is not -1.  errno is kept. */
void close_fd(int *fd);

#endif
