/*
 * The directories between a root and the current item of a walk.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Frame 0 is always open.  Of the others only the deepest are; one that was closed is opened
 * again, through ".." or by names, when the walk comes back to it, and is used only if it is the
 * same file.
 */
#ifndef SME_FILESYSTEM_STACK_H
#define SME_FILESYSTEM_STACK_H

#include "listing.h"

#include <sys/stat.h>

struct frame {
    int fd; /* -1: closed to save descriptors, or lost */
    uint64_t serial;
    uint64_t dev;
    uint64_t ino;
    uint64_t root_dev; /* device of the root above */
    size_t path_len;   /* its own path is the start of the current one */
    struct listing_mark mark;
    size_t next; /* index of the next entry */
    size_t end;
    /* A directory above several roots is not read: its entries are the components at root_at of
     * the roots from root_next to root_end. */
    bool above_roots;
    size_t root_next;
    size_t root_end;
    size_t root_at;
};

struct stack {
    struct listing listing;
    struct frame *frames;
    size_t depth;
    size_t capacity;
    size_t max_open; /* at least STACK_MIN_OPEN */
    size_t open_low; /* frames from here to depth - 1 are open, and frame 0 */
    uint64_t last_serial;
};

#define STACK_MIN_OPEN 3u /* frame 0, a directory, and one in it */

void stack_init(struct stack *stack, size_t max_open);
void stack_free(struct stack *stack);

/*
 * Push a frame without entries for the open directory ${fd}, which becomes the stack's, and is
 * closed on failure; ${path_len} and ${root_dev} are noted.  The frame below stays open.  SME_OK
 * or SME_E_NO_MEMORY.
 */
int stack_push(struct stack *stack, int fd, const struct stat *st, size_t path_len,
               uint64_t root_dev);

/* Close the newest frame, drop its entries, and see that the one below is open; its fd is -1 if
 * its directory cannot be found any more. */
void stack_pop(struct stack *stack);

static inline struct frame *stack_top(const struct stack *stack)
{
    return &stack->frames[stack->depth - 1];
}

static inline const struct listing_entry *stack_entry(const struct stack *stack, size_t index)
{
    return &stack->listing.entries[index];
}

static inline const char *stack_name(const struct stack *stack, size_t index)
{
    return stack->listing.names + stack->listing.entries[index].offset;
}

#endif
