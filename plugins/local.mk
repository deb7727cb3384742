# Source plugins: each folder makes one shared object, installed in $(pkglibdir)/plugins.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

pluginsdir = $(pkglibdir)/plugins
plugins_DATA =
# Programs that plugins run, beside them.
helperdir = $(pkglibdir)/plugins
EXTRA_DIST += plugins/plugin.map

# Compiled into every plugin that needs them.
walk_sources = \
	plugins/lib/glob.c plugins/lib/glob.h \
	plugins/lib/grow.h \
	plugins/lib/listing.c plugins/lib/listing.h \
	plugins/lib/patterns.c plugins/lib/patterns.h \
	plugins/lib/roots.c plugins/lib/roots.h \
	plugins/lib/stack.c plugins/lib/stack.h \
	plugins/lib/walk.c plugins/lib/walk.h
child_sources = \
	plugins/lib/child.c plugins/lib/child.h \
	plugins/lib/child_internal.h \
	plugins/lib/child_start.c

filesystem_sources = plugins/filesystem/filesystem.c $(walk_sources)

if WITH_FILESYSTEM
noinst_PROGRAMS += plugins/filesystem.so
plugins_DATA += plugins/filesystem.so
endif
plugins_filesystem_so_SOURCES = $(filesystem_sources)
plugins_filesystem_so_CFLAGS = $(module_cflags)
plugins_filesystem_so_LDFLAGS = $(module_ldflags)
plugins_filesystem_so_LDADD =
EXTRA_plugins_filesystem_so_DEPENDENCIES = $(module_map)

# Without the descriptor, for the tests as well.
command_parts = \
	plugins/command/command.h \
	plugins/command/lastsize.c plugins/command/lastsize.h \
	plugins/command/program.c plugins/command/program.h \
	plugins/command/source.c \
	plugins/command/words.c plugins/command/words.h

if WITH_COMMAND
noinst_PROGRAMS += plugins/command.so
plugins_DATA += plugins/command.so
endif
plugins_command_so_SOURCES = plugins/command/command.c $(command_parts) $(child_sources)
plugins_command_so_CFLAGS = $(module_cflags)
plugins_command_so_LDFLAGS = $(module_ldflags)
plugins_command_so_LDADD =
EXTRA_plugins_command_so_DEPENDENCIES = $(module_map)

postgresql_parts = \
	plugins/postgresql/archive.c plugins/postgresql/archive.h \
	plugins/postgresql/basebackup.c plugins/postgresql/basebackup.h \
	plugins/postgresql/crc32c.c plugins/postgresql/crc32c.h \
	plugins/postgresql/dump.c plugins/postgresql/dump.h \
	plugins/postgresql/dump_facts.c \
	plugins/postgresql/dump_internal.h \
	plugins/postgresql/dump_plan.c \
	plugins/postgresql/dump_session.c \
	plugins/postgresql/dump_stream.c \
	plugins/postgresql/dump_tables.c \
	plugins/postgresql/manifest.c plugins/postgresql/manifest.h \
	plugins/postgresql/names.c plugins/postgresql/names.h \
	plugins/postgresql/options.h \
	plugins/postgresql/physical.c plugins/postgresql/physical.h \
	plugins/postgresql/restore.c plugins/postgresql/restore.h \
	plugins/postgresql/restore_database.c \
	plugins/postgresql/restore_internal.h \
	plugins/postgresql/restore_roles.c \
	plugins/postgresql/restore_run.c \
	plugins/postgresql/restore_scratch.c \
	plugins/postgresql/restore_settings.c \
	plugins/postgresql/restore_table.c \
	plugins/postgresql/server.h \
	plugins/postgresql/server_connect.c \
	plugins/postgresql/server_conninfo.c \
	plugins/postgresql/server_find.c \
	plugins/postgresql/server_internal.h \
	plugins/postgresql/server_list.c \
	plugins/postgresql/server_look.c \
	plugins/postgresql/server_query.c \
	plugins/postgresql/server_tools.c \
	plugins/postgresql/settings.c plugins/postgresql/settings.h \
	plugins/postgresql/tar.c plugins/postgresql/tar.h \
	plugins/postgresql/toc.c plugins/postgresql/toc.h \
	plugins/postgresql/toc_internal.h \
	plugins/postgresql/toc_select.c

if WITH_POSTGRESQL
noinst_PROGRAMS += plugins/postgresql.so
plugins_DATA += plugins/postgresql.so
endif
plugins_postgresql_so_SOURCES = plugins/postgresql/postgresql.c $(postgresql_parts) $(child_sources)
plugins_postgresql_so_CFLAGS = $(module_cflags)
plugins_postgresql_so_LDFLAGS = $(module_ldflags)
plugins_postgresql_so_LDADD = $(pq_libs)
EXTRA_plugins_postgresql_so_DEPENDENCIES = $(module_map)

photos_parts = \
	plugins/photos/cache.c plugins/photos/cache.h \
	plugins/photos/facts.c plugins/photos/facts.h \
	plugins/photos/formats.c plugins/photos/formats.h \
	plugins/photos/library.c plugins/photos/library.h \
	plugins/photos/metadata.c plugins/photos/metadata.h \
	plugins/photos/movie.c plugins/photos/movie.h \
	plugins/photos/preview_protocol.h \
	plugins/photos/previews.c plugins/photos/previews.h \
	plugins/photos/reader.c plugins/photos/reader.h \
	plugins/photos/sidecars.c plugins/photos/sidecars.h \
	plugins/photos/structure.c plugins/photos/structure.h \
	plugins/photos/structure_stream.c \
	plugins/photos/structure_tables.c \
	plugins/photos/taken.c plugins/photos/taken.h \
	plugins/photos/tiff.c plugins/photos/tiff.h

if WITH_PHOTOS
noinst_PROGRAMS += plugins/photos.so
plugins_DATA += plugins/photos.so
endif
plugins_photos_so_SOURCES = plugins/photos/photos.c $(photos_parts) $(walk_sources) $(child_sources)
plugins_photos_so_CFLAGS = $(module_cflags) $(ZLIB_CFLAGS)
plugins_photos_so_LDFLAGS = $(module_ldflags)
plugins_photos_so_LDADD = $(photos_libs)
EXTRA_plugins_photos_so_DEPENDENCIES = $(module_map)

if WITH_PREVIEWS
helper_PROGRAMS += plugins/photos-preview
endif
plugins_photos_preview_SOURCES = \
	plugins/photos/preview_main.c \
	plugins/photos/preview_picture.c plugins/photos/preview_picture.h \
	plugins/photos/preview_protocol.h
plugins_photos_preview_CFLAGS = $(AM_CFLAGS) $(HEIF_CFLAGS) $(TURBOJPEG_CFLAGS) $(PNG_CFLAGS)
plugins_photos_preview_LDADD = $(HEIF_LIBS) $(TURBOJPEG_LIBS) $(PNG_LIBS)
