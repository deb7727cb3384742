# Sink plugins: each folder makes one shared object, installed in $(pkglibdir)/sinks.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

sinksdir = $(pkglibdir)/sinks
sinks_DATA =

