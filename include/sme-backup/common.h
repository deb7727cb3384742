/*
 * sme-backup: what every plugin needs.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A plugin is a shared object that exports one constant, sme_backup_plugin_v1.  No code of
 * the plugin runs before the core has accepted the sizes, the names and the option table
 * that this constant describes.  Everything that the core offers reaches the plugin as a
 * table of functions (struct sme_host), so a plugin links against nothing of ours.
 *
 * ABI promise: the number 1 in the name of the descriptor is the major version.  Within it,
 * structures only grow at the end.  Each begins with its size as its author compiled it, and
 * a reader takes the smaller of that size and its own, with zeroes for what is missing.
 *
 * This header compiles alone as C99, C11 and C++11.
 */
#ifndef SME_BACKUP_COMMON_H
#define SME_BACKUP_COMMON_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SME_ABI 1

#if defined(__GNUC__)
#define SME_PRINTF(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))
#define SME_EXPORT __attribute__((visibility("default")))
#else
#define SME_PRINTF(format_arg, first_arg)
#define SME_EXPORT
#endif

/*
 * Results.  Every call returns SME_OK or more on success and one of these on failure.  The
 * class decides what the core does next, so choose it with care.
 */
#define SME_OK 0
#define SME_E_INVALID (-1)      /* configuration or caller is wrong; repeating cannot help   */
#define SME_E_NOT_FOUND (-2)    /* the object or file is certainly absent                    */
#define SME_E_EXISTS (-3)       /* a create-only put met an object                           */
#define SME_E_DENIED (-4)       /* permission or credentials refused by the far side         */
#define SME_E_NO_SPACE (-5)     /* disk or quota is full                                     */
#define SME_E_TRANSIENT (-6)    /* the core may repeat the very same call                    */
#define SME_E_CORRUPT (-7)      /* data is not what it must be                               */
#define SME_E_CANCELLED (-8)    /* the host's cancelled() was true                           */
#define SME_E_CHANGED (-9)      /* the item changed while it was being read                  */
#define SME_E_IO (-10)          /* reading or writing failed                                 */
#define SME_E_NO_MEMORY (-11)   /* out of memory, or above the memory limit                  */
#define SME_E_KEY (-12)         /* wrong or missing key                                      */
#define SME_E_UNREACHABLE (-13) /* the sink or server does not answer                        */
#define SME_E_CANNOT_NOW (-14)  /* archived or locked until later                            */
#define SME_E_BUSY (-15)        /* somebody else is at it                                    */
#define SME_E_UNSUPPORTED (-16) /* this sink or system cannot do that                        */
#define SME_E_THROTTLED (-17)   /* as TRANSIENT, and fewer requests at once are asked for    */

/*
 * A failure.  Owned by the caller, who sets struct_size; filled by whoever knows the cause.
 * ${message}: lower case, names the object in quotes and the cause, no full stop.
 * ${hint}: what to do next, may be empty.  Never contains a secret.
 */
struct sme_error {
    uint32_t struct_size;
    int32_t status;
    int32_t sys_errno;       /* 0 where no system call was the cause     */
    uint32_t retry_after_ms; /* what the far side asked for, 0 = nothing */
    char message[496];
    char hint[256];
};

static inline int sme_vfail(struct sme_error *err, int status, int sys_errno, const char *fmt,
                            va_list ap) SME_PRINTF(4, 0);
static inline int sme_vfail(struct sme_error *err, int status, int sys_errno, const char *fmt,
                            va_list ap)
{
    if (err != NULL) {
        err->status = status;
        err->sys_errno = sys_errno;
        err->retry_after_ms = 0;
        err->hint[0] = '\0';
        (void)vsnprintf(err->message, sizeof err->message, fmt, ap);
        if (sys_errno != 0) {
            size_t used = strlen(err->message);
            (void)snprintf(err->message + used, sizeof err->message - used, ": %s",
                           strerror(sys_errno));
        }
    }
    return status;
}

/* Fill ${err} (may be NULL) and return ${status}, so that "return sme_fail(...)" works. */
static inline int sme_fail(struct sme_error *err, int status, const char *fmt, ...)
    SME_PRINTF(3, 4);
static inline int sme_fail(struct sme_error *err, int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)sme_vfail(err, status, 0, fmt, ap);
    va_end(ap);
    return status;
}

/* The same, with the text of the current errno behind the message. */
static inline int sme_fail_errno(struct sme_error *err, int status, const char *fmt, ...)
    SME_PRINTF(3, 4);
static inline int sme_fail_errno(struct sme_error *err, int status, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    (void)sme_vfail(err, status, saved, fmt, ap);
    va_end(ap);
    return status;
}

/* Levels of host->log(). */
#define SME_LOG_ERROR 1
#define SME_LOG_WARNING 2
#define SME_LOG_INFO 3
#define SME_LOG_DEBUG 4

/*
 * What the core offers.  Valid from create() until destroy() has returned; every function may
 * be called from any thread.
 */
struct sme_host {
    uint32_t struct_size;
    uint32_t abi;          /* SME_ABI of the core                                    */
    void *core;            /* the core's own; do not touch                           */
    const char *instance;  /* name of the configured section, for messages           */
    const char *state_dir; /* private directory of this instance, NULL if there is none */
    void (*log)(const struct sme_host *host, int level, const char *fmt, ...) SME_PRINTF(3, 4);
    /* True once the run is to stop: return SME_E_CANCELLED soon.  Poll it once per second. */
    int (*cancelled)(const struct sme_host *host);
    int64_t (*realtime_ns)(const struct sme_host *host); /* since 1970-01-01 UTC */
    /* Fill ${buf} with ${len} bytes fit for keys; 0 or SME_E_IO. */
    int (*random)(const struct sme_host *host, void *buf, size_t len);
    /* Something is wrong with ${path} itself, and it goes on as it is: at a backup it is damaged
     * where it comes from (it is stored like that), at a restore it could not be taken back.  The
     * run then counts as incomplete and lists it.  Between begin() and end(), or restore_open()
     * and restore_close(). */
    void (*problem)(const struct sme_host *host, const char *path, size_t path_len,
                    const char *text);
};

/* A list option: ${count} strings. */
struct sme_list {
    size_t count;
    const char *const *items;
};

/* Types of options, each with the C type of the field that receives it. */
#define SME_OPT_STRING 1   /* const char *     any text                                   */
#define SME_OPT_PATH 2     /* const char *     absolute path                              */
#define SME_OPT_LIST 3     /* struct sme_list  separated by commas or continuation lines  */
#define SME_OPT_BOOL 4     /* bool             yes/no, true/false, on/off, 1/0            */
#define SME_OPT_INT 5      /* int64_t          whole number                               */
#define SME_OPT_SIZE 6     /* uint64_t         bytes: 4096, 64KiB, 1.5GiB, 10MB           */
#define SME_OPT_DURATION 7 /* uint64_t         milliseconds: 90s, 15min, 6h, 2d           */
#define SME_OPT_PERCENT 8  /* uint32_t         hundredths of a per cent: 2% is 200        */
#define SME_OPT_CHOICE 9   /* uint32_t         index into ${choices}                      */

/* Flags of options. */
#define SME_OPT_REQUIRED 1u
#define SME_OPT_SECRET 2u     /* never shown; the file that holds it must be private */
#define SME_OPT_DEPRECATED 4u /* accepted with a warning; help says what to use      */
#define SME_OPT_PATHS 8u      /* LIST only: every entry is an absolute path          */

/*
 * One row of an option table.  Parser, "config check", "plugin describe", the sample INI file
 * and the manual page all read it.  ${help} is one sentence.  ${min} and ${max} bound INT
 * (as int64_t), SIZE, DURATION and PERCENT; both 0 means no bounds.
 */
struct sme_option {
    const char *name;
    uint32_t type;
    uint32_t flags;
    size_t offset;        /* of the field in the plugin's config struct */
    const char *fallback; /* default as one would write it, or NULL     */
    int64_t min;
    int64_t max;
    const char *const *choices; /* NULL-terminated, CHOICE only */
    const char *help;
};

/*
 * Rows are written with these macros; in C11 a field of another type does not compile.
 *
 *   static const struct sme_option options[] = {
 *       SME_OPTION_STRING(struct conf, bucket, "bucket", SME_OPT_REQUIRED, NULL, "Bucket name."),
 *   };
 */
#if !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define SME_FIELD(conf, field, ctype) _Generic(&((conf *)0)->field, ctype * : offsetof(conf, field))
#else
#define SME_FIELD(conf, field, ctype) offsetof(conf, field)
#endif
#define SME_OPTION_STRING(conf, field, name, flags, fallback, help)                                \
    {                                                                                              \
        name, SME_OPT_STRING, flags, SME_FIELD(conf, field, const char *), fallback, 0, 0, NULL,   \
            help                                                                                   \
    }
#define SME_OPTION_PATH(conf, field, name, flags, fallback, help)                                  \
    {                                                                                              \
        name, SME_OPT_PATH, flags, SME_FIELD(conf, field, const char *), fallback, 0, 0, NULL,     \
            help                                                                                   \
    }
#define SME_OPTION_LIST(conf, field, name, flags, fallback, help)                                  \
    {                                                                                              \
        name, SME_OPT_LIST, flags, SME_FIELD(conf, field, struct sme_list), fallback, 0, 0, NULL,  \
            help                                                                                   \
    }
#define SME_OPTION_BOOL(conf, field, name, flags, fallback, help)                                  \
    {                                                                                              \
        name, SME_OPT_BOOL, flags, SME_FIELD(conf, field, bool), fallback, 0, 0, NULL, help        \
    }
#define SME_OPTION_INT(conf, field, name, flags, fallback, min, max, help)                         \
    {                                                                                              \
        name, SME_OPT_INT, flags, SME_FIELD(conf, field, int64_t), fallback, min, max, NULL, help  \
    }
#define SME_OPTION_SIZE(conf, field, name, flags, fallback, min, max, help)                        \
    {                                                                                              \
        name, SME_OPT_SIZE, flags, SME_FIELD(conf, field, uint64_t), fallback, min, max, NULL,     \
            help                                                                                   \
    }
#define SME_OPTION_DURATION(conf, field, name, flags, fallback, min, max, help)                    \
    {                                                                                              \
        name, SME_OPT_DURATION, flags, SME_FIELD(conf, field, uint64_t), fallback, min, max, NULL, \
            help                                                                                   \
    }
#define SME_OPTION_PERCENT(conf, field, name, flags, fallback, min, max, help)                     \
    {                                                                                              \
        name, SME_OPT_PERCENT, flags, SME_FIELD(conf, field, uint32_t), fallback, min, max, NULL,  \
            help                                                                                   \
    }
#define SME_OPTION_CHOICE(conf, field, name, flags, fallback, choices, help)                       \
    {                                                                                              \
        name, SME_OPT_CHOICE, flags, SME_FIELD(conf, field, uint32_t), fallback, 0, 0, choices,    \
            help                                                                                   \
    }

/* How many calls the core may have in the plugin at once. */
#define SME_THREADS_SERIAL 0u     /* one call in the whole plugin                              */
#define SME_THREADS_PER_HANDLE 1u /* one call per handle                                       */
#define SME_THREADS_PARALLEL 2u   /* any, but create and destroy are alone with their handle   */

struct sme_source_ops;
struct sme_sink_ops;

/*
 * The descriptor.  ${name} equals the file name without ".so": lower-case letters, digits and
 * '-'.  An object is a source (lives in plugins/) or a sink (lives in sinks/), or both.
 */
struct sme_plugin {
    uint32_t struct_size;
    uint32_t option_size; /* sizeof(struct sme_option) */
    uint32_t threads;     /* SME_THREADS_*             */
    uint32_t option_count;
    const char *name;
    const char *version;
    const char *summary; /* one line */
    const struct sme_option *options;
    size_t config_size;
    const struct sme_source_ops *source;
    const struct sme_sink_ops *sink;
};

#define SME_PLUGIN_SYMBOL "sme_backup_plugin_v1"
extern SME_EXPORT const struct sme_plugin sme_backup_plugin_v1;

/*
 * Forbidden in a plugin: ELF constructors and destructors, exit, abort, signal handlers, chdir,
 * umask, setlocale, changes of the environment, writing to standard output or error, fork
 * without exec.  Descriptors are opened close-on-exec.  Threads that a plugin starts are joined
 * in end() or destroy().  No allocation from a size read from outside without a bound.
 */

#ifdef __cplusplus
}
#endif
#endif
