/*
 * Small folders of files for tests.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *tree_new(void)
{
    const char *base = getenv("TMPDIR");
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/sme-test.XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(path) != NULL ? strdup(path) : NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *info)
{
    (void)st;
    (void)type;
    (void)info;
    return remove(path);
}

void tree_remove(const char *path)
{
    (void)nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

void tree_bytes(uint8_t *out, size_t len, uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out[i] = (uint8_t)(state >> 32);
    }
}

static void write_file(const char *dir, const char *name, const void *data, size_t len)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    for (char *slash = strchr(path + strlen(dir) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0755);
        *slash = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const uint8_t *at = data;
    while (fd >= 0 && len > 0) {
        ssize_t put = write(fd, at, len);
        if (put <= 0) {
            break;
        }
        at += put;
        len -= (size_t)put;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (fd < 0 || len > 0) {
        perror(path);
        abort();
    }
}

void tree_file(const char *dir, const char *name, size_t len, uint64_t seed)
{
    uint8_t *data = malloc(len + 1);

    tree_bytes(data, len, seed);
    write_file(dir, name, data, len);
    free(data);
}

void tree_text(const char *dir, const char *name, const char *text)
{
    write_file(dir, name, text, strlen(text));
}
