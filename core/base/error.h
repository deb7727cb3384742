/*
 * Failures: context, hints, and what they mean for the exit code.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Whoever knows the cause fills a struct sme_error (see sme-backup/common.h); callers add
 * context in front and return the status.  A function logs or returns, never both.
 */
#ifndef SME_BASE_ERROR_H
#define SME_BASE_ERROR_H

#include "../../include/sme-backup/common.h"

#define SME_ERROR_INIT                                                                             \
    {                                                                                              \
        .struct_size = sizeof(struct sme_error)                                                    \
    }

/* Exit codes of the program; scripts rely on them (sme-backup(1)). */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,      /* nothing committed                          */
    EXIT_USAGE = 2,       /* usage or configuration                     */
    EXIT_INCOMPLETE = 3,  /* committed, but items failed or changed     */
    EXIT_DAMAGED = 4,     /* repository damaged                         */
    EXIT_BUSY = 5,        /* already running                            */
    EXIT_KEY = 6,         /* key or authentication                      */
    EXIT_UNREACHABLE = 7, /* sink does not answer                       */
    EXIT_CANNOT_NOW = 8,  /* archived, locked                           */
    EXIT_SIGNAL = 130,
};

/* Put "${fmt}: " before the message of ${err}; return its status.  ${err} may be NULL (then
 * the result is SME_E_IO, a failure in any case). */
int error_context(struct sme_error *err, const char *fmt, ...) SME_PRINTF(2, 3);

/* Set the hint ("what to do next") of ${err} unless it has one already; return its status. */
int error_hint(struct sme_error *err, const char *fmt, ...) SME_PRINTF(2, 3);

/* Fill ${err} from errno with the class that fits it (ENOSPC and EDQUOT: NO_SPACE, ENOENT:
 * NOT_FOUND, EACCES and EPERM: DENIED, ...); return that class. */
int error_errno(struct sme_error *err, const char *fmt, ...) SME_PRINTF(2, 3);

/* The class that fits ${sys_errno}. */
int error_class_of_errno(int sys_errno);

/* Short name of a status for logs and JSON: "no-space". */
const char *error_status_name(int status);

/* The exit code for a command that ended with ${status}. */
enum exit_code error_exit_code(int status);

/* The more severe of two exit codes, for a command that did several things. */
enum exit_code error_worse_exit(enum exit_code a, enum exit_code b);

#endif
