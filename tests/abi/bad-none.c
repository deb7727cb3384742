/*
 * A shared object that is no plugin at all: refused.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
int unrelated(void);

int unrelated(void)
{
    return 1;
}
