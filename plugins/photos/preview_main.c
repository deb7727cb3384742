/*
 * photos-preview MAX_BYTES: makes previews of photos, for the photos source.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Reads and writes what preview_protocol.h says, until its input ends.  Gives its rights away
 * before it reads the first byte; a photo that takes too long or too much memory ends it.
 */
#include "preview_picture.h"
#include "preview_protocol.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define INPUT_MAX (UINT64_C(64) << 20)
#define MEMORY_MAX (UINT64_C(1) << 30)
#define SECONDS_MAX 10 /* for one photo */
#define NOBODY 65534

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1 /* takes more addresses than any limit would allow */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW 0
#endif

static bool limit(int what, rlim_t most)
{
    struct rlimit limits;

    if (getrlimit((__rlimit_resource_t)what, &limits) != 0)
        return false;
    if (limits.rlim_max > most)
        limits.rlim_max = most;
    limits.rlim_cur = limits.rlim_max;
    return setrlimit((__rlimit_resource_t)what, &limits) == 0;
}

static bool give_up_rights(void)
{
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
                           setresuid(NOBODY, NOBODY, NOBODY) != 0))
        return false;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit(RLIMIT_CORE, 0) &&
           limit(RLIMIT_FSIZE, 0) && (HAS_SHADOW || limit(RLIMIT_AS, MEMORY_MAX));
}

static bool take(void *buf, size_t len)
{
    for (char *at = buf; len > 0;) {
        ssize_t got = read(STDIN_FILENO, at, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

static bool give(const void *buf, size_t len)
{
    for (const char *at = buf; len > 0;) {
        ssize_t put = write(STDOUT_FILENO, at, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        len -= (size_t)put;
    }
    return true;
}

/* One request and its reply. */
static bool serve(uint64_t size, size_t max)
{
    uint8_t head[PREVIEW_REPLY_HEAD] = {0};
    struct picture made = {0};
    uint8_t *file = malloc(size > 0 ? (size_t)size : 1);

    bool done = file != NULL && take(file, (size_t)size);
    if (done) {
        (void)alarm(SECONDS_MAX);
        if (picture_preview(file, (size_t)size, max, &made))
            preview_put(head, made.len, PREVIEW_REPLY_HEAD - 1);
        (void)alarm(0);
        head[PREVIEW_REPLY_HEAD - 1] = made.upright ? 1 : 0;
        done = give(head, sizeof head) && give(made.jpeg, made.len);
    }
    picture_done(&made);
    free(file);
    return done;
}

int main(int argc, char **argv)
{
    uint8_t head[PREVIEW_REQUEST_HEAD];
    size_t max = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

    if (max == 0 || max > INPUT_MAX || !give_up_rights())
        return 2;
    while (take(head, sizeof head)) {
        uint64_t size = preview_get(head, sizeof head);
        if (size > INPUT_MAX || !serve(size, max))
            return 1;
    }
    return 0;
}
