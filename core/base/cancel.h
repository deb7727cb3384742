/*
 * Asking a process to stop: SIGINT, SIGTERM and SIGHUP set a flag that everybody polls.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_BASE_CANCEL_H
#define SME_BASE_CANCEL_H

#include <stdbool.h>

struct sme_error;

/* Install the handlers (SIGPIPE is ignored); a second signal of the kind ends the process at
 * once with 130. */
void cancel_install(void);
/* Set the flag as a signal would; async-signal-safe. */
void cancel_request(int signal_number);
bool cancel_requested(void);
/* The signal that did it, 0 if none. */
int cancel_signal(void);
/* Descriptor that becomes readable with the flag, for poll(); -1 before cancel_install(). */
int cancel_fd(void);
/* SME_OK, or SME_E_CANCELLED with "cancelled by signal N". */
int cancel_check(struct sme_error *err);
/* For a forked child and for tests: forget the flag. */
void cancel_reset(void);

#endif
