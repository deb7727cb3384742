# The core: everything but main() is one archive, which the program and the unit tests link.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
#
# One line per module.  The layers stand in the order in which they may include each other.

core_base = \
	core/base/buf.c core/base/buf.h \
	core/base/cancel.c core/base/cancel.h \
	core/base/cleanup.h \
	core/base/clock.c core/base/clock.h \
	core/base/error.c core/base/error.h \
	core/base/fileio.c core/base/fileio.h \
	core/base/hashmap.c core/base/hashmap.h \
	core/base/hex.c core/base/hex.h \
	core/base/limits.h \
	core/base/log.c core/base/log.h \
	core/base/rng.c core/base/rng.h \
	core/base/secret.c core/base/secret.h \
	core/base/siphash.c core/base/siphash.h \
	core/base/str.c core/base/str.h \
	core/base/wire.c core/base/wire.h

core_config = \
	core/config/conf.c core/config/conf.h \
	core/config/conf_files.c core/config/conf_files.h \
	core/config/conf_tables.c \
	core/config/ini.c core/config/ini.h \
	core/config/options.c core/config/options.h \
	core/config/rate.c core/config/rate.h \
	core/config/value.c core/config/value.h

core_plugin = \
	core/plugin/calls.c core/plugin/calls.h \
	core/plugin/describe.c core/plugin/describe.h \
	core/plugin/describe_forms.h \
	core/plugin/describe_json.c \
	core/plugin/describe_samples.c \
	core/plugin/host.c core/plugin/host.h \
	core/plugin/instance.c \
	core/plugin/loader.c \
	core/plugin/plugin.h \
	core/plugin/plugin_dirs.c core/plugin/plugin_dirs.h

core_crypto = \
	core/crypto/aead.c core/crypto/aead.h \
	core/crypto/checksum.c core/crypto/checksum.h \
	core/crypto/digest.c core/crypto/digest.h \
	core/crypto/hkdf.c core/crypto/hkdf.h \
	core/crypto/hpke.c core/crypto/hpke.h \
	core/crypto/keyfile.c \
	core/crypto/keyring.c core/crypto/keyring.h \
	core/crypto/seal.c core/crypto/seal.h

core_repo = \
	core/repo/index.c core/repo/index.h \
	core/repo/index_local.c core/repo/index_local.h \
	core/repo/index_object.c \
	core/repo/inventory.c core/repo/inventory.h \
	core/repo/item.c core/repo/item.h \
	core/repo/item_encode.c core/repo/item_encode.h \
	core/repo/item_iter.c \
	core/repo/itemcache.c core/repo/itemcache.h \
	core/repo/objkey.c core/repo/objkey.h \
	core/repo/pack.c core/repo/pack.h \
	core/repo/reader.c core/repo/reader.h \
	core/repo/repo.c core/repo/repo.h \
	core/repo/session.c core/repo/session.h \
	core/repo/snapshot.c core/repo/snapshot.h \
	core/repo/snapshot_codec.c core/repo/snapshot_codec.h \
	core/repo/store.c core/repo/store.h \
	core/repo/store_attempt.c core/repo/store_attempt.h \
	core/repo/store_names.c \
	core/repo/store_pace.c core/repo/store_pace.h \
	core/repo/store_place.c core/repo/store_place.h \
	core/repo/store_remove.c \
	core/repo/store_retry.c core/repo/store_retry.h

core_pipeline = \
	core/pipeline/bigfile.c \
	core/pipeline/blocks.c core/pipeline/blocks.h \
	core/pipeline/chunker.c core/pipeline/chunker.h \
	core/pipeline/chunker_avx2.c \
	core/pipeline/chunker_avx512.c \
	core/pipeline/chunker_portable.c \
	core/pipeline/chunker_scan.h \
	core/pipeline/codec.c core/pipeline/codec.h \
	core/pipeline/content.c core/pipeline/content.h \
	core/pipeline/content_cut.h \
	core/pipeline/dedup.c core/pipeline/dedup.h \
	core/pipeline/extract.c core/pipeline/extract.h \
	core/pipeline/extract_meta.c \
	core/pipeline/file_same.c core/pipeline/file_same.h \
	core/pipeline/filemeta.c core/pipeline/filemeta.h \
	core/pipeline/item_content.c core/pipeline/item_content.h \
	core/pipeline/itemstream.c core/pipeline/itemstream.h \
	core/pipeline/packer.c core/pipeline/packer.h \
	core/pipeline/pipe.c core/pipeline/pipe.h \
	core/pipeline/pipe_collect.c \
	core/pipeline/pipe_dispatch.c \
	core/pipeline/pipe_internal.h \
	core/pipeline/pipe_file.c \
	core/pipeline/pipe_item.c \
	core/pipeline/pipe_sort.c \
	core/pipeline/pipe_stream.c \
	core/pipeline/reflist.c core/pipeline/reflist.h \
	core/pipeline/restore_dir.c \
	core/pipeline/restore_dry.c \
	core/pipeline/restore_file.c \
	core/pipeline/restore_item.h \
	core/pipeline/restore_job.c core/pipeline/restore_job.h \
	core/pipeline/restore_link.c \
	core/pipeline/restore_plan.c core/pipeline/restore_plan.h \
	core/pipeline/restore_planner.c \
	core/pipeline/restore_select.c core/pipeline/restore_select.h \
	core/pipeline/restore_verify.c \
	core/pipeline/restore_walk.c core/pipeline/restore_walk.h \
	core/pipeline/restore_work.c \
	core/pipeline/unit.c core/pipeline/unit.h

core_run = \
	core/run/access.c core/run/access.h \
	core/run/backup.c core/run/backup.h \
	core/run/backup_commit.c \
	core/run/backup_job.h \
	core/run/backup_previous.c \
	core/run/problems.c core/run/problems.h \
	core/run/check.c core/run/check.h \
	core/run/check_data.c \
	core/run/check_internal.h \
	core/run/check_items.c \
	core/run/check_objects.c \
	core/run/check_snapshots.c \
	core/run/doctor.c core/run/doctor.h \
	core/run/doctor_host.c \
	core/run/doctor_internal.h \
	core/run/doctor_schedule.c \
	core/run/gallery.c core/run/gallery.h \
	core/run/gallery_list.c core/run/gallery_list.h \
	core/run/gallery_page.c core/run/gallery_page.h \
	core/run/hooks.c core/run/hooks.h \
	core/run/lockfile.c core/run/lockfile.h \
	core/run/layout.c core/run/layout.h \
	core/run/layout_internal.h \
	core/run/layout_place.c \
	core/run/layout_plan.c \
	core/run/photo.c core/run/photo.h \
	core/run/photo_filter.c core/run/photo_filter.h \
	core/run/photo_measure.c \
	core/run/photo_pick.c core/run/photo_pick.h \
	core/run/place.c core/run/place.h \
	core/run/plugin_test.c core/run/plugin_test.h \
	core/run/plugin_test_calls.c \
	core/run/plugin_test_internal.h \
	core/run/plugin_test_race.c \
	core/run/plugin_test_sink.c \
	core/run/plugin_test_source.c core/run/plugin_test_source.h \
	core/run/plugin_test_source_calls.c \
	core/run/plugin_test_source_child.c \
	core/run/plugin_test_source_items.c \
	core/run/plugin_test_source_process.c \
	core/run/plugin_test_source_streams.c \
	core/run/report.c core/run/report.h \
	core/run/report_json.c \
	core/run/restore.c core/run/restore.h \
	core/run/restore_into.c core/run/restore_into.h \
	core/run/runner.c core/run/runner.h \
	core/run/runner_job.c core/run/runner_job.h \
	core/run/thaw.c core/run/thaw.h \
	core/run/worker.c core/run/worker.h \
	core/run/worker_guard.c core/run/worker_guard.h \
	core/run/worker_output.c core/run/worker_output.h \
	core/run/worker_user.c core/run/worker_user.h

core_cli = \
	core/cli/args.c core/cli/args.h \
	core/cli/cli.c core/cli/cli.h \
	core/cli/cmd_cat.c \
	core/cli/cmd_check.c \
	core/cli/cmd_config.c \
	core/cli/cmd_doctor.c \
	core/cli/cmd_find.c \
	core/cli/cmd_gallery.c \
	core/cli/cmd_help.c \
	core/cli/cmd_init.c \
	core/cli/cmd_list.c \
	core/cli/cmd_ls.c \
	core/cli/cmd_plugin.c \
	core/cli/cmd_plugin_new.c core/cli/cmd_plugin_new.h \
	core/cli/cmd_policy.c \
	core/cli/cmd_restore.c \
	core/cli/cmd_run.c \
	core/cli/cmd_setup.c \
	core/cli/commands.c \
	core/cli/findings.c core/cli/findings.h \
	core/cli/plugin_new_common.c \
	core/cli/plugin_new_sink.c \
	core/cli/plugin_new_source.c \
	core/cli/photo_args.c core/cli/photo_args.h \
	core/cli/progress.c core/cli/progress.h \
	core/cli/restore_into.c core/cli/restore_into.h \
	core/cli/restore_pick.c core/cli/restore_pick.h \
	core/cli/restore_thaw.c core/cli/restore_thaw.h \
	core/cli/target.c core/cli/target.h \
	core/cli/values.c core/cli/values.h

noinst_LIBRARIES += libsme-core.a
libsme_core_a_SOURCES = $(core_base) $(core_config) $(core_plugin) $(core_crypto) $(core_repo) \
	$(core_pipeline) $(core_run) $(core_cli)

# The page of the gallery becomes a part of the program.
nodist_libsme_core_a_SOURCES = generated/gallery_template.c
generated/gallery_template.c: core/run/gallery.html
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { \
		echo '#include <stddef.h>' && \
		echo 'extern const unsigned char gallery_template[];' && \
		echo 'extern const size_t gallery_template_len;' && \
		echo 'const unsigned char gallery_template[] = {' && \
		od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g' && \
		echo '};' && \
		echo 'const size_t gallery_template_len = sizeof gallery_template;'; \
	} >$@.tmp && mv $@.tmp $@
CLEANFILES += generated/gallery_template.c
EXTRA_DIST += core/run/gallery.html

bin_PROGRAMS += sme-backup
sme_backup_SOURCES = core/cli/main.c
sme_backup_LDADD = libsme-core.a $(core_libs)
