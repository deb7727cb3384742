/*
 * File helpers: whole reads and writes, atomic replacement, directory sync.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_BASE_FILEIO_H
#define SME_BASE_FILEIO_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sme_error;

/* read()/pread() until ${len} bytes or end of file, through EINTR.  Bytes read, or -1 with
 * errno. */
ssize_t io_read_full(int fd, void *data, size_t len);
ssize_t io_pread_full(int fd, void *data, size_t len, uint64_t offset);
/* All of ${len}, through EINTR and short writes.  0, or -1 with errno (ENOSPC included). */
int io_write_full(int fd, const void *data, size_t len);
int io_pwrite_full(int fd, const void *data, size_t len, uint64_t offset);

/* Append the whole file to ${out}.  A file larger than its limit is SME_E_INVALID. */
int io_load(int dir_fd, const char *path, struct buf *out, struct sme_error *err);

/* Write ${path} anew: temporary file beside it, fsync, rename, fsync of the directory.  What
 * was there stays whole if anything fails.  ${mode}: of the new file. */
int io_replace(const char *path, const void *data, size_t len, mode_t mode, struct sme_error *err);
/* The same, but an existing file is left alone: SME_E_EXISTS. */
int io_create(const char *path, const void *data, size_t len, mode_t mode, struct sme_error *err);

/* fsync of a directory by descriptor; systems that cannot do it (EINVAL) count as done. */
int io_sync_dir(int dir_fd);

/* mkdir -p with ${mode} for what is missing. */
int io_make_dirs(const char *path, mode_t mode, struct sme_error *err);

/* Refuse a file (or directory) that somebody else could have written: owner must be root or
 * the calling user, and group and others may not write.  With ${secret} they may not read
 * either.  ${what} names it in the message: "key file". */
int io_check_private(int fd, const char *path, const char *what, bool secret,
                     struct sme_error *err);

#endif
