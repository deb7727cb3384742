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

# Everything but the descriptor, which tests do without.
s3_parts = \
	sinks/s3/audit.c sinks/s3/audit.h \
	sinks/s3/audit_access.c \
	sinks/s3/audit_bucket.c \
	sinks/s3/audit_exposure.c \
	sinks/s3/audit_lifecycle.c \
	sinks/s3/audit_policy.c \
	sinks/s3/bucket.h \
	sinks/s3/bucket_policy_doc.c sinks/s3/bucket_policy_doc.h \
	sinks/s3/call.c sinks/s3/call.h \
	sinks/s3/creds.c sinks/s3/creds.h \
	sinks/s3/creds_files.c sinks/s3/creds_files.h \
	sinks/s3/creds_imds.c sinks/s3/creds_imds.h \
	sinks/s3/creds_parse.c sinks/s3/creds_parse.h \
	sinks/s3/creds_web.c sinks/s3/creds_web.h \
	sinks/s3/errors.c sinks/s3/errors.h \
	sinks/s3/fetch.c sinks/s3/fetch.h \
	sinks/s3/http.c sinks/s3/http.h \
	sinks/s3/lifecycle.c sinks/s3/lifecycle.h \
	sinks/s3/lifecycle_plan.c \
	sinks/s3/list.c \
	sinks/s3/objects.c sinks/s3/objects.h \
	sinks/s3/open.c sinks/s3/open.h \
	sinks/s3/policy.c \
	sinks/s3/prices.c sinks/s3/prices.h \
	sinks/s3/remove.c \
	sinks/s3/reply.c sinks/s3/reply.h \
	sinks/s3/setup.c sinks/s3/setup.h \
	sinks/s3/setup_rules.c \
	sinks/s3/setup_step.c \
	sinks/s3/setup_steps.c \
	sinks/s3/sigv4.c sinks/s3/sigv4.h \
	sinks/s3/text.c sinks/s3/text.h \
	sinks/s3/thaw.c \
	sinks/s3/xml.c sinks/s3/xml.h \
	sinks/s3/s3.h

if WITH_S3
noinst_PROGRAMS += sinks/s3.so
sinks_DATA += sinks/s3.so
dist_pkgdata_DATA += sinks/s3/prices-s3
else
EXTRA_DIST += sinks/s3/prices-s3
endif
sinks_s3_so_SOURCES = sinks/s3/s3.c $(s3_parts)
sinks_s3_so_CPPFLAGS = $(AM_CPPFLAGS) $(s3_cppflags)
sinks_s3_so_CFLAGS = $(module_cflags)
sinks_s3_so_LDFLAGS = $(module_ldflags)
sinks_s3_so_LDADD = $(s3_libs)
EXTRA_sinks_s3_so_DEPENDENCIES = $(module_map)
