/*
 * The option tables of the core: what [core], every [sink NAME] and every [source NAME] take.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The manual page and the samples print the help texts as they stand here.
 */
#include "../base/limits.h"
#include "conf.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

const struct sme_option conf_core_options[] = {
    SME_OPTION_PATH(struct conf_core, log_file, "log_file", 0, NULL,
                    "File that gets one line per job; without it /var/log/sme-backup.log, or "
                    "~/.local/state/sme-backup/sme-backup.log for a user who is not root."),
    SME_OPTION_PATH(struct conf_core, state_dir, "state_dir", 0, NULL,
                    "Folder for locks and what plugins remember; without it /var/lib/sme-backup, "
                    "or ~/.local/state/sme-backup for a user who is not root."),
    SME_OPTION_PATH(struct conf_core, cache_dir, "cache_dir", 0, NULL,
                    "Folder for copies that only save time; without it /var/cache/sme-backup, or "
                    "~/.cache/sme-backup for a user who is not root."),
    SME_OPTION_LIST(struct conf_core, plugin_dir, "plugin_dir", SME_OPT_PATHS, NULL,
                    "Folders that are searched for plugins after the one that was installed."),
    SME_OPTION_SIZE(struct conf_core, memory_limit, "memory_limit", 0, "256MiB", 64 * MIB,
                    INT64_MAX, "Memory that one job may use for its data."),
    SME_OPTION_INT(struct conf_core, parallel_sources, "parallel_sources", 0, "1", 1, 16,
                   "How many sources are backed up at the same time."),
    SME_OPTION_STRING(struct conf_core, host, "host", 0, NULL,
                      "Name of this machine in snapshots; without it its host name."),
};
const size_t conf_core_option_count = COUNT(conf_core_options);

const struct sme_option conf_sink_options[] = {
    SME_OPTION_STRING(struct conf_sink, plugin, "plugin", SME_OPT_REQUIRED, NULL,
                      "Name of the sink plugin that stores the objects."),
    SME_OPTION_PATH(struct conf_sink, key_file, "key_file", 0, NULL,
                    "Key file of the repository; without it keys/NAME.key beside the folder of "
                    "the configuration, where NAME is the name of the sink."),
    SME_OPTION_PATH(struct conf_sink, passphrase_file, "passphrase_file", 0, NULL,
                    "File whose first line is the passphrase that opens the key file."),
    SME_OPTION_SIZE(struct conf_sink, pack_size, "pack_size", 0, "32MiB", 4 * MIB, 64 * MIB,
                    "Size that an object with backed-up data grows to."),
    SME_OPTION_INT(struct conf_sink, connections, "connections", 0, "0", 0, 64,
                   "How many objects travel at the same time; 0 leaves it to the sink plugin."),
    SME_OPTION_LIST(struct conf_sink, upload_limit, "upload_limit", 0, "0",
                    "Most bytes that are sent per second; 0 sets no limit. Of several with times "
                    "of the day the first that fits counts: 2MiB/s 08:00-18:00, 20MiB/s."),
    SME_OPTION_LIST(struct conf_sink, download_limit, "download_limit", 0, "0",
                    "Most bytes that are fetched per second, written like upload_limit."),
};
const size_t conf_sink_option_count = COUNT(conf_sink_options);

const struct sme_option conf_source_options[] = {
    SME_OPTION_STRING(struct conf_source, plugin, "plugin", SME_OPT_REQUIRED, NULL,
                      "Name of the source plugin that reads what is backed up."),
    SME_OPTION_LIST(struct conf_source, sink, "sink", 0, NULL,
                    "Names of the sinks that get a backup each; without it the only sink there "
                    "is."),
    SME_OPTION_INT(struct conf_source, keep_last, "keep_last", 0, "0", 0, 10000,
                   "How many of the newest snapshots are kept."),
    SME_OPTION_INT(struct conf_source, keep_daily, "keep_daily", 0, "0", 0, 10000,
                   "For how many days the last snapshot of the day is kept."),
    SME_OPTION_INT(struct conf_source, keep_weekly, "keep_weekly", 0, "0", 0, 10000,
                   "For how many weeks the last snapshot of the week is kept."),
    SME_OPTION_INT(struct conf_source, keep_monthly, "keep_monthly", 0, "0", 0, 10000,
                   "For how many months the last snapshot of the month is kept."),
    SME_OPTION_INT(struct conf_source, keep_yearly, "keep_yearly", 0, "0", 0, 10000,
                   "For how many years the last snapshot of the year is kept; if all the keep "
                   "options are 0, every snapshot is kept."),
    SME_OPTION_STRING(struct conf_source, compression, "compression", 0, "fast",
                      "One of off, fast (zstd level 1), a zstd level from 1 to 19, or auto."),
    SME_OPTION_STRING(struct conf_source, chunk_size, "chunk_size", 0, "auto",
                      "Size of the pieces that are stored only once: auto, the normal size, or "
                      "MIN/NORMAL/MAX such as 64KiB/256KiB/1MiB."),
    SME_OPTION_PERCENT(struct conf_source, rescan, "rescan", 0, "0%", 0, 10000,
                       "Share of the unchanged files that each run reads again, so that silent "
                       "damage is found; 2% reads everything in 50 runs."),
    SME_OPTION_DURATION(struct conf_source, timeout, "timeout", 0, "0", 0, 0,
                        "Time after which the job is stopped; 0 sets no limit."),
    SME_OPTION_LIST(struct conf_source, before, "before", 0, NULL,
                    "Commands that run before the job, without a shell, and stop it if they fail; "
                    "one with a comma in it stands in double quotes."),
    SME_OPTION_LIST(struct conf_source, after, "after", 0, NULL,
                    "Commands that run after the job, without a shell, whether it succeeded or "
                    "not."),
    SME_OPTION_LIST(struct conf_source, on_failure, "on_failure", 0, NULL,
                    "Commands that run when the job has failed, without a shell."),
    SME_OPTION_STRING(struct conf_source, user, "user", 0, NULL,
                      "User that the job becomes before its plugin is loaded."),
    SME_OPTION_LIST(struct conf_source, may_change, "may_change", 0, NULL,
                    "Patterns of files that may change while they are read, without a warning."),
};
const size_t conf_source_option_count = COUNT(conf_source_options);
