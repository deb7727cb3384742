/*
 * The host table that an instance gets.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_PLUGIN_HOST_H
#define SME_PLUGIN_HOST_H

#include "plugin.h"

/* Fill instance->host; name and state_dir of the instance are set already. */
void host_fill(struct instance *instance);

/* A line of the core about ${instance}, the way that lines of its plugin take. */
void host_note(const char *instance, int level, const char *fmt, ...) SME_PRINTF(3, 4);

#endif
