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

#define SME_REMOVE_MAX 1000
/* ${index} of the keys was removed (SME_OK), or not: the class and cause of the failure. */
typedef void sme_removed_fn(void *cookie, size_t index, int status, const char *cause);

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

/*
 * What a repository keeps in the place, so that rules, prices and permissions fit it.  Strings
 * belong to the core and are valid during the call.
 */
struct sme_area {
    uint32_t struct_size;
    uint32_t kind;      /* SME_AREA_*                                                */
    const char *prefix; /* of keys; for SME_AREA_DESCRIPTOR the whole key            */
    uint32_t keep_days; /* retention keeps its objects this long at least; 0 unknown */
    uint32_t reserved;
};
#define SME_AREA_DESCRIPTOR 1u /* the descriptor: written once, read by every run      */
#define SME_AREA_SNAPSHOTS 2u  /* written and read by runs                             */
#define SME_AREA_DATA 3u       /* bulk: written by runs, read by restores; may be cold */
#define SME_AREA_META 4u       /* written and read by runs; never cold                 */
#define SME_AREA_INDEX 5u      /* the same                                             */
#define SME_AREA_GC 6u         /* markers of runs, work of prune; read by runs         */
#define SME_AREA_KEYS 7u       /* key slots: written by init and key, read by all      */

struct sme_layout {
    uint32_t struct_size;
    uint32_t area_count;
    const struct sme_area *areas;
};

/* One thing that setup() or audit() has to say.  Strings are valid during the callback. */
struct sme_finding {
    uint32_t struct_size;
    uint32_t level;      /* SME_FINDING_*                                  */
    const char *subject; /* a few words: "versioning"                      */
    const char *text;    /* what is so: one sentence, lower case, no stop  */
    const char *fix;     /* what to do about it; NULL or "" where nothing  */
};
#define SME_FINDING_PASS 1u   /* as it should be                               */
#define SME_FINDING_NOTE 2u   /* worth knowing                                 */
#define SME_FINDING_WARN 3u   /* works, but a protection is missing            */
#define SME_FINDING_FAIL 4u   /* data is at risk, or a backup would not work   */
#define SME_FINDING_CHANGE 5u /* setup only: is changed, or would be (dry run) */
typedef int sme_finding_fn(void *cookie, const struct sme_finding *finding);

#define SME_SETUP_DRY_RUN 1u

/* Roles of policy(). */
#define SME_ROLE_RUN 1u
#define SME_ROLE_RESTORE 2u
#define SME_ROLE_PRUNE 3u
#define SME_ROLE_SETUP 4u

/* A piece of text, in order; 0: go on. */
typedef int sme_text_fn(void *cookie, const char *text, size_t len);

/* Speeds of a thaw; a place has some of them. */
#define SME_THAW_BULK 1u
#define SME_THAW_STANDARD 2u
#define SME_THAW_EXPEDITED 3u
/* What thaw() found or did. */
#define SME_THAWED 1u       /* can be read now          */
#define SME_THAW_PENDING 2u /* was asked for before     */
#define SME_THAW_STARTED 3u /* is asked for by this call */

struct sme_thaw_offer {
    uint32_t struct_size;
    uint32_t speed;     /* SME_THAW_*                                 */
    uint32_t hours_min; /* until the objects can be read, about       */
    uint32_t hours_max;
    int64_t nano_usd; /* what it costs, 10^-9 US dollars; -1 unknown */
};
typedef int sme_thaw_offer_fn(void *cookie, const struct sme_thaw_offer *offer);

/* What was used of a place, to be priced. */
struct sme_usage {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t put, get, list, head, remove; /* requests */
    uint64_t bytes_put, bytes_got;
};

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

    /* All that follows is optional. */

    /* Make the place and bring its protections into the state that the configuration asks for;
     * what is right already is left alone, and so is what others made.  Every step is reported. */
    int (*setup)(void *handle, const struct sme_layout *layout, uint32_t flags,
                 sme_finding_fn *report, void *cookie, struct sme_error *err);
    /* Report the state of each protection and permission; leaves nothing behind. */
    int (*audit)(void *handle, const struct sme_layout *layout, sme_finding_fn *report,
                 void *cookie, struct sme_error *err);
    /* Write the least permissions that ${role} needs, as the place's administrator enters them.
     * Makes no request. */
    int (*policy)(void *handle, const struct sme_layout *layout, uint32_t role, sme_text_fn *write,
                  void *cookie, struct sme_error *err);
    /* What it would take to make ${count} archived objects of ${bytes} together readable;
     * ${sample} is the key of one of them. */
    int (*thaw_offers)(void *handle, const char *sample, uint64_t count, uint64_t bytes,
                       sme_thaw_offer_fn *report, void *cookie, struct sme_error *err);
    /* Ask for one archived object to be readable for ${days}; harmless when repeated. */
    int (*thaw)(void *handle, const char *key, uint32_t speed, uint32_t days, uint32_t *ret_state,
                struct sme_error *err);
    /* Price of ${usage} in 10^-9 US dollars. */
    int (*cost)(void *handle, const struct sme_usage *usage, int64_t *ret_nano_usd,
                struct sme_error *err);
    /* Remove ${count} objects (at most SME_REMOVE_MAX) by one request; the callback tells the
     * result of each, in any order, before it returns SME_OK.  A missing object is success. */
    int (*remove_many)(void *handle, const char *const *keys, size_t count,
                       sme_removed_fn *callback, void *cookie, struct sme_error *err);
    /* As list(), but only keys behind ${after} ("": all), and in ascending order of their bytes:
     * a long listing that broke off goes on where it was. */
    int (*list_from)(void *handle, const char *prefix, const char *after, sme_list_fn *callback,
                     void *cookie, struct sme_error *err);
};

#ifdef __cplusplus
}
#endif
#endif
