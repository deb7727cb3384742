/*
 * sme-backup: source plugins, which yield what is to be backed up.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Sources are pulled:  create → (begin → (next → read*)* → end)* → destroy.
 *
 *  - After a begin() that returned SME_OK exactly one end() follows, on failure and cancel too.
 *  - next() yields items in ascending order of their paths (see struct sme_item), unless the
 *    source says SME_SOURCE_ANY_ORDER.  It may be called before a stream was read to its end; the
 *    rest of that stream is then skipped.
 *  - end(SME_COMMIT) comes only after the snapshot object is durable; only then may a source
 *    drop what it would need to do the same again.
 *  - Strings and arrays in an item belong to the plugin and stay valid until the next call of
 *    next() or end().
 *  - Out parameters keep their value on failure.
 */
#ifndef SME_BACKUP_SOURCE_H
#define SME_BACKUP_SOURCE_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an item is. */
#define SME_ITEM_FILE 1u
#define SME_ITEM_DIRECTORY 2u
#define SME_ITEM_SYMLINK 3u
#define SME_ITEM_FIFO 4u
#define SME_ITEM_SOCKET 5u
#define SME_ITEM_CHAR_DEVICE 6u
#define SME_ITEM_BLOCK_DEVICE 7u

/* Flags of an item, set by the source. */
#define SME_ITEM_FIXED_CHUNKS 1u /* written in place at fixed offsets: cut at fixed offsets */
#define SME_ITEM_MAY_CHANGE 2u   /* changes while being read are expected and not reported       */
#define SME_ITEM_FAILED 4u       /* could not be read: ${failure} and ${failure_text} say why    */
#define SME_ITEM_STREAM 8u       /* content comes from read() until it returns 0                 */
#define SME_ITEM_LOCATED 16u     /* ${dir_fd} and ${name} say where it lies: the core reads it   */
#define SME_ITEM_HAS_STAT 32u    /* the fields from ${mode} to ${rdev_minor} are filled          */
#define SME_ITEM_SKIPPED 64u     /* left out on purpose (${failure_text} says why): logged only  */
#define SME_ITEM_KEEP_OLDER                                                                        \
    128u /* LOCATED, never edited: if its bytes changed while size and times                       \
            did not, the older version is kept (and it is reported)    */

struct sme_time {
    int64_t sec; /* since 1970-01-01 UTC, may be negative */
    uint32_t nsec;
    uint32_t reserved;
};

struct sme_xattr {
    const char *name; /* with its name space: "user.mime_type" */
    const void *value;
    size_t value_len;
};

/* A fact about an item that the core keeps and shows but does not interpret. */
struct sme_extra {
    const char *name;
    const char *value;
};

/*
 * One item.  The core zeroes it and sets struct_size and dir_fd = -1 before next().
 *
 * ${path} is relative, of ${path_len} bytes without NUL, its components separated by single
 * '/', none of them empty, "." or "..".  The root of a source itself has the empty path.
 * Order: byte by byte, with '/' below every other byte, so that a directory is followed by
 * everything in it.  A directory is yielded before its content; none is yielded twice.
 *
 * Three ways to give content and metadata:
 *  - SME_ITEM_LOCATED: the core opens ${name} relative to ${dir_fd} (with empty ${name}: the
 *    directory itself), in its own threads, and takes stat, extended attributes, link target,
 *    holes and content from there.  The plugin keeps ${dir_fd} open until the next next() or
 *    end(); the core duplicates it when it needs longer.  Items with the same ${dir_serial}
 *    have the same directory; 0 means no statement.  ${type} may be a guess from readdir()
 *    (0: unknown): the core believes what it opened, and reports a change of type.
 *  - SME_ITEM_STREAM: the core calls read() until it returns 0.  ${mode} and the times are
 *    those that a restored file shall have.  ${size} is a hint.  With ${stream} the content comes
 *    from read_stream() instead, while next() is called for further items.
 *  - neither: metadata only, all of it in the item.
 *
 * FAILED or SKIPPED together with LOCATED: the item itself is kept, as far as the core can look at
 * it (a directory that could not be listed, a mount point); what is missing is its content.
 */
struct sme_item {
    uint32_t struct_size;
    uint32_t type;
    uint32_t flags;
    int32_t failure; /* SME_E_* with SME_ITEM_FAILED */
    const char *path;
    size_t path_len;
    const char *failure_text;

    int dir_fd;
    uint32_t reserved;
    uint64_t dir_serial;
    const char *name;

    uint32_t mode; /* permission bits with setuid, setgid, sticky; no type bits */
    uint32_t uid;
    uint32_t gid;
    uint32_t nlink;
    uint64_t size;
    struct sme_time mtime;
    struct sme_time ctime;
    uint64_t dev;
    uint64_t ino;
    uint32_t rdev_major;
    uint32_t rdev_minor;

    const char *link_target;
    const struct sme_xattr *xattrs;
    size_t xattr_count;
    const struct sme_extra *extras;
    size_t extra_count;
    void *stream; /* the plugin's own: handed to read_stream() and close_stream() */
};

/* What begin() learns of the run. */
struct sme_run {
    uint32_t struct_size;
    uint32_t flags; /* SME_RUN_* */
    int64_t started_ns;
    const char *snapshot; /* name that the snapshot will get */
};
#define SME_RUN_DRY 1u /* nothing will be stored: do not touch the source's own state */

/* Outcomes for end(), restore_end() and restore_close(). */
#define SME_COMMIT 1
#define SME_ABORT 0

/* What restore_open() learns. */
struct sme_restore {
    uint32_t struct_size;
    uint32_t flags;       /* SME_RESTORE_*                                       */
    const void *config;   /* filled from ${restore_options}; valid until restore_close() */
    const char *snapshot; /* its name                                            */
};
#define SME_RESTORE_REPLACE 1u  /* what exists at the destination may be replaced */
#define SME_RESTORE_NO_OWNER 2u /* owners and rights are not taken back           */

/* Flags of struct sme_source_ops. */
#define SME_SOURCE_ANY_ORDER                                                                       \
    1u /* next() may yield paths in any order: the core sorts them.  For                           \
          sources of some hundred thousand items at most. */

struct sme_source_ops {
    uint32_t struct_size;
    uint32_t flags; /* SME_SOURCE_* */
    /* Make a handle.  ${config} is the plugin's own struct, filled from its option table; it
     * and ${host} stay valid until destroy() has returned.  Nothing is read yet. */
    int (*create)(const struct sme_host *host, const void *config, void **ret_handle,
                  struct sme_error *err);
    void (*destroy)(void *handle); /* accepts NULL */
    /* Optional: is what is configured there and readable?  Changes nothing. */
    int (*check)(void *handle, struct sme_error *err);
    int (*begin)(void *handle, const struct sme_run *run, struct sme_error *err);
    /* 1: ${item} is filled; 0: no more items; < 0: the run has failed, there is no snapshot. */
    int (*next)(void *handle, struct sme_item *item, struct sme_error *err);
    /* Content of the current stream: bytes put into ${buf}, at most ${len}; 0 at its end;
     * < 0: the item has failed, and with any class but SME_E_CHANGED so has the run. */
    int64_t (*read)(void *handle, void *buf, size_t len, struct sme_error *err);
    int (*end)(void *handle, int outcome, struct sme_error *err);
    /*
     * Optional group: take items back where files are not what the user wants ("restore --into"):
     *   create → restore_open → (restore_begin → restore_write* → restore_end)* → restore_close →
     * destroy.  Items come in ascending order of their paths.  restore_begin() returns 1 if it
     * wants the item: its content follows and exactly one restore_end(); 0 if not.  A failure of
     * one item that need not stop the others goes to host->problem().
     */
    int (*restore_begin)(void *handle, const struct sme_item *item, struct sme_error *err);
    int (*restore_write)(void *handle, const void *buf, size_t len, struct sme_error *err);
    int (*restore_end)(void *handle, int outcome, struct sme_error *err);
    /*
     * Optional pair: items with ${stream}.  As read(), in threads of the core, side by side with
     * next() and with calls for other streams; one call per stream at a time.  SME_E_CHANGED fails
     * the item, every other class the run.  close_stream() follows exactly once, also for a stream
     * that was never read; next() may wait for it, but must return when host->cancelled().
     */
    int64_t (*read_stream)(void *handle, void *stream, void *buf, size_t len,
                           struct sme_error *err);
    void (*close_stream)(void *handle, void *stream);
    /* With the group above: what "restore --into" takes, and its begin and end.  Rows are named
     * into, database, table, jobs, scratch: as the options of the command line. */
    int (*restore_open)(void *handle, const struct sme_restore *restore, struct sme_error *err);
    int (*restore_close)(void *handle, int outcome, struct sme_error *err);
    const struct sme_option *restore_options;
    size_t restore_option_count;
    size_t restore_config_size;
};

#ifdef __cplusplus
}
#endif
#endif
