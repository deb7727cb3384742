/*
 * How much the last good run of a command wrote.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * One line: "sme-command-1 SIZE HASH".  The hash tells whether the size is that of the same
 * command; the command itself is not kept, for it may say what others must not read.
 */
#include "lastsize.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define FORMAT_NAME "sme-command-1"

/* FNV-1a */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

static char *path_in(const char *folder, const char *name, struct sme_error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) >= 0)
        return path;
    (void)sme_fail(err, SME_E_NO_MEMORY, "out of memory for '%s'", name);
    return NULL;
}

static int read_file(const char *path, char *text, size_t room, struct sme_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return 0;
    ssize_t got = fd >= 0 ? read(fd, text, room - 1) : -1;
    int status = 1;
    if (got < 0)
        status = sme_fail_errno(err, SME_E_IO, "cannot read '%s'", path);
    else
        text[got] = '\0';
    if (fd >= 0)
        (void)close(fd);
    return status;
}

static bool parse(const char *text, uint64_t *ret_size, uint64_t *ret_hash)
{
    const char *at = text + strlen(FORMAT_NAME) + 1;
    char *end;
    if (strncmp(text, FORMAT_NAME " ", strlen(FORMAT_NAME) + 1) != 0 || *at < '0' || *at > '9')
        return false;
    errno = 0;
    *ret_size = strtoull(at, &end, 10);
    if (errno != 0 || *end != ' ' || strspn(end + 1, "0123456789abcdef") != 16 ||
        strcmp(end + 17, "\n") != 0)
        return false;
    *ret_hash = strtoull(end + 1, NULL, 16);
    return true;
}

int lastsize_load(const char *folder, const char *command, uint64_t *ret_size,
                  struct sme_error *err)
{
    char text[128];
    uint64_t size = 0;
    uint64_t hash = 0;
    char *path = path_in(folder, LASTSIZE_FILE, err);
    if (path == NULL)
        return SME_E_NO_MEMORY;
    int status = read_file(path, text, sizeof text, err);
    if (status == 1 && !parse(text, &size, &hash)) {
        status = sme_fail(err, SME_E_CORRUPT, "'%s' is damaged", path);
        if (err != NULL)
            (void)snprintf(err->hint, sizeof err->hint,
                           "remove it; then one run is not compared with the one before");
    }
    free(path);
    if (status != 1)
        return status;
    if (hash != hash_text(command))
        return 0;
    *ret_size = size;
    return 1;
}

static int write_file(const char *path, const char *text, struct sme_error *err)
{
    size_t len = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sme_fail_errno(err, SME_E_IO, "cannot write '%s'", path);
    int status = SME_OK;
    if (write(fd, text, len) != (ssize_t)len || fsync(fd) != 0)
        status = sme_fail_errno(err, SME_E_IO, "cannot write '%s'", path);
    if (close(fd) != 0 && status == SME_OK)
        status = sme_fail_errno(err, SME_E_IO, "cannot write '%s'", path);
    return status;
}

static int replace(const char *folder, const char *from, const char *to, struct sme_error *err)
{
    if (rename(from, to) != 0)
        return sme_fail_errno(err, SME_E_IO, "cannot replace '%s'", to);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = SME_OK;
    if (fd < 0 || fsync(fd) != 0)
        status = sme_fail_errno(err, SME_E_IO, "cannot make '%s' durable", to);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

int lastsize_save(const char *folder, const char *command, uint64_t size, struct sme_error *err)
{
    char text[128];
    char *path = path_in(folder, LASTSIZE_FILE, err);
    char *fresh = path_in(folder, LASTSIZE_FILE ".tmp", err);
    int status = path != NULL && fresh != NULL ? SME_OK : SME_E_NO_MEMORY;
    (void)snprintf(text, sizeof text, FORMAT_NAME " %" PRIu64 " %016" PRIx64 "\n", size,
                   hash_text(command));
    if (status == SME_OK)
        status = write_file(fresh, text, err);
    if (status == SME_OK)
        status = replace(folder, fresh, path, err);
    if (status != SME_OK && fresh != NULL)
        (void)unlink(fresh);
    free(path);
    free(fresh);
    return status;
}
