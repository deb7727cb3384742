/*
 * Failures: context, hints, classes of errno, exit codes.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "error.h"

int error_context(struct sme_error *err, const char *fmt, ...)
{
    char whole[sizeof err->message];
    va_list ap;

    if (err == NULL)
        return SME_E_IO;
    va_start(ap, fmt);
    int printed = vsnprintf(whole, sizeof whole, fmt, ap);
    va_end(ap);
    if (printed < 0)
        whole[0] = '\0';

    /* The cause is the more useful part: a context that would push it out is cut instead. */
    size_t cause_len = strnlen(err->message, sizeof err->message - 1);
    size_t context_len = strlen(whole);
    size_t room = sizeof err->message - 1;
    if (cause_len > 0) {
        size_t keep = cause_len < room / 2 ? cause_len : room / 2;
        if (context_len > room - keep - 2)
            context_len = room - keep - 2;
        if (cause_len > room - context_len - 2)
            cause_len = room - context_len - 2;
        memmove(err->message + context_len + 2, err->message, cause_len);
        memcpy(err->message, whole, context_len);
        memcpy(err->message + context_len, ": ", 2);
        err->message[context_len + 2 + cause_len] = '\0';
    } else {
        memcpy(err->message, whole, context_len + 1);
    }
    if (err->status >= 0)
        err->status = SME_E_IO;
    return err->status;
}

int error_hint(struct sme_error *err, const char *fmt, ...)
{
    if (err == NULL)
        return SME_E_IO;
    if (err->hint[0] == '\0') {
        va_list ap;
        va_start(ap, fmt);
        if (vsnprintf(err->hint, sizeof err->hint, fmt, ap) < 0)
            err->hint[0] = '\0';
        va_end(ap);
    }
    return err->status < 0 ? err->status : SME_E_IO;
}

int error_errno(struct sme_error *err, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;

    va_start(ap, fmt);
    int status = sme_vfail(err, error_class_of_errno(saved), saved, fmt, ap);
    va_end(ap);
    return status;
}

int error_class_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return SME_E_NO_SPACE;
    case ENOENT:
        return SME_E_NOT_FOUND;
    case EEXIST:
        return SME_E_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return SME_E_DENIED;
    case ENOMEM:
        return SME_E_NO_MEMORY;
    case EINTR:
    case EAGAIN:
    case ECONNRESET:
        return SME_E_TRANSIENT;
    case ETIMEDOUT:
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
        return SME_E_UNREACHABLE;
    case EBUSY:
    case ETXTBSY:
        return SME_E_BUSY;
    case ENOSYS:
    case EOPNOTSUPP:
        return SME_E_UNSUPPORTED;
    case ECANCELED:
        return SME_E_CANCELLED;
    case EINVAL:
    case EISDIR:
    case ENOTDIR:
    case ENOTEMPTY:
    case ENAMETOOLONG:
    case ELOOP:
        return SME_E_INVALID;
    default:
        return SME_E_IO;
    }
}

const char *error_status_name(int status)
{
    if (status >= 0)
        return "ok";
    switch (status) {
    case SME_E_INVALID:
        return "invalid";
    case SME_E_NOT_FOUND:
        return "not-found";
    case SME_E_EXISTS:
        return "exists";
    case SME_E_DENIED:
        return "denied";
    case SME_E_NO_SPACE:
        return "no-space";
    case SME_E_TRANSIENT:
        return "transient";
    case SME_E_CORRUPT:
        return "corrupt";
    case SME_E_CANCELLED:
        return "cancelled";
    case SME_E_CHANGED:
        return "changed";
    case SME_E_IO:
        return "io";
    case SME_E_NO_MEMORY:
        return "no-memory";
    case SME_E_KEY:
        return "key";
    case SME_E_UNREACHABLE:
        return "unreachable";
    case SME_E_CANNOT_NOW:
        return "cannot-now";
    case SME_E_BUSY:
        return "busy";
    case SME_E_UNSUPPORTED:
        return "unsupported";
    case SME_E_THROTTLED:
        return "throttled";
    default:
        return "unknown";
    }
}

enum exit_code error_exit_code(int status)
{
    if (status >= 0)
        return EXIT_DONE;
    switch (status) {
    case SME_E_INVALID:
        return EXIT_USAGE;
    case SME_E_CORRUPT:
        return EXIT_DAMAGED;
    case SME_E_BUSY:
        return EXIT_BUSY;
    case SME_E_KEY:
    case SME_E_DENIED:
        return EXIT_KEY;
    case SME_E_UNREACHABLE:
    case SME_E_TRANSIENT: /* repeated often enough, and still no answer */
    case SME_E_THROTTLED:
        return EXIT_UNREACHABLE;
    case SME_E_CANNOT_NOW:
        return EXIT_CANNOT_NOW;
    case SME_E_CANCELLED:
        return EXIT_SIGNAL;
    default:
        return EXIT_FAILED;
    }
}

static int exit_rank(enum exit_code code)
{
    switch (code) {
    case EXIT_DONE:
        return 0;
    case EXIT_INCOMPLETE:
        return 1;
    case EXIT_BUSY:
        return 2;
    case EXIT_CANNOT_NOW:
        return 3;
    case EXIT_UNREACHABLE:
        return 4;
    case EXIT_FAILED:
        return 5;
    case EXIT_USAGE:
        return 6;
    case EXIT_KEY:
        return 7;
    case EXIT_DAMAGED:
        return 8;
    case EXIT_SIGNAL:
        return 9;
    }
    return 5;
}

enum exit_code error_worse_exit(enum exit_code a, enum exit_code b)
{
    return exit_rank(a) >= exit_rank(b) ? a : b;
}
