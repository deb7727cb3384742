# Tests.  "make check" runs all; one alone: make check TESTS=tests/unit/test_ini
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

# ---- unit tests: one program each, linked with the core's archive --------------------------------

unit_tests = \
	tests/unit/test_args \
	tests/unit/test_blocks \
	tests/unit/test_buf_wire \
	tests/unit/test_check \
	tests/unit/test_checksum \
	tests/unit/test_child \
	tests/unit/test_chunker \
	tests/unit/test_command \
	tests/unit/test_conf \
	tests/unit/test_describe \
	tests/unit/test_digest \
	tests/unit/test_extract \
	tests/unit/test_fileio \
	tests/unit/test_hashmap \
	tests/unit/test_hex \
	tests/unit/test_hkdf \
	tests/unit/test_hooks \
	tests/unit/test_hpke \
	tests/unit/test_ini \
	tests/unit/test_item \
	tests/unit/test_keyring \
	tests/unit/test_log \
	tests/unit/test_objkey \
	tests/unit/test_options \
	tests/unit/test_patterns \
	tests/unit/test_photo_facts \
	tests/unit/test_pipe \
	tests/unit/test_pipe_facts \
	tests/unit/test_pipe_streams \
	tests/unit/test_place \
	tests/unit/test_plugin \
	tests/unit/test_plugin_test \
	tests/unit/test_repo \
	tests/unit/test_report \
	tests/unit/test_restore \
	tests/unit/test_restore_plan \
	tests/unit/test_seal \
	tests/unit/test_sink_directory \
	tests/unit/test_sink_directory_faults \
	tests/unit/test_source_filesystem \
	tests/unit/test_source_paths \
	tests/unit/test_store \
	tests/unit/test_str \
	tests/unit/test_value \
	tests/unit/test_walk
s3_tests = \
	tests/unit/test_s3_audit \
	tests/unit/test_s3_audit_rules \
	tests/unit/test_s3_creds \
	tests/unit/test_s3_creds_places \
	tests/unit/test_s3_creds_renew \
	tests/unit/test_s3_policy \
	tests/unit/test_s3_prices \
	tests/unit/test_s3_setup \
	tests/unit/test_s3_sigv4 \
	tests/unit/test_s3_table \
	tests/unit/test_s3_table_list \
	tests/unit/test_s3_table_objects \
	tests/unit/test_s3_thaw \
	tests/unit/test_s3_tls \
	tests/unit/test_s3_xml \
	tests/unit/test_sink_s3
pg_tests = \
	tests/unit/test_pg_archive \
	tests/unit/test_pg_basebackup \
	tests/unit/test_pg_dump \
	tests/unit/test_pg_dump_faults \
	tests/unit/test_pg_formats \
	tests/unit/test_pg_names \
	tests/unit/test_pg_physical \
	tests/unit/test_pg_restore \
	tests/unit/test_pg_restore_table \
	tests/unit/test_pg_server \
	tests/unit/test_pg_server_talk \
	tests/unit/test_pg_settings \
	tests/unit/test_pg_toc
photo_tests = \
	tests/unit/test_photo_formats \
	tests/unit/test_photo_metadata \
	tests/unit/test_photo_previews \
	tests/unit/test_photo_source
lint_tests = \
	tests/lint/aws.sh \
	tests/lint/driver.sh \
	tests/lint/files.sh \
	tests/lint/format.sh \
	tests/lint/headers.sh \
	tests/lint/layers.sh \
	tests/lint/lists.sh \
	tests/lint/objects.sh \
	tests/lint/pages.sh \
	tests/lint/readme.sh \
	tests/lint/samples.sh

# What ./check runs under the thread sanitizer: tests of code that starts threads.
thread_tests = \
	tests/bats/basics.bats \
	tests/unit/test_pipe \
	tests/unit/test_pipe_streams \
	tests/unit/test_repo \
	tests/unit/test_plugin_test \
	tests/unit/test_restore \
	tests/unit/test_s3_creds_renew \
	tests/unit/test_sink_directory \
	tests/unit/test_sink_s3 \
	tests/unit/test_store

bats_tests = \
	tests/bats/basics.bats \
	tests/bats/cli.bats \
	tests/bats/command.bats \
	tests/bats/config.bats \
	tests/bats/damage.bats \
	tests/bats/init.bats \
	tests/bats/photos_find.bats \
	tests/bats/place.bats \
	tests/bats/plugin_kit.bats \
	tests/bats/plugins.bats \
	tests/bats/postgresql.bats \
	tests/bats/postgresql_faults.bats \
	tests/bats/quickstart.bats \
	tests/bats/runner.bats \
	tests/bats/terminal.bats
# The longest.  "make distcheck SLOW_TESTS=" leaves them out.
slow_tests = \
	tests/bats/crash.bats \
	tests/bats/gallery.bats \
	tests/bats/kill.bats \
	tests/bats/misbehave.bats \
	tests/bats/photos.bats \
	tests/bats/plugin_test.bats \
	tests/bats/postgresql_consistency.bats \
	tests/bats/s3.bats \
	tests/bats/s3_faults.bats \
	tests/bats/s3_roles.bats
SLOW_TESTS = $(slow_tests)
abi_tests = \
	tests/abi/headers.sh

# What tests share, and the plugins' own sources for the tests that look into them.
test_helpers = \
	tests/conformance/sink_suite.c \
	tests/conformance/sink_suite.h \
	tests/conformance/sink_suite_threads.c \
	tests/harness/auditrig.c \
	tests/harness/auditrig.h \
	tests/harness/credsrig.c \
	tests/harness/credsrig.h \
	tests/harness/dirrig.c \
	tests/harness/dirrig.h \
	tests/harness/fakehost.c \
	tests/harness/fakehost.h \
	tests/harness/filesystem_rig.c \
	tests/harness/filesystem_rig.h \
	tests/harness/httpd.c \
	tests/harness/httpd.h \
	tests/harness/memsink.c \
	tests/harness/memsink.h \
	tests/harness/minis3.c \
	tests/harness/minis3.h \
	tests/harness/s3bucket.c \
	tests/harness/s3bucket.h \
	tests/harness/s3rig.c \
	tests/harness/s3rig.h \
	tests/harness/testrepo.c \
	tests/harness/testrepo.h \
	tests/harness/tree.c \
	tests/harness/tree.h
pg_helpers = \
	tests/harness/dumprig.c tests/harness/dumprig.h \
	tests/harness/pgfake.c tests/harness/pgfake.h \
	tests/harness/pgfake_backup.c \
	tests/harness/pgfake_internal.h \
	tests/harness/pgrig.c tests/harness/pgrig.h \
	tests/harness/restorerig.c tests/harness/restorerig.h \
	tests/harness/serverrig.c tests/harness/serverrig.h
photo_helpers = \
	tests/harness/photosamples.c tests/harness/photosamples.h
libsme_test_a_SOURCES = $(test_helpers) $(filesystem_sources) $(child_sources) $(command_parts) \
	$(s3_test_parts) $(pg_test_parts) $(photo_test_parts)

if WITH_S3
s3_test_parts = $(s3_parts)
unit_tests += $(s3_tests)
endif
if WITH_POSTGRESQL
pg_test_parts = $(postgresql_parts) $(pg_helpers)
unit_tests += $(pg_tests)
endif
if WITH_PHOTOS
photo_test_parts = $(photos_parts) $(photo_helpers)
unit_tests += $(photo_tests)
endif
tests_unit_test_s3_tls_LDADD = $(LDADD) -lssl
libsme_test_a_CPPFLAGS = $(AM_CPPFLAGS) $(s3_cppflags) $(ZLIB_CFLAGS)

# For every program that names no libraries of its own, which is the tests.
LDADD = libsme-test.a libsme-core.a $(core_libs) $(CMOCKA_LIBS) $(s3_libs) $(pq_libs) $(photos_libs)

# ---- plugins made for tests: one file each, built by "make check" --------------------------------
#
# What they export is their own affair (some are wrong on purpose), so no version script.

test_modules = \
	tests/abi/bad-abi.so \
	tests/abi/bad-call.so \
	tests/abi/bad-clash.so \
	tests/abi/bad-name.so \
	tests/abi/bad-none.so \
	tests/abi/bad-option.so \
	tests/abi/bad-size.so \
	tests/abi/bad-table.so \
	tests/abi/long-source.so \
	tests/abi/short-source.so \
	tests/plugins/archive.so \
	tests/plugins/gate.so \
	tests/plugins/gen.so \
	tests/plugins/liar.so \
	tests/plugins/rogue.so \
	tests/plugins/vandal.so

.c.so:
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(module_cflags) \
		$(CFLAGS) $(SME_LDFLAGS) $(SME_MODULE_LDFLAGS) $(LDFLAGS) -o $@ $<
$(test_modules): $(smeinclude_HEADERS) tests/abi/bad.h tests/plugins/misdeed.h
tests/plugins/vandal.so: tests/plugins/gate.c

# Read by tests, not built.
abi_sources = \
	tests/abi/bad.h \
	tests/abi/offsets.c \
	tests/plugins/misdeed.h
EXTRA_DIST += $(abi_sources) $(test_modules:.so=.c)

# ---- the harness ---------------------------------------------------------------------------------

# Servers and proxies that command tests start.
test_tools = tests/tools/faulty tests/tools/metadata
if WITH_S3
check_PROGRAMS += $(test_tools)
endif
tests_tools_faulty_SOURCES = tests/tools/faulty.c tests/harness/httpd.c tests/harness/httpd.h
tests_tools_faulty_CPPFLAGS = $(AM_CPPFLAGS) $(s3_cppflags)
tests_tools_faulty_LDADD = $(CURL_LIBS)
tests_tools_metadata_SOURCES = tests/tools/metadata.c tests/harness/httpd.c tests/harness/httpd.h
tests_tools_metadata_CPPFLAGS = $(AM_CPPFLAGS) $(s3_cppflags)
tests_tools_metadata_LDADD =

if HAVE_CMOCKA
check_LIBRARIES += libsme-test.a
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
if WITH_BOTH
if HAVE_BATS
TESTS += $(SLOW_TESTS) $(bats_tests)
endif
endif
TESTS += $(lint_tests) $(abi_tests)
check_DATA = $(test_modules)
CLEANFILES += $(test_modules)

test_data = \
	tests/bats/ceph.bash \
	tests/bats/helpers.bash \
	tests/bats/postgres.bash \
	tests/ceph/install \
	tests/ceph/start \
	tests/ceph/stop \
	tests/data/hpke/rfc9180-x25519-hkdf-sha256-aes-256-gcm.json \
	tests/data/seal/golden.py \
	tests/data/plugins/wrong.c \
	tests/postgres/load \
	tests/postgres/start \
	tests/postgres/stop \
	tests/postgres/zoo-check \
	tests/postgres/zoo.sql \
	tests/tools/make-landscapes \
	tests/tools/make-photos \
	tests/tools/shoot-gallery
EXTRA_DIST += $(test_data)
EXTRA_DIST += $(lint_tests) $(abi_tests) $(bats_tests) $(slow_tests) \
	tests/coverage.sh \
	tests/tap/log-driver \
	tests/tap/tap.sh

TEST_EXTENSIONS = .sh .bats
tap_driver = $(srcdir)/tests/tap/log-driver
LOG_DRIVER = $(tap_driver)
SH_LOG_DRIVER = $(tap_driver)
SH_LOG_COMPILER = bash
BATS_LOG_DRIVER = $(tap_driver)
BATS_LOG_COMPILER = $(BATS)
AM_BATS_LOG_FLAGS = --tap

# Tests under sanitizers stop at the first report; elsewhere the allocator fills freed memory.  Not
# switched on: detect_stack_use_after_return, which gcc 12 gets wrong for 64-byte vectors on the stack.
AM_TESTS_ENVIRONMENT = \
	SME_TEST_SRCDIR=`cd '$(abs_top_srcdir)' && pwd`; export SME_TEST_SRCDIR; \
	SME_TEST_BUILDDIR='$(abs_top_builddir)'; export SME_TEST_BUILDDIR; \
	SME_TEST_SANITIZER='$(sme_sanitizer)'; export SME_TEST_SANITIZER; \
	SME_BACKUP='$(abs_top_builddir)/run'; export SME_BACKUP; \
	SME_BACKUP_PLUGIN_PATH='$(abs_top_builddir)'; export SME_BACKUP_PLUGIN_PATH; \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	MALLOC_PERTURB_=165; export MALLOC_PERTURB_; \
	ASAN_OPTIONS=halt_on_error=1:abort_on_error=1:detect_leaks=1; \
	export ASAN_OPTIONS; \
	UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1; export UBSAN_OPTIONS; \
	TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1; export TSAN_OPTIONS;

check-local:
	@if test -n "$(missing_test_tools)"; then \
		echo "make check: some tests could not run; install:$(missing_test_tools)" >&2; \
		exit 1; \
	fi

# Parts of the suite.
.PHONY: check-unit check-lint check-program check-threads check-valgrind coverage
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(unit_tests)'
check-lint:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(lint_tests)' check_PROGRAMS= check_DATA=
check-program:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(unit_tests) $(slow_tests) $(bats_tests) $(abi_tests)'
check-threads:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(thread_tests)'
check-valgrind:
	SME_RUN_TOOL=valgrind SME_TEST_TIMEOUT=1800 $(MAKE) $(AM_MAKEFLAGS) check \
		TESTS='$(unit_tests) $(slow_tests) $(bats_tests)'
coverage:
	find . -name '*.gcda' -delete
	-GCOV_ERROR_FILE=/dev/null $(MAKE) $(AM_MAKEFLAGS) check TESTS='$(unit_tests) $(slow_tests) $(bats_tests)'
	$(SHELL) $(srcdir)/tests/coverage.sh .
