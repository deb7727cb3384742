# Sink plugins: each folder makes one shared object, installed in $(pkglibdir)/sinks.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

sinksdir = $(pkglibdir)/sinks
sinks_DATA =

directory_sources = \
	sinks/directory/directory.c \
	sinks/directory/listing.c sinks/directory/listing.h \
	sinks/directory/objfile.c sinks/directory/objfile.h \
	sinks/directory/place.c sinks/directory/place.h \
	sinks/directory/tempfile.c sinks/directory/tempfile.h

if WITH_DIRECTORY
noinst_PROGRAMS += sinks/directory.so
sinks_DATA += sinks/directory.so
endif
sinks_directory_so_SOURCES = $(directory_sources)
sinks_directory_so_CFLAGS = $(module_cflags)
sinks_directory_so_LDFLAGS = $(module_ldflags)
sinks_directory_so_LDADD =
EXTRA_sinks_directory_so_DEPENDENCIES = $(module_map)
