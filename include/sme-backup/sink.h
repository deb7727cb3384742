/*
 * sme-backup: sink plugins, places for objects.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A sink is told what to do and does exactly that: it never retries, never sleeps and never
 * changes a key.  Keys are made by the core: lower-case and upper-case letters, digits and
 * "/._-", at most SME_KEY_MAX bytes, no empty, "." or ".." component.  A sink may put its own
 * configured prefix before them.
 *
 * Slices and keys belong to the core and are valid during the call; so is the object that a
 * list callback sees.  Out parameters keep their value on failure.
 */
#ifndef SME_BACKUP_SINK_H
#define SME_BACKUP_SINK_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SME_KEY_MAX 256

struct sme_slice {
    const void *data;
    size_t len;
};

/* What the core knows of the bytes of a put. */
struct sme_put_info {
    uint32_t struct_size;
    uint32_t flags; /* SME_PUT_* */
    uint64_t length;
    uint8_t sha256[32];
};
#define SME_PUT_CREATE_ONLY 1u /* an existing object is left alone: SME_E_EXISTS */

struct sme_object {
    uint32_t struct_size;
    uint32_t flags; /* SME_OBJECT_* */
    const char *key;
    uint64_t size;
    int64_t modified_ns; /* by the sink's clock; 0 if unknown */
    uint8_t sha256[32];  /* with SME_OBJECT_HAS_SHA256 */
};
#define SME_OBJECT_HAS_SHA256 1u
#define SME_OBJECT_ARCHIVED 2u /* there, but not readable without a thaw */

/* 0: go on; anything else ends the listing and becomes its result. */
typedef int sme_list_fn(void *cookie, const struct sme_object *object);

struct sme_sink_limits {
    uint32_t struct_size;
    uint32_t flags; /* SME_SINK_* */
    uint64_t max_object;
    uint32_t connections; /* puts and gets that make sense at once */
    uint32_t reserved;
};
#define SME_SINK_CREATE_ONLY 1u /* put honours SME_PUT_CREATE_ONLY                            */
#define SME_SINK_NEEDS_SYNC 2u  /* what was put is durable only after sync()                  */
#define SME_SINK_LOCAL 4u       /* reading small ranges costs nothing: do not gather them     */

struct sme_sink_ops {
    uint32_t struct_size;
    uint32_t reserved;
    int (*create)(const struct sme_host *host, const void *config, void **ret_handle,
                  struct sme_error *err);
    void (*destroy)(void *handle); /* accepts NULL */
    /* Optional: is the place there and usable?  Changes nothing. */
    int (*check)(void *handle, struct sme_error *err);
    int (*limits)(void *handle, struct sme_sink_limits *ret_limits, struct sme_error *err);
    /* Make the place if it is missing (a directory, a bucket); harmless when it exists. */
    int (*prepare)(void *handle, struct sme_error *err);
    /* Store one whole object.  It is visible whole or not at all, also to concurrent readers
     * and after a crash; on SME_OK it is durable, or will be after sync() if the limits say
     * so.  Repeating a put of the same bytes is harmless. */
    int (*put)(void *handle, const char *key, const struct sme_slice *slices, size_t count,
               const struct sme_put_info *info, struct sme_error *err);
    /* Read up to ${len} bytes from ${offset}.  Fewer than ${len} only where the object ends;
     * 0 at or behind its end. */
    int64_t (*get)(void *handle, const char *key, uint64_t offset, void *buf, size_t len,
                   struct sme_error *err);
    int (*stat)(void *handle, const char *key, struct sme_object *ret_object,
                struct sme_error *err);
    /* Every object whose key begins with ${prefix}, once, in any order.  The callback runs in
     * the calling thread and may not call the sink.  A listing that could not be finished
     * fails; it is never shorter instead. */
    int (*list)(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                struct sme_error *err);
    /* A missing object is success. */
    int (*remove)(void *handle, const char *key, struct sme_error *err);
    int (*sync)(void *handle, struct sme_error *err);
    /* Optional: the sink's clock, since 1970-01-01 UTC. */
    int (*server_time)(void *handle, int64_t *ret_ns, struct sme_error *err);
};

#ifdef __cplusplus
}
#endif
#endif
