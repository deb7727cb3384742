# Source plugins: each folder makes one shared object, installed in $(pkglibdir)/plugins.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

pluginsdir = $(pkglibdir)/plugins
plugins_DATA =
EXTRA_DIST += plugins/plugin.map

filesystem_sources = \
	plugins/filesystem/filesystem.c \
	plugins/filesystem/glob.c plugins/filesystem/glob.h \
	plugins/filesystem/grow.h \
	plugins/filesystem/listing.c plugins/filesystem/listing.h \
	plugins/filesystem/patterns.c plugins/filesystem/patterns.h \
	plugins/filesystem/roots.c plugins/filesystem/roots.h \
	plugins/filesystem/stack.c plugins/filesystem/stack.h \
	plugins/filesystem/walk.c plugins/filesystem/walk.h

if WITH_FILESYSTEM
noinst_PROGRAMS += plugins/filesystem.so
plugins_DATA += plugins/filesystem.so
endif
plugins_filesystem_so_SOURCES = $(filesystem_sources)
plugins_filesystem_so_CFLAGS = $(module_cflags)
plugins_filesystem_so_LDFLAGS = $(module_ldflags)
plugins_filesystem_so_LDADD =
EXTRA_plugins_filesystem_so_DEPENDENCIES = $(module_map)
