# Manual pages from POD, and the texts.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
#
# The tarball has the finished pages too, so that it builds without pod2man.

dist_man1_MANS = docs/man/sme-backup.1
dist_man5_MANS = docs/man/sme-backup.conf.5
if WITH_FILESYSTEM
dist_man5_MANS += docs/man/sme-backup-filesystem.5
endif
if WITH_DIRECTORY
dist_man5_MANS += docs/man/sme-backup-directory.5
endif
if WITH_S3
dist_man5_MANS += docs/man/sme-backup-s3.5
endif

# A page's section is the end of its name.
make_page = $(AM_V_GEN)$(MKDIR_P) $(@D) && \
	case $@ in *.1) section=1 ;; *) section=5 ;; esac && \
	$(POD2MAN) --errors=die --utf8 --section=$$section --name="$$(basename $@ .$$section)" \
		--center='sme-backup manual' --release='sme-backup $(PACKAGE_VERSION)' \
		--date='$(RELEASE_DATE)' $< $@.tmp && mv $@.tmp $@

docs/man/sme-backup.1: docs/man/sme-backup.pod
	$(make_page)
docs/man/sme-backup.conf.5: docs/man/sme-backup.conf.pod
	$(make_page)
docs/man/sme-backup-filesystem.5: plugins/filesystem/filesystem.pod
	$(make_page)
docs/man/sme-backup-directory.5: sinks/directory/directory.pod
	$(make_page)
docs/man/sme-backup-s3.5: sinks/s3/s3.pod
	$(make_page)

MAINTAINERCLEANFILES += docs/man/sme-backup.1 docs/man/sme-backup.conf.5 \
	docs/man/sme-backup-filesystem.5 docs/man/sme-backup-directory.5 docs/man/sme-backup-s3.5
EXTRA_DIST += \
	docs/architecture.md \
	docs/coding.md \
	docs/cost.md \
	docs/format.md \
	docs/man/sme-backup.conf.pod \
	docs/man/sme-backup.pod \
	docs/s3.md \
	docs/testing.md \
	plugins/filesystem/filesystem.pod \
	sinks/directory/directory.pod \
	sinks/s3/s3.pod
