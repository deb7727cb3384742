/*
 * The directories between a root and the current item of a walk.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "stack.h"
#include "grow.h"

#include <fcntl.h>
#include <unistd.h>

void stack_init(struct stack *stack, size_t max_open)
{
    *stack = (struct stack){
        .max_open = max_open < STACK_MIN_OPEN ? STACK_MIN_OPEN : max_open,
        .open_low = 1,
    };
}

static void close_frame(struct frame *frame)
{
    if (frame->fd >= 0)
        (void)close(frame->fd);
    frame->fd = -1;
}

void stack_free(struct stack *stack)
{
    for (size_t i = 0; i < stack->depth; i++)
        close_frame(&stack->frames[i]);
    listing_free(&stack->listing);
    free(stack->frames);
    *stack = (struct stack){0};
}

int stack_push(struct stack *stack, int fd, const struct stat *st, size_t path_len,
               uint64_t root_dev)
{
    struct frame *frames =
        grow_array(stack->frames, &stack->capacity, stack->depth + 1, sizeof *frames);
    if (frames == NULL) {
        (void)close(fd);
        return SME_E_NO_MEMORY;
    }
    stack->frames = frames;
    /* Open are frame 0, those from open_low on, and the new one. */
    while (stack->depth + 2 > stack->max_open + stack->open_low &&
           stack->open_low + 1 < stack->depth)
        close_frame(&frames[stack->open_low++]);
    frames[stack->depth++] = (struct frame){
        .fd = fd,
        .serial = ++stack->last_serial,
        .dev = st->st_dev,
        .ino = st->st_ino,
        .root_dev = root_dev,
        .path_len = path_len,
        .mark = listing_mark(&stack->listing),
        .next = stack->listing.count,
        .end = stack->listing.count,
    };
    return SME_OK;
}

/* ${fd} if it is the frame's directory; otherwise it is closed, and the result is -1. */
static int same_or_close(const struct frame *frame, int fd)
{
    struct stat st;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && st.st_dev == frame->dev && st.st_ino == frame->ino)
        return fd;
    (void)close(fd);
    return -1;
}

/* Open the directory of frame ${index} by names, from frame 0. */
static int open_by_names(const struct stack *stack, size_t index)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = stack->frames[0].fd;
    for (size_t i = 1; i <= index; i++) {
        int below = openat(fd, stack_name(stack, stack->frames[i - 1].next - 1), flags);
        if (i > 1)
            (void)close(fd);
        fd = same_or_close(&stack->frames[i], below);
        if (fd < 0)
            return -1;
    }
    return fd;
}

static void reopen_frame(struct stack *stack, size_t index, int child_fd)
{
    struct frame *frame = &stack->frames[index];
    if (child_fd >= 0) {
        int fd = openat(child_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        frame->fd = same_or_close(frame, fd);
    }
    if (frame->fd < 0)
        frame->fd = open_by_names(stack, index);
    stack->open_low = frame->fd >= 0 ? index : index + 1;
}

void stack_pop(struct stack *stack)
{
    struct frame *top = stack_top(stack);
    if (stack->depth >= 2 && stack->frames[stack->depth - 2].fd < 0)
        reopen_frame(stack, stack->depth - 2, top->fd);
    close_frame(top);
    listing_cut(&stack->listing, top->mark);
    stack->depth--;
    if (stack->open_low > stack->depth)
        stack->open_low = stack->depth > 0 ? stack->depth : 1;
}
