# Manual pages from POD, and the texts.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
#
# The tarball has the finished pages too, so that it builds without pod2man.

dist_man1_MANS = docs/man/sme-backup.1
dist_man3_MANS = docs/man/sme-backup-source.3 docs/man/sme-backup-sink.3
dist_man5_MANS = docs/man/sme-backup.conf.5
if WITH_FILESYSTEM
dist_man5_MANS += docs/man/sme-backup-filesystem.5
endif
if WITH_POSTGRESQL
dist_man5_MANS += docs/man/sme-backup-postgresql.5
endif
if WITH_COMMAND
dist_man5_MANS += docs/man/sme-backup-command.5
endif
if WITH_PHOTOS
dist_man5_MANS += docs/man/sme-backup-photos.5
endif
if WITH_DIRECTORY
dist_man5_MANS += docs/man/sme-backup-directory.5
endif
if WITH_S3
dist_man5_MANS += docs/man/sme-backup-s3.5
endif

# A page's section is the end of its name.
make_page = $(AM_V_GEN)$(MKDIR_P) $(@D) && \
	case $@ in *.1) section=1 ;; *.3) section=3 ;; *) section=5 ;; esac && \
	$(POD2MAN) --errors=die --utf8 --section=$$section --name="$$(basename $@ .$$section)" \
		--center='sme-backup manual' --release='sme-backup $(PACKAGE_VERSION)' \
		--date='$(RELEASE_DATE)' $< $@.tmp && mv $@.tmp $@

docs/man/sme-backup.1: docs/man/sme-backup.pod
	$(make_page)
docs/man/sme-backup-source.3: docs/man/sme-backup-source.pod
	$(make_page)
docs/man/sme-backup-sink.3: docs/man/sme-backup-sink.pod
	$(make_page)
docs/man/sme-backup.conf.5: docs/man/sme-backup.conf.pod
	$(make_page)
docs/man/sme-backup-filesystem.5: plugins/filesystem/filesystem.pod
	$(make_page)
docs/man/sme-backup-postgresql.5: plugins/postgresql/postgresql.pod
	$(make_page)
docs/man/sme-backup-command.5: plugins/command/command.pod
	$(make_page)
docs/man/sme-backup-photos.5: plugins/photos/photos.pod
	$(make_page)
docs/man/sme-backup-directory.5: sinks/directory/directory.pod
	$(make_page)
docs/man/sme-backup-s3.5: sinks/s3/s3.pod
	$(make_page)

MAINTAINERCLEANFILES += docs/man/sme-backup.1 docs/man/sme-backup.conf.5 \
	docs/man/sme-backup-source.3 docs/man/sme-backup-sink.3 \
	docs/man/sme-backup-command.5 docs/man/sme-backup-photos.5 docs/man/sme-backup-postgresql.5 \
	docs/man/sme-backup-filesystem.5 docs/man/sme-backup-directory.5 docs/man/sme-backup-s3.5
EXTRA_DIST += \
	docs/architecture.md \
	docs/coding.md \
	docs/cost.md \
	docs/format.md \
	docs/gallery-desktop.png \
	docs/gallery-phone.png \
	docs/man/sme-backup-sink.pod \
	docs/man/sme-backup-source.pod \
	docs/man/sme-backup.conf.pod \
	docs/man/sme-backup.pod \
	docs/plugins.md \
	docs/photos.md \
	docs/recipes.md \
	docs/runbooks.md \
	docs/s3.md \
	docs/testing.md \
	plugins/command/command.pod \
	plugins/filesystem/filesystem.pod \
	plugins/photos/photos.pod \
	plugins/postgresql/postgresql.pod \
	sinks/directory/directory.pod \
	sinks/s3/s3.pod
