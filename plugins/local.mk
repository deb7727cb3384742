# Source plugins: each folder makes one shared object, installed in $(pkglibdir)/plugins.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

pluginsdir = $(pkglibdir)/plugins
plugins_DATA =
EXTRA_DIST += plugins/plugin.map

